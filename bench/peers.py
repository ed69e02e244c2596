#!/usr/bin/python3
"""Measures adp-seal beside cp -r, tar | age, restic and borg: peers.py TOOL [--small] [--all].

A figure is a ratio of two commands run in the same round on one machine: its median over the
rounds, with the lowest and the highest. The order within a round changes from round to round. Every
command starts cold (as root: the page cache is dropped) and ends durable (sync -f of its target,
inside the clock); what it gave back is compared with the source, byte for byte, and what it sealed
is opened in the same round, or the benchmark fails.

CPU is user and system time of the command and all that it started, without the sync. Peak memory is
the largest resident size of any one process of the command: of a pipeline, its largest member.

The libraries are generated in $ADP_BENCH_DIR, or $TMPDIR, or /tmp. Results go to DIR/peers.json,
DIR/peers.md and DIR/peers.svg, with DIR from --out.
"""

import argparse
import dataclasses
import json
import os
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import tempfile

import chart
import measure
import trees
from measure import Command

HERE = os.path.dirname(os.path.abspath(__file__))
UNATTESTED = "seal --attest=off"
UNIT = "cp -r"  # runs in both directions: what the others' times are divided by


@dataclasses.dataclass(frozen=True)
class Size:
    options: tuple  # of library.py
    num_bytes: int  # on the disk, about
    num_files: int


NO_ROOM_TO_KEEP = ("For want of room files are deleted between the rounds, which slows down "
                   "whoever creates files next.")
# texts is the last, for what its deletion does to those that come after it (measure.Bench).
LIBRARIES = {
    "photos": {"full": Size(("--megabytes", "2060"), 2_100_000_000, 1000),
               "small": Size(("--megabytes", "200"), 210_000_000, 200)},
    "mixed": {"full": Size(("--megabytes", "8000"), 8_000_000_000, 10),
              "small": Size(("--megabytes", "200"), 200_000_000, 10)},
    "texts": {"full": Size(("--files", "100000"), 1_000_000_000, 101_000),
              "small": Size(("--files", "4000"), 40_000_000, 5_000)},
}
# Photos do not compress, so their pipeline has no compressor either.
PIPES = {"photos": ("tar | age", "", "")}
COMPRESSING_PIPE = ("tar | zstd -3 | age", "zstd -q -3 -T0 |", "zstd -qd |")

PACKAGES = {"cp": "coreutils", "tar": "tar", "age": "age", "zstd": "zstd", "restic": "restic",
            "borg": "borgbackup"}


def our_commands(options):
    more = shlex.join(options.seal_args)
    init = 'rm -f identity; "$SEAL" init vault --device bench --identity identity --quiet'
    plain = init.replace("vault", "vault2").replace("identity;", "identity2;").replace(
        "--identity identity", "--identity identity2")
    return {
        "seal": [Command("seal", f'"$SEAL" seal vault "$SOURCE" --identity identity --quiet {more}',
                         prepare=init, target="vault", keep=True, kind="ours"),
                 Command(UNATTESTED, f'"$SEAL" seal vault2 "$SOURCE" --identity identity2 '
                         f'--quiet --attest=off {more}',
                         prepare=plain, target="vault2", kind="ours")],
        "open": [Command("open", '"$SEAL" open vault latest --to opened --identity identity '
                                 f'--quiet {more}',
                         target="opened", tree="opened/$NAME", metadata=True, kind="ours"),
                 Command("verify", '"$SEAL" verify vault --identity identity --quiet',
                         kind="ours")]}


def bounds(options):
    """The least that any tool must do."""
    found = {"seal": [], "open": [
        Command("dd archives", 'for archive in vault/archives/*/*.adps; do '
                'dd if="$archive" of=/dev/null iflag=direct bs=4M status=none; done',
                kind="bound")]}
    if options.bare:
        found["seal"] = [
            Command("bare copy", '"$BARE" copy "$SOURCE" bare.out', target="bare.out",
                    kind="bound"),
            Command("bare read", '"$BARE" read "$SOURCE" 16', kind="bound")]
    return found


