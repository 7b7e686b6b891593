"""The base image: how it was found, and the figures on either side of it."""

from __future__ import annotations

import enum

from ocisize.model.sizes import Sizes
from ocisize.values import frozen

SCRATCH = "scratch"  #: the name for no base image, as in ``FROM scratch``: no image can have it


@frozen
class BaseSplit:
    """The base image, with the figures of its layers and of the layers on top; the two add up to those of the image.

    A blob that both have counts as a download of the base. If only the name of the base is known, the figures are None.
    """

    found: BaseImage  #: the base image
    base: Sizes | None = None  #: of the layers of the base image
    own: Sizes | None = None  #: of the layers that were built on the base


class BaseMethod(str, enum.Enum):
    """How the base image was found."""

    GIVEN = "given"  #: the user named it, and its layers are the first of the image
    RUN_IMAGE = "run-image"  #: a label of buildpacks names its uppermost layer
    PROVENANCE = "provenance"  #: the provenance attestation of BuildKit names it
    FROM = "from"  #: buildah noted FROM at the first build step after it
    BUILDER = "builder"  #: the builder marks its build steps, or writes none; lower steps are of another builder
    CREATED = "created"  #: a pause between the times of two build steps
    COMMAND = "command"  #: a CMD or ENTRYPOINT below the build step of the uppermost layer
    STYLE = "style"  #: build steps of another builder below those of BuildKit
    ROOTFS = "rootfs"  #: the first layer is the root filesystem of a distribution
    NAMED = "named"  #: annotations name it; its layers are unknown

    def __str__(self) -> str:
        return self.value


class BaseCertainty(str, enum.Enum):
    """How certain it is which layers are those of the base image."""

    SURE = "sure"  #: digests, the builder's own notes, its attestation or a Dockerfile say so
    LIKELY = "likely"  #: several signs agree
    GUESS = "guess"  #: one sign

    def __str__(self) -> str:
        return self.value


@frozen
class BaseImage:
    """The image that an image was built on."""

    layers: int  #: number of its layers, the lowest of the image; 0 if only its name is known
    name: str | None  #: its reference
    digest: str | None  #: of its manifest
    method: BaseMethod  #: how it was found
    certainty: BaseCertainty  #: how certain its layers are

    @property
    def certain_layers(self) -> int:
        """The number of layers that advice takes for the base's: 0 if the base is only a guess.

        A root filesystem is always part of the base, whatever is between it and the own layers.
        """
        return self.layers if self.certainty is not BaseCertainty.GUESS or self.method is BaseMethod.ROOTFS else 0


@frozen
class GivenBase:
    """An image that the user names as the base, with what its manifest and config say."""

    name: str
    digest: str | None
    diff_ids: tuple[str | None, ...]
