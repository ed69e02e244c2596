#!/usr/bin/python3
"""Measures the AES-256-GCM kernels beside their peers: kernels.py BUILD [--small].

The peers are ipsec-mb, BoringSSL and OpenSSL. All implementations must first have sealed and opened
the same messages alike. A round then runs the programs of BUILD/bench one after the other, each of
their rows several times, in random order. Times are the thread's CPU time, so that what else the
machine does counts as little as possible. A speed is the median of all times; a ratio is made of
the medians within a round, and is given as its median over the rounds, the lowest, the highest.

The last table is about how near a kernel comes to what the CPU can do: the AES and CLMUL
instructions of its hot loop (hot_loop.py), at the rate that this CPU issues such a mix of them if
nothing else holds it up, and the clock, both measured as well. There the shortest times count.

Results go to DIR/kernels.json and DIR/kernels.md, with DIR from --out.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys

import hot_loop

PROGRAMS = ["kernels", "kernels_openssl"]
PEERS = ["ipsec-mb", "boringssl", "openssl"]
OPERATIONS = ["seal", "open"]

# Rounds; then, for the rows and for those of the limit, how often in each and for how many seconds.
# The latter are short and many, so that some meet a quiet moment.
EXTENTS = {"full": (7, (4, 0.015), (20, 0.002)), "small": (5, (2, 0.004), (10, 0.002))}

# Long enough for the loop to count, short enough for the second-level cache.
LIMIT_LEN = 64 << 10
LIMIT_ROWS = f"^(core_clock|port_.*|gcm_.*/{LIMIT_LEN})$"


def run(program, *options):
    done = subprocess.run([program, *options], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{program} failed with {done.returncode}:\n{done.stderr}")
    return done.stdout


def agreed(programs):
    """The implementations and their versions, after all have given the same answers."""
    versions, digests = {}, {}
    for program in programs:
        for line in run(program, "--answers").splitlines():
            name, digests[name], versions[name] = line.split(" ", 2)
    if len(set(digests.values())) != 1:
        sys.exit(f"The implementations do not agree, so nothing is measured: {digests}")
    return versions


def run_rows(program, which, extent):
    """Runs the rows whose names match |which|, in random order. Returns by their names the times of
    an iteration, in ns, and counters."""
    repetitions, seconds = extent
    found = json.loads(run(program, "--benchmark_format=json", f"--benchmark_filter={which}",
                           "--benchmark_enable_random_interleaving=true",
                           f"--benchmark_repetitions={repetitions}",
                           f"--benchmark_min_time={seconds}"))
    rows = {}
    for row in found["benchmarks"]:
        if row.get("error_occurred"):
            sys.exit(f"{row['name']}: {row['error_message']}")
        if row["run_type"] != "iteration":
            continue
        entry = rows.setdefault(row["run_name"], {"times_ns": []})
        entry["times_ns"].append(row["cpu_time"])
        entry.update((key, row[key]) for key in ("adds", "aes", "clmul") if key in row)
    return rows


def run_round(programs, extent, limit_extent):
    rows = {}
    for program in programs:
        rows.update(run_rows(program, "^gcm_", extent))
    return {"rows": rows, "limit_rows": run_rows(programs[0], LIMIT_ROWS, limit_extent)}


class Measured:
    """What the rounds gave for implementations of these names, of which those that are no peers
    are our kernels."""

    def __init__(self, rounds, names):
        self.rounds = rounds
        self.kernels = [name for name in names if name not in PEERS]
        self.peers = [name for name in PEERS if name in names]
        self.lens = self.numbers("rows", "gcm_seal/" + self.kernels[0])
        self.widths = self.numbers("limit_rows", "port_mix")

    def numbers(self, which, start):
        """The last parts of the rows' names that begin so, which are in a random order."""
        parts = [row.rpartition("/") for row in self.rounds[0][which]]
        return sorted(int(end) for begin, _, end in parts if begin == start)

    def counter(self, row, key):
        return self.rounds[0]["limit_rows"][row][key]

    def shortest(self, row):
        return min(min(r["limit_rows"][row]["times_ns"]) for r in self.rounds)

    def speed(self, operation, name, length):
        """In GB/s, which is bytes per nanosecond."""
        rows = [r["rows"][f"gcm_{operation}/{name}/{length}"] for r in self.rounds]
        return length / statistics.median(time for row in rows for time in row["times_ns"])

    def ratio(self, operation, kernel, peer, length):
        """How many times as fast as |peer| |kernel| is."""
        ours, theirs = (f"gcm_{operation}/{name}/{length}" for name in (kernel, peer))
        each = [statistics.median(r["rows"][theirs]["times_ns"])
                / statistics.median(r["rows"][ours]["times_ns"]) for r in self.rounds]
        return {"median": statistics.median(each), "low": min(each), "high": max(each)}

    def rate(self, row, *counters):
        """The highest number of instructions in a nanosecond."""
        return sum(self.counter(row, key) for key in counters) / self.shortest(row)


