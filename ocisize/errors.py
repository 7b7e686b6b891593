"""All errors that ocisize raises, as one tree below ``OcisizeError``.

::

    OcisizeError
    ├── InvalidReference        the text is not an image reference
    ├── SourceError             the place that the image comes from failed
    │   ├── RegistryError       HTTP status, code and message of a registry
    │   │   └── AuthenticationFailed
    │   ├── ArchiveError        a saved file or folder cannot be read as an image
    │   └── ForeignLayerAbsent  a layer that is distributed elsewhere could not be had
    ├── DocumentError           a manifest, index or config breaks its specification
    │   ├── NotAnImage          a well-formed artifact that is not a container image
    │   └── NoMatchingPlatform  the index has no image for the requested platform
    ├── BlobError               the bytes of a blob do not match the descriptor
    │   ├── SizeMismatch
    │   └── DigestMismatch
    ├── StreamError             a compressed stream is broken
    ├── TarError                a layer's tar is broken
    ├── LimitExceeded           an image asks for more than ``Limits`` allow
    ├── LayerError              one of the above, with the layer in which it occurred
    ├── PlatformError           one of the above, with the platform of the image
    ├── CatalogError            a file of rules is invalid
    │   └── InvalidGlob
    ├── ViewError               a view asks for something that the image does not have
    ├── IncompleteAnalysis      a comparison needs layers that could not be read
    ├── InvalidCost             cost assumptions are invalid
    ├── BudgetError             budgets or a baseline are invalid
    ├── EngineFailed            an executor cannot be used to read layers
    ├── EntryLost               the cache has lost a layer that was read
    ├── PatchError              an edit of a Dockerfile would change more than its lines
    └── ReportError             a saved analysis cannot be read back
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_MAX_MESSAGE = 2000  # characters: messages repeat texts of others, which may have megabytes


class OcisizeError(Exception):
    """Base of all errors; ``hint`` is a line of advice for the user, or None.

    >>> error = OcisizeError("the image is missing", hint="check the name and the tag")
    >>> str(error), error.hint
    ('the image is missing', 'check the name and the tag')
    >>> len(str(OcisizeError(5000 * "x")))  # long messages are cut in the middle
    2003
    """

    hint: str | None

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        if len(message) > _MAX_MESSAGE:
            message = f"{message[: _MAX_MESSAGE // 2]} … {message[-_MAX_MESSAGE // 2 :]}"
        super().__init__(message)
        self.hint = hint

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the error by its message and attributes, whatever arguments its class takes."""
        return _restore, (type(self), self.args, self.__dict__)


def _restore(kind: type[OcisizeError], arguments: tuple[Any, ...], state: dict[str, Any]) -> OcisizeError:
    error = kind.__new__(kind, *arguments)
    error.__dict__.update(state)
    return error


class InvalidReference(OcisizeError):
    """The text does not follow the reference grammar."""


class SourceError(OcisizeError):
    """The place that the image comes from cannot deliver it."""


