"""Case: an image or a saved file that somebody might write on purpose, and what must become of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias

import attrs

from tests.images import (
    OCI,
    BuiltImage,
    BuiltLayer,
    Compression,
    build_image,
    index_bytes,
    layer,
    layout_files,
    named,
    raw_layer,
    sha256,
    write_files,
)

Verdict: TypeAlias = Literal["accept", "reject", "limit"]


@attrs.frozen
class Bundle:
    """An image as a registry has it: the document that a tag names, and blobs by digest, which may lie."""

    root: bytes
    blobs: Mapping[str, bytes]
    media_type: str = f"{OCI}.manifest.v1+json"
    plain: Bundle | None = None  #: the same with plain layers, which are read in place

    @property
    def descriptor(self) -> dict[str, Any]:
        return {"mediaType": self.media_type, "digest": sha256(self.root), "size": len(self.root)}

    def files(self) -> dict[str, bytes]:
        """The files of a layout that holds it."""
        return layout_files(index_bytes([named(self.descriptor, "app")]), {**self.blobs, sha256(self.root): self.root})


Made: TypeAlias = "Bundle | Callable[[Path], Path]"  #: an image, or what writes a saved file into a folder


@attrs.frozen
class Case:
    """``message`` is a pattern: of the error, or of a warning where the image is accepted; empty means none."""

    name: str
    verdict: Verdict
    message: str
    make: Callable[[], Made]
    options: tuple[str, ...] = ()  #: of the command line
    costly: bool = False  #: read from the saved file only, where a small case like it is read from a registry as well


def bundle(image: BuiltImage) -> Bundle:
    return Bundle(image.manifest, {digest: data for digest, data in image.blobs.items() if data is not image.manifest})


def of_tar(*tars: bytes) -> Bundle:
    """An image of layers, whatever their tars are."""
    image = build_image([raw_layer(tar) for tar in tars])
    return attrs.evolve(bundle(image), plain=bundle(image.recompressed("plain")))


def of_blob(blob: bytes, tar: bytes = b"", compression: Compression = "gzip") -> Bundle:
    """An image of one layer, whatever its blob is."""
    return bundle(build_image([BuiltLayer(tar, blob, compression)]))


def of_document(manifest: Mapping[str, Any] | bytes, blobs: Mapping[str, bytes] | None = None) -> Bundle:
    """An image whose manifest is what is given."""
    return Bundle(manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode(), blobs or {})


def good(**changes: Any) -> BuiltImage:
    """An image that nothing is wrong with."""
    return build_image([layer({"etc/a": b"a" * 100})], **changes)


def of_files(change: Callable[[dict[str, bytes]], Mapping[str, bytes]]) -> Callable[[Path], Path]:
    """A layout folder, its files changed."""
    files = bundle(good()).files()
    return lambda folder: write_files(change(files), folder / "layout")


def file_of(data: bytes) -> Callable[[Path], Path]:
    """Return a function that writes a saved file with this content into a folder."""

    def write(folder: Path) -> Path:
        path = folder / "image.tar"
        path.write_bytes(data)
        return path

    return write
