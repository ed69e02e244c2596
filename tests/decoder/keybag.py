"""Identity files (section 8), keybags (section 4) and requests (section 9)."""

import re
import struct
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from primitives import (MIB, FormatError, NoKey, Reader, aes_gcm_open, ed25519_public, hpke_open,
                        sha256, verify_signature, x25519_public)

CATEGORIES = ("passwords health home messages payment card-transactions maps keyboard safari "
              "screen-time siri wifi bluetooth-keys memoji backup drive photos notes reminders "
              "bookmarks shortcuts voice-memos wallet mail contacts calendar").split()
DEVICE, SEALER, RECOVERY_KEY, OPERATOR, RECOVERY_CONTACT = range(1, 6)
ACTIVE, REMOVED = 1, 2
ZERO32 = bytes(32)


def category_name(number):
    return CATEGORIES[number - 1]


def read_capped(path, most):
    """A whole file of at most `most` bytes."""
    with open(path, "rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise FormatError(path, f"longer than {most} bytes")
    return data


# ---- identity

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
    r.require(kind in (DEVICE, SEALER), f"unknown kind of identity {kind}")
    name = r.name()
    kem = r.bytes(32)
    r.require(kind == DEVICE or kem == ZERO32, "sealer with a KEM private key")
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


# ---- keybag

@dataclass
class Recipient:
    kind: int
    state: int
    name: str
    kem_public: bytes
    signing_public: bytes
    added: int
    removed: int
    account_wrap: bytes
    removed_generation: int = 0

    def recipient_id(self):
        return sha256(self.kem_public + self.signing_public)[:16]


@dataclass
class Epoch:
    created: int
    public: bytes
    wraps: dict


@dataclass
class Keybag:
    path: str
    vault_id: bytes
    generation: int
    previous: bytes
    created: int
    account_public: bytes
    protection: int
    author: int
    reason: str
    recipients: list = field(default_factory=list)
    categories: dict = field(default_factory=dict)
    version: int = 2
    hash: bytes = b""

    def find_author(self, recipient_id):
        for recipient in self.recipients:
            if recipient.kind in (DEVICE, SEALER) and recipient.recipient_id() == recipient_id:
                return recipient
        return None

    def _own_index(self, identity):
        return [i for i, recipient in enumerate(self.recipients)
                if (recipient.kem_public, recipient.signing_public)
                == (identity.kem_public, identity.signing_public)]

    def epoch_private(self, identity, category, number):
        """The private key of an epoch, or None where the identity has no wrap of it."""
        epochs = self.categories[category]
        if not 1 <= number <= len(epochs):
            return None
        epoch = epochs[number - 1]
        info = (b"adp-seal/1 epoch key\0" + self.vault_id
                + struct.pack("<HI", category, number) + epoch.public)
        for index in self._own_index(identity):
            if index in epoch.wraps:
                return self._unwrap(identity, epoch.wraps[index], info, epoch.public,
                                    x25519_public, f"epoch {number} of {category_name(category)}")
        return None

    def account_seed(self, identity):
        """The account's seed, or None where the identity has no wrap of it."""
        info = b"adp-seal/1 account key\0" + self.vault_id + self.account_public
        for index in self._own_index(identity):
            wrap = self.recipients[index].account_wrap
            if wrap:
                return self._unwrap(identity, wrap, info, self.account_public, ed25519_public,
                                    "account")
        return None

    def _unwrap(self, identity, wrap, info, public, public_of, what):
        private = hpke_open(identity.kem_private, wrap, info)
        if private is None or len(private) != 32:
            raise FormatError(self.path, f"wrap of the {what} key does not open")
        if public_of(private) != public:
            raise FormatError(self.path, f"{what} private key is not of its public key")
        return private


def _recipient(r, version):
    kind, state = r.u8(), r.u8()
    r.require(DEVICE <= kind <= RECOVERY_CONTACT, f"unknown kind of recipient {kind}")
    r.require(state in (ACTIVE, REMOVED), f"unknown state of a recipient {state}")
    name = r.name()
    kem, signing = r.bytes(32), r.bytes(32)
    r.require(kind != SEALER or kem == ZERO32, "sealer with a KEM public key")
    r.require(kind in (DEVICE, SEALER) or signing == ZERO32, "signing key not zero")
    added, removed = r.i64(), r.i64()
    generation = r.u64() if version > 1 else 0
    r.require(state == REMOVED or removed == generation == 0, "active recipient with a removal")
    wraps = r.u8()
    r.require(wraps <= 1, f"{wraps} account wraps")
    r.require(not wraps or (kind == DEVICE and state == ACTIVE),
              "account wrap for another than an active device")
    return Recipient(kind, state, name, kem, signing, added, removed, r.bytes(80 * wraps),
                     generation)


def _epoch(r, expected, recipients):
    number = r.u32()
    r.require(number == expected, f"epoch {number} where {expected} is due")
    created, public = r.i64(), r.bytes(32)
    wraps, last = {}, -1
    for _ in range(r.u16()):
        index = r.u16()
        r.require(index > last, "wraps do not ascend by recipient")
        r.require(index < len(recipients), f"wrap for recipient {index}, which is not there")
        r.require(recipients[index].kind != SEALER, "wrap for a sealer")
        wraps[index] = r.bytes(80)
        last = index
    return Epoch(created, public, wraps)


def parse_keybag(data, path, generation):
    r = Reader(data, path)
    version = r.magic(b"ADPSKEYS", (1, 2))
    length = r.u32()
    r.require(length == len(data), f"states {length} bytes, has {len(data)}")
    bag = Keybag(path, r.bytes(16), r.u64(), r.bytes(32), r.i64(), r.bytes(32), r.u8(), None, None)
    r.require(bag.generation >= 1, "generation 0")
    r.require(bag.generation == generation, "generation is not the one in the file's name")
    r.require(bag.generation > 1 or bag.previous == ZERO32, "generation 1 with a previous one")
    r.require(bag.protection in (1, 2), f"unknown protection {bag.protection}")
    r.zero(1)
    bag.author = r.u16()
    bag.reason = r.text(r.str8())
    count = r.u16()
    r.require(1 <= count <= 1024, f"{count} recipients")
    r.require(bag.author < count, f"author {bag.author} is not a recipient")
    bag.recipients = [_recipient(r, version) for _ in range(count)]
    names = [recipient.name for recipient in bag.recipients if recipient.state == ACTIVE]
    r.require(len(set(names)) == len(names), "two active recipients share a name")
    count = r.u16()
    r.require(count == len(CATEGORIES), f"{count} categories")
    for expected in range(1, count + 1):
        category, epochs = r.u16(), r.u16()
        r.require(category == expected, f"category {category} where {expected} is due")
        r.require(epochs >= 1, "category without an epoch")
        bag.categories[category] = [_epoch(r, n + 1, bag.recipients) for n in range(epochs)]
    bag.version = version
    if version > 1:
        author = bag.recipients[bag.author]
        r.require((author.kind, author.state) == (DEVICE, ACTIVE), "author is no active device")
        signed = data[:r.at]
        r.require(verify_signature(author.signing_public, b"adp-seal/1 keybag author", signed,
                                   r.bytes(64)), "author's signature does not verify")
    signed = data[:r.at]
    r.require(verify_signature(bag.account_public, b"adp-seal/1 keybag", signed, r.bytes(64)),
              "signature does not verify")
    r.end()
    bag.hash = sha256(data)
    return bag


def _follows(bag, before):
    """Whether a keybag may come after another one."""
    trusted = [recipient.signing_public for recipient in before.recipients
               if (recipient.kind, recipient.state) == (DEVICE, ACTIVE)]
    return (bag.vault_id == before.vault_id and bag.previous == before.hash
            and bag.version >= before.version
            and (bag.version > 1 or bag.account_public == before.account_public)
            and bag.recipients[bag.author].signing_public in trusted)


def load_keybag(vault, identity):
    """The keybag of the highest generation, checked against the identity's pin."""
    folder = Path(vault) / "keybag"
    files = {int(p.stem, 16): p for p in folder.iterdir()
             if re.fullmatch(r"[0-9a-f]{16}\.adpk", p.name)}
    if not files:
        raise FormatError(folder, "no keybag")

    def load(number):
        if number not in files:
            raise FormatError(folder, f"generation {number} is missing")
        return parse_keybag(read_capped(files[number], 16 * MIB), str(files[number]), number)

    newest = max(files)
    bag = load(newest)
    account, pinned, pinned_hash = identity.pins.get(bag.vault_id, (None, newest - 1, ZERO32))
    if bag.generation < pinned:
        raise FormatError(bag.path, f"generation {newest}, but {pinned} was seen before")
    if account is None and pinned not in files:
        return bag
    at = load(pinned) if pinned < newest else bag
    if pinned_hash not in (ZERO32, at.hash):
        raise FormatError(at.path, "is not the keybag that was seen before")
    if account is not None and sha256(at.account_public) != account:
        raise FormatError(at.path, "account key is not the pinned one")
    for number in range(pinned + 1, newest + 1):
        following = load(number)
        if not _follows(following, at):
            raise FormatError(following.path, "does not follow from the generation before")
        at = following
    return bag


# ---- request

def parse_request(text):
    """Section 9: (kind, name, KEM public key, signing public key)."""
    prefix, text = "adp-seal-request-1:", text.strip()
    body = text[len(prefix):]
    if not text.startswith(prefix) or not re.fullmatch(r"(?:[0-9a-f]{2})*", body):
        raise FormatError("request", "not a request")
    data = bytes.fromhex(body)
    r = Reader(data, "request")
    kind = r.u8()
    r.require(kind in (DEVICE, SEALER), f"unknown kind {kind}")
    name, kem, signing = r.name(), r.bytes(32), r.bytes(32)
    r.require((kind == SEALER) == (kem == ZERO32), "KEM public key is not as the kind has it")
    signed = data[:r.at]
    r.require(verify_signature(signing, b"adp-seal/1 request", signed, r.bytes(64)),
              "signature does not verify")
    r.end()
    return kind, name, kem, signing
