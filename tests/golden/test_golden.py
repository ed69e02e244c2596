"""Every golden vault opens, with every identity that may, and gives what its manifest says."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

from make import describe

HERE = pathlib.Path(__file__).resolve().parent
TOOL = os.environ["ADP_SEAL"]
DONE, INTEGRITY, NO_KEY = 0, 3, 4


class Golden(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory()  # pylint: disable=consider-using-with
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def copy(self, version):
        """The tool writes pins into identities, and git keeps no mode of 0600: work on a copy."""
        golden = self.folder / version.name
        shutil.copytree(version, golden)
        for identity in ("device", "second", "sealer"):
            (golden / identity).chmod(0o600)
        return golden

    def run_tool(self, *words, expect=DONE):
        done = subprocess.run([TOOL, *map(str, words)], capture_output=True, timeout=120, check=False,
                              start_new_session=True)  # without a terminal to ask on
        self.assertEqual(done.returncode, expect, done.stderr.decode(errors="replace"))
        return done

    def account(self, golden):
        """What the other identities, which have no pin, compare on their first contact."""
        done = self.run_tool("device", "list", golden / "vault", "--identity", golden / "device",
                             "--json")
        return json.loads(done.stdout)["account"]

    def check_tree(self, target, wanted):
        found = describe(target / "source")
        if not self.has_xattrs(target):
            for entry in wanted.values():
                entry.pop("xattrs", None)
        self.assertEqual(found, wanted)

    @staticmethod
    def has_xattrs(folder):
        try:
            os.setxattr(folder, "user.test", b"")
        except OSError:
            return False
        os.removexattr(folder, "user.test")
        return True

    def versions(self):
        return sorted(path for path in HERE.iterdir() if (path / "manifest.json").is_file())

    def test_opens(self):
        self.assertTrue(self.versions())
        for version in self.versions():
            golden = self.copy(version)
            manifest = json.loads((golden / "manifest.json").read_text())
            for identity in ("device", "second"):
                self.run_tool("verify", golden / "vault", "--identity", golden / identity,
                              "--passphrase-file", golden / "passphrase",
                              "--account", self.account(golden))
                for snapshot in manifest:
                    target = self.folder / f"{version.name}-{identity}-{snapshot}"
                    with self.subTest(version.name, identity=identity, snapshot=snapshot):
                        self.run_tool("open", golden / "vault", snapshot, "--to", target,
                                      "--identity", golden / identity,
                                      "--passphrase-file", golden / "passphrase")
                        wanted = json.loads((golden / "manifest.json").read_text())[snapshot]
                        self.check_tree(target, wanted)

    def test_sealer_opens_nothing(self):
        for version in self.versions():
            golden = self.copy(version)
            done = self.run_tool("verify", golden / "vault", "--identity", golden / "sealer",
                                 "--account", self.account(golden), expect=NO_KEY)
            self.assertIn(b"sealer", done.stderr)

    def test_every_file_counts(self):
        """A byte changed in the middle of any file of the vault is found."""
        for version in self.versions():
            golden = self.copy(version)
            newest = max((golden / "vault" / "keybag").iterdir())
            for path in sorted((golden / "vault").rglob("*")):
                if not path.is_file() or (path.parent == newest.parent and path != newest):
                    continue
                good = path.read_bytes()
                bad = bytearray(good)
                bad[len(bad) // 2] ^= 1
                path.write_bytes(bad)
                with self.subTest(str(path.relative_to(golden))):
                    self.run_tool("verify", golden / "vault", "--identity", golden / "device",
                                  expect=INTEGRITY)
                path.write_bytes(good)


if __name__ == "__main__":
    sys.exit(unittest.main())
