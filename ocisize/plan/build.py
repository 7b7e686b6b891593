"""Build: the drafts of an image's build steps, which the rules of the plan change, and the edits that come of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from ocisize.dockerfile.copy_source import CopyInstruction, parse_copy, with_options
from ocisize.dockerfile.run_source import Piece, RunSource, render_run
from ocisize.findings.evidence import ImageEvidence
from ocisize.history.redact import redact
from ocisize.history.shell import Change, shorten
from ocisize.model.build_step import BuildStep, StepKind, split_commands
from ocisize.model.plan import PlanEdit
from ocisize.plan.contexts import StepContext, find_contexts, is_built_by_modern_builder
from ocisize.plan.rows import RowIndex
from ocisize.tar.filetable import FileTable, layer_value
from ocisize.text import quote_code
from ocisize.values import define, field

if TYPE_CHECKING:  # modules for Dockerfiles
    from ocisize.dockerfile.parse import Dockerfile, Instruction
    from ocisize.plan.pairing import Pairing, SquashedCopy

_REDACTED = "<redacted>"
_CUT = "…"
_USERS = (b"etc/passwd", b"etc/group")
_HAS_NO_NEXT = re.compile(r"^(?:exit|exec)\b|&$")  # commands that end the shell, or run in the background
_MAX_LINE = 100  # characters of a joined RUN on one line


@define
class Draft:
    """The build step of one layer, with the changes so far."""

    layer: int
    step: BuildStep
    context: StepContext
    instruction: Instruction | None  #: in the Dockerfile; None without a Dockerfile, or if none fits
    source: str  #: the text of the instruction, in the Dockerfile or else in the history
    run: RunSource | None = None  #: of a RUN whose commands can be changed
    copy: CopyInstruction | None = None  #: of a COPY or ADD that can be changed
    pieces: list[Piece] = field(factory=list)  #: the commands of a RUN
    options: list[str] = field(factory=list)  #: to add to a RUN
    copy_options: dict[str, str | None] = field(factory=dict)
    is_dropped: bool = False
    joined_into: int | None = None  #: the layer whose RUN has the commands now

    @property
    def is_changed(self) -> bool:
        """Whether the step has any change."""
        return (
            self.is_dropped
            or self.joined_into is not None
            or bool(self.options or self.copy_options)
            or (self.run is not None and self.pieces != _pieces_of(self.run))
        )

    def render(self, escape: str) -> str:
        """The final text of the instruction; "" if it goes."""
        if self.is_dropped or self.joined_into is not None or (self.run is not None and not self.pieces):
            return ""
        if self.run is not None:
            text = render_run(self.pieces, options=self.options)
            return _wrap(text, self.pieces, escape) if self.instruction is not None else text
        return with_options(self.source, self.copy_options, escape)


class Build:
    """The build of an image as far as its layers and its history tell, and the Dockerfile if there is one.

    ``base_layers`` is the number of layers of the base image: nothing below can be changed.
    """

    def __init__(self, evidence: ImageEvidence, pairing: Pairing | None) -> None:
        self.evidence = evidence
        self.rows = RowIndex(evidence)
        self.dockerfile: Dockerfile | None = None
        steps = [layer.build_step for layer in evidence.layers]
        instructions: Sequence[Instruction | None] = [None] * len(steps)
        base_layers = evidence.base_layers
        #: of layers that hold several steps: their COPY and ADD instructions
        self.squashed_copies: Mapping[int, Sequence[SquashedCopy]] = {}
        if pairing is not None:
            self.dockerfile, instructions, self.squashed_copies = pairing.dockerfile, pairing.instructions, pairing.copies
            base_layers = max(base_layers, pairing.base_layers)
        self.base_layers = base_layers
        self.removed_paths: set[str] = set()  # of files and directories that no COPY brings any more
        self.moved_removals: list[tuple[int, str]] = []  # layer and path of each removal at the end of an earlier RUN
        self.escape = self.dockerfile.escape if self.dockerfile is not None else "\\"
        #: whether the builder knows ``RUN --mount`` and ``COPY --chmod``: docker's builder before BuildKit does not
        self.can_mount = is_built_by_modern_builder(evidence.config.history)
        contexts = find_contexts(evidence.config.history, len(steps))
        self.drafts = [
            self._draft(layer, step, context, instruction)
            for layer, (step, context, instruction) in enumerate(zip(steps, contexts, instructions, strict=True))
        ]

    @property
    def own_layers(self) -> range:
        """The layers above the base image."""
        return range(self.base_layers, len(self.drafts))

    def _draft(self, layer: int, step: BuildStep, context: StepContext, instruction: Instruction | None) -> Draft:
        draft = Draft(layer, step, context, instruction, instruction.source if instruction is not None else step.text)
        if layer < self.base_layers or context.step_count != 1 or self.evidence.config.os == "windows":
            return draft  # the shells of Windows join commands in other ways
        if self.dockerfile is not None:
            from ocisize.dockerfile.patch import refusal

            if instruction is None or refusal(self.dockerfile, instruction, step):
                return draft
        elif _REDACTED in step.text or _CUT in step.text:
            return draft
        if step.kind is StepKind.RUN:
            draft.run = RunSource.parse(draft.source, self.escape)
            draft.pieces = _pieces_of(draft.run) if draft.run is not None else []
        elif step.kind in (StepKind.COPY, StepKind.ADD):
            parsed = parse_copy(draft.source, self.escape)
            draft.copy = parsed if parsed is not None and not parsed.has_sum else None
        return draft

    @cached_property
    def content_size(self) -> int:
        """The bytes of content of the image."""
        return sum(layer.content_size for layer in self.evidence.layers)

    def knows_users(self, layer: int) -> bool:
        """Whether all names of users and groups were made below a layer: packages make users, too."""
        return not any(layer_value(table, names_users) for table in self.evidence.tables[layer:])

    def is_joined(self, layer: int) -> bool:
        """Whether the commands of a layer's RUN are in one RUN with those of other layers."""
        leader = self.leader(layer)
        return leader.layer != layer or any(draft.joined_into == layer for draft in self.drafts)

    def name(self, layer: int) -> str:
        """The instruction of a layer for a sentence, in backquotes: as the Dockerfile has it, else as the history has it."""
        instruction = self.drafts[layer].instruction
        if instruction is None:
            return quote_code(self.evidence.step(layer))
        flags = "".join(f"{flag} " for flag in instruction.flags)
        return quote_code(shorten(redact(f"{instruction.keyword} {flags}{instruction.text}").text))

    def leader(self, layer: int) -> Draft:
        """The draft that holds the commands of a layer's RUN: its own, or that of the RUN it was joined into."""
        draft = self.drafts[layer]
        while draft.joined_into is not None:
            draft = self.drafts[draft.joined_into]
        return draft

    def can_edit_run(self, layer: int) -> bool:
        """Whether the commands of a layer's RUN can be changed, and others can follow them."""
        leader = self.leader(layer)
        if self.drafts[layer].run is None or leader.is_dropped:
            return False
        return not leader.pieces or _HAS_NO_NEXT.search(leader.pieces[-1].text) is None

    def can_clean_up(self, layer: int, rows: Iterable[int]) -> bool:
        """Whether a command at the end of a layer's RUN may remove files that the RUN writes.

        A RUN of another user than root may write files of root by ``sudo``, and cannot remove them without.
        """
        table = self.evidence.tables[layer]
        return self.drafts[layer].context.is_root or all(table.attributes[table.owners[row]].uid for row in rows)

    def written_commands(self, layer: int) -> Sequence[str]:
        """The commands of a layer's RUN as they are written; none of other steps."""
        draft = self.drafts[layer]
        if draft.step.kind is not StepKind.RUN:
            return ()
        return draft.run.units if draft.run is not None else draft.step.shell_commands

    def commands(self, layer: int) -> list[str]:
        """The commands of a layer's RUN as they are now, those of the RUNs it was joined with included."""
        return [piece.text for piece in self.leader(layer).pieces]

    def append(self, layer: int, command: str) -> None:
        """Add a command at the end of a layer's RUN, unless the RUN has the command behind those of the layer's step."""
        pieces, own = self.leader(layer).pieces, self.drafts[layer].run
        last = max((number for number, piece in enumerate(pieces) if piece.source is own), default=0)
        if command not in [piece.text for piece in pieces[last:]]:
            pieces.append(Piece(command))

    def insert_before(self, layer: int, index: int, command: str) -> None:
        """Add a command before a command of a layer's RUN; ``index`` counts the commands of the layer's own step."""
        pieces = self.leader(layer).pieces
        own = self.drafts[layer].run
        at = next(number for number, piece in enumerate(pieces) if piece.source is own and piece.index == index)
        pieces.insert(at, Piece(command))

    def remove(self, layer: int, index: int) -> None:
        """Take a command out of a layer's RUN; ``index`` counts the commands of the layer's own step."""
        leader, own = self.leader(layer), self.drafts[layer].run
        leader.pieces[:] = [piece for piece in leader.pieces if not (piece.source is own and piece.index == index)]

    def replace(self, layer: int, index: int, command: str) -> None:
        """Change a command of a layer's RUN; ``index`` counts the commands of the layer's own step."""
        leader, own = self.leader(layer), self.drafts[layer].run
        leader.pieces[:] = [
            Piece(command, own, index) if piece.source is own and piece.index == index else piece for piece in leader.pieces
        ]

    def own_commands(self, layer: int) -> Iterator[tuple[int, str]]:
        """The commands of a layer's own step that are left, with their numbers."""
        own = self.drafts[layer].run
        return ((piece.index, piece.text) for piece in self.leader(layer).pieces if own is not None and piece.source is own)

    def change(self, change: Change) -> bool:
        """Make a change of a claim; False if the step cannot be edited or has nothing to change."""
        layer = change.layer
        if not self.can_edit_run(layer):
            return False
        made = False
        for index, command in list(self.own_commands(layer)):
            changed = _edit(command, change.edit)
            if changed != command:
                self.replace(layer, index, changed)
                made = True
        return made

    def join(self, first: int, last: int) -> None:
        """Join the RUNs of neighboring layers into that of the first one."""
        leader = self.leader(first)
        for layer in range(first + 1, last + 1):
            other = self.leader(layer)
            if other is not leader:
                leader.pieces += other.pieces
                leader.options += other.options
                other.joined_into = leader.layer

    def edits(self) -> tuple[PlanEdit, ...]:
        """The final texts of all changed steps, base first, without secrets."""
        return tuple(
            PlanEdit(
                layer=draft.layer,
                build_step=draft.step,
                text=redact(draft.render(self.escape)).text,
                lines=(draft.instruction.first, draft.instruction.last) if draft.instruction is not None else None,
            )
            for draft in self.drafts
            if draft.is_changed
        )

    def replacements(self) -> list[tuple[int, int, str]]:
        """The first line, the last line and the new text of each changed instruction of the Dockerfile."""
        return [
            (draft.instruction.first, draft.instruction.last, draft.render(self.escape))
            for draft in self.drafts
            if draft.is_changed and draft.instruction is not None
        ]


