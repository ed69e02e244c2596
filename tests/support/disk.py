"""The disks that a power loss can leave, made from a log of what was done (disk_log.c).

A disk holds for certain what was synced; of everything else any part may be there. The rules, and
where they come from:

- A write, a length, an attribute of a file is certain once an fsync of that file, or a syncfs, has
  returned that began after the change had ended (POSIX fsync, fdatasync; Linux syncfs). fdatasync
  counts as fsync: the command needs nothing of what it leaves out.
- A name is certain once an fsync of its folder, or a syncfs, has: fsync of a file says nothing of
  its name (Linux fsync(2), NOTES). ext4, XFS and Btrfs keep more; nothing here depends on that. So
  a folder that was synced is lost with all that it holds when its own name was not.
- A rename is one step: old name, new name, never neither (POSIX rename). It is certain once each
  folder that it concerns was synced. It may be there without its file's data or length: ext4
  without auto_da_alloc, and XFS, leave files that are empty or full of zeros that way.
- Changes of names need not reach the disk in their order: of two, the second alone may be there.
- A write reaches the disk in pieces, in any order: pages of 4 KiB of the page cache, sectors of 512
  bytes of a transfer that was under way, O_DIRECT or not. A sector is whole, old or new. A file may
  have got its new length, and zeros where the rest of the write is missing.
- What a write overwrites in place is, sector by sector, old or new.
- A write that has begun and not ended may be there, in part; a sync that has not returned has done
  nothing for certain. A sync that failed has done nothing.

Not modelled: sectors that can no longer be read, writes that went to a wrong place, disks that lie
about a flush. Those are damage, which other tests do.
"""

import collections
import hashlib
import os
import shutil
import stat

import disk_ways

NEVER = float("inf")
EXCHANGE = 2  # RENAME_EXCHANGE

Event = collections.namedtuple("Event", "name a b c first second")
Entry = collections.namedtuple("Entry", "node content attributes digest")


def read_log(path):
    """The entries of a log, as disk_log.c says."""
    with open(path, "rb") as file:
        while line := file.readline():
            name, *numbers = line.split()
            a, b, c, first, second = map(int, numbers)
            yield Event(name.decode(), a, b, c, file.read(first), file.read(second))


class Node:
    """A file, folder or symbolic link, whatever its names."""

    def __init__(self, kind, mode, content=b""):
        self.kind, self.mode, self.content = kind, mode, content  # as they were in the beginning
        self.changes = []
        self.names = {}  # of a folder: name -> Node, as whoever looks sees them


class Change:
    """Something that was done: |begun| and |ended| are positions in the log, and from |certain| on
    nothing undoes it."""

    def __init__(self, number, begun, ended):
        self.number, self.begun, self.ended = number, begun, ended
        self.certain = NEVER
        self.unsynced = set()

    def synced(self, node, begun, ended):
        """A sync of |node|, or None for one of everything."""
        if self.certain < NEVER or self.ended >= begun:
            return
        self.unsynced.discard(node)
        if node is None or not self.unsynced:
            self.certain = ended


class Names(Change):
    """Names set, or with None removed, in one step: (folder, name, node)."""

    def __init__(self, number, at, steps):
        super().__init__(number, at, at)
        self.steps = steps
        self.unsynced = {folder for folder, _, _ in steps}


class Write(Change):
    def __init__(self, number, at, node, offset, data):
        super().__init__(number, at, NEVER)
        self.unsynced = {node}
        self.offset, self.data = offset, data

    def apply(self, content, pieces, has_length):
        """Puts |pieces|, ranges of the file, into |content|."""
        end = self.offset + len(self.data)
        if has_length and len(content) < end:
            content.extend(bytes(end - len(content)))
        for start, stop in pieces:
            if len(content) < start:
                content.extend(bytes(start - len(content)))
            content[start:stop] = self.data[start - self.offset:stop - self.offset]


class Length(Change):
    """ftruncate, or what fallocate adds to the length."""

    def __init__(self, number, at, node, length, may_cut):
        super().__init__(number, at, at)
        self.unsynced = {node}
        self.length, self.may_cut = length, may_cut

    def apply(self, content):
        if self.may_cut:
            del content[self.length:]
        content.extend(bytes(max(0, self.length - len(content))))


class Attribute(Change):
    def __init__(self, number, at, node, key, value):
        super().__init__(number, at, at)
        self.unsynced = {node}
        self.key, self.value = key, value


# -- The disk.


def scan(path, known):
    """The tree at |path| as a Node; |known| gets the nodes by inode."""
    info = os.lstat(path)
    if info.st_ino in known and not stat.S_ISDIR(info.st_mode):
        return known[info.st_ino]
    mode = stat.S_IMODE(info.st_mode)
    if stat.S_ISLNK(info.st_mode):
        node = Node("link", mode, os.readlink(path))
    elif stat.S_ISDIR(info.st_mode):
        node = Node("folder", mode)
        node.names = {name: scan(os.path.join(path, name), known) for name in os.listdir(path)}
    else:
        with open(path, "rb") as file:
            node = Node("file", mode, file.read())
    known[info.st_ino] = node
    return node


