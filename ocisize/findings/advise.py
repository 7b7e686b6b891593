"""advise: all findings about an image, from its layers, its files and its history."""

from __future__ import annotations

from ocisize.findings.checks.base_fit import find_unfit
from ocisize.findings.checks.duplicates import find_repeats
from ocisize.findings.checks.hidden_files import find_wasted
from ocisize.findings.checks.layer_shape import find_shape
from ocisize.findings.checks.recommended_packages import find_recommended
from ocisize.findings.checks.run_config import find_running
from ocisize.findings.checks.secrets import find_secrets
from ocisize.findings.checks.tool_caches import find_left
from ocisize.findings.checks.unneeded_files import find_junk
from ocisize.findings.claim import Claim, Ledger
from ocisize.findings.evidence import Scene
from ocisize.findings.savings import weigh
from ocisize.model.findings import Advice


def advise(scene: Scene) -> Advice:
    """Make findings whose savings overlap in nothing."""
    return weigh(make_claims(scene), scene)


def make_claims(scene: Scene) -> list[Claim]:
    """All claims with the rows that each of them gets: what findings are weighed from."""
    ledger = Ledger(scene)
    generators = (find_wasted, find_recommended, find_left, find_junk, find_shape, find_running, find_secrets, find_unfit)
    claims = list(ledger.give(claim for find in generators for claim in find(scene)))
    return claims + list(ledger.give(find_repeats(scene, ledger)))
