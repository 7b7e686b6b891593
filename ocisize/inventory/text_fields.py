"""Values of documents that nobody has checked, as the fields of package records need them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from ocisize.packages.limits import MAX_PATH
from ocisize.tar.paths import clean_name, join

_BATCH = 1 << 10  # names that are looked at together
_UNUSUAL = (b"//", b"/.", b"\0")  # in a name behind a slash: it is not the end of a clean path


def load_object(content: bytes) -> Mapping[str, Any]:
    """The object of a JSON document; empty if it is none. Of a name that is there twice the last value counts.

    >>> load_object(b'{"name": "x"}'), load_object(b"[1]"), load_object(b"[" * 100_000)
    ({'name': 'x'}, {}, {})
    """
    document = load_json_of_tool(content)
    return document if isinstance(document, dict) else {}


def load_json_of_tool(content: bytes) -> Any:
    """The value of a JSON document as tools write it, or None.

    >>> load_json_of_tool(b"[1]"), load_json_of_tool(b"{")
    ([1], None)
    """
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def text_of(value: object) -> str:
    """A value that is a text, without what UTF-8 cannot express, and without spaces at its ends; else "".

    >>> text_of(" MIT "), text_of(3), text_of("a\\ud800")
    ('MIT', '', 'a?')
    """
    return value.encode(errors="replace").decode().strip() if isinstance(value, str) else ""


def texts_of(value: object) -> Iterator[str]:
    """The texts of a list, or the one text in its place, without empty ones.

    >>> list(texts_of(["MIT", 1, "", "BSD"])), list(texts_of("MIT"))
    (['MIT', 'BSD'], ['MIT'])
    """
    values = value if isinstance(value, list) else (value,)
    return (text for text in map(text_of, values) if text)


def keys_of(value: object) -> Iterator[str]:
    """The names of an object's members, without empty ones.

    >>> list(keys_of({"a": 1})), list(keys_of([1]))
    (['a'], [])
    """
    return filter(None, map(text_of, value)) if isinstance(value, dict) else iter(())


def object_of(value: object) -> Mapping[str, Any]:
    """A value that is an object, or an empty one.

    >>> object_of({"a": 1}), object_of(None)
    ({'a': 1}, {})
    """
    return value if isinstance(value, dict) else {}


def resolve(directory: bytes, listed: bytes) -> bytes | None:
    """The path of a file that a list in ``directory`` names; it may lead out of the directory, or be absolute.

    None for a path that leads out of the root, for the root itself, and for one that no filesystem has.

    >>> resolve(b"usr/lib/python3", b"../../bin/pip"), resolve(b"usr", b"/bin/sh"), resolve(b"usr", b"../../x")
    (b'usr/bin/pip', b'bin/sh', None)
    """
    if len(directory) + len(listed) >= MAX_PATH or b"\0" in listed:
        return None
    path = clean_name(listed if listed[:1] == b"/" else join(directory, listed))
    return None if not path or path == b".." or path.startswith(b"../") else path


def resolve_each(directory: bytes, listed: Iterable[bytes]) -> Iterator[bytes]:
    """The paths of the files that a list in ``directory`` names, as ``resolve`` finds them, without those that it refuses.

    >>> list(resolve_each(b"usr/lib/python3", [b"x.py", b"../../bin/pip", b"/../x"]))
    [b'usr/lib/python3/x.py', b'usr/bin/pip']
    """
    names = filter(None, listed)
    start = directory + b"/" if directory else b""
    while batch := list(islice(names, _BATCH)):
        joined = b"\n/%b" % b"\n/".join(batch)
        if not any(map(joined.__contains__, _UNUSUAL)):
            yield from [start + name for name in batch]
            continue
        for name in batch:
            is_usual = not any(map((b"/" + name).__contains__, _UNUSUAL))
            path = start + name if is_usual else resolve(directory, name)
            if path is not None:
                yield path


class PathList:
    """Files that a list in a directory names, joined until they are asked for: objects would take far more memory.

    The paths are made on each call: the directory of a hostile image is thousands of times as long as its names.

    >>> list(PathList([b"lib/libz.so", b"/etc/motd"], b"opt/conda")())
    [b'opt/conda/lib/libz.so', b'etc/motd']
    """

    __slots__ = ("_directory", "_joined")

    def __init__(self, listed: Iterable[bytes], directory: bytes = b"") -> None:
        """Keep the names; without ``directory`` they are paths."""
        self._joined, self._directory = b"\0".join(name for name in listed if b"\0" not in name), directory

    def __call__(self) -> Iterator[bytes]:
        """The paths, as ``resolve_each`` finds them."""
        return resolve_each(self._directory, self._joined.split(b"\0") if self._joined else ())
