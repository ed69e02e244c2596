"""Mutations of identity, keybag, record, header block and FLOE body (sections 2 to 6 and 8)."""

import struct
from dataclasses import replace
from operator import itemgetter

from mutation import DONE, INTEGRITY, NO_KEY, UNSUPPORTED, at, flip, mutate, patch, put
from primitives import ed25519_public, sha256

U32_2, U32_3 = (2).to_bytes(4, "little"), (3).to_bytes(4, "little")

# ---- identity (section 8). The payload: kind, str8 "laptop", two keys, number of pins, pins.

PINS = 1 + 7 + 64
PIN_LEN = 88


def many_pins(payload):
    pins = b"".join(struct.pack(">QQ", 0, n) + bytes(72) for n in range(4097))
    return payload[:PINS] + struct.pack("<H", 4097) + pins


def summed(change):
    """A change to an identity file without a passphrase, with its checksum made anew."""
    def apply(data):
        data = change(data)[:-32]
        return data + sha256(data)
    return apply


mutate("identity",
       identity_kind_unknown=patch(0, b"\3"),
       identity_sealer_with_kem_key=patch(0, b"\2"),
       identity_too_many_pins=many_pins,
       identity_trailing_bytes=lambda data: data + b"\0",
       identity_pins_unordered=lambda data: (data[:PINS + 2] + data[PINS + 2 + PIN_LEN:]
                                             + data[PINS + 2:PINS + 2 + PIN_LEN]),
       keybag_account_not_pinned=flip(PINS + 2 + 16),
       keybag_generation_rolled_back=patch(PINS + 2 + 48, b"\3"),
       keybag_forked=flip(PINS + 2 + 56))
mutate("identity-file",
       identity_magic=flip(0),
       identity_length=summed(flip(12)),
       identity_protection_unknown=summed(patch(16, b"\2")),
       identity_scrypt_without_passphrase=summed(patch(17, b"\x0f")),
       identity_salt_without_passphrase=summed(patch(20, b"\1")),
       identity_checksum_wrong=flip(-1))
mutate("identity-file", UNSUPPORTED, identity_version=summed(patch(8, U32_3)))

# ---- keybag (section 4). Offsets: version 8, length 12, generation 32, protection 112.


def same_name(bag):
    bag.recipients[3].name = bag.recipients[1].name


def account_wrap_for_recovery_key(bag):
    bag.recipients[3].account_wrap = bag.recipients[1].account_wrap


def wraps_unordered(bag):
    epoch = bag.categories[17][1]
    epoch.wraps = dict(reversed(epoch.wraps.items()))


def wrap_to(recipient):
    def change(bag):
        wraps = bag.categories[17][1].wraps
        wraps[recipient] = wraps[1]
        bag.categories[17][1].wraps = dict(sorted(wraps.items()))
    return change


def categories_swapped(bag):
    """Only numbers change places: both have one epoch of their own key."""
    categories = list(bag.categories.items())
    categories[0], categories[1] = categories[1], categories[0]
    bag.categories = dict(categories)


def last_category_missing(bag):
    bag.categories.pop(26)


def many_recipients(bag):
    bag.recipients += [replace(bag.recipients[0]) for _ in range(1020)]


def epoch_2_first(data):
    return data.replace(struct.pack("<HHI", 1, 1, 1), struct.pack("<HHI", 1, 1, 2))


def other_recipient(**values):
    return at(lambda bag: bag.recipients[4], put(**values))


mutate("keybag",
       keybag_previous_wrong=put(previous=bytes(32)),
       keybag_author_out_of_range=put(author=5),
       keybag_author_removed=put(author=0),
       keybag_author_sealer=put(author=2),
       keybag_reason_control=put(reason="one\ntwo"),
       keybag_too_many_recipients=many_recipients,
       keybag_name_empty=other_recipient(name=""),
       keybag_name_control=other_recipient(name="a\tb"),
       keybag_name_too_long=other_recipient(name="n" * 65),
       keybag_name_twice=same_name,
       keybag_kind_unknown=other_recipient(kind=6),
       keybag_state_unknown=other_recipient(state=3),
       keybag_removed_while_active=other_recipient(removed=1),
       keybag_signing_key_of_operator=other_recipient(signing_public=ed25519_public(bytes(32))),
       keybag_kem_key_of_sealer=at(lambda bag: bag.recipients[2],
                                   put(kem_public=b"\x09" + bytes(31))),
       keybag_account_wrap_for_recovery_key=account_wrap_for_recovery_key,
       keybag_account_wrap_for_removed=at(lambda bag: bag.recipients[0],
                                          put(account_wrap=bytes(80))),
       keybag_25_categories=last_category_missing,
       keybag_categories_unordered=categories_swapped,
       keybag_category_without_epoch=lambda bag: bag.categories.update({26: []}),
       keybag_wraps_unordered=wraps_unordered,
       keybag_wrap_for_sealer=wrap_to(2),
       keybag_wrap_out_of_range=wrap_to(5))
