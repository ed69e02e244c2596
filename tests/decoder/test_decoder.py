"""The decoder against published vectors, and against the encoder beside it."""

import base64
import hashlib
import json
import os
import stat
import sys
import unittest
from pathlib import Path

from support import Temporary, flipped, need_modules

need_modules()
# pylint: disable=wrong-import-position
import encoder
import primitives
import writing
from adps import Vault
from archive import Header, archive_path
from index import path_key
from identity import parse_request
from primitives import FormatError, NoKey, Reader, Unsupported
from record import snapshot_ids

SHARED = Path(os.environ.get("ADP_TEST_SHARED", Path(__file__).parents[3] / "shared"))
FLOE_VECTORS = SHARED / "vectors" / "floe"
FLOE_SETTINGS = {"4K": (4096, 20), "64": (64, 20), "rotation": (40, 2), "lastSegAligned": (40, 20),
                 "lastSegEmpty": (40, 20)}


class Published(unittest.TestCase):
    """Known answers of the cited documents."""

    def test_hpke(self):
        """RFC 9180 appendix A.1.1, whose suite differs by AES-128-GCM alone."""
        private = bytes.fromhex("4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8")
        enc = bytes.fromhex("37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431")
        key, nonce = primitives.hpke_key_and_nonce(
            primitives.x25519(private, enc), enc, primitives.x25519_public(private),
            b"Ode on a Grecian Urn", aead=0x0001)
        self.assertEqual(key.hex(), "4531685d41d65f03dc48f6b8302c05b0")
        self.assertEqual(nonce.hex(), "56d890e5accaaf011cff4b7d")

    def test_varint(self):
        for value in (0, 1, 127, 128, 300, (1 << 64) - 1):
            self.assertEqual(Reader(writing.varint(value), "test").varint(), value)
        self.assertEqual(writing.varint(300).hex(), "ac02")
        for value, encoded in ((0, "00"), (-1, "01"), (1, "02"), (-2, "03"),
                               (-(1 << 63), "ff" * 9 + "01")):
            self.assertEqual(writing.svarint(value).hex(), encoded)
            self.assertEqual(Reader(bytes.fromhex(encoded), "test").svarint(), value)

    def test_path_order(self):
        self.assertEqual(sorted([b"a-b", b"a/b", b"a"], key=path_key), [b"a", b"a/b", b"a-b"])


@unittest.skipUnless(FLOE_VECTORS.is_dir(), "the FLOE vectors are not here")
class FloeVectors(unittest.TestCase):
    """The vectors of the FLOE specification: key of zeros, aad `This is AAD`."""

    def vectors(self):
        for path in sorted(FLOE_VECTORS.glob("*_ct.txt")):
            length, rotation = FLOE_SETTINGS[path.name.removesuffix("_ct.txt").split("_")[-1]]
            plain = path.with_name(path.name.replace("_ct", "_pt")).read_text(encoding="ascii")
            data = bytes.fromhex(path.read_text(encoding="ascii"))
            yield path.name, length, rotation, data, bytes.fromhex(plain)

    @staticmethod
    def segments(body, length):
        return [body[at:at + length] for at in range(0, len(body), length)]

    def test_all_decrypt(self):
        count = 0
        for name, length, rotation, data, plain in self.vectors():
            with self.subTest(name):
                header, body = data[:74], data[74:]
                self.assertEqual(header[:10], primitives.floe_params(length))
                floe = primitives.Floe(bytes(32), b"This is AAD", length, header[10:42], rotation)
                self.assertEqual(floe.header_tag, header[42:])
                pieces = self.segments(body, length)
                self.assertEqual(b"".join(floe.decrypt(piece, at, at == len(pieces) - 1)
                                          for at, piece in enumerate(pieces)), plain)
            count += 1
        self.assertEqual(count, 17)

    def test_wrong_position_key_and_aad(self):
        _, length, rotation, data, _ = next(self.vectors())
        iv, first = data[10:42], data[74:74 + length]
        floe = primitives.Floe(bytes(32), b"This is AAD", length, iv, rotation)
        for position, final in ((1, False), (0, True)):
            with self.assertRaises(ValueError):
                floe.decrypt(first, position, final)
        for key, aad in ((b"\1" * 32, b"This is AAD"), (bytes(32), b"This is aad")):
            other = primitives.Floe(key, aad, length, iv, rotation)
            self.assertNotEqual(other.header_tag, data[42:74])
            with self.assertRaises(ValueError):
                other.decrypt(first, 0, False)