def standard_peers(library):
    pipe, pack, unpack = PIPES.get(library, COMPRESSING_PIPE)
    copy = Command(UNIT, 'cp -r "$SOURCE" copied', target="copied", tree="copied")
    found = {
        "seal": [copy, Command(pipe, f'tar -C "$PARENT" -cf - "$NAME" | {pack} '
                               'age -r "$RECIPIENT" -o sealed.age', target="sealed.age",
                               keep=True)],
        "open": [copy, Command(pipe, f'age -d -i key sealed.age | {unpack} tar -C unpacked -xf -',
                               prepare="mkdir unpacked", target="unpacked",
                               tree="unpacked/$NAME")]}
    if library == "mixed":  # one file: the compressor alone, nothing encrypted
        found["seal"].append(Command("zstd -3", 'zstd -q -3 -T0 "$SOURCE"/disk.img -o disk.zst',
                                     target="disk.zst", keep=True))
        found["open"].append(Command("zstd -3", 'zstd -qd disk.zst -o inflated/"$NAME"/disk.img',
                                     prepare='mkdir -p inflated/"$NAME"', target="inflated",
                                     tree="inflated/$NAME"))
    return found


def restic_peer():
    return {
        "seal": [Command("restic", 'cd "$PARENT" && restic -q -r "$WORK/repo" backup "$NAME"',
                         prepare='rm -rf "$RESTIC_CACHE_DIR"; restic init -q -r repo',
                         target="repo", keep=True)],
        "open": [Command("restic", 'restic -q -r repo restore latest --target restored',
                         target="restored", tree="restored/$NAME")]}


def borg_peer():
    """repokey is the mode of borg's quick start; its blake2 took more CPU time where AES and SHA
    have instructions."""
    return {
        "seal": [Command("borg", 'cd "$PARENT" && borg create "$WORK/borg::bench" "$NAME"',
                         prepare='rm -rf "$BORG_BASE_DIR"; borg init -e repokey borg',
                         target="borg", keep=True)],
        "open": [Command("borg", 'cd extracted && borg extract "$WORK/borg::bench"',
                         prepare="mkdir extracted", target="extracted", tree="extracted/$NAME")]}


def all_commands(library, options):
    sets = [our_commands(options), standard_peers(library), bounds(options)]
    if options.restic:
        sets.append(restic_peer())
    if options.borg:
        sets.append(borg_peer())
    return {direction: [command for each in sets for command in each[direction]]
            for direction in ("seal", "open")}


def make_environment(work, source, options):
    environment = {**os.environ, "WORK": work, "SOURCE": source, "SEAL": options.tool,
                   "BARE": options.bare or "", "PARENT": os.path.dirname(source),
                   "NAME": os.path.basename(source), "LC_ALL": "C.UTF-8",
                   "RESTIC_PASSWORD": "bench", "RESTIC_CACHE_DIR": os.path.join(work, "cache"),
                   "BORG_PASSPHRASE": "bench", "BORG_BASE_DIR": os.path.join(work, "borg-home")}
    measure.shell("[ -e key ] || age-keygen -o key", environment)
    environment["RECIPIENT"] = measure.shell("age-keygen -y key", environment).strip()
    return environment


def room(work, size, directions, num_rounds):
    """Returns the bytes that a library of |size| takes, if nothing compresses; whether there is
    room for them; and whether there is room to keep all trees as well."""
    num_kept = sum(command.keep for command in directions["seal"])
    num_trees = sum(bool(command.tree) for group in directions.values() for command in group)
    copies = 1 + num_kept + 1  # the source, what is sealed, one tree or bare.out
    needed = int(1.05 * copies * size.num_bytes)
    num_trees *= num_rounds
    return (needed, measure.has_room(work, needed, 3 * size.num_files),
            measure.has_room(work, needed + num_trees * size.num_bytes,
                             (3 + num_trees) * size.num_files))


