"""Outlines as text: an image on one screen, or the platforms of an index side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TextIO

from ocisize.model.outline import LayerOutline, Outline
from ocisize.report.options import ReportOptions
from ocisize.report.outline_subject import OutlineSubject, ReportedOutline
from ocisize.report.text.alerts import LABEL_WIDTH, label_lines, list_violations
from ocisize.report.text.commands import list_commands, write_analyze
from ocisize.report.text.layer_list import MIN_LINES, LayerList, ListedLayer
from ocisize.report.text.lines import MAX_WIDTH, Line, has_color, page_width, wrap, write_lines
from ocisize.report.words.context import name_source
from ocisize.report.words.flow import SEPARATOR, join_parts
from ocisize.report.words.image import describe_trust, name_image
from ocisize.report.words.outline import (
    NOT_KNOWN,
    day_of,
    describe_base,
    describe_config,
    describe_download,
    describe_facts,
    describe_identity,
    describe_index,
    describe_labels,
    describe_own,
    describe_secrets,
    name_form,
)
from ocisize.report.words.pull import describe_assumed, describe_pull
from ocisize.report.words.steps import name_line_of
from ocisize.report.words.units import cut
from ocisize.text import printable

if TYPE_CHECKING:
    from ocisize.model.budget import Verdict
    from ocisize.sizes.cost import CostAssumptions

MAX_LINES = 24
_MAX_FACT_LINES = 3  # of a label
_LESS_URGENT = ("Digest", "Labels", "Source")  # facts that are left out, in this order, where the layers need the lines


def write(subject: OutlineSubject, file: TextIO, options: ReportOptions) -> None:
    """Write the outline of an image, or of an index, at the width of the terminal or of a pipe."""
    width = min(page_width(file, options.color), MAX_WIDTH)
    if subject.index is not None and options.sizes:
        from ocisize.report.text.tool_sizes import list_platforms
        from ocisize.sizes.index_tool_sizes import index_tool_sizes
        from ocisize.sizes.tool_sizes import tool_sizes

        images = ((image.platform, tool_sizes(image.outline)) for image in subject.images)
        lines = list_platforms(images, index_tool_sizes(subject.index), width)
    elif subject.index is not None:
        from ocisize.report.text.outline_index import list_index

        lines = list_index(subject.index, subject.images, width)
    else:
        (image,) = subject.images
        arguments = options.arguments or [image.outline.source]
        if options.sizes:
            lines = _list_sizes(image, width, options.assumptions)
        else:
            lines = _list_image(image, width, arguments, options.assumptions)
    write_lines(lines, file, color=has_color(file, options.color))


def _list_sizes(image: ReportedOutline, width: int, assumptions: CostAssumptions | None) -> Iterator[Line]:
    """The first lines of the screen, and what other tools show."""
    from ocisize.report.text.tool_sizes import list_tool_sizes
    from ocisize.sizes.tool_sizes import tool_sizes

    yield from _head(image.outline, width, image.verdicts, assumptions)
    yield Line()
    yield from list_tool_sizes(tool_sizes(image.outline), width)


def _list_image(
    image: ReportedOutline, width: int, arguments: Sequence[str], assumptions: CostAssumptions | None
) -> Iterator[Line]:
    """The blocks of the screen with a blank line between them; the layers take the lines that are left."""
    outline = image.outline
    head = _head(outline, width, image.verdicts, assumptions)
    alerts = [*label_lines("SECRET", "bold red", list(map(printable, describe_secrets(outline))), width)]
    alerts += list_violations(image.as_image().analysis, image.verdicts, width)
    commands = _commands(outline, arguments, width)
    room = MAX_LINES - sum(len(block) + 1 for block in (head, alerts) if block) - len(commands) - 1
    layers = _layers(outline)
    for count in range(len(_LESS_URGENT) + 1):  # the layers are worth more lines than the last of the facts
        facts = list(_facts(outline, width, left_out=_LESS_URGENT[:count]))
        if layers.row_count <= room - len(facts) - 1:
            break
    else:
        facts = list(_facts(outline, width))
    lines = layers.lines(width, max(room - len(facts) - 1, MIN_LINES))
    for number, block in enumerate(filter(None, (head, alerts, facts, lines, commands))):
        if number:
            yield Line()
        yield from block


def _head(outline: Outline, width: int, verdicts: Sequence[Verdict], assumptions: CostAssumptions | None) -> list[Line]:
    """Name and facts, the download and the shortest pull, and what is not known."""
    name = printable(name_image(outline))
    facts = [printable(fact) for fact in describe_facts(outline)]
    if len(name) + len(SEPARATOR) + len(SEPARATOR.join(facts)) <= width:
        lines = [Line((name, "bold"), (SEPARATOR + SEPARATOR.join(facts), "dim"))]
    else:
        lines = [Line((line, "bold")) for line in wrap(name, width, break_on_hyphens=False)]
        lines += [Line((line, "dim")) for line in join_parts([cut(fact, width) for fact in facts], width)]
    pull = describe_pull(outline, assumptions)
    parts = [describe_download(outline), *([f"pull {pull}"] if pull else [])]
    if verdicts:
        from ocisize.report.words.budgets import summarize_outcomes

        parts += filter(None, [summarize_outcomes(verdicts)])
    lines += [Line((line, "bold")) for line in join_parts(parts, width)]
    not_known = f"{NOT_KNOWN}. {describe_assumed()}." if pull else f"{NOT_KNOWN}."
    lines += [Line((line, "dim")) for line in wrap(not_known, width)]
    if mismatch := outline.layer_mismatch:
        lines += [Line((line, "bold red")) for line in wrap(f"incomplete: {mismatch}", width)]
    for text in describe_trust(outline.unverified_hosts):
        lines += [Line((line, "yellow")) for line in wrap(printable(text), width)]
    return lines


def _facts(outline: Outline, width: int, left_out: Sequence[str] = ()) -> Iterator[Line]:
    """A few lines for each of the base image, the config, the labels, the index and the digest, without some of them."""
    is_container = outline.format != "rootfs"  # else the config was composed
    for label, parts in (
        ("Base", [describe_base(outline)]),
        ("Yours", [describe_own(outline)]),
        ("Source", [name_source(outline.provenance)]),
        ("Config", describe_config(outline.run) if is_container else []),
        ("Labels", describe_labels(outline)),
        ("Index", [describe_index(outline)]),
        ("Digest", [describe_identity(outline)] if is_container else []),
    ):
        if label not in left_out:
            yield from _labelled(label, parts, width)


def _labelled(label: str, parts: Iterable[str], width: int) -> Iterator[Line]:
    """Parts beside a label, broken between the parts if they are short, in three lines at most."""
    room = width - LABEL_WIDTH
    shown = [printable(cut(part, _MAX_FACT_LINES * room)) for part in parts if part]
    lines = [row for line in join_parts(shown, room) for row in wrap(line, room, break_on_hyphens=False)]
    if len(lines) > _MAX_FACT_LINES:
        lines = [*lines[: _MAX_FACT_LINES - 1], cut(" ".join(lines[_MAX_FACT_LINES - 1 :]), room)]
    for number, line in enumerate(lines):
        yield Line((f"{'' if number else label:{LABEL_WIDTH}}", "bold"), line)


def _layers(outline: Outline) -> LayerList:
    """The layers by download, or as saved if a download is unknown, with the day and the form of each that differs."""
    layers = outline.layers
    days = [day_of(layer.created) for layer in layers]
    has_forms = len({name_form(layer) for layer in layers}) > 1
    remarks = [_remark(layer, has_form=has_forms) for layer in layers]
    lines = [name_line_of(layer) for layer in layers]
    columns = [days] * (len(set(days)) > 1) + [remarks] * any(remarks) + [lines] * any(lines)
    widths = [max(map(len, column)) for column in columns]
    notes = [
        "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)) for row in zip(*columns, strict=True)
    ]
    notes = notes or [""] * len(layers)
    found = outline.base
    return LayerList(
        layers=[
            ListedLayer(
                layer.index, 0 if layer.repeats is not None else layer.blob_size, layer.build_step, layer.digest, note
            )
            for layer, note in zip(layers, notes, strict=True)
        ],
        base=found.certain_layers if found is not None else 0,
        base_name=found.name if found is not None else None,
    )


def _remark(layer: LayerOutline, *, has_form: bool) -> str:
    if layer.repeats is not None:
        return f"as layer {layer.repeats}"
    return name_form(layer) if has_form else ""


def _commands(outline: Outline, arguments: Sequence[str], width: int) -> list[Line]:
    """The commands to type next, with what each shows."""
    rows = [(write_analyze(arguments), "read the layers: unpacked, waste, what to fix")]
    if len(outline.platforms) > 1:
        rows.append((f"{write_analyze(_without_platform(arguments))} --quick --all-platforms", "each platform's download"))
    return list_commands(rows, width)


def _without_platform(arguments: Sequence[str]) -> list[str]:
    """The image and the options to read it again, for all platforms."""
    if "--platform" not in arguments:
        return list(arguments)
    position = arguments.index("--platform")
    return [*arguments[:position], *arguments[position + 2 :]]
