"""Mutations of the stream (section 7): content frames, entries, index, directory, trailer."""

from dataclasses import replace

import zstandard

from index import (CONTINUATION, DERIVED, DIRECTORY, FIFO, FILE, HARDLINK, LABEL, SKIPPED, ZSTD,
                   Entry, Extent)
from mutation import DONE, INTEGRITY, UNSUPPORTED, at, flip, mutate, patch, put
from primitives import SEGMENT_OVERHEAD, xxh3_128
from sample import entry
from writing import IndexFrame, varint, vbytes, zstd, zstd_raw_frame

FOUR_MIB = 4 << 20

# ---- content frames


def each_zstd(make):
    """Replaces the stored bytes of every zstd frame."""
    def change(frame):
        if frame.codec == ZSTD:
            frame.stored = make(frame.plain)
    return change


SKIPPABLE = b"\x50\x2a\x4d\x18\0\0\0\0"

mutate("content",
       zstd_without_content_size=each_zstd(lambda p: zstd(p, write_content_size=False)),
       zstd_content_size_wrong=each_zstd(lambda p: zstd(p[:-1])),
       zstd_two_frames=each_zstd(lambda p: zstd(p) + zstd(b"")),
       zstd_skippable_frame=each_zstd(lambda p: zstd(p) + SKIPPABLE),
       zstd_bytes_after=each_zstd(lambda p: zstd(p) + b"\0"),
       zstd_cut=each_zstd(lambda p: zstd(p)[:-1]),
       zstd_checksum_wrong=each_zstd(lambda p: flip(-1)(zstd(p, write_checksum=True))),
       zstd_dictionary=each_zstd(lambda p: zstd_raw_frame(p, dictionary=7)),
       zstd_window_too_large=each_zstd(lambda p: zstd_raw_frame(p, window_log=24)))
mutate("content", DONE, ok_window_of_8_mib=each_zstd(lambda p: zstd_raw_frame(p, window_log=23)))

# ---- paths and order (section 7.1)


def add(path, kind=FIFO, **fields):
    return lambda plan: plan.insert(entry(kind, path, **fields))


def exchange(first, second):
    """Two entries of one frame change places."""
    def change(plan):
        for frame in plan.frames:
            paths = [e.path for e in frame]
            if first in paths and second in paths:
                i, j = paths.index(first), paths.index(second)
                frame[i], frame[j] = frame[j], frame[i]
    return change


def long_path(length):
    """A path of `length` bytes, and all its parents: 255 folders and one more component."""
    def change(plan):
        path = b"library"
        for _ in range(255):
            path += b"/" + b"z" * 255
            plan.frames[-1].append(entry(DIRECTORY, path))
        plan.frames[-1].append(entry(FIFO, path + b"/" + b"z" * (length - len(path) - 1)))
    return change


mutate("plan",
       path_too_long=long_path(65536),
       path_dotdot=add(b"library/.."),
       path_dot=add(b"library/."),
       path_absolute=add(b"/etc"),
       path_empty_component=add(b"library//x"),
       path_ends_in_slash=add(b"library/a/"),
       path_nul=add(b"library/x\0y"),
       path_component_too_long=add(b"library/" + b"x" * 256),
       entry_out_of_order=exchange(b"library/link", b"library/link-out"),
       entry_in_byte_order=exchange(b"library/a/b", b"library/a-b"),
       duplicate_path=add(b"library/pipe"),
       missing_parent=add(b"library/gone/x"),
       missing_root=add(b"other/x"),
       parent_not_a_folder=add(b"library/empty/x"))

mutate("plan", DONE, ok_path_of_65535=long_path(65535))

# ---- entries (section 7.2)


def change_entry(path, **values):
    return at(lambda plan: plan.find(path), put(**values))


def xattrs(*pairs):
    return change_entry(b"library/pipe", xattrs=list(pairs))


def label(text):
    return change_entry(b"library/pipe", flags=LABEL, label=text)


