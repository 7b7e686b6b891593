"""New patterns for a .dockerignore file: few and readable ones that leave out given paths and no others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ocisize.dockerfile.ignore import IgnoreFile
from ocisize.patterns import lazy_pattern
from ocisize.values import define, field

_SPECIAL = lazy_pattern(r"([*?\[\]\\^])")
_MIN_DIRECTORIES = 2  # of one name, for one pattern
_MIN_FILES = 3  # with one suffix, for one pattern


@define
class _Node:
    """A path of the context, and the paths in it."""

    children: dict[str, _Node] = field(factory=dict)
    removed: bool = False
    kept: bool = False  # it, or a path in it


def cover(remove: Iterable[str], keep: Iterable[str], max_patterns: int = 20) -> tuple[str, ...] | None:
    r"""Return patterns that leave out all paths of ``remove`` and none of ``keep``; None if that takes too many patterns.

    Paths are relative to the build context. A directory that has no path to keep is left out as a whole; directories of one
    name, and files of one suffix, get one pattern.

    >>> cover([".git/HEAD", "app/__pycache__/a.pyc", "lib/__pycache__/b.pyc", "notes [1].txt"], ["app/main.py", "lib/b.py"])
    ('.git', '**/__pycache__', 'notes \\[1\\].txt')
    """
    removed = [path for path in map(_clean, remove) if path]
    kept = [path for path in map(_clean, keep) if path]
    root = _tree(removed, kept)
    if root is None:
        return None
    whole = dict(_whole(root))
    suffixes = {path: _suffix(path) for path, node in whole.items() if not node.children}
    patterns = _patterns(suffixes, list(whole), kept)
    if len(patterns) > max_patterns:
        suffixes = {path: _only_suffix(path, node) for path, node in whole.items()}
        patterns = _patterns(suffixes, list(whole), kept)
    if len(patterns) > max_patterns or not all(map(_is_writable, patterns)):
        return None
    ignore = IgnoreFile.parse("\n".join(patterns))
    fits = all(map(ignore.excludes, removed)) and not any(map(ignore.excludes, kept))
    return tuple(patterns) if fits else None


def escape_path(path: str) -> str:
    r"""A path as a pattern that matches nothing but that path and what is in it.

    >>> escape_path("!a [1]"), escape_path("b ")
    ('\\!a \\[1\\]', 'b[ ]')
    """
    pattern = _SPECIAL.sub(r"\\\1", path)
    if path[:1] in {"!", "#"}:
        pattern = f"\\{pattern}"
    if len(path) > 1 and path.endswith(" "):
        pattern = f"{pattern[:-1]}[ ]"
    return f"[ ]{pattern[1:]}" if path.startswith(" ") else pattern


def _clean(path: str) -> str:
    return "/".join(part for part in path.split("/") if part not in {"", "."})


def _is_writable(pattern: str) -> bool:
    """Whether a pattern can be a line of a text file."""
    return pattern.isprintable()


def _tree(removed: Sequence[str], kept: Sequence[str]) -> _Node | None:
    """All paths as a tree; None if a path to keep would be left out with its directory."""
    root = _Node()
    for path in removed:
        node = root
        for name in path.split("/"):
            node = node.children.setdefault(name, _Node())
        node.removed = True
    for path in kept:
        node = root
        for name in path.split("/"):
            node = node.children.setdefault(name, _Node())
            if node.removed:
                return None
            node.kept = True
    return root


def _whole(root: _Node) -> Iterator[tuple[str, _Node]]:
    """The topmost paths that have nothing to keep, in order."""
    waiting = sorted(root.children.items(), reverse=True)
    while waiting:
        path, node = waiting.pop()
        if not node.kept:
            yield path, node
        else:
            waiting += [(f"{path}/{name}", child) for name, child in sorted(node.children.items(), reverse=True)]


def _only_suffix(path: str, top: _Node) -> str:
    """The suffix of a file, or of all files in a directory; "" if they have several."""
    suffixes: set[str] = set()
    waiting = [(path, top)]
    while waiting and len(suffixes) < 2:
        name, node = waiting.pop()
        if not node.children:
            suffixes.add(_suffix(name))
        waiting += node.children.items()
    return suffixes.pop() if len(suffixes) == 1 else ""


def _patterns(grouped: Mapping[str, str], paths: Sequence[str], kept: Sequence[str]) -> list[str]:
    """Patterns for the paths, each in the place of the first path that it matches.

    ``grouped`` has the suffixes of the paths that may get a pattern for their suffix.
    """
    kept_names = {name for path in kept for name in path.split("/")}
    kept_suffixes = {_suffix(name) for name in kept_names}
    names = Counter(map(_name, paths))
    shared_names = {name for name, count in names.items() if count >= _MIN_DIRECTORIES and name not in kept_names}
    suffixes = Counter(suffix for path, suffix in grouped.items() if _name(path) not in shared_names)
    shared_suffixes = {suffix for suffix, count in suffixes.items() if count >= _MIN_FILES} - kept_suffixes - {""}
    patterns: dict[str, None] = {}
    for path in paths:
        name, suffix = _name(path), grouped.get(path, "")
        if name in shared_names:
            patterns[f"**/{escape_path(name)}"] = None
        elif suffix in shared_suffixes:
            patterns[f"**/*{suffix}"] = None
        else:
            patterns[escape_path(path)] = None
    return list(patterns)


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _suffix(name: str) -> str:
    """The suffix of a name with its dot; "" for a name that begins with its only dot."""
    stem, dot, suffix = _name(name).rpartition(".")
    return f".{suffix}" if stem and dot and suffix.isalnum() else ""