def results(measured):
    """Speeds and ratios: {operation: {"speeds": {name: [...]}, "ratios": {name: [...]}}}."""
    return {operation: {
        "speeds": {name: [measured.speed(operation, name, length) for length in measured.lens]
                   for name in measured.kernels + measured.peers},
        "ratios": {f"{kernel} / {peer}": [measured.ratio(operation, kernel, peer, length)
                                          for length in measured.lens]
                   for kernel in measured.kernels for peer in measured.peers},
    } for operation in OPERATIONS}


def ports(measured):
    """The clock in GHz, and by the width the rates of AES, CLMUL and their mix, per cycle."""
    clock = measured.rate("core_clock", "adds")
    return {"clock_ghz": clock, "per_cycle": {width: {
        "aes": measured.rate(f"port_aes/{width}", "aes") / clock,
        "clmul": measured.rate(f"port_clmul/{width}", "clmul") / clock,
        "mix": measured.rate(f"port_mix/{width}", "aes", "clmul") / clock,
        "mix_aes": measured.counter(f"port_mix/{width}", "aes"),
        "mix_clmul": measured.counter(f"port_mix/{width}", "clmul"),
    } for width in measured.widths}}


def bound(loop, rates):
    """The cycles per byte that |loop|'s AES and CLMUL instructions take at the least: as many as
    there are in the mix's proportion at its rate, what is left over of one kind at that kind's."""
    mixes = min(loop.num_aes / rates["mix_aes"], loop.num_clmul / rates["mix_clmul"])
    cycles = (mixes * (rates["mix_aes"] + rates["mix_clmul"]) / rates["mix"]
              + (loop.num_aes - mixes * rates["mix_aes"]) / rates["aes"]
              + (loop.num_clmul - mixes * rates["mix_clmul"]) / rates["clmul"])
    return cycles / loop.num_bytes


def limits(measured, loops, found_ports):
    """For each kernel with a hot loop what the loop is and, if it runs here, how near it comes."""
    limit = {}
    for kernel, loop in loops.items():
        limit[kernel] = {"bits": loop.bits, "aes": loop.num_aes, "clmul": loop.num_clmul,
                         "bytes": loop.num_bytes}
        if kernel not in measured.kernels or loop.bits not in found_ports["per_cycle"]:
            continue
        least = bound(loop, found_ports["per_cycle"][loop.bits])
        limit[kernel]["bound_cycles_per_byte"] = least
        for operation in OPERATIONS:
            shortest = measured.shortest(f"gcm_{operation}/{kernel}/{LIMIT_LEN}")
            cycles = shortest * found_ports["clock_ghz"] / LIMIT_LEN
            limit[kernel][operation] = {"cycles_per_byte": cycles, "share": least / cycles}
    return limit


def size(length):
    if length < 1 << 10:
        return f"{length} B"
    return f"{length >> 10} KiB" if length < 1 << 20 else f"{length >> 20} MiB"


def table(head, rows):
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, ["---"] * len(head), *rows])


def operation_tables(operation, found, lens):
    sizes = [size(length) for length in lens]
    speeds = [[name, *(f"{speed:.2f}" for speed in each)]
              for name, each in found["speeds"].items()]
    ratios = [[name, *(f"**{r['median']:.2f}** ({r['low']:.2f} to {r['high']:.2f})" for r in each)]
              for name, each in found["ratios"].items()]
    return [f"### {operation}, GB/s", table(["implementation", *sizes], speeds),
            f"### {operation}, ratio of speeds: median (spread)", table(["ratio", *sizes], ratios)]


