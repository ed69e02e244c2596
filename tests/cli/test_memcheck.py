"""The command under valgrind: it reads no byte that nobody wrote, touches none that is not its own,
and loses none. A seal and an open; with ADP_SOAK=1 one command of each kind.

valgrind knows neither AVX-512 nor VAES, nor who fills the rings of io_uring: so the portable
kernel, and --io=threads.
"""

import os
import shutil

import scenario
from damage import flip
from scenario import COMMAND, SOAK, noise, prose

TIMEOUT_S = 600
VALGRIND = ("valgrind", "--quiet", "--error-exitcode=99", "--leak-check=full",
            "--errors-for-leak-kinds=definite", "--show-leak-kinds=definite")
KERNEL = {"ADP_SEAL_KERNEL": "portable"}


class Memcheck(scenario.Scenario):
    def setUp(self):
        super().setUp()
        if shutil.which("valgrind") is None:
            self.skipTest("there is no valgrind")
        with open(COMMAND, "rb") as file:
            content = file.read()
        if b"__asan_init" in content or b"__tsan_init" in content:
            self.skipTest("the command has a sanitizer")
        self.write("a.jpg", noise(700_000))
        self.write("b.txt", prose(200_000))
        os.link(self.source / "b.txt", self.source / "linked")
        (self.source / "link").symlink_to("b.txt")
        os.setxattr(self.source / "b.txt", "user.note", b"x")

    def check(self, *args, **how):
        with self.case("duration", "commands under valgrind", command=args[0]):
            self.run_it(*args, "--io=threads", prefix=VALGRIND, env=KERNEL, timeout_s=TIMEOUT_S,
                        **how)

    def test_seal_and_open(self):
        self.init()
        self.check("seal", self.vault, self.source, "--parity=10%")
        self.check("open", self.vault, "latest", "--to", self.dir / "opened")
        self.assert_same_tree(self.source, self.dir / "opened" / "source")

    def test_the_others(self):
        if not SOAK:
            self.skipTest("ADP_SOAK=1 runs it")
        self.check("init", self.vault, "--device", "laptop")
        request = self.request("phone")
        self.check("device", "add", self.vault, request)
        self.run_it("seal", self.vault, self.source, "--parity=10%")
        for args in (("snapshots", self.vault), ("list", self.vault, "latest"),
                     ("cat", self.vault, "latest", "source/b.txt"),
                     ("status", self.vault, "--leaks"),
                     ("verify", self.vault), ("scrub", self.vault),
                     ("parity", "add", self.vault, "--parity=5%"), ("rotate", self.vault),
                     ("rewrap", self.vault), ("device", "remove", self.vault, "phone"),
                     ("recovery", "key", self.vault), ("category", "explain", "a/b.jpg"),
                     ("seal", self.vault, self.source, "--dry-run")):
            self.check(*args)
        for path in self.vault.glob("archives/*/photos.adps"):
            flip(path, -1000)
        self.check("verify", self.vault, expect=scenario.INTEGRITY)
        self.check("open", self.vault, "latest", "--keep-going", "--to", self.dir / "rest",
                   expect=scenario.INTEGRITY)
        self.check("repair", self.vault)
        self.run_it("verify", self.vault)
        self.check("erase", self.vault, "photos", "--yes")


if __name__ == "__main__":
    scenario.main()
