"""Which keybag is the vault's, and whether it is taken: sections 2 and 4, trust."""

import re
from pathlib import Path

from identity import ZERO32
from keybag import parse_keybag
from primitives import MIB, FormatError, read_capped, sha256

FOLDERS = ("keybag", "snapshots")


class Generations:
    """The keybags of a vault, each in one folder or in both."""

    def __init__(self, vault):
        self.folder = Path(vault) / FOLDERS[0]
        self.files = {}
        for name in FOLDERS:
            folder = Path(vault) / name
            for path in folder.iterdir() if folder.is_dir() else ():
                if re.fullmatch(r"[0-9a-f]{16}\.adpk", path.name):
                    self.files.setdefault(int(path.stem, 16), []).append(path)
        if not self.files:
            raise FormatError(self.folder, "no keybag")
        self.newest = max(self.files)

    def load(self, number):
        """A generation: from keybag/, or its copy where that one is missing or refused."""
        refused = None
        for path in self.files.get(number, ()):
            try:
                bag = parse_keybag(read_capped(path, 16 * MIB), str(path), number)
                if number == self.newest and not bag.is_whole():
                    raise FormatError(path, "a wrap of the newest generation is destroyed")
                return bag
            except (FormatError, OSError) as error:
                refused = refused or error
        raise refused or FormatError(self.folder, f"generation {number} is missing")

    def has(self, number):
        """Whether a generation is there, in one folder at least, and not refused."""
        try:
            return self.load(number) is not None
        except (FormatError, OSError):
            return False


def _follows(bag, before):
    """Whether a keybag may come after another one."""
    trusted = [recipient.signing_public for recipient in before.recipients
               if recipient.account_wrap]
    return (bag.vault_id == before.vault_id and bag.previous == before.hash
            and bag.version >= before.version
            and (bag.version > 1 or bag.account_public == before.account_public)
            and bag.recipients[bag.author].signing_public in trusted)


def load_keybag(vault, identity):
    """The keybag of the highest generation, checked against the identity's pin."""
    generations = Generations(vault)
    newest = generations.newest
    bag = generations.load(newest)
    account, pinned, pinned_hash = identity.pins.get(bag.vault_id, (None, newest - 1, ZERO32))
    if newest < pinned:
        raise FormatError(bag.path, f"generation {newest}, but {pinned} was seen before")
    if account is None and not generations.has(pinned):
        return bag
    at = generations.load(pinned) if pinned < newest else bag
    if pinned_hash not in (ZERO32, at.hash):
        raise FormatError(at.path, "is not the keybag that was seen before")
    if account is not None and sha256(at.account_public) != account:
        raise FormatError(at.path, "account key is not the pinned one")
    for number in range(pinned + 1, newest + 1):
        following = generations.load(number)
        if not _follows(following, at):
            raise FormatError(following.path, "does not follow from the generation before")
        at = following
    return bag
