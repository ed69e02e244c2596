"""rewrap: archives that are there open by the newest keys alone."""

import fcntl
import hashlib
import os
import shutil

import rewrapping
import scenario
from rewrapping import slot_epochs
from scenario import DONE, FAILED, INTEGRITY, NO_KEY, PARTIAL


class Rewrap(rewrapping.Rewrapping):
    def test_what_a_removed_device_opens(self):
        """The attacker has the phone's keys, and the keybag of when it had access."""
        copy = self.dir / "copy"
        shutil.copytree(self.vault, copy)
        identity = (self.dir / "phone").read_bytes()
        tablet = self.admit("tablet")
        self.run_it("device", "remove", self.vault, "phone")

        def attack():
            shutil.rmtree(copy / "archives")
            shutil.copytree(self.vault / "archives", copy / "archives")
            (self.dir / "phone").write_bytes(identity)
            codes = [self.run_it("cat", copy, snapshot, f"source/{name}", env=self.phone,
                                 expect=(DONE, NO_KEY)).returncode
                     for snapshot in self.ids for name in ("a.jpg", "b.txt")]
            self.run_it("verify", copy, env=self.phone, expect=max(codes))
            return set(codes)

        self.assertEqual(attack(), {DONE})
        answer = self.rewrap()
        self.assertEqual((answer["archives"], answer["rewritten"], answer["failed"]), (4, 4, 0))
        self.assertEqual(attack(), {NO_KEY})
        self.check_rewrapped()
        for snapshot in self.ids:
            self.check_opens(snapshot, env=tablet)

    def test_nothing_to_do(self):
        for text in (self.text("rewrap", self.vault), self.text("rewrap", self.vault)):
            self.assertIn("nothing to do", text)
        self.run_it("rotate", self.vault)
        self.assertIn("4 of 4", self.text("rewrap", self.vault))
        before = [(path.read_bytes(), path.stat().st_mtime_ns) for path in self.archives()]
        answer = self.rewrap()
        self.assertEqual((answer["rewritten"], answer["already_new"]), (0, 4))
        self.assertEqual([(path.read_bytes(), path.stat().st_mtime_ns)
                          for path in self.archives()], before)
        self.assertEqual(self.run_it("rewrap", self.vault, "--quiet").stdout, b"")

    def test_categories_that_were_not_rotated_are_left_alone(self):
        self.run_it("rotate", self.vault, "photos")
        answer = self.rewrap()
        self.assertEqual((answer["rewritten"], answer["already_new"]), (2, 2))
        self.assertEqual({(path.stem, *slot_epochs(path)) for path in self.archives()},
                         {("photos", 2), ("drive", 1)})
        self.check_all_opens()

    def test_one_snapshot(self):
        self.run_it("rotate", self.vault)
        self.assertEqual(self.rewrap("latest")["archives"], 2)
        latest = self.snapshots()[-1]["id"]
        for path in self.archives():
            self.assertEqual(slot_epochs(path), [2 if path.parent.name == latest else 1])
        self.run_it("rewrap", self.vault, "2001", expect=FAILED)
        self.assertEqual(self.rewrap()["rewritten"], 2)
        self.run_it("rotate", self.vault)
        self.assertEqual(self.rewrap()["rewritten"], 4)
        self.check_rewrapped(epoch=3)

    def test_one_that_cannot_be_opened_keeps_none_of_the_others(self):
        self.run_it("rotate", self.vault)
        photos = self.archives()[1]
        whole = photos.read_bytes()
        photos.write_bytes(whole[:160] + bytes(8) + whole[168:])
        answer = self.rewrap(expect=PARTIAL)
        self.assertEqual((answer["rewritten"], answer["failed"]), (3, 1))
        self.assertEqual([event["path"] for event in answer["events"]], [str(photos)])
        self.assertIn("photos.adps", self.errors("rewrap", self.vault, expect=PARTIAL))
        photos.write_bytes(whole)
        record = self.vault / "snapshots" / f"{photos.parent.name}.adpr"
        signed = record.read_bytes()
        record.write_bytes(signed[:-1] + bytes([signed[-1] ^ 1]))
        answer = self.rewrap(expect=PARTIAL)
        self.assertEqual((answer["rewritten"], answer["failed"]), (0, 1))
        record.write_bytes(signed)
        self.assertEqual(self.rewrap()["rewritten"], 1)
        self.check_rewrapped()

    def test_if_none_can_be_opened_that_is_why(self):
        self.run_it("rotate", self.vault)
        for path in self.archives():
            path.write_bytes(path.read_bytes()[:-1])
        self.assertEqual(self.rewrap(expect=INTEGRITY)["failed"], 4)

    def test_slots_that_somebody_else_has_added_are_gone(self):
        """Anyone who can write can add one; the archive's other bytes stay as they are."""
        photos = self.archives()[1]
        content = bytearray(photos.read_bytes())
        content[138:140] = (3).to_bytes(2, "little")
        content[140:144] = (88 + 88 + 6).to_bytes(4, "little")
        content[232:320] = content[144:232]
        content[320:326] = b"\x07\x00\x02\x00hi"  # of a type that nobody knows
        content[4064:4096] = hashlib.sha256(content[:4064]).digest()
        photos.write_bytes(content)
        self.run_it("verify", self.vault)
        self.assertEqual(self.rewrap()["rewritten"], 1)
        self.check_rewrapped(epoch=1)

    def test_who_may_not(self):
        self.run_it("rotate", self.vault)
        box = self.admit("box", "--sealer")
        self.assertIn("trusted device", self.errors("rewrap", self.vault, env=box, expect=NO_KEY))
        self.run_it("device", "remove", self.vault, "phone")
        self.run_it("rewrap", self.vault, env=self.phone, expect=NO_KEY)
        self.assertEqual([slot_epochs(path) for path in self.archives()], [[1]] * 4)

    def test_two_at_once(self):
        self.run_it("rotate", self.vault)
        lock = os.open(self.vault / "archives", os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
        self.assertIn("another rewrap", self.errors("rewrap", self.vault, expect=FAILED))
        self.seal()  # which is not in its way
        os.close(lock)
        self.rewrap()

    def as_nobody(self):
        """What runs a command as somebody who is not root, whose the vault then is."""
        if os.geteuid() != 0:
            return ()
        if not shutil.which("setpriv"):
            self.skipTest("root writes everywhere, and setpriv is not here")
        for path in (self.dir, self.identity, self.vault, *self.vault.rglob("*")):
            os.chown(path, 65534, 65534)
        return ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")

    def test_what_cannot_be_written(self):
        self.run_it("rotate", self.vault)
        prefix = self.as_nobody()
        first, last = self.archives()[0], self.archives()[3]
        for path, mode in ((first, 0o400), (last.parent, 0o500)):
            path.chmod(mode)
        answer = self.rewrap(prefix=prefix, expect=PARTIAL)
        self.assertEqual((answer["rewritten"], answer["failed"]), (1, 3))
        for event in answer["events"]:
            self.assertIn("cannot write the archive's header", event["message"])
            self.assertIn("Permission denied", event["message"])
        self.assertEqual(self.archives("adph"), [])
        self.check_all_opens()
        for path, mode in ((first, 0o600), (last.parent, 0o700)):
            path.chmod(mode)
        self.assertEqual(self.rewrap(prefix=prefix)["rewritten"], 3)
        self.check_rewrapped()

    def test_a_read_only_file_system(self):
        self.run_it("rotate", self.vault)
        errors = self.on_mounts("mount --bind $1 $1; mount -o remount,bind,ro $1",
                                "rewrap", self.vault, expect=FAILED)
        self.assertEqual(errors.count("Read-only file system"), 1)

    def test_a_full_disk(self):
        """Nothing has happened yet that could not be taken back, and is."""
        self.run_it("rotate", self.vault)
        script = """mkdir copy; mount -t tmpfs -o size=2M none copy; cp -a $1/. copy
            dd if=/dev/zero of=copy/filler bs=4096 2>/dev/null || true
            truncate -s -8192 copy/filler
            trap 'cp -a copy/archives left' EXIT"""
        errors = self.on_mounts(script, "rewrap", self.dir / "copy", expect=FAILED)
        self.assertEqual(errors.count("No space left on device"), 1)
        left = {path.relative_to(self.dir / "left"): path.read_bytes()
                for path in self.dir.glob("left/*/*")}
        self.assertEqual(left, {path.relative_to(self.vault / "archives"): path.read_bytes()
                                for path in self.vault.glob("archives/*/*")})

    def test_a_folder_that_is_another_file_system(self):
        self.run_it("rotate", self.vault)
        folder = self.archives()[0].parent
        errors = self.on_mounts(f"mkdir copy; cp -a {folder}/. copy; mount -t tmpfs none {folder}"
                                f"; cp -a copy/. {folder}", "rewrap", self.vault, expect=PARTIAL)
        self.assertEqual(errors.count("another file system"), 2)


if __name__ == "__main__":
    scenario.main()
