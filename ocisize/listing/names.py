"""Names in lists: checked when they are read, so that errors name the file and the line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocisize.errors import ArchiveError, InvalidReference
from ocisize.listing.references import ListedReference, shorten_text
from ocisize.oci.reference import Reference, is_registry_alone, parse_reference
from ocisize.sources.schemes import (
    Scheme,
    find_scheme,
    looks_like_path,
    open_registry,
    path_exists,
    plain_path,
    split_select,
)
from ocisize.tuples import NamedTuple

if TYPE_CHECKING:
    from ocisize.listing.references import Collector

MAX_NAME = 4096  #: characters of a name: no path is longer, and references have at most 400

_LIST_ENDINGS = (".txt", ".list", ".lst", ".json", ".csv", ".yaml", ".yml")
_ENGINES = ("docker-daemon", "podman")  # whose names follow the scheme


class CheckedName(NamedTuple):
    """A name that ``open_source`` opens, and the store that has its blobs."""

    name: str
    select: str | None
    store: str


def check_name(text: str) -> CheckedName:
    """Return a name of a list: a reference, a path, or a scheme with what follows. Raises InvalidReference.

    References are canonical, so that two spellings of one name are one. A path has a scheme, begins with ``.``, ``/`` or
    ``~``, or ends as archives do: the names of lists do not depend on the folders that a project has beside.

    >>> check_name("nginx:1.27")
    CheckedName(name='docker.io/library/nginx:1.27', select=None, store='docker.io')
    >>> check_name("oci-dir:build/app:v1").store
    'build/app'
    """
    if len(text) > MAX_NAME:
        raise InvalidReference(f"a name of {len(text):,} characters is no reference: {shorten_text(text)}")
    if not text.isprintable():
        raise InvalidReference(f"the name has characters that cannot be printed: {shorten_text(text)}")
    found = find_scheme(text)
    if found is not None and found[0].open is not open_registry:
        return CheckedName(text, None, _store_of(*found))
    if found is None and looks_like_path(text):
        if not path_exists(text):
            raise InvalidReference(f"no such file or folder: {text}")
        path = plain_path(text)
        return CheckedName(path, None, path)
    return check_reference(found[1] if found is not None else text)


def refuse_other_name(text: str) -> None:
    """Raise an error with advice for a name that means a list which does not exist, or a registry.

    >>> refuse_other_name("images.txt")
    Traceback (most recent call last):
    ocisize.errors.ArchiveError: no such file: images.txt
    >>> refuse_other_name("registry.io/team/")
    Traceback (most recent call last):
    ocisize.errors.InvalidReference: registry.io/team/ is no reference, and no such folder exists
    """
    if text.endswith(_LIST_ENDINGS) and not text.rpartition("/")[0]:
        raise ArchiveError(f"no such file: {text}")
    if is_registry_alone(text):
        raise InvalidReference(f"{text} is a registry without a repository", hint=f"for all of its images: '{text}/*'")
    if text.endswith("/") and not text.startswith((".", "/", "~")):
        raise InvalidReference(
            f"{text} is no reference, and no such folder exists", hint=f"for all images of a namespace: '{text}*'"
        )


def warn_of_registry(text: str) -> str:
    """Return a warning for a name on Docker Hub that may be meant as a registry; empty for others.

    >>> warn_of_registry("registry.corp:5000")
    "registry.corp:5000 is read as an image of Docker Hub; for all images of a registry, write 'registry.corp:5000/*'"
    """
    if "/" in text or "." not in text.partition(":")[0] or "@" in text:
        return ""
    return f"{text} is read as an image of Docker Hub; for all images of a registry, write '{text}/*'"


def check_reference(text: str) -> CheckedName:
    """Return the name of an image in a registry. Raises InvalidReference.

    >>> check_reference("registry.io/app@sha256:" + 64 * "a").store
    'registry.io'
    """
    reference = parse_reference(text)
    return CheckedName(str(reference), None, reference.registry)


def _store_of(scheme: Scheme, rest: str) -> str:
    return f"{scheme.name}:" if scheme.lists or scheme.name in _ENGINES else split_select(rest, None)[0]


def pin_digest(text: str, image_id: str) -> Reference | None:
    """Return the reference of an image with the digest that runs, None if ``image_id`` has no digest of a repository.

    ``image_id`` is what kubelets report: ``repository@digest``, before Kubernetes 1.24 with ``docker-pullable://``. The tag
    stays if both name one repository. Raises InvalidReference.

    >>> str(pin_digest("nginx:1.27", "docker-pullable://nginx@sha256:" + 64 * "a"))[:40]
    'docker.io/library/nginx:1.27@sha256:aaaa'
    >>> pin_digest("nginx:1.27", "sha256:" + 64 * "a") is None  # the ID of an image, which is the digest of its config
    True
    """
    scheme, separator, rest = image_id.rpartition("://")
    repository, at, digest = rest.rpartition("@")
    if not at or (separator and scheme != "docker-pullable"):
        return None
    running = parse_reference(f"{repository}@{digest}")
    try:
        named = parse_reference(text)
    except InvalidReference:  # nodes also name images by their IDs
        return running
    if (named.registry, named.repository) != (running.registry, running.repository):
        return running
    return Reference(running.registry, running.repository, named.tag, running.digest)


def add_name(
    text: str, place: str, source: str, collector: Collector, *, label: str = "", nodes: tuple[str, ...] = ()
) -> None:
    """Add a reference that a document names; one that is invalid is a failure at its place."""
    try:
        checked = check_reference(text)
    except InvalidReference as error:
        collector.fail(text, f"{place}: {error}", error.hint or "")
        return
    collector.add(
        ListedReference(
            name=checked.name,
            label=shorten_text(label),
            nodes=tuple(map(shorten_text, nodes)),
            store=checked.store,
            source=source,
        )
    )
