#!/usr/bin/python3
"""An independent reader of adp-seal vaults, written from docs/FORMAT.md alone.

Exit codes: 0 done, 1 failed, 2 usage, 3 the vault breaks a rule of the format, 4 no key opens it.
"""

import argparse
import os
import sys
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path

from archive import open_archive
from attestation import check_attestation
from extract import Extractor
from index import TYPE_NAMES, FILE, Content, Index
from keybag import load_keybag, read_identity
from primitives import FormatError, NoKey, Unsupported
from record import load_record, snapshot_ids


class Vault:
    """A vault and the identity that reads it."""

    def __init__(self, path, identity_file, passphrase=None):
        self.path = path
        self.identity = read_identity(identity_file, passphrase)
        self.keybag = load_keybag(path, self.identity)

    def record(self, snapshot):
        if snapshot == "latest":
            ids = snapshot_ids(self.path)
            if not ids:
                raise FormatError(self.path, "no snapshot")
            snapshot = ids[-1]
        return load_record(self.path, snapshot, self.keybag)

    def archives(self, record):
        for named in record.archives:
            with closing(open_archive(self.path, record, named, self.keybag,
                                      self.identity)) as archive:
                yield named, archive

    def extract(self, snapshot, target):
        extractor = Extractor(target)
        for _, archive in self.archives(self.record(snapshot)):
            extractor.extract(archive, Index(archive).entries)
        extractor.restore()

    def check(self, snapshot):
        """What can be told without a key of the archives; nothing where none is attested."""
        check_attestation(self.path, self.record(snapshot), self.keybag.vault_id)

    def verify(self, snapshot):
        """Everything authenticated, decompressed and compared; nothing written."""
        self.keybag.account_seed(self.identity)
        record = self.record(snapshot)
        check_attestation(self.path, record, self.keybag.vault_id)
        for _, archive in self.archives(record):
            archive.check_tags()
            content = Content(archive)
            for entry in Index(archive).entries:
                for _ in content.extents(entry):
                    pass


def show(path):
    """A path for people: escapes what would confuse a terminal."""
    return os.fsdecode(path).encode("unicode_escape").decode()


def utc(ns):
    return datetime.fromtimestamp(ns // 10**9, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def print_snapshots(vault):
    for snapshot in snapshot_ids(vault.path):
        record = vault.record(snapshot)
        names = ",".join(named.name() for named in record.archives)
        print(snapshot, utc(record.finished), record.author, names)


def print_entries(vault, snapshot):
    for named, archive in vault.archives(vault.record(snapshot)):
        for e in Index(archive).entries:
            size = e.size if e.type == FILE else "-"
            label = [e.label] if e.label else []
            print(named.name(), TYPE_NAMES[e.type], f"{e.mode:04o}", size, show(e.path), *label)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--identity", required=True)
    parser.add_argument("--passphrase-file", help="the passphrase, without its last newline")
    parser.add_argument("vault")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("snapshots")
    commands.add_parser("list").add_argument("snapshot")
    command = commands.add_parser("extract")
    command.add_argument("snapshot")
    command.add_argument("--to", required=True)
    commands.add_parser("verify").add_argument("snapshot", nargs="?")
    return parser.parse_args()


def run(args):
    passphrase = None
    if args.passphrase_file:
        passphrase = Path(args.passphrase_file).read_bytes().removesuffix(b"\n")
    vault = Vault(args.vault, args.identity, passphrase)
    if args.command == "snapshots":
        print_snapshots(vault)
    elif args.command == "list":
        print_entries(vault, args.snapshot)
    elif args.command == "extract":
        vault.extract(args.snapshot, args.to)
    else:
        for snapshot in [args.snapshot] if args.snapshot else snapshot_ids(vault.path):
            vault.verify(snapshot)
            print(snapshot, "verified")


def main():
    args = parse_arguments()
    try:
        run(args)
    except (Unsupported, OSError) as error:
        print(f"adps: {error}", file=sys.stderr)
        return 1
    except FormatError as error:
        print(f"adps: {error}", file=sys.stderr)
        return 3
    except NoKey as error:
        print(f"adps: {error}", file=sys.stderr)
        return 4
    return 0


if __name__ == "__main__":
    sys.exit(main())
