"""The order of releases by their tags, and how exactly a tag names a release."""

from __future__ import annotations

import re
from typing import TypeAlias

from ocisize.listing.versions import Key, version_key

_NUMBER = re.compile(r"\d+")

TagKey: TypeAlias = "tuple[bool, Key]"


def tag_of(reference: str) -> str:
    """Return the tag of a reference; of a reference without one, or of a file, the name behind the last slash.

    >>> tag_of("registry.io:5000/app:1.2"), tag_of("registry.io/app:1.2@sha256:abcd"), tag_of("build/app-1.2.tar")
    ('1.2', '1.2', 'app-1.2.tar')
    """
    name = reference.partition("@")[0].rstrip("/").rpartition("/")[2]
    return name.rpartition(":")[2] or name


def tag_key(tag: str) -> TagKey:
    """Return what tags of releases are sorted by: versions by ``version_key``, other tags behind them.

    Where lists begin with ``latest``, it is the newest release of a history.

    >>> tags = ["latest", "1.10", "1.9", "v1.9.1", "1.10-rc2", "1.10-alpine", "1.10-rc10"]
    >>> sorted(tags, key=tag_key)
    ['1.9', 'v1.9.1', '1.10-rc2', '1.10-rc10', '1.10', '1.10-alpine', 'latest']

    """
    key = version_key(tag)
    return not key[0], key


def exactness(tag: str) -> tuple[bool, int, int]:
    """Return how exactly a tag names a release: by its numbers, and of tags with as many the shortest.

    >>> max(["1", "latest", "1.2.3", "1.2.3-bookworm", "1.2"], key=exactness)
    '1.2.3'
    """
    numbers = len(_NUMBER.findall(tag))
    return numbers > 0, numbers, -len(tag)
