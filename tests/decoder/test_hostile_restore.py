"""Attacks on the disk that is restored to, by who sealed, and by who else may write there.

Beside the target lie canaries: whatever is opened, they stay as they are.
"""

import ctypes
import os
import shutil
import signal
import stat
import subprocess
import sys
import unittest
from pathlib import Path

from support import need_modules

need_modules()
# pylint: disable=wrong-import-position
import encoder
from hostile import DONE, IN_PART, INTEGRITY, TOOL, HostileCase, folder, one_byte
from index import DIRECTORY, FIFO, FILE, HARDLINK, SYMLINK, Entry
from mutation import Mutation
from mutations import MUTATIONS
from sample import entry

SOAK = os.environ.get("ADP_SOAK") == "1"
RENAME_EXCHANGE = 2
NOBODY = 65534
OUT = b"../outside"
ESCAPES = b"\x1b]0;owned\x07\n", "\u202egpj.exe".encode(), "\u009b31m".encode()

PATHS = [name for name in MUTATIONS if name.startswith(
    ("path-", "entry-out", "entry-in", "duplicate-", "missing-", "parent-", "hardlink-", "symlink-"))]


def snapshot(path):
    """All that an attack could change of a tree: names, contents, and what stat tells."""
    seen = {}
    for each in [path, *sorted(path.rglob("*"))]:
        info = os.lstat(each)
        seen[each] = (info.st_mode, info.st_nlink, info.st_uid, info.st_gid, info.st_size,
                      info.st_mtime_ns, info.st_ctime_ns, tuple(os.listxattr(each)),
                      each.read_bytes() if stat.S_ISREG(info.st_mode) else None)
    return seen


def exchange_for_ever(pairs):
    """Exchanges two names of each pair, again and again, in a process of its own; its number."""
    libc = ctypes.CDLL(None, use_errno=True)
    child = os.fork()
    if child:
        return child
    while True:
        for one, other in pairs:
            libc.renameat2(-100, os.fsencode(one), -100, os.fsencode(other), RENAME_EXCHANGE)


