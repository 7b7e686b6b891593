"""Remarks on the shape of layers: what they prove by themselves, whatever their files are called."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import compress

from ocisize.filesystem.whiteout import WHITEOUT
from ocisize.findings.claim import Claim
from ocisize.findings.evidence import ImageEvidence
from ocisize.history.step_kind import makes_directory
from ocisize.model.findings import Confidence, Severity
from ocisize.model.sizes import paid_layers

MAX_LAYERS = 30  # beyond it clients wait for round trips; overlayfs as Docker uses it stops at 127
_MIN_HEAVY_SHARE = 0.5  # share of the download that makes a layer the one to look at
_MIN_HEAVY_SIZE = 50_000_000  # bytes of download below which no layer is called heavy
_MIN_INCOMPRESSIBLE_RATIO = 0.95  # compressed bytes per content byte
_MIN_INCOMPRESSIBLE_SIZE = 10_000_000  # bytes of download


def find_layer_shape(evidence: ImageEvidence) -> Iterator[Claim]:
    """Remarks on layers as a whole: heavy ones, those that do not compress, empty ones, too many of them."""
    layers = evidence.layers
    download = sum(layer.compressed_size or 0 for layer in compress(layers, paid_layers(layers)))
    for layer, table in zip(layers, evidence.tables, strict=True):
        if layer.failure is not None:
            continue
        size = layer.compressed_size or 0
        if len(layers) > 1 and size >= _MIN_HEAVY_SIZE and size > _MIN_HEAVY_SHARE * download:
            yield _remark(
                "OS120",
                f"layer {layer.index} is {100 * size // download} % of the download",
                f"It is pulled by one connection and unpacked by one core. Look at `{evidence.step(layer.index)}` first; "
                "split what changes with every build from what does not.",
                layer.index,
            )
        if (
            layer.compression != "plain"
            and size >= _MIN_INCOMPRESSIBLE_SIZE
            and size > _MIN_INCOMPRESSIBLE_RATIO * layer.content_size
        ):
            yield _remark(
                "OS121",
                f"layer {layer.index} hardly compresses: its files are compressed already",
                "Keep archives out of the image: unpack them in the step that fetches them. Fetch models and media when the "
                "container starts, where that serves.",
                layer.index,
            )
        empty = not layer.content_size and not layer.hides_size and not table.paths.contain(WHITEOUT)
        if empty and not makes_directory(layer.build_step):  # which cannot be joined into another step
            count = layer.entry_count
            what = f"no content, {count:,} entr{'y' if count == 1 else 'ies'}" if count else "nothing"
            yield _remark(
                "OS122",
                f"layer {layer.index} is all but empty: it stores {what}",
                f"Join `{evidence.step(layer.index)}` into another step: each layer costs a request.",
                layer.index,
            )
    if len(layers) > MAX_LAYERS:
        yield Claim(
            id="OS123",
            title=f"{len(layers)} layers",
            confidence=Confidence.ASK,
            fix="Join steps that change together: clients fetch few layers at once, and Docker's overlay stops at 127.",
            severity=Severity.LOW,
        )


def _remark(number: str, title: str, fix: str, layer: int) -> Claim:
    return Claim(id=number, title=title, confidence=Confidence.ASK, fix=fix, other_layers=(layer,), severity=Severity.LOW)
