"""Files of budgets and baselines: finding, reading and writing them; ``parse`` and ``dive_ci`` understand their texts.

Budgets are in the first of ``ocisize.toml``, ``pyproject.toml`` with ``[tool.ocisize]``, and ``.dive-ci`` in a folder.
Few folders have budgets, so the modules that understand them are imported for a file that may have some.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ocisize.errors import BudgetError
from ocisize.values import frozen

if TYPE_CHECKING:
    from pathlib import Path

    from ocisize.budgets.baseline import Baseline
    from ocisize.model.budget import Budget

OWN_FILE, PROJECT_FILE, DIVE_FILE = "ocisize.toml", "pyproject.toml", ".dive-ci"
BASELINE_FILE = "ocisize-baseline.json"
_TABLE = ("tool", "ocisize")
#: the beginning of each line that can begin a table of ``pyproject.toml`` with budgets; to parse TOML takes longer
_MAY_BEGIN_TABLE = re.compile(
    r"""^[ \t]*(?:\[.*ocisize|\[[ \t]*["']?tool["']?[ \t]*\]|["']?tool["']?[ \t]*[.=])""", re.MULTILINE
)


@frozen(kw_only=True)
class BudgetFile:
    """Budgets, and the baseline that growth is measured from."""

    budgets: tuple[Budget, ...] = ()  #: in the order of the file
    name: str | None = None  #: of the image in the baseline; None: its reference
    baseline: Path | None = None  #: the file of the baseline, which may not exist; None: BASELINE_FILE in the current folder
    file: Path | None = None  #: that it was read from; None if there is none

    @property
    def has_settings(self) -> bool:
        """True if its file has budgets, a name or a baseline."""
        has_baseline = self.file is not None and self.baseline != self.file.parent / BASELINE_FILE
        return bool(self.budgets or self.name or has_baseline)


def find_budget_file(folder: str | os.PathLike[str] = "") -> BudgetFile:
    """The settings of a folder, empty if it has no file of budgets; raises BudgetError.

    ``folder`` is the current one by default.
    """
    for name in (OWN_FILE, PROJECT_FILE, DIVE_FILE):
        file = os.path.join(folder, name)  # noqa: PTH118  (pathlib takes time at start-up, and most folders have no such file)
        if not _is_file(file) or (name == PROJECT_FILE and not _MAY_BEGIN_TABLE.search(_read(file))):
            continue
        from pathlib import Path

        budget_file = load_budget_file(Path(file))
        if name != PROJECT_FILE or budget_file.has_settings:  # other projects name ocisize as a dependency
            return budget_file
    if not os.fspath(folder):
        return BudgetFile()
    from pathlib import Path

    return BudgetFile(baseline=Path(folder, BASELINE_FILE))


def _is_file(name: str) -> bool:
    """Whether a file has a name; raises OSError if that cannot be known."""
    try:
        return stat.S_ISREG(os.stat(name).st_mode)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            return False
        raise


def load_budget_file(path: Path) -> BudgetFile:
    """The settings of a file: TOML if its name ends in ``.toml``, else a ``.dive-ci``. Raises BudgetError."""
    text = _read(path)
    if path.suffix != ".toml":
        from ocisize.budgets.dive_ci import dive_budgets, parse_dive_ci

        budgets = dive_budgets({}, parse_dive_ci(text, str(path)), str(path))
        return BudgetFile(budgets=budgets, baseline=path.parent / BASELINE_FILE, file=path)
    from ocisize.budgets.parse import parse_budgets

    settings = parse_budgets(text, str(path), table=_TABLE if path.name == PROJECT_FILE else ())
    return BudgetFile(
        budgets=settings.budgets,
        name=settings.name,
        baseline=path.parent / (settings.baseline or BASELINE_FILE),
        file=path,
    )


def load_dive_budgets(flags: Mapping[str, str], path: Path | None) -> tuple[Budget, ...]:
    """The budgets of dive's rules, from values of its flags and a ``.dive-ci`` file; raises BudgetError."""
    from ocisize.budgets.dive_ci import dive_budgets, parse_dive_ci

    rules = parse_dive_ci(_read(path), str(path)) if path is not None else {}
    return dive_budgets(flags, rules, str(path))


def load_baseline(path: Path) -> Baseline | None:
    """Read a baseline, None if there is no such file; raises BudgetError."""
    if not path.exists():
        return None
    from ocisize.budgets.baseline import baseline_from_json

    return baseline_from_json(_read(path), str(path))


def save_baseline(baseline: Baseline, path: Path) -> bool:
    """Write a baseline, atomically; True if that changed the file. Raises OSError."""
    import tempfile
    from pathlib import Path

    from ocisize.budgets.baseline import baseline_to_json

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


def _read(path: Path | str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError as error:
        raise BudgetError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BudgetError(f"{path}: is not UTF-8") from None
