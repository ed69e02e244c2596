"""The sample trees that the encoder seals: every type of entry, every way to store content."""

from dataclasses import dataclass, field

from index import (CHANGED, CONTINUATION, DERIVED, DIRECTORY, FIFO, FILE, HARDLINK, LABEL, RAW,
                   SKIPPED, SYMLINK, ZSTD, Entry, Extent, path_key)
from primitives import xxh3_128
from writing import zstd

MTIME = 1_700_000_000_123_456_789
EXTENTS_PER_ENTRY = 3
ENTRIES_PER_FRAME = 7  # so that the continuations of long.txt lie in two frames


@dataclass
class Frame:
    """A content frame before it has its place in the stream."""
    plain: bytes
    codec: int
    stored: bytes = b""

    def __post_init__(self):
        self.stored = self.plain if self.codec == RAW else zstd(self.plain, write_checksum=True)


@dataclass
class Plan:
    """One archive before it is written: content frames, and entries by index frame.

    `contents` holds what each file reads as.
    """
    category: int
    epoch: int
    content: bytearray = field(default_factory=bytearray)
    frames: list = field(default_factory=list)
    contents: dict = field(default_factory=dict)

    def entries(self):
        return [entry for frame in self.frames for entry in frame]

    def insert(self, entry):
        """Puts an entry where its path belongs."""
        key = path_key(entry.path)
        for number, frame in enumerate(self.frames):
            for at, other in enumerate(frame):
                if path_key(other.path) > key:
                    if at == 0 and number:
                        self.frames[number - 1].append(entry)
                    else:
                        frame.insert(at, entry)
                    return
        self.frames[-1].append(entry)

    def find(self, path):
        return next(entry for entry in self.entries() if entry.path == path)


def entry(kind, path, mode=0o644, **fields):
    values = {"uid": 1000, "gid": 1000, "mtime_ns": MTIME, "atime_ns": MTIME + 10**9}
    return Entry(kind, path, mode=mode, **{**values, **fields})


class PlanBuilder:
    """Lays content frames one after the other and makes the entries that name them."""

    def __init__(self, category, epoch, hook):
        self.plan, self.hook = Plan(category, epoch), hook

    def frame(self, plain, codec):
        """Appends a content frame; a function that makes extents (with their bytes) of it."""
        frame = Frame(plain, codec)
        self.hook("content", frame)
        offset = len(self.plan.content)
        self.plan.content += frame.stored

        def extent(start=0, length=None, hole=0):
            piece = plain[start:] if length is None else plain[start:start + length]
            return Extent(hole, len(piece), 0, codec, offset, len(frame.stored), len(plain), start,
                          xxh3_128(piece)), bytes(hole) + piece
        return extent

    def file(self, path, pieces, size=None, **fields):
        """A file's entry and its continuations."""
        content = b"".join(piece for _, piece in pieces)
        content += bytes(0 if size is None else size - len(content))
        self.plan.contents[path] = content
        extents = [extent for extent, _ in pieces]
        head = entry(FILE, path, size=len(content), **fields)
        head.extents = extents[:EXTENTS_PER_ENTRY]
        rest = [Entry(CONTINUATION, path, extents=extents[at:at + EXTENTS_PER_ENTRY])
                for at in range(EXTENTS_PER_ENTRY, len(extents), EXTENTS_PER_ENTRY)]
        return [head, *rest]

    def finish(self, entries):
        entries.sort(key=lambda e: path_key(e.path))
        self.plan.frames = [entries[at:at + ENTRIES_PER_FRAME]
                            for at in range(0, len(entries), ENTRIES_PER_FRAME)]
        self.hook("plan", self.plan)
        return self.plan


def text(random, length):
    """Bytes that compress."""
    return (random.bytes(64).hex().encode() * (length // 128 + 1))[:length]


def library(random, hook, category, epoch):
    """The tree with everything in it."""
    b = PlanBuilder(category, epoch, hook)
    shared = text(random, 9000)
    shared_frame = b.frame(shared, ZSTD)
    raw = b.frame(random.bytes(20000), RAW)
    pieces = [b.frame(text(random, 4000 + n), ZSTD) for n in range(11)]
    long_name = b"library/" + b"n" * 255
    entries = [
        entry(DIRECTORY, b"library", 0o755, xattrs=[(b"user.adp", b"folder")]),
        entry(DIRECTORY, b"library/a", 0o750),
        entry(DIRECTORY, b"library/empty folder", 0o700),
        entry(DIRECTORY, long_name, 0o755),
        entry(SYMLINK, b"library/link", 0o777, target=b"a/b"),
        entry(SYMLINK, b"library/link-out", 0o777, target=b"../../outside"),
        entry(FIFO, b"library/pipe", 0o600),
        entry(SYMLINK, b"library/preview", 0o777, target=b"film.mov", flags=LABEL | DERIVED,
              label="x" * 4096),
        entry(HARDLINK, b"library/linked", target=b"library/a/b"),
        entry(SKIPPED, b"library/socket", 0o755, reason=1, errno=0),
        *b.file(b"library/a/b", [shared_frame(0, 4000)]),
        *b.file(b"library/a-b", [shared_frame(4000)], mode=0o600),
        *b.file(b"library/caf\xe9.txt", [shared_frame(100, 300)], mode=0o4755),
        *b.file(b"library/empty", [], flags=LABEL, label="Domain/Library/caf\xe9"),
        *b.file(b"library/hole", [], size=65536),
        *b.file(b"library/film.mov", [raw()], xattrs=[(b"user.a", b""), (b"user.b", b"\0\xff")]),
        *b.file(b"library/long.txt", [piece() for piece in pieces]),
        *b.file(b"library/old", [raw(0, 10)], mtime_ns=-1_500_000_000, atime_ns=-1),
        *b.file(b"library/sparse", [raw(1, 5000, hole=8192), raw(9000, 5000, hole=8192)],
                size=40000, flags=CHANGED),
        *b.file(long_name + b"/" + b"m" * 255, [raw(10, 20)]),
    ]
    return b.finish(entries)


def folder(random, hook, category, epoch):
    """A small tree that shares its folder with the library's."""
    b = PlanBuilder(category, epoch, hook)
    frame = b.frame(text(random, 3000), ZSTD)
    entries = [entry(DIRECTORY, b"library", 0o755, xattrs=[(b"user.adp", b"folder")]),
               *b.file(b"library/note %d.txt" % category, [frame()])]
    return b.finish(entries)
