"""BuildStep: the build step that made a layer, in the words of a Dockerfile, with its kind and its shell commands."""

from __future__ import annotations

import enum
import re
from functools import cached_property

from ocisize.patterns import lazy_pattern
from ocisize.values import frozen

_SEPARATOR = re.compile(r"(\s*(?:&&|\|\|?|;)\s*)")
_QUOTED = re.compile(r"\"(?:\\.|[^\"\\])*\"|'[^']*'")
_QUOTED_OR_SEPARATOR = re.compile(f"{_QUOTED.pattern}|{_SEPARATOR.pattern}")
_COMMENT = lazy_pattern(r"(?:^|\s)#")
_CUT = ("\\", "&", "|", ";", "…")  # ends of text that was cut
_SUM = lazy_pattern(r"\b(?:file|dir|multi):\S+ in ")
_OPTIONS = lazy_pattern(r"(?:--\S+(?:\s+|$))*")
_DEBIAN = lazy_pattern(r"(?:# )?debian\.sh\b")  # how official Debian images note their root filesystem
_SEQUENTIAL = ("&&", ";")
_METADATA = frozenset((
    "ARG", "CMD", "ENTRYPOINT", "ENV", "EXPOSE", "HEALTHCHECK", "LABEL", "MAINTAINER", "ONBUILD", "SHELL", "STOPSIGNAL",
    "USER", "VOLUME",
))  # fmt: skip


class StepKind(enum.Enum):
    """The kinds of build steps that the library treats differently."""

    RUN = "RUN"  #: a command
    COPY = "COPY"  #: files of the build context, or of another stage or image
    ADD = "ADD"  #: the same with archives and URLs
    ROOT_FILESYSTEM = "root filesystem"  #: a distribution's files, as an ADD to ``/`` or as ``debian.sh`` makes them
    WORKDIR = "WORKDIR"  #: makes a layer where the directory does not exist yet
    METADATA = "metadata"  #: ENV, LABEL, CMD and the like: changes the config alone
    OTHER = "other"  #: text of a builder that uses no Dockerfile words
    UNKNOWN = "unknown"  #: no text at all


_KINDS = {kind.value: kind for kind in (StepKind.RUN, StepKind.COPY, StepKind.ADD, StepKind.WORKDIR)}


@frozen(slots=False)  # with a dictionary for the cached properties
class BuildStep:
    """A build step, known by its text: one line in the words of a Dockerfile, secrets redacted; empty when unknown.

    All other attributes are parsed from the text when they are first asked for.

    >>> step = BuildStep("COPY --from=build --chown=app /out /app")
    >>> step.kind, step.options, step.arguments
    (<StepKind.COPY: 'COPY'>, ('--from=build', '--chown=app'), '/out /app')
    >>> BuildStep("RUN apt-get update && apt-get install -y curl; ldconfig").commands
    ('apt-get update', 'apt-get install -y curl', 'ldconfig')
    """

    text: str = ""  #: the whole text

    def __str__(self) -> str:
        return self.text

    @property
    def shown(self) -> str:
        """The text for people: without the sums that builders other than BuildKit note in place of sources.

        >>> BuildStep("COPY dir:0123456789ab… in /app").shown
        'COPY … /app'
        """
        return _SUM.sub("… ", self.text) if " in " in self.text else self.text

    @cached_property
    def kind(self) -> StepKind:
        """The kind of the step.

        >>> BuildStep("ADD file:0123456789ab… in /").kind
        <StepKind.ROOT_FILESYSTEM: 'root filesystem'>
        >>> BuildStep('CMD ["bash"]').kind, BuildStep("bazel build ...").kind, BuildStep().kind
        (<StepKind.METADATA: 'metadata'>, <StepKind.OTHER: 'other'>, <StepKind.UNKNOWN: 'unknown'>)
        """
        if not self.text:
            return StepKind.UNKNOWN
        if "debian.sh" in self.text and _DEBIAN.match(self.text):
            return StepKind.ROOT_FILESYSTEM
        keyword, space, rest = self.text.partition(" ")
        if not space:
            return StepKind.OTHER
        if keyword == "ADD" and rest.endswith(" in /"):
            return StepKind.ROOT_FILESYSTEM
        return StepKind.METADATA if keyword in _METADATA else _KINDS.get(keyword, StepKind.OTHER)

    @property
    def keyword(self) -> str:
        """The first word: the Dockerfile instruction, where a Dockerfile made the step."""
        return self.text.partition(" ")[0]

    @cached_property
    def options(self) -> tuple[str, ...]:
        """The options behind the keyword, such as ``--from=build``."""
        return tuple(self._after_keyword[: self._options_end].split())

    @property
    def arguments(self) -> str:
        """The text behind the keyword and the options."""
        return self._after_keyword[self._options_end :]

    @property
    def _after_keyword(self) -> str:
        return self.text.partition(" ")[2]

    @cached_property
    def _options_end(self) -> int:
        match = _OPTIONS.match(self._after_keyword)
        return match.end() if match else 0

    @cached_property
    def is_editable(self) -> bool:
        """Whether the step is a RUN whose shell commands can be changed and still mean the same.

        False for the exec form, here-documents, comments and text that was cut.
        """
        text = self.text
        if self.kind is not StepKind.RUN or text.startswith("RUN [") or "<<" in text:
            return False
        return not text.removesuffix("\n").endswith(_CUT) and not ("#" in text and _COMMENT.search(text))

    @cached_property
    def commands(self) -> tuple[str, ...] | None:
        """The commands of a RUN that run one after the other, without the word RUN; None if the step is anything else.

        >>> BuildStep("RUN a && b; c").commands
        ('a', 'b', 'c')
        >>> BuildStep("RUN a | b").commands is BuildStep("COPY a b").commands is None
        True
        """
        if not self.is_editable:
            return None
        parts = split_commands(self.text.removeprefix("RUN "))
        return tuple(parts[::2]) if all(part.strip() in _SEQUENTIAL for part in parts[1::2]) else None

    @cached_property
    def shell_commands(self) -> tuple[str, ...]:
        """All commands of a RUN, however they are joined, without the word RUN; those of the whole text of any other step.

        >>> BuildStep("RUN curl -f x | tar x || exit 1").shell_commands
        ('curl -f x', 'tar x', 'exit 1')
        """
        text = self.text.removeprefix("RUN ") if self.kind is StepKind.RUN else self.text
        return tuple(split_commands(text)[::2])


def split_commands(text: str) -> list[str]:
    """Split shell text into its commands and the separators between them, alternating; quoted text is not split.

    >>> split_commands("a && echo ';' | b")
    ['a', ' && ', "echo ';'", ' | ', 'b']
    """
    parts, start = [], 0
    for match in _QUOTED_OR_SEPARATOR.finditer(text):
        if match[1] is not None:
            parts += [text[start : match.start()], match[1]]
            start = match.end()
    return [*parts, text[start:]]
