"""The stream of an archive: trailer, directory, index entries and extents (section 7)."""

from dataclasses import dataclass, field

from primitives import MIB, Reader, xxh3_128, zstd_frame

FILE, DIRECTORY, SYMLINK, FIFO, HARDLINK, SKIPPED, CONTINUATION = range(1, 8)
TYPE_NAMES = dict(enumerate("file dir symlink fifo hardlink skipped".split(), 1))
RAW, ZSTD = 0, 1
TRAILER_LEN = 64
CHANGED, LABEL, DERIVED = 1, 2, 4


@dataclass
class Extent:
    hole: int
    length: int
    archive: int
    codec: int
    frame_offset: int
    stored_length: int
    plain_length: int
    start: int
    digest: bytes


@dataclass
class Entry:
    type: int
    path: bytes
    flags: int = 0
    mode: int = 0
    uid: int = 0
    gid: int = 0
    mtime_ns: int = 0
    atime_ns: int = 0
    xattrs: list = field(default_factory=list)
    label: str = ""
    size: int = 0
    extents: list = field(default_factory=list)
    target: bytes = b""
    reason: int = 0
    errno: int = 0


def path_key(path):
    """Paths order by component, a prefix first (section 7.1)."""
    return path.split(b"/")


def check_path(r, path):
    r.require(1 <= len(path) <= 65535, f"path of {len(path)} bytes")
    for part in path.split(b"/"):
        r.require(1 <= len(part) <= 255, f"path with a component of {len(part)} bytes")
        r.require(b"\0" not in part, "path with a NUL")
        r.require(part not in (b".", b".."), f"path with a component {part!r}")


def _time(r):
    seconds, nanoseconds = r.svarint(), r.varint()
    r.require(nanoseconds < 10**9, f"{nanoseconds} nanoseconds")
    return seconds * 10**9 + nanoseconds


def _xattrs(r):
    count = r.varint()
    r.require(count <= 1024, f"{count} xattrs")
    xattrs = []
    for _ in range(count):
        name = r.vbytes(255)
        r.require(name and b"\0" not in name, "bad name of an xattr")
        r.require(not xattrs or name > xattrs[-1][0], "xattrs do not ascend by name")
        xattrs.append((name, r.vbytes(65536)))
    return xattrs


