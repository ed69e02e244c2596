#!/usr/bin/python3
"""Measures how the cost of a seal grows: growth.py TOOL [--small].

Ten times the bytes, a hundred times the files, a second thread, and a file that is mostly holes:
each beside what it is compared with, in turn, cold and durable as in peers.py. A ratio is of costs
per byte or per file, and 1.00 means that they do not grow; for threads it is the speed-up.

Libraries are generated in $ADP_BENCH_DIR, or $TMPDIR, or /tmp: 50 GB, with --small 1 GB. Results go
to DIR/growth.json and DIR/growth.md, with DIR from --out.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

import measure
from measure import Command

HERE = os.path.dirname(os.path.abspath(__file__))
DATA_LEN = 1 << 20  # of a sparse file between two holes


def sizes(small):
    """The options of library.py for the small and the large one of each comparison."""
    if small:
        return {"photos": (("--megabytes", "100"), ("--megabytes", "400")),
                "texts": (("--files", "1000"), ("--files", "10000")),
                "mixed": (("--megabytes", "200"),), "sparse_mb": 50}
    return {"photos": (("--megabytes", "2000"), ("--megabytes", "20000")),
            "texts": (("--files", "10000"), ("--files", "1000000")),
            "mixed": (("--megabytes", "2000"),), "sparse_mb": 1000}


def make(kind, path, options):
    subprocess.run([sys.executable, os.path.join(HERE, "library.py"), kind, path, *options],
                   check=True)


def make_sparse(work, num_pieces):
    """A file of which one part in a hundred is data, and one of the data alone."""
    for name, stride in (("holes", 100), ("data", 1)):
        os.makedirs(os.path.join(work, name))
        with open(os.path.join(work, name, "disk.img"), "wb") as out:
            for i in range(num_pieces):
                out.seek(i * stride * DATA_LEN)
                out.write(os.urandom(DATA_LEN))
            out.truncate(num_pieces * stride * DATA_LEN)


def seal(name, source, options=""):
    return Command(name, f'"$SEAL" seal vault {source} --identity identity --quiet {options}',
                   prepare='rm -rf vault identity; "$SEAL" init vault --device bench '
                           '--identity identity --quiet', target="vault", kind="ours")


def compare(work, environment, commands, rounds):
    bench = measure.Bench(environment, {"seal": commands})
    bench.run_rounds(rounds)
    measure.remove(os.path.join(work, "vault"))
    return bench


def count(path):
    """Bytes of the files at or below |path|, and their number."""
    found = [os.path.getsize(os.path.join(folder, name))
             for folder, _, names in os.walk(path) for name in names]
    return sum(found), len(found)


def row(title, bench, names, units):
    """A comparison's figures. |units| is what each of the two costs are divided by."""
    small, large = names
    factor = units[0] / units[1]
    return {"what": title,
            "wall": scaled(bench.ratios("seal", large, small, "wall_s"), factor),
            "cpu": scaled(bench.ratios("seal", large, small, "cpu_s"), factor),
            "peak_mib": [max(bench.values("seal", name, "peak_mib")) for name in names],
            "wall_s": [measure.spread(bench.values("seal", name, "wall_s"))["median"]
                       for name in names],
            "cpu_s": [measure.spread(bench.values("seal", name, "cpu_s"))["median"]
                      for name in names]}


def scaled(figures, factor):
    return {name: value * factor for name, value in figures.items()}


def growth(kind, unit, work, environment, options):
    """A small and a large library of one kind: cost per byte (unit 0) or per file (unit 1)."""
    paths = [os.path.join(work, name) for name in ("small", "large")]
    for path, size in zip(paths, sizes(options.small)[kind]):
        make(kind, path, size)
    counts = [count(path) for path in paths]
    bench = compare(work, environment, [seal("small", "small"), seal("large", "large")],
                    options.rounds)
    for path in paths:
        measure.remove(path)
    extents = [f"{num_bytes / 1e9:.2f} GB in {num_files:,} files" for num_bytes, num_files in counts]
    return row(f"{kind}, {extents[0]} to {extents[1]}: per {('byte', 'file')[unit]}", bench,
               ("small", "large"), [each[unit] for each in counts])


def threads(work, environment, options):
    """Text in one large file, which zstd keeps all threads busy with."""
    make("mixed", os.path.join(work, "mixed"), sizes(options.small)["mixed"][0])
    bench = compare(work, environment, [seal("2 threads", "mixed", "--threads 2 --level 9"),
                                        seal("1 thread", "mixed", "--threads 1 --level 9")],
                    options.rounds)
    measure.remove(os.path.join(work, "mixed"))
    return row("mixed at zstd -9, 1 to 2 threads: how many times as fast", bench,
               ("2 threads", "1 thread"), (1, 1))


def holes(work, environment, options):
    num_pieces = sizes(options.small)["sparse_mb"]
    make_sparse(work, num_pieces)
    bench = compare(work, environment, [seal("data", "data"), seal("holes", "holes")],
                    options.rounds)
    measure.remove(os.path.join(work, "data"))
    measure.remove(os.path.join(work, "holes"))
    return row(f"a file of {num_pieces * 100 * DATA_LEN / 1e9:.0f} GB with "
               f"{num_pieces * DATA_LEN / 1e9:.2f} GB of data: beside the data alone", bench,
               ("data", "holes"), (1, 1))


def table(facts, rows):
    lines = [f"# How {facts['tool']} grows", "",
             f"{facts['cpu']}, {facts['cores']} cores, Linux {facts['kernel']}, "
             f"{facts['file_system']}; {'cold' if facts['cold'] else 'WARM'}, durable.", "",
             "| seal | wall: median (spread) | CPU: median | wall, s | CPU, s | peak, MiB |",
             "| --- | --- | --- | --- | --- | --- |"]
    for each in rows:
        wall = each["wall"]
        lines.append(
            f"| {each['what']} | **{wall['median']:.2f}** ({wall['low']:.2f} to {wall['high']:.2f})"
            f" | {each['cpu']['median']:.2f} | "
            + " | ".join(", ".join(f"{value:.{digits}f}" for value in each[name])
                         for name, digits in (("wall_s", 2), ("cpu_s", 2), ("peak_mib", 0)))
            + " |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tool", type=os.path.abspath, help="the adp-seal to measure")
    parser.add_argument("--small", action="store_true", help="a minute instead of an hour")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", default="build/bench", help="where the results go")
    options = parser.parse_args()
    base = os.environ.get("ADP_BENCH_DIR") or tempfile.gettempdir()
    with tempfile.TemporaryDirectory(prefix="adp-growth.", dir=base) as work:
        environment = {**os.environ, "WORK": work, "SEAL": options.tool, "LC_ALL": "C.UTF-8"}
        facts = measure.conditions(work, options.tool, ["libzstd1"])
        rows = [threads(work, environment, options), holes(work, environment, options),
                growth("photos", 0, work, environment, options),
                growth("texts", 1, work, environment, options)]
    os.makedirs(options.out, exist_ok=True)
    with open(os.path.join(options.out, "growth.json"), "w", encoding="utf-8") as out:
        json.dump({"conditions": facts, "rows": rows}, out, indent=2)
    with open(os.path.join(options.out, "growth.md"), "w", encoding="utf-8") as out:
        out.write(table(facts, rows))
    print(f"\n{table(facts, rows)}\nWritten to {options.out}: growth.json and growth.md")


if __name__ == "__main__":
    main()
