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

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import attrs

from ocisize.errors import BudgetError, InvalidGlob
from ocisize.globs import Glob, parse_glob
from ocisize.model.budget import UNITS, Budget, Level, Metric
from ocisize.model.findings import ID, Severity
from ocisize.model.quantity import Limit, Unit, parse_limit
from ocisize.toml_tables import TableReader, TomlError, read_toml, show

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
    try:
        reader = read_toml(text, name, table)
    except TomlError as error:
        raise BudgetError(str(error), problems=[str(error)]) from None
    settings = _read_settings(reader)
    if reader.problems:
        raise BudgetError("; ".join(reader.problems), problems=reader.problems)
    return settings


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


def _read_settings(top: TableReader) -> Settings:
    budgets = list(_read_table(top, _SETTINGS))
    for number, table in enumerate(top.tables("budget"), 1):
        budgets += _read_table(table)
        if not any(key in table.table for key in _ALL_LIMITS):
            table.note("", f"budget {number}: limits nothing, expected one of {', '.join(_ALL_LIMITS)}")
    return Settings(budgets=tuple(budgets), name=top.text("name") or None, baseline=top.text("baseline") or None)


def _read_table(reader: TableReader, settings: Sequence[str] = ()) -> Iterator[Budget]:
    """The budgets of a table, one for each limit."""
    reader.refuse_unknown((*_ALL_LIMITS, *_NARROWING, *_OTHERS, *settings))
    shared: dict[str, Any] = {
        "platform": reader.text("platform"),
        "layer": reader.text("layer"),
        "reason": reader.text("reason"),
        "level": reader.choice("level", Level.FAIL),
        "unknown": reader.choice("if-unknown", Level.FAIL),
        "unmatched": reader.choice("if-unmatched", Level.WARN),
        "ignore": _read_globs(reader, "ignore"),
        "visible_only": reader.flag("visible-only"),
    }
    paths = _read_globs(reader, "path")
    for key in reader.table:
        _check_narrowing(reader, key)
        for budget in _read_limits(reader, key):
            off = budget.level is Level.OFF
            scope = shared | {"level": Level.OFF} if off else shared
            yield attrs.evolve(budget, **scope, paths=budget.paths or paths)


def _read_limits(reader: TableReader, key: str) -> Iterator[Budget]:
    """The budgets that one key sets up."""
    if key in LIMITS:
        value = reader.table[key]
        if value == []:
            reader.note(key, "got an empty array")
        for limit in value if isinstance(value, list) else [value]:
            yield from _read_limit(reader, key, limit)
    elif key in (FORBID, FORBID_FINDINGS) and reader.table[key] in (False, OFF, [OFF]):
        yield forbid_nothing(key, reader.place(key))
    elif key == FORBID:
        yield forbid_paths(_read_globs(reader, key), reader.place(key))
    elif key == FORBID_FINDINGS:
        try:
            yield forbid_findings(reader.texts(key, single=True), reader.place(key))
        except ValueError as error:
            reader.note(key, str(error))


def _read_limit(reader: TableReader, key: str, value: Any) -> Iterator[Budget]:
    try:
        budget = budget_of(key, _as_text(value), reader.place(key))
    except ValueError as error:
        reader.note(key, f"got {show(value)}, {error} or {OFF!r}")
        return
    _check_growth(reader, budget)
    yield budget


def _read_globs(reader: TableReader, key: str) -> tuple[Glob, ...]:
    return reader.parsed(key, parse_glob, InvalidGlob, single=True)


def _check_narrowing(reader: TableReader, key: str) -> None:
    for narrowing, limits in _NARROWING.items():
        if key in limits and narrowing in reader.table:
            reader.note(narrowing, f"cannot narrow {key}")


def _check_growth(reader: TableReader, budget: Budget) -> None:
    """Of a layer a baseline keeps two sizes; parts of it cannot be told apart in another build."""
    others = [key for key in ("path", "ignore", "visible-only") if key in reader.table]
    if budget.limit.growth and "layer" in reader.table and (others or budget.metric not in _GROWTH_PER_LAYER):
        named = " and ".join([*others, "layer"])
        reader.note(budget.key, f"growth cannot be limited with {named}: no baseline has the figure")


def _as_text(value: Any) -> str:
    """A limit as it could have been written in quotes; raises nothing, what is no limit is no text of one."""
    if value is False:
        return OFF
    return str(value) if isinstance(value, str | int | Decimal) and value is not True else ""
