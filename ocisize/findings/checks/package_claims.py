"""Claims for files of packages, those of the base image apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ocisize.findings.checks.installed_packages import RowsByLayer
from ocisize.findings.claim import FILES, Claim, Tier
from ocisize.findings.evidence import ImageEvidence
from ocisize.findings.explanations import Check, explain


def split_claims(
    evidence: ImageEvidence,
    check: Check,
    title: Callable[..., str],
    rows: RowsByLayer,
    fix: str,
) -> Iterator[Claim]:
    """The claims for some rows: those of the base image are separate; ``title`` takes the number of files."""
    for in_base in (True, False):
        chosen = {layer: sorted(found) for layer, found in sorted(rows.items()) if found}
        chosen = {layer: found for layer, found in chosen.items() if (layer < evidence.base_layers) is in_base}
        if chosen:
            yield Claim(
                rule=explain(check),
                title=title(files=FILES),
                fix=f"The base image contains them: use another one. {fix}" if in_base else fix,
                blame_first_layer=True,
                tier=Tier.PACKAGE,
                rows=chosen,
            )
