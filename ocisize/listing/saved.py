"""The images of saved files and folders: one reference for each name of an image."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ocisize.errors import ArchiveError, OcisizeError
from ocisize.listing.references import ListedReference
from ocisize.sources.dir_folder import find_dir_folders
from ocisize.sources.folder_images import list_images_below
from ocisize.sources.saved import list_saved
from ocisize.sources.saved_images import list_choices
from ocisize.sources.schemes import find_scheme, path_exists
from ocisize.text import count_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocisize.limits import Limits
    from ocisize.listing.references import Collector

MAX_LISTED = 1000  #: entries of a folder that are looked at for images
_FORMS = {
    "docker-archive": "docker-archive",
    "oci-archive": "oci-archive",
    "oci-dir": "oci-layout",
    "oci": "oci-layout",
    "dir": "dir",
}  # scheme → what ``open_saved`` calls the form
_DOCUMENTS = ("index.json", "manifest.json")


def form_of(name: str) -> tuple[str, str | None] | None:
    """Return the path of a file or folder that a name means, and the form that its scheme asks for; None for other names.

    >>> form_of("oci-dir:build/app"), form_of("testdata/example.tar"), form_of("nginx")
    (('build/app', 'oci-layout'), ('testdata/example.tar', None), None)
    """
    if (found := find_scheme(name)) is not None:
        return (found[1], _FORMS[found[0].name]) if found[0].name in _FORMS else None
    return (name, None) if path_exists(name) else None


def list_file(name: str, path: str, form: str | None, collector: Collector, limits: Limits) -> None:
    """Add the images of an archive or a folder; ``name`` is what ``open_source`` opens, the path with its scheme.

    A folder that is no image itself may have archives and folders of images, one level below, or a tree of folders of
    ``dir:``. Raises ArchiveError, DocumentError and LimitExceeded.
    """
    folder = Path(path)
    if folder.is_dir() and not any((folder / document).exists() for document in _DOCUMENTS):
        _list_folder(name, folder, form, collector, limits)
        return
    _list_images(name, path, form, collector, limits)


def _list_images(name: str, path: str, form: str | None, collector: Collector, limits: Limits) -> None:
    file = list_saved(path, limits, form=form)
    if file is None:  # a folder of dir: has one image
        collector.add(ListedReference(name=name, store=path, source=name))
        return
    try:
        for warning in file.warnings:
            collector.warn(f"{name}: {warning}")
        choices = list_choices(file.images)
        for image in file.images:
            if image.is_absent:
                collector.fail(name, f"{name}: the manifest of {image} is missing")
        if file.artifacts:
            collector.artifacts += len(file.artifacts)
            collector.warn(f"{name}: left out: {count_of(len(file.artifacts), 'manifest')} of artifacts that are no images")
        if not choices:
            raise ArchiveError(f"{name}: {file.place} contains no image")
        for select in choices:
            collector.add(ListedReference(name=name, select=select, store=path, source=name))
    finally:
        file.close()


def _list_folder(name: str, path: Path, form: str | None, collector: Collector, limits: Limits) -> None:
    scheme = name[: -len(str(path))] if name.endswith(str(path)) else ""
    below = [entry.removesuffix("/") for entry in list_images_below(path)] if form is None else []
    trees = find_dir_folders(path) if form in (None, "dir") else []
    found: Sequence[str] = [*below, *(folder for folder in trees if folder not in below)]
    if not found:
        raise ArchiveError(
            f"{name} is a folder without images",
            hint="name a layout, an archive, a folder of archives, or a list of references",
        )
    if _has_many_entries(path) and below:
        collector.warn(
            f"{name}: only the first {MAX_LISTED:,} entries of the folder were looked at for archives and layouts"
        )
    for entry in found:
        inner = str(path / entry)
        try:
            _list_images(f"{scheme}{inner}", inner, form, collector, limits)
        except OcisizeError as error:
            collector.fail(inner, error)


def _has_many_entries(path: Path) -> bool:
    with os.scandir(path) as entries:
        return sum(1 for _ in entries) > MAX_LISTED
