"""Remarks on layers as a whole: their sizes, their compression, their number."""

from __future__ import annotations

from collections.abc import Iterator

from ocisize.filesystem.whiteout import whiteout_rows
from ocisize.findings.claim import Claim
from ocisize.findings.evidence import ImageEvidence
from ocisize.findings.explanations import Check, explain
from ocisize.history.step_effects import makes_directory
from ocisize.model.findings import Severity

MAX_LAYERS = 30  # above it, clients wait for round trips; Docker's overlay storage allows at most 127
_MIN_HEAVY_SHARE = 0.5  # share of the content of the image above which a layer is heavy
_MIN_HEAVY_SIZE = 100_000_000  # bytes of content below which no layer is heavy
_MIN_INCOMPRESSIBLE_RATIO = 0.95  # compressed bytes per content byte
_MIN_INCOMPRESSIBLE_SIZE = 10_000_000  # bytes of download


def find_layer_shape(evidence: ImageEvidence) -> Iterator[Claim]:
    """Remarks on heavy, incompressible and empty layers, and on too many layers."""
    layers = evidence.layers
    content_size = sum(layer.content_size for layer in layers)
    for layer, table in zip(layers, evidence.tables, strict=True):
        if layer.failure is not None:
            continue
        size = layer.expected_compressed_size or 0
        if (
            len(layers) > 1
            and layer.content_size >= _MIN_HEAVY_SIZE
            and layer.content_size > _MIN_HEAVY_SHARE * content_size
        ):
            yield _remark(
                Check.HEAVY_LAYER,
                f"One connection downloads it, and one core unpacks it. Reduce `{evidence.step(layer.index)}` first. Move "
                "what changes with every build to a separate layer.",
                layer.index,
                percent=100 * layer.content_size // content_size,
            )
        if (
            (layer.compression != "plain" or layer.compressed_size is None)
            and size >= _MIN_INCOMPRESSIBLE_SIZE
            and size > _MIN_INCOMPRESSIBLE_RATIO * layer.content_size
        ):
            yield _remark(
                Check.INCOMPRESSIBLE_LAYER,
                "Unpack archives in the step that downloads them. If possible, download models and media when the container "
                "starts.",
                layer.index,
            )
        empty = not layer.content_size and not layer.hides_size and next(whiteout_rows(table), None) is None
        if empty and not makes_directory(layer.build_step):  # which cannot be joined into another step
            count = layer.entry_count
            content = f"no content, {count:,} entr{'y' if count == 1 else 'ies'}" if count else "nothing"
            yield _remark(
                Check.EMPTY_LAYER,
                f"Join `{evidence.step(layer.index)}` with another step: each layer costs a request.",
                layer.index,
                content=content,
            )
    if len(layers) > MAX_LAYERS:
        rule = explain(Check.MANY_LAYERS)
        yield Claim(
            rule=rule,
            title=rule.title_of(count=len(layers)),
            fix="Join steps that change together. Clients download a few layers at a time, and Docker's overlay storage "
            "allows at most 127.",
            severity=Severity.LOW,
        )


def _remark(check: Check, fix: str, layer: int, **values: object) -> Claim:
    rule = explain(check)
    title = rule.title_of(layer=layer, **values)
    return Claim(rule=rule, title=title, fix=fix, other_layers=(layer,), severity=Severity.LOW)
