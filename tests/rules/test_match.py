"""Which rule claims which row: order, exceptions, kinds, needs, protections, and the laws against a slow reference."""

from __future__ import annotations

import functools
import re
from array import array
from collections.abc import Collection, Iterable, Mapping
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocisize.rules.rule import Catalog
from ocisize.rules.load import load_catalog
from ocisize.rules.parse import parse_catalog
from ocisize.globs import Glob
from ocisize.rules.match import LayerClaims, match_rows, match_tables
from ocisize.tar.filetable import DIRECTORY, KIND_NAMES, REGULAR, SYMLINK, FileTable
from tests.catalogs import table_of

RULE = """
[[rule]]
id = "{id}"
title = "t"
what = "w"
confidence = "safe"
globs = {globs}
"""


def catalog_of(*rules: tuple[str, str]) -> Catalog:
    """A catalog of rules X001, X002, … from their globs and further lines."""
    text = "".join(RULE.format(id=f"X{number:03}", globs=globs) + more for number, (globs, more) in enumerate(rules, 1))
    return parse_catalog(text, "test")


def claims(catalog: Catalog, *paths: bytes | str) -> list[str | None]:
    """The id of the rule that claims each path."""
    return ids(catalog, match_rows(catalog, table_of(paths)), len(paths))


def ids(catalog: Catalog, found: Mapping[int, Iterable[int]], rows: int) -> list[str | None]:
    """Rule ids by row, from rows by rule."""
    by_row: list[str | None] = [None] * rows
    for index, claimed in found.items():
        assert list(claimed) == sorted({*claimed})
        for row in claimed:
            assert by_row[row] is None, "two rules claim one row"
            by_row[row] = catalog.rules[index].id
    return by_row


def test_the_first_rule_claims() -> None:
    """A path belongs to one rule, the first in the catalog's order."""
    catalog = catalog_of(('["*.log"]', ""), ('["/tmp/"]', ""))
    assert claims(catalog, "tmp/a.log", "tmp/a", "a.log", "a") == ["X001", "X002", "X001", None]


def test_an_exception_leaves_a_path_to_later_rules() -> None:
    """What a rule excepts may belong to another rule."""
    catalog = catalog_of(('["*.log"]', 'except = ["keep/"]'), ('["/tmp/"]', ""))
    assert claims(catalog, "tmp/keep/a.log", "keep/a.log", "tmp/a.log") == ["X002", None, "X001"]


def test_kinds() -> None:
    """Only the kinds that a rule names; by default no directories."""
    catalog = catalog_of(('["a/"]', ""), ('["b/"]', 'kinds = ["dir", "file"]'), ('["b/"]', 'kinds = ["symlink"]'))
    assert claims(catalog, "a/", "a/x", "b/", "b/x", "b/y/") == [None, "X001", "X002", "X002", "X002"]
    table = table_of(["b/x", "b", "a/x"], bytes([SYMLINK, SYMLINK, SYMLINK]))
    assert ids(catalog, match_rows(catalog, table), 3) == ["X003", None, "X001"]


def test_whiteouts_are_no_junk() -> None:
    """Markers say what is deleted; they are no files."""
    catalog = catalog_of(('["/tmp/", "*~"]', ""))
    assert claims(catalog, "tmp/.wh.a", "tmp/.wh..wh..opq", "tmp/a", ".wh.a~", "a~") == [None, None, "X001", None, "X001"]


def test_needs_are_looked_for_beside_the_path() -> None:
    """An archive is junk where its content lies beside it, as an entry or as a directory that only has entries."""
    catalog = catalog_of(('["*.zip", "*.tar.gz"]', 'needs = ["{dir}/{stem}", "{dir}/{stem}-content"]'), ('["/tmp/"]', ""))
    paths = ["a.zip", "a/", "b/c.tar.gz", "b/c/x", "d.zip", "d-content", "e.zip", "tmp/f.zip", "tmp/g.zip", "tmp/g", ".zip"]
    expected = ["X001", None, "X001", None, "X001", None, None, "X002", "X001", "X002", None]
    assert claims(catalog, *paths) == expected


