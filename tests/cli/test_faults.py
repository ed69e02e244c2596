"""Commands of which one call fails: each is told, nothing is half done, the next run mends."""

import json
import os
import shutil
import subprocess

import faults
import scenario
import device_backup  # scenario makes it known where
from scenario import DONE, FAILED, INTEGRITY, PARTIAL, noise, prose


class OfSnapshots(faults.Faults):
    def setUp(self):
        super().setUp()
        self.init()
        self.write("a.jpg", noise(700_000))
        self.write("notes/b.txt", prose(20_000))
        os.symlink("b.txt", self.source / "notes/link")
        os.link(self.source / "a.jpg", self.source / "again.jpg")
        os.setxattr(self.source / "a.jpg", "user.note", b"words")
        self.first = self.seal()["snapshot"]

    def ids(self):
        return [item["id"] for item in self.snapshots()]

    def check_no_leftovers(self, ids):
        """The vault has the files of these snapshots, and nothing beside."""
        self.assertEqual(sorted(path.name for path in (self.vault / "archives").iterdir()),
                         sorted(ids))
        hidden = [path for path in self.vault.rglob("*") if path.name.startswith(".")]
        self.assertEqual(hidden, [])

    def test_init(self):
        other = self.dir / "other"
        env = self.as_identity("somebody")

        def check(code, done, call):
            if code != DONE:  # it is there where only telling of it failed
                self.run_it("init", other, "--device", "x", env=env, expect=(DONE, FAILED))
            self.run_it("seal", other, self.source, env=env)
            self.run_it("verify", other, env=env)
            self.assertEqual([path for path in other.rglob("*") if path.name.startswith(".")], [])

        self.fail_at_each_call(check, "init", other, "--device", "x", env=env)

    def test_seal(self):
        def check(code, done, call):
            ids = self.ids()
            self.assertEqual(ids[0], self.first)
            if done.stderr != b"adp-seal: out of memory\n":  # it is there, and only not told of
                self.assertEqual(len(ids), 1 + (code in (DONE, PARTIAL)))
            if code == DONE:
                self.check_opens(ids[-1])
            elif code == FAILED:
                self.check_opens(self.first)
            self.seal()
            self.check_no_leftovers(self.ids())
            self.run_it("verify", self.vault)

        self.fail_at_each_call(check, "seal", self.vault, self.source, "--io=threads")

    def test_open(self):
        target = self.dir / "target"
        words = ("open", self.vault, self.first, "--io=threads", "--to", target)

        def check(code, done, call):
            if code == DONE:
                self.assert_same_tree(self.source, target / "source")
            for path in (target / "source").rglob("*"):
                if path.is_file() and path.stat().st_mode & 0o777:
                    original = self.source / path.relative_to(target / "source")
                    self.assertEqual(path.read_bytes(), original.read_bytes())
            self.run_it(*words, "--overwrite")
            self.assert_same_tree(self.source, target / "source")
            self.assertEqual(os.listdir(target), ["source"])

        self.fail_at_each_call(check, *words)

    def test_rewrap(self):
        self.run_it("rotate", self.vault)

        def check(code, done, call):
            self.check_opens(self.first)
            self.run_it("rewrap", self.vault)
            self.check_no_leftovers([self.first])
            self.run_it("verify", self.vault)
            again = self.json("rewrap", self.vault)
            self.assertEqual(again["rewritten"], 0)

        self.fail_at_each_call(check, "rewrap", self.vault)


