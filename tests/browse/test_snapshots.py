"""The screens that are stored in ``tests/browse/snapshots``; ``python -m tests.browse.screens`` writes them again."""

from __future__ import annotations

import pytest

from ocisize.browse.background import Loaded
from tests.browse.screens import FOLDER, KEYS, SNAPSHOTS, Snapshot, capture, read_image


@pytest.fixture(scope="module")
def loaded() -> Loaded:
    return Loaded(read_image())


def show(loaded: Loaded, snapshot: Snapshot) -> str:
    expected = snapshot.path.read_text("utf-8")
    return capture(loaded, (snapshot.columns, snapshot.lines), KEYS[snapshot.name], lambda text: text == expected)


@pytest.mark.parametrize("snapshot", SNAPSHOTS, ids=lambda snapshot: snapshot.path.stem)
def test_screens(loaded: Loaded, snapshot: Snapshot) -> None:
    """To accept a changed screen, run python -m tests.browse.screens and look at the difference."""
    assert show(loaded, snapshot) == snapshot.path.read_text("utf-8")


def test_screens_are_the_same_without_color(loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    """No color is needed to read a screen."""
    monkeypatch.setenv("NO_COLOR", "1")
    for name in ("wasted", "layer"):
        snapshot = Snapshot(name, 80, 24)
        assert show(loaded, snapshot) == snapshot.path.read_text("utf-8")


def test_screens_fit() -> None:
    """Every file is a snapshot, as high as its terminal and not wider."""
    assert {path.name for path in FOLDER.iterdir()} == {snapshot.path.name for snapshot in SNAPSHOTS}
    for snapshot in SNAPSHOTS:
        lines = snapshot.path.read_text("utf-8").splitlines()
        assert len(lines) == snapshot.lines
        assert max(map(len, lines)) <= snapshot.columns
