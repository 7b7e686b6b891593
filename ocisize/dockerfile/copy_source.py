"""COPY and ADD: their sources, destination and flags, and new flags in the text of an instruction."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ocisize.dockerfile.joined import join_lines
from ocisize.dockerfile.words import parse_words, split_flags, split_sum, split_words
from ocisize.values import frozen

_COPY = re.compile(r"\s*(COPY|ADD)(?=\s)", re.IGNORECASE)
_KEYWORD = re.compile(r"\s*[A-Za-z]+")
_ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_QUOTES = str.maketrans("", "", "\"'")


@frozen(kw_only=True)
class CopyInstruction:
    """A COPY or ADD, from a Dockerfile or from the history of an image."""

    keyword: str  #: in capitals
    sources: Sequence[str]  #: without quotes; empty where the history has only a sum of the content
    destination: str
    options: Sequence[str] = ()  #: the flags, such as ``--from=build``
    has_sum: bool = False  #: the history has a sum of the content in place of the sources
    is_json: bool = False

    @property
    def from_stage(self) -> str:
        """The stage or image that the sources are in; "" for the build context, or if the history left the flag out."""
        return self._value("from")

    @property
    def chown(self) -> str:
        """The value of ``--chown``; "" without."""
        return self._value("chown")

    @property
    def chmod(self) -> str:
        """The value of ``--chmod``; "" without."""
        return self._value("chmod")

    @property
    def may_unpack(self) -> bool:
        """Whether the instruction is an ADD that may unpack an archive, whose entries keep their owners and modes."""
        return self.keyword == "ADD" and any("$" in source or source.endswith(_ARCHIVES) for source in self.sources)

    @property
    def link(self) -> bool:
        """Whether the instruction has ``--link``."""
        return any(option in {"--link", "--link=true"} for option in self.options)

    def _value(self, name: str) -> str:
        prefix = f"--{name}="
        values = [option.removeprefix(prefix) for option in self.options if option.startswith(prefix)]
        return values[-1].translate(_QUOTES) if values else ""


def parse_copy(text: str, escape: str = "\\") -> CopyInstruction | None:
    """Parse a COPY or ADD: the lines of a Dockerfile or the text of a build step; None if it is neither.

    ``escape`` is the character that continues lines.

    >>> copy = parse_copy("COPY --from=build --chown=1000:1000 /out /etc/app /srv/")
    >>> copy.sources, copy.destination, copy.from_stage, copy.chown
    (('/out', '/etc/app'), '/srv/', 'build', '1000:1000')
    >>> copy = parse_copy("ADD dir:0123456789ab… in /srv")
    >>> copy.sources, copy.destination, copy.has_sum
    ((), '/srv', True)
    """
    joined = join_lines(text, escape).text
    match = _COPY.match(joined)
    if match is None:
        return None
    keyword, rest = match[1].upper(), joined[match.end() :].strip()
    options, start = split_flags(rest)
    if summed := split_sum(rest):  # the flag has no blank behind it
        options, start = (summed[0],) if summed[0] else (), 0
    arguments = rest[start:].strip()
    if summed := summed or split_sum(arguments):
        return CopyInstruction(keyword=keyword, sources=(), destination=summed[1], options=options, has_sum=True)
    words = parse_words(arguments)
    plain = words if words is not None else [_ESCAPED.sub(r"\1", word.translate(_QUOTES)) for word in split_words(arguments)]
    if len(plain) < 2:
        return None
    return CopyInstruction(
        keyword=keyword, sources=tuple(plain[:-1]), destination=plain[-1], options=options, is_json=words is not None
    )


def with_options(source: str, options: Mapping[str, str | None], escape: str = "\\") -> str:
    r"""Return an instruction with some flags set, and everything else as it is.

    ``options`` has the value of each flag: "" for a flag without a value, None to remove the flag. A flag that is there gets
    its value in place; new ones are put right behind the keyword.

    >>> with_options("COPY --link --chown=app \\\n  /out /srv", {"--chown": "1000:1000", "--chmod": "755", "--link": None})
    'COPY --chmod=755 --chown=1000:1000 \\\n  /out /srv'
    """
    joined = join_lines(source, escape)
    match = _KEYWORD.match(joined.text)
    if match is None:
        return source
    keyword_end = joined.offset(match.end() - 1) + 1
    edits: list[tuple[int, int, str]] = []
    present = set()
    position = match.end()
    for flag in split_flags(joined.text[position:])[0]:
        start = joined.text.index(flag, position)
        position = start + len(flag)
        name = flag.partition("=")[0]
        if name not in options:
            continue
        value = options[name]
        first, last = joined.offset(start), joined.offset(position - 1) + 1
        if value is None or name in present:
            rest = joined.text[position:]
            edits.append((first, joined.offset(position + len(rest) - len(rest.lstrip())), ""))
        else:
            edits.append((first, last, _flag(name, value)))
        present.add(name)
    added = "".join(f" {_flag(name, value)}" for name, value in options.items() if value is not None and name not in present)
    for first, last, text in reversed(edits):
        source = source[:first] + text + source[last:]
    return source[:keyword_end] + added + source[keyword_end:]


def _flag(name: str, value: str) -> str:
    if not value:
        return name
    return f'{name}="{value}"' if any(character.isspace() for character in value) else f"{name}={value}"
