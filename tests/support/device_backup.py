#!/usr/bin/python3
"""Makes backups of a device that never was, as a computer takes them over the cable.

    device_backup.py FOLDER [--xml] [--encrypted]

Everything in them is made up, the same every time. FILES says where on a device what is kept, and
which category it belongs to: written beside the engine's table, not from it.
"""

import argparse
import hashlib
import pathlib
import plistlib
import random
import sqlite3
import sys
from contextlib import closing

UDID = "00008101-000A11223344001E"
FILE, DIRECTORY, SYMLINK = 1, 2, 4

NOTES = "AppDomainGroup-group.com.apple.notes"
MEMOS = "AppDomainGroup-group.com.apple.VoiceMemos.shared"
BLUETOOTH = "SysSharedContainerDomain-systemgroup.com.apple.bluetooth"
LOCAL_DRIVE = "AppDomainGroup-group.com.apple.FileProvider.LocalStorage"

# Category, then domain and path.
FILES = [
    ("passwords", "KeychainDomain", "keychain-backup.plist"),
    ("health", "HealthDomain", "Health/healthdb.sqlite"),
    ("health", "HealthDomain", "Health/healthdb_secure.sqlite"),
    ("health", "HealthDomain", "MedicalID/MedicalIDData.archive"),
    ("home", "HomeKitDomain", "Library/homed/core.sqlite"),
    ("home", "AppDomain-com.apple.Home", "Library/Preferences/com.apple.Home.plist"),
    ("messages", "HomeDomain", "Library/SMS/sms.db"),
    ("messages", "HomeDomain", "Library/SMS/Drafts/Pending/message.plist"),
    ("messages", "MediaDomain", "Library/SMS/Attachments/a1/01/9F/IMG_0042.HEIC"),
    ("messages", "AppDomainGroup-group.net.whatsapp.WhatsApp.shared", "ChatStorage.sqlite"),
    ("payment", "HomeDomain", "Library/Preferences/com.apple.passd.plist"),
    ("card-transactions", "HomeDomain", "Library/Passes/passes23.sqlite"),
    ("card-transactions", "HomeDomain", "Library/Passes/passes23.sqlite-wal"),
    ("maps", "HomeDomain", "Library/Maps/GeoHistory.mapsdata"),
    ("maps", "AppDomain-com.apple.Maps", "Library/Maps/Bookmarks.plist"),
    ("maps", "AppDomainGroup-group.com.apple.Maps", "Maps/MapsSync_0.0.1"),
    ("maps", "RootDomain", "Library/Caches/locationd/consolidated.db"),
    ("keyboard", "KeyboardDomain", "Library/Keyboard/user_model_database.sqlite"),
    ("keyboard", "HomeDomain", "Library/KeyboardServices/TextReplacements.db"),
    ("keyboard", "HomeDomain", "Library/Keyboard/en-dynamic.lm/dynamic-lexicon.dat"),
    ("safari", "HomeDomain", "Library/Safari/History.db"),
    ("safari", "HomeDomain", "Library/Cookies/Cookies.binarycookies"),
    ("safari", "AppDomain-com.apple.mobilesafari", "Library/Safari/BrowserState.db"),
    ("screen-time", "HomeDomain",
     "Library/Application Support/com.apple.remotemanagementd/RMAdminStore-Local.sqlite"),
    ("screen-time", "HomeDomain", "Library/Preferences/com.apple.ScreenTimeAgent.plist"),
    ("siri", "HomeDomain", "Library/Assistant/SiriAnalytics.db"),
    ("siri", "HomeDomain", "Library/Preferences/com.apple.assistant.backedup.plist"),
    ("wifi", "SystemPreferencesDomain", "SystemConfiguration/com.apple.wifi.plist"),
    ("wifi", "SystemPreferencesDomain", "com.apple.wifi.known-networks.plist"),
    ("bluetooth-keys", BLUETOOTH, "Library/Database/com.apple.MobileBluetooth.ledevices.paired.db"),
    ("bluetooth-keys", BLUETOOTH, "Library/Preferences/com.apple.MobileBluetooth.devices.plist"),
    ("memoji", "HomeDomain", "Library/Avatar/avatars.db"),
    ("backup", "HomeDomain", "Library/CallHistoryDB/CallHistory.storedata"),
    ("backup", "HomeDomain", "Library/SpringBoard/IconState.plist"),
    ("backup", "AppDomain-org.example.game", "Documents/DCIM/save.jpg"),
    ("backup", "AppDomainPlugin-org.example.game.widget", "Library/Preferences/widget.plist"),
    ("backup", "WirelessDomain", "Library/Databases/CellularUsage.db"),
    ("backup", "DatabaseDomain", "timezone/localtime"),
    ("backup", "ManagedPreferencesDomain", "mobile/.GlobalPreferences.plist"),
    ("backup", "SystemPreferencesDomain", "SystemConfiguration/preferences.plist"),
    ("backup", "RootDomain", "Library/Preferences/com.apple.MobileBackup.plist"),
    ("backup", "MediaDomain", "Media/iTunes_Control/iTunes/iTunesPrefs"),
    ("backup", "TonesDomain", "Media/iTunes_Control/Ringtones/AAAA.m4r"),
    ("drive", LOCAL_DRIVE, "File Provider Storage/letter.pdf"),
    ("photos", "CameraRollDomain", "Media/DCIM/100APPLE/IMG_0001.HEIC"),
    ("photos", "CameraRollDomain", "Media/DCIM/100APPLE/IMG_0002.MOV"),
    ("photos", "CameraRollDomain", "Media/PhotoData/Photos.sqlite"),
    ("photos", "CameraRollDomain",
     "Media/PhotoData/Thumbnails/V2/DCIM/100APPLE/IMG_0001.HEIC/5005.JPG"),
    ("notes", NOTES, "NoteStore.sqlite"),
    ("notes", NOTES, "Accounts/LocalAccount/Media/1/2/Scan \u00e9t\u00e9.jpg"),
    ("notes", "HomeDomain", "Library/Notes/notes.sqlite"),
    ("reminders", "AppDomainGroup-group.com.apple.reminders",
     "Container_v1/Stores/Data-local.sqlite"),
    ("bookmarks", "HomeDomain", "Library/Safari/Bookmarks.db"),
    ("bookmarks", "HomeDomain", "Library/WebClips/1.webclip/Info.plist"),
    ("shortcuts", "HomeDomain", "Library/Shortcuts/Shortcuts.sqlite"),
    ("shortcuts", "AppDomainGroup-group.is.workflow.my.app", "Documents/flows.plist"),
    ("voice-memos", "MediaDomain", "Media/Recordings/20240102 030405.m4a"),
    ("voice-memos", MEMOS, "Recordings/CloudRecordings.db"),
    ("wallet", "HomeDomain", "Library/Passes/Cards/AbCd.pkpass/pass.json"),
    ("mail", "HomeDomain", "Library/Mail/Metadata.plist"),
    ("mail", "AppDomain-com.apple.mobilemail", "Library/Preferences/com.apple.mobilemail.plist"),
    ("contacts", "HomeDomain", "Library/AddressBook/AddressBook.sqlitedb"),
    ("calendar", "HomeDomain", "Library/Calendar/Calendar.sqlitedb"),
    ("calendar", "AppDomainGroup-group.com.apple.calendar", "Calendar.sqlitedb"),
]


