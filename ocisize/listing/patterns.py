"""Patterns of repositories and tags: ``registry.io/team/*``, ``registry.io/app:v1.*``, and the globs of ``--tags``.

``*`` means any characters, also none and also ``/``; ``?`` means one character. Everything else means itself. No reference
has these characters, so a pattern is no reference. The registry itself is never a pattern.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from ocisize.errors import InvalidReference, ViewError
from ocisize.oci.reference import is_registry_alone, parse_reference
from ocisize.sources.schemes import find_scheme, open_registry
from ocisize.values import frozen

_WILDCARD = re.compile(r"[*?]")
_EXCLUDES = "!"
_DEFAULT = "library/"


def is_pattern(text: str) -> bool:
    """Return True if a text is a pattern of repositories or tags.

    >>> is_pattern("registry.io/team/*"), is_pattern("registry.io/team/app:1"), is_pattern("./images/*.tar")
    (True, False, False)
    """
    found = find_scheme(text)
    if found is not None and found[0].open is not open_registry:
        return False
    return not text.startswith((".", "/", "~")) and _WILDCARD.search(text) is not None


def names_repository(text: str) -> bool:
    """Return True for a reference to a registry with neither a tag nor a digest.

    >>> names_repository("localhost:5000/app"), names_repository("app:1"), names_repository("podman:app")
    (True, False, False)
    """
    found = find_scheme(text)
    if found is not None and found[0].open is not open_registry:
        return False
    return not {":", "@"} & set((found[1] if found is not None else text).rpartition("/")[2])


@frozen
class RegistryPattern:
    """Which repositories of a registry are meant, and which of their tags."""

    registry: str
    repositories: str  #: a name, or a pattern
    tags: str = "*"

    @property
    def is_repository(self) -> bool:
        """True if one repository is meant, so that the registry need not list its repositories."""
        return _WILDCARD.search(self.repositories) is None

    @property
    def namespace(self) -> str:
        """The folders that all repositories have in common, without ``/`` at the end; empty if there are none."""
        literal = self.repositories[: match.start()] if (match := _WILDCARD.search(self.repositories)) else self.repositories
        return literal.rpartition("/")[0]

    def __str__(self) -> str:
        return f"{self.registry}/{self.repositories}" + (f":{self.tags}" if self.tags != "*" else "")


def parse_pattern(text: str) -> RegistryPattern:
    """Parse a pattern, or the name of a repository without a tag, which means all tags. Raises InvalidReference.

    >>> parse_pattern("registry.io/team/*")
    RegistryPattern(registry='registry.io', repositories='team/*', tags='*')
    >>> parse_pattern("nginx:1.2?")
    RegistryPattern(registry='docker.io', repositories='library/nginx', tags='1.2?')
    >>> str(parse_pattern("localhost:5000/*:latest"))
    'localhost:5000/*:latest'
    """
    found = find_scheme(text)
    if found is not None and found[0].open is not open_registry:
        raise InvalidReference(f"invalid pattern {text!r}: {found[0].name}: names no registry")
    rest = found[1] if found is not None else text
    head, slash, name = rest.rpartition("/")
    repository, colon, tags = name.partition(":")
    path = f"{head}{slash}{repository}"
    first = path.partition("/")[0]
    if _WILDCARD.search(first) and (slash or not repository.strip("*?")):
        raise InvalidReference(
            f"invalid pattern {text!r}: {first!r} is no registry", hint="name the registry: registry.io/*"
        )
    if colon and not slash and is_registry_alone(_WILDCARD.sub("1", rest)):
        raise InvalidReference(
            f"invalid pattern {text!r}: it has no repository", hint=f"for all of them: {repository}:PORT/*"
        )
    if colon and not tags:
        raise InvalidReference(f"invalid pattern {text!r}: no tag follows the colon", hint=f"for all tags: {text}*")
    if "@" in path or "@" in tags:
        raise InvalidReference(f"invalid pattern {text!r}: a digest has no pattern")
    try:
        likeness = parse_reference(_WILDCARD.sub("x", f"{path}{colon}{tags}"))  # a name of equal length that matches
    except InvalidReference as error:
        _, is_url, without_scheme = rest.partition("://")
        hint = f"write it as {without_scheme!r}" if is_url else error.hint  # which names the likeness
        raise InvalidReference(f"invalid pattern {text!r}", hint=hint) from None
    length = len(likeness.repository)
    if not _WILDCARD.sub("x", path).endswith(likeness.repository):  # Docker's default namespace was added
        return RegistryPattern(likeness.registry, f"{_DEFAULT}{path[len(_DEFAULT) - length :]}", tags or "*")
    return RegistryPattern(likeness.registry, path[-length:], tags or "*")


@frozen
class TagFilter:
    """Which tags are meant: those that a glob matches and no glob with ``!`` before it.

    >>> tags = make_tag_filter(["v1.*", "!*-rc?"])
    >>> [tag for tag in ("v1.0", "v1.0-rc1", "v2.0") if tags.accepts(tag)]
    ['v1.0']
    """

    included: Sequence[Callable[[str], bool]]
    excluded: Sequence[Callable[[str], bool]]

    def accepts(self, tag: str) -> bool:
        """Return True if a tag is meant."""
        if self.included and not any(matches(tag) for matches in self.included):
            return False
        return not any(matches(tag) for matches in self.excluded)


def make_tag_filter(globs: Sequence[str]) -> TagFilter:
    """Return the filter of globs; only those with ``!`` exclude from all tags. Raises ViewError for an empty glob."""
    for glob in globs:
        if not glob.removeprefix(_EXCLUDES):
            raise ViewError(f"the glob {glob!r} of tags is empty")
    excluded = [glob.removeprefix(_EXCLUDES) for glob in globs if glob.startswith(_EXCLUDES)]
    included = [glob for glob in globs if not glob.startswith(_EXCLUDES)]
    return TagFilter(tuple(map(matcher, included)), tuple(map(matcher, excluded)))


def matcher(pattern: str) -> Callable[[str], bool]:
    """Return a function that is true for texts which a pattern matches as a whole; its time is linear in the text.

    >>> matches = matcher("v1.*-r?")
    >>> matches("v1.2-r1"), matches("v1.2-r10")
    (True, False)
    """
    first, *middle = (re.escape(part).replace(r"\?", ".") for part in re.split(r"\*+", pattern))
    if not middle:
        whole = re.compile(first, re.DOTALL)
        return lambda text: whole.fullmatch(text) is not None
    start, between = re.compile(first, re.DOTALL), [re.compile(part, re.DOTALL) for part in middle[:-1]]
    end, length = re.compile(rf"{middle[-1]}\Z", re.DOTALL), len(re.split(r"\*+", pattern)[-1])

    def matches(text: str) -> bool:
        found = start.match(text)
        for part in between:  # the leftmost match leaves most of the text for the others
            if found is None:
                return False
            found = part.search(text, found.end())
        return found is not None and len(text) - length >= found.end() and end.match(text, len(text) - length) is not None

    return matches
