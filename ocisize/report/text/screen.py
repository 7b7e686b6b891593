"""The text report on one screen: size, alerts, the first fixes with what they save, the layers, the next commands."""

from __future__ import annotations

import itertools
import shlex
import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TextIO

from ocisize.model.analysis import Analysis, LayerAnalysis
from ocisize.model.findings import Confidence
from ocisize.report.text.alerts import LABEL_WIDTH, list_head, list_secret_lines, list_violations
from ocisize.report.text.lines import MAX_WIDTH, Line, has_color, page_width, write_lines
from ocisize.report.words.advice import is_secret
from ocisize.report.words.download import ABOUT
from ocisize.report.words.fixes import Fix, is_all_in_base, list_fixes, list_uncovered, summarize_fixes, summarize_guess
from ocisize.report.words.flow import join_parts
from ocisize.report.words.steps import name_step, show_step
from ocisize.report.words.units import cut, cut_words, human_size, shorten_steps
from ocisize.text import count_of, plural, printable
from ocisize.values import evolve

if TYPE_CHECKING:
    from ocisize.model.budget import Verdict
    from ocisize.sizes.cost import CostAssumptions

MAX_LINES = 24
_MAX_UNREAD = 2  # layers that are listed
_MIN_FIXES = 3  # that are listed, whatever else needs lines
_MAX_FLOW_LINES = 3  # of the largest layers
_MIN_LAYER_LINES = 2
_MIN_PART_CHARACTERS = 6  # of a layer in a flow, with its separator
_MIN_PLACE = 17  # characters of the place of a fix, unless all are shorter
_UNPACKED = "unpacked"  # the heading of a column
_ORDERED = " (largest unpacked)"  # after a title above savings that are not in their order
_MIN_TITLE = 50  # characters of a title that is cut for the unpacked size
_MAX_GROWTH = 1.02  # of savings that count as equal
_MIN_ORDERED = 48  # characters for title and place, which leave room for that
_MIN_SHARE = 0.002  # of the image; smaller layers are only counted where not all layers fit
_STYLES = {Confidence.SAFE: "green", Confidence.PROBABLY: "yellow", Confidence.ASK: "magenta"}
#: the commands that have the name of an image as their own: ``analyze`` must be written before these
_COMMANDS = frozenset({"analyze", "advise", "files", "tree", "baseline", "diff", "cache", "completion"})


def write_screen(
    analysis: Analysis,
    file: TextIO,
    *,
    top: int = 5,
    width: int | None = None,
    color: bool | None = None,
    assumptions: CostAssumptions | None = None,
    verdicts: Sequence[Verdict] = (),
    arguments: Sequence[str] = (),
) -> None:
    """Write at most MAX_LINES lines about an ordinary image, with ``top`` fixes at most.

    With ``assumptions`` the cost of the image is shown. ``arguments`` are the image and the options to read it again, for
    the commands at the end; () means its source.
    """
    chosen_width = min(width or page_width(file, color), MAX_WIDTH)
    lines = _list_lines(analysis, chosen_width, top, assumptions, verdicts, arguments or [analysis.source])
    write_lines(lines, file, color=has_color(file, color))


def _list_lines(
    analysis: Analysis,
    width: int,
    top: int,
    assumptions: CostAssumptions | None,
    verdicts: Sequence[Verdict],
    arguments: Sequence[str],
) -> Iterator[Line]:
    """The blocks of the screen with a blank line between them; the fixes and the layers share the lines that are left."""
    head = list_head(analysis, width, verdicts, max_unread=_MAX_UNREAD)
    if assumptions is not None:
        from ocisize.report.words.context import summarize_cost

        head += [Line(line) for line in join_parts(summarize_cost(analysis, assumptions), width)]
    alerts = [*list_secret_lines(analysis, width), *list_violations(analysis, verdicts, width)]
    commands = _list_commands(analysis, width, arguments)
    room = MAX_LINES - sum(len(block) + 1 for block in (head, alerts) if block) - len(commands)
    fixes = _list_fixes(analysis, width, top, room - _MIN_LAYER_LINES - 2)
    layers = _list_layers(analysis, width, room - len(fixes) - 2)
    for number, block in enumerate(filter(None, (head, alerts, fixes, layers, commands))):
        if number:
            yield Line()
        yield from block


