"""Power is lost at any point of a command: what was there before is there, what the command had
reported is there, and the next run goes on."""

import os
import tempfile

import rewrapping
import scenario
from losing_power import LosingPower, Vault
from scenario import DONE, FAILED, noise

# The disk is a simulated one: what lies below need not be slow.
if os.access("/dev/shm", os.W_OK):
    tempfile.tempdir = "/dev/shm"


class Archives(Vault):
    def check_seal(self, *options):
        def check(is_over):
            there = self.check_snapshots()
            self.assertIn(len(there), (2,) if is_over else (1, 2))
            self.seal(self.source, *options)
            self.assertEqual(len(self.snapshots()), len(there) + 1)
            self.check_clean()

        return check

    def test_seal(self):
        for io in scenario.IO:
            with self.subTest(io):
                self.lose_power(self.check_seal(), "seal", self.vault, self.source, f"--io={io}")

    def test_seal_with_parity(self):
        self.lose_power(self.check_seal("--parity=20"), "seal", self.vault, self.source,
                        "--parity=20")

    def test_parity_add(self):
        def check(is_over):
            self.check_snapshots()
            if is_over:
                self.assertEqual(self.text("scrub", self.vault).count("damaged"), 0)
                self.assertEqual(len(list(self.vault.glob("archives/*/*.adpp"))), 2)
            self.run_it("parity", "add", self.vault, "--parity=20")
            self.assertEqual(len(list(self.vault.glob("archives/*/*.adpp"))), 2)
            self.run_it("scrub", self.vault)
            self.check_clean()

        self.lose_power(check, "parity", "add", self.vault, "--parity=20")

    def check_repair(self, is_over):
        if not is_over:
            self.run_it("repair", self.vault)
        self.check_snapshots()
        self.run_it("repair", self.vault)
        self.run_it("scrub", self.vault)
        self.check_clean()

    def test_repair(self):
        self.run_it("parity", "add", self.vault, "--parity=20")
        for path in self.vault.glob("archives/*/*.adps"):
            content = path.read_bytes()
            path.write_bytes(content[:5000] + bytes(700) + content[5700:])
        self.lose_power(self.check_repair, "repair", self.vault)

    def test_repair_of_an_archive_that_is_gone(self):
        self.run_it("parity", "add", self.vault, "--parity=100")
        for path in self.vault.glob("archives/*/photos.adps"):
            path.unlink()
        self.lose_power(self.check_repair, "repair", self.vault)

    def check_rewrap(self, is_over):
        self.check_snapshots()
        left = self.json("rewrap", self.vault)["rewritten"]
        if is_over:
            self.assertEqual(left, 0)
        for path in self.vault.glob("archives/*/*.adps"):
            self.assertEqual(rewrapping.slot_epochs(path), [2])
        self.assertEqual(list(self.vault.glob("archives/*/*.adph")), [])
        self.check_snapshots()
        self.check_clean()

    def test_rewrap(self):
        self.run_it("rotate", self.vault)
        self.lose_power(self.check_rewrap, "rewrap", self.vault)

    def test_rewrap_with_parity(self):
        self.run_it("parity", "add", self.vault, "--parity=20")
        self.run_it("rotate", self.vault)
        self.lose_power(self.check_rewrap, "rewrap", self.vault)


class Opening(Vault):
    def setUp(self):
        super().setUp()
        (self.source / "link").symlink_to("a.jpg")
        (self.source / "twin.jpg").hardlink_to(self.source / "a.jpg")
        self.write("empty", b"")
        self.first = self.seal()["snapshot"]
        self.target = self.dir / "there" / "opened"
        self.target.parent.mkdir()

    def check(self, is_over):
        opened = self.target / "source"
        if is_over:
            self.assert_same_tree(self.source, opened)
        self.run_it("open", self.vault, self.first, "--to", self.target, "--overwrite")
        self.assert_same_tree(self.source, opened)
        self.check_clean()

    def test_open(self):
        self.lose_power(self.check, "open", self.vault, self.first, "--to", self.target)

    def test_open_over_what_is_there(self):
        old = self.target / "source"
        old.mkdir(parents=True)
        (old / "a.jpg").write_bytes(b"old")
        self.lose_power(self.check, "open", self.vault, self.first, "--to", self.target,
                        "--overwrite")


