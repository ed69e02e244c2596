"""The model of the disk finds programs out that forget a sync, and has nothing against careful
ones. These write over FILE, of which whoever looks must find the old or the new content, whole."""

import os
import subprocess
import sys
import tempfile

import losing_power
import scenario

import disk
import disk_ways

OLD, NEW = b"old " * 3000, b"new! " * 3000

BEGIN = """
import os, sys
OLD, NEW = %r, %r
os.chdir(sys.argv[1])
def write(name, data, sync=True, flags=os.O_CREAT | os.O_EXCL):
    fd = os.open(name, os.O_WRONLY | flags, 0o600)
    os.write(fd, data)
    if sync:
        os.fsync(fd)
    os.close(fd)
def sync_folder(name="."):
    fd = os.open(name, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)
""" % (OLD, NEW)

CAREFUL = """
write("temp", NEW)
os.rename("temp", "FILE")
sync_folder()
"""


class Model(losing_power.LosingPower):
    def replay(self, program):
        """The model after |program|, in a folder with an old FILE."""
        folder = self.dir / "disk"
        folder.mkdir()
        (folder / "FILE").write_bytes(OLD)
        model = disk.Disk(folder)
        with tempfile.NamedTemporaryFile(prefix="adp-disk-") as log:
            library = os.environ["ADP_DISK_LIBRARY"]
            subprocess.run([sys.executable, "-B", "-c", BEGIN + program, folder], check=True,
                           env=os.environ | {"LD_PRELOAD": library, "DISK_LOG": log.name})
            model.replay(log.name)
        return model

    def contents(self, program, name=b"FILE"):
        """What FILE may be after a power loss at some point, and what when the program has ended;
        None if it is not there."""
        model = self.replay(program)
        while_running, after = set(), set()
        for point, _, tree in model.disks(disk_ways.ways(20)):
            content = tree[name].content if name in tree else None
            (after if point == len(model.events) else while_running).add(content)
        return while_running | after, after

    def test_careful(self):
        self.assertEqual(self.contents(CAREFUL), ({OLD, NEW}, {NEW}))

    def test_rename_without_sync_of_the_data(self):
        found, _ = self.contents(CAREFUL.replace("NEW)", "NEW, sync=False)"))
        self.assertIn(b"", found)
        self.assertIn(bytes(len(NEW)), found)
        self.assertIn(NEW[:len(NEW) // 2 // disk_ways.SECTOR * disk_ways.SECTOR], found)
        self.assertGreater(len(found), 10)
        self.assertNotIn(None, found)  # of the two names of a rename one is there

    def test_rename_without_sync_of_the_folder(self):
        self.assertEqual(self.contents(CAREFUL.replace("sync_folder()", "")),
                         ({OLD, NEW}, {OLD, NEW}))

    def test_synced_before_the_rename(self):
        program = CAREFUL.replace("os.rename", "sync_folder(); os.rename", 1)
        self.assertEqual(self.contents(program.rsplit("sync_folder()", 1)[0])[1], {OLD, NEW})

    def test_written_after_the_sync(self):
        _, after = self.contents(CAREFUL + 'write("FILE", b"more", sync=False, flags=0)')
        self.assertIn(b"more" + NEW[4:], after)
        self.assertIn(NEW, after)

    def test_overwritten_in_place(self):
        found, after = self.contents('write("FILE", NEW, flags=0)')
        self.assertEqual(after, {NEW})
        torn = found - {OLD, NEW}
        self.assertGreater(len(torn), 10)
        for content in torn:
            self.assertTrue(content.startswith((OLD[:disk_ways.SECTOR], NEW[:disk_ways.SECTOR])))

    def test_cut_and_written_again(self):
        found, after = self.contents('write("FILE", NEW, flags=os.O_TRUNC)')
        self.assertIn(b"", found)
        self.assertEqual(after, {NEW})

    def test_new_folder(self):
        program = 'os.mkdir("new"); write("new/FILE", NEW); sync_folder("new")'
        name = b"new/FILE"
        self.assertEqual(self.contents(program, name)[1], {NEW, None})

    def test_new_folder_that_is_synced_too(self):
        program = 'os.mkdir("new"); write("new/FILE", NEW); sync_folder("new"); sync_folder()'
        self.assertEqual(self.contents(program, b"new/FILE")[1], {NEW})

    def test_removed(self):
        self.assertEqual(self.contents('os.unlink("FILE")')[1], {OLD, None})

    def test_names_in_any_order(self):
        program = 'write("1", b"1"); write("2", b"2")'
        model = self.replay(program)
        there = {(b"1" in tree, b"2" in tree) for _, _, tree in model.disks(disk_ways.ways(20))}
        self.assertEqual(len(there), 4)

    def test_a_second_name(self):
        program = CAREFUL.replace("os.rename", 'os.unlink("FILE"); os.link')
        self.assertIn(None, self.contents(program)[0])

    # -- logs by hand

    def replay_entries(self, *entries):
        (self.dir / "FILE").write_bytes(OLD)
        model = disk.Disk(self.dir)
        inode = (self.dir / "FILE").stat().st_ino
        with tempfile.NamedTemporaryFile(prefix="adp-disk-") as log:
            for text, data in entries:
                log.write(b"%s %d 0\n" % (text.replace("FILE", str(inode)).encode(), len(data)))
                log.write(data)
            log.flush()
            model.replay(log.name)
        return model

    def test_a_sync_that_began_before_the_write_was_over(self):
        model = self.replay_entries(("write 1 FILE 0", NEW), ("fsync 2 FILE 0", b""),
                                    (f"done 1 {len(NEW)} 0", b""), ("done 2 0 0", b""))
        self.assertEqual(len(model.uncertain()), 1)

    def test_a_sync_that_failed(self):
        for result, uncertain in ((0, 0), (-1, 1)):
            model = self.replay_entries(("write 1 FILE 0", NEW), (f"done 1 {len(NEW)} 0", b""),
                                        ("fsync 2 FILE 0", b""), (f"done 2 {result} 0", b""))
            self.assertEqual(len(model.uncertain()), uncertain)

    def test_a_short_write(self):
        model = self.replay_entries(("write 1 FILE 0", NEW), ("done 1 3 0", b""))
        tree = model.tree(2, disk_ways.ways()[1])
        self.assertEqual(tree[b"FILE"].content, NEW[:3] + OLD[3:])

    def test_laid_out(self):
        """What the model says is what is made of the folder."""
        program = """
os.mkdir("folder"); write("folder/a", NEW); os.link("folder/a", "b"); os.symlink("b", "c")
os.chmod("b", 0o640); os.utime("folder", (1, 2)); os.setxattr("b", "user.x", b"y")
os.unlink("FILE")
"""
        model = self.replay(program)
        folder = self.dir / "disk"
        left = self.dir / "left"
        folder.rename(left)
        folder.mkdir()
        (folder / "FILE").write_bytes(OLD)
        model.lay_out(model.tree(len(model.events), disk_ways.ways()[1]))
        os.utime(folder, ns=(0, left.stat().st_mtime_ns))
        for name in ("folder/a", "c"):  # their times nobody has set
            os.utime(folder / name, ns=(0, (left / name).lstat().st_mtime_ns),
                     follow_symlinks=False)
        self.assert_same_tree(left, folder)


if __name__ == "__main__":
    scenario.main()
