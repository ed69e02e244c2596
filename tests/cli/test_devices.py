"""Identities: other devices, sealers, passphrases."""

import os

import scenario
from scenario import DONE, FAILED, INTEGRITY, NO_KEY, USAGE, noise


class Devices(scenario.Scenario):
    def setUp(self):
        super().setUp()
        self.init()
        self.write("a.jpg", noise(50_000))
        self.snapshot = self.seal()["snapshot"]

    def test_a_stranger_opens_nothing(self):
        self.request("stranger")
        for command in (("open", self.vault, "latest", "--to", self.dir / "x"),
                        ("list", self.vault, "latest"), ("verify", self.vault),
                        ("cat", self.vault, "latest", "source/a.jpg")):
            done = self.run_it(*command, "--account", self.account(),
                               env=self.as_identity("stranger"), expect=NO_KEY)
            self.assertNotIn(b"a.jpg", done.stdout)
            self.assertIn(b"has no access to this vault", done.stderr)
        self.assertFalse((self.dir / "x/source").exists())

    def test_a_stranger_seals_nothing(self):
        self.request("stranger")
        errors = self.errors("seal", self.vault, self.source, "--account", self.account(),
                             env=self.as_identity("stranger"), expect=NO_KEY)
        self.assertIn("device add", errors)
        self.assertEqual(len(self.snapshots()), 1)

    def test_a_second_device_opens_what_was_there_before(self):
        answer = self.json("device", "add", self.vault, self.request("phone"))
        self.assertEqual((answer["name"], answer["kind"], answer["generation"]),
                         ("phone", "device", 2))
        self.json("open", self.vault, "latest", "--to", self.dir / "x", "--account",
                  answer["account"], env=self.as_identity("phone"))
        self.assert_same_tree(self.source, self.dir / "x/source")
        devices = self.json("device", "list", self.vault)["devices"]
        self.assertEqual([(item["name"], item["kind"], item["active"], item["self"])
                          for item in devices],
                         [("laptop", "device", True, True), ("phone", "device", True, False)])

    def test_a_device_added_by_the_second_one(self):
        self.run_it("device", "add", self.vault, self.request("phone"))
        self.run_it("device", "add", self.vault, self.request("tablet"),
                    "--account", self.account(), env=self.as_identity("phone"))
        self.run_it("verify", self.vault, "--account", self.account(),
                    env=self.as_identity("tablet"))

    def test_a_request_from_a_file_or_standard_input(self):
        file = self.dir / "request"
        file.write_text(self.request("phone") + "\n")
        self.run_it("device", "add", self.vault, file)
        self.run_it("device", "add", self.vault, "-", "--name", "renamed",
                    stdin=self.request("tablet").encode())
        names = [item["name"] for item in self.json("device", "list", self.vault)["devices"]]
        self.assertEqual(names, ["laptop", "phone", "renamed"])

    def test_a_request_that_was_changed(self):
        request = self.request("phone")
        changed = request[:-1] + ("0" if request[-1] != "0" else "1")
        self.run_it("device", "add", self.vault, changed, expect=(USAGE, INTEGRITY))
        self.run_it("device", "add", self.vault, request[:50], expect=(USAGE, INTEGRITY))
        self.run_it("device", "add", self.vault, self.dir / "nowhere", expect=FAILED)

    def test_a_sealer_seals_and_opens_nothing(self):
        self.run_it("device", "add", self.vault, self.request("box", "--sealer"))
        box = self.as_identity("box")
        self.write("b.jpg", noise(1000, 2))
        self.json("seal", self.vault, self.source, "--account", self.account(), env=box)
        self.assertEqual(self.snapshots()[1]["author"], "box")
        for command in (("open", self.vault, "latest", "--to", self.dir / "x"),
                        ("open", self.vault, self.snapshot, "--to", self.dir / "x"),
                        ("list", self.vault, "latest"), ("verify", self.vault),
                        ("cat", self.vault, "latest", "source/b.jpg")):
            errors = self.errors(*command, env=box, expect=NO_KEY)
            self.assertIn("sealer", errors)
        self.run_it("device", "add", self.vault, self.request("friend"), env=box,
                    expect=(FAILED, NO_KEY))
        self.assert_same_tree(self.source, self.open() / "source")

    def test_init_takes_an_identity_that_is_there(self):
        before = self.identity.read_bytes()
        answer = self.json("init", self.dir / "second", "--device", "laptop")
        self.assertFalse(answer["identity_is_new"])
        self.assertNotEqual(self.identity.read_bytes(), before)  # it knows two vaults now
        self.seal()
        self.json("seal", self.dir / "second", self.source)

    def test_init_needs_an_empty_folder(self):
        self.run_it("init", self.vault, "--device", "laptop", expect=FAILED)
        self.run_it("init", self.source, "--device", "laptop", expect=FAILED)
        self.assertEqual(os.listdir(self.source), ["a.jpg"])
        (self.dir / "empty").mkdir()
        self.run_it("init", self.dir / "empty", "--device", "laptop")

    def test_no_identity(self):
        self.identity.unlink()
        for words in (("seal", self.vault, self.source), ("verify", self.vault),
                      ("list", self.vault, "latest")):
            self.assertIn(str(self.identity), self.errors(*words, expect=NO_KEY))


