"""Plan: one consistent set of edits to the build of an image, with the bytes that each step saves.

The steps are simulated in order on the rows that the layers store: a step saves what the steps before it leave. So the
savings add up to what the image loses when the whole plan is carried out.
"""

from __future__ import annotations

from collections.abc import Iterable

from ocisize.model.build_step import BuildStep
from ocisize.model.findings import Category, Confidence, Saving
from ocisize.model.sizes import sum_known
from ocisize.values import frozen


@frozen(kw_only=True)
class PlanEdit:
    """The final text of one instruction of the build, with the changes of all steps of the plan."""

    layer: int  #: the layer that the instruction made
    build_step: BuildStep  #: the instruction as the history has it
    text: str  #: what takes its place, valid in a Dockerfile, without a line break at its end; "" if the instruction goes
    #: first and last line of the instruction in the Dockerfile, from 1; None if unknown
    lines: tuple[int, int] | None = None


@frozen(kw_only=True)
class LayerSaving:
    """What a step of the plan takes from one layer, after the steps before it."""

    layer: int  #: index of the layer
    size: int  #: bytes of content
    compressed_size: int | None  #: bytes of download, of a repeated blob those that no layer needs any more; None if unknown
    file_count: int  #: files with content


@frozen(kw_only=True)
class PlanStep:
    """One thing to change, with what the change saves after the steps before it."""

    title: str  #: a noun phrase: ``apt archives and lists left behind``
    confidence: Confidence  #: how safe it is
    category: Category  #: its subject
    size: int  #: bytes of content that the image loses
    compressed_size: int | None  #: bytes of download that the image loses; None if unknown
    layers: tuple[int, ...]  #: whose build steps change, the one with the most bytes first
    lines: tuple[int, ...] = ()  #: the first lines of their instructions in the Dockerfile, from 1; empty if unknown
    action: str  #: what to change, in one sentence or a few
    caution: str = ""  #: what to check before or after the change, "" if nothing
    ignored: tuple[str, ...] = ()  #: patterns that the step adds to .dockerignore
    in_patch: bool = False  #: True if edits and ignored patterns carry out the step; False if it must be done by hand
    findings: tuple[str, ...] = ()  #: ids of the findings that it fixes, wholly or in part
    paths: tuple[str, ...] = ()  #: the largest of the files that go, without a leading slash
    path_count: int = 0  #: number of files that go
    layer_savings: tuple[LayerSaving, ...] = ()  #: the parts of the layers; they add up to the sizes of the step


@frozen(kw_only=True)
class Plan:
    """What to change in the build, the step with the largest saving first.

    No instruction is edited twice, and no byte is saved twice.
    """

    steps: tuple[PlanStep, ...] = ()  #: the largest saving first
    edits: tuple[PlanEdit, ...] = ()  #: base first
    estimated: bool = False  #: True if the bytes of download are estimated, since the layers are uncompressed
    dockerfile: str | None = None  #: the Dockerfile whose lines the plan names; None if there is none that fits
    from_provenance: bool = False  #: True if this Dockerfile is from the provenance of the image, secrets redacted
    patch_error: str = ""  #: why there is no patch although there are edits, "" if there is one
    patch_has_secrets: bool = False  #: True if lines of the patch look like secrets: reports leave the patch out
    patch: str = ""  #: unified diff of the Dockerfile and .dockerignore; "" without a Dockerfile or without edits

    @property
    def ignored(self) -> tuple[str, ...]:
        """All patterns to add to .dockerignore, in order."""
        return tuple(dict.fromkeys(pattern for step in self.steps for pattern in step.ignored))

    @property
    def total(self) -> Saving:
        """The bytes that all steps save together.

        >>> Plan().total
        Saving(size=0, compressed_size=0)
        """
        return sum_steps(self.steps)

    @property
    def patched(self) -> Saving:
        """The bytes that the steps in the patch save together."""
        return sum_steps(step for step in self.steps if step.in_patch)

    def saving(self, confidence: Confidence) -> Saving:
        """The bytes that the steps of one confidence save together."""
        return sum_steps(step for step in self.steps if step.confidence is confidence)


def sum_steps(steps: Iterable[PlanStep]) -> Saving:
    """The bytes that some steps of one plan save together."""
    chosen = list(steps)
    return Saving(sum(step.size for step in chosen), sum_known(step.compressed_size for step in chosen))
