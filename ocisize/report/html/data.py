"""The data of a page's scripts: compact JSON inside the page, which cannot break out of its element.

Format; columns are by row unless noted::

    {"content_size": bytes, "compressed_size": bytes to download or null,
     "layers": [{"content_size", "compressed_size", "wasted_size", "build_step"}, …],
     "types": [name, …], "special": how many of them are not file types,
     "causes": [name, …],
     "kinds": [[layer, hiding layer or -1, cause or -1, type, change], …],
     "changes": [name, …], only of a comparison, as are the changes in "kinds",
     "noun": what a row is, if not a file, "type_title": what its type is called,
     "reasons": {path of a row: why it is there}, if that is known,
     "least": files of fewer bytes are combined,
     "directories": {"names": "a/b/…", "parents": [position of the parent, …], "rows": [own rows, …]},
     "rows": {"names": "x/y//…", "sizes": […], "compressed_sizes": […] or null, "kinds": […], "groups": {row: entries}}}

Directories come before those in them, the root first; rows are in the order of their directories. Groups have no name.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ocisize.model.analysis import Analysis
from ocisize.model.waste import CAUSES
from ocisize.report.html.changes import CHANGES
from ocisize.report.html.rows import SPECIAL, Folder, PageRows, collect_rows, fold_small_files, size_thresholds
from ocisize.report.words.steps import show_layer
from ocisize.text import printable

MAX_SIZE = 13_000_000  #: bytes of the JSON as UTF-8
_ROW_SIZE = 22  # bytes of a row without its name, approximately
_ESCAPES = str.maketrans({character: f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"})


def page_data(analysis: Analysis, max_size: int = MAX_SIZE, changes: Mapping[int, bytes] | None = None) -> str:
    """An analysis as JSON of at most ``max_size`` bytes, unless its layers and file types alone take more.

    ``changes``: the changes of its files in a comparison, by layer, as ``collect_rows`` takes them; indexes into CHANGES.
    """
    rows = collect_rows(analysis, changes)
    total = sum(rows.sizes)
    for least, least_folder in size_thresholds(rows, max_size, _ROW_SIZE):
        folders = fold_small_files(rows, least, least_folder)
        text = embed(rows_document(analysis, rows, folders, least, has_changes=changes is not None))
        if len(text.encode()) <= max_size or least > total:
            break
    return text


def embed(document: Any) -> str:
    """JSON without the characters that end a script element or a line of script."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).translate(_ESCAPES)


def rows_document(
    analysis: Analysis, rows: PageRows, folders: Sequence[Folder], least: int, *, has_changes: bool = False
) -> dict[str, Any]:
    """The data of rows in folders; ``least`` is that of ``fold_small_files``."""
    types = [*SPECIAL, *sorted({kind[3] for kind in rows.kinds}.difference(SPECIAL))]
    numbers = {name: number for number, name in enumerate(types)}
    compressed_size_known = analysis.wasted_compressed_size is not None  # that of files, not only of whole layers
    return {
        "content_size": analysis.content_size,
        "compressed_size": analysis.compressed_size,
        "layers": [
            {
                "content_size": layer.content_size,
                "compressed_size": layer.compressed_size,
                "wasted_size": layer.wasted_size,
                "build_step": printable(show_layer(layer) or layer.digest[:19]),
            }
            for layer in analysis.layers
        ],
        "types": [printable(name) for name in types],
        "special": len(SPECIAL),
        "causes": [str(cause) for cause in CAUSES],
        "kinds": [
            (layer, by, cause, numbers[name], *[change] * has_changes) for layer, by, cause, name, change in rows.kinds
        ],
        **({"changes": CHANGES} if has_changes else {}),
        "least": least,
        "directories": {
            "names": _join(folder.name for folder in folders),
            "parents": [folder.parent for folder in folders],
            "rows": [len(folder.files) + len(folder.groups) for folder in folders],
        },
        "rows": _columns(rows, folders, compressed_size_known=compressed_size_known),
    }


def _columns(rows: PageRows, folders: Sequence[Folder], *, compressed_size_known: bool) -> dict[str, Any]:
    names: list[bytes] = []
    sizes: list[int] = []
    compressed_sizes: list[int] = []
    kinds: list[int] = []
    groups: dict[int, int] = {}
    for folder in folders:
        names += [rows.names[row] for row in folder.files]
        sizes += [rows.sizes[row] for row in folder.files]
        compressed_sizes += [rows.compressed_sizes[row] for row in folder.files]
        kinds += [rows.kind_of[row] for row in folder.files]
        for kind, count, size, compressed_size in folder.groups:
            groups[len(names)] = count
            names.append(b"")
            sizes.append(size)
            compressed_sizes.append(compressed_size)
            kinds.append(kind)
    return {
        "names": _join(names),
        "sizes": sizes,
        "compressed_sizes": compressed_sizes if compressed_size_known else None,
        "kinds": kinds,
        "groups": groups,
    }


def _join(names: Iterable[bytes]) -> str:
    """Names joined by slashes, which no name contains."""
    return printable(b"/".join(names).decode("utf-8", "surrogateescape"))
