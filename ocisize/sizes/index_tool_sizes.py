"""What registries show for an index, from the figures of its images.

Sources: ``Artifact.Size`` of https://github.com/goharbor/harbor adds up the manifests below an index, Amazon's
``DescribeImages`` has the largest, and Quay has no size for manifest lists.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ocisize.model.sizes import paid_layers, sum_known
from ocisize.model.tool_sizes import SizeStyle, ToolSize
from ocisize.sizes.tool_sizes import tool_sizes

if TYPE_CHECKING:
    from ocisize.model.analysis import Analysis
    from ocisize.model.outline import IndexOutline, Outline
    from ocisize.model.platforms import IndexAnalysis

_HARBOR, _ECR = "Harbor", "Amazon ECR"
_ATTESTATIONS = "attestations count, and were not read"
_UNREAD = "images that were not read count"


def index_tool_sizes(index: IndexAnalysis | IndexOutline) -> tuple[ToolSize, ...]:
    """Return what registries show for an index; () for a single image.

    Figures are estimates if the index has attestations or images that were not read.

    >>> import ocisize
    >>> index_tool_sizes(ocisize.Analyzer().analyze_all("testdata/example.tar"))
    ()
    """
    if index.digest is None:
        return ()
    images: Sequence[Analysis | Outline] = list(_list_images(index))
    of_tools = [{row.tool: row for row in tool_sizes(image)} for image in images]
    inexact = [_ATTESTATIONS] * bool(index.attestations) + [_UNREAD] * bool(index.unread or index.absent)
    guess = "the compressed sizes are estimates"
    estimated = [guess] * any(guess in rows[_HARBOR].doubt for rows in of_tools)
    doubt = "; ".join([*inexact, *estimated])
    largest = [rows[_ECR].size for rows in of_tools]
    return (
        ToolSize(
            tool="Registry (distribution)", figure="blobs of the index on disk", size=_stored_size(index.index_size, images),
            formula="index + distinct configs, manifests and layers", doubt=doubt,
        ),
        ToolSize(
            tool=_HARBOR, figure="size of the index", style=SizeStyle.HARBOR, doubt=doubt,
            size=sum_known([index.index_size, *(rows[_HARBOR].size for rows in of_tools)]),
            formula="index + the sizes of its artifacts",
        ),
        ToolSize(
            tool=_ECR, figure="imageSizeInBytes of the index", formula="the largest of its images",
            size=None if None in largest else max((size or 0 for size in largest), default=0),
            doubt="; ".join(["the config may count", *[_UNREAD] * (_UNREAD in inexact), *estimated]),
        ),
        ToolSize(tool="Quay", figure="size of the tag", size=0, formula="0 for an index"),
    )  # fmt: skip


def _list_images(index: IndexAnalysis | IndexOutline) -> Sequence[Analysis | Outline]:
    from ocisize.model.outline import IndexOutline

    return list(index.outlines.values()) if isinstance(index, IndexOutline) else list(index.analyses.values())


def _stored_size(index_size: int | None, images: Sequence[Analysis | Outline]) -> int | None:
    """Bytes of the index and of all blobs below it, each once."""
    documents = {image.digest: image.manifest_size for image in images}
    configs = {image.config_digest: image.config_size for image in images}
    layers = [layer for image in images for layer in image.layers]
    blobs = [layer.compressed_size for layer, pays in zip(layers, paid_layers(layers), strict=True) if pays]
    return sum_known([index_size, *documents.values(), *configs.values(), *blobs])
