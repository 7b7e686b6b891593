"""What a report on a comparison is about: two images, the verdicts on budgets of AFTER, and the lines of its Dockerfile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ocisize.report.options import ReportOptions
from ocisize.report.subject import ReportedImage, Subject
from ocisize.report.words.advice import is_secret
from ocisize.values import evolve, frozen

if TYPE_CHECKING:
    from ocisize.model.analysis import Analysis
    from ocisize.model.budget import Verdict
    from ocisize.model.comparison import Comparison, Reason

_MAX_REASONS = 5  # that CI formats show
_MIN_SHARE = 0.01  # of AFTER, for a growth to be shown by CI formats


@frozen(kw_only=True)
class DiffSubject:
    """A comparison, with AFTER as an image of which budgets are checked."""

    comparison: Comparison
    image: ReportedImage  #: AFTER, its verdicts, why it grew, and the lines of its Dockerfile

    @classmethod
    def of(cls, comparison: Comparison, options: ReportOptions) -> DiffSubject:
        """A comparison, with the verdicts and the Dockerfile of ``options``; both are about AFTER."""
        image = Subject.of_image(comparison.after, options).image
        known = frozenset(comparison.after.advice.findings).difference(comparison.new_findings)
        return cls(comparison=comparison, image=evolve(image, reasons=_main_reasons(comparison), known_findings=known))

    @property
    def before(self) -> Analysis:
        """The image that growth is measured from."""
        return self.comparison.before

    @property
    def after(self) -> Analysis:
        """The image that the budgets limit."""
        return self.comparison.after

    @property
    def verdicts(self) -> Sequence[Verdict]:
        """The verdicts on the budgets of AFTER; limits of growth are measured from BEFORE."""
        return self.image.verdicts

    @property
    def news(self) -> ReportedImage:
        """AFTER, of which only the findings are reported that BEFORE does not have, or that a budget forbids.

        A new finding about secrets names the new ones only, unless a budget forbids it.
        """
        from ocisize.budgets.forbidden import outcome_of
        from ocisize.model.budget import BudgetStatus

        secrets = [finding for finding in self.comparison.new_findings if is_secret(finding)]
        only_new = dict(zip(secrets, self.comparison.new_secrets, strict=True))
        shown = []
        for finding in self.after.advice.findings:
            if outcome_of(finding, self.after, self.verdicts) is not BudgetStatus.PASS:
                shown.append(finding)
            elif self.image.is_new(finding):
                shown.append(only_new.get(finding, finding))
        return evolve(self.image, shown_findings=shown)


def _main_reasons(comparison: Comparison) -> list[Reason]:
    least = max(1, _MIN_SHARE * comparison.after.weight)
    return [reason for reason in comparison.reasons if reason.weight >= least][:_MAX_REASONS]
