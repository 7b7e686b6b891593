"""What a file or folder is that holds no image, by the names in it: its kind, and what to do with it instead."""

from __future__ import annotations

import itertools
import os
import re
import shlex
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

from ocisize.errors import ArchiveError, DocumentError, NotAnImage
from ocisize.oci.artifacts import find_index_kind
from ocisize.oci.documents import Index
from ocisize.sources.file_kinds import Kind
from ocisize.sources.folder_images import find_image_folder, list_images_below
from ocisize.sources.saved_images import cut_list
from ocisize.sources.standard_input import PIPE_HINT
from ocisize.text import printable

_ROOT_FOLDERS = frozenset(
    {
        "bin", "boot", "dev", "etc", "home", "lib", "lib64", "media", "mnt", "opt", "proc", "root", "run", "sbin", "srv",
        "sys", "tmp", "usr", "var",
    }
)  # fmt: skip
_MIN_ROOT_FOLDERS = 3  # of a root filesystem
_ROOT_FILES = frozenset({"etc/passwd", "etc/os-release", "bin/sh", "bin/busybox", "usr/bin/env", "usr/bin/dpkg"})
_ARCHIVE = re.compile(r"(?i)[^/]+\.(tar|tgz|tzst|txz|tbz2?|tar\.(gz|zst|xz|bz2))")
_DOCUMENT = re.compile(r"(.+)/(manifest\.json|index\.json)")
_MAX_DEPTH = 8  # folders around a saved image in an archive
_BESIDE = re.compile(
    r"oci-layout|version|repositories|blobs/.*|(sha256:)?[0-9a-f]{64}(\.json|/layer\.tar|(\.tar)?(\.gz)?)|.*/layer\.tar"
)
_BLOB = re.compile(r"(sha256:)?[0-9a-f]{64}(\.json|(\.tar)?(\.gz)?|/(VERSION|json|layer\.tar))|blobs/sha(256|512)/[0-9a-f]+")
_SCHEMA_1 = "docker.distribution.manifest.v1"  # in media types
_MAX_NAMED = 3  # saved images inside that an error names
_MAX_NAMES = 100_000  # names that are looked at: an archive may have a million
_MAX_LISTED = 1000  # entries of a folder that are looked at

_SAVE = "save an image with: docker save -o FILE IMAGE"
_LAYOUT = "an OCI layout folder contains oci-layout, index.json and blobs"
_AS_LAYER = "to analyze it as an image of one layer, write rootfs:{path}"
_PACK = "to analyze it as an image of one layer: tar -C {path} -cf rootfs.tar . && ocisize rootfs:rootfs.tar"
_BUILD = "build and save it first: docker build -t app {} && docker save -o app.tar app"


def _rows(*rows: tuple[str, str, str]) -> tuple[tuple[frozenset[str], Kind], ...]:
    return tuple((frozenset(names.split()), Kind(what, hint)) for names, what, hint in rows)


#: names, any of which marks the kind of files that have a container's files beside them
_ROOT_MARKS = _rows(
    (".dockerenv", "a root filesystem without layers, as docker export writes it", _AS_LAYER),
    ("run/.containerenv", "a root filesystem without layers, as podman export writes it", _AS_LAYER),
    ("stargz.index.json .prefetch.landmark .no.prefetch.landmark", "a single eStargz layer of an image", _AS_LAYER),
)
#: the same for other kinds
_MARKS = _rows(
    ("overlay-images vfs-images", "the storage of podman", "save an image with: podman save -o FILE IMAGE"),
    ("io.containerd.content.v1.content", "the storage of containerd", "save an image with: ctr images export FILE IMAGE"),
    ("overlay2 buildkit", "the storage of the Docker engine", _SAVE),
    (".PKGINFO", "a package of Alpine or Arch Linux", _SAVE),
    ("package/package.json", "an npm package", _SAVE),
    ("Chart.yaml", "a Helm chart", _SAVE),
)
#: the same for folders that schemes read
_STORES = _rows(
    (
        "overlay-images vfs-images",
        "the storage of podman",
        "name the image behind the folder: containers-storage:[{path}]NAME",
    ),
    (
        "io.containerd.content.v1.content",
        "the storage of containerd",
        "name the image behind the folder: containerd:[{path}]NAME",
    ),
    ("overlay2 buildkit", "the storage of the Docker engine", "name the image behind the folder: docker-store:[{path}]NAME"),
)
_CONTEXTS, _PACKED_CONTEXTS = (
    _rows(
        ("Dockerfile", "a build context: it has a Dockerfile", _BUILD.format(plain)),
        ("Containerfile", "a build context: it has a Containerfile", _BUILD.format(other)),
    )
    for plain, other in (("{path}", "-f {path}/Containerfile {path}"), ("- < {path}", "-f Containerfile - < {path}"))
)
_CHART = re.compile(r"[^/]+/Chart\.yaml")
_APPLIANCE = re.compile(r"[^/]+\.ovf")


