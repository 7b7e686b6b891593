"""The packages of an image as one HTML file: a treemap whose blocks are packages, and the table of the text report.

The treemap is that of the page about an image. Its folders are ecosystems and kinds of files that no package owns, with
parts of names that have slashes below; the file type of a row is its kind.
"""

from __future__ import annotations

from typing import TextIO

from ocisize.model.analysis import Analysis
from ocisize.model.packages import Inventory, OwnedSizes
from ocisize.model.sizes import paid_layers
from ocisize.report.html.body import write_foot, write_head
from ocisize.report.html.data import embed, rows_document
from ocisize.report.html.document import write_document
from ocisize.report.html.explorer import SCRIPTS, write_explorer
from ocisize.report.html.markup import Markup, element
from ocisize.report.html.rows import OVERHEAD, PageRows, fold_small_files
from ocisize.report.packages.html_table import write_table
from ocisize.report.packages.words import Explainer, locate_unowned, name_package, name_unowned
from ocisize.report.words.image import name_image
from ocisize.sizes.cost import default_assumptions
from ocisize.sizes.packages import PackageListing
from ocisize.text import display_name, printable

_SLASH = "\N{DIVISION SLASH}"  # in place of the slash that separates folders
_CAUSES = ("waste",)  # why a row is hidden: the layers that hide it are not known


def write_html(analysis: Analysis, inventory: Inventory, listing: PackageListing, file: TextIO) -> None:
    """Write the page. The treemap has all packages, the table below those of the listing."""
    reasons: dict[str, str] = {}
    rows = _collect_rows(analysis, inventory, listing, reasons)
    document = {
        **rows_document(analysis, rows, fold_small_files(rows, 0, 0), 0),
        "reasons": reasons,
        "causes": _CAUSES,
        "noun": "package",
        "type_title": "Kind",
    }
    body = [
        write_head(analysis, default_assumptions()),
        element(
            "main",
            write_explorer(noun="package", type_title="Kind"),
            write_table(analysis, inventory, listing),
        ),
        write_foot(analysis),
        element("script", Markup(embed(document)), id="data", type="application/json"),
    ]
    file.write(write_document(f"Packages of {name_image(analysis)}", body, SCRIPTS))


def _collect_rows(analysis: Analysis, inventory: Inventory, listing: PackageListing, reasons: dict[str, str]) -> PageRows:
    """The rows of the treemap: of each package the live bytes and the wasted ones.

    ``reasons`` gets why packages are there, and where other files are, by the paths of their rows.
    """
    rows, explainer = PageRows(), Explainer(inventory)
    for package in inventory.packages:
        version = explainer.show_version(package)
        label = name_package(package, listing.repeated)[len(package.name) :].replace("/", _SLASH)
        path = _add(rows, package.ecosystem, package.name, f"{label} {version}".rstrip(), package.layer, package)
        reasons[path] = explainer.explain(package)
    for files in inventory.unowned:
        name = name_unowned(files).replace("/", _SLASH)
        reasons[_add(rows, f"not owned: {files.kind.value}", name, "", files.layer, files)] = locate_unowned(files)
    for layer, paid in zip(analysis.layers, paid_layers(analysis.layers), strict=True):
        if paid and layer.overhead_size:
            rows.add(0, b"", 0, layer.overhead_size, 0, (layer.index, -1, -1, OVERHEAD, 0))
    return rows


def _add(rows: PageRows, kind: str, name: str, end: str, layer: int, sizes: OwnedSizes) -> str:
    """Add the rows of a package or of other files, and return their path."""
    *folders, last = list(filter(None, display_name(name).split("/"))) or ["?"]
    path = "/".join([kind, *folders]).encode()
    parent = rows.directories.setdefault(path, len(rows.directories))
    wasted = sizes.wasted_size, sizes.wasted_compressed_size or 0
    live = sizes.live_size, (sizes.compressed_size or 0) - wasted[1]
    for (size, compressed_size), hidden in ((live, (-1, -1)), (wasted, (-1, 0))):
        if size or compressed_size:
            rows.add(parent, (last + end).encode(), size, compressed_size, 1, (layer, *hidden, kind, 0))
    return printable(f"{path.decode()}/{last}{end}")