def test_placeholders_within_names_stay_as_they_are() -> None:
    """A directory that is named like a placeholder is a directory."""
    catalog = catalog_of(('["*.zip"]', 'needs = ["{dir}/{stem}"]'))
    assert claims(catalog, "{stem}/a.zip", "a/a") == [None, None]
    assert claims(catalog, "{stem}/a.zip", "{stem}/a") == ["X001", None]


def test_needs_hold_across_layers() -> None:
    """What a rule needs may be in any layer."""
    catalog = catalog_of(('["/lib/*.h"]', 'needs = ["/bin/cc"]'))
    tables = [table_of(["lib/a.h", "lib/a.c"]), table_of(["bin/cc"])]
    assert [{index: list(rows) for index, rows in found.items()} for found in match_tables(catalog, tables)] == [
        {0: [0]},
        {},
    ]
    assert match_rows(catalog, tables[0]) == {}


def test_protections_win() -> None:
    """What is protected belongs to no rule, by name, by directory and below a rule's directory."""
    text = '\n[[protect]]\nwhat = "p"\nglobs = ["LICENSE*", "/db/", "*.info/"]\n'
    catalog = catalog_of(('["/tmp/", "*.log", "/db/"]', 'kinds = ["file", "dir"]'))
    catalog = Catalog(catalog.rules, parse_catalog(text, "test").protections)
    paths = [
        "tmp/LICENSE.log",
        "tmp/a.info/x.log",
        "db/x/y.log",
        "db/",
        "tmp/x",
        "tmp/a.info/",
        "tmp/LICENSE/",
        "tmp/LICENSE/x",
    ]
    assert claims(catalog, *paths) == [None, None, None, None, "X001", None, None, "X001"]


def test_ends_of_two_parts() -> None:
    """What follows the last dot but one tells names apart, where what follows the last does not."""
    catalog = catalog_of(('["*.tar.gz"]', ""), ('["/doc/*.gz", "/doc/a.b.gz"]', 'except = ["/doc/c.b.gz"]'))
    paths = [
        "a.gz",
        "a.tar.gz",
        "tar.gz",
        ".tar.gz",
        "b.tar.gz",
        "b.x.gz",
        "doc/a.gz",
        "doc/a.b.gz",
        "doc/b.b.gz",
        "doc/c.b.gz",
    ]
    assert claims(catalog, *paths) == [None, "X001", None, "X001", "X001", None, "X002", "X002", "X002", None]


def test_rare_names_go_by_a_search() -> None:
    """Globs whose names have no key are found in any row, once, also where another rule looks more closely."""
    catalog = catalog_of(('["*~", "core.*"]', ""), ('["/tmp/", "*.c"]', ""))
    paths = ["a~", "a~b", "b/a.c~", "tmp/x~", "core.c", "x/core.1", "xcore.1", "tmp~/x", "core./a", *["x"] * 20000, "y/z~"]
    assert claims(catalog, *paths) == [
        *("X001", None, "X001", "X001", "X001", "X001", None, None, None),
        *[None] * 20000,
        "X001",
    ]


@pytest.mark.parametrize("count", [0, 1, 16384, 40000])
def test_any_number_of_rows(count: int) -> None:
    """Rows are counted over all pieces of the path column."""
    catalog = catalog_of(('["*.o"]', ""))
    paths = ["d/a.o" if row % 3 == 0 else "d/a.c" for row in range(count)]
    assert claims(catalog, *paths) == ["X001" if row % 3 == 0 else None for row in range(count)]


def test_deep_paths() -> None:
    """Paths thousands of directories deep are no matter of recursion."""
    catalog = catalog_of(('["a/**/x.o"]', ""), ('["/b/"]', ""))
    assert claims(catalog, "a/" * 2000 + "x.o", "b/" * 2000 + "y", "c/" * 2000 + "y") == ["X001", "X002", None]


def test_the_root_is_nobodys() -> None:
    """The entry of the root directory itself has an empty path."""
    assert claims(load_catalog(), "./", "/", "tmp/") == [None, None, None]


