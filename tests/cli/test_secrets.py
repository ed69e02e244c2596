"""Keys, passphrases and codes: in locked pages while they are needed, nowhere afterwards, and never
in what a process shows of itself."""

import os
import pathlib
import re
import resource
import signal
import subprocess
import time

import faults
import scenario
import secrets_in
from scenario import noise

PASSPHRASE = b"correct horse battery staple of this test"
# At so many of a command's calls on files, and of its allocations, its memory is looked at.
MOMENTS = {"files": 150, "memory": 300} if scenario.SOAK else {"files": 3, "memory": 5}


def is_of_hmac(name, _address, mapping):
    """BoringSSL's HMAC allocates while it has the key that it is given on the stack, and wipes it; in
    scrypt that is the passphrase."""
    return mapping == "[stack]" and name.startswith(("archive key", "message key", "passphrase"))


class UnderPassphrase(scenario.Scenario):
    def setUp(self):
        super().setUp()
        if scenario.SANITIZED:
            self.skipTest("a sanitizer's memory is without end, and its process another")
        self.file = self.dir / "passphrase"
        self.file.write_bytes(PASSPHRASE + b"\n")
        self.run_it("init", self.vault, "--device", "laptop", "--passphrase-file", self.file)


class Secrets(UnderPassphrase):
    def setUp(self):
        super().setUp()
        self.write("a.jpg", noise(700_000))
        self.write("b.txt", b"words" * 1000)
        self.seal("--passphrase-file", self.file, self.source)
        self.known = self.secrets()

    def secrets(self):
        try:
            found = secrets_in.of_vault(self.vault, self.identity, PASSPHRASE)
        except ImportError as error:
            self.skipTest(f"the decoder cannot run: {error}")
        self.assertGreater(len(found), 28)
        return found | {"passphrase": PASSPHRASE}

    def check_memory(self, *args, known=None, has=(), env=None, **how):
        """Looks at the command's memory in the middle of it, many times, and at its end."""
        known = known or self.known
        restore = self.remember()
        moments = []
        for kind, number in MOMENTS.items():
            _, calls = self.traced(*args, at=faults.FAR, calls=kind, env=env, **how)
            restore()
            every = max(1, len(calls) // number)
            moments += [(kind, n, calls[n - 1]) for n in range(every, len(calls) + 1, every)]
        seen = set()
        dump = pathlib.Path(str(self.dir) + ".dump")
        end = dump.with_name(dump.name + ".end")
        for name in ("at", "at.maps", "end", "end.maps"):
            self.addCleanup(dump.with_name(f"{dump.name}.{name}").unlink, missing_ok=True)
        for kind, n, call in moments:
            done, _ = self.traced(*args, at=n, calls=kind, dump=dump, env=env, **how)
            restore()
            for secret in known.values():
                self.assertNotIn(secret, done.stdout + done.stderr)
            memory = secrets_in.Memory(dump.with_name(dump.name + ".at"))
            with self.case("secrets", "memory searched for keys in the middle of a command", n=n, call=call):
                self.assertEqual([place for place in memory.outside(known)
                                  if kind != "memory" or not is_of_hmac(*place)], [])
            seen |= memory.anywhere(known)
        self.assertEqual(set(has) - seen, set(), "what is looked for was never there")
        self.assertEqual(secrets_in.Memory(end).anywhere(known), set())

    def test_seal(self):
        self.check_memory("seal", self.vault, self.source, "--io=threads", "--passphrase-file",
                          self.file, "--json", has=("signing seed",))

    def test_open(self):
        self.check_memory("open", self.vault, "latest", "--io=threads", "--to", self.dir / "opened",
                          "--passphrase-file", self.file, has=("KEM key",))

    def test_verify(self):
        self.check_memory("verify", self.vault, "--io=threads", "--passphrase-file", self.file)

    def test_rotate(self):
        self.check_memory("rotate", self.vault, "--passphrase-file", self.file,
                          has=("account seed",))

    def test_device_remove(self):
        request = self.request("phone")
        self.run_it("device", "add", self.vault, request, "--passphrase-file", self.file)
        self.check_memory("device", "remove", self.vault, "phone", "--passphrase-file", self.file)

    def test_init(self):
        """Its keys are known only afterwards, so of the middle the passphrase alone."""
        self.check_memory("init", self.dir / "second", "--device", "x", "--passphrase-file",
                          self.file, env=self.as_identity("other"),
                          known={"passphrase": PASSPHRASE})

    def test_recovery_open(self):
        import recovery
        code = self.text("recovery", "key", self.vault, "--passphrase-file", self.file).strip()
        path = self.dir / "code"
        path.write_text(code + "\n")
        account = self.json("device", "list", self.vault, "--passphrase-file", self.file)["account"]
        key = recovery.recover(code.encode())
        known = {"code": code.encode(), "characters": code.replace("-", "").encode(),
                 "symbols": recovery.parse_code(code.encode()),
                 "recovered KEM key": key.kem_private,
                 "recovered seed": key.signing_seed} | self.known
        self.check_memory("recovery", "open", self.vault, "--name", "new", "--code-file", path,
                          "--account", account, env=self.as_identity("new"), known=known,
                          has=("recovered KEM key",))

    def test_a_code_that_is_shown(self):
        """It is on standard output, and afterwards in no buffer on the way there."""
        for json in ((), ("--json",)):
            dump = pathlib.Path(str(self.dir) + ".dump")
            for name in ("at", "at.maps", "end", "end.maps"):
                self.addCleanup(dump.with_name(f"{dump.name}.{name}").unlink, missing_ok=True)
            done, _ = self.traced("recovery", "key", self.vault, "--passphrase-file", self.file,
                                  *json, dump=dump)
            code = re.search(rb"(?:[2-9A-Z]{4}-){6}[2-9A-Z]{4}", done.stdout)[0]
            memory = secrets_in.Memory(dump.with_name(dump.name + ".end"))
            self.assertEqual(memory.anywhere({"code": code}), set())


class Process(UnderPassphrase):
    """What the system shows of a running process, while it waits to read from a pipe."""

    def setUp(self):
        super().setUp()
        self.write("a.jpg", noise(8 << 20))

    def start(self):
        """A seal that takes some seconds, and has loaded its keys."""
        def allow_core():
            resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2)

        process = subprocess.Popen(
            [scenario.COMMAND, "seal", self.vault, self.source, "--limit-rate", "500K",
             "--passphrase-file", self.file], env=self.env, cwd=self.dir, preexec_fn=allow_core,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        end = time.monotonic() + 60
        while not list(self.vault.glob("archives/*/.*.tmp")):
            self.assertLess(time.monotonic(), end)
            self.assertIsNone(process.poll())
            time.sleep(0.01)
        return process

    def test_no_core(self):
        process = self.start()
        process.send_signal(signal.SIGSEGV)
        _, status = os.waitpid(process.pid, 0)
        self.assertEqual(os.waitstatus_to_exitcode(status), -signal.SIGSEGV)
        self.assertFalse(os.WCOREDUMP(status))
        cores = [path for path in self.dir.rglob("*") if path.is_file() and
                 (path.name.startswith("core") or PASSPHRASE in path.read_bytes()
                  and path != self.file)]
        self.assertEqual(cores, [])
        self.assertNotIn(PASSPHRASE, process.stderr.read())

    def test_what_proc_shows(self):
        proc = pathlib.Path(f"/proc/{self.start().pid}")
        status = dict(line.split(":", 1) for line in (proc / "status").read_text().splitlines())
        self.assertGreater(int(status["VmLck"].split()[0]), 0)
        for name in ("environ", "cmdline"):
            try:
                self.assertNotIn(PASSPHRASE, (proc / name).read_bytes())
            except PermissionError:
                pass  # nobody but root may read it: it cannot be dumped
        if os.geteuid() != 0:
            self.assertRaises(PermissionError, (proc / "mem").open, "rb")


if __name__ == "__main__":
    scenario.main()
