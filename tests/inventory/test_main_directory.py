"""The main directory of files, compared with a search of all directories."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ocisize.inventory.main_directory import find_main_directory

directories = st.lists(st.sampled_from([b"a", b"b", b"a-", b"ab"]), max_size=4).map(
    lambda names: b"".join(name + b"/" for name in names)
)


def search(sizes: dict[bytes, int]) -> bytes:
    """The same, by the sums of all directories."""
    above = {
        directory[:end] for directory in sizes for end in range(len(directory) + 1) if directory[:end][-1:] in (b"", b"/")
    }
    inside = {path: [own for own in sizes if own.startswith(path)] for path in above}
    common = max((path for path in above if len(inside[path]) == len(sizes)), key=len, default=b"")
    total = sum(sizes.values())
    most = [path for path in above if 2 * sum(sizes[own] for own in inside[path]) > total]
    return common or max(most, key=len, default=b"")


@given(st.dictionaries(directories, st.integers(0, 5), max_size=8))
def test_it_is_the_innermost_one(sizes: dict[bytes, int]) -> None:
    assert find_main_directory(sizes) == search(sizes)


def test_deep_paths_take_linear_time() -> None:
    """Paths as long as a tar can have are looked at as wholes, and not component by component."""
    deep = b"x/" * 30_000
    sizes = {deep + b"%d/" % number: 1 for number in range(500)} | {b"y/": 1}
    assert find_main_directory(sizes) == deep