mutate("keybag-bytes",
       keybag_magic=flip(0),
       keybag_length=flip(12),
       keybag_generation_not_in_name=patch(32, b"\3"),
       keybag_protection_unknown=patch(112, b"\3"),
       keybag_reserved=patch(113, b"\1"),
       keybag_epochs_from_2=epoch_2_first,
       keybag_name_not_utf8=lambda data: data.replace("opérateur".encode(), b"op\xff\xferateur"))
mutate("keybag-bytes", UNSUPPORTED, keybag_version=patch(8, U32_3))
mutate("keybag-tail", keybag_trailing_bytes=lambda _: b"\0")
mutate("keybag-file", keybag_signature_wrong=flip(-1))
mutate("keybag-author", keybag_authors_signature_wrong=flip(-1))
mutate("epoch-private", keybag_private_key_of_another=lambda _: b"\x40" * 32)

# ---- record (section 5)

PHOTOS = itemgetter(0)


def twice(archives):
    return [archives[0], *archives]


mutate("named",
       record_wrong_size=at(PHOTOS, lambda a: put(size=a.size + 4096)(a)),
       record_archive_id=at(PHOTOS, put(archive_id=bytes(16))),
       record_epoch=at(PHOTOS, put(epoch=2)),
       record_epoch_0=at(PHOTOS, put(epoch=0)),
       record_header_tag=at(PHOTOS, put(header_tag=bytes(32))),
       tags_digest_wrong=at(PHOTOS, put(tags_digest=bytes(32))),
       record_categories_unordered=lambda archives: archives[::-1],
       record_category_twice=twice,
       record_category_unknown=lambda archives: [*archives, replace(archives[-1], category=27)])
mutate("record",
       record_vault_id=put(vault_id=bytes(16)),
       record_snapshot_id=put(snapshot_id=b"20240102T030405Z-0000000c"),
       record_generation_0=put(generation=0),
       record_author_unknown=put(author=bytes(16)))
mutate("record-bytes",
       record_magic=flip(0),
       record_length=flip(12))
mutate("record", UNSUPPORTED, record_flags=put(flags=2))
mutate("record-bytes", UNSUPPORTED, record_version=patch(8, U32_2))
mutate("record-tail", record_trailing_bytes=lambda _: b"\0")
mutate("record-file", record_signature_wrong=flip(-1))

# ---- attestation (section 6.1), and what the record says of it: those of the second snapshot.
# Offsets: part of the photos 64, its ENC_SEG_LEN 72, its digests 80 (header) and 112 (segments).


def field_missing(index):
    return at(lambda record: record.archives[index], put(attestation=b""))


def field_too_long(record):
    record.archives[-1].attestation += b"\0"


def part(index, **values):
    return at(lambda fields: fields.parts[index], put(**values))


def part_of(change):
    """The sealer attests photos that are not those of the archive."""
    def apply(fields):
        fields.parts[0].data = change(fields.parts[0].data)
    return apply


def categories_exchanged(fields):
    photos, notes = fields.parts
    photos.category, notes.category = notes.category, photos.category


def notes_part(data):
    """Where the part of the notes begins."""
    return data.rindex(struct.pack("<HHII", 18, 0, 4096, 4096))


def parts_exchanged(data):
    return data[:64] + data[notes_part(data):] + data[64:notes_part(data)]


mutate("attested-record",
       attested_field_missing=field_missing(0),
       attested_last_field_missing=field_missing(-1),
       attested_field_too_long=field_too_long,
       attested_without_flag=put(flags=0),
       attested_digest_wrong=at(lambda record: record.archives[0], put(attestation=bytes(32))))
