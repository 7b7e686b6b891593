"""LayerResult: what a worker sends back for a layer, which is small unless the entry itself must travel."""

from __future__ import annotations

from ocisize.fleet.engine.summary import LayerSummary
from ocisize.values import frozen


@frozen(kw_only=True)
class LayerProblem:
    """Why a layer could not be read."""

    message: str
    hint: str = ""


@frozen(kw_only=True)
class LayerResult:
    """How one layer was read, or why it was not."""

    digest: str
    size: int  #: bytes of the blob, as the manifest says
    key: str = ""  #: of the entry
    rows: int = 0  #: entries of the tar
    is_verified: bool = False  #: the bytes have the digest, so that the entry is valid for every image
    was_cached: bool = False  #: no byte was read
    fetched: int = 0  #: bytes of the blob that were read, from all places that were asked
    entry: bytes | None = None  #: to be kept by the collector; None if the worker has put it into the cache
    summary: LayerSummary | None = None  #: None if the layer was not read
    problem: LayerProblem | None = None  #: None if the layer was read
