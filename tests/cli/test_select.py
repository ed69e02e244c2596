"""Which snapshot, which paths, which categories; cat, list and policies."""

import os

import scenario
from scenario import DONE, FAILED, NO_KEY, USAGE, noise, prose


class Select(scenario.Scenario):
    def setUp(self):
        super().setUp()
        self.init()
        self.write("2024/a.jpg", noise(100_000))
        self.write("2024/b.jpg", noise(50, 2))
        self.write("2024/notes.txt", b"first")
        self.write("2024-more/c.jpg", noise(60, 3))
        self.write("mail/x.eml", b"From: me\n")
        self.first = self.seal()["snapshot"]

    def names_in(self, folder):
        return sorted(str(path.relative_to(folder)) for path in folder.rglob("*")
                      if not path.is_dir())

    def test_one_archive_per_category(self):
        archives = self.snapshots()[0]["archives"]
        self.assertEqual([archive["category"] for archive in archives],
                         ["drive", "photos", "mail"])
        names = sorted(path.name for path in self.vault.rglob("*.adps"))
        self.assertEqual(names, ["drive.adps", "mail.adps", "photos.adps"])

    def test_latest_and_ids(self):
        self.write("2024/notes.txt", b"second")
        second = self.seal()["snapshot"]
        self.assertEqual([item["id"] for item in self.snapshots()], [self.first, second])
        for snapshot, content in ((self.first, b"first"), (second, b"second"),
                                  ("latest", b"second"), (self.first[:-2], b"first")):
            done = self.run_it("cat", self.vault, snapshot, "source/2024/notes.txt")
            self.assertEqual(done.stdout, content)

    def test_an_ambiguous_or_unknown_snapshot(self):
        self.seal()
        self.assertIn("snapshot", self.errors("list", self.vault, self.first[:2],
                                              expect=(FAILED, USAGE)))
        self.errors("list", self.vault, "19700101T000000Z-00000000", expect=FAILED)

    def test_paths(self):
        opened = self.open("one", "latest", "source/2024/a.jpg")
        self.assertEqual(self.names_in(opened), ["source/2024/a.jpg"])
        # A path takes what lies below it, not what begins alike.
        opened = self.open("folder", "latest", "source/2024/")
        self.assertEqual(self.names_in(opened), ["source/2024/a.jpg", "source/2024/b.jpg",
                                                 "source/2024/notes.txt"])
        opened = self.open("two", "latest", "source/mail", "source/2024-more")
        self.assertEqual(self.names_in(opened), ["source/2024-more/c.jpg", "source/mail/x.eml"])
        opened = self.open("all", "latest", ".")
        self.assert_same_tree(self.source, opened / "source")

    def test_categories(self):
        opened = self.open("mail", "latest", "--category", "mail")
        self.assertEqual(self.names_in(opened), ["source/mail/x.eml"])
        opened = self.open("both", "latest", "--category", "mail", "--category", "drive")
        self.assertEqual(self.names_in(opened), ["source/2024/notes.txt", "source/mail/x.eml"])
        self.run_it("open", self.vault, "latest", "--to", "x", "--category", "wallet",
                    expect=(DONE, FAILED))
        self.run_it("open", self.vault, "latest", "--to", "x", "--category", "walet", expect=USAGE)

    def test_a_path_that_is_not_there(self):
        for args in (("open", self.vault, "latest", "source/2025", "--to", "x"),
                     ("list", self.vault, "latest", "source/2025"),
                     ("cat", self.vault, "latest", "source/2025")):
            self.assertIn("2025", self.errors(*args, expect=FAILED))

    def test_cat(self):
        content = noise(9_000_000, 4) + prose(3_000_000)
        self.write("large", content)
        os.link(self.source / "large", self.source / "same")
        self.seal()
        for name in ("large", "same"):
            done = self.run_it("cat", self.vault, "latest", "source/" + name)
            self.assertEqual(done.stdout, content)
        self.run_it("cat", self.vault, "latest", "source/2024", expect=(FAILED, USAGE))

    def test_list(self):
        os.symlink("a.jpg", self.source / "2024/link")
        os.chmod(self.source / "2024/b.jpg", 0o4750)
        os.utime(self.source / "2024/b.jpg", (0, 1_700_000_000))
        self.seal()
        lines = self.text("list", self.vault, "latest", "source/2024").splitlines()
        self.assertTrue(any(line.startswith("-rwsr-x---") and "2023-11-14 22:13:20" in line and
                            line.endswith(" source/2024/b.jpg") for line in lines), lines)
        self.assertTrue(any(line.startswith("l") and line.endswith("source/2024/link -> a.jpg")
                            for line in lines), lines)

    def test_everything_into_one_category(self):
        report = self.seal(self.source, "--category", "backup")
        self.assertEqual(list(report["categories"]), ["backup"])

    def test_policy_file(self):
        policy = self.dir / "policy.yaml"
        policy.write_text("version: 1\n"
                          "rules:\n"
                          "  - {match: /source/2024/, category: notes}\n"
                          "  - {match: '*.jpg', category: wallet}\n")
        report = self.seal(self.source, "--policy", policy)
        files = {name: part["files"] for name, part in report["categories"].items()
                 if part["files"]}
        self.assertEqual(files, {"notes": 3, "wallet": 1, "mail": 1})
        self.assert_same_tree(self.source, self.open() / "source")

    def test_a_wrong_policy_names_its_rule(self):
        policy = self.dir / "policy.yaml"
        policy.write_text("version: 1\nrules:\n  - {match: a, category: photoz}\n")
        errors = self.errors("seal", self.vault, self.source, "--policy", policy, expect=USAGE)
        self.assertIn("policy.yaml: rule 1", errors)
        self.assertEqual(len(self.snapshots()), 1)

    def test_explain(self):
        policy = self.dir / "policy.yaml"
        policy.write_text("version: 1\nrules: [{match: 'x/', category: notes}]\n")
        answer = self.json("category", "explain", "--policy", policy, "x/IMG.JPG", "y/IMG.JPG", "z",
                           "/x/")
        self.assertEqual([(path["category"], path["rule"]) for path in answer["paths"]],
                         [("notes", "x/"), ("photos", "*.jpg"), ("drive", "(default)"),
                          ("notes", "x/")])
        self.assertEqual(answer["paths"][0]["origin"], str(policy))
        self.assertEqual(answer["paths"][1]["origin"], "built-in")
        self.assertIn("*.jpg", self.text("category", "explain", "y/IMG.JPG"))

    def test_category_list(self):
        categories = self.json("category", "list")["categories"]
        self.assertEqual(len(categories), 26)
        self.assertEqual(categories[16], {"number": 17, "name": "photos", "class": "advanced"})
        self.assertEqual(len(self.text("category", "list").splitlines()), 26)


class NothingToSee(scenario.Scenario):
    def test_a_vault_without_snapshots(self):
        self.init()
        self.assertEqual(self.snapshots(), [])
        self.run_it("verify", self.vault)
        self.errors("open", self.vault, "latest", "--to", "x", expect=FAILED)

    def test_no_identity_is_needed_to_look(self):
        self.init()
        self.write("a.jpg", b"x")
        self.seal()
        self.identity.unlink()
        self.assertEqual(len(self.snapshots()), 1)
        self.assertIn("laptop", self.text("device", "list", self.vault))
        self.errors("list", self.vault, "latest", expect=(FAILED, NO_KEY))


if __name__ == "__main__":
    scenario.main()
