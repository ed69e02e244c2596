#!/usr/bin/python3
"""Measures each stage of the pipeline alone, beside its limit: pipeline.py BUILD [--small].

Runs BUILD/bench/pipeline, every row several times, in random order. A figure is the median of its
repetitions. A share is what the row reaches of its limit's speed: the n-th repetition of the one is
held against the n-th of the other, and the share given as the median of these, the lowest, the
highest. A stage that looks at a part of the bytes only, as probe does, has a share above 1.

Files are made in $ADP_BENCH_DIR, or $TMPDIR, or /tmp. Results go to DIR/pipeline.json, with DIR
from --out.
"""

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile

from kernels import cpu_model, table

INTERLEAVING = "--benchmark_enable_random_interleaving"
# What Google Benchmark adds to a row's name.
ADDED = re.compile(r"/(iterations:\d+|min_time:[\d.]+|process_time|real_time)")
# Repetitions, and seconds that one of them takes at least.
EXTENTS = {"full": (5, 0.1), "small": (3, 0.02)}


def run_rows(program, repetitions, seconds, which):
    """Returns for each row its speeds, in bytes or else items per second, and what is said of it;
    and whether all rows were measured."""
    options = ["--benchmark_format=json", f"--benchmark_repetitions={repetitions}",
               f"--benchmark_min_time={seconds}", f"--benchmark_filter={which}"]
    known = subprocess.run([program, "--help"], capture_output=True, text=True).stdout
    if INTERLEAVING in known:
        options.append(f"{INTERLEAVING}=true")
    done = subprocess.run([program, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True)
    try:
        found = json.loads(done.stdout)["benchmarks"]
    except (ValueError, KeyError):
        sys.exit(f"{program} failed with {done.returncode}:\n{done.stderr}")
    rows = {}
    for row in found:
        if row["run_type"] != "iteration":
            continue
        entry = rows.setdefault(ADDED.sub("", row["run_name"]),
                                {"bytes_per_s": [], "items_per_s": [], "note": ""})
        entry["note"] = row.get("error_message") or entry["note"] or row.get("label", "")
        for key, ours in (("bytes_per_second", "bytes_per_s"), ("items_per_second", "items_per_s")):
            if key in row:
                entry[ours].append(row[key])
    return rows, done.returncode == 0


def speeds(entry):
    return entry["bytes_per_s"] or entry["items_per_s"]


def limit_of(name, rows):
    """The name of |name|'s limit: that of the same arguments, or the only one. None if it has none
    among |rows|, or is one."""
    stage, *arguments = name.split("/")
    same = "/".join([stage + "_limit", *arguments])
    limits = [other for other in rows if other.split("/")[0] == stage + "_limit"]
    if same in limits:
        return same
    return limits[0] if len(limits) == 1 else None


def shares(rows):
    """For each row with a limit that limit's name, and the share."""
    found = {}
    for name in rows:
        limit = limit_of(name, rows)
        if limit is None:
            continue
        each = [ours / theirs for ours, theirs in zip(speeds(rows[name]), speeds(rows[limit]))]
        if each:
            found[name] = {"limit": limit, "median": statistics.median(each), "low": min(each),
                           "high": max(each)}
    return found


def figure(entry):
    parts = []
    if entry["items_per_s"]:
        parts.append(f"{statistics.median(entry['items_per_s']) / 1e3:.1f} k files/s")
    if entry["bytes_per_s"]:
        parts.append(f"{statistics.median(entry['bytes_per_s']) / 1e9:.3f} GB/s")
    return ", ".join(parts) or "not measured"


def report(rows, found):
    lines = []
    for name, entry in sorted(rows.items(), key=order):
        if "_limit" in name.split("/")[0]:
            continue
        share = found.get(name)
        limit = f"{share['limit']}: {figure(rows[share['limit']])}" if share else ""
        ratio = (f"**{share['median']:.2f}** ({share['low']:.2f} to {share['high']:.2f})"
                 if share else "")
        lines.append([name, figure(entry), limit, ratio])
    notes = [f"{name}: {entry['note']}" for name, entry in sorted(rows.items()) if entry["note"]]
    return "\n\n".join([table(["row", "figure", "its limit", "share of the limit"], lines),
                        "\n".join(notes)])


def order(item):
    """Rows by stage, numbers by their size."""
    return [(part.isdigit(), int(part) if part.isdigit() else part) for part in item[0].split("/")]


def file_system(folder):
    return subprocess.run(["stat", "-f", "-c", "%T", folder], capture_output=True,
                          text=True).stdout.strip()


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", help="the folder that was built in, e.g. build/release")
    parser.add_argument("--small", action="store_true", help="fewer repetitions, less certain")
    parser.add_argument("--repetitions", type=int, help="of each row (5; with --small 3)")
    parser.add_argument("--rows", default=".", metavar="REGEX", help="only these, and their limits")
    parser.add_argument("--out", default="build/bench", help="where the results go")
    return parser.parse_args()


def main():
    options = arguments()
    repetitions, seconds = EXTENTS["small" if options.small else "full"]
    folder = os.environ.get("ADP_BENCH_DIR") or tempfile.gettempdir()
    facts = {"cpu": cpu_model(), "cores": os.cpu_count(), "kernel": platform.release(),
             "file_system": file_system(folder), "cold": os.geteuid() == 0}
    print(f"{facts['cpu']}, {facts['cores']} cores, {facts['file_system']}", flush=True)
    if facts["file_system"] == "tmpfs":
        print("Files are made in memory: set ADP_BENCH_DIR to a folder on a disk.")
    rows, is_whole = run_rows(os.path.join(options.build, "bench", "pipeline"),
                              options.repetitions or repetitions, seconds, options.rows)
    found = shares(rows)
    os.makedirs(options.out, exist_ok=True)
    with open(os.path.join(options.out, "pipeline.json"), "w", encoding="utf-8") as out:
        json.dump({"conditions": facts, "rows": rows, "shares": found}, out, indent=2)
        out.write("\n")
    print(f"\n{report(rows, found)}\nWritten to {options.out}/pipeline.json")
    if not is_whole:
        sys.exit("Not all rows could be measured.")


if __name__ == "__main__":
    main()
