"""What the tests share: skips, the tool, the encoder's vault, and trees as values."""

import hashlib
import importlib.util
import os
import stat
import subprocess
import sys
import tempfile
import unittest
from contextlib import contextmanager
from pathlib import Path

SKIPPED = 77


def need_modules():
    """Ends the run as skipped where a Debian package is missing."""
    for module, package in (("cryptography", "python3-cryptography"),
                            ("zstandard", "python3-zstandard"), ("xxhash", "python3-xxhash")):
        if importlib.util.find_spec(module) is None:
            print(f"skipped: {package} is not installed")
            sys.exit(SKIPPED)


def need_tool():
    """The adp-seal binary that ADP_SEAL names."""
    path = os.environ.get("ADP_SEAL")
    if not path or not Path(path).is_file():
        print("skipped: ADP_SEAL names no adp-seal")
        sys.exit(SKIPPED)
    return path


def run_tool(*arguments, identity):
    """Runs adp-seal; the finished process."""
    command = [need_tool(), *map(str, arguments)]
    environment = {**os.environ, "ADP_SEAL_IDENTITY": str(identity)}
    return subprocess.run(command, env=environment, capture_output=True, timeout=300, check=False,
                          start_new_session=True)  # without a terminal to ask on


class Temporary(unittest.TestCase):
    """A test with a folder of its own, for vaults of the encoder's."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()  # pylint: disable=consider-using-with
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def encode(self, name="made", seed="1", mutation=None):
        import encoder  # pylint: disable=import-outside-toplevel  # after need_modules
        out = self.folder / name
        encoder.Encoder(out, seed, mutation).build()
        return out

    def forked(self, name):
        """The vault whose first generation is another, though made by the same device."""
        from mutation import DONE, Mutation, put  # pylint: disable=import-outside-toplevel
        return self.encode(name, mutation=Mutation("first-keybag", put(reason="another"), DONE))


def _flip(path, offset):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ (1 << offset % 8)]))


@contextmanager
def flipped(path, offset):
    """Inverts a bit of a file for as long as it is looked at."""
    _flip(path, offset)
    try:
        yield
    finally:
        _flip(path, offset)


def _kind(mode):
    for test, name in ((stat.S_ISREG, "file"), (stat.S_ISDIR, "dir"), (stat.S_ISLNK, "symlink"),
                       (stat.S_ISFIFO, "fifo")):
        if test(mode):
            return name
    return "other"


def _xattrs(path):
    return {name: os.getxattr(path, name, follow_symlinks=False)
            for name in os.listxattr(path, follow_symlinks=False) if name.startswith("user.")}


def describe(path, links):
    """All that is to be restored of one file; `links` numbers the inodes."""
    info = os.lstat(path)
    kind = _kind(info.st_mode)
    seen = {"type": kind, "mtime_ns": info.st_mtime_ns, "xattrs": _xattrs(path)}
    if os.geteuid() == 0:
        seen["owner"] = (info.st_uid, info.st_gid)
    if kind == "symlink":
        seen["target"] = os.readlink(path)
    else:
        seen["mode"] = stat.S_IMODE(info.st_mode)
    if kind == "file":
        seen["size"], seen["sha256"] = info.st_size, hashlib.sha256(path.read_bytes()).hexdigest()
        seen["inode"] = links.setdefault(info.st_ino, len(links))
    return seen


def tree(root):
    """The tree beneath `root` as path -> description."""
    links = {}
    return {str(path.relative_to(root)): describe(path, links)
            for path in sorted(Path(root).rglob("*"))}


def has_xattrs(folder):
    probe = Path(folder) / "probe"
    probe.touch()
    try:
        os.setxattr(probe, "user.adp", b"1")
        return True
    except OSError:
        return False
    finally:
        probe.unlink()
