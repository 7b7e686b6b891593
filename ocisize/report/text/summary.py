"""An image in a few lines: what it weighs, how much of that can go, and which secrets it contains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from ocisize.model.analysis import Analysis
from ocisize.model.findings import Confidence, Finding, Severity
from ocisize.report.text.advice import (
    ADVISE,
    new_grid,
    render_line,
)
from ocisize.report.words.advice import is_secret, list_advice, saving_bytes, savings_by_confidence
from ocisize.report.words.incomplete import AT_LEAST
from ocisize.report.words.units import cut, human_size
from ocisize.text import printable

if TYPE_CHECKING:
    from rich.console import Console

_MAX_SECRETS = 10  # that are listed
_WORDS = {Confidence.SAFE: "safe to remove", Confidence.PROBABLY: "likely", Confidence.ASK: "perhaps"}


def write_brief(console: Console, analysis: Analysis) -> None:
    """Write what the image weighs, what can be saved, and where most of that is."""
    console.print(Text(f"{_weight(analysis)}{_savings(analysis)}", style="bold"), overflow="fold")
    saving = [finding for finding in list_advice(analysis) if finding.size]
    if saving:
        first = saving[0]
        console.print(
            Text(cut(f"Biggest single saving: {human_size(saving_bytes([first]))}, {printable(first.title)}", console.width))
        )


def write_secrets(console: Console, analysis: Analysis) -> None:
    """Write the secrets in the image and other serious remarks, and a blank line after them."""
    findings = [finding for finding in analysis.advice.findings if _is_alarming(finding)]
    if not findings:
        return
    secret = any(is_secret(finding) for finding in findings)
    title = "Secrets: anyone who can pull the image can read them" if secret else "Remarks"
    console.print(Text.assemble((title, "bold red"), (f"; see {ADVISE}", "dim")))
    grid = new_grid()
    for finding in findings[:_MAX_SECRETS]:
        path = f" · /{printable(finding.paths[0])}" if finding.paths else ""
        label = "secret" if is_secret(finding) else "remark"
        line = render_line(finding, 2 * console.width).append(path, "dim")
        grid.add_row(Text(label, style="bold red"), line)
    console.print(grid)
    if len(findings) > _MAX_SECRETS:
        console.print(Text(f"… and {len(findings) - _MAX_SECRETS:,} more", style="dim"))
    console.print()


def _is_alarming(finding: Finding) -> bool:
    return is_secret(finding) or (finding.severity is Severity.HIGH and not finding.size)


def _weight(analysis: Analysis) -> str:
    if analysis.compressed_size is None:
        return f"{AT_LEAST * (not analysis.complete)}{human_size(analysis.content_size)} unpacked"
    return f"{human_size(analysis.compressed_size)} to download"


def _nothing_found(analysis: Analysis) -> str:
    return "; nothing to remove was found" + ("" if analysis.complete else " in the layers that were read")


def _savings(analysis: Analysis) -> str:
    sizes = savings_by_confidence(analysis.advice.findings)
    shown = [confidence for confidence in (Confidence.SAFE, Confidence.PROBABLY) if sizes[confidence]] or [Confidence.ASK]
    parts = [f"{human_size(sizes[confidence])} {_WORDS[confidence]}" for confidence in shown if sizes[confidence]]
    return f"; {', '.join(parts)}{' removable' * (shown[0] is not Confidence.SAFE)}" if parts else _nothing_found(analysis)
