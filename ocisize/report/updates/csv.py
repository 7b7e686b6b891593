"""A history as CSV: a row for each update, and for each image that could not be read.

Form: RFC 4180, with a header; sizes are bytes, unknown ones empty.
"""

from __future__ import annotations

import csv
from typing import TextIO

from ocisize.model.updates import Update, UpdateHistory
from ocisize.report.export.csv import escape_cell
from ocisize.report.updates.subject import HistorySubject

_SIZES = ("by_blob_size", "by_chain_size", "document_size", "changed_size", "unchanged_size")
_HEAD = (
    "before", "after", "after_digest", "after_created", "platform", "after_size", *_SIZES, "cause", "cause_status",
    "cause_step", "above_count", "above_size", "other_causes", "failure",
)  # fmt: skip
_FAILURE_CELLS = len(_HEAD) - 2  # empty ones between the image and the message


def write(subject: HistorySubject, file: TextIO) -> None:
    """Write a row for each update, oldest first; several layers in a cell have spaces between them."""
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(_HEAD)
    writer.writerows(_row(update, subject.history) for update in subject.history.updates)
    for failure in subject.history.failures:
        writer.writerow((escape_cell(failure.reference), *[None] * _FAILURE_CELLS, escape_cell(failure.message)))


def _row(update: Update, history: UpdateHistory) -> tuple[object, ...]:
    before, after = history.releases[update.before], history.releases[update.after]
    cause = None if update.cause is None else update.layers[update.cause]
    return (
        *(escape_cell(text) for text in (before.names[0], after.names[0], after.digest, after.created, after.platform)),
        after.size,
        *(getattr(update, name) for name in _SIZES),
        update.cause,
        "" if cause is None else str(cause.status),
        "" if cause is None else escape_cell(after.layers[cause.index].build_step.text),
        update.above_count,
        update.above_size,
        " ".join(map(str, update.other_causes)),
        "",
    )
