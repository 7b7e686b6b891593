"""The base image of an image: the one that the user names, else the one that the image's own documents show."""

from __future__ import annotations

import os
from collections.abc import Callable

from ocisize.history.base_image import find_base, match_given
from ocisize.model.base import SCRATCH, BaseImage
from ocisize.oci.image import Image
from ocisize.oci.source import ImageSource
from ocisize.sources.given_base import read_given
from ocisize.sources.schemes import trim_input
from ocisize.values import evolve


def choose_base(
    image: Image, named: str | os.PathLike[str] | None, open_image: Callable[[str], ImageSource]
) -> tuple[Image, BaseImage | None]:
    """The image, with a warning if it is not built on the image that ``named`` names; and its base image.

    ``named`` is the option ``base`` of the Analyzer, and ``open_image`` opens the image that it names.
    """
    name = None if named is None else trim_input(os.fspath(named))
    if name == SCRATCH:
        return image, None
    guessed = find_base(image.config, image.annotations, len(image.layers))
    if name is None:
        return image, guessed
    given, notes = read_given(open_image, name, image.platform)
    found, warning = match_given(given, [layer.diff_id for layer in image.layers])
    return evolve(image, warnings=(*image.warnings, *notes, *filter(None, [warning]))), found or guessed
