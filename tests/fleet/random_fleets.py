"""Random fleets, and the definitions of their figures in the slowest and plainest form."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations

from hypothesis import strategies as st

from ocisize.model.fleet import Blob, BlobKind, Fleet, FleetImage, FleetLayer, Root

_LAYERS = 9
_SIZES = [3, 50, 50, 700, 11, 1000, 64, 5, 999]


def _digest(name: object) -> str:
    return f"sha256:{str(name).encode().hex():0>64}"


def _layer(number: int) -> FleetLayer:
    """Layers 0 and 1, and 2 and 3, are the same, compressed in two ways; the last one is foreign, and one has no diff_id."""
    diff_id = None if number == _LAYERS - 2 else _digest(f"diff {number // 2 if number < 4 else number}")
    return FleetLayer(_digest(f"layer {number}"), _SIZES[number], diff_id, "tar+gzip", is_foreign=number == _LAYERS - 1)


@st.composite
def images(draw: st.DrawFn) -> FleetImage:
    """An image of a few layers, which may repeat one; images of the same layers are one."""
    numbers = draw(st.lists(st.integers(0, _LAYERS - 1), min_size=1, max_size=4))
    config = draw(st.integers(0, 1))
    name = f"{numbers} {config}"
    return FleetImage(
        digest=_digest(f"image {name}"),
        size=100 + config,
        platform="linux/amd64",
        config=Blob(_digest(f"config {name}"), 40 + config, BlobKind.CONFIG),
        layers=tuple(map(_layer, numbers)),
        base_name=["", "debian:12", "alpine:3"][numbers[0] % 3],
    )


@st.composite
def fleets(draw: st.DrawFn, *, max_roots: int = 7) -> Fleet:
    """A fleet of two stores, of single images and indexes; each root has one or two references."""
    stores = ("registry.io", "other.io")
    roots = dict[tuple[int, str], Root]()
    for number in range(draw(st.integers(0, max_roots))):
        store = draw(st.sampled_from([0, 0, 0, 1]))
        inside = draw(st.lists(images(), min_size=1, max_size=2, unique_by=lambda image: image.digest))
        is_index = len(inside) > 1 or draw(st.sampled_from([False, False, True]))
        others = (Blob(_digest("attestation"), 77, BlobKind.ATTESTATION),) if is_index and draw(st.booleans()) else ()
        name = f"index {[image.digest for image in inside]} {len(others)}"
        repositories = tuple(
            f"{stores[store]}/{name}" for name in draw(st.lists(st.sampled_from("ab"), min_size=1, max_size=2))
        )
        root = Root(
            store=store,
            digest=_digest(hash_free(name)) if is_index else inside[0].digest,
            size=300 if is_index else inside[0].size,
            is_index=is_index,
            images=tuple(inside),
            others=others,
            references=tuple(f"{name}:v{number}.{tag}" for tag, name in enumerate(repositories)),
            repositories=repositories,
            labels=tuple(draw(st.lists(st.sampled_from(["team-a", "team-b"]), max_size=2, unique=True))),
        )
        roots.setdefault((store, root.digest), root)
    return Fleet(stores=stores, roots=tuple(roots.values()))


def hash_free(name: str) -> str:
    """A short name, the same on every run."""
    import hashlib

    return hashlib.sha256(name.encode()).hexdigest()[:16]


def reach(root: Root) -> dict[tuple[int, str], int]:
    """What a root reaches in its store: the size of each blob."""
    found = {root.digest: root.size}
    for image in root.images:
        found |= {image.digest: image.size, image.config.digest: image.config.size}
        found |= {layer.digest: layer.size for layer in image.layers if not layer.is_foreign}
    found |= {blob.digest: blob.size for blob in root.others}
    return {(root.store, digest): size for digest, size in found.items()}


def reach_all(roots: Iterable[Root]) -> dict[tuple[int, str], int]:
    """What roots reach together."""
    found = dict[tuple[int, str], int]()
    for root in roots:
        found |= reach(root)
    return found


def freed_by(fleet: Fleet, references: Iterable[str]) -> int:
    """What is gone if only what other references reach is kept."""
    gone = set(references)
    kept = reach_all(root for root in fleet.roots if not gone.issuperset(root.references))
    return sum(size for key, size in reach_all(fleet.roots).items() if key not in kept)


def best_deletion(fleet: Fleet, count: int) -> int:
    """The most that ``count`` references free, by trying all sets."""
    references = [reference for root in fleet.roots for reference in root.references]
    chosen: Iterable[Sequence[str]] = combinations(references, min(count, len(references)))
    return max(freed_by(fleet, some) for some in chosen)
