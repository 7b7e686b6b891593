"""The order of tags: numbers by value, pre-releases before their release."""

from __future__ import annotations

import re
from typing import TypeAlias

_PARTS = re.compile(r"\d+|[A-Za-z]+")
_FIRST_NUMBER = re.compile(r"\d")
_PRE_RELEASE = re.compile(r"(?:alpha|beta|rc|cr|pre|preview|dev|snapshot|canary|nightly|ea)\Z", re.IGNORECASE)
_BEFORE_END, _END, _TEXT, _NUMBER = range(4)

TagKey: TypeAlias = "tuple[bool, str, tuple[tuple[int, int, str], ...]]"


def tag_of(reference: str) -> str:
    """Return the tag of a reference; of a reference without one, or of a file, the name behind the last slash.

    >>> tag_of("registry.io:5000/app:1.2"), tag_of("registry.io/app:1.2@sha256:abcd"), tag_of("build/app-1.2.tar")
    ('1.2', '1.2', 'app-1.2.tar')
    """
    name = reference.partition("@")[0].rstrip("/").rpartition("/")[2]
    return name.rpartition(":")[2] or name


def tag_key(tag: str) -> TagKey:
    """Return what tags are sorted by: numbers by value, pre-releases before their release, tags without numbers last.

    >>> tags = ["latest", "1.10", "1.9", "v1.9.1", "1.10-rc2", "1.10-alpine", "1.10-rc10"]
    >>> sorted(tags, key=tag_key)
    ['1.9', 'v1.9.1', '1.10-rc2', '1.10-rc10', '1.10', '1.10-alpine', 'latest']

    """
    match = _FIRST_NUMBER.search(tag)
    start = match.start() if match else len(tag)
    prefix = tag[:start]
    parts = [_part_key(part) for part in _PARTS.findall(tag[start:])]
    return match is None, "" if prefix in ("v", "V") else prefix, (*parts, (_END, 0, ""))


def _part_key(part: str) -> tuple[int, int, str]:
    if part.isdigit():
        return _NUMBER, int(part), ""
    return (_BEFORE_END if _PRE_RELEASE.match(part) else _TEXT), 0, part.lower()


def exactness(tag: str) -> tuple[bool, int, int]:
    """Return how exactly a tag names a release: by its numbers, and of tags with as many the shortest.

    >>> max(["1", "latest", "1.2.3", "1.2.3-bookworm", "1.2"], key=exactness)
    '1.2.3'
    """
    numbers = sum(part.isdigit() for part in _PARTS.findall(tag))
    return numbers > 0, numbers, -len(tag)
