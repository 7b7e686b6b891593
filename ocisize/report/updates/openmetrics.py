"""The figures of a history as OpenMetrics text, for a dashboard over time.

Labels are the repository and the platform, without tags and digests, so that series continue from run to run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TextIO

from ocisize.model.updates import UpdateHistory, UpdateSums
from ocisize.report.ci.gauges import END, Sample, write_gauge
from ocisize.report.updates.subject import HistorySubject
from ocisize.report.updates.words import ReleaseNames
from ocisize.text import printable

#: end of a metric's name → unit, help text and figure
_SUMS: Mapping[str, tuple[str, str, Callable[[UpdateSums], int | float | None]]] = {
    "mean_bytes": ("bytes", "Bytes of an update on average.", lambda sums: round(sums.mean)),
    "percentile_bytes": ("bytes", "Bytes that 95 % of the updates do not exceed.", lambda sums: sums.p95),
    "largest_bytes": ("bytes", "Bytes of the largest update.", lambda sums: sums.largest),
    "total_bytes": ("bytes", "Bytes of all updates.", lambda sums: sums.total),
    "share_ratio": ("ratio", "Bytes of the updates per bytes of the images.", lambda sums: round(sums.share, 6)),
}


def write(subject: HistorySubject, file: TextIO) -> None:
    """Write gauges of the updates by how hosts use layers again; unknown figures are left out."""
    history = subject.history
    labels = _labels_of(history)
    sums = {"blob": history.by_blob, "chain": history.by_chain}
    if history.changed is not None:
        sums["file"] = history.changed
    for name, (unit, text, read) in _SUMS.items():
        samples: list[Sample] = [({**labels, "by": by}, read(figures)) for by, figures in sums.items() if figures.count]
        write_gauge(file, f"ocisize_update_{name}", unit, text, samples)
    counts: Mapping[str, tuple[str, int]] = {
        "ocisize_releases": ("Distinct images.", len(history.releases)),
        "ocisize_updates": ("Updates from an image to the next.", len(history.updates)),
        "ocisize_history_failures": ("Images that could not be read.", len(history.failures)),
    }
    for name, (text, count) in counts.items():
        write_gauge(file, name, "", text, [(labels, count)])
    last: list[Sample] = [(labels, update.by_blob_size) for update in history.updates[-1:]]
    write_gauge(file, "ocisize_update_last_bytes", "bytes", "Bytes of the newest update, by blob.", last)
    if history.advice is not None and (history.changed is not None or history.advice.rebuilt_layers):
        text = "Bytes of layers that were built again without a change of content."
        write_gauge(file, "ocisize_update_rebuilt_bytes", "bytes", text, [(labels, history.advice.rebuilt_size)])
    file.write(END)


def _labels_of(history: UpdateHistory) -> dict[str, str]:
    platform = history.releases[-1].platform if history.releases else ""
    repository = ReleaseNames(history.releases).repository
    return {**({"image": repository} if repository else {}), "platform": printable(platform)}
