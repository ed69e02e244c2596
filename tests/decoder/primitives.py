"""What the whole format stands on: errors, the bounded reader, and the cited constructions.

Section numbers are those of docs/FORMAT.md. Each construction comes from its own specification:
HPKE from RFC 9180, FLOE from c2sp.org/FLOE, the zstd frame from RFC 8878.
"""

import hashlib
import hmac
import struct
from functools import cache

import xxhash
import zstandard
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

MIB = 1 << 20


class FormatError(Exception):
    """A rule of FORMAT.md is broken: names the file and, where there is one, the offset."""

    def __init__(self, file, message, offset=None):
        at = "" if offset is None else f", offset {offset}"
        super().__init__(f"{file}{at}: {message}")


class Unsupported(FormatError):
    """A version or flags that this version does not know: refused, but no sign of damage."""


class NoKey(Exception):
    """Nothing is wrong with the bytes, but the identity at hand does not open them."""


def read_capped(path, most):
    """A whole file of at most `most` bytes."""
    with open(path, "rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise FormatError(path, f"longer than {most} bytes")
    return data


class Reader:
    """Reads fields off `data`; an error names `file` and the offset from `base` on."""

    def __init__(self, data, file, base=0):
        self.data, self.file, self.base, self.at = data, file, base, 0

    def fail(self, message):
        raise FormatError(self.file, message, self.base + self.at)

    def require(self, condition, message):
        if not condition:
            self.fail(message)

    def left(self):
        return len(self.data) - self.at

    def bytes(self, count):
        self.require(count <= self.left(), f"{count} bytes wanted, {self.left()} left")
        self.at += count
        return self.data[self.at - count:self.at]

    def _unpack(self, form):
        return struct.unpack(form, self.bytes(struct.calcsize(form)))[0]

    def u8(self):
        return self._unpack("<B")

    def u16(self):
        return self._unpack("<H")

    def u32(self):
        return self._unpack("<I")

    def u64(self):
        return self._unpack("<Q")

    def i64(self):
        return self._unpack("<q")

    def varint(self):
        value = shift = 0
        for count in range(1, 11):
            byte = self.u8()
            value |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                self.require(byte or count == 1, "varint is not in the fewest bytes")
                self.require(value < 1 << 64, "varint of 2^64 or more")
                return value
        return self.fail("varint longer than 10 bytes")

    def svarint(self):
        value = self.varint()
        return (value >> 1) ^ -(value & 1)

    def str8(self):
        return self.bytes(self.u8())

    def vbytes(self, most=None):
        count = self.varint()
        self.require(most is None or count <= most, f"length {count} is above {most}")
        return self.bytes(count)

    def zero(self, count, what="reserved field"):
        self.require(not any(self.bytes(count)), f"{what} is not zero")

    def magic(self, magic, versions=(1,)):
        """Checks magic and version, and returns the version."""
        self.require(self.bytes(8) == magic, f"magic is not {magic.decode()}")
        version = self.u32()
        if version not in versions:
            raise Unsupported(self.file, f"unknown version {version:#x}", self.base + self.at)
        return version

    def known(self, value, expected, what):
        if value != expected:
            raise Unsupported(self.file, f"unknown {what} {value:#x}", self.base + self.at)

    def text(self, raw):
        """The text that `raw`, just read, has to be."""
        self.require(not any(b < 0x20 or b == 0x7f for b in raw), "text with control bytes")
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            return self.fail("text is not UTF-8")

    def name(self):
        name = self.text(self.str8())
        self.require(1 <= len(name.encode()) <= 64, "name is not of 1 to 64 bytes")
        return name

    def end(self):
        self.require(not self.left(), f"{self.left()} bytes left over")


def sha256(data):
    return hashlib.sha256(data).digest()


def hkdf_sha256(secret, info):
    """RFC 5869, without salt: 32 bytes."""
    return HKDF(hashes.SHA256(), 32, None, info).derive(secret)


def xxh3_128(data):
    return xxhash.xxh3_128_digest(data)


def verify_signature(public, label, message, signature):
    """Section 1, signatures: Ed25519 over label || 0x00 || message."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, label + b"\0" + message)
        return True
    except (InvalidSignature, ValueError):
        return False


# The same few keys come again and again, and each costs more than all that is done with it.
@cache
def ed25519_public(seed):
    key = Ed25519PrivateKey.from_private_bytes(seed)
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


@cache
def x25519_public(private):
    key = X25519PrivateKey.from_private_bytes(private)
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


@cache
def x25519(private, public):
    """The shared secret, or None where RFC 9180 section 7.1.4 refuses (all zero)."""
    try:
        key = X25519PrivateKey.from_private_bytes(private)
        return key.exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError:
        return None


# ---- HPKE base mode, RFC 9180

KEM_SUITE = b"KEM" + struct.pack(">H", 0x0020)
AEAD_AES_256_GCM = 0x0002
AEAD_KEY_LEN = {0x0001: 16, AEAD_AES_256_GCM: 32}


def _labeled_extract(suite, salt, label, ikm):
    return hmac.new(salt, b"HPKE-v1" + suite + label + ikm, hashlib.sha256).digest()


def _labeled_expand(suite, prk, label, info, length):
    labeled = struct.pack(">H", length) + b"HPKE-v1" + suite + label + info
    return HKDFExpand(hashes.SHA256(), length, labeled).derive(prk)


def hpke_key_and_nonce(dh, enc, public, info, aead=AEAD_AES_256_GCM):
    """Both ends of RFC 9180 sections 4.1 and 5.1: the key and the nonce of the first message."""
    eae_prk = _labeled_extract(KEM_SUITE, b"", b"eae_prk", dh)
    shared = _labeled_expand(KEM_SUITE, eae_prk, b"shared_secret", enc + public, 32)
    suite = b"HPKE" + struct.pack(">HHH", 0x0020, 0x0001, aead)
    context = (b"\0" + _labeled_extract(suite, b"", b"psk_id_hash", b"")
               + _labeled_extract(suite, b"", b"info_hash", info))
    secret = _labeled_extract(suite, shared, b"secret", b"")
    return (_labeled_expand(suite, secret, b"key", context, AEAD_KEY_LEN[aead]),
            _labeled_expand(suite, secret, b"base_nonce", context, 12))


def hpke_open(private, wrap, info):
    """The secret within a wrap (enc, then ct with tag), or None."""
    enc, ct = wrap[:32], wrap[32:]
    dh = x25519(private, enc)
    if dh is None:
        return None
    key, nonce = hpke_key_and_nonce(dh, enc, x25519_public(private), info)
    return aes_gcm_open(key, nonce, ct, b"")


def aes_gcm_open(key, nonce, ct, aad):
    try:
        return AESGCM(key).decrypt(nonce, ct, aad)
    except InvalidTag:
        return None


# ---- FLOE, c2sp.org/FLOE

FLOE_IV_LEN, FLOE_TAG_LEN, FLOE_HEADER_LEN = 32, 32, 74
SEGMENT_OVERHEAD = 4 + 12 + 16
NOT_FINAL = 0xffffffff


def floe_params(segment_len):
    return struct.pack(">BBII", 0, 0, segment_len, FLOE_IV_LEN)


class Floe:
    """The keys of one FLOE message; `rotation` is AEAD_ROTATION_MASK."""

    def __init__(self, key, aad, segment_len, iv, rotation=20):
        self.prefix, self.aad, self.rotation = floe_params(segment_len) + iv, aad, rotation
        self.segment_len = segment_len
        self.header_tag = self.kdf(key, b"HEADER_TAG:", 32)
        self.message_key = self.kdf(key, b"MESSAGE_KEY:", 48)
        self.keys = {}

    def kdf(self, key, purpose, length):
        info = self.prefix + purpose + self.aad
        return HKDFExpand(hashes.SHA384(), length, info).derive(key)

    def aead(self, position):
        masked = position >> self.rotation << self.rotation
        if masked not in self.keys:
            key = self.kdf(self.message_key, b"DEK:" + struct.pack(">Q", masked), 32)
            self.keys = {masked: AESGCM(key)}
        return self.keys[masked]

    def decrypt(self, segment, position, final):
        """A segment's plaintext, or a ValueError that says what is wrong with it."""
        if final and not SEGMENT_OVERHEAD <= len(segment) <= self.segment_len:
            raise ValueError(f"final segment of {len(segment)} bytes")
        if not final and len(segment) != self.segment_len:
            raise ValueError(f"segment of {len(segment)} bytes")
        stated = struct.unpack(">I", segment[:4])[0]
        if stated != (len(segment) if final else NOT_FINAL):
            raise ValueError(f"segment {position} states length {stated:#x}")
        aad = struct.pack(">QB", position, final)
        try:
            return self.aead(position).decrypt(segment[4:16], segment[16:], aad)
        except InvalidTag:
            raise ValueError(f"tag of segment {position} does not verify") from None


# ---- zstd frame, RFC 8878 section 3.1.1

def zstd_stored_length(data):
    """The length of the frame that `data` begins with, from its block headers; None if cut."""
    at = zstandard.frame_header_size(data)
    while at + 3 <= len(data):
        block = int.from_bytes(data[at:at + 3], "little")
        last, kind, size = block & 1, block >> 1 & 3, block >> 3
        at += 3 + (1 if kind == 1 else size)
        if last:
            return at + (4 if data[4] & 4 else 0)
    return None


def zstd_frame(data, plain_len):
    """Decompresses one frame under the rules of section 7, or a ValueError."""
    if data[:4] != b"\x28\xb5\x2f\xfd":
        raise ValueError("not a zstd frame")
    try:
        params = zstandard.get_frame_parameters(data)
        if params.content_size == zstandard.CONTENTSIZE_UNKNOWN:
            raise ValueError("zstd frame without its content size")
        if params.content_size != plain_len:
            raise ValueError(f"zstd frame of {params.content_size} bytes, {plain_len} stated")
        if params.dict_id:
            raise ValueError("zstd frame needs a dictionary")
        if params.window_size > 8 * MIB:
            raise ValueError(f"zstd window of {params.window_size} bytes")
        if zstd_stored_length(data) != len(data):
            raise ValueError("zstd frame does not end where it should")
        plain = zstandard.ZstdDecompressor().decompress(data)
    except zstandard.ZstdError as error:
        raise ValueError(f"zstd: {error}") from None
    if len(plain) != plain_len:
        raise ValueError("zstd frame is shorter than it states")
    return plain
