"""Who opens what by which keys, which keybag is taken, and recovery codes."""

import itertools
import shutil
import sys
import unittest

from support import Temporary, need_modules

need_modules()
# pylint: disable=wrong-import-position
import encoder
from adps import Vault
from chain import Generations
from identity import RECOVERY_CONTACT, read_identity
from keybag import CATEGORIES, wrap_of
from primitives import FormatError, NoKey, hkdf_sha256, sha256
from recovery import (ALPHABET, CODE_LEN, SECRET_LEN, check_sums, identity_of, parse_code, recover,
                      times_x)
from writing import Random, code_of, hpke_seal

SECRET = bytes(range(SECRET_LEN))
CODE = b"2345-6789-ABCD-EFGH-JKLM-NPQR-STWX"


class Code(unittest.TestCase):
    """Section 10."""

    def refused(self, code):
        with self.assertRaises(NoKey):
            parse_code(code)

    def test_field(self):
        """x is of order 31: no two places of a code weigh the same."""
        powers = [1]
        while (power := times_x(powers[-1])) != 1:
            powers.append(power)
        self.assertEqual(len(set(powers)), 31)
        self.assertEqual(powers[5], 0b101)

    def test_sums(self):
        self.assertEqual(check_sums(bytes(28)), (0, 0))
        self.assertEqual(check_sums(bytes([3, 0, 1])), (2, 7))

    def test_hkdf(self):
        """RFC 5869 appendix A.3."""
        self.assertEqual(hkdf_sha256(b"\x0b" * 22, b"").hex(),
                         "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d")

    def test_known_answer(self):
        self.assertEqual(code_of(SECRET).encode(), CODE)
        self.assertEqual(parse_code(CODE), SECRET)
        keys = identity_of(SECRET)
        self.assertEqual(keys.kem_private.hex(),
                         "5dc8e4ca5d0ebebfcbde29ae844cdcbe58307a713a2f9ccbb4452d774a2ac0a6")
        self.assertEqual(keys.signing_seed.hex(),
                         "df60602beded2d482a29bc87d0a5697cfec56ff451806b98b0b67853f242606d")

    def test_how_it_may_be_written(self):
        for code in (CODE.lower(), CODE.replace(b"-", b""), b" " + CODE.replace(b"-", b" \t\r\n"),
                     CODE + b"\n", b"-" + CODE.replace(b"-", b"--")):
            self.assertEqual(parse_code(code), SECRET)

    def test_what_is_no_code(self):
        for code in (b"", CODE[:-1], CODE + b"2", CODE[:-4]):
            self.refused(code)
        for byte in set(range(256)) - set(ALPHABET + ALPHABET.lower() + b" \t\r\n-"):
            self.refused(CODE + bytes([byte]))

    def test_one_wrong_or_two_exchanged(self):
        code = CODE.replace(b"-", b"")
        for at, char in itertools.product(range(CODE_LEN), ALPHABET):
            if code[at] != char:
                self.refused(code[:at] + bytes([char]) + code[at + 1:])
        for one, two in itertools.combinations(range(CODE_LEN), 2):
            exchanged = bytearray(code)
            exchanged[one], exchanged[two] = exchanged[two], exchanged[one]
            if exchanged != code:
                self.refused(bytes(exchanged))


class WithVault(Temporary):
    """The encoder's vault."""

    def setUp(self):
        super().setUp()
        self.out = self.encode("made")
        self.vault = self.out / "vault"

    def file(self, name):
        return (self.out / name).read_bytes()


