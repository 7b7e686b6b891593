"""The references of a fleet as values, and the set that gathers them without repeats."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence

from ocisize.errors import LimitExceeded, OcisizeError
from ocisize.model.fleet import FleetFailure
from ocisize.text import printable
from ocisize.values import define, evolve, field, frozen

MAX_REFERENCES = 1_000_000  #: of all sources: each takes half a kilobyte, and a request
_MAX_SHOWN = 200  # characters of a text of others in a failure


@frozen(kw_only=True)
class ListedReference:
    """A reference that a source lists.

    >>> str(ListedReference(name="build/images.tar", select="app:1", store="build/images.tar"))
    'build/images.tar --select app:1'
    """

    name: str  #: what ``open_source`` opens: a reference, a path, or a scheme with what follows
    select: str | None = None  #: which image of a file or folder, as ``open_source`` takes it
    label: str = ""  #: what the list says about it: a team, a namespace, a service
    nodes: Sequence[str] = ()  #: of a cluster that run the image, each once
    store: str = ""  #: where a blob is stored once: the host of the registry, the folder or archive, the scheme of an engine
    #: ``host/repository`` if its tags were listed: references of one repository are neighbors, the oldest version first.
    repository: str = ""
    source: str = ""  #: the file, argument or registry that lists it
    line: int = 0  #: of the file, from 1; 0 for other sources

    def __str__(self) -> str:
        """The arguments that name this image to ocisize."""
        return self.name if self.select is None else shlex.join([self.name, "--select", self.select])


@frozen(kw_only=True)
class ReferenceList:
    """The references of all sources, and what could not be listed."""

    references: Sequence[ListedReference]  #: each name, ``select`` and label once, in the order of the sources
    failures: Sequence[FleetFailure] = ()  #: sources, repositories and lines that could not be read
    warnings: Sequence[str] = ()  #: what the lists leave out
    repeats: int = 0  #: references that were listed before
    artifacts: int = 0  #: tags of signatures, attestations and SBOMs, which are left out


def shorten_text(text: str) -> str:
    """Return a text of others for a message: one line of at most 200 characters without control characters.

    >>> shorten_text("app\\x1b[31m"), len(shorten_text(1000 * "x"))
    ('app\\\\x1b[31m', 201)
    """
    shown = printable(" ".join(text[: 2 * _MAX_SHOWN].split()))
    return f"{shown[:_MAX_SHOWN]}…" if len(shown) > _MAX_SHOWN or len(text) > 2 * _MAX_SHOWN else shown


@define
class Collector:
    """Gathers references, failures and warnings; a reference that comes again adds its nodes to the first one."""

    max_references: int = MAX_REFERENCES
    failures: list[FleetFailure] = field(factory=list)
    warnings: dict[str, None] = field(factory=dict)
    repeats: int = 0
    artifacts: int = 0
    _references: dict[tuple[str, str | None, str], ListedReference] = field(factory=dict)
    _nodes: dict[tuple[str, str | None, str], dict[str, None]] = field(factory=dict)

    @property
    def size(self) -> int:
        """How often a reference was added, repeats included."""
        return len(self._references) + self.repeats

    def add(self, reference: ListedReference) -> None:
        """Add a reference; raise LimitExceeded if there are more than ``max_references``."""
        key = (reference.name, reference.select, reference.label)
        if key in self._references:
            self.repeats += 1
        else:
            if len(self._references) >= self.max_references:
                raise LimitExceeded(
                    f"the sources list more than {self.max_references:,} references",
                    limit="references",
                    got=len(self._references) + 1,
                    allowed=self.max_references,
                    hint="choose fewer with patterns, --tags or --last",
                )
            self._references[key] = reference
        if reference.nodes:
            self._nodes.setdefault(key, {}).update(dict.fromkeys(reference.nodes))

    def fail(self, reference: str, error: OcisizeError | str, hint: str = "") -> None:
        """Add a failure; its texts are made safe to print."""
        hint = hint or (error.hint or "" if isinstance(error, OcisizeError) else "")
        message = str(error).removeprefix(f"{reference}: ")
        self.failures.append(
            FleetFailure(reference=shorten_text(reference), message=printable(message), hint=printable(hint))
        )

    def warn(self, text: str) -> None:
        """Add a warning once."""
        self.warnings[printable(text)] = None

    def finish(self) -> ReferenceList:
        """Return everything that was gathered."""
        return ReferenceList(
            references=tuple(self._with_nodes()),
            failures=tuple(self.failures),
            warnings=tuple(self.warnings),
            repeats=self.repeats,
            artifacts=self.artifacts,
        )

    def _with_nodes(self) -> Iterable[ListedReference]:
        for key, reference in self._references.items():
            nodes = self._nodes.get(key)
            yield evolve(reference, nodes=tuple(nodes)) if nodes else reference
