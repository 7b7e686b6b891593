"""Write the layers of an OCI layout with tables of contents: ``python benchmarks/tocs.py LAYOUT FORM TARGET``.

``FORM`` is ``zstd:chunked`` or ``eStargz``. The writers are those of the tests, which real tools take many times as long for. A
process of its own keeps the memory that this takes out of the measurements.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.images import build_image, write_layout
from tests.tocs import estargz_of, zstd_chunked_of


def main(source: Path, form: str, target: Path) -> None:
    manifest = _read(source, json.loads((source / "index.json").read_text())["manifests"][0]["digest"])
    config = _read(source, manifest["config"]["digest"])
    layers = []
    for layer in manifest["layers"]:
        tar = gzip.decompress((source / "blobs" / Path(*layer["digest"].split(":"))).read_bytes())
        layers.append(zstd_chunked_of(tar) if form == "zstd:chunked" else estargz_of(tar, level=1))
    image = build_image(layers, history=config.get("history"), config={"config": config.get("config", {})})
    write_layout(image, target, name="app")


def _read(layout: Path, digest: str) -> Mapping:  # type: ignore[type-arg]
    document: Mapping = json.loads((layout / "blobs" / Path(*digest.split(":"))).read_bytes())  # type: ignore[type-arg]
    return document


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