class Restore(HostileCase):
    def setUp(self):
        super().setUp()
        self.outside = self.opened.parent / "outside"
        self.outside.mkdir()
        (self.outside / "canary").write_bytes(b"precious")
        (self.outside / "folder").mkdir(mode=0o750)
        self.before = snapshot(self.outside)

    def check_outside(self):
        self.assertEqual(snapshot(self.outside), self.before)
        names = {path.name for path in self.opened.parent.iterdir()}
        self.assertLessEqual(names, {"outside", "made", "opened"})

    def again(self):
        """Forgets what was sealed and opened."""
        for path in (self.out, self.opened):
            shutil.rmtree(path, ignore_errors=True)

    def open_everything(self, expect, *arguments, prefix=()):
        """Opens all categories; what it said."""
        done = subprocess.run(
            [*prefix, TOOL, "open", self.out / "vault", encoder.FIRST, "--to", self.opened,
             *arguments], capture_output=True, check=False, timeout=300,
            env={**os.environ, "ADP_SEAL_IDENTITY": str(self.out / "identity")})
        said = done.stderr.decode(errors="replace")
        self.assertIn(done.returncode, expect, said)
        self.assertNotIn("Sanitizer", said)
        return said

    # ---- what is sealed

    def test_what_breaks_a_rule_of_paths(self):
        """Absolute, "..", twice, out of order, without their folder, links to what is not there."""
        for name in PATHS:
            if MUTATIONS[name].exit_code != INTEGRITY:
                continue
            with self.subTest(name), self.case("paths and links that break a rule, opened"):
                self.again()
                encoder.Encoder(self.out, "1", MUTATIONS[name]).build()
                for more in ((), ("--keep-going", "--overwrite")):
                    self.open_everything((INTEGRITY,), *more)
                    self.check_outside()

    def test_links_in_one_category_and_folders_in_another(self):
        """Names that differ in nothing, as they do where a file system knows no case."""
        def change(plan):
            plan.frames = [[entry(SYMLINK, b"library", 0o777, target=self.target)]]
            plan.contents.clear()
        for target in (OUT, str(self.outside).encode(), b"../outside/folder", b"..", b"."):
            self.target = target
            for more in ((), ("--overwrite",)):
                with self.subTest(target, more=more), self.case("a link in a folder's place"):
                    self.again()
                    encoder.Encoder(self.out, "1", Mutation("plan", change, DONE)).build()
                    for _ in range(2):
                        self.open_everything((IN_PART,), *more)
                        self.check_outside()
                    self.assertEqual(os.readlink(self.opened / "library"), target.decode())

    def test_hard_links_to_what_is_not_a_file_of_the_archive(self):
        """A symbolic link out of the target; what another category or an earlier restore has."""
        other = b"library/note %d.txt" % encoder.NOTES
        for target in (b"library/a", other, b"library/mine"):
            with self.subTest(target), self.case("hard links to other things"):
                self.again()
                self.encode([entry(DIRECTORY, b"library", 0o755),
                             entry(SYMLINK, b"library/a", 0o777, target=OUT + b"/canary"),
                             entry(HARDLINK, b"library/zz", target=target)])
                (self.opened / "library").mkdir(parents=True)
                (self.opened / "library/mine").write_bytes(b"mine")
                for more in (("--category", "notes"), (), ("--overwrite",)):
                    code = DONE if more and more[0] == "--category" else INTEGRITY
                    self.open_everything((code, IN_PART) if code == DONE else (code,), *more)
                self.check_outside()
                self.assertFalse(os.path.lexists(self.opened / "library/zz"))
                self.assertEqual((self.opened / "library/mine").stat().st_nlink, 1)

    def modes(self):
        return folder(*(entry(FILE, b"f/%05o" % mode, mode, size=1, extents=[one_byte(0)],
                              uid=NOBODY if mode & 1 else 0, gid=NOBODY if mode & 1 else 0)
                        for mode in (0, 0o1755, 0o2755, 0o4755, 0o6754, 0o7777)))

    def test_modes_that_lend_rights(self):
        """Only together with the owner whose rights they lend; never to who opens."""
        self.encode(self.modes(), content=b"x")
        self.open_everything((DONE, IN_PART), "--category", "photos")
        for path in (self.opened / "f").iterdir():
            with self.subTest(path.name), self.case("setuid, setgid and sticky bits"):
                mode, info = int(path.name, 8), path.stat()
                owner = NOBODY if mode & 1 else 0
                if os.geteuid() == owner or os.geteuid() == 0:
                    self.assertEqual((stat.S_IMODE(info.st_mode), info.st_uid), (mode, owner))
                else:
                    self.assertEqual(stat.S_IMODE(info.st_mode), mode & ~0o6000)

    def test_modes_that_lend_rights_as_somebody_else(self):
        if os.geteuid() != 0 or not shutil.which("setpriv"):
            self.skipTest("neither root nor setpriv")
        self.encode(self.modes(), content=b"x")
        for path in (self.opened.parent, *self.out.rglob("*"), self.out):
            os.lchown(path, 1000, 1000)
        said = self.open_everything((IN_PART,), "--category", "photos", prefix=(
            "setpriv", "--reuid=1000", "--regid=1000", "--clear-groups"))
        for path in (self.opened / "f").iterdir():
            with self.subTest(path.name), self.case("setuid, setgid and sticky bits"):
                mode, info = int(path.name, 8), path.stat()
                self.assertEqual(info.st_uid, 1000)
                self.assertEqual(stat.S_IMODE(info.st_mode), mode & ~0o6000)
                if mode & 0o6000:
                    self.assertIn(f"f/{path.name}", said)

    def test_a_path_longer_than_a_call_takes(self):
        """65,535 bytes, of 256 components: restored, sealed again, and verified."""
        encoder.Encoder(self.out, "1", MUTATIONS["ok-path-of-65535"]).build()
        with self.case("a path of 65,535 bytes, restored and sealed"):
            self.open_everything((DONE, IN_PART), "--category", "photos")
            at = os.open(self.opened, os.O_RDONLY)
            for name in [b"library"] + [b"z" * 255] * 255:
                below = os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=at)
                os.close(at)
                at = below
            last = os.listdir(at)
            os.close(at)
            self.assertEqual([len(name) for name in last], [65535 - 7 - 255 * 256 - 1])
            env = {**os.environ, "ADP_SEAL_IDENTITY": str(self.opened.parent / "own")}
            own = self.opened.parent / "own-vault"
            for words in (("init", own, "--device", "x"), ("seal", own, self.opened / "library"),
                          ("verify", own)):
                done = subprocess.run([TOOL, *map(str, words)], env=env, capture_output=True,
                                      check=False, timeout=300)
                self.assertIn(done.returncode, (DONE, IN_PART), done.stderr)
            done = subprocess.run([TOOL, "list", str(own), "latest"], env=env, capture_output=True,
                                  check=True, timeout=300)
            # The source's name comes before; the deepest entry is beyond what a path may be.
            self.assertIn(b"/".join([b"library"] + [b"z" * 255] * 255), done.stdout)

    def test_names_that_a_terminal_would_obey(self):
        """In what open and verify say of entries, and of damage to them."""
        names = [b"f/" + name for name in ESCAPES]
        bad = one_byte(0)
        bad.digest = bytes(16)
        self.encode(folder(*sorted((entry(FILE, name, size=1, extents=[bad]) for name in names),
                                   key=lambda e: e.path)), content=b"x")
        for command, more in (("verify", ()), ("open", ("--keep-going", "--to", self.opened))):
            with self.subTest(command), self.case("names in errors that a terminal would obey"):
                _, errors, _ = self.run_tool(command, *more, expect=INTEGRITY)
                for name in ESCAPES:
                    self.assertNotIn(name.decode(), errors)
                self.assertIn(r"\x1b]0;owned\x07\x0a", errors)
                self.assertIn("gpj.exe", errors)

    # ---- who else writes to the target

    def test_folders_exchanged_for_links_while_it_runs(self):
        num, rounds = 30, 60 if SOAK else 6
        entries = [entry(DIRECTORY, b"f", 0o755)]
        for n in range(num):
            where = b"f/%03d" % n
            entries += [entry(DIRECTORY, where, 0o700 + n % 8, xattrs=[(b"user.adp", b"1")]),
                        *(entry(FILE, where + b"/%02d" % k, size=1, extents=[one_byte(0)])
                          for k in range(20)),
                        entry(FIFO, where + b"/pipe", 0o666),
                        entry(SYMLINK, where + b"/q", 0o777, target=b"canary"),
                        entry(HARDLINK, where + b"/r", target=where + b"/00")]
        self.encode(entries, content=b"x")
        self.open_everything((DONE, IN_PART), "--category", "photos")
        pairs = []
        for n in range(num):
            link = self.opened / f".link{n}"
            link.symlink_to(self.outside if n % 2 else self.outside / "folder")
            pairs.append((self.opened / f"f/{n:03}", link))
        pairs.append((self.opened / "f", self.opened / ".f"))
        (self.opened / ".f").symlink_to(self.outside)
        for count in range(rounds):
            with self.subTest(count), self.case("folders exchanged for links during restore"):
                child = exchange_for_ever(pairs)
                try:
                    for more in ("--threads=1", "--threads=4"):
                        self.open_everything(range(6), "--category", "photos", "--overwrite", more)
                finally:
                    os.kill(child, signal.SIGKILL)
                    os.waitpid(child, 0)
                self.check_outside()

    def test_files_exchanged_for_links_while_it_runs(self):
        num, rounds = 40, 60 if SOAK else 6
        self.encode(folder(*(entry(FILE, b"f/%03d" % n, 0o604, size=1, extents=[one_byte(0)])
                             if n % 4 else entry(FIFO, b"f/%03d" % n, 0o604)
                             for n in range(num))), content=b"x")
        self.open_everything((DONE, IN_PART), "--category", "photos")
        pairs = []
        for n in range(num):
            link = self.opened / f".link{n}"
            link.symlink_to(self.outside / "canary")
            pairs.append((self.opened / f"f/{n:03}", link))
        for count in range(rounds):
            with self.subTest(count), self.case("files exchanged for links during restore"):
                child = exchange_for_ever(pairs)
                try:
                    self.open_everything(range(6), "--category", "photos", "--overwrite")
                    self.open_everything(range(6), "--category", "photos")
                finally:
                    os.kill(child, signal.SIGKILL)
                    os.waitpid(child, 0)
                self.check_outside()


