"""Parity: damage within the budget heals byte for byte, without any key; more is refused."""

import os
import random
import shutil
import struct

import scenario
from scenario import FAILED, INTEGRITY, USAGE, noise, prose

BLOCK = 4096
DIGESTS = 127  # in a block
PIECES = 64  # of a header


class Layout:
    """Where things are in an archive and its parity file: docs/FORMAT.md section 6.3."""

    def __init__(self, archive):
        self.archive, self.sidecar = archive, archive.with_suffix(".adpp")
        start = self.sidecar.read_bytes()[:BLOCK]
        assert start[:8] == b"ADPSPARI"
        (self.size, self.header, self.shard, self.groups, self.band, self.rows,
         self.parity) = struct.unpack_from("<QIIIIHH", start, 48)
        blocks = -(-(self.rows + self.parity) * self.band // DIGESTS)
        self.num_digests = self.groups // self.band * blocks
        self.first = 2 * BLOCK + self.header
        self.parity_start = self.first + self.num_digests * BLOCK
        self.parity_end = self.parity_start + self.parity * self.groups * self.shard
        self.second = self.parity_end
        self.tail = self.second + self.num_digests * BLOCK
        assert self.sidecar.stat().st_size == self.tail + self.header + 2 * BLOCK

    def shards(self, group):
        """Of a group: (file, offset, length) of each shard that is stored."""
        for row in range(self.rows):
            offset = self.header + (row * self.groups + group) * self.shard
            if offset < self.size:
                yield self.archive, offset, min(self.shard, self.size - offset)
        for row in range(self.parity):
            yield (self.sidecar, self.parity_start + (row * self.groups + group) * self.shard,
                   self.shard)

    def copies(self):
        """Pairs of places of which one may be lost, and triples of which two may."""
        yield (self.sidecar, 0, BLOCK), (self.sidecar, self.tail + self.header + BLOCK, BLOCK)
        yield ((self.sidecar, BLOCK + self.header, BLOCK),
               (self.sidecar, self.tail + self.header, BLOCK))
        for i in range(self.num_digests):
            yield ((self.sidecar, self.first + i * BLOCK, BLOCK),
                   (self.sidecar, self.second + i * BLOCK, BLOCK))
        piece = self.header // PIECES
        for i in range(PIECES):
            yield ((self.archive, i * piece, piece), (self.sidecar, BLOCK + i * piece, piece),
                   (self.sidecar, self.tail + i * piece, piece))


def damage(chance, path, offset, length):
    """Changes some bytes of an extent, or all of them."""
    with path.open("r+b") as file:
        file.seek(offset)
        content = bytearray(file.read(length))
        begin = chance.randrange(length)
        end = chance.choice((begin + 1, chance.randrange(begin, length) + 1))
        for i in range(begin, end):
            content[i] ^= chance.randrange(1, 256)
        file.seek(offset)
        file.write(content)


class Parity(scenario.Scenario):
    SIZES = {"a.jpg": 9 << 20, "b.txt": 20_000}
    PERCENT = "10%"
    LARGE = 1  # of the archives, in order of names

    def setUp(self):
        super().setUp()
        self.nobody = self.as_identity("nobody")
        self.init()
        for number, (name, size) in enumerate(self.SIZES.items()):
            self.write(name, prose(size) if name.endswith("txt") else noise(size, number))
        self.snapshot = self.seal(self.source, "--parity", self.PERCENT)["snapshot"]
        self.folder = self.vault / "archives" / self.snapshot
        self.remember()

    def remember(self):
        self.files = {path: path.read_bytes() for path in self.folder.iterdir()}
        self.layouts = [Layout(path) for path in sorted(self.folder.glob("*.adps"))]

    def restore(self):
        for path, content in self.files.items():
            if not path.exists() or path.read_bytes() != content:
                path.write_bytes(content)

    def damaged(self):
        return sorted(path.name for path, content in self.files.items()
                      if not path.exists() or path.read_bytes() != content)

    def repair(self, *args, **how):
        return self.json("repair", self.vault, *args, env=self.nobody, **how)

    def check_heals(self):
        """And byte for byte; returns the report."""
        answer = self.repair()
        self.assertEqual(self.damaged(), [])
        self.assertEqual(answer["failed"], 0)
        return answer

    def check_refused(self, *names):
        before = {path: path.read_bytes() for path in self.folder.iterdir()}
        answer = self.repair(expect=INTEGRITY)
        for name in names:
            self.assertIn(name, [os.path.basename(event["path"]) for event in answer["events"]])
        self.assertEqual([path.name for path, content in before.items()
                          if path.read_bytes() != content], [])
        self.assertEqual(set(self.folder.iterdir()), set(before))
        return answer

    # -- within the budget

    def test_nothing_to_do(self):
        answer = self.check_heals()
        self.assertEqual((answer["whole"], answer["healed"]), (2, 0))
        _, calls = self.traced("repair", self.vault, env=self.nobody)
        self.assertEqual(calls, [])
        self.run_it("scrub", self.vault, env=self.nobody)
        self.run_it("verify", self.vault)
        self.check_opens(self.snapshot)

    def test_scrub_finds_damage_of_parity(self):
        for layout in self.layouts:
            for offset in (0, 20, BLOCK + 7, BLOCK + layout.header + 9, layout.first + 50,
                           layout.parity_start, layout.parity_end - 1, layout.second + 50,
                           layout.tail + 30, -1, -BLOCK - 1):
                with self.case("damage", "of parity, told by scrub", path=layout.sidecar.name, offset=offset):
                    content = bytearray(self.files[layout.sidecar])
                    content[offset] ^= 2
                    layout.sidecar.write_bytes(content)
                    answer = self.json("scrub", self.vault, env=self.nobody, expect=INTEGRITY)
                    self.assertEqual([(finding["kind"], finding["path"], finding["hint"])
                                      for finding in answer["findings"]],
                                     [("damaged", str(layout.sidecar), "run adp-seal repair")])
                    if offset > 0 and offset % 2:
                        self.json("parity", "add", self.vault, "--parity", self.PERCENT)
                    self.check_heals()
        self.run_it("scrub", self.vault, env=self.nobody)

    def damage_within(self, chance, layout, share):
        """Up to the budget, everywhere at once."""
        for group in range(layout.groups):
            shards = list(layout.shards(group))
            num = min(layout.parity, len(shards))
            num = num if share == 1 else chance.randint(0, num)
            for place in chance.sample(shards, num):
                damage(chance, *place)
        for places in layout.copies():
            if chance.random() < share:
                for place in chance.sample(places, len(places) - 1):
                    damage(chance, *place)

    def test_random_patterns(self):
        """Of damage, up to the budget in body, header, parity and all the rest."""
        chance = random.Random(7)
        for number in range(60):
            with self.case("healing", "random patterns within the budget", number=number):
                for layout in self.layouts:
                    self.damage_within(chance, layout, chance.choice((0.1, 0.5, 1)))
                self.assertNotEqual(self.damaged(), [])
                self.check_heals()

    def burst(self, layout):
        """How many bytes in a row must heal, wherever."""
        return max(1, (layout.size - layout.header) * int(self.PERCENT.rstrip("%")) // 100)

    def test_a_burst_anywhere(self):
        chance = random.Random(8)
        for number in range(60):
            layout = self.layouts[number % len(self.layouts)]
            path = (layout.archive, layout.sidecar)[number // 2 % 2]
            size = path.stat().st_size
            length = self.burst(layout)
            at = chance.choice((0, size - length, chance.randint(0, size - length)))
            with self.case("healing", "a burst anywhere", path=path.name, at=at, length=length):
                with path.open("r+b") as file:
                    file.seek(at)
                    file.write(bytes(length) if number % 3 else os.urandom(length))
                self.check_heals()

    def test_cut_and_extended(self):
        for layout in self.layouts:
            burst = self.burst(layout)
            for path in (layout.archive, layout.sidecar):
                size = path.stat().st_size
                for length in (size - 1, size - burst, size + 1, size + 5000):
                    with self.case("healing", "cut or extended", path=path.name, length=length):
                        os.truncate(path, length)
                        self.check_heals()

    def test_headers(self):
        """In place and one copy gone altogether; then each of the three in places of its own."""
        for layout in self.layouts:
            places = [(layout.archive, 0), (layout.sidecar, BLOCK), (layout.sidecar, layout.tail)]
            for spared in range(3):
                for i, (path, offset) in enumerate(places):
                    if i != spared:
                        damage(random.Random(i), path, offset, layout.header)
                        with path.open("r+b") as file:
                            file.seek(offset)
                            file.write(bytes(layout.header))
                with self.case("healing", "headers", spared=spared):
                    self.check_heals()
            piece = layout.header // PIECES
            for i, (path, offset) in enumerate(places):
                damage(random.Random(i), path, offset + piece * i, piece)
            self.check_heals()

    # -- beyond it

    def test_beyond_the_budget(self):
        """Nothing is changed then, not even what would heal by itself."""
        chance = random.Random(9)
        for number in range(40):
            layout = self.layouts[0] if number % 2 else self.layouts[-1]
            shards = list(layout.shards(chance.randrange(layout.groups)))
            if len(shards) <= layout.parity:
                continue
            with self.case("healing", "beyond the budget, refused", number=number):
                self.damage_within(chance, layout, 0.5)
                chosen = chance.sample(shards, layout.parity + 1)
                for place in chosen:
                    damage(chance, *place)
                if any(path == layout.archive for path, *_ in chosen):
                    self.check_refused(layout.archive.name)
                self.restore()
        damaged = self.layouts[self.LARGE]
        for place in list(damaged.shards(0))[:damaged.parity + 1]:
            damage(chance, *place)
        damage(chance, *next(iter(self.layouts[1 - self.LARGE].shards(0))))
        self.assertEqual(self.repair(expect=INTEGRITY)["healed"], 1)
        self.assertEqual(self.damaged(), [damaged.archive.name])

    def test_metadata_lost_twice(self):
        for layout in self.layouts:
            for places in list(layout.copies())[:5]:
                with self.case("healing", "what parity says of itself", places=places):
                    for place in places:
                        damage(random.Random(1), *place)
                    if places[0][1] == BLOCK + layout.header:  # guards are made anew
                        self.check_heals()
                    elif places[0][0] == layout.sidecar:
                        self.check_refused(layout.sidecar.name)
                    else:
                        self.check_refused(layout.archive.name)
                    self.restore()

    def test_another_archives_parity(self):
        other = self.seal(self.source, "--parity", "5%")["snapshot"]
        photos = self.folder / "photos.adpp"
        shutil.copy(self.vault / "archives" / other / "photos.adpp", photos)
        self.check_refused(photos.name)
        photos.unlink()
        self.assertEqual(self.repair()["without_parity"], 1)

    def test_forged_parity(self):
        """Parity finds damage. Who changes bytes and makes it anew is found by what was signed."""
        layout = self.layouts[-1]
        content = bytearray(layout.archive.read_bytes())
        content[layout.header + 5] ^= 1
        layout.archive.write_bytes(content)
        self.run_it("scrub", self.vault, env=self.nobody, expect=INTEGRITY)
        answer = self.json("parity", "add", self.vault, "--parity", "5%", env=self.nobody,
                           expect=INTEGRITY)
        self.assertEqual((answer["made"], answer["failed"]), (1, 1))
        self.check_heals_of(layout)

    def check_heals_of(self, layout):
        self.repair()
        self.assertEqual(layout.archive.read_bytes(), self.files[layout.archive])

    # -- adding, rewrapping, deciding

    def test_added_later(self):
        plain = self.seal()["snapshot"]
        folder = self.vault / "archives" / plain
        self.assertEqual(list(folder.glob("*.adpp")), [])
        self.assertEqual(self.repair(plain)["without_parity"], 2)
        answer = self.json("parity", "add", self.vault, plain, "--parity=10%", env=self.nobody)
        self.assertEqual((answer["archives"], answer["made"]), (2, 2))
        self.folder = folder
        self.remember()
        chance = random.Random(3)
        for layout in self.layouts:
            self.damage_within(chance, layout, 1)
        self.check_heals()
        for wrong in ("0%", "101%", "x", "5%%", ""):
            self.run_it("parity", "add", self.vault, "--parity", wrong, expect=USAGE)
        self.run_it("parity", "add", self.vault, expect=USAGE)
        self.run_it("repair", self.vault, "20000101T000000Z-00000000", expect=FAILED)

    def test_adding_again_is_the_same(self):
        self.json("parity", "add", self.vault, "--parity", self.PERCENT, env=self.nobody)
        self.assertEqual(self.damaged(), [])

    def test_after_a_rewrap(self):
        """No old slot is left in the parity file, and the new header heals."""
        old = [layout.archive.read_bytes()[:layout.header] for layout in self.layouts]
        self.run_it("rotate", self.vault)
        self.run_it("rewrap", self.vault)
        self.remember()
        for layout, header in zip(self.layouts, old):
            slot = header[144:144 + 88]
            self.assertNotIn(slot, self.files[layout.sidecar])
            self.assertEqual(self.files[layout.sidecar].count(
                self.files[layout.archive][:layout.header]), 2)
        self.assertEqual(self.check_heals()["whole"], 2)
        self.test_headers()
        self.check_opens(self.snapshot)

    def test_the_size_is_what_was_asked_for(self):
        layout = max(self.layouts, key=lambda layout: layout.size)
        share = layout.sidecar.stat().st_size / layout.size
        self.assertLess(share, 0.25)
        self.assertGreater(share, 0.10)

    def test_an_archive_that_is_gone(self):
        """Is one of which everything is damaged."""
        archive = self.layouts[self.LARGE].archive
        archive.unlink()
        answer = self.repair(expect=INTEGRITY)
        self.assertFalse(archive.exists())
        self.assertEqual(answer["whole"], 1)
        archive.write_bytes(self.files[archive])
        self.json("parity", "add", self.vault, "--parity", "100%", env=self.nobody)
        archive.unlink()
        self.repair()
        self.assertEqual(archive.read_bytes(), self.files[archive])


class Small(Parity):
    """Archives of a shard or two, and of some hundred."""
    SIZES = {"a.jpg": 500, "b.bin": 300_000}
    PERCENT = "7%"
    LARGE = 0

    def test_the_size_is_what_was_asked_for(self):
        pass


class Interrupted(scenario.Scenario):
    def setUp(self):
        super().setUp()
        self.init()
        self.write("a.jpg", noise(20_000))
        self.snapshot = self.seal(self.source, "--parity", "20%")["snapshot"]
        folder = self.vault / "archives" / self.snapshot
        self.files = {path: path.read_bytes() for path in folder.iterdir()}
        self.layout = Layout(folder / "photos.adps")

    def check_after(self, call, path):
        self.json("repair", self.vault)
        self.assertEqual({path: path.read_bytes() for path in self.files}, self.files)

    def test_repair_killed_at_each_call(self):
        chance = random.Random(5)
        for group in range(self.layout.groups):
            shards = list(self.layout.shards(group))
            for place in chance.sample(shards, min(self.layout.parity, len(shards))):
                damage(chance, *place)
        for places in self.layout.copies():
            for place in chance.sample(places, len(places) - 1):
                damage(chance, *place)
        self.kill_at_each_call(self.check_after, "repair", self.vault)
        self.assertEqual({path: path.read_bytes() for path in self.files}, self.files)

    def test_order(self):
        """The header's copies are needed until the one in place, and its name, are on the disk."""
        for path, offset in ((self.layout.archive, 100), (self.layout.sidecar, BLOCK + 100)):
            damage(random.Random(1), path, offset, 1)
        _, calls = self.traced("repair", self.vault)
        self.assertEqual([(call, os.path.splitext(path)[1]) for call, path in calls],
                         [("pwrite", ".adps"), ("fsync", ".adps"), ("fsync", ""),
                          ("pwrite", ".adpp"), ("fsync", ".adpp")])

    def check_whole(self, call, path):
        self.json("parity", "add", self.vault, "--parity", "20%")
        self.assertEqual({path: path.read_bytes() for path in self.files}, self.files)

    def test_adding_killed_at_each_call(self):
        self.layout.sidecar.unlink()
        self.kill_at_each_call(self.check_whole, "parity", "add", self.vault, "--parity", "20%",
                               "--io=threads")

    def check_rewrapped(self, call, path):
        self.check_opens(self.snapshot)
        self.run_it("rewrap", self.vault)
        self.assertEqual(self.json("repair", self.vault)["whole"], 1)
        self.assertNotIn(self.files[self.layout.archive][144:232],
                         self.layout.sidecar.read_bytes())

    def test_rewrap_killed_at_each_call(self):
        self.run_it("rotate", self.vault)
        self.kill_at_each_call(self.check_rewrapped, "rewrap", self.vault)


if __name__ == "__main__":
    scenario.main()
