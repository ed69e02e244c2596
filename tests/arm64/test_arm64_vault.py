"""The command for AArch64 seals a folder and opens it again, with every kernel that it has."""

import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
import scenario  # noqa: E402
from scenario import noise, prose  # noqa: E402

KERNELS = ("armv8-eor3", "armv8", "portable")


class Vault(scenario.Scenario):
    def setUp(self):
        super().setUp()
        for size in (0, 1, 15, 4096, 65_537, 3_000_000):
            self.write(f"noise/{size}", noise(size, size))
        self.write("deep/down/prose", prose(1_000_000))
        os.symlink("noise/15", self.source / "link")
        self.init()

    def test_default_kernel(self):
        self.assertEqual(self.roundtrip()["kernel"], os.environ["ADP_EXPECTED_KERNEL"])

    def test_every_kernel_opens_what_another_sealed(self):
        for i, kernel in enumerate(KERNELS):
            report = self.seal(env={"ADP_SEAL_KERNEL": kernel})
            self.assertEqual(report["kernel"], kernel)
            opened = self.open(f"opened-{i}", report["snapshot"],
                               env={"ADP_SEAL_KERNEL": KERNELS[i - 1]})
            self.assert_same_tree(self.source, opened / "source")


if __name__ == "__main__":
    scenario.main()