def names_users(table: FileTable) -> bool:
    """Whether a layer has one of the files with the names of users and groups."""
    return any(path == name for name in _USERS for _, path in table.paths.select_with(name + b"\0"))


def _wrap(text: str, pieces: Sequence[Piece], escape: str) -> str:
    """A joined RUN with a line for each command, where it is long and no source has line breaks of its own."""
    sources = {piece.source for piece in pieces if piece.source is not None}
    plain = all(set(source.separators) <= {"&&"} for source in sources)
    if len(text) <= _MAX_LINE or "\n" in text or len(sources) < 2 or not plain:
        return text
    first, *others = [piece.text for piece in pieces]
    if not text.endswith(" && ".join([first, *others])):
        return text
    head = text.removesuffix(" && ".join([first, *others]))
    return f"{head}{first}" + "".join(f" {escape}\n    && {command}" for command in others)


def _pieces_of(run: RunSource) -> list[Piece]:
    return [Piece(text, run, index) for index, text in enumerate(run.units)]


def _edit(command: str, edit: Callable[[list[str]], list[str] | None]) -> str:
    """A command with an edit made to each of its parts: those of a pipeline are edited one by one."""
    parts = split_commands(command)
    after = edit(parts[::2])
    if after is not None:
        parts[::2] = after
    return "".join(parts)
