"""The base image that the user named: what its manifest and config say, and the error where they cannot be read."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from ocisize.errors import InvalidReference, OcisizeError, SourceError
from ocisize.model.base import GivenBase
from ocisize.oci.documents import Platform
from ocisize.oci.image import read_image
from ocisize.oci.source import ImageSource

_SELECT = "name the image behind the path: docker-archive:FILE:NAME, oci-archive:FILE:NAME or oci-dir:FOLDER:NAME"


def read_given(open_source: Callable[[str], ImageSource], name: str, platform: Platform) -> tuple[GivenBase, list[str]]:
    """Return the image that the user gave as the base image, with warnings about its source; its layers are not read.

    ``open_source`` opens ``name``, the image as the user named it; ``platform`` is that of the image above. Raises
    SourceError.
    """
    try:
        with closing(open_source(name)) as source:
            return _read(source, name, platform)
    except OcisizeError as error:
        raise explain_error(error, name) from error


def _read(source: ImageSource, name: str, platform: Platform) -> tuple[GivenBase, list[str]]:
    base = read_image(source, platform if platform.os and platform.architecture else None)
    in_layout = source.format.startswith("oci-")  # layouts name images by their tags alone
    given = GivenBase(
        name=name if in_layout or source.reference is None else source.reference,
        digest=base.digest if source.has_manifest else None,
        diff_ids=tuple(layer.diff_id for layer in base.layers),
    )
    return given, [f"the base image: {note}" for note in source.warnings]


def explain_error(error: OcisizeError, name: str) -> SourceError:
    """Return the error of a base image that cannot be read; ``name`` is the image as the user named it.

    >>> explain_error(OcisizeError("no such image", hint="choose one with --select NAME"), "base.tar").hint.split(":")[0]
    'name the image behind the path'
    """
    # A name that is not a reference may hold a password, so it is not repeated.
    which = "" if name in str(error) or isinstance(error, InvalidReference) else f" {name}"
    hint = _SELECT if "--select" in (error.hint or "") else error.hint  # --select is for the analyzed image
    return SourceError(f"the base image{which}: {error}", hint=hint)
