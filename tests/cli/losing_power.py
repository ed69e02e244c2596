"""What the scenarios of power losses share: a command recorded, and every disk that it could have
left (tests/support/disk.py) given to a check."""

import os
import random
import signal
import tempfile

import scenario
from scenario import DONE, SOAK, noise, prose

import disk
import disk_ways

DISKS = 2 if "asan" in scenario.COMMAND else 4  # that are tried of a command, but for a soak
SEEDS = 6 if SOAK else 2
PART = "power loss"


class LosingPower(scenario.Scenario):
    def recorded(self, log, *args, expect=DONE, env=None, kill_at=0, **how):
        """Runs the command, and has |log| say what it does to the disk. ADP_DISK_LIBRARY is the
        library that does it, tests/support/disk_log.c. With |kill_at| the command is killed before
        that call, as |traced| does it."""
        library = os.environ.get("ADP_DISK_LIBRARY")
        if library is None:
            self.skipTest("ADP_DISK_LIBRARY is not set")
        settings = {"LD_PRELOAD": library, "DISK_LOG": log,
                    "ASAN_OPTIONS": "verify_asan_link_order=0"}
        if kill_at:
            killer = os.environ["ADP_CRASH_LIBRARY"]
            settings |= {"LD_PRELOAD": f"{killer} {library}", "CRASH_AT": str(kill_at)}
            expect = -signal.SIGKILL
        return self.run_it(*args, env=(env or {}) | settings, expect=expect, **how)

    def lose_power(self, check, *args, num=DISKS, first=None, **how):
        """Runs the command, and for |num| disks that a power loss on the way could have left, all
        in a soak, and each that one after its end could, calls check(is_over) with everything
        in the scenario's folder as it is there; |is_over| is true if the command had ended. With
        |first|, (arguments, number), another command is killed before its call of that number, and
        the power stays on until this one begins. |how| is for running the command."""
        restore = self.remember()
        model = disk.Disk(self.dir)
        start = 0
        with tempfile.NamedTemporaryFile(prefix="adp-disk-") as log:
            if first is not None:
                self.recorded(log.name, *first[0], kill_at=first[1])
                start = sum(1 for _ in disk.read_log(log.name))
            self.recorded(log.name, *args, **how)
            model.replay(log.name)
        self.try_disks(model, restore, check, num, start)

    def kill_and_lose_power(self, check, call, killed, words, **how):
        """As |lose_power| for |words|, run after |killed| was killed right after one of its calls
        in the scenario's folder whose names begin with |call|: the first and the last, in a soak
        each."""
        restore = self.remember()
        _, calls = self.traced(*killed)
        restore()
        numbers = [number + 1 for number, (name, path) in enumerate(calls[:-1], 1)
                   if name.startswith(call) and path.startswith(f"{self.dir}/")]
        if not SOAK:
            numbers = sorted({numbers[0], numbers[-1]})
        for number in numbers:
            self.lose_power(check, *words, first=(killed, number), num=2, **how)

    def try_disks(self, model, restore, check, num, start):
        end = len(model.events)
        self.assertGreater(end, 1, "nothing was recorded")
        found = [(point, way) for point, way, _ in model.disks(disk_ways.ways(SEEDS), start)]
        over = [item for item in found if item[0] == end]
        before = [item for item in found if item[0] < end]
        if not SOAK and len(before) > num:
            before = random.Random(1).sample(before, num)
        for point, way in over + before:
            restore()
            model.lay_out(model.tree(point, way))
            with self.case(PART, way.title, point=point, of=end, last=model.told(point)):
                check(point == end)
        restore()


class Vault(LosingPower):
    """A vault of one snapshot, and what must be true of it whatever happens."""

    def setUp(self):
        super().setUp()
        self.init()
        self.fill()
        self.first = self.seal()["snapshot"]

    def fill(self):
        """Makes the source."""
        self.write("a.jpg", noise(20_000))
        self.write("notes/b.txt", prose(6000))

    def check_snapshots(self):
        """Every snapshot that is listed opens, byte for byte; returns them."""
        there = [item["id"] for item in self.snapshots()]
        self.assertIn(self.first, there)
        for snapshot in there:
            self.check_opens(snapshot)
        return there

    def check_clean(self):
        """Nothing hidden, no folder without record, and all in order."""
        self.assertEqual(list(self.dir.rglob(".*")), [])
        self.assertEqual({path.name for path in (self.vault / "archives").iterdir()},
                         {path.stem for path in self.vault.glob("snapshots/*.adpr")})
        self.run_it("verify", self.vault)
