"""The words that reports of updates share: names of releases and layers, sentences on figures."""

from __future__ import annotations

from collections.abc import Sequence

from ocisize.model.comparison import LayerStatus
from ocisize.model.updates import Release, ReleaseOrder, TrackedLayer, Update, UpdateHistory, UpdateSums
from ocisize.report.words.units import human_size, percent
from ocisize.text import count_of, name_input, printable

ORDERS = {
    ReleaseOrder.VERSION: "in order of version",
    ReleaseOrder.CREATED: "in order of time",
    ReleaseOrder.GIVEN: "in the order given",
}
NOT_READ = "not known without reading the layers: --files reads them"


class ReleaseNames:
    """Short names of releases: their tags where all are of one repository or file, else names without common folders."""

    def __init__(self, releases: Sequence[Release]) -> None:
        parts = [_split(release) for release in releases]
        repositories = {repository for repository, _ in parts}
        self.repository = printable(repositories.pop()) if len(repositories) == 1 else ""
        whole = [release.name for release in releases]
        if self.repository:
            self.short = [printable(tag) for _, tag in parts]
        else:
            start = common_folder(whole)
            self.short = [printable(name_input(name[start:] or name)) for name in whole]

    @property
    def title(self) -> str:
        """What the history is of: the repository, or the first and the last image."""
        if self.repository or not self.short:
            return self.repository
        return f"{self.short[0]} … {self.short[-1]}" if len(self.short) > 1 else self.short[0]


def _split(release: Release) -> tuple[str, str]:
    """The repository and the tag of a reference, or a file and what chooses the image; "" and the name of anything else."""
    if release.select is not None:
        repository, _, tag = release.select.rpartition(":")
        return (f"{release.name} {repository}", tag) if repository else (release.name, tag)
    path, slash, last = release.name.partition("@")[0].rpartition("/")
    repository, colon, tag = last.partition(":")
    if not colon or (not slash and not repository):
        return "", release.name
    return f"{path}{slash}{repository}", tag


def common_folder(names: Sequence[str]) -> int:
    """The number of characters up to the last slash that all names share.

    >>> common_folder(["build/app/1", "build/app/2", "build/api"])
    6
    """
    first = min(names, default="")
    last = max(names, default="")
    common = next((place for place, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1]), len(first))
    return first.rfind("/", 0, common) + 1


def describe_history(history: UpdateHistory, names: ReleaseNames) -> list[str]:
    """Facts of a history: releases, platform, order."""
    platforms = dict.fromkeys(release.platform for release in history.releases)
    facts = [count_of(len(history.releases), "release")]
    if names.repository and len(names.short) > 1:
        facts.append(f"{names.short[0]} to {names.short[-1]}")
    return [*facts, *map(printable, platforms), ORDERS[history.order]]


def describe_sums(sums: UpdateSums) -> str:
    """The mean, the 95th percentile and the total of updates, in one clause."""
    if not sums.count:
        return "no update"
    mean = f"{human_size(round(sums.mean))} on average ({percent(sums.share)} of the image)"
    if sums.count == 1:
        return f"{human_size(sums.total)} ({percent(sums.share)} of the image)"
    return f"{mean}, 95 % of updates at most {human_size(sums.p95)}, {human_size(sums.total)} in all {sums.count:,}"


def describe_chain(history: UpdateHistory) -> str:
    """What the classic store of docker downloads."""
    if history.by_chain.total == history.by_blob.total:
        return "docker's classic store downloads the same"
    return f"docker's classic store, which uses a layer only if all below are equal: {describe_sums(history.by_chain)}"


def describe_skips(history: UpdateHistory) -> list[str]:
    """What hosts download that install every 2nd, 4th or 8th release: a part for each distance."""
    return [
        f"every {_ordinal(skip.step)} release, {human_size(round(skip.by_blob.mean))} an update "
        f"({human_size(round(skip.size_per_release))} per release)"
        for skip in history.skips
        if skip.step > 1
    ]


def _ordinal(number: int) -> str:
    return {2: "2nd", 3: "3rd"}.get(number, f"{number}th")


def describe_cause(update: Update, history: UpdateHistory) -> str:
    """The lowest layer that an update downloads, the layers above that only follow, and those that changed themselves."""
    cause = update.cause
    if cause is None:
        return "no layer" if update.chain_cause is None else "no layer; the order of layers changed"
    release = history.releases[update.after]
    text = f"{_STATUS_MARKS.get(update.layers[cause].status, '')}{name_layer(release, cause)}"
    if update.above_count:
        text += f" and {update.above_count:,} above, {human_size(update.above_size)}"
    return "; ".join([text, *(name_layer(release, other) for other in update.other_causes)])


_STATUS_MARKS = {
    LayerStatus.REBUILT: "(same files) ", LayerStatus.RECOMPRESSED: "(recompressed) ", LayerStatus.ADDED: "(new) ",
}  # fmt: skip


def name_layer(release: Release, index: int) -> str:
    """The index of a layer with its build step, or with its digest."""
    layer = release.layers[index]
    return printable(f"{index} {layer.build_step.shown or layer.digest[:19]}")


def name_track(track: TrackedLayer, history: UpdateHistory) -> str:
    """The build step of a tracked layer, or the digest of its newest blob."""
    newest = history.releases[track.releases[-1]].layers[track.index]
    return printable(track.build_step.shown or newest.digest[:19])


def describe_changes(track: TrackedLayer) -> str:
    """In how many of the downloads the content changed: ``2 of 5``, or "?" where the layers were not read."""
    return "?" if track.changes is None else f"{track.changes:,} of {track.downloads:,}"
