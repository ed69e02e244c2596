"""The process in which archives are decoded: the same bytes with it and without, what the system says
of it, and what becomes of a command whose sandbox is killed."""

import contextlib
import ctypes
import json
import os
import pathlib
import signal
import subprocess
import time

import scenario
import secrets_in
from scenario import COMMAND, DONE, INTEGRITY, USAGE, noise, prose

HOW = ("auto", "on", "off")
NAME = "adp-sandbox"
NUM_NOTES = 1500
TEXT = prose(3 << 20)
PHOTO = noise(60_000)
# More than the buffers hold, though compressed: at this rate there are seconds until the last part.
LARGE = noise(24 << 20).translate(bytes(range(128)) * 2)
SLOWLY = ("--memory", "16M", "--limit-rate", "4M")


CREATE_RULESET, ASK_VERSION = 444, 1  # Landlock's system call, on every architecture


def has_all():
    """Whether this kernel has all of it, and the command: ThreadSanitizer does not let it."""
    if b"__tsan_init" in pathlib.Path(COMMAND).read_bytes():
        return False
    has_landlock = ctypes.CDLL(None).syscall(CREATE_RULESET, None, 0, ASK_VERSION) >= 1
    return has_landlock and pathlib.Path("/proc/sys/kernel/seccomp").exists()


def is_loose():
    """Whether a sanitizer's runtime keeps standard error, to say what it has found."""
    return b"__asan_init" in pathlib.Path(COMMAND).read_bytes()


