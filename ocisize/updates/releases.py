"""Releases: made of outlines or of the images of a fleet, one for each digest, and sorted."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone

from ocisize.model.build_step import BuildStep, StepKind
from ocisize.model.fleet import Blob, BlobKind, FleetImage
from ocisize.model.outline import Outline
from ocisize.model.updates import Release, ReleaseLayer, ReleaseOrder
from ocisize.updates.tags import exactness, tag_key, tag_of
from ocisize.values import evolve

_EARLIEST = datetime.min.replace(tzinfo=timezone.utc)


def make_release(outline: Outline, *, name: str = "", select: str | None = None) -> Release:
    """Return the release that an outline describes.

    ``name`` is what the user calls the image; without one it is the input of the outline. ``select`` is the tag or digest
    that chooses the image of a file with several.

    >>> import ocisize
    >>> release = make_release(ocisize.Analyzer().outline("testdata/example.tar"))
    >>> release.name, len(release.layers), release.layer_size, release.base_layers
    ('testdata/example.tar', 5, 1590055, 1)
    """
    documents = [Blob(outline.config_digest, outline.config_size, BlobKind.CONFIG)]
    if outline.digest is not None and outline.manifest_size is not None:
        documents.insert(0, Blob(outline.digest, outline.manifest_size, BlobKind.MANIFEST))
    if outline.index_digest is not None and outline.index_size is not None:
        documents.insert(0, Blob(outline.index_digest, outline.index_size, BlobKind.INDEX))
    layers = tuple(
        ReleaseLayer(
            index=layer.index, digest=layer.digest, diff_id=layer.diff_id, size=layer.blob_size, build_step=layer.build_step
        )
        for layer in outline.layers
    )
    base = outline.base.certain_layers if outline.base is not None else 0
    shown = name or outline.source
    return Release(
        name=shown,
        names=(shown if select is None else shlex.join([shown, "--select", select]),),
        select=select,
        digest=outline.digest or outline.config_digest,
        platform=outline.platform,
        created=outline.created,
        documents=tuple(documents),
        layers=layers,
        base_layers=base or count_root_layers(layers),
    )


def release_of_image(image: FleetImage, names: Sequence[str], index: Blob | None = None) -> Release:
    """Return the release of an image of a fleet; ``index`` is the index that it was chosen from.

    >>> config = Blob("sha256:c", 100, BlobKind.CONFIG)
    >>> image = FleetImage(digest="sha256:m", size=200, platform="linux/amd64", config=config, layers=())
    >>> release_of_image(image, ["registry.io/app:1", "registry.io/app:1.0"]).name
    'registry.io/app:1.0'
    """
    manifest = Blob(image.digest, image.size, BlobKind.MANIFEST)
    layers = tuple(
        ReleaseLayer(
            index=number, digest=layer.digest, diff_id=layer.diff_id, size=layer.size, build_step=BuildStep(layer.build_step)
        )
        for number, layer in enumerate(image.layers)
    )
    return Release(
        name=max(names, key=lambda name: exactness(tag_of(name))),
        names=tuple(names),
        digest=image.digest,
        platform=image.platform,
        created=image.created,
        documents=(*([index] if index is not None else []), manifest, image.config),
        layers=layers,
        base_layers=count_root_layers(layers),
    )


def count_root_layers(layers: Sequence[ReleaseLayer]) -> int:
    """Return how many of the lowest layers end with the root filesystem of a distribution; 0 if no layer is one.

    >>> steps = ["ADD file:0123456789ab… in /", "RUN make"]
    >>> count_root_layers([
    ...     ReleaseLayer(index=index, digest=f"sha256:{index}", diff_id=None, size=1, build_step=BuildStep(step))
    ...     for index, step in enumerate(steps)
    ... ])
    1
    """
    roots = [layer.index for layer in layers if layer.build_step.kind is StepKind.ROOT_FILESYSTEM]
    return max(roots, default=-1) + 1


def order_releases(releases: Iterable[Release], order: ReleaseOrder = ReleaseOrder.GIVEN) -> list[Release]:
    """Return releases in order, those of one digest as one release with all names.

    By version, a release takes the place of its most exact tag: ``1.2.3`` of ``1``, ``1.2``, ``1.2.3`` and ``latest``.
    By time, releases whose config has no time come first. Equal ones stay in the order of the input.
    """
    distinct: dict[str, Release] = {}
    for release in releases:
        known = distinct.get(release.digest)
        distinct[release.digest] = release if known is None else _join(known, release)
    joined = list(distinct.values())
    if order is ReleaseOrder.VERSION:
        return sorted(joined, key=lambda release: tag_key(release_tag(release)))
    if order is ReleaseOrder.CREATED:
        return sorted(joined, key=lambda release: _time_of(release.created))
    return joined


def release_tag(release: Release) -> str:
    """Return the tag that a release is sorted by: of an image in a file, the name of the file if its tag has no number."""
    own = "" if release.select is None else tag_of(release.select)
    return own if any(map(str.isdigit, own)) else tag_of(release.name)


def _join(first: Release, other: Release) -> Release:
    """A release with the names and documents of both, which have one digest."""
    names = tuple(dict.fromkeys((*first.names, *other.names)))
    documents = {blob.digest: blob for blob in (*first.documents, *other.documents) if blob.kind is not BlobKind.INDEX}
    indexes = [blob for blob in first.documents if blob.kind is BlobKind.INDEX]  # another one has other platforms
    best = max((first, other), key=lambda release: exactness(release_tag(release)))
    return evolve(first, name=best.name, select=best.select, names=names, documents=(*indexes, *documents.values()))


def _time_of(created: str) -> datetime:
    """The time of an RFC 3339 text, in UTC; the earliest one if the text is none."""
    text = created.strip().replace("Z", "+00:00").replace("z", "+00:00")
    head, dot, rest = text.partition(".")
    if dot:  # nanoseconds, of which Python 3.10 reads six digits
        digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
        text = f"{head}.{digits[:6]:0<6}{rest[len(digits) :]}"
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return _EARLIEST
    return time if time.tzinfo else time.replace(tzinfo=timezone.utc)
