"""Damage and tampering: refused, named, and nothing of it believed."""

import shutil

import scenario
from damage import flip
from scenario import FAILED, INTEGRITY, NO_KEY, PARTIAL, noise, prose


class Damage(scenario.Scenario):
    def setUp(self):
        super().setUp()
        self.init()
        self.write("a.jpg", noise(5 << 20))
        self.write("b.jpg", noise(70_000, 2))
        self.write("c.txt", prose(200_000))
        self.snapshot = self.seal()["snapshot"]
        self.photos = self.vault / "archives" / self.snapshot / "photos.adps"
        self.record = self.vault / "snapshots" / (self.snapshot + ".adpr")

    def check_refused(self, name, expect=INTEGRITY):
        """Neither verify nor open takes the archive of the photos; the error names it."""
        for command in (("verify", self.vault), ("verify", self.vault, self.snapshot),
                        ("open", self.vault, "latest", "--to", self.dir / name)):
            errors = self.errors(*command, expect=expect)
            self.assertIn("photos.adps", errors)
        # What was restored nevertheless is what was sealed.
        for path in (self.dir / name).rglob("*"):
            if path.is_file():
                original = self.source / path.relative_to(self.dir / name / "source")
                self.assertEqual(path.read_bytes(), original.read_bytes())

    def test_one_bit_anywhere_in_an_archive(self):
        size = self.photos.stat().st_size
        original = self.photos.read_bytes()
        places = {"magic": 0, "fixed part": 40, "FLOE header": 70, "slot": 160,
                  "padding": 3000, "checksum": 4095, "first segment": 4096 + 100,
                  "middle": size // 2, "index": size - 200, "last byte": size - 1}
        for name, offset in places.items():
            with self.subTest(name):
                self.photos.write_bytes(original)
                flip(self.photos, offset)
                self.check_refused(name)
        self.photos.write_bytes(original)
        self.run_it("verify", self.vault)

    def test_an_unknown_version(self):
        flip(self.photos, 8)
        self.check_refused("version", expect=FAILED)

    def test_the_offset_is_named(self):
        flip(self.photos, self.photos.stat().st_size // 2)
        answer = self.json("verify", self.vault, expect=INTEGRITY)
        error = answer["snapshots"][0]["error"]
        self.assertTrue(error["path"].endswith("photos.adps"), error)
        self.assertGreater(error["offset"], 0)
        self.assertRegex(self.errors("verify", self.vault, expect=INTEGRITY), r"\(offset \d+\)")

    def test_truncated_and_extended(self):
        original = self.photos.read_bytes()
        for name, content in (("empty", b""), ("short header", original[:1000]),
                              ("header only", original[:4096]), ("half", original[:3 << 20]),
                              ("one less", original[:-1]), ("one more", original + b"\0")):
            with self.subTest(name):
                self.photos.write_bytes(content)
                self.check_refused(name)

    def test_a_damaged_attestation(self):
        attestation = self.photos.parent / "attestation.adpt"
        original = attestation.read_bytes()
        for name, content in (("magic", b"x" + original[1:]), ("cut", original[:-1]),
                              ("longer", original + b"\0"), ("empty", b""),
                              ("digest", original[:-1] + bytes([original[-1] ^ 1]))):
            with self.subTest(name):
                attestation.write_bytes(content)
                errors = self.errors("verify", self.vault, expect=INTEGRITY)
                self.assertIn("attestation.adpt", errors)
                self.assertNotIn("photos.adps", errors)
        attestation.unlink()
        self.assertIn("attestation.adpt",
                      self.errors("verify", self.vault, expect=(FAILED, INTEGRITY)))
        # It is for those who hold no key: whoever does reads without.
        self.open()
        self.assert_same_tree(self.source, self.dir / "opened" / "source")

    def test_without_attestation(self):
        snapshot = self.seal("--attest=off", self.source)["snapshot"]
        self.assertEqual([path.name for path in (self.vault / "archives" / snapshot).iterdir()
                          if path.suffix != ".adps"], [])
        self.run_it("verify", self.vault, snapshot)

    def test_a_missing_archive(self):
        self.photos.unlink()
        self.check_refused("missing", expect=(FAILED, INTEGRITY))

    def test_exchanged_archives(self):
        other = self.seal()["snapshot"]
        shutil.copy(self.vault / "archives" / other / "photos.adps", self.photos)
        errors = self.errors("verify", self.vault, self.snapshot, expect=INTEGRITY)
        self.assertIn("photos.adps", errors)

    def test_another_category_in_its_place(self):
        shutil.copy(self.photos.with_name("drive.adps"), self.photos)
        self.check_refused("drive")

    def test_an_archive_of_another_vault_in_its_place(self):
        other = {"ADP_SEAL_IDENTITY": str(self.dir / "other")}
        self.run_it("init", self.dir / "foreign", "--device", "x", env=other)
        self.run_it("seal", self.dir / "foreign", self.source, env=other)
        shutil.copy(next((self.dir / "foreign").glob("archives/*/photos.adps")), self.photos)
        self.check_refused("opened")

    def test_each_byte_of_a_record(self):
        original = self.record.read_bytes()
        for offset in range(0, len(original), 1 if scenario.SOAK else 5):
            self.record.write_bytes(original)
            flip(self.record, offset)
            with self.subTest(offset=offset):
                errors = self.errors("open", self.vault, self.snapshot, "--to", self.dir / "x",
                                     expect=(FAILED, INTEGRITY))
                self.assertIn(self.record.name, errors)
                self.assertFalse((self.dir / "x").exists())

    def test_the_undamaged_rest_opens(self):
        flip(self.photos, 5000)
        target = self.dir / "rest"
        self.run_it("open", self.vault, "latest", "--category", "drive", "--to", target)
        self.assertEqual((target / "source/c.txt").read_bytes(),
                         (self.source / "c.txt").read_bytes())

    def test_a_record_that_was_changed(self):
        good = self.seal()["snapshot"]
        original = self.record.read_bytes()
        for offset in (0, 30, 100, len(original) // 2, len(original) - 1):
            with self.subTest(offset=offset):
                self.record.write_bytes(original)
                flip(self.record, offset)
                answer = self.json("snapshots", self.vault, expect=PARTIAL)
                self.assertEqual([item["id"] for item in answer["snapshots"]], [good])
                self.assertEqual(answer["events"][0]["kind"], "refused")
                self.assertIn(self.record.name, answer["events"][0]["path"])
                self.run_it("verify", self.vault, expect=INTEGRITY)
                self.run_it("open", self.vault, self.snapshot, "--to", self.dir / "x",
                            expect=INTEGRITY)

    def test_a_record_under_another_name(self):
        name = "20200101T000000Z-00000000"
        shutil.copy(self.record, self.record.with_name(name + ".adpr"))
        shutil.copytree(self.photos.parent, self.photos.parent.with_name(name))
        self.assertEqual([item["id"] for item in self.snapshots(expect=PARTIAL)], [self.snapshot])

    def test_archives_without_a_record_mean_nothing(self):
        self.record.unlink()
        self.assertEqual(self.snapshots(), [])
        self.run_it("verify", self.vault)

    def copies(self, number):
        """Both files of a generation of the keybag."""
        return [self.vault / folder / f"{number:016x}.adpk" for folder in ("keybag", "snapshots")]

    def test_a_keybag_that_was_changed(self):
        copies = self.copies(1)
        original = copies[0].read_bytes()
        for offset in (0, 20, 60, len(original) // 2, len(original) - 1):
            with self.subTest(offset=offset):
                for keybag in copies:
                    keybag.write_bytes(original)
                    flip(keybag, offset)
                for command in (("snapshots", self.vault), ("seal", self.vault, self.source),
                                ("open", self.vault, "latest", "--to", self.dir / "x")):
                    self.assertIn(keybag.name, self.errors(*command, expect=INTEGRITY))

    def test_one_copy_of_the_keybag_is_enough(self):
        self.run_it("rotate", self.vault, "photos")
        known = self.identity.read_bytes()
        kept = {path: path.read_bytes() for number in (1, 2) for path in self.copies(number)}
        for lost in (0, 1):
            for path in kept:
                path.write_bytes(kept[path])
            for number in (1, 2):
                flip(self.copies(number)[lost], 1000)
            with self.subTest(lost=lost):
                self.open(f"changed-{lost}")
                self.assertIn("damaged", self.errors("verify", self.vault, expect=INTEGRITY))
                for number in (1, 2):
                    self.copies(number)[lost].unlink()
                self.open(f"gone-{lost}")
                self.run_it("verify", self.vault)
                self.run_it("rotate", self.vault, "notes")
                self.assertEqual({path: path.read_bytes() for path in kept}, kept)
                for path in self.copies(3):
                    path.unlink()
            self.identity.write_bytes(known)  # it has seen a generation that is gone

    def test_a_copy_of_the_newest_keybag_that_lost_a_key(self):
        """It is what it was signed as, but nobody should be without it."""
        whole, other = self.copies(1)
        content = whole.read_bytes()
        end = int.from_bytes(content[12:16], "little")  # of the statement; then the first wrap
        other.write_bytes(content[:end] + b"\0" + content[end + 81:])
        self.open("lost")
        self.assertEqual(self.json("status", self.vault)["history"]["damaged_copies"], 1)
        self.assertIn("damaged", self.errors("verify", self.vault, expect=INTEGRITY))
        self.run_it("rotate", self.vault, "notes")
        self.assertEqual(other.read_bytes(), content)
        self.run_it("verify", self.vault)

    def test_a_folder_of_the_keybag_that_is_gone(self):
        shutil.rmtree(self.vault / "keybag")
        self.open("gone")
        self.run_it("rotate", self.vault, "notes")
        self.assertEqual(sorted(path.name for path in self.vault.glob("keybag/*")),
                         ["0000000000000001.adpk", "0000000000000002.adpk"])
        self.run_it("verify", self.vault)

    def test_a_keybag_that_was_rolled_back(self):
        request = self.text("device", "request", "--name", "phone", "--identity",
                            self.dir / "phone").strip()
        self.run_it("device", "add", self.vault, request)
        for newest in self.copies(2):
            newest.unlink()
        self.errors("open", self.vault, "latest", "--to", self.dir / "x", expect=INTEGRITY)

    def test_another_accounts_keybag(self):
        """The vault's keybag exchanged for a forger's of his own making."""
        forger = {"ADP_SEAL_IDENTITY": str(self.dir / "forger")}
        self.run_it("init", self.dir / "forged", "--device", "laptop", env=forger)
        shutil.copy(self.dir / "forged/keybag/0000000000000001.adpk", self.vault / "keybag")
        self.run_it("seal", self.vault, self.source, expect=NO_KEY)
        self.run_it("open", self.vault, self.snapshot, "--to", self.dir / "x", expect=NO_KEY)
        self.assertEqual(len(list(self.vault.glob("snapshots/*.adpr"))), 1)

    def test_a_damaged_identity(self):
        flip(self.identity, 60)
        self.assertIn(str(self.identity), self.errors("list", self.vault, "latest",
                                                      expect=INTEGRITY))


if __name__ == "__main__":
    scenario.main()
