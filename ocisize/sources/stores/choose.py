"""The choice of an image in a store, by the names and IDs that its engine shows."""

from __future__ import annotations

from collections.abc import Sequence

from ocisize.errors import ArchiveError, ViewError
from ocisize.patterns import lazy_pattern
from ocisize.sources.saved_images import SavedImage, choose_images, find_images, list_images
from ocisize.text import printable

LOCALHOST = "localhost/"  #: what podman and buildah put in front of the names of images that they build
_ID_BEHIND = lazy_pattern(r"[^@]*@((?:sha256:)?[0-9a-f]{12,64})")  # as skopeo writes an ID or a digest


def merge_select(scheme: str, name: str, select: str | None) -> str | None:
    """Return the name behind a scheme, or ``--select``; raise ViewError for both.

    >>> merge_select("containerd", "app:1", None), merge_select("containerd", "", "@2")
    ('app:1', '@2')
    """
    if name and select:
        raise ViewError(f"{scheme}:{printable(name)}: the image is named already", hint="omit --select")
    return name or select


def choose_in_store(
    images: Sequence[SavedImage], select: str | None, *, scheme: str, place: str
) -> tuple[SavedImage, str | None]:
    """Return an image of a store, and the name by which it was chosen; None if it has none.

    ``select`` is a name with the defaults of podman and Docker, an ID or a digest of 12 hex digits or more, or ``@N``. None
    chooses the only image with a name. ``place`` names the store, and ``scheme`` comes in front of the names of its images.
    Raises ArchiveError, which lists the images.

    >>> images = [SavedImage(("localhost/app:1",), ()), SavedImage(("docker.io/library/debian:12",), ())]
    >>> choose_in_store(images, "app:1", scheme="containers-storage:", place="the storage")[1]
    'localhost/app:1'
    """
    if not images:
        raise ArchiveError(f"{place} has no images")
    named = [image for image in images if image.names]
    try:
        chosen, name = choose_images(images if select or not named else named, select and _complete(images, select), place)
    except ArchiveError as error:
        raise _explain(error, images, select, scheme, place) from None
    return chosen[0], name


def _complete(images: Sequence[SavedImage], select: str) -> str:
    """Return what the engine makes of a name: podman prefers its own images to those of Docker Hub."""
    if find_images(images, LOCALHOST + select):
        return LOCALHOST + select
    return select if find_images(images, select) else _ID_BEHIND.sub(r"\1", select)


def _explain(error: ArchiveError, images: Sequence[SavedImage], select: str | None, scheme: str, place: str) -> ArchiveError:
    """Return the error of a choice with the images that have a name, and how one of them is named."""
    named = [image for image in images if image.names]
    first = next((image.names[0] for image in named), "")
    hint = f"name one of them, such as {scheme}{printable(first)}" if first else error.hint
    if select is None:
        return ArchiveError(f"{place} has several images", items=list_images(images, named or None), hint=hint)
    if find_images(images, select):
        return error
    return ArchiveError(f"no image {select!r} in {place}; it has", items=list_images(images, named or None), hint=hint)
