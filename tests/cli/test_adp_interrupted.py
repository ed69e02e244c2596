"""Changes of who may open the vault, killed before each of their calls that change something on the
disk; then the same command again."""

import protection
import scenario
from protection import ADVANCED
from scenario import NO_KEY

SEALED = ("photos", "mail", "health")  # one of each class


class Interrupted(protection.Protection):
    def setUp(self):
        super().setUp()
        self.acme = self.set_operator()
        self.recovery_key()
        self.admit("phone")
        for name in protection.ALL:
            if name not in SEALED:
                (self.source / name / "file").unlink()
        self.snapshot = self.seal(self.source, "--policy", self.dir / "policy")["snapshot"]
        self.trust(self.acme)
        self.before = self.json("status", self.vault)

    def trust(self, env):
        self.run_it("snapshots", self.vault, "--account", self.account(), env=env)

    def can_open(self, name, env=None):
        done = self.run_it("cat", self.vault, self.snapshot, f"source/{name}/file", env=env,
                           expect=(scenario.DONE, NO_KEY))
        return done.returncode == scenario.DONE

    def opened_by(self, env=None):
        return [name for name in SEALED if self.can_open(name, env)]

    def check_whole(self):
        """One change has been made, once, and it is finished."""
        history = self.json("status", self.vault)["history"]
        self.assertEqual(history["generations"], self.before["generation"] + 1)
        for problem in ("missing", "single_copies", "damaged_copies", "leftover_keys"):
            self.assertEqual(history[problem], 0, problem)
        self.assertEqual([path.read_bytes() for path in self.generations("keybag")],
                         [path.read_bytes() for path in self.generations("snapshots")])
        self.run_it("verify", self.vault)

    def epochs(self):
        return {item["category"]: item["epoch"]
                for item in self.json("status", self.vault)["categories"]}

    def test_adp_on(self):
        def check(_call, _path):
            self.assertEqual(self.opened_by(), list(SEALED))
            self.assertIn("mail", self.opened_by(self.acme))
            self.run_it("adp", "on", self.vault)
            self.assertEqual(self.opened_by(self.acme), ["mail"])
            self.assertEqual(self.json("status", self.vault)["protection"], "advanced")
            self.assertEqual({name for name, epoch in self.epochs().items() if epoch == 2},
                             set(ADVANCED))
            self.check_whole()

        self.kill_at_each_call(check, "adp", "on", self.vault)

    def test_adp_off(self):
        self.run_it("adp", "on", self.vault)
        self.before = self.json("status", self.vault)

        def check(_call, _path):
            self.run_it("adp", "off", self.vault, "--yes")
            self.assertEqual(self.opened_by(self.acme), ["photos", "mail"])
            self.assertEqual(self.opened_by(), list(SEALED))
            self.check_whole()

        self.kill_at_each_call(check, "adp", "off", self.vault, "--yes")

    def test_operator_set(self):
        """One that takes another's place: the first loses its keys in older keybags, too."""
        key = self.text("operator", "keygen", "--name", "other", env=self.as_identity("other"))
        words = ("operator", "set", self.vault, key.strip(), "--yes")

        def check(_call, _path):
            self.run_it(*words)
            self.trust(self.as_identity("other"))
            self.assertEqual(self.opened_by(self.acme), [])
            self.assertEqual(self.opened_by(self.as_identity("other")), ["photos", "mail"])
            self.assertEqual(self.json("status", self.vault)["operator"], ["other"])
            self.check_whole()

        self.kill_at_each_call(check, *words)

    def test_device_remove(self):
        phone = self.as_identity("phone")

        def check(_call, _path):
            self.assertEqual(self.opened_by(), list(SEALED))
            self.run_it("device", "remove", self.vault, "phone")
            self.assertEqual(self.opened_by(phone), [])
            self.assertEqual(set(self.epochs().values()), {2})
            self.check_whole()

        self.kill_at_each_call(check, "device", "remove", self.vault, "phone")

    def test_erase(self):
        def check(_call, _path):
            self.run_it("erase", self.vault, "photos", "--yes")
            for env in (None, self.as_identity("phone")):
                self.assertEqual(self.opened_by(env), ["mail", "health"])
            status = self.json("status", self.vault)
            self.assertEqual(status["history"]["leftover_keys"], 0)
            self.assertIn(status["generation"] - self.before["generation"], (1, 2))

        self.kill_at_each_call(check, "erase", self.vault, "photos", "--yes")

    def test_recovery_open(self):
        """Killed with the new device admitted or not: the code opens the vault in either case."""
        new = self.as_identity("new")
        words = ("recovery", "open", self.vault, "--name", "new", "--code-file", self.dir / "code",
                 "--account", self.account())

        def check(_call, _path):
            self.assertEqual(self.opened_by(), list(SEALED))
            names = self.json("status", self.vault)["devices"]
            if "new" not in names:
                self.run_it(*words, env=new)
            else:
                self.trust(new)
            self.assertEqual(self.opened_by(new), list(SEALED))
            self.run_it("device", "update", self.vault, env=new)
            self.assertEqual(self.json("status", self.vault)["history"]["single_copies"], 0)

        self.kill_at_each_call(check, *words, env=new)


if __name__ == "__main__":
    scenario.main()
