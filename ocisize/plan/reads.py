"""Whether the commands of a RUN read files: an image does not record that, so the text of the commands must do."""

from __future__ import annotations

import enum
import fnmatch
import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence

from ocisize.patterns import lazy_pattern

_ASSIGNMENTS = lazy_pattern(r"(?:\w+=\S*\s+)*")
# commands that fail where a path that they name is missing; those with -f do not
_NEEDS_NAMED_PATHS = lazy_pattern(r"(?:chown|chmod|chgrp|rmdir|find)\b")
_READS_NOTHING = lazy_pattern(
    r"(?:chown|chmod|chgrp|rm|rmdir|mkdir|useradd|adduser|groupadd|addgroup|true|:|cd|set|ldconfig|fc-cache"
    r"|update-ca-certificates|locale-gen)\b"
)
_DELETES = lazy_pattern(r"find\s.*-delete\b")
_INSTALLS = lazy_pattern(  # reads only the files that the command names
    r"(?:(?:apt-get|apt|aptitude|apk|dnf5?|yum|microdnf|tdnf|zypper|pacman|dpkg)\b"
    r"|(?:python[\d.]*\s+-m\s+)?pip[\d.]*\s+(?:install|download|wheel|uninstall)\b"
    r"|npm\s+(?:ci|install|i|prune|cache)\b|gem\s+install\b)"
)
_READS_TREES = lazy_pattern(r"(?:cp|mv|tar|rsync|zip|7z|install)\b")
_BUILDS = lazy_pattern(  # reads the sources below the directory in which the command runs
    r"(?:make|cmake|ninja|meson|bazel|cargo|mvn|\./mvnw|gradle|\./gradlew|sbt|dotnet|swift|webpack|vite|tsc|rake|mix|stack|cabal)\b"
    r"|go\s+(?:build|install|test|generate)\b|(?:npm|pnpm)\s+(?:run|test|run-script)\b|yarn\s+(?:run\s+)?(?!install)\w|npx\s"
    r"|python[\d.]*\s+setup\.py\b|python[\d.]*\s+-m\s+build\b|\./configure\b"
)
_CHANGES_DIRECTORY = re.compile(r"cd\s+([\w./+-]+)")
_CHANGES_DIRECTORY_SOMEHOW = re.compile(r"(?:cd|pushd|popd)\b")
_UNKNOWN_DIRECTORY = "/\0"


class Reading(enum.IntEnum):
    """Whether a command reads some files."""

    NO = 0
    MAYBE = 1  #: the command does not name them, but may read them
    LIKELY = 2  #: the command builds software in a directory above them
    YES = 3  #: the command names them


def reading_of(command: str, paths: Iterable[str], working_dir: str = "/") -> Reading:
    """Return whether a shell command reads files.

    Args:
        command: without the word RUN.
        paths: of files or directories, without leading slashes.
        working_dir: the directory in which the command runs.

    >>> reading_of("pip install --find-links /wheels -r requirements.txt", ["wheels"])
    <Reading.YES: 3>
    >>> reading_of("make test", ["srv/app/tests"], "/srv/app"), reading_of("chown -R app /srv", ["srv/app"])
    (<Reading.LIKELY: 2>, <Reading.NO: 0>)

    """
    text = command[_ASSIGNMENTS.match(command).end() :]  # type: ignore[union-attr]  # matches any text
    listed = list(paths)
    if _READS_NOTHING.match(text) or _DELETES.match(text):
        fails = _NEEDS_NAMED_PATHS.match(text) and any(names_path(text, path, working_dir) for path in listed)
        return Reading.YES if fails else Reading.NO
    if any(names_path(text, path, working_dir) or is_within(working_dir, path) for path in listed):
        return Reading.YES
    if _READS_TREES.match(text) and any(names_parent(text, path, working_dir) for path in listed):
        return Reading.YES
    if working_dir != "/" and _BUILDS.match(text) and any(f"/{path}".startswith(f"{working_dir}/") for path in listed):
        return Reading.LIKELY
    return Reading.NO if _INSTALLS.match(text) and not re.search(r"\s\.(?:\s|\[|$)", text) else Reading.MAYBE


