"""Make the images that need no real packages, and the images that are another form of a real layer.

    python3 benchmarks/generate.py OUT CASE...

Deterministic (seeded) and streamed: memory stays small for any size of image. Standard library only. ``pax`` and
``members`` are made from OUT/node and OUT/debian-python, which must exist. A case that exists is kept.
"""

from __future__ import annotations

import argparse
import gzip
import random
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

sys.path.insert(0, str(Path(__file__).parent))

from imagefile import BLOCK, PIECE, ImageWriter, directory, entry, header, pax_header, read_layers, write_compressed_archive

WORDS = b"const function return export default import from module require this value string index props state".split()
FILES_PER_DIRECTORY = 8
PLACES = (b"", b"dist/", b"dist/esm/", b"dist/cjs/", b"lib/", b"lib/internal/", b"src/components/", b"types/")


class Contents:
    """Small texts that compress about as well as source code; no two are likely to be equal."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        pool = (self._random.choice(WORDS) + b"%x" % self._random.getrandbits(20) for _ in range(100_000))
        self._pool = b" ".join(pool)

    def take(self, low: int = 20, high: int = 900) -> bytes:
        size = self._random.randint(low, high)
        start = self._random.randrange(len(self._pool) - size)
        return self._pool[start : start + size]


def tree(count: int, seed: int, *, top: bytes = b"srv/web/node_modules") -> Iterator[bytes]:
    """``count`` entries shaped like node_modules: directories of eight files, paths of 60 to 80 bytes."""
    contents, made = Contents(seed), 0
    while made < count:
        number = made // (FILES_PER_DIRECTORY + 1)
        package, place = divmod(number, len(PLACES))
        folder = b"%b/@scope%02d/package-name-%05d/%b" % (top, package % 40, package, PLACES[place])
        yield directory(folder)
        made += 1
        for file in range(min(FILES_PER_DIRECTORY, count - made)):
            yield entry(folder + b"module-%06d-%d.js" % (number, file), contents.take())
            made += 1


def scale(image: ImageWriter, count: int) -> None:
    """One layer of ``count`` entries."""
    with image.layer(f"COPY {count} entries") as layer:
        for data in tree(count, seed=count):
            layer.write(data)


def flat(image: ImageWriter, count: int) -> None:
    """One layer whose ``count`` entries are all in one directory."""
    contents = Contents(count)
    with image.layer(f"COPY {count} entries into one directory") as layer:
        layer.write(directory(b"var/lib/application/flat/"))
        for number in range(count):
            layer.write(
                entry(b"var/lib/application/flat/a-file-with-a-name-of-usual-length-%08d.dat" % number, contents.take())
            )


def whiteouts(image: ImageWriter, *, deleted: bool) -> None:
    """50,000 files, then 1,000 whiteouts of them or 1,000 more small files."""
    paths: list[bytes] = []
    contents = Contents(1)
    with image.layer("COPY 50,000 files") as layer:
        for number in range(50_000):
            name = b"srv/web/node_modules/package-name-%05d/module-%06d.js" % (number // FILES_PER_DIRECTORY, number)
            layer.write(entry(name, contents.take()))
            paths.append(name)
    with image.layer("RUN find -delete" if deleted else "COPY 1,000 files") as layer:
        for path in sorted(random.Random(2).sample(paths, 1000)):
            folder, _, name = path.rpartition(b"/")
            layer.write(entry(folder + b"/.wh." + name, b"") if deleted else entry(path + b".map", contents.take()))


def deep(image: ImageWriter, depth: int = 200, chains: int = 100) -> None:
    """Chains of nested directories, and as many files at the bottom of each; most paths need a PAX header."""
    contents = Contents(3)
    with image.layer(f"COPY paths of {depth} components") as layer:
        for chain in range(chains):
            folder = b"c%03d/" % chain
            for level in range(depth - 1):
                layer.write(directory(folder))
                folder += b"d%02d/" % (level % 100)
            for number in range(depth):
                layer.write(entry(folder + b"f%03d" % number, contents.take()))


def layers(image: ImageWriter, count: int, entries: int) -> None:
    """``entries`` entries in ``count`` layers; every second layer stores a directory of the one below it again."""
    for number in range(count):
        with image.layer(f"RUN step {number}") as layer:
            top = b"srv/web/layer-%03d" % (number - number % 2)
            for data in tree(entries // count, seed=number, top=top):
                layer.write(data)


def big(image: ImageWriter, megabytes: int) -> None:
    """Four layers of five files, no two of a size, one eighth random and the rest zeros, which take little disk."""
    rng, pattern_size = random.Random(4), 8 * PIECE
    for number in range(4):
        with image.layer(f"COPY model-{number}") as layer:
            for part in range(5):
                size = megabytes * 1_000_000 // 20 + 1000 * part + number
                layer.write(header(b"srv/models/model-%d-of-%d.bin" % (part, number), size))
                for start in range(0, size, pattern_size):
                    piece = rng.randbytes(PIECE) + bytes(pattern_size - PIECE)
                    layer.write(piece[: size - start])
                layer.write(bytes(-size % BLOCK))


def pax(image: ImageWriter, out: Path) -> None:
    """The largest layer of ``node``, every entry with the PAX header that ``tar --format=posix`` writes."""
    with gzip.open(_largest_layer(out / "node")) as source, image.layer("RUN npm ci, packed by tar --format=posix") as layer:
        for number, data in enumerate(_entries(source)):
            nanoseconds = b"1700000000.%09d" % (number * 1_000_003 % 1_000_000_000)
            if data[156:157] != b"x":  # what has one already keeps it
                layer.write(pax_header([(b"mtime", nanoseconds), (b"atime", nanoseconds), (b"ctime", nanoseconds)]))
            layer.write(data)


def members(image: ImageWriter, out: Path) -> None:
    """The largest layer of ``debian-python``, as gzip of one member per MiB of input."""
    source = _largest_layer(out / "debian-python")
    with gzip.open(source) as stream, image.layer("RUN pip install", member_size=1 << 20) as layer:
        while piece := stream.read(PIECE):
            layer.write(piece)


def _largest_layer(case: Path) -> Path:
    layers, _ = read_layers(case / "gzip")
    return max(layers, key=lambda path: path.stat().st_size)


def _entries(source: BinaryIO | gzip.GzipFile) -> Iterator[bytes]:
    """The entries of a tar, an extended header together with what it extends."""
    data = b""
    while (block := source.read(BLOCK)).strip(b"\0"):
        size = int(block[124:135], 8) if block[156:157] in b"0xg\0LK" else 0
        data += block + source.read(size + -size % BLOCK)
        if block[156:157] not in b"xgLK":
            yield data
            data = b""


Builder = Callable[[ImageWriter, Path], None]

BUILDERS: dict[str, Builder] = {
    "empty": lambda image, _: scale(image, 1),
    "scale-10000": lambda image, _: scale(image, 10_000),
    "scale-30000": lambda image, _: scale(image, 30_000),
    "scale-100000": lambda image, _: scale(image, 100_000),
    "scale-200000": lambda image, _: scale(image, 200_000),
    "scale-300000": lambda image, _: scale(image, 300_000),
    "scale-1000000": lambda image, _: scale(image, 1_000_000),
    "scale-2000000": lambda image, _: scale(image, 2_000_000),
    "flat-1000": lambda image, _: flat(image, 1000),
    "flat-1000000": lambda image, _: flat(image, 1_000_000),
    "whiteouts": lambda image, _: whiteouts(image, deleted=True),
    "no-whiteouts": lambda image, _: whiteouts(image, deleted=False),
    "deep": lambda image, _: deep(image),
    "layers-127": lambda image, _: layers(image, 127, 100_000),
    "big-100mb": lambda image, _: big(image, 100),
    "big-1gb": lambda image, _: big(image, 1000),
    "big-10gb": lambda image, _: big(image, 10_000),
    "pax": pax,
    "members": members,
}


def build(out: Path, case: str) -> None:
    """Build one case unless it exists; an unfinished one has another name."""
    folder, partial = out / case, out / f"{case}.partial"
    if folder.exists():
        return
    shutil.rmtree(partial, ignore_errors=True)
    image = ImageWriter(partial, docker=case != "members", level=1 if case.startswith("big") else 6)
    BUILDERS[case](image, out)
    image.finish()
    partial.rename(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", nargs="?", type=Path)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join(BUILDERS)}")
    parser.add_argument("--list", action="store_true", help="print the names of the cases")
    parser.add_argument(
        "--repack", metavar="TARGET", type=Path, help="write OUT, a layout, as a docker-archive of gzip layers"
    )
    options = parser.parse_args()
    if options.list:
        print("\n".join(BUILDERS))
    elif options.out is None:
        parser.error("OUT is missing")
    elif options.repack:
        write_compressed_archive(options.out, options.repack)
    else:
        for case in options.cases:
            if case not in BUILDERS:
                parser.error(f"no case {case!r}; there are {', '.join(BUILDERS)}")
            build(options.out, case)


if __name__ == "__main__":
    main()
