"""Globs: what each form matches, and what is refused."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest

from ocisize.rules.rule import Catalog, Rule
from ocisize.model.findings import Confidence
from ocisize.globs import parse_component, parse_glob
from ocisize.rules.match import match_rows
from ocisize.errors import InvalidGlob
from tests.catalogs import table_of

KINDS = ("file", "dir")


def matched(glob: str, *paths: bytes | str) -> list[bool]:
    """Whether a glob matches each path; a slash at a path's end makes it a directory."""
    rule = Rule(id="X001", title="x", what="x", globs=(parse_glob(glob),), confidence=Confidence.ASK, kinds=KINDS)
    rows = match_rows(Catalog((rule,)), table_of(paths)).get(0, ())
    return [row in rows for row in range(len(paths))]


@pytest.mark.parametrize(
    ("glob", "yes", "no"),
    [
        ("a", ["a", "b/a", "b/c/a", "a/"], ["ab", "a/b", "A"]),
        ("/a", ["a"], ["b/a", "a/b"]),
        ("/a/b", ["a/b"], ["a", "a/b/c", "c/a/b"]),
        ("a/b", ["a/b", "c/a/b"], ["a/c/b"]),
        ("a/", ["a/", "a/b", "c/a/b/d"], ["a", "c/a", "ab/c"]),
        ("/a/", ["a/", "a/b/c"], ["a", "b/a/c"]),
        ("*.o", ["x.o", ".o", "a/b.c.o"], ["x.oo", "o", "x.o/b"]),
        ("a*", ["a", "ab", "b/a.c"], ["ba"]),
        ("/a/*", ["a/b", "a/.b"], ["a", "a/b/c"]),
        ("/a/*/c", ["a/b/c"], ["a/c", "a/b/b/c"]),
        ("/a/**/c", ["a/c", "a/b/c", "a/b/b/c"], ["c", "ac", "b/a/c"]),
        ("**/a", ["a", "b/a"], ["ab"]),
        ("/**/a/b", ["a/b", "c/a/b"], ["b"]),
        ("/a/**", ["a", "a/b", "a/b/c"], ["b"]),
        ("a/**/**/b/", ["a/b/", "a/x/b/c", "x/a/y/b/z/z"], ["a/b", "b/c"]),
        ("d/?", ["d/a", "d/é", b"d/\xff"], ["d/ab", b"d/\xff\xfe", "d/"]),
        ("x?y", ["xäy", b"x\xfey"], [b"x\xc3\x28y", "xy"]),
        ("[ab]c", ["ac", "bc"], ["cc", "c"]),
        ("[!ab]c", ["cc", b"\xffc"], ["ac", "abc"]),
        ("[a-c]d", ["bd"], ["dd", "-d"]),
        ("[]]x", ["]x"], ["x"]),
        ("[!]]x", ["ax"], ["]x"]),
        ("[*]x", ["*x"], ["ax"]),
        ("[\\]x", ["\\x"], ["x"]),
        ("[^a]x", ["^x", "ax"], ["bx"]),
        ("a[.]b", ["a.b"], ["axb"]),
        ("é*", ["é", "éa"], [b"\xc3", "e"]),
        ("*é", ["aé"], [b"\xa9"]),
        ("a.b.c", ["a.b.c"], ["axbxc", "b.c"]),
        ("*\n", ["a\n"], ["a"]),
        ("*a*b*", ["ab", "xaxbx"], ["ba"]),
    ],
)
def test_forms(glob: str, yes: list[bytes | str], no: list[bytes | str]) -> None:
    """Every form of glob matches what its documentation says and nothing near it."""
    assert matched(glob, *yes, *no) == [True] * len(yes) + [False] * len(no)


@pytest.mark.parametrize("glob", ["a[+--]", "a[--0]", "a[a&&b]", "a[a~~b]", "a[a||b]", "a[[[a]", "a[-]", "a[+-]"])
def test_sets_mean_what_they_say(glob: str) -> None:
    """Pairs of characters that regular expressions may once take for operators are characters and ranges."""
    names = ["a+", "a,", "a-", "a.", "a0", "a&", "a~", "a|", "a[", "aa", "ab"]
    assert matched(glob, *names) == [fnmatchcase(name, glob) for name in names]


@pytest.mark.parametrize(
    ("glob", "reason"),
    [
        ("", "is empty"),
        ("/", "has a component ''"),
        ("a//b", "has a component ''"),
        ("./a", "has a component '.'"),
        ("a/../b", "has a component '..'"),
        ("a\0", "has a NUL"),
        ("[\udcff]a", "is not UTF-8"),
        ("\udcff*", "is not UTF-8"),
        ("a**", "has '**' within a component"),
        ("a/***/b", "has '**' within a component"),
        ("[ab", "has a '[' without a ']'"),
        ("a/b[]", "has a '[' without a ']'"),
        ("[!]a", "has a '[' without a ']'"),
        ("[z-a]", "has a bad set: bad character range z-a at position 1"),
        ("**", "has no literal character and matches too much"),
        ("*", "has no literal character and matches too much"),
        ("/*/?", "has no literal character and matches too much"),
        ("[ab]*/", "has no literal character and matches too much"),
    ],
)
def test_what_is_refused(glob: str, reason: str) -> None:
    """A glob that cannot be meant is refused with the reason."""
    with pytest.raises(InvalidGlob) as caught:
        parse_glob(glob)
    assert str(caught.value) == f"the glob {glob!r} {reason}"


@pytest.mark.parametrize(
    ("text", "literal", "key", "needle"),
    [
        ("core", b"core", b"core", b"core\0"),
        ("a.tar.gz", b"a.tar.gz", b"gz", b"a.tar.gz\0"),
        ("*.tar.gz", None, b"gz", b".tar.gz\0"),
        ("*~", None, None, b"~\0"),
        ("core.*", None, None, b"core."),
        ("*.l[ao]", None, None, b".l"),
        ("[ab]?*", None, None, b""),
    ],
)
def test_fields_of_a_component(text: str, literal: bytes | None, key: bytes | None, needle: bytes) -> None:
    """The parts by which names are looked up."""
    component = parse_component(text)
    assert (component.literal, component.key, component.needle) == (literal, key, needle)
