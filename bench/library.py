#!/usr/bin/python3
"""Generates a library of files to seal, always the same one for a seed.

    library.py photos DIR [--megabytes N]   photos and films that do not compress, small sidecars
    library.py texts DIR [--files N]        text files that zstd -3 shrinks to about a third
    library.py mixed DIR [--megabytes N]    one file, text and noise in turn
    library.py sample DIR                   a small home: several categories, links, odd names
"""

import argparse
import itertools
import json
import math
import os
import random
import struct
import sys

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

FILM_LEN = 100_000_000
PHOTO_MIN_LEN = 200_000
PHOTO_MAX_LEN = 5_000_000
CHUNK_LEN = 1 << 20
STRETCH_LEN = 16 << 20  # of text or of noise in a mixed file
ZEROS = bytes(CHUNK_LEN)
EPOCH = 1_577_836_800  # 2020-01-01, so that no date depends on the day of the run

HEADS = {
    ".jpg": b"\xff\xd8\xff\xe1\x00\x10Exif\x00\x00",
    ".heic": b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic",
    ".mov": b"\x00\x00\x00\x14ftypqt  \x00\x00\x02\x00qt  ",
    ".m4a": b"\x00\x00\x00\x18ftypM4A \x00\x00\x00\x00M4A mp42",
}


class Noise:
    """Bytes that do not compress, at memory speed: the key stream of AES-CTR under the seed."""

    def __init__(self, seed):
        key = seed.to_bytes(32, "big")
        self.stream = Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor()

    def write(self, out, length):
        while length > 0:
            count = min(length, CHUNK_LEN)
            out.write(self.stream.update(ZEROS[:count]))
            length -= count