def continuation(after, path, flags=0):
    """A continuation without extents after the entry `after`."""
    def change(plan):
        frame = next(f for f in plan.frames if any(e.path == after for e in f))
        where = max(i for i, e in enumerate(frame) if e.path == after)
        frame.insert(where + 1, Entry(CONTINUATION, path, flags))
    return change


def continuation_first(plan):
    plan.frames[0].insert(0, Entry(CONTINUATION, b"library"))


def large(name):
    """A FIFO whose body is nearly as long as a body may be."""
    return entry(FIFO, name, xattrs=[(b"user.%d" % n, bytes(65000)) for n in range(8)])


def index_frame_too_long(plan):
    for name in (b"library/pipe1", b"library/pipe2", b"library/pipe3"):
        plan.insert(large(name))


HUGE = (1 << 63) - 1


def content_bytes_overflow(plan):
    for name in (b"library/x", b"library/y"):
        plan.insert(entry(FILE, name, size=HUGE))
    plan.find(b"library/empty").size = 2


mutate("plan",
       flag_unknown=change_entry(b"library/pipe", flags=8),
       label_empty=label(""),
       label_too_long=label("x" * 4097),
       label_with_nul=label("a\0b"),
       label_with_escape=label("a\x1b[2Jb"),
       label_not_utf8=label("a\udcffb"),
       mode_too_large=change_entry(b"library/pipe", mode=0o10000),
       uid_too_large=change_entry(b"library/pipe", uid=1 << 32),
       gid_too_large=change_entry(b"library/pipe", gid=1 << 32),
       xattrs_unordered=xattrs((b"user.b", b""), (b"user.a", b"")),
       xattr_twice=xattrs((b"user.a", b""), (b"user.a", b"")),
       xattr_name_empty=xattrs((b"", b"")),
       xattr_name_nul=xattrs((b"user.\0", b"")),
       xattr_name_too_long=xattrs((b"x" * 256, b"")),
       xattr_value_too_long=xattrs((b"user.a", bytes(65537))),
       xattrs_too_many=xattrs(*((b"%04d" % n, b"") for n in range(1025))),
       symlink_target_empty=change_entry(b"library/link", target=b""),
       symlink_target_nul=change_entry(b"library/link", target=b"a\0b"),
       symlink_target_too_long=change_entry(b"library/link", target=b"t" * 4096),
       hardlink_forward=add(b"library/b", HARDLINK, target=b"library/film.mov"),
       hardlink_out=add(b"library/z", HARDLINK, target=b"../outside"),
       skipped_reason_0=add(b"library/z", SKIPPED, reason=0),
       skipped_reason_unknown=add(b"library/z", SKIPPED, reason=7),
       file_too_large=change_entry(b"library/hole", size=1 << 63),
       entry_too_long=at(lambda plan: plan.find(b"library/pipe"),
                         put(xattrs=[(b"user.%d" % n, bytes(65000)) for n in range(9)])),
       index_frame_too_long=index_frame_too_long,
       content_bytes_overflow=content_bytes_overflow,
       continuation_first=continuation_first,
       continuation_of_folder=continuation(b"library/a", b"library/a"),
       continuation_of_symlink=continuation(b"library/link", b"library/link"),
       continuation_derived=continuation(b"library/old", b"library/old", DERIVED),
       continuation_of_another=continuation(b"library/old", b"library/film.mov"))


mutate("plan", INTEGRITY, "open",
       hardlink_missing=add(b"library/b", HARDLINK, target=b"library/a/none"),
       hardlink_to_folder=add(b"library/b", HARDLINK, target=b"library/a"),
       hardlink_to_hardlink=add(b"library/z", HARDLINK, target=b"library/linked"))


mutate("plan", DONE,
       ok_symlink_target_of_4095=change_entry(b"library/link", target=b"t" * 4095),
       ok_xattr_name_of_255=xattrs((b"user." + b"x" * 250, b"")),
       ok_xattr_value_of_65536=xattrs((b"user.a", bytes(65536))),
       ok_xattrs_of_1024=xattrs(*((b"%04d" % n, b"") for n in range(1024))),
       ok_file_of_many_bytes=change_entry(b"library/hole", size=HUGE - 10**9))


