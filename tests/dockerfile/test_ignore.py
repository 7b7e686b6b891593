"""Patterns of .dockerignore files: the paths that builders leave out, and patterns for given paths."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocisize.dockerfile.ignore import IgnoreFile, ignore_names
from ocisize.dockerfile.ignore_cover import PathIndex, cover, escape_path

#: a build context
TREE = (
    "a.txt", "a.log", "b.log", "c.log", "sub/a.txt", "sub/a.log", "sub/deep/b.log", "sub/deep/f", "node_modules/x/i.js", "sub/node_modules/y.js",
    "docs/keep.md", "docs/x.md", "docs/sub/z.md", "dir/f1", "dir/f2", "#hash", ".env", ".env.local", ".env.example", "foo/bar/baz", "foo/bar/q/r",
    "bar", "README.md", "guide.md", "foo/README.md", "xfoo", "x.pyc", "foo/x.pyc",
)  # fmt: skip


def excluded(text: str) -> set[str]:
    ignore = IgnoreFile.parse(text)
    return {path for path in TREE if ignore.excludes(path)}


def matching(*prefixes: str) -> set[str]:
    return {path for path in TREE if any(path == prefix or path.startswith(f"{prefix}/") for prefix in prefixes)}


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("node_modules", matching("node_modules")),
        ("**/node_modules", matching("node_modules", "sub/node_modules")),
        ("*.log", {"a.log", "b.log", "c.log"}),
        ("**/*.log", {"a.log", "b.log", "c.log", "sub/a.log", "sub/deep/b.log"}),
        ("/a.log", {"a.log"}),
        ("a.log", {"a.log"}),
        ("sub/", matching("sub")),
        ("sub/*", matching("sub")),
        ("docs\n!docs/keep.md", {"docs/x.md", "docs/sub/z.md"}),
        ("docs/*\n!docs/keep.md", {"docs/x.md", "docs/sub/z.md"}),
        ("!docs/keep.md\ndocs", matching("docs")),
        ("*\n!dir\n!a.txt", {*TREE} - {"dir/f1", "dir/f2", "a.txt"}),
        ("*\n!dir/f1", {*TREE} - {"dir/f1"}),
        ("\\#hash", {"#hash"}),
        ("#hash", set()),
        (" #hash", {"#hash"}),
        (".env*\n!.env.example", {".env", ".env.local"}),
        ("**/bar/**", {"foo/bar/baz", "foo/bar/q/r"}),
        ("*.md\n!README.md", {"guide.md"}),
        ("[ab].log", {"a.log", "b.log"}),
        ("[^ab].log", {"c.log"}),
        ("[a-b].log", {"a.log", "b.log"}),
        ("?.log", {"a.log", "b.log", "c.log"}),
        ("../a.txt", set()),
        ("a.txt # x", set()),
        ("foo/bar", matching("foo/bar")),
        ("./foo//bar/", matching("foo/bar")),
        ("sub/**", matching("sub")),
        ("! docs", set()),
        ("*\n!  docs  \n", {*TREE} - matching("docs")),
        ("A.TXT", set()),
        ("sub/../a.txt", {"a.txt"}),
        ("**", {*TREE}),
        ("**/sub/**/f", {"sub/deep/f"}),
        ("**/**/**/*.l*g", {"a.log", "b.log", "c.log", "sub/a.log", "sub/deep/b.log"}),
        ("\ufeffa.txt\r\n\r\n", {"a.txt"}),
        ("*/*.pyc", {"foo/x.pyc"}),
        ("foo*", matching("foo")),
        ("*\n!**/*.md\ndocs/x.md", {path for path in TREE if not path.endswith(".md")} | {"docs/x.md"}),
    ],
)  # fmt: skip
def test_patterns(text: str, paths: set[str]) -> None:
    """What docker, BuildKit and buildah leave out, as tried with all three."""
    assert excluded(text) == paths


@pytest.mark.parametrize("text", ["", "!", "\n# a\n", "/", ".", "[", "[a", "a\\", "[]", "[z-a]", "[^]", "\\", "[--a"])
def test_patterns_of_nothing(text: str) -> None:
    """Empty files, comments, and patterns that builders refuse leave out nothing."""
    assert excluded(text) == set()


def test_a_part_of_a_directory_is_excluded_with_it() -> None:
    """A pattern matches everything in the directories that it matches; a directory can be asked, too."""
    ignore = IgnoreFile.parse("sub\n!sub/deep\nsub/deep/f\n")
    assert [ignore.excludes(path) for path in ("sub", "sub/x/y", "sub/deep", "/sub/deep/b/", "sub/deep/f/g", "subs")] == [
        True, True, False, False, True, False,
    ]  # fmt: skip
    assert ignore.patterns == ("sub", "!sub/deep", "sub/deep/f")


def test_the_ignore_file_of_a_dockerfile() -> None:
    """A file of the Dockerfile's name comes before the one of the context."""
    assert ignore_names("Dockerfile") == ("Dockerfile.dockerignore", ".dockerignore")


