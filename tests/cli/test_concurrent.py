"""Commands that run at once on one vault: each is right, or says clearly why it is not done."""

import json
import os
import pathlib
import random
import shutil
import subprocess
import tempfile
import threading
import time

import scenario
from damage import flip
from scenario import (COMMAND, DONE, FAILED, INTEGRITY, NO_KEY, PARTIAL, SOAK, TIMEOUT_S, noise,
                      prose)

ROUNDS = 25 if SOAK else 1
DELAY_S = 0.08  # about as long as the shortest of the commands takes

# Commands that exclude each other, and what one says that meets another.
EXCLUSIVE = {
    ("rewrap", "repair", "parity"): ("another rewrap, repair or parity add is at work",),
    ("rotate", "device", "erase"): ("somebody else changes the keybag",
                                    "somebody else has changed the keybag"),
}


class Concurrent(scenario.Scenario):
    """Two snapshots with parity, of two categories, by two devices; everything rotated after them,
    so that rewrap has something to do."""

    prepared = None  # that folder, made once, and the snapshots in it

    def setUp(self):
        super().setUp()
        self.phone = self.as_identity("phone")
        self.chance = random.Random(11)
        if Concurrent.prepared is None:
            self.prepare()
        folder, self.before = Concurrent.prepared
        self.go_back = lambda: scenario.copy_into(folder, self.dir)
        self.go_back()

    def prepare(self):
        self.init()
        self.write("a.jpg", noise(600_000))
        self.write("b.txt", prose(200_000))
        self.write("deep/er/c.txt", b"words")
        os.link(self.source / "b.txt", self.source / "linked")
        self.admit("phone")
        self.admit("tablet")
        before = [self.seal(self.source, "--parity=20%", env=env)["snapshot"]
                       for env in ({}, self.phone)]
        self.run_it("rotate", self.vault)
        folder = pathlib.Path(tempfile.mkdtemp(prefix="adp-before-"))
        self.addClassCleanup(shutil.rmtree, folder)
        scenario.copy_into(self.dir, folder)
        Concurrent.prepared = folder, before

    # -- running at once

    def run_one(self, args, env, delay_s, out):
        time.sleep(delay_s)
        done = subprocess.run([COMMAND, *map(os.fsencode, args), "--json"], capture_output=True,
                              timeout=TIMEOUT_S, env=self.env | env, cwd=self.dir, check=False)
        out.append((args, done))

    def together(self, *commands):
        """Runs (arguments, environment) at once, each after a small random delay; returns for each
        its arguments and the finished process."""
        outs = [[] for _ in commands]
        threads = [threading.Thread(target=self.run_one, args=(
                       args, env, self.chance.uniform(0, DELAY_S), out))
                   for (args, env), out in zip(commands, outs)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return [result for out in outs for result in out]

    def command(self, name):
        """The arguments and the environment that |name| stands for."""
        word, _, who = name.partition("@")
        target = tempfile.mkdtemp(prefix="opened-", dir=self.dir)
        args = {
            "seal": ("seal", self.vault, self.source),
            "seal with parity": ("seal", self.vault, self.source, "--parity=5%"),
            "open": ("open", self.vault, self.before[0], "--to", target),
            "verify": ("verify", self.vault),
            "scrub": ("scrub", self.vault),
            "status": ("status", self.vault),
            "snapshots": ("snapshots", self.vault),
            "rotate": ("rotate", self.vault),
            "rewrap": ("rewrap", self.vault),
            "repair": ("repair", self.vault),
            "parity add": ("parity", "add", self.vault, "--parity=10%"),
            "remove": ("device", "remove", self.vault, "tablet"),
            "erase": ("erase", self.vault, "photos", "--yes"),
        }[word]
        return args, {"ADP_SEAL_IDENTITY": str(self.dir / (who or "identity"))}

    # -- what must hold

    def check_refused(self, args, done):
        """It says what else runs, and what to do."""
        answer = json.loads(done.stdout)
        self.assertEqual(done.returncode, FAILED, answer)
        said = [text for words, texts in EXCLUSIVE.items() if args[0] in words for text in texts]
        self.assertTrue(any(text in answer["error"]["message"] for text in said), answer)
        self.assertIn("again", answer["error"].get("hint", ""), answer)

    def check_results(self, results, also=None):
        """Returns the snapshots that were reported. |also|: further exit codes, by command."""
        sealed = []
        for args, done in results:
            codes = (DONE, *(also or {}).get(args[0], ()))
            if done.returncode not in codes:
                self.check_refused(args, done)
                self.json(*args)  # as it was told to do
            elif args[0] == "seal" and done.returncode == DONE:
                sealed.append(json.loads(done.stdout)["snapshot"])
            elif args[0] == "open" and done.returncode == DONE:
                self.assert_same_tree(self.source, os.path.join(args[-1], self.source.name))
        for words in EXCLUSIVE:
            codes = [done.returncode for args, done in results if args[0] in words]
            self.assertIn(DONE, codes or [DONE])
        self.assertEqual(len(sealed), len(set(sealed)))
        return sealed

    def check_settled(self, snapshots):
        """All is there and whole, and nothing else."""
        self.json("verify", self.vault)
        scrub = self.json("scrub", self.vault)
        self.assertEqual(scrub["findings"], [])
        self.assertEqual({item["id"] for item in self.snapshots()}, set(snapshots))
        for snapshot in snapshots[1:]:
            self.check_opens(snapshot)
        self.check_no_leftovers(snapshots)

    def check_no_leftovers(self, snapshots):
        names = [path.name for path in self.vault.rglob("*")]
        self.assertEqual([name for name in names if name.startswith(".")
                          or name.endswith((".adph", ".tmp"))], [])
        self.assertEqual({path.name for path in (self.vault / "archives").iterdir()},
                         set(snapshots))
        history = self.json("status", self.vault)["history"]
        self.assertEqual({name: number for name, number in history.items()
                          if number and name != "generations"}, {})

    def rounds(self, *names, also=None, prepare=None, check=None):
        for number in range(ROUNDS):
            with self.case("concurrency", " + ".join(name.partition("@")[0] for name in names),
                           number=number):
                self.go_back()
                if prepare:
                    prepare()
                results = self.together(*map(self.command, names))
                sealed = self.check_results(results, also)
                (check or self.check_settled)(self.before + sealed)

    # -- pairs

    def test_seal_and_seal(self):
        self.rounds("seal", "seal")
        self.rounds("seal", "seal@phone", "seal with parity@tablet")

    def test_the_same_second(self):
        """Ids are drawn: those of one second differ, and 'latest' is the one that began last."""
        results = self.together(*[self.command("seal")] * 6)
        sealed = self.check_results(results)
        self.assertEqual(len(sealed), 6)
        self.check_settled(self.before + sealed)

    def test_seal_and_readers(self):
        self.rounds("seal@phone", "open")
        self.rounds("seal", "verify@phone")
        self.rounds("seal", "scrub")
        self.rounds("seal", "snapshots", "status")

    def test_seal_and_changes_of_the_keybag(self):
        self.rounds("seal", "rotate")
        self.rounds("seal@phone", "rotate", "seal")
        self.rounds("seal", "remove")

    def test_seal_and_changes_of_archives(self):
        self.rounds("seal", "rewrap")
        self.rounds("seal", "parity add")
        self.rounds("seal with parity", "repair", prepare=self.damage)

    def test_readers_and_changes_of_archives(self):
        self.rounds("open", "rewrap")
        self.rounds("verify@phone", "rewrap")
        self.rounds("scrub", "rewrap")
        self.rounds("open", "repair", prepare=self.damage, also={"open": (INTEGRITY,)})
        self.rounds("open@phone", "verify", "parity add")

    def test_readers_and_changes_of_the_keybag(self):
        self.rounds("open", "rotate")
        self.rounds("verify@phone", "rotate", "scrub")
        self.rounds("scrub", "rotate", "status@phone")
        self.rounds("snapshots", "remove", "status@phone")

    def test_changes_of_archives(self):
        self.rounds("rewrap", "rewrap@phone")
        self.rounds("rewrap", "repair", prepare=self.damage)
        self.rounds("parity add", "rewrap", "seal")
        self.rounds("rewrap", "rotate@phone", "verify@tablet")

    def test_changes_of_the_keybag(self):
        self.rounds("rotate", "rotate@phone")
        self.rounds("remove", "rotate@phone")

    def test_seal_and_remove_of_who_seals(self):
        """What the tablet began to seal when it had access is a snapshot; what it began later is
        refused and says who can help."""
        for number in range(ROUNDS):
            with self.case("concurrency", "seal + removal of the sealer", number=number):
                self.go_back()
                seal, remove = self.together(self.command("seal@tablet"), self.command("remove"))
                self.assertEqual(remove[1].returncode, DONE)
                answer = json.loads(seal[1].stdout)
                if seal[1].returncode == DONE:
                    self.check_settled([*self.before, answer["snapshot"]])
                else:
                    self.assertEqual(seal[1].returncode, NO_KEY)
                    self.assertIn("device add", answer["error"]["hint"])
                    self.check_settled(self.before)

    def test_seal_and_erase(self):
        """Photos that were sealed before are lost, as was asked for; those of a seal that ends well
        after the erasure open."""
        for number in range(ROUNDS):
            with self.case("concurrency", "seal + erase", number=number):
                self.go_back()
                seal, erase = self.together(self.command("seal"), self.command("erase"))
                self.assertEqual(erase[1].returncode, DONE)
                sealed = []
                if seal[1].returncode == DONE:
                    sealed = [json.loads(seal[1].stdout)["snapshot"]]
                else:
                    answer = json.loads(seal[1].stdout)
                    self.assertIn("photos was erased while it was being sealed",
                                  answer["error"]["message"])
                    self.assertIn("seal again", answer["error"]["hint"])
                self.check_erased(sealed)

    def check_erased(self, sealed):
        for snapshot in self.before + sealed:
            target = self.dir / f"erased-{snapshot}"
            done = self.run_it("open", self.vault, snapshot, "--to", target,
                               expect=(DONE, PARTIAL) if snapshot in sealed else PARTIAL)
            photo = target / "source" / "a.jpg"
            self.assertEqual(photo.exists(), done.returncode == DONE)
            self.assertEqual((target / "source" / "b.txt").read_bytes(), prose(200_000))
        self.check_no_leftovers(self.before + sealed)
        self.assertEqual(self.json("scrub", self.vault)["findings"], [])
        again = self.seal()["snapshot"]
        self.check_opens(again)

    def test_one_identity_for_vaults_that_are_made_at_once(self):
        """It remembers each of them."""
        with self.case("concurrency", "init + init + init + init"):
            vaults = [self.dir / f"vault-{number}" for number in range(4)]
            for args, done in self.together(*((("init", vault, "--device", "laptop"), {})
                                              for vault in vaults)):
                self.assertEqual(done.returncode, DONE, (args, done.stdout))
            for vault in vaults:
                self.json("seal", vault, self.source)

    def damage(self):
        """Of each archive one bit, which its parity heals."""
        for path in self.vault.glob("archives/*/*.adps"):
            flip(path, -1000)


if __name__ == "__main__":
    scenario.main()
