"""Patches that are read back: what they change, and the same patch under other names."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocisize.dockerfile.read_diff import FileDiff, read_patch, rename_files
from ocisize.dockerfile.unified_diff import Edit, make_diff

LINES = st.lists(
    st.sampled_from(["a\n", "-- a/x\n", "++ b/x\n", "\n", "@@ -1,1 +1,1 @@\n", "diff --git a/a b/a\n", "\\ x\r\n"])
)


def applied(before: Sequence[str], file: FileDiff) -> list[str]:
    after: list[str] = []
    position = 0
    for change in file.changes():
        assert list(before[change.start : change.start + len(change.old)]) == change.old
        after += [*before[position : change.start], *change.new]
        position = change.start + len(change.old)
    return [*after, *before[position:]]


@settings(deadline=None, max_examples=200)
@given(LINES, LINES, st.booleans(), st.booleans())
def test_what_is_read_is_what_was_written(
    before: list[str], after: list[str], closed_before: bool, closed_after: bool
) -> None:
    """Lines that look like parts of a patch, and last lines without a line end, are read as they are."""
    if before and not closed_before:
        before = [*before[:-1], before[-1].rstrip("\n") or "x"]
    if after and not closed_after:
        after = [*after[:-1], after[-1].rstrip("\n") or "x"]
    patch = make_diff("a", before, [Edit(0, len(before), after)])
    comments, files = read_patch(patch)
    assert comments == ""
    assert [applied(before, file) for file in files] == ([after] if patch else [])
    assert rename_files(patch, lambda name: name) == patch


@pytest.mark.parametrize("name", ["a", "a b", 'q"\\', "caf\udce9/é", "tab\t", "b/b"])
def test_names(name: str) -> None:
    """Names are read as git quotes them."""
    patch = make_diff(name, None, [Edit(0, 0, ["x\n"])])
    _, (file,) = read_patch(f"# why\n{patch}")
    assert (file.name, file.is_new) == (name, True)
    assert rename_files(f"# why\n{patch}", lambda _: name) == f"# why\n{patch}"


@pytest.mark.parametrize(
    "patch", ["", "diff --git a/a b/a\n", "diff --git a/a b/a\n+++ b/a\n@@ -1,9 +1,9 @@\n-x\n", "\\ x\n@@ -1,1 +1,1 @@"]
)
def test_patches_that_were_cut(patch: str) -> None:
    """A patch of a document from elsewhere may end anywhere."""
    _, files = read_patch(patch)
    for file in files:
        list(file.changes())
