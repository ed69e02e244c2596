"""What the command says, where it says it, and with which exit code."""

import json
import os
import subprocess
import sys

import scenario
from scenario import DONE, FAILED, PARTIAL, USAGE, noise


class Usage(scenario.Scenario):
    def test_nothing_said(self):
        done = self.run_it(expect=USAGE)
        self.assertEqual(done.stdout, b"")
        self.assertTrue(done.stderr.startswith(b"usage: adp-seal COMMAND"))

    def test_help(self):
        self.assertIn("usage: adp-seal COMMAND", self.text("--help"))
        for command in ("init", "seal", "snapshots", "list", "open", "cat", "verify",
                        "device request", "device add", "device list", "category list",
                        "category explain"):
            self.assertIn(command, self.text("--help"))
            text = self.text(*command.split(), "--help")
            self.assertTrue(text.startswith(f"usage: adp-seal {command}"), text)
            self.assertTrue(all(len(line) <= 80 for line in text.splitlines()), text)

    def test_version(self):
        self.assertRegex(self.text("--version"), r"^adp-seal \d+\.\d+\.\d+\n$")

    def test_mistakes(self):
        mistakes = (("seel",), ("device",), ("device", "ad"), ("--quiet", "seal"), ("init", "v"),
                    ("init", "v", "--device"), ("init", "--device", "x"), ("seal", "v"),
                    ("seal", "v", "s", "--level", "20"), ("seal", "v", "s", "--level", "1x"),
                    ("seal", "v", "s", "--threads", "0"), ("seal", "v", "s", "--memory", "lots"),
                    ("seal", "v", "s", "--io", "magic"), ("seal", "v", "s", "--to", "x"),
                    ("seal", "v", "s", "--category", "x"), ("seal", "v", "s", "--bogus"),
                    ("seal", "v", "s", "--category", "mail", "--category", "notes"),
                    ("open", "v", "latest"), ("cat", "v", "latest"), ("snapshots", "v", "more"),
                    ("cat", "v", "latest", "x", "--json"), ("category", "explain"))
        for words in mistakes:
            with self.subTest(words):
                done = self.run_it(*words, expect=USAGE)
                if "--json" not in words:
                    self.assertEqual(done.stdout, b"")
                    self.assertTrue(done.stderr.startswith(b"adp-seal: "), done.stderr)
        self.assertEqual(os.listdir(self.dir), [])

    def test_a_slip_of_the_fingers(self):
        self.assertIn('did you mean "seal"?', self.errors("seel", expect=USAGE))
        self.assertIn('did you mean "device add"?', self.errors("device", "ad", expect=USAGE))

    def test_a_vault_that_is_not_there(self):
        self.init()
        for command in (("snapshots",), ("verify",), ("device", "list")):
            self.assertIn("nowhere", self.errors(*command, "nowhere", expect=FAILED))

    def kernels_offered(self, wished):
        """Wishes for a kernel that is not here, and returns those that the message offers."""
        done = self.run_it("seal", self.vault, self.source, env={"ADP_SEAL_KERNEL": wished},
                           expect=USAGE)
        self.assertEqual(done.stdout, b"")
        message, hint = done.stderr.decode().splitlines()
        self.assertIn(f'"{wished}"', message)
        self.assertIn("unset ADP_SEAL_KERNEL, or set it to one of: ", hint)
        return hint.split(": ")[1].split(", ")

    def test_a_kernel_that_is_not_here(self):
        self.init()
        self.write("a", b"x")
        offered = self.kernels_offered("abacus")
        self.assertEqual(offered[-1], "portable")
        for name in offered:
            self.assertEqual(self.seal(env={"ADP_SEAL_KERNEL": name})["kernel"], name)
        # No machine has all of these.
        for name in {"vaes512", "vaes256", "aesni", "armv8"} - set(offered):
            self.assertEqual(self.kernels_offered(name), offered)


