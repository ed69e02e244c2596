#!/usr/bin/python3
"""Measures adp-seal beside cp -r, tar | age and restic: peers.py TOOL [--small] [--restic].

A figure is a ratio of two commands run in the same round, one after the other, on one machine: its
median over the rounds, with the lowest and the highest. Every command starts cold (as root: the
page cache is dropped) and ends durable (sync -f of its target, inside the clock), and what it wrote
is compared with the source, byte for byte, before its time counts.

CPU is user and system time of the command and all that it started, without the sync. Peak memory is
the largest resident size of any one process of the command: of a pipeline, its largest member.

The libraries are generated in $ADP_BENCH_DIR, or $TMPDIR, or /tmp. Results go to DIR/peers.json and
DIR/peers.md, with DIR from --out.
"""

import argparse
import dataclasses
import json
import os
import platform
import shutil
import stat
import statistics
import subprocess
import sys
import tempfile
import time

import trees

HERE = os.path.dirname(os.path.abspath(__file__))
DROP_CACHES = "/proc/sys/vm/drop_caches"

# What the libraries are: options of library.py at full size and at --small.
LIBRARIES = {
    "photos": {"full": ["--megabytes", "2060"], "small": ["--megabytes", "200"]},
    "texts": {"full": ["--files", "100000"], "small": ["--files", "4000"]},
}
# Photos do not compress, so their pipeline has no compressor either.
PIPES = {
    "photos": ("tar|age", "", ""),
    "texts": ("tar|zstd -3|age", "zstd -q -3 -T0 |", "zstd -qd |"),
}


@dataclasses.dataclass(frozen=True)
class Command:
    """A measured command, in the shell's words. |prepare| runs before the clock starts."""
    name: str
    prepare: str
    run: str
    target: str     # what sync -f is told
    compare: str    # the tree that must equal the source afterwards, if any
    metadata: bool = False


def sealing(library, with_restic):
    pipe, pack, _ = PIPES[library]
    commands = [
        Command("seal", 'rm -rf vault identity; "$SEAL" init vault --device bench --identity '
                'identity --quiet', '"$SEAL" seal vault "$SOURCE" --identity identity --quiet',
                "vault", ""),
        Command(pipe, "rm -f sealed.age",
                f'tar -C "$PARENT" -cf - "$NAME" | {pack} age -r "$RECIPIENT" -o sealed.age',
                "sealed.age", ""),
        Command("cp -r", "rm -rf copied", 'cp -r "$SOURCE" copied', "copied", "copied"),
    ]
    if with_restic:
        commands.append(Command("restic", "rm -rf repo; restic init -q -r repo",
                                'cd "$PARENT" && restic -q -r "$WORK/repo" backup "$NAME"',
                                "repo", ""))
    return commands


def opening(library, with_restic):
    pipe, _, unpack = PIPES[library]
    commands = [
        Command("open", "rm -rf opened",
                '"$SEAL" open vault latest --to opened --identity identity --quiet',
                "opened", 'opened/$NAME', metadata=True),
        Command(f"{pipe}, back", "rm -rf unpacked; mkdir unpacked",
                f'age -d -i key sealed.age | {unpack} tar -C unpacked -xf -',
                "unpacked", 'unpacked/$NAME'),
    ]
    if with_restic:
        commands.append(Command("restic, back", "rm -rf restored",
                                'restic -q -r repo restore latest --target restored',
                                "restored", 'restored/$NAME'))
    return commands


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


def measure(command, environment):
    """Runs |command| once. Returns wall and CPU seconds and peak memory in MiB."""
    shell(command.prepare, environment)
    make_cold()
    # time(1) starts the shell from a small process: a child's peak counts from the size that its
    # parent had when it forked.
    script = ("command time -q -o usage -f '%U %S %M' bash -euo pipefail -c " + quoted(command.run)
              + f"; sync -f {command.target}")
    start = time.perf_counter()
    shell(script, environment)
    wall = time.perf_counter() - start
    with open(os.path.join(environment["WORK"], "usage"), encoding="ascii") as usage:
        user, system, peak_kib = usage.read().split()
    return {"wall_s": wall, "cpu_s": float(user) + float(system), "peak_mib": int(peak_kib) / 1024}


def quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


def check(command, environment):
    if not command.compare:
        return
    tree = os.path.join(environment["WORK"], command.compare.replace("$NAME", environment["NAME"]))
    for line in trees.differences(environment["SOURCE"], tree, metadata=command.metadata):
        sys.exit(f"{command.name} did not give back what it took: {line}")
    shutil.rmtree(tree)


def run_round(commands, environment, number):
    results = {}
    for command in commands:
        results[command.name] = measure(command, environment)
        check(command, environment)
        print(f"  round {number}  {command.name:22} {results[command.name]['wall_s']:7.2f} s",
              flush=True)
    return results


def make_library(work, library, size):
    source = os.path.join(work, "source", library)
    subprocess.run([sys.executable, os.path.join(HERE, "library.py"), library, source,
                    *LIBRARIES[library][size]], check=True)
    return source


def make_environment(work, source, tool):
    environment = {**os.environ, "WORK": work, "SOURCE": source, "SEAL": tool,
                   "PARENT": os.path.dirname(source), "NAME": os.path.basename(source),
                   "RESTIC_PASSWORD": "bench", "LC_ALL": "C.UTF-8"}
    shell("[ -e key ] || age-keygen -o key", environment)
    environment["RECIPIENT"] = shell("age-keygen -y key", environment).strip()
    return environment


