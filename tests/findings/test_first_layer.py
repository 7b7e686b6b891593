"""Which layer brought what later ones store again."""

from __future__ import annotations

from ocisize.findings.first_layer import FirstLayerIndex
from tests.images import Entries, File
from tests.evidence import make_evidence


def test_copies_of_copies_lead_to_the_first() -> None:
    """Through any number of layers; other content starts again, and content that no lower layer stores belongs to the layer."""
    layers: list[Entries] = [
        {"a": File(b"1", uid=uid), "b": File(b"2" if uid < 2 else b"3", uid=uid), f"c{uid}": b"c"} for uid in range(4)
    ]
    evidence = make_evidence(*layers)
    origins = FirstLayerIndex(evidence.tables, evidence.overlay, evidence.runs)
    rows = {path: row for row, path in enumerate(evidence.tables[3].paths)}
    assert origins.split(3, [rows[b"c3"], rows[b"b"], rows[b"a"]]) == {0: [rows[b"a"]], 2: [rows[b"b"]], 3: [rows[b"c3"]]}
    assert origins.split(0, [0, 1]) == {0: [0, 1]}


def test_many_layers_that_store_one_file_again() -> None:
    """The depth of an image is no depth of calls."""
    evidence = make_evidence(*[{"a": File(b"1", uid=uid)} for uid in range(1500)])
    assert FirstLayerIndex(evidence.tables, evidence.overlay, evidence.runs).split(1499, [0]) == {0: [0]}