def _list_fixes(analysis: Analysis, width: int, top: int, room: int) -> list[Line]:
    """The first fixes as a table in ``room`` lines, and what all of them save together."""
    fixes = list_fixes(analysis)
    if not fixes:
        where = "" if analysis.complete else " in the layers that were read"
        remarks = [finding for finding in analysis.advice.findings if not is_secret(finding)]
        more = f" There {'is' if len(remarks) == 1 else 'are'} {count_of(len(remarks), 'remark')}." if remarks else ""
        return [Line(line) for line in textwrap.wrap(f"Nothing to fix was found{where}.{more}", width)]
    total = textwrap.wrap(summarize_fixes(analysis), width)
    guess = textwrap.wrap(summarize_guess(analysis), width)
    shown = fixes[: min(top, max(room - 1 - len(total) - len(guess), _MIN_FIXES))]
    shown = [evolve(fix, place=_shorten_place(fix.place, analysis.plan.dockerfile)) for fix in shown]
    title = "Fix first" if analysis.plan.steps else "Findings"
    table = _table(title, shown, width) if shown else []
    return [*table, *(Line((line, "bold")) for line in total), *map(Line, guess)]


def _shorten_place(place: str, dockerfile: str | None) -> str:
    """A place without the folders of a Dockerfile whose path is long."""
    name = printable(dockerfile or "")
    return (
        f"…/{place[name.rindex('/') + 1 :]}" if len(name) >= _MIN_PLACE and "/" in name and place.startswith(name) else place
    )


