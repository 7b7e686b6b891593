"""Baselines: what is kept, how it reads, and that nothing in it ever rises by itself."""

from __future__ import annotations

import json

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocisize.budgets.baseline import (
    Baseline,
    BaselineLayer,
    BaselineEntry,
    BaselineTotals,
    baseline_from_json,
    baseline_to_json,
    baseline_entry,
    ratchet,
    baseline_name,
)
from ocisize.errors import BudgetError
from tests.gates import STEPS, changed, image

TEXT = baseline_to_json(Baseline().with_entry("acme/app", "linux/amd64", baseline_entry(image())))


def test_what_is_kept() -> None:
    """The totals of the image, and each layer's digest, step and sizes; sorted, a value to a line."""
    document = json.loads(TEXT)
    assert (document["schema"], document["version"]) == ("ocisize.baseline", 1)
    entry = document["images"]["acme/app"]["linux/amd64"]
    assert entry["totals"] == {
        "compressed_size": 10100, "content_size": 20000, "live_size": 15000, "wasted_size": 5000, "files": 6, "layers": 4, "file_size": 9000,
    }  # fmt: skip
    assert [(each["build_step"], each["compressed_size"], each["content_size"]) for each in entry["layers"]] == [
        (STEPS[0], 5000, 10000), (STEPS[1], 4000, 8000), (STEPS[2], 100, 0), (STEPS[3], 1000, 2000),
    ]  # fmt: skip
    assert TEXT == json.dumps(document, indent=2, sort_keys=True) + "\n"
    assert len(TEXT) < 2000


def test_it_reads_back() -> None:
    """What was written is what is read, and written again it is the same text."""
    baseline = baseline_from_json(TEXT, "b.json")
    assert baseline.entry("acme/app", "linux/amd64") == baseline_entry(image())
    assert baseline_to_json(baseline) == TEXT
    assert baseline.entry("acme/app", "linux/arm64") is baseline.entry("other", "linux/amd64") is None


def test_entries_are_independent() -> None:
    """Other images and platforms stay when one is written, and the order of writing does not show."""
    small = attrs.evolve(baseline_entry(image()), layers=())
    one = Baseline().with_entry("b", "linux/arm64", small).with_entry("a", "x", small).with_entry("b", "linux/amd64", small)
    two = Baseline().with_entry("b", "linux/amd64", small).with_entry("b", "linux/arm64", small).with_entry("a", "x", small)
    assert baseline_to_json(one) == baseline_to_json(two)
    assert sorted(one.images["b"]) == ["linux/amd64", "linux/arm64"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "b.json: is not JSON: "),
        ("[" * 100_000, "b.json: is not JSON: "),
        ("[]", "b.json: is not a baseline: its schema is not 'ocisize.baseline'"),
        ('{"schema": "ocisize.baseline", "version": 2}', "b.json: is a baseline of version 2, this ocisize reads 1"),
        ('{"schema": "ocisize.baseline", "version": 1}', "b.json: is not a valid baseline"),
        (TEXT.replace("10100", '"10100"'), "b.json: is not a valid baseline; "),
        (TEXT.replace("10100", "1e9"), "b.json: is not a valid baseline; "),
        (TEXT.replace("10100", "NaN"), "b.json: is not a valid baseline; "),
        (TEXT.replace("10100", "-1"), "b.json: is not a valid baseline; "),
        (TEXT.replace('"content_size": 20000', '"content_size": null'), "b.json: is not a valid baseline; "),
        (TEXT.replace('"files": 6,', ""), "b.json: is not a valid baseline; "),
    ],
)
def test_what_is_no_baseline(text: str, problem: str) -> None:
    """A file that was damaged, or is of another version, is an error and no empty baseline."""
    with pytest.raises(BudgetError) as caught:
        baseline_from_json(text, "b.json")
    assert str(caught.value).startswith(problem)


@pytest.mark.parametrize(
    ("reference", "source", "name"),
    [
        ("registry.io:5000/acme/app:1.2", "x", "registry.io:5000/acme/app"),
        ("registry.io/app@sha256:00", "x", "registry.io/app"),
        ("registry.io/app:1@sha256:00", "x", "registry.io/app"),
        ("app", "x", "app"),
        (None, "build/app.tar", "app.tar"),
        (None, "./layout/", "layout"),
        (None, "", "image"),
        ("caf\udce9:1", "x", "caf\\xe9"),
    ],
)
def test_names(reference: str | None, source: str, name: str) -> None:
    """An image keeps its entry when its tag changes with every build."""
    assert baseline_name(changed(image(), reference=reference, source=source)) == name