class RegistryError(SourceError):
    """A registry refused or failed; ``status`` is the HTTP status, None if there was no answer."""

    def __init__(self, message: str, *, status: int | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.status = status


class AuthenticationFailed(RegistryError):
    """The registry denies access, or stored credentials cannot be read."""


class ArchiveError(SourceError):
    """A file or folder cannot be read as an image; ``items`` are the images to choose from, which end the message.

    >>> error = ArchiveError("the archive contains several images", items=["@0 app:1", "@1 app:2"])
    >>> str(error), error.heading
    ('the archive contains several images: @0 app:1, @1 app:2', 'the archive contains several images')
    """

    def __init__(self, message: str, *, items: Sequence[str] = (), hint: str | None = None) -> None:
        super().__init__(f"{message}: {', '.join(items)}" if items else message, hint=hint)
        self.heading, self.items = message, tuple(items)


class ForeignLayerAbsent(SourceError):
    """A foreign layer, which is distributed elsewhere than its image, could not be had: the analysis goes on without it."""


class DocumentError(OcisizeError):
    """A JSON document breaks its specification; ``problems`` lists each problem with its path in the document."""

    def __init__(self, message: str, *, problems: Sequence[str] = (), hint: str | None = None) -> None:
        super().__init__("; ".join([message, *problems]) if problems else message, hint=hint)
        self.problems = tuple(problems)


class NotAnImage(DocumentError):
    """The manifest is of another artifact than a container image; ``kind`` names the artifact."""

    def __init__(self, message: str, *, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


class NoMatchingPlatform(DocumentError):
    """The index has no image for the requested platform; ``available`` lists the platforms of the index.

    ``notes`` say which other images the index lists, and why they cannot be chosen.

    >>> str(NoMatchingPlatform("linux/arm64", ["linux/amd64"]))
    'no image for platform linux/arm64; available: linux/amd64'
    """

    def __init__(self, wanted: str, available: Sequence[str], notes: Sequence[str] = ()) -> None:
        listed = ", ".join(available) or "none"
        super().__init__(
            "; ".join([f"no image for platform {wanted}", f"available: {listed}", *notes]),
            hint="choose one with --platform os/arch[/variant][:os.version]" if available else None,
        )
        self.wanted = wanted
        self.available = tuple(available)


class BlobError(OcisizeError):
    """The bytes of a blob do not match the descriptor."""


class SizeMismatch(BlobError):
    """The blob has another size than the descriptor; with ``more``, reading stopped at the expected size."""

    def __init__(self, digest: str, *, got: int, expected: int, more: bool = False) -> None:
        have = f"more than {expected}" if more else str(got)
        super().__init__(f"blob {digest} has {have} bytes, its descriptor says {expected}")
        self.digest, self.got, self.expected = digest, got, expected


class DigestMismatch(BlobError):
    """The bytes have another digest; ``what`` names the hashed bytes, e.g. ``blob`` or ``uncompressed layer``."""

    def __init__(self, what: str, *, got: str, expected: str) -> None:
        super().__init__(f"{what} has digest {got}, expected {expected}")
        self.what, self.got, self.expected = what, got, expected


class StreamError(OcisizeError):
    """A compressed stream is broken; ``truncated`` is True if the stream ends too early."""

    def __init__(self, message: str, *, truncated: bool = False, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.truncated = truncated


class TarError(OcisizeError):
    """A tar stream is broken at ``offset``, in uncompressed bytes; ``truncated`` is True if the stream ends too early."""

    def __init__(self, message: str, *, offset: int, truncated: bool = False) -> None:
        super().__init__(f"{message} at byte {offset} of the uncompressed tar")
        self.offset, self.truncated = offset, truncated


class LimitExceeded(OcisizeError):
    """An image asks for more than ``Limits`` allow.

    ``limit`` is the field of ``Limits``; or ``holes`` for those of sparse files, whose limit is fixed; or ``references`` for
    those of ``list_references``. ``allowed`` is its value, and ``got`` the amount at which reading stopped.
    """

    def __init__(self, message: str, *, limit: str, got: int, allowed: int, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.limit, self.got, self.allowed = limit, got, allowed


class LayerError(OcisizeError):
    """An error with the layer in which it occurred; ``index`` counts from 0 at the base.

    >>> str(LayerError(2, "sha256:beef", StreamError("the gzip stream ends early", truncated=True)))
    'layer 2 (sha256:beef): the gzip stream ends early'
    """

    def __init__(self, index: int, digest: str, cause: OcisizeError) -> None:
        super().__init__(f"layer {index} ({digest}): {cause}", hint=cause.hint)
        self.index, self.digest, self.cause = index, digest, cause


class PlatformError(OcisizeError):
    """An error with the platform of the image in which it occurred; all platforms that share the layer."""

    def __init__(self, platforms: Sequence[str], cause: OcisizeError) -> None:
        super().__init__(f"{', '.join(platforms)}: {cause}", hint=cause.hint)
        self.platforms, self.cause = tuple(platforms), cause


class CatalogError(OcisizeError):
    """A file of rules is invalid; ``problems`` lists each problem with its rule and key."""

    def __init__(self, message: str, *, problems: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


class InvalidGlob(CatalogError):
    """A glob over paths is invalid."""

    def __init__(self, glob: str, reason: str) -> None:
        super().__init__(f"the glob {glob!r} {reason}")
        self.glob, self.reason = glob, reason


class ViewError(OcisizeError):
    """A view asks for a layer or a size that the image does not have."""


class IncompleteAnalysis(OcisizeError):
    """A comparison needs all layers of an image, and some could not be read, or its documents list different numbers.

    ``layers`` are the indexes of the layers that could not be read; ``reason`` says why there are none.

    >>> str(IncompleteAnalysis("app.tar", [1, 2]))
    'app.tar: cannot be compared, because some layers could not be read: 1, 2'
    """

    def __init__(self, name: str, layers: Sequence[int], reason: str = "") -> None:
        listed = ", ".join(map(str, layers[:10])) + (" …" if len(layers) > 10 else "")
        super().__init__(
            f"{name}: cannot be compared, because {reason or f'some layers could not be read: {listed}'}",
            hint=None if reason else "analyze the image again without --keep-going",
        )
        self.layers = tuple(layers)


class InvalidCost(OcisizeError):
    """A cost assumption is invalid; ``part`` is its text."""

    def __init__(self, part: str, reason: str) -> None:
        super().__init__(f"{part or 'nothing given'}: {reason}")
        self.part, self.reason = part, reason


class BudgetError(OcisizeError):
    """Budgets or a baseline are invalid; ``problems`` lists each problem with its file and line."""

    def __init__(self, message: str, *, problems: Sequence[str] = (), hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.problems = tuple(problems)


class EngineFailed(OcisizeError):
    """An executor cannot be used: a package is missing, nobody answers, or all workers were lost."""


class EntryLost(OcisizeError):
    """The cache has lost a layer while its files were compared, and the layer could not be read again."""


class PatchError(OcisizeError):
    """An edit of a Dockerfile or .dockerignore file would change more than its lines, or have no effect."""


class ReportError(OcisizeError):
    """A saved analysis is not JSON that this version can read."""


class MissingLibrary(OcisizeError):
    """A library of an extra is not installed; the hint says how to install it."""


class FolderInUse(OcisizeError):
    """A folder for an export has other files, which stay as they are."""