class RoundTrip(Temporary):
    """What the encoder put in comes out."""

    def check(self, out, target):
        """Compares the extracted first snapshot with what the encoder says it sealed."""
        expected = json.loads((out / "expected.json").read_text())
        expected = {k: e for k, e in expected.items() if e["type"] != "skipped"}
        found = {os.fsencode(p.relative_to(target)).decode("latin-1") for p in target.rglob("*")}
        self.assertEqual(found, set(expected))
        for key, entry in expected.items():
            self.check_entry(target, os.fsdecode(key.encode("latin-1")), entry)

    def check_entry(self, target, name, entry):
        path = target / name
        info = path.lstat()
        with self.subTest(name):
            if entry["type"] == "hardlink":
                self.assertTrue(path.samefile(target / entry["target"]))
                return
            self.assertEqual(info.st_mtime_ns, entry["mtime_ns"])
            if entry["type"] == "symlink":
                self.assertEqual(os.readlink(path), entry["target"])
            else:
                self.assertEqual(stat.S_IMODE(info.st_mode), entry["mode"])
            if entry["type"] == "file":
                self.assertEqual(info.st_size, entry["size"])
                content = path.read_bytes()
                self.assertEqual(hashlib.sha256(content).hexdigest(), entry["sha256"])
            self.check_xattrs(path, entry)

    def check_xattrs(self, path, entry):
        for key, value in entry["xattrs"]:
            try:
                there = os.getxattr(path, base64.b64decode(key), follow_symlinks=False)
            except OSError:
                self.skipTest("no xattrs on this file system")
            self.assertEqual(there, base64.b64decode(value))

    def test_extract(self):
        out = self.encode()
        target = self.folder / "out"
        Vault.open(out / "vault", out / "identity").extract(encoder.FIRST, target)
        self.check(out, target)
        self.assertLess((target / "library/hole").stat().st_blocks * 512, 65536)

    def test_without_entries(self):
        out = self.encode(mutation=encoder.MUTATIONS["ok-no-entries"])
        target = self.folder / "out"
        Vault.open(out / "vault", out / "identity").extract(encoder.FIRST, target)
        self.check(out, target)

    def test_passphrase(self):
        out = self.encode()
        file = out / "identity-passphrase"
        Vault.open(out / "vault", file, encoder.PASSPHRASE).verify("latest")
        for passphrase in (None, b"", encoder.PASSPHRASE + b"\n"):
            with self.assertRaises(NoKey):
                Vault.open(out / "vault", file, passphrase)
        data = file.read_bytes()
        for at, value in ((17, 9), (17, 21), (18, 0), (18, 17), (19, 0), (19, 5)):
            file.write_bytes(data[:at] + bytes([value]) + data[at + 1:])
            with self.assertRaises(FormatError):
                Vault.open(out / "vault", file, encoder.PASSPHRASE)

    def test_who_has_no_key(self):
        out = self.encode()
        for name in ("sealer", "stranger"):
            vault = Vault.open(out / "vault", out / name)
            self.assertEqual(vault.record("latest").author, "backup host")
            with self.assertRaises(NoKey):
                vault.verify("latest")

    def test_no_link_is_followed(self):
        out = self.encode()
        target, outside = self.folder / "out", self.folder / "outside"
        target.mkdir()
        outside.mkdir()
        (target / "library").symlink_to(outside)
        with self.assertRaises(OSError):
            Vault.open(out / "vault", out / "identity").extract(encoder.FIRST, target)
        self.assertEqual(list(outside.iterdir()), [])

    def test_request(self):
        out = self.encode()
        text = (out / "request").read_text()
        self.assertEqual(parse_request("  " + text)[:3], (1, 2, "stranger"))
        digit = "1" if text[-2] == "0" else "0"
        for broken in (text[:-2] + digit, text.upper(), text.rstrip() + "00", text[1:]):
            with self.assertRaises(FormatError):
                parse_request(broken)

    def test_same_seed_same_bytes(self):
        def contents(out):
            return {p.relative_to(out): p.read_bytes() for p in out.rglob("*") if p.is_file()}
        first = contents(self.encode("a"))
        self.assertEqual(first, contents(self.encode("b")))
        self.assertNotEqual(first, contents(self.encode("c", seed="2")))


