"""Reports of a history: figures of the model in every format, widths of lines, and what is left out."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest

from ocisize import Analyzer, FleetFailure, UpdateHistory, measure_updates, read_layer_contents, read_releases
from ocisize.model.updates import ReleaseOrder
from ocisize.report.ci.markdown_text import code_span
from ocisize.report.updates.formats import HISTORY_FORMATS
from ocisize.report.updates.html_charts import draw_stack
from ocisize.report.updates.markdown import to_markdown
from ocisize.report.updates.subject import HistorySubject
from ocisize.report.updates.words import ReleaseNames
from ocisize.updates.series import make_series
from tests.updates.releases import make_layers, make_release_of
from tests.updates.service import TAGS, write_service


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> UpdateHistory:
    """Six releases with their files, and one that could not be read."""
    images = write_service(tmp_path_factory.mktemp("service"))
    read = read_releases(Analyzer(), images)
    contents = read_layer_contents(Analyzer(), read.releases).contents
    failure = FleetFailure(reference="app:<b>|9", message="not `there`")
    return measure_updates(read.releases, contents=contents, failures=[failure], warnings=["a *warning*"])


def write(form: str, history: UpdateHistory, **options: int) -> str:
    file = io.StringIO()
    HISTORY_FORMATS[form].load()(HistorySubject(history=history, color=False, **options), file)
    return file.getvalue()


def long_history(count: int) -> UpdateHistory:
    """Many releases of one repository, whose upper layer changes."""
    releases = [
        make_release_of(
            make_layers([("base", "gzip", 9000, "FROM"), (f"app{number}", "gzip", 100 + number, "COPY . /app")]),
            f"registry.example/team/app:1.{number}",
        )
        for number in range(count)
    ]
    return measure_updates(releases, order=ReleaseOrder.VERSION)


def test_csv_has_the_figures_of_each_update(history: UpdateHistory) -> None:
    rows = list(csv.DictReader(io.StringIO(write("csv", history), newline="")))
    assert len(rows) == len(history.updates) + 1
    for row, update in zip(rows, history.updates, strict=False):
        for name in (
            "by_blob_size",
            "by_chain_size",
            "document_size",
            "changed_size",
            "unchanged_size",
            "cause",
            "above_size",
        ):
            assert row[name] == str(getattr(update, name))
        assert Path(row["after"].partition(" ")[0]).name == TAGS[update.after]
    assert (rows[-1]["before"], rows[-1]["failure"], rows[-1]["by_blob_size"]) == ("app:<b>|9", "not `there`", "")


def test_json_has_all_figures(history: UpdateHistory) -> None:
    document = json.loads(write("json", history))
    assert document["schema"] == "ocisize.history" and document["complete"] is False
    assert document["by_blob"]["total"] == sum(update["by_blob_size"] for update in document["updates"])
    assert document["by_blob"]["total"] == history.by_blob.total
    assert document["changed"]["total"] == sum(update["changed_size"] for update in document["updates"])
    assert [layer["caused_size"] for layer in document["layers"]] == [track.caused_size for track in history.tracks]
    assert document["failures"][0]["reference"] == "app:<b>|9" and document["warnings"] == ["a *warning*"]


def test_openmetrics_has_sums_by_how_layers_are_used_again(history: UpdateHistory) -> None:
    text = write("openmetrics", history)
    for by, sums in (("blob", history.by_blob), ("chain", history.by_chain), ("file", history.changed)):
        assert sums is not None
        assert f'ocisize_update_total_bytes{{platform="linux/amd64",by="{by}"}} {sums.total}\n' in text
        assert f'ocisize_update_percentile_bytes{{platform="linux/amd64",by="{by}"}} {sums.p95}\n' in text
    assert 'ocisize_history_failures{platform="linux/amd64"} 1\n' in text and text.endswith("# EOF\n")
    assert 'image="registry.example/team/app"' in write("openmetrics", long_history(3))


@pytest.mark.parametrize("width", [60, 80, 120, 160])
def test_text_fits_the_width(history: UpdateHistory, width: int) -> None:
    lines = write("text", history, width=width).splitlines()
    assert max(map(len, lines)) <= width
    assert any("COPY . /app" in line for line in lines) and any(line.startswith("incomplete: 1 image") for line in lines)


def test_text_lists_the_last_updates_and_counts_the_others() -> None:
    text = write("text", long_history(20), width=100, top=3)
    assert text.count(" → ") == 3 and "1.18 → 1.19" in text
    assert "… 16 updates before, 25.7 kB; --top shows more" in text
    assert "registry.example/team/app · 20 releases · 1.0 to 1.19 · linux/amd64 · in order of version" in text
    assert "every 8th release" in text


def test_markdown_stays_below_its_limit_and_counts_rows() -> None:
    history = long_history(400)
    whole = to_markdown(history, limit=200_000)
    assert whole.count("| `1.") == 399
    for limit in (3_000, 10_000):
        text = to_markdown(history, limit=limit)
        assert len(text.encode()) <= limit
        assert "more" in text and "### Updates of `registry.example/team/app`" in text


def test_markdown_shows_names_as_code(history: UpdateHistory) -> None:
    text = write("markdown", history)
    assert f"- {code_span('app:<b>|9')}: {code_span('not `there`')}\n" in text
    assert "| `1.1.1` → `1.2.0` |" in text.replace("\N{NO-BREAK SPACE}", " ") and "**reproducible builds**: 7 layers" in text


def test_html_has_a_bar_for_each_update_and_escapes_names(history: UpdateHistory) -> None:
    text = write("html", history)
    assert text.count('viewBox="0 0 100 10"') == len(history.updates)
    assert text.count("<polyline") == 3 and "app:&lt;b&gt;|9" in text and "<b>" not in text
    without_files = write("html", long_history(3))
    assert without_files.count("<polyline") == 2


def test_series_add_up_to_the_updates(history: UpdateHistory) -> None:
    for count in (0, 2, 6):
        series = make_series(history, count)
        assert [sum(stack) for stack in series.stacks] == [update.by_blob_size for update in history.updates]
        assert series.by_blob[-1] == history.by_blob.total and series.by_chain[-1] == history.by_chain.total
        assert series.changed is not None and history.changed is not None
        documents = sum(update.document_size for update in history.updates)
        assert series.changed[-1] == history.changed.total + documents
    full = make_series(history, 6)
    for place, track in enumerate(full.tracks):
        assert sum(stack[place] for stack in full.stacks) == history.tracks[track].caused_size


def test_stacks_have_the_width_of_their_bytes() -> None:
    widths = [float(width) for width in re.findall(r' width="([0-9.]+)" height="10" fill', draw_stack([50, 25, 0, 5], 160))]
    assert widths == [pytest.approx(31.25), pytest.approx(15.62), pytest.approx(3.12)]


@pytest.mark.parametrize("form", sorted(HISTORY_FORMATS))
@pytest.mark.parametrize("count", [0, 1])
def test_histories_without_updates_are_reported(form: str, count: int) -> None:
    assert write(form, long_history(count))


def test_names_are_tags_of_one_repository_or_differ() -> None:
    first, second, other = (
        make_release_of(make_layers([(name, "gzip", 1, "RUN a")]), name)
        for name in ("registry.io/a/app:1", "registry.io/a/app:2", "registry.io/b/app:2")
    )
    names = ReleaseNames([first, second])
    assert (names.repository, names.short) == ("registry.io/a/app", ["1", "2"])
    names = ReleaseNames([first, other])
    assert (names.repository, names.short, names.title) == ("", ["a/app:1", "b/app:2"], "a/app:1 … b/app:2")