class Index:
    """All entries of one archive, in order, continuations merged into their files."""

    def __init__(self, archive):
        self.archive, self.entries = archive, []
        self.directories, self.files = set(), set()
        self._trailer()
        lines = self._directory()
        offset = self.start
        for stored, plain, entries, first in lines:
            self._index_frame(offset, stored, plain, entries, first)
            offset += stored
        if len(self.entries) != self.number_of_entries:
            archive.fail(f"{len(self.entries)} entries, {self.number_of_entries} stated")
        total = sum(e.size for e in self.entries if e.type == FILE)
        if total != self.content_bytes:
            archive.fail(f"{total} content bytes, {self.content_bytes} stated")

    def _trailer(self):
        archive = self.archive
        at = archive.stream_length - TRAILER_LEN
        if at < 0:
            archive.fail("stream is shorter than its trailer")
        r = Reader(archive.read(at, TRAILER_LEN), archive.path + ", trailer")
        r.magic(b"ADPSINDX")
        r.known(r.u32(), 0, "flags")
        self.directory_offset, self.directory_stored = r.u64(), r.u32()
        r.require(self.directory_offset + self.directory_stored == at,
                  "directory does not end where the trailer begins")
        r.require(1 <= self.directory_stored <= 64 * MIB,
                  f"directory of {self.directory_stored} stored bytes")
        self.directory_plain = r.u32()
        r.require(1 <= self.directory_plain <= 256 * MIB,
                  f"directory of {self.directory_plain} plain bytes")
        self.number_of_entries, self.content_bytes = r.u64(), r.u64()
        r.zero(16)
        r.end()

    def _frame(self, offset, stored, plain, what):
        """A zstd frame of the stream, decompressed, and a name for it in errors."""
        archive = self.archive
        try:
            data = zstd_frame(archive.read(offset, stored), plain)
        except ValueError as error:
            archive.fail(f"{what}: {error}", archive.file_offset(offset))
        return Reader(data, f"{archive.path}, {what} at {archive.file_offset(offset)}")

    def _directory(self):
        r = self._frame(self.directory_offset, self.directory_stored, self.directory_plain,
                        "directory")
        archives, count = r.varint(), r.varint()
        r.require(archives == 1, f"{archives} archives in the archive table")
        r.require(count <= MIB, f"{count} index frames")
        frames, total = [], 0
        for _ in range(count):
            stored, plain, entries = r.varint(), r.varint(), r.varint()
            r.require(1 <= stored <= MIB, f"index frame of {stored} stored bytes")
            r.require(1 <= plain <= MIB, f"index frame of {plain} plain bytes")
            r.require(entries >= 1, "index frame without entries")
            first = r.vbytes(65535)
            check_path(r, first)
            r.require(not frames or path_key(first) >= path_key(frames[-1][3]),
                      "first paths descend")
            frames.append((stored, plain, entries, first))
            total += stored
            r.require(total <= self.directory_offset, "index start is negative")
        r.end()
        bodies = sum(entries for _, _, entries, _ in frames)
        r.require(self.number_of_entries <= bodies and (self.number_of_entries or not bodies),
                  "number of entries is not the trailer's")
        self.start = self.directory_offset - total
        return frames

    def _index_frame(self, offset, stored, plain, entries, first):
        r = self._frame(offset, stored, plain, "index frame")
        previous = b""
        for number in range(entries):
            length = r.varint()
            r.require(length <= 524288, f"entry of {length} bytes")
            base = r.at
            body = Reader(r.bytes(length), r.file, base)
            previous = self._entry(body, previous)
            body.end()
            r.require(number or previous == first, "first path is not the directory's")
        r.end()

    def _entry(self, r, previous):
        """Takes one entry; returns its path."""
        kind, flags = r.u8(), r.varint()
        r.require(FILE <= kind <= CONTINUATION, f"unknown type of entry {kind}")
        known = CHANGED if kind == CONTINUATION else CHANGED | LABEL | DERIVED
        r.require(flags & ~known == 0, f"unknown flags of an entry {flags:#x}")
        shared = r.varint()
        r.require(shared <= len(previous), f"{shared} bytes shared of {len(previous)}")
        path = previous[:shared] + r.vbytes(65535)
        check_path(r, path)
        if kind == CONTINUATION:
            self._continuation(r, path)
            return path
        last = self.entries[-1].path if self.entries else None
        r.require(last is None or path_key(path) > path_key(last), "entries do not ascend by path")
        parent = path.rpartition(b"/")[0]
        r.require(not parent or parent in self.directories, "entry without its parent directory")
        entry = Entry(kind, path, flags)
        self._common(r, entry)
        self.entries.append(entry)
        return path

    def _common(self, r, entry):
        if entry.flags & LABEL:
            entry.label = r.text(r.vbytes(4096))
            r.require(entry.label, "empty label")
        entry.mode = r.varint()
        r.require(entry.mode <= 0o7777, f"mode {entry.mode:o}")
        entry.uid, entry.gid = r.varint(), r.varint()
        r.require(max(entry.uid, entry.gid) < 1 << 32, "owner of 2^32 or more")
        entry.mtime_ns, entry.atime_ns = _time(r), _time(r)
        entry.xattrs = _xattrs(r)
        if entry.type == FILE:
            entry.size = r.varint()
            r.require(entry.size < 1 << 63, "size of 2^63 or more")
            self._extents(r, entry)
            self.files.add(entry.path)
        elif entry.type == DIRECTORY:
            self.directories.add(entry.path)
        elif entry.type == SYMLINK:
            entry.target = r.vbytes(4095)
            r.require(entry.target and b"\0" not in entry.target, "bad target of a symbolic link")
        elif entry.type == HARDLINK:
            entry.target = r.vbytes(65535)
            check_path(r, entry.target)
            r.require(entry.target in self.files, "hard link to no earlier file")
        elif entry.type == SKIPPED:
            entry.reason, entry.errno = r.u8(), r.varint()
            r.require(1 <= entry.reason <= 6, f"unknown reason {entry.reason}")

    def _continuation(self, r, path):
        last = self.entries[-1] if self.entries else None
        r.require(last and last.type == FILE and last.path == path,
                  "continuation of another than the entry before")
        self._extents(r, last)

    def _extents(self, r, entry):
        count = r.varint()
        r.require(count <= 4096, f"{count} extents")
        previous = None
        for _ in range(count):
            previous = self._extent(r, previous)
            entry.extents.append(previous)
        covered = sum(e.hole + e.length for e in entry.extents)
        r.require(covered <= entry.size, "extents go beyond the file's size")

    def _extent(self, r, previous):
        e = Extent(r.varint(), r.varint(), r.varint(), r.u8(), r.varint(), r.varint(), r.varint(),
                   r.varint(), r.bytes(16))
        r.require(1 <= e.length <= 4 * MIB, f"extent of {e.length} bytes")
        r.require(e.archive == 0, f"archive {e.archive} is not in the table")
        r.require(e.codec in (RAW, ZSTD), f"unknown codec {e.codec}")
        r.require(1 <= e.stored_length <= 4 * MIB, f"frame of {e.stored_length} stored bytes")
        r.require(1 <= e.plain_length <= 4 * MIB, f"frame of {e.plain_length} plain bytes")
        r.require(e.frame_offset + e.stored_length <= self.start, "frame goes beyond the content")
        r.require(e.codec == ZSTD or e.plain_length == e.stored_length,
                  "raw frame of two lengths")
        r.require(e.start + e.length <= e.plain_length, "extent goes beyond its frame")
        if previous and previous.frame_offset == e.frame_offset:
            r.require((previous.codec, previous.stored_length, previous.plain_length)
                      == (e.codec, e.stored_length, e.plain_length),
                      "extents disagree on their frame")
        return e


class Content:
    """The bytes of files, by way of the frame that was decompressed last."""

    def __init__(self, archive):
        self.archive, self.cached = archive, (None, b"")

    def _plain(self, e):
        frame = (e.frame_offset, e.codec, e.stored_length, e.plain_length)
        if self.cached[0] != frame:
            data = self.archive.read(e.frame_offset, e.stored_length)
            if e.codec == ZSTD:
                try:
                    data = zstd_frame(data, e.plain_length)
                except ValueError as error:
                    self.archive.fail(f"content frame: {error}",
                                      self.archive.file_offset(e.frame_offset))
            self.cached = (frame, data)
        return self.cached[1]

    def extents(self, entry):
        """(offset in the file, bytes) of each extent; what lies between is a hole."""
        at = 0
        for e in entry.extents:
            data = self._plain(e)[e.start:e.start + e.length]
            if xxh3_128(data) != e.digest:
                self.archive.fail(f"digest of an extent of {entry.path!r} does not match",
                                  self.archive.file_offset(e.frame_offset))
            at += e.hole
            yield at, data
            at += e.length
