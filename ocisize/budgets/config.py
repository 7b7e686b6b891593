"""Where budgets and baselines lie on disk: found, read and written.

The first of ``ocisize.toml``, ``pyproject.toml`` with a ``[tool.ocisize]``, and ``.dive-ci`` in a folder counts.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import attrs

from ocisize.budgets.baseline import Baseline, baseline_from_json, baseline_to_json
from ocisize.budgets.dive_ci import dive_budgets, parse_dive_ci
from ocisize.budgets.load import Settings, parse_budgets
from ocisize.errors import BudgetError
from ocisize.model.budget import Budget

OWN_FILE, PROJECT_FILE, DIVE_FILE = "ocisize.toml", "pyproject.toml", ".dive-ci"
BASELINE_FILE = "ocisize-baseline.json"
_TABLE = ("tool", "ocisize")


@attrs.frozen(kw_only=True)
class Config:
    """What a team has set up for its images."""

    budgets: tuple[Budget, ...] = ()
    name: str | None = None  #: how the baseline knows the image, where that is not its reference
    baseline: Path = Path(BASELINE_FILE)
    file: Path | None = None  #: where it was read; None where there is nothing set up

    @property
    def sets_up(self) -> bool:
        """Whether its file says anything of ocisize."""
        named = self.file is not None and self.baseline != self.file.parent / BASELINE_FILE
        return bool(self.budgets or self.name or named)


def find_config(folder: Path) -> Config:
    """What the files of a folder set up; raises BudgetError."""
    if (folder / OWN_FILE).is_file():
        return load_config(folder / OWN_FILE)
    project = folder / PROJECT_FILE
    if project.is_file() and _TABLE[-1] in _read(project):
        config = load_config(project)
        if config.sets_up:  # and is not just a dependency on us
            return config
    if (folder / DIVE_FILE).is_file():
        return load_config(folder / DIVE_FILE)
    return Config(baseline=folder / BASELINE_FILE)


def load_config(path: Path) -> Config:
    """What one file sets up: TOML if its name says so, else in the form of ``.dive-ci``. Raises BudgetError."""
    text = _read(path)
    if path.suffix != ".toml":
        settings = Settings(budgets=dive_budgets({}, parse_dive_ci(text, str(path)), str(path)))
    else:
        settings = parse_budgets(text, str(path), table=_TABLE if path.name == PROJECT_FILE else ())
    return Config(
        budgets=settings.budgets,
        name=settings.name,
        baseline=path.parent / (settings.baseline or BASELINE_FILE),
        file=path,
    )


def load_dive_budgets(flags: Mapping[str, str], path: Path | None) -> tuple[Budget, ...]:
    """The three rules of dive by its flags and a file in the form of ``.dive-ci``; raises BudgetError."""
    rules = parse_dive_ci(_read(path), str(path)) if path is not None else {}
    return dive_budgets(flags, rules, str(path))


def load_baseline(path: Path) -> Baseline | None:
    """Read a baseline, None where there is no such file; raises BudgetError."""
    return baseline_from_json(_read(path), str(path)) if path.exists() else None


def save_baseline(baseline: Baseline, path: Path) -> bool:
    """Write a baseline as a whole or not at all, and say whether that changed the file. Raises OSError."""
    text = baseline_to_json(baseline)
    if path.exists() and path.read_text("utf-8") == text:
        return False
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as file:
        try:
            file.write(text)
            file.close()
            Path(file.name).chmod(path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
    return True


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise BudgetError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BudgetError(f"{path}: is not UTF-8") from None
