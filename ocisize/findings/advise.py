"""advise: all findings about an image, from its layers, its files and its history."""

from __future__ import annotations

from ocisize.analysis.claims import Claim, Ledger, Scene
from ocisize.analysis.findings import Advice
from ocisize.analysis.fit import find_unfit
from ocisize.analysis.junk import find_junk
from ocisize.analysis.recommended import find_recommended
from ocisize.analysis.repeats import find_repeats
from ocisize.analysis.running import find_running
from ocisize.analysis.secrets import find_secrets
from ocisize.analysis.steps import find_left
from ocisize.analysis.structure import find_shape
from ocisize.analysis.wasted import find_wasted
from ocisize.analysis.weighing import weigh


def advise(scene: Scene) -> Advice:
    """Make findings whose savings overlap in nothing."""
    return weigh(make_claims(scene), scene)


def make_claims(scene: Scene) -> list[Claim]:
    """All claims with the rows that each of them gets: what findings are weighed from."""
    ledger = Ledger(scene)
    generators = (find_wasted, find_recommended, find_left, find_junk, find_shape, find_running, find_secrets, find_unfit)
    claims = list(ledger.give(claim for find in generators for claim in find(scene)))
    return claims + list(ledger.give(find_repeats(scene, ledger)))