class Maker:
    """Writes files below one folder, with dates that follow from their order."""

    def __init__(self, root, seed):
        self.root = root
        self.rng = random.Random(seed)
        self.noise = Noise(seed)
        self.count = 0

    def path(self, name):
        path = os.path.join(os.fsencode(self.root), os.fsencode(name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def date(self, path):
        self.count += 1
        when = (EPOCH + 601 * self.count) * 1_000_000_000 + 123_456_789
        os.utime(path, ns=(when, when))

    def media(self, name, length):
        path = self.path(name)
        head = HEADS[os.path.splitext(name)[1]]
        with open(path, "wb", buffering=0) as out:
            out.write(head)
            self.noise.write(out, length - len(head))
        self.date(path)

    def text(self, name, content):
        path = self.path(name)
        with open(path, "wb", buffering=0) as out:
            out.write(content if isinstance(content, bytes) else content.encode())
        self.date(path)

    def sidecar(self, photo, number):
        """The two kinds that photo programs leave beside a picture, in turn."""
        rating, favourite = self.rng.randint(0, 5), self.rng.random() < 0.1
        if number % 2 == 0:
            facts = {"title": photo, "rating": rating, "favorite": favourite,
                     "photoTakenTime": {"timestamp": EPOCH + number},
                     "geoData": {"latitude": self.rng.uniform(-90, 90),
                                 "longitude": self.rng.uniform(-180, 180)}}
            self.text(photo + ".json", json.dumps(facts, indent=2) + "\n")
        else:
            self.text(photo + ".xmp",
                      '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/'
                      '1999/02/22-rdf-syntax-ns#"><rdf:Description xmlns:xmp="http://ns.adobe.com/'
                      f'xap/1.0/" xmp:Rating="{rating}"/></rdf:RDF></x:xmpmeta>\n')


def make_photos(maker, megabytes):
    """600 photos and films of 2.06 GB in all, and 200 sidecars, or that shape at another size."""
    total = megabytes * 1_000_000
    films = max(1, total // 400_000_000) if total >= 2 * FILM_LEN else 0
    for i in range(films):
        maker.media(f"films/FILM{i:04}.mov", FILM_LEN)
    left = total - films * FILM_LEN
    number = 0
    while left > 0:
        length = min(maker.rng.randint(PHOTO_MIN_LEN, PHOTO_MAX_LEN), max(left, PHOTO_MIN_LEN))
        kind = ".heic" if number % 3 == 0 else ".jpg"
        name = f"{2020 + number // 200}/{number // 50:03}/IMG_{number:05}{kind}"
        maker.media(name, length)
        if number % 3 == 0:
            maker.sidecar(name, number // 3)
        left -= length
        number += 1


def vocabulary(rng, num_words):
    """Made-up words, the frequent ones short, with cumulative weights after Zipf."""
    syllables = [c + v for c in "bdfgklmnprstvz" for v in ("a", "e", "i", "o", "u", "an", "er")]
    words = ["".join(rng.choices(syllables, k=1 + min(4, int(math.log10(i + 1)) + i % 2)))
             for i in range(num_words)]
    return words, list(itertools.accumulate(1 / (i + 3) for i in range(num_words)))


def sentences(rng, num_sentences):
    words, cum_weights = vocabulary(rng, 20_000)
    made = []
    for _ in range(num_sentences):
        chosen = rng.choices(words, cum_weights=cum_weights, k=rng.randint(5, 22))
        made.append(" ".join(chosen).capitalize() + ".\n")
    return made


def make_texts(maker, num_files):
    """Sizes are log-normal around 4 KiB; 100,000 files make about 650 MB."""
    rng = maker.rng
    pool = sentences(rng, 200_000)
    mean_len = sum(map(len, pool)) / len(pool)
    for i in range(num_files):
        length = rng.lognormvariate(math.log(4096), 0.95)
        content = "".join(rng.choices(pool, k=max(1, round(length / mean_len))))
        maker.text(f"{i // 1000:03}/{i:06}.txt", content)


def make_mixed(maker, megabytes):
    """One file of alternate stretches. Paragraphs instead of sentences are drawn, for speed: there
    are so many that zstd's window rarely holds one twice, and no stretch repeats another."""
    rng = maker.rng
    pool = sentences(rng, 50_000)
    paragraphs = ["".join(rng.choices(pool, k=16)).encode() for _ in range(65_536)]
    mean_len = sum(map(len, paragraphs)) / len(paragraphs)
    path = maker.path("disk.img")
    left = megabytes * 1_000_000
    is_text = True
    with open(path, "wb", buffering=0) as out:
        while left > 0:
            length = min(STRETCH_LEN, left)
            if is_text:
                num = int(length / mean_len * 1.05) + 16
                out.write(b"".join(rng.choices(paragraphs, k=num))[:length])
            else:
                maker.noise.write(out, length)
            left -= length
            is_text = not is_text
    maker.date(path)


def vcard(number):
    return ("BEGIN:VCARD\r\nVERSION:4.0\r\n"
            f"FN:Person {number}\r\nTEL:tel:+1-555-01{number:02}\r\nEND:VCARD\r\n")


def event(number):
    return ("BEGIN:VEVENT\r\n"
            f"UID:{number}@example.org\r\nDTSTAMP:20200101T000000Z\r\n"
            f"DTSTART:202001{number + 1:02}T090000Z\r\nSUMMARY:Day {number}\r\nEND:VEVENT\r\n")


def message(number, sentence):
    return ("From someone@example.org Wed Jan  1 00:00:00 2020\n"
            f"From: someone@example.org\nSubject: Letter {number}\n\n{sentence}\n")


def make_sample(maker):
    """About 25 MB: what makes `demo` show several categories and the odd things of a home."""
    words = sentences(maker.rng, 400)
    for i in range(24):
        kind = ".heic" if i % 3 == 0 else ".jpg"
        name = f"Photos/2020/IMG_{i:04}{kind}"
        maker.media(name, maker.rng.randint(PHOTO_MIN_LEN, 1_200_000))
        if i % 4 == 0:
            maker.sidecar(name, i // 4)
    maker.media("Photos/2020/IMG_0024.mov", 6_000_000)
    maker.media("Voice Memos/New Recording.m4a", 400_000)
    maker.text("Contacts/people.vcf", "".join(map(vcard, range(20))))
    maker.text("Calendar/home.ics", "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//sample//EN\r\n"
               + "".join(map(event, range(20))) + "END:VCALENDAR\r\n")
    maker.text("Mail/inbox.mbox", "".join(message(i, words[i]) for i in range(40)))
    for i in range(12):
        maker.text(f"Notes/{i:02}.note", "".join(words[10 * i:10 * i + 10]))
    maker.text("Documents/letter.txt", "".join(words))
    maker.text(b"Documents/caf\xe9.txt", "A name in Latin-1.\n")
    make_odd_files(maker)


def make_odd_files(maker):
    """A sparse file, an empty folder, a symbolic link and a hard link."""
    sparse = maker.path("Documents/disk.img")
    with open(sparse, "wb") as out:
        out.seek(8 << 20)
        out.write(struct.pack("<Q", 42))
    maker.date(sparse)
    os.makedirs(maker.path("Documents/empty"))
    os.symlink("letter.txt", maker.path("Documents/latest"))
    os.link(maker.path("Documents/letter.txt"), maker.path("Documents/same letter.txt"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=["photos", "texts", "mixed", "sample"])
    parser.add_argument("dir", help="the folder to make; it must not exist")
    parser.add_argument("--megabytes", type=int, help="size of photos (2060), mixed (8000)")
    parser.add_argument("--files", type=int, default=100_000, help="number of texts")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    try:
        os.makedirs(options.dir)
    except OSError as error:
        sys.exit(f"{options.dir}: {error.strerror}")
    maker = Maker(options.dir, options.seed)
    if options.kind == "photos":
        make_photos(maker, options.megabytes or 2060)
    elif options.kind == "texts":
        make_texts(maker, options.files)
    elif options.kind == "mixed":
        make_mixed(maker, options.megabytes or 8000)
    else:
        make_sample(maker)


if __name__ == "__main__":
    main()