class Keys(Vault):
    """Changes of who may open the vault."""

    def setUp(self):
        super().setUp()
        self.before = self.json("status", self.vault)["generation"]

    def check_change(self, words, again, env=None):
        """|again| is what is run once the change is in the vault, |words| until then."""
        def check(is_over):
            self.check_snapshots()
            generation = self.json("status", self.vault)["generation"]
            self.assertIn(generation - self.before, (1,) if is_over else (0, 1))
            self.run_it(*(words if generation == self.before else again), env=env)
            history = self.json("status", self.vault)["history"]
            for problem in ("missing", "single_copies", "damaged_copies", "leftover_keys"):
                self.assertEqual(history[problem], 0, problem)
            self.check_opens(self.first)
            self.check_clean()

        return check

    def change(self, *words, again=None, **how):
        """Power is lost while |words| are run; |again| is what finishes them, by default they."""
        self.before = self.json("status", self.vault)["generation"]
        self.lose_power(self.check_change(words, again or words), *words, **how)

    def update(self):
        return ("device", "update", self.vault)

    def test_device_add(self):
        self.change("device", "add", self.vault, self.request("phone"), again=self.update())

    def test_device_remove(self):
        self.admit("phone")
        self.change("device", "remove", self.vault, "phone")

    def test_device_update(self):
        self.change(*self.update())

    def test_rotate(self):
        self.change("rotate", self.vault)

    def test_erase(self):
        self.change("erase", self.vault, "health", "--yes")

    def operator(self, name):
        return self.text("operator", "keygen", "--name", name, env=self.as_identity(name)).strip()

    def test_operator_set(self):
        self.run_it("operator", "set", self.vault, self.operator("acme"), "--yes")
        self.change("operator", "set", self.vault, self.operator("other"), "--yes")

    def test_adp_on(self):
        self.run_it("operator", "set", self.vault, self.operator("acme"), "--yes")
        self.run_it("recovery", "key", self.vault)
        self.change("adp", "on", self.vault)

    def test_adp_off(self):
        self.run_it("operator", "set", self.vault, self.operator("acme"), "--yes")
        self.run_it("recovery", "key", self.vault)
        self.run_it("adp", "on", self.vault)
        self.change("adp", "off", self.vault, "--yes")

    def test_recovery_key(self):
        self.run_it("recovery", "key", self.vault)
        self.change("recovery", "key", self.vault)

    def test_recovery_contact_add(self):
        self.run_it("operator", "set", self.vault, self.operator("acme"), "--yes")
        self.change("recovery", "contact", "add", self.vault, "sam", again=self.update())

    def test_recovery_contact_remove(self):
        self.run_it("recovery", "contact", "add", self.vault, "sam", "--half", self.dir / "half")
        self.change("recovery", "contact", "remove", self.vault, "sam", again=self.update())

    def test_half_in_a_file(self):
        """What it needs for help later is on the disk when it says so."""
        half = self.dir / "safe" / "half"  # nothing else syncs that folder
        half.parent.mkdir()

        def check(is_over):
            if is_over:
                self.assertRegex(half.read_text(), r"^[0-9A-Z-]{30,}\n$")
            elif "sam" in self.json("status", self.vault)["recovery_contacts"]:
                self.run_it("recovery", "contact", "remove", self.vault, "sam")

        self.lose_power(check, "recovery", "contact", "add", self.vault, "sam", "--half", half)

    def test_recovery_open(self):
        """All devices lost, and the power as well: the code opens the vault, or has done so."""
        code, new = self.dir / "code", self.as_identity("new")
        code.write_text(self.text("recovery", "key", self.vault))
        words = ("recovery", "open", self.vault, "--name", "new", "--code-file", code,
                 "--account", self.account())

        def check(is_over):
            is_there = "new" in self.json("status", self.vault)["devices"]
            self.assertTrue(is_there or not is_over)
            if is_there:
                self.run_it("snapshots", self.vault, "--account", self.account(), env=new)
            else:
                self.run_it(*words, env=new)
            self.check_opens(self.first, env=new)
            self.run_it(*self.update(), env=new)
            self.check_clean()

        self.lose_power(check, *words, env=new)

    def test_an_identity_that_sees_a_newer_keybag(self):
        """Its file is written again then: it holds the keys."""
        phone = self.admit("phone")
        self.run_it("rotate", self.vault)
        self.run_it("rotate", self.vault)

        def check(is_over):
            self.check_opens(self.first, env=phone)
            self.run_it("rotate", self.vault)
            self.check_opens(self.first, env=phone)
            self.check_clean()

        self.lose_power(check, "snapshots", self.vault, env=phone)


