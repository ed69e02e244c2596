"""Identity files (section 8) and requests (section 9)."""

import re
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from primitives import (MIB, FormatError, NoKey, Reader, aes_gcm_open, ed25519_public, read_capped,
                        sha256, verify_signature, x25519_public)

DEVICE, SEALER, RECOVERY_KEY, OPERATOR, RECOVERY_CONTACT = range(1, 6)
ZERO32 = bytes(32)


@dataclass
class Identity:
    kind: int
    name: str
    kem_private: bytes
    signing_seed: bytes
    pins: dict = field(default_factory=dict)

    def __post_init__(self):
        sealer = self.kind == SEALER
        self.kem_public = ZERO32 if sealer else x25519_public(self.kem_private)
        self.signing_public = ed25519_public(self.signing_seed)

    def recipient_id(self):
        return sha256(self.kem_public + self.signing_public)[:16]


def _identity_payload(data, path, base, version):
    r = Reader(data, path, base)
    kind = r.u8()
    r.require(kind in (DEVICE, SEALER, OPERATOR), f"unknown kind of identity {kind}")
    name = r.name()
    kem = r.bytes(32)
    r.require(kind != SEALER or kem == ZERO32, "sealer with a KEM private key")
    seed = r.bytes(32)
    count = r.u16()
    r.require(count <= 4096, f"{count} pins")
    pins, last = {}, None
    for _ in range(count):
        vault = r.bytes(16)
        r.require(last is None or vault > last, "pins do not ascend by vault id")
        pins[vault] = (r.bytes(32), r.u64(), r.bytes(32) if version > 1 else ZERO32)
        last = vault
    r.end()
    return Identity(kind, name, kem, seed, pins)


def read_identity(path, passphrase=None):
    data = read_capped(path, MIB)
    r = Reader(data, path)
    version = r.magic(b"ADPSIDEN", (1, 2))
    length = r.u32()
    r.require(length == len(data), f"states {length} bytes, has {len(data)}")
    protection, log2n, scrypt_r, scrypt_p = r.u8(), r.u8(), r.u8(), r.u8()
    salt, nonce = r.bytes(16), r.bytes(12)
    r.require(protection in (0, 1), f"unknown protection {protection}")
    if protection == 0:
        r.require(not any(data[17:48]), "scrypt fields without a passphrase")
        payload = r.bytes(max(r.left() - 32, 0))
        r.require(sha256(data[:-32]) == r.bytes(32), "checksum does not match")
        return _identity_payload(payload, path, 48, version)
    r.require(10 <= log2n <= 20 and 1 <= scrypt_r <= 16 and 1 <= scrypt_p <= 4,
              f"scrypt parameters {log2n}, {scrypt_r}, {scrypt_p}")
    if passphrase is None:
        raise NoKey(f"{path}: a passphrase is needed")
    key = Scrypt(salt, 32, 1 << log2n, scrypt_r, scrypt_p).derive(passphrase)
    payload = aes_gcm_open(key, nonce, r.bytes(r.left()), data[:48])
    if payload is None:
        raise NoKey(f"{path}: the passphrase does not open it, or it is damaged")
    return _identity_payload(payload, path, 48, version)


# ---- request

def parse_request(text):
    """Section 9: (kind, level, name, KEM public key, signing public key)."""
    prefix, text = "adp-seal-request-1:", text.strip()
    body = text[len(prefix):]
    if not text.startswith(prefix) or not re.fullmatch(r"(?:[0-9a-f]{2})*", body):
        raise FormatError("request", "not a request")
    data = bytes.fromhex(body)
    r = Reader(data, "request")
    kind = r.u8()
    r.require(kind in (DEVICE, SEALER, OPERATOR), f"unknown kind {kind}")
    level, name, kem, signing = r.u8(), r.name(), r.bytes(32), r.bytes(32)
    r.require((kind == SEALER) == (kem == ZERO32), "KEM public key is not as the kind has it")
    signed = data[:r.at]
    r.require(verify_signature(signing, b"adp-seal/1 request", signed, r.bytes(64)),
              "signature does not verify")
    r.end()
    return kind, level, name, kem, signing