def bench_library(library, work, options):
    size = LIBRARIES[library]["small" if options.small else "full"]
    directions = all_commands(library, options)
    needed, fits, keeps = room(work, size, directions, options.pairs)
    if not fits:
        print(f"\n{library}: left out, for it needs {needed / 1e9:.1f} GB in "
              f"{os.path.dirname(work)}: set ADP_BENCH_DIR to a folder with more", flush=True)
        return None
    print(f"\n{library}: generating", flush=True)
    source = os.path.join(work, "source", library)
    subprocess.run([sys.executable, os.path.join(HERE, "library.py"), library, source,
                    *size.options], check=True)
    many_files = library == "texts"  # few are deleted at once: large ones would fill the disk
    if many_files and not keeps:
        print(NO_ROOM_TO_KEEP)
    lens = [info.st_size for info in trees.entries(os.fsencode(source)).values()
            if stat.S_ISREG(info.st_mode)]
    bench = measure.Bench(make_environment(work, source, options), directions,
                          keep_trees=many_files and keeps)
    bench.run_rounds(options.pairs)
    measure.remove(source)
    return {"files": len(lens), "bytes": sum(lens), "rounds": options.pairs,
            "notes": [NO_ROOM_TO_KEEP] if many_files and not keeps else [], "ratios": ratios(bench),
            "commands": bench.summary(UNIT), "runs": bench.runs}


def ratios(bench):
    """Ours beside every other, and verify beside what only reads the archives."""
    found = []
    for direction, commands in bench.directions.items():
        pairs = [(direction, command.name) for command in commands
                 if command.kind != "ours" or command.name == UNATTESTED]
        if direction == "open":
            pairs.append(("verify", "dd archives"))
            pairs.remove(("open", "dd archives"))
        found += [{"direction": direction, "ours": ours, "theirs": theirs,
                   "wall": bench.ratios(direction, ours, theirs, "wall_s"),
                   "cpu": bench.ratios(direction, ours, theirs, "cpu_s")}
                  for ours, theirs in pairs]
    return found


def cell(figures, bold=False):
    mark = "**" if bold else ""
    return f"{mark}{figures['median']:.2f}{mark} ({figures['low']:.2f} to {figures['high']:.2f})"


def escaped(name):
    return name.replace("|", "\\|")


def table(library, result):
    """Markdown tables of one library's figures."""
    lines = [f"## {library}: {chart.extent(result)}", "",
             "| ratio | wall: median (spread) | CPU: median (spread) |", "| --- | --- | --- |"]
    for ratio in result["ratios"]:
        lines.append(f"| {ratio['ours']} / {escaped(ratio['theirs'])} | "
                     f"{cell(ratio['wall'], bold=True)} | {cell(ratio['cpu'])} |")
    for direction, commands in result["commands"].items():
        lines += ["", f"| {direction} | wall, s | CPU, s | peak, MiB | result, MB |",
                  "| --- | --- | --- | --- | --- |"]
        for name, found in commands.items():
            kept = f"{found['kept_mb']['median']:.0f}" if "kept_mb" in found else ""
            lines.append(f"| {escaped(name)} | {cell(found['wall_s'])} | {cell(found['cpu_s'])} | "
                         f"{found['peak_mib']['high']:.0f} | {kept} |")
    for note in result["notes"]:
        lines += ["", note]
    return "\n".join(lines) + "\n"


