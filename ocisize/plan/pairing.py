"""Pairing: which instruction of a Dockerfile made which layer of an image, also where one layer holds several steps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from ocisize.dockerfile.lines import pair_layers
from ocisize.dockerfile.parse import Dockerfile, Instruction, parse_dockerfile
from ocisize.history.steps import describe
from ocisize.model.base import SCRATCH
from ocisize.model.build_files import BuildFiles
from ocisize.model.build_step import BuildStep
from ocisize.model.provenance import SourceLines
from ocisize.oci.documents import History
from ocisize.plan.contexts import find_working_dirs
from ocisize.values import field, frozen

_MAKE_FILES = ("RUN", "COPY", "ADD")
_MAKE_LAYERS = (*_MAKE_FILES, "WORKDIR")


@frozen(kw_only=True)
class SquashedCopy:
    """A COPY or ADD of a layer that holds several steps."""

    instruction: Instruction
    working_dir: str


@frozen(kw_only=True)
class Pairing:
    """A Dockerfile with the layers that its instructions made."""

    files: BuildFiles
    dockerfile: Dockerfile  #: the Dockerfile of ``files``
    instructions: Sequence[Instruction | None]  #: by layer, base first; None where the layer holds several steps, too
    base_layers: int = 0  #: number of layers below those of the Dockerfile; 0 if that is not certain
    copies: Mapping[int, Sequence[SquashedCopy]] = field(factory=dict)  #: by layer that holds several steps
    from_scratch: bool = False  #: whether the Dockerfile begins with ``FROM scratch`` and made the lowest and the top layer


def pair_dockerfile(steps: Sequence[BuildStep], history: Sequence[History], files: BuildFiles) -> Pairing | None:
    """Return the pairing of a Dockerfile with an image; None unless half of its instructions are steps of the image.

    Args:
        steps: the build steps of the layers, base first.
        history: the history of the image.
        files: the Dockerfile.

    """
    dockerfile = parse_dockerfile(files.text)
    pairs = pair_layers(steps, dockerfile)
    if _fits(dockerfile, pairs.instructions):
        return Pairing(
            files=files,
            dockerfile=dockerfile,
            instructions=pairs.instructions,
            base_layers=pairs.base_layers or 0,
            from_scratch=_is_from_scratch(dockerfile, pairs.instructions),
        )
    return _pair_squashed(len(steps), history, files, dockerfile)


def pair_lines(files: BuildFiles, lines: Sequence[SourceLines | None], *, base_layers: int, from_scratch: bool) -> Pairing:
    """Return the pairing of a Dockerfile with an image whose provenance names the lines of its layers.

    Args:
        files: the Dockerfile that the provenance is about.
        lines: the lines of the layers in the Dockerfile, base first; None where they are not known.
        base_layers: the number of layers of the base image, 0 if that is not known.
        from_scratch: whether there is no base image.

    """
    dockerfile = parse_dockerfile(files.text)
    by_line = {
        instruction.first: instruction for instruction in dockerfile.instructions if instruction.keyword in _MAKE_LAYERS
    }
    made: list[Instruction | None] = []
    for layer, line in enumerate(lines):
        instruction = by_line.pop(line.first, None) if line is not None and layer >= base_layers else None
        is_whole = line is not None and instruction is not None and instruction.last == line.last
        made.append(instruction if is_whole else None)
    return Pairing(files=files, dockerfile=dockerfile, instructions=made, base_layers=base_layers, from_scratch=from_scratch)


def _fits(dockerfile: Dockerfile, instructions: Iterable[Instruction | None]) -> bool:
    candidates = sum(instruction.keyword in _MAKE_FILES for instruction in dockerfile.chain_instructions)
    paired = sum(instruction is not None and instruction.keyword in _MAKE_FILES for instruction in instructions)
    return paired > 0 and 2 * paired >= candidates


def _is_from_scratch(dockerfile: Dockerfile, instructions: Sequence[Instruction | None]) -> bool:
    """Whether a Dockerfile starts without a base image and made an image, whose steps have these instructions, as a whole.

    An image that is built on the image of the Dockerfile has other steps at its top.
    """
    whole = bool(instructions) and instructions[0] is not None and instructions[-1] is not None
    return whole and dockerfile.chain[0].base == SCRATCH


def _pair_squashed(layers: int, history: Sequence[History], files: BuildFiles, dockerfile: Dockerfile) -> Pairing | None:
    """The pairing with all steps of the history, where ``buildah build`` made one layer of them."""
    if sum(not entry.empty_layer for entry in history) != layers:
        return None
    entries = [describe(entry) for entry in history]
    paired = pair_layers(entries, dockerfile).instructions
    if not _fits(dockerfile, paired):
        return None
    copies: dict[int, list[SquashedCopy]] = defaultdict(list)
    layer, own = 0, layers
    for entry, instruction, working_dir in zip(history, paired, find_working_dirs(history), strict=True):
        if instruction is not None and instruction.keyword in _MAKE_FILES:
            own = min(own, layer)
            if instruction.keyword != "RUN":
                copies[layer].append(SquashedCopy(instruction=instruction, working_dir=working_dir))
        layer += not entry.empty_layer
    making = [made for entry, made in zip(entries, paired, strict=True) if entry.keyword in _MAKE_FILES]
    return Pairing(
        files=files,
        dockerfile=dockerfile,
        instructions=[None] * layers,
        base_layers=own % layers,
        copies=copies,
        from_scratch=_is_from_scratch(dockerfile, making),
    )