def strongest_reading(commands: Iterable[str], paths: Sequence[str], working_dir: str = "/") -> Reading:
    """Return whether any of some commands, in their order, reads files; the arguments are those of ``reading_of``.

    >>> strongest_reading(["cd wheels", "pip install a.whl"], ["srv/wheels/a.whl"], "/srv")
    <Reading.YES: 3>
    """
    strongest = Reading.NO
    for command, directory in with_directories(commands, working_dir):
        if directory != working_dir and any(is_within(directory, path) for path in paths):
            return Reading.YES  # cd fails without the directory
        strongest = max(strongest, reading_of(command, paths, directory))
    return strongest


def with_directories(commands: Iterable[str], working_dir: str) -> Iterator[tuple[str, str]]:
    """Yield the commands of a RUN with the directory in which each runs; that of a ``cd`` is the new one.

    A directory that the shell expands is unknown: it contains no path.

    >>> list(with_directories(["cd lib", "make"], "/srv"))
    [('cd lib', '/srv/lib'), ('make', '/srv/lib')]
    """
    for command in commands:
        if (match := _CHANGES_DIRECTORY.fullmatch(command)) is not None:
            working_dir = posixpath.normpath(posixpath.join(working_dir, match[1]))
        elif _CHANGES_DIRECTORY_SOMEHOW.match(command):
            working_dir = _UNKNOWN_DIRECTORY
        yield command, working_dir


def matches_wildcard(word: str, path: str, working_dir: str = "/") -> bool:
    """Return whether a word of a command, which may have wildcards, matches a path or a directory above the path.

    >>> matches_wildcard("*.log", "srv/a.log", "/srv"), matches_wildcard("/a*", "srv/a")
    (True, False)
    """
    pattern, names = posixpath.normpath(posixpath.join(working_dir, word)).lstrip("/"), path.split("/")
    depth = pattern.count("/") + 1
    return len(names) >= depth and fnmatch.fnmatchcase("/".join(names[:depth]), pattern)


def names_path(command: str, path: str, working_dir: str = "/") -> bool:
    """Return whether a command names a path, or a path below it, absolute or as seen from the working directory.

    >>> names_path("tar xf wheels/a.tar", "srv/wheels", "/srv"), names_path("tar xf mywheels", "srv/wheels", "/srv")
    (True, False)
    """
    name = path.rpartition("/")[2]
    if name not in command and "./" not in f"{path}/" and not is_within(working_dir, path):
        return False  # all forms below end with the name; a COPY can bring thousands of paths
    absolute = f"/{path}"
    forms = [re.escape(absolute)]
    relative = posixpath.relpath(absolute, working_dir)
    if not relative.startswith(".."):
        forms.append(rf"(?:\./)?{re.escape(relative)}")
    elif "/" not in path.strip("/") or command.startswith("cd "):
        forms.append(re.escape(relative))
    return re.search(rf"(?<![\w.~/+-])(?:{'|'.join(forms)})(?![\w.+-])", command) is not None


def is_within(directory: str, path: str) -> bool:
    """Return whether an absolute directory is a path or below the path, which has no leading slash.

    >>> is_within("/src/lib", "src"), is_within("/srv", "src")
    (True, False)
    """
    return f"{directory.strip('/')}/".startswith(f"{path}/")


def names_parent(command: str, path: str, working_dir: str = "/") -> bool:
    """Return whether a command names a directory above a path, the root left out, or anything in such a directory.

    >>> names_parent("chown -R app /srv", "srv/app/x"), names_parent("cp * /x", "srv/app", "/srv")
    (True, True)
    """
    parent = posixpath.dirname(f"/{path}")
    while parent != "/":
        if parent == working_dir.rstrip("/") and re.search(r"(?:^|\s)(?:\.|\./|\*)(?:\s|$)", command):
            return True
        if parent in command and re.search(rf"(?<![\w.~/+-]){re.escape(parent)}(?![\w.+-])", command):
            return True
        parent = posixpath.dirname(parent)
    return False
