"""What the scenarios share: a folder of their own, the command, a vault, things to seal.

A scenario file is a set of unittest cases that ends in scenario.main(); it exits 0, 1, or 77 if it
could run nothing here. ADP_SEAL is the command under test.
"""

import contextlib
import errno
import json
import os
import pathlib
import pty
import random
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHARED = pathlib.Path(os.environ.get("ADP_SHARED", ROOT.parent / "shared"))
COMMAND = os.environ["ADP_SEAL"]
SANITIZED = b"__sanitizer" in pathlib.Path(COMMAND).read_bytes()
COVERED = b"__gcov" in pathlib.Path(COMMAND).read_bytes()
SOAK = os.environ.get("ADP_SOAK") == "1"
TIMEOUT_S = 300
MAX_CALLS = 10_000
IO = ("uring", "threads")
KERNELS = ("portable", "aesni")

sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "tests" / "support")]
import assurance  # noqa: E402
import trees  # noqa: E402

DONE, FAILED, USAGE, INTEGRITY, NO_KEY, PARTIAL = range(6)


class Scenario(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="adp-cli-"))
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.vault = self.dir / "vault"
        self.source = self.dir / "source"
        self.identity = self.dir / "identity"
        self.env = {name: value for name, value in os.environ.items()
                    if not name.startswith(("ADP_SEAL", "XDG_"))}
        self.env |= {"ADP_SEAL_IDENTITY": str(self.identity), "HOME": str(self.dir),
                     "LC_ALL": "C.UTF-8", "TZ": "UTC"}

    @contextlib.contextmanager
    def case(self, part, kind, **what):
        """A subTest of |what| that counts in the table of what was tried (assurance.py)."""
        with self.subTest(kind, **what), assurance.case(part, kind):
            yield

    # -- running

    def run_it(self, *args, expect=DONE, prefix=(), env=None, stdin=b"", timeout_s=TIMEOUT_S):
        """Runs the command, without a terminal to ask on, and returns the finished process, with bytes
        in stdout and stderr."""
        words = [*prefix, COMMAND, *map(os.fsencode, args)]
        done = subprocess.run(words, input=stdin, capture_output=True, timeout=timeout_s,
                              env=self.env | (env or {}), cwd=self.dir,
                              start_new_session=True)
        expected = expect if isinstance(expect, tuple) else (expect,)
        self.assertIn(done.returncode, expected,
                      f"{words}\n{done.stdout[-3000:]!r}\n{done.stderr[-3000:]!r}")
        return done

    def text(self, *args, **how):
        return self.run_it(*args, **how).stdout.decode()

    def errors(self, *args, **how):
        return self.run_it(*args, **how).stderr.decode()

    def json(self, *args, **how):
        """The JSON object that the command prints: all of standard output, and nothing beside."""
        done = self.run_it(*args, "--json", **how)
        self.assertEqual(done.stderr, b"")
        answer = json.loads(done.stdout)
        self.assertEqual(answer["exit_code"], done.returncode)
        return answer

    def on_terminal(self, *args, expect=DONE, env=None):
        """Runs the command on a terminal of 80 columns and returns all that it wrote there."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(self.dir)
            os.execve(COMMAND, [COMMAND, *map(os.fsencode, args)],
                      self.env | {"TERM": "xterm"} | (env or {}))
        written = read_all(terminal)
        _, status = os.waitpid(pid, 0)
        os.close(terminal)
        self.assertEqual(os.waitstatus_to_exitcode(status), expect, written)
        return written

    def type_in(self, answers, *args, env=None):
        """Runs the command on a terminal and answers each prompt; returns exit code and output."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(self.dir)
            os.execve(COMMAND, [COMMAND, *map(os.fsencode, args)],
                      self.env | {"TERM": "xterm"} | (env or {}))
        written = b""
        for answer in answers:
            part = b""
            # A prompt is what the command waits behind, not any colon on the way.
            while not (part.endswith((b": ", b"] "))
                       and not select.select([terminal], [], [], 0.1)[0]):
                self.assertTrue(select.select([terminal], [], [], 30)[0],
                                f"no prompt: {written + part!r}")
                part += os.read(terminal, 1000)
            os.write(terminal, answer + b"\n")
            written += part
        written += read_all(terminal)
        _, status = os.waitpid(pid, 0)
        os.close(terminal)
        return os.waitstatus_to_exitcode(status), written

    # -- interrupting

    def traced(self, *args, at=0, torn=False, fault=None, calls="effects", dump=None, env=None,
               **how):
        """Runs the command with its calls written down that have an effect on a file or folder, and
        returns the process and them: (call, path). Before the call number |at| it is killed; if
        |torn|, and that is a write, in the middle of it. With |fault|, the name of an errno or
        "short", that call fails instead; |calls| is "effects", "files" or "memory". With |dump| the
        process's memory is written there. ADP_CRASH_LIBRARY is the library that does it,
        tests/support/crash_at.c."""
        library = os.environ.get("ADP_CRASH_LIBRARY")
        if library is None:
            self.skipTest("ADP_CRASH_LIBRARY is not set")
        if fault is not None and fault != "short":
            fault = str(getattr(errno, fault))
        with tempfile.NamedTemporaryFile("r", prefix="adp-trace-") as trace:
            settings = {"LD_PRELOAD": library, "CRASH_AT": str(at), "CRASH_TORN": str(int(torn)),
                        "CRASH_CALLS": calls, "CRASH_TRACE": trace.name,
                        "ASAN_OPTIONS": "verify_asan_link_order=0"}
            settings |= {name: os.fspath(value) for name, value in
                         (("CRASH_FAULT", fault), ("CRASH_DUMP", dump)) if value is not None}
            done = self.run_it(*args, **how, env=(env or {}) | settings)
            return done, [tuple(line.split(" ", 1)) for line in trace.read().splitlines()]

    def remember(self):
        """Returns a function that makes everything in the scenario's folder as it is now."""
        before = pathlib.Path(tempfile.mkdtemp(prefix="adp-before-"))
        self.addCleanup(shutil.rmtree, before, ignore_errors=True)
        copy_into(self.dir, before)
        return lambda: copy_into(before, self.dir)

    def kill_at_each_call(self, check, *args, expect=DONE, **how):
        """For n = 1, 2, 3, ... in a soak, else for every third: kills the command before its n-th
        call with an effect on a file or folder, and in the middle of it if it is a write, as
        |traced| does it, and calls check(call, path) with that call, until the command runs
        through. Before each run everything in the scenario's folder is as it was before the first.
        What goes through io_uring is not seen: give --io=threads where bulk data is moved."""
        restore = self.remember()
        expected = expect if isinstance(expect, tuple) else (expect,)
        step = 1 if SOAK else 3
        first = 1 + zlib.crc32(self.id().encode()) % step
        for n in range(first, MAX_CALLS, step):
            for torn in (False, True):
                done, calls = self.traced(*args, at=n, torn=torn, **how,
                                          expect=(*expected, -signal.SIGKILL))
                if done.returncode != -signal.SIGKILL:
                    self.assertGreater(n, first, "nothing was killed")
                    return
                call, path = calls[-1]
                kind = "killed within a write" if torn else "killed before a call"
                with self.case("crash", kind, killed_at=n, call=call, path=path):
                    check(call, path)
                restore()
                if "write" not in call:
                    break
        self.fail(f"{args} makes {MAX_CALLS} calls and more")

    # -- what most scenarios begin with

    def init(self):
        self.run_it("init", self.vault, "--device", "laptop")

    def as_identity(self, name):
        """The environment of another identity than the vault's first."""
        return {"ADP_SEAL_IDENTITY": str(self.dir / name)}

    def request(self, name, *options):
        """Makes the identity |name|, and returns its request."""
        return self.text("device", "request", "--name", name, *options,
                         env=self.as_identity(name)).strip()

    def admit(self, name, *options):
        """Admits a device or sealer, which then knows the vault; returns its environment."""
        self.run_it("device", "add", self.vault, self.request(name, *options))
        self.run_it("snapshots", self.vault, "--account", self.account(),
                    env=self.as_identity(name))
        return self.as_identity(name)

    def account(self):
        """The vault's account, as its first device shows it."""
        return self.json("device", "list", self.vault)["account"]

    def seal(self, *args, **how):
        return self.json("seal", self.vault, *(args or (self.source,)), **how)

    def open(self, name="opened", snapshot="latest", *args, **how):
        target = self.dir / name
        self.json("open", self.vault, snapshot, *args, "--to", target, **how)
        return target

    def roundtrip(self, *options, **how):
        """Seals and opens the source, and compares; returns the seal's report."""
        report = self.seal(self.source, *options, **how)
        opened = self.open("opened", report["snapshot"], *options, **how)
        self.assert_same_tree(self.source, opened / self.source.name)
        return report

    def check_opens(self, snapshot, env=None):
        """Opens |snapshot| into a folder of its own and compares it with the source."""
        target = pathlib.Path(tempfile.mkdtemp(prefix="opened-", dir=self.dir))
        self.json("open", self.vault, snapshot, "--to", target, env=env)
        self.assert_same_tree(self.source, target / self.source.name)

    def seal_with(self, how, kernel, threads):
        """Seals with these, or returns None where the machine lacks one of them."""
        report = self.seal(self.source, "--io", how, "--threads", threads,
                           env={"ADP_SEAL_KERNEL": kernel}, expect=(DONE, FAILED, USAGE))
        if report["exit_code"] != DONE:
            return None
        self.assertEqual((report["io"], report["kernel"]), (how, kernel))
        return report

    def paths(self, *args):
        """The paths of the latest snapshot."""
        listing = self.json("list", self.vault, "latest", *args)
        return [entry["path"] for entry in listing["entries"]]

    def snapshots(self, **how):
        return self.json("snapshots", self.vault, **how)["snapshots"]

    def assert_same_tree(self, a, b):
        self.assertEqual(list(trees.differences(str(a), str(b))), [])

    def write(self, path, content):
        """Makes |path| in the source, with the folders above it."""
        file = self.source / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return file


def copy_into(source, target):
    """Makes the content of |target| that of |source|, hard links and attributes included."""
    for entry in target.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    subprocess.run(["cp", "-a", "--", f"{source}/.", target], check=True)


def read_all(terminal):
    written = b""
    while select.select([terminal], [], [], TIMEOUT_S)[0]:
        try:
            chunk = os.read(terminal, 65536)
        except OSError:  # EIO: the other side is closed
            break
        if not chunk:
            break
        written += chunk
    return written


def noise(length, seed=1):
    """Bytes that do not compress, the same every time."""
    return random.Random(seed).randbytes(length)


def prose(length):
    """Bytes that compress."""
    line = b"%d bottles of beer on the wall, and each of them sealed for its owner alone\n"
    return b"".join(line % i for i in range(length // 60 + 1))[:length]


def main():
    # A file name that is no UTF-8 may stand in a message.
    sys.stderr.reconfigure(errors="backslashreplace")
    result = unittest.main(exit=False, verbosity=2).result
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(77 if result.testsRun == len(result.skipped) else 0)
