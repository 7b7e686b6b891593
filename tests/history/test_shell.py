"""Edits of the commands of a RUN."""

from __future__ import annotations

from ocisize.history.shell import edit_each, shorten


def test_each_command_is_edited() -> None:
    """Commands that the function leaves alone stay as they are; an edit that changes nothing says so."""
    edit = edit_each(lambda command: f"{command} --x" if command.startswith("a") else None)
    assert edit(["a", "b", "a c"]) == ["a --x", "b", "a c --x"]
    assert edit(["b"]) is None


def test_long_steps_are_cut() -> None:
    """A cut text has the length that was asked for and says that it was cut."""
    assert shorten("RUN " + "a" * 200) == "RUN " + "a" * 115 + "…"
