"""Harnesses of the stores of engines: databases, tar-split and the lists of images and layers."""

from __future__ import annotations

import gzip
import json
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from ocisize.blob.region import FileRegion
from ocisize.errors import OcisizeError
from ocisize.sources.stores.bolt import Bolt, Bucket
from ocisize.sources.stores.diff_folder import DiffFolder
from ocisize.sources.stores.tar_split import rebuild_tar, tar_length
from tests.fuzz.images import JSON_TOKENS, analyze_twice, analyzers
from tests.fuzz.oracle import Harness, Refused, outcome, same
from tests.fuzz.shapes import SPLIT, edited, parts_of
from tests.images import build_image, layer
from tests.stores import bolt_bytes, tar_split, write_containers_storage

_PAGES = 3 * 4096  # bytes of a database in front of its root
_SECRET = b"OUTSIDE"
_TREE = {"v1": {"default": {"image": {"app:1": {"target": {"digest": b"sha256:00", "size": b"\x02"}}}}, "version": b"\x06"}}


def run_bolt(data: bytes) -> None:
    """A database is read to its last bucket, or refused, the same way each time."""
    same(*(outcome(lambda: _read_tree(Bolt(data, "meta.db").root)) for _ in range(2)))


def _read_tree(root: Bucket) -> list[tuple[int, bytes, object]]:
    found: list[tuple[int, bytes, object]] = []
    pending = [(0, root)]
    while pending:
        depth, bucket = pending.pop()
        for key, value in bucket.items():
            found.append((depth, key, isinstance(value, Bucket) or value))
            if isinstance(value, Bucket) and depth < 20 and len(found) < 2000:
                pending.append((depth + 1, value))
    return found


def run_bolt_pages(data: bytes) -> None:
    """The same with valid meta pages in front."""
    run_bolt(bolt_bytes({})[:_PAGES] + data + bytes(-len(data) % 4096))


def run_tar_split(data: bytes) -> None:
    """Lines of tar-split give bytes of the layer's files and of the lines, whose number is known before; or are refused."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "diff/folder").mkdir(parents=True)
        (root / "diff/file").write_bytes(b"file")
        (root / "diff/folder/file").write_bytes(b"four")
        (root / "diff/link").symlink_to(root)
        (root / "secret").write_bytes(_SECRET)
        (root / "split").write_bytes(gzip.compress(data, 1))
        with (root / "split").open("rb") as file:
            region = FileRegion(file.fileno(), 0, (root / "split").stat().st_size)
            folder = DiffFolder(str(root / "diff"))
            try:
                length = outcome(lambda: tar_length(region))
                with suppress(OSError):
                    found = outcome(lambda: b"".join(rebuild_tar(region, folder)))
                    if not isinstance(found, Refused):
                        assert len(found) == length
                        assert _SECRET not in found
            finally:
                folder.close()


def run_storage(data: bytes) -> None:
    """A storage whose lists of images and layers are anybody's."""
    images, layers = parts_of(data, 2)
    with tempfile.TemporaryDirectory() as name:
        root = write_containers_storage(Path(name), _image(), names=["localhost/app:1"])
        for file, edits in ((root / "overlay-images/images.json", images), (root / "overlay-layers/layers.json", layers)):
            file.write_text(json.dumps(edited(json.loads(file.read_text()), edits)))
        with suppress(OcisizeError):
            analyze_twice(f"containers-storage:[{root}]", analyzers()[0], None)


@cache
def _image() -> Any:
    return build_image([layer({"etc/a": b"a" * 40, "b": b"b"}), layer({"etc/.wh.a": b"", "c": b"c"})])


def split_seeds() -> list[bytes]:
    """The tar-split of a layer, and lines that name files elsewhere."""
    lines = gzip.decompress(tar_split(_image().layers[0].tar))
    names = ("file", "folder/file", "../secret", "link/secret", "/file", "folder/../../secret", "absent")
    return [lines, *(json.dumps({"type": 1, "name": name, "size": 4}).encode() + b"\n" for name in names)]


def storage_seeds() -> list[bytes]:
    """Edits of either list."""
    edits = [bytes([0, place, what, 3]) for place in range(0, 60, 3) for what in (1, 40, 170)]
    return [edit if number % 2 else SPLIT + edit for number, edit in enumerate(edits)]


HARNESSES = {
    "bolt": Harness(run_bolt, lambda: [bolt_bytes(_TREE), b""], share=1, quick=300),
    "bolt-pages": Harness(run_bolt_pages, lambda: [bolt_bytes(_TREE)[_PAGES:]], share=1, quick=500),
    "tar-split": Harness(run_tar_split, split_seeds, JSON_TOKENS, share=1, quick=300),
    "storage": Harness(run_storage, storage_seeds, (SPLIT,), share=1, quick=60),
}
