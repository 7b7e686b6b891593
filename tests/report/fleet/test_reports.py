"""Reports of a fleet show the figures of the model, in forms that parsers read, whatever the names are."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import attrs
import cmarkgfm
import pytest
from hypothesis import given
from prometheus_client.openmetrics.parser import text_fd_to_metric_families

from ocisize.fleet.best_deletions import find_deletions
from ocisize.fleet.deletions import frees
from ocisize.fleet.measure import measure_fleet
from ocisize.model.fleet import Fleet, Root
from ocisize.model.fleet_figures import GroupKind
from ocisize.report.fleet import csv as csv_report
from ocisize.report.fleet import html as html_report
from ocisize.report.fleet import markdown as markdown_report
from ocisize.report.fleet import openmetrics as openmetrics_report
from ocisize.report.fleet import text as text_report
from ocisize.report.fleet.html import to_html
from ocisize.report.fleet.markdown import LIMIT, to_markdown
from ocisize.report.fleet.openmetrics import MAX_SERIES
from ocisize.report.fleet.subject import FleetSubject
from ocisize.report.fleet.words import FIGURES, name_family
from ocisize.text import human_size
from ocisize.updates.histories import measure_histories
from tests.fleet.made import fleet_of, hostile_fleet
from tests.fleet.random_fleets import fleets
from tests.fleets import many_images, service_family

REPORTS: dict[str, Callable[[FleetSubject, Any], None]] = {
    "csv": csv_report.write,
    "html": html_report.write,
    "markdown": markdown_report.write,
    "openmetrics": openmetrics_report.write,
    "text": text_report.write,
}
FAMILY = fleet_of(service_family())
CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\ufeff]")


def subject_of(fleet: Fleet, count: int = 4) -> FleetSubject:
    """A subject with everything that can be asked for."""
    names = [reference for root in fleet.roots for reference in root.references]
    return FleetSubject(
        figures=measure_fleet(fleet),
        deletions=find_deletions(fleet, count),
        freed=frees(fleet, names[:3]) if names else None,
        histories=measure_histories(fleet),
    )


def text_of(name: str, subject: FleetSubject) -> str:
    file = io.StringIO()
    REPORTS[name](subject, file)
    return file.getvalue()


def rows_of(subject: FleetSubject) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text_of("csv", subject), newline="")))


def metrics_of(subject: FleetSubject) -> dict[str, dict[tuple[str, ...], float]]:
    families = text_fd_to_metric_families(io.StringIO(text_of("openmetrics", subject)))  # type: ignore[no-untyped-call]
    return {family.name: {tuple(sample.labels.values()): sample.value for sample in family.samples} for family in families}


class Page(HTMLParser):
    """The tags, attributes and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.text = set[str](), list[str]()
        self.attributes: list[tuple[str, str | None]] = []
        self.ids: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        self.ids += [value or "" for name, value in attrs if name == "id"]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_csv_has_a_row_for_each_image() -> None:
    """The figures of a row are those of its root; the amortised ones add up to what is stored."""
    subject = subject_of(FAMILY)
    figures, rows = subject.figures, rows_of(subject)
    assert [row["image"] for row in rows] == [root.references[0] for root in FAMILY.roots]
    for row, root in zip(rows, figures.roots, strict=True):
        sizes = ("total_size", "unique_size", "shared_size", "amortised_size", "marginal_pull_size", "closest_size")
        assert [int(row[name]) for name in sizes] == [getattr(root, name) for name in sizes]
    assert sum(int(row["amortised_size"]) for row in rows) == figures.stored_size
    (stable,) = [row for row in rows if row["other_references"]]
    assert (stable["image"], stable["other_references"]) == ("registry.example/web:2.0", "registry.example/web:stable")
    (first, second) = [row for row in rows if row["is_index"] == "true"]
    assert first["platforms"] == second["platforms"] == "linux/amd64 linux/arm64"


