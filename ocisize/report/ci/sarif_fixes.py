"""Fixes in SARIF: the edits of the plan that fix a finding, as replacements of lines of the Dockerfile and its ignore file.

Format: section 3.55 of SARIF. The text of an edited instruction has the changes of all steps of the plan that change it. So
a fix carries out all steps that change the same instructions, directly or through others: no half of a change is made.
Instructions that the patch drops because nothing is left for them to do are in no fix.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ocisize.text import plural, printable

if TYPE_CHECKING:
    from ocisize.model.findings import Finding
    from ocisize.model.plan import Plan

Document = dict[str, Any]
MAX_FIXES = 200  #: results of a run that have a fix, whose text is repeated in each of them


def fixes_of(finding: Finding, plan: Plan) -> list[tuple[str, list[Document]]]:
    """The artifacts that the fix of a finding changes, each with its name and SARIF's replacements; without a fix, none.

    The Dockerfile has the name that the plan has for it. There is no fix without a Dockerfile that fits the image, for
    a step that must be done by hand, for a patch with secrets, and for an ignore file that does not exist yet: SARIF has
    no words for new files.
    """
    numbers = steps_of(finding, plan)
    if not numbers or plan.dockerfile is None or not plan.patch or plan.patch_has_secrets:
        return []
    steps = [plan.steps[number - 1] for number in numbers]
    layers = {layer for step in steps for layer in step.layers}
    newline = "\r\n" if "\r\n" in plan.patch else "\n"
    edits = [
        _replace_lines(edit.lines, edit.text.replace("\r\n", "\n").replace("\n", newline))
        for edit in plan.edits
        if edit.layer in layers and edit.lines is not None
    ]
    changed = [(plan.dockerfile, edits)] if edits else []
    if any(step.ignored for step in steps):
        ignore = _change_ignore_file(plan, plan.dockerfile)
        if ignore is None:
            return []
        changed.append(ignore)
    return changed


def describe_fix(finding: Finding, plan: Plan) -> str:
    """What a fix does, in a sentence or a few."""
    numbers = steps_of(finding, plan)
    steps = [plan.steps[number - 1] for number in numbers]
    names = " and ".join(map(str, numbers))
    actions = " ".join(step.action for step in steps)
    return printable(f"{plural(len(steps), 'Step').capitalize()} {names} of the plan: {actions}")


def steps_of(finding: Finding, plan: Plan) -> list[int]:
    """The numbers of the steps that a fix carries out, ascending; none if the step of the finding must be done by hand."""
    if finding.plan_step is None or not 0 < finding.plan_step <= len(plan.steps):
        return []
    if not plan.steps[finding.plan_step - 1].in_patch:
        return []
    chosen = {finding.plan_step}
    layers = set(plan.steps[finding.plan_step - 1].layers)
    while True:
        more = {
            number
            for number, step in enumerate(plan.steps, 1)
            if number not in chosen and step.in_patch and not layers.isdisjoint(step.layers)
        }
        if not more:
            return sorted(chosen)
        chosen |= more
        layers.update(layer for number in more for layer in plan.steps[number - 1].layers)


def _change_ignore_file(plan: Plan, dockerfile: str) -> tuple[str, list[Document]] | None:
    """The name of the ignore file and its replacements; None if it does not exist yet."""
    from ocisize.dockerfile.read_diff import read_patch

    _, files = read_patch(plan.patch)
    for file in files:
        if file.name != posixpath.normpath(dockerfile).lstrip("/"):
            replacements = [_replace_text(change.start, change.old, change.new) for change in file.changes()]
            return None if file.is_new else (file.name, replacements)
    return None


def _replace_lines(lines: tuple[int, int], text: str) -> Document:
    """A replacement of whole lines; with "" the lines go."""
    first, last = lines
    if not text:
        return {"deletedRegion": {"startLine": first, "startColumn": 1, "endLine": last + 1, "endColumn": 1}}
    return {"deletedRegion": {"startLine": first, "endLine": last}, "insertedContent": {"text": text}}


def _replace_text(start: int, old: Sequence[str], new: Sequence[str]) -> Document:
    """A replacement of lines with their line ends, of which the last one may lack its own; no lines insert text."""
    first = {"startLine": start + 1, "startColumn": 1}
    if old and not old[-1].endswith("\n"):
        end = {"endLine": start + len(old), "endColumn": len(old[-1]) + 1}
    else:
        end = {"endLine": start + len(old) + 1, "endColumn": 1}
    return {"deletedRegion": {**first, **end}, "insertedContent": {"text": "".join(new)}}
