"""advise: all findings on an image. The list of checks is here."""

from __future__ import annotations

from ocisize.findings.checks.base_fit import find_unfit
from ocisize.findings.checks.bytecode import find_bytecode
from ocisize.findings.checks.development_packages import find_development
from ocisize.findings.checks.duplicates import find_duplicate_files
from ocisize.findings.checks.foreign_packages import find_foreign_packages
from ocisize.findings.checks.hidden_files import find_hidden_files
from ocisize.findings.checks.language_packages import find_language_packages
from ocisize.findings.checks.layer_shape import find_layer_shape
from ocisize.findings.checks.recommended_packages import find_recommended
from ocisize.findings.checks.run_config import find_run_config
from ocisize.findings.checks.secrets import find_secrets
from ocisize.findings.checks.system_packages import find_system_packages
from ocisize.findings.checks.tool_caches import find_tool_caches
from ocisize.findings.checks.unneeded_files import find_unneeded_files
from ocisize.findings.claim import Claim, Ledger
from ocisize.findings.evidence import ImageEvidence
from ocisize.findings.savings import make_findings
from ocisize.model.findings import Finding


def advise(evidence: ImageEvidence) -> list[tuple[Claim, Finding]]:
    """All findings on an image, the largest first, each with its claim; no two count the same bytes."""
    return make_findings(make_claims(evidence), evidence)


def make_claims(evidence: ImageEvidence) -> list[Claim]:
    """All claims of all checks, with the rows that each of them gets."""
    ledger = Ledger(evidence)
    checks = (
        find_hidden_files,
        find_recommended,
        find_development,
        find_tool_caches,
        find_system_packages,
        find_language_packages,
        find_bytecode,
        find_foreign_packages,
        find_unneeded_files,
        find_layer_shape,
        find_run_config,
        find_secrets,
        find_unfit,
    )
    claims = list(ledger.assign_rows(claim for find in checks for claim in find(evidence)))
    return claims + list(ledger.assign_rows(find_duplicate_files(evidence, ledger)))