class OfReading(OfSnapshots):
    """Exit code 0 says that what was printed is all."""

    test_init = test_seal = test_open = test_rewrap = None

    def check_reads(self, *args, of=lambda answer: answer, codes=(FAILED, PARTIAL)):
        whole = of(self.run_it(*args).stdout)
        after = {path: path.stat().st_mtime_ns for path in self.vault.rglob("*")}

        def check(code, done, call):
            if code == DONE:
                self.assertEqual(of(done.stdout), whole)
            if code == INTEGRITY:  # nothing is, but a place of the disk may be bad
                self.assertIn(b"damaged copy", done.stdout)
            self.assertEqual({path: path.stat().st_mtime_ns for path in self.vault.rglob("*")}
                             .keys(), after.keys())

        self.fail_at_each_call(check, *args, codes=codes)

    def test_verify(self):
        self.check_reads("verify", self.vault, "--io=threads", "--json",
                         codes=(FAILED, PARTIAL, INTEGRITY), of=lambda text: [
                             (item["id"], item["status"])
                             for item in json.loads(text)["snapshots"]])

    def test_list(self):
        self.check_reads("list", self.vault, "latest", "--json")

    def test_cat(self):
        self.check_reads("cat", self.vault, "latest", "source/a.jpg")

    def test_status(self):
        """A copy of the keybag on a bad place of the disk is told as damaged: that is true."""
        def but_copies(text):
            answer = json.loads(text)
            answer["history"].pop("damaged_copies", None)
            return answer

        self.check_reads("status", self.vault, "--json", of=but_copies)
        self.assertEqual(self.json("status", self.vault)["history"]["damaged_copies"], 0)

    def test_snapshots(self):
        self.check_reads("snapshots", self.vault, "--json")

    def test_dry_run(self):
        self.check_reads("seal", self.vault, self.source, "--dry-run", "--json",
                         of=lambda text: {**json.loads(text), "seconds": 0})

    def test_dry_run_of_a_devices_backup(self):
        """What its manifest says counts as it says, or it is told why not."""
        device_backup.make(self.source / "MobileSync/Backup" / device_backup.UDID)
        words = ("seal", self.vault, self.source, "--dry-run", "--json")
        whole = json.loads(self.run_it(*words).stdout)["categories"]

        def check(code, done, call):
            answer = json.loads(done.stdout or b"{}")
            if code == DONE and not answer.get("events"):
                self.assertEqual(answer["categories"], whole)

        self.fail_at_each_call(check, *words)

    def test_what_a_folder_is_cannot_be_seen(self):
        """Then it is not sealed as another one without a word."""
        device_backup.make(self.source / "MobileSync/Backup" / device_backup.UDID)
        words = ("seal", self.vault, self.source, "--dry-run", "--json")
        _, calls = self.traced(*words, calls="files")
        looks = [n for n, (call, path) in enumerate(calls, 1)
                 if call == "openat2" and path.endswith("Manifest.plist")]
        done, _ = self.traced(*words, at=looks[0], fault="EIO", calls="files")
        events = json.loads(done.stdout)["events"]
        self.assertTrue(any("could not be seen" in event["message"] for event in events), events)