def bodies_of(group, number, change):
    """A change to one body: `change` receives it and its entry."""
    def apply(groups):
        bodies, entries = groups[group]
        bodies[number] = change(bodies[number], entries[number])
    return apply


def last_varint(new):
    """The last field of the entry that says what was skipped is a varint without other limits."""
    def apply(groups):
        for bodies, entries in groups:
            for number, e in enumerate(entries):
                if e.type == SKIPPED:
                    bodies[number] = bodies[number][:-1] + new
    return apply


def prefix(shared, body, e):
    """The body, all of whose path was written, with `shared` bytes of it left out."""
    rest = body[3 + len(vbytes(e.path)):]
    return body[:2] + varint(shared) + vbytes(e.path[shared:]) + rest


def whole_path(body, e):
    shared = body[2]
    return body[:2] + varint(0) + vbytes(e.path) + body[3 + len(vbytes(e.path[shared:])):]


def time_of(nanoseconds):
    """Writes the two times of a FIFO without xattrs anew, mtime with these nanoseconds."""
    def apply(groups):
        for bodies, entries in groups:
            for number, e in enumerate(entries):
                if e.type == FIFO:
                    seconds = varint(2 * 10**9)
                    times = seconds + varint(nanoseconds) + seconds + varint(0) + varint(0)
                    common = varint(e.mode) + varint(e.uid) + varint(e.gid)
                    start = bodies[number].index(common) + len(common)
                    bodies[number] = bodies[number][:start] + times
    return apply


mutate("bodies",
       type_zero=bodies_of(0, 1, lambda body, _: patch(0, b"\0")(body)),
       type_unknown=bodies_of(0, 1, lambda body, _: patch(0, b"\x08")(body)),
       noncanonical_varint=last_varint(b"\x80\0"),
       varint_too_long=last_varint(b"\x80" * 10 + b"\1"),
       varint_overflow=last_varint(b"\xff" * 9 + b"\2"),
       nanoseconds_too_many=time_of(10**9),
       trailing_bytes=bodies_of(0, 1, lambda body, _: body + b"\0"),
       entry_cut=bodies_of(0, 1, lambda body, _: body[:-1]),
       entry_empty=bodies_of(0, 1, lambda body, _: b""),
       shared_in_first_entry=bodies_of(1, 0, lambda body, e: prefix(8, body, e)),
       shared_too_long=bodies_of(0, 1, lambda body, _: patch(2, b"\x08")(body)))
mutate("bodies", DONE, ok_shared_not_used=bodies_of(0, 1, whole_path))

# ---- extents (section 7.3)


def film(change):
    """A change to the one extent of a file that is stored raw."""
    return at(lambda plan: plan.find(b"library/film.mov").extents[0], change)


def extents_of(num):
    def change(plan):
        e = plan.find(b"library/film.mov")
        data = plan.contents[e.path]
        e.extents = [replace(e.extents[0], start=n, length=1, digest=xxh3_128(data[n:n + 1]))
                     for n in range(num)]
    return change


def frame_of(length):
    """A zstd frame of zeros."""
    def change(plan):
        stored = zstd(bytes(length))
        plan.find(b"library/film.mov").extents = [Extent(
            0, 10, 0, ZSTD, len(plan.content), len(stored), length, 0, xxh3_128(bytes(10)))]
        plan.content += stored
    return change


def past_index(plan):
    """A raw frame whose last byte is the first of the index."""
    e = plan.find(b"library/film.mov").extents[0]
    e.frame_offset = len(plan.content) + 1 - e.stored_length


def continuation_past_size(plan):
    """The head's extents fit the size; those of the last continuation do not."""
    plan.find(b"library/long.txt").size -= 1


