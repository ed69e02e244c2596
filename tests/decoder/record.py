"""Snapshot records, section 5."""

import re
import time
from dataclasses import dataclass
from pathlib import Path

from keybag import ACTIVE, CATEGORIES, category_name
from primitives import MIB, FormatError, Reader, read_capped, verify_signature

ATTESTED = 1
DAY_NS = 86400 * 10**9
SNAPSHOT_ID = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}")


@dataclass
class NamedArchive:
    """What the record says of one archive."""
    category: int
    epoch: int
    archive_id: bytes
    size: int
    header_tag: bytes
    tags_digest: bytes
    attestation: bytes = b""

    def name(self):
        return category_name(self.category)


@dataclass
class Record:
    path: str
    snapshot_id: str
    started: int
    finished: int
    generation: int
    author: str
    archives: list
    is_attested: bool


def snapshot_ids(vault):
    """The snapshots of a vault, oldest first."""
    folder = Path(vault) / "snapshots"
    return sorted(p.stem for p in folder.iterdir()
                  if p.suffix == ".adpr" and SNAPSHOT_ID.fullmatch(p.stem))


def _named_archive(r, last, is_attested):
    archive = NamedArchive(r.u16(), r.u32(), r.bytes(16), r.u64(), r.bytes(32), r.bytes(32))
    r.require(1 <= archive.category <= len(CATEGORIES), f"unknown category {archive.category}")
    r.require(archive.epoch >= 1, "epoch 0")
    r.require(archive.category > last, "categories do not ascend")
    if is_attested:
        archive.attestation = r.bytes(32)
    return archive


def parse_record(data, path, snapshot_id, keybag):
    r = Reader(data, path)
    r.magic(b"ADPSSNAP")
    length = r.u32()
    r.require(length == len(data), f"states {length} bytes, has {len(data)}")
    flags = r.u32()
    r.known(flags & ~ATTESTED, 0, "flags")
    is_attested = flags & ATTESTED != 0
    r.require(r.bytes(16) == keybag.vault_id, "record of another vault")
    r.require(r.bytes(25) == snapshot_id.encode(), "snapshot id is not the file's name")
    started, finished, generation = r.i64(), r.i64(), r.u64()
    r.require(1 <= generation <= keybag.generation, f"keybag generation {generation}")
    author = keybag.find_author(r.bytes(16))
    r.require(author is not None, "author is no device or sealer of the keybag")
    r.require(time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(started // 10**9)) == snapshot_id[:16],
              "snapshot id is not of the time of the start")
    r.require(author.state == ACTIVE or (generation < author.removed_generation
                                         and started <= author.removed + DAY_NS),
              "made after its author's removal")
    count = r.u16()
    r.require(count <= len(CATEGORIES), f"{count} archives")
    archives = []
    for _ in range(count):
        archives.append(_named_archive(r, archives[-1].category if archives else 0, is_attested))
    signed = data[:r.at]
    r.require(verify_signature(author.signing_public, b"adp-seal/1 snapshot", signed, r.bytes(64)),
              "signature does not verify")
    r.end()
    return Record(path, snapshot_id, started, finished, generation, author.name, archives,
                  is_attested)


def load_record(vault, snapshot_id, keybag):
    path = Path(vault) / "snapshots" / f"{snapshot_id}.adpr"
    if not SNAPSHOT_ID.fullmatch(snapshot_id):
        raise FormatError(path, "not a snapshot id")
    return parse_record(read_capped(path, MIB), str(path), snapshot_id, keybag)
