"""Budgets in TOML: ``ocisize.toml``, or ``[tool.ocisize]`` of ``pyproject.toml``. docs/budgets.md explains every key.

::

    name = "registry.io/app"                   # optional: how the baseline knows the image
    baseline = "ocisize-baseline.json"         # optional: beside this file
    max-download = "120 MB"                        # limits stand at the top …
    max-waste = ["5 %", "10 MB"]               # several of one figure in an array

    [[budget]]                                 # … or in tables that narrow what they are about
    layer = "RUN apt-get*"
    max-unpacked = "40 MB"
    level = "warn"
    reason = "Nodes at the edge have little disk."
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import attrs

from ocisize.errors import BudgetError, InvalidGlob
from ocisize.globs import Glob, parse_glob
from ocisize.model.budget import UNITS, Budget, Level, Metric
from ocisize.model.findings import ID, Severity
from ocisize.model.quantity import Limit, Unit, parse_limit
from ocisize.toml_tables import TomlLines, find_lines, place_of_syntax

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FORBID, FORBID_FINDINGS = "forbid", "forbid-findings"
OFF = "off"  #: as a value, for a limit that is not checked
#: keys of limits → what they limit
LIMITS: Mapping[str, Metric] = {
    "max-download": Metric.DOWNLOAD,
    "max-unpacked": Metric.UNPACKED,
    "max-live": Metric.LIVE,
    "max-waste": Metric.WASTE,
    "min-efficiency": Metric.EFFICIENCY,
    "max-files": Metric.FILES,
    "max-layers": Metric.LAYERS,
    "max-layer-download": Metric.LAYER_DOWNLOAD,
    "max-layer-unpacked": Metric.LAYER_UNPACKED,
    "max-file-size": Metric.FILE_SIZE,
    "max-pull": Metric.PULL,
}
#: keys that narrow a budget, with the limits that they cannot narrow
_NARROWING: Mapping[str, tuple[str, ...]] = {
    "path": ("max-layers", FORBID, FORBID_FINDINGS),
    "ignore": ("max-layers", FORBID_FINDINGS),
    "layer": (),
    "visible-only": (*[key for key in LIMITS if key not in ("max-files", "max-file-size")], FORBID_FINDINGS),
}
_OTHERS = ("platform", "level", "reason", "if-unknown", "if-unmatched")
_SETTINGS = ("name", "baseline", "budget")
_NO_GROWTH = (Metric.EFFICIENCY, Metric.PULL)
_GROWTH_PER_LAYER = (Metric.DOWNLOAD, Metric.UNPACKED)
_ALL_LIMITS = (*LIMITS, FORBID, FORBID_FINDINGS)
_ARRAY = "budget"
_KINDS = {str: "a string", bool: "a boolean", int: "an integer", Decimal: "a float", list: "an array", dict: "a table"}


@attrs.frozen(kw_only=True)
class Settings:
    """What a file says: budgets, and where and under which name the baseline is."""

    budgets: tuple[Budget, ...] = ()
    name: str | None = None
    baseline: str | None = None  #: relative to the file


def parse_budgets(text: str, name: str = "ocisize.toml", *, table: Sequence[str] = ()) -> Settings:
    """Read TOML text; ``name`` tells it apart in errors, ``table`` is where in it the settings are.

    Raises BudgetError, which lists all that is wrong, each with its line where that can be found.
    """
    text = text.removeprefix("\ufeff")
    try:
        document: Any = tomllib.loads(text, parse_float=_parse_float)
    except (ValueError, RecursionError) as error:  # numbers can be too long, arrays too deep
        place, problem = place_of_syntax(name, str(error))
        text = f"{place}: is not TOML: {problem}"
        raise BudgetError(text, problems=[text]) from None
    for key in table:
        document = document.get(key, {}) if isinstance(document, dict) else document
    if not isinstance(document, dict):
        raise BudgetError(f"{name}: {'.'.join(table)}: got {_kind(document)}, expected a table")
    problems: list[str] = []
    settings = _read_settings(document, name, find_lines(text, table, _ARRAY), problems)
    if problems:
        raise BudgetError("; ".join(problems), problems=problems)
    return settings


def _parse_float(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError("a number is out of range") from None


def budget_of(key: str, text: str, origin: str) -> Budget:
    """A budget on the whole image from one of LIMITS and its value; raises ValueError with what was expected."""
    metric = LIMITS[key]
    if text == OFF:
        return Budget(key=key, metric=metric, limit=Limit(0, UNITS[metric][0]), level=Level.OFF, origin=origin)
    return Budget(
        key=key, metric=metric, limit=parse_limit(text, UNITS[metric], growth=metric not in _NO_GROWTH), origin=origin
    )


def forbid_nothing(key: str, origin: str) -> Budget:
    """FORBID or FORBID_FINDINGS, switched off."""
    metric = Metric.PATHS if key == FORBID else Metric.FINDINGS
    return Budget(key=key, metric=metric, limit=Limit(0, Unit.COUNT), level=Level.OFF, origin=origin)


def forbid_paths(globs: Sequence[Glob], origin: str) -> Budget:
    """A budget that forbids paths."""
    return Budget(key=FORBID, metric=Metric.PATHS, limit=Limit(0, Unit.COUNT), paths=tuple(globs), origin=origin)


def forbid_findings(findings: Sequence[str], origin: str) -> Budget:
    """A budget that forbids findings; raises ValueError for what is neither an id nor a severity."""
    severities = [str(severity) for severity in Severity]
    for finding in findings:
        if finding not in severities and not ID.fullmatch(finding):
            raise ValueError(f"got {finding!r}, expected an id such as OS101 or one of {', '.join(severities)}")
    return Budget(
        key=FORBID_FINDINGS, metric=Metric.FINDINGS, limit=Limit(0, Unit.COUNT), findings=tuple(findings), origin=origin
    )


def _read_settings(document: Mapping[str, Any], name: str, lines: TomlLines, problems: list[str]) -> Settings:
    top = _Reader(name, lines, 0, document, problems)
    budgets = list(top.budgets(_SETTINGS))
    tables = document.get("budget", [])
    if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
        top.note("budget", f"got {_kind(tables)}, expected [[budget]] tables")
        tables = []
    for number, each in enumerate(tables, 1):
        reader = _Reader(name, lines, number, each, problems)
        budgets += reader.budgets()
        if not any(key in each for key in _ALL_LIMITS):
            reader.note("", f"limits nothing, expected one of {', '.join(_ALL_LIMITS)}")
    return Settings(budgets=tuple(budgets), name=top.text("name") or None, baseline=top.text("baseline") or None)


def _kind(value: Any) -> str:
    return _KINDS.get(type(value), type(value).__name__)


@attrs.frozen
class _Reader:
    """Reads one table and notes what is wrong with it, so that all of it can be told at once."""

    name: str
    lines: TomlLines
    number: int
    table: Mapping[str, Any]
    problems: list[str]

    def place(self, key: str, value: Any = None) -> str:
        """``file:line`` of a key, or of one of its values."""
        line = self.lines.of(self.number, key, value)
        return f"{self.name}:{line}" if line else self.name

    def note(self, key: str, problem: str, value: Any = None) -> None:
        where = key or f"budget {self.number}"
        self.problems.append(f"{self.place(key, value)}: {where}: {problem}")

    def budgets(self, settings: Sequence[str] = ()) -> Iterator[Budget]:
        """The budgets of the table, one for each limit."""
        known = (*_ALL_LIMITS, *_NARROWING, *_OTHERS, *settings)
        for key in self.table:
            if key not in known:
                alike = difflib.get_close_matches(key, known, 1)
                self.note(key, f"unknown key, expected {alike[0] if alike else 'one of ' + ', '.join(known)}")
        shared: dict[str, Any] = {
            "platform": self.text("platform"),
            "layer": self.text("layer"),
            "reason": self.text("reason"),
            "level": self.level("level", Level.FAIL),
            "unknown": self.level("if-unknown", Level.FAIL),
            "unmatched": self.level("if-unmatched", Level.WARN),
            "ignore": self.globs("ignore"),
            "visible_only": self.flag("visible-only"),
        }
        paths = self.globs("path")
        for key in self.table:
            self._check_narrowing(key)
            for budget in self._limits(key):
                off = budget.level is Level.OFF
                scope = shared | {"level": Level.OFF} if off else shared
                yield attrs.evolve(budget, **scope, paths=budget.paths or paths)

    def _limits(self, key: str) -> Iterator[Budget]:
        """The budgets that one key sets up."""
        if key in LIMITS:
            value = self.table[key]
            if value == []:
                self.note(key, "got an empty array")
            for each in value if isinstance(value, list) else [value]:
                yield from self._limit(key, each)
        elif key in (FORBID, FORBID_FINDINGS) and self.table[key] in (False, OFF, [OFF]):
            yield forbid_nothing(key, self.place(key))
        elif key == FORBID:
            yield forbid_paths(self.globs(key), self.place(key))
        elif key == FORBID_FINDINGS:
            try:
                yield forbid_findings(self.texts(key), self.place(key))
            except ValueError as error:
                self.note(key, str(error))

    def _limit(self, key: str, value: Any) -> Iterator[Budget]:
        try:
            budget = budget_of(key, _as_text(value), self.place(key, value))
        except ValueError as error:
            self.note(key, f"got {value if isinstance(value, Decimal) else repr(value)}, {error} or {OFF!r}", value)
            return
        self._check_growth(budget)
        yield budget

    def _check_narrowing(self, key: str) -> None:
        for narrowing, limits in _NARROWING.items():
            if key in limits and narrowing in self.table:
                self.note(narrowing, f"cannot narrow {key}")

    def _check_growth(self, budget: Budget) -> None:
        """Of a layer a baseline keeps two sizes; parts of it cannot be told apart in another build."""
        others = [key for key in ("path", "ignore", "visible-only") if key in self.table]
        if budget.limit.growth and "layer" in self.table and (others or budget.metric not in _GROWTH_PER_LAYER):
            named = " and ".join([*others, "layer"])
            self.note(budget.key, f"growth cannot be limited with {named}: no baseline has the figure")

    def text(self, key: str) -> str:
        value = self.table.get(key, "")
        if key in self.table and not (isinstance(value, str) and value):
            self.note(key, f"got {value!r}, expected a string that is not empty")
            return ""
        return str(value)

    def level(self, key: str, default: Level) -> Level:
        levels = [str(level) for level in Level]
        value = self.table.get(key, str(default))
        if value not in levels:
            self.note(key, f"got {value!r}, expected one of {', '.join(levels)}")
            return default
        return Level(value)

    def flag(self, key: str) -> bool:
        value = self.table.get(key, False)
        if not isinstance(value, bool):
            self.note(key, f"got {value!r}, expected true or false")
        return value is True

    def texts(self, key: str) -> list[str]:
        """One string or an array of them."""
        value = self.table.get(key, [])
        texts = [value] if isinstance(value, str) else value
        if key in self.table and not (isinstance(texts, list) and texts and all(isinstance(text, str) for text in texts)):
            self.note(key, f"got {value!r}, expected a string or an array of strings")
            return []
        return list(texts)

    def globs(self, key: str) -> tuple[Glob, ...]:
        found = [self.glob(key, text) for text in self.texts(key)]
        return tuple(glob for glob in found if glob is not None)

    def glob(self, key: str, text: str) -> Glob | None:
        try:
            return parse_glob(text)
        except InvalidGlob as error:
            self.note(key, str(error), text)
            return None


def _as_text(value: Any) -> str:
    """A limit as it could have been written in quotes; raises nothing, what is no limit is no text of one."""
    if value is False:
        return OFF
    return str(value) if isinstance(value, str | int | Decimal) and value is not True else ""
