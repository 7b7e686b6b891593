"""A slow reference for the figures of files: lists of all files of all layers, read with ``tarfile``, and plain loops."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs
import zstandard

from ocisize.model.fleet import Fleet
from tests.fleets import Tagged


@attrs.frozen
class StoredFile:
    """A regular file of a layer with content."""

    layer: str
    path: str
    size: int
    content: str  #: sha256 of the content


def unpack(blob: bytes) -> bytes:
    """The tar of a blob."""
    if blob[:4] == b"\x28\xb5\x2f\xfd":
        return zstandard.ZstdDecompressor().decompressobj().decompress(blob)
    if blob[:2] == b"\x1f\x8b":
        import gzip

        return gzip.decompress(blob)
    return blob


def list_files(fleet: Fleet, tags: Iterable[Tagged]) -> list[StoredFile]:
    """All files of all distinct layers, in the order of the fleet."""
    blobs = {digest: data for tag in tags for digest, data in tag.blobs.items()}
    layers = dict.fromkeys(layer.digest for root in fleet.roots for image in root.images for layer in image.layers)
    files = []
    for digest in layers:
        with tarfile.open(fileobj=io.BytesIO(unpack(blobs[digest]))) as archive:
            for member in archive:
                if member.isreg() and member.size:
                    data = archive.extractfile(member)
                    assert data is not None
                    content = hashlib.sha256(data.read()).hexdigest()
                    files.append(StoredFile(digest, member.name, member.size, content))
    return files


def images_of(fleet: Fleet) -> dict[str, set[str]]:
    """By layer, the digests of the images that have it."""
    images: dict[str, set[str]] = defaultdict(set)
    for root in fleet.roots:
        for image in root.images:
            for layer in image.layers:
                images[layer.digest].add(image.digest)
    return images


def duplicates(fleet: Fleet, files: Sequence[StoredFile]) -> list[tuple[Any, ...]]:
    """Size, copies, layers, images and first path of each content with copies, those with the most excess first."""
    groups: dict[tuple[str, int], list[StoredFile]] = defaultdict(list)
    for file in files:
        groups[file.content, file.size].append(file)
    images = images_of(fleet)
    found = []
    for same in groups.values():
        if len(same) > 1:
            layers = {file.layer for file in same}
            with_them = set().union(*(images[layer] for layer in layers))
            found.append((same[0].size, len(same), len(layers), len(with_them), same[0].path))
    return sorted(found, key=lambda content: (-content[0] * (content[1] - 1), content))


def grouped(files: Sequence[StoredFile], name_of: Any) -> dict[str, tuple[int, int, int, int]]:
    """Files, bytes, and those of them whose content came before, by a name."""
    seen: set[tuple[str, int]] = set()
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for file in files:
        again = (file.content, file.size) in seen
        seen.add((file.content, file.size))
        own = sums[name_of(file.path)]
        own[0] += 1
        own[1] += file.size
        own[2] += again
        own[3] += again * file.size
    return {name: (own[0], own[1], own[2], own[3]) for name, own in sums.items()}


def top_directory(path: str) -> str:
    parts = path.split("/")[:-1][:2]
    return f"/{'/'.join(parts)}/" if parts else "/"
