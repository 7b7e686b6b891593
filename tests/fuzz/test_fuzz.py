"""All harnesses over their seeds and some seeded mutations, and that the oracle notices what it is there for."""

from __future__ import annotations

from array import array

import attrs
import pytest

from ocisize.errors import TarError
from ocisize.tar.filetable import FileTable
from ocisize.tar.scanner import scan_tar
from tests.fuzz import layers, shapes
from tests.fuzz.harnesses import HARNESSES
from tests.fuzz.images import analyzers, image_seeds, in_memory, oci_seeds
from tests.fuzz.mutate import mutations
from tests.fuzz.oracle import check_analysis, check_table, outcome, same
from tests.strategies import END, Bytes, member


@pytest.mark.parametrize("name", HARNESSES)
def test_seeds_and_their_mutations(name: str) -> None:
    """Whatever is made of the seeds is read with its laws holding, or refused, the same way each time."""
    harness = HARNESSES[name]
    for data in (*harness.seeds(), *mutations(harness, 1, harness.quick)):
        try:
            harness.run(data)
        except Exception as error:
            pytest.fail(f"{error!r} on {data!r}")


def test_seeds_are_read() -> None:
    """The seeds are valid enough to get to what is behind the first gate."""
    tables = [outcome(lambda tar=tar: scan_tar(Bytes(tar))) for tar in layers.tars()]  # type: ignore[misc]
    assert sum(len(table) for table in tables if isinstance(table, FileTable)) > 40
    assert sum(isinstance(table, FileTable) for table in tables) > 15
    with in_memory(oci_seeds()[0][1:]) as path:
        assert len(analyzers()[0].analyze(path).layers) == 2
    assert len(image_seeds()) > 20


def test_mutations_come_out_the_same() -> None:
    """A run can be repeated."""
    harness = HARNESSES["tar"]
    first, again = list(mutations(harness, 7, 50)), list(mutations(harness, 7, 50))
    assert first == again != list(mutations(harness, 8, 50))
    assert len(set(first)) > 40


def test_other_exceptions_get_through() -> None:
    """What is no OcisizeError ends a harness."""

    def read() -> None:
        raise IndexError

    with pytest.raises(IndexError):
        outcome(read)
    with pytest.raises(AssertionError):
        same(1, 2)


def test_wrong_tables_and_figures_are_noticed() -> None:
    """The laws fail where something is wrong."""
    table = scan_tar(Bytes(member(b"a", b"123") + END))
    check_table(table)
    with pytest.raises(AssertionError):
        check_table(attrs.evolve(table, sizes=array("q", [600])))
    with in_memory(oci_seeds()[0][1:]) as path:
        analysis = analyzers()[0].analyze(path)
    check_analysis(analysis)
    with pytest.raises(AssertionError):
        check_analysis(attrs.evolve(analysis, wasted_size=analysis.wasted_size + 1))


def test_repaired_tars_pass_their_checksums() -> None:
    """Damaged fields get past the first gate."""
    damaged = bytearray(member(b"a", b"1" * 600) + member(b"b", b"2") + END)
    damaged[0] = damaged[1536] = ord("c")
    with pytest.raises(TarError):
        scan_tar(Bytes(bytes(damaged)))
    assert [entry.path for entry in scan_tar(Bytes(shapes.mend_tar(bytes(damaged))))] == ["c", "c"]


def test_edits_change_documents() -> None:
    """Each edit puts something else somewhere, and leaves the original alone."""
    document = {"a": [1, {"b": "c"}]}
    found = [shapes.edited(document, bytes([0, place, what, 3])) for place in range(4) for what in range(0, 256, 5)]
    assert document == {"a": [1, {"b": "c"}]}
    assert len({repr(each) for each in found}) > 80
