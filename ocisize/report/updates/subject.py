"""What a report of updates is about, and how much of it to show."""

from __future__ import annotations

from ocisize.model.updates import UpdateHistory
from ocisize.values import frozen


@frozen(kw_only=True)
class HistorySubject:
    """A history with the options of its reports."""

    history: UpdateHistory
    top: int = 6  #: updates that the text report lists
    color: bool | None = None  #: of the text report; None: on a terminal only
    width: int | None = None  #: characters of its lines; None: those of the terminal
