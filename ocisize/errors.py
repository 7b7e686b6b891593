"""Every error ocisize raises.

::

    OcisizeError
    ├── InvalidReference        the text is not an image reference
    ├── SourceError             where the bytes come from failed
    │   ├── RegistryError       HTTP status, code and message of a registry
    │   │   └── AuthenticationFailed
    │   └── ArchiveError        a saved file or folder cannot be read as an image
    ├── DocumentError           a manifest, index or config is not what it must be
    │   ├── NotAnImage          a well-formed artifact that is not a container image
    │   └── NoMatchingPlatform  the index has no image for the platform asked for
    ├── BlobError               bytes are not what their descriptor promises
    │   ├── SizeMismatch
    │   └── DigestMismatch
    ├── StreamError             a compressed stream is broken
    ├── TarError                a layer's tar is broken
    ├── LimitExceeded           an image asks for more than it is allowed
    ├── LayerError              one of the above, with the layer it happened in
    ├── PlatformError           one of the above, with the platform whose image it is about
    ├── CatalogError            a file of rules cannot be used
    │   └── InvalidGlob
    ├── ViewError               a view asks for what the image does not have
    ├── IncompleteAnalysis      a comparison of an image of which not all layers could be read
    ├── InvalidCost             assumptions on cost that cannot be understood
    ├── BudgetError             budgets or a baseline cannot be used
    └── ReportError             a saved analysis cannot be read back
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_MAX_MESSAGE = 2000  # characters: messages repeat what others wrote, who may have written megabytes


class OcisizeError(Exception):
    """Base of all errors; ``hint`` is a line of advice for the person at the keyboard, or None."""

    hint: str | None

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        if len(message) > _MAX_MESSAGE:
            message = f"{message[: _MAX_MESSAGE // 2]} … {message[-_MAX_MESSAGE // 2 :]}"
        super().__init__(message)
        self.hint = hint

    def __reduce__(self) -> tuple[Any, ...]:
        """For other processes: the error as it is, whatever its class is made from."""
        return _restore, (type(self), self.args, self.__dict__)


def _restore(kind: type[OcisizeError], arguments: tuple[Any, ...], state: dict[str, Any]) -> OcisizeError:
    error = kind.__new__(kind, *arguments)
    error.__dict__.update(state)
    return error


class InvalidReference(OcisizeError):
    """The text does not follow the reference grammar."""


class SourceError(OcisizeError):
    """The place the image should come from cannot deliver it."""


class RegistryError(SourceError):
    """A registry refused or failed; ``status`` is the HTTP status, None when there was no answer."""

    def __init__(self, message: str, *, status: int | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.status = status


class AuthenticationFailed(RegistryError):
    """The registry wants other credentials than the ones it got."""


class ArchiveError(SourceError):
    """A file or folder cannot be read as an image."""


class DocumentError(OcisizeError):
    """A JSON document breaks its specification; ``problems`` lists every finding with its path."""

    def __init__(self, message: str, *, problems: Sequence[str] = (), hint: str | None = None) -> None:
        super().__init__("; ".join([message, *problems]) if problems else message, hint=hint)
        self.problems = tuple(problems)


class NotAnImage(DocumentError):
    """The manifest describes something else than a container image; ``kind`` names it."""

    def __init__(self, message: str, *, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


class NoMatchingPlatform(DocumentError):
    """No image for the platform asked for; ``available`` lists what the index has."""

    def __init__(self, wanted: str, available: Sequence[str]) -> None:
        listed = ", ".join(available) or "none"
        super().__init__(
            f"no image for platform {wanted}; available: {listed}",
            hint="choose one with --platform os/arch[/variant]" if available else None,
        )
        self.wanted = wanted
        self.available = tuple(available)


class BlobError(OcisizeError):
    """Bytes differ from what their descriptor promises."""


class SizeMismatch(BlobError):
    """The blob has another length than its descriptor says."""

    def __init__(self, digest: str, *, got: int, expected: int, more: bool = False) -> None:
        have = f"more than {expected}" if more else str(got)
        super().__init__(f"blob {digest} has {have} bytes, its descriptor says {expected}")
        self.digest, self.got, self.expected = digest, got, expected


class DigestMismatch(BlobError):
    """The bytes hash to another digest; ``what`` is what was hashed, e.g. ``blob`` or ``uncompressed layer``."""

    def __init__(self, what: str, *, got: str, expected: str) -> None:
        super().__init__(f"{what} has digest {got}, expected {expected}")
        self.what, self.got, self.expected = what, got, expected


class StreamError(OcisizeError):
    """A compressed stream is broken, or ``truncated``: it ends too early."""

    def __init__(self, message: str, *, truncated: bool = False, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.truncated = truncated


class TarError(OcisizeError):
    """A tar stream is broken, or ``truncated``: it ends too early; ``offset`` is the position in uncompressed bytes."""

    def __init__(self, message: str, *, offset: int, truncated: bool = False) -> None:
        super().__init__(f"{message} at byte {offset} of the uncompressed tar")
        self.offset, self.truncated = offset, truncated


class LimitExceeded(OcisizeError):
    """An image asks for more than Limits allow it; ``limit`` is the field, ``got`` how much it was when reading stopped."""

    def __init__(self, message: str, *, limit: str, got: int, allowed: int, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.limit, self.got, self.allowed = limit, got, allowed


class LayerError(OcisizeError):
    """An error with the layer it happened in: ``index`` counts from 0 at the base."""

    def __init__(self, index: int, digest: str, cause: OcisizeError) -> None:
        super().__init__(f"layer {index} ({digest}): {cause}", hint=cause.hint)
        self.index, self.digest, self.cause = index, digest, cause


class PlatformError(OcisizeError):
    """An error with the image of an index that it happened in; several platforms where they share the layer."""

    def __init__(self, platforms: Sequence[str], cause: OcisizeError) -> None:
        super().__init__(f"{', '.join(platforms)}: {cause}", hint=cause.hint)
        self.platforms, self.cause = tuple(platforms), cause


class CatalogError(OcisizeError):
    """A file of rules breaks its form; ``problems`` lists every finding with its rule and key."""

    def __init__(self, message: str, *, problems: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


class InvalidGlob(CatalogError):
    """A pattern for paths cannot be understood."""

    def __init__(self, glob: str, reason: str) -> None:
        super().__init__(f"the glob {glob!r} {reason}")
        self.glob, self.reason = glob, reason


class ViewError(OcisizeError):
    """A view asks for a layer or a figure that the image does not have."""


class IncompleteAnalysis(OcisizeError):
    """A comparison would take layers that could not be read for empty ones; ``layers`` are their indexes."""

    def __init__(self, name: str, layers: Sequence[int]) -> None:
        listed = ", ".join(map(str, layers[:10])) + (" …" if len(layers) > 10 else "")
        super().__init__(
            f"{name}: cannot be compared, because some layers could not be read: {listed}",
            hint="analyse it again without --keep-going",
        )
        self.layers = tuple(layers)


class InvalidCost(OcisizeError):
    """One part of the assumptions on cost cannot be understood; ``part`` is what was given."""

    def __init__(self, part: str, reason: str) -> None:
        super().__init__(f"{part or 'nothing given'}: {reason}")
        self.part, self.reason = part, reason


class BudgetError(OcisizeError):
    """Budgets or a baseline break their form; ``problems`` lists every finding with its place."""

    def __init__(self, message: str, *, problems: Sequence[str] = (), hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.problems = tuple(problems)


class ReportError(OcisizeError):
    """A saved analysis is not JSON that this version can read."""
