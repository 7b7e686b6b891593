"""Paths of directories without symlinks."""

from __future__ import annotations

import pytest

from ocisize.filesystem.directories import MAX_PATH
from ocisize.inventory import links
from ocisize.inventory.links import RealDirectories


def test_paths_that_nothing_can_have_are_not_split() -> None:
    """A line of a list may have megabytes: its directories would have terabytes in all."""
    real = RealDirectories({b"a": b"b"})
    longest, longer = b"a/" * (MAX_PATH // 2 - 1) + b"aa", b"a/" * (MAX_PATH // 2) + b"a"
    assert real[longest] == b"b" + longest[1:]
    before = len(real)
    assert real[longer] == longer and len(real) == before


def test_directories_are_bounded_by_their_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each listed file may have thousands of directories of its own."""
    monkeypatch.setattr(links, "_MAX_SIZE", 100_000)
    real = RealDirectories({b"lib": b"usr/lib"})
    assert real[b"lib/a"] == b"usr/lib/a"
    paths = [b"lib/%d" % number + b"/a" * 100 for number in range(1000)]
    found = [real[path] for path in paths]
    assert found[0] == b"usr/" + paths[0] and found[-1] == paths[-1]
    assert sum(map(len, real)) < 100_000
    assert real[b"lib/a"] == b"usr/lib/a"
