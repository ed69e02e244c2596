"""Vaults that break no rule of a single structure, or that are as large as the rules allow.

They are sealed with valid keys by somebody who means harm: the tool neither crashes, nor takes
memory without bound, nor restores what was not meant. What they do to the disk: test_hostile_restore.
"""

import os
import subprocess
import sys
import unittest

from support import need_modules

need_modules()
# pylint: disable=wrong-import-position
import encoder
from hostile import (DONE, FAILED, IN_PART, INTEGRITY, MIB, TIMEOUT_S, TOOL, HostileCase, folder,
                     long_file, one_byte)
from index import DIRECTORY, FIFO, FILE, HARDLINK, RAW, Extent
from mutation import Mutation
from primitives import xxh3_128
from sample import entry
from writing import varint, vbytes


class Hostile(HostileCase):
    """Each case seals the frames it is about in place of the sample's."""

    def test_below_a_file_of_continuations(self):
        """A path below a file: it is no folder, and its continuations belong to nothing."""
        self.encode(long_file(b"long", 4100), content=b"x" * 4100)
        _, errors, _ = self.open("long/below", expect=FAILED)
        self.assertIn("no such path", errors)
        self.open("long")
        self.assertEqual((self.opened / "long").read_bytes(), b"x" * 4100)

    def test_memory_of_a_file_of_many_frames(self):
        num = 150_000
        file = long_file(b"f/long", num)
        frames = [[part] for part in file]
        frames[0] = folder(file[0])
        self.encode(*frames, content=b"x" * num)
        for command in (lambda: self.run_tool("verify"), self.open):
            _, _, peak = command()
            self.assertLess(peak, 350)

    def test_memory_of_large_attributes(self):
        """Half a megabyte each, half a gigabyte together."""
        xattrs = [(b"user.%d" % n, bytes(65000)) for n in range(8)]
        frames = [[entry(FIFO, b"f/%05d" % n, xattrs=xattrs)] for n in range(1000)]
        frames[0][:0] = folder()
        self.encode(*frames)
        _, _, peak = self.run_tool("verify")
        self.assertLess(peak, 350)

    def test_memory_of_folders_with_large_attributes(self):
        """They wait for the end of a restore, when nothing writes to their folders any more."""
        xattrs = [(b"user.%d" % n, bytes(65000)) for n in range(8)]
        frames = [[entry(DIRECTORY, b"f/%05d" % n, 0o755, xattrs=xattrs)] for n in range(200)]
        frames[0][:0] = folder()
        self.encode(*frames)
        with self.case("memory"):
            _, errors, peak = self.open(expect=IN_PART)
            self.assertLess(peak, 350)
            self.assertIn("f/00199", errors)

    def deep(self, num, kind, **fields):
        """Entries whose paths are as long as paths may be, below 255 folders."""
        path = b"f"
        entries = folder()
        for _ in range(254):
            path += b"/" + b"z" * 255
            entries.append(entry(DIRECTORY, path, 0o755))
        entries += [entry(kind, path + b"/%05d" % n, 0o755, **fields) for n in range(num)]
        return [entries[at:at + 16] for at in range(0, 256, 16)] + [
            entries[at:at + 5000] for at in range(256, len(entries), 5000)]

    def test_memory_of_folders_with_long_paths(self):
        self.encode(*self.deep(1500, DIRECTORY))
        with self.case("memory"):
            _, errors, peak = self.open(expect=IN_PART)
            self.assertLess(peak, 350)
            self.assertIn("/01499", errors)

    def test_memory_of_names_of_what_is_lost(self):
        """Each of them is told by open; verify names as many as are of use."""
        bad = one_byte(0)
        bad.digest = bytes(16)
        self.encode(*self.deep(1500, FILE, size=1, extents=[bad]), content=b"x")
        with self.case("memory"):
            _, errors, peak = self.run_tool("verify", expect=INTEGRITY)
            self.assertLess(peak, 350)
            self.assertIn("/00000", errors)
            self.assertIn("entries more", errors)

    def test_memory_of_a_directory_of_many_frames(self):
        """Each takes more memory than bytes."""
        num = 6 << 20

        class Many(encoder.Encoder):
            """Frames of one byte, which lie in content that nothing else names."""
            def hook(self, stage, value):
                if stage == "directory":
                    return varint(1) + varint(num) + (varint(1) * 3 + vbytes(b"a")) * num
                return (value[0] + bytes(num), value[1]) if stage == "assembled" else value
        Many(self.out, "1").build()
        with self.case("memory"):
            _, errors, peak = self.run_tool("verify", expect=INTEGRITY)
            self.assertLess(peak, 350)
            self.assertIn("directory is malformed", errors)

    def test_hard_links_to_no_file(self):
        """To a link, a folder, or nothing: neither read nor restored, and nobody is told it was."""
        for target in (b"f/link", b"f/folder", b"f/gone"):
            with self.subTest(target):
                self.out = self.out.with_name(target.decode().replace("/", "-"))
                self.encode(folder(
                    entry(FILE, b"f/file", size=1, extents=[one_byte(0)]),
                    entry(DIRECTORY, b"f/folder", 0o755),
                    entry(HARDLINK, b"f/link", target=b"f/file"),
                    entry(HARDLINK, b"f/zlink", target=target)), content=b"x")
                for name in ("open", "cat"):
                    to = ("--to", self.opened) if name == "open" else ()
                    output, errors, _ = self.run_tool(name, "f/zlink", *to, expect=INTEGRITY)
                    self.assertEqual(output, b"")
                    self.assertIn("photos.adps", errors)
                    self.assertIn("no file", errors)
                self.assertFalse((self.opened / "f/zlink").exists())
                output, _, _ = self.run_tool("cat", "f/link")
                self.assertEqual(output, b"x")

    def test_each_category_without_a_key_is_named(self):
        def take_away(bag):
            for number in (encoder.PHOTOS, encoder.NOTES):
                for epoch in bag.categories[number]:
                    del epoch.wraps[1]
        encoder.Encoder(self.out, "1", Mutation("keybag", take_away, DONE)).build()
        done = subprocess.run([TOOL, "list", self.out / "vault", encoder.FIRST], check=False,
                              env={**os.environ, "ADP_SEAL_IDENTITY": str(self.out / "identity")},
                              capture_output=True, timeout=TIMEOUT_S)
        self.assertEqual(done.returncode, IN_PART, done.stderr)
        self.assertIn(b"note 24.txt", done.stdout)
        self.assertIn(b"photos", done.stderr)
        self.assertIn(b"notes", done.stderr)

    def test_several_links_without_their_file(self):
        self.encode(folder(
            *long_file(b"f/a", 5000),
            entry(DIRECTORY, b"f/links", 0o755),
            entry(HARDLINK, b"f/links/1", target=b"f/a"),
            entry(HARDLINK, b"f/links/2", target=b"f/a")), content=b"x" * 5000)
        self.open("f/links")
        for name in ("1", "2"):
            self.assertEqual((self.opened / "f/links" / name).read_bytes(), b"x" * 5000)
        self.assertFalse((self.opened / "f/a").exists())

    def test_overlapping_frames(self):
        """Frames that begin within others and reach past them, in segments of 4096."""
        content = os.urandom(5 * MIB)

        def raw(offset, length, start=0, num=None):
            num = length - start if num is None else num
            piece = content[offset + start:offset + start + num]
            return Extent(0, num, 0, RAW, offset, length, length, start, xxh3_128(piece)), piece

        parts = [raw(at, 4 * MIB) for at in range(0, MIB, 100_003)]
        parts += [raw(at, 1 + at % 70_000, at % 7) for at in range(7, 4 * MIB, 40_009)]
        parts += [raw(MIB, 4 * MIB, start, 10) for start in range(0, 4 * MIB - 10, 90_001)]
        size = sum(len(piece) for _, piece in parts)
        self.encode(folder(entry(FILE, b"f/file", size=size,
                                 extents=[extent for extent, _ in parts])), content=content)
        for threads in ("1", "4"):
            self.open("--threads", threads, "--memory", "16M", "--overwrite")
            self.assertEqual((self.opened / "f/file").read_bytes(),
                             b"".join(piece for _, piece in parts))

    def test_as_large_as_a_file_may_be(self):
        """No file system takes it: named, not left half, the rest is restored."""
        self.encode(folder(
            entry(FILE, b"f/huge", size=(1 << 63) - 1, extents=[one_byte(0)]),
            entry(FILE, b"f/late", size=(1 << 63) - 1, extents=[
                Extent((1 << 63) - 2, 1, 0, RAW, 0, 1, 1, 0, xxh3_128(b"x"))]),
            entry(FILE, b"f/small", size=1, extents=[one_byte(0)])), content=b"x")
        self.run_tool("verify")
        self.open(expect=IN_PART)
        names = sorted(path.name for path in (self.opened / "f").iterdir())
        self.assertIn("small", names)
        self.assertFalse([name for name in names if name.startswith(".")])


if __name__ == "__main__":
    sys.exit(unittest.main())
