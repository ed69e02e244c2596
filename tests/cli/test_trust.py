"""First contact: whose vault it is, is decided once, and held to."""

import pathlib
import shutil

import scenario
from scenario import DONE, INTEGRITY, NO_KEY, USAGE, noise

UNTRUSTED = 42
NOBODYS = "00" * 32


class Trust(scenario.Scenario):
    """A vault that admits the sealer "box" and the device "phone", neither of which has met it."""

    def setUp(self):
        super().setUp()
        self.init()
        self.write("a.jpg", noise(50_000))
        self.seal()
        self.box, self.phone = self.as_identity("box"), self.as_identity("phone")
        self.box_request = self.request("box", "--sealer")
        self.run_it("device", "add", self.vault, self.box_request)
        self.run_it("device", "add", self.vault, self.request("phone"))

    def commands(self):
        return (("seal", self.vault, self.source), ("list", self.vault, "latest"),
                ("open", self.vault, "latest", "--to", self.dir / "x"), ("verify", self.vault),
                ("verify", self.vault, "latest"), ("cat", self.vault, "latest", "source/a.jpg"),
                ("device", "add", self.vault, self.request("friend")))

    def files(self):
        return sorted(path for path in self.vault.rglob("*") if path.is_file())

    def check_refused(self, env, commands=None):
        """Nothing is read or written, each time anew."""
        identity = pathlib.Path((self.env | env)["ADP_SEAL_IDENTITY"])
        before, known = self.files(), identity.read_bytes()
        for command in commands or self.commands():
            with self.case("hostile input", "an account that is not pinned", command=command[0]):
                done = self.run_it(*command, env=env, expect=NO_KEY)
                self.assertIn(b"--account", done.stderr)
                self.assertNotIn(b"a.jpg", done.stdout)
        self.assertEqual(self.files(), before)
        self.assertFalse((self.dir / "x").exists())
        self.assertEqual(identity.read_bytes(), known)

    def check_known(self, env):
        self.run_it("seal", self.vault, self.source, env=env)

    def replace_keybag(self):
        """A forger's keybag in place of the vault's: a vault id and an account of his own, and the
        sealer among its recipients."""
        forger, forged = self.as_identity("forger"), self.dir / "forged"
        self.run_it("init", forged, "--device", "laptop", env=forger)
        self.run_it("device", "add", forged, self.box_request, env=forger)
        self.put_keybag(forged / "keybag")
        return forger

    def put_keybag(self, folder):
        """The generations of |folder| in place of the vault's, both copies of each."""
        for copy in self.vault.glob("*/*.adpk"):
            copy.unlink()
        for generation in folder.iterdir():
            shutil.copy(generation, self.vault / "keybag")
            shutil.copy(generation, self.vault / "snapshots")

    # -- nobody has said anything

    def test_without_an_answer_no_key_is_used(self):
        account = self.account()
        self.check_refused(self.phone)
        self.check_refused(self.box)
        answer = self.json("seal", self.vault, self.source, env=self.box, expect=NO_KEY)
        self.assertEqual((answer["error"]["code"], answer["first_contact"], answer["account"]),
                         (UNTRUSTED, True, account))
        self.assertIn(account, answer["error"]["hint"])

    def test_it_may_be_looked_at(self):
        answer = self.json("device", "list", self.vault, env=self.phone)
        self.assertEqual((answer["account"], answer["first_contact"]), (self.account(), True))
        self.assertIn("does not know", self.errors("snapshots", self.vault, env=self.phone))
        self.assertEqual(len(self.snapshots(env=self.phone)), 1)
        self.check_refused(self.phone)
        self.assertNotIn("first_contact", self.json("device", "list", self.vault))

    # -- --account

    def test_the_right_account_is_remembered(self):
        account = self.account()
        answer = self.json("seal", self.vault, self.source, "--account", account, env=self.box)
        self.assertEqual((answer["first_contact"], answer["account"]), (True, account))
        self.check_known(self.box)
        self.assertNotIn("first_contact",
                         self.json("seal", self.vault, self.source, env=self.box))

    def test_however_it_is_written(self):
        account = self.account()
        for number, text in enumerate((account.replace(" ", ""), account.upper(), f" {account} ")):
            identity = self.dir / f"phone-{number}"
            shutil.copy(self.dir / "phone", identity)
            self.run_it("verify", self.vault, "--account", text, "--identity", identity)
            self.run_it("verify", self.vault, "--identity", identity)

    def test_looking_with_the_right_account_is_enough(self):
        self.run_it("device", "list", self.vault, "--account", self.account(), env=self.phone)
        self.check_known(self.phone)

    def test_a_wrong_account(self):
        for words in self.commands() + (("device", "list", self.vault), ("snapshots", self.vault)):
            errors = self.errors(*words, "--account", NOBODYS, env=self.phone, expect=INTEGRITY)
            self.assertIn(self.account(), errors)
        self.check_refused(self.phone)
        # Not where the vault is known either, nor without any identity.
        self.run_it("verify", self.vault, "--account", NOBODYS, expect=INTEGRITY)
        for account, expect in ((NOBODYS, INTEGRITY), (self.account(), DONE)):
            self.run_it("snapshots", self.vault, "--account", account,
                        env=self.as_identity("nowhere"), expect=expect)

    def test_no_fingerprint(self):
        account = self.account()
        for text in ("", account[:-1], account + "0", account[:-1] + "g", "laptop"):
            self.run_it("verify", self.vault, "--account", text, env=self.phone, expect=USAGE)
        self.check_refused(self.phone)

    def test_device_add_says_what_comes_next(self):
        errors = self.errors("device", "add", self.vault, self.request("tablet"))
        self.assertIn(f'--account "{self.account()}"', errors)

    # -- on a terminal

    def test_yes(self):
        for number, word in enumerate((b"y", b"YES")):
            identity = self.dir / f"phone-{number}"
            shutil.copy(self.dir / "phone", identity)
            code, written = self.type_in([word], "verify", self.vault, "--identity", identity)
            self.assertEqual(code, DONE, written)
            self.assertIn(self.account().encode(), written)
            self.run_it("verify", self.vault, "--identity", identity)

    def test_anything_but_yes(self):
        for word in (b"n", b"", b"yesterday", b"y" * 100, b"\x04"):
            code, written = self.type_in([word], "seal", self.vault, self.source, env=self.phone)
            self.assertEqual(code, NO_KEY, written)
        self.check_refused(self.phone)

    # -- somebody has replaced the keybag

    def test_a_forged_keybag_that_lists_the_sealer(self):
        account = self.account()
        self.run_it("seal", self.vault, self.source, "--account", account, env=self.box)
        forger = self.replace_keybag()
        seal = ("seal", self.vault, self.source)
        self.check_refused(self.box, [seal, seal])
        self.run_it(*seal, "--account", account, env=self.box, expect=INTEGRITY)
        self.check_refused({}, [seal])  # nor does the first device take it for its own
        code, written = self.type_in([b"n"], *seal, env=self.box)
        self.assertEqual(code, NO_KEY, written)
        self.assertIn(b"somebody has replaced", written)
        # Were it not refused, the forger would read it.
        forgers = self.json("device", "list", self.vault, env=forger)["account"]
        snapshot = self.json(*seal, "--account", forgers, env=self.box)["snapshot"]
        self.run_it("cat", self.vault, snapshot, "source/a.jpg", env=forger)

    def test_a_forged_keybag_before_the_first_contact(self):
        account = self.account()
        self.replace_keybag()
        self.check_refused(self.box, [("seal", self.vault, self.source)])
        self.run_it("seal", self.vault, self.source, "--account", account, env=self.box,
                    expect=INTEGRITY)

    def test_the_right_keybag_again(self):
        account, kept = self.account(), self.dir / "kept"
        self.run_it("seal", self.vault, self.source, "--account", account, env=self.box)
        shutil.copytree(self.vault / "keybag", kept)
        self.replace_keybag()
        self.run_it("seal", self.vault, self.source, env=self.box, expect=NO_KEY)
        self.put_keybag(kept)
        self.check_known(self.box)


if __name__ == "__main__":
    scenario.main()