def refuse_content(path: Path, names: Collection[str], *, is_folder: bool, command: str | None = None) -> ArchiveError:
    """Return the error of a file or folder without ``index.json`` and ``manifest.json``; ``names`` are the names in it.

    ``command`` is how a command names a pipe, whose name ``path`` is.

    >>> error = refuse_content(Path("app.tar"), {".dockerenv", "app"}, is_folder=False)
    >>> print(error, "-", error.hint)  # doctest: +NORMALIZE_WHITESPACE
    app.tar is not a saved image: a root filesystem without layers, as docker export writes it -
    to analyze it as an image of one layer, write rootfs:app.tar
    """
    names = set(sorted(names)[:_MAX_NAMES])
    images = list_images_below(path) if is_folder and not is_root(names) else []
    if len(images) > 1:
        return _refuse_folder(path, images)
    shown = printable(str(path))
    if is_folder and (folder := find_image_folder(path)) is not None:
        hint = f"name the folder: {shlex.quote(printable(str(folder)))}"
        return ArchiveError(f"{shown} is a part of the saved image in its folder", hint=hint)
    kind = _find_in_folder(path, names, images) if is_folder else _find_in_tar(names)
    hint = kind.hint
    if command is not None and "{path}" in hint and "rootfs:" not in hint:
        hint = PIPE_HINT
    return ArchiveError(
        f"{shown} is not a saved image: {kind.what}", hint=hint.replace("{path}", shlex.quote(command or shown))
    )


def _refuse_folder(path: Path, images: Sequence[str]) -> ArchiveError:
    """Return the error of a folder with several saved images, which it lists."""
    shown = printable(str(path))
    return ArchiveError(
        f"{shown} is not a saved image: a folder that contains several",
        items=cut_list([printable(name) for name in images]),
        hint=f"name one of them: {shlex.quote(printable(str(path / images[0])))}",
    )


def refuse_entries(index: Index, place: str) -> DocumentError:
    """Return the error of an ``index.json`` without images; ``place`` is what has it, such as "the layout".

    >>> from ocisize.oci.documents import Descriptor
    >>> schema_1 = Descriptor("sha256:" + 64 * "0", 2, "application/vnd.docker.distribution.manifest.v1+prettyjws")
    >>> print(refuse_entries(Index((schema_1,)), "the layout"))
    the layout contains no image but: schema 1 manifest (the format before 2016), which is not supported
    """
    types = list(dict.fromkeys(printable(entry.media_type) for entry in index.manifests if entry.media_type))
    if (kind := find_index_kind(index)) is not None:
        return NotAnImage(f"{place} contains no image but: {kind}", kind=kind)
    if any(_SCHEMA_1 in media_type for media_type in types):
        return DocumentError(
            f"{place} contains no image but: schema 1 manifest (the format before 2016), which is not supported",
            hint="push the image again, or convert it: skopeo copy --format v2s2 SOURCE DESTINATION",
        )
    found = f" but entries of other types: {_list_names(types)}" if types else ""
    return DocumentError(f"{place} contains no image{found}")


def _find_in_tar(names: Collection[str]) -> Kind:
    if not names:
        return Kind("it is empty", "docker save wrote nothing, or a download failed: save or download it again")
    if "repositories" in names:
        what = "an archive of Docker before 1.10, which current versions of Docker cannot load either"
        return Kind(what, _SAVE)
    if "oci-layout" in names:
        return Kind("an OCI layout without its index.json", "it may be incomplete: save or download it again")
    return (
        _find_marked(names, _ROOT_MARKS)
        or _find_interrupted(names)
        or _find_layer(names)
        or _find_marked(names, _MARKS)
        or _find_marked(names, _PACKED_CONTEXTS)
        or _find_inside(names)
        or Kind(
            "it has neither manifest.json nor index.json", "a root filesystem or a single layer is read as rootfs:{path}"
        )
    )


def _find_marked(names: Collection[str], rows: tuple[tuple[frozenset[str], Kind], ...]) -> Kind | None:
    """Return the kind that single names mark, by the first row that matches."""
    for marks, kind in rows:
        if not marks.isdisjoint(names):
            return kind
    if rows is _ROOT_MARKS:
        return None
    if any(map(_CHART.fullmatch, names)):
        return Kind("a Helm chart", _SAVE)
    if any(map(_APPLIANCE.fullmatch, names)):
        return Kind("a virtual appliance (OVA)", _SAVE)
    return None


