#!/usr/bin/python3
"""An independent reader of adp-seal vaults, written from docs/FORMAT.md alone.

Exit codes: 0 done, 1 failed, 2 usage, 3 the vault breaks a rule of the format, 4 no key opens it,
5 done but for archives that no key opens.
"""

import argparse
import os
import sys
from contextlib import closing, suppress
from datetime import datetime, timezone
from pathlib import Path

from archive import open_archive
from attestation import check_attestation
from chain import load_keybag
from extract import Extractor
from identity import read_identity
from index import TYPE_NAMES, FILE, Content, Index
from primitives import FormatError, NoKey, Unsupported
from record import load_record, snapshot_ids
from recovery import recover

DONE, FAILED, _, INTEGRITY, NO_KEY, IN_PART = range(6)


class Vault:
    """A vault and the identity that reads it."""

    def __init__(self, path, identity):
        self.path, self.identity = path, identity
        self.keybag = load_keybag(path, identity)
        self.opened, self.closed = 0, []

    @classmethod
    def open(cls, path, identity_file, passphrase=None):
        return cls(path, read_identity(identity_file, passphrase))

    def record(self, snapshot):
        if snapshot == "latest":
            ids = snapshot_ids(self.path)
            if not ids:
                raise FormatError(self.path, "no snapshot")
            snapshot = ids[-1]
        return load_record(self.path, snapshot, self.keybag)

    def archives(self, record):
        """The archives that the identity opens; why it does not open others comes to `closed`."""
        before, closed = self.opened, None
        for named in record.archives:
            try:
                archive = open_archive(self.path, record, named, self.keybag, self.identity)
            except NoKey as error:
                closed = error
                self.closed.append(error)
                continue
            self.opened += 1
            with closing(archive):
                yield named, archive
        if closed and self.opened == before:
            raise closed

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
    who = parser.add_mutually_exclusive_group(required=True)
    who.add_argument("--identity", help="file of a device, sealer or operator")
    who.add_argument("--recovery-code", metavar="FILE",
                     help="file with the code of a recovery key or contact")
    parser.add_argument("--half", metavar="FILE", help="file with the other half of a contact's")
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


def identity_of(args):
    if args.identity:
        passphrase = None
        if args.passphrase_file:
            passphrase = Path(args.passphrase_file).read_bytes().removesuffix(b"\n")
        return read_identity(args.identity, passphrase)
    return recover(Path(args.recovery_code).read_bytes(),
                   Path(args.half).read_bytes() if args.half else None)


def verify_all(vault):
    for snapshot in snapshot_ids(vault.path):
        with suppress(NoKey):
            vault.verify(snapshot)
            print(snapshot, "verified")
    if vault.closed and not vault.opened:
        raise vault.closed[0]


def run(args):
    """Does what was asked for; DONE, or IN_PART."""
    vault = Vault(args.vault, identity_of(args))
    if args.command == "snapshots":
        print_snapshots(vault)
    elif args.command == "list":
        print_entries(vault, args.snapshot)
    elif args.command == "extract":
        vault.extract(args.snapshot, args.to)
    elif args.snapshot:
        vault.verify(args.snapshot)
        print(args.snapshot, "verified")
    else:
        verify_all(vault)
    for error in vault.closed:
        print(f"adps: {error}", file=sys.stderr)
    return IN_PART if vault.closed else DONE


def main():
    args = parse_arguments()
    try:
        return run(args)
    except (Unsupported, OSError) as error:
        print(f"adps: {error}", file=sys.stderr)
        return FAILED
    except FormatError as error:
        print(f"adps: {error}", file=sys.stderr)
        return INTEGRITY
    except NoKey as error:
        print(f"adps: {error}", file=sys.stderr)
        return NO_KEY


if __name__ == "__main__":
    sys.exit(main())
