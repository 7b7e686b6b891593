"""trace_image: the base image of an image, and what its attestations say about the build.

The base image is the one that the user names, else that of the provenance, else the one that the image's documents show.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from ocisize.history.base_image import find_base, match_given
from ocisize.model.base import SCRATCH, BaseImage
from ocisize.oci.attestations import find_attestation
from ocisize.oci.image import Image
from ocisize.oci.source import ImageSource
from ocisize.sources.given_base import read_given
from ocisize.sources.schemes import trim_input
from ocisize.tuples import NamedTuple
from ocisize.values import evolve

if TYPE_CHECKING:
    from ocisize.provenance.record import BuildRecord


class TracedImage(NamedTuple):
    """An image, and where it comes from."""

    image: Image
    base: BaseImage | None  #: None where none was found
    record: BuildRecord | None  #: of the attestations; None where there is none


def trace_image(
    source: ImageSource,
    image: Image,
    named: str | os.PathLike[str] | None,
    open_image: Callable[[str], ImageSource],
    *,
    use_attestations: bool,
) -> TracedImage:
    """The image of a source, with its base image and its attestations, and with warnings about both.

    ``named`` is the option ``base`` of the Analyzer, and ``open_image`` opens the image that it names. The modules for
    attestations are imported for images that have some.
    """
    attestation = find_attestation(source, image) if use_attestations else None
    record = None
    if attestation is not None or (use_attestations and image.config.build_info):
        from ocisize.provenance.record import read_record

        record = read_record(source, image, attestation)
        image = evolve(image, warnings=(*image.warnings, *record.warnings))
    based, base = _choose_base(image, named, open_image, record)
    return TracedImage(based, base, record)


def _choose_base(
    image: Image,
    named: str | os.PathLike[str] | None,
    open_image: Callable[[str], ImageSource],
    record: BuildRecord | None,
) -> tuple[Image, BaseImage | None]:
    """The image, with a warning if it is not built on the image that ``named`` names; and its base image."""
    name = None if named is None else trim_input(os.fspath(named))
    if name == SCRATCH:
        return image, None
    guessed = _guess_base(image, record)
    if name is None:
        return image, guessed
    given, notes = read_given(open_image, name, image.platform)
    found, warning = match_given(given, [layer.diff_id for layer in image.layers])
    return evolve(image, warnings=(*image.warnings, *notes, *filter(None, [warning]))), found or guessed


def _guess_base(image: Image, record: BuildRecord | None) -> BaseImage | None:
    """The base image that the attestations name, else the one that the other documents show.

    Attestations without build steps name an image, and the history shows which layers may be its.
    """
    found = find_base(image.config, image.annotations, len(image.layers))
    if record is None:
        return found
    if record.from_scratch:
        return None
    recorded = record.base
    if recorded is None or recorded.layers:
        return recorded or found
    if found is None or not found.layers:
        return found or recorded
    return evolve(found, name=recorded.name, digest=recorded.digest) if found.name is None else found
