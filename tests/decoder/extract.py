"""Writes the entries of archives beneath a folder, following no link (section 12)."""

import os
import sys

from index import DIRECTORY, FIFO, FILE, HARDLINK, SKIPPED, SYMLINK, Content, path_key


def say(path, what):
    print(f"adps: {os.fsdecode(path)}: {what}", file=sys.stderr)


class Extractor:
    """Extracts archives into `target`; `restore` after `extract` sets the folders' metadata."""

    def __init__(self, target):
        os.makedirs(target, exist_ok=True)
        self.root = os.open(target, os.O_RDONLY | os.O_DIRECTORY)
        self.folders = {}

    def _parent(self, path):
        """An open folder for the parent of `path`, resolved component by component."""
        fd = os.dup(self.root)
        for part in path.split(b"/")[:-1]:
            below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=fd)
            os.close(fd)
            fd = below
        return fd

    def extract(self, archive, entries):
        content = Content(archive)
        for entry in entries:
            if entry.type == SKIPPED:
                say(entry.path, f"was skipped at sealing (reason {entry.reason})")
                continue
            fd = self._parent(entry.path)
            try:
                self._make(entry, fd, entry.path.rpartition(b"/")[2], content)
            finally:
                os.close(fd)

    def _make(self, entry, fd, name, content):
        if entry.type == DIRECTORY:
            try:
                os.mkdir(name, 0o700, dir_fd=fd)
            except FileExistsError:
                if entry.path not in self.folders:
                    raise
            self.folders[entry.path] = entry
            return
        if entry.type == FILE:
            self._file(entry, fd, name, content)
        elif entry.type == SYMLINK:
            os.symlink(entry.target, name, dir_fd=fd)
        elif entry.type == FIFO:
            os.mkfifo(name, 0o600, dir_fd=fd)
        elif entry.type == HARDLINK:
            source = self._parent(entry.target)
            try:
                os.link(entry.target.rpartition(b"/")[2], name, src_dir_fd=source, dst_dir_fd=fd,
                        follow_symlinks=False)
            finally:
                os.close(source)
            return
        self._metadata(entry, fd, name)

    def _file(self, entry, fd, name, content):
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        out = os.open(name, flags, 0o600, dir_fd=fd)
        try:
            for at, data in content.extents(entry):
                view = memoryview(data)
                while view:
                    done = os.pwrite(out, view, at)
                    view, at = view[done:], at + done
            os.ftruncate(out, entry.size)
        finally:
            os.close(out)

    def _metadata(self, entry, fd, name):
        """Owner first, for it clears mode bits; the times last."""
        link = entry.type == SYMLINK
        if os.geteuid() == 0:
            os.chown(name, entry.uid, entry.gid, dir_fd=fd, follow_symlinks=False)
        for key, value in entry.xattrs:
            try:
                os.setxattr(b"/proc/self/fd/%d/%s" % (fd, name), key, value, follow_symlinks=False)
            except OSError as error:
                say(entry.path, f"xattr {os.fsdecode(key)}: {error.strerror}")
        if not link:
            os.chmod(name, entry.mode, dir_fd=fd)
        try:
            os.utime(name, ns=(entry.atime_ns, entry.mtime_ns), dir_fd=fd, follow_symlinks=False)
        except (OSError, OverflowError) as error:
            say(entry.path, f"times: {error}")

    def restore(self):
        """Metadata of the folders, the deepest first: nothing is written to them any more."""
        for path in sorted(self.folders, key=path_key, reverse=True):
            fd = self._parent(path)
            try:
                self._metadata(self.folders[path], fd, path.rpartition(b"/")[2])
            finally:
                os.close(fd)
        os.close(self.root)
