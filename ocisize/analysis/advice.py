"""advise: all findings about an image, from its layers, its files and its history."""

from __future__ import annotations

from ocisize.analysis.claims import Ledger, Scene, weigh
from ocisize.analysis.findings import Advice
from ocisize.analysis.junk import find_junk
from ocisize.analysis.repeats import find_repeats
from ocisize.analysis.structure import find_shape, find_wasted


def advise(scene: Scene) -> Advice:
    """Make findings whose savings overlap in nothing."""
    ledger = Ledger(scene.tables)
    claims = list(ledger.give([*find_wasted(scene), *find_junk(scene), *find_shape(scene)]))
    claims += ledger.give(find_repeats(scene, ledger))
    return weigh(claims, scene)
