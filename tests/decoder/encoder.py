#!/usr/bin/python3
"""Writes a small vault from docs/FORMAT.md alone, or one that breaks exactly one rule of it.

What is written follows from the seed: OUT/vault, OUT/identity (a device), OUT/identity-passphrase
(the same under the passphrase in OUT/passphrase), OUT/sealer, OUT/operator, OUT/stranger (a device
that the vault does not know), OUT/request, OUT/recovery-code, OUT/contact-code and OUT/contact-half
(the codes of a recovery key and of a contact), and OUT/expected.json (what the first snapshot
holds). The second snapshot is attested, the first is not. What the second generation of the keybag
wraps no more is destroyed in the first.
"""

import argparse
import base64
import calendar
import copy
import hashlib
import json
import struct
import sys
import time
from pathlib import Path

import sample
from identity import DEVICE, OPERATOR, RECOVERY_CONTACT, SEALER, ZERO32, Identity
from index import CONTINUATION, TYPE_NAMES
from keybag import (ACTIVE, CATEGORIES, REMOVED, Epoch, Keybag, Recipient, category_name, wrap_of)
from mutations import MUTATIONS
from primitives import ed25519_public, sha256, x25519_public
from record import ATTESTED, NamedArchive
from recovery import SECRET_LEN, identity_of, join
from writing import (LEVEL, AttestationFields, HeaderFields, IndexFrame, Random, RecordFields,
                     SlotTable, Trailer, archive_part, archive_slot, code_of, floe_seal,
                     frame_bodies, hpke_seal, identity_bytes, identity_payload, keybag_bytes,
                     record_bytes, request_text, sign, varint, with_length, wraps_bytes, zstd)

PHOTOS, NOTES, MAIL = 17, 18, 24
OLD, LAPTOP, _, PAPER, OPERATING, SISTER, TABLET = range(7)
FIRST, SECOND = "20240102T030405Z-0000000a", "20240203T040506Z-0000000b"
START_NS = 1_704_164_645 * 10**9
PASSPHRASE = b"correct horse battery staple"


