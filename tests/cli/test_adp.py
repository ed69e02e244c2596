"""Standard and Advanced Data Protection, the operator, erasure; each also from the attacker's side."""

import json
import os
import shutil
import subprocess

import protection
import scenario
from protection import ADVANCED, ALL, NEVER
from scenario import DONE, FAILED, INTEGRITY, NO_KEY, PARTIAL, USAGE

WRAP_LEN = 80


class Adp(protection.Protection):
    # -- standard

    def test_a_vault_without_operator_has_no_escrow(self):
        snapshot = self.seal_all()
        self.assertEqual(self.opens(snapshot), set(ALL))
        self.run_it("operator", "keygen", "--name", "acme", env=self.as_identity("acme"))
        self.assertEqual(self.opens(snapshot, self.as_identity("acme")), set())
        self.assertTrue(all(item["end_to_end"]
                            for item in self.json("status", self.vault)["categories"]))

    def test_the_operator_opens_12_under_standard_and_3_under_advanced(self):
        before = self.seal_all()
        acme = self.set_operator()
        standard = self.seal_all()
        for snapshot in (before, standard):
            self.assertEqual(self.opens(snapshot, acme), set(ADVANCED + NEVER))
        self.recovery_key()
        self.run_it("adp", "on", self.vault)
        advanced = self.seal_all()
        for snapshot in (before, standard, advanced):
            self.assertEqual(self.opens(snapshot, acme), set(NEVER))
            self.assertEqual(self.opens(snapshot), set(ALL))
        self.assertEqual({item["category"] for item in
                          self.json("status", self.vault)["categories"] if not item["end_to_end"]},
                         set(NEVER))
        self.run_it("adp", "off", self.vault, "--yes")
        for snapshot in (before, standard, advanced, self.seal_all()):
            self.assertEqual(self.opens(snapshot, acme), set(ADVANCED + NEVER))

    def test_an_operator_changes_nothing_and_seals_nothing(self):
        acme = self.set_operator()
        account = self.account()
        for command in (("rotate", self.vault), ("adp", "off", self.vault, "--yes"),
                        ("device", "remove", self.vault, "laptop"), ("recovery", "key", self.vault),
                        ("erase", self.vault, "mail", "--yes"),
                        ("seal", self.vault, self.source)):
            self.run_it(*command, "--account", account, env=acme, expect=NO_KEY)
        self.assertEqual(self.generation(), 2)

    def test_an_operator_that_is_replaced_or_removed(self):
        acme = self.set_operator("acme")
        first = self.seal_all()
        other = self.set_operator("other")
        second = self.seal_all()
        self.assertEqual(self.json("status", self.vault)["operator"], ["other"])
        self.assertEqual(self.opens(second, acme), set())
        self.assertEqual(self.opens(first, acme), set())
        for snapshot in (first, second):
            self.assertEqual(self.opens(snapshot, other), set(ADVANCED + NEVER))
        self.run_it("device", "remove", self.vault, "other")
        third = self.seal_all()
        self.assertEqual(self.opens(third, other), set())
        self.assertEqual(self.opens(third), set(ALL))
        self.assertEqual(self.leftovers(), 0)

    def test_a_public_key_that_is_none(self):
        for request in (self.request("phone"), "acme", self.request("box", "--sealer")):
            self.run_it("operator", "set", self.vault, request, "--yes", expect=(USAGE, FAILED))
        key = self.text("operator", "keygen", "--name", "acme", env=self.as_identity("acme"))
        self.assertIn("operator set",
                      self.errors("device", "add", self.vault, key.strip(), expect=USAGE))
        self.assertEqual(self.generation(), 1)

    def test_who_gets_what_is_said_before_it_is_done(self):
        key = self.text("operator", "keygen", "--name", "acme", env=self.as_identity("acme")).strip()
        errors = self.errors("operator", "set", self.vault, key, expect=FAILED)
        for name in ADVANCED + NEVER:
            self.assertIn(name, errors)
        code, written = self.type_in([b"no"], "operator", "set", self.vault, key)
        self.assertEqual(code, FAILED, written)
        self.assertEqual(self.generation(), 1)
        code, written = self.type_in([b"yes"], "operator", "set", self.vault, key)
        self.assertEqual(code, DONE, written)
        self.recovery_key()
        self.run_it("adp", "on", self.vault)
        errors = self.errors("adp", "off", self.vault, expect=FAILED)
        for name in ADVANCED:
            self.assertIn(name, errors)
        self.assertEqual(self.json("status", self.vault)["protection"], "advanced")

    def test_an_operators_name_cannot_rule_the_terminal(self):
        name = "acme\u009b2J"
        key = self.text("operator", "keygen", "--name", name, env=self.as_identity("acme")).strip()
        self.recovery_key()
        written = self.on_terminal("operator", "set", self.vault, key, "--yes")
        written += self.on_terminal("adp", "on", self.vault)
        written += self.on_terminal("status", self.vault)
        written += self.type_in([b"no"], "adp", "off", self.vault)[1]
        self.assertNotIn("\u009b".encode(), written)
        self.assertEqual(written.count(b"acme\\xc2\\x9b2J"), 4, written)

    def test_status_names_everybody(self):
        """However many there are: one who was slipped in shows."""
        names = [f"{number:02d} " + "\u00e9" * 30 for number in range(12)]
        for name in names:
            self.run_it("device", "add", self.vault, self.request(name[:2]), "--name", name)
        shown = [line for line in self.text("status", self.vault).splitlines()
                 if line.startswith("devices ")]
        self.assertEqual(shown, ["devices    " + ", ".join(["laptop", *names])])

    # -- advanced

    def test_without_a_way_back_it_is_not_turned_on(self):
        errors = self.errors("adp", "on", self.vault, expect=FAILED)
        self.assertIn("recovery key", errors)
        self.assertEqual(self.json("status", self.vault)["protection"], "standard")
        self.run_it("recovery", "contact", "add", self.vault, "friend", "--half",
                    self.dir / "half")
        self.run_it("adp", "on", self.vault)
        self.assertEqual(self.json("status", self.vault)["protection"], "advanced")

    def test_an_old_device_has_to_be_updated_first(self):
        golden = self.dir / "golden"
        shutil.copytree(scenario.ROOT / "tests/golden/v1", golden)
        first, second = self.as_identity("golden/device"), self.as_identity("golden/second")
        for name in ("device", "second", "sealer"):
            (golden / name).chmod(0o600)
        vault = golden / "vault"
        account = self.json("device", "list", vault, env=first)["account"]
        self.run_it("recovery", "key", vault, env=first)
        names = [item["name"] for item in self.json("device", "list", vault, env=first)["devices"]
                 if item["outdated"] and item["active"]]
        self.assertEqual(len(names), 1)
        errors = self.errors("adp", "on", vault, env=first, expect=FAILED)
        self.assertIn(names[0], errors)
        self.assertIn("device update", errors)
        passphrase = ("--passphrase-file", golden / "passphrase")
        self.run_it("device", "update", vault, "--account", account, *passphrase, env=second)
        self.run_it("adp", "on", vault, env=first)
        self.run_it("verify", vault, *passphrase, env=second)

    def test_turning_it_on_twice_is_turning_it_on(self):
        self.set_operator()
        self.recovery_key()
        self.run_it("adp", "on", self.vault)
        before = [path.read_bytes() for path in self.generations()]
        self.run_it("adp", "on", self.vault)
        self.assertEqual([path.read_bytes() for path in self.generations()], before)

    def test_the_operators_keys_are_gone_from_older_keybags(self):
        acme = self.set_operator()
        snapshot = self.seal_all()
        self.recovery_key()
        newest = self.generations()[-1]
        kept = {path.name: path.read_bytes() for path in self.generations()}
        self.run_it("adp", "on", self.vault)
        for folder in ("keybag", "snapshots"):
            for path in self.generations(folder)[1:-1]:
                self.assertEqual(len(kept[path.name]) - path.stat().st_size,
                                 len(ADVANCED) * WRAP_LEN, path)
        # Set back to the generation before, it is refused rather than taken with what is left.
        theirs = self.dir / "theirs"
        shutil.copytree(self.vault, theirs)
        for folder in ("keybag", "snapshots"):
            sorted((theirs / folder).glob("*.adpk"))[-1].unlink()
        self.run_it("open", theirs, snapshot, "--to", self.dir / "x", "--account", self.account(),
                    env=acme, expect=INTEGRITY)
        # What the manual says cannot be undone: a copy that somebody kept.
        for folder in ("keybag", "snapshots"):
            (theirs / folder / newest.name).write_bytes(kept[newest.name])
        fresh = self.as_identity("acme-again")
        shutil.copy(self.dir / "acme", self.dir / "acme-again")
        account = self.account()
        self.assertEqual(
            {path.parent.name for path in self.open_in(theirs, snapshot, account, fresh)},
            set(ADVANCED + NEVER))
        # Not for what is sealed from now on.
        later = self.seal_all()
        shutil.copytree(self.vault / "archives" / later, theirs / "archives" / later)
        shutil.copy(self.vault / "snapshots" / f"{later}.adpr", theirs / "snapshots")
        self.run_it("open", theirs, later, "--to", self.dir / "y", "--account", account, env=fresh,
                    expect=INTEGRITY)

    def test_keys_are_gone_from_keybags_behind_a_gap(self):
        """A generation that is lost does not shield those before it."""
        self.set_operator()
        for _ in range(2):
            self.run_it("rotate", self.vault, "notes")
        for folder in ("keybag", "snapshots"):
            self.generations(folder)[2].unlink()
        self.recovery_key()
        history = self.json("status", self.vault)["history"]
        self.assertEqual((history["generations"], history["missing"]), (4, 1))
        self.run_it("adp", "on", self.vault)
        history = self.json("status", self.vault)["history"]
        self.assertEqual((history["generations"], history["missing"]), (5, 1))
        self.assertEqual(history["leftover_keys"], 0)
        self.assertEqual(self.generations()[1].read_bytes(),
                         self.generations("snapshots")[1].read_bytes())
        # One that comes back from a copy is told, and loses them with the next change.
        kept = {path: path.read_bytes() for path in self.generations()[:2]}
        self.set_operator("other")
        for path, content in kept.items():
            path.write_bytes(content)
        self.assertEqual(self.leftovers(), len(NEVER))
        self.run_it("device", "update", self.vault)
        self.assertEqual(self.leftovers(), 0)

    def open_in(self, vault, snapshot, account, env):
        target = self.dir / "kept"
        self.run_it("open", vault, snapshot, "--to", target, "--account", account, env=env,
                    expect=PARTIAL)
        return target.glob("source/*/file")

    # -- sealers

    def test_a_sealers_whole_disk_opens_nothing(self):
        box = self.as_identity("box")
        home = self.dir / "home"
        home.mkdir()
        env = box | {"HOME": str(home), "XDG_CACHE_HOME": str(home), "TMPDIR": str(home)}
        self.run_it("device", "add", self.vault, self.request("box", "--sealer"))
        snapshot = self.json("seal", self.vault, self.source, "--policy", self.dir / "policy",
                             "--account", self.account(), env=env)["snapshot"]
        self.assertEqual(list(home.iterdir()), [])  # it keeps nothing between runs
        self.assertEqual(self.opens(snapshot, env), set())
        for command in (("list", self.vault, snapshot), ("verify", self.vault),
                        ("open", self.vault, snapshot, "--to", self.dir / "x")):
            errors = self.errors(*command, env=env, expect=NO_KEY)
            self.assertIn("sealer", errors)
            self.assertIn("laptop", errors)  # who could
        self.assertEqual(self.opens(snapshot), set(ALL))

    def test_a_device_is_not_admitted_for_a_sealer(self):
        request = self.request("phone")
        self.assertIn("not a sealer's", self.errors("device", "add", self.vault, request,
                                                    "--sealer", expect=USAGE))
        self.assertEqual(self.generation(), 1)
        self.run_it("device", "add", self.vault, self.request("box", "--sealer"), "--sealer")

    # -- erase

    def test_an_erased_category_is_gone_and_the_others_are_not(self):
        acme = self.set_operator()
        snapshot = self.seal_all()
        kept = self.dir / "copy"
        shutil.copytree(self.vault, kept)
        identity = self.identity.read_bytes()
        archive = self.vault / "archives" / snapshot / "photos.adps"
        before = archive.read_bytes()
        self.run_it("erase", self.vault, "photos", expect=FAILED)  # nobody said yes
        self.run_it("erase", self.vault, "nothing", "--yes", expect=USAGE)
        self.run_it("erase", self.vault, "photos", "--yes")
        self.assertEqual(self.opens(snapshot), set(ALL) - {"photos"})
        self.assertEqual(self.opens(snapshot, acme), set(ADVANCED + NEVER) - {"photos"})
        self.assertIn("destroyed", self.errors("cat", self.vault, snapshot, "source/photos/file",
                                               expect=NO_KEY))
        self.assertEqual(archive.read_bytes(), before)
        self.assertEqual(self.leftovers(), 0)
        self.assertEqual(self.opens(self.seal_all()), set(ALL))  # life goes on
        photos = [item for item in self.json("status", self.vault)["categories"]
                  if item["category"] == "photos"]
        self.assertEqual((photos[0]["epoch"], photos[0]["erased_epochs"]), (2, 1))
        # Whoever is admitted later gets all that there is.
        self.run_it("device", "add", self.vault, self.request("phone"))
        self.assertEqual(self.opens(snapshot, self.as_identity("phone")), set(ALL) - {"photos"})
        # The exception: an older copy of the keybag.
        self.identity.write_bytes(identity)
        self.assertEqual(self.opens(snapshot, vault=kept), set(ALL))

    def test_what_an_older_format_keeps_is_said(self):
        """Keybags of version 1 cannot lose keys: nobody is told that they are gone."""
        golden = self.dir / "golden"
        shutil.copytree(scenario.ROOT / "tests/golden/v1", golden)
        (golden / "device").chmod(0o600)
        vault, env = golden / "vault", self.as_identity("golden/device")
        for command in (("erase", vault, "photos", "--yes"), ("device", "remove", vault, "second")):
            self.assertIn("older format", self.errors(*command, env=env))
        history = self.json("status", vault, env=env)["history"]
        self.assertEqual((history["fixed_generations"], history["missing"]), (3, 0))
        # As it says: the oldest files, in both folders.
        for folder in ("keybag", "snapshots"):
            for path in sorted((vault / folder).glob("*.adpk"))[:3]:
                path.unlink()
        self.json("erase", vault, "photos", "--yes", env=env)
        history = self.json("status", vault, env=env)["history"]
        self.assertEqual((history["fixed_generations"], history["missing"]), (0, 3))
        self.assertNotIn("older format", self.errors("erase", vault, "photos", "--yes", env=env))

    # -- one signed generation at a time

    def test_of_writers_at_once_none_is_lost_unnoticed(self):
        words = [scenario.COMMAND, "rotate", str(self.vault), "photos"]
        running = [subprocess.Popen(words, env=self.env, stderr=subprocess.PIPE,
                                    stdout=subprocess.DEVNULL) for _ in range(6)]
        ended = [(one.communicate()[1], one.returncode) for one in running]
        for errors, code in ended:
            self.assertIn(code, (DONE, FAILED), errors)
            if code == FAILED:
                self.assertIn(b"nothing was changed", errors)
        num_done = sum(code == DONE for _, code in ended)
        self.assertGreaterEqual(num_done, 1)
        self.assertEqual(self.generation(), 1 + num_done)
        photos = [item for item in self.json("status", self.vault)["categories"]
                  if item["category"] == "photos"]
        self.assertEqual(photos[0]["epoch"], 1 + num_done)

    def test_a_reader_whom_a_change_overtakes(self):
        """It has seen which generation is the newest, and finds that one without the keys that a
        change meanwhile took away. A pipe holds it up between the two."""
        self.set_operator()
        self.recovery_key()
        changed = self.dir / "changed"
        shutil.copytree(self.vault, changed)
        self.run_it("adp", "on", changed)
        held = self.generations()[-1]
        held.unlink()
        os.mkfifo(held)
        reader = subprocess.Popen([scenario.COMMAND, "status", self.vault, "--json"], env=self.env,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        with open(held, "wb") as pipe:
            held.unlink()
            for path in changed.glob("*/*.adpk"):
                shutil.copy(path, self.vault / path.relative_to(changed))
            pipe.write((changed / "keybag" / held.name).read_bytes())
        answer, errors = reader.communicate()
        self.assertEqual((reader.returncode, errors), (DONE, b""), answer)
        self.assertEqual(json.loads(answer)["protection"], "advanced")

    def test_every_change_says_who_and_why(self):
        self.set_operator()
        status = self.json("status", self.vault)
        self.assertEqual((status["changed_by"], status["reason"]), ("laptop", "operator set: acme"))
        text = self.text("status", self.vault, "--leaks")
        self.assertIn("operator set: acme", text)
        self.assertIn("without any key sees", text)
        snapshot = self.seal_all()
        leaks = self.json("status", self.vault, "--leaks")["leaks"]
        self.assertEqual((leaks["snapshots"], len(leaks["categories"])), (1, len(ALL)))
        for item in leaks["categories"]:
            archive = self.vault / "archives" / snapshot / f"{item['category']}.adps"
            self.assertEqual(item["bytes"], archive.stat().st_size)


if __name__ == "__main__":
    scenario.main()
