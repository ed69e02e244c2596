"""scrub: without any key, everything that is not what was sealed is found, named and told apart."""

import hashlib
import os
import shutil
import subprocess
import sys

import protection
import scenario
from scenario import COMMAND, FAILED, INTEGRITY, PARTIAL, noise, prose

BLOCK = 4096
SEGMENT = 256 << 10
ATTESTED_HEADER = 138  # bytes of the header that are attested
START, PART = 64, 48  # of an attestation, and of an archive's part in it
MEMORY_LIMIT = 140 << 20  # buffers of 64 MiB by default, and what a process takes


def flip(path, *offsets):
    """Changes one bit at each; a negative offset counts from the end."""
    content = bytearray(path.read_bytes())
    for offset in offsets:
        content[offset] ^= 0x10
    path.write_bytes(content)


class Scrub(scenario.Scenario):
    def setUp(self):
        super().setUp()
        self.nobody = self.as_identity("nobody")
        self.init()
        self.write("a.jpg", noise(5 * SEGMENT + 1000))
        self.write("b.txt", prose(20_000))
        self.snapshot = self.seal()["snapshot"]
        self.folder = self.vault / "archives" / self.snapshot
        self.photos, self.drive = self.folder / "photos.adps", self.folder / "drive.adps"
        self.attestation = self.folder / "attestation.adpt"
        self.record = self.vault / "snapshots" / (self.snapshot + ".adpr")

    def scrub(self, *args, env=None, **how):
        return self.json("scrub", self.vault, *args, env=env or self.nobody, **how)

    def findings(self, *args, expect=INTEGRITY, **how):
        """(kind, file below the vault, offset, length) of each, sorted; surplus is no failure."""
        return sorted((finding["kind"], os.path.relpath(finding["path"], self.vault),
                       finding.get("offset"), finding.get("length"))
                      for finding in self.scrub(*args, expect=expect, **how)["findings"])

    def name(self, path):
        return str(path.relative_to(self.vault))

    def restored(self, path):
        """Runs the body of a loop on a file that is as it was sealed."""
        content = path.read_bytes()
        self.addCleanup(lambda: path.parent.exists() and path.write_bytes(content))
        return content

    def segment(self, number, count=1, size=None):
        """The extent of |count| segments of the photos."""
        size = size or self.photos.stat().st_size
        offset = BLOCK + number * SEGMENT
        return offset, min(offset + count * SEGMENT, size) - offset

    # -- nothing wrong

    def check_clean(self, env):
        answer = self.scrub(env=env)
        self.assertEqual(answer["findings"], [])
        self.assertEqual((answer["snapshots"], answer["archives"], answer["attested"]), (1, 2, 2))
        size = self.photos.stat().st_size + self.drive.stat().st_size
        self.assertEqual(answer["read_bytes"], size)

    def test_nothing_wrong(self):
        box = self.admit("box", "--sealer")
        for env in (None, self.nobody, box, {"ADP_SEAL_IDENTITY": str(self.identity)}):
            self.check_clean(env)
        self.assertIn("attested: 2", self.text("scrub", self.vault, env=self.nobody))
        for how in scenario.IO:
            if self.json("scrub", self.vault, "--io", how, expect=(0, FAILED))["exit_code"] == 0:
                self.findings("--io", how, expect=0)
        self.findings("latest", expect=0)
        self.findings("20000101T000000Z-00000000", expect=FAILED)

    def test_it_needs_no_secret_and_writes_nothing(self):
        _, calls = self.traced("scrub", self.vault, env=self.nobody)
        self.assertEqual(calls, [])

    # -- archives

    def test_one_bit_anywhere_in_an_archive(self):
        original = self.restored(self.photos)
        size, slots = len(original), (ATTESTED_HEADER, BLOCK - ATTESTED_HEADER)
        last = (size - BLOCK - 1) // SEGMENT
        places = {0: (0, BLOCK), 8: (0, BLOCK), 12: (0, BLOCK), 14: (0, BLOCK), 40: (0, BLOCK),
                  70: (0, BLOCK), 137: (0, BLOCK), 138: slots, 160: slots, 3000: slots,
                  4095: slots, size - 1: self.segment(last)}
        for number in range(last + 1):
            offset, length = self.segment(number)
            places |= {at: (offset, length) for at in (offset, offset + length // 2,
                                                       offset + length - 1)}
        for at, (offset, length) in places.items():
            with self.case("damage", "of a byte, told by scrub", at=at):
                self.photos.write_bytes(original)
                flip(self.photos, at)
                self.assertEqual(self.findings(),
                                 [("damaged", self.name(self.photos), offset, length)])
                self.assertEqual(self.findings("latest"), self.findings())

    def test_runs_are_one_extent(self):
        flip(self.photos, *(BLOCK + i * SEGMENT + 9 for i in (0, 2, 3, 4)))
        name = self.name(self.photos)
        self.assertEqual(self.findings(), [("damaged", name, *self.segment(0)),
                                           ("damaged", name, *self.segment(2, 3))])
        errors = self.errors("scrub", self.vault, env=self.nobody, expect=INTEGRITY)
        self.assertIn(f"(offset {BLOCK + 2 * SEGMENT})", errors)
        self.assertIn("by the disk or by somebody without keys", errors)

    def test_cut_and_extended(self):
        original = self.restored(self.photos)
        size, name = len(original), self.name(self.photos)
        header = ("damaged", name, 0, BLOCK)
        for length, at in {size - 1: (size - BLOCK) // SEGMENT, BLOCK + 3 * SEGMENT: 3,
                           BLOCK + 3 * SEGMENT + 1: 3, BLOCK: 0}.items():
            with self.case("damage", "cut or extended, told by scrub", length=length):
                self.photos.write_bytes(original[:length])
                offset = BLOCK + at * SEGMENT
                self.assertEqual(self.findings(), [("damaged", name, offset, size - offset)])
        for length in (0, 100, 140, BLOCK - 1):
            with self.case("damage", "cut or extended, told by scrub", length=length):
                self.photos.write_bytes(original[:length])
                self.assertEqual(self.findings()[-1], ("damaged", name, BLOCK, size - BLOCK))
                self.assertEqual(self.findings()[0][:2], header[:2])
        for more in (1, 5000, SEGMENT):
            self.photos.write_bytes(original + bytes(more))
            self.assertEqual(self.findings(), [("damaged", name, size, more)])

    def test_exchanged(self):
        """By another snapshot's, another category's, another vault's."""
        original, name = self.restored(self.photos), self.name(self.photos)
        other = self.vault / "archives" / self.seal()["snapshot"] / "photos.adps"
        env = self.as_identity("other")
        self.run_it("init", self.dir / "other-vault", "--device", "x", env=env)
        elsewhere = self.json("seal", self.dir / "other-vault", self.source, env=env)["snapshot"]
        foreign = self.dir / "other-vault/archives" / elsewhere / "photos.adps"
        for path in (other, self.drive, foreign):
            with self.case("damage", "archives exchanged, told by scrub", path=path):
                shutil.copy(path, self.photos)
                self.assertEqual(self.findings(), [("exchanged", name, None, None)])
        # The header alone, and the body alone.
        self.photos.write_bytes(other.read_bytes()[:BLOCK] + original[BLOCK:])
        self.assertEqual(self.findings(), [("exchanged", name, 0, BLOCK)])
        # The other's index may compress to some bytes less or more, which is a finding of its own.
        body = other.read_bytes()[BLOCK:len(original)].ljust(len(original) - BLOCK, b"x")
        self.photos.write_bytes(original[:BLOCK] + body)
        self.assertEqual(self.findings(), [("damaged", name, BLOCK, len(original) - BLOCK)])

    def forge_header(self, offset):
        """A header that was changed by somebody who then made its checksum anew."""
        block = bytearray(self.photos.read_bytes()[:BLOCK])
        block[offset] ^= 1
        block[-32:] = hashlib.sha256(block[:-32]).digest()
        self.photos.write_bytes(block + self.photos.read_bytes()[BLOCK:])

    def test_a_forged_header(self):
        original = self.restored(self.photos)
        for offset in (0, 20, 40, 48, 52, 70, 80, 137):
            with self.case("damage", "headers forged, told by scrub", offset=offset):
                self.photos.write_bytes(original)
                self.forge_header(offset)
                self.assertEqual(self.findings(), [("exchanged", self.name(self.photos), 0, BLOCK)])

    def test_missing_and_surplus(self):
        for name in ("notes.adps", "what"):
            (self.folder / name).write_bytes(b"x")
        (self.folder / ".photos.adps.0123.tmp").write_bytes(b"x")
        (self.vault / "archives/20200101T000000Z-00000000").mkdir()
        self.assertEqual(self.findings(expect=0), [
            ("surplus", "archives/20200101T000000Z-00000000", None, None),
            ("surplus", self.name(self.folder / "notes.adps"), None, None),
            ("surplus", self.name(self.folder / "what"), None, None)])
        self.drive.unlink()
        self.assertIn(("missing", self.name(self.drive), None, None), self.findings())
        shutil.rmtree(self.folder)
        kinds = [finding[0] for finding in self.findings()]
        self.assertEqual(sorted(kinds), ["missing"] * 3 + ["surplus", "untold"])

    def test_a_header_beside(self):
        """What an interrupted rewrap leaves: of no account, or what mends the one in place."""
        beside = self.photos.with_suffix(".adph")
        beside.write_bytes(self.photos.read_bytes()[:BLOCK])
        surplus = ("surplus", self.name(beside), None, None)
        self.assertEqual(self.findings(expect=0), [surplus])
        flip(self.photos, 200)
        damaged = ("damaged", self.name(self.photos), ATTESTED_HEADER, BLOCK - ATTESTED_HEADER)
        self.assertEqual(self.findings(), [damaged, surplus])
        self.assertIn("run adp-seal rewrap", self.errors("scrub", self.vault, expect=INTEGRITY))
        flip(beside, 200)
        self.assertEqual(self.findings(), sorted([damaged, surplus, (
            "damaged", self.name(beside), None, None)]))

    def test_after_a_rewrap(self):
        self.run_it("rotate", self.vault)
        self.run_it("rewrap", self.vault)
        self.assertEqual(self.findings(expect=0), [])

    # -- the attestation

    def test_one_bit_anywhere_in_the_attestation(self):
        original, name = self.restored(self.attestation), self.name(self.attestation)
        second = len(original) - PART - 32 * (self.segments(self.photos))
        first_part = ("damaged", name, START, second - START)
        second_part = ("damaged", name, second, len(original) - second)
        untold = ("untold", self.name(self.folder), None, None)
        places = {0: [("damaged", name, 0, START)], 12: [("damaged", name, 0, START)],
                  20: [("damaged", name, 0, START)], 40: [("damaged", name, 0, START)],
                  START + 20: [first_part, untold], second - 1: [first_part, untold],
                  second + 16: [second_part, untold], len(original) - 1: [second_part, untold],
                  second: [second_part, untold], second + 4: [second_part, untold],
                  START: [("damaged", name, START, len(original) - START), untold]}
        for at, expected in places.items():
            with self.case("damage", "of a byte, told by scrub", at=at):
                self.attestation.write_bytes(original)
                flip(self.attestation, at)
                self.assertEqual(self.findings(), expected)
        for content, extent in ((original[:-1], (second, len(original) - 1 - second)),
                                (original + b"x", (len(original), 1)), (b"", (None, None))):
            self.attestation.write_bytes(content)
            self.assertEqual(self.findings()[0], ("damaged", name, *extent))

    def segments(self, path):
        return -(-(path.stat().st_size - BLOCK) // SEGMENT)

    def test_another_attestation(self):
        other = self.vault / "archives" / self.seal()["snapshot"] / "attestation.adpt"
        shutil.copy(other, self.attestation)
        untold = ("untold", self.name(self.folder), None, None)
        self.assertEqual(self.findings(), [
            ("exchanged", self.name(self.attestation), None, None), untold])
        self.attestation.unlink()
        self.assertEqual(self.findings(), [
            ("missing", self.name(self.attestation), None, None), untold])

    def test_archive_and_attestation_exchanged_together(self):
        """Somebody without keys changes bytes and makes the digests anew: the record tells."""
        archive, attested = bytearray(self.photos.read_bytes()), self.attestation.read_bytes()
        archive[BLOCK + 2 * SEGMENT + 100] ^= 1
        digests = b"".join(hashlib.sha256(archive[at:at + SEGMENT]).digest()
                           for at in range(BLOCK, len(archive), SEGMENT))
        self.photos.write_bytes(archive)
        self.attestation.write_bytes(attested[:-len(digests)] + digests)
        self.assertEqual(self.findings(), [
            ("exchanged", self.name(self.photos), None, None),
            ("untold", self.name(self.folder), None, None)])

    def test_without_attestation(self):
        snapshot = self.seal("--attest=off", self.source)["snapshot"]
        photos = self.vault / "archives" / snapshot / "photos.adps"
        original, name = self.restored(photos), self.name(photos)
        untold = ("untold", self.name(photos.parent), None, None)
        self.assertEqual(self.findings(expect=PARTIAL), [untold])
        self.assertIn("cannot be told", self.errors("scrub", self.vault, expect=PARTIAL))
        body = ("damaged", name, BLOCK, len(original) - BLOCK)
        for at, expected in {100: [("damaged", name, 0, BLOCK)], 200: [("damaged", name, 0, BLOCK)],
                             BLOCK + SEGMENT - 1: [body], len(original) - 16: [body]}.items():
            with self.case("damage", "of a byte, told by scrub", at=at):
                photos.write_bytes(original)
                flip(photos, at)
                self.assertEqual(self.findings(), [*expected, untold])
        photos.write_bytes(original[:-1])
        self.assertEqual(self.findings()[0][:2], ("damaged", name))
        shutil.copy(self.photos, photos)
        self.assertEqual(self.findings(), [("exchanged", name, None, None), untold])
        photos.write_bytes(original)
        flip(photos, BLOCK + 100)  # what only an attestation tells
        self.assertEqual(self.findings(expect=PARTIAL), [untold])

    # -- records and keybag

    def test_records(self):
        original, name = self.restored(self.record), self.name(self.record)
        for at in (0, 12, 20, 30, 60, 90, 110, len(original) // 2, -1):
            with self.case("damage", "of a byte, told by scrub", at=at):
                self.record.write_bytes(original)
                flip(self.record, at)
                self.assertEqual(self.findings(), [("damaged", name, None, None)])
        self.record.write_bytes(original)
        flip(self.record, 8)  # a version that may come
        self.assertEqual(self.findings(expect=FAILED), [("untold", name, None, None)])
        self.record.write_bytes(original)
        shutil.copy(self.vault / "snapshots" / (self.seal()["snapshot"] + ".adpr"), self.record)
        self.assertEqual(self.findings(), [("exchanged", name, None, None)])
        env = self.as_identity("other")
        self.run_it("init", self.dir / "other-vault", "--device", "x", env=env)
        foreign = self.json("seal", self.dir / "other-vault", self.source, env=env)["snapshot"]
        shutil.copy(self.dir / "other-vault/snapshots" / (foreign + ".adpr"), self.record)
        self.assertEqual(self.findings(), [("exchanged", name, None, None)])
        self.record.unlink()
        self.assertEqual(self.findings(expect=0),
                         [("surplus", self.name(self.folder), None, None)])

    def test_the_keybag(self):
        self.run_it("rotate", self.vault, "photos")
        copies = [self.vault / folder / f"{number:016x}.adpk"
                  for number in (1, 2) for folder in ("keybag", "snapshots")]
        for path in copies:
            original = path.read_bytes()
            with self.case("damage", "of a byte, told by scrub", path=path):
                flip(path, len(original) // 2)
                self.assertEqual(self.findings(), [("damaged", "keybag", None, None)])
                path.unlink()
                self.assertEqual(self.findings(), [("missing", "keybag", None, None)])
                path.write_bytes(original)
        for path in copies[2:]:
            flip(path, 100)
        self.assertEqual(self.scrub(expect=INTEGRITY)["error"]["path"], str(copies[2]))

    def test_whose_vault(self):
        """Without an identity the fingerprint alone says so; with one its pins do."""
        self.run_it("scrub", self.vault, "--account", self.account(), env=self.nobody)
        self.run_it("scrub", self.vault, "--account", "0" * 64, env=self.nobody, expect=INTEGRITY)
        env = self.as_identity("other")
        self.run_it("init", self.dir / "other-vault", "--device", "x", env=env)
        self.assertEqual(self.scrub(env=env)["findings"], [])
        self.run_it("scrub", self.dir / "nothing", env=self.nobody, expect=FAILED)

    # -- size

    def test_memory_is_bounded(self):
        large = self.source / "large.mov"
        with large.open("wb") as file:
            for i in range(12):
                file.write(noise(32 << 20, i))
        self.seal()
        code = ("import resource, subprocess, sys\n"
                "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)\n"
                "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")
        done = subprocess.run([sys.executable, "-c", code, COMMAND, "scrub", self.vault],
                              env=self.env | self.nobody, capture_output=True, check=True)
        if "asan" not in COMMAND:
            self.assertLess(int(done.stdout) << 10, MEMORY_LIMIT)
        answer = self.scrub("--memory", "16M", "--threads", "1")
        self.assertGreater(answer["read_bytes"], 384 << 20)
        self.assertEqual(answer["findings"], [])


class Many(protection.Protection):
    def test_a_thousand_small_archives(self):
        while len(list(self.vault.glob("archives/*/*.adps"))) < 1000:
            self.seal(self.source, "--policy", self.dir / "policy")
        archives = sorted(self.vault.glob("archives/*/*.adps"))
        bad = archives[::97]
        for path in bad:
            flip(path, -20)
        answer = self.json("scrub", self.vault, env=self.as_identity("nobody"), expect=INTEGRITY)
        self.assertEqual(answer["archives"], len(archives))
        self.assertEqual(sorted(finding["path"] for finding in answer["findings"]),
                         sorted(map(str, bad)))
        self.assertLess(answer["seconds"], 60)


if __name__ == "__main__":
    scenario.main()
