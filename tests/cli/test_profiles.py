"""Folders that are known by their structure: what becomes of each part, what can be left out, and who
has the last word."""

import os
import shutil
import unicodedata

import scenario

# Per profile: a tree, each file with its category; "-" before it for what can be made again.
PHOTOS_LIBRARY = {
    "database/Photos.sqlite": "photos",
    "database/search/psi.sqlite": "photos",
    "originals/A/A1.heic": "photos",
    "originals/A/A1.txt": "photos",
    "resources/renders/A/A1_1_201_a.jpeg": "photos",
    "resources/renders/A/A1.plist": "photos",
    "resources/derivatives/A/A1_1_105_c.jpeg": "-photos",
    "resources/derivatives/masters/A/A1_4_5005_c.jpeg": "-photos",
    "resources/caches/graph/graph.db": "-photos",
    "private/com.apple.photoanalysisd/caches/vision.db": "-photos",
    "private/com.apple.photoanalysisd/GraphService/state.plist": "photos",
}
TAKEOUT = {
    "archive_browser.html": "drive",
    "Google Photos/Photos from 2020/IMG_1.jpg": "photos",
    "Google Photos/Photos from 2020/IMG_1.jpg.supplemental-me.json": "photos",
    "Google Photos/Trip/metadata.json": "photos",
    "Mail/All mail Including Spam and Trash.mbox": "mail",
    "Mail/User Settings/Filters.json": "mail",
    "Contacts/All Contacts/photo.jpg": "contacts",
    "Calendar/ada.ics": "calendar",
    "Keep/list.json": "notes",
    "Tasks/Tasks.json": "reminders",
    "Drive/letter.jpg": "drive",
    "Chrome/Bookmarks.html": "bookmarks",
    "Chrome/History.json": "safari",
    "Chrome/Passwords.csv": "passwords",
    "Location History (Timeline)/Records.json": "maps",
    "Maps (your places)/Saved Places.json": "maps",
    "Fit/All sessions/walk.json": "health",
    "Google Chat/Groups/DM 1/messages.json": "messages",
    "Hangouts/Hangouts.json": "messages",
    "My Activity/Assistant/MyActivity.html": "siri",
    "My Activity/Search/MyActivity.html": "safari",
    "News/read.json": "drive",
    "YouTube and YouTube Music/videos/cat.mp4": "photos",
}
# What Google Photos is called in exports in several languages, one of them as a Mac unpacks it.
GOOGLE_PHOTOS = (
    "Google Photos", "Google Fotos", "Google Foto", "Google Foto's", "Google Fotók",
    "Google Fotoğraflar", "Google Kuvat", "Google Фото", "Google Снимки", "Google Φωτογραφίες",
    "Google フォト", "Google 相簿", "Google 相册", "Google 포토", "Fotky Google", "Zdjęcia Google",
    unicodedata.normalize("NFD", "Zdjęcia Google"), "صور Google", "תמונות Google",
)
IMMICH = {
    "upload/u/ab/cd/abcd.jpg": "photos",
    "upload/u/ab/cd/abcd.jpg.json": "photos",
    "library/ada/2020/a.txt": "photos",
    "profile/u/me.bin": "photos",
    "backups/immich-db-backup-1.sql.gz": "photos",
    "thumbs/.immich": "photos",
    "thumbs/u/ab/cd/abcd-preview.jpeg": "-photos",
    "encoded-video/.immich": "photos",
    "encoded-video/u/ab/cd/abcd.mp4": "-photos",
    "docker-compose.yml": "drive",
}
PHOTOPRISM = {
    "originals/2020/a.jpg": "photos",
    "originals/cache/b.txt": "photos",
    "import/c.txt": "photos",
    "storage/sidecar/2020/a.yml": "photos",
    "storage/backup/albums/x.yml": "photos",
    "storage/cache/thumbnails/a/b.jpg": "-photos",
    "cache/mine.txt": "drive",
}
PHOTOPRISM_STORAGE = {
    "sidecar/2020/a.yml": "photos",
    "config/options.yml": "photos",
    "cache/thumbnails/a/b.jpg": "-photos",
    "cache/json/a/b.json": "-photos",
}
MAILDIR = {
    "cur/1699.M1P2.host:2,S": "mail",
    "new/1700.M1P2.host": "mail",
    "tmp/.keep": "mail",
    ".Sent/cur/1.jpg": "mail",
}
TREES = {
    "photos-library": ("Family.photoslibrary", PHOTOS_LIBRARY),
    "google-takeout": ("Takeout", TAKEOUT),
    "immich": ("pictures-server", IMMICH),
    "photoprism": ("pp", PHOTOPRISM),
    "photoprism-storage": ("pp-storage", PHOTOPRISM_STORAGE),
    "maildir": ("inbox", MAILDIR),
}


