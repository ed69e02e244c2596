"""Who has access, from now on: devices removed, keys renewed; each also from the attacker's side."""

import shutil

import scenario
from scenario import DONE, FAILED, INTEGRITY, NO_KEY, USAGE, noise


class Protect(scenario.Scenario):
    def setUp(self):
        super().setUp()
        self.init()
        self.write("a.jpg", noise(50_000))
        self.write("notes/b.txt", b"words")
        self.admit("phone")
        self.phone = self.as_identity("phone")
        self.before = self.seal()["snapshot"]

    def keybags(self, vault=None):
        return sorted((vault or self.vault).joinpath("keybag").iterdir())

    def copies(self, keybag):
        """Both files of the generation that |keybag| is one of."""
        return [keybag.parents[1] / folder / keybag.name for folder in ("keybag", "snapshots")]

    def remove_phone(self):
        return self.json("device", "remove", self.vault, "phone")

    # -- device remove

    def test_a_removed_device_opens_nothing_that_is_sealed_later(self):
        self.remove_phone()
        after = self.seal()["snapshot"]
        errors = self.errors("open", self.vault, after, "--to", self.dir / "x", env=self.phone,
                             expect=NO_KEY)
        self.assertIn("laptop", errors)
        for command in (("verify", self.vault), ("list", self.vault, after),
                        ("cat", self.vault, after, "source/a.jpg"),
                        ("seal", self.vault, self.source), ("rotate", self.vault),
                        ("device", "remove", self.vault, "laptop"),
                        ("device", "add", self.vault, self.request("friend"))):
            self.run_it(*command, env=self.phone, expect=NO_KEY)
        for snapshot in (self.before, after):
            self.check_opens(snapshot)

    def test_what_a_removed_device_could_open_it_can_open_in_an_older_copy(self):
        copy = self.dir / "copy"
        shutil.copytree(self.vault, copy)
        identity = (self.dir / "phone").read_bytes()
        self.remove_phone()
        (self.dir / "phone").write_bytes(identity)
        self.json("open", copy, self.before, "--to", self.dir / "x", env=self.phone)
        self.assert_same_tree(self.source, self.dir / "x/source")

    def test_the_others_follow_by_themselves(self):
        self.admit("tablet")
        self.admit("box", "--sealer")
        account = self.account()
        answer = self.remove_phone()
        self.assertNotEqual(answer["account"], account)
        snapshot = self.seal(env=self.as_identity("box"))["snapshot"]
        self.check_opens(snapshot, env=self.as_identity("tablet"))
        self.check_opens(self.before, env=self.as_identity("tablet"))
        # Whoever gives the old account is told, and nothing is sealed.
        errors = self.errors("seal", self.vault, self.source, "--account", account,
                             expect=INTEGRITY)
        self.assertIn("renews the account", errors)

    def test_removed_ones_are_listed_and_named(self):
        answer = self.remove_phone()
        devices = self.json("device", "list", self.vault)
        self.assertEqual([(item["name"], item["active"]) for item in devices["devices"]],
                         [("laptop", True), ("phone", False)])
        self.assertEqual((devices["generation"], devices["account"]),
                         (answer["generation"], answer["account"]))
        self.run_it("device", "remove", self.vault, "phone")  # once more changes nothing
        self.assertEqual(self.json("device", "list", self.vault)["generation"],
                         answer["generation"])
        self.run_it("device", "remove", self.vault, "nobody", expect=FAILED)
        self.run_it("device", "remove", self.vault, "laptop", expect=USAGE)
        self.admit("phone2")
        self.check_opens(self.before, env=self.as_identity("phone2"))

    def test_a_removed_sealer_seals_no_more(self):
        self.admit("box", "--sealer")
        box = self.as_identity("box")
        sealed = self.seal(env=box)["snapshot"]
        account = self.account()
        self.run_it("device", "remove", self.vault, "box")
        self.assertEqual(self.account(), account)  # it never held a key
        self.run_it("seal", self.vault, self.source, env=box, expect=NO_KEY)
        self.check_opens(sealed)

    # -- the attacker's side

    def check_other_history(self, theirs, words):
        """Puts what the phone writes into a copy of the vault, change by change, into the vault."""
        for changes in (1, 2):
            with self.subTest(changes=changes):
                self.run_it("rotate", theirs, "photos", env=self.phone)
                for path in self.keybags(theirs):
                    for copy in self.copies(self.vault / "keybag" / path.name):
                        shutil.copy(path, copy)
                for command in (("seal", self.vault, self.source), ("verify", self.vault),
                                ("device", "list", self.vault)):
                    self.assertIn(words, self.errors(*command, expect=INTEGRITY))

    def test_a_removed_device_that_writes_another_history(self):
        theirs = self.dir / "theirs"
        shutil.copytree(self.vault, theirs)
        self.remove_phone()
        present = [path.read_bytes() for path in self.keybags()]
        self.check_other_history(theirs, "another account")
        for path in self.keybags()[len(present):]:
            for copy in self.copies(path):
                copy.unlink()
        for path, content in zip(self.keybags(), present):
            for copy in self.copies(path):
                copy.write_bytes(content)
        self.run_it("verify", self.vault)

    def test_a_vault_that_was_forked(self):
        """Two devices that are both trusted, each on a copy of its own."""
        theirs = self.dir / "theirs"
        shutil.copytree(self.vault, theirs)
        self.run_it("rotate", self.vault, "notes")
        self.check_other_history(theirs, "forked")

    def test_a_generation_that_is_gone(self):
        identity = self.identity.read_bytes()
        for _ in range(3):
            self.run_it("rotate", self.vault, "notes")
        self.identity.write_bytes(identity)
        middle = self.keybags()[-2]
        content = middle.read_bytes()
        for copy in self.copies(middle):
            copy.unlink()
        errors = self.errors("verify", self.vault, expect=(FAILED, INTEGRITY))
        self.assertIn(middle.name, errors)
        middle.write_bytes(content)
        self.run_it("verify", self.vault)

    def test_a_generation_that_is_damaged_on_the_way_to_a_new_account(self):
        identity = self.identity.read_bytes()
        self.run_it("rotate", self.vault, "notes")
        middle = self.keybags()[-1]
        self.remove_phone()
        self.identity.write_bytes(identity)
        content = middle.read_bytes()
        for copy in self.copies(middle):
            copy.write_bytes(content[:200] + b"x" + content[201:])
        errors = self.errors("verify", self.vault, expect=INTEGRITY)
        self.assertIn(middle.name, errors)
        self.assertNotIn("another account", errors)
        for copy in self.copies(middle):
            copy.write_bytes(content)
        self.run_it("verify", self.vault)

    # -- rotate

    def test_rotated_categories_have_new_epochs_and_old_snapshots_open(self):
        answer = self.json("rotate", self.vault, "photos", "notes", "photos")
        self.assertEqual(answer["generation"], 3)
        after = self.seal()["snapshot"]
        archives = {item["id"]: {archive["category"]: archive["epoch"]
                                 for archive in item["archives"]} for item in self.snapshots()}
        self.assertEqual({epoch for epoch in archives[self.before].values()}, {1})
        self.assertEqual(archives[after]["photos"], 2)
        self.assertEqual(archives[after].get("drive", 1), 1)
        for env in (None, self.phone):
            self.check_opens(self.before, env=env)
            self.check_opens(after, env=env)
        self.run_it("rotate", self.vault, "nothing", expect=USAGE)

    def test_rotation_touches_no_archive(self):
        archives = [path for path in self.vault.rglob("*.adps")]
        before = [(path.read_bytes(), path.stat().st_mtime_ns) for path in archives]
        self.run_it("rotate", self.vault)
        self.remove_phone()
        self.assertEqual([(path.read_bytes(), path.stat().st_mtime_ns) for path in archives],
                         before)

    def test_two_writers_at_once(self):
        """Of two that both began from one generation, the second is told."""
        last = self.keybags()[-1]
        number = int(last.stem, 16) + 1
        (last.parent / f"{number:016x}.adpk").write_bytes(b"")
        self.run_it("rotate", self.vault, expect=(FAILED, INTEGRITY))
        (last.parent / f"{number:016x}.adpk").unlink()
        self.run_it("rotate", self.vault, expect=DONE)


if __name__ == "__main__":
    scenario.main()
