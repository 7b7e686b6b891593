"""What makes a Markdown report a comment: a hidden marker by which it is updated, and the verdict in its title."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from ocisize.model.budget import BudgetStatus
from ocisize.report.subject import ReportedImage
from ocisize.report.words.budgets import summarize_outcomes
from ocisize.report.words.findings import fingerprint, repository_of
from ocisize.report.words.secrets import count_secrets
from ocisize.text import count_of

FAILED, WARNING, PASSED = "\N{CROSS MARK}", "\N{WARNING SIGN}\N{VARIATION SELECTOR-16}", "\N{WHITE HEAVY CHECK MARK}"
#: the outcome of a budget → its sign
SIGNS = {BudgetStatus.FAIL: FAILED, BudgetStatus.WARN: WARNING, BudgetStatus.PASS: PASSED}
_MAX_NAME = 150  # characters; longer names become a fingerprint
_SAFE = "/:@._+-"


def marker_of(image: ReportedImage, kind: str, *, all_platforms: bool = False) -> str:
    """A line that Markdown hides: the same for all builds of an image, so that a program finds the comment to update.

    ``kind`` tells reports of different commands apart. Nothing in a name can end the comment: it is percent-encoded.

    >>> import ocisize
    >>> marker_of(ReportedImage(analysis=ocisize.analyze("testdata/example.tar")), "image")
    '<!-- ocisize image example linux/amd64 -->'
    """
    name = repository_of(image.analysis)
    platform = "all-platforms" if all_platforms else image.analysis.platform
    words = [kind, name if len(name) <= _MAX_NAME else fingerprint(name), platform]
    return f"<!-- ocisize {' '.join(quote(word, safe=_SAFE, errors='replace').replace('--', '-%2D') for word in words)} -->"


def describe_outcome(images: Sequence[ReportedImage], new_secrets: int = 0) -> tuple[str, list[str]]:
    """A sign, and a few words about budgets, secrets and unread layers: the sign is a cross only if a budget failed.

    Without budgets, secrets and unread layers there is nothing to judge: the sign is "". ``new_secrets`` is the number of
    secrets that the image before does not have.
    """
    verdicts = [verdict for image in images for verdict in image.verdicts]
    outcomes = {verdict.outcome for verdict in verdicts if verdict.status is not BudgetStatus.SKIPPED}
    secrets = max((count_secrets(image.secrets) for image in images), default=0)
    is_partial = not all(image.analysis.complete for image in images)
    words = [summarize_outcomes(verdicts)] if outcomes else []
    words += [_count_secrets(secrets, new_secrets)] if secrets else []
    words += ["incomplete"] if is_partial else []
    if BudgetStatus.FAIL in outcomes:
        return FAILED, words
    if secrets or is_partial or BudgetStatus.WARN in outcomes:
        return WARNING, words
    return (PASSED if outcomes else ""), words


def _count_secrets(count: int, new: int) -> str:
    """``3 secrets``, ``3 secrets, 1 new`` or ``3 new secrets``."""
    if new >= count:
        return count_of(count, "new secret")
    return f"{count_of(count, 'secret')}, {new:,} new" if new else count_of(count, "secret")