mutate("attestation",
       attestation_magic=put(magic=b"ADPSATTR"),
       attestation_reserved_12=put(reserved=(1, bytes(7))),
       attestation_reserved_57=put(reserved=(0, bytes(6) + b"\1")),
       attestation_vault_id=put(vault_id=bytes(16)),
       attestation_snapshot_id=put(snapshot_id=b"20240203T040506Z-0000000c"),
       attestation_category=part(0, category=16),
       attestation_categories_exchanged=categories_exchanged,
       attestation_part_reserved_2=part(0, reserved=(1, 0)),
       attestation_part_reserved_12=part(0, reserved=(0, 1)),
       attestation_header_length_0=part(0, header_length=0),
       attestation_header_length_not_of_pages=part(0, header_length=4608),
       attestation_header_length_too_long=part(0, header_length=69632),
       attestation_header_past_archive=part(1, header_length=61440, data=bytes(61440 + 32)),
       attestation_segment_length_not_of_pages=part(0, segment_len=5120),
       attestation_segment_length_too_long=part(0, segment_len=4198400),
       attestation_of_a_segment_more=part_of(lambda data: data + bytes(4096)),
       attestation_of_a_segment_less=part_of(lambda data: data[:-4096]))
mutate("attestation", UNSUPPORTED, attestation_version=put(version=2))
mutate("attestation", INTEGRITY, "check",
       attested_in_other_segments=part(0, segment_len=8192),
       attestation_of_another_header=part_of(flip(137)),
       attestation_of_another_segment=part_of(flip(-1)))
mutate("attested", DONE, ok_attested_without_archives=lambda archives: [])
mutate("attestation-file",
       attestation_empty=lambda data: b"",
       attestation_cut_in_head=lambda data: data[:40],
       attestation_cut=lambda data: data[:-1],
       attestation_last_digest_missing=lambda data: data[:-32],
       attestation_part_missing=lambda data: data[:notes_part(data)],
       attestation_part_twice=lambda data: data + data[notes_part(data):],
       attestation_trailing_byte=lambda data: data + b"\0",
       attestation_parts_exchanged=parts_exchanged,
       attestation_segment_length_0=patch(72, bytes(4)),
       attestation_header_digest_changed=flip(80),
       attestation_segment_digest_changed=flip(112),
       attestation_last_digest_changed=flip(-1))

# ---- header block (section 6)


def fill_slots(table):
    table.slots = [(9, b"")] * 64 + table.slots


def only_slot_of_another_key(table):
    table.slots = [table.make(bytes(32))]


def decoy_slot(table):
    table.slots.insert(0, table.make(bytes(32)))


def slot_payload(change):
    def apply(table):
        kind, payload = table.slots[-1]
        table.slots[-1] = (kind, change(payload))
    return apply


mutate("header",
       header_magic=put(magic=b"ADPSEAL2"),
       header_reserved_16=put(reserved=(1, 0)),
       header_reserved_64=put(reserved=(0, 1)),
       header_vault_id=put(vault_id=bytes(16)),
       header_category=put(category=18),
       header_category_unknown=put(category=27),
       header_epoch_0=put(epoch=0),
       header_length_not_of_pages=put(length=4608),
       header_length_too_long=put(length=69632),
       segment_length_not_of_pages=put(segment_len=5120),
       segment_length_too_long=put(segment_len=4198400))
mutate("header", UNSUPPORTED, header_version=put(version=2))
mutate("floe-header", floe_parameters=patch(9, b"\x10"), floe_header_tag=flip(-1))
mutate("slots",
       slots_none=put(slots=[]),
       slots_count_wrong=put(count=1),
       slots_too_many=fill_slots,
       slots_length_wrong=put(length=110),
       slots_past_header=put(length=4096 - 175),
       slot_length_wrong=slot_payload(lambda payload: payload + b"\0"),
       slot_of_another_key=only_slot_of_another_key)
mutate("slots", NO_KEY, slot_does_not_open=slot_payload(flip(-1)))
mutate("slots", DONE, ok_decoy_slot=decoy_slot)
mutate("header-bytes", header_padding=flip(-1))
mutate("header-block", header_checksum_wrong=flip(-1))

# ---- FLOE body


def swap(items):
    items[0], items[1] = items[1], items[0]


