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


_PATHS = "node_modules, *.pyc, /usr/share/**/*.mo"  # as examples of a search


def write_explorer(noun: str = "file", type_title: str = "File type") -> Markup:
    """The section of the explorer, which is empty until the scripts run.

    ``noun``: what a row is, as in the data. ``type_title``: what its type is called.
    """
    text = read_asset("explorer.html")
    if noun != "file":
        text = text.replace("only its files", f"only its {noun}s").replace(">Files<", f">{noun.capitalize()}s<")
        text = text.replace("Search paths", "Search names").replace(_PATHS, "libssl*, python")
        text = text.replace("opens a folder", "opens a kind")
    return Markup(text.replace("File type", type_title))


def write_data(analysis: Analysis, max_size: int = MAX_SIZE, changes: Mapping[int, bytes] | None = None) -> Markup:
    """The data of the explorer in at most ``max_size`` bytes; ``changes`` are as in ``page_data``."""
    return element("script", Markup(page_data(analysis, max_size, changes)), id="data", type="application/json")
