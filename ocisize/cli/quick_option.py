"""``--quick``: reports from the manifest and the config alone, and what cannot be had without the layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocisize.errors import BudgetError, ViewError
from ocisize.report.formats import FORMATS
from ocisize.sources.schemes import names_registry

if TYPE_CHECKING:
    import argparse
    from collections.abc import Collection, Sequence

    from ocisize.model.budget import Budget

#: options that are about the content of layers, as attributes of the options and as they are written
_ABOUT_LAYERS = {
    "verify": "--verify", "files": "--files", "full": "--full", "sections": "--section", "rules": "--rules",
    "dockerfile": "--dockerfile",
}  # fmt: skip


def add_quick(parser: argparse.ArgumentParser) -> None:
    """Add ``--quick``."""
    parser.add_argument(
        "--quick",
        action="store_true",
        default=False,
        help="read the manifest and the config only, no layers: download, layers, build steps, base image, config",
    )


def is_enough(options: argparse.Namespace, budgets: Sequence[Budget]) -> bool:
    """Whether the reports and the budgets that are asked for need no layer, also without ``--quick``.

    Layers that no registry delivers are read: a manifest of theirs may not have the download, and a pipe is read once.
    """
    return (
        not any(FORMATS[output.format].needs_layers for output in options.outputs)
        and names_registry(options.image)
        and not options.all_platforms
        and not _list_options(options)
        and not list_layer_budgets(budgets)
    )


def refuse_layers(options: argparse.Namespace, formats: Collection[str], budgets: Sequence[Budget]) -> None:
    """Raise an error if something that is asked for with ``--quick`` needs the layers.

    ``formats`` are those that can show outlines; ``budgets`` those that are checked.
    """
    if given := _list_options(options):
        raise ViewError(f"--quick reads no layers, which {', '.join(given)} needs", hint=f"omit --quick, or {given[0]}")
    if others := [output.format for output in options.outputs if output.format not in formats]:
        raise ViewError(
            f"--quick reads no layers, which -f {others[0]} needs",
            hint=f"omit --quick, or choose one of the formats {', '.join(formats)}",
        )
    if needing := list_layer_budgets(budgets):
        named = ", ".join(dict.fromkeys(_name_budget(budget) for budget in needing))
        is_from_file = any(not budget.origin.startswith("--") for budget in needing)
        raise BudgetError(
            f"--quick reads no layers, which these budgets need: {named}",
            hint="omit --quick" + (", or --no-budgets ignores the file" if is_from_file else ", or the budgets"),
        )


def list_layer_budgets(budgets: Sequence[Budget]) -> list[Budget]:
    """The budgets that need layers; without budgets, their modules are not imported."""
    if not budgets:
        return []
    from ocisize.budgets.kinds import needs_layers

    return [budget for budget in budgets if needs_layers(budget)]


def _list_options(options: argparse.Namespace) -> list[str]:
    """The options that are given and about layers."""
    given = vars(options)
    return [flag for name, flag in _ABOUT_LAYERS.items() if given.get(name)]


def _name_budget(budget: Budget) -> str:
    """The key of a budget, and the place where it is written."""
    return f"{budget.key} ({budget.origin})" if budget.origin and budget.origin != f"--{budget.key}" else budget.key
