"""adp-seal reads the encoder's vault as the decoder does, and refuses each broken one."""

import hashlib
import json
import sys
import tempfile
import unittest
from pathlib import Path

from support import need_modules, need_tool, run_tool, tree

need_modules()
need_tool()
# pylint: disable=wrong-import-position
import encoder
from adps import Vault
from mutation import flip

DONE, INTEGRITY, NO_KEY, DONE_IN_PART = 0, 3, 4, 5


class Interop(unittest.TestCase):
    """The encoder writes, the tool reads."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()  # pylint: disable=consider-using-with
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def encode(self, name, mutation=None):
        out = self.folder / name
        encoder.Encoder(out, "1", mutation).build()
        return out

    def test_open(self):
        out = self.encode("made")
        for snapshot in (encoder.FIRST, encoder.SECOND):
            ours, theirs = self.folder / f"{snapshot}.py", self.folder / f"{snapshot}.c"
            Vault(out / "vault", out / "identity").extract(snapshot, ours)
            done = run_tool("open", out / "vault", snapshot, "--to", theirs,
                            identity=out / "identity")
            # The tree has an entry that was skipped at sealing, and cannot come back.
            self.assertIn(done.returncode, (DONE, DONE_IN_PART), done.stderr.decode())
            self.assertEqual(tree(theirs), tree(ours))

    def test_list(self):
        out = self.encode("made")
        where = ("list", out / "vault", encoder.FIRST)
        done = run_tool(*where, "--json", identity=out / "identity")
        self.assertEqual(done.returncode, DONE, done.stderr.decode())
        listed = {e["path"]: (e.get("label"), e.get("derived", False))
                  for e in json.loads(done.stdout)["entries"]}
        with_more = {path: more for path, more in listed.items() if more != (None, False)}
        self.assertEqual(with_more, {"library/empty": ("Domain/Library/caf\xe9", False),
                                     "library/preview": ("x" * 4096, True)})
        done = run_tool(*where, identity=out / "identity")
        lines = done.stdout.decode(errors="replace").splitlines()
        ends = [line.partition("library/")[2] for line in lines]
        self.assertIn("empty  Domain/Library/caf\xe9", ends)
        self.assertIn(f"preview  {'x' * 4096} -> film.mov  (derived)", ends)

    def test_passphrase(self):
        out = self.encode("made")
        done = run_tool("verify", out / "vault", "--passphrase-file", out / "passphrase",
                        identity=out / "identity-passphrase")
        self.assertEqual(done.returncode, DONE, done.stderr.decode())

    def test_who_has_no_key(self):
        out = self.encode("made")
        public = Vault(out / "vault", out / "identity").keybag.account_public
        account = hashlib.sha256(public).hexdigest()
        for name in ("sealer", "stranger"):
            with self.subTest(name):
                done = run_tool("verify", out / "vault", "--account", account,
                                identity=out / name)
                self.assertEqual(done.returncode, NO_KEY, done.stderr.decode())
                self.assertIn({"sealer": b"a sealer's", "stranger": b"not a device"}[name],
                              done.stderr)

    def test_whose_vault_it_is(self):
        """Without a word to it, the tool trusts no account that it does not know."""
        out = self.encode("made")
        done = run_tool("verify", out / "vault", identity=out / "stranger")
        self.assertEqual(done.returncode, NO_KEY, done.stderr.decode())
        self.assertIn(b"--account", done.stderr)

    def test_attestation_is_for_verify_alone(self):
        out = self.encode("made")
        path = out / "vault/archives" / encoder.SECOND / "attestation.adpt"
        whole = path.read_bytes()
        for name, content in (("changed", flip(-1)(whole)), ("cut", whole[:-1]), ("empty", b""),
                              ("missing", None)):
            path.unlink()
            if content is not None:
                path.write_bytes(content)
            for command, *more in (("list",), ("cat", f"library/note {encoder.NOTES}.txt"),
                                   ("open", "--to", self.folder / name)):
                with self.subTest(name, command=command):
                    done = run_tool(command, out / "vault", encoder.SECOND, *more,
                                    identity=out / "identity")
                    self.assertIn(done.returncode, (DONE, DONE_IN_PART), done.stderr.decode())
            with self.subTest(name, command="verify"):
                done = run_tool("verify", out / "vault", encoder.SECOND, identity=out / "identity")
                self.assertEqual(done.returncode, INTEGRITY, done.stderr.decode())
                self.assertIn(str(path).encode(), done.stderr)

    @staticmethod
    def read(out, command):
        more = [encoder.FIRST, "--to", out / "opened"] if command == "open" else []
        command = "verify" if command == "check" else command
        return run_tool(command, out / "vault", *more, identity=out / "identity")

    def test_each_mutation(self):
        for name, mutation in encoder.MUTATIONS.items():
            with self.subTest(name):
                out = self.encode(name, mutation)
                done = self.read(out, mutation.command)
                words = done.stderr.decode(errors="replace")
                if mutation.command != "check" or done.returncode:
                    self.assertEqual(done.returncode, mutation.exit_code, words)
                if done.returncode:
                    self.assertNotEqual(words, "")
                if name.startswith("attestation-") and mutation.command == "verify":
                    self.assertIn("attestation.adpt", words)


if __name__ == "__main__":
    sys.exit(unittest.main())
