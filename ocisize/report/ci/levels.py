"""How CI systems show findings: as errors, warnings or notices, so that a report agrees with the exit status.

A finding is a notice, whatever its severity: it does not make the command fail. A budget of ``forbid-findings`` makes it an
error or a warning. Secrets keep the level of their severity, since anyone who can pull the image can read them.
"""

from __future__ import annotations

import enum

from ocisize.budgets.forbidden import outcome_of
from ocisize.model.budget import BudgetStatus
from ocisize.model.findings import Finding, Severity
from ocisize.report.subject import ReportedImage
from ocisize.report.words.advice import is_secret


class AlertLevel(str, enum.Enum):
    """How loudly a CI system shows something, the loudest first."""

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"

    def __str__(self) -> str:
        return self.value


LEVELS = tuple(AlertLevel)
#: the outcome of a budget → the level of what it is about
OF_OUTCOMES = {
    BudgetStatus.FAIL: AlertLevel.ERROR,
    BudgetStatus.WARN: AlertLevel.WARNING,
    BudgetStatus.PASS: AlertLevel.NOTICE,
}
_OF_SECRETS = {Severity.HIGH: AlertLevel.ERROR, Severity.MEDIUM: AlertLevel.WARNING, Severity.LOW: AlertLevel.NOTICE}


def level_of(finding: Finding, image: ReportedImage) -> AlertLevel:
    """The level of a finding of an image: that of the budgets that forbid it, and of a secret at least its severity."""
    levels = [OF_OUTCOMES[outcome_of(finding, image.analysis, image.verdicts)]]
    if is_secret(finding):
        levels.append(_OF_SECRETS[finding.severity])
    return min(levels, key=LEVELS.index)
