"""Changes of several findings to the commands of one RUN."""

from __future__ import annotations

import pytest

from ocisize.history.shell import Change, apply_changes, edit_each
from ocisize.model.build_step import BuildStep


def append(step: str, *added: str) -> str | None:
    changed = apply_changes(BuildStep(step), [Change(layer=0, command=command) for command in added])
    return changed.excerpt if changed else None


@pytest.mark.parametrize("step", ["COPY a b", "RUN <<EOF", "RUN a # b", "RUN a &&", 'RUN ["a", "b"]', "RUN a \\", ""])
def test_what_cannot_be_rewritten(step: str) -> None:
    """Where a change might not mean what it says, there is none."""
    assert append(step, "b") is None
    assert apply_changes(BuildStep(step), [Change(layer=0, edit=edit_each(lambda command: f"{command} x"))]) is None
    assert BuildStep(step).commands is None


def test_long_steps_are_shown_in_part() -> None:
    """Of a long step, only what changes is shown; the whole is there as well."""
    step = "RUN " + " && ".join(["make all"] * 100) + " && pip install x"
    edit = edit_each(lambda command: f"{command} y" if "pip" in command else None)
    changed = apply_changes(BuildStep(step), [Change(layer=0, edit=edit), Change(layer=0, command="rm z")])
    assert changed is not None
    assert changed.excerpt == "pip install x y; … && rm z"
    assert changed.build_step.text == f"{step} y && rm z"
    assert append(step, "rm z") == "… && rm z"
    assert apply_changes(BuildStep("RUN make"), [Change(layer=0, edit=edit_each(lambda command: None))]) is None


def test_changes_of_one_step_add_up() -> None:
    """Each command is added once, edits act one after the other, and what cannot be made is reported."""
    edits = [edit_each(lambda command: command + " --x" if "--x" not in command else None), edit_each(lambda command: None)]
    changes = [*(Change(layer=0, edit=edit) for edit in (edits[0], *edits)), Change(layer=0, command="b")]
    changed = apply_changes(BuildStep("RUN a"), [*changes, changes[-1]])
    assert changed is not None
    assert (changed.build_step.text, changed.made) == ("RUN a --x && b", (True, True, False, True, True))
