"""Runs commands in turn and measures them: what peers.py is built on."""

import dataclasses
import os
import platform
import shlex
import shutil
import statistics
import subprocess
import sys
import time

import trees

DROP_CACHES = "/proc/sys/vm/drop_caches"
MEASURES = ("wall_s", "cpu_s", "peak_mib")


@dataclasses.dataclass(frozen=True)
class Command:
    """A measured command, in the shell's words. |prepare| runs before the clock starts, when the
    last run's |target| is gone. Paths are relative to the working folder."""
    name: str
    run: str
    prepare: str = ""
    target: str = ""    # what it writes, and what sync -f is told; none: it only reads
    tree: str = ""      # the folder within that must equal the source afterwards
    metadata: bool = False
    keep: bool = False  # a later command reads the target
    kind: str = "peer"  # ours, peer, or bound: less than any tool must do


class Bench:
    """The commands of one library, as {direction: [Command]}."""

    def __init__(self, environment, directions, keep_trees=False):
        self.environment = environment
        self.directions = directions
        self.work = environment["WORK"]
        # ext4 does not give out an inode number for one to five minutes after its deletion, and
        # steps over all such numbers, one by one, for every file that it makes: who ran after
        # 100,000 files had been deleted would be measured several times slower than who ran
        # before. So nothing is deleted between the rounds where there is room to keep it all.
        self.trash = os.path.join(self.work, "trash") if keep_trees else None
        self.runs = []

    def path(self, name):
        return os.path.join(self.work, name)

    def run_rounds(self, num_rounds):
        for number in range(1, num_rounds + 1):
            for direction, commands in self.directions.items():
                for command in in_order(commands, number - 1):
                    result = self.measure(command)
                    self.runs.append({"round": number, "direction": direction,
                                      "command": command.name, **result})
                    print(f"  round {number}  {direction:5} {command.name:18} "
                          f"{result['wall_s']:7.2f} s", flush=True)
                    self.check(command)
        if self.trash:
            remove(self.trash)

    def measure(self, command):
        """Runs |command| once. Returns wall and CPU seconds, peak memory in MiB, and the size in
        MB of what it keeps."""
        if command.target:
            remove(self.path(command.target))
        shell(command.prepare, self.environment)
        make_cold()
        # time(1) starts the shell from a small process: a child's peak counts from the size that
        # its parent had when it forked.
        script = ("command time -q -o usage -f '%U %S %M' bash -euo pipefail -c "
                  + shlex.quote(command.run))
        if command.target:
            script += f"; sync -f {command.target}"
        start = time.perf_counter()
        shell(script, self.environment)
        wall = time.perf_counter() - start
        with open(self.path("usage"), encoding="ascii") as usage:
            user, system, peak_kib = usage.read().split()
        result = {"wall_s": wall, "cpu_s": float(user) + float(system),
                  "peak_mib": int(peak_kib) / 1024}
        if command.keep:
            result["kept_mb"] = tree_len(self.path(command.target)) / 1e6
        return result

    def check(self, command):
        """Compares what |command| wrote with the source, and puts it out of the way."""
        if command.tree:
            tree = self.path(command.tree.replace("$NAME", self.environment["NAME"]))
            for line in trees.differences(self.environment["SOURCE"], tree,
                                          metadata=command.metadata):
                sys.exit(f"{command.name} did not give back what it took: {line}")
        if not command.target or command.keep:
            return
        if self.trash and command.tree:
            os.makedirs(self.trash, exist_ok=True)
            os.rename(self.path(command.target), os.path.join(self.trash, str(len(self.runs))))
        else:
            remove(self.path(command.target))

    def values(self, direction, name, measured):
        """One command's figures, a round each."""
        return [run[measured] for run in self.runs
                if (run["direction"], run["command"]) == (direction, name) and measured in run]

    def ratios(self, direction, ours, theirs, measured):
        """|ours| / |theirs|, pair by pair within each round."""
        return spread([a / max(b, 0.01) for a, b in zip(self.values(direction, ours, measured),
                                                        self.values(direction, theirs, measured))])

    def summary(self, unit):
        """For each direction and command: its kind, what was measured, and how its wall time
        relates to that of the command called |unit|."""
        found = {}
        for direction, commands in self.directions.items():
            found[direction] = {}
            for command in commands:
                figures = {"kind": command.kind}
                for measured in (*MEASURES, "kept_mb"):
                    values = self.values(direction, command.name, measured)
                    if values:
                        figures[measured] = spread(values)
                figures["relative_wall"] = self.ratios(direction, command.name, unit, "wall_s")
                found[direction][command.name] = figures
        return found


def in_order(commands, turn):
    """The order of a round. Within as many rounds as there are commands (twice as many where their
    number is odd) everyone follows everyone else equally often: a Williams design."""
    num = len(commands)
    zigzag = [i // 2 if i % 2 == 0 else num - (i + 1) // 2 for i in range(num)]
    order = [commands[(place + turn) % num] for place in zigzag]
    return order[::-1] if num % 2 == 1 and turn % 2 == 1 else order


def spread(values):
    return {"median": statistics.median(values), "low": min(values), "high": max(values)}


def shell(script, environment):
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=environment["WORK"],
                          env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"failed with {done.returncode}: {script}\n{done.stderr}{done.stdout}")
    return done.stdout


def make_cold():
    os.sync()
    if os.geteuid() == 0:
        with open(DROP_CACHES, "w", encoding="ascii") as out:
            out.write("3")


def remove(path):
    if os.path.isdir(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


def tree_len(path):
    """Bytes of the regular files at or below |path|."""
    if not os.path.isdir(path):
        return os.path.getsize(path)
    return sum(os.path.getsize(os.path.join(folder, name))
               for folder, _, names in os.walk(path) for name in names)


def has_room(work, num_bytes, num_files):
    """Whether |work| has room for that much. Some file systems have no table of inodes that could
    become full; they report none."""
    found = os.statvfs(work)
    return (found.f_bavail * found.f_frsize >= num_bytes
            and (found.f_files == 0 or found.f_favail >= num_files))


def output(command):
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


def conditions(work, tool, packages):
    """What is measured, on what."""
    versions = packages
    if shutil.which("dpkg-query"):
        versions = output(["dpkg-query", "-W", "-f", "${Package} ${Version}\\n",
                           *packages]).splitlines()
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        model = next((line.split(":", 1)[1].strip() for line in info
                      if line.startswith("model name")), platform.machine())
    return {"cpu": model, "cores": os.cpu_count(), "kernel": platform.release(),
            "file_system": output(["df", "--output=fstype", work]).split()[-1],
            "tool": output([tool, "--version"]), "peers": versions, "cold": os.geteuid() == 0}
