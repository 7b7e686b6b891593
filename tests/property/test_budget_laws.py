"""Laws of budgets: what is counted by rows is what is counted by layers, and a limit is kept or broken, never both."""

from __future__ import annotations

from fractions import Fraction

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from ocisize import Analysis, check
from ocisize.budgets.kinds import KINDS, Value
from ocisize.budgets.parse import parse_budgets
from ocisize.model.quantity import Unit
from ocisize.globs import parse_glob
from ocisize.model.waste import WasteTable
from ocisize.budgets.scope import BudgetScope
from ocisize.sizes.layers import sum_layers
from ocisize.model.budget import Budget, BudgetStatus
from tests.gates import image
from tests.evidence import make_evidence

NAMES = st.sampled_from(["a", "b", "c.pem", ".wh.a", ".wh..wh..opq", "d"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
LAYERS = st.lists(st.lists(st.tuples(PATHS, st.integers(0, 9).map(bytes)), max_size=6), min_size=1, max_size=4)
GLOBS = st.lists(st.sampled_from(["a", "/a", "/b/", "*.pem", "a/**/d", "/a/*/b", "[cx].pem"]), min_size=1, max_size=3)


def analysis_of(layers: list[list[tuple[str, bytes]]]) -> Analysis:
    evidence = make_evidence(*layers)
    figures = attrs.asdict(sum_layers(evidence.layers))
    layers_of_config = tuple(attrs.evolve(layer, diff_id=layer.digest) for layer in evidence.layers)
    return attrs.evolve(image(), layers=layers_of_config, waste=WasteTable(), **figures)


@settings(max_examples=150, deadline=None)
@given(LAYERS, GLOBS)
def test_a_part_and_the_rest_are_the_whole(layers: list[list[tuple[str, bytes]]], texts: list[str]) -> None:
    """What globs select and what is left when they are ignored add up, in each figure, for each layer and for all."""
    analysis = analysis_of(layers)
    around = BudgetScope(analysis)
    (whole,) = parse_budgets("max-live = 1").budgets
    globs = tuple(map(parse_glob, texts))
    part, rest = attrs.evolve(whole, paths=globs), attrs.evolve(whole, ignore=globs)
    for chosen in (analysis.layers, *[(layer,) for layer in analysis.layers]):
        figures = [around.select_rows(chosen, budget).sizes() for budget in (whole, part, rest)]
        assert figures[0] == attrs.evolve(
            figures[1],
            compressed_size=(figures[1].compressed_size or 0) + (figures[2].compressed_size or 0),
            content_size=figures[1].content_size + figures[2].content_size,
            wasted_size=figures[1].wasted_size + figures[2].wasted_size,
            file_count=figures[1].file_count + figures[2].file_count,
        )
        assert min(figures[1].live_size, figures[1].wasted_size, figures[1].file_count) >= 0
    for layer in analysis.layers:
        rows = [set(around.select_rows([layer], budget).rows(layer.index)) for budget in (part, rest)]
        assert not rows[0] & rows[1]
        assert layer.files is not None
        assert rows[0] | rows[1] == set(range(len(layer.files)))
        assert sum(1 for _ in around.select_rows([layer], whole).files(layer.index)) == layer.file_count


@settings(max_examples=100, deadline=None)
@given(LAYERS, GLOBS)
def test_globs_mean_what_their_names_say(layers: list[list[tuple[str, bytes]]], texts: list[str]) -> None:
    """A forbidden path is found exactly where the path itself, or a directory above it, matches alone."""
    analysis = analysis_of(layers)
    around = BudgetScope(analysis)
    budgets = parse_budgets(f"forbid = {texts}".replace("'", '"')).budgets
    for layer in analysis.layers:
        assert layer.files is not None
        found = set(around.select_rows([layer], budgets[0]).rows(layer.index))
        for row, path in enumerate(layer.files.paths):
            if path.rpartition(b"/")[2].startswith(b".wh."):
                assert row not in found
                continue
            parts = path.decode().split("/")
            above = ["/".join(parts[:count]) for count in range(1, len(parts))]
            names = [(text, name) for text in texts for name in (*above, path.decode()) if name in above or text != "/b/"]
            assert (row in found) is any(_matches(text, name) for text, name in names)


def _matches(text: str, path: str) -> bool:
    """Whether a glob of the few forms above matches a path by itself."""
    name, parts = path.rpartition("/")[2], path.split("/")
    return {
        "a": name == "a",
        "/a": path == "a",
        "/b/": path == "b",
        "*.pem": name.endswith(".pem"),
        "a/**/d": name == "d" and "a" in parts[:-1],
        "/a/*/b": len(parts) == 3 and parts[0] == "a" and parts[2] == "b",
        "[cx].pem": name == "c.pem",
    }[text]


KEYS = sorted({kind.key for kind in KINDS if kind.value is Value.LIMIT and kind.unit in (Unit.BYTES, Unit.COUNT)})


@settings(max_examples=150, deadline=None)
@given(LAYERS, st.sampled_from(KEYS), st.integers(0, 60))
def test_a_limit_is_kept_up_to_the_figure_and_broken_below(
    layers: list[list[tuple[str, bytes]]], key: str, limit: int
) -> None:
    """The verdict is the comparison, and raising a limit never breaks it."""
    analysis = analysis_of(layers)
    (budget,) = parse_budgets(f"{key} = {limit}").budgets
    (verdict,) = check(analysis, [budget])
    assert verdict.exact_measured is not None
    assert verdict.status is (BudgetStatus.PASS if verdict.exact_measured <= limit else BudgetStatus.FAIL)
    (equal,) = check(analysis, [with_limit(budget, verdict.exact_measured)])
    assert (equal.status, equal.exact_limit) == (BudgetStatus.PASS, verdict.exact_measured)
    if verdict.exact_measured:
        (broken,) = check(analysis, [with_limit(budget, verdict.exact_measured - Fraction(1, 10**9))])
        assert broken.status is BudgetStatus.FAIL


def with_limit(budget: Budget, value: int | Fraction) -> Budget:
    return attrs.evolve(budget, limit=attrs.evolve(budget.limit, value=value))
