"""Whatever a tree is made of and whatever is done to it and to its vault, in whatever order: each
snapshot opens as the tree was when it was sealed, and damage heals, or is told and takes nothing
else with it.

Hypothesis draws lists of steps, numbers of which each stands for something to do (any_tree.py has
the trees). The run takes ADP_PROPERTY_SECONDS. One that fails prints the fewest steps that do, the
command of each, and how to repeat them.
"""

import json
import os
import pathlib
import random
import shlex
import shutil
import sys
import tempfile
import time

import any_tree
import hypothesis
import scenario
from hypothesis import strategies as st
from scenario import DONE, INTEGRITY, PARTIAL, SOAK, assurance

SECONDS = float(os.environ.get("ADP_PROPERTY_SECONDS",
                               1800 if SOAK else 20 if scenario.SANITIZED else 100))
SEED = os.environ.get("ADP_PROPERTY_SEED", str(int(time.time())) if SOAK else "1")
EXAMPLES = 100  # of a seed
HEADER = 4096
PART = "property"

SEAL_OPTIONS = {
    "--io": ("auto", "threads"), "--threads": ("1", "2", "4"), "--memory": ("32M", "64M"),
    "--attest": ("on", "off"), "--parity": ("1%", "10%", "50%", "100%"),
    "--level": ("1", "3", "12"), "--profile": ("auto", "none"), "--category": ("drive", "photos", "mail")}
OPEN_OPTIONS = {"--io": ("auto", "threads"), "--threads": ("1", "3"), "--memory": ("16M",)}


class TimeIsUp(BaseException):
    """Ends a run from within: hypothesis has no clock."""


def any_options(chance, options):
    return {name: chance.choice(values) for name, values in options.items()
            if chance.random() < 0.4}


def words(options):
    return [word for pair in sorted(options.items()) for word in pair]


class Case(scenario.Scenario):
    """Notes the commands, for a failure to show."""

    def run_it(self, *args, **how):
        hypothesis.note("adp-seal " + shlex.join(os.fsdecode(word) for word in args))
        return super().run_it(*args, **how)


class Snapshot:
    def __init__(self, name, model, parity):
        self.name, self.model, self.parity = name, model, parity

    def __repr__(self):
        return self.name