class Profiles(scenario.Scenario):
    def setUp(self):
        super().setUp()
        self.init()
        self.source.mkdir()

    def plant(self, where, tree):
        """Makes |tree| in the source; the content of each file is its own path."""
        for path in tree:
            self.write(f"{where}/{path}", path.encode())

    def plant_all(self):
        for folder, tree in TREES.values():
            self.plant(f"deep/er/{folder}", tree)
        for folder in ("upload", "library", "thumbs", "encoded-video"):
            self.assertTrue((self.source / "deep/er/pictures-server" / folder).is_dir())

    def listed(self, *args):
        """Each file of the latest snapshot, by path: its category, with "-" before a derived one."""
        entries = self.json("list", self.vault, "latest", *args)["entries"]
        return {entry["path"]: "-" * entry.get("derived", False) + entry["category"]
                for entry in entries if entry["type"] in ("file", "hardlink")}

    def plan(self, *args, **how):
        return self.json("seal", self.vault, *(args or (self.source,)), "--dry-run", **how)

    def found(self, *args):
        return {found["path"]: found["profile"] for found in self.plan(*args)["profiles"]}

    def explain(self, *args):
        return self.json("category", "explain", *args)["paths"]

    # -- what they are

    def test_every_profile(self):
        self.plant_all()
        self.seal()
        listed = self.listed()
        expected = {f"source/deep/er/{folder}/{path}": category
                    for folder, tree in TREES.values() for path, category in tree.items()}
        self.assertEqual(listed, expected)
        self.assertEqual(self.found(), {f"source/deep/er/{folder}": name
                                        for name, (folder, _) in TREES.items()})

    def test_nothing_gets_lost(self):
        self.plant_all()
        self.roundtrip()

    def test_by_structure_without_the_name(self):
        self.plant("old copy", PHOTOS_LIBRARY)
        self.plant("export 2024", TAKEOUT)
        self.plant("Takeout-2/Takeout", {"Keep/a.json": "notes"})
        self.assertEqual(self.found(), {"source/old copy": "photos-library",
                                        "source/export 2024": "google-takeout",
                                        "source/Takeout-2/Takeout": "google-takeout"})

    def test_takeout_in_other_languages(self):
        """Photos and what belongs to them, whatever it is called, stay together."""
        for i, name in enumerate(GOOGLE_PHOTOS):
            self.plant(f"{i}/Takeout/{name}/2023", {"a.jpg": "", "métadonnées.json": "",
                                                    "a.HEIC.supplemental-met(1).json": ""})
        self.seal()
        for path, category in self.listed().items():
            self.assertEqual(category, "photos", path)
        self.assertEqual(len(self.found()), len(GOOGLE_PHOTOS))

    def test_a_source_that_is_one(self):
        self.plant("Family.photoslibrary", PHOTOS_LIBRARY)
        library = self.source / "Family.photoslibrary"
        self.assertEqual(self.found(library), {"Family.photoslibrary": "photos-library"})

    def test_lookalikes_are_not_taken(self):
        self.plant("code", {"originals/a.c": "", "database/schema.sql": ""})
        self.plant("site", {"archive_browser.html": "", "pages/a.html": ""})
        self.plant("web", {"thumbs/a.txt": "", "upload/b.txt": ""})
        self.plant("Takeout", {"menu/pizza.txt": ""})
        self.plant("mail", {"cur/a": "", "new/b": ""})
        self.assertEqual(self.found(), {})

    # -- what can be made again

    def check_without_derived(self, opened, report):
        expected = {path for folder, tree in TREES.values() for path in tree}
        derived = {path for folder, tree in TREES.values() for path in tree
                   if tree[path].startswith("-")}
        there = {file.read_bytes().decode() for file in opened.rglob("*") if file.is_file()}
        self.assertEqual(there, expected - derived)
        self.assertEqual((report["left_out_files"], report["left_out_bytes"]),
                         (len(derived_files()), sum(map(len, derived_files()))))
        self.assertFalse((opened / "source/deep/er/Family.photoslibrary/resources/caches").exists())
        self.assertTrue((opened / "source/deep/er/pictures-server/thumbs").is_dir())

    def test_seal_leaves_it_out(self):
        self.plant_all()
        report = self.seal(self.source, "--skip-derived")
        self.assertEqual(report["total"]["derived_files"], 0)
        self.assertNotIn("-photos", self.listed().values())
        self.check_without_derived(self.open(), report)
        self.assertIn("left out, since they can be made again: 9 files",
                      self.text("seal", self.vault, self.source, "--skip-derived"))

    def test_open_leaves_it_out(self):
        self.plant_all()
        self.assertEqual(self.seal()["total"]["derived_files"], 9)
        report = self.json("open", self.vault, "latest", "--skip-derived", "--to",
                           self.dir / "opened")
        self.check_without_derived(self.dir / "opened", report)

    def test_no_kept_name_leads_to_derived_content(self):
        """One file under two names, the derived one first: the other stays whole without it."""
        self.plant("im", IMMICH)
        library = self.source / "im"
        (library / "encoded-video/a.mp4").write_bytes(b"film")
        os.link(library / "encoded-video/a.mp4", library / "library/film.mp4")
        os.link(library / "encoded-video/a.mp4", library / "library/same.mp4")
        for name, at_seal, at_open in (("a", ["--skip-derived"], []), ("b", [], ["--skip-derived"])):
            self.seal(self.source, *at_seal)
            opened = self.open(name, "latest", *at_open) / "source/im"
            self.assertFalse((opened / "encoded-video/a.mp4").exists())
            self.assertEqual((opened / "library/film.mp4").read_bytes(), b"film")
            self.assertTrue((opened / "library/film.mp4").samefile(opened / "library/same.mp4"))

    def test_only_derived(self):
        self.plant("im", IMMICH)
        thumbs = self.source / "im/thumbs/u"
        rule = self.write("policy.yaml", b"version: 1\nrules:\n"
                          b"  - {match: '/u/', category: photos, derived: true}\n")
        report = self.seal(thumbs, "--policy", rule, "--skip-derived")
        self.assertEqual((report["total"]["files"], report["left_out_files"]), (0, 1))

    # -- who decides

    def test_the_policy_file_comes_first(self):
        self.plant("Takeout", TAKEOUT)
        self.plant("im", IMMICH)
        policy = self.dir / "policy.yaml"
        policy.write_text("version: 1\nrules:\n"
                          "  - {match: 'Google Photos/', category: drive}\n"
                          "  - {match: '*.mp4', category: backup}\n"
                          "  - {match: 'backups/', category: backup, derived: true}\n")
        self.seal(self.source, "--policy", policy)
        listed = self.listed()
        self.assertEqual(listed["source/Takeout/Google Photos/Trip/metadata.json"], "drive")
        self.assertEqual(listed["source/Takeout/Keep/list.json"], "notes")
        self.assertEqual(listed["source/im/encoded-video/u/ab/cd/abcd.mp4"], "backup")
        self.assertEqual(listed["source/im/thumbs/u/ab/cd/abcd-preview.jpeg"], "-photos")
        self.assertEqual(listed["source/im/backups/immich-db-backup-1.sql.gz"], "-backup")

    def test_a_policy_without_built_in_rules_has_no_profiles(self):
        self.plant("Takeout", TAKEOUT)
        policy = self.dir / "policy.yaml"
        policy.write_text("version: 1\nbuiltin: false\n")
        self.assertEqual(self.plan(self.source, "--policy", policy)["profiles"], [])

    def test_everything_in_one_category_is_still_derived(self):
        self.plant("im", IMMICH)
        report = self.seal(self.source, "--category", "backup", "--skip-derived")
        self.assertEqual(set(report["categories"]), {"backup"})
        self.assertEqual(report["left_out_files"], 2)

    def test_profile_option(self):
        self.plant("im", IMMICH)
        folder = self.source / "im"
        self.assertEqual(self.found(self.source, "--profile=none"), {})
        self.assertEqual(self.found(self.source, "--profile=auto"), {"source/im": "immich"})
        self.assertEqual(self.found(folder, "--profile=photos-library"), {"im": "photos-library"})
        (folder / "encoded-video/u/ab/cd/abcd.mp4").unlink()
        (folder / "thumbs/.immich").rename(folder / "thumb")
        self.seal(folder, "--profile=immich")
        self.assertEqual(self.listed()["im/thumbs/u/ab/cd/abcd-preview.jpeg"], "-photos")

    def test_unknown_profile(self):
        for args in (["seal", self.vault, self.source], ["category", "explain", "x"],
                     ["seal", self.vault, self.source, "--dry-run"]):
            errors = self.errors(*args, "--profile=nonsense", expect=scenario.USAGE)
            self.assertIn('no profile is called "nonsense"', errors)
            for name in TREES:
                self.assertIn(name, errors)
        self.assertEqual(self.snapshots(), [])

    # -- explain

    def test_explain_names_rule_and_profile(self):
        self.plant("Family.photoslibrary", PHOTOS_LIBRARY)
        inside = "Family.photoslibrary/resources/derivatives/A/A1_1_105_c.jpeg"
        for path in (f"source/{inside}", f"./source/{inside}", self.source / inside,
                     f"source//{inside}", f"source/./{inside.replace('/', '//./')}",
                     f"source/Family.photoslibrary/resources/derivatives/to/come.jpeg"):
            verdict = self.explain(path)[0]
            self.assertEqual((verdict["category"], verdict["profile"], verdict["rule"],
                              verdict["derived"], verdict["origin"]),
                             ("photos", "photos-library", "/resources/derivatives/", True,
                              "profile"))
        self.assertIn("/resources/derivatives/ (profile photos-library, rule 1), derived",
                      self.text("category", "explain", f"source/{inside}"))

    def test_explain_knows_folders_of_the_disk(self):
        self.plant("DCIM", {"1.txt": ""})
        verdicts = self.explain("source/DCIM", "elsewhere/DCIM", "elsewhere/DCIM/")
        self.assertEqual([v["category"] for v in verdicts], ["photos", "drive", "photos"])

    def test_explain_goes_by_names_where_there_is_nothing(self):
        verdict = self.explain("gone/Family.photoslibrary/resources/derivatives/a.jpeg")[0]
        self.assertEqual((verdict["category"], verdict["profile"], verdict["rule"],
                          verdict["derived"]), ("photos", None, "*.photoslibrary/", False))

    def test_explain_says_what_seal_does(self):
        self.plant_all()
        self.seal()
        listed = self.listed()
        verdicts = self.explain(*listed)
        self.assertEqual({v["path"]: "-" * v["derived"] + v["category"] for v in verdicts}, listed)

    def test_explain_follows_no_link_below_the_source(self):
        self.plant("im", IMMICH)
        (self.source / "link").symlink_to("im")
        (self.dir / "start").symlink_to(self.source)
        path = "thumbs/u/ab/cd/abcd-preview.jpeg"
        self.assertEqual(self.explain(f"source/link/{path}")[0]["profile"], None)
        self.assertEqual(self.explain(f"start/im/{path}")[0]["profile"], "immich")

    # -- dry run

    def test_dry_run_says_what_seal_does(self):
        self.plant_all()
        os.link(self.source / "deep/er/pp/cache/mine.txt", self.source / "again.txt")
        (self.source / "link").symlink_to("nowhere")
        os.mkfifo(self.source / "fifo")
        (self.source / "empty").mkdir()
        os.truncate(self.write("sparse.mov", b""), 1 << 20)
        for options in ([], ["--skip-derived"], ["--profile=none"], ["--category=drive"]):
            plan, report = self.plan(self.source, *options), self.seal(self.source, *options)
            for category in report["categories"].values():
                del category["stored_bytes"]
            del report["total"]["stored_bytes"]
            for key in ("categories", "total", "left_out_files", "left_out_bytes"):
                self.assertEqual(plan[key], report[key], options)

    def test_dry_run_needs_no_key_and_writes_nothing(self):
        self.plant("im", IMMICH)
        self.identity.rename(self.dir / "away")
        before = self.everything()
        plan = self.plan(env=self.as_identity("none"))
        self.assertEqual(plan["total"]["files"], len(IMMICH))
        self.assertEqual(self.everything(), before)
        self.plan(self.source, "--account", self.account())
        self.plan(self.source, "--account", "ab" * 32, expect=scenario.INTEGRITY)
        self.assertIn("nothing was sealed", self.text("seal", self.vault, self.source, "--dry-run"))
        self.assertIn("there is no", self.errors("seal", self.dir / "no-vault", self.source,
                                                 "--dry-run", expect=scenario.FAILED))

    def everything(self):
        return {path: (path.lstat().st_mtime_ns, path.is_file() and path.read_bytes())
                for path in self.dir.rglob("*")}

    def test_dry_run_leaves_the_vault_out(self):
        self.write("a.txt", b"a")
        self.assertEqual(self.plan(self.dir)["total"]["files"], 2)  # and the identity

    # -- hostile

    def test_links_are_no_marks(self):
        outside = self.dir / "outside"
        (outside / "database").mkdir(parents=True)
        (outside / "database/Photos.sqlite").write_bytes(b"")
        a, b = self.source / "a", self.source / "b"
        (a / "originals").mkdir(parents=True)
        (a / "database").symlink_to(outside / "database")
        (b / "originals").mkdir(parents=True)
        (b / "database").mkdir()
        (b / "database/Photos.sqlite").symlink_to(outside / "database/Photos.sqlite")
        self.plant("c", {"thumbs/a.jpg": "", "upload/b.jpg": ""})
        (self.source / "c/encoded-video").symlink_to("/")
        self.plant("d/archive_browser.html", {"x": ""})
        self.plant("d", {"Keep/a.json": ""})
        self.plant("X.photoslibrary", {"resources/derivatives/a.txt": ""})
        self.assertEqual(self.found(), {})

    def test_the_outermost_decides(self):
        self.plant("Takeout", TAKEOUT)
        self.plant("Takeout/Drive/Family.photoslibrary", PHOTOS_LIBRARY)
        self.plant("Family.photoslibrary", PHOTOS_LIBRARY)
        self.plant("Family.photoslibrary/originals/Takeout", TAKEOUT)
        self.plant("Family.photoslibrary/resources/derivatives/Takeout", TAKEOUT)
        self.seal()
        listed = self.listed()
        inside = "source/Takeout/Drive/Family.photoslibrary/resources/derivatives"
        self.assertEqual(listed[f"{inside}/A/A1_1_105_c.jpeg"], "drive")
        library = "source/Family.photoslibrary"
        self.assertEqual(listed[f"{library}/originals/Takeout/Keep/list.json"], "photos")
        self.assertEqual(listed[f"{library}/resources/derivatives/Takeout/Keep/list.json"],
                         "-photos")
        self.assertEqual(self.found(), {"source/Takeout": "google-takeout",
                                        "source/Family.photoslibrary": "photos-library"})

    def test_one_after_the_other(self):
        """What is behind a known folder is none of it."""
        self.plant("a.photoslibrary", PHOTOS_LIBRARY)
        self.plant("a.photoslibrary2", {"resources/derivatives/a.txt": ""})
        self.plant("b", IMMICH)
        self.plant("b2", {"thumbs/a.txt": ""})
        self.seal()
        listed = self.listed()
        self.assertEqual(listed["source/a.photoslibrary2/resources/derivatives/a.txt"], "drive")
        self.assertEqual(listed["source/b2/thumbs/a.txt"], "drive")

    def test_names_that_are_no_text(self):
        folder = os.fsencode(self.source) + b"/\xff\n.photoslibrary"
        for path in (b"database", b"resources/derivatives/\xfe"):
            os.makedirs(folder + b"/" + path)
        with open(folder + b"/resources/derivatives/\xfe/\x80.jpg", "wb") as file:
            file.write(b"x")
        plan = self.plan()
        self.assertEqual(plan["profiles"][0]["path_hex"],
                         (b"source/\xff\n.photoslibrary").hex())
        self.assertEqual(plan["total"]["derived_files"], 1)
        self.assertNotIn(b"\xff", self.run_it("seal", self.vault, self.source, "--dry-run").stdout)
        self.assertEqual(self.seal(self.source, "--skip-derived")["left_out_files"], 1)

    def test_unreadable_folders(self):
        """By a user for whom modes matter."""
        prefix = ()
        if os.geteuid() == 0:
            if not shutil.which("setpriv"):
                self.skipTest("root reads everything, and setpriv is not here")
            prefix = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
        self.plant("im", IMMICH)
        self.plant("Family.photoslibrary", PHOTOS_LIBRARY)
        for path in (self.dir, *self.dir.rglob("*")) if prefix else ():
            os.lchown(path, 65534, 65534)
        for path in ("im/thumbs", "Family.photoslibrary"):
            (self.source / path).chmod(0)
            self.addCleanup((self.source / path).chmod, 0o700)
        plan = self.plan(prefix=prefix, expect=scenario.PARTIAL)
        self.assertEqual([found["profile"] for found in plan["profiles"]], ["immich"])
        self.assertEqual({event["path"] for event in plan["events"]},
                         {"source/im/thumbs", "source/Family.photoslibrary"})
        report = self.seal(prefix=prefix, expect=scenario.PARTIAL)
        self.assertEqual(plan["total"]["files"], report["total"]["files"])
        self.assertEqual(plan["events"], report["events"])


def derived_files():
    return [path for folder, tree in TREES.values() for path in tree if tree[path].startswith("-")]


if __name__ == "__main__":
    scenario.main()