# ------------------------------------------------------------------ laws


def slow_match(glob: str, path: str, *, directory: bool) -> bool:
    """A glob against one path, by fnmatch on each component."""
    parts = glob.strip("/").split("/") if glob.startswith("/") else ["**", *glob.strip("/").split("/")]
    names = path.split("/")
    if not glob.endswith("/"):
        return slow_parts(tuple(parts), tuple(names))
    ends = range(1, len(names) + directory)
    return any(slow_parts(tuple(parts), tuple(names[:end])) for end in ends)


@functools.cache
def slow_parts(parts: tuple[str, ...], names: tuple[str, ...]) -> bool:
    if not parts:
        return not names
    if parts[0] == "**":
        return any(slow_parts(parts[1:], names[at:]) for at in range(len(names) + 1))
    return bool(names) and fnmatchcase(names[0], parts[0]) and slow_parts(parts[1:], names[1:])


def slow_claim(catalog: Catalog, path: str, kind: int, paths: Collection[str]) -> str | None:
    """The rule that claims a path, each rule tried in turn."""

    def any_of(globs: Iterable[Glob]) -> bool:
        return any(slow_match(glob.text, path, directory=kind == DIRECTORY) for glob in globs)

    directory, _, name = path.rpartition("/")
    if name.startswith(".wh.") or any(any_of(owner.globs) for owner in catalog.protections):
        return None
    for rule in catalog.rules:
        if KIND_NAMES[kind] in rule.kinds and any_of(rule.globs) and not any_of(rule.exceptions):
            stem = re.sub(r"\.tar$", "", name.rpartition(".")[0])
            wanted = [
                need.replace("{dir}", directory).replace("{stem}", stem).lstrip("/")
                for need in rule.needs
                if stem or "{stem}" not in need
            ]
            above = {path.rpartition("/")[0] for path in paths}
            if not rule.needs or any(need in paths or need in above for need in wanted):
                return rule.id
    return None


CATALOG = load_catalog()
GLOBS = sorted(
    {glob.text for rule in CATALOG.rules for glob in (*rule.globs, *rule.exceptions)}
    | {glob.text for protection in CATALOG.protections for glob in protection.globs}
)
FILLERS = st.sampled_from(["", "x", "lib", "a.b", "usr", "test", ".", "1", "é", "\udcff", "-", "~"])


@st.composite
def paths_by_globs(draw: st.DrawFn) -> str:
    """A path made from parts of the catalog's globs, their wildcards filled."""
    parts: list[str] = []
    for glob in draw(st.lists(st.sampled_from(GLOBS), min_size=1, max_size=3)):
        names = [name for name in glob.split("/") if name]
        start = draw(st.sampled_from([0, 0, 0, len(names) - 1]))
        for name in names[start:]:
            if name == "**":
                parts += draw(st.lists(FILLERS, max_size=2))
            else:
                parts.append(re.sub(r"\*|\?|\[.*?\]", lambda _: draw(FILLERS), name))
        parts += draw(st.lists(FILLERS, max_size=1))
    return "/".join(part for part in parts[: draw(st.integers(1, 8))] if part not in ("", ".", "..")) or "x"


KINDS = st.sampled_from([REGULAR, REGULAR, DIRECTORY, SYMLINK])


def assert_same(catalog: Catalog, rows: dict[str, int]) -> None:
    table: FileTable = table_of(rows, bytes(rows.values()))
    found = ids(catalog, match_rows(catalog, table), len(rows))
    assert dict(zip(rows, found, strict=True)) == {
        path: slow_claim(catalog, path, kind, rows) for path, kind in rows.items()
    }


@given(st.dictionaries(paths_by_globs(), KINDS, min_size=1, max_size=12))
def test_the_catalog_matches_as_the_reference_does(rows: dict[str, int]) -> None:
    """All packaged rules over paths that come near them."""
    assert_same(CATALOG, rows)


