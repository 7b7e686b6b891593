"""The images that a saved file or folder holds, as values, and the choice of one.

A file may hold several images, an image may have several names, and a name may be that of images for several platforms.
``choose_images`` takes the images of one name; the platform is chosen later, among their manifests.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from ocisize.blob.digest import Digest
from ocisize.errors import ArchiveError
from ocisize.oci.documents import Descriptor, Platform
from ocisize.oci.platform import normalize
from ocisize.oci.reference import canonical_name
from ocisize.patterns import lazy_pattern
from ocisize.values import evolve, frozen

_SHORT = 12  # hex digits of a digest, as docker prints image IDs
_HEX_DIGEST = lazy_pattern(r"(?:sha256:)?([0-9a-f]{12,64})")
_MAX_NAMES = 10  # of an image in an error
_MAX_LISTED = 50  # images in an error
_HINT = "choose one with --select NAME or --select @N"


@frozen
class ArchiveItem:
    """An image of a docker archive's ``manifest.json``; fields are named as in the JSON."""

    Config: str
    Layers: tuple[str, ...] = ()
    RepoTags: tuple[str, ...] = ()


@frozen
class SavedManifest:
    """An image for one platform: a stored manifest, or an item of ``manifest.json`` to compose one from."""

    platform: Platform | None  #: None if neither the index nor the config names one
    stored: Descriptor | None = None  #: None: the manifest is composed from ``item``
    item: ArchiveItem | None = None
    config: Digest | None = None  #: digest of the config; None if the manifest or the config cannot be read
    is_absent: bool = False  #: True if the file lacks the manifest
    warning: str = ""  #: why this manifest is used and not another one of the file
    conflict: str = ""  #: how the documents of the file contradict each other; reading the manifest is then an error

    @property
    def id(self) -> Digest | None:
        """The digest to show: that of the stored manifest, else that of the config, which docker calls the image ID."""
        return self.stored.digest if self.stored is not None else self.config


@frozen
class SavedImage:
    """An image that a file holds, for one platform or several."""

    names: tuple[str, ...]
    manifests: tuple[SavedManifest, ...]
    index: Descriptor | None = None  #: the stored index that lists exactly these manifests
    in_index: bool = False  #: True if another image of the file is an index that lists this one
    attestations: tuple[Descriptor, ...] = ()  #: entries beside the image that describe it
    folder: str = ""  #: the folder that has the image, of a tree of folders

    @property
    def is_absent(self) -> bool:
        """True if the file lists the image but has no manifest of it."""
        return bool(self.manifests) and all(manifest.is_absent for manifest in self.manifests)

    @property
    def digests(self) -> set[str]:
        """The digests of the image as a whole, for all of its platforms."""
        if self.index is not None:
            return {self.index.digest}
        return set.intersection(*map(digests_of, self.manifests)) if self.manifests else set()

    def __str__(self) -> str:
        tags = {tag for name in self.names if (tag := name.rpartition(":")[2]) != name}
        names = " ".join([name for name in self.names if name not in tags][:_MAX_NAMES]) or "untagged"
        held = [manifest for manifest in self.manifests if not manifest.is_absent]
        platforms = dict.fromkeys(str(manifest.platform) for manifest in held if manifest.platform is not None)
        ids = {manifest.id for manifest in held} if self.index is None else {self.index.digest}
        facts = [*platforms, *(shorten(digest) for digest in ids if digest is not None and len(ids) == 1)]
        return f"{names} ({', '.join(facts)})" if facts else names


def choose_images(images: Sequence[SavedImage], select: str | None, place: str) -> tuple[list[SavedImage], str | None]:
    """Return the chosen image, or the images of one name for several platforms; and the name, None if there is none.

    ``select`` is a name, ``@N``, or the digest of an index, a manifest or a config, which may be cut to 12 hex digits. None
    chooses the only image of ``place``, which errors name. Raises ArchiveError, which lists the images.

    >>> amd64, arm64 = (SavedManifest(Platform("linux", name)) for name in ("amd64", "arm64"))
    >>> images = [SavedImage(("app:1",), (amd64,)), SavedImage(("app:1",), (arm64,)), SavedImage(("db:2",), (amd64,))]
    >>> [str(image) for image in choose_images(images, "app:1", "the archive")[0]]
    ['app:1 (linux/amd64)', 'app:1 (linux/arm64)']
    >>> choose_images(images, None, "the archive")
    Traceback (most recent call last):
    ocisize.errors.ArchiveError: the archive contains several images: @0 app:1 (linux/amd64), @1 app:1 (linux/arm64), \
@2 db:2 (linux/amd64)
    """
    if select is None:
        return _choose_only(images, place)
    found = find_images(images, select)
    if not found:
        raise ArchiveError(f"no image {select!r} in {place}; it contains", items=list_images(images))
    if not _differ_by_platform(found):
        raise ArchiveError(
            f"{select!r} is the name of several images for one platform",
            items=list_images(images, found),
            hint="choose one with --select @N or by its digest",
        )
    return found, name_choice(found, select)


def find_images(images: Sequence[SavedImage], select: str) -> list[SavedImage]:
    """Return the images that ``@N``, a name or a digest chooses: for several platforms, or of one ambiguous name."""
    if re.fullmatch("@(?:0|[1-9][0-9]{0,9})", select):
        return list(images[int(select[1:]) :][:1])
    wanted = canonical_name(select)
    named = [image for image in images if any(canonical_name(name) == wanted for name in image.names)]
    return named or _find_by_digest(images, select)


