"""ocisize/prebuilt: each module has the values of its TOML file, and loads as what the strict reader returns."""

from __future__ import annotations

import pytest

from ocisize.rules.load import load_catalog
from tests.prebuilt import COMMAND, FOLDER, MODULES, make_module, read_rules


@pytest.mark.parametrize("name", MODULES)
def test_modules_are_up_to_date(name: str) -> None:
    """A module is what the command writes."""
    assert (FOLDER / f"{name}.py").read_text("utf-8") == make_module(name), f"run {COMMAND}"


def test_every_module_is_generated() -> None:
    """No module is left of a file that is gone."""
    assert {path.stem for path in FOLDER.glob("[!_]*.py")} == set(MODULES)


def test_packaged_rules_equal_those_of_the_strict_reader() -> None:
    """Rules made from literals, with their parsed globs, are those that the TOML has."""
    assert load_catalog() == read_rules()
