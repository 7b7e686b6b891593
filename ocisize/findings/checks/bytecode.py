"""Findings on bytecode that pip compiles although a variable of the image forbids it: pip does not read the variable."""

from __future__ import annotations

from collections.abc import Iterator

from ocisize.findings.claim import FILES, Claim, Tier
from ocisize.findings.evidence import ImageEvidence
from ocisize.findings.explanations import Check, explain
from ocisize.history.install_options import compiles_with_pip, without_compiling
from ocisize.history.shell import Change, edit_each

_VARIABLE = "PYTHONDONTWRITEBYTECODE"
_PLACES = (b"/site-packages/", b"/dist-packages/")  # of packages that pip installs
_OF_PIP = b".pyc\0"


def find_bytecode(evidence: ImageEvidence) -> Iterator[Claim]:
    """A claim for each RUN that installs packages with pip and leaves their bytecode, if a variable forbids bytecode."""
    values = [text.partition("=")[2] for text in evidence.config.run.env if text.startswith(f"{_VARIABLE}=")]
    if not any(values) or any("compileall" in layer.build_step.text for layer in evidence.layers):
        return
    for layer, table in enumerate(evidence.tables):
        if not compiles_with_pip(evidence.layers[layer].build_step):
            continue
        rows = [
            row
            for row, path in table.paths.select_with(_OF_PIP)
            if b"/__pycache__/" in path and any(place in path for place in _PLACES)
        ]
        if rows:
            in_base = layer < evidence.base_layers
            rule = explain(Check.PIP_BYTECODE)
            yield Claim(
                rule=rule,
                title=rule.title_of(layer=layer, files=FILES),
                fix=(
                    f"`{evidence.step(layer)}` in the base image leaves it."
                    if in_base
                    else f"Use `pip install --no-compile` in `{evidence.step(layer)}`."
                ),
                change=None if in_base else Change(layer, edit_each(without_compiling)),
                note="" if in_base else "Without bytecode, programs start more slowly.",
                tier=Tier.HISTORY,
                rows={layer: rows},
            )