TOKENS = st.lists(
    st.sampled_from(["a", "b", "/", "*", "**", "**/", "?", "[ab]", "\\*", ".", "ab"]), min_size=1, max_size=7
).map("".join)
PATHS = st.lists(st.sampled_from(["a", "b", "ab", "aab", "*", ".", "b.a"]), min_size=1, max_size=5).map("/".join)


@given(TOKENS, PATHS)
def test_both_searches_agree(pattern: str, path: str) -> None:
    """Patterns with many wildcards are searched in another way, with the same result."""
    many = IgnoreFile.parse(pattern)
    slow = IgnoreFile.parse(
        "\n".join(
            f"{pattern[:-1]}[{pattern[-1]}]" if pattern[-1] in "ab" and not pattern.endswith("\\") else pattern for _ in "a"
        )
    )
    assert many.excludes(path) == slow.excludes(path)
    assert IgnoreFile.parse(f"*\n!{pattern}").excludes(path) is not many.excludes(path)


@given(st.text("ab*?[]\\!#/. -^\n", max_size=30), PATHS)
def test_any_text(text: str, path: str) -> None:
    """Any text is read, and any path is asked."""
    IgnoreFile.parse(text).excludes(path)


@pytest.mark.parametrize(
    ("remove", "keep", "patterns"),
    [
        ([".git/HEAD", ".git/a/b"], ["src/a"], (".git",)),
        (["app/tests/a", "app/tests/b/c"], ["app/main.py"], ("app/tests",)),
        (["a/__pycache__/x.pyc", "b/c/__pycache__/y.pyc"], ["a/x.py", "b/c/y.py"], ("**/__pycache__",)),
        (["a/__pycache__/x.pyc", "b/__pycache__/y.pyc"], ["a/x", "b/y", "c/__pycache__/z"], ("a/__pycache__", "b/__pycache__")),
        (["a/x.pyc", "b/y.pyc", "z.pyc"], ["a/x.py", "b/y.py"], ("**/*.pyc",)),
        (["a/x.pyc", "b/y.pyc", "z.pyc"], ["a/x.py", "b/y.py", "c/k.pyc"], ("a/x.pyc", "b/y.pyc", "z.pyc")),
        ([".DS_Store", "a/.DS_Store"], ["a/b"], ("**/.DS_Store",)),
        (["a.log", "b.log"], ["c"], ("a.log", "b.log")),
        ([".env"], [".env.example"], (".env",)),
        (["/tests/", "./tests/a"], ["/main.py"], ("tests",)),
        (["tests"], ["tests/keep"], None),
        (["a/b"], ["a"], ("a/b",)),
        (["a/b"], ["a/b"], None),
        (["a\nb"], [], None),
        (["caf\udce9"], [], None),
        (["*.txt", "[a]", "a?", "b\\c", "^x", "!y", "#z", " p", "q "], ["a.txt", "a", "ab"],
         (" p", "!y", "#z", "*.txt", "[a]", "^x", "a?", "b\\c", "q ")),
        ([f"d{number}/f" for number in range(20)], [f"d{number}/g.x" for number in range(20)], ("**/f",)),
        ([f"f{number}" for number in range(21)], ["g"], None),
        ([], ["a"], ()),
        (["x/__pycache__/a", "y.pyc/b", "z.pyc"], ["x/a"], ("x/__pycache__", "y.pyc", "z.pyc")),
    ],
)  # fmt: skip
def test_cover(remove: list[str], keep: list[str], patterns: tuple[str, ...] | None) -> None:
    """Whole directories, names and suffixes where nothing else has them, and else the paths."""
    result = cover(remove, keep)
    if patterns is not None and len(remove) == 9:  # each with its escape
        assert result == tuple(map(escape_path, patterns))
    else:
        assert result == patterns


