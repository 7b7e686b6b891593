"""Findings: what could be better about an image, how to fix it, and how many bytes the fix saves.

No two findings count the same bytes: their savings add up to the bytes that the image loses if all of them are fixed.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence

from ocisize.model.build_step import BuildStep
from ocisize.model.sizes import sum_known
from ocisize.patterns import lazy_pattern
from ocisize.values import frozen

ID = lazy_pattern(r"[A-Z][A-Z0-9_-]{0,15}[0-9]{3,4}")  #: of findings and of the rules that make them
PACKAGED_PREFIX = "OS"  #: of the ids of all packaged rules and of no others: catalogs of users may not use it


def is_packaged_id(finding_id: str) -> bool:
    """Whether an id is one of ocisize's own, not of a rule of a user.

    >>> is_packaged_id("OS101"), is_packaged_id("ACME001")
    (True, False)
    """
    return finding_id.startswith(PACKAGED_PREFIX)


class Confidence(str, enum.Enum):
    """How safe it is to make a change: to act on a finding, or on a step of the plan."""

    SAFE = "safe"  #: no container needs the files
    PROBABLY = "probably"  #: most containers do not need the files
    ASK = "ask"  #: only the author of the image can tell

    def __str__(self) -> str:
        return self.value


class Severity(str, enum.Enum):
    """How much a finding matters, by its share of the content of the image, which every source of the image has."""

    HIGH = "high"  #: a tenth of the content or more; or a secret
    MEDIUM = "medium"  #: a hundredth or more
    LOW = "low"  #: less than a hundredth

    def __str__(self) -> str:
        return self.value


class Category(str, enum.Enum):
    """The subject of a finding. Reports and checks decide by the category, never by the id."""

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
    #: what anyone who can pull the image can read
    SECRET = "secret"  # noqa: S105
    BASE = "base"  #: the base image, and the size beside what the runtime needs
    OTHER = "other"  #: rules of users that name no category

    def __str__(self) -> str:
        return self.value


@frozen(kw_only=True)
class Finding:
    """One thing to fix."""

    id: str  #: stable, see docs/rules.md
    title: str  #: one line of plain text
    confidence: Confidence  #: how safe the fix is
    severity: Severity  #: how much it matters
    category: Category = Category.OTHER  #: its subject
    layers: tuple[int, ...]  #: the layers involved: those that brought the bytes, those that hold them, those that hide them
    build_steps: tuple[BuildStep, ...]  #: of those layers
    #: the largest of its files, largest first, without a leading slash; of secrets all files by name, at most 1,000
    paths: tuple[str, ...]
    path_count: int  #: number of its files
    size: int  #: bytes of content that the fix saves
    compressed_size: int | None  #: bytes of download that the fix saves; None if compressed sizes are unknown
    fix: str  #: what to do, in a sentence or a few
    in_base: bool = False  #: True if all of it belongs to the base image: only another base image fixes it
    plan_step: int | None = None  #: the number of the step of the plan that fixes it, from 1; None if no step does
    names: tuple[str, ...] = ()  #: all variables and build arguments with secrets that it is about; values are never stored

    @property
    def rule(self) -> str:
        """The section of the documentation about the finding: ``docs/rules.md#os101``; "" for rules of users."""
        return f"docs/rules.md#{self.id.lower()}" if is_packaged_id(self.id) else ""


@frozen
class Saving:
    """Bytes that some findings save together."""

    size: int  #: of content
    compressed_size: int | None  #: of download


@frozen
class Advice:
    """All findings on an image: secrets first, then the largest saving of content."""

    findings: tuple[Finding, ...] = ()  #: the largest saving first

    @property
    def size(self) -> int:
        """Bytes of content that all findings save together."""
        return sum_savings(self.findings).size

    @property
    def compressed_size(self) -> int | None:
        """Bytes of download that all findings save together; None if compressed sizes are unknown."""
        return sum_savings(self.findings).compressed_size

    def saving(self, confidence: Confidence, *, in_base: bool | None = None) -> Saving:
        """The bytes that findings of one confidence save.

        Args:
            confidence: the confidence of the findings.
            in_base: only findings that belong to the base image (True) or do not (False); None: both.

        """
        return sum_savings(
            [finding for finding in self.findings if finding.confidence is confidence and in_base in (None, finding.in_base)]
        )


def sum_savings(findings: Sequence[Finding]) -> Saving:
    """The bytes that some findings save together.

    >>> sum_savings([])
    Saving(size=0, compressed_size=0)
    """
    return Saving(sum(finding.size for finding in findings), sum_known(finding.compressed_size for finding in findings))