class OfAccess(faults.Faults):
    every_read = 3  # the same of each command: identity and keybag

    def setUp(self):
        super().setUp()
        self.init()
        self.write("a.jpg", noise(20_000))
        self.write("notes/b.txt", b"words")
        self.snapshot = self.seal()["snapshot"]

    def check_change(self, *words, is_done, env=None, expect_again=(DONE,), harm=None):
        """After a fault: the snapshot opens, the same command again ends well, and then everything
        is as one run would have left it; |is_done| looks."""
        def check(code, done, call):
            self.check_opens(self.snapshot)
            if code == DONE:
                self.assertTrue(is_done(done))
            else:
                done = self.run_it(*words, env=env, expect=expect_again)
                self.assertTrue(is_done(done))
            self.run_it("device", "update", self.vault)
            self.check_whole()

        self.fail_at_each_call(check, *words, codes=(FAILED,), env=env)

    def check_whole(self):
        history = self.json("status", self.vault)["history"]
        for problem in ("missing", "single_copies", "damaged_copies", "leftover_keys"):
            self.assertEqual(history[problem], 0, problem)
        self.assertEqual([path.read_bytes() for path in sorted((self.vault / "keybag").iterdir())],
                         [path.read_bytes() for path in
                          sorted((self.vault / "snapshots").glob("*.adpk"))])
        self.run_it("verify", self.vault)

    def names(self):
        return self.json("status", self.vault)["devices"]

    def epochs(self):
        return {item["category"]: item["epoch"]
                for item in self.json("status", self.vault)["categories"]}

    def test_device_add(self):
        request = self.request("phone")
        self.check_change("device", "add", self.vault, request,
                          is_done=lambda _: "phone" in self.names(), expect_again=(DONE, FAILED))

    def test_device_request(self):
        env = self.as_identity("phone")

        def check(code, done, call):
            if code != DONE:
                done = self.run_it("device", "request", "--name", "phone", env=env)
            self.run_it("device", "add", self.vault, done.stdout.decode().strip())

        self.fail_at_each_call(check, "device", "request", "--name", "phone", env=env,
                               codes=(FAILED,))

    def test_device_remove(self):
        self.admit("phone")
        self.check_change("device", "remove", self.vault, "phone",
                          is_done=lambda _: set(self.epochs().values()) == {2})

    def test_rotate(self):
        self.check_change("rotate", self.vault,
                          is_done=lambda _: set(self.epochs().values()) <= {2, 3})

    def test_adp_on(self):
        key = self.text("operator", "keygen", "--name", "acme",
                        env=self.as_identity("acme")).strip()
        self.run_it("operator", "set", self.vault, key, "--yes")
        self.run_it("recovery", "key", self.vault)
        self.check_change("adp", "on", self.vault, is_done=lambda _: self.json(
            "status", self.vault)["protection"] == "advanced")

    def test_operator_set(self):
        key = self.text("operator", "keygen", "--name", "acme",
                        env=self.as_identity("acme")).strip()
        self.check_change("operator", "set", self.vault, key, "--yes", expect_again=(DONE, FAILED),
                          is_done=lambda _: "acme" in json.dumps(self.json(
                              "device", "list", self.vault)))

    def test_erase(self):
        self.check_change("erase", self.vault, "health", "--yes",
                          is_done=lambda _: self.epochs()["health"] in (2, 3))

    def code_opens(self, code):
        """Whether the recovery code that was printed is the vault's."""
        path = self.dir / "code"
        path.write_bytes(code)
        env = self.as_identity("new")
        self.run_it("recovery", "open", self.vault, "--name", "new", "--code-file", path,
                    "--account", self.account(), env=env)
        return "new" in self.names()

    def test_recovery_key(self):
        self.check_change("recovery", "key", self.vault,
                          is_done=lambda done: self.code_opens(done.stdout))

    def test_recovery_contact(self):
        self.check_change("recovery", "contact", "add", self.vault, "anna", "--half",
                          self.dir / "half", expect_again=(DONE, FAILED),
                          is_done=lambda _: "anna" in json.dumps(self.json(
                              "recovery", "contact", "list", self.vault)))

    def test_recovery_open(self):
        code = self.dir / "code"
        code.write_text(self.text("recovery", "key", self.vault))
        env = self.as_identity("new")
        words = ("recovery", "open", self.vault, "--name", "new", "--code-file", code, "--account",
                 self.account())

        def is_done(_):
            self.run_it("snapshots", self.vault, "--account", self.account(), env=env)
            self.check_opens(self.snapshot, env=env)
            return "new" in self.names()

        self.check_change(*words, env=env, is_done=is_done, expect_again=(DONE, FAILED))


class OfRoom(scenario.Scenario):
    """A file system that is full: a seal gives back what it took."""

    def setUp(self):
        super().setUp()
        self.init()
        self.write("a.jpg", noise(6 << 20))
        self.write("b.txt", b"words")

    def check_refused(self, *prefix, names=b"File too large"):
        before = sorted(self.vault.rglob("*"))
        for how in scenario.IO:
            done = self.run_it("seal", self.vault, self.source, "--io", how, prefix=prefix,
                               expect=FAILED)
            self.assertIn(names, done.stderr)
            self.assertEqual(sorted(self.vault.rglob("*")), before)

    def test_a_limit_of_file_sizes(self):
        self.check_refused("prlimit", f"--fsize={1 << 20}")
        self.roundtrip()
        other = self.dir / "other"
        env = self.as_identity("somebody")
        self.run_it("init", other, "--device", "x", env=env, prefix=("prlimit", "--fsize=10"),
                    expect=FAILED)
        self.run_it("init", other, "--device", "x", env=env)

    def test_a_full_file_system(self):
        disk = self.dir / "disk"
        disk.mkdir()
        mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", disk],
                               capture_output=True)
        if mount.returncode != 0:
            self.skipTest("cannot mount a small file system here")
        self.addCleanup(subprocess.run, ["umount", disk], check=True)
        shutil.copytree(self.vault, disk / "vault")
        self.vault = disk / "vault"
        room = os.statvfs(disk).f_bfree
        self.check_refused(names=b"No space left")
        self.assertEqual(os.statvfs(disk).f_bfree, room)
        (self.source / "a.jpg").write_bytes(noise(1 << 20))
        self.roundtrip()


if __name__ == "__main__":
    scenario.main()
