"""The writing side of FORMAT.md: fields, constructions, and each structure as bytes.

The structures are those that the reader fills (Keybag, Entry, Extent, NamedArchive), so that a
test can change any field before it is written, signed and sealed.
"""

import hashlib
import struct
from dataclasses import dataclass
from functools import cache
from itertools import product

import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from index import CONTINUATION, FILE, HARDLINK, LABEL, SKIPPED, SYMLINK
from primitives import (NOT_FINAL, SEGMENT_OVERHEAD, Floe, hpke_key_and_nonce, sha256, x25519,
                        x25519_public)
from recovery import ALPHABET, check_sums

LEVEL = 2  # section 4: the newest version of keybags that is read here


class Random:
    """Bytes that follow from a seed alone."""

    def __init__(self, seed):
        self.seed, self.count = str(seed).encode(), 0

    def bytes(self, length):
        self.count += 1
        return hashlib.shake_256(self.seed + struct.pack("<Q", self.count)).digest(length)

    def x25519(self):
        """A private key, clamped as RFC 9180 section 7.1.2 has it."""
        key = bytearray(self.bytes(32))
        key[0] &= 248
        key[31] = key[31] & 127 | 64
        return bytes(key)


# ---- fields

def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def svarint(value):
    return varint(value << 1 if value >= 0 else (-value << 1) - 1)


def str8(data):
    return bytes([len(data)]) + data


def vbytes(data):
    return varint(len(data)) + data


# ---- constructions

def sign(seed, label, message):
    return Ed25519PrivateKey.from_private_bytes(seed).sign(label + b"\0" + message)


def hpke_seal(random, public, secret, info):
    """A wrap: enc, then the ciphertext with its tag."""
    ephemeral = random.x25519()
    enc = x25519_public(ephemeral)
    key, nonce = hpke_key_and_nonce(x25519(ephemeral, public), enc, public, info)
    return enc + AESGCM(key).encrypt(nonce, secret, b"")


def floe_seal(floe, random, plain):
    """The segments of a FLOE body; a stream that fills its last one gets an empty one after it."""
    step = floe.segment_len - SEGMENT_OVERHEAD
    pieces = [plain[at:at + step] for at in range(0, len(plain) + 1, step)]
    return [floe_segment(floe, random.bytes(12), piece, position, position == len(pieces) - 1)
            for position, piece in enumerate(pieces)]


def floe_segment(floe, nonce, plain, position, final):
    stated = len(plain) + SEGMENT_OVERHEAD if final else NOT_FINAL
    sealed = floe.aead(position).encrypt(nonce, plain, struct.pack(">QB", position, final))
    return struct.pack(">I", stated) + nonce + sealed


def zstd(plain, **options):
    return zstandard.ZstdCompressor(level=3, **options).compress(plain)


def zstd_raw_frame(plain, window_log=20, dictionary=None):
    """A frame written by hand: one raw block, with content size and window descriptor."""
    descriptor = 0x80 | (0 if dictionary is None else 1)
    header = bytes([descriptor, (window_log - 10) << 3])
    header += b"" if dictionary is None else bytes([dictionary])
    block = struct.pack("<I", len(plain) << 3 | 1)[:3]
    return b"\x28\xb5\x2f\xfd" + header + struct.pack("<I", len(plain)) + block + plain


# ---- index

