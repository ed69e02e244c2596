"""Makes a golden vault: make.py TOOL OUT. Done once per version of the format, never again: what lies
in v1/ is what a version 1 wrote, and every later version must open it.

OUT gets vault/, the identities `device` (plain), `second` (under the passphrase in `passphrase`) and
`sealer`, and manifest.json: per snapshot, what must come out."""

import hashlib
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

PASSPHRASE = "correct horse battery staple"


def describe(root):
    """The manifest of a tree: path to what it is, with content as a SHA-256."""
    seen = {}
    for path in sorted(root.rglob("*"), key=os.fsencode):
        info = path.lstat()
        entry = {"mode": oct(info.st_mode), "mtime_ns": info.st_mtime_ns}
        if path.is_symlink():
            entry = {"mode": oct(info.st_mode), "target": os.readlink(path)}
        elif path.is_file():
            entry |= {"size": info.st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
            entry["links"] = info.st_nlink
        xattrs = {name: os.getxattr(path, name, follow_symlinks=False).hex()
                  for name in os.listxattr(path, follow_symlinks=False) if name.startswith("user.")}
        if xattrs:
            entry["xattrs"] = xattrs
        seen[os.fsencode(path.relative_to(root)).decode("latin-1")] = entry
    return seen


def fill(source):
    """Every kind of entry, several categories, content over several segments."""
    noise = random.Random(1)
    (source / "DCIM").mkdir(parents=True)
    (source / "DCIM" / "IMG_0001.JPG").write_bytes(b"\xff\xd8\xff" + noise.randbytes(270_000))
    (source / "DCIM" / "IMG_0001.xmp").write_text("<x:xmpmeta/>\n" * 40)
    (source / "letters").mkdir()
    (source / "letters" / "one.txt").write_text("Dear reader,\n" * 3000)
    os.link(source / "letters" / "one.txt", source / "letters" / "two.txt")
    (source / "letters" / "empty").touch()
    os.symlink("one.txt", source / "letters" / "link")
    os.mkfifo(source / "letters" / "fifo")
    with open(source / "letters" / "sparse", "wb") as sparse:
        sparse.truncate(1 << 20)
        sparse.seek(600_000)
        sparse.write(b"in the middle")
    (source / os.fsdecode(b"name-\xff\xfe")).write_text("not UTF-8\n")
    (source / "empty folder").mkdir()
    (source / "ada.vcf").write_text("BEGIN:VCARD\nFN:Ada\nEND:VCARD\n")
    os.setxattr(source / "ada.vcf", "user.note", b"a note")
    (source / "plan.ics").write_text("BEGIN:VCALENDAR\nEND:VCALENDAR\n")
    (source / "mail.mbox").write_text("From ada\n\nHello\n")
    os.chmod(source / "letters" / "one.txt", 0o640)
    for number, path in enumerate(sorted(source.rglob("*"), key=os.fsencode)):
        os.utime(path, ns=(1_000_000_000_000_000_000 + number,) * 2, follow_symlinks=False)


def run(*words):
    """Runs the tool; what it prints is not of interest."""
    subprocess.run([str(word) for word in words], check=True, stdout=subprocess.PIPE)


def main():
    tool, out = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    os.umask(0o022)
    out.mkdir(parents=True)
    vault, device, second, sealer = (out / name for name in ("vault", "device", "second", "sealer"))
    (out / "passphrase").write_text(PASSPHRASE + "\n")
    run(tool, "init", vault, "--device", "device", "--identity", device, "--quiet")
    for name, identity, options in (("second", second, ["--passphrase-file", out / "passphrase"]),
                                    ("sealer", sealer, ["--sealer"])):
        request = subprocess.run([tool, "device", "request", "--name", name, "--identity", identity,
                                  *options], check=True, stdout=subprocess.PIPE).stdout
        (out / "request").write_bytes(request)
        run(tool, "device", "add", vault, out / "request", "--identity", device, "--quiet")
        (out / "request").unlink()
    account = json.loads(subprocess.run([tool, "device", "list", vault, "--identity", device, "--json"],
                                        check=True, stdout=subprocess.PIPE).stdout)["account"]
    manifest = {}
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "source"
        fill(source)
        for identity in (device, sealer):
            run(tool, "seal", vault, source, "--identity", identity, "--account", account, "--quiet")
            made = {path.stem for path in (vault / "snapshots").iterdir()} - manifest.keys()
            manifest[made.pop()] = describe(source)
            (source / "ada.vcf").write_text("BEGIN:VCARD\nFN:Ada Lovelace\nEND:VCARD\n")
    (out / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")


if __name__ == "__main__":
    main()
