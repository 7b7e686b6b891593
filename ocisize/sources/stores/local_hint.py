"""Where else an image may be that a registry does not have: the stores of engines on this machine.

Only the lists of names are read, as far as they may be read and have few bytes; no error is raised.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress

from ocisize.errors import OcisizeError
from ocisize.oci.reference import canonical_name
from ocisize.sources.stores.choose import LOCALHOST
from ocisize.text import printable

_MAX_LIST = 8 << 20  # bytes of a list of images that is searched


def find_local_image(text: str) -> str | None:
    """Return a hint that names a store which has the image, None if none has it, or if the text names a registry.

    >>> find_local_image("registry.io/app:1") is None
    True
    """
    if not is_short_name(text):
        return None
    for what, scheme, list_names in _STORES:
        with suppress(OcisizeError, OSError, ValueError):
            if (name := _find(text, list_names())) is not None:
                return f"{printable(name)} is in {what}: ocisize {scheme}{printable(name)}"
    return None


def is_short_name(text: str) -> bool:
    """Return True for a name without the host of a registry; podman's ``localhost/`` is none.

    >>> is_short_name("app:1"), is_short_name("team/app"), is_short_name("localhost/app"), is_short_name("quay.io/app")
    (True, True, True, False)
    """
    host, slash, _ = text.removeprefix(LOCALHOST).partition("/")
    return not slash or not (set(host) & set(".:") or host == "localhost")


def _find(text: str, names: Iterator[str]) -> str | None:
    """Return one of ``names`` that the text means, as podman and Docker complete it."""
    wanted = {canonical_name(text), canonical_name(LOCALHOST + text.removeprefix(LOCALHOST))}
    return next((name for name in names if canonical_name(name.partition("@")[0]) in wanted and "@" not in name), None)


def _names_in_containers_storage() -> Iterator[str]:
    from ocisize.sources.stores.containers_storage import find_roots
    from ocisize.sources.stores.storage_conf import find_settings

    for root in find_roots(find_settings()):
        if _is_small(f"{root.path}/{root.driver}-images/images.json"):
            yield from (name for image in root.images for name in image.names)


def _names_in_docker() -> Iterator[str]:
    from ocisize.sources.stores.docker_root import find_docker_roots
    from ocisize.sources.stores.docker_store import find_data_roots

    for root in find_docker_roots(find_data_roots()):
        if _is_small(root.names_file):
            yield from root.read_names()


def _names_in_containerd() -> Iterator[str]:
    from ocisize.sources.stores.containerd import DATABASE, find_containerd_roots, list_images

    for root in find_containerd_roots():
        if _is_small(f"{root}/{DATABASE}"):
            yield from (image.name for image in list_images([root]))


def _is_small(path: str) -> bool:
    with suppress(OSError):
        return os.stat(path).st_size <= _MAX_LIST
    return False


_STORES: tuple[tuple[str, str, Callable[[], Iterator[str]]], ...] = (
    ("podman's storage", "containers-storage:", _names_in_containers_storage),
    ("Docker's store", "docker-store:", _names_in_docker),
    ("containerd", "containerd:", _names_in_containerd),
)
