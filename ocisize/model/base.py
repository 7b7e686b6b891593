"""The base image: how it was found, and the figures on either side of it."""

from __future__ import annotations

import enum

import attrs

from ocisize.model.findings import Confidence
from ocisize.model.sizes import Sizes


@attrs.frozen
class BaseSplit:
    """The base image, and what is its and what was built on it; the two add up to the image's figures.

    A blob that both have is downloaded for the base. The figures are None where only the base's name is known.
    """

    found: Base
    base: Sizes | None = None
    own: Sizes | None = None


class Method(str, enum.Enum):
    """How the base image was found."""

    GIVEN = "given"  #: its layers, as it was named, are the first of the image
    RUN_IMAGE = "run-image"  #: buildpacks' label names its uppermost layer
    FROM = "from"  #: buildah noted FROM at the first step after it
    BUILDER = "builder"  #: the builder signs its steps, or writes none; those below are another's
    CREATED = "created"  #: a pause between two steps
    COMMAND = "command"  #: a CMD or ENTRYPOINT below the uppermost layer's step
    STYLE = "style"  #: steps of another builder change into BuildKit's
    ROOTFS = "rootfs"  #: the first layer is a distribution's root filesystem
    NAMED = "named"  #: annotations name it; which layers are its is unknown

    def __str__(self) -> str:
        return self.value


@attrs.frozen
class Base:
    """The image that an image was built on."""

    layers: int  #: how many layers from the bottom are its; 0 where only its name is known
    name: str | None  #: its reference
    digest: str | None  #: of its manifest
    method: Method
    confidence: Confidence

    @property
    def certain_layers(self) -> int:
        """How many layers are the base's for all that advice needs to know: none by a mere guess.

        A root filesystem is part of the base, whatever lies between it and the own layers.
        """
        return self.layers if self.confidence is not Confidence.ASK or self.method is Method.ROOTFS else 0


@attrs.frozen
class GivenBase:
    """An image that is said to be the base, as far as its manifest and config tell."""

    name: str
    digest: str | None
    diff_ids: tuple[str | None, ...]