class Output(scenario.Scenario):
    def setUp(self):
        super().setUp()
        self.init()
        self.write("a.jpg", noise(3_000_000))
        self.write("b.txt", b"text")

    def test_seal_says_what_it_did(self):
        text = self.text("seal", self.vault, self.source)
        lines = [line.split() for line in text.splitlines()]
        self.assertEqual(lines[0], ["category", "files", "content", "sealed"])
        self.assertEqual(lines[1][:4], ["drive", "1", "4", "B"])
        self.assertEqual(lines[2][:4], ["photos", "1", "3.00", "MB"])
        self.assertEqual(lines[3][:4], ["total", "2", "3.00", "MB"])
        self.assertRegex(text.splitlines()[4], r"^snapshot \d{8}T\d{6}Z-[0-9a-f]{8}, [\d.]+ s, ")

    def test_seal_in_json(self):
        report = self.seal()
        self.assertEqual(report["status"], "done")
        self.assertEqual(report["categories"]["photos"]["files"], 1)
        self.assertEqual(report["categories"]["photos"]["bytes"], 3_000_000)
        archive = self.vault / "archives" / report["snapshot"] / "photos.adps"
        self.assertEqual(report["categories"]["photos"]["stored_bytes"], archive.stat().st_size)
        self.assertEqual(report["total"]["bytes"], 3_000_004)
        self.assertIn(report["io"], ("uring", "threads"))
        self.assertNotIn("events", report)

    def test_snapshots(self):
        snapshot = self.seal()["snapshot"]
        header, line = self.text("snapshots", self.vault).splitlines()
        self.assertTrue(header.startswith("snapshot"))
        self.assertTrue(line.startswith(snapshot + "  "))
        day = f"{snapshot[:4]}-{snapshot[4:6]}-{snapshot[6:8]}"
        for word in (day, "laptop", "MB", "drive photos"):
            self.assertIn(word, line)

    def test_errors_in_json(self):
        answer = self.json("open", self.vault, "nonsense", "--to", "x", expect=(FAILED, USAGE))
        self.assertIn(answer["status"], ("failed", "usage"))
        self.assertTrue(answer["error"]["message"])
        answer = self.json("seal", self.vault, expect=USAGE)
        self.assertEqual(answer["status"], "usage")
        self.assertTrue(answer["error"]["message"])

    def test_as_many_events_as_files(self):
        """All are in the answer, and none in memory until then."""
        for number in range(20_000):
            self.write(f"many/{number}", b"")
        self.seal()
        words = ("open", self.vault, "latest", "--to", self.dir / "opened", "--memory", "16M")
        self.run_it(*words)
        peak = (sys.executable, "-c", "import resource, subprocess, sys\n"
                "code = subprocess.call(sys.argv[2:], stdout=open(sys.argv[1], 'wb'))\n"
                "print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")
        out, used = self.dir / "out", {}
        for how in ("--quiet", "--json"):
            done = self.run_it(*words, how, prefix=(*peak, out))
            code, used[how] = map(int, done.stdout.split())
            self.assertEqual(code, PARTIAL)
        answer = json.loads(out.read_bytes())
        self.assertEqual(len(answer["events"]), answer["not_restored"])
        self.assertGreater(answer["not_restored"], 20_000)
        self.assertEqual((answer["exit_code"], answer["status"]), (PARTIAL, "partial"))
        if not scenario.SANITIZED:
            self.assertLess(used["--json"] - used["--quiet"], 6 << 10)  # KiB

    def test_an_empty_listing_in_json(self):
        answer = self.json("list", self.vault, "latest", expect=FAILED)
        self.assertEqual(answer["entries"], [])

    def test_quiet(self):
        for command in (("seal", self.vault, self.source), ("verify", self.vault),
                        ("open", self.vault, "latest", "--to", "opened")):
            done = self.run_it(*command, "--quiet")
            self.assertEqual((done.stdout, done.stderr), (b"", b""))
        errors = self.errors("open", self.vault, "latest", "--to", "opened", "--quiet",
                             expect=PARTIAL)
        self.assertIn("a.jpg", errors)

    def test_no_progress_where_there_is_no_terminal(self):
        for command in (("seal", self.vault, self.source), ("verify", self.vault),
                        ("open", self.vault, "latest", "--to", "opened")):
            done = self.run_it(*command)
            self.assertEqual(done.stderr, b"")
            self.assertNotIn(b"\r", done.stdout)
            self.assertNotIn(b"\x1b", done.stdout)

    def test_progress_on_a_terminal(self):
        for i in range(40):
            self.write(f"more/{i}", noise(1_000_000, i))
        written = self.on_terminal("seal", self.vault, self.source)
        self.assertIn(b"\r\x1b[K", written)
        drawn, _, after = written.rpartition(b"\r\x1b[K")
        self.assertRegex(drawn, rb"\r(scan|seal) ")
        self.assertTrue(after.startswith(b"category"), after)
        for line in drawn.split(b"\r"):
            self.assertLess(len(line.replace(b"\x1b[K", b"")), 80)
        for quiet in (("--quiet",), ("--json",)):
            written = self.on_terminal("seal", self.vault, self.source, *quiet)
            self.assertNotIn(b"\x1b", written)
        written = self.on_terminal("seal", self.vault, self.source, env={"TERM": "dumb"})
        self.assertNotIn(b"\x1b", written)

    def test_names_send_nothing_to_the_terminal(self):
        (self.source / "\x1b]0;owned\x07.jpg").write_bytes(b"x")
        (self.source / "\u009b31m").write_bytes(b"x")
        (self.source / "\u202egpj.exe").write_bytes(b"x")
        (self.source / "\u00e4.jpg").write_bytes(b"x")
        self.seal()
        written = self.on_terminal("list", self.vault, "latest", "--json")
        for character in "\x1b\x9b\u202e":
            self.assertNotIn(character.encode(), written)
        self.assertIn(rb"\u202Egpj.exe", written)
        written = self.on_terminal("list", self.vault, "latest")
        self.assertNotIn(b"\x1b", written)
        self.assertNotIn("\u009b".encode(), written)
        self.assertNotIn("\u202e".encode(), written)
        self.assertIn(rb"\xe2\x80\xaegpj.exe", written)
        self.assertIn(rb"\x1b]0;owned\x07.jpg", written)
        self.assertIn("\u00e4.jpg".encode(), written)
        # A pipe gets the name as it is.
        done = self.run_it("list", self.vault, "latest")
        self.assertIn(b"\x1b]0;owned\x07.jpg", done.stdout)
        # Errors never do: they end up in logs.
        self.run_it("open", self.vault, "latest", "--to", "opened")
        errors = self.run_it("open", self.vault, "latest", "--to", "opened", expect=PARTIAL).stderr
        self.assertNotIn(b"\x1b", errors)
        self.assertIn(rb"\x1b]0;owned", errors)

    def test_nobody_reads_the_output(self):
        for i in range(3000):
            self.write(f"many/{'n' * 100}{i}", b"")
        self.seal()
        for command in (("list",), ("list", "--json"), ("cat",)):
            words = [scenario.COMMAND, command[0], self.vault, "latest", *command[1:]]
            if command == ("cat",):
                words.append("source/a.jpg")
            child = subprocess.Popen(words, env=self.env, stdout=subprocess.PIPE,
                                     stderr=subprocess.PIPE)
            child.stdout.read(10)
            child.stdout.close()
            errors = child.stderr.read()
            child.stderr.close()
            self.assertNotEqual(child.wait(timeout=scenario.TIMEOUT_S), DONE)
            self.assertEqual(errors, b"", words)

    def test_the_output_cannot_be_written(self):
        self.seal()
        with open("/dev/full", "wb") as full:
            done = subprocess.run([scenario.COMMAND, "list", self.vault, "latest"], env=self.env,
                                  stdout=full, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, FAILED)
        self.assertIn(b"No space left", done.stderr)


if __name__ == "__main__":
    scenario.main()