class Devices(HostileCase):
    """What is no file, folder, link or FIFO: named in the snapshot, and never made."""

    def test_devices_and_sockets(self):
        import socket  # pylint: disable=import-outside-toplevel
        source, own = self.opened.parent / "source", self.opened.parent / "vault"
        source.mkdir()
        os.mkfifo(source / "pipe", 0o600)
        server = socket.socket(socket.AF_UNIX)
        self.addCleanup(server.close)
        server.bind(str(source / "socket"))
        kinds = {"socket"}
        if os.geteuid() == 0:
            try:
                os.mknod(source / "char", stat.S_IFCHR | 0o666, os.makedev(1, 3))
                os.mknod(source / "block", stat.S_IFBLK | 0o666, os.makedev(7, 0))
                kinds |= {"char", "block"}
            except OSError:
                pass
        env = {**os.environ, "ADP_SEAL_IDENTITY": str(self.opened.parent / "own")}

        def run(*words, prefix=()):
            done = subprocess.run([*prefix, TOOL, *map(str, words)], env=env, capture_output=True,
                                  check=False, timeout=300)
            self.assertIn(done.returncode, (DONE, IN_PART), done.stderr)
            return done.stdout.decode() + done.stderr.decode()
        run("init", own, "--device", "x")
        said = run("seal", own, source)
        listed = run("list", own, "latest")
        run("open", own, "latest", "--to", self.opened)
        for name in sorted(kinds):
            with self.subTest(name), self.case("devices and sockets"):
                self.assertIn(f"source/{name}", said)
                self.assertIn(f"source/{name}", listed)
                self.assertFalse(os.path.lexists(self.opened / "source" / name))
        with self.case("a FIFO"):
            self.assertTrue(stat.S_ISFIFO(os.lstat(self.opened / "source/pipe").st_mode))


if __name__ == "__main__":
    sys.exit(unittest.main())
