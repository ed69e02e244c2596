"""Commands killed at random moments, whatever they do then, on both back ends."""

import os
import random
import signal
import subprocess
import time

import scenario
from losing_power import SOAK, Vault
from scenario import noise, prose

NUM = 200 if SOAK else 10  # of kills, with each back end
MAX_TRIES = 20  # to find a command at work


class Killed(Vault):
    def setUp(self):
        super().setUp()
        self.run_it("parity", "add", self.vault, "--parity=10%")
        self.run_it("rotate", self.vault)
        self.phone = self.request("phone")

    def fill(self):
        for number in range(60):
            self.write(f"small/{number}", prose(500 + 300 * number))
        self.write("large.jpg", noise(3_000_000))

    def damage(self):
        """Something for repair to do."""
        archive, = self.vault.glob("archives/*/photos.adps")
        with open(archive, "r+b") as file:
            file.seek(-300_000, os.SEEK_END)
            file.write(bytes(5000))

    def commands(self):
        """Name, words, and what is run afterwards."""
        target = self.dir / "opened"
        opening = ("open", self.vault, self.first, "--to", target)
        yield "open", opening, (*opening, "--overwrite")
        for words in (("seal", self.vault, self.source),
                      ("seal", self.vault, self.source, "--parity=10%"),
                      (*opening, "--overwrite"),
                      ("rotate", self.vault),
                      ("device", "add", self.vault, self.phone),
                      ("rewrap", self.vault),
                      ("parity", "add", self.vault, "--parity=10%"),
                      ("repair", self.vault)):
            yield " ".join(word for word in words if isinstance(word, str)), words, words

    def run_for(self, words, seconds):
        """Runs the command, kills it when |seconds| are over; returns whether it was at work."""
        process = subprocess.Popen([scenario.COMMAND, *map(os.fsencode, words)],
                                   env=self.env, cwd=self.dir, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        return process.wait() == -signal.SIGKILL

    def kill(self, words, longest, chance, prepare):
        for _ in range(MAX_TRIES):
            seconds = chance.uniform(0, longest)
            if self.run_for(words, seconds):
                return seconds
            prepare()
        self.fail(f"{words} was never at work")

    def check(self, again):
        if again[0] != "repair":
            self.check_snapshots()
        if again[0] == "device" and "phone" in self.json("status", self.vault)["devices"]:
            again = ("device", "update", self.vault)
        self.run_it(*again)
        if again[0] == "open":
            self.assert_same_tree(self.source, self.dir / "opened" / "source")
        self.check_snapshots()
        self.run_it("scrub", self.vault)
        self.check_clean()

    def kill_at_random(self, io):
        chance = random.Random(f"kill {io}")
        restore = self.remember()
        commands = list(self.commands())
        longest = {}

        def prepare(name):
            restore()
            if name.startswith("repair"):
                self.damage()

        for number in range(NUM):
            name, words, again = commands[number % len(commands)]
            words = (*words, f"--io={io}")
            prepare(name)
            if name not in longest:
                begun = time.monotonic()
                self.run_it(*words)
                longest[name] = time.monotonic() - begun
                prepare(name)
            seconds = self.kill(words, longest[name], chance, lambda: prepare(name))
            with self.case("crash", f"killed at a random moment, --io={io}", command=name,
                           seconds=seconds):
                self.check(again)

    def test_threads(self):
        self.kill_at_random("threads")

    def test_uring(self):
        self.kill_at_random("uring")


if __name__ == "__main__":
    scenario.main()
