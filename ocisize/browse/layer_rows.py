"""The rows of the layer pane: the figures of each layer as the reports show them."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from ocisize.report.words.download import human_download
from ocisize.report.words.steps import name_lines_of, name_step, show_step
from ocisize.report.words.units import UNKNOWN, human_size
from ocisize.text import printable
from ocisize.values import frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocisize.dockerfile.parse import Instruction
    from ocisize.model.analysis import Analysis, LayerAnalysis

NO_WASTE = "-"
_UNCERTAIN = "? "  # before a build step that may belong to another layer


@frozen(kw_only=True)
class LayerRow:
    """A layer, or the image as the first row; all texts are printable."""

    layer: int | None  #: index; None: the image
    download: str
    unpacked: str
    waste: str
    lines: str  #: in the Dockerfile, as the provenance names them; "" if nothing does
    step: str  #: the build step, or why the layer was not read
    name: str  #: the build step in a few words
    is_base: bool = False  #: whether the layer is of the base image


def list_layers(analysis: Analysis, lines: Sequence[Instruction | None] = ()) -> list[LayerRow]:
    """The image, then its layers, base first.

    ``lines``: by layer, the instruction of a Dockerfile that wrote it; where there is none, the provenance names the lines.

    >>> import ocisize
    >>> rows = list_layers(ocisize.analyze("testdata/example.tar"))
    >>> rows[0].unpacked, rows[4].layer, rows[4].step
    ('2.93 MB', 3, 'RUN rm -f /var/cache/apt/archives/*.deb')
    """
    whole = LayerRow(
        layer=None,
        download=human_download(analysis),
        unpacked=human_size(analysis.content_size),
        waste=_show_waste(analysis.wasted_size),
        lines="",
        step="Image",
        name="Image",
    )
    base = analysis.base.found.layers if analysis.base is not None else 0
    return [
        whole,
        *(
            _show_layer(layer, instruction, is_base=layer.index < base)
            for layer, instruction in zip_longest(analysis.layers, lines[: len(analysis.layers)])
        ),
    ]


def _show_layer(layer: LayerAnalysis, instruction: Instruction | None, *, is_base: bool) -> LayerRow:
    is_read = layer.failure is None
    prefix = "" if layer.build_step_certain or not layer.build_step.shown else _UNCERTAIN
    step = prefix + (printable(show_step(layer.build_step)) or f"({layer.digest[:19]})")
    return LayerRow(
        layer=layer.index,
        download=human_download(layer),
        unpacked=human_size(layer.content_size) if is_read else UNKNOWN,
        waste=_show_waste(layer.wasted_size) if is_read else UNKNOWN,
        lines=name_lines_of(layer) if instruction is None else _show_lines(instruction),
        step=step if layer.failure is None else f"not read: {printable(layer.failure.error)}",
        name=printable(name_step(layer.build_step)) or f"({layer.digest[:19]})",
        is_base=is_base,
    )


def _show_lines(instruction: Instruction) -> str:
    """The lines of an instruction in the Dockerfile that the user named: ``:4-6``."""
    return f":{instruction.first}{f'-{instruction.last}' if instruction.last > instruction.first else ''}"


def _show_waste(size: int) -> str:
    return human_size(size) if size else NO_WASTE