def limit_row(kernel, found):
    cells = [kernel, f"{found['aes']} AES, {found['clmul']} CLMUL of {found['bits']} bits, "
             f"{found['bytes']} bytes"]
    if "seal" not in found:
        return cells + ["not on this CPU"] + [""] * 4
    cells.append(f"{found['bound_cycles_per_byte']:.3f}")
    for operation in OPERATIONS:
        cells += [f"{found[operation]['cycles_per_byte']:.3f}",
                  f"**{100 * found[operation]['share']:.0f} %**"]
    return cells


def limit_tables(limit, found_ports):
    issue = [[str(bits), f"{rates['aes']:.2f}", f"{rates['clmul']:.2f}", f"{rates['mix']:.2f}"]
             for bits, rates in found_ports["per_cycle"].items()]
    return [f"### The limit of the ports, at {found_ports['clock_ghz']:.2f} GHz",
            table(["bits", "AES a cycle", "CLMUL a cycle", "both, mixed as in the loop"], issue),
            table(["kernel", "a turn of its hot loop", "bound, cycles/byte",
                   f"seal at {size(LIMIT_LEN)}", "share", f"open at {size(LIMIT_LEN)}", "share"],
                  [limit_row(kernel, found) for kernel, found in limit.items()])]


def cpu_model():
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        return next((line.split(":", 1)[1].strip() for line in info
                     if line.startswith("model name")), platform.machine())


def conditions(versions):
    """What was measured, on what."""
    package = subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${Version}",
                              "android-libboringssl-dev"], capture_output=True, text=True).stdout
    versions = {**versions, "boringssl": package or versions["boringssl"]}
    return {"cpu": cpu_model(), "cores": os.cpu_count(), "kernel": platform.release(),
            "versions": versions}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", help="the folder that was built in, e.g. build/release")
    parser.add_argument("--small", action="store_true", help="half a minute, and less certain")
    parser.add_argument("--out", default="build/bench", help="where the results go")
    return parser.parse_args()


def summary(measured, archive):
    """What is written down beside the rounds, and the report as Markdown."""
    found = results(measured)
    parts = [part for operation in OPERATIONS
             for part in operation_tables(operation, found[operation], measured.lens)]
    if measured.widths:
        found["ports"] = ports(measured)
        found["limits"] = limits(measured, hot_loop.hot_loops(archive), found["ports"])
        parts += limit_tables(found["limits"], found["ports"])
    return found, "\n\n".join(parts) + "\n"


def main():
    options = arguments()
    programs = [os.path.join(options.build, "bench", name) for name in PROGRAMS]
    programs = [program for program in programs if os.path.exists(program)]
    num_rounds, *extents = EXTENTS["small" if options.small else "full"]
    facts = conditions(agreed(programs))
    print(f"{facts['cpu']}, {facts['cores']} cores; these agree:")
    for name, version in facts["versions"].items():
        print(f"  {name}: {version}")
    for peer in PEERS:
        if peer not in facts["versions"]:
            print(f"  {peer} was not there at build time")
    rounds = []
    for number in range(1, num_rounds + 1):
        rounds.append(run_round(programs, *extents))
        print(f"  round {number} of {num_rounds}", flush=True)
    measured = Measured(rounds, list(facts["versions"]))
    archive = os.path.join(options.build, "kernels", "libadp_kernels.a")
    found, report = summary(measured, archive)
    os.makedirs(options.out, exist_ok=True)
    with open(os.path.join(options.out, "kernels.json"), "w", encoding="utf-8") as out:
        json.dump({"conditions": facts, "lens": measured.lens, **found, "rounds": rounds}, out)
        out.write("\n")
    with open(os.path.join(options.out, "kernels.md"), "w", encoding="utf-8") as out:
        out.write(report)
    print(f"\n{report}\nWritten to {options.out}/kernels.json and kernels.md")


if __name__ == "__main__":
    main()
