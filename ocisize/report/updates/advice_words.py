"""The words on advice that reports of updates share: what to change, and what it would have saved."""

from __future__ import annotations

from collections.abc import Sequence

from ocisize.model.update_advice import LayerSplit, SplitGroup, StepOrder, UpdateAdvice
from ocisize.model.updates import UpdateHistory
from ocisize.report.updates.words import common_folder, name_track
from ocisize.report.words.units import cut, human_size
from ocisize.text import count_of, printable
from ocisize.tuples import NamedTuple

WHEN = "in these updates (savings overlap)"  #: completes a heading
_MAX_STEP = 40  # characters of a build step in a sentence
_MAX_MOVES = 3  # of an order
_MAX_NAMES = 2  # of a group
_MAX_NAME = 40  # characters of a package or directory


class AdviceLine(NamedTuple):
    """One proposal."""

    saved: int  #: bytes over the history
    title: str  #: what to do
    text: str  #: where, what it would have saved, and what is assumed


def list_advice(history: UpdateHistory) -> list[AdviceLine]:
    """The proposals of a history: reproducible builds, one compression, order of steps, divisions of layers."""
    advice = history.advice
    if advice is None:
        return []
    lines = []
    if advice.rebuilt_layers:
        lines.append(_describe_rebuilt(advice))
    if advice.recompressed_layers:
        lines.append(_describe_recompressed(advice))
    if advice.order is not None:
        lines.append(_describe_order(advice.order, history, "order"))
    if advice.possible_order is not None:
        lines.append(_describe_order(advice.possible_order, history, "order, if independent"))
    return [*lines, *(_describe_split(split, history) for split in advice.splits)]


def _describe_recompressed(advice: UpdateAdvice) -> AdviceLine:
    text = (
        f"{_count_layers(advice.recompressed_layers)} compressed again, and the tars are equal; keep the compression and "
        f"its level, or push the blobs that exist: saves {human_size(advice.recompressed_size)}"
    )
    return AdviceLine(advice.recompressed_size, "one compression", text)


def _count_layers(count: int) -> str:
    return f"{count_of(count, 'layer')} {'was' if count == 1 else 'were'}"


def _describe_rebuilt(advice: UpdateAdvice) -> AdviceLine:
    text = (
        f"{_count_layers(advice.rebuilt_layers)} built again without a change of content; set SOURCE_DATE_EPOCH and "
        f"rewrite-timestamp=true, or keep the build cache: saves {human_size(advice.rebuilt_size)}"
    )
    return AdviceLine(advice.rebuilt_size, "reproducible builds", text)


def _describe_order(order: StepOrder, history: UpdateHistory, title: str) -> AdviceLine:
    groups: dict[tuple[int, tuple[int, ...]], list[int]] = {}
    for move in order.moves:
        groups.setdefault((move.below, tuple(move.if_independent)), []).append(move.track)
    parts = [
        f"{_join(history, tracks)} before {_join(history, [below])}{_name_condition(history, needed)}"
        for (below, needed), tracks in list(groups.items())[:_MAX_MOVES]
    ]
    more = f" and {count_of(len(groups) - _MAX_MOVES, 'other move')}" if len(groups) > _MAX_MOVES else ""
    saved = f"saves {human_size(order.saved_size)} of {human_size(order.actual_size)}"
    assumed = ", if the layers above the first changed one did not change; --files checks this" if order.assumed else ""
    return AdviceLine(order.saved_size, title, f"{'; '.join(parts)}{more}: {saved}{assumed}")


def _name_condition(history: UpdateHistory, needed: Sequence[int]) -> str:
    return f" (if nothing in {_join(history, needed)} is needed)" if needed else ""


def _join(history: UpdateHistory, tracks: Sequence[int]) -> str:
    """The build steps of some tracked layers."""
    shown = " and ".join(_quote(history, track) for track in tracks[:_MAX_MOVES])
    return f"{shown} and {len(tracks) - _MAX_MOVES:,} more" if len(tracks) > _MAX_MOVES else shown


def _quote(history: UpdateHistory, track: int) -> str:
    return f"`{cut(name_track(history.tracks[track], history), _MAX_STEP)}`"


def _describe_split(split: LayerSplit, history: UpdateHistory) -> AdviceLine:
    names = [name for group in split.groups for name in group.names]
    folder = names[0][: common_folder(names)]
    groups = "; ".join(describe_group(group, split.updates, folder) for group in split.groups)
    where = f" in {printable(folder)}" if folder else ""
    saved = f"saves {human_size(split.saved_size)} of {human_size(split.actual_size)}"
    bound = f"at most {human_size(split.actual_size - split.bound_size)}"
    forward = f"{human_size(max(split.forward_saved_size, 0))} if chosen before each update"
    return AdviceLine(
        split.saved_size, "division", f"{_quote(history, split.track)}{where} as {groups}: {saved} ({bound}; {forward})"
    )


def describe_group(group: SplitGroup, updates: int, folder: str = "") -> str:
    """A group of a divided layer: its largest parts without the folder of all, its size, and how often it changed.

    >>> describe_group(SplitGroup(names=("a/x", "a/y"), name_count=4, size=2000, changes=1), 8, "a/")
    'x, y and 2 more (2.00 kB, changed by 1 of 8 updates)'
    """
    names = [printable(cut(name.removeprefix(folder), _MAX_NAME)) for name in group.names[:_MAX_NAMES]]
    more = group.name_count - len(names)
    shown = f"{', '.join(names)}{f' and {more:,} more' if more else ''}"
    return f"{shown} ({human_size(group.size)}, changed by {group.changes:,} of {count_of(updates, 'update')})"
