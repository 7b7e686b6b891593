"""find_owners: which build step made which layer, by the chains of layers in a statement.

A statement lists for each output of a step all layers up to it. So what a step has added to the chain of the step below are
its own layers, and a step that is a source owns its whole chain: these are the layers of the base image. ``COPY --link`` is
a merge, whose chain is those of its inputs, one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from ocisize.provenance.statement import BuildNode, Chain, Statement
from ocisize.tuples import NamedTuple

_MAX_SKIPPED = 1000  # outputs of steps without a chain that are looked through
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
    variants = statement.chains.get(statement.result, ())
    chain = next((chain for chain in variants if chain == tuple(digests)), None)
    if chain is None and is_about_image:
        chain = next((chain for chain in variants if len(chain) == len(digests)), None)
    return None if chain is None else _Walk(statement).run(chain)


class _Segment(NamedTuple):
    """The layers of an image that are the chain of an output."""

    output: str
    chain: Chain
    start: int  #: index of the first of them in the image


class _Walk:
    """A walk from the result of a build down to its base, along the step below each step."""

    def __init__(self, statement: Statement) -> None:
        self._statement = statement
        self._remaining = _MAX_COMPARED
        self._visited = set[str]()  # outputs

    def run(self, chain: Chain) -> Owners:
        """The owners of the layers of the result."""
        owners: list[str | None] = [None] * len(chain)
        base, base_layers, from_scratch = None, 0, False
        segments = [_Segment(self._statement.result, chain, 0)]
        while segments:
            segment = segments.pop()
            output, start, end = segment.output, segment.start, segment.start + len(segment.chain)
            name = output.partition(":")[0]
            node = self._statement.nodes.get(name)
            if node is None or output in self._visited or self._remaining < 0:
                continue
            self._visited.add(output)
            if node.source:
                owners[start:end] = [name] * (end - start)
                if not start:
                    base, base_layers = name, end
            elif node.is_merge:
                segments += self._split(node, segment)
            elif (below := self._find_below(node, segment)) is not None:
                lower = start + len(below.chain)
                if below.output in node.inputs:
                    owners[lower:end] = [name] * (end - lower)
                elif lower < end:  # the layers in between are of steps without a chain
                    owners[end - 1] = name
                segments.append(below)
            elif self._remaining >= 0:  # a step on top of nothing, or one whose step below is not known
                owners[end - 1] = name
                from_scratch |= end == 1
        return Owners(owners, base, base_layers, from_scratch)

    def _split(self, node: BuildNode, merged: _Segment) -> list[_Segment]:
        """The segments of the inputs of a merge; [] if they are not as long as the merge."""
        counts = [len(self._statement.chains.get(output, [()])[0]) for output in node.inputs]
        if sum(counts) != len(merged.chain):
            return []
        ends = list(accumulate(counts))
        return [
            _Segment(output, merged.chain[end - count : end], merged.start + end - count)
            for output, count, end in zip(node.inputs, counts, ends, strict=True)
            if count
        ]

    def _find_below(self, node: BuildNode, segment: _Segment) -> _Segment | None:
        """The input whose layers are the lowest of a chain, the longest one of several; None if there is none.

        An input without a chain is replaced by its own inputs.
        """
        best: _Segment | None = None
        outputs = list(node.inputs)
        for output in outputs:  # which grows
            self._remaining -= 1
            chains = self._statement.chains.get(output, ()) if output not in self._visited else ()
            inner = self._statement.nodes.get(output.partition(":")[0])
            if not chains and inner is not None and len(outputs) < _MAX_SKIPPED:
                outputs += inner.inputs
            for chain in chains:
                self._remaining -= len(chain)
                is_longer = best is None or len(chain) > len(best.chain)
                if self._remaining >= 0 and is_longer and chain == segment.chain[: len(chain)]:
                    best = _Segment(output, chain, segment.start)
        return best
