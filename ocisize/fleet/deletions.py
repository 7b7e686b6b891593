"""What deleting references frees."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from ocisize.errors import ViewError
from ocisize.fleet.table import SharingTable, list_image_blobs
from ocisize.model.fleet import Fleet, Root
from ocisize.model.fleet_figures import Freed
from ocisize.text import printable


def frees(fleet: Fleet, references: Iterable[str | int]) -> Freed:
    """Return what deleting references frees, once the store collects garbage.

    ``references`` are texts of ``Root.references``, or indexes in ``Fleet.roots`` for all references of a root. A root with
    another reference stays, so deleting one of two tags of a digest frees nothing. Sizes are exact if the fleet has all that
    its stores hold: an image that is not in the fleet may need some of the blobs. Raises ViewError for a reference that the
    fleet does not have.

    >>> import ocisize
    >>> fleet = ocisize.read_fleet(["testdata/example.tar"])
    >>> freed = ocisize.frees(fleet, ["testdata/example.tar"])
    >>> freed.roots, freed.size == ocisize.measure_fleet(fleet).stored_size
    ((0,), True)
    """
    table = SharingTable(fleet)
    return sum_freed(table, _resolve(fleet, references))


def match_references(fleet: Fleet, globs: Iterable[str]) -> list[str]:
    """Return the references that one of the globs matches, as a whole or behind a slash: ``*:v1.*``, ``team/app:*``.

    Of a file with many images, a glob can match the name of the image in it.

    ``*`` matches any characters, slashes too, ``?`` one and ``[abc]`` one of several.
    """
    patterns = [pattern for glob in globs for pattern in (glob, f"*/{glob}", f"* --select {glob}")]
    return [
        reference
        for root in fleet.roots
        for reference in root.references
        if any(fnmatchcase(reference, pattern) for pattern in patterns)
    ]


def _resolve(fleet: Fleet, references: Iterable[str | int]) -> set[str]:
    known = {reference for root in fleet.roots for reference in root.references}
    resolved = set[str]()
    for reference in references:
        if isinstance(reference, int):
            resolved.update(fleet.roots[reference].references)
        elif reference in known:
            resolved.add(reference)
        else:
            raise ViewError(f"the fleet has no {printable(reference)}")
    return resolved


def sum_freed(table: SharingTable, references: set[str]) -> Freed:
    """Return what ``frees`` does."""
    roots = table.fleet.roots
    deleted = [index for index, root in enumerate(roots) if root.references and references.issuperset(root.references)]
    gone = set(deleted)
    untagged = _list_untagged([roots[index] for index in deleted])
    found = [table.find_blob(store, digest) for store, digest in untagged]
    size = sum_bundles(table, deleted)
    return Freed(
        references=tuple(name for root in roots for name in root.references if name in references),
        roots=tuple(deleted),
        size=size,
        size_if_untagged_stay=size - sum(blob for blob, bundle in found if gone.issuperset(bundle.roots)),
    )


def sum_bundles(table: SharingTable, roots: Sequence[int]) -> int:
    """Return the bytes that only these roots reach."""
    gone = set(roots)
    numbers = {number for root in roots for number in table.by_root[root]}
    return sum(table.bundles[number].size for number in numbers if gone.issuperset(table.bundles[number].roots))


def _list_untagged(roots: Sequence[Root]) -> set[tuple[int, str]]:
    """Stores and digests of what manifests without a tag hold once these roots are deleted: the images of indexes."""
    deleted = {(root.store, root.digest) for root in roots}
    untagged = set[tuple[int, str]]()
    for root in roots:
        if root.is_index:
            untagged.update((root.store, blob.digest) for blob in root.others)
            for image in root.images:
                if (root.store, image.digest) not in deleted:
                    untagged.update((root.store, blob.digest) for blob in list_image_blobs(image))
    return untagged