class Disk:
    """A folder as it is now, all of it certain; then |replay| adds what a log says."""

    def __init__(self, root):
        self.root_path = os.path.realpath(os.fsencode(root))
        self.by_inode = {}
        self.root = scan(self.root_path, self.by_inode)
        self.before = {node: dict(node.names) for node in self.by_inode.values()}
        self.events = []
        self.changes = []
        self.entries = {}  # what has been made: a node is the same at many points
        self.base = self.tree(0, disk_ways.NOTHING)
        self.numbered = {}  # writes and syncs under way

    def replay(self, log):
        for event in read_log(log):
            at = len(self.events)
            self.events.append(event)
            getattr(self, f"_{event.name}")(at, event)

    # -- names, as they are for whoever looks

    def _find(self, path):
        """The folder that holds |path|, and the name there; None, None outside the root."""
        path = os.path.normpath(path)
        if not path.startswith(self.root_path + b"/"):
            return None, None
        *folders, name = path[len(self.root_path) + 1:].split(b"/")
        node = self.root
        for folder in folders:
            node = node.names[folder]
        return node, name

    def _change_names(self, at, steps):
        self.changes.append(Names(len(self.changes), at, steps))
        for folder, name, node in steps:
            if node is None:
                del folder.names[name]
            else:
                folder.names[name] = node

    def _change(self, node, change):
        self.changes.append(change)
        node.changes.append(change)

    # -- events

    def _start(self, at, event):
        for change in self.numbered.values():  # whoever was killed has ended
            if isinstance(change, Write):
                change.ended = at
        self.numbered.clear()

    def _make(self, at, event, kind, content=b""):
        folder, name = self._find(event.first)
        if folder is None:
            return None
        if name not in folder.names:
            node = Node(kind, event.b, content)
            self.before[node] = {}
            self._change_names(at, [(folder, name, node)])
        self.by_inode[event.a] = folder.names[name]
        return folder.names[name]

    def _open(self, at, event):
        node = self._make(at, event, "file")
        if node is not None and event.c & os.O_TRUNC:
            self._change(node, Length(len(self.changes), at, node, 0, True))

    def _mkdir(self, at, event):
        self._make(at, event, "folder")

    def _symlink(self, at, event):
        self._make(at, event, "link", event.second)

    def _rename(self, at, event):
        (folder, name), (other, new) = self._find(event.first), self._find(event.second)
        if folder is None:
            return
        node = folder.names[name]
        replaced = other.names.get(new)
        if node is replaced:
            return  # two names of one file: rename does nothing
        self._change_names(at, [(folder, name, replaced if event.c & EXCHANGE else None),
                              (other, new, node)])

    def _link(self, at, event):
        (folder, name), (other, new) = self._find(event.first), self._find(event.second)
        if folder is not None:
            self._change_names(at, [(other, new, folder.names[name])])

    def _unlink(self, at, event):
        folder, name = self._find(event.first)
        if folder is not None:
            self._change_names(at, [(folder, name, None)])

    _rmdir = _unlink

    def _write(self, at, event):
        node = self.by_inode.get(event.b)
        if node is not None:
            write = Write(len(self.changes), at, node, event.c, event.first)
            self._change(node, write)
            self.numbered[event.a] = write

    def _fsync(self, at, event):
        self.numbered[event.a] = (at, self.by_inode.get(event.b))

    def _syncfs(self, at, event):
        self.numbered[event.a] = (at, None)

    def _done(self, at, event):
        begun = self.numbered.pop(event.a, None)
        if isinstance(begun, Write):
            begun.ended = at
            begun.data = begun.data[:max(0, event.b)]
        elif begun is not None and event.b == 0:
            number, node = begun
            if node is not None or self.events[number].name == "syncfs":
                for change in self.changes:
                    change.synced(node, number, at)

    def _truncate(self, at, event):
        node = self.by_inode.get(event.a)
        if node is not None:
            self._change(node, Length(len(self.changes), at, node, event.b, True))

    def _allocate(self, at, event):
        node = self.by_inode.get(event.a)
        if event.b != 0:
            raise ValueError("this fallocate is not modelled")
        if node is not None:
            length = event.c + int(event.first)
            self._change(node, Length(len(self.changes), at, node, length, False))

    def _attribute(self, at, event, key, value):
        node = self.by_inode.get(event.a)
        if node is not None:
            self._change(node, Attribute(len(self.changes), at, node, key, value))

    def _mode(self, at, event):
        self._attribute(at, event, "mode", event.b & 0o7777)

    def _times(self, at, event):
        self._attribute(at, event, "times", event.b)

    def _xattr(self, at, event):
        self._attribute(at, event, event.first, event.second)

    # -- what is left

    def told(self, point):
        """The last of the first |point| events, for people."""
        if point == 0:
            return "nothing"
        event = self.events[point - 1]
        is_path = event.first.startswith(self.root_path)
        return f"{event.name} {event.a} {event.b} {os.fsdecode(event.first) if is_path else ''}"

    def uncertain(self):
        """The changes that a power loss after the last event could undo."""
        return [change for change in self.changes if change.certain == NEVER]

    def tree(self, point, way):
        """What |way| leaves of the first |point| events: path -> Entry."""
        changes = [change for change in self.changes
                   if isinstance(change, Names) and change.begun < point]
        way.begin([change for change in changes if change.certain >= point])
        names = {node: dict(there) for node, there in self.before.items()}
        for change in changes:
            if change.certain < point or way.keeps_names(change):
                for folder, name, node in change.steps:
                    if node is None:
                        names[folder].pop(name, None)
                    else:
                        names[folder][name] = node
        entries, found = {}, {}
        waiting = [(b"", self.root)]
        while waiting:
            path, node = waiting.pop()
            if node not in found:
                found[node] = self._entry(node, point, way)
            entries[path] = found[node]
            if node.kind == "folder":
                waiting += [(os.path.join(path, name), child)
                            for name, child in names[node].items()]
        return entries

    def _entry(self, node, point, way):
        changes = [change for change in node.changes if change.begun < point]
        key = (node, way, len(changes), sum(change.certain < point for change in changes))
        if key not in self.entries:
            self.entries[key] = make_entry(node, changes, point, way)
        return self.entries[key]

    def disks(self, kinds, start=0):
        """Every distinct disk, for every point from |start| on: (point, way, tree). The last point,
        which comes first, is the end."""
        seen = set()
        for point in range(len(self.events), start - 1, -1):
            for way in kinds:
                tree = self.tree(point, way)
                key = digest_of(tree)
                if key not in seen:
                    seen.add(key)
                    yield point, way, tree

    def lay_out(self, tree):
        """Makes the folder, which is as it was in the beginning, what |tree| says."""
        for path in sorted(self.base.keys() - tree.keys()):
            remove(os.path.join(self.root_path, path))
        first_path = {}
        changed = []
        for path, entry in sorted(tree.items()):
            if path not in self.base or self.base[path].digest != entry.digest:
                full = os.path.join(self.root_path, path)
                put(full, entry, first_path.get(entry.node))
                changed.append((full, entry))
            first_path.setdefault(entry.node, os.path.join(self.root_path, path))
        for full, entry in reversed(changed):  # the deepest first
            set_attributes(full, entry)


