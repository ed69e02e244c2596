"""Trees of every kind of entry, made and changed at random, and what is to be remembered of one.

An edit adds something, changes, renames or removes it; any_edit() draws one, edit_tree() does it.
Names are bytes. What the file system or this user cannot do (a device without root, attributes that
do not fit) is left out: what lies there in the end is the model.
"""

import contextlib
import hashlib
import os
import random
import shutil
import socket
import stat
import struct

from scenario import trees

IS_ROOT = os.geteuid() == 0
SECOND = 10**9
YEAR = 365 * 86400 * SECOND
SPECIAL_NAMES = (b"\n", b" ", b"-rf", b"*", b"\xff\xfe", b"\xc3", b"a" * 255,
                 b"\xf0\x9f\x8e\x82" * 60, b"photo.jpg", b"text.txt", b"mail.mbox", b"Thumbs.db",
                 b".hidden", b"\\", b"\x01\x7f")
SIZES = (0, 1, 4095, 4096, 4097, 65_536, 70_000, 262_112, 1_000_000, 5_000_000)
TIMES = (0, 1, -1, -SECOND, -60 * YEAR, 30 * YEAR + 123_456_789, 68 * YEAR, 400 * YEAR)
MODES = (0o000, 0o400, 0o600, 0o644, 0o755, 0o777, 0o1777, 0o2755, 0o4755, 0o6711)
ACL_TAGS = {"user": 0x01, "named": 0x02, "group": 0x04, "mask": 0x10, "other": 0x20}
NOBODY = 65534

ADDED = ("file",) * 6 + ("folder", "folder", "deep", "wide", "symlink", "hard link", "fifo",
                         "socket", "device")
CHANGED = ("write", "append", "cut", "rename", "remove", "mode", "time", "owner", "attribute",
           "acl")


def any_name(chance):
    if chance.random() < 0.4:
        return chance.choice(SPECIAL_NAMES)
    name = bytes(chance.choice(range(1, 256)) for _ in range(chance.randint(1, 12)))
    name = name.replace(b"/", b"_")
    return b"dots" if name in (b".", b"..") else name


def any_edit(chance, words=ADDED + CHANGED):
    return {"what": chance.choice(words), "name": any_name(chance), "seed": chance.randrange(100),
            "place": chance.randrange(10_000), "size": chance.choice(SIZES),
            "content": chance.choice(("noise", "prose", "zeros", "holes"))}


def content(kind, size, seed):
    if kind == "noise":
        return random.Random(seed).randbytes(size)
    if kind == "prose":
        line = b"line %d of a text that zstd makes much smaller than it was\n" % seed
        return (line * (size // len(line) + 1))[:size]
    return bytes(size)


def write(path, kind, size, seed):
    with open(path, "xb") as file:
        if kind != "holes":
            file.write(content(kind, size, seed))
            return
        chance = random.Random(seed)
        for _ in range(3):
            file.seek(chance.randrange(size + 1))
            file.write(b"between holes"[:size])
        file.truncate(size)


def acl(seed):
    """A POSIX ACL with one named user, as the attribute has it (linux/posix_acl_xattr.h)."""
    undefined = 0xffffffff
    entries = ((ACL_TAGS["user"], 7, undefined), (ACL_TAGS["named"], seed % 8, 1000 + seed),
               (ACL_TAGS["group"], 5, undefined), (ACL_TAGS["mask"], 7, undefined),
               (ACL_TAGS["other"], seed % 2 * 4, undefined))
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def make(path, edit, existing):
    """Makes the entry |path| that |edit| adds."""
    what, seed = edit["what"], edit["seed"]
    if what == "file":
        write(path, edit["content"], edit["size"], seed)
    elif what == "folder":
        os.mkdir(path)
    elif what == "deep":
        os.makedirs(path + b"/d" * (10 + 2 * seed))
    elif what == "wide":
        os.mkdir(path)
        for number in range(20 + 3 * seed):
            write(path + b"/%d.txt" % number, "prose", number, number)
    elif what == "symlink":
        os.symlink((b"nowhere", b"/etc/passwd", edit["name"], b"..", b"x" * 1000)[seed % 5], path)
    elif what == "hard link":
        os.link(existing[seed % len(existing)], path)
    elif what == "fifo":
        os.mkfifo(path)
    elif what == "socket":
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
    elif what == "device" and IS_ROOT:
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 3))


def change(path, edit):
    """Changes the entry |path|, which is no folder's root."""
    what, seed = edit["what"], edit["seed"]
    is_link, is_file = os.path.islink(path), stat.S_ISREG(os.lstat(path).st_mode)
    if what == "rename":
        os.rename(path, os.path.join(os.path.dirname(path), edit["name"][:40]))
    elif what == "remove":
        if os.path.isdir(path) and not is_link:
            shutil.rmtree(path)
        else:
            os.unlink(path)
    elif what == "time":
        at = TIMES[seed % len(TIMES)]
        os.utime(path, ns=(at, at), follow_symlinks=False)
    elif what == "owner" and IS_ROOT:
        os.chown(path, seed, NOBODY, follow_symlinks=False)
    elif is_link:
        return
    elif what == "mode":
        mode = MODES[seed % len(MODES)]
        os.chmod(path, mode if IS_ROOT else mode | 0o700)
    elif what == "attribute":
        os.setxattr(path, b"user.%d" % (seed % 3), content("noise", seed * 10, seed))
    elif what == "acl":
        os.setxattr(path, "system.posix_acl_access", acl(seed))
        if os.path.isdir(path):
            os.setxattr(path, "system.posix_acl_default", acl(seed))
    elif is_file and what == "write":
        with open(path, "r+b") as file:
            file.write(content("noise", 1000, seed))
    elif is_file and what == "append":
        with open(path, "ab") as file:
            file.write(content("prose", seed * 1000, seed))
    elif is_file and what == "cut":
        os.truncate(path, os.path.getsize(path) * seed // 100)


def edit_tree(root, edit):
    """Does one edit below |root|. What cannot be done here is not done."""
    root = os.fsencode(root)
    found = trees.entries(root)
    paths = sorted(path for path in found if path)
    with contextlib.suppress(OSError):
        if edit["what"] in ADDED:
            folders = sorted(path for path, info in found.items() if stat.S_ISDIR(info.st_mode))
            linkable = [os.path.join(root, path) for path in paths
                        if stat.S_ISREG(found[path].st_mode)]
            if edit["what"] == "hard link" and not linkable:
                return
            folder = folders[edit["place"] % len(folders)]
            make(os.path.join(root, folder, edit["name"]), edit, linkable)
        elif paths:
            change(os.path.join(root, paths[edit["place"] % len(paths)]), edit)


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()


def model(root):
    """What a vault must keep of the tree |root|: facts and content by path, and which names share
    a file."""
    root = os.fsencode(root)
    found = {path: info for path, info in trees.entries(root).items() if trees.is_kept(info)}
    known = {}
    for path, info in found.items():
        known[path] = trees.facts(os.path.join(root, path), info)
        if stat.S_ISREG(info.st_mode):
            known[path]["content"] = digest(os.path.join(root, path))
    return known, trees.link_groups(found)
