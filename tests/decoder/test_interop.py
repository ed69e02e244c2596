"""adp-seal reads the encoder's vault as the decoder does, and refuses each broken one."""

import hashlib
import json
import shutil
import sys
import unittest
from pathlib import Path

from support import Temporary, need_modules, need_tool, run_tool, tree

need_modules()
need_tool()
# pylint: disable=wrong-import-position
import encoder
from adps import Vault
from mutation import flip
from recovery import recover

DONE, USAGE, INTEGRITY, NO_KEY, DONE_IN_PART = 0, 2, 3, 4, 5


GOLDEN = Path(__file__).parents[1] / "golden"


class Interop(Temporary):
    """The encoder writes, the tool reads."""

    @staticmethod
    def account(out):
        """The account's fingerprint, for who has not seen the vault yet."""
        public = Vault.open(out / "vault", out / "identity").keybag.account_public
        return hashlib.sha256(public).hexdigest()

    def test_open(self):
        out = self.encode("made")
        for snapshot in (encoder.FIRST, encoder.SECOND):
            ours, theirs = self.folder / f"{snapshot}.py", self.folder / f"{snapshot}.c"
            Vault.open(out / "vault", out / "identity").extract(snapshot, ours)
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
        account = self.account(out)
        for name in ("sealer", "stranger"):
            with self.subTest(name):
                done = run_tool("verify", out / "vault", "--account", account,
                                identity=out / name)
                self.assertEqual(done.returncode, NO_KEY, done.stderr.decode())
                self.assertIn({"sealer": b"a sealer's", "stranger": b"has no access"}[name],
                              done.stderr)

    def test_operator(self):
        """Opens the mail, as the decoder does, and says what it does not open."""
        out = self.encode("made")
        ours, theirs = self.folder / "py", self.folder / "c"
        Vault.open(out / "vault", out / "operator").extract(encoder.FIRST, ours)
        done = run_tool("open", out / "vault", encoder.FIRST, "--to", theirs, "--account",
                        self.account(out), identity=out / "operator")
        self.assertEqual(done.returncode, DONE_IN_PART, done.stderr.decode())
        self.assertEqual(tree(theirs), tree(ours))
        self.assertIn(f"library/note {encoder.MAIL}.txt", tree(theirs))
        for name in (b"photos", b"notes"):
            self.assertIn(name, done.stderr)

    def test_the_keybag_in_its_folder_counts(self):
        """Another one of the same generation, which is nothing but in the wrong chain."""
        name = f"{1:016x}.adpk"
        other = self.forked("other") / "vault/keybag" / name
        for folder, code in (("snapshots", DONE), ("keybag", INTEGRITY)):
            out = self.encode(folder)
            shutil.copy(other, out / "vault" / folder / name)
            self.assertEqual(self.read(out, "list").returncode, code, folder)

    def test_first_contact(self):
        out, name = self.encode("made"), f"{1:016x}.adpk"

        def verify(who):
            return run_tool("verify", out / "vault", "--account", account, identity=out / who)
        account = self.account(out)
        for folder in ("keybag", "snapshots"):
            (out / "vault" / folder / name).write_bytes(b"damaged")
        self.assertEqual(verify("stranger").returncode, NO_KEY)
        shutil.copy(self.forked("other") / "vault/keybag" / name, out / "vault/keybag" / name)
        done = verify("operator")
        self.assertEqual(done.returncode, INTEGRITY, done.stderr.decode())

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
        more = {"open": [encoder.FIRST, "--to", out / "opened"],
                "list": [encoder.FIRST]}.get(command, [])
        command = "verify" if command == "check" else command
        return run_tool(command, out / "vault", *more, identity=out / "identity")

    def test_each_mutation(self):
        for name, mutation in encoder.MUTATIONS.items():
            with self.subTest(name):
                out = self.encode(name, mutation=mutation)
                done = self.read(out, mutation.command)
                words = done.stderr.decode(errors="replace")
                if mutation.command != "check" or done.returncode:
                    self.assertEqual(done.returncode, mutation.exit_code, words)
                if done.returncode:
                    self.assertNotEqual(words, "")
                if name.startswith("attestation-") and mutation.command == "verify":
                    self.assertIn("attestation.adpt", words)


class Written(Temporary):
    """The tool writes, the decoder reads; more of it in test_fresh.py."""

    def test_version_2_after_1(self):
        """A golden vault goes on, and each of its identities follows from what it has seen."""
        for golden in sorted(path.parent for path in GOLDEN.glob("*/manifest.json")):
            copy, known = self.folder / golden.name, self.folder / f"{golden.name}-identity"
            shutil.copytree(golden, copy)
            (copy / "device").chmod(0o600)
            shutil.copy(copy / "device", known)
            done = run_tool("rotate", copy / "vault", identity=copy / "device")
            self.assertEqual(done.returncode, DONE, done.stderr.decode())
            for identity in (known, copy / "device"):
                vault = Vault.open(copy / "vault", identity)
                self.assertEqual(vault.keybag.version, 2)
                vault.verify("latest")

    def test_recovery_key(self):
        vault, identity = self.folder / "vault", self.folder / "identity"
        source = self.folder / "source"
        source.mkdir()
        (source / "word.txt").write_bytes(b"word")
        for words in (("init", vault, "--device", "test"), ("seal", vault, source)):
            self.assertEqual(run_tool(*words, identity=identity).returncode, DONE)
        done = run_tool("recovery", "key", vault, "--json", identity=identity)
        if done.returncode == USAGE and b"no command" in done.stdout + done.stderr:
            self.skipTest("this tool makes no recovery keys")
        self.assertEqual(done.returncode, DONE, done.stderr.decode())
        recovered = Vault(vault, recover(json.loads(done.stdout)["code"].encode()))
        recovered.verify("latest")
        self.assertEqual(recovered.closed, [])


if __name__ == "__main__":
    sys.exit(unittest.main())