def presence(results):
    """A Markdown table of who ran where."""
    ran = {library: [name for commands in result["commands"].values() for name in commands]
           for library, result in results.items()}
    known = ["bare copy", "bare read", "restic", "borg"]  # may have been left out
    names = dict.fromkeys([*(name for each in ran.values() for name in each), *known])
    lines = ["| who ran | " + " | ".join(LIBRARIES) + " |", "| --- |" + " --- |" * len(LIBRARIES)]
    for name in names:
        marks = ["✓" if name in ran.get(library, []) else "–" for library in LIBRARIES]
        lines.append(f"| {escaped(name)} | " + " | ".join(marks) + " |")
    return "\n".join(lines) + "\n"


def report(facts, results, options):
    more = f" Given to seal and open: `{shlex.join(options.seal_args)}`." * bool(options.seal_args)
    head = (f"# {facts['tool']} beside its peers\n\n"
            f"{facts['cpu']}, {facts['cores']} cores, Linux {facts['kernel']}, "
            f"{facts['file_system']}; {'cold' if facts['cold'] else 'WARM'}, durable. "
            f"{', '.join(facts['peers'])}.{more}\n")
    return "\n".join([head, presence(results), *(table(*item) for item in results.items())])


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tool", type=os.path.abspath, help="the adp-seal to measure")
    parser.add_argument("--small", action="store_true", help="200 MB, 3 rounds: a few minutes")
    parser.add_argument("--pairs", type=int, help="rounds (5; with --small 3)")
    parser.add_argument("--library", choices=LIBRARIES, action="append", help="only this one")
    parser.add_argument("--restic", action="store_true", help="restic as well")
    parser.add_argument("--borg", action="store_true", help="borg as well")
    parser.add_argument("--all", action="store_true", help="both")
    parser.add_argument("--seal-args", type=shlex.split, default=[], metavar="OPTIONS",
                        help="given to seal and to open")
    parser.add_argument("--out", default="build/bench", help="where the results go")
    options = parser.parse_args()
    options.pairs = options.pairs or (3 if options.small else 5)
    options.restic |= options.all
    options.borg |= options.all
    options.bare = os.path.join(os.path.dirname(options.tool), "bench", "bare")
    if not os.access(options.bare, os.X_OK):
        print(f"Without bare copy and bare read: there is no {options.bare}")
        options.bare = None
    options.peers = [name for name in PACKAGES if getattr(options, name, True)]
    missing = [name for name in (*options.peers, "age-keygen") if not shutil.which(name)]
    if missing:
        sys.exit(f"These are not installed: {', '.join(missing)}. See deps/debian.txt, group bench")
    return options


def write(options, name, content):
    os.makedirs(options.out, exist_ok=True)
    with open(os.path.join(options.out, name), "w", encoding="utf-8") as out:
        out.write(content)


def main():
    options = arguments()
    # An end by SIGTERM removes the libraries, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    base = os.environ.get("ADP_BENCH_DIR") or tempfile.gettempdir()
    with tempfile.TemporaryDirectory(prefix="adp-bench.", dir=base) as work:
        facts = measure.conditions(work, options.tool, [PACKAGES[name] for name in options.peers])
        print(f"{facts['cpu']}, {facts['cores']} cores, {facts['file_system']}; "
              + ", ".join(facts["peers"]))
        if facts["file_system"] == "tmpfs":
            print("In memory: this says nothing about a disk. Set ADP_BENCH_DIR.")
        if not facts["cold"]:
            print("Not root: the page cache is not dropped, the runs are warm.")
        results = {name: bench_library(name, work, options)
                   for name in LIBRARIES if name in (options.library or LIBRARIES)}
    results = {name: result for name, result in results.items() if result}
    if not results:
        sys.exit("Nothing was measured.")
    found = {"conditions": facts, "seal_args": options.seal_args, "libraries": results}
    write(options, "peers.json", json.dumps(found, indent=2) + "\n")
    write(options, "peers.md", report(facts, results, options))
    write(options, "peers.svg", chart.svg(found, UNIT))
    print(f"\n{report(facts, results, options)}\n"
          f"Written to {options.out}: peers.json, peers.md and peers.svg")


if __name__ == "__main__":
    main()
