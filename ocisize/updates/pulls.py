"""Pulls: which layers a host downloads that has another release, by blob and by chain."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ocisize.model.fleet import BlobKind
from ocisize.model.updates import Release, ReleaseLayer


def missing_blobs(before: Iterable[ReleaseLayer], after: Sequence[ReleaseLayer]) -> list[bool]:
    """Return for each layer of ``after`` whether a host with ``before`` downloads it, by blob.

    A blob that ``after`` repeats is downloaded for the lowest layer that has it.
    """
    held = {layer.digest for layer in before}
    flags = []
    for layer in after:
        flags.append(layer.digest not in held)
        held.add(layer.digest)
    return flags


def missing_chains(before: Release, after: Release) -> list[bool]:
    """Return for each layer of ``after`` whether a host with ``before`` downloads it, by chain.

    The classic store of docker has an image if it has the config, whose digest is the ID of the image. The store knows the
    diff_id of a blob that it pulled before, and looks for the chain of diff_ids. From the first layer that it lacks on, it
    downloads every layer, a repeated blob once.
    """
    configs = [{blob.digest for blob in release.documents if blob.kind is BlobKind.CONFIG} for release in (before, after)]
    if configs[0] & configs[1]:
        return [False] * len(after.layers)
    known = {layer.digest for layer in before.layers}
    reused = 0
    for old, new in zip(before.layers, after.layers, strict=False):
        if not (_same_tar(old, new) and new.digest in known):
            break
        reused += 1
    started = set[str]()
    flags = [False] * reused
    for layer in after.layers[reused:]:
        flags.append(layer.digest not in started)
        started.add(layer.digest)
    return flags


def _same_tar(old: ReleaseLayer, new: ReleaseLayer) -> bool:
    if old.diff_id is None or new.diff_id is None:
        return old.digest == new.digest
    return old.diff_id == new.diff_id


def measure_documents(before: Release, after: Release) -> int:
    """Return the bytes of the index, the manifest and the config that a host with ``before`` downloads for ``after``."""
    held = {blob.digest for blob in before.documents}
    return sum({blob.digest: blob.size for blob in after.documents if blob.digest not in held}.values())


def pull_sizes(before: Release, after: Release) -> tuple[int, int]:
    """Return the bytes that a host with ``before`` downloads for ``after``, by blob and by chain, documents included.

    >>> import ocisize
    >>> from ocisize.updates.releases import make_release
    >>> release = make_release(ocisize.Analyzer().outline("testdata/example.tar"))
    >>> pull_sizes(release, release)
    (0, 0)
    """
    documents = measure_documents(before, after)
    by_blob, by_chain = missing_blobs(before.layers, after.layers), missing_chains(before, after)
    sizes = [layer.size for layer in after.layers]
    return documents + _sum(sizes, by_blob), documents + _sum(sizes, by_chain)


def _sum(sizes: Sequence[int], flags: Sequence[bool]) -> int:
    return sum(size for size, flag in zip(sizes, flags, strict=True) if flag)
