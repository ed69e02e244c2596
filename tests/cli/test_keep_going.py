"""What damage takes and what it leaves: open --keep-going, and the stretches that verify reports."""

import os
import shutil

import scenario
from damage import cut, flip
from scenario import DONE, INTEGRITY, USAGE, noise, prose

SEGMENT = 256 << 10
HEADER = 4096
NUM_FILES = 6000


class KeepGoing(scenario.Scenario):
    def setUp(self):
        super().setUp()
        self.init()
        for number in range(4):
            self.write(f"album/{number}.jpg", noise(600_000, number))
        self.write("c.txt", prose(200_000))
        os.link(self.source / "album/1.jpg", self.source / "album/again.jpg")
        self.snapshot = self.seal()["snapshot"]
        self.photos = self.vault / "archives" / self.snapshot / "photos.adps"
        self.sealed = self.photos.read_bytes()

    def damage(self, *offsets):
        self.photos.write_bytes(self.sealed)
        for offset in offsets:
            flip(self.photos, offset)

    def keep_going(self, name, *args, expect=INTEGRITY):
        """Opens, and returns the answer and the files that are not there."""
        target = self.dir / name
        answer = self.json("open", self.vault, "latest", *args, "--keep-going", "--to", target,
                           expect=expect)
        lost = set()
        for path in self.source.rglob("*"):
            if path.is_file():
                restored = target / "source" / path.relative_to(self.source)
                if restored.exists():
                    self.assertEqual(restored.read_bytes(), path.read_bytes())
                else:
                    lost.add("source/" + str(path.relative_to(self.source)))
        self.assertEqual([path for path in target.rglob(".adp-seal*")], [])
        told = {event["path"] for event in answer.get("events", [])
                if event["kind"] == "not-restored"}
        self.assertEqual(told, lost)
        return answer, lost

    def check_stretches(self, answer, segments):
        """The damage is told as these segments, and nothing else."""
        told = set()
        for item in answer["damaged"]:
            self.assertTrue(item["archive"].endswith("photos.adps"))
            self.assertEqual((item["offset"] - HEADER) % SEGMENT, 0)
            first = (item["offset"] - HEADER) // SEGMENT
            told |= set(range(first, first + -(-item["length"] // SEGMENT)))
        self.assertEqual(told, set(segments))

    def test_each_segment(self):
        """One byte of each segment: whatever it holds, the rest is restored, and the lost are
        named, by open and by verify alike."""
        num = -(-(len(self.sealed) - HEADER) // SEGMENT)
        self.assertGreater(num, 8)
        for segment in range(num - 1):  # the last has the index
            with self.case("damage", "of each segment, the rest restored", segment=segment):
                self.damage(HEADER + segment * SEGMENT + 5000)
                answer, lost = self.keep_going(f"opened-{segment}")
                self.check_stretches(answer, [segment])
                self.assertTrue(1 <= len(lost) <= 3, lost)
                named = {file["path"] for item in answer["damaged"] for file in item["files"]}
                self.assertEqual(named, lost - {"source/album/again.jpg"}
                                 if "source/album/1.jpg" in lost else lost)
                for event in answer["events"]:
                    if event["kind"] == "not-restored" and "link" not in event["message"]:
                        self.assertIn(f"offset {HEADER + segment * SEGMENT}", event["message"])
                verified = self.json("verify", self.vault, self.snapshot, expect=INTEGRITY)
                self.assertEqual(verified["damaged"], answer["damaged"])

    def test_stretches(self):
        """Neighbours are one stretch, others are not."""
        places = [HEADER + segment * SEGMENT + 70 for segment in (1, 2, 5)]
        self.damage(*places)
        answer = self.json("verify", self.vault, expect=INTEGRITY)
        self.assertEqual([(item["offset"], item["length"]) for item in answer["damaged"]],
                         [(HEADER + SEGMENT, 2 * SEGMENT), (HEADER + 5 * SEGMENT, SEGMENT)])
        errors = self.errors("verify", self.vault, expect=INTEGRITY)
        self.assertIn(f"photos.adps: damaged from offset {HEADER + SEGMENT} to "
                      f"{HEADER + 3 * SEGMENT}, and with it\n", errors)
        # Which files lie there depends on which was read first.
        files = [file["path"] for item in answer["damaged"] for file in item["files"]]
        self.assertGreater(len(files), 1)
        for path in files:
            self.assertIn(f"  {path}\n", errors)

    def test_segments_exchanged_repeated_dropped(self):
        a, b = (self.sealed[HEADER + n * SEGMENT:HEADER + (n + 1) * SEGMENT] for n in (2, 6))
        for name, first, second in (("exchanged", b, a), ("repeated", a, a),
                                    ("zero", a, bytes(SEGMENT))):
            with self.case("damage", "segments moved, the rest restored", name=name):
                content = bytearray(self.sealed)
                content[HEADER + 2 * SEGMENT:HEADER + 3 * SEGMENT] = first
                content[HEADER + 6 * SEGMENT:HEADER + 7 * SEGMENT] = second
                self.photos.write_bytes(content)
                answer, _ = self.keep_going(name)
                self.check_stretches(answer, [2, 6] if name == "exchanged" else [6])
        self.photos.write_bytes(self.sealed[:HEADER + SEGMENT] + self.sealed[HEADER + 2 * SEGMENT:])
        self.assertIn("photos.adps", self.errors("verify", self.vault, expect=INTEGRITY))

    def test_nothing_of_an_archive_can_be_read(self):
        """Header, or the end with the index's directory: all of this archive is lost, and said to
        be; the other categories are restored."""
        for name, offset in (("header", 70), ("slot", 200), ("trailer", len(self.sealed) - 30)):
            with self.case("damage", "of header or trailer, the rest restored", name=name):
                self.damage(offset)
                answer = self.json("open", self.vault, "latest", "--keep-going", "--to",
                                   self.dir / name, expect=INTEGRITY if name != "slot" else (3, 4))
                self.assertTrue((self.dir / name / "source/c.txt").exists())
                self.assertFalse((self.dir / name / "source/album/0.jpg").exists())
                self.assertIn("photos.adps", str(answer["error"]))
        cut(self.photos, self.sealed, len(self.sealed) // 2)
        self.json("open", self.vault, "latest", "--keep-going", "--to", self.dir / "cut",
                  expect=INTEGRITY)
        self.assertTrue((self.dir / "cut/source/c.txt").exists())

    def test_without_it_and_where_nothing_is_damaged(self):
        self.damage(HEADER + 100)
        self.json("open", self.vault, "latest", "--to", self.dir / "x", expect=INTEGRITY)
        self.assertLess(len(list(self.dir.glob("x/source/album/*.jpg"))),
                        len(list(self.source.glob("album/*.jpg"))))
        self.photos.write_bytes(self.sealed)
        answer, lost = self.keep_going("whole", expect=DONE)
        self.assertEqual((lost, answer.get("damaged")), (set(), None))
        self.assert_same_tree(self.source, self.dir / "whole/source")
        self.assertNotIn("damaged", self.json("verify", self.vault))

    def test_text(self):
        """The lost are listed, each once."""
        self.damage(HEADER + 5000)
        answer = self.json("verify", self.vault, expect=INTEGRITY)
        lost = [file["path"] for item in answer["damaged"] for file in item["files"]]
        self.assertGreater(len(lost), 0)
        errors = self.errors("open", self.vault, "latest", "--keep-going", "--to",
                             self.dir / "text", expect=INTEGRITY)
        for path in lost:
            self.assertEqual(errors.count(f"  {path}\n"), 1, errors)
        self.assertIn(f"damaged from offset {HEADER} to {HEADER + SEGMENT}", errors)
        self.run_it("verify", self.vault, "--keep-going", expect=USAGE)


class DamagedIndex(scenario.Scenario):
    def test_a_frame_of_the_index(self):
        """An index of many frames: what its damaged part names is lost, and said to be; all else is
        restored, folders that it has lost included."""
        self.init()
        for number in range(NUM_FILES):
            self.write(f"{number % 3}/{number:04}-{noise(100, number).hex()}", b"%d" % number)
        self.seal("--category", "drive", self.source)
        archive = next(self.vault.glob("archives/*/drive.adps"))
        sealed = archive.read_bytes()
        num = -(-(len(sealed) - HEADER) // SEGMENT)
        tried = 0
        for segment in range(num - 1):
            archive.write_bytes(sealed)
            flip(archive, HEADER + segment * SEGMENT + 1000)
            target = self.dir / f"opened-{segment}"
            answer = self.json("open", self.vault, "latest", "--keep-going", "--to", target,
                               expect=INTEGRITY)
            lost_index = [event for event in answer["events"]
                          if "index is damaged" in event["message"]]
            restored = [path for path in target.rglob("*") if path.is_file()]
            for path in restored:
                self.assertEqual(path.read_bytes(), b"%d" % int(path.name[:4]))
            named = [event for event in answer["events"] if event["kind"] == "not-restored"]
            if lost_index:
                tried += 1
                if segment > 0:  # the first has the content of all
                    self.assertGreater(len(restored), 0)
                self.assertIn("from \"", lost_index[0]["message"])
            else:
                self.assertEqual(len(restored) + len(named), NUM_FILES)
            shutil.rmtree(target)
        self.assertGreater(tried, 0)


if __name__ == "__main__":
    scenario.main()
