"""Measure single steps in one process on a real image; print nanoseconds per entry as JSON.

    python benchmarks/micro.py OUT/CASE [--rounds N]

Uses internal names of the library; a step that a revision does not have is left out.
"""

from __future__ import annotations

import argparse
import json
import mmap
import statistics
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

sys.path.insert(0, str(Path(__file__).parent))

from imagefile import read_layers
from peers import layer_names

T = TypeVar("T")


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
    """Times steps and keeps their time per entry."""

    def __init__(self, rounds: int) -> None:
        self._rounds = rounds
        self.costs: dict[str, float] = {}

    def time(self, name: str, step: Callable[[], T], entries: Callable[[T], int]) -> T:
        """Run a step several times, record the median and return the last result."""
        times = []
        for _ in range(self._rounds):
            start = time.perf_counter()
            result = step()
            times.append(time.perf_counter() - start)
        self.costs[name] = statistics.median(times) / entries(result) * 1e9
        return result


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
        layers.append(attrs.evolve(layer, digest=f"other {layer.index}", diff_id=None, files=files))
    after = attrs.evolve(other, layers=tuple(layers))
    steps.time("compare two saved analyses", lambda: compare(before, after), lambda _: 2 * _entries(before))


def _entries(analysis: Any) -> int:
    return sum(layer.entry_count for layer in analysis.layers)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("case", type=Path, help="a case's folder, with gzip/ and docker.tar")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    steps = Steps(options.rounds)
    for step in (_scan, _offset_map, _merge, _catalog, _compare):
        try:
            step(steps, options.case)
        except (ImportError, AttributeError, TypeError) as error:
            print(f"left out {step.__name__}: {error}", file=sys.stderr)
    print(json.dumps(steps.costs))


if __name__ == "__main__":
    main()
