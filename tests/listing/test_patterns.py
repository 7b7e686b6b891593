"""Patterns of registries, globs of tags, and the order of versions."""

from __future__ import annotations

import fnmatch
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocisize.errors import InvalidReference
from ocisize.listing.patterns import RegistryPattern, is_pattern, make_tag_filter, matcher, parse_pattern
from ocisize.listing.versions import sort_tags
from ocisize.oci.reference import parse_reference


@pytest.mark.parametrize(
    ("text", "registry", "repositories", "tags"),
    [
        ("registry.io/*", "registry.io", "*", "*"),
        ("registry.io/team/*", "registry.io", "team/*", "*"),
        ("registry.io/team/*:latest", "registry.io", "team/*", "latest"),
        ("registry.io:5000/*/app-?:v1.*", "registry.io:5000", "*/app-?", "v1.*"),
        ("localhost:5000/**", "localhost:5000", "**", "*"),
        ("[::1]:5000/*", "[::1]:5000", "*", "*"),
        ("docker://registry.io/team/*", "registry.io", "team/*", "*"),
        ("registry.io/app:*", "registry.io", "app", "*"),
        ("nginx:1.*", "docker.io", "library/nginx", "1.*"),
        ("docker.io/nginx:*", "docker.io", "library/nginx", "*"),
        ("index.docker.io/team/*", "docker.io", "team/*", "*"),
        ("team/*", "docker.io", "team/*", "*"),
        ("nginx", "docker.io", "library/nginx", "*"),
    ],
)
def test_parts_of_patterns(text: str, registry: str, repositories: str, tags: str) -> None:
    assert parse_pattern(text) == RegistryPattern(registry, repositories, tags)


@pytest.mark.parametrize(
    ("text", "namespace", "is_repository"),
    [("registry.io/a/b/c*", "a/b", False), ("registry.io/*", "", False), ("registry.io/a/b:*", "a", True)],
)
def test_the_namespace_is_what_all_repositories_share(text: str, namespace: str, *, is_repository: bool) -> None:
    pattern = parse_pattern(text)
    assert (pattern.namespace, pattern.is_repository) == (namespace, is_repository)


@pytest.mark.parametrize(
    "text",
    ["*", "**", "?", "*/app", "reg*.io/app", "registry.io/*:", "registry.io/App*", "registry.io/a//*", "registry.io/*@sha256:*",
     "user:pw@registry.io/*", "127.0.0.1:*", "registry.io/../*", "registry.io/*:v1:*", "https://registry.io/*", "x\n*", "dir:1/*"],
)  # fmt: skip
def test_what_is_no_pattern(text: str) -> None:
    with pytest.raises(InvalidReference):
        parse_pattern(text)


@pytest.mark.parametrize("text", ["https://registry.io:5000/team/*", "http://registry.io:5000/team/*"])
def test_the_hint_for_an_address_keeps_its_wildcards(text: str) -> None:
    with pytest.raises(InvalidReference) as caught:
        parse_pattern(text)
    assert caught.value.hint == "write it as 'registry.io:5000/team/*'"


@pytest.mark.parametrize("text", ["./images/*.tar", "/images/*", "~/*", "oci-dir:images/*", "docker-daemon:app*", "app:1"])
def test_texts_that_are_read_as_something_else(text: str) -> None:
    assert not is_pattern(text)


PARTS = st.from_regex(r"[a-z0-9]{1,5}([._-][a-z0-9]{1,4})?", fullmatch=True)


@given(
    host=st.sampled_from(["", "registry.io/", "localhost:5000/", "docker.io/", "[::1]/"]),
    path=st.lists(PARTS, min_size=1, max_size=3),
    tag=st.one_of(st.none(), PARTS),
)
def test_a_pattern_without_wildcards_is_the_reference(host: str, path: list[str], tag: str | None) -> None:
    """Host, default namespace and tag are those that the grammar of references has."""
    text = f"{host}{'/'.join(path)}" + (f":{tag}" if tag else "")
    reference, pattern = parse_reference(text), parse_pattern(text)
    assert (pattern.registry, pattern.repositories) == (reference.registry, reference.repository)
    assert pattern.tags == (tag or "*")
    assert str(parse_pattern(str(pattern))) == str(pattern)


TEXTS = st.text(st.sampled_from("ab.-/"), max_size=12)


@given(pattern=st.text(st.sampled_from("ab.-/*?"), max_size=10), text=TEXTS)
def test_matching_is_that_of_fnmatch(pattern: str, text: str) -> None:
    """fnmatch translates to a regular expression, which is the slow reference."""
    assert matcher(pattern)(text) == (re.match(fnmatch.translate(pattern), text) is not None)


def test_many_stars_take_linear_time() -> None:
    """A regular expression of these stars would take longer than the age of the universe."""
    assert not matcher("*a" * 60 + "b")("a" * 100_000)


def test_globs_of_tags() -> None:
    tags = ["1.0", "1.0-rc1", "1.1", "latest"]
    assert [tag for tag in tags if make_tag_filter([]).accepts(tag)] == tags
    assert [tag for tag in tags if make_tag_filter(["!*-rc?"]).accepts(tag)] == ["1.0", "1.1", "latest"]
    assert [tag for tag in tags if make_tag_filter(["!*-rc?", "1.0*", "1.1"]).accepts(tag)] == ["1.0", "1.1"]


@pytest.mark.parametrize(
    "ordered",
    [
        [
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
        ],  # of semver.org, but alpha.beta
        ["v0.9", "v0.10", "1.0", "v1.0.1", "2"],
        ["2023-12-31", "2024-01-02", "2024-01-10"],
        ["20231231", "20240101", "20240101-2"],
        ["1.2", "1.2-alpine", "1.2.1", "1.2.1-alpine"],
        ["latest", "main", "stable", "1"],
        ["abcdef1234567", "3f2a9c1", "1.0"],
        ["build-9", "build-10", "release-1"],
        ["1.0.0-SNAPSHOT", "1.0.0"],
        ["24.04-rc", "24.04", "24.10"],
    ],
)
def test_the_order_of_versions(ordered: list[str]) -> None:
    assert sort_tags(reversed(ordered)) == ordered


@given(st.lists(st.from_regex(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,20}", fullmatch=True), unique=True))
def test_any_tags_have_one_order(tags: list[str]) -> None:
    """The order depends on the tags alone, and no tag is lost."""
    ordered = sort_tags(tags)
    assert sorted(ordered) == sorted(tags)
    assert sort_tags(reversed(tags)) == ordered