def make_entry(node, changes, point, way):
    """What |way| leaves of |node|, to which |changes| were made until |point|."""
    content, attributes = bytearray(node.content), {"mode": node.mode}
    for change in changes:
        is_certain = change.certain < point
        if isinstance(change, Write):
            whole = [(change.offset, change.offset + len(change.data))]
            change.apply(content, whole if is_certain else way.pieces(change),
                         is_certain or way.keeps_length(change))
        elif is_certain or way.keeps_length(change):
            if isinstance(change, Length):
                change.apply(content)
            else:
                attributes[change.key] = change.value
    content = bytes(content)
    facts = repr((node.kind, len(content), sorted(map(repr, attributes.items()))))
    digest = hashlib.sha256(facts.encode() + content).digest()
    return Entry(node, content, attributes, digest)


def digest_of(tree):
    whole = hashlib.sha256()
    for path, entry in sorted(tree.items()):
        whole.update(b"%d %s" % (len(path), path) + entry.digest)
    return whole.digest()


def remove(path):
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


def put(path, entry, same_file):
    """Makes |path| what |entry| is; |same_file| is another name of it that is there."""
    if entry.node.kind == "folder":
        if not os.path.isdir(path):
            remove(path)
            os.mkdir(path)
    elif same_file is not None:
        remove(path)
        os.link(same_file, path, follow_symlinks=False)
    elif entry.node.kind == "link":
        remove(path)
        os.symlink(entry.content, path)
    else:
        remove(path)
        with open(path, "wb") as file:
            file.write(entry.content)


def set_attributes(path, entry):
    for key, value in entry.attributes.items():
        if key == "mode" and entry.node.kind != "link":
            os.chmod(path, value)
        elif key not in ("mode", "times"):
            os.setxattr(path, key, value, follow_symlinks=False)
    if "times" in entry.attributes:  # the last, for all else changes them
        nanoseconds = entry.attributes["times"]
        os.utime(path, ns=(nanoseconds, nanoseconds), follow_symlinks=False)
