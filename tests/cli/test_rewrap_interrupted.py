"""rewrap, interrupted: at any moment every archive opens, and the next run finishes."""

import rewrapping
import scenario
from rewrapping import BLOCK, slot_epochs
from scenario import FAILED, INTEGRITY, PARTIAL


class Interrupted(rewrapping.Rewrapping):
    def setUp(self):
        super().setUp()
        self.run_it("rotate", self.vault)

    def check_after(self, call, path):
        self.check_all_opens()
        self.rewrap()
        self.check_rewrapped()
        self.assertEqual(self.rewrap()["rewritten"], 0)

    def test_killed_at_each_call(self):
        self.kill_at_each_call(self.check_after, "rewrap", self.vault)
        self.check_rewrapped()

    def kill_before(self, wanted, suffix="", torn=False):
        """Kills a rewrap before the first call |wanted| on a file of that suffix."""
        _, calls = self.traced("rewrap", self.vault, "nowhere", expect=FAILED)
        self.assertEqual(calls, [])
        before = {path: path.read_bytes() for path in self.archives()}
        _, calls = self.traced("rewrap", self.vault)
        number = next(i for i, (call, path) in enumerate(calls)
                      if call == wanted and path.endswith(suffix))
        for path, content in before.items():
            path.write_bytes(content)
        self.traced("rewrap", self.vault, at=number + 1, torn=torn, expect=-9)

    def test_killed_while_it_repairs(self):
        """Whole headers beside archives with torn ones: the state that a power cut can leave."""
        self.kill_before("syncfs")
        for path in self.archives():
            self.tear(path)
        self.kill_at_each_call(self.check_after, "rewrap", self.vault)
        self.check_rewrapped()

    def tear(self, path):
        """A header of which the second half did not get to the disk."""
        new = path.with_suffix(".adph").read_bytes()
        content = path.read_bytes()
        self.assertNotEqual(content[:BLOCK], new)
        path.write_bytes(new[:BLOCK // 2] + content[BLOCK // 2:])

    def test_rotated_meanwhile(self):
        self.kill_before("syncfs")
        self.tear(self.archives()[0])
        self.run_it("rotate", self.vault)
        self.check_all_opens()
        answer = self.rewrap()
        self.assertEqual((answer["mended"], answer["rewritten"]), (1, 4))
        self.check_rewrapped(epoch=3)

    def test_a_torn_header_is_told_and_mended(self):
        self.kill_before("syncfs")
        torn = self.archives()[0]
        self.tear(torn)
        self.assertIn("run adp-seal rewrap", self.errors("verify", self.vault))
        self.check_all_opens()
        self.assertIn("mended", self.text("rewrap", self.vault))
        self.assertEqual(self.errors("verify", self.vault), "")
        self.check_rewrapped()

    def test_torn_at_any_sector(self):
        self.kill_before("syncfs")
        path = self.archives()[0]
        old, new = path.read_bytes(), path.with_suffix(".adph").read_bytes()
        for sectors in range(1, 256, 23):
            mixed = b"".join((new if sectors >> i & 1 else old)[512 * i:512 * (i + 1)]
                             for i in range(8))
            path.write_bytes(mixed + old[BLOCK:])
            self.check_opens(path.parent.name)
        path.write_bytes(bytes(BLOCK) + old[BLOCK:])  # and nothing of it is left
        self.check_opens(path.parent.name)

    def test_what_lies_beside_and_does_not_fit(self):
        self.kill_before("syncfs")
        first, second, *_ = self.archives()
        beside = first.with_suffix(".adph")
        good, content = beside.read_bytes(), first.read_bytes()
        self.tear(first)
        for name, wrong in {
                "another archive's": second.with_suffix(".adph").read_bytes(),
                "one bit": good[:200] + bytes([good[200] ^ 1]) + good[201:],
                "too short": good[:-1], "too long": good + b"\0", "empty": b""}.items():
            with self.subTest(name):
                beside.write_bytes(wrong)
                for command in ("verify", "rewrap"):
                    errors = self.errors(command, self.vault, expect=(INTEGRITY, PARTIAL))
                    self.assertIn(str(first), errors)
                    self.assertIn("restore the archive from another copy", errors)
                self.assertEqual(beside.read_bytes(), wrong)
        # The others are done, and where the header in place is whole, nothing beside it counts.
        self.assertEqual([slot_epochs(path) for path in self.archives()[1:]], [[2]] * 3)
        first.write_bytes(content)
        self.assertEqual(self.errors("verify", self.vault), "")
        self.rewrap()
        self.check_rewrapped()

    # -- a power cut: what may have got to the disk is what the order of calls says

    def test_order(self):
        _, calls = self.traced("rewrap", self.vault)
        syncs = [i for i, (call, _) in enumerate(calls) if call == "syncfs"]
        self.assertEqual(len(syncs), 2)
        steps = [calls[:syncs[0]], calls[syncs[0] + 1:syncs[1]], calls[syncs[1] + 1:]]
        self.assertEqual([[path.rsplit(".", 1)[1] for _, path in step] for step in steps],
                         [["adph"] * 8, ["adps"] * 4, ["adph"] * 4])
        self.assertEqual({call for call, _ in steps[1]}, {"pwrite"})
        self.assertEqual({call for call, _ in steps[2]}, {"unlinkat"})

    def test_order_of_repairing(self):
        """What a killed run has left is synced before anything else is touched."""
        self.kill_before("unlinkat", "adph")
        torn = self.archives()[0]
        torn.write_bytes(bytes(BLOCK) + torn.read_bytes()[BLOCK:])
        _, calls = self.traced("rewrap", self.vault)
        self.assertEqual([call for call, _ in calls], ["pwrite", "syncfs"] + ["unlinkat"] * 4)
        self.check_rewrapped()


if __name__ == "__main__":
    scenario.main()
