#!/usr/bin/python3
"""Fails if a kernel keeps vectors on the stack in a hot loop: check_spills.py libadp_kernels.a.

The hot loops do two steps a turn. Registers suffice for that, and a vector that is stored and
loaded again costs what the order of the source was chosen to save; a compiler may do so after any
change. What is rare, as a new window of counters, may use the stack. Prints what a turn of each
loop consists of; operands in memory are no loads of their own.

Exit code 0: no spills, 1: spills, or loops are missing, 77: no objdump here.
"""

import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))
import hot_loop  # pylint: disable=wrong-import-position

WIDTHS = {"aesni": "x", "vaes256": "y", "vaes512": "z"}
NUM_AES = 2 * 8 * 12  # two steps of eight vectors, which take rounds 3 to 14
VECTOR = re.compile(r"%[xyz]mm")
MEMORY = re.compile(r"[^,\s]*\([^)]*\)")
SHUFFLE = re.compile(r"^v(p?shuf|ps[lr]ldq|palignr|punpck|p?perm|p?insr|insert|p?extr|p?broadc)")
SKIPPED = 77


def memory(instruction):
    """The instruction's vector operand in memory, or None."""
    found = MEMORY.search(instruction.operands) if VECTOR.search(instruction.operands) else None
    return found.group(0) if found else None


def kind(instruction):
    if instruction.is_aes:
        return "AES"
    if instruction.is_clmul:
        return "CLMUL"
    if SHUFFLE.match(instruction.name):
        return "shuffles"
    if instruction.name.startswith("vmov") and memory(instruction):
        return "stores" if instruction.operands.endswith(")") else "loads"
    return "other"


def stack_pointers(code):
    """The registers that point to the function's stack: %rbp is one of many where it is not set."""
    frame = any(i.name == "mov" and i.operands == "%rsp,%rbp" for i in code)
    return ("%rsp", "%rbp") if frame else ("%rsp",)


def spills(code, turn):
    """The instructions of |turn| that have a vector on the stack of the function |code|."""
    pointers = stack_pointers(code)
    return sorted((i for i in turn if any(p in (memory(i) or "") for p in pointers)),
                  key=lambda i: i.address)


def hot_loops(functions, width):
    """The functions that have a loop of two steps, as name, code, and a turn's instructions. One of
    several ways back to a loop's start the usual one stores least: a new window stores more."""
    for name, code in functions:
        turns = []
        for _, _, turn in hot_loop.loops(code):
            num_aes = sum(i.is_aes and f"%{width}mm" in i.operands for i in turn)
            if NUM_AES <= num_aes < 2 * NUM_AES:
                turns.append(turn)
        if turns:
            yield name, code, min(turns, key=lambda turn: list(map(kind, turn)).count("stores"))


def check(kernel, functions, width):
    """Prints what the hot loops of |kernel| do, and returns whether that is all in registers."""
    found = list(hot_loops(functions, width))
    if not found:
        print(f"{kernel}: no loop has {NUM_AES} AES instructions on {width}mm")
        return False
    clean = True
    for name, code, turn in found:
        kinds = [kind(i) for i in turn]
        counts = ", ".join(f"{kinds.count(word)} {word}" for word in
                           ("AES", "CLMUL", "shuffles", "loads", "stores", "other"))
        on_stack = spills(code, turn)
        print(f"{kernel}, {name}: {counts}; on the stack: {len(on_stack)}")
        for instruction in on_stack:
            print(f"    {instruction.address:x}: {instruction.name} {instruction.operands}")
        clean = clean and not on_stack
    return clean


def main(archive):
    try:
        kernels = hot_loop.disassembly(archive)
    except FileNotFoundError:
        print("there is no objdump here")
        return SKIPPED
    return 0 if all([check(kernel, kernels.get(kernel, []), width)
                     for kernel, width in WIDTHS.items()]) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
