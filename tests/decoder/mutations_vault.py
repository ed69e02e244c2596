"""Mutations of record, attestation, header block, FLOE body and files (sections 2, 5 and 6)."""

import struct
from dataclasses import replace
from operator import itemgetter

from mutation import DONE, INTEGRITY, NO_KEY, UNSUPPORTED, at, flip, mutate, patch, put

U32_2 = (2).to_bytes(4, "little")

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
       record_generation_to_come=put(generation=3),
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


def slots_of_64(table):
    table.slots = [(9, b"")] * (64 - len(table.slots)) + table.slots


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
mutate("slots", DONE, ok_decoy_slot=decoy_slot, ok_slots_of_64=slots_of_64)
mutate("header", DONE,
       ok_header_of_65536=put(length=65536),
       ok_segments_of_4_mib=put(segment_len=4 << 20))
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


def dot_files(vault):
    for folder in ("keybag", "snapshots", "archives", f"archives/{FIRST}"):
        (vault / folder / ".tmp.adpk").write_bytes(b"half written")


def other_files(vault):
    """Files that are nothing of the vault's, and a folder beside the archives."""
    for name in ("keybag/README", "keybag/1.adpk", "snapshots/notes.txt", "snapshots/x.adpr",
                 "snapshots/1.adpk", f"archives/{FIRST}/extra.adps", "README"):
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
       record_renamed=renamed_record)
mutate("vault", DONE,
       ok_attestation_unasked=attestation_unasked,
       ok_header_beside=header_beside(),
       ok_header_beside_unasked=header_beside(of="notes", is_torn=False),
       ok_temporary_files=dot_files,
       ok_other_files=other_files,
       ok_interrupted_run=interrupted)
