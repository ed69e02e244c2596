"""Real camera files, from the shared data: every way in and out."""

import scenario


class Photos(scenario.Scenario):
    def setUp(self):
        super().setUp()
        self.source = scenario.SHARED / "photos"
        if not self.source.is_dir():
            self.skipTest(f"{self.source} is not there")
        self.init()

    def test_back_ends_kernels_and_threads(self):
        num_ways = 0
        for how in scenario.IO:
            for kernel in scenario.KERNELS:
                for threads in ("1", "4"):
                    with self.subTest(io=how, kernel=kernel, threads=threads):
                        report = self.seal_with(how, kernel, threads)
                        if report is None:
                            continue
                        num_ways += 1
                        opened = self.open(f"{how}-{kernel}-{threads}", report["snapshot"], "--io",
                                           how, "--threads", threads,
                                           env={"ADP_SEAL_KERNEL": kernel})
                        self.assert_same_tree(self.source, opened / "photos")
        self.assertGreaterEqual(num_ways, 2)

    def test_they_are_photos_and_stored_as_they_are(self):
        report = self.seal()
        photos, total = report["categories"]["photos"], report["total"]
        self.assertGreater(photos["bytes"], 0.9 * total["bytes"])
        self.assertLess(total["stored_bytes"], 1.02 * total["bytes"] + (1 << 20))

    def test_verify(self):
        report = self.seal()
        self.assertIn(report["snapshot"] + "  ok", self.text("verify", self.vault))


if __name__ == "__main__":
    scenario.main()
