"""What a mutation is, and the registry that the mutations_*.py modules fill.

A mutation changes the vault at one stage (the first argument of the encoder's hook) so that it
breaks one rule of FORMAT.md; what is summed, signed or sealed over it is made after the change.
Those named ok-* break none: a reader takes them.
"""

from dataclasses import dataclass
from typing import Callable

DONE, UNSUPPORTED, INTEGRITY, NO_KEY = 0, 1, 3, 4


@dataclass
class Mutation:
    """`change` receives the stage's value and changes it, or returns another.

    `command` is what has to notice: `verify`, `open` where FORMAT.md leaves it to restoring, or
    `check`, which the tool has not: attested digests held against the archives. `list` notices
    nothing where the tool's `verify` tells of a damaged copy, though a reader takes the other.
    """
    stage: str
    change: Callable
    exit_code: int
    command: str = "verify"


MUTATIONS = {}


def mutate(stage, exit_code=INTEGRITY, command="verify", /, **changes):
    """Registers `changes` to one stage; underscores in their names stand for hyphens."""
    for name, change in changes.items():
        MUTATIONS[name.replace("_", "-")] = Mutation(stage, change, exit_code, command)


def put(**values):
    """A change that sets fields of the value."""
    def change(target):
        for name, value in values.items():
            setattr(target, name, value)
    return change


def flip(at):
    """A change that inverts a bit of the byte at `at`."""
    def change(data):
        data = bytearray(data)
        data[at] ^= 1
        return bytes(data)
    return change


def patch(at, new):
    """A change that overwrites bytes."""
    return lambda data: data[:at] + new + data[at + len(new):]


def at(find, change):
    """A change, in place, of what `find` finds in the value."""
    def apply(value):
        change(find(value))
    return apply
