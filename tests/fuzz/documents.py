"""Harnesses of the documents of saved images: archives with both documents, several images, folders and trees of dir:."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from ocisize import Analyzer
from ocisize.model.platforms import IndexAnalysis
from ocisize.report.json.platforms import index_to_json
from tests import images
from tests.fuzz.images import analyze_twice, analyzers, in_memory, tar_of
from tests.fuzz.oracle import Harness, Refused, check_analysis, outcome, same
from tests.fuzz.shapes import SPLIT, edited, parts_of
from tests.images import OCI, build_image, layer, sha256, write_files

_DOCUMENTS = ("manifest.json", "index.json")
_SELECTORS = (None, None, "app:1", "@0", "@1", "a/app:1", "\x1b]0;x\x07", "sha256:" + "0" * 64)


def run_saved_documents(data: bytes) -> None:
    """A saved image whose documents are anybody's, opened as a file or folder, with a choice, and for all platforms."""
    head, *edits = parts_of(data, 3)
    flags = head + bytes(4)
    files = dict(_forms()[flags[0] % len(_forms())])
    for name in files:
        if name.endswith(".json"):
            files[name] = json.dumps(edited(json.loads(files[name]), edits[name.endswith(_DOCUMENTS[1])])).encode()
    select = _SELECTORS[flags[1] % len(_SELECTORS)]
    with _stored(files) as path:
        if flags[2] & 1:
            _check_index(path, select)
        else:
            analyze_twice(path, analyzers()[flags[2] >> 1 & 1], select)


def _check_index(path: str, select: str | None) -> None:
    analyzer: Analyzer = analyzers()[0]
    found = [outcome(lambda: analyzer.analyze_all(path, select=select)) for _ in range(2)]
    same(*(each if isinstance(each, Refused) else index_to_json(each) for each in found))
    if isinstance(found[0], IndexAnalysis):
        for analysis in found[0].analyses.values():
            check_analysis(analysis)


@contextmanager
def _stored(files: Mapping[str, bytes]) -> Iterator[str]:
    """A folder if the files are those of dir:, a tar otherwise."""
    if "index.json" in files or not any(name.endswith("version") for name in files):
        with in_memory(tar_of(files)) as path:
            yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        yield str(write_files(files, Path(folder)))


@cache
def _forms() -> tuple[Mapping[str, bytes], ...]:
    """The files of a saved image in each form."""
    base = layer({"etc/a": b"a" * 40, "b": b"b"}, "plain")
    one = build_image([base, layer({"etc/.wh.a": b"", "c": b"c" * 9}, "plain")])
    other = build_image([base], architecture="arm64", variant="v8")
    entries = [
        images.for_platform(images.named(one.descriptor, "app:1"), "linux", "amd64"),
        images.for_platform(images.named(other.descriptor, "app:1"), "linux", "arm64", "v8"),
    ]
    index = images.index_bytes(entries)
    pointer: dict[str, Any] = {"mediaType": f"{OCI}.index.v1+json", "digest": sha256(index), "size": len(index)}
    layout = images.layout_files(index, one.blobs | other.blobs)
    nested = images.layout_files(
        images.index_bytes([images.named(pointer, "app:1")]), {**one.blobs, **other.blobs, sha256(index): index}
    )
    items = [
        {"Config": f"blobs/{sha256(image.config).replace(':', '/')}", "RepoTags": [name],
         "Layers": [f"blobs/{built.digest.replace(':', '/')}" for built in image.layers]}
        for image, name in ((one, "app:1"), (other, "app:1"), (one, "app:2"))
    ]  # fmt: skip
    manifest = {"manifest.json": json.dumps(items).encode()}
    blobs = {digest.partition(":")[2]: data for digest, data in (one.blobs | other.blobs).items()}
    instances = {f"{image.digest.partition(':')[2]}.manifest.json": image.manifest for image in (one, other)}
    version = {"version": b"Directory Transport Version: 1.1\n"}
    single = {**blobs, **version, "manifest.json": one.manifest}
    several = {**blobs, **instances, **version, "manifest.json": index}
    tree = {
        f"{folder}/{name}": data for folder, files in (("a/app:1", single), ("b", several)) for name, data in files.items()
    }
    archive = {name: data for name, data in layout.items() if name not in ("index.json", "oci-layout")}
    return ({**layout, **manifest}, {**nested, **manifest}, {**archive, **manifest}, single, several, tree)


def document_seeds() -> list[bytes]:
    """Each form, chosen and opened in several ways, with a few edits of either document."""
    return [
        SPLIT.join([bytes([form, way, way % 4]), edit, edit if way % 2 else b""])
        for form in range(len(_forms()))
        for way in range(6)
        for edit in (b"", bytes([0, form * 5 + way, 29 * way % 256, 3]))
    ]


HARNESSES = {"saved-documents": Harness(run_saved_documents, document_seeds, (SPLIT,), share=2, quick=250)}
