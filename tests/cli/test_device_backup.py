"""Backups of devices: what each file of one is, what cannot be told, and that all of it comes back
where it was."""

import hashlib
import os
import plistlib
import random
import shutil
import sqlite3
from contextlib import closing

import scenario
import device_backup  # scenario makes it known where
from device_backup import FILES, UDID, label, place  # noqa: E402

PLISTS = ("Manifest.plist", "Info.plist", "Status.plist")
SMS = place("HomeDomain", "Library/SMS/sms.db")


class DeviceBackup(scenario.Scenario):
    def setUp(self):
        super().setUp()
        self.init()
        self.source.mkdir()
        self.backup = self.source / "MobileSync" / "Backup" / UDID
        self.before = f"source/MobileSync/Backup/{UDID}/"

    def make(self, **how):
        return device_backup.make(self.backup, **how)

    def listed(self, *args):
        """Each file of the backup in the latest snapshot: its category and its label."""
        entries = self.json("list", self.vault, "latest", *args)["entries"]
        return {entry["path"].removeprefix(self.before): (entry["category"], entry.get("label"))
                for entry in entries if entry["type"] == "file"}

    def expected(self):
        files = {place(domain, path): (category, label(domain, path))
                 for category, domain, path in FILES}
        return files | {name: ("backup", None) for name in (*PLISTS, "Manifest.db")}

    def all_in_backup(self):
        return {str(file.relative_to(self.backup)): ("backup", None)
                for file in self.backup.rglob("*") if file.is_file() and not file.is_symlink()}

    def notes(self, report):
        return [event["message"] for event in report.get("events", ())
                if event["kind"] == "note" and event["path"].endswith(UDID)]

    def check_whole(self, why, *options):
        """All of it is sealed as a backup, and seal says why; it comes back as it was."""
        report = self.roundtrip(*options)
        self.assertEqual(report["exit_code"], scenario.DONE)
        notes = self.notes(report)
        self.assertEqual(len(notes), 1, notes)
        self.assertIn(why, notes[0])
        self.assertIn('"backup"', notes[0])
        self.assertEqual(self.listed(), self.all_in_backup())
        shutil.rmtree(self.dir / "opened")

    # -- what its files are

    def test_every_domain(self):
        """Whatever form its lists have, and whether its manifest was in use with a log."""
        for name, how in (("binary", {}), ("xml", {"form": plistlib.FMT_XML}),
                          ("log", {"log": True})):
            with self.subTest(name):
                self.make(**how)
                shutil.copytree(self.source, self.dir / "copy")
                report = self.roundtrip()
                self.assertEqual(self.notes(report), [])
                self.assertEqual(self.listed(), self.expected())
                # Nothing was written to the source.
                self.assert_same_tree(self.dir / "copy", self.source)
                for folder in (self.backup, self.dir / "copy", self.dir / "opened"):
                    shutil.rmtree(folder)

    def test_who_reads_the_manifest(self):
        """A child without rights, or this process: the same. The kernel may have no such child."""
        self.make()
        for how in ("auto", "off", "on"):
            codes = (scenario.DONE, scenario.FAILED) if how == "on" else scenario.DONE
            report = self.seal(self.source, "--sandbox", how, expect=codes)
            if report["exit_code"] == scenario.FAILED:
                self.assertIn("no full sandbox here", report["error"]["message"])
                continue
            self.assertEqual(self.notes(report), [])
            self.assertEqual(self.listed(), self.expected())

    def test_every_category(self):
        names = {item["name"] for item in self.json("category", "list")["categories"]}
        self.assertEqual({category for category, _, _ in FILES}, names)
        self.make()
        report = self.seal()
        self.assertEqual(set(report["categories"]), names)

    def test_list_shows_both_names(self):
        self.make()
        self.seal()
        lines = self.text("list", self.vault, "latest", "--category", "messages").splitlines()
        self.assertTrue(any(line.endswith(f"{SMS}  HomeDomain/Library/SMS/sms.db")
                            for line in lines), lines)

    def test_what_is_opened_can_be_read_by_its_manifest(self):
        self.make()
        self.seal()
        backup = self.open() / "source" / "MobileSync" / "Backup" / UDID
        with closing(sqlite3.connect(backup / "Manifest.db")) as db:
            rows = list(db.execute("SELECT fileID, domain, relativePath FROM Files "
                                   "WHERE flags = 1"))
        self.assertEqual(len(rows), len(FILES))
        for file_id, domain, path in rows:
            content = (backup / file_id[:2] / file_id).read_bytes()
            self.assertEqual(content, device_backup.content(domain, path))

    def test_one_category(self):
        self.make()
        self.seal()
        opened = self.open("photos", "latest", "--category", "photos")
        found = {str(file.relative_to(opened / self.before)) for file in opened.rglob("*")
                 if file.is_file()}
        self.assertEqual(found, {place(domain, path) for category, domain, path in FILES
                                 if category == "photos"})

    def test_beside_other_things(self):
        self.make()
        self.write("holiday.jpg", b"a photo")
        self.write("MobileSync/Backup/note.txt", b"which phone is which")
        report = self.roundtrip()
        self.assertEqual(self.notes(report), [])
        listed = self.listed()
        self.assertEqual(listed["source/holiday.jpg"], ("photos", None))
        self.assertEqual(listed[SMS], ("messages", "HomeDomain/Library/SMS/sms.db"))

    def test_files_that_the_manifest_does_not_know(self):
        self.make()
        stranger = hashlib.sha1(b"nobody").hexdigest()
        odd = [f"{stranger[:2]}/{stranger}", SMS[3:], f"zz/{SMS[3:]}", f"{SMS}.tmp",
               "Manifest.db-wal", "HomeDomain/Library/SMS/sms.db", "3d/3D" + SMS[5:]]
        for name in odd:
            file = self.backup / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(name.encode())
        self.roundtrip()
        self.assertEqual(self.listed(), self.expected() | {name: ("backup", None) for name in odd})

    # -- who decides

    def test_explain(self):
        self.make()
        for name, category, rule in ((SMS, "messages", "/HomeDomain/Library/SMS/"),
                                     ("Manifest.db", "backup", "/**")):
            verdict, = self.json("category", "explain", self.before + name)["paths"]
            self.assertEqual((verdict["category"], verdict["profile"], verdict["rule"]),
                             (category, "device-backup", rule))

    def test_policy_comes_first(self):
        self.make()
        policy = self.dir / "policy"
        policy.write_text(f"version: 1\nrules:\n  - match: \"{SMS[3:]}\"\n    category: notes\n")
        self.seal(self.source, "--policy", policy)
        self.assertEqual(self.listed()[SMS], ("notes", "HomeDomain/Library/SMS/sms.db"))

    def test_policy_by_domain(self):
        """Rules for names on the device and rules for paths are asked in one order."""
        self.make()
        chat = place("AppDomainGroup-group.net.whatsapp.WhatsApp.shared", "ChatStorage.sqlite")
        photo = place("CameraRollDomain", "Media/DCIM/100APPLE/IMG_0001.HEIC")
        film = place("CameraRollDomain", "Media/DCIM/100APPLE/IMG_0002.MOV")
        policy = self.dir / "policy"
        policy.write_text("version: 1\nrules:\n"
                          f"  - {{match: '{SMS[3:]}', category: notes}}\n"
                          "  - {label: /HomeDomain/Library/SMS/, category: wallet}\n"
                          "  - {label: '*.mov', category: drive, derived: true}\n"
                          "  - {label: /AppDomainGroup-group.net.whatsapp.*/, category: backup}\n"
                          f"  - {{match: '{chat[3:]}', category: mail}}\n"
                          "  - {match: /HomeDomain/, category: siri}\n"
                          "  - {label: Manifest.db, category: siri}\n")
        report = self.seal(self.source, "--policy", policy)
        listed = self.listed()
        draft = place("HomeDomain", "Library/SMS/Drafts/Pending/message.plist")
        self.assertEqual({name: listed[name][0] for name in (SMS, draft, photo, film, chat,
                                                             "Manifest.db")},
                         {SMS: "notes", draft: "wallet", photo: "photos", film: "drive",
                          chat: "backup", "Manifest.db": "backup"})
        self.assertEqual(report["categories"]["drive"]["derived_files"], 1)
        verdict, = self.json("category", "explain", self.before + draft, "--policy",
                             policy)["paths"]
        self.assertEqual((verdict["category"], verdict["rule"], verdict["line"], verdict["origin"]),
                         ("wallet", "/HomeDomain/Library/SMS/", 2, str(policy)))

    def test_profile_option(self):
        self.make()
        self.seal(self.source, "--profile", "none")
        self.assertEqual({category for category, _ in self.listed().values()}, {"backup"})
        self.assertEqual({text for _, text in self.listed().values()}, {None})
        shutil.rmtree(self.source)
        self.write("a.jpg", b"a photo")
        report = self.seal(self.source, "--profile", "device-backup")
        self.assertEqual(report["events"][0]["path"], "source")
        self.assertIn("has no Manifest.db", report["events"][0]["message"])
        self.assertEqual(self.listed(), {"source/a.jpg": ("backup", None)})

    # -- what cannot be told

    def test_encrypted(self):
        for form in (plistlib.FMT_BINARY, plistlib.FMT_XML):
            self.make(form=form, encrypted=True)
            self.check_whole("encrypted with a password of its own")
            shutil.rmtree(self.backup)

    def test_encrypted_is_said_to_people(self):
        self.make(encrypted=True)
        self.assertIn(f"{UDID}: is encrypted with a password",
                      self.errors("seal", self.vault, self.source))

    def test_before_ios_10(self):
        self.make()
        (self.backup / "Manifest.db").unlink()
        (self.backup / "Manifest.mbdb").write_bytes(b"mbdb\5\0")
        self.check_whole("before iOS 10")

    def change(self, sql):
        with closing(sqlite3.connect(self.backup / "Manifest.db")) as db:
            db.executescript(sql)

    def test_no_table(self):
        forever = ("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
                   "SELECT '' AS fileID, '' AS domain, '' AS relativePath, 1 AS flags FROM n")
        for name, sql, why in (
                ("gone", "DROP TABLE Files", "no table Files"),
                ("other columns", "ALTER TABLE Files RENAME COLUMN domain TO d", "cannot be read"),
                ("a view", "ALTER TABLE Files RENAME TO f; CREATE VIEW Files AS SELECT * FROM f",
                 "no table Files"),
                ("a view without end", f"DROP TABLE Files; CREATE VIEW Files AS {forever}",
                 "no table Files")):
            with self.subTest(name):
                self.make()
                self.change(sql)
                self.check_whole(why)
                shutil.rmtree(self.backup)

    def test_damaged(self):
        self.make()
        path = self.backup / "Manifest.db"
        whole = path.read_bytes()
        for name, data in (("noise", random.Random(2).randbytes(100_000)), ("empty", b""),
                           ("cut", whole[:len(whole) // 2]), ("a page", whole[:4096]),
                           ("a hole", whole[:4096] + bytes(len(whole) - 4096))):
            with self.subTest(name):
                path.write_bytes(data)
                self.check_whole("Manifest.db is damaged")

    def test_any_damage(self):
        """Whatever bytes change: it is sealed and comes back, as what can be told of it."""
        self.make()
        path = self.backup / "Manifest.db"
        whole = path.read_bytes()
        chance = random.Random(3)
        expected = self.expected()
        for _ in range(25):
            data = bytearray(whole)
            for _ in range(chance.choice((1, 20, 500))):
                data[chance.randrange(len(data))] = chance.randrange(256)
            path.write_bytes(data)
            self.roundtrip()
            for name, said in self.listed().items():
                self.assertIn(said, (expected[name], ("backup", None)))
            shutil.rmtree(self.dir / "opened")

    def test_a_manifest_that_is_no_file(self):
        """Nothing is followed, and nothing waited for."""
        for name in ("gone", "link", "folder", "pipe"):
            with self.subTest(name):
                self.make()
                path = self.backup / "Manifest.db"
                if name == "link":
                    path.rename(self.dir / "elsewhere.db")
                    path.symlink_to(self.dir / "elsewhere.db")
                else:
                    path.unlink()
                if name == "folder":
                    path.mkdir()
                elif name == "pipe":
                    os.mkfifo(path)
                self.check_whole("has no Manifest.db")
                shutil.rmtree(self.backup)

    def test_what_is_no_backup(self):
        """One of the lists alone says nothing."""
        for name in ("Manifest.db", "Manifest.plist", "Info.plist"):
            self.write(f"app/{name}", b"x")
            self.assertEqual(self.json("seal", self.vault, self.source, "--dry-run")["profiles"],
                             [])
            shutil.rmtree(self.source)

    def test_rows_that_lie(self):
        """A row gives no file another name than its own: it is passed over."""
        self.make()
        photo = place("CameraRollDomain", "Media/DCIM/100APPLE/IMG_0001.HEIC")
        self.change("UPDATE Files SET domain = 'HomeDomain', relativePath = 'Library/Mail/x' "
                    f"WHERE fileID IN ('{SMS[3:]}', '{photo[3:]}');"
                    "INSERT INTO Files VALUES ('../../../etc/passwd', 'HomeDomain', 'x', 1, NULL)")
        report = self.roundtrip()
        notes = self.notes(report)
        self.assertEqual(len(notes), 1, notes)
        self.assertIn("3 entries of Manifest.db contradict themselves", notes[0])
        self.assertEqual(self.listed(), self.expected() | {SMS: ("backup", None),
                                                           photo: ("backup", None)})

    def test_names_that_would_confuse_a_terminal(self):
        self.make()
        path = "Library/\x1b[2J\n"
        file_id = device_backup.file_id("HomeDomain", path)
        self.change(f"INSERT INTO Files VALUES ('{file_id}', 'HomeDomain', "
                    "'Library/' || char(27) || '[2J' || char(10), 1, NULL)")
        file = self.backup / place("HomeDomain", path)
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"x")
        self.seal()
        self.assertEqual(self.listed()[place("HomeDomain", path)], ("backup", None))


if __name__ == "__main__":
    scenario.main()
