"""FleetSubject: the figures that a report of a fleet shows."""

from __future__ import annotations

import enum
from collections.abc import Sequence

from ocisize.model.fleet_figures import Deletions, FleetFigures, Freed, GroupKind
from ocisize.model.fleet_files import FleetFiles
from ocisize.model.fleet_histories import RepositoryHistory
from ocisize.values import frozen


class FleetOrder(str, enum.Enum):
    """What the rows of images and groups are sorted by, the largest first."""

    FREES = "frees"
    SHARE = "share"
    SIZE = "size"
    PULL = "pull"


@frozen(kw_only=True)
class FleetSubject:
    """The figures of a fleet, and the answers to what else was asked."""

    figures: FleetFigures
    deletions: Deletions | None = None  #: references whose deletion together frees much
    files: FleetFiles | None = None  #: the figures of the files in the layers; None if no layer was read
    freed: Freed | None = None  #: what deleting the references frees that the user named
    #: the updates of the repositories, those with the most bytes first; only for formats that show them
    histories: Sequence[RepositoryHistory] = ()
    by: GroupKind | None = None  #: what a row of the text report is about; None for an image
    order: FleetOrder = FleetOrder.FREES  #: of the rows of the text report
    top: int = 5  #: rows of each list of the text report
    width: int | None = None  #: characters of a line of the text report; None for those of the page
    color: bool | None = None  #: color the text report; None means only on a terminal
