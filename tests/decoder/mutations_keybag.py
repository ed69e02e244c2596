"""Mutations of identity and keybag (sections 2, 4 and 8)."""

import struct
from dataclasses import replace

from identity import DEVICE, RECOVERY_KEY, ZERO32
from keybag import PRESENT, WRAP_LEN, wrap_of
from mutation import DONE, UNSUPPORTED, at, flip, mutate, patch, put
from primitives import sha256

U32_3 = (3).to_bytes(4, "little")
_, LAPTOP, SEALER, PAPER, OPERATOR, SISTER, TABLET, NOBODY = range(8)  # recipients
A_WRAP = wrap_of(bytes(WRAP_LEN))

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
       identity_kind_unknown=patch(0, b"\5"),
       identity_kind_recovery_key=patch(0, b"\3"),
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

# ---- keybag: the statement (section 4). Offsets: version 8, length 12, generation 32, protection
# 112. Of a recipient, after its name: account wraps 89; if there is one, halves 122.


def same_name(bag):
    bag.recipients[PAPER].name = bag.recipients[LAPTOP].name


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


def statement_length(data):
    return struct.unpack("<I", data[12:16])[0]


def epoch_2_first(data):
    return data.replace(struct.pack("<HHI", 1, 1, 1), struct.pack("<HHI", 1, 1, 2))


def recipient(index, **values):
    return at(lambda bag: bag.recipients[index], put(**values))


def removed(index):
    return recipient(index, state=2, removed=1, removed_generation=2)


def each(*changes):
    def change(bag):
        for part in changes:
            part(bag)
    return change


def in_sister(offset, new):
    def change(data):
        place = data.index(b"sister") + len(b"sister") + offset
        return data[:place] + new + data[place + len(new):]
    return change


def without_account_wrap(index):
    return recipient(index, account_wrap=None)


def one_longer(data):
    return data[:12] + struct.pack("<I", statement_length(data) + 1) + data[16:]


mutate("keybag",
       keybag_previous_wrong=put(previous=bytes(32)),
       keybag_author_out_of_range=put(author=NOBODY),
       keybag_author_removed=put(author=0),
       keybag_author_sealer=put(author=SEALER),
       keybag_author_operator=put(author=OPERATOR),
       keybag_author_without_account_wrap=without_account_wrap(LAPTOP),
       keybag_author_without_account_wrap_before=each(
           recipient(TABLET, account_wrap=A_WRAP), put(author=TABLET)),
       keybag_reason_control=put(reason="one\ntwo"),
       keybag_too_many_recipients=many_recipients,
       keybag_name_empty=recipient(OPERATOR, name=""),
       keybag_name_control=recipient(OPERATOR, name="a\tb"),
       keybag_name_too_long=recipient(OPERATOR, name="n" * 65),
       keybag_name_twice=same_name,
       keybag_kind_unknown=recipient(OPERATOR, kind=6),
       keybag_state_unknown=recipient(OPERATOR, state=3),
       keybag_removed_while_active=recipient(OPERATOR, removed=1),
       keybag_removal_generation_while_active=recipient(OPERATOR, removed_generation=1),
       keybag_kem_key_of_sealer=recipient(SEALER, kem_public=b"\x09" + bytes(31)),
       keybag_account_wrap_for_sealer=recipient(SEALER, account_wrap=A_WRAP),
       keybag_account_wrap_for_operator=recipient(OPERATOR, account_wrap=A_WRAP),
       keybag_account_wrap_for_removed=recipient(0, account_wrap=A_WRAP),
       keybag_account_wrap_for_removed_contact=removed(SISTER),
       keybag_half_for_device=recipient(LAPTOP, half=A_WRAP),
       keybag_half_for_recovery_key=recipient(PAPER, half=A_WRAP),
       keybag_half_for_operator=recipient(OPERATOR, half=A_WRAP),
       keybag_half_for_removed_contact=each(removed(SISTER), without_account_wrap(SISTER)),
       keybag_25_categories=last_category_missing,
       keybag_categories_unordered=categories_swapped,
       keybag_category_without_epoch=lambda bag: bag.categories.update({26: []}),
       keybag_wraps_unordered=wraps_unordered,
       keybag_wrap_for_sealer=wrap_to(SEALER),
       keybag_wrap_out_of_range=wrap_to(NOBODY))
