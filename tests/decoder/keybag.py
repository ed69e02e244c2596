"""Keybags, section 4: one file, checked for itself. How one follows from another is in chain.py."""

import struct
from dataclasses import dataclass, field

from identity import DEVICE, OPERATOR, RECOVERY_CONTACT, RECOVERY_KEY, SEALER, ZERO32
from primitives import (FormatError, NoKey, Reader, ed25519_public, hpke_open, sha256,
                        verify_signature, x25519_public)

CATEGORIES = ("passwords health home messages payment card-transactions maps keyboard safari "
              "screen-time siri wifi bluetooth-keys memoji backup drive photos notes reminders "
              "bookmarks shortcuts voice-memos wallet mail contacts calendar").split()
ACTIVE, REMOVED = 1, 2
DESTROYED, PRESENT = 0, 1
WRAP_LEN = 80
KNOW_ACCOUNT = {1: (DEVICE,), 2: (DEVICE, RECOVERY_KEY, RECOVERY_CONTACT)}


def category_name(number):
    return CATEGORIES[number - 1]


@dataclass
class Wrap:
    """What the statement says of a wrap, and the wrap itself: None if it is destroyed."""
    digest: bytes
    data: bytes = None


def wrap_of(data):
    return Wrap(sha256(data), data)


@dataclass
class Recipient:
    kind: int
    state: int
    name: str
    kem_public: bytes
    signing_public: bytes
    added: int
    removed: int = 0
    removed_generation: int = 0
    level: int = 0
    account_wrap: Wrap = None
    half: Wrap = None

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

    def wraps(self):
        """All wraps, in the order in which they follow the statement."""
        for recipient in self.recipients:
            yield from filter(None, (recipient.account_wrap, recipient.half))
        for epochs in self.categories.values():
            for epoch in epochs:
                yield from epoch.wraps.values()

    def is_whole(self):
        return all(wrap.data for wrap in self.wraps())

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
                what = f"epoch {number} of {category_name(category)}"
                return self._unwrap_key(identity, epoch.wraps[index], info, epoch.public,
                                        x25519_public, what)
        return None

    def account_seed(self, identity):
        """The account's seed, or None where the identity has no wrap of it."""
        info = b"adp-seal/1 account key\0" + self.vault_id + self.account_public
        for index in self._own_index(identity):
            wrap = self.recipients[index].account_wrap
            if wrap:
                return self._unwrap_key(identity, wrap, info, self.account_public, ed25519_public,
                                        "account")
        return None

    def contact_half(self, operator, name):
        """The symbols of the half of a contact's secret that the operator holds."""
        contact = next((recipient for recipient in self.recipients if recipient.half
                        and recipient.name == name), None)
        if contact is None or not any(self.recipients[index].kind == OPERATOR
                                      for index in self._own_index(operator)):
            raise NoKey(f"{self.path}: {operator.name} holds no half of {name}")
        half = self._unwrap(operator, contact.half, b"adp-seal/1 recovery half\0" + self.vault_id
                            + contact.kem_public, f"half of {name}")
        if any(half[26:]) or max(half) > 31:
            raise FormatError(self.path, f"half of {name} is not 26 symbols")
        return half[:26]

    def _unwrap(self, identity, wrap, info, what):
        secret = hpke_open(identity.kem_private, wrap.data, info)
        if secret is None or len(secret) != 32:
            raise FormatError(self.path, f"wrap of the {what} does not open")
        return secret

    def _unwrap_key(self, identity, wrap, info, public, public_of, what):
        private = self._unwrap(identity, wrap, info, f"{what} key")
        if public_of(private) != public:
            raise FormatError(self.path, f"{what} private key is not of its public key")
        return private


# ---- the statement

def _wrap(r, version):
    return wrap_of(r.bytes(WRAP_LEN)) if version == 1 else Wrap(r.bytes(32))


def _optional_wrap(r, version, may_have, what):
    count = r.u8()
    r.require(count <= 1, f"{count} wraps: {what}")
    r.require(not count or may_have, f"{what} for a recipient that must not have one")
    return _wrap(r, version) if count else None


