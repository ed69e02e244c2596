"""Commands killed before each of their calls that change something on the disk."""

import scenario
from scenario import noise


class Interrupted(scenario.Scenario):
    def setUp(self):
        super().setUp()
        self.init()
        self.write("a.jpg", noise(20_000))
        self.write("notes/b.txt", b"words")
        self.first = self.seal()["snapshot"]

    def test_seal(self):
        def check(call, path):
            there = [item["id"] for item in self.snapshots()]
            self.assertIn(self.first, there)
            for snapshot in there:
                self.check_opens(snapshot)
            self.seal()
            self.assertEqual(len(self.snapshots()), len(there) + 1)
            self.assertEqual(len(list((self.vault / "archives").iterdir())), len(there) + 1)

        self.kill_at_each_call(check, "seal", self.vault, self.source, "--io=threads")

    def test_rotate(self):
        def check(call, path):
            self.check_opens(self.first)
            self.run_it("rotate", self.vault)
            self.check_opens(self.seal()["snapshot"])

        self.kill_at_each_call(check, "rotate", self.vault)

    def test_a_snapshot_has_its_record_when_all_else_is_on_the_disk(self):
        _, calls = self.traced("seal", self.vault, self.source, "--io=threads")
        record = next(i for i, (call, path) in enumerate(calls)
                      if call.startswith("rename") and path.endswith(".adpr"))
        synced = {path for call, path in calls[:record] if call == "fsync"}
        archives = [path for call, path in calls
                    if call.startswith("rename") and path.endswith(".adps")]
        self.assertEqual(len(archives), 2)
        for path in archives:
            folder, name = path.rsplit("/", 1)
            self.assertTrue(any(f"{folder}/.{name}." in other for other in synced), path)
            self.assertIn(folder, synced)


if __name__ == "__main__":
    scenario.main()
