"""The reports on packages, made from inventories by hand; tests/inventory compares inventories with the programs."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest

from ocisize.model.analysis import Analysis
from ocisize.model.packages import APK, DEB, PYTHON, Inventory, PackageReason, Unowned
from ocisize.report.html.page import to_html
from ocisize.report.packages.csv import write_csv
from ocisize.report.packages.html import write_html
from ocisize.report.packages.json import packages_to_json
from ocisize.report.packages.markdown import write_markdown
from ocisize.report.packages.text import write_packages
from ocisize.report.packages.words import Explainer, describe_inventory, show_place
from ocisize.sizes.packages import PackageGrouping, list_packages
from ocisize.text import human_size
from ocisize.values import evolve
from tests.inventories import OVERHEAD, VENV, analysis_with, make_inventory, make_package, make_unowned, sizes, sums_of

FIGURES = ("content_size", "wasted_size", "compressed_size", "wasted_compressed_size", "file_count")
HOSTILE = '</script><b>\x1b[31m|`=1+1\n"\u202e'


def text_of(
    inventory: Inventory, *, width: int = 120, by: PackageGrouping = PackageGrouping.PACKAGE, count: int | None = None
) -> str:
    file = io.StringIO()
    listing = list_packages(inventory, count=count, unowned_count=count, by=by)
    write_packages(analysis_with(inventory), inventory, listing, file, width=width, color=False)
    return file.getvalue()


def line_of(text: str, start: str) -> list[str]:
    """The cells of the line that begins so."""
    (line,) = [line for line in text.splitlines() if line.strip().startswith(start)]
    return re.split(r" {2,}", line.strip())


def test_the_table_has_each_package_and_ends_with_the_image() -> None:
    inventory = make_inventory()
    text = text_of(inventory, width=140)
    assert line_of(text, "Package") == [
        "Package", "Version", "Kind", "Download", "Unpacked", "Waste", "Exclusive", "Layer", "Why",
    ]  # fmt: skip
    assert line_of(text, "torch") == ["torch", "2.2.0", "python", "300 kB", "900 kB", "-", "1.00 MB", "2", "asked for"]
    assert line_of(text, "openssl") == ["openssl", "3.0.12-1", "deb", "4.00 kB", "10.0 kB", "-", "1", "development"]
    figures = sums_of(inventory)
    total = [human_size(figures[name]) for name in ("compressed_size", "content_size", "wasted_size")]
    assert line_of(text, "Image") == ["Image", *total]
    assert line_of(text, "tar headers") == ["tar headers and padding", human_size(OVERHEAD), "-"]


def test_packages_of_one_name_are_shown_with_their_places_and_their_successors() -> None:
    text = text_of(make_inventory(), width=160)
    assert line_of(text, "numpy (in /opt/venv)")[1:2] == ["1.26.4"]
    assert line_of(text, "numpy (in /usr)")[-1] == "recommended only"
    old, new = [re.split(r" {2,}", line) for line in text.splitlines() if line.startswith("libssl3")][::-1]
    assert (old[1], old[-1]) == ("3.0.11-1", "replaced by 3.0.12-1")
    assert (new[1], new[-1]) == ("3.0.12-1", "needed by curl")
    gone = line_of(text, "gone")
    assert (gone[1], gone[-1]) == ("1", "removed")
    assert "needed by scipy and 1 more" in text


def test_files_that_no_package_owns_have_a_part_of_their_own() -> None:
    lines = text_of(make_inventory()).splitlines()
    start = lines.index("Not owned by a package")
    assert [re.split(r" {2,}", line.strip())[:2] for line in lines[start + 1 : start + 4]] == [
        ["apt lists", "cache"], ["application files", "application"], ["other files", "unknown"],
    ]  # fmt: skip


def test_entries_without_content_have_a_name() -> None:
    """Directories and links take space in a tar, and have no content."""
    empty = make_unowned(Unowned.APPLICATION, "", sizes(0, 9_000, files=0))
    inventory = evolve(make_inventory(), unowned=(empty,))
    assert line_of(text_of(inventory), "directories and links")[1:3] == ["application", "9.00 kB"]


def test_the_layers_of_the_rows_are_below_the_table() -> None:
    """Only those that the table names, with their build steps; a table of layers has them in its rows."""
    layers = text_of(make_inventory(), count=1).rpartition("\n\n")[2]
    assert layers.splitlines() == [
        "Layers  1   372 kB  RUN apt-get update && apt-get install -y ca-certificates media-types",
        "        2  20.7 kB  COPY . /app",
    ]
    assert not text_of(make_inventory(), by=PackageGrouping.LAYER).rpartition("\n\n")[2].startswith("Layers")


def test_rows_beyond_the_count_are_one() -> None:
    text = text_of(make_inventory(), count=2)
    assert line_of(text, "… 6")[0] == "… 6 other packages"
    assert line_of(text, "… 1 more")
    assert "openssl" not in text
    assert line_of(text_of(make_inventory(), count=2, by=PackageGrouping.SOURCE), "… 3")[0] == "… 3 other source packages"


@pytest.mark.parametrize("by", list(PackageGrouping))
@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 160])
def test_no_line_is_wider_than_the_page(width: int, by: PackageGrouping) -> None:
    long = make_package(DEB, "x" * 300, "9" * 300, sizes(10**9, 10**9), reason=PackageReason.NEEDED, needed_by=("y" * 300,))
    inventory = make_inventory()
    text = text_of(evolve(inventory, packages=(long, *inventory.packages)), width=width, by=by)
    table = text.split("\n\n", 1)[1]
    if width >= 80:
        assert max(map(len, table.splitlines())) <= width
        assert "x" * 8 in table or by is not PackageGrouping.PACKAGE


def test_a_narrow_page_has_names_and_versions_in_one_column() -> None:
    text = text_of(make_inventory(), width=80)
    assert line_of(text, "Package")[:2] == ["Package", "Kind"]
    assert "torch 2.2.0" in text
    assert "Exclusive" not in text


def test_groups_name_their_packages() -> None:
    text = text_of(make_inventory(), by=PackageGrouping.SOURCE)
    (row,) = [line for line in text.splitlines() if line.startswith("openssl")]
    assert "3 packages: libssl3" in row
    cells = line_of(text_of(make_inventory(), by=PackageGrouping.LAYER, width=160), "layer 2: COPY . /app")
    assert cells[-1] == "3 packages: torch, numpy, @babel/core"
    assert line_of(text_of(make_inventory(), by=PackageGrouping.ECOSYSTEM), "python")[-1] == "3 packages: torch, numpy"


def test_an_unknown_download_has_no_column() -> None:
    packages = (make_package(DEB, "a", "1", sizes(5_000, None)),)
    inventory = Inventory(packages=packages, unowned=(), overhead_size=None)
    assert "Download" not in text_of(inventory).split("\n\n", 1)[1]
    assert line_of(text_of(inventory), "Image") == ["Image", "5.00 kB"]


def test_an_image_without_databases_says_so() -> None:
    inventory = Inventory(packages=(), unowned=make_inventory().unowned, overhead_size=0)
    text = text_of(inventory)
    assert "No packages: no package database was found" in text
    assert line_of(text, "apt lists")[1] == "cache"
    assert line_of(text, "Image")


def test_warnings_about_databases_follow_the_table() -> None:
    text = text_of(evolve(make_inventory(), warnings=("var/lib/rpm/Packages: too large",)))
    assert text.endswith("\nwarning: var/lib/rpm/Packages: too large\n")


def test_reasons_and_places_in_words() -> None:
    explainer = Explainer(make_inventory())
    words = {
        reason: explainer.explain(make_package(PYTHON, "p", "1", sizes(1, 1), reason=reason)) for reason in PackageReason
    }
    assert words == {
        PackageReason.ASKED: "asked for", PackageReason.NEEDED: "needed", PackageReason.RECOMMENDED: "recommended only",
        PackageReason.DEVELOPMENT: "development", PackageReason.UNKNOWN: "",
    }  # fmt: skip
    assert explainer.explain(make_package(PYTHON, "p", "1", sizes(0, 0), owned_by=("python3-p",))) == "files of python3-p"
    assert [show_place(place) for place in (VENV, "usr/lib64/python3.9/site-packages", "app/node_modules")] == [
        "/opt/venv", "/usr", "/app/node_modules",
    ]  # fmt: skip
    assert (
        describe_inventory(make_inventory()) == "8 packages (3 python, 3 deb, 1 npm, 1 apk), 2 of them only in lower layers"
    )


def test_packages_whose_database_is_gone() -> None:
    """A container sees their files, so they are neither removed nor in lower layers alone."""
    gone = make_package(DEB, "bash", "5.2", sizes(100, 40, wasted=10), installed=False)
    removed = make_package(DEB, "dash", "0.5", sizes(100, 40, wasted=100), installed=False)
    inventory = Inventory(packages=(gone, removed), unowned=(), overhead_size=0)
    explainer = Explainer(inventory)
    assert [explainer.explain(package) for package in inventory.packages] == ["no longer in a database", "removed"]
    assert [explainer.show_version(package) for package in inventory.packages] == ["5.2", "0.5 (removed)"]
    assert (
        describe_inventory(inventory)
        == "2 packages of deb, 1 of them no longer in a database, 1 of them only in lower layers"
    )


def csv_of(inventory: Inventory, **options: object) -> list[dict[str, str]]:
    file = io.StringIO(newline="")
    write_csv(analysis_with(inventory), list_packages(inventory, **options), file)  # type: ignore[arg-type]
    return list(csv.DictReader(io.StringIO(file.getvalue(), newline="")))


@pytest.mark.parametrize("by", list(PackageGrouping))
@pytest.mark.parametrize("count", [None, 1])
@pytest.mark.parametrize("kinds", [(), (DEB,)])
def test_columns_of_csv_add_up_to_the_image(by: PackageGrouping, count: int | None, kinds: tuple[str, ...]) -> None:
    inventory = make_inventory()
    rows = csv_of(inventory, by=by, count=count, unowned_count=count, kinds=kinds)
    expected = sums_of(inventory)
    assert {name: sum(int(row[name]) for row in rows) for name in FIGURES} == {name: expected[name] for name in FIGURES}


def test_rows_of_csv_have_all_that_is_known_of_a_package() -> None:
    row = csv_of(make_inventory())[1]
    assert {name: row[name] for name in ("part", "kind", "name", "version", "place", "needed_by", "installed", "purl")} == {
        "part": "packages", "kind": PYTHON, "name": "numpy", "version": "1.26.4", "place": VENV, "needed_by": "scipy torch",
        "installed": "true", "purl": "pkg:python/numpy@1.26.4",
    }  # fmt: skip


def hostile() -> tuple[Analysis, Inventory]:
    package = make_package(
        APK, HOSTILE, HOSTILE, sizes(10, 10), place=HOSTILE, needed_by=(HOSTILE,), reason=PackageReason.NEEDED
    )
    inventory = Inventory(
        packages=(package, package, evolve(package, name="\ud800/=")),
        unowned=(make_unowned(Unowned.CACHE, HOSTILE, sizes(10, 10)),), overhead_size=0, warnings=(HOSTILE,),
    )  # fmt: skip
    return analysis_with(inventory), inventory


def test_hostile_names_stay_names() -> None:
    analysis, inventory = hostile()
    listing = list_packages(inventory)
    text, page, markdown = io.StringIO(), io.StringIO(), io.StringIO()
    write_packages(analysis, inventory, listing, text, width=160, color=False)
    assert "\x1b" not in text.getvalue()
    assert "\u202e" not in text.getvalue()
    write_html(analysis, inventory, listing, page)
    assert "</script><b>" not in page.getvalue()
    assert "<b>" not in page.getvalue()
    write_markdown(analysis, inventory, listing, markdown)
    assert "<b>" not in markdown.getvalue()
    names = [row["name"] for row in csv_of(inventory)]
    assert not any(name.startswith("=") for name in names)
    assert json.loads(packages_to_json(analysis, inventory, listing))["packages"][0]["name"] == HOSTILE


def test_json_has_all_fields_and_adds_up() -> None:
    inventory = make_inventory()
    analysis = analysis_with(inventory)
    document = json.loads(
        packages_to_json(
            analysis,
            inventory,
            list_packages(inventory, count=3, unowned_count=1, kinds=[PYTHON, "cache", "unknown"]),
            kinds=[PYTHON],
        )
    )
    assert (document["schema"], document["version"], document["by"], document["sort"]) == (
        "ocisize.packages", 1, "package", "download",
    )  # fmt: skip
    parts = [
        *document["packages"],
        document["others"],
        *document["unowned"],
        document["other_unowned"],
        document["other_kinds"],
    ]
    sums = {name: sum(part[name] for part in parts) for name in FIGURES}
    sums["compressed_size"] += document["overhead_size"]
    assert sums == {name: document["totals"][name] for name in FIGURES}
    torch = document["packages"][0]
    assert (torch["reason"], torch["exclusive_size"], torch["live_size"]) == ("asked", 1_000_000, 900_000)


def test_json_of_groups_lists_the_packages_of_each() -> None:
    inventory = make_inventory()
    listing = list_packages(inventory, by=PackageGrouping.SOURCE)
    document = json.loads(packages_to_json(analysis_with(inventory), inventory, listing))
    (group,) = [group for group in document["groups"] if group["name"] == "openssl"]
    assert [package["name"] for package in group["packages"]] == ["libssl3", "libssl3", "openssl"]
    assert (document["packages"], group["content_size"]) == ([], 91_000)


def test_the_page_has_every_byte_in_its_treemap() -> None:
    inventory, file = make_inventory(), io.StringIO()
    write_html(analysis_with(inventory), inventory, list_packages(inventory, count=2), file)
    (data,) = re.findall(r'<script id="data" type="application/json">(.*?)</script>', file.getvalue(), re.DOTALL)
    document = json.loads(data)
    assert sum(document["rows"]["sizes"]) == sums_of(inventory)["content_size"]
    wasted = [
        size for size, kind in zip(document["rows"]["sizes"], document["rows"]["kinds"], strict=True)
        if document["kinds"][kind][2] >= 0
    ]  # fmt: skip
    assert sum(wasted) == sums_of(inventory)["wasted_size"]
    names = document["rows"]["names"].split("/")
    assert len(names) == len(document["rows"]["sizes"])
    assert {"torch 2.2.0", "libssl3 3.0.11-1 (replaced)", "core 7.24.0"} <= set(names)
    assert "@babel" in document["directories"]["names"].split("/")
    assert {document["types"][kind[3]] for kind in document["kinds"]} >= {PYTHON, DEB, "npm", APK, "not owned: cache"}


def test_the_page_about_an_image_has_the_largest_packages() -> None:
    analysis = analysis_with(make_inventory())
    page = to_html(analysis)
    assert '<h2 id="packages-title">8 packages' in page
    assert "<strong>torch</strong> 2.2.0" in page
    assert "packages-title" not in to_html(evolve(analysis, packages=None))


def test_markdown_is_a_table_that_ends_with_the_image() -> None:
    inventory, file = make_inventory(), io.StringIO()
    write_markdown(analysis_with(inventory), inventory, list_packages(inventory, count=1), file)
    lines = file.getvalue().rstrip().splitlines()
    assert lines[-1].endswith("| **Image** |  |")
    (row,) = [line for line in lines if "torch" in line]
    assert "asked for" in row
    assert sum("| not owned by a package |" in line for line in lines) == 3
    assert len({line.count("|") for line in lines if line.startswith("|")}) == 1


@pytest.mark.parametrize("version", ["1.26.4", "2.36-9+deb12u4"])
def test_a_narrow_page_cuts_names_before_versions(version: str) -> None:
    packages = tuple(
        make_package(PYTHON, "opencv-python-headless", version + end, sizes(10**6, 10**6), place=place, reason=PackageReason.NEEDED,
                     needed_by=("scipy", "torch"))
        for end, place in (("", VENV), ("1", "usr/lib/python3/dist-packages"))
    )  # fmt: skip
    lines = text_of(Inventory(packages=packages, unowned=(), overhead_size=0), width=80).splitlines()
    assert [any(f"… {package.version} " in line for line in lines) for package in packages] == [True, True]


def test_files_of_no_package_have_a_directory_where_it_fits() -> None:
    files = make_unowned(Unowned.CACHE, "pip cache", sizes(9, 9), path="/root/.cache/pip")
    inventory = evolve(make_inventory(), unowned=(files,))
    assert line_of(text_of(inventory), "pip cache")[-1] == "in /root/.cache/pip"
    assert "/root" not in text_of(inventory, width=80)
    listing, page, comment = list_packages(inventory), io.StringIO(), io.StringIO()
    write_html(analysis_with(inventory), inventory, listing, page)
    write_markdown(analysis_with(inventory), inventory, listing, comment)
    assert all("not owned by a package, in /root/.cache/pip" in file.getvalue() for file in (page, comment))
