"""What is sealed comes back, byte for byte, with all that belongs to it."""

import contextlib
import os
import socket
import struct

import scenario
from scenario import DONE, PARTIAL, noise, prose

# The extended attribute of an ACL, linux/posix_acl_xattr.h: version, then tag, permissions, id.
ACL_UNDEFINED_ID = 0xFFFFFFFF
ACL = struct.pack("<I", 2) + b"".join(
    struct.pack("<HHI", *entry)
    for entry in ((0x01, 6, ACL_UNDEFINED_ID), (0x02, 4, 12345), (0x04, 4, ACL_UNDEFINED_ID),
                  (0x10, 4, ACL_UNDEFINED_ID), (0x20, 0, ACL_UNDEFINED_ID)))


class Roundtrip(scenario.Scenario):
    def test_files_of_all_sizes(self):
        self.init()
        sizes = (0, 1, 4095, 4096, 4097, 65536, 1 << 20, (1 << 20) + 1, (4 << 20) - 1, 4 << 20,
                 (4 << 20) + 1, 9_999_999)
        for size in sizes:
            self.write(f"noise/{size}", noise(size, size))
            self.write(f"prose/{size}", prose(size))
        report = self.roundtrip()
        self.assertEqual(report["total"]["files"], 2 * len(sizes))
        self.assertEqual(report["total"]["bytes"], 2 * sum(sizes))
        # What compresses is stored smaller, what does not is hardly larger.
        self.assertLess(report["total"]["stored_bytes"], 1.3 * sum(sizes))

    def test_many_small_files_in_one_folder(self):
        self.init()
        contents = {f"{i:05}.txt": b"%d\n" % i * (i % 50) for i in range(1500)}
        for name, content in contents.items():
            self.write(name, content)
        self.assertEqual(self.seal()["total"]["files"], len(contents))
        opened = self.open() / "source"
        self.assertEqual({path.name: path.read_bytes() for path in opened.iterdir()}, contents)

    def test_everything_but_content(self):
        self.init()
        file = self.write("file", b"content")
        os.chmod(file, 0o640)
        os.utime(file, ns=(1_000_000_000_000_000_001, 1_234_567_890_123_456_789))
        self.write("suid", b"").chmod(0o4755)
        self.write("before-1970", b"")
        os.utime(self.source / "before-1970", ns=(0, -1_500_000_000))
        (self.source / "empty/in/empty").mkdir(parents=True)
        os.chmod(self.source / "empty/in", 0o1700)
        os.symlink("file", self.source / "link")
        os.symlink("/nowhere/at all", self.source / "dangling")
        os.mkfifo(self.source / "fifo", 0o600)
        os.link(file, self.source / "z-same")
        os.link(file, self.source / "empty/also")
        os.utime(self.source / "link", ns=(7, 1_111_111_111_222_222_222), follow_symlinks=False)
        os.utime(self.source / "empty", ns=(7, 999_999_999_000_000_001))
        self.roundtrip()

    def test_owner(self):
        if os.geteuid() != 0:
            self.skipTest("only root may give files away")
        self.init()
        os.chown(self.write("file", b"x"), 12345, 54321)
        (self.source / "folder").mkdir()
        os.chown(self.source / "folder", 1, 2)
        self.roundtrip()

    def test_attributes_and_acls(self):
        self.init()
        file = self.write("file", b"x")
        (self.source / "folder").mkdir()
        try:
            os.setxattr(file, "user.note", b"\x00binary\xff")
            os.setxattr(file, "user.empty", b"")
            os.setxattr(self.source / "folder", "user.large", noise(1000))
            os.setxattr(file, "system.posix_acl_access", ACL)
            os.setxattr(self.source / "folder", "system.posix_acl_default", ACL)
        except OSError as error:
            self.skipTest(f"this file system has none: {error}")
        self.roundtrip()

    def test_sparse_file(self):
        self.init()
        file = self.write("sparse", b"begin")
        with open(file, "r+b") as out:
            out.seek(50 << 20)
            out.write(noise(100_000))
            out.truncate(200 << 20)
        self.write("hole-only", b"")
        os.truncate(self.source / "hole-only", 10 << 20)
        if os.stat(file).st_blocks * 512 > 1 << 20:
            self.skipTest("this file system has no sparse files")
        report = self.roundtrip()
        self.assertLess(report["total"]["stored_bytes"], 1 << 20)
        for name in ("sparse", "hole-only"):
            taken = os.stat(self.dir / "opened/source" / name).st_blocks * 512
            self.assertLess(taken, 1 << 20)

    def test_names_that_are_not_text(self):
        self.init()
        self.source.mkdir()
        root = os.fsencode(self.source)
        for name in (b"caf\xe9", b"\xff\xfe", b"new\nline", b"\x1b[31m", b"-dash", b"sp ace", b"*",
                     b"n" * 255, "\u00e4\u00f6\U0001f512".encode()):
            with open(os.path.join(root, name), "wb") as out:
                out.write(name)
        self.roundtrip()
        entry = self.json("list", self.vault, "latest", b"source/caf\xe9")["entries"][0]
        self.assertEqual(entry["path"], "source/caf\ufffd")
        self.assertEqual(bytes.fromhex(entry["path_hex"]), b"source/caf\xe9")
        content = self.run_it("cat", self.vault, "latest", b"source/caf\xe9").stdout
        self.assertEqual(content, b"caf\xe9")

    def test_deep_folders(self):
        self.init()
        self.source.mkdir()
        names = ["d" * 100] * 60  # longer than PATH_MAX
        folder = descend(self.source, names, make=True)
        with open(os.open("leaf", os.O_WRONLY | os.O_CREAT, dir_fd=folder), "wb") as leaf:
            leaf.write(b"deep down")
        os.close(folder)
        self.seal()
        opened = self.open()
        path = "/".join(["source", *names, "leaf"])
        self.assertEqual(self.run_it("cat", self.vault, "latest", path).stdout, b"deep down")
        folder = descend(opened / "source", names)
        with open(os.open("leaf", os.O_RDONLY, dir_fd=folder), "rb") as leaf:
            self.assertEqual(leaf.read(), b"deep down")
        os.close(folder)

    def test_sockets_are_named_and_left_out(self):
        self.init()
        self.write("file", b"x")
        with socket_at(self.source / "socket"):
            report = self.seal(expect=(DONE, PARTIAL))
        self.assertEqual(report["skipped"], 1)
        self.assertEqual([event["kind"] for event in report["events"]], ["skipped"])
        self.assertTrue(report["events"][0]["path"].endswith("socket"))
        opened = self.open(expect=(DONE, PARTIAL))
        self.assertEqual(sorted(os.listdir(opened / "source")), ["file"])

    def test_several_sources(self):
        self.init()
        self.write("a", b"a")
        single = self.dir / "single.txt"
        single.write_bytes(b"alone")
        self.seal(self.source, single)
        opened = self.open()
        self.assertEqual(sorted(os.listdir(opened)), ["single.txt", "source"])
        self.assertEqual((opened / "single.txt").read_bytes(), b"alone")

    def test_an_empty_source(self):
        self.init()
        self.source.mkdir()
        self.roundtrip()

    def test_the_vault_is_left_out_of_itself(self):
        self.vault = self.source / "vault"
        self.source.mkdir()
        self.init()
        self.write("file", b"x")
        self.seal()
        self.seal()
        self.assertFalse([path for path in self.paths() if "keybag" in path or ".adps" in path])

    def test_back_ends_kernels_and_threads(self):
        """Whatever seals, whatever opens: the same comes out."""
        self.init()
        self.write("big", noise(20 << 20))
        self.write("text", prose(6 << 20))
        for i in range(300):
            self.write(f"small/{i}.jpg", noise(i * 10, i))
        sealed = []
        for how in scenario.IO:
            for kernel in scenario.KERNELS:
                for threads in ("1", "4"):
                    report = self.seal_with(how, kernel, threads)
                    if report is not None:
                        sealed.append((how, kernel, threads, report["snapshot"]))
        self.assertGreaterEqual(len(sealed), 2)
        for i, (how, kernel, threads, _) in enumerate(sealed):
            snapshot = sealed[-1 - i][3]
            with self.subTest(opened_with=(how, kernel, threads), sealed_with=sealed[-1 - i]):
                opened = self.open(f"opened-{i}", snapshot, "--io", how, "--threads", threads,
                                   env={"ADP_SEAL_KERNEL": kernel})
                self.assert_same_tree(self.source, opened / "source")

    def test_memory_budget(self):
        self.init()
        self.write("big", noise(30 << 20))
        self.roundtrip("--memory", "16M", "--threads", "4")

    def test_compression_level(self):
        self.init()
        self.write("text", prose(3 << 20))
        low = self.roundtrip()
        high = self.seal(self.source, "--level", "15")
        self.assertLessEqual(high["total"]["stored_bytes"], low["total"]["stored_bytes"])


@contextlib.contextmanager
def socket_at(path):
    """A socket of this name, while it lasts. The address is relative: it may not be long."""
    before = os.getcwd()
    with socket.socket(socket.AF_UNIX) as made:
        os.chdir(path.parent)
        try:
            made.bind(path.name)
        finally:
            os.chdir(before)
        yield


def descend(folder, names, make=False):
    """Goes down from |folder| name by name, however long the path gets; returns a descriptor."""
    current = os.open(folder, os.O_RDONLY)
    for name in names:
        if make:
            os.mkdir(name, dir_fd=current)
        below = os.open(name, os.O_RDONLY, dir_fd=current)
        os.close(current)
        current = below
    return current


if __name__ == "__main__":
    scenario.main()
