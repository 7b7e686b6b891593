"""What reports of a fleet show of its files: the figures of the model, whatever names and paths are."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import attrs
import cmarkgfm
import pytest

from ocisize.fleet.engine import borrowed
from ocisize.fleet.engine.executors import SerialEngine
from ocisize.fleet.files.read import read_fleet_files
from ocisize.fleet.measure import measure_fleet
from ocisize.model.findings import Category
from ocisize.model.fleet_files import FleetFiles, UnreadLayer
from ocisize.report.fleet.files_words import FILE_FIGURES, describe_rebase, name_rule
from ocisize.report.fleet.markdown import LIMIT, to_markdown
from ocisize.report.fleet.subject import FleetSubject
from ocisize.rules.load import load_catalog
from ocisize.text import human_size
from tests.fleet.given import make_fleet
from tests.fleet.shop import shop
from tests.fleets import Tagged, tagged, write_fleet
from tests.hostile import FILES, HOSTILE
from tests.images import build_image, layer
from tests.report.fleet.test_reports import CONTROLS, REPORTS, Page, metrics_of, text_of


def files_of(tags: Sequence[Tagged], folder: Path) -> FleetFiles:
    layout = write_fleet(tags, folder)
    figures = measure_fleet(make_fleet(tags, lambda tag: f"oci-dir:{layout}:{tag.repository}:{tag.tag}", str(layout)))
    return read_fleet_files(figures, engine=SerialEngine())


@pytest.fixture(autouse=True)
def no_open_sources() -> Iterator[None]:
    yield
    assert not borrowed._idle


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> FleetFiles:
    return files_of(shop(), tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> FleetFiles:
    """Paths, build steps, packages and messages that try to break out."""
    paths = list(FILES.items() if isinstance(FILES, Mapping) else FILES)
    junk = [(f"root/.cache/pip/{name}", entry) for name, entry in paths]
    secrets = [(f"{name}/.env", b"AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEYx\n") for name, _ in paths]
    status = "".join(
        f"Package: {name.splitlines()[0]}\nStatus: install ok installed\nVersion: {name.splitlines()[0]}\n\n"
        for name in HOSTILE if name.strip().isascii()
    )  # fmt: skip
    images = [
        build_image(
            [layer([*paths, *junk, *secrets, ("var/lib/dpkg/status", status.encode())]), layer([*paths, ("n", b"%d" % number)])],
            history=[{"created_by": name}, {"created_by": name}],
        )
        for number, name in enumerate(name.encode("utf-8", "replace").decode() for name in HOSTILE)
    ]  # fmt: skip
    found = files_of(
        [tagged("app", str(number), image) for number, image in enumerate(images)], tmp_path_factory.mktemp("a")
    )
    unread = [UnreadLayer(layer=name, size=1, images=1, message=name, hint=name) for name in HOSTILE]
    return attrs.evolve(found, unread=unread, warnings=HOSTILE)


def subject_of(files: FleetFiles) -> FleetSubject:
    return FleetSubject(figures=files.figures, files=files)


def test_the_page_has_all_sections(files: FleetFiles) -> None:
    """Each list of the model is a section with its first rows."""
    page = Page(text_of("html", subject_of(files)))
    names = ("files", "duplicates", "junk", "packages", "rebases", "types", "directories")
    assert {f"{name}-title" for name in names} <= set(page.ids)
    assert "secrets-title" not in page.ids
    for content in files.duplicates[:100]:
        assert content.paths[0] in page.text
    for junk in files.junk:
        assert name_rule(junk) in page.text
    for rebase in files.rebases:
        assert f"{describe_rebase(files, rebase)}." in page.text
    assert set(FILE_FIGURES) <= set(page.text)
    assert any("3.0.11-1 in 9, 3.0.13-1 in 3" in text for text in page.text)


def test_without_files_there_are_no_such_sections(files: FleetFiles) -> None:
    subject = FleetSubject(figures=files.figures)
    assert not {"files-title", "junk-title"} & set(Page(text_of("html", subject)).ids)
    assert "rarely need" not in text_of("markdown", subject)
    assert "ocisize_fleet_files" not in text_of("openmetrics", subject)


def test_metrics_are_those_of_the_model(files: FleetFiles) -> None:
    metrics = metrics_of(subject_of(files))
    assert metrics["ocisize_fleet_files_bytes"] == {(): files.layer_files.total_size}
    assert metrics["ocisize_fleet_files_excess_bytes"] == {(): files.excess_size}
    for name, field in (("once", "size"), ("logical", "logical_size")):
        found = metrics[f"ocisize_fleet_junk_{name}_bytes"]
        assert sum(found.values()) == sum(getattr(junk, field) for junk in files.junk)
        assert found[Category.CACHE.value,] == sum(
            getattr(junk, field) for junk in files.junk if junk.category is Category.CACHE
        )


def test_every_category_of_rules_is_counted(files: FleetFiles) -> None:
    """The sum over the categories has the files of all rules."""
    categories = {name for (name,) in metrics_of(subject_of(files))["ocisize_fleet_junk_once_bytes"]}
    assert {rule.category.value for rule in load_catalog().rules} <= categories


def test_markdown_has_rows_of_files(files: FleetFiles) -> None:
    text = to_markdown(subject_of(files)).replace("\xa0", " ")
    content = files.duplicates[0]
    assert f"| {human_size(content.excess_size)} | 3 | 3 | 12 | `{content.paths[0]}` |" in text
    assert "| 540 kB | 90.0 kB | 12 | OS302 apt archives and caches | base " in text


@pytest.mark.parametrize("limit", [LIMIT, 12_000])
def test_hostile_files_fit_a_comment(hostile: FleetFiles, limit: int) -> None:
    text = to_markdown(subject_of(hostile), limit=limit)
    assert len(text.encode()) <= limit
    page = Page(cmarkgfm.github_flavored_markdown_to_html(text, cmarkgfm.cmark.Options.CMARK_OPT_UNSAFE))
    assert not page.tags & {"script", "img", "b", "em", "iframe", "del", "a"}
    assert "Files that look like secrets" in text


@pytest.mark.parametrize("name", REPORTS)
def test_names_of_files_control_nothing(hostile: FleetFiles, name: str) -> None:
    text = text_of(name, subject_of(hostile))
    assert not CONTROLS.search(text)
    if name == "html":
        page = Page(text)
        assert not page.tags & {"img", "iframe", "b", "em"}
        assert {"secrets-title", "unread-title"} <= set(page.ids)
        assert not [key for key, _ in page.attributes if key.startswith("on")]
    if name == "csv":
        assert len({len(row) for row in csv.reader(io.StringIO(text, newline=""))}) == 1
    if name == "openmetrics":
        assert metrics_of(subject_of(hostile))["ocisize_fleet_unread_layers"] == {(): len(HOSTILE)}