PARTS = st.sampled_from(
    [
        "a",
        "b",
        "a.c",
        "*",
        "*.c",
        "a*",
        "?",
        "[ab]",
        "**",
        "*.*",
        "b.*",
        "*b",
        "abc*",
        "a*.c",
        "[!a]*.c",
        "*.a.c",
        "*.b.a.c",
        "*.a.b.a.c",
    ]
)
SMALL_GLOBS = st.builds(
    lambda lead, parts, tail: lead + "/".join(parts) + tail,
    st.sampled_from(["", "/"]),
    st.lists(PARTS, min_size=1, max_size=4),
    st.sampled_from(["", "", "/"]),
).filter(lambda text: re.search("[a-c]", re.sub(r"\[.*?\]", "", text)) is not None)
SMALL_PATHS = st.lists(
    st.sampled_from(
        ["a", "b", "a.c", "b.c", "c", "ab", "abcd", ".c", "a.a.c", "b.a.c", "b.b.c", ".a.c", "a.b.a.c", "a.a.b.a.c"]
    ),
    min_size=1,
    max_size=5,
).map("/".join)


@st.composite
def small_catalogs(draw: st.DrawFn) -> Catalog:
    """Catalogs of a few rules over a few names, so that globs meet."""
    lists = st.lists(SMALL_GLOBS, min_size=1, max_size=3)
    rules = []
    for _ in range(draw(st.integers(1, 4))):
        more = ""
        if draw(st.booleans()):
            more += f"except = {draw(lists)}\n"
        if draw(st.booleans()):
            more += 'kinds = ["file", "dir"]\n'
        if draw(st.integers(0, 3)) == 0:
            more += 'needs = ["{dir}/{stem}", "/b/a"]\n'
        rules.append((str(draw(lists)), more))
    protect = f'[[protect]]\nwhat = "p"\nglobs = {draw(lists)}\n' if draw(st.integers(0, 2)) == 0 else ""
    return Catalog(catalog_of(*rules).rules, parse_catalog(protect, "test").protections)


@given(small_catalogs(), st.dictionaries(SMALL_PATHS, KINDS, min_size=1, max_size=10))
def test_any_catalog_matches_as_the_reference_does(catalog: Catalog, rows: dict[str, int]) -> None:
    """Catalogs made at random, with exceptions, needs and protections."""
    assert_same(catalog, rows)


def test_claims_are_kept_with_the_table_by_catalog(monkeypatch: pytest.MonkeyPatch) -> None:
    """A layer that was matched before is not matched again, and needs are decided for each image."""
    catalog = catalog_of(('["*.pyc"]', 'needs = ["{dir}/{stem}.py"]'), ('["*.log"]', ""))
    lower, upper = table_of(["a/m.pyc", "a/x.log"]), table_of(["a/m.py"])
    assert match_tables(catalog, [lower]) == [{1: array("I", [1])}]
    monkeypatch.setattr("ocisize.rules.match.RowMatcher", None)
    assert match_tables(catalog, [lower]) == [{1: array("I", [1])}]
    monkeypatch.undo()
    assert match_tables(catalog, [lower, upper]) == [{0: array("I", [0]), 1: array("I", [1])}, {}]
    assert match_tables(catalog_of(('["*.py*"]', "")), [lower, upper]) == [{0: array("I", [0])}, {0: array("I", [0])}]


def test_what_a_layer_has_is_decided_for_the_layer() -> None:
    """Rows whose first rule finds its needs in their own layer wait for no image; the first rule wins across layers, too."""
    catalog = catalog_of(('["*.pyc"]', 'needs = ["{dir}/{stem}.py"]'), ('["*.pyc"]', 'needs = ["{dir}/go"]'))
    lower, upper = table_of(["a/m.pyc", "a/m.py", "b/n.pyc", "b/go"]), table_of(["b/n.py"])
    assert match_tables(catalog, [lower]) == [{0: array("I", [0]), 1: array("I", [2])}]
    kept = lower.derived[LayerClaims]
    assert isinstance(kept, LayerClaims)
    assert (kept.decided, kept.waiting) == ({0: array("I", [0])}, {(0, 1): array("I", [2])})
    assert match_tables(catalog, [lower, upper]) == [{0: array("I", [0, 2])}, {}]