mutate("plan",
       digest_wrong=film(put(digest=bytes(16))),
       extent_past_index=past_index,
       extent_past_frame=film(put(start=1)),
       extent_start_overflow=film(put(start=(1 << 64) - 10)),
       extent_frame_overflow=film(put(frame_offset=(1 << 64) - 100)),
       extent_hole_overflow=film(put(hole=(1 << 64) - 100)),
       extent_empty=film(put(length=0, digest=xxh3_128(b""))),
       extent_archive_unknown=film(put(archive=1)),
       extent_codec_unknown=film(put(codec=2)),
       raw_frame_of_two_lengths=film(put(plain_length=20001)),
       frames_disagree=at(lambda plan: plan.find(b"library/sparse").extents[1],
                          put(stored_length=20001, plain_length=20001)),
       frame_too_long=frame_of(FOUR_MIB + 1),
       too_many_extents=extents_of(4097),
       extents_past_size=change_entry(b"library/sparse", size=26383),
       extents_past_size_in_continuation=continuation_past_size)
mutate("plan", DONE,
       ok_frame_of_4_mib=frame_of(FOUR_MIB),
       ok_extents_of_4096=extents_of(4096),
       ok_content_without_entry=lambda plan: plan.content.extend(b"left by nobody"),
       ok_no_entries=lambda plan: plan.frames.clear())

# ---- index frames, directory, trailer


def first_frame(**values):
    return at(lambda frames: frames[0], put(**values))


def stored_anew(make):
    def change(frames):
        frames[0].stored = make(frames[0].stored)
    return change


def without_size(data):
    return zstd(zstandard.ZstdDecompressor().decompress(data), write_content_size=False)


def pad_to_segments(parts):
    """Content that no entry names, so that the stream fills its last segment."""
    content, rest = parts
    step = 4096 - SEGMENT_OVERHEAD
    return content + bytes(-(len(content) + rest + 64) % step), rest


mutate("frame-plain", index_trailing_bytes=lambda plain: plain + b"\0")
mutate("index-frames",
       index_without_content_size=stored_anew(without_size),
       index_two_frames=stored_anew(lambda stored: stored + zstd(b"")),
       index_plain_length_wrong=first_frame(plain_length=1),
       index_entries_too_few=at(lambda frames: frames[0], lambda f: put(entries=f.entries - 1)(f)),
       index_entries_too_many=at(lambda frames: frames[0],
                                 lambda f: put(entries=f.entries + 1)(f)),
       index_entries_none=lambda frames: [*frames, IndexFrame(zstd(b"\0"), 1, 0, b"library/z")],
       index_first_path_wrong=at(lambda frames: frames[1], put(first=b"library/f")),
       index_start_negative=first_frame(stored_length=1 << 20),
       index_stored_too_long=first_frame(stored_length=(1 << 20) + 1),
       index_stored_zero=lambda frames: [*frames, IndexFrame(b"", 1, 1, b"library/z")])
mutate("directory",
       directory_two_archives=patch(0, b"\2"),
       directory_no_archive=patch(0, b"\0"),
       directory_trailing_bytes=lambda data: data + b"\0")
mutate("directory-stored", directory_without_content_size=without_size)
mutate("trailer",
       bad_trailer=put(magic=b"ADPSINDY"),
       trailer_directory_offset=lambda t: put(directory_offset=t.directory_offset - 1)(t),
       trailer_directory_overflow=put(directory_offset=(1 << 64) - 1),
       trailer_directory_plain=put(directory_plain=(256 << 20) + 1),
       trailer_directory_stored_0=lambda t: put(
           directory_offset=t.directory_offset + t.directory_stored, directory_stored=0)(t),
       trailer_directory_plain_0=put(directory_plain=0),
       trailer_entries=put(entries=1),
       trailer_entries_0=put(entries=0),
       trailer_entries_too_many=put(entries=1 << 40),
       trailer_content_bytes=put(content_bytes=0),
       trailer_reserved=put(reserved=b"\1" + bytes(15)))
mutate("trailer", UNSUPPORTED, trailer_version=put(version=2), trailer_flags=put(flags=1))
mutate("stream",
       stream_shorter_than_trailer=lambda stream: stream[-63:],
       stream_empty=lambda stream: b"")
mutate("assembled", DONE, ok_final_segment_empty=pad_to_segments)
