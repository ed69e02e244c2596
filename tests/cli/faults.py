"""What the scenarios of faults share: a command whose n-th call fails, for n = 1, 2, 3, ..."""

import subprocess

import scenario
from scenario import DONE, FAILED, PARTIAL, SOAK

# But for a soak: every so many calls of a command are tried, and so many allocations, spread evenly.
EVERY, MAX_ALLOCATIONS = (8, 5) if scenario.SANITIZED else (4, 10)
FAR = 10**9
HANG_S = 15
KINDS = {"files": "a call on files", "memory": "an allocation"}

# What goes on as if nothing had been.
HARMLESS = ("EINTR", "short")
MOVING = {"read": ("EIO", "EINTR", "short"), "write": ("ENOSPC", "EIO", "EDQUOT", "EINTR", "short")}
OTHERS = {
    "open": ("EMFILE", "EIO", "EINTR", "ENOSPC"),
    "fsync": ("EIO", "ENOSPC", "EDQUOT"),
    "fdatasync": ("EIO", "ENOSPC", "EDQUOT"),
    "syncfs": ("EIO", "ENOSPC", "EDQUOT"),
    "mkdir": ("ENOSPC", "EIO", "EDQUOT"),
    "rename": ("ENOSPC", "EIO", "EDQUOT"),
    "link": ("ENOSPC", "EIO", "EDQUOT"),
    "fallocate": ("ENOSPC", "EDQUOT", "EIO"),
    "flock": ("EINTR", "EIO"),
}


LOOKING = (MOVING["read"], OTHERS["open"], ("EIO",))


def faults_of(call):
    if "xattr" not in call and "link" not in call and "dents" not in call:
        for part, faults in MOVING.items():
            if part in call:
                return faults
    for part, faults in OTHERS.items():
        if call.strip("_").startswith(part):
            return faults
    return ("EIO",)


class Faults(scenario.Scenario):
    every_read = 1  # of the calls that only look, these are tried, but for a soak

    def fail_at_each_call(self, check, *args, codes=(FAILED, PARTIAL), expect=DONE, **how):
        """For n = 1, 2, 3, ... until the command makes no more calls: has its n-th call on a file
        or folder fail, reads included, in a way that fits it (in a soak in all such ways), and does
        the same with allocations, with some of them. The ordinary run tries every fourth n, and
        others where the command was built for a sanitizer; a soak tries all. The exit code is
        |expect|, or one of |codes| with an error told; then check(code, done, call) looks at what
        that has left. Before each run everything in the scenario's folder is as it was before the
        first."""
        restore = self.remember()
        _, calls = self.traced(*args, calls="files", expect=expect, **how)
        restore()
        for n, (call, _) in enumerate(calls, 1):
            faults = faults_of(call)
            if not SOAK:
                step = EVERY * (self.every_read if faults in LOOKING else 1)
                if n % step != 2 * scenario.SANITIZED:
                    continue
                faults = (faults[n // step % len(faults)],)
            for fault in faults:
                self.fail_once(check, args, n, "files", fault, codes, expect, how)
                restore()
        if scenario.COVERED:
            return  # what counts lines cannot do without memory itself
        _, calls = self.traced(*args, at=FAR, calls="memory", expect=expect, **how)
        restore()
        step = 1 if SOAK else max(1, len(calls) // MAX_ALLOCATIONS)
        for n in range(1 + step // 2, len(calls) + 1, step):
            self.fail_once(check, args, n, "memory", "ENOMEM", codes, expect, how)
            restore()

    def fail_once(self, check, args, n, what, fault, codes, expect, how):
        try:
            done, calls = self.traced(*args, at=n, fault=fault, calls=what, timeout_s=HANG_S,
                                      expect=tuple(range(-64, 256)), **how)
        except subprocess.TimeoutExpired:
            with self.subTest(n=n, what=what, fault=fault):
                self.fail(f"{args} hangs")
            return
        if len(calls) < n:
            return  # threads: this time it made fewer
        if b"AddressSanitizer: CHECK failed" in done.stderr:
            return  # it cannot do without memory itself
        call, path = calls[n - 1]
        with self.case("fault", f"{KINDS[what]}: {fault}", n=n, call=call, path=path):
            code = done.returncode
            said = (done.stdout[-2000:], done.stderr[-2000:])
            # With threads or a child it may be another call than was counted.
            is_harmless = fault in HARMLESS and fault in faults_of(call)
            self.assertIn(code, (expect,) if is_harmless else (expect, *codes), said)
            if code != expect:
                self.assertTrue(b"adp-seal: " in done.stderr or b'"message"' in done.stdout, said)
            check(code, done, call)
