"""Recovery codes, section 10."""

from functools import reduce
from operator import xor

from identity import RECOVERY_CONTACT, RECOVERY_KEY, Identity
from primitives import NoKey, hkdf_sha256

ALPHABET = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
SECRET_LEN, CODE_LEN = 26, 28


def times_x(symbol):
    """The product with x in GF(2)[x] / (x^5 + x^2 + 1)."""
    return symbol << 1 if symbol < 0b10000 else symbol << 1 ^ 0b100101


def check_sums(symbols):
    """The two sums, which are zero for a code; the second by Horner's rule."""
    return (reduce(xor, symbols, 0),
            reduce(lambda total, symbol: times_x(total) ^ symbol, reversed(symbols), 0))


def parse_code(text):
    """The 26 symbols of the secret that a code, in bytes, stands for."""
    symbols = []
    for char in text.upper():
        if char in b" \t\r\n-":
            continue
        if char not in ALPHABET:
            raise NoKey(f"recovery code: {chr(char)!r} is no character of one")
        symbols.append(ALPHABET.index(char))
    if len(symbols) != CODE_LEN:
        raise NoKey(f"recovery code: {len(symbols)} characters, not {CODE_LEN}")
    if check_sums(symbols) != (0, 0):
        raise NoKey("recovery code: a character is wrong, or two are exchanged")
    return bytes(symbols[:SECRET_LEN])


def identity_of(secret, kind=RECOVERY_KEY):
    """The keys of a recovery key or contact; in memory only, it has seen no vault."""
    return Identity(kind, "recovery code", hkdf_sha256(secret, b"adp-seal/1 recovery KEM key"),
                    hkdf_sha256(secret, b"adp-seal/1 recovery signing key"))


def join(half, other):
    """The secret whose halves these are, or a half of a secret by the other one."""
    return bytes(map(xor, half, other))


def recover(code, half=None):
    """The identity of a recovery key; of a contact, by its code and the code of the other half."""
    if half is None:
        return identity_of(parse_code(code))
    return identity_of(join(parse_code(code), parse_code(half)), RECOVERY_CONTACT)
