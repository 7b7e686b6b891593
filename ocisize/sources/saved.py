"""open_saved: an image in a file or folder, by the documents that the file or folder holds."""

from __future__ import annotations

import logging
from pathlib import Path

from ocisize.errors import ArchiveError
from ocisize.limits import Limits
from ocisize.oci.source import ImageSource
from ocisize.sources.docker_archive import DockerArchiveSource
from ocisize.sources.folder import FolderStore
from ocisize.sources.oci_layout import LayoutSource
from ocisize.sources.open_store import open_store
from ocisize.sources.store import Store
from ocisize.text import printable

DOCKER_ARCHIVE, OCI_ARCHIVE, OCI_LAYOUT = "docker-archive", "oci-archive", "oci-layout"
_ROOT_FOLDERS = {"etc", "usr", "bin", "var", "lib", "dev"}
_MIN_ROOT_FOLDERS = 3  # of a root filesystem
_log = logging.getLogger(__name__)


def open_saved(path: Path, limits: Limits, *, select: str | None = None, form: str | None = None) -> ImageSource:
    """Open the image in a file or folder.

    ``form`` is ``docker-archive``, ``oci-archive`` or ``oci-layout``; None: the names of the documents decide.
    ``select`` is the tag, digest or ``@N`` of one of several images. Raises ArchiveError, DocumentError and LimitExceeded.

    >>> source = open_saved(Path("testdata/example.tar"), Limits())
    >>> source.format, source.reference
    ('oci-archive', 'example')
    >>> source.close()
    """
    store = open_store(path, limits)
    try:
        return _open_image(store, path, select, form)
    except BaseException:
        store.close()
        raise


def _open_image(store: Store, path: Path, select: str | None, form: str | None) -> ImageSource:
    names = {name.removeprefix("./") for name in store.names()}
    is_folder = isinstance(store, FolderStore)
    is_layout = "index.json" in names and ("oci-layout" in names or is_folder)
    if form in (OCI_ARCHIVE, OCI_LAYOUT) or (is_layout and form is None):
        if "index.json" not in names:
            raise ArchiveError(f"{path} is not an OCI layout: it has no index.json")
        return _open_layout(store, path, names, select, is_folder=is_folder)
    if "manifest.json" in names:
        reason = "its scheme requires it" if form else "it has a manifest.json"
        _log.info("%s is read as a docker-archive: %s", printable(str(path)), reason)
        return DockerArchiveSource(store, select=select)
    hint = _hint(is_layout=is_layout, is_folder=is_folder)
    raise ArchiveError(f"{path} is not a saved image: {_describe_content(names)}", hint=hint)


def _open_layout(store: Store, path: Path, names: set[str], select: str | None, *, is_folder: bool) -> ImageSource:
    docker_compatible = "manifest.json" in names and not is_folder
    archive = DOCKER_ARCHIVE if docker_compatible else OCI_ARCHIVE
    source = LayoutSource(
        store,
        form=OCI_LAYOUT if is_folder else archive,
        # The plain layers of a docker-compatible archive were compressed in the registry.
        keeps_compression=not docker_compatible,
        select=select,
    )
    if source.is_empty and docker_compatible:  # Docker 25.0.0 to 25.0.2 left untagged images out of index.json
        _log.info("%s is read as a docker-archive: its index.json is empty, its manifest.json is not", printable(str(path)))
        return DockerArchiveSource(store, select=select)
    kind = "a folder" if is_folder else "a tar that docker load also reads" if docker_compatible else "a tar"
    _log.info("%s is read as an OCI layout in %s: it has an index.json", printable(str(path)), kind)
    return source


def _hint(*, is_layout: bool, is_folder: bool) -> str:
    if is_layout:
        return f"use {'oci-dir:' if is_folder else 'oci-archive:'} as the scheme, or omit docker-archive:"
    if is_folder:
        return "an OCI layout folder contains oci-layout, index.json and blobs"
    return "save an image with: docker save -o FILE IMAGE"


def _describe_content(names: set[str]) -> str:
    """Return what a file or folder is that holds no image, by the names in it."""
    if not names:
        return "it is empty"
    if "repositories" in names:
        return "an archive of Docker before 1.10, which current versions of Docker cannot load either"
    if "index.json" in names:
        whole = "oci-layout" in names
        return "it is an OCI layout, not a docker-archive" if whole else "an OCI layout without its oci-layout file"
    if len({name.partition("/")[0] for name in names} & _ROOT_FOLDERS) >= _MIN_ROOT_FOLDERS:
        return "a root filesystem without layers, as written by docker export"
    return "it has neither manifest.json nor index.json"