class Sandbox(scenario.Scenario):
    def setUp(self):
        super().setUp()
        self.init()
        for number in range(NUM_NOTES):
            self.write(f"notes/{number:05}-{'long' * 10}.txt", b"%d\n" % number)
        self.write("text.txt", TEXT)
        self.write("large.txt", LARGE)
        self.write("a.jpg", PHOTO)
        self.snapshot = self.seal()["snapshot"]

    # -- a command that is in the middle of its work, and its child

    @contextlib.contextmanager
    def running(self, *args):
        """The command, stopped when it has a child, and that child, when it is ready. It cannot have
        come to its end: |args| has it do so slowly, or nobody reads what it prints."""
        process = subprocess.Popen([COMMAND, *map(os.fsencode, args)], env=self.env, cwd=self.dir,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   start_new_session=True)
        try:
            pid = self.wait_for(lambda: self.child_of(process))
            process.send_signal(signal.SIGSTOP)
            self.wait_for(lambda: self.is_ready(pid))
            yield process, pid
        finally:
            process.kill()
            process.communicate()

    def wait_for(self, find):
        until = time.monotonic() + 60
        while time.monotonic() < until:
            found = find()
            if found:
                return found
            time.sleep(0.001)
        return self.fail("waited in vain")

    def child_of(self, process):
        self.assertIsNone(process.poll(), "it has ended")
        for path in pathlib.Path(f"/proc/{process.pid}/task").glob("*/children"):
            for pid in self.read(path).split():
                if f"Name:\t{NAME}\n" in self.status(pid):
                    return int(pid)
        return None

    def is_ready(self, pid):
        """Whether it sleeps, with everything put on."""
        status = self.status(pid)
        return "\nSeccomp:\t2\n" in status and "\nState:\tS" in status

    def status(self, pid):
        return self.read(pathlib.Path(f"/proc/{pid}/status"))

    @staticmethod
    def read(path):
        try:
            return path.read_text()
        except OSError:
            return ""

    def end(self, process):
        """Lets the command go on: its exit code and what it prints, in time."""
        process.send_signal(signal.SIGCONT)
        out, errors = process.communicate(timeout=60)
        return process.returncode, out, errors.decode()

    def end_without(self, pid, process):
        os.kill(pid, signal.SIGKILL)
        return self.end(process)

    # -- the same with it and without

    def test_the_same_bytes(self):
        cats, lists = set(), set()
        for how in HOW:
            with self.case("sandbox", "read with it and without", how=how):
                option = f"--sandbox={how}"
                target = self.dir / how
                answer = self.json("open", self.vault, "latest", option, "--to", target)
                self.assertEqual(answer["sandbox"],
                                 "off" if how == "off" else "landlock+seccomp")
                self.assert_same_tree(self.source, target / "source")
                verified = self.json("verify", self.vault, option)["snapshots"][0]
                self.assertEqual(verified["sandbox"], answer["sandbox"])
                self.assertIn(f"sandbox: {answer['sandbox']}",
                              self.text("verify", self.vault, option, "--stats"))
                cats.add(self.run_it("cat", self.vault, "latest", "source/text.txt",
                                     option).stdout)
                lists.add(self.run_it("list", self.vault, "latest", option).stdout)
        self.assertEqual(cats, {TEXT})
        self.assertEqual(len(lists), 1)

    def test_on_is_the_default_where_it_can_be_had(self):
        answer = self.json("open", self.vault, "latest", "--to", self.dir / "opened")
        self.assertEqual(answer["sandbox"], "landlock+seccomp")

    def test_another_word(self):
        for command in (("open", "--to", "x"), ("verify",), ("list",), ("cat", "source/a.jpg")):
            name, *rest = command
            told = self.errors(name, self.vault, "latest", *rest, "--sandbox=perhaps",
                               expect=USAGE)
            self.assertIn("auto, on or off", told)

        told = self.errors("seal", self.vault, self.source, "--sandbox=perhaps", expect=USAGE)
        self.assertIn("auto, on or off", told)

    # -- what the system says of it

    def test_has_nothing(self):
        with self.running("open", self.vault, "latest", "--to", "opened", *SLOWLY) as (_, pid), \
                self.case("sandbox", "what the system says of it"):
            self.assertIn("\nNoNewPrivs:\t1\n", self.status(pid))
            self.assertEqual(os.listdir(f"/proc/{pid}/fd"), ["2"] if is_loose() else [])
            limits = self.read(pathlib.Path(f"/proc/{pid}/limits"))
            for name in ("Max open files", "Max file size", "Max core file size",
                         "Max processes"):
                line = next(line for line in limits.splitlines() if line.startswith(name))
                self.assertEqual(line[len(name):].split()[:2], ["0", "0"])
            shared = [line for line in self.read(pathlib.Path(f"/proc/{pid}/maps")).splitlines()
                      if line.split()[1].endswith("s")]
            self.assertEqual(len(shared), 1, shared)

    def test_no_key_is_in_its_memory(self):
        secrets = secrets_in.of_vault(self.vault, self.identity)
        with self.running("open", self.vault, "latest", "--to", "opened", *SLOWLY) as (process, pid):
            outside, inside = self.memory(process.pid), self.memory(pid)
        self.assertTrue(any(secrets["KEM key"] in part for part in outside),
                        "what is looked for was never there")
        for name, secret in secrets.items():
            with self.case("sandbox", "keys looked for in its memory", name=name):
                self.assertFalse(any(secret in part for part in inside))

    def memory(self, pid):
        parts = []
        try:
            memory = open(f"/proc/{pid}/mem", "rb", buffering=0)
        except PermissionError:
            self.skipTest("needs root")
        with memory:
            for line in self.read(pathlib.Path(f"/proc/{pid}/maps")).splitlines():
                start, end = (int(word, 16) for word in line.split()[0].split("-"))
                if line.split()[1][1] == "w" and end - start < 1 << 30:
                    with contextlib.suppress(OSError):
                        memory.seek(start)
                        parts.append(memory.read(end - start))
        return parts

    # -- its end

    def check_told(self, told):
        self.assertIn("drive.adps", told)
        self.assertIn("signal 9", told)
        self.assertRegex(told, r'offset"?:? \d+')
        self.assertIn("whoever sealed this meant harm", told)

    def test_killed_while_opening(self):
        for more in ((), ("--keep-going",)):
            target = self.dir / ("opened" + "".join(more))
            with self.case("sandbox", "killed from outside", command="open", more=more), \
                    self.running("open", self.vault, "latest", "--to", target, *SLOWLY,
                                 *more) as (process, pid):
                code, _, told = self.end_without(pid, process)
                self.assertEqual(code, INTEGRITY, told)
                self.check_told(told)
                # The photos are another archive, and have a child of their own.
                self.assertEqual((target / "source/a.jpg").read_bytes(), PHOTO)
                for path in target.rglob("*"):
                    if path.is_file():
                        original = self.source / path.relative_to(target / "source")
                        self.assertEqual(path.read_bytes(), original.read_bytes())
                self.assertFalse((target / "source/large.txt").exists())

    def test_killed_while_verifying(self):
        with self.case("sandbox", "killed from outside", command="verify"), \
                self.running("verify", self.vault, "--json", *SLOWLY) as (process, pid):
            code, out, _ = self.end_without(pid, process)
            self.assertEqual(code, INTEGRITY)
            self.check_told(out.decode())
            self.assertEqual(json.loads(out)["snapshots"][0]["status"], "integrity")

    def test_killed_while_printing(self):
        for args in (("list",), ("cat", "source/text.txt")):
            with self.case("sandbox", "killed from outside", command=args[0]), \
                    self.running(args[0], self.vault, "latest", *args[1:]) as (process, pid):
                code, _, told = self.end_without(pid, process)
                self.assertEqual(code, INTEGRITY, told)
                self.check_told(told)

    def test_stopped_for_a_while(self):
        """As by Ctrl-Z and fg: all of it goes on where it was."""
        with self.running("verify", self.vault, *SLOWLY) as (process, pid):
            os.kill(pid, signal.SIGSTOP)
            time.sleep(1)
            os.kill(pid, signal.SIGCONT)
            self.assertEqual(self.end(process)[0], DONE)

    def test_ends_with_the_command(self):
        with self.case("sandbox", "the command is killed"), \
                self.running("open", self.vault, "latest", "--to", "opened", *SLOWLY) as (process, pid):
            process.kill()
            process.wait()
            self.wait_for(lambda: f"Name:\t{NAME}\n" not in self.status(pid))


if __name__ == "__main__":
    if not has_all():
        raise SystemExit(77)
    scenario.main()
