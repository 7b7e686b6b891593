"""Schemes that ocisize does not have: those of other programs, with what to write instead, and misspelled ones.

Transports: https://github.com/containers/image/blob/main/docs/containers-transports.5.md; the other names are those of syft,
dive, BuildKit, regclient and Apptainer. Docker Hub has no official image of these names, so a text such as
``podman:latest`` cannot mean an image there; ``docker.io/library/podman:latest`` still does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ocisize.errors import InvalidReference
from ocisize.tuples import NamedTuple

_FILE = "image.tar"
_IMAGE_ID = re.compile(r"(sha256:)?[0-9a-f]{64}")
_SAFE = re.compile(r"[\w./:@+=-]{1,200}", re.ASCII)  # a rest that a hint can repeat as it is
_PASSWORD = re.compile(r"@.*/")
_MIN_RATIO = 0.8  # of difflib: two wrong letters of a scheme; no official image of Docker Hub has a name as near
#: The schemes whose misspellings are recognized; dir, oci and docker are too near to names of images.
#: A copy, since the rows of ``schemes`` import what they open, and errors about registries read this module.
RECOGNIZED_SCHEMES = (
    "docker-archive",
    "oci-archive",
    "oci-dir",
    "rootfs",
    "docker-daemon",
    "podman",
    "containers-storage",
    "containerd",
    "docker-store",
)
_UNKNOWN = re.compile(r"([A-Za-z][\w+.-]*):(?![0-9]+(/|$))(?P<rest>.*)", re.ASCII | re.DOTALL)


class _ForeignScheme(NamedTuple):
    """What a scheme names, and the advice of its error."""

    what: str
    hint: str  #: ``{rest}`` is what follows the scheme, ``{scheme}`` the scheme itself, ``{file}`` a name for a file
    rest: str = "NAME"  #: what the hint says instead of a rest that it cannot repeat


_CONTAINERD = _ForeignScheme("an image of containerd", "write containerd:{rest}")
_COPY = "copy it first: skopeo copy {scheme}:{rest} docker-archive:{file} && ocisize {file}"
_SIF = _ForeignScheme(
    "a Singularity image", "copy it first: skopeo copy sif:{rest} docker-archive:{file} && ocisize {file}", "FILE"
)
_LIBRARY = _ForeignScheme("an image in a library of Apptainer", "pull it first: apptainer pull image.sif {scheme}://{rest}")
_LAYOUT = _ForeignScheme("an OCI layout folder", "write oci-dir:{rest}", "FOLDER")
_REGISTRY = _ForeignScheme("an image in a registry", "write docker://{rest}", "REFERENCE")
_TAR = _ForeignScheme("a saved image", "write docker-archive:{rest}", "FILE")
_FOREIGN: Mapping[str, _ForeignScheme] = {
    "podman-daemon": _ForeignScheme("an image of podman", "write podman:{rest}"),
    "buildah": _ForeignScheme("an image in the storage of buildah", "write containers-storage:{rest}"),
    "nerdctl": _CONTAINERD,
    "ctr": _CONTAINERD,
    "ostree": _ForeignScheme("an image in an OSTree repository", _COPY, "IMAGE@REPOSITORY"),
    "atomic": _ForeignScheme("an image of an OpenShift registry", "write docker://HOST/{rest}", "NAMESPACE/NAME:TAG"),
    "sif": _SIF,
    "singularity": _SIF,
    "apptainer": _SIF,
    "library": _LIBRARY,
    "shub": _LIBRARY,
    "tarball": _ForeignScheme("a root filesystem in a tar", "write rootfs:{rest}", "FILE"),
    "docker-tar": _TAR,
    "docker-image": _REGISTRY,
    "oras": _REGISTRY,
    "oci-registry": _REGISTRY,
    "oci-layout": _LAYOUT,
    "ocidir": _LAYOUT,
    "ocifile": _LAYOUT,
    "file": _ForeignScheme("a file", "write the path alone: {rest}", "FILE"),
}


def refuse_foreign_scheme(text: str) -> None:
    """Raise InvalidReference if a text begins with a scheme of another program, or is an image ID, which an engine knows.

    >>> refuse_foreign_scheme("redis:7")
    >>> refuse_foreign_scheme("buildah:app:1")
    Traceback (most recent call last):
    ocisize.errors.InvalidReference: buildah: is not a scheme of ocisize; it names an image in the storage of buildah
    """
    if _IMAGE_ID.fullmatch(text):
        hint = f"for an image of the Docker engine: docker-daemon:{text}; of podman: containers-storage:{text}"
        raise InvalidReference(f"{text} is an image ID, which names no registry", hint=hint)
    name, colon, rest = text.partition(":")
    scheme = _FOREIGN.get(name.lower())
    if not colon or scheme is None:
        return
    rest = rest.removeprefix("//")
    can_repeat = _can_repeat(rest)
    raise InvalidReference(
        f"{name.lower()}: is not a scheme of ocisize; it names {scheme.what}",
        hint=scheme.hint.format(
            scheme=name.lower(), rest=rest if can_repeat else scheme.rest, file=_name_file(rest) if can_repeat else _FILE
        ),
    )


def _can_repeat(rest: str) -> bool:
    """Return True if a hint can show what follows a scheme: no passwords, and nothing that a shell or a terminal reads."""
    return bool(_SAFE.fullmatch(rest)) and not _PASSWORD.search(rest) and not rest.startswith("-")


def correct_scheme(text: str) -> str | None:
    """Return a text with the scheme that its beginning probably misspells; None if no scheme is near.

    >>> correct_scheme("docker-deamon:app:1"), correct_scheme("podmn:app"), correct_scheme("postgres:16")
    ('docker-daemon:app:1', 'podman:app', None)
    """
    name, _, rest = text.partition(":")
    if name in RECOGNIZED_SCHEMES or not _can_repeat(rest):
        return None
    import difflib  # 5 ms, for errors only

    meant = difflib.get_close_matches(name.lower(), RECOGNIZED_SCHEMES, 1, cutoff=_MIN_RATIO)
    return f"{meant[0]}:{rest}" if meant else None


def _name_file(name: str) -> str:
    """Return the name of an archive for an image, after the last part of its name.

    >>> _name_file("localhost:5000/team/app:1"), _name_file("tool.sif"), _name_file("sha256:0123")
    ('app.tar', 'tool.tar', 'image.tar')
    """
    if name.startswith("sha256:") or _IMAGE_ID.fullmatch(name):
        return _FILE
    last = re.split("[:@]", name.rstrip("/").rpartition("/")[2])[0].removesuffix(".sif").strip(".-")
    return f"{last}.tar" if last else _FILE


def find_unknown_scheme(text: str) -> str | None:
    """Return what an invalid reference begins with, if that looks like a scheme rather than like a host.

    >>> find_unknown_scheme("docker:team/app:1"), find_unknown_scheme("localhost:5000/App"), find_unknown_scheme("App")
    ('docker', None, None)
    """
    match = _UNKNOWN.fullmatch(text)
    if match is None or not match["rest"] or " " in text or "." in match[1] or _PASSWORD.search(text):
        return None
    if "/" not in match["rest"] and match[1] != "docker":  # rather a name with a tag
        return None
    return match[1]
