"""What the scenarios of rewrap share: a vault of two devices, archives as they lie on the disk."""

import struct
import subprocess

import scenario
from scenario import noise, prose

SLOTS_OFFSET = 144
BLOCK = 4096


def slot_epochs(archive):
    """The epochs of an archive's key slots."""
    header = archive.read_bytes()[:BLOCK]
    number, = struct.unpack_from("<H", header, 138)
    epochs, offset = [], SLOTS_OFFSET
    for _ in range(number):
        kind, length, epoch = struct.unpack_from("<HHI", header, offset)
        assert kind == 1, kind
        epochs.append(epoch)
        offset += 4 + length
    return epochs


class Rewrapping(scenario.Scenario):
    """Two snapshots of two categories by two devices; everything rotated after them."""

    def setUp(self):
        super().setUp()
        self.init()
        self.write("a.jpg", noise(300_000))
        self.write("b.txt", prose(20_000))
        self.phone = self.admit("phone")
        self.ids = [self.seal()["snapshot"] for _ in range(2)]
        self.bodies = self.read_bodies()

    def archives(self, suffix="adps"):
        return sorted(self.vault.glob(f"archives/*/*.{suffix}"))

    def read_bodies(self):
        """What rewrap must not change: fixed part and FLOE header, and what follows the block."""
        return [(content[:138], content[BLOCK:])
                for content in (path.read_bytes() for path in self.archives())]

    def rewrap(self, *args, **how):
        return self.json("rewrap", self.vault, *args, **how)

    def on_mounts(self, script, *args, **how):
        """Runs the command after |script|, in which $1 is the vault, has mounted something for it
        alone; returns its errors."""
        prefix = ("unshare", "-m", "sh", "-ec", script + '; shift; "$@"', "sh", self.vault)
        if subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode:
            self.skipTest("nothing can be mounted here")
        return self.errors(*args, prefix=prefix, **how)

    def check_all_opens(self):
        for snapshot in self.ids:
            self.check_opens(snapshot)
        self.run_it("verify", self.vault)

    def check_rewrapped(self, epoch=2):
        """Each archive has one slot, nothing lies beside it, its body is what it was."""
        self.assertEqual([slot_epochs(path) for path in self.archives()],
                         [[epoch]] * len(self.bodies))
        self.assertEqual(self.archives("adph"), [])
        self.assertEqual(self.read_bodies(), self.bodies)
        self.check_all_opens()
