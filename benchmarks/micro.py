"""Measure single steps in one process on a real image; print nanoseconds of CPU time per entry as JSON.

    python benchmarks/micro.py OUT/CASE [--rounds N] [--only STEP...]
    python benchmarks/micro.py pax      # one made-up tree with and without PAX headers

Uses internal names of the library; a step that a revision does not have is left out.
"""

from __future__ import annotations

import argparse
import json
import mmap
import os
import statistics
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

sys.path.insert(0, str(Path(__file__).parent))

import generate
from imagefile import BLOCK, pax_header, read_layers
from peers import layer_names

T = TypeVar("T")
PAX_ENTRIES = 30_000
WINDOW_IN_PLACE = 64 << 10  # bytes, as layer/scan.py has it


class Bytes:
    """A tar in memory as a stream that is read to its end."""

    def __init__(self, data: memoryview) -> None:
        self._data, self._position = data, 0

    def readinto(self, buffer: memoryview, /) -> int:
        piece = self._data[self._position : self._position + len(buffer)]
        buffer[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)


class SkippableBytes(Bytes):
    """The same, with payloads that can be skipped."""

    def skip(self, count: int, /) -> int:
        skipped = min(count, len(self._data) - self._position)
        self._position += skipped
        return skipped


@contextmanager
def _open_tar(archive: Path) -> Iterator[memoryview]:
    """The largest plain layer of a docker-archive."""
    with tarfile.open(archive) as members:
        largest = max((members.getmember(name) for name in layer_names(archive)), key=lambda member: member.size)
    start, end = largest.offset_data, largest.offset_data + largest.size
    with (
        archive.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
        memoryview(mapped) as view,
        view[start:end] as layer,
    ):
        yield layer


class Steps:
    """Times steps and keeps their CPU time per entry."""

    def __init__(self, rounds: int) -> None:
        self.rounds = rounds
        self.costs: dict[str, float] = {}

    def keep(self, name: str, times: Iterable[float], entries: int) -> None:
        """Record the median of some times in seconds."""
        self.costs[name] = statistics.median(times) / entries * 1e9

    def in_turn(self, steps: Mapping[str, Callable[[], object]], entries: int) -> None:
        """Run steps in turn, several times, and record the median of each."""
        times: dict[str, list[float]] = {name: [] for name in steps}
        for _ in range(self.rounds):
            for name, step in steps.items():
                start = time.thread_time()
                step()
                times[name].append(time.thread_time() - start)
        for name, many in times.items():
            self.keep(name, many, entries)

    def time(self, name: str, step: Callable[[], T], entries: Callable[[T], int]) -> T:
        """Run a step several times, record the median and return the last result."""
        times = []
        for _ in range(self.rounds):
            start = time.thread_time()
            result = step()
            times.append(time.thread_time() - start)
        self.keep(name, times, entries(result))
        return result


def scan_in_place(file: int, start: int, size: int) -> int:
    """Scan a plain layer in an open file as a local archive is read; return the number of entries."""
    from ocisize.blob.region import FileRegion
    from ocisize.layer.kept_files import BEGINNINGS, KeptFiles
    from ocisize.layer.scan import MAX_HASHED_IN_PLACE
    from ocisize.tar.scanner import scan_tar

    return len(
        scan_tar(
            FileRegion(file, start, size),
            hash_up_to=MAX_HASHED_IN_PLACE,
            wanted=KeptFiles(),
            beginnings=BEGINNINGS,
            window_size=WINDOW_IN_PLACE,
        )
    )


def _scan_in_place(steps: Steps, folder: Path) -> None:
    """All layers of a plain archive."""
    archive = folder / "docker.tar"
    with tarfile.open(archive) as members:
        layers = [members.getmember(name) for name in layer_names(archive)]
    with archive.open("rb") as file:

        def scan() -> int:
            return sum(scan_in_place(file.fileno(), layer.offset_data, layer.size) for layer in layers)

        steps.time("scan in place", scan, lambda entries: entries)


def _scan(steps: Steps, folder: Path) -> None:
    from ocisize.tar.scanner import scan_tar

    with _open_tar(folder / "docker.tar") as tar:
        steps.time("scan and hash contents", lambda: scan_tar(Bytes(tar)), len)
        steps.time("scan headers only", lambda: scan_tar(SkippableBytes(tar), hash_content=False), len)


def _offset_map(steps: Steps, folder: Path) -> None:
    from ocisize.blob.stream import LayerStream
    from ocisize.tar.scanner import scan_tar

    largest = max(read_layers(folder / "gzip")[0], key=lambda path: path.stat().st_size)
    with largest.open("rb") as file:
        stream = LayerStream(iter(lambda: file.read(1 << 18), b""), stored_size=largest.stat().st_size)
        table = scan_tar(stream)
    steps.time("offset map", lambda: stream.offsets.compressed_sizes(table.ends), len)


def _merge(steps: Steps, folder: Path) -> None:
    from ocisize.filesystem.overlay import overlay_all
    from ocisize.filesystem.duplicates import find_duplicates
    from ocisize.filesystem.waste import find_waste
    from ocisize.analyzer import Analyzer

    analysis = Analyzer(hash_content=True).analyze(folder / "docker.tar")
    tables: list[Any] = [layer.files for layer in analysis.layers]
    entries = sum(map(len, tables))
    overlay = steps.time("merge", lambda: overlay_all(tables), lambda _: entries)
    steps.time("waste", lambda: find_waste(tables, overlay), lambda _: entries)
    steps.time("duplicates", lambda: find_duplicates(tables, overlay), lambda _: entries)


