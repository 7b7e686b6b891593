"""The explorer of an image: its treemap, filters and table of files, with their data and the scripts that draw them.

``treemap.js`` draws the map, ``keys.js`` its keyboard, ``table.js`` the files, ``views.js`` the colors by layer, state, type
or change, ``globs.js`` finds what the search names, ``address.js`` keeps the view in the address bar.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ocisize.report.html.data import MAX_SIZE, page_data
from ocisize.report.html.document import read_asset
from ocisize.report.html.markup import Markup, element

if TYPE_CHECKING:
    from ocisize.model.analysis import Analysis

#: of a page with an explorer; the last one reads the data
SCRIPTS = (
    "buttons.js", "model.js", "globs.js", "address.js", "treemap.js",
    "table.js", "views.js", "keys.js", "page.js", "start.js",
)  # fmt: skip


def write_explorer() -> Markup:
    """The section of the explorer, which is empty until the scripts run."""
    return Markup(read_asset("explorer.html"))


def write_data(analysis: Analysis, max_size: int = MAX_SIZE, changes: Mapping[int, bytes] | None = None) -> Markup:
    """The data of the explorer in at most ``max_size`` bytes; ``changes`` are as in ``page_data``."""
    return element("script", Markup(page_data(analysis, max_size, changes)), id="data", type="application/json")
