"""Archives: the header block, its key slots and the FLOE body (section 6)."""

import hashlib
import os
import struct
from pathlib import Path

from keybag import category_name
from primitives import (FLOE_HEADER_LEN, FLOE_TAG_LEN, MIB, SEGMENT_OVERHEAD, Floe, FormatError,
                        NoKey, Reader, Unsupported, floe_params, hpke_open, sha256)

SLOT_HPKE = 1


def count_segments(body, step):
    """How many segments a body of so many bytes has, and the length of the final one."""
    count = max(-(-body // step), 1)
    return count, body - (count - 1) * step


class Header:
    """The header block: every field of it checked, the slots kept."""

    def __init__(self, data, path):
        r = Reader(data, path)
        r.magic(b"ADPSEAL1")
        self.length = r.u32()
        r.require(self.length % 4096 == 0 and 4096 <= self.length <= 65536,
                  f"header length {self.length}")
        r.require(self.length <= len(data), "file is shorter than its header block")
        block = data[:self.length]
        r.require(sha256(block[:-32]) == block[-32:], "checksum of the header block does not match")
        self.vault_id, self.archive_id, self.category = r.bytes(16), r.bytes(16), r.u16()
        r.require(1 <= self.category <= 26, f"unknown category {self.category}")
        r.zero(2)
        self.epoch = r.u32()
        r.require(self.epoch >= 1, "epoch 0")
        r.zero(8)
        self.fixed = block[:64]
        self._floe_header(r)
        self._slots(r)
        r.data = block[:-32]
        r.zero(r.left(), "padding")

    def _floe_header(self, r):
        header = r.bytes(FLOE_HEADER_LEN)
        self.segment_len = struct.unpack(">I", header[2:6])[0]
        r.require(self.segment_len % 4096 == 0 and 4096 <= self.segment_len <= 4 * MIB,
                  f"ENC_SEG_LEN {self.segment_len}")
        r.require(header[:10] == floe_params(self.segment_len), "unknown FLOE parameters")
        self.floe_iv, self.floe_tag = header[10:-FLOE_TAG_LEN], header[-FLOE_TAG_LEN:]

    def _slots(self, r):
        count, length = r.u16(), r.u32()
        r.require(1 <= count <= 64, f"{count} slots")
        r.require(length <= self.length - 176, f"slots of {length} bytes")
        slots = Reader(r.bytes(length), r.file, 144)
        self.slots = []
        for _ in range(count):
            kind, payload = slots.u16(), slots.bytes(slots.u16())
            if kind == SLOT_HPKE:
                slots.require(len(payload) == 84, f"slot of {len(payload)} bytes")
                self.slots.append((struct.unpack("<I", payload[:4])[0], payload[4:]))
        slots.end()


class Archive:
    """One archive that a record names, opened: its stream can be read at any offset."""

    def __init__(self, path, named, keybag, identity):
        self.path = str(path)
        self.file = open(path, "rb")  # pylint: disable=consider-using-with
        try:
            self.size = os.fstat(self.file.fileno()).st_size
            self.header = self._find_header(named, keybag)
            self.floe = self._open_slots(keybag, identity)
            self._measure()
        except BaseException:
            self.file.close()
            raise
        self.tags_digest = named.tags_digest
        self.cached = (None, b"")

    def close(self):
        self.file.close()

    def fail(self, message, offset=None):
        raise FormatError(self.path, message, offset)

    def _find_header(self, named, keybag):
        """The header in place, or if that one is damaged the one beside the archive."""
        try:
            header = Header(self.file.read(65536), self.path)
        except Unsupported:
            raise
        except FormatError as damage:
            header = self._header_beside(named, keybag)
            if header is None:
                raise damage
        self._agree(header, named, keybag)
        return header

    def _header_beside(self, named, keybag):
        path = Path(self.path).with_suffix(".adph")
        try:
            data = path.read_bytes()
            header = Header(data, str(path))
            self._agree(header, named, keybag)
        except (FileNotFoundError, FormatError):
            return None
        return header if len(data) == header.length else None

    def _agree(self, header, named, keybag):
        for what, here, there in (
                ("vault id", header.vault_id, keybag.vault_id),
                ("archive id", header.archive_id, named.archive_id),
                ("category", header.category, named.category),
                ("epoch", header.epoch, named.epoch),
                ("size", self.size, named.size),
                ("FLOE header tag", header.floe_tag, named.header_tag)):
            if here != there:
                self.fail(f"{what} is not the record's")

    def _open_slots(self, keybag, identity):
        """The FLOE state under the first slot whose key the header tag confirms."""
        header, opened = self.header, False
        for epoch, wrap in header.slots:
            private = keybag.epoch_private(identity, header.category, epoch)
            if private is None:
                continue
            info = b"adp-seal/1 archive key\0" + header.fixed + struct.pack("<I", epoch)
            key = hpke_open(private, wrap, info)
            if key is None:
                continue
            opened = True
            floe = Floe(key, header.fixed, header.segment_len, header.floe_iv)
            if floe.header_tag == header.floe_tag:
                return floe
        if opened:
            self.fail("FLOE header tag does not verify", 64)
        raise NoKey(f"{self.path}: no slot for {category_name(header.category)} opens "
                    f"with the identity of {identity.name}")

    def _measure(self):
        body, step = self.size - self.header.length, self.header.segment_len
        self.segments, last = count_segments(body, step)
        if last < SEGMENT_OVERHEAD:
            self.fail(f"final segment of {last} bytes", self.size - max(last, 0))
        self.payload = step - SEGMENT_OVERHEAD
        self.stream_length = (self.segments - 1) * self.payload + last - SEGMENT_OVERHEAD

    def segment(self, position):
        """The plaintext and the tag of a segment."""
        offset = self.header.length + position * self.header.segment_len
        self.file.seek(offset)
        raw = self.file.read(self.header.segment_len)
        try:
            return self.floe.decrypt(raw, position, position == self.segments - 1), raw[-16:]
        except ValueError as error:
            return self.fail(str(error), offset)

    def read(self, offset, length):
        """`length` bytes of the stream; the caller has checked that they are there."""
        out = bytearray()
        while len(out) < length:
            position, skip = divmod(offset + len(out), self.payload)
            if self.cached[0] != position:
                self.cached = (position, self.segment(position)[0])
            piece = self.cached[1][skip:skip + length - len(out)]
            if not piece:
                self.fail(f"stream ends before {offset + length}")
            out += piece
        return bytes(out)

    def file_offset(self, offset):
        """Where in the file the stream's byte at `offset` lies, for error messages."""
        position, skip = divmod(offset, self.payload)
        return self.header.length + position * self.header.segment_len + 16 + skip

    def check_tags(self):
        """Reads every segment and compares the digest of their tags with the record's."""
        digest = hashlib.sha256()
        for position in range(self.segments):
            digest.update(self.segment(position)[1])
        if digest.digest() != self.tags_digest:
            self.fail("digest of the segments' tags is not the record's")


def archive_path(vault, snapshot_id, named):
    return Path(vault) / "archives" / snapshot_id / f"{named.name()}.adps"


def open_archive(vault, record, named, keybag, identity):
    path = archive_path(vault, record.snapshot_id, named)
    if not path.is_file():
        raise FormatError(path, "is not there, though the record names it")
    return Archive(path, named, keybag, identity)
