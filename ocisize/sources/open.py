"""Sources of images: registries, docker-archives, OCI layouts and archives, and how an input names one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from ocisize.errors import ArchiveError, InvalidReference
from ocisize.limits import Limits
from ocisize.oci.reference import parse_reference
from ocisize.oci.source import ImageSource
from ocisize.sources.docker_archive import DockerArchiveSource
from ocisize.sources.folder import FolderStore
from ocisize.sources.oci_layout import LayoutSource
from ocisize.sources.open_store import open_store
from ocisize.sources.store import Store

if TYPE_CHECKING:  # importing the registry costs 200 ms that saved files need not pay
    from ocisize.sources.registry.client import Connection

# Images named registry and docker exist ("registry:2"), so these two are schemes only before a path or slashes.
_SCHEME = re.compile(
    r"(?:(docker):(?=//)|(registry):(?=//|[^@]*/)|(docker-archive|oci-archive|oci-dir|oci):)(?://)?(.+)", re.DOTALL
)


def open_source(
    text: str, *, select: str | None = None, connection: Connection | None = None, limits: Limits | None = None
) -> ImageSource:
    """Open what ``text`` names.

    An explicit scheme decides (``registry:``, ``docker-archive:``, ``oci-archive:``, ``oci-dir:``), else an existing
    path, else what looks like a path is a missing file, else it is a reference. ``select`` chooses among several
    images of one file; ``limits`` are for what a file that holds an image may ask. Raises SourceError, DocumentError,
    LimitExceeded or InvalidReference.
    """
    if not text.strip():  # as a path it would be the current folder
        raise InvalidReference("no image is named: its name is empty", hint="is a variable unset?")
    match = _SCHEME.fullmatch(text)
    if match and (match[1] or match[2]):
        return _open_registry(match[4], connection)
    if match:
        return _open_saved(*_split_select(match[4], select), match[3], limits or Limits())
    if _exists(text):
        return _open_saved(Path(text), select, None, limits or Limits())
    if _looks_like_path(text):
        raise ArchiveError(f"no such file or folder: {text}")
    try:
        return _open_registry(text, connection)
    except InvalidReference as error:
        raise InvalidReference(f"{error}, and no file of that name", hint=error.hint) from None


def _exists(text: str) -> bool:
    try:
        Path(text).stat()
    except PermissionError:
        return True
    except (OSError, ValueError):  # also names too long for a file, as references may be
        return False
    return True


def _looks_like_path(text: str) -> bool:
    return text.startswith((".", "/", "~")) or text.endswith((".tar", ".tgz", ".tar.gz", ".tar.zst", ".tar.xz", "/"))


def _split_select(text: str, select: str | None) -> tuple[Path, str | None]:
    """``path[:name]`` as skopeo writes it; a path that exists is never split."""
    path, colon, name = text.partition(":")
    if select is None and colon and not _exists(text):
        return Path(path), name
    return Path(text), select


def _open_registry(text: str, connection: Connection | None) -> ImageSource:
    reference = parse_reference(text)
    from ocisize.sources.registry.credentials import find_credentials
    from ocisize.sources.registry.source import RegistrySource

    return RegistrySource(reference, connection=connection, credentials=find_credentials(reference))


def _open_saved(path: Path, select: str | None, scheme: str | None, limits: Limits) -> ImageSource:
    store = open_store(path, limits)
    try:
        return _open_store(store, path, select, scheme)
    except BaseException:
        store.close()
        raise


def _open_store(store: Store, path: Path, select: str | None, scheme: str | None) -> ImageSource:
    names = {name.removeprefix("./") for name in store.names()}
    is_folder = isinstance(store, FolderStore)
    layout = "index.json" in names and ("oci-layout" in names or is_folder)
    if scheme in ("oci-archive", "oci-dir", "oci") or (layout and scheme is None):
        if "index.json" not in names:
            raise ArchiveError(f"{path} is not an OCI layout: it has no index.json")
        return _open_layout(store, names, select, is_folder=is_folder)
    if "manifest.json" in names:
        return DockerArchiveSource(store, select=select)
    raise ArchiveError(f"{path} is not a saved image: {_what_it_is(names)}", hint=_hint(layout=layout, is_folder=is_folder))


def _hint(*, layout: bool, is_folder: bool) -> str:
    if layout:
        return f"write {'oci-dir:' if is_folder else 'oci-archive:'} in front, or leave out docker-archive:"
    if is_folder:
        return "a layout folder holds oci-layout, index.json and blobs"
    return "save one with: docker save -o FILE IMAGE"


def _open_layout(store: Store, names: set[str], select: str | None, *, is_folder: bool) -> ImageSource:
    docker_compatible = "manifest.json" in names and not is_folder
    source = LayoutSource(
        store,
        form="oci-layout" if is_folder else "docker-archive" if docker_compatible else "oci-archive",
        # The plain layers of a docker-compatible archive were compressed in the registry.
        keeps_compression=not docker_compatible,
        select=select,
    )
    if source.is_empty and docker_compatible:  # Docker 25.0.0 to 25.0.2 left untagged images out of index.json
        return DockerArchiveSource(store, select=select)
    return source


def _what_it_is(names: set[str]) -> str:
    if not names:
        return "it is empty"
    if "repositories" in names:
        return "an archive of Docker before 1.10, which no current Docker loads either"
    if "index.json" in names:
        whole = "oci-layout" in names
        return "it is an OCI layout, not a docker-archive" if whole else "an OCI layout without its oci-layout file"
    tops = {name.partition("/")[0] for name in names}
    if len(tops & {"etc", "usr", "bin", "var", "lib", "dev"}) > 2:
        return "a root filesystem, as docker export writes it, without layers"
    return "it has neither manifest.json nor index.json"