class Attested(Temporary):
    """What shows of the second snapshot without a key."""

    def setUp(self):
        super().setUp()
        self.out = self.encode()
        self.vault = Vault.open(self.out / "vault", self.out / "stranger")
        self.record = self.vault.record(encoder.SECOND)
        self.attestation = self.out / "vault/archives" / encoder.SECOND / "attestation.adpt"

    def refused(self, path, offset):
        """The error where a byte of `path` is another."""
        with flipped(path, offset), self.assertRaises(FormatError) as caught:
            self.vault.check(encoder.SECOND)
        self.assertTrue(str(caught.exception).startswith(str(path)), caught.exception)
        return str(caught.exception)

    def test_who_has_no_key(self):
        for name in ("sealer", "stranger"):
            vault = Vault.open(self.out / "vault", self.out / name)
            vault.check(encoder.SECOND)
            with self.assertRaises(NoKey):
                vault.verify(encoder.SECOND)

    def test_not_attested(self):
        record = self.vault.record(encoder.FIRST)
        self.assertFalse(record.is_attested)
        self.assertEqual({named.attestation for named in record.archives}, {b""})
        self.vault.check(encoder.FIRST)

    def test_each_byte_of_the_attestation(self):
        for offset in range(self.attestation.stat().st_size):
            self.refused(self.attestation, offset)

    def test_each_byte_of_an_archive(self):
        for named in self.record.archives:
            path = archive_path(self.vault.path, encoder.SECOND, named)
            data = path.read_bytes()
            header = Header(data, path)
            for offset in range(0, len(data), 1 if len(data) < 8192 else 61):
                error = self.refused(path, offset)
                segment, skip = divmod(offset - header.length, header.segment_len)
                if segment >= 0:
                    self.assertIn(f"offset {offset - skip}: segment {segment} ", error)

    def test_other_lengths(self):
        for named in self.record.archives:
            path = archive_path(self.vault.path, encoder.SECOND, named)
            data = path.read_bytes()
            for other in (data + b"\0", data[:-1], data[:4096], b""):
                path.write_bytes(other)
                with self.assertRaisesRegex(FormatError, f"{path}: size"):
                    self.vault.check(encoder.SECOND)
            path.unlink()
            with self.assertRaisesRegex(FormatError, f"{path}: is not there"):
                self.vault.check(encoder.SECOND)
            path.write_bytes(data)
        self.vault.check(encoder.SECOND)


class Mutations(Temporary):
    """Each broken rule is noticed; what breaks none is taken."""

    def verdict(self, out):
        """The exit code due, and the error."""
        try:
            vault = Vault.open(out / "vault", out / "identity")
            for snapshot in snapshot_ids(vault.path):
                vault.verify(snapshot)
        except Unsupported as error:
            return 1, str(error)
        except FormatError as error:
            return 3, str(error)
        except NoKey as error:
            return 4, str(error)
        return (4, str(vault.closed)) if vault.closed else (0, "")

    def test_each(self):
        for name, mutation in encoder.MUTATIONS.items():
            with self.subTest(name):
                out = self.encode(name, mutation=mutation)
                code, error = self.verdict(out)
                self.assertEqual(code, mutation.exit_code, error)
                if name.startswith("attestation-"):
                    self.assertEqual("attestation.adpt" in error, mutation.command == "verify",
                                     error)


if __name__ == "__main__":
    sys.exit(unittest.main())
