"""What a power loss leaves of changes that are not certain (disk.py): each way answers for one of
them at a time, always the same for the same change."""

import random

PAGE, SECTOR = 4096, 512


class Way:
    """|names|, |lengths| with attributes, |data|: whether they are kept."""

    def __init__(self, title, names, lengths, data):
        self.title, self.names, self.lengths, self.data = title, names, lengths, data

    def begin(self, pending_names):
        """Told of the changes of names that are not certain, in their order."""

    def keeps_names(self, change):
        return self.names

    def keeps_length(self, change):
        return self.lengths

    def pieces(self, write):
        return [(write.offset, write.offset + len(write.data))] if self.data else []


NOTHING = Way("nothing that was not synced", False, False, False)


class Torn(Way):
    """All names and lengths, but of each write what lies before, or behind, its middle."""

    def __init__(self, title, has_begin, unit):
        super().__init__(title, True, not has_begin, True)
        self.has_begin, self.unit = has_begin, unit

    def pieces(self, write):
        end = write.offset + len(write.data)
        middle = (write.offset + end) // 2 // self.unit * self.unit
        middle = max(middle, write.offset)
        return [(write.offset, middle)] if self.has_begin else [(middle, end)]


class Chance(Way):
    """Anything, by chance: the same for the same seed and change."""

    def __init__(self, title, seed, unit, in_order):
        super().__init__(title, True, True, True)
        self.seed, self.unit, self.in_order = seed, unit, in_order
        self.kept = set()

    def toss(self, change, what):
        return random.Random(f"{self.seed} {change.number} {what}")

    def begin(self, pending_names):
        if self.in_order:  # a journal: all changes of names up to one of them
            length = len(pending_names)
            number = random.Random(f"{self.seed} {length}").randint(0, length)
            self.kept = set(pending_names[:number])

    def keeps_names(self, change):
        return change in self.kept if self.in_order else self.toss(change, "name").random() < 0.5

    def keeps_length(self, change):
        return self.toss(change, "length").random() < 0.5

    def pieces(self, write):
        toss = self.toss(write, "data")
        share = toss.choice((0.1, 0.5, 0.9))
        end = write.offset + len(write.data)
        starts = [write.offset, *range((write.offset // self.unit + 1) * self.unit, end, self.unit)]
        return [(start, stop) for start, stop in zip(starts, [*starts[1:], end])
                if toss.random() < share]


def ways(seeds=2):
    """Every way, the simple ones first, and |seeds| of each that goes by chance."""
    fixed = [
        NOTHING,
        Way("everything", True, True, True),
        Way("names and lengths without data", True, True, False),
        Way("names alone, files as they were synced", True, False, False),
        Way("data without names", False, True, True),
        Torn("the first half of each write, in sectors", True, SECTOR),
        Torn("the second half of each write, in sectors", False, SECTOR),
        Torn("the second half of each write, in pages", False, PAGE),
    ]
    return fixed + [way for seed in range(seeds) for way in (
        Chance("pages by chance, names by chance", seed, PAGE, False),
        Chance("sectors by chance, names by chance", seed, SECTOR, False),
        Chance("pages by chance, names in order", seed, PAGE, True),
        Chance("sectors by chance, names in order", seed, SECTOR, True))]