def _find_interrupted(names: Collection[str]) -> Kind | None:
    """Return the kind of an archive that has layers, but not yet its documents, which tools write last."""
    if not all(map(_BLOB.fullmatch, names)):
        return None
    return Kind("layers without a manifest.json or index.json", "the save was interrupted: save the image again")


def _find_layer(names: Collection[str]) -> Kind | None:
    """Return the kind of a tar with the files of a container or of a layer."""
    if any(name.rpartition("/")[2].startswith(".wh.") for name in names):
        return Kind("a single layer of an image", _AS_LAYER)
    if is_root(names):
        return Kind("a root filesystem without layers, as docker export writes it", _AS_LAYER)
    return None


def is_root(names: Iterable[str]) -> bool:
    """Return True if names in a tar or folder are those of a root filesystem."""
    names = list(names)
    return (
        len({name.partition("/")[0] for name in names} & _ROOT_FOLDERS) >= _MIN_ROOT_FOLDERS
        or not _ROOT_FILES.isdisjoint(names)
    )  # fmt: skip


def _find_inside(names: Collection[str]) -> Kind | None:
    """Return the kind of a tar that holds saved images: below a folder, or as files."""
    folders = {match[1] for name in names if (match := _DOCUMENT.fullmatch(name))}
    images = sorted(folders.intersection(_folders_of_images(names) if folders else ()))
    if images:
        listed = _list_names(f"{folder}/" for folder in images)
        hint = f"unpack it first: tar -xf {{path}} && ocisize {shlex.quote(printable(images[0]))}"
        return Kind(f"its image is below a folder, {listed}", hint)
    archives = [name for name in sorted(names) if _ARCHIVE.fullmatch(name.rpartition("/")[2])]
    if archives and len(archives) * 2 >= len(names):
        first = shlex.quote(printable(archives[0]))
        return Kind(
            f"an archive that contains {_list_names(archives)}", f"unpack it first: tar -xf {{path}} && ocisize {first}"
        )
    return None


def _folders_of_images(names: Iterable[str]) -> Iterator[str]:
    """Yield the folders, at most eight levels deep, with a file that saved images have beside their documents."""
    for name in names:
        for slash in itertools.islice(re.finditer("/", name), _MAX_DEPTH):
            if _BESIDE.fullmatch(name, slash.end()):
                yield name[: slash.start()]


def _list_names(names: Iterable[str]) -> str:
    first = [printable(name) for name in itertools.islice(names, _MAX_NAMED + 1)]
    return ", ".join(first[:_MAX_NAMED]) + (" …" if len(first) > _MAX_NAMED else "")


def _find_in_folder(path: Path, names: Collection[str], images: Sequence[str]) -> Kind:
    """Return the kind of a folder with these names and ``images`` one level below."""
    if not names:
        return Kind("it is empty", _LAYOUT)
    if {"oci-layout", "blobs"} & set(names):
        return Kind("an OCI layout without its index.json", "it may be incomplete: copy it again")
    root = Kind("a root filesystem without layers", _PACK) if is_root(names) else None
    if {"config.json", "rootfs"} <= set(names):
        root = Kind("a bundle of an OCI runtime, without layers", _PACK.replace("{path}", "{path}/rootfs"))
    marked = _find_marked(names, _ROOT_MARKS)
    return (
        (marked._replace(hint=_PACK) if marked is not None else root)
        or _find_below(images)
        or _find_marked(names, _STORES)
        or _find_marked(names, _MARKS)
        or _find_marked(names, _CONTEXTS)
        or _find_below(_list_likely_below(path))
        or Kind("it has neither manifest.json nor index.json", _LAYOUT)
    )


def _find_below(images: Sequence[str]) -> Kind | None:
    """Return the kind of a folder with these saved images one level below."""
    if not images:
        return None
    first = f"{{path}}/{shlex.quote(printable(images[0]))}"
    return Kind(
        f"a folder that contains {_list_names(images)}", f"name {'one of them' if len(images) > 1 else 'it'}: {first}"
    )


def _list_likely_below(path: Path) -> list[str]:
    """Return the archives in a folder by their names, and the folders in it that have a document of an image; sorted."""
    found = []
    try:
        with os.scandir(path) as entries:
            for entry in itertools.islice(entries, _MAX_LISTED):
                folder = Path(entry.path)
                if entry.is_dir() and any((folder / name).is_file() for name in ("index.json", "manifest.json")):
                    found.append(f"{entry.name}/")
                elif _ARCHIVE.fullmatch(entry.name) and entry.is_file():
                    found.append(entry.name)
    except OSError:
        return []
    return sorted(found)
