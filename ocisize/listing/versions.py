"""The order of tags, oldest version first: registries list tags without the time at which they were pushed."""

from __future__ import annotations

import re
from collections.abc import Iterable

_PART = re.compile(r"([0-9]+)|([A-Za-z]+)")
_VERSION = re.compile(r"v?[0-9]", re.IGNORECASE)
_COMMIT = re.compile(r"(?!(?:19|20)[0-9]{6})(?=(?:[0-9]*[a-f]){2})[0-9a-f]{7,40}")
_BEFORE_RELEASE = frozenset(
    {
        "alpha",
        "a",
        "beta",
        "b",
        "canary",
        "dev",
        "develop",
        "edge",
        "m",
        "milestone",
        "nightly",
        "pre",
        "preview",
        "rc",
        "snapshot",
        "test",
    }
)
_PRE, _END, _WORD, _NUMBER = range(4)  # what follows an equal start: rc1, nothing, alpine, .1
Key = tuple[bool, tuple[tuple[int, int, str], ...], str]


def sort_tags(tags: Iterable[str]) -> list[str]:
    """Return tags by version, the oldest first; those that begin with no version, such as ``latest``, come before.

    Numbers count as numbers, words as ``rc`` come before the release and other words behind it, and commits are no versions.

    >>> sort_tags(["1.10", "1.9-alpine", "1.10-rc1", "v1.9", "latest", "main", "3f2a9c1"])
    ['latest', 'main', '3f2a9c1', 'v1.9', '1.9-alpine', '1.10-rc1', '1.10']
    """
    return sorted(tags, key=version_key)


def version_key(tag: str) -> Key:
    """Return what orders a tag among others.

    >>> version_key("2024-01-15") < version_key("2024-02-01") < version_key("2024.10")
    True
    """
    is_version = _VERSION.match(tag) is not None and _COMMIT.fullmatch(tag) is None
    text = tag[1:] if is_version and tag[0] in "vV" else tag
    parts = [
        (_NUMBER, int(number), "") if number else (_PRE if word.lower() in _BEFORE_RELEASE else _WORD, 0, word.lower())
        for number, word in _PART.findall(text)
    ]
    return is_version, (*parts, (_END, 0, "")), tag