def file_id(domain, path):
    return hashlib.sha1(f"{domain}-{path}".encode()).hexdigest()


def place(domain, path):
    """Where a file of the device lies in its backup."""
    name = file_id(domain, path)
    return f"{name[:2]}/{name}"


def label(domain, path):
    return f"{domain}/{path}"


def content(domain, path):
    return random.Random(f"{domain}-{path}").randbytes(200 + len(path) * 31)


def rows():
    """The table Files: every file, the directories above it, and a link."""
    seen = set()
    for _, domain, path in FILES:
        parts = path.split("/")
        for depth in range(len(parts)):
            above = "/".join(parts[:depth])
            if (domain, above) not in seen:
                seen.add((domain, above))
                yield file_id(domain, above), domain, above, DIRECTORY
        yield file_id(domain, path), domain, path, FILE
    yield file_id("HomeDomain", "Library/Link"), "HomeDomain", "Library/Link", SYMLINK


def write_manifest(path, log=False):
    """A real Manifest.db; `log`: as one that was in use with a write-ahead log."""
    with closing(sqlite3.connect(path)) as db:
        if log:
            db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE Files (fileID TEXT PRIMARY KEY, domain TEXT, relativePath TEXT, "
                   "flags INTEGER, file BLOB)")
        for column in ("domain", "relativePath", "flags"):
            db.execute(f"CREATE INDEX Files{column}Idx ON Files({column})")
        db.execute("CREATE TABLE Properties (key TEXT PRIMARY KEY, value BLOB)")
        for row in rows():
            about = plistlib.dumps({"$version": 100000, "RelativePath": row[2], "Mode": 33188},
                                   fmt=plistlib.FMT_BINARY)
            db.execute("INSERT INTO Files VALUES (?, ?, ?, ?, ?)", (*row, about))
        db.execute("INSERT INTO Properties VALUES ('salt', x'00')")
        db.commit()


def write_plists(folder, form, encrypted):
    manifest = {"BackupKeyBag": bytes(64), "Version": "10.0", "IsEncrypted": encrypted,
                "WasPasscodeSet": True, "Lockdown": {"IsEncrypted": not encrypted},
                "Applications": {"org.example.game": {"CFBundleIdentifier": "org.example.game"}}}
    info = {"Device Name": "A phone", "Unique Identifier": UDID, "Product Version": "17.5"}
    status = {"IsFullBackup": True, "SnapshotState": "finished", "UUID": "1-2-3"}
    for name, value in (("Manifest", manifest), ("Info", info), ("Status", status)):
        (folder / f"{name}.plist").write_bytes(plistlib.dumps(value, fmt=form))


def make(folder, form=plistlib.FMT_BINARY, encrypted=False, log=False):
    """Makes a backup in `folder`. Encrypted: what is in it is noise, as under a password."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True)
    write_plists(folder, form, encrypted)
    for _, domain, path in FILES:
        file = folder / place(domain, path)
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content(domain, path))
    if encrypted:
        (folder / "Manifest.db").write_bytes(random.Random(1).randbytes(65536))
    else:
        write_manifest(folder / "Manifest.db", log)
    return folder


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--xml", action="store_true", help="property lists as XML")
    parser.add_argument("--encrypted", action="store_true")
    args = parser.parse_args()
    make(args.folder, plistlib.FMT_XML if args.xml else plistlib.FMT_BINARY, args.encrypted)
    return 0


if __name__ == "__main__":
    sys.exit(main())