def _recipient(r, version):
    kind, state = r.u8(), r.u8()
    r.require(DEVICE <= kind <= RECOVERY_CONTACT, f"unknown kind of recipient {kind}")
    r.require(state in (ACTIVE, REMOVED), f"unknown state of a recipient {state}")
    recipient = Recipient(kind, state, r.name(), r.bytes(32), r.bytes(32), r.i64(), r.i64())
    r.require(kind != SEALER or recipient.kem_public == ZERO32, "sealer with a KEM public key")
    if version == 1:
        r.require(kind in (DEVICE, SEALER) or recipient.signing_public == ZERO32,
                  "signing key not zero")
    else:
        recipient.removed_generation, recipient.level = r.u64(), r.u8()
    active = state == ACTIVE
    r.require(not active or recipient.removed == recipient.removed_generation == 0,
              "active recipient with a removal")
    recipient.account_wrap = _optional_wrap(r, version, active and kind in KNOW_ACCOUNT[version],
                                            "account wrap")
    if version > 1:
        recipient.half = _optional_wrap(r, version, active and kind == RECOVERY_CONTACT, "half")
    return recipient


def _epoch(r, expected, recipients, version):
    number = r.u32()
    r.require(number == expected, f"epoch {number} where {expected} is due")
    created, public = r.i64(), r.bytes(32)
    wraps, last = {}, -1
    for _ in range(r.u16()):
        index = r.u16()
        r.require(index > last, "wraps do not ascend by recipient")
        r.require(index < len(recipients), f"wrap for recipient {index}, which is not there")
        r.require(recipients[index].kind != SEALER, "wrap for a sealer")
        wraps[index] = _wrap(r, version)
        last = index
    return Epoch(created, public, wraps)


def _head(r, generation, version):
    bag = Keybag(r.file, r.bytes(16), r.u64(), r.bytes(32), r.i64(), r.bytes(32), r.u8(), None,
                 None, version=version)
    r.require(bag.generation >= 1, "generation 0")
    r.require(bag.generation == generation, "generation is not the one in the file's name")
    r.require(bag.generation > 1 or bag.previous == ZERO32, "generation 1 with a previous one")
    r.require(bag.protection in (1, 2), f"unknown protection {bag.protection}")
    r.zero(1)
    bag.author, bag.reason = r.u16(), r.text(r.str8())
    return bag


def _signatures(r, bag):
    if bag.version > 1:
        author = bag.recipients[bag.author]
        r.require(author.account_wrap is not None, "author without an account wrap")
        signed = r.data[:r.at]
        r.require(verify_signature(author.signing_public, b"adp-seal/1 keybag author", signed,
                                   r.bytes(64)), "author's signature does not verify")
    signed = r.data[:r.at]
    r.require(verify_signature(bag.account_public, b"adp-seal/1 keybag", signed, r.bytes(64)),
              "signature does not verify")


def _read_wraps(r, bag):
    for wrap in bag.wraps():
        form = r.u8()
        r.require(form in (DESTROYED, PRESENT), f"unknown form of a wrap {form}")
        if form == PRESENT:
            wrap.data = r.bytes(WRAP_LEN)
            r.require(sha256(wrap.data) == wrap.digest, "wrap is not the one of the statement")
    r.end()


def parse_keybag(data, path, generation):
    """Every check that one file allows."""
    r = Reader(data, path)
    version = r.magic(b"ADPSKEYS", (1, 2))
    length = r.u32()
    r.require(length == len(data) or version > 1 and length < len(data),
              f"states {length} bytes, has {len(data)}")
    r.data = data[:length]
    bag = _head(r, generation, version)
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
        bag.categories[category] = [_epoch(r, n + 1, bag.recipients, version)
                                    for n in range(epochs)]
    _signatures(r, bag)
    r.end()
    bag.hash = sha256(r.data)
    if version > 1:
        _read_wraps(Reader(data[length:], path, length), bag)
    return bag