def test_csv_names_what_was_not_read() -> None:
    rows = rows_of(subject_of(hostile_fleet()))
    assert len(rows) == 2 * len(hostile_fleet().failures)
    assert [bool(row["failure"]) for row in rows] == [False] * (len(rows) // 2) + [True] * (len(rows) // 2)


@given(fleet=fleets())
def test_all_reports_of_any_fleet(fleet: Fleet) -> None:
    """Empty fleets, roots without names, several stores: each report is whole, and its sums are those of the model."""
    subject = subject_of(fleet)
    figures = subject.figures
    rows = rows_of(subject)
    assert sum(int(row["amortised_size"]) for row in rows) == figures.stored_size
    assert sum(int(row["total_size"]) for row in rows) == figures.logical_size
    metrics = metrics_of(subject)
    assert metrics["ocisize_fleet_stored_bytes"] == {(): figures.stored_size}
    for kind in GroupKind:
        parts = metrics.get(f"ocisize_fleet_{kind.value}_amortised_bytes", {})
        assert sum(parts.values()) == (figures.stored_size if figures.of_kind(kind) else 0)
    assert human_size(figures.stored_size).replace(" ", "\xa0") in text_of("markdown", subject)
    page = Page(text_of("html", subject))
    assert human_size(figures.stored_size) in page.text
    assert len(page.ids) == len(set(page.ids))
    labelled = {value for name, value in page.attributes if name == "aria-labelledby"}
    assert labelled <= set(page.ids)


@pytest.mark.parametrize("name", REPORTS)
def test_names_control_nothing(name: str) -> None:
    """No control character, markup, formula or comment of a name reaches a reader."""
    text = text_of(name, subject_of(hostile_fleet()))
    if name == "html":  # the style and the scripts have none either
        page = Page(text)
        assert not page.tags & {"img", "iframe", "b", "em"}
        assert text.count("<script") == text.count("</script>") == 1
        links = [key for key, value in page.attributes if key in ("href", "src") and "javascript:" in (value or "")]
        assert not [*links, *(key for key, _ in page.attributes if key.startswith("on"))]
    if name == "markdown":
        page = Page(cmarkgfm.github_flavored_markdown_to_html(text, cmarkgfm.cmark.Options.CMARK_OPT_UNSAFE))
        assert not page.tags & {"script", "img", "b", "em", "iframe", "del", "a"}
        assert text.startswith("<!-- ocisize fleet ")
        assert "--" not in text.partition("-->")[0].removeprefix("<!--")
    if name == "csv":
        rows = list(csv.reader(io.StringIO(text, newline="")))
        assert len({len(row) for row in rows}) == 1
        assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@"))]
    assert not CONTROLS.search(text)


def test_metrics_have_a_bounded_number_of_series() -> None:
    """Of many repositories those with the largest shares are written, and the others are counted."""
    repositories = MAX_SERIES + 30
    subject = subject_of(fleet_of(many_images(repositories, repositories + 10, size=30, repositories=repositories)))
    metrics = metrics_of(subject)
    groups = subject.figures.of_kind(GroupKind.REPOSITORY)
    assert len(groups) == repositories
    for name in ("logical", "stored", "unique", "amortised"):
        expected = {(group.name,): getattr(group, f"{name}_size") for group in groups[:MAX_SERIES]}
        assert metrics[f"ocisize_fleet_repository_{name}_bytes"] == expected
    assert metrics["ocisize_fleet_omitted_groups"]["repository",] == 30
    assert metrics["ocisize_fleet_sharing_ratio"][()] == pytest.approx(subject.figures.sharing_ratio, abs=1e-6)
    assert metrics["ocisize_fleet_failures"] == {(): 0}


@pytest.mark.parametrize("limit", [LIMIT, 9000, 3000])
def test_markdown_fits_a_comment(limit: int) -> None:
    """Thousands of images and failures are cut to whole rows, which are counted."""
    fleet = fleet_of(many_images(600, 700, size=30, repositories=40))
    subject = subject_of(attrs.evolve(fleet, failures=[*hostile_fleet().failures] * 30), 100)
    text = to_markdown(subject, limit=limit)
    assert len(text.encode()) <= limit
    page = Page(cmarkgfm.github_flavored_markdown_to_html(text))
    assert {"h3", "h4", "table"} <= page.tags
    assert "not shown to save space" in text
    assert not [line for line in text.splitlines() if line.startswith("| ") and not line.endswith(" |")]


def test_markdown_says_what_deletions_free() -> None:
    """The rows of deletions have what each frees beside those above it."""
    subject = subject_of(FAMILY)
    assert subject.deletions is not None
    text = to_markdown(subject).replace("\xa0", " ")
    total = 0
    for reference, gain in zip(subject.deletions.references, subject.deletions.gains, strict=True):
        total += gain
        assert f"| {human_size(gain)} | {human_size(total)} | `{reference}` |" in text
    assert total == subject.deletions.freed.size
    assert "**Deleting 3 references frees" in text


def test_the_page_lists_all_images_and_their_matrix() -> None:
    """Each image has a row, and each two of the matrix a cell with what they share."""
    subject = subject_of(FAMILY)
    figures = subject.figures
    text = to_html(subject)
    page = Page(text)
    assert {
        "web:2.0 +1",
        *(root.references[0].partition("/")[2] for root in FAMILY.roots if len(root.references) == 1),
    } <= set(page.text)
    cells = [value for name, value in page.attributes if name == "title" and " has " in (value or "")]
    size = len(figures.matrix.roots)
    assert len(cells) == size * size - size
    assert f"api:1.1 has {human_size(64867)} of api:1.0" in cells
    for family in figures.families:
        assert name_family(figures.families, family) in page.text
    assert all(term in page.text and meaning in page.text for term, meaning in FIGURES.items())


def test_families_without_a_name_have_that_of_the_family_around_them() -> None:
    families = measure_fleet(FAMILY).families
    names = [name_family(families, family) for family in families]
    assert names[:3] == ["registry.example/base:12.1", "registry.example/base:12.1 + 1 layer", "registry.example/base:12.2"]


def test_deep_families_are_no_problem() -> None:
    """Thousands of images on top of each other: browsers flatten deep elements, so the page ends before."""
    root = FAMILY.roots[0]
    (image,) = root.images
    (layer, *_) = image.layers

    def chain(length: int) -> Root:
        layers = [attrs.evolve(layer, digest=f"sha256:{n:064}", diff_id=f"sha256:{n:064}") for n in range(length)]
        top = attrs.evolve(image, digest=f"sha256:{length:064x}", layers=layers)
        return attrs.evolve(root, digest=top.digest, images=[top], references=[f"registry.example/a:{length}"])

    text = to_html(FleetSubject(figures=measure_fleet(attrs.evolve(FAMILY, roots=[chain(n) for n in range(1, 400)]))))
    assert text.count('<ul class="families">') <= 30
    assert re.search(r"\d+ of fewer images are not listed", text)


def test_one_image_is_a_fleet() -> None:
    """Without others there is no matrix, no family and no group to compare."""
    page = Page(to_html(FleetSubject(figures=measure_fleet(attrs.evolve(FAMILY, roots=FAMILY.roots[:1])))))
    assert "images-title" in page.ids
    assert not {"matrix-title", "families-title", "repositorys-title", "deletions-title"} & set(page.ids)


def test_the_page_has_the_updates_of_each_repository() -> None:
    """A row for each repository with the figures of its history, and a bar for each update."""
    subject = subject_of(FAMILY)
    text = to_html(subject)
    page = Page(text)
    assert "histories-title" in page.ids
    updates = sum(len(found.history.updates) for found in subject.histories)
    titles = re.findall(r"<title>([^<]* → [^<]*)</title>", text)
    assert len(titles) == updates == 10
    for found in subject.histories:
        for update in found.history.updates:
            before, after = found.history.releases[update.before].name, found.history.releases[update.after].name
            assert f"{before} → {after}: {human_size(update.by_blob_size)}" in titles
    assert "histories-title" not in Page(to_html(attrs.evolve(subject, histories=()))).ids


def test_the_text_report_names_what_is_no_image() -> None:
    """A chart counts in all figures, and nothing else says that there is no image."""
    roots = [attrs.evolve(root, images=[]) if number < 4 else root for number, root in enumerate(FAMILY.roots)]
    shown, _, _, last = (root.references[0].rpartition("/")[2] for root in roots[:4])
    text = text_of("text", subject_of(attrs.evolve(FAMILY, roots=roots)))
    (line,) = [line for line in text.split("\n") if line.startswith("No image")]
    assert shown in line and last not in line and line.endswith("and 1 more.")
    assert "No image" not in text_of("text", subject_of(FAMILY))
