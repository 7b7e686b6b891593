"""Findings: what could be better about an image, how to mend it, and the bytes that mending saves.

No two findings count the same bytes: their savings add up to what the image loses when all of them are acted on.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Sequence

import attrs

from ocisize.model.build_step import BuildStep
from ocisize.model.sizes import sum_known

ID = re.compile(r"[A-Z][A-Z0-9_-]{0,15}[0-9]{3,4}")  #: of findings and of the rules that make them
PACKAGED_PREFIX = "OS"  #: of the ids of all packaged rules and of no others: catalogues of users may not use it


def is_packaged_id(finding_id: str) -> bool:
    """Whether an id is one of ocisize's own, not of a rule of a user.

    >>> is_packaged_id("OS101"), is_packaged_id("ACME001")
    (True, False)
    """
    return finding_id.startswith(PACKAGED_PREFIX)


class Confidence(str, enum.Enum):
    """How sure it is that nothing misses what a finding names."""

    SURE = "sure"  #: a running container never needs it
    LIKELY = "likely"  #: most containers do not need it
    ASK = "ask"  #: only who wrote the image can tell

    def __str__(self) -> str:
        return self.value


class Severity(str, enum.Enum):
    """How much a finding matters: by its share of the download, or for what it gives away."""

    HIGH = "high"  #: a tenth of the download or more; or a secret
    MEDIUM = "medium"  #: a hundredth or more
    LOW = "low"

    def __str__(self) -> str:
        return self.value


class Category(str, enum.Enum):
    """What a finding is about. Reports and checks decide by the category, never by the id."""

    CACHE = "cache"  #: kept by a tool for its next run: only the build step that wrote it reads it
    TEMPORARY = "temporary"  #: in a directory for temporary files: only the build step that wrote it reads it
    BUILD = "build"  #: made or downloaded by a build: later build steps may read it
    DEVELOPMENT = "development"  #: compilers, headers, libraries to link with, debug information
    DOCUMENTATION = "documentation"  #: manuals, translations, source maps
    TEST = "test"  #: tests, their data and their reports
    LOG = "log"  #: written while the image was built
    LEFTOVER = "leftover"  #: files of editors, version control and installers; backups; programs for other systems
    PACKAGE = "package"  #: installed packages that the image may not need
    WASTE = "waste"  #: stored by one layer, hidden by another
    DUPLICATE = "duplicate"  #: identical content at several visible paths
    LAYER = "layer"  #: the size and number of layers
    CONFIG = "config"  #: how the image is run and named
    SECRET = "secret"  # noqa: S105  #: what anyone who can pull the image can read
    BASE = "base"  #: the base image, and the size beside what the runtime needs
    OTHER = "other"  #: rules of users that name no category

    def __str__(self) -> str:
        return self.value


@attrs.frozen(kw_only=True)
class Rewrite:
    """A build step written anew, with all that findings change about it: pasting it undoes none of them."""

    layer: int
    build_step: BuildStep


@attrs.frozen(kw_only=True)
class Finding:
    """One thing to mend. ``paths`` are the largest files it is about, ``path_count`` is how many there are."""

    id: str  #: stable, see docs/rules.md
    title: str
    confidence: Confidence
    severity: Severity
    category: Category = Category.OTHER
    layers: tuple[int, ...]  #: the layers involved: those that brought the bytes, those that hold them, those that hide them
    build_steps: tuple[BuildStep, ...]  #: of those layers
    paths: tuple[str, ...]
    path_count: int
    size: int  #: bytes of content saved
    compressed_size: int | None  #: bytes of download saved, None where the saved form does not tell
    fix: str
    in_base: bool = False  #: all of it comes from the base image: another base mends it, no change to the own steps
    rewrite: Rewrite | None = None  #: the step that mends it, where a change to a RUN does

    @property
    def rule(self) -> str:
        """Where the rule behind the finding is explained, within the documentation; users' own rules stand nowhere."""
        return f"docs/rules.md#{self.id.lower()}" if is_packaged_id(self.id) else ""


@attrs.frozen
class Saving:
    """Bytes that some findings save together."""

    size: int  #: of content
    compressed_size: int | None  #: of download


@attrs.frozen(kw_only=True)
class StepFix:
    """A build step to write anew, with what that mends."""

    layer: int
    rewritten: BuildStep
    findings: tuple[Finding, ...]  #: those it mends, wholly or in part

    @property
    def saving(self) -> Saving:
        """What the findings save together."""
        return sum_savings(self.findings)


@attrs.frozen
class Advice:
    """All findings, those first that save the most bytes on the wire."""

    findings: tuple[Finding, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of content that all findings save together."""
        return sum_savings(self.findings).size

    @property
    def compressed_size(self) -> int | None:
        """Bytes of download that all findings save together, None where the saved form does not tell."""
        return sum_savings(self.findings).compressed_size

    @property
    def steps(self) -> tuple[StepFix, ...]:
        """The steps to write anew, base first; no finding stands in two of them."""
        groups: dict[Rewrite, list[Finding]] = {}
        for finding in self.findings:
            if finding.rewrite is not None:
                groups.setdefault(finding.rewrite, []).append(finding)
        return tuple(
            StepFix(layer=rewrite.layer, rewritten=rewrite.build_step, findings=tuple(groups[rewrite]))
            for rewrite in sorted(groups, key=lambda rewrite: rewrite.layer)
        )

    def saving(self, confidence: Confidence, *, in_base: bool | None = None) -> Saving:
        """What the findings of one confidence save, in the base image or outside of it where that is asked."""
        return sum_savings(
            [each for each in self.findings if each.confidence is confidence and in_base in (None, each.in_base)]
        )


def sum_savings(findings: Sequence[Finding]) -> Saving:
    """What some findings save together."""
    return Saving(sum(finding.size for finding in findings), sum_known(finding.compressed_size for finding in findings))
