"""What fixes free, in sequence: no byte twice, and no download before all layers of a blob give a row up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from ocisize.findings.evidence import ImageEvidence
from ocisize.model.findings import Category, Confidence
from ocisize.plan.fixes import Fix
from ocisize.plan.simulation import Simulation
from tests.evidence import make_evidence
from tests.images import Entries

FILES: Entries = {"a": b"1" * 100, "b": b"2" * 50, "c": b"", "d": b"3" * 30}


def fix(rows: Mapping[int, Sequence[int]], *, in_patch: bool = True, confidence: Confidence = Confidence.SAFE) -> Fix:
    return Fix(
        title="x", confidence=confidence, category=Category.WASTE, layers=tuple(rows), action="x", rows=rows, in_patch=in_patch
    )  # fmt: skip


def repeated(evidence: ImageEvidence, *numbers: int) -> ImageEvidence:
    """The evidence with one blob for some layers."""
    first = evidence.layers[numbers[0]]
    layers = [attrs.evolve(layer, digest=first.digest) if layer.index in numbers else layer for layer in evidence.layers]
    return attrs.evolve(evidence, layers=layers)


def test_bytes_are_freed_once() -> None:
    """A second fix of the same rows frees what the first one left."""
    simulation = Simulation(make_evidence(FILES))
    first = simulation.apply(1, fix({0: [0, 2]}))
    assert (first.size, first.compressed_size, first.paths, first.file_count, first.layers) == (100, 50, ("a",), 1, (0,))
    second = simulation.apply(2, fix({0: [0, 1]}))
    assert (second.size, second.compressed_size, second.paths, second.file_count) == (50, 25, ("b",), 1)
    assert simulation.apply(3, fix({0: [0, 1, 2]})).size == 0
    assert simulation.stored({0: [0, 1, 3]}) == {0: [3]}
    assert simulation.freed_bytes({0: [0, 1, 3]}) == {1: 100, 2: 50, 0: 30}


def test_fixes_in_the_patch_come_first() -> None:
    """A fix by hand counts only what the patch leaves, whatever its size; then the largest comes first."""
    fixes = [fix({0: [0, 1, 3]}, in_patch=False), fix({0: [1]}), fix({0: [0]})]
    ordered, freed = Simulation(make_evidence(FILES)).run(fixes)
    assert ordered == [fixes[2], fixes[1], fixes[0]]
    assert [saved.size for saved in freed] == [100, 50, 30]


def test_questions_come_last() -> None:
    """What only the author can decide is shown behind smaller fixes."""
    fixes = [fix({0: [0]}, confidence=Confidence.ASK), fix({0: [3]})]
    ordered, _ = Simulation(make_evidence(FILES)).run(fixes)
    assert ordered == [fixes[1], fixes[0]]


def test_numbers_are_those_of_the_result() -> None:
    """freed_bytes names the fixes in the order in which they are shown."""
    simulation = Simulation(make_evidence(FILES))
    simulation.run([fix({0: [3]}), fix({0: [0]}), fix({0: [1]})])
    assert simulation.freed_bytes({0: [0, 1, 3]}) == {1: 100, 2: 50, 3: 30}


def test_a_blob_that_two_layers_share() -> None:
    """The bytes leave the download only when the last of the layers gives the row up."""
    evidence = repeated(make_evidence(FILES, {"x": b"x"}, FILES), 0, 2)
    simulation = Simulation(evidence)
    lower, upper = simulation.apply(1, fix({0: [0]})), simulation.apply(2, fix({2: [0]}))
    assert (lower.size, lower.compressed_size) == (100, 0)
    assert (upper.size, upper.compressed_size) == (100, 50)
    both = Simulation(evidence).apply(1, fix({0: [0, 1], 2: [0]}))
    assert (both.size, both.compressed_size) == (250, 50)


def test_a_blob_that_three_layers_share() -> None:
    """Each row is counted once."""
    simulation = Simulation(repeated(make_evidence(FILES, FILES, FILES), 0, 1, 2))
    saved = [simulation.apply(number, fix({number - 1: [0, 1]})).compressed_size for number in (1, 2, 3)]
    assert saved == [0, 0, 75]


def test_downloads_that_are_not_known() -> None:
    """Without sizes of files the estimate of the layer is shared out by content; without an estimate nothing is said."""
    evidence = make_evidence(FILES, compressed_size_known=False)
    assert Simulation(evidence).apply(1, fix({0: [0]})).compressed_size is None
    assert Simulation(evidence).apply(1, fix({0: []})).compressed_size == 0
    layers = [attrs.evolve(layer, estimated_compressed_size=90) for layer in evidence.layers]
    estimated = Simulation(attrs.evolve(evidence, layers=layers))
    assert estimated.apply(1, fix({0: [0]})).compressed_size == 100 * 90 // 180
    assert estimated.apply(2, fix({0: [1]})).compressed_size == 50 * 90 // 180


def test_the_largest_files_are_named() -> None:
    """Five paths, the largest first, each once, whichever layers hold them."""
    files: Entries = {f"f{number}": b"1" * (10 + number) for number in range(9)}
    freed = Simulation(make_evidence(files, files)).apply(1, fix({0: range(9), 1: range(9)}))
    assert freed.paths == ("f8", "f7", "f6", "f5", "f4")
    assert (freed.file_count, freed.layers) == (18, (0, 1))
