"""Attestations: what shows without a key whether archives are as they were sealed (section 6.1)."""

from dataclasses import dataclass
from pathlib import Path

from archive import Header, archive_path, count_segments
from primitives import MIB, SEGMENT_OVERHEAD, FormatError, Reader, read_capped, sha256

ATTESTED_HEADER_LEN = 138  # fixed part and FLOE header
DIGEST_LEN = 32
HEAD_LEN, PART_HEAD_LEN = 64, 48
PAGE = 4096


@dataclass
class Part:
    """The digests of one archive."""
    header_length: int
    segment_len: int
    header_digest: bytes
    digests: list


def _part(r, named):
    begin = r.at
    r.require(r.u16() == named.category, f"part is not that of {named.name()}")
    r.zero(2)
    header_length, segment_len = r.u32(), r.u32()
    r.require(header_length % PAGE == 0 and PAGE <= header_length <= 65536,
              f"header length {header_length}")
    r.require(segment_len % PAGE == 0 and PAGE <= segment_len <= 4 * MIB,
              f"ENC_SEG_LEN {segment_len}")
    r.zero(4)
    header_digest = r.bytes(DIGEST_LEN)
    count, last = count_segments(named.size - header_length, segment_len)
    r.require(last >= SEGMENT_OVERHEAD, f"final segment of {last} bytes")
    digests = r.bytes(count * DIGEST_LEN)
    if sha256(r.data[begin:r.at]) != named.attestation:
        raise FormatError(r.file, f"part of {named.name()} is not the record's", begin)
    return Part(header_length, segment_len, header_digest,
                [digests[at:at + DIGEST_LEN] for at in range(0, len(digests), DIGEST_LEN)])


def parse_attestation(data, path, record, vault_id):
    """The parts of an attestation, one per archive of the record."""
    r = Reader(data, path)
    r.magic(b"ADPSATTS")
    r.zero(4)
    r.require(r.bytes(16) == vault_id, "attestation of another vault")
    r.require(r.bytes(25) == record.snapshot_id.encode(), "attestation of another snapshot")
    r.zero(7)
    parts = [_part(r, named) for named in record.archives]
    r.end()
    return parts


def load_attestation(vault, record, vault_id):
    path = Path(vault) / "archives" / record.snapshot_id / "attestation.adpt"
    if not path.is_file():
        raise FormatError(path, "is not there, though the record is attested")
    most = HEAD_LEN + sum(PART_HEAD_LEN + (named.size // PAGE + 1) * DIGEST_LEN
                          for named in record.archives)
    return parse_attestation(read_capped(path, most), str(path), record, vault_id)


def _check_archive(path, named, part):
    """Holds the digests against the bytes, without a key."""
    if not path.is_file():
        raise FormatError(path, "is not there, though the record names it")
    if path.stat().st_size != named.size:
        raise FormatError(path, "size is not the record's")
    with open(path, "rb") as file:
        header = file.read(65536)
        if sha256(header[:ATTESTED_HEADER_LEN]) != part.header_digest:
            raise FormatError(path, "header is not the attested one", 0)
        found = Header(header, path)  # its checksum covers the slots, which nobody attests
        if (found.length, found.segment_len) != (part.header_length, part.segment_len):
            raise FormatError(path, "lengths are not the attested ones", 0)
        file.seek(part.header_length)
        for number, digest in enumerate(part.digests):
            offset = file.tell()
            if sha256(file.read(part.segment_len)) != digest:
                raise FormatError(path, f"segment {number} is not the attested one", offset)


def check_attestation(vault, record, vault_id):
    """All that whoever has no key of the archives can check; nothing where none is attested."""
    if not record.is_attested:
        return
    parts = load_attestation(vault, record, vault_id)
    for named, part in zip(record.archives, parts):
        _check_archive(archive_path(vault, record.snapshot_id, named), named, part)