class Passphrases(scenario.Scenario):
    def setUp(self):
        super().setUp()
        self.file = self.dir / "passphrase"
        self.file.write_text("correct horse\nthe second line does not count\n")
        self.write("a.jpg", noise(5000))

    def test_from_a_file(self):
        self.run_it("init", self.vault, "--device", "laptop", "--passphrase-file", self.file)
        self.seal(self.source, "--passphrase-file", self.file)
        opened = self.open("opened", "latest", "--passphrase-file", self.file)
        self.assert_same_tree(self.source, opened / "source")
        self.assertEqual(len(self.snapshots()), 1)

    def test_wrong_or_missing(self):
        self.run_it("init", self.vault, "--device", "laptop", "--passphrase-file", self.file)
        wrong = self.dir / "wrong"
        wrong.write_text("battery staple\n")
        self.run_it("seal", self.vault, self.source, "--passphrase-file", wrong, expect=NO_KEY)
        # No terminal to ask on.
        errors = self.errors("seal", self.vault, self.source, prefix=("setsid", "-w"),
                             expect=NO_KEY)
        self.assertIn("--passphrase-file", errors)

    def test_files_without_a_passphrase(self):
        for content in (b"", b"\nsecond line", b"a\0b\n", b"x" * 5000):
            self.file.write_bytes(content)
            self.run_it("init", self.vault, "--device", "x", "--passphrase-file", self.file,
                        expect=USAGE)
        self.assertFalse(self.identity.exists())
        self.run_it("init", self.vault, "--device", "x", "--passphrase-file", self.dir / "nowhere",
                    expect=FAILED)

    def test_asked_for_on_the_terminal(self):
        code, written = self.type_in((b"hush", b"hush"), "init", self.vault, "--device", "laptop",
                                     "--passphrase")
        self.assertEqual(code, DONE, written)
        self.assertNotIn(b"hush", written)
        code, written = self.type_in((b"wrong", b"hush"), "seal", self.vault, self.source)
        self.assertEqual(code, DONE, written)
        code, written = self.type_in((b"a", b"b", b"c"), "seal", self.vault, self.source)
        self.assertEqual(code, NO_KEY, written)

    def test_typed_differently_the_second_time(self):
        code, written = self.type_in((b"hush", b"hash"), "init", self.vault, "--device", "laptop",
                                     "--passphrase")
        self.assertEqual(code, NO_KEY, written)
        self.assertFalse(self.identity.exists())
        self.assertFalse(self.vault.exists())

    def test_a_passphrase_for_an_identity_that_has_none(self):
        self.init()
        self.run_it("init", self.dir / "second", "--device", "laptop", "--passphrase",
                    expect=FAILED)


if __name__ == "__main__":
    scenario.main()