def flip_segment(offset):
    def change(segments):
        segments[0] = flip(offset)(segments[0])
    return change


mutate("segments",
       segment_swapped=swap,
       segment_missing=lambda segments: segments[1:],
       segment_twice=lambda segments: [segments[0], *segments],
       segment_length_field=flip_segment(0),
       segment_nonce_changed=flip_segment(4),
       segment_changed=flip_segment(100),
       segment_tag_changed=flip_segment(-1),
       final_missing=lambda segments: segments[:-1],
       body_missing=lambda segments: [])
mutate("file",
       archive_cut_in_header=lambda data: data[:2048],
       archive_empty=lambda data: b"",
       bytes_after_end=lambda data: data + bytes(16),
       final_cut=lambda data: data[:-1])

# ---- the vault's files (section 2)

FIRST, SECOND = "20240102T030405Z-0000000a", "20240203T040506Z-0000000b"


def swapped_archives(vault):
    folder = vault / "archives" / FIRST
    photos, notes, aside = (folder / name for name in ("photos.adps", "notes.adps", ".aside"))
    photos.rename(aside)
    notes.rename(photos)
    aside.rename(notes)


def attestation(vault, snapshot=SECOND):
    return vault / "archives" / snapshot / "attestation.adpt"


def attestation_unasked(vault):
    """Beside archives whose record knows nothing of it."""
    attestation(vault, FIRST).write_bytes(b"of no meaning")


def header_beside(change=lambda beside: beside, of="photos", is_torn=True):
    """A header beside the photos, that of `of`, changed; the one in place torn or whole."""
    def apply(vault):
        archive = vault / "archives" / FIRST / "photos.adps"
        data = archive.read_bytes()
        beside = archive.with_name(f"{of}.adps").read_bytes()[:4096]
        archive.with_suffix(".adph").write_bytes(change(beside))
        if is_torn:
            archive.write_bytes(data[:2048] + bytes(2048) + data[4096:])
    return apply


def torn_header(vault):
    """With nothing beside it."""
    header_beside()(vault)
    (vault / "archives" / FIRST / "photos.adph").unlink()


def renamed_record(vault):
    """Takes the place of another snapshot, with all its files."""
    other = "20240102T030406Z-0000000a"
    (vault / "archives" / FIRST).rename(vault / "archives" / other)
    (vault / "snapshots" / f"{FIRST}.adpr").rename(vault / "snapshots" / f"{other}.adpr")


def renamed_keybag(vault):
    (vault / "keybag" / f"{2:016x}.adpk").rename(vault / "keybag" / f"{3:016x}.adpk")


def dot_files(vault):
    for folder in ("keybag", "snapshots", "archives", f"archives/{FIRST}"):
        (vault / folder / ".tmp.adpk").write_bytes(b"half written")


def other_files(vault):
    """Files that are nothing of the vault's, and a folder beside the archives."""
    for name in ("keybag/README", "keybag/1.adpk", "snapshots/notes.txt", "snapshots/x.adpr",
                 f"archives/{FIRST}/extra.adps", "README"):
        (vault / name).write_bytes(b"of no meaning")
    (vault / "archives" / "lost+found").mkdir()


def interrupted(vault):
    folder = vault / "archives" / "20240304T000000Z-0000000d"
    folder.mkdir()
    (folder / "photos.adps").write_bytes(b"half written")


mutate("vault",
       swapped_archives=swapped_archives,
       archive_missing=lambda vault: (vault / "archives" / FIRST / "photos.adps").unlink(),
       attestation_missing=lambda vault: attestation(vault).unlink(),
       header_torn=torn_header,
       header_beside_changed=header_beside(flip(150)),
       header_beside_cut=header_beside(lambda beside: beside[:-1]),
       header_beside_longer=header_beside(lambda beside: beside + bytes(1)),
       header_beside_of_another=header_beside(of="notes"),
       record_renamed=renamed_record,
       keybag_renamed=renamed_keybag)
mutate("vault", DONE,
       ok_attestation_unasked=attestation_unasked,
       ok_header_beside=header_beside(),
       ok_header_beside_unasked=header_beside(of="notes", is_torn=False),
       ok_temporary_files=dot_files,
       ok_other_files=other_files,
       ok_interrupted_run=interrupted)