def _table(title: str, fixes: Sequence[Fix], width: int) -> list[Line]:
    """Number, title, saving, confidence and place of each fix, below a line of headings.

    The largest unpacked saving comes first: it is shown next to the download where there is room.
    """
    has_download = all(fix.saved.compressed_size is not None for fix in fixes)
    heading = "saves" if has_download else _UNPACKED
    size_width = max(len(heading), *(len(fix.saving) for fix in fixes))
    safety_width = max(len("safe?"), *(len(fix.confidence) for fix in fixes))
    number_width = len(str(len(fixes)))
    room = width - number_width - 1 - 2 - size_width - 2 - safety_width - 2  # for title and place
    titles = [printable(fix.title) for fix in fixes]
    widest = max(map(len, titles))
    longest = max(len("where"), *(len(fix.place) for fix in fixes))
    column = 2 + max(len(_UNPACKED), *(len(human_size(fix.saved.size)) for fix in fixes)) if has_download else 0
    if room < min(widest, _MIN_TITLE) + longest + column:
        column = 0
        title += _ORDERED if has_download and not _is_descending(fixes) and number_width + 1 + room > _MIN_ORDERED else ""
    room -= column
    place_width = max(min(longest, room - widest), min(longest, max(_MIN_PLACE, width // 5)))
    title_width = max(min(widest, room - place_width), len(title) - number_width - 1)
    more = f"{_UNPACKED:>{column}}" if column else ""
    head = f"{title:{number_width + 1 + title_width}}  {heading:>{size_width}}"
    lines = [Line((head, "bold"), (more, "dim"), (f"  {'safe?':{safety_width}}  where", "bold"))]
    for number, (fix, text) in enumerate(zip(fixes, titles, strict=True), 1):
        lines.append(
            Line(
                (f"{number:>{number_width}} ", "dim"),
                f"{cut(text, title_width):{title_width}}  ",
                (f"{fix.saving:>{size_width}}", "bold"),
                (f"{human_size(fix.saved.size):>{column}}" if column else "", "dim"),
                "  ",
                (f"{fix.confidence!s:{safety_width}}", _STYLES[fix.confidence]),
                "  ",
                cut_words(fix.place, place_width),
            )
        )
    return lines


def _is_descending(fixes: Sequence[Fix]) -> bool:
    """Whether no fix saves clearly more download than the fix before it; in a plan, those to ask about come last."""
    count = len(fixes)
    while count and fixes[count - 1].confidence is Confidence.ASK:
        count -= 1
    sizes = [fix.saved.compressed_size or 0 for fix in fixes[:count]]
    return all(after <= _MAX_GROWTH * before for before, after in itertools.pairwise(sizes))


class _Measure:
    """The figure by which layers are shown: their download, known or estimated, or the unpacked size of all of them."""

    def __init__(self, analysis: Analysis) -> None:
        self.has_download = all(layer.expected_compressed_size is not None for layer in analysis.layers)
        self.is_estimate = any(layer.compressed_size is None for layer in analysis.layers)

    def weigh(self, layer: LayerAnalysis) -> int:
        """The bytes of one layer."""
        return (layer.expected_compressed_size or 0) if self.has_download else layer.content_size

    def describe(self, layers: Sequence[LayerAnalysis]) -> str:
        """The bytes of some layers with a unit, after ``≈`` if they are estimated."""
        mark = ABOUT if self.has_download and self.is_estimate else ""
        return f"{mark}{human_size(sum(map(self.weigh, layers)))}"


def _list_layers(analysis: Analysis, width: int, room: int) -> list[Line]:
    """A line for each layer if they fit into ``room`` lines, else the largest in a few lines. The base is one."""
    layers = analysis.layers
    if not layers:
        return []
    base = 0 if analysis.base is None else analysis.base.found.certain_layers
    if len(layers) - max(base - 1, 0) <= room:
        lines = _layer_rows(analysis, base if base > 1 else 0, width - LABEL_WIDTH)
    else:
        most = max(_MIN_LAYER_LINES, min(room, _MAX_FLOW_LINES))
        highest = min(len(layers) - base, most * width // _MIN_PART_CHARACTERS)
        flows = (_flow_layers(analysis, base, count, width - LABEL_WIDTH) for count in range(highest, -1, -1))
        lines = [Line(line) for line in next((flow for flow in flows if len(flow) <= most), [])]
    return [
        Line((f"{'Layers' if not number else '':{LABEL_WIDTH}}", "bold"), *line.spans) for number, line in enumerate(lines)
    ]


def _layer_rows(analysis: Analysis, base: int, width: int) -> list[Line]:
    """A line for each layer, one for the ``base`` lowest together."""
    measure = _Measure(analysis)
    own = analysis.layers[base:]
    rows = [(str(layer.index), measure.describe([layer])) for layer in own]
    if base:
        rows.insert(0, (f"0-{base - 1}", measure.describe(analysis.layers[:base])))
    number_width = max(len(number) for number, _ in rows)
    size_width = max(len(size) for _, size in rows)
    step_width = width - number_width - size_width - 4
    steps = shorten_steps([printable(show_step(layer.build_step) or f"({layer.digest[:19]})") for layer in own], step_width)
    if base:
        name = analysis.base.found.name if analysis.base is not None else None
        steps.insert(0, cut(f"base image {printable(name)}" if name else f"base image: {base:,} layers", step_width))
    return [
        Line((f"{number:>{number_width}}  ", "dim"), f"{size:>{size_width}}  {step}")
        for (number, size), step in zip(rows, steps, strict=True)
    ]


def _flow_layers(analysis: Analysis, base: int, count: int, width: int) -> list[str]:
    """The base image, the ``count`` largest other layers in their order, and the sum of the rest."""
    measure, layers = _Measure(analysis), analysis.layers
    own = layers[base:]
    least = _MIN_SHARE * sum(map(measure.weigh, layers))
    largest = sorted(own, key=lambda layer: -measure.weigh(layer))[:count]
    shown = sorted((layer for layer in largest if measure.weigh(layer) >= least), key=lambda layer: layer.index)
    parts = [f"{measure.describe(layers[:base])} base"] if base else []
    names = [printable(name_step(layer.build_step)) or f"layer {layer.index}" for layer in shown]
    parts += [f"{measure.describe([layer])} {name}" for layer, name in zip(shown, names, strict=True)]
    indexes = {layer.index for layer in shown}
    if rest := [layer for layer in own if layer.index not in indexes]:
        parts.append(f"{len(rest):,} more {plural(len(rest), 'layer')}, {measure.describe(rest)}")
    return join_parts(parts, width)


def _list_commands(analysis: Analysis, width: int, arguments: Sequence[str]) -> list[Line]:
    """The commands to type next, with what each shows."""
    image = printable(shlex.join(arguments))
    rows = []
    plan = analysis.plan
    if plan.patch:
        edited = sum(step.in_patch for step in plan.steps)
        which = f"{edited:,} of these fixes" if edited < len(plan.steps) else "all fixes" if edited > 1 else "this fix"
        rows.append((f"ocisize advise {image} --patch", f"{which} as a patch"))
    elif analysis.advice.findings or plan.steps:
        rows.append((f"ocisize advise {image}", _describe_advise(analysis)))
    analyze = "analyze " if arguments[0] in _COMMANDS else ""
    rows.append((f"ocisize {analyze}{image} --full", "layers, files and every figure"))
    longest = max(len(command) for command, _ in rows)
    return [
        Line(
            (command, "cyan"),
            (f"{'':{longest - len(command)}}   {about}" if longest + 3 + len(about) <= width else "", "dim"),
        )
        for command, about in rows
    ]


def _describe_advise(analysis: Analysis) -> str:
    """What ``ocisize advise`` shows of an image without a patch."""
    findings = analysis.advice.findings
    if analysis.plan.steps:
        rest = len(list_uncovered(analysis))
        others = f", and {rest:,} other {plural(rest, 'finding')}" if rest else ""
        return f"how to fix each{others}"
    if not list_fixes(analysis):
        return "the findings" if any(map(is_secret, findings)) else f"the {plural(len(findings), 'remark')}"
    return "the files of each finding" if is_all_in_base(analysis) else "how to fix each"
