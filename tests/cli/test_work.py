"""Options of long work: where the time went, how fast, at whose expense, and what an interruption leaves."""

import os
import signal
import subprocess
import time

import scenario
from scenario import COMMAND, USAGE, noise

MIB = 1 << 20


class Work(scenario.Scenario):
    def setUp(self):
        super().setUp()
        self.init()
        os.makedirs(self.source)

    def fill(self, count, length):
        for i in range(count):
            (self.source / f"{i:04}.bin").write_bytes(noise(length, i))

    def test_stats(self):
        self.fill(3, 2 * MIB)
        text = self.text("seal", self.vault, self.source, "--stats")
        for stage in ("scan", "read", "compress", "encrypt", "write", "commit"):
            self.assertRegex(text, rf"(?m)^{stage} +\d+ +")
        text = self.text("open", self.vault, "latest", "--to", "opened", "--stats")
        for stage in ("read", "decrypt", "restore", "commit"):
            self.assertRegex(text, rf"(?m)^{stage} +\d+ +")
        for text in (text, self.text("verify", self.vault, "--stats")):
            for stage in ("read", "decrypt", "restore"):
                self.assertRegex(text, rf"(?m)^{stage} +\d+ +")
        self.assertNotIn("encrypt ", text.replace("decrypt", ""))

    def test_stages_in_json(self):
        self.fill(3, 2 * MIB)
        sealed = self.json("seal", self.vault, self.source)
        stages = sealed["stages"]
        for stage in ("scan", "read", "compress"):
            self.assertEqual(stages[stage]["bytes"], 6 * MIB, stage)
        self.assertGreater(stages["encrypt"]["bytes"], 6 * MIB)
        self.assertLessEqual(stages["encrypt"]["bytes"], sealed["total"]["stored_bytes"])
        self.assertLessEqual(sum(s["cpu_seconds"] for s in stages.values()),
                             sealed["cpu_seconds"] + 0.01)
        opened = self.json("open", self.vault, "latest", "--to", "opened")
        self.assertEqual(opened["stages"]["restore"]["bytes"], 6 * MIB)
        self.assertIn(opened["direct_read_bytes"], (0, opened["stages"]["read"]["bytes"]))

    def test_limited_rate(self):
        """40 MiB at 20 MiB/s, of which 16 MiB may be in buffers."""
        self.fill(20, 2 * MIB)
        for words in (("seal", self.vault, self.source), ("verify", self.vault),
                      ("open", self.vault, "latest", "--to", "opened")):
            start = time.monotonic()
            self.run_it(*words, "--limit-rate", "20M", "--memory", "16M")
            self.assertGreater(time.monotonic() - start, 1, words)

    def cached(self):
        """The names of the source's files that the page cache has."""
        done = subprocess.run(["fincore", "--noheadings", "--raw", "--bytes", "--output", "RES,FILE",
                               *sorted(self.source.iterdir())], capture_output=True, text=True,
                              check=True)
        lines = [line.split(" ", 1) for line in done.stdout.splitlines()]
        return {os.path.basename(name) for size, name in lines if int(size) > 0}

    def make_cold(self):
        for path in self.source.iterdir():
            fd = os.open(path, os.O_RDONLY)
            os.fsync(fd)
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(fd)
        if self.cached():
            self.skipTest("this file system keeps its files in memory")

    def test_who_gives_way_leaves_nothing_in_the_page_cache(self):
        self.fill(50, 20_000)
        self.make_cold()
        (self.source / "0007.bin").read_bytes()  # somebody else's
        self.run_it("seal", self.vault, self.source, "--io-class", "idle")
        self.assertEqual(self.cached(), {"0007.bin"})
        self.run_it("seal", self.vault, self.source)
        self.assertEqual(len(self.cached()), 50)
        self.run_it("verify", self.vault)

    def test_choices(self):
        self.fill(2, 1000)
        self.run_it("seal", self.vault, self.source, "--io-class", "idle")
        self.run_it("open", self.vault, "latest", "--to", "opened", "--sync", "each")
        self.assert_same_tree(self.source, self.dir / "opened" / "source")
        for words in (("--sync", "never"), ("--io-class", "realtime"), ("--limit-rate", "0"),
                      ("--limit-rate", "fast")):
            self.errors("open", self.vault, "latest", "--to", "x", *words, expect=USAGE)

    def test_killed_restore(self):
        """What has its name and its permissions is whole."""
        self.fill(300, 70_000)
        self.run_it("seal", self.vault, self.source)
        for delay_s in (0.3, 0.5, 0.8):
            target = self.dir / f"opened-{delay_s}"
            process = subprocess.Popen(
                [COMMAND, "open", self.vault, "latest", "--to", target, "--limit-rate", "10M",
                 "--memory", "16M", "--quiet"], env=self.env, cwd=self.dir)
            time.sleep(delay_s)
            process.send_signal(signal.SIGKILL)
            process.wait()
            for path in target.glob("source/*.bin"):
                if path.stat().st_mode & 0o777:
                    self.assertEqual(path.read_bytes(), (self.source / path.name).read_bytes())
            self.run_it("open", self.vault, "latest", "--to", target, "--overwrite", "--quiet")
            self.assert_same_tree(self.source, target / "source")


if __name__ == "__main__":
    scenario.main()
