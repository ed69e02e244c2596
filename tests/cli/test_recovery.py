"""All devices lost: recovery key and recovery contacts; each also from the attacker's side."""

import stat

import protection
import scenario
from protection import ALL
from scenario import DONE, FAILED, NO_KEY, USAGE


class Recovery(protection.Protection):
    def setUp(self):
        super().setUp()
        self.snapshot = self.seal_all()
        self.new = self.as_identity("new")

    def recover(self, *options, expect=DONE, env=None, name="new-laptop"):
        return self.run_it("recovery", "open", self.vault, "--name", name, "--account",
                           self.account(), *options, env=env or self.new, expect=expect)

    def file(self, name, text):
        path = self.dir / name
        path.write_text(text + "\n")
        return path

    # -- recovery key

    def test_the_recovery_key_brings_everything_back(self):
        code = self.recovery_key()
        self.assertRegex(code.read_text(), r"^(?:[2-9A-HJ-NP-Z]{4}-){6}[2-9A-HJ-NP-Z]{4}\n$")
        after = self.seal_all()
        account = self.account()
        self.identity.rename(self.dir / "lost")
        self.run_it("recovery", "open", self.vault, "--name", "new-laptop", "--code-file", code,
                    "--account", account, env=self.new)
        for snapshot in (self.snapshot, after):
            self.run_it("verify", self.vault, snapshot, env=self.new)
        # It is a trusted device: it seals, and removes the one that was lost.
        self.run_it("device", "remove", self.vault, "laptop", env=self.new)
        later = self.json("seal", self.vault, self.source, env=self.new)["snapshot"]
        (self.dir / "lost").rename(self.identity)
        self.run_it("open", self.vault, later, "--to", self.dir / "x", expect=NO_KEY)
        # The key still works after that.
        self.run_it("recovery", "open", self.vault, "--name", "third", "--code-file", code,
                    "--account", self.json("device", "list", self.vault, env=self.new)["account"],
                    env=self.as_identity("third"))
        self.run_it("verify", self.vault, env=self.as_identity("third"))

    def test_typed_in_on_a_terminal(self):
        code = self.recovery_key().read_text().strip()
        wrong = ("3" if code[0] == "2" else "2") + code[1:]
        exit_code, written = self.type_in(
            [wrong.encode(), code.lower().replace("-", " ").encode(), b"y"],
            "recovery", "open", self.vault, "--name", "new-laptop", env=self.new)
        self.assertEqual(exit_code, DONE, written)
        self.assertIn(b"group 1, place 1", written)
        self.assertNotIn(code.encode(), written)
        self.run_it("verify", self.vault, env=self.new)

    def test_nobody_else_takes_its_name(self):
        for kind in ((), ("--sealer",)):
            self.assertIn("another name", self.errors(
                "device", "add", self.vault, self.request("x" + "".join(kind), *kind), "--name",
                "recovery key", expect=USAGE))
        self.recovery_key()

    def test_a_slip_that_was_mended_is_no_error(self):
        code = self.recovery_key().read_text().strip()
        exit_code, written = self.type_in(
            [code[:-1].encode(), code.encode()], "recovery", "open", self.vault, "--name",
            "new-laptop", "--json", "--account", self.account(), env=self.new)
        self.assertEqual(exit_code, DONE, written)
        self.assertNotIn(b'"error"', written)

    def test_a_mistyped_code_is_found_and_named(self):
        code = self.recovery_key().read_text().strip()
        wrong = code[:12] + ("3" if code[12] == "2" else "2") + code[13:]
        for text, words in ((wrong, "group 3, place 3"), (code[:-1], "28 characters"),
                            (code[:5] + "O" + code[6:], "0, 1, O or I")):
            done = self.recover("--code-file", self.file("typed", text), expect=NO_KEY)
            self.assertIn(words, done.stderr.decode())
        self.assertEqual(self.generation(), 2)

    def test_what_is_wrong_is_named(self):
        """Which of the two codes, and that it is one that is wrong."""
        half = self.dir / "half"
        code = self.text("recovery", "contact", "add", self.vault, "friend", "--half", half)
        code, bad = self.file("good", code.strip()), self.file("bad", half.read_text()[:-2])
        empty = self.file("empty", "")
        for options, words in ((("--code-file", code, "--half", bad), str(bad)),
                               (("--code-file", bad, "--half", half), str(bad)),
                               (("--code-file", empty), "the recovery code is empty"),
                               (("--code-file", self.dir / "none"), "read the recovery code")):
            done = self.recover(*options, expect=(NO_KEY, USAGE, FAILED))
            self.assertIn(words, done.stderr.decode())
        self.assertEqual(self.generation(), 2)

    def test_a_code_of_another_vault_or_an_older_one(self):
        older = self.recovery_key().read_text().strip()
        newer = self.recovery_key().read_text().strip()
        self.assertNotEqual(older, newer)
        done = self.recover("--code-file", self.file("older", older), expect=NO_KEY)
        self.assertIn("no recovery code of this vault", done.stderr.decode())
        self.assertEqual(self.leftovers(), 0)
        self.assertEqual(self.json("status", self.vault)["recovery_keys"], ["recovery key"])
        self.recover("--code-file", self.file("newer", newer))

    def test_nothing_but_the_screen_has_the_code(self):
        code = self.recovery_key().read_text().strip()
        (self.dir / "code").unlink()
        raw = code.replace("-", "").encode()
        for path in self.dir.rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                self.assertNotIn(code.encode(), content, path)
                self.assertNotIn(raw, content, path)

    def test_a_key_that_was_removed_opens_nothing_later(self):
        code = self.recovery_key()
        self.run_it("device", "remove", self.vault, "recovery key")
        self.recover("--code-file", code, expect=NO_KEY)
        self.assertEqual(self.json("status", self.vault)["recovery_keys"], [])

    # -- recovery contacts

    def check_halves(self, code, half):
        """Neither opens anything, alone or with itself; both together do."""
        code, half = self.file("code", code), self.file("half", half)
        for options in (("--code-file", code), ("--code-file", half),
                        ("--code-file", code, "--half", code),
                        ("--code-file", half, "--half", half)):
            done = self.recover(*options, expect=NO_KEY)
            self.assertIn("no recovery code of this vault", done.stderr.decode())
        self.recover("--code-file", code, "--half", half)
        self.assertEqual(self.opens(self.snapshot, self.new), set(ALL))

    def test_a_contact_and_a_file(self):
        half = self.dir / "kept"
        code = self.text("recovery", "contact", "add", self.vault, "friend", "--half", half).strip()
        self.assertEqual(stat.S_IMODE(half.stat().st_mode), 0o600)
        self.check_halves(code, half.read_text().strip())
        self.run_it("recovery", "contact", "add", self.vault, "other", "--half", half,
                    expect=FAILED)  # a file is not overwritten
        names = [item["name"] for item in
                 self.json("recovery", "contact", "list", self.vault)["contacts"]]
        self.assertEqual(names, ["friend"])
        self.assertRegex(self.text("recovery", "contact", "list", self.vault), r"^friend  \d{4}-.*\n$")
        self.run_it("recovery", "contact", "remove", self.vault, "friend")
        self.assertIn("no recovery contact",
                      self.errors("recovery", "contact", "list", self.vault))

    def test_a_contact_and_the_operator(self):
        self.run_it("recovery", "contact", "add", self.vault, "friend", expect=USAGE)
        acme = self.set_operator()
        code = self.json("recovery", "contact", "add", self.vault, "friend")["code"]
        release = ("operator", "release", self.vault, "friend", "--account", self.account())
        for env in (None, self.new):  # nobody but the operator
            self.request("new")
            self.run_it(*release, env=env, expect=NO_KEY)
        self.run_it("operator", "release", self.vault, "nobody", "--account", self.account(),
                    env=acme, expect=FAILED)
        half = self.text(*release, env=acme).strip()
        # The operator has its half, and still opens no more than before.
        self.assertEqual(len(self.opens(self.snapshot, acme)), 12)
        (self.dir / "new").unlink()
        self.check_halves(code, half)

    def test_the_operator_is_not_replaced_under_a_contact(self):
        self.set_operator()
        self.run_it("recovery", "contact", "add", self.vault, "friend")
        other = self.text("operator", "keygen", "--name", "other", env=self.as_identity("other"))
        for command in (("operator", "set", self.vault, other.strip(), "--yes"),
                        ("device", "remove", self.vault, "acme")):
            self.assertIn("friend", self.errors(*command, expect=FAILED))
        self.run_it("recovery", "contact", "remove", self.vault, "friend")
        self.run_it("operator", "set", self.vault, other.strip(), "--yes")

    def test_a_contact_that_was_removed(self):
        half = self.dir / "kept"
        code = self.text("recovery", "contact", "add", self.vault, "friend", "--half", half)
        self.run_it("recovery", "contact", "remove", self.vault, "laptop", expect=FAILED)
        self.run_it("recovery", "contact", "remove", self.vault, "friend")
        self.recover("--code-file", self.file("code", code.strip()), "--half", half, expect=NO_KEY)
        self.assertEqual(self.leftovers(), 0)

    def test_a_device_with_the_name_of_a_removed_contact_stays(self):
        self.run_it("recovery", "contact", "add", self.vault, "bob", "--half", self.dir / "kept")
        self.run_it("recovery", "contact", "remove", self.vault, "bob")
        bob = self.admit("bob")
        errors = self.errors("recovery", "contact", "remove", self.vault, "bob", expect=FAILED)
        self.assertIn("no recovery contact", errors)
        self.assertEqual(self.opens(self.seal_all(), bob), set(ALL))

    # -- changes that are made, and could not be finished

    def break_settling(self):
        """The next change is published, but the generation before it cannot be written again."""
        copy = self.generations("snapshots")[-1]
        self.kept = copy, copy.read_bytes()
        copy.unlink()
        copy.mkdir()

    def mend_settling(self):
        copy, content = self.kept
        copy.rmdir()
        copy.write_bytes(content)

    def test_a_key_that_counts_is_shown_whatever_comes_after(self):
        self.recovery_key()
        self.break_settling()
        done = self.run_it("recovery", "key", self.vault, expect=FAILED)
        self.assertIn("the change is made", done.stderr.decode())
        self.mend_settling()
        self.recover("--code-file", self.file("shown", done.stdout.decode().strip()))
        self.assertEqual(self.leftovers(), 0)

    def test_a_contact_that_counts_is_shown_whatever_comes_after(self):
        self.break_settling()
        half = self.dir / "kept"
        answer = self.json("recovery", "contact", "add", self.vault, "friend", "--half", half,
                           expect=FAILED)
        self.assertIn("the change is made", answer["error"]["hint"])
        self.mend_settling()
        self.recover("--code-file", self.file("shown", answer["code"]), "--half", half)

    def test_who_removes_the_last_way_back_is_told(self):
        self.recovery_key()
        self.run_it("recovery", "contact", "add", self.vault, "friend", "--half", self.dir / "half")
        self.run_it("adp", "on", self.vault)
        done = self.run_it("recovery", "contact", "remove", self.vault, "friend")
        self.assertNotIn("no way back", done.stderr.decode())
        self.assertIn(self.account(), done.stdout.decode())  # it has changed
        done = self.run_it("device", "remove", self.vault, "recovery key")
        self.assertIn("no way back", done.stderr.decode())
        self.assertIn(self.account(), done.stdout.decode())

    def test_no_more_than_five(self):
        for number in range(5):
            self.run_it("recovery", "contact", "add", self.vault, f"friend {number}", "--half",
                        self.dir / f"half-{number}")
        self.run_it("recovery", "contact", "add", self.vault, "one more", "--half",
                    self.dir / "half-5", expect=FAILED)
        self.assertFalse((self.dir / "half-5").exists())
        self.run_it("recovery", "contact", "remove", self.vault, "friend 2")
        self.run_it("recovery", "contact", "add", self.vault, "one more", "--half",
                    self.dir / "half-5")


if __name__ == "__main__":
    scenario.main()
