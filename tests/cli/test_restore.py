"""What open does to the folder that it restores to: never outside, never over, never half."""

import os
import shutil
import subprocess

import scenario
from scenario import DONE, FAILED, PARTIAL, noise


class Restore(scenario.Scenario):
    def setUp(self):
        super().setUp()
        self.init()
        self.write("folder/file.txt", b"from the vault")
        self.write("other.jpg", noise(10_000))
        self.seal()
        self.target = self.dir / "target"
        self.outside = self.dir / "outside"
        self.outside.mkdir()

    def restore(self, *options, expect=DONE):
        return self.json("open", self.vault, "latest", "--to", self.target, *options,
                         expect=expect)

    def test_an_existing_file_is_kept_and_named(self):
        self.restore()
        mine = self.target / "source/folder/file.txt"
        mine.write_bytes(b"changed since")
        answer = self.restore(expect=PARTIAL)
        self.assertEqual(mine.read_bytes(), b"changed since")
        self.assertGreaterEqual(answer["not_restored"], 2)
        named = [event["path"] for event in answer["events"] if event["kind"] == "not-restored"]
        self.assertTrue(any(path.endswith("folder/file.txt") for path in named), named)

    def test_what_is_not_there_is_restored_beside_what_is(self):
        self.restore()
        (self.target / "source/other.jpg").unlink()
        self.restore(expect=PARTIAL)
        self.assertEqual((self.target / "source/other.jpg").read_bytes(), noise(10_000))

    def test_overwrite(self):
        self.restore()
        (self.target / "source/folder/file.txt").write_bytes(b"changed since")
        self.restore("--overwrite")
        self.assert_same_tree(self.source, self.target / "source")

    def test_overwrite_leaves_what_the_snapshot_has_not(self):
        self.restore()
        (self.target / "source/mine").write_bytes(b"mine")
        self.restore("--overwrite")
        self.assertEqual((self.target / "source/mine").read_bytes(), b"mine")

    def test_a_folder_that_is_a_link_is_not_followed(self):
        for options in ((), ("--overwrite",)):
            (self.target / "source").mkdir(parents=True, exist_ok=True)
            os.symlink(self.outside, self.target / "source/folder")
            self.restore(*options, expect=(DONE, PARTIAL, FAILED))
            self.assertEqual(os.listdir(self.outside), [])
            (self.target / "source/folder").unlink(missing_ok=True)

    def test_the_first_component_as_a_link_is_not_followed(self):
        self.target.mkdir()
        os.symlink(self.outside, self.target / "source")
        self.restore(expect=(PARTIAL, FAILED))
        self.assertEqual(os.listdir(self.outside), [])

    def test_a_file_that_is_a_link_is_not_written_through(self):
        victim = self.outside / "victim"
        victim.write_bytes(b"precious")
        (self.target / "source/folder").mkdir(parents=True)
        planted = self.target / "source/folder/file.txt"
        os.symlink(victim, planted)
        self.restore(expect=PARTIAL)
        self.assertTrue(planted.is_symlink())
        self.restore("--overwrite")
        self.assertFalse(planted.is_symlink())
        self.assertEqual(planted.read_bytes(), b"from the vault")
        self.assertEqual(victim.read_bytes(), b"precious")

    def test_links_in_the_snapshot_are_not_followed_either(self):
        """A link, and in a later state a folder of the same name: opened one over the other."""
        os.symlink(self.outside, self.source / "escape")
        link = self.seal()["snapshot"]
        (self.source / "escape").unlink()
        self.write("escape/planted", b"x")
        self.seal()
        self.json("open", self.vault, link, "--to", self.target)
        self.restore("--overwrite", expect=(DONE, PARTIAL))
        self.assertEqual(os.listdir(self.outside), [])

    def test_the_target_itself_may_be_a_link(self):
        os.symlink(self.outside, self.target)
        self.restore()
        self.assertEqual(os.listdir(self.outside), ["source"])

    def test_a_file_where_a_folder_belongs(self):
        (self.target / "source").mkdir(parents=True)
        (self.target / "source/folder").write_bytes(b"mine")
        self.restore(expect=PARTIAL)
        self.assertEqual((self.target / "source/folder").read_bytes(), b"mine")
        self.assertTrue((self.target / "source/other.jpg").is_file())

    def test_what_is_no_folder_is_not_said_to_be_replaced(self):
        (self.target / "source").mkdir(parents=True)
        (self.target / "source/folder").write_bytes(b"mine")
        answer = self.restore("--overwrite", expect=PARTIAL)
        said = [event["message"] for event in answer.get("events", ())
                if event["path"].endswith("source/folder")]
        self.assertEqual(len(said), 1, answer["events"])
        self.assertNotIn("--overwrite", said[0])
        self.assertEqual((self.target / "source/folder").read_bytes(), b"mine")

    def test_read_only_folders_are_filled_twice(self):
        """By a user for whom modes matter."""
        self.write("none/file.txt", b"behind a folder without rights")
        self.seal()
        for name, mode in (("folder", 0o500), ("none", 0)):
            os.chmod(self.source / name, mode)
            self.addCleanup(os.chmod, self.source / name, 0o700)
        prefix = ()
        if os.geteuid() == 0:
            if not shutil.which("setpriv"):
                self.skipTest("root writes everywhere, and setpriv is not here")
            os.chmod(self.source, 0o755)
            self.seal()  # root reads what has no rights
            prefix = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
            for path in (self.dir, *self.dir.rglob("*")):
                if self.source not in (path, *path.parents):
                    os.lchown(path, 65534, 65534)
        else:
            os.chmod(self.source / "none", 0o500)
            self.seal()
        for options in ((), ("--overwrite",)):
            self.run_it("open", self.vault, "latest", "--to", self.target, *options, prefix=prefix)
            for name in ("folder", "none"):
                opened, sealed = self.target / "source" / name, self.source / name
                self.assertEqual(opened.stat().st_mode, sealed.stat().st_mode)
                self.addCleanup(os.chmod, opened, 0o700)
        if prefix:
            self.assertEqual((self.target / "source/none/file.txt").read_bytes(),
                             b"behind a folder without rights")

    def test_nothing_temporary_is_left(self):
        self.restore()
        names = sorted(str(path.relative_to(self.target)) for path in self.target.rglob("*"))
        self.assertEqual(names, ["source", "source/folder", "source/folder/file.txt",
                                 "source/other.jpg"])

    def test_a_folder_that_cannot_be_written(self):
        if os.geteuid() == 0:
            self.skipTest("root writes everywhere")
        self.target.mkdir(mode=0o500)
        self.restore(expect=(FAILED, PARTIAL))

    def test_read_only_folders_are_filled(self):
        os.chmod(self.source / "folder", 0o500)
        self.addCleanup(os.chmod, self.source / "folder", 0o700)
        self.seal()
        self.restore()
        self.addCleanup(os.chmod, self.target / "source/folder", 0o700)
        self.assert_same_tree(self.source, self.target / "source")


