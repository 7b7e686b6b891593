"""The layers of an image on a screen: a line for each if they fit, else the largest in a few lines, with the base as one."""

from __future__ import annotations

from collections.abc import Sequence

from ocisize.model.analysis import LayerAnalysis
from ocisize.model.build_step import BuildStep
from ocisize.report.text.alerts import LABEL_WIDTH
from ocisize.report.text.lines import Line
from ocisize.report.words.flow import join_parts
from ocisize.report.words.steps import name_line_of, name_step, show_step
from ocisize.report.words.units import cut, human_size, shorten_steps
from ocisize.text import plural, printable
from ocisize.values import frozen

MIN_LINES = 2  #: that the layers take, whatever else needs lines
_MAX_FLOW_LINES = 3  # of the largest layers
_MIN_PART_CHARACTERS = 6  # of a layer in a flow, with its separator
_MIN_SHARE = 0.002  # of the image; smaller layers are only counted where not all layers fit


@frozen
class ListedLayer:
    """A layer, as far as a list shows it."""

    index: int
    size: int  #: bytes
    step: BuildStep
    digest: str
    note: str = ""  #: shown before the build step, in a column

    @classmethod
    def of(cls, layer: LayerAnalysis, size: int) -> ListedLayer:
        """A layer that was analyzed, with the size to show; its note is where its build step is written."""
        return cls(layer.index, size, layer.build_step, layer.digest, name_line_of(layer))


@frozen(kw_only=True)
class LayerList:
    """All layers of an image, the first ``base`` of which are those of its base image."""

    layers: Sequence[ListedLayer]
    base: int = 0
    base_name: str | None = None
    mark: str = ""  #: before each size, such as "≈ "

    @property
    def row_count(self) -> int:
        """The lines that a row for each layer takes."""
        return len(self.layers) - max(self.base - 1, 0)

    def lines(self, width: int, room: int) -> list[Line]:
        """The layers in ``room`` lines, or in a few lines if there are more; [] without layers."""
        layers, base = self.layers, self.base
        if not layers:
            return []
        if self.row_count <= room:
            lines = self._rows(base if base > 1 else 0, width - LABEL_WIDTH)
        else:
            most = max(MIN_LINES, min(room, _MAX_FLOW_LINES))
            highest = min(len(layers) - base, most * width // _MIN_PART_CHARACTERS)
            flows = (self._flow(count, width - LABEL_WIDTH) for count in range(highest, -1, -1))
            lines = [Line(line) for line in next((flow for flow in flows if len(flow) <= most), [])]
        return [
            Line((f"{'Layers' if not number else '':{LABEL_WIDTH}}", "bold"), *line.spans)
            for number, line in enumerate(lines)
        ]

    def _describe(self, layers: Sequence[ListedLayer]) -> str:
        """The bytes of some layers with a unit."""
        return f"{self.mark}{human_size(sum(layer.size for layer in layers))}"

    def _rows(self, base: int, width: int) -> list[Line]:
        """A line for each layer, one for the ``base`` lowest together."""
        own = self.layers[base:]
        rows = [(str(layer.index), self._describe([layer]), layer.note) for layer in own]
        if base:
            rows.insert(0, (f"0-{base - 1}", self._describe(self.layers[:base]), ""))
        number_width, size_width, note_width = (max(map(len, column)) for column in zip(*rows, strict=True))
        note_width += 2 * bool(note_width)
        step_width = width - number_width - size_width - note_width - 4
        steps = shorten_steps([printable(show_step(layer.step) or f"({layer.digest[:19]})") for layer in own], step_width)
        if base:
            named = f"base image {printable(self.base_name)}" if self.base_name else f"base image: {base:,} layers"
            steps.insert(0, cut(named, step_width))
        return [
            Line((f"{number:>{number_width}}  ", "dim"), f"{size:>{size_width}}  ", (f"{note:{note_width}}", "dim"), step)
            for (number, size, note), step in zip(rows, steps, strict=True)
        ]

    def _flow(self, count: int, width: int) -> list[str]:
        """The base image, the ``count`` largest other layers in their order, and the sum of the rest."""
        own = self.layers[self.base :]
        least = _MIN_SHARE * sum(layer.size for layer in self.layers)
        largest = sorted(own, key=lambda layer: -layer.size)[:count]
        shown = sorted((layer for layer in largest if layer.size >= least), key=lambda layer: layer.index)
        parts = [f"{self._describe(self.layers[: self.base])} base"] if self.base else []
        names = [printable(name_step(layer.step)) or f"layer {layer.index}" for layer in shown]
        parts += [f"{self._describe([layer])} {name}" for layer, name in zip(shown, names, strict=True)]
        indexes = {layer.index for layer in shown}
        if rest := [layer for layer in own if layer.index not in indexes]:
            parts.append(f"{len(rest):,} more {plural(len(rest), 'layer')}, {self._describe(rest)}")
        return join_parts(parts, width)
