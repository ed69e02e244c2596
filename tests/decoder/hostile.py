"""What the tests of hostile vaults share: an archive of given frames in place of the sample's, and the
tool run on it with its memory measured."""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import encoder
from index import CONTINUATION, DIRECTORY, FILE, RAW, Entry, Extent
from mutation import Mutation
from primitives import xxh3_128
from sample import entry
from support import need_tool

sys.path.append(str(Path(__file__).parents[1] / "support"))
import assurance  # pylint: disable=wrong-import-position

TOOL = need_tool()
DONE, FAILED, USAGE, INTEGRITY, _, IN_PART = range(6)
MIB = 1 << 20
TIMEOUT_S = 300


def folder(*entries):
    """The entries of one index frame, in the folder "f"."""
    return [entry(DIRECTORY, b"f", 0o755), *entries]


def one_byte(offset):
    """An extent that is a raw frame of one byte."""
    return Extent(0, 1, 0, RAW, offset, 1, 1, 0, xxh3_128(b"x"))


def long_file(path, num):
    """A file of |num| extents, each a frame of its own, over as many continuations as it takes."""
    extents = [one_byte(at) for at in range(num)]
    head, *rest = [extents[at:at + 4096] for at in range(0, num, 4096)]
    return [entry(FILE, path, size=num, extents=head),
            *(Entry(CONTINUATION, path, extents=part) for part in rest)]


class HostileCase(unittest.TestCase):
    """Each case seals the frames it is about in place of the sample's."""

    def setUp(self):
        holder = tempfile.TemporaryDirectory()  # pylint: disable=consider-using-with
        self.addCleanup(holder.cleanup)
        self.out = Path(holder.name) / "made"
        self.opened = Path(holder.name) / "opened"

    def encode(self, *frames, content=b""):
        """Seals index frames, each a list of entries, over the bytes |content|."""
        def change(plan):
            plan.frames, plan.contents = list(frames), {}
            plan.content[:] = content
        child = os.fork()  # so that its memory is not taken for the tool's
        if child == 0:
            encoder.Encoder(self.out, "1", Mutation("plan", change, DONE)).build()
            os._exit(0)
        self.assertEqual(os.waitpid(child, 0)[1], 0)

    def run_tool(self, command, *arguments, expect=DONE):
        """Runs the tool on the photos of the first snapshot; its output, errors, and MiB at most."""
        words = [TOOL, command, self.out / "vault", encoder.FIRST, *arguments]
        if command != "cat":
            words += ["--category", "photos"]
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(  # pylint: disable=consider-using-with
                [os.fspath(word) for word in words], stdout=output, stderr=errors,
                env={**os.environ, "ADP_SEAL_IDENTITY": str(self.out / "identity"),
                     "ASAN_OPTIONS": "quarantine_size_mb=1"})
            self.addCleanup(process.kill)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            for file in (output, errors):
                file.seek(0)
            said = errors.read().decode(errors="replace")
            self.assertEqual(process.returncode, expect, said)
            self.assertNotIn("Sanitizer", said)
            return output.read(), said, usage.ru_maxrss >> 10

    @staticmethod
    def case(kind):
        """Counts what happens inside, for the table of what was tried."""
        return assurance.case("hostile input", kind)

    def open(self, *arguments, expect=DONE):
        return self.run_tool("open", *arguments, "--to", self.opened, expect=expect)