NAMES = st.sampled_from(
    ["a", "b", "tests", "__pycache__", "x.pyc", "y.pyc", "z.pyc", "w.py", "*", "[a]", "!a", "#b", "a b", " ", "\\", "^"]
)
FILES = st.lists(NAMES, min_size=1, max_size=4).map("/".join)


@given(st.sets(FILES, max_size=12), st.sets(FILES, max_size=12))
def test_covers_are_exact(remove: set[str], keep: set[str]) -> None:
    """The patterns leave out all paths to remove, and no path to keep; no pattern begins with ** and a name."""
    remove -= keep
    patterns = cover(remove, keep, max_patterns=50)
    inside = {path for path in keep if any(path.startswith(f"{other}/") for other in remove)}
    if patterns is None:
        assert inside
        return
    ignore = IgnoreFile.parse("\n".join(patterns))
    assert all(map(ignore.excludes, remove))
    assert not any(map(ignore.excludes, keep))
    assert not any(pattern.startswith("**") and not pattern.startswith("**/") for pattern in patterns)
    assert len(patterns) <= len(remove)


@given(st.lists(FILES, max_size=16), st.lists(st.sets(FILES, max_size=8), max_size=3))
def test_an_index_gives_the_same_patterns(paths: list[str], removed: list[set[str]]) -> None:
    """One index of all paths serves for several sets of removed ones, which may have paths that it does not know."""
    index = PathIndex(paths)
    for remove in removed:
        assert cover(remove, index.without(remove)) == cover(remove, set(paths) - remove)


def test_suffixes_across_directories() -> None:
    """Where directories would take too many patterns, a suffix that nothing else has is enough."""
    remove = [f"app/{number}/cache/{name}.pyc" for number in range(30) for name in "abc"]
    assert cover(remove, [f"app/{number}/main.py" for number in range(30)]) == ("**/cache",)
    assert cover([*remove, ".env"], ["app/cache/main.py", *(f"app/{number}/b.py" for number in range(30))]) == (
        ".env",
        "**/*.pyc",
    )
    assert cover(remove, ["app/cache/x.pyc", *(f"app/{number}/b.py" for number in range(30))]) is None


def test_hostile_input() -> None:
    """Long paths, deep trees and patterns of wildcards take time that grows with their length."""
    deep, long = "a/" * 2000 + "b", "a" * 4000
    for pattern in ("*a" * 30 + "c", "**/a/" * 30 + "c", "**/*a*a", "[a" * 500, "?" * 4000 + "*" * 50 + "c"):
        ignore = IgnoreFile.parse(pattern)
        assert not ignore.excludes(long + "b")
        IgnoreFile.parse("**/*a*a*a*a/x").excludes(f"{long}/b")
    chain = ["a/" * depth + "b" for depth in range(2000)]
    assert cover(["c"], chain) == ("c",)
    assert cover([deep], []) == ("a",)
    assert cover([deep], [f"{deep}c"]) == (deep,)
    IgnoreFile.parse("a\n" * 20_000).excludes("b/c")
