"""A tree sealed by adp-seal comes out of the decoder as it went in."""

import os
import random
import shutil
import struct
import sys
import unittest
from pathlib import Path

from support import Temporary, flipped, has_xattrs, need_modules, need_tool, run_tool, tree

need_modules()
need_tool()
# pylint: disable=wrong-import-position
from adps import Vault
from archive import Header, archive_path
from chain import Generations
from identity import parse_request
from primitives import FormatError, NoKey
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


class Fresh(Temporary):
    """The tool writes, the decoder reads."""

    def setUp(self):
        super().setUp()
        self.vault, self.identity = self.folder / "vault", self.folder / "identity"

    def tool(self, *arguments):
        done = run_tool(*arguments, identity=self.identity)
        self.assertEqual(done.returncode, 0, done.stderr.decode(errors="replace"))

    def test_seal_and_extract(self):
        source, target = self.folder / "source", self.folder / "out"
        make_tree(source)
        self.tool("init", self.vault, "--device", "test")
        self.tool("seal", self.vault, source)
        reader = Vault.open(self.vault, self.identity)
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
        reader = Vault.open(self.vault, self.identity)
        self.assertEqual(len(snapshot_ids(self.vault)), 2)
        for snapshot in snapshot_ids(self.vault):
            reader.verify(snapshot)

    def seal(self, *options):
        """Seals a film of several segments and a word; the snapshot's id."""
        source = self.folder / "source"
        if not source.is_dir():
            source.mkdir()
            (source / "film.mov").write_bytes(random.Random(9).randbytes(700_000))
            (source / "word.txt").write_bytes(b"word")
            self.tool("init", self.vault, "--device", "test")
        before = set(snapshot_ids(self.vault)) if (self.vault / "snapshots").is_dir() else set()
        self.tool("seal", self.vault, source, *options)
        return (set(snapshot_ids(self.vault)) - before).pop()

    def test_rewrapped(self):
        """Archives whose slots are of another epoch than they were sealed under."""
        snapshot = self.seal()
        before = Vault.open(self.vault, self.identity)
        self.tool("rotate", self.vault)
        self.tool("rewrap", self.vault)
        Vault.open(self.vault, self.identity).verify(snapshot)
        with self.assertRaises(NoKey):  # the keys of before open nothing
            before.verify(snapshot)
        before.check(snapshot)

    def test_parity_is_passed_over(self):
        snapshot = self.seal("--parity=5%")
        self.assertEqual(len(list((self.vault / "archives" / snapshot).glob("*.adpp"))), 2)
        Vault.open(self.vault, self.identity).verify(snapshot)

    def stranger(self):
        """Reads the vault with an identity that it does not know."""
        stranger = self.folder / "stranger"
        done = run_tool("device", "request", "--name", "stranger", identity=stranger)
        self.assertEqual(done.returncode, 0, done.stderr.decode(errors="replace"))
        return Vault.open(self.vault, stranger)

    def test_attested_or_not(self):
        for options, attested in (((), True), (("--attest=on",), True), (("--attest=off",), False)):
            snapshot = self.seal(*options)
            with self.subTest(options):
                record = (self.vault / "snapshots" / f"{snapshot}.adpr").read_bytes()
                self.assertEqual(struct.unpack_from("<I", record, 16)[0], attested)
                names = {path.name for path in (self.vault / "archives" / snapshot).iterdir()}
                self.assertEqual(names - {"drive.adps", "photos.adps"},
                                 {"attestation.adpt"} if attested else set())
                reader = Vault.open(self.vault, self.identity)
                self.assertEqual(reader.record(snapshot).is_attested, attested)
                reader.verify(snapshot)

    def test_a_changed_byte_shows_without_a_key(self):
        snapshot, reader, noise = self.seal(), self.stranger(), random.Random(11)
        with self.assertRaises(NoKey):
            reader.verify(snapshot)
        segments = 0
        for named in reader.record(snapshot).archives:
            path = archive_path(self.vault, snapshot, named)
            data = path.read_bytes()
            header = Header(data, path)
            for number, begin in enumerate(range(header.length, len(data), header.segment_len)):
                end = min(begin + header.segment_len, len(data))
                offsets = {begin, begin + 4, end - 1, *(noise.randrange(begin, end)
                                                       for _ in range(40))}
                self.check_each(reader, snapshot, path, offsets,
                                f"{path}, offset {begin}: segment {number} ")
                segments += 1
            self.check_each(reader, snapshot, path, range(0, header.length, 7), str(path))
        self.assertGreaterEqual(segments, 4)
        path = path.with_name("attestation.adpt")
        self.check_each(reader, snapshot, path, range(path.stat().st_size), str(path))
        reader.check(snapshot)

    def check_each(self, reader, snapshot, path, offsets, begin):
        """Each of the bytes, if it is another, is found by an error that begins with `begin`."""
        for offset in offsets:
            with flipped(path, offset), self.assertRaises(FormatError) as caught:
                reader.check(snapshot)
            self.assertTrue(str(caught.exception).startswith(begin), caught.exception)

    def test_removed_device(self):
        """Who has seen the vault before follows; the keys of the removed are gone."""
        snapshot, seen, tablet = self.seal(), self.folder / "seen", self.folder / "tablet"
        shutil.copy(self.identity, seen)
        request = run_tool("device", "request", "--name", "tablet", identity=tablet).stdout
        (self.folder / "request").write_bytes(request)
        self.assertEqual(parse_request(request.decode())[2], "tablet")
        self.tool("device", "add", self.vault, self.folder / "request")
        admitted = Vault.open(self.vault, tablet)
        admitted.verify(snapshot)
        self.tool("device", "remove", self.vault, "tablet")
        for identity in (seen, self.identity):
            Vault.open(self.vault, identity).verify(snapshot)
        self.gone(admitted.identity)
        name = f"{2:016x}.adpk"
        self.assertEqual((self.vault / "keybag" / name).read_bytes(),
                         (self.vault / "snapshots" / name).read_bytes())
        for folder, other in (("keybag", "snapshots"), ("snapshots", "keybag")):
            (self.vault / folder / name).unlink()
            Vault.open(self.vault, seen).verify(snapshot)
            shutil.copy(self.vault / other / name, self.vault / folder / name)

    def gone(self, identity):
        """No generation has a wrap of a removed recipient."""
        generations = Generations(self.vault)
        self.assertEqual((len(generations.files), generations.newest), (3, 3))
        for number in generations.files:
            bag = generations.load(number)
            self.assertEqual(bag.is_whole(), number != 2)
            for index, recipient in enumerate(bag.recipients):
                if recipient.recipient_id() != identity.recipient_id():
                    continue
                wraps = [epoch.wraps[index].data for epochs in bag.categories.values()
                         for epoch in epochs if index in epoch.wraps]
                self.assertEqual(len(wraps), 26 if number == 2 else 0)
                self.assertEqual(set(wraps) - {None}, set())
                self.assertIsNone(recipient.account_wrap and recipient.account_wrap.data)


if __name__ == "__main__":
    sys.exit(unittest.main())
