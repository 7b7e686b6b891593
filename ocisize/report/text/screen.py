"""The text report on one screen: size, alerts, the first fixes with what they save, the layers, the next commands."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TextIO

from ocisize.model.analysis import Analysis
from ocisize.model.findings import Confidence
from ocisize.report.text.alerts import list_head, list_secret_lines, list_violations
from ocisize.report.text.commands import list_commands, write_analyze, write_command
from ocisize.report.text.layer_list import MIN_LINES, LayerList, ListedLayer
from ocisize.report.text.lines import MAX_WIDTH, Line, has_color, page_width, wrap, write_lines
from ocisize.report.words.advice import is_secret
from ocisize.report.words.download import ABOUT
from ocisize.report.words.fixes import Fix, is_all_in_base, list_fixes, list_uncovered, summarize_fixes, summarize_guess
from ocisize.report.words.flow import join_parts
from ocisize.report.words.units import cut, cut_words, human_size
from ocisize.text import count_of, plural, printable
from ocisize.values import evolve

if TYPE_CHECKING:
    from ocisize.model.budget import Verdict
    from ocisize.sizes.cost import CostAssumptions

MAX_LINES = 24
_MAX_UNREAD = 2  # layers that are listed
_MIN_FIXES = 3  # that are listed, whatever else needs lines
_MIN_PLACE = 17  # characters of the place of a fix, unless all are shorter
_UNPACKED = "unpacked"  # the heading of a column
_ORDERED = " (largest unpacked)"  # after a title above savings that are not in their order
_MIN_TITLE = 50  # characters of a title that is cut for the unpacked size
_MAX_GROWTH = 1.02  # of savings that count as equal
_MIN_ORDERED = 48  # characters for title and place, which leave room for that
_STYLES = {Confidence.SAFE: "green", Confidence.PROBABLY: "yellow", Confidence.ASK: "magenta"}


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
    fixes = _list_fixes(analysis, width, top, room - MIN_LINES - 2)
    layers = _list_layers(analysis).lines(width, room - len(fixes) - 2)
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
        return [Line(line) for line in wrap(f"Nothing to fix was found{where}.{more}", width)]
    total = wrap(summarize_fixes(analysis), width)
    guess = wrap(summarize_guess(analysis), width)
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


def _list_layers(analysis: Analysis) -> LayerList:
    """The layers with their download, known or estimated, or with their unpacked size if a download is unknown."""
    layers = analysis.layers
    has_download = all(layer.expected_compressed_size is not None for layer in layers)
    is_estimate = has_download and any(layer.compressed_size is None for layer in layers)
    found = analysis.base.found if analysis.base is not None else None
    return LayerList(
        layers=[
            ListedLayer.of(layer, (layer.expected_compressed_size or 0) if has_download else layer.content_size)
            for layer in layers
        ],
        base=found.certain_layers if found is not None else 0,
        base_name=found.name if found is not None else None,
        mark=ABOUT if is_estimate else "",
    )


def _list_commands(analysis: Analysis, width: int, arguments: Sequence[str]) -> list[Line]:
    """The commands to type next, with what each shows."""
    rows, advise = [], write_command("advise ", arguments)
    plan = analysis.plan
    if plan.patch:
        edited = sum(step.in_patch for step in plan.steps)
        which = f"{edited:,} of these fixes" if edited < len(plan.steps) else "all fixes" if edited > 1 else "this fix"
        rows.append((f"{advise} --patch", f"{which} as a patch"))
    elif analysis.advice.findings or plan.steps:
        rows.append((advise, _describe_advise(analysis)))
    if analysis.system.packages or analysis.system.runtimes:
        rows.append((write_command("packages ", arguments), "what each package costs, and why it is there"))
    rows.append((f"{write_analyze(arguments)} --full", "layers, files and every figure"))
    return list_commands(rows, width)


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