class IgnoringCase(scenario.Scenario):
    """Restoring to a file system to which Photo.jpg and photo.jpg are one name: NTFS, mounted so."""

    def setUp(self):
        super().setUp()
        tools = shutil.which("mkntfs") and shutil.which("lowntfs-3g")
        if os.geteuid() != 0 or not os.path.exists("/dev/fuse") or not tools:
            self.skipTest("needs root, /dev/fuse and ntfs-3g")
        image, self.disk = self.dir / "image", self.dir / "disk"
        self.disk.mkdir()
        image.touch()
        os.truncate(image, 64 << 20)
        subprocess.run(["mkntfs", "-q", "-F", image], check=True, capture_output=True)
        if subprocess.run(["lowntfs-3g", "-o", "ignore_case", image, self.disk],
                          capture_output=True).returncode != 0:
            self.skipTest("nothing can be mounted here")
        self.addCleanup(subprocess.run, ["umount", self.disk], check=True)
        self.init()

    def restore(self, *options, expect=PARTIAL):
        answer = self.json("open", self.vault, "latest", "--to", self.disk / "to", *options,
                           expect=expect)
        return {event["path"]: event["message"] for event in answer.get("events", ())
                if event["kind"] == "not-restored"}

    def check_one_of_each(self, names, lost):
        """Of two names one is told of; what has it now is the other's, whole."""
        for first, second in names:
            with self.case("restore", "names that differ in case alone", name=first):
                told = [name for name in (first, second) if f"source/{name}" in lost]
                self.assertEqual(len(told), 1, lost)
                kept = second if told == [first] else first
                self.assertIn("upper from lower case", lost[f"source/{told[0]}"])
                self.assertEqual((self.disk / "to/source" / kept).read_bytes(),
                                 (self.source / kept).read_bytes())
        self.assertEqual(len(lost), len(names))

    def test_neither_replaces_the_other(self):
        names = [("Photo.jpg", "photo.jpg"), ("a/notes.txt", "a/NOTES.txt"), ("Long.mov", "long.MOV")]
        for number, pair in enumerate(names):
            for name in pair:
                self.write(name, name.encode() + noise(6 << 20 if number == 2 else 1000))
        self.seal()
        self.check_one_of_each(names, self.restore())
        for path in (self.disk / "to/source").rglob("*.*"):
            path.write_bytes(b"older")
        self.check_one_of_each(names, self.restore("--overwrite"))
        shutil.rmtree(self.disk / "to")
        self.check_one_of_each(names, self.restore("--overwrite"))

    def test_folders_become_one(self):
        self.write("Trip/one.txt", b"1")
        self.write("trip/two.txt", b"2")
        self.seal()
        self.assertEqual(self.restore(expect=(DONE, PARTIAL)), {})
        self.assertEqual({path.name: path.read_bytes()
                          for path in (self.disk / "to/source/trip").iterdir()},
                         {"one.txt": b"1", "two.txt": b"2"})


if __name__ == "__main__":
    scenario.main()
