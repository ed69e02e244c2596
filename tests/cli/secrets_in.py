"""Where secrets lie in a process's memory, as crash_at.c writes it down."""

import contextlib
import re
import struct
import sys

from scenario import ROOT

sys.path.insert(0, str(ROOT / "tests/decoder"))


class Memory:
    """The pages of a process that were not zero, and what the kernel says of each mapping."""

    def __init__(self, dump):
        data = dump.read_bytes()
        self.runs, at = [], 0
        while at < len(data):
            address, length = struct.unpack_from("<QQ", data, at)
            self.runs.append((address, data[at + 16:at + 16 + length]))
            at += 16 + length
        self.mappings = []
        for line in dump.with_name(dump.name + ".maps").read_text().splitlines():
            head = re.match(r"([0-9a-f]+)-([0-9a-f]+) \S+ \S+ \S+ \S+ *(.*)", line)
            if head:
                self.mappings.append([int(head[1], 16), int(head[2], 16), head[3], set()])
            elif line.startswith("VmFlags:"):
                self.mappings[-1][3] = set(line.split()[1:])

    def places(self, secret):
        """Every (address, mapping) at which the secret lies."""
        for start, content in self.runs:
            at = content.find(secret)
            while at >= 0:
                address = start + at
                yield address, next(mapping for mapping in self.mappings
                                    if mapping[0] <= address < mapping[1])
                at = content.find(secret, at + 1)

    def outside(self, secrets):
        """The secrets that lie anywhere but in pages that are locked and in no core dump."""
        return [(name, hex(address), mapping[2])
                for name, secret in secrets.items() for address, mapping in self.places(secret)
                if not {"lo", "dd"} <= mapping[3]]

    def anywhere(self, secrets):
        return {name for name, secret in secrets.items() if any(True for _ in self.places(secret))}


def of_vault(path, identity_file, passphrase=None):
    """What must not be known of a vault: the identity's keys, the account's, those of every epoch and
    every archive; by name."""
    import adps
    import archive

    keys = {}

    class Noted(archive.Floe):
        def __init__(self, key, *args):
            keys[f"archive key {len(keys)}"] = key
            super().__init__(key, *args)
            keys[f"message key {len(keys)}"] = self.message_key
            keys[f"segments' key {len(keys)}"] = self.kdf(self.message_key, b"DEK:" + bytes(8), 32)

    vault = adps.Vault.open(path, identity_file, passphrase)
    identity, keybag = vault.identity, vault.keybag
    secrets = {"KEM key": identity.kem_private, "signing seed": identity.signing_seed}
    seed = keybag.account_seed(identity)
    if seed:
        secrets["account seed"] = seed
    for number in range(1, 27):
        private = keybag.epoch_private(identity, number, 1)
        if private:
            secrets[f"epoch key of category {number}"] = private
    with contextlib.ExitStack() as stack:
        original, archive.Floe = archive.Floe, Noted
        stack.callback(setattr, archive, "Floe", original)
        for record in sorted((path / "snapshots").glob("*.adpr")):
            for _ in vault.archives(vault.record(record.stem)):
                pass
    return secrets | keys