class World:
    """A source that changes, a vault, and what the source was at each snapshot."""

    def __init__(self, case):
        self.case, self.vault, self.source = case, case.vault, case.source
        self.source.mkdir()
        case.init()
        self.snapshots, self.devices = [], 0

    # -- trees, sealing, opening

    def edit(self, chance):
        for _ in range(chance.randint(1, 8)):
            self.edit_once(any_tree.any_edit(chance))

    def grow(self, chance):
        for _ in range(chance.randint(0, 12)):
            self.edit_once(any_tree.any_edit(chance, any_tree.ADDED))

    def edit_once(self, edit):
        hypothesis.note(f"edit {edit}")
        any_tree.edit_tree(self.source, edit)

    def seal(self, chance):
        options = any_options(chance, SEAL_OPTIONS)
        with assurance.case(PART, "seal of any tree"):
            known, groups = any_tree.model(self.source)
            report = self.case.seal(self.source, *words(options))
            model = known, self.split(groups, report["snapshot"])
            self.snapshots.append(Snapshot(report["snapshot"], model, options.get("--parity")))

    def split(self, groups, snapshot):
        """Names that share a file still share it where they are in one category."""
        if not groups:
            return groups
        entries = self.case.json("list", self.vault, snapshot)["entries"]
        prefix = os.fsencode(self.source.name) + b"/"
        category = {as_bytes(entry).removeprefix(prefix): entry["category"] for entry in entries}
        parts = set()
        for group in groups:
            for name in {category[path] for path in group}:
                parts.add(frozenset(path for path in group if category[path] == name))
        return {part for part in parts if len(part) > 1}

    def target(self):
        return pathlib.Path(tempfile.mkdtemp(prefix="opened-", dir=self.case.dir))

    def check_same(self, snapshot, target):
        known, groups = any_tree.model(target / self.source.name)
        for path in sorted(known.keys() | snapshot.model[0].keys()):
            self.case.assertEqual(known.get(path), snapshot.model[0].get(path), (snapshot, path))
        self.case.assertEqual(groups, snapshot.model[1], snapshot)

    def check_opens(self, snapshot, options=()):
        with assurance.case(PART, "any snapshot opens as it was sealed"):
            target = self.target()
            self.case.json("open", self.vault, snapshot.name, "--to", target, *options)
            self.check_same(snapshot, target)
            shutil.rmtree(target)

    def open(self, chance):
        self.check_opens(chance.choice(self.snapshots), words(any_options(chance, OPEN_OPTIONS)))

    # -- keys

    def change_keys(self, chance):
        what = chance.choice(("rotate", "rewrap", "add", "remove"))
        with assurance.case(PART, "keys changed in between"):
            if what == "add":
                self.devices += 1
                self.case.admit(f"device-{self.devices}")
            elif what == "remove":
                active = [device["name"] for device in self.devices_there()]
                if active:
                    self.case.json("device", "remove", self.vault, active[-1])
            else:
                self.case.json(what, self.vault)

    def devices_there(self):
        return [device for device in self.case.json("device", "list", self.vault)["devices"]
                if device["name"].startswith("device-") and device["active"]]

    def add_parity(self, chance):
        snapshot, parity = chance.choice(self.snapshots), chance.choice(("5%", "30%"))
        self.case.json("parity", "add", self.vault, snapshot.name, "--parity", parity)
        snapshot.parity = parity

    # -- damage

    def archives(self, snapshot, suffix="adps"):
        return sorted((self.vault / "archives" / snapshot.name).glob(f"*.{suffix}"))

    def choose_archive(self, chance, has_parity):
        """A snapshot, one of its archives, and what its files hold now."""
        snapshot = chance.choice(self.snapshots)
        if has_parity and not snapshot.parity:
            self.case.json("parity", "add", self.vault, snapshot.name, "--parity", "20%")
            snapshot.parity = "20%"
        archive = chance.choice(self.archives(snapshot))
        sidecar = archive.with_suffix(".adpp")
        return snapshot, archive, {path: path.read_bytes() for path in (archive, sidecar)
                                   if path.exists()}

    def damage_within_parity(self, chance):
        """A stretch of as much as the parity is of, of the archive or of the parity itself."""
        snapshot, archive, sealed = self.choose_archive(chance, True)
        path = chance.choice(list(sealed))
        budget = max(1, (len(sealed[archive]) - HEADER) * int(snapshot.parity.rstrip("%")) // 100)
        length = chance.randint(1, min(budget, len(sealed[path])))
        at = chance.randint(0, len(sealed[path]) - length)
        hypothesis.note(f"damage of {path}: {length} bytes at {at}")
        with assurance.case(PART, "damage within the parity heals"):
            with path.open("r+b") as file:
                file.seek(at)
                file.write(chance.randbytes(length))
            self.case.json("repair", self.vault, snapshot.name)
            self.case.assertTrue(all(path.read_bytes() == content
                                     for path, content in sealed.items()))

    def damage_beyond_parity(self, chance):
        """Refused, and nothing is written."""
        snapshot, archive, sealed = self.choose_archive(chance, True)
        sidecar = archive.with_suffix(".adpp")
        kept = max(len(sealed[sidecar]) // 10, 3 * HEADER)  # its end tells what it is
        with assurance.case(PART, "damage beyond the parity is refused"):
            archive.write_bytes(chance.randbytes(len(sealed[archive])))
            sidecar.write_bytes(chance.randbytes(len(sealed[sidecar]) - kept)
                                + sealed[sidecar][-kept:])
            damaged = {path: path.read_bytes() for path in sealed}
            answer = self.case.json("repair", self.vault, snapshot.name, expect=INTEGRITY)
            self.case.assertIn(archive.stem, json.dumps(answer["events"]))
            self.case.assertTrue(all(path.read_bytes() == content
                                     for path, content in damaged.items()))
        for path, content in sealed.items():
            path.write_bytes(content)

    def damage_without_repair(self, chance):
        """Verify tells; open --keep-going restores all that is not damaged, and lists the rest."""
        snapshot, archive, sealed = self.choose_archive(chance, False)
        whole = sealed[archive]
        at = chance.randrange(HEADER, len(whole))
        hypothesis.note(f"damage of {archive}: a byte at {at} of {len(whole)}")
        with assurance.case(PART, "damage is told, and all else restored"):
            archive.write_bytes(whole[:at] + bytes([whole[at] ^ chance.randrange(1, 256)])
                                + whole[at + 1:])
            told = self.case.json("verify", self.vault, snapshot.name, expect=INTEGRITY)
            self.case.assertIn(archive.name, json.dumps(told))
            target = self.target()
            answer = self.case.json("open", self.vault, snapshot.name, "--keep-going", "--to",
                                    target, expect=INTEGRITY)
            self.check_lost(snapshot, answer, target)
        archive.write_bytes(whole)

    def check_lost(self, snapshot, answer, target):
        events = answer.get("events", [])
        told = {event["path"] for event in events if event["kind"] == "not-restored"}
        is_index_lost = any(event["kind"] == "refused" for event in events) or "error" in answer \
            and "files" not in json.dumps(answer.get("damaged", []))
        root = target / self.source.name
        known = any_tree.model(root)[0] if root.exists() else {}
        for path, facts in snapshot.model[0].items():
            name = os.path.join(os.fsencode(self.source.name), path).rstrip(b"/")
            is_told = as_text(name) in told
            if facts["type"] == FILE_TYPE and path in known:
                assert known[path]["content"] == facts["content"], (name, "wrong")
                assert not is_told, (name, "told to be lost, and there")
            elif path not in known:
                assert is_told or is_index_lost, (name, "lost without a word", told)

    # -- the end

    def check_all(self):
        with assurance.case(PART, "in the end all verifies"):
            if self.snapshots:
                self.case.json("verify", self.vault)
            self.case.json("scrub", self.vault, expect=(DONE, PARTIAL))
        for snapshot in self.snapshots:
            self.check_opens(snapshot)


FILE_TYPE = 0o100000
ACTIONS = (World.edit, World.edit, World.edit, World.seal, World.seal, World.open, World.open,
           World.change_keys, World.add_parity, World.damage_within_parity,
           World.damage_beyond_parity, World.damage_without_repair, World.damage_without_repair)


def as_text(name):
    """A path as --json has it."""
    return name.decode(errors="replace")


def as_bytes(entry):
    """The path of an entry of list --json."""
    return bytes.fromhex(entry["path_hex"]) if "path_hex" in entry else entry["path"].encode()


class Run:
    """Examples until the time is up; but a failure is pursued to its smallest form."""

    def __init__(self, seconds):
        self.end, self.is_over, self.has_failed = time.monotonic() + seconds, False, False

    def example(self, steps):
        if time.monotonic() > self.end and not self.has_failed:
            self.is_over = True
            raise TimeIsUp
        case = Case()
        try:
            case.setUp()
            world = World(case)
            for place, step in enumerate(steps):
                # By the place as well: hypothesis likes zeros, and they shall not all be the same.
                chance = random.Random(step * 1000 + place)
                if place == 0:
                    world.grow(chance)
                    world.seal(chance)
                else:
                    chance.choice(ACTIONS)(world, chance)
            world.check_all()
        except Exception:
            self.has_failed = True
            raise
        finally:
            case.doCleanups()

    def examples(self, seed):
        @hypothesis.seed(seed)
        @hypothesis.settings(max_examples=EXAMPLES, deadline=None, database=None, print_blob=False,
                             suppress_health_check=hypothesis.HealthCheck.all())
        @hypothesis.given(st.lists(st.integers(0, 2**32 - 1), min_size=8, max_size=20))
        def test(steps):
            self.example(steps)

        try:
            test()
        except (TimeIsUp, hypothesis.errors.Flaky):
            if self.has_failed or not self.is_over:
                raise


class Property(scenario.unittest.TestCase):
    def test_any_order(self):
        seed = int(SEED)
        run = Run(SECONDS)
        while not run.is_over:
            try:
                run.examples(seed)
            except BaseException:
                print(f"\nTo repeat: ADP_PROPERTY_SEED={seed} ADP_PROPERTY_SECONDS=600 "
                      f"ADP_SEAL={scenario.COMMAND} {sys.executable} -B {__file__}\n",
                      file=sys.stderr)
                raise
            seed += 1
        print(f"seeds {SEED} to {seed - 1}", file=sys.stderr)


if __name__ == "__main__":
    scenario.main()
