"""Work beside the screen: sorts in steps, settings that are restored, and globs that match as those of reports."""

from __future__ import annotations

import gc
import sys

from hypothesis import given
from hypothesis import strategies as st

from ocisize import Analyzer
from ocisize.browse.courtesy import Courtesy, sort_in_pieces
from ocisize.browse.image_index import ImageIndex
from ocisize.browse.search import Search
from ocisize.browse.tree import TreeView
from ocisize.globs import parse_glob
from ocisize.rules.match import match_globs
from ocisize.tar.filetable import DIRECTORY
from tests.images import DIR, build_image, layer
from tests.oci.test_image import single


def test_sorts() -> None:
    """Long lists are sorted as ``sorted`` does; equal items stay in their order."""
    items = [(number * 7919) % 50_021 for number in range(40_000)]
    assert sort_in_pieces(items, key=lambda item: item // 100) == sorted(items, key=lambda item: item // 100)
    assert sort_in_pieces([], key=lambda item: item) == []


def test_settings_are_restored() -> None:
    seconds, frozen, courtesy = sys.getswitchinterval(), gc.get_freeze_count(), Courtesy()
    courtesy.keep_objects()
    assert gc.get_freeze_count() == frozen
    courtesy.start()
    assert sys.getswitchinterval() < seconds
    with courtesy.work():
        assert not gc.isenabled()
        with courtesy.work():
            courtesy.keep_objects()
        assert not gc.isenabled()
    assert gc.isenabled()
    courtesy.stop()
    assert (sys.getswitchinterval(), gc.get_freeze_count()) == (seconds, 0)


NAMES = st.sampled_from(["a", "b.js", "c.min.js", ".wh.a", "node_modules", "x~", "lib"])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
GLOBS = st.sampled_from(["*.js", "/a", "node_modules/", "/lib/**", "**/lib/*.js", "*~", "[bc]*.js", "lib/**/a", "/*/b.js"])


@given(st.lists(st.dictionaries(PATHS, st.booleans(), min_size=1), min_size=1, max_size=3), GLOBS)
def test_globs(layers: list[dict[str, bool]], text: str) -> None:
    """A search finds what ``files --glob`` finds, and each directory once."""
    built = [
        layer({path: b"1" if is_file else DIR for path, is_file in files.items() if not _is_parent(path, files)})
        for files in layers
    ]
    index = ImageIndex(Analyzer(hash_content=True).analyze_source(single(build_image(built))))
    tree = TreeView(index)
    search = Search(index, tree.figures, tree.shares, text)
    for _ in search.steps():
        pass
    directories, others = set[bytes](), set[tuple[int, int]]()
    for number, rows in enumerate(match_globs([parse_glob(text)], index.tables)):
        table = index.tables[number]
        for row in rows:
            if table.kinds[row] == DIRECTORY:
                directories.add(table.paths[row])
            else:
                others.add((number, row))
    found = search.found
    positions = range(len(found))
    assert sorted(found.names[at] for at in positions if found.numbers[at] >= 0) == sorted(directories)
    assert {pair for at in positions for pair in found.rows[at]} == others


def _is_parent(path: str, files: dict[str, bool]) -> bool:
    return any(other.startswith(f"{path}/") for other in files)