def _analysis(steps: Steps, folder: Path) -> None:
    """The analysis of layers that were read, for the first time and again."""
    from ocisize import Analyzer, analyzer, pipeline

    module = analyzer if hasattr(analyzer, "analyze_layers") else pipeline  # older revisions import the function early
    analyze_layers = module.analyze_layers
    times: dict[str, list[float]] = {"analysis": [], "analysis again": []}

    def timed(*arguments: Any, **options: Any) -> Any:
        for many in times.values():
            start = time.thread_time()
            analysis = analyze_layers(*arguments, **options)
            many.append(time.thread_time() - start)
        return analysis

    module.analyze_layers = timed
    for _ in range(steps.rounds):
        entries = _entries(Analyzer().analyze(folder / "docker.tar"))
    module.analyze_layers = analyze_layers
    for name, many in times.items():
        steps.keep(name, many, entries)


def _pax(steps: Steps) -> None:
    """The same tree without PAX headers, with one that has the time, and with one that has the path and the time."""
    from ocisize.tar.scanner import scan_tar

    kinds = {"plain": 0, "mtime": 1, "path and mtime": 2}
    with tempfile.TemporaryDirectory() as parent:
        paths = {kind: Path(parent) / kind for kind in kinds}
        for kind, records in kinds.items():
            _write_tree(paths[kind], records)
        files = {kind: path.open("rb") for kind, path in paths.items()}
        in_place = {
            f"{kind}, in place": lambda file=file: scan_in_place(file.fileno(), 0, os.fstat(file.fileno()).st_size)
            for kind, file in files.items()
        }
        as_stream = {
            f"{kind}, as a stream": lambda tar=memoryview(path.read_bytes()): scan_tar(Bytes(tar))
            for kind, path in paths.items()
        }
        steps.in_turn(in_place, PAX_ENTRIES)
        steps.in_turn(as_stream, PAX_ENTRIES)
        for file in files.values():
            file.close()


def _write_tree(path: Path, records: int) -> None:
    """A tar of small files; each entry has a PAX header with so many of the records mtime and path."""
    with path.open("wb") as file:
        for number, data in enumerate(generate.tree(PAX_ENTRIES, seed=PAX_ENTRIES)):
            values = [(b"mtime", b"1700000000.%09d" % (number * 1_000_003 % 1_000_000_000))]
            if records > 1:
                values.insert(0, (b"path", data[:100].rstrip(b"\0")))
            file.write((pax_header(values) if records else b"") + data)
        file.write(bytes(2 * BLOCK))


def _catalog(steps: Steps, folder: Path) -> None:
    from ocisize.rules.load import load_catalog
    from ocisize.rules.match import match_tables
    from ocisize.analyzer import Analyzer

    tables: list[Any] = [layer.files for layer in Analyzer().analyze(folder / "docker.tar").layers]
    catalog = load_catalog()
    steps.time("catalog", lambda: match_tables(catalog, tables), lambda _: sum(map(len, tables)))


def _compare(steps: Steps, folder: Path) -> None:
    """Two saved analyses: all layers differ, and every tenth file."""
    import attrs

    from ocisize import Analyzer, compare, from_json, to_json

    text = to_json(Analyzer(hash_content=True).analyze(folder / "docker.tar"), files=True)
    before = steps.time("load a saved analysis", lambda: from_json(text), _entries)
    other = from_json(text)
    layers = []
    for layer in other.layers:
        files: Any = layer.files
        hashes = bytearray(files.hashes)
        hashes[::160] = bytes(byte ^ 1 for byte in hashes[::160])
        files = attrs.evolve(files, hashes=bytes(hashes))
        layers.append(attrs.evolve(layer, digest=f"other {layer.index}", diff_id=f"sha256:{layer.index:064}", files=files))
    after = attrs.evolve(other, layers=tuple(layers))
    steps.time("compare two saved analyses", lambda: compare(before, after), lambda _: 2 * _entries(before))


def _entries(analysis: Any) -> int:
    return sum(layer.entry_count for layer in analysis.layers)


def _cache(steps: Steps, folder: Path) -> None:
    """Layers kept in the cache and taken from it; the bytes of their entries, per entry of the layers."""
    from ocisize import Analyzer
    from ocisize.cache.entry import pack_entry, unpack_entry
    from ocisize.layer.table_sections import pack_table, unpack_table

    tables: list[Any] = [layer.files for layer in Analyzer().analyze(folder / "gzip").layers]
    rows = sum(map(len, tables))
    entries = steps.time("keep, ns", lambda: [pack_entry("k", pack_table(table)) for table in tables], lambda _: rows)
    steps.time(
        "load, ns",
        lambda: [unpack_table(unpack_entry("k", entry, max_size=1 << 32)) for entry in entries],
        lambda _: rows,
    )
    steps.costs["bytes of the cache"] = sum(map(len, entries)) / rows


PAX = "pax"
STEPS: dict[str, Callable[[Steps, Path], None]] = {
    "in-place": _scan_in_place,
    "scan": _scan,
    "offsets": _offset_map,
    "analysis": _analysis,
    "merge": _merge,
    "catalog": _catalog,
    "compare": _compare,
    "cache": _cache,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("case", type=Path, help=f"a case's folder, with gzip/ and docker.tar, or {PAX}")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--only", nargs="+", choices=STEPS, default=list(STEPS), metavar="STEP", help=f"of {', '.join(STEPS)}"
    )
    options = parser.parse_args()
    steps = Steps(options.rounds)
    if str(options.case) == PAX:
        _pax(steps)
        options.only = []
    for name in options.only:
        try:
            STEPS[name](steps, options.case)
        except (ImportError, AttributeError, TypeError) as error:
            print(f"left out {name}: {error}", file=sys.stderr)
    print(json.dumps(steps.costs))


if __name__ == "__main__":
    main()