class Encoder:
    """Builds the vault; `mutation` may change each stage of what is its target."""

    def __init__(self, out, seed, mutation=None):
        self.out, self.vault = Path(out), Path(out) / "vault"
        self.random, self.mutation = Random(seed), mutation
        self.expected = {}

    def hook(self, stage, value):
        """The value as the mutation leaves it."""
        if self.mutation is None or self.mutation.stage != stage:
            return value
        changed = self.mutation.change(value)
        return value if changed is None else changed

    @staticmethod
    def no_hook(_stage, value):
        return value

    # ---- keys

    def _identity(self, kind, name):
        kem = ZERO32 if kind == SEALER else self.random.x25519()
        return Identity(kind, name, kem, self.random.bytes(32))

    def _secret(self):
        return bytes(byte & 31 for byte in self.random.bytes(SECRET_LEN))

    def make_keys(self):
        self.vault_id, self.account_seed = self.random.bytes(16), self.random.bytes(32)
        self.account_public = ed25519_public(self.account_seed)
        self.device = self._identity(DEVICE, "laptop")
        self.sealer = self._identity(SEALER, "backup host")
        self.operator = self._identity(OPERATOR, "opérateur")
        self.stranger = self._identity(DEVICE, "stranger")
        self.recovery, self.contact, self.half = self._secret(), self._secret(), self._secret()
        self.make_recipients()
        self.epochs = {n: [self._epoch(n, 1)] for n in range(1, len(CATEGORIES) + 1)}

    def make_recipients(self):
        """The tablet has no account wrap: another device knows the account."""
        paper = identity_of(self.recovery)
        sister = identity_of(join(self.contact, self.half), RECOVERY_CONTACT)
        everybody = [self._identity(DEVICE, "laptop"), self.device, self.sealer, paper,
                     self.operator, sister, self._identity(DEVICE, "tablet")]
        self.seeds = {who.signing_public: who.signing_seed for who in everybody}
        self.recipients = [Recipient(who.kind, ACTIVE, who.name, who.kem_public, who.signing_public,
                                     START_NS, level=LEVEL) for who in everybody]
        old, _, _, _, _, contact, _ = self.recipients
        self.recipients[PAPER].name, contact.name = "paper", "sister"
        old.state, old.removed, old.removed_generation = REMOVED, START_NS + 1, 1
        for index in (LAPTOP, PAPER, SISTER):
            self.recipients[index].account_wrap = self._wrap(
                index, self.account_seed,
                b"adp-seal/1 account key\0" + self.vault_id + self.account_public)
        contact.half = self._wrap(OPERATING, self.half + bytes(6),
                                  b"adp-seal/1 recovery half\0" + self.vault_id
                                  + contact.kem_public)

    def _wrap(self, to, secret, info):
        return wrap_of(hpke_seal(self.random, self.recipients[to].kem_public, secret, info))

    def _epoch(self, category, number):
        private = self.random.x25519()
        public = x25519_public(private)
        if number == 1 and category == PHOTOS:
            private = self.hook("epoch-private", private)
        info = (b"adp-seal/1 epoch key\0" + self.vault_id + struct.pack("<HI", category, number)
                + public)
        readers = [LAPTOP, PAPER, SISTER, TABLET]
        readers += {MAIL: [OLD, OPERATING], NOTES: [OLD]}.get(category, [])
        return Epoch(START_NS + number, public,
                     {to: self._wrap(to, private, info) for to in sorted(readers)})

    def write_keybag(self, generation, hook):
        """Writes a generation and its copy; its statement and its wraps."""
        bag = Keybag("", self.vault_id, generation, self.previous, START_NS, self.account_public, 2,
                     LAPTOP, "made by the test", copy.deepcopy(self.recipients),
                     copy.deepcopy(self.epochs))
        bag = hook("keybag", bag)
        wraps = [wrap.data for wrap in bag.wraps()] if bag.version > 1 else []
        tail, signatures = hook("keybag-tail", b""), 64 * bag.version
        data = hook("keybag-bytes", with_length(keybag_bytes(bag), signatures + len(tail)))
        if bag.version > 1:
            seed = self.seeds[bag.recipients[min(bag.author, TABLET)].signing_public]
            data += hook("keybag-author", sign(seed, b"adp-seal/1 keybag author", data))
        data += hook("keybag-signature", sign(self.account_seed, b"adp-seal/1 keybag", data)) + tail
        wraps = hook("keybag-wraps", wraps)
        self._place(generation, bag.version, hook("keybag-file", data + wraps_bytes(wraps)))
        return data, wraps

    def _place(self, generation, version, data):
        for folder in ("keybag", "snapshots")[:version]:
            (self.vault / folder / f"{generation:016x}.adpk").write_bytes(data)

    def write_first_keybag(self):
        def hook(stage, value):
            return self.hook("first-" + stage, value)
        self.previous = ZERO32
        self.first, self.first_wraps = self.write_keybag(1, hook)
        self.first_keybag = sha256(self.first)
        self.previous = sha256(hook("hashed", (self.first, wraps_bytes(self.first_wraps)))[0])

    def write_second_keybag(self):
        """New photos, and what is wrapped no more is destroyed in the generation before."""
        self.epochs[PHOTOS].append(self._epoch(PHOTOS, 2))
        del self.epochs[NOTES][0].wraps[OLD]
        _, wraps = self.write_keybag(2, self.hook)
        kept = [wrap if wrap in wraps else None for wrap in self.first_wraps]
        if self.first_wraps:
            self._place(1, 2, self.first + wraps_bytes(self.hook("stripped", kept)))

    # ---- archives

    def _index(self, plan, hook):
        """The index frames of a plan."""
        groups = [(frame_bodies(entries), entries) for entries in plan.frames]
        groups = hook("bodies", groups)
        frames = []
        for bodies, entries in groups:
            plain = b"".join(varint(len(body)) + body for body in bodies)
            plain = hook("frame-plain", plain)
            frames.append(IndexFrame(zstd(plain), len(plain), len(bodies), entries[0].path))
        return hook("index-frames", frames)

    def _stream(self, plan, hook):
        frames = self._index(plan, hook)
        directory = hook("directory", varint(1) + varint(len(frames))
                         + b"".join(frame.line() for frame in frames))
        stored = hook("directory-stored", zstd(directory))
        index = b"".join(frame.stored for frame in frames)
        content, _ = hook("assembled", (bytes(plan.content), len(index + stored)))
        body = content + index
        heads = [entry for entry in plan.entries() if entry.type != CONTINUATION]
        total = sum(entry.size for entry in heads)
        trailer = hook("trailer", Trailer(len(body), len(stored), len(directory), len(heads),
                                          total))
        return hook("stream", body + stored + trailer.pack())

    def write_archive(self, snapshot, plan, hook):
        """Seals a plan; what the record says of it."""
        fields = HeaderFields(self.vault_id, self.random.bytes(16), plan.category, plan.epoch,
                              self.random.bytes(32))
        fields = hook("header", fields)
        key = self.random.bytes(32)
        floe = fields.floe(key)
        public = self.epochs[plan.category][plan.epoch - 1].public

        def slot(secret):
            return archive_slot(self.random, fields.fixed(), secret, plan.epoch, public)

        slots = hook("slots", SlotTable([(9, b"a slot of another type"), slot(key)], slot))
        header = fields.fixed() + hook("floe-header", floe.prefix + floe.header_tag) + slots.pack()
        header = header.ljust(fields.length - 32, b"\0")
        header = hook("header-bytes", header)
        header = hook("header-block", header + sha256(header))
        segments = hook("segments", floe_seal(floe, self.random, self._stream(plan, hook)))
        digest = sha256(b"".join(segment[-16:] for segment in segments))
        data = hook("file", header + b"".join(segments))
        path = self.vault / "archives" / snapshot / f"{category_name(plan.category)}.adps"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return NamedArchive(plan.category, plan.epoch, fields.archive_id, len(data),
                            floe.header_tag, digest)

    def write_attestation(self, snapshot, archives, hook):
        """Attests archives that are in the vault, also in what the record is to say of them."""
        folder = self.vault / "archives" / snapshot
        parts = [archive_part(named.category, (folder / f"{named.name()}.adps").read_bytes())
                 for named in archives]
        fields = AttestationFields(self.vault_id, snapshot.encode(), parts)
        fields = hook("attestation", fields)
        for named, part in zip(archives, fields.parts):
            named.attestation = sha256(part.pack())
        (folder / "attestation.adpt").write_bytes(hook("attestation-file", fields.pack()))

    def write_record(self, snapshot, generation, author, archives, hook, flags=0):
        start = calendar.timegm(time.strptime(snapshot[:16], "%Y%m%dT%H%M%SZ")) * 10**9
        record = RecordFields(self.vault_id, snapshot.encode(), start, start + 10**9,
                              generation, author.recipient_id(), archives, flags)
        record = hook("record", record)
        tail = hook("record-tail", b"")
        data = hook("record-bytes", with_length(record_bytes(record), 64 + len(tail)))
        data += sign(author.signing_seed, b"adp-seal/1 snapshot", data) + tail
        data = hook("record-file", data)
        (self.vault / "snapshots" / f"{snapshot}.adpr").write_bytes(data)

    # ---- the whole

    def build(self):
        for folder in ("keybag", "snapshots", "archives"):
            (self.vault / folder).mkdir(parents=True)
        self.make_keys()
        self.write_first_keybag()
        self._snapshots()
        self.hook("vault", self.vault)
        self._write_identities()
        (self.out / "request").write_text(request_text(self.stranger))
        (self.out / "expected.json").write_text(json.dumps(self.expected, indent=1) + "\n")

    def _snapshots(self):
        plans = [sample.library(self.random, self.hook, PHOTOS, 1),
                 sample.folder(self.random, self.no_hook, NOTES, 1),
                 sample.folder(self.random, self.no_hook, MAIL, 1)]
        archives = [self.write_archive(FIRST, plan, self.hook if plan is plans[0] else self.no_hook)
                    for plan in plans]
        self.write_record(FIRST, 1, self.device, self.hook("named", archives), self.hook)
        for plan in plans:
            self._expect(plan)
        self.write_second_keybag()
        self._attested_snapshot()

    def _attested_snapshot(self):
        plans = [sample.library(self.random, self.no_hook, PHOTOS, 2),
                 sample.folder(self.random, self.no_hook, NOTES, 1)]
        plans[0].content += self.random.bytes(65536)  # unnamed; longer than a header may be
        archives = [self.write_archive(SECOND, plan, self.no_hook) for plan in plans]
        archives = self.hook("attested", archives)
        self.write_attestation(SECOND, archives, self.hook)
        self.write_record(SECOND, 2, self.sealer, archives,
                          lambda stage, value: self.hook("attested-" + stage, value), ATTESTED)

    def _write_identities(self):
        self.device.pins = {self.vault_id: (sha256(self.account_public), 1, self.first_keybag),
                            b"\xff" * 16: (bytes(32), 1, bytes(32))}
        payload = self.hook("identity", identity_payload(self.device))
        self._private("identity", self.hook("identity-file", identity_bytes(payload)))
        self._private("identity-passphrase", identity_bytes(payload, self.random, PASSPHRASE))
        self._private("passphrase", PASSPHRASE + b"\n")
        for name in ("sealer", "operator", "stranger"):
            self._private(name, identity_bytes(identity_payload(getattr(self, name))))
        for name, secret in (("recovery-code", self.recovery), ("contact-code", self.contact),
                             ("contact-half", self.half)):
            self._private(name, code_of(secret).encode() + b"\n")

    def _private(self, name, data):
        path = self.out / name
        path.touch(0o600)
        path.write_bytes(data)

    def _expect(self, plan):
        """Notes what the first snapshot holds, for tests to compare with."""
        for entry in plan.entries():
            if entry.type == CONTINUATION:
                continue
            content = plan.contents.get(entry.path)
            self.expected[entry.path.decode("latin-1")] = {
                "type": TYPE_NAMES[entry.type], "mode": entry.mode, "uid": entry.uid,
                "gid": entry.gid, "mtime_ns": entry.mtime_ns, "size": entry.size,
                "target": entry.target.decode("latin-1"),
                "sha256": None if content is None else hashlib.sha256(content).hexdigest(),
                "xattrs": [[base64.b64encode(part).decode() for part in pair]
                           for pair in entry.xattrs]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", help="a folder to make")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--mutate", choices=sorted(MUTATIONS), metavar="NAME")
    parser.add_argument("--list-mutations", action="store_true",
                        help="each mutation's name and the exit code due from a reader")
    args = parser.parse_args()
    if args.list_mutations:
        for name, mutation in MUTATIONS.items():
            print(name, mutation.exit_code)
        return 0
    if not args.out:
        parser.error("--out is needed")
    Encoder(args.out, args.seed, MUTATIONS.get(args.mutate)).build()
    return 0


if __name__ == "__main__":
    sys.exit(main())