mutate("keybag", DONE,
       ok_keybag_author_recovery_key=put(author=PAPER),
       ok_keybag_author_recovery_contact=put(author=SISTER),
       ok_keybag_level_unknown=recipient(OPERATOR, level=0),
       ok_keybag_level_to_come=recipient(OPERATOR, level=255),
       ok_keybag_contact_without_half=recipient(SISTER, half=None),
       ok_keybag_epoch_erased=lambda bag: bag.categories[1][0].wraps.clear())
mutate("keybag-bytes",
       keybag_magic=flip(0),
       keybag_length=flip(12),
       keybag_length_one_more=one_longer,
       keybag_length_0=patch(12, bytes(4)),
       keybag_length_past_file=patch(12, b"\xff" * 4),
       keybag_generation_not_in_name=patch(32, b"\3"),
       keybag_protection_unknown=patch(112, b"\3"),
       keybag_reserved=patch(113, b"\1"),
       keybag_two_account_wraps=in_sister(89, b"\2"),
       keybag_two_halves=in_sister(122, b"\2"),
       keybag_epochs_from_2=epoch_2_first,
       keybag_name_not_utf8=lambda data: data.replace("opérateur".encode(), b"op\xff\xferateur"))
mutate("keybag-bytes", UNSUPPORTED, keybag_version=patch(8, U32_3))
mutate("keybag-tail", keybag_trailing_bytes=lambda _: b"\0")
mutate("keybag-signature", keybag_signature_wrong=flip(-1))
mutate("keybag-author", keybag_authors_signature_wrong=flip(-1))
mutate("epoch-private", keybag_private_key_of_another=lambda _: b"\x40" * 32)

# ---- keybag: the wraps. The account's for laptop, paper and sister, the half, then the epochs'.


def destroyed(index):
    def change(wraps):
        wraps[index] = None
    return change


def changed(index, offset):
    def change(wraps):
        wraps[index] = flip(offset)(wraps[index])
    return change


def exchanged(wraps):
    wraps[0], wraps[1] = wraps[1], wraps[0]


def first_form(form):
    return lambda data: patch(statement_length(data), form)(data)


mutate("keybag-wraps",
       keybag_wrap_enc_changed=changed(0, 0),
       keybag_wrap_ct_changed=changed(-1, -1),
       keybag_half_changed=changed(3, 40),
       keybag_wraps_exchanged=exchanged,
       keybag_wrap_missing=lambda wraps: wraps[:-1],
       keybag_wrap_too_many=lambda wraps: wraps + wraps[-1:],
       keybag_destroyed_too_many=lambda wraps: wraps + [None],
       keybag_account_wrap_destroyed=destroyed(0),
       keybag_half_destroyed=destroyed(3),
       keybag_epoch_wrap_destroyed=destroyed(-1),
       keybag_all_wraps_destroyed=lambda wraps: [None] * len(wraps))
mutate("keybag-file",
       keybag_form_unknown=first_form(b"\2"),
       keybag_destroyed_with_bytes=first_form(b"\0"),
       keybag_last_wrap_cut=lambda data: data[:-1],
       keybag_without_wraps=lambda data: data[:statement_length(data)])
mutate("stripped",
       first_wrap_changed=changed(0, 0),
       first_wrap_missing=lambda wraps: wraps[:-1],
       first_destroyed_too_many=lambda wraps: wraps + [None])
mutate("stripped", DONE, ok_first_all_destroyed=lambda wraps: [None] * len(wraps))

