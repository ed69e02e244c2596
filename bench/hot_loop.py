#!/usr/bin/python3
"""Counts the AES and CLMUL instructions of a kernel's hot loop: hot_loop.py libadp_kernels.a.

The hot loop is found by what it does, not by a name, which inlining takes away: of the innermost
loops that encrypt and hash, the one that finishes most blocks a turn. Where it branches, the way
counts that finishes most blocks with the fewest instructions: what is rare takes more.
"""

import dataclasses
import re
import subprocess
import sys

MEMBER = re.compile(r"^(\S+):\s+file format")
KERNEL = re.compile(r"^gcm_(\w+)\.c\.o$")
SYMBOL = re.compile(r"^[0-9a-f]+ <(.+)>:$")
INSTRUCTION = re.compile(r"^\s*([0-9a-f]+):\t(\S+)\s*(.*)$")
TARGET = re.compile(r"^([0-9a-f]+) <")
AES = re.compile(r"^v?aesenc(last)?$")
CLMUL = re.compile(r"^v?pclmul\w*$")
REGISTER_BITS = {"x": 128, "y": 256, "z": 512}


@dataclasses.dataclass(frozen=True)
class Instruction:
    address: int
    name: str
    operands: str

    @property
    def is_aes(self):
        return bool(AES.match(self.name))

    @property
    def is_last(self):
        return self.is_aes and self.name.endswith("last")

    @property
    def is_clmul(self):
        return bool(CLMUL.match(self.name))

    @property
    def bits(self):
        return max((REGISTER_BITS[r] for r in re.findall(r"%([xyz])mm", self.operands)), default=0)

    @property
    def target(self):
        """Where a jump goes, if it is one within a function."""
        found = TARGET.match(self.operands) if self.name.startswith("j") else None
        return int(found.group(1), 16) if found else None

    @property
    def goes_on(self):
        return self.name not in ("jmp", "ret", "ud2")


@dataclasses.dataclass(frozen=True)
class HotLoop:
    """What one turn of a kernel's hot loop does."""
    function: str
    bits: int
    num_aes: int
    num_clmul: int
    num_bytes: int


def disassembly(archive):
    """The functions of each kernel in |archive|, as pairs of a name and a list of instructions."""
    text = subprocess.run(["objdump", "-d", "--no-show-raw-insn", archive], check=True,
                          capture_output=True, text=True).stdout
    kernels, functions = {}, []
    for line in text.splitlines():
        if found := MEMBER.match(line):
            functions = []
            if kernel := KERNEL.match(found.group(1)):
                kernels[kernel.group(1)] = functions
        elif found := SYMBOL.match(line):
            functions.append((found.group(1), []))
        elif found := INSTRUCTION.match(line):
            address, name, operands = found.groups()
            functions[-1][1].append(Instruction(int(address, 16), name, operands))
    return kernels


def best_way(code, places, first, last):
    """The way from place |first| to |last| by steps and jumps ahead that finishes most blocks and
    then has the fewest AES and CLMUL instructions; None if there is none. A way is a pair of its
    cost, the least of which wins, and its places in reverse, as a chain of pairs."""
    ways = {first: ((0, 0), None)}
    for at in range(first, last + 1):
        if at not in ways:
            continue
        (lasts, work), _ = ways[at]
        this = code[at]
        cost = (lasts - this.is_last, work + this.is_aes + this.is_clmul)
        chain = (at, ways[at][1])
        if at == last:
            return cost, chain
        nexts = [at + 1] if this.goes_on else []
        if this.target is not None and at < places.get(this.target, -1) <= last:
            nexts.append(places[this.target])
        for following in nexts:
            if following not in ways or cost < ways[following][0]:
                ways[following] = (cost, chain)
    return None


def loops(code):
    """Yields the ends and the best way of each loop of |code| that encrypts and hashes."""
    places = {instruction.address: i for i, instruction in enumerate(code)}
    for last, instruction in enumerate(code):
        first = places.get(instruction.target)
        if first is None or first > last:
            continue
        way = best_way(code, places, first, last)
        if way is None:
            continue
        turn, chain = [], way[1]
        while chain:
            turn.append(code[chain[0]])
            chain = chain[1]
        if any(i.is_last for i in turn) and any(i.is_clmul for i in turn):
            yield first, last, turn


def hot_loop(functions):
    """The HotLoop of a kernel's |functions|, or None if nothing in them is one."""
    found = []
    for name, code in functions:
        all_loops = list(loops(code))
        for first, last, turn in all_loops:
            if any(first <= a and b <= last and (a, b) != (first, last) for a, b, _ in all_loops):
                continue
            bits = max(i.bits for i in turn if i.is_last)
            num_bytes = sum(i.bits // 8 for i in turn if i.is_last)
            found.append(HotLoop(name, bits, sum(i.is_aes for i in turn),
                                 sum(i.is_clmul for i in turn), num_bytes))
    return max(found, key=lambda loop: (loop.num_bytes, -loop.num_aes), default=None)


def hot_loops(archive):
    """The hot loops of the kernels in |archive| by the kernels' names."""
    found = {kernel: hot_loop(functions) for kernel, functions in disassembly(archive).items()}
    return {kernel: loop for kernel, loop in found.items() if loop}


if __name__ == "__main__":
    for its_name, its_loop in hot_loops(sys.argv[1]).items():
        print(its_name, its_loop)
