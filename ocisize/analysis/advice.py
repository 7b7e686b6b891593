"""advise: all findings about an image, from its layers, its files and its history."""

from __future__ import annotations

from ocisize.analysis.claims import Ledger, Scene, weigh
from ocisize.analysis.findings import Advice
from ocisize.analysis.fit import find_unfit
from ocisize.analysis.junk import find_junk
from ocisize.analysis.recommended import find_recommended
from ocisize.analysis.repeats import find_repeats
from ocisize.analysis.running import find_running
from ocisize.analysis.secrets import find_secrets
from ocisize.analysis.steps import find_left
from ocisize.analysis.structure import find_shape, find_wasted


def advise(scene: Scene) -> Advice:
    """Make findings whose savings overlap in nothing."""
    ledger = Ledger(scene)
    generators = (find_wasted, find_recommended, find_left, find_junk, find_shape, find_running, find_secrets, find_unfit)
    claims = list(ledger.give(claim for find in generators for claim in find(scene)))
    claims += ledger.give(find_repeats(scene, ledger))
    return weigh(claims, scene)