def bench_library(library, work, options):
    size = "small" if options.small else "full"
    print(f"\n{library}: generating", flush=True)
    source = make_library(work, library, size)
    environment = make_environment(work, source, options.tool)
    commands = sealing(library, options.restic) + opening(library, options.restic)
    rounds = [run_round(commands, environment, i + 1) for i in range(options.pairs)]
    lens = [info.st_size for info in trees.entries(os.fsencode(source)).values()
            if stat.S_ISREG(info.st_mode)]
    shutil.rmtree(source)
    return {"files": len(lens), "bytes": sum(lens), "rounds": rounds,
            "ratios": ratios(library, rounds)}


def ratios(library, rounds):
    """The ratios of interest, pair by pair within each round."""
    pipe = PIPES[library][0]
    pairs = [("seal", pipe), ("open", f"{pipe}, back"), ("seal", "cp -r"), ("seal", "restic"),
             ("open", "restic, back")]
    found = []
    for ours, theirs in pairs:
        if theirs not in rounds[0]:
            continue
        for measured in ("wall_s", "cpu_s"):
            each = [r[ours][measured] / max(r[theirs][measured], 0.01) for r in rounds]
            found.append({"ours": ours, "theirs": theirs, "of": measured[:-2],
                          "median": statistics.median(each), "low": min(each), "high": max(each)})
    return found


def spread(values):
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def escaped(name):
    return name.replace("|", "\\|")


def table(library, result):
    """A Markdown table of one library's figures."""
    lines = [f"### {library}: {result['files']} files, {result['bytes'] / 1e6:.0f} MB, "
             f"{len(result['rounds'])} rounds", "",
             "| ratio | wall: median (spread) | CPU: median (spread) |", "| --- | --- | --- |"]
    both = result["ratios"]
    for wall, cpu in zip(both[::2], both[1::2]):
        cells = [f"**{r['median']:.2f}** ({r['low']:.2f} to {r['high']:.2f})" for r in (wall, cpu)]
        lines.append(f"| {wall['ours']} / {escaped(wall['theirs'])} | {cells[0]} | {cells[1]} |")
    lines += ["", "| command | wall, s | CPU, s | peak, MiB |", "| --- | --- | --- | --- |"]
    for name in result["rounds"][0]:
        wall, cpu, peak = ([r[name][key] for r in result["rounds"]]
                           for key in ("wall_s", "cpu_s", "peak_mib"))
        lines.append(f"| {escaped(name)} | {spread(wall)} | {spread(cpu)} | {max(peak):.0f} |")
    return "\n".join(lines) + "\n"


def conditions(work, options):
    """What was measured, on what."""
    packages = ["coreutils", "tar", "zstd", "age"] + (["restic"] if options.restic else [])
    versions = subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${Version}\\n", *packages],
                              capture_output=True, text=True).stdout.split("\n")
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        model = next((line.split(":", 1)[1].strip() for line in info
                      if line.startswith("model name")), platform.machine())
    file_system = subprocess.run(["stat", "-f", "-c", "%T", work], capture_output=True,
                                 text=True).stdout.strip()
    return {"cpu": model, "cores": os.cpu_count(), "kernel": platform.release(),
            "file_system": file_system, "peers": [v for v in versions if v],
            "cold": os.geteuid() == 0}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tool", type=os.path.abspath, help="the adp-seal to measure")
    parser.add_argument("--small", action="store_true", help="200 MB, 3 rounds: two minutes")
    parser.add_argument("--pairs", type=int, help="rounds (5; with --small 3)")
    parser.add_argument("--library", choices=LIBRARIES, action="append", help="only this one")
    parser.add_argument("--restic", action="store_true", help="restic as well")
    parser.add_argument("--out", default="build/bench", help="where the results go")
    options = parser.parse_args()
    options.pairs = options.pairs or (3 if options.small else 5)
    return options


def main():
    options = arguments()
    base = os.environ.get("ADP_BENCH_DIR") or tempfile.gettempdir()
    with tempfile.TemporaryDirectory(prefix="adp-bench.", dir=base) as work:
        facts = conditions(work, options)
        print(f"{facts['cpu']}, {facts['cores']} cores, {facts['file_system']}; "
              + ", ".join(facts["peers"]))
        if facts["file_system"] == "tmpfs":
            print("In memory: this says nothing about a disk. Set ADP_BENCH_DIR.")
        if not facts["cold"]:
            print("Not root: the page cache is not dropped, the runs are warm.")
        results = {name: bench_library(name, work, options)
                   for name in options.library or LIBRARIES}
    report = "\n".join(table(name, result) for name, result in results.items())
    os.makedirs(options.out, exist_ok=True)
    with open(os.path.join(options.out, "peers.json"), "w", encoding="utf-8") as out:
        json.dump({"conditions": facts, "libraries": results}, out, indent=2)
        out.write("\n")
    with open(os.path.join(options.out, "peers.md"), "w", encoding="utf-8") as out:
        out.write(report)
    print(f"\n{report}\nWritten to {options.out}/peers.json and peers.md")


if __name__ == "__main__":
    main()