class First(LosingPower):
    """The first commands of all: there is nothing yet, not even the folders."""

    def setUp(self):
        super().setUp()
        self.identity = self.dir / "config" / "adp-seal" / "identity"
        self.env["ADP_SEAL_IDENTITY"] = str(self.identity)
        self.vault = self.dir / "backup" / "vault"
        self.vault.parent.mkdir()
        self.write("a.jpg", noise(5000))

    def check_vault(self):
        self.check_opens(self.seal()["snapshot"])
        self.assertEqual(list(self.dir.rglob(".*")), [])
        self.run_it("verify", self.vault)

    def test_init(self):
        words = ("init", self.vault, "--device", "laptop")

        def check(is_over):
            if is_over:
                return self.check_vault()
            done = self.run_it(*words, expect=(DONE, FAILED))
            if done.returncode == FAILED:  # all of it is there, but that it is ours
                self.run_it("device", "update", self.vault, "--account", self.account())
            return self.check_vault()

        self.lose_power(check, *words)

    def test_init_after_one_that_was_killed(self):
        words = ("init", self.vault, "--device", "laptop")

        def check(is_over):
            if not is_over:
                self.run_it(*words, expect=(DONE, FAILED))
            self.run_it("device", "list", self.vault, "--account", self.account())
            self.check_vault()

        self.kill_and_lose_power(check, "mkdir", words, words)

    def test_device_request(self):
        self.init()
        there = self.dir / "far" / "phone"
        env = {"ADP_SEAL_IDENTITY": str(there)}

        def check(is_over):
            if is_over:
                self.assertTrue(there.exists())
            request = self.text("device", "request", "--name", "phone", env=env).strip()
            self.run_it("device", "add", self.vault, request)
            self.run_it("device", "list", self.vault, "--account", self.account(), env=env)

        self.lose_power(check, "device", "request", "--name", "phone", env=env)


class Killed(Vault):
    """A change is killed, others go on, and then the power is lost: what the change had not synced
    they have seen, and must not build upon."""

    def test_a_snapshot_under_keys_that_were_not_synced(self):
        """The new keys are there for all who look, and the snapshot is sealed to them."""
        def check(is_over):
            there = self.check_snapshots()
            self.assertIn(len(there), (2,) if is_over else (1, 2))
            self.run_it("rotate", self.vault)
            self.seal()
            self.check_clean()

        self.kill_and_lose_power(check, "rename", ("rotate", self.vault),
                                 ("seal", self.vault, self.source))

    def test_another_device_has_seen_the_keybag(self):
        phone = self.admit("phone")

        def check(is_over):
            self.check_opens(self.first, env=phone)
            self.run_it("rotate", self.vault)
            self.check_opens(self.first, env=phone)
            self.check_clean()

        self.kill_and_lose_power(check, "rename", ("rotate", self.vault),
                                 ("snapshots", self.vault), env=phone)

    def test_rewrap_after_one_that_was_killed(self):
        self.run_it("parity", "add", self.vault, "--parity=20")
        self.run_it("rotate", self.vault)
        words = ("rewrap", self.vault)

        def check(is_over):
            self.check_snapshots()
            left = self.json(*words)["rewritten"]
            self.assertTrue(left == 0 or not is_over)
            self.assertEqual(list(self.vault.glob("archives/*/*.adph")), [])
            self.check_snapshots()
            self.check_clean()

        for call in ("pwrite", "syncfs", "unlink"):
            self.kill_and_lose_power(check, call, words, words)

    def test_repair_after_one_that_was_killed(self):
        self.run_it("parity", "add", self.vault, "--parity=100")
        for path in self.vault.glob("archives/*/photos.adps"):
            path.unlink()
        words = ("repair", self.vault)

        def check(is_over):
            if not is_over:
                self.run_it(*words)
            self.check_snapshots()
            self.check_clean()

        self.kill_and_lose_power(check, "open", words, words)


if __name__ == "__main__":
    scenario.main()
