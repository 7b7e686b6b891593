"""Findings on build steps that leave the caches of their tools: the text names the tool, the files in the layer prove it.

The tools are listed in ``tools.toml``. A cache mount leaves no trace in history and no files, so there is no finding.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ocisize.findings.checks.tools import ToolCache, load_tools
from ocisize.findings.claim import FILES, Claim, Tier
from ocisize.findings.evidence import ImageEvidence
from ocisize.findings.explanations import explain_tool
from ocisize.model.build_step import StepKind


def find_tool_caches(evidence: ImageEvidence) -> Iterator[Claim]:
    """A claim for each build step and each tool whose cache the step left in its layer."""
    for layer, matches in enumerate(evidence.matches):
        text = evidence.layers[layer].build_step.text
        parts = _run_commands(evidence, layer)
        for tool in load_tools():
            rows = sorted({row for rule in tool.rules for row in matches.get(rule, ())})
            if not rows or re.search(tool.keeps_out, text):
                continue
            if not any(re.search(tool.command, part) for part in parts):
                continue
            rule = explain_tool(tool)
            yield Claim(
                rule=rule,
                title=rule.title_of(layer=layer, title=tool.title, files=FILES),
                fix=_fix(evidence, layer, tool),
                tier=Tier.TOOL_CACHE,
                rows={layer: rows},
            )


def _fix(evidence: ImageEvidence, layer: int, tool: ToolCache) -> str:
    if layer < evidence.base_layers:
        return f"`{evidence.step(layer)}` in the base image leaves them: use a base image whose build cleans up."
    if (user := _user_of(evidence, layer, tool)) is not None:
        return f"Join `{evidence.step(user)}`, which may need them, with `{evidence.step(layer)}`, and {tool.advice}."
    return f"In `{evidence.step(layer)}`, {tool.advice}."


def _user_of(evidence: ImageEvidence, layer: int, tool: ToolCache) -> int | None:
    """The next layer whose step calls the tool, if the step of this layer only downloads for later steps."""
    calls = [part for part in _run_commands(evidence, layer) if re.search(tool.command, part)]
    if not tool.fetches or not all(re.search(tool.fetches, call) for call in calls):
        return None
    for later in range(layer + 1, len(evidence.layers)):
        text = evidence.layers[later].build_step.text
        if _run_commands(evidence, later) and re.search(tool.command, text):
            return later
    return None


def _run_commands(evidence: ImageEvidence, layer: int) -> tuple[str, ...]:
    """The shell commands of a layer's RUN; none of other steps."""
    step = evidence.layers[layer].build_step
    return step.shell_commands if step.kind is StepKind.RUN else ()