def _time(ns):
    return svarint(ns // 10**9) + varint(ns % 10**9)


def extent_list(extents):
    out = varint(len(extents))
    for e in extents:
        out += varint(e.hole) + varint(e.length) + varint(e.archive) + bytes([e.codec])
        out += varint(e.frame_offset) + varint(e.stored_length) + varint(e.plain_length)
        out += varint(e.start) + e.digest
    return out


def shared_length(previous, path):
    low, high = 0, min(len(previous), len(path))
    while low < high:  # paths may be long: whole pieces are compared
        middle = (low + high + 1) // 2
        low, high = (middle, high) if previous[:middle] == path[:middle] else (low, middle - 1)
    return low


def entry_body(entry, previous):
    shared = shared_length(previous, entry.path)
    out = bytes([entry.type]) + varint(entry.flags) + varint(shared) + vbytes(entry.path[shared:])
    if entry.type == CONTINUATION:
        return out + extent_list(entry.extents)
    if entry.flags & LABEL:
        out += vbytes(entry.label.encode(errors="surrogateescape"))
    out += varint(entry.mode) + varint(entry.uid) + varint(entry.gid)
    out += _time(entry.mtime_ns) + _time(entry.atime_ns) + varint(len(entry.xattrs))
    out += b"".join(vbytes(name) + vbytes(value) for name, value in entry.xattrs)
    if entry.type == FILE:
        return out + varint(entry.size) + extent_list(entry.extents)
    if entry.type in (SYMLINK, HARDLINK):
        return out + vbytes(entry.target)
    if entry.type == SKIPPED:
        return out + bytes([entry.reason]) + varint(entry.errno)
    return out


def frame_bodies(entries):
    """The bodies of the entries of one index frame."""
    bodies, previous = [], b""
    for entry in entries:
        bodies.append(entry_body(entry, previous))
        previous = entry.path
    return bodies


@dataclass
class IndexFrame:
    """A line of the directory, and the frame's bytes."""
    stored: bytes
    plain_length: int
    entries: int
    first: bytes
    stored_length: int = None

    def line(self):
        length = len(self.stored) if self.stored_length is None else self.stored_length
        return (varint(length) + varint(self.plain_length) + varint(self.entries)
                + vbytes(self.first))


@dataclass
class Trailer:
    directory_offset: int
    directory_stored: int
    directory_plain: int
    entries: int
    content_bytes: int
    magic: bytes = b"ADPSINDX"
    version: int = 1
    flags: int = 0
    reserved: bytes = bytes(16)

    def pack(self):
        return self.magic + struct.pack(
            "<IIQIIQQ", self.version, self.flags, self.directory_offset, self.directory_stored,
            self.directory_plain, self.entries, self.content_bytes % (1 << 64)) + self.reserved


# ---- archive header

@dataclass
class HeaderFields:
    """The header block up to its FLOE header."""
    vault_id: bytes
    archive_id: bytes
    category: int
    epoch: int
    floe_iv: bytes
    segment_len: int = 4096
    length: int = 4096
    magic: bytes = b"ADPSEAL1"
    version: int = 1
    reserved: tuple = (0, 0)

    def fixed(self):
        return (self.magic + struct.pack("<II", self.version, self.length) + self.vault_id
                + self.archive_id + struct.pack("<HHIQ", self.category, self.reserved[0],
                                                self.epoch, self.reserved[1]))

    def floe(self, key):
        return Floe(key, self.fixed(), self.segment_len, self.floe_iv)


@dataclass
class SlotTable:
    """The slots; `make` wraps another key to the category."""
    slots: list
    make: object
    count: int = None
    length: int = None

    def pack(self):
        data = b"".join(struct.pack("<HH", kind, len(payload)) + payload
                        for kind, payload in self.slots)
        count = len(self.slots) if self.count is None else self.count
        length = len(data) if self.length is None else self.length
        return struct.pack("<HI", count, length) + data


def archive_slot(random, fixed, key, epoch, public):
    info = b"adp-seal/1 archive key\0" + fixed + struct.pack("<I", epoch)
    return 1, struct.pack("<I", epoch) + hpke_seal(random, public, key, info)


# ---- attestation

@dataclass
class PartFields:
    """The part of an archive that is `data`, which need not be the one in the vault."""
    category: int
    data: bytes
    header_length: int
    segment_len: int
    reserved: tuple = (0, 0)

    def pack(self):
        out = struct.pack("<HHIII", self.category, self.reserved[0], self.header_length,
                          self.segment_len, self.reserved[1]) + sha256(self.data[:138])
        return out + b"".join(sha256(self.data[at:at + self.segment_len]) for at in
                              range(self.header_length, len(self.data), self.segment_len))


def archive_part(category, data):
    """Attests an archive by the lengths that its header states."""
    return PartFields(category, data, struct.unpack("<I", data[12:16])[0],
                      struct.unpack(">I", data[66:70])[0])


@dataclass
class AttestationFields:
    vault_id: bytes
    snapshot_id: bytes
    parts: list
    magic: bytes = b"ADPSATTS"
    version: int = 1
    reserved: tuple = (0, bytes(7))

    def pack(self):
        return (self.magic + struct.pack("<II", self.version, self.reserved[0]) + self.vault_id
                + self.snapshot_id + self.reserved[1] + b"".join(p.pack() for p in self.parts))


# ---- signed structures

def with_length(data, extra):
    """Puts the final length (with `extra` more bytes to come) at offset 12."""
    return data[:12] + struct.pack("<I", len(data) + extra) + data[16:]


def _optional_wrap(wrap, version):
    return b"\0" if wrap is None else b"\1" + _wrap(wrap, version)


def _wrap(wrap, version):
    return wrap.data if version == 1 else wrap.digest


def _recipient_bytes(r, version):
    out = bytes([r.kind, r.state]) + str8(r.name.encode()) + r.kem_public + r.signing_public
    out += struct.pack("<qq", r.added, r.removed)
    if version == 1:
        return out + _optional_wrap(r.account_wrap, version)
    return (out + struct.pack("<QB", r.removed_generation, r.level)
            + _optional_wrap(r.account_wrap, version) + _optional_wrap(r.half, version))


def _category_bytes(number, epochs, version):
    out = struct.pack("<HH", number, len(epochs))
    for index, epoch in enumerate(epochs, 1):
        out += struct.pack("<Iq", index, epoch.created) + epoch.public
        out += struct.pack("<H", len(epoch.wraps))
        out += b"".join(struct.pack("<H", to) + _wrap(wrap, version)
                        for to, wrap in epoch.wraps.items())
    return out


def keybag_bytes(bag):
    """All of a keybag before its signatures."""
    out = b"ADPSKEYS" + struct.pack("<II", bag.version, 0) + bag.vault_id
    out += struct.pack("<Q", bag.generation) + bag.previous + struct.pack("<q", bag.created)
    out += bag.account_public + struct.pack("<BBH", bag.protection, 0, bag.author)
    out += str8(bag.reason.encode()) + struct.pack("<H", len(bag.recipients))
    out += b"".join(_recipient_bytes(r, bag.version) for r in bag.recipients)
    out += struct.pack("<H", len(bag.categories))
    return out + b"".join(_category_bytes(number, epochs, bag.version)
                          for number, epochs in bag.categories.items())


def wraps_bytes(wraps):
    """What follows the statement; a wrap that is None is destroyed."""
    return b"".join(b"\0" if wrap is None else b"\1" + wrap for wrap in wraps)


@dataclass
class RecordFields:
    vault_id: bytes
    snapshot_id: bytes
    started: int
    finished: int
    generation: int
    author: bytes
    archives: list
    flags: int = 0


def record_bytes(record):
    """All of a record before its signature."""
    out = b"ADPSSNAP" + struct.pack("<III", 1, 0, record.flags) + record.vault_id
    out += record.snapshot_id
    out += struct.pack("<qqQ", record.started, record.finished, record.generation) + record.author
    out += struct.pack("<H", len(record.archives))
    for a in record.archives:
        out += struct.pack("<HI", a.category, a.epoch) + a.archive_id + struct.pack("<Q", a.size)
        out += a.header_tag + a.tags_digest + a.attestation
    return out


# ---- identity and request

def identity_payload(identity):
    out = bytes([identity.kind]) + str8(identity.name.encode()) + identity.kem_private
    out += identity.signing_seed + struct.pack("<H", len(identity.pins))
    for vault, (account, generation, keybag) in identity.pins.items():
        out += vault + account + struct.pack("<Q", generation) + keybag
    return out


def identity_bytes(payload, random=None, passphrase=None):
    head = b"ADPSIDEN" + struct.pack("<II", 2, 0)
    if passphrase is None:
        data = with_length(head + bytes(32) + payload, 32)
        return data + sha256(data)
    salt, nonce = random.bytes(16), random.bytes(12)
    aad = with_length(head + bytes([1, 10, 8, 1]) + salt + nonce, len(payload) + 16)
    key = Scrypt(salt, 32, 1 << 10, 8, 1).derive(passphrase)
    return aad + AESGCM(key).encrypt(nonce, payload, aad)


def request_text(identity):
    data = bytes([identity.kind, LEVEL]) + str8(identity.name.encode())
    data += identity.kem_public + identity.signing_public
    data += sign(identity.signing_seed, b"adp-seal/1 request", data)
    return "adp-seal-request-1:" + data.hex() + "\n"


# ---- recovery code

@cache
def code_of(secret):
    """Whichever two symbols make a code of it."""
    symbols = next(secret + bytes(checks) for checks in product(range(32), repeat=2)
                   if check_sums(secret + bytes(checks)) == (0, 0))
    text = bytes(ALPHABET[symbol] for symbol in symbols).decode()
    return "-".join(text[at:at + 4] for at in range(0, len(text), 4))