# ---- the chain (section 4, trust)


def as_version_1(bag):
    bag.version = 1
    for one in bag.recipients:
        if one.kind >= RECOVERY_KEY:
            one.signing_public = ZERO32
        if one.kind != DEVICE:
            one.account_wrap = None


mutate("first-hashed",
       keybag_previous_with_wraps=lambda parts: (parts[0] + parts[1], b""))
mutate("first-keybag",
       first_of_another_vault=put(vault_id=bytes(16)),
       first_without_authors_account_wrap=each(put(author=PAPER), without_account_wrap(LAPTOP)),
       first_version_1_signing_key_of_operator=each(
           as_version_1, recipient(OPERATOR, signing_public=b"\x09" + bytes(31))),
       first_version_1_account_wrap_for_recovery_key=each(
           as_version_1, recipient(PAPER, account_wrap=A_WRAP)))
mutate("first-keybag", DONE, ok_first_version_1=as_version_1)
mutate("keybag", keybag_version_1_after_2=as_version_1)

# ---- copies (section 2)


def keybag(number, folder="keybag"):
    return lambda vault: vault / folder / f"{number:016x}.adpk"


def copy(number):
    return keybag(number, "snapshots")


def both(change, number):
    return each(change(keybag(number)), change(copy(number)))


def missing(path):
    return lambda vault: path(vault).unlink()


def edited(path, change):
    return lambda vault: path(vault).write_bytes(change(path(vault).read_bytes()))


def damaged(path):
    return edited(path, flip(40))


def renamed(path, to):
    return lambda vault: path(vault).rename(to(vault))


def last_destroyed(data):
    return data[:-1 - WRAP_LEN] + b"\0"


def first_destroyed(data):
    length = statement_length(data)
    return data[:length] + b"\0" + data[length + 1 + WRAP_LEN:]


def destroyed_otherwise(data):
    """The first wrap that is destroyed gets another form."""
    place = statement_length(data)
    while data[place] == PRESENT:
        place += 1 + WRAP_LEN
    return patch(place, b"\2")(data)


def garbage(path):
    return lambda vault: path(vault).write_bytes(b"no keybag")


mutate("vault",
       keybag_renamed=renamed(keybag(2), keybag(3)),
       keybag_copy_renamed=renamed(copy(2), copy(3)),
       keybag_copy_above=garbage(copy(3)),
       keybag_damaged_twice=both(damaged, 2),
       keybag_damaged_copy_missing=each(damaged(keybag(2)), missing(copy(2))),
       keybag_damaged_copy_without_key=each(damaged(keybag(2)), edited(copy(2), last_destroyed)),
       keybag_other_key_gone_from_copy=each(edited(keybag(2), first_destroyed),
                                            edited(copy(2), last_destroyed)),
       first_form_unknown=both(lambda path: edited(path, destroyed_otherwise), 1),
       first_missing_twice=both(missing, 1),
       first_damaged_twice=both(damaged, 1))
mutate("vault", DONE,
       ok_keybag_missing=missing(keybag(2)),
       ok_copy_missing=missing(copy(2)),
       ok_first_missing=missing(keybag(1)),
       ok_first_copy_missing=missing(copy(1)),
       ok_both_from_copies=each(missing(keybag(1)), missing(keybag(2))),
       ok_one_from_each=each(missing(keybag(1)), missing(copy(2))))
mutate("vault", DONE, "list",  # verify tells of them
       ok_keybag_key_destroyed=edited(keybag(2), last_destroyed),
       ok_copy_key_destroyed=edited(copy(2), last_destroyed),
       ok_keybag_damaged=damaged(keybag(2)),
       ok_keybag_damaged_in_wraps=edited(keybag(2), flip(-1)),
       ok_keybag_empty=edited(keybag(2), lambda data: b""),
       ok_copy_damaged=damaged(copy(2)),
       ok_first_damaged=damaged(keybag(1)))