def list_choices(images: Sequence[SavedImage]) -> dict[str, list[SavedImage]]:
    """Return what ``choose_images`` chooses, by ``select``: every name of an image, without names its digest, else ``@N``.

    An image of an index without a name of its own is not listed beside the index, and images of one name for several
    platforms are listed once. A tag alone is no name beside a whole name with this tag. What is absent is not listed.

    >>> amd64, arm64 = (SavedManifest(Platform("linux", name)) for name in ("amd64", "arm64"))
    >>> images = [SavedImage(("app:1",), (amd64,)), SavedImage(("app:1",), (arm64,)), SavedImage((), (amd64,))]
    >>> [*list_choices(images)]
    ['app:1', '@2']
    """
    named: dict[str, list[SavedImage]] = {}
    digests = Counter(digest for image in images for digest in image.digests)
    for image in images:
        for name in set(map(canonical_name, image.names)):
            named.setdefault(name, []).append(image)
    found: dict[str, list[SavedImage]] = {}
    for number, image in enumerate(images):
        if image.is_absent or (image.in_index and not image.names):
            continue
        tags = {name.rpartition(":")[2] for name in image.names if ":" in name}
        names = [name for name in image.names if name not in tags and name[:1] != "@"]
        unique = [name for name in names if _differ_by_platform(named[canonical_name(name)])]
        texts = unique or ([] if names else [digest for digest in sorted(image.digests) if digests[digest] == 1][:1])
        for text in texts or [f"@{number}"]:
            found.setdefault(text, named[canonical_name(text)] if unique else [image])
    return found


def name_choice(images: Sequence[SavedImage], select: str) -> str | None:
    """Return the name of images by which they were chosen, else their first name."""
    wanted = canonical_name(select)
    names = [name for image in images for name in image.names]
    return next((name for name in names if canonical_name(name) == wanted), names[0] if names else None)


def _choose_only(images: Sequence[SavedImage], place: str) -> tuple[list[SavedImage], str | None]:
    """Return the only image, or all images if they differ by their platforms alone."""
    roots = [image for image in images if not image.in_index]
    for candidates in (roots, [image for image in roots if not image.is_absent]):
        if len(candidates) == 1 or (candidates and _share_name(candidates) and _differ_by_platform(candidates)):
            return candidates, _shared_name(candidates)
    raise ArchiveError(f"{place} contains several images", items=list_images(images), hint=_HINT)


def list_images(images: Sequence[SavedImage], some: Iterable[SavedImage] | None = None) -> list[str]:
    """Return the images that a file holds, or ``some`` of them, with their numbers: at most 50."""
    wanted = None if some is None else set(map(id, some))
    held = [
        f"@{number} {image}"
        for number, image in enumerate(images)
        if not image.is_absent and (wanted is None or id(image) in wanted)
    ]
    return cut_list(held) or ["none"]


def cut_list(items: Sequence[str]) -> list[str]:
    """Return what an error lists, of more than 50 images the first 50 and how many follow."""
    rest = [f"and {len(items) - _MAX_LISTED} more"] if len(items) > _MAX_LISTED else []
    return [*items[:_MAX_LISTED], *rest]


def digests_of(manifest: SavedManifest) -> set[str]:
    """Return the digests by which a manifest can be chosen: its own and that of its config."""
    own = manifest.stored.digest if manifest.stored is not None else None
    return {digest for digest in (own, manifest.config) if digest is not None}


def merge_names(*groups: Iterable[str]) -> tuple[str, ...]:
    """Return names in their order, each once: of two spellings of one name, the first.

    >>> merge_names(["app:1", "app:2"], ["docker.io/library/app:1"])
    ('app:1', 'app:2')
    """
    names: dict[str, str] = {}
    for group in groups:
        for name in group:
            names.setdefault(canonical_name(name), name)
    return tuple(names.values())


def shorten(digest: str) -> str:
    """Return the first 12 hex digits of a sha256 digest, as docker prints an image ID, and another digest whole."""
    algorithm, _, encoded = digest.partition(":")
    return encoded[:_SHORT] if algorithm == "sha256" else digest


def _share_name(images: Sequence[SavedImage]) -> bool:
    """Return True if all images have a name in common, or if none has a name."""
    named = [{canonical_name(name) for name in image.names} for image in images]
    return not any(named) or bool(set.intersection(*named))


def _shared_name(images: Sequence[SavedImage]) -> str | None:
    counts = Counter(canonical_name(name) for image in images for name in image.names)
    named = sum(bool(image.names) for image in images)
    return next((name for image in images for name in image.names if counts[canonical_name(name)] == named), None)


def _differ_by_platform(images: Sequence[SavedImage]) -> bool:
    """Return True for a single image, and for images whose platforms are known and distinct."""
    if len(images) == 1:
        return True
    platforms = [manifest.platform for image in images for manifest in image.manifests]
    known = [normalize(platform) for platform in platforms if platform is not None]
    return len(set(known)) == len(platforms)


def _find_by_digest(images: Sequence[SavedImage], select: str) -> list[SavedImage]:
    """Return the images that a digest names, or that 12 hex digits or more of it do.

    A manifest or a config of an index is an image for one platform.
    """
    match = _HEX_DIGEST.fullmatch(select)
    start = f"sha256:{match[1]}" if match else select

    def is_named(digests: Iterable[str]) -> bool:
        return any(digest == select or (match is not None and digest.startswith(start)) for digest in digests)

    contents = {  # of several names for one image, the first
        tuple((manifest.id, manifest.item) for manifest in image.manifests): image
        for image in reversed(images)
        if is_named(image.digests)
    }
    if contents:
        return [*reversed(contents.values())]
    parts = {
        manifest.id: evolve(image, manifests=(manifest,), index=None)
        for image in images
        for manifest in image.manifests
        if is_named(digests_of(manifest))
    }
    return list(parts.values())
