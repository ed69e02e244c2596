"""Sources that make trouble: unreadable, missing, changing; and what a vault gives away."""

import os
import shutil
import signal
import subprocess
import threading
import time

import scenario
from scenario import DONE, FAILED, PARTIAL, USAGE, noise, prose

NOBODY = 65534


class Sources(scenario.Scenario):
    def test_missing(self):
        self.init()
        self.write("file", b"x")
        errors = self.errors("seal", self.vault, self.source, self.dir / "nowhere", expect=FAILED)
        self.assertIn("nowhere", errors)
        self.assertEqual(self.snapshots(), [])
        self.assertEqual(list((self.vault / "archives").glob("*")), [])

    def test_two_of_one_name(self):
        self.init()
        self.write("file", b"x")
        (self.dir / "else/source").mkdir(parents=True)
        errors = self.errors("seal", self.vault, self.source, self.dir / "else/source",
                             expect=USAGE)
        self.assertIn("source", errors)

    def test_slashes_and_dots(self):
        self.init()
        self.write("sub/file", b"x")
        self.seal(f"{self.source}/")
        self.assertEqual(self.paths(), ["source", "source/sub", "source/sub/file"])
        self.seal(f"{self.source}/./sub/../sub//")
        self.assertEqual(self.paths(), ["sub", "sub/file"])

    def test_a_vault_at_a_long_path(self):
        self.write("file", b"x")
        self.vault = self.dir.joinpath(*["a" * 200] * 7, "vault")
        self.vault.parent.mkdir(parents=True)
        self.init()
        self.seal()
        self.assertEqual(self.paths(), ["source", "source/file"])

    def test_unreadable(self):
        """Run as nobody where the scenario runs as root, whom nothing is hidden from."""
        command, prefix = scenario.COMMAND, ()
        if os.geteuid() == 0:
            if shutil.which("setpriv") is None:
                self.skipTest("there is no setpriv")
            prefix = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
            os.chmod(self.dir, 0o777)
            command = shutil.copy(scenario.COMMAND, self.dir / "adp-seal")
        self.addCleanup(setattr, scenario, "COMMAND", scenario.COMMAND)
        scenario.COMMAND = command
        # A process that changed its user cannot be traced, which the leak check would need.
        how = {"prefix": prefix, "env": {"ASAN_OPTIONS": "detect_leaks=0"}}
        self.run_it("init", self.vault, "--device", "laptop", **how)
        self.write("readable", b"x")
        self.write("secret", b"y").chmod(0)
        self.write("closed/file", b"z")
        (self.source / "closed").chmod(0)
        self.addCleanup((self.source / "closed").chmod, 0o700)
        done = self.run_it("seal", self.vault, self.source, expect=PARTIAL, **how)
        errors = done.stderr.decode()
        self.assertIn("source/secret", errors)
        self.assertIn("source/closed", errors)
        self.assertNotIn("source/readable", errors)
        report = self.json("open", self.vault, "latest", "--to", self.dir / "opened",
                           expect=(DONE, PARTIAL), **how)
        self.assertEqual((self.dir / "opened/source/readable").read_bytes(), b"x")
        self.assertFalse((self.dir / "opened/source/secret").exists())
        self.assertEqual(report["total"]["files"], 1)

    def test_a_file_that_changes_while_it_is_read(self):
        """A file is appended to all the time: named or not, what is sealed can be opened."""
        self.init()
        file = self.write("log", noise(4 << 20))
        self.write("quiet.jpg", noise(1 << 20))
        stop = threading.Event()

        def append():
            with open(file, "ab", buffering=0) as out:
                while not stop.is_set():
                    out.write(b"x" * 4096)

        writer = threading.Thread(target=append)
        writer.start()
        try:
            report = self.seal(expect=(DONE, PARTIAL))
        finally:
            stop.set()
            writer.join()
        self.run_it("verify", self.vault)
        if report["exit_code"] == PARTIAL:
            self.assertEqual({event["path"].rpartition("/")[2] for event in report["events"]},
                             {"log"})
        opened = self.open()
        self.assertTrue(file.read_bytes().startswith((opened / "source/log").read_bytes()))

    def test_no_secret_is_in_the_vault(self):
        self.init()
        secret = b"the-pattern-that-nobody-may-find"
        self.write("plain.txt", secret)
        self.write("photo.jpg", noise(100_000) + secret + noise(100_000, 2))
        self.write("zeros", bytes(300_000) + secret)
        self.write("name-that-nobody-may-find", b"")
        os.symlink("target-that-nobody-may-find", self.source / "link")
        try:
            os.setxattr(self.source / "plain.txt", "user.x", b"value-that-nobody-may-find")
        except OSError:
            pass
        self.seal()
        found = [path for path in self.vault.rglob("*") if path.is_file()]
        self.assertGreaterEqual(len(found), 4)
        for path in found:
            content = path.read_bytes()
            self.assertNotIn(b"nobody-may-find", content, path)
            self.assertNotIn(b"plain.txt", content, path)
        self.assert_same_tree(self.source, self.open() / "source")

    def test_nobody_else_may_read_the_identity(self):
        self.init()
        self.assertEqual(os.stat(self.identity).st_mode & 0o777, 0o600)

    def test_interrupted(self):
        self.init()
        for i in range(12):
            self.write(f"text/{i}", prose(8 << 20))
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number):
                done = self.interrupt(number)
                if done.returncode == DONE:
                    self.skipTest("it was faster than the signal")
                self.assertEqual(done.returncode, FAILED, done.stderr)
                self.assertIn(b"stopped", done.stderr)
                self.assertEqual(self.snapshots(), [])
                self.assertEqual(list((self.vault / "archives").rglob("*.adps")), [])
        self.seal(self.source, "--level", "1")
        self.assertEqual(len(self.snapshots()), 1)

    def interrupt(self, number):
        """Seals slowly, and sends the signal when there is something of an archive."""
        words = [scenario.COMMAND, "seal", self.vault, self.source, "--level", "19", "--threads",
                 "1", "--memory", "16M"]
        child = subprocess.Popen(words, env=self.env, cwd=self.dir, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE)
        deadline = time.monotonic() + 10
        while child.poll() is None and time.monotonic() < deadline:
            if any((self.vault / "archives").rglob("*")):
                child.send_signal(number)
                break
            time.sleep(0.01)
        stdout, stderr = child.communicate(timeout=scenario.TIMEOUT_S)
        return subprocess.CompletedProcess(child.args, child.returncode, stdout, stderr)


if __name__ == "__main__":
    scenario.main()
