#!/usr/bin/python3
"""Compares two trees: trees.py A B. Says how they differ, or that they do not.

Compared are the bytes of files; type, mode, owner (as root), time of change in ns, link targets,
which names share one file, and extended attributes with ACLs. Devices and sockets in A are left
out: a vault does not hold them. Exit code 0: equal, 1: different, 2: usage.
"""

import os
import stat
import sys

CHUNK_LEN = 1 << 17
NO_XATTRS = (95, 61)  # ENOTSUP, ENODATA


def entries(root):
    """Every entry below |root| with its stat, the root itself as b"", in one order everywhere."""
    found = {b"": os.lstat(root)}
    folders = [b""]
    while folders:
        folder = folders.pop()
        with os.scandir(os.path.join(root, folder)) as names:
            for entry in names:
                path = os.path.join(folder, entry.name)
                found[path] = entry.stat(follow_symlinks=False)
                if entry.is_dir(follow_symlinks=False):
                    folders.append(path)
    return found


def is_kept(info):
    return not (stat.S_ISSOCK(info.st_mode) or stat.S_ISBLK(info.st_mode)
                or stat.S_ISCHR(info.st_mode))


def xattrs(path):
    try:
        names = os.listxattr(path, follow_symlinks=False)
        return {name: os.getxattr(path, name, follow_symlinks=False) for name in names
                if name.startswith(("user.", "system.posix_acl"))}
    except OSError as error:
        if error.errno in NO_XATTRS:
            return {}
        raise


def same_bytes(path_a, path_b):
    with open(path_a, "rb", buffering=0) as a, open(path_b, "rb", buffering=0) as b:
        while True:
            chunk_a, chunk_b = a.read(CHUNK_LEN), b.read(CHUNK_LEN)
            if chunk_a != chunk_b:
                return False
            if not chunk_a:
                return True


def facts(path, info):
    """What must be equal beside the content, by name."""
    known = {"type": stat.S_IFMT(info.st_mode), "xattrs": xattrs(path)}
    if not stat.S_ISLNK(info.st_mode):
        known["mode"] = oct(stat.S_IMODE(info.st_mode))
    known["time"] = info.st_mtime_ns
    if os.geteuid() == 0:
        known["owner"] = (info.st_uid, info.st_gid)
    if stat.S_ISLNK(info.st_mode):
        known["target"] = os.readlink(path)
    if stat.S_ISREG(info.st_mode):
        known["size"] = info.st_size
    return known


def link_groups(found):
    """The sets of names that share one file."""
    groups = {}
    for path, info in found.items():
        if stat.S_ISREG(info.st_mode) and info.st_nlink > 1:
            groups.setdefault((info.st_dev, info.st_ino), set()).add(path)
    return {frozenset(group) for group in groups.values() if len(group) > 1}


def differences(root_a, root_b, metadata=True):
    """A generator of one line for each difference. Without |metadata| only names, sizes and bytes
    count."""
    root_a, root_b = os.fsencode(root_a), os.fsencode(root_b)
    found_a = {path: info for path, info in entries(root_a).items() if is_kept(info)}
    found_b = entries(root_b)
    for path in sorted(found_a.keys() ^ found_b.keys()):
        yield f"{os.fsdecode(path)}: only in {os.fsdecode(root_a if path in found_a else root_b)}"
    for path in sorted(found_a.keys() & found_b.keys()):
        path_a, path_b = os.path.join(root_a, path), os.path.join(root_b, path)
        facts_a, facts_b = facts(path_a, found_a[path]), facts(path_b, found_b[path])
        names = facts_a.keys() | facts_b.keys() if metadata else {"type", "size", "target"}
        for name in sorted(names):
            if facts_a.get(name) != facts_b.get(name):
                yield f"{os.fsdecode(path)}: {name} {facts_a.get(name)} != {facts_b.get(name)}"
        if stat.S_ISREG(found_a[path].st_mode) and stat.S_ISREG(found_b[path].st_mode):
            if not same_bytes(path_a, path_b):
                yield f"{os.fsdecode(path)}: the bytes differ"
    if metadata and link_groups(found_a) != link_groups(found_b):
        yield "hard links: other names share a file"


def main():
    if len(sys.argv) != 3:
        print("usage: trees.py A B", file=sys.stderr)
        return 2
    root_a, root_b = sys.argv[1:]
    sys.stdout.reconfigure(errors="backslashreplace")
    different = False
    for line in differences(root_a, root_b):
        print(line)
        different = True
    if different:
        return 1
    infos = entries(os.fsencode(root_a)).values()
    sizes = {(info.st_dev, info.st_ino): info.st_size for info in infos
             if stat.S_ISREG(info.st_mode)}
    print(f"Identical: {len(infos)} names, {len(sizes)} files of {sum(sizes.values()):,} bytes; in "
          "bytes, modes, owners, times, links and attributes.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
