"""What the tests have tried: each adds to a file of lines, one table is made of it.

A test program counts its cases by part and kind, tried and survived, and at its end adds a line for
each to the file ADP_ASSURANCE, where that is set: PRESET, PART, KIND, TRIED, SURVIVED, with tabs
between. Programs in C do the same by assurance.h. As a command: assurance.py LINES prints the table
in Markdown, and exits 1 if a case was not survived.
"""

import atexit
import collections
import contextlib
import os
import sys

# Issue by issue what may happen to a vault; the order of the table.
PARTS = ("crash", "power loss", "fault", "damage", "healing", "hostile input", "sandbox", "secrets",
         "concurrency", "duration", "property")

COUNTS = collections.defaultdict(lambda: [0, 0])


@contextlib.contextmanager
def case(part, kind):
    """Counts what happens inside as a case, survived unless it raises."""
    count = COUNTS[part, kind]
    count[0] += 1
    yield
    count[1] += 1


def add(part, kind, tried, survived):
    """Counts many at once."""
    count = COUNTS[part, kind]
    count[0] += tried
    count[1] += survived


def write_lines():
    path = os.environ.get("ADP_ASSURANCE")
    if not path or not COUNTS:
        return
    preset = os.environ.get("ADP_PRESET", "-")
    # One write, in append mode: programs that end at once do not mix.
    with open(path, "a", encoding="utf-8") as file:
        file.write("".join(f"{preset}\t{part}\t{kind}\t{tried}\t{survived}\n"
                           for (part, kind), (tried, survived) in sorted(COUNTS.items())))


atexit.register(write_lines)


def rank(part):
    return (PARTS.index(part) if part in PARTS else len(PARTS), part)


def table(lines):
    """The table in Markdown, and whether every case was survived."""
    sums = collections.defaultdict(lambda: collections.defaultdict(lambda: [0, 0]))
    presets = {}
    for line in lines:
        preset, part, kind, tried, survived = line.rstrip("\n").split("\t")
        presets[preset] = None
        count = sums[part, kind][preset]
        count[0] += int(tried)
        count[1] += int(survived)
    out = ["# What was tried", "",
           "By the run of the tests that made this file: how many cases, and how many of them were "
           "survived. docs/ASSURANCE.md says what each is.", "",
           "| part | kind | " + " | ".join(presets) + " |",
           "| --- | --- |" + " --- |" * len(presets)]
    whole = True
    for (part, kind), counts in sorted(sums.items(), key=lambda item: (rank(item[0][0]), item[0])):
        cells = []
        for preset in presets:
            tried, survived = counts[preset]
            whole = whole and tried == survived
            cells.append(f"{tried:,}" if tried == survived else f"**{survived:,} of {tried:,}**")
        out.append(f"| {part} | {kind} | " + " | ".join(cells) + " |")
    for preset in presets:
        tried = sum(counts[preset][0] for counts in sums.values())
        survived = sum(counts[preset][1] for counts in sums.values())
        out.append(f"\n{preset}: {tried:,} cases tried, {survived:,} survived.")
    return "\n".join(out), whole


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as source:
        text, all_survived = table(source)
    print(text)
    sys.exit(0 if all_survived else 1)
