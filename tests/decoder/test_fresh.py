"""A tree sealed by adp-seal comes out of the decoder as it went in."""

import os
import random
import sys
import tempfile
import unittest
from pathlib import Path

from support import has_xattrs, need_modules, need_tool, run_tool, tree

need_modules()
need_tool()
# pylint: disable=wrong-import-position
from adps import Vault
from record import snapshot_ids

MIB = 1 << 20


def make_tree(root):
    """Something of every type and category, and every way to store content."""
    noise = random.Random(7)
    root.mkdir()
    for folder in ("many", "empty", "deep/er/est"):
        (root / folder).mkdir(parents=True)
    for number in range(300):
        (root / "many" / f"{number:03}.txt").write_bytes(b"line %d\n" % number * (number % 40))
    files = {"film.mov": noise.randbytes(9 * MIB + 5), "log.txt": b"the same again\n" * 400_000,
             "photo.jpg": b"\xff\xd8\xff" + noise.randbytes(300_000), "mail.eml": b"From: a\n",
             "card.vcf": b"BEGIN:VCARD\n", "day.ics": b"BEGIN:VCALENDAR\n", "nothing": b"",
             "deep/er/est/one": b"1", "exactly.bin": noise.randbytes(4 * MIB)}
    for name, content in files.items():
        (root / name).write_bytes(content)
    (Path(os.fsdecode(os.fsencode(root) + b"/caf\xe9.txt"))).write_bytes(b"latin")
    with open(root / "sparse", "wb") as file:
        file.seek(2 * MIB)
        file.write(b"island")
        file.truncate(8 * MIB)
    (root / "link").symlink_to("../nowhere")
    os.link(root / "photo.jpg", root / "photo again.jpg")
    os.mkfifo(root / "pipe")
    if has_xattrs(root):
        os.setxattr(root / "photo.jpg", "user.title", b"\0\xff")
        os.setxattr(root / "empty", "user.colour", b"red")
    (root / "deep").chmod(0o2750)
    (root / "nothing").chmod(0o400)
    os.utime(root / "log.txt", ns=(0, -1_500_000_001))
    os.utime(root / "empty", ns=(0, 1_234_567_890_123_456_789))
    os.utime(root / "link", ns=(0, 1_000_000_001), follow_symlinks=False)


class Fresh(unittest.TestCase):
    """The tool writes, the decoder reads."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()  # pylint: disable=consider-using-with
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.vault, self.identity = self.folder / "vault", self.folder / "identity"

    def tool(self, *arguments):
        done = run_tool(*arguments, identity=self.identity)
        self.assertEqual(done.returncode, 0, done.stderr.decode(errors="replace"))

    def test_seal_and_extract(self):
        source, target = self.folder / "source", self.folder / "out"
        make_tree(source)
        self.tool("init", self.vault, "--device", "test")
        self.tool("seal", self.vault, source)
        reader = Vault(self.vault, self.identity)
        reader.verify("latest")
        reader.extract("latest", target)
        self.assertEqual(sorted(p.name for p in target.iterdir()), ["source"])
        before, after = tree(source), tree(target / "source")
        self.assertEqual(set(before), set(after))
        for path, seen in before.items():
            with self.subTest(path):
                self.assertEqual(after[path], seen)
        self.assertLess((target / "source/sparse").stat().st_blocks * 512, 4 * MIB)

    def test_empty_source_twice(self):
        source = self.folder / "source"
        source.mkdir()
        self.tool("init", self.vault, "--device", "test")
        self.tool("seal", self.vault, source)
        self.tool("seal", self.vault, source)
        reader = Vault(self.vault, self.identity)
        self.assertEqual(len(snapshot_ids(self.vault)), 2)
        for snapshot in snapshot_ids(self.vault):
            reader.verify(snapshot)


if __name__ == "__main__":
    sys.exit(unittest.main())
