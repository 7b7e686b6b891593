"""The documents of a fleet: many images, the manifests and blobs that they share, and what could not be read.

A root is a digest that at least one tag names: two tags of one digest are one root. A blob is stored once in each store.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence

from ocisize.values import frozen


class BlobKind(str, enum.Enum):
    """What a blob is for."""

    INDEX = "index"  #: the manifests of several platforms
    MANIFEST = "manifest"  #: of an image
    CONFIG = "config"  #: of an image
    LAYER = "layer"  #: of an image
    ATTESTATION = "attestation"  #: manifest, config and layers of an attestation
    OTHER = "other"  #: of an artifact that is no image


@frozen
class Blob:
    """A stored blob or manifest."""

    digest: str  #: of the stored bytes
    size: int  #: bytes, as the descriptor says; of a manifest its length
    kind: BlobKind  #: what the blob is for


@frozen
class FleetLayer:
    """A layer of an image of the fleet; it was not read."""

    digest: str  #: of the blob
    size: int  #: bytes of the blob, as the manifest says
    diff_id: str | None  #: of the uncompressed tar; None if the config could not be read, or if it lists another number
    media_type: str  #: as the manifest names it
    build_step: str = ""  #: what the history says, shortened; secrets are redacted
    is_foreign: bool = False  #: True if it is downloaded from elsewhere, as layers of Windows: the store need not have it


@frozen(kw_only=True)
class FleetImage:
    """The image of one platform: a manifest with its config."""

    digest: str  #: of the manifest
    size: int  #: bytes of the manifest
    platform: str  #: ``linux/amd64``; ``unknown`` if nothing names it
    config: Blob  #: the config, whose content is in the other fields
    layers: Sequence[FleetLayer]  #: base first
    created: str = ""  #: RFC 3339, "" if unknown
    base_name: str = ""  #: of the base image, as annotations or labels name it; "" if nothing does


@frozen(kw_only=True)
class Root:
    """A digest that references of one store name: an index with its images, or a single image."""

    store: int  #: index in ``Fleet.stores``
    digest: str  #: of the document
    size: int  #: bytes of the document
    is_index: bool  #: False for the manifest of a single image
    images: Sequence[FleetImage]  #: of the platforms in scope
    others: Sequence[Blob] = ()  #: blobs reached besides: attestations, artifacts
    references: Sequence[str] = ()  #: names that the user can pass to ocisize again, in the order of the input
    repositories: Sequence[str] = ()  #: of the references, one for each: ``registry.io/team/app``, or a folder or file
    labels: Sequence[str] = ()  #: of the references, as the input gave them; without repeats
    nodes: Sequence[str] = ()  #: of a cluster that runs the image
    absent: Sequence[str] = ()  #: platforms that the index names and that the store lacks
    warnings: Sequence[str] = ()  #: about the documents of its images


@frozen(kw_only=True)
class FleetFailure:
    """A reference, or a source of references, that could not be read."""

    reference: str  #: as the input gave it
    message: str  #: the error
    hint: str = ""  #: what to do about it, "" if nothing is known

    @property
    def text(self) -> str:
        """The message behind the reference, unless the message names the reference.

        >>> FleetFailure(reference="app:1", message="the registry answered 404").text
        'app:1: the registry answered 404'
        """
        return self.message if self.reference in self.message else f"{self.reference}: {self.message}"


@frozen(kw_only=True)
class Fleet:
    """The documents of many images; no layer was read."""

    stores: Sequence[str]  #: where a blob is stored once: hosts of registries, folders and archives
    roots: Sequence[Root]  #: in the order of the input
    failures: Sequence[FleetFailure] = ()  #: what could not be read
    platform: str = ""  #: the only platform in scope; "" for all
    warnings: Sequence[str] = ()  #: about listing, registries and platforms

    @property
    def complete(self) -> bool:
        """True if everything that was asked for was read."""
        return not self.failures