class Recovery(WithVault):
    """A recovery key, a contact, and the operator."""

    def opens_all(self, identity):
        vault = Vault(self.vault, identity)
        vault.verify(encoder.FIRST)
        vault.verify(encoder.SECOND)
        self.assertEqual(vault.closed, [])
        self.assertTrue(vault.keybag.account_seed(identity))

    def opens_nothing(self, identity):
        vault = Vault(self.vault, identity)
        self.assertIsNone(vault.keybag.account_seed(identity))
        with self.assertRaises(NoKey):
            vault.verify(encoder.FIRST)

    def test_recovery_key(self):
        self.opens_all(recover(self.file("recovery-code")))

    def test_two_halves(self):
        code, half = self.file("contact-code"), self.file("contact-half")
        self.opens_all(recover(code, half))
        self.opens_all(recover(half, code))

    def test_one_half_is_nothing(self):
        for name in ("contact-code", "contact-half"):
            self.opens_nothing(recover(self.file(name)))
        self.opens_nothing(recover(self.file("recovery-code"), self.file("contact-half")))

    def test_operators_half(self):
        operator = read_identity(self.out / "operator")
        keybag = Vault(self.vault, operator).keybag
        self.assertEqual(keybag.contact_half(operator, "sister"),
                         parse_code(self.file("contact-half")))
        for identity, name in ((operator, "paper"), (operator, "nobody"),
                               (read_identity(self.out / "identity"), "sister"),
                               (read_identity(self.out / "stranger"), "sister")):
            with self.assertRaises(NoKey):
                keybag.contact_half(identity, name)

    def test_what_is_no_half(self):
        operator = read_identity(self.out / "operator")
        keybag = Vault(self.vault, operator).keybag
        contact = next(one for one in keybag.recipients if one.kind == RECOVERY_CONTACT)
        info = b"adp-seal/1 recovery half\0" + keybag.vault_id
        for half, key in ((bytes(31) + b"\1", contact.kem_public),
                          (b"\x20" + bytes(31), contact.kem_public),
                          (bytes(33), contact.kem_public), (bytes(32), contact.signing_public)):
            contact.half = wrap_of(hpke_seal(Random(1), operator.kem_public, half, info + key))
            with self.assertRaises(FormatError):
                keybag.contact_half(operator, "sister")

    def test_operator(self):
        """Mail is never end-to-end encrypted, photos and notes are under advanced protection."""
        operator = read_identity(self.out / "operator")
        vault = Vault(self.vault, operator)
        self.assertIsNone(vault.keybag.account_seed(operator))
        self.assertEqual([named.name() for named, _ in vault.archives(vault.record(encoder.FIRST))],
                         ["mail"])
        self.assertEqual(len(vault.closed), 2)
        with self.assertRaises(NoKey):
            vault.verify(encoder.SECOND)
        for category in range(1, len(CATEGORIES) + 1):
            private = vault.keybag.epoch_private(operator, category, 1)
            self.assertEqual(private is not None, category == encoder.MAIL)


class Chain(WithVault):
    """Which keybag is taken, but for what the mutations say."""

    def test_hash_is_of_the_statement(self):
        generations = Generations(self.vault)
        first, second = generations.load(1), generations.load(2)
        self.assertFalse(first.is_whole())
        self.assertTrue(second.is_whole())
        self.assertEqual(second.previous, first.hash)
        path = self.vault / "keybag" / f"{1:016x}.adpk"
        self.assertNotEqual(sha256(path.read_bytes()), first.hash)

    def test_the_one_in_keybag_counts(self):
        """Another one of the same generation, which is nothing but in the wrong chain."""
        name = f"{1:016x}.adpk"
        other = self.forked("other") / "vault/keybag" / name
        shutil.copy(other, self.vault / "snapshots" / name)
        Vault.open(self.vault, self.out / "identity")
        shutil.copy(self.vault / "keybag" / name, self.vault / "snapshots" / name)
        shutil.copy(other, self.vault / "keybag" / name)
        with self.assertRaisesRegex(FormatError, f"keybag/{name}"):
            Vault.open(self.vault, self.out / "identity")

    def test_first_contact(self):
        """What is there of the generation before has to be the one before."""
        name = f"{1:016x}.adpk"
        for folder in ("keybag", "snapshots"):
            (self.vault / folder / name).write_bytes(b"damaged")
        Vault.open(self.vault, self.out / "operator")
        shutil.copy(self.forked("other") / "vault/keybag" / name, self.vault / "keybag" / name)
        with self.assertRaises(FormatError):
            Vault.open(self.vault, self.out / "operator")


if __name__ == "__main__":
    sys.exit(unittest.main())
