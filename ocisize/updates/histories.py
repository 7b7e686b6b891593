"""measure_histories: the updates of all repositories of a fleet, from the documents that were read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from ocisize.model.fleet import Blob, BlobKind, Fleet, FleetImage, Root
from ocisize.model.fleet_histories import RepositoryHistory
from ocisize.model.updates import ReleaseOrder
from ocisize.updates.measure import measure_updates
from ocisize.updates.releases import order_releases, release_of_image

MAX_RELEASES = 40  #: of a repository: the newest by version


def measure_histories(fleet: Fleet, *, max_releases: int = MAX_RELEASES) -> tuple[RepositoryHistory, ...]:
    """Return the updates of each repository of two releases or more, those with the most bytes of download first.

    The releases of a repository are the images of its tags, ordered by version; references by digest are none. Of more than
    ``max_releases`` releases, the newest count. Of indexes, the images of one platform count.

    >>> import ocisize
    >>> names = ["testdata/golden/01-single-layer.tar", "testdata/golden/10-delete-file.tar"]
    >>> measure_histories(ocisize.read_fleet(names))  # two files are two repositories
    ()
    """
    histories = []
    for name, tagged in _group(fleet).items():
        platforms = Counter(image.platform for index in tagged for image in fleet.roots[index].images)
        if not platforms:
            continue
        platform = min(platforms, key=lambda platform: (-platforms[platform], platform))
        made = [
            release_of_image(image, names, _index_of(fleet.roots[index]))
            for index, names in tagged.items()
            if (image := _find_image(fleet.roots[index], platform)) is not None
        ]
        releases = order_releases(made, ReleaseOrder.VERSION)
        newest = releases[-max_releases:]
        if len(newest) > 1:
            history = measure_updates(newest, order=ReleaseOrder.VERSION, advice=False)
            older = len(releases) - len(newest)
            histories.append(RepositoryHistory(name=name, platform=platform, history=history, older=older))
    return tuple(sorted(histories, key=lambda found: (-found.history.by_blob.total, found.name)))


def _group(fleet: Fleet) -> Mapping[str, Mapping[int, Sequence[str]]]:
    """For each repository the indexes of its roots, with the references that name them there."""
    groups: dict[str, dict[int, list[str]]] = {}
    for index, root in enumerate(fleet.roots):
        for reference in root.references:
            name = split_tag(reference)
            if name:
                groups.setdefault(name, {}).setdefault(index, []).append(reference)
    return groups


def split_tag(reference: str) -> str:
    """Return a reference without its tag; "" for one without a tag or with a digest.

    >>> split_tag("registry.io:5000/app:1.2"), split_tag("app@sha256:12"), split_tag("./app.tar")
    ('registry.io:5000/app', '', '')
    >>> split_tag("layout --select app:1.2")
    'layout --select app'
    """
    name, colon, tag = reference.rpartition(":")
    return name if colon and "/" not in tag and "@" not in reference else ""


def _index_of(root: Root) -> Blob | None:
    return Blob(root.digest, root.size, BlobKind.INDEX) if root.is_index else None


def _find_image(root: Root, platform: str) -> FleetImage | None:
    return next((image for image in root.images if image.platform == platform), None)