def test_a_figure_that_falls_is_lowered_alone() -> None:
    """What has become smaller is kept; what has grown stays as it was accepted."""
    old = baseline_entry(image())
    new = attrs.evolve(old, totals=attrs.evolve(old.totals, compressed_size=9000, wasted_size=6000))
    assert ratchet(old, new).totals == attrs.evolve(old.totals, compressed_size=9000)
    assert ratchet(old, old) == old
    assert (
        ratchet(attrs.evolve(old, totals=attrs.evolve(old.totals, compressed_size=None)), old).totals.compressed_size
        == 10100
    )
    assert (
        ratchet(old, attrs.evolve(old, totals=attrs.evolve(old.totals, compressed_size=None))).totals.compressed_size
        == 10100
    )


def test_layers_are_replaced_when_none_has_grown() -> None:
    """A layer that grew, or is new, leaves all layers as they were; one that went does not."""
    old = baseline_entry(image())
    first, *rest = old.layers
    smaller = (attrs.evolve(first, content_size=1, compressed_size=1, digest="sha256:new"), *rest)
    assert ratchet(old, attrs.evolve(old, layers=smaller)).layers == smaller
    assert ratchet(old, attrs.evolve(old, layers=smaller[:2])).layers == smaller[:2]
    for layers in (
        (attrs.evolve(first, content_size=10**6), *rest),
        (*old.layers, first),
        (attrs.evolve(first, compressed_size=None), *rest),
    ):
        assert ratchet(old, attrs.evolve(old, layers=layers)).layers == old.layers


def test_parts_are_kept_and_lowered() -> None:
    """Figures of parts are in the file only where there are any, read back, fall, and are not forgotten."""
    entry = baseline_entry(image(), {"compressed_size in /app": 5, "live_size in /b": 7})
    text = baseline_to_json(Baseline().with_entry("a", "b", entry))
    assert json.loads(text)["images"]["a"]["b"]["parts"] == {"live_size in /b": 7, "compressed_size in /app": 5}
    assert baseline_from_json(text, "x").entry("a", "b") == entry
    assert "parts" not in TEXT
    now = baseline_entry(image(), {"compressed_size in /app": 6, "files in /c": 1, "live_size in /b": 2})
    assert ratchet(entry, now).parts == {"compressed_size in /app": 5, "live_size in /b": 2, "files in /c": 1}
    for bad in ('"x"', "-1", "null", "1.5"):
        with pytest.raises(BudgetError, match="is not a valid baseline"):
            baseline_from_json(text.replace('"live_size in /b": 7', f'"live_size in /b": {bad}'), "x")


sizes = st.integers(0, 5)
unknown_sizes = st.none() | sizes
entries = st.builds(
    BaselineEntry,
    totals=st.builds(
        BaselineTotals,
        compressed_size=unknown_sizes,
        content_size=sizes,
        live_size=sizes,
        wasted_size=sizes,
        files=sizes,
        layers=sizes,
        file_size=unknown_sizes,
    ),
    layers=st.lists(
        st.builds(
            BaselineLayer,
            digest=st.just("d"),
            build_step=st.sampled_from(["RUN a", "RUN b"]),
            compressed_size=unknown_sizes,
            content_size=sizes,
        ),
        max_size=3,
    ).map(tuple),
    parts=st.dictionaries(st.sampled_from(["compressed_size in /a", "live_size in /b"]), sizes),
)


@given(entries, entries)
def test_no_figure_rises(old: BaselineEntry, new: BaselineEntry) -> None:
    """Whatever an image has become, lowering a baseline raises and forgets nothing; doing it again changes nothing."""
    found = ratchet(old, new)
    for field in attrs.fields(BaselineTotals):
        before, after = getattr(old.totals, field.name), getattr(found.totals, field.name)
        assert before is None or (after is not None and after <= before)
    assert all(found.parts[part] <= size for part, size in old.parts.items())
    steps = old.by_step()
    for step, each in found.by_step().items():
        assert step in steps
        assert each.content_size is not None and each.content_size <= (steps[step].content_size or 0)
        before = steps[step].compressed_size
        assert before is None or (each.compressed_size is not None and each.compressed_size <= before)
    assert ratchet(found, new) == found


@given(entries)
def test_every_entry_reads_back(entry: BaselineEntry) -> None:
    """Text and value are the same."""
    baseline = Baseline().with_entry("a", "b", entry)
    assert baseline_from_json(baseline_to_json(baseline), "x") == baseline
