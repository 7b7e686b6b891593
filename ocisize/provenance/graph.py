"""find_owners: which build step made which layer, by the chains of layers in a statement.

A statement lists for each output of a step all layers up to it. So what a step has added to the chain of the step below are
its own layers, and a step that is a source owns its whole chain: these are the layers of the base image. ``COPY --link`` is
a merge, whose chain is those of its inputs, one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence

from ocisize.provenance.statement import BuildNode, Statement
from ocisize.tuples import NamedTuple

_MAX_COMPARED = 1_000_000  # digests, of all chains; real builds compare some hundred


class Owners(NamedTuple):
    """The steps that made the layers of an image."""

    nodes: Sequence[str | None]  #: by layer, base first: the name of the step; None if it is unknown
    base: str | None = None  #: the name of the source step at the bottom, which is the base image
    base_layers: int = 0  #: how many layers the base image has
    from_scratch: bool = False  #: whether the lowest step starts without a base image


def find_owners(statement: Statement, digests: Sequence[str], *, is_about_image: bool) -> Owners | None:
    """Return the steps that made the layers with these digests, base first; None if the statement does not say it.

    The digests differ from those in the statement if the layers were compressed again since. The layers are then paired by
    their places in the chain, if there are as many, and if the statement ``is_about_image``.
    """
    chain = statement.chains.get(statement.result, ())
    if not chain or len(chain) != len(digests) or not (is_about_image or list(chain) == list(digests)):
        return None
    return _Walk(statement).run(len(chain))


class _Segment(NamedTuple):
    """The layers of an image that are the chain of an output."""

    output: str
    start: int
    height: int  #: number of layers


class _Walk:
    """A walk from the result of a build down to its base, along the step below each step."""

    def __init__(self, statement: Statement) -> None:
        self._statement = statement
        self._remaining = _MAX_COMPARED

    def run(self, count: int) -> Owners:
        """The owners of the ``count`` layers of the result."""
        owners: list[str | None] = [None] * count
        base, base_layers, from_scratch = None, 0, False
        segments, visited = [_Segment(self._statement.result, 0, count)], set[str]()
        while segments:
            output, start, height = segments.pop()
            name = output.partition(":")[0]
            node = self._statement.nodes.get(name)
            if node is None or output in visited or self._remaining < 0:
                continue
            visited.add(output)
            end = start + height
            if node.source:
                owners[start:end] = [name] * height
                if not start:
                    base, base_layers = name, height
            elif node.is_merge:
                segments += self._split(node, start, height)
            elif (below := self._find_below(node, self._statement.chains[output])) is not None:
                lower = start + len(self._statement.chains[below])
                owners[lower:end] = [name] * (end - lower)
                segments.append(_Segment(below, start, lower - start))
            elif self._remaining >= 0:  # a step on top of nothing, or one whose step below is not known
                owners[end - 1] = name
                from_scratch |= not start and height == 1
        return Owners(owners, base, base_layers, from_scratch)

    def _split(self, node: BuildNode, start: int, height: int) -> list[_Segment]:
        """The segments of the inputs of a merge; [] if they are not as long as the merge."""
        counts = [len(self._statement.chains.get(output, ())) for output in node.inputs]
        if sum(counts) != height:
            return []
        starts = [start + sum(counts[:index]) for index in range(len(counts))]
        return [
            _Segment(output, first, count) for output, first, count in zip(node.inputs, starts, counts, strict=True) if count
        ]

    def _find_below(self, node: BuildNode, chain: Sequence[str]) -> str | None:
        """The input whose layers are the lowest of a chain, the longest one of several; None if there is none."""
        best, most = None, 0
        for output in node.inputs:
            candidate = self._statement.chains.get(output, ())
            self._remaining -= len(candidate)
            if most < len(candidate) <= len(chain) and self._remaining >= 0 and candidate == chain[: len(candidate)]:
                best, most = output, len(candidate)
        return best
