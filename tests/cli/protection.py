"""What the scenarios of the protection model share: 26 categories sealed from one generated source,
and who opens how many of them."""

import scenario
from scenario import DONE, NO_KEY, PARTIAL, noise

DEFAULT = ("passwords", "health", "home", "messages", "payment", "card-transactions", "maps",
           "keyboard", "safari", "screen-time", "siri", "wifi", "bluetooth-keys", "memoji")
ADVANCED = ("backup", "drive", "photos", "notes", "reminders", "bookmarks", "shortcuts",
            "voice-memos", "wallet")
NEVER = ("mail", "contacts", "calendar")
ALL = DEFAULT + ADVANCED + NEVER


class Protection(scenario.Scenario):
    def setUp(self):
        super().setUp()
        self.init()
        rules = "".join(f'  - match: "/source/{name}/"\n    category: {name}\n' for name in ALL)
        (self.dir / "policy").write_text(f"version: 1\nrules:\n{rules}")
        for number, name in enumerate(ALL):
            self.write(f"{name}/file", noise(1000 + number, seed=number))

    def seal_all(self, **how):
        report = self.seal(self.source, "--policy", self.dir / "policy", **how)
        archives = self.snapshots()[-1]["archives"]
        self.assertEqual({archive["category"] for archive in archives}, set(ALL))
        return report["snapshot"]

    def opens(self, snapshot, env=None, vault=None):
        """The categories of the snapshot that an identity opens, one by one: what it opens is right,
        byte for byte, and what it does not open ends in exit code 4."""
        opened = set()
        account = self.json("device", "list", vault or self.vault)["account"]
        for number, name in enumerate(ALL):
            done = self.run_it("cat", vault or self.vault, snapshot, f"source/{name}/file",
                               "--account", account, env=env, expect=(DONE, NO_KEY))
            if done.returncode == DONE:
                self.assertEqual(done.stdout, noise(1000 + number, seed=number))
                opened.add(name)
            else:
                self.assertEqual(done.stdout, b"")
                self.assertIn(b"adp-seal", done.stderr)
        whole = self.dir / f"whole-{len(list(self.dir.iterdir()))}"
        done = self.run_it("open", vault or self.vault, snapshot, "--to", whole, env=env,
                           expect=DONE if opened == set(ALL) else (PARTIAL, NO_KEY))
        found = {path.parent.name for path in whole.glob("source/*/file")}
        self.assertEqual(found, opened)
        return opened

    def set_operator(self, name="acme"):
        key = self.text("operator", "keygen", "--name", name, env=self.as_identity(name)).strip()
        self.run_it("operator", "set", self.vault, key, "--yes")
        return self.as_identity(name)

    def recovery_key(self):
        code = self.dir / "code"
        code.write_text(self.text("recovery", "key", self.vault))
        return code

    def generation(self, vault=None):
        return self.json("status", vault or self.vault)["generation"]

    def leftovers(self):
        return self.json("status", self.vault)["history"]["leftover_keys"]

    def generations(self, folder="keybag"):
        return sorted((self.vault / folder).glob("*.adpk"))
