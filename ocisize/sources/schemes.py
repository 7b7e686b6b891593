"""The schemes by which an input names a source: one row of ``SCHEMES`` each.

The program's help shows the rows, so this module imports no source before one is opened.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from ocisize.errors import InvalidReference, ViewError
from ocisize.sources.standard_input import file_of, is_pipe, names_standard_input
from ocisize.text import STANDARD_INPUT
from ocisize.tuples import NamedTuple

if TYPE_CHECKING:
    from ocisize.cache.store import Cache
    from ocisize.limits import Limits
    from ocisize.oci.source import ImageSource
    from ocisize.sources.registry.client import Connection

ARCHIVE_ENDINGS = (
    ".tar", ".tar.gz", ".tgz", ".tar.zst", ".tzst", ".tar.xz", ".txz", ".tar.bz2", ".tbz2", ".tbz", "/",
)  #: of texts that are paths; the last is that of folders  # fmt: skip


class OpenOptions(NamedTuple):
    """What sources are opened with; each uses what concerns it."""

    select: str | None  #: the tag, digest or ``@N`` of one of several images in a file
    connection: Connection | None  #: how to talk to registries
    limits: Limits  #: what a file that holds an image may ask for
    cache: Cache | None = None  #: where documents of registries are kept


class Scheme(NamedTuple):
    """A prefix that says how to read what follows."""

    name: str  #: the text before the colon
    usage: str  #: how the help of the program shows it; empty for another name of a scheme
    open: Callable[[str, OpenOptions], ImageSource]  #: opens what follows the colon, without leading slashes
    only_before: str = ""  #: regex of what follows; without a match the text is a reference such as ``registry:2``
    lists: bool = False  #: True if nothing need follow: an error then lists the images, unless there is only one


def open_registry(text: str, options: OpenOptions) -> ImageSource:
    """Open the image that a reference names; raise InvalidReference if it names none, and ViewError for ``select``."""
    from ocisize.oci.reference import is_registry_alone, parse_reference

    if is_registry_alone(text):
        raise InvalidReference(f"{text} is a registry without a repository", hint=f"add the repository: {text}/NAME")
    reference = parse_reference(text)
    if options.select:
        raise ViewError(
            f"{reference}: --select chooses among the images of a file, not in a registry",
            hint="name the tag or the digest in the reference; --platform chooses among the images of an index",
        )
    from ocisize.sources.registry.credentials import StoredLogin
    from ocisize.sources.registry.source import RegistrySource

    login = StoredLogin(reference)
    return RegistrySource(reference, connection=options.connection, credentials=login, cache=options.cache)


def open_path(path: str, options: OpenOptions, select: str | None, form: str | None = None) -> ImageSource:
    """Open the image in a file or folder, or in the archive that comes from a pipe; see ``open_saved``."""
    if is_pipe(path):
        from ocisize.sources.pipe import FilePipe, PipeSource

        return PipeSource(FilePipe(path), options.limits, select=select, form=form)
    from ocisize.sources.saved import open_saved

    return open_saved(file_of(path), options.limits, select=select, form=form)


def _open_file(text: str, options: OpenOptions, form: str) -> ImageSource:
    path, select = split_select(text, options.select)
    return open_path(path, options, select, form)


def _open_docker_archive(text: str, options: OpenOptions) -> ImageSource:
    return _open_file(text, options, "docker-archive")


def _open_oci_archive(text: str, options: OpenOptions) -> ImageSource:
    return _open_file(text, options, "oci-archive")


def _open_oci_layout(text: str, options: OpenOptions) -> ImageSource:
    return _open_file(text, options, "oci-layout")


def _open_rootfs(text: str, options: OpenOptions) -> ImageSource:
    from ocisize.errors import ArchiveError

    if options.select is not None:
        raise ArchiveError(
            f"no image {options.select!r} in {text}: a root filesystem is one image without a name", hint="omit --select"
        )
    if is_pipe(text):
        from ocisize.sources.pipe import FilePipe
        from ocisize.sources.piped_rootfs import PipedRootfs

        return PipedRootfs(FilePipe(text), options.limits)
    from pathlib import Path

    from ocisize.sources.rootfs import RootfsSource

    return RootfsSource(Path(file_of(text)), options.limits)


def _open_containers_storage(text: str, options: OpenOptions) -> ImageSource:
    from ocisize.sources.stores.containers_storage import open_containers_storage

    return open_containers_storage(text, options.select)


def _open_containerd(text: str, options: OpenOptions) -> ImageSource:
    from ocisize.sources.stores.containerd import open_containerd

    return open_containerd(text, options.select)


def _open_docker_store(text: str, options: OpenOptions) -> ImageSource:
    from ocisize.sources.stores.docker_store import open_docker_store

    return open_docker_store(text, options.select)


def _open_dir(text: str, options: OpenOptions) -> ImageSource:
    return _open_file(text, options, "dir")


def _open_docker_daemon(text: str, options: OpenOptions) -> ImageSource:
    from ocisize.sources.engine.endpoint import DOCKER
    from ocisize.sources.engine.image import open_engine

    return open_engine(DOCKER, text, select=options.select, limits=options.limits)


def _open_podman(text: str, options: OpenOptions) -> ImageSource:
    from ocisize.sources.engine.endpoint import PODMAN
    from ocisize.sources.engine.image import open_engine

    return open_engine(PODMAN, text, select=options.select, limits=options.limits)


#: all schemes; a new kind of source is a row here
SCHEMES = (
    Scheme("docker", "docker://REF", open_registry, only_before="//"),
    Scheme("registry", "", open_registry, only_before="//|[^@]*/"),
    Scheme("docker-archive", "docker-archive:FILE[:NAME]", _open_docker_archive),
    Scheme("oci-archive", "oci-archive:FILE[:NAME]", _open_oci_archive),
    Scheme("oci-dir", "oci-dir:FOLDER[:NAME]", _open_oci_layout),
    Scheme("oci", "", _open_oci_layout),
    Scheme("rootfs", "rootfs:FILE", _open_rootfs),
    Scheme("dir", "dir:FOLDER[:NAME]", _open_dir),
    Scheme("docker-daemon", "docker-daemon:NAME", _open_docker_daemon),
    Scheme("podman", "podman:NAME", _open_podman),
    Scheme("containers-storage", "containers-storage:[NAME]", _open_containers_storage, lists=True),
    Scheme("containerd", "containerd:[NAMESPACE/][NAME]", _open_containerd, lists=True),
    Scheme("docker-store", "docker-store:[NAME]", _open_docker_store, lists=True),
)


def find_scheme(text: str) -> tuple[Scheme, str] | None:
    """Return the scheme of a text and what follows the scheme; None if the text has none.

    >>> scheme, rest = find_scheme("oci-dir:build/app:v1")
    >>> scheme.name, rest
    ('oci-dir', 'build/app:v1')
    >>> find_scheme("registry:2") is None  # a name on Docker Hub
    True
    """
    name, colon, rest = text.partition(":")
    for scheme in SCHEMES:
        if scheme.name == name and (rest or (colon and scheme.lists)) and re.match(scheme.only_before, rest):
            return scheme, rest.removeprefix("//") or ("" if scheme.lists else rest)
    return None


def names_registry(text: str) -> bool:
    """Return True if a text names an image in a registry, or nothing that exists.

    >>> names_registry("debian:12"), names_registry("docker://app"), names_registry("testdata/example.tar")
    (True, True, False)
    """
    explicit = find_scheme(text)
    return explicit[0].open is open_registry if explicit else not (names_standard_input(text) or path_exists(text))


def reads_standard_input(text: str) -> bool:
    """Return True if a text names an image that comes from standard input, with or without a scheme.

    >>> reads_standard_input("-"), reads_standard_input("oci-archive:-:app"), reads_standard_input("app.tar")
    (True, True, False)
    """
    explicit = find_scheme(text)
    return names_standard_input(split_select(explicit[1], None)[0] if explicit else text)


def path_exists(text: str) -> bool:
    """Return True if a file or folder of this name exists, readable or not."""
    try:
        os.stat(plain_path(text))
    except PermissionError:
        return True
    except (OSError, ValueError):  # also names too long for a file, as references may be
        return False
    return True


def looks_like_path(text: str) -> bool:
    """Return True if a text is the path of a file or folder, whether it exists or not.

    >>> looks_like_path("./app"), looks_like_path("app.tar.gz"), looks_like_path("team/app")
    (True, True, False)
    """
    return text.startswith((".", "/", "~")) or ("://" not in text and text.endswith(ARCHIVE_ENDINGS))


def plain_path(text: str) -> str:
    """Return a path as pathlib writes it, without ``.`` and empty parts.

    The help and most runs need nothing else of pathlib, which takes 5 ms to import.

    >>> plain_path("build/app.tar"), plain_path("./build//app.tar/"), plain_path("")
    ('build/app.tar', 'build/app.tar', '.')
    >>> plain_path("./-")  # alone, - is standard input
    './-'
    """
    if os.sep == "/" and text and not text.endswith(("/", "/.")) and "//" not in text and "./" not in text:
        return text
    from pathlib import Path

    path = str(Path(text))
    return f"./{path}" if path == STANDARD_INPUT else path


def trim_input(text: str) -> str:
    """Return the name of an image without blanks and line ends around it, which pipes and variables add.

    A file whose name has them is found by its whole name.

    >>> trim_input("debian:12\\n")
    'debian:12'
    """
    trimmed = text.strip()
    return text if trimmed and trimmed != text and path_exists(text) else trimmed


def split_select(text: str, select: str | None) -> tuple[str, str | None]:
    """Split ``path[:name]`` as skopeo writes it, unless a name is given or the whole text is an existing path.

    >>> split_select("build/app.tar:v1", None)
    ('build/app.tar', 'v1')
    """
    path, colon, name = text.partition(":")
    if select is None and colon and not path_exists(text):
        return plain_path(path), name
    return plain_path(text), select
