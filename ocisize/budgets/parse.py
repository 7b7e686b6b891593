"""The parser of budgets in TOML: of ``ocisize.toml``, or of ``[tool.ocisize]`` in ``pyproject.toml``.

docs/budgets.md explains every key::

    name = "registry.io/app"                   # optional: the image's name in the baseline
    baseline = "ocisize-baseline.json"         # optional: relative to this file
    max-download = "120 MB"                    # limits on the whole image are at the top
    max-waste = ["5 %", "10 MB"]               # an array has several limits on one figure

    [[budget]]                                 # a table narrows its limits
    layer = "RUN apt-get*"
    max-unpacked = "40 MB"
    level = "warn"
    reason = "Nodes at the edge have little disk."
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from ocisize.budgets.figures import SEVERITIES
from ocisize.budgets.kinds import KEYS, NARROWING_KEYS, Value, kind_of, kinds_of
from ocisize.errors import BudgetError, InvalidGlob
from ocisize.globs import Glob, parse_glob
from ocisize.model.budget import Budget, BudgetLevel
from ocisize.model.findings import ID
from ocisize.model.quantity import BudgetLimit, parse_limit
from ocisize.sizes.package_names import parse_name
from ocisize.toml_tables import TableReader, TomlError, read_toml, show
from ocisize.values import evolve, frozen

FORBID, FORBID_FINDINGS = "forbid", "forbid-findings"
OFF = "off"  #: as a value: the budget is skipped
_OTHER_KEYS = ("platform", "level", "reason", "if-unknown", "if-unmatched")
_TOP_KEYS = ("name", "baseline", "budget")


@frozen(kw_only=True)
class BudgetSettings:
    """The content of a file: budgets, and name and file of the baseline."""

    budgets: tuple[Budget, ...] = ()  #: in the order of the file
    name: str | None = None  #: of the image in the baseline
    baseline: str | None = None  #: file, relative to the one that was read


def parse_budgets(text: str, name: str = "ocisize.toml", *, table: Sequence[str] = ()) -> BudgetSettings:
    """Read budgets in TOML.

    ``name``: the file's name in problems and in ``Budget.origin``.
    ``table``: the keys of the table that has the settings, such as ``("tool", "ocisize")``; () is the whole document.

    Raises BudgetError with all problems, each with file, line and key.

    >>> settings = parse_budgets('max-download = "120 MB"\\nmax-waste = ["5 %", "10 MB"]')
    >>> [(budget.key, budget.limit.value, budget.origin) for budget in settings.budgets]
    ... # doctest: +NORMALIZE_WHITESPACE
    [('max-download', 120000000, 'ocisize.toml:1'),
     ('max-waste', Fraction(1, 20), 'ocisize.toml:2'),
     ('max-waste', 10000000, 'ocisize.toml:2')]
    >>> parse_budgets('path = "/app"\\nmax-layers = 5')
    Traceback (most recent call last):
    ocisize.errors.BudgetError: ocisize.toml:1: path: cannot narrow max-layers
    """
    try:
        reader = read_toml(text, name, table)
    except TomlError as error:
        raise BudgetError(str(error), problems=[str(error)]) from None
    settings = _read_settings(reader)
    if reader.problems:
        raise BudgetError("; ".join(reader.problems), problems=reader.problems)
    return settings


def make_limit(key: str, text: str, origin: str) -> Budget:
    """A budget on the whole image, from one of LIMIT_KEYS and its value; raises ValueError with what was expected.

    >>> make_limit("max-files", "1,000", "--max-files").limit.value
    1000
    >>> make_limit("max-files", "many", "--max-files")
    Traceback (most recent call last):
    ValueError: expected a whole number or a growth such as '+2 %'
    """
    kinds = kinds_of(key)
    if text == OFF:
        return make_off(key, origin)
    units = tuple(kind.unit for kind in kinds)
    limit = parse_limit(text, units, growth=any(kind.baseline for kind in kinds))
    kind = next(kind for kind in kinds if kind.unit is limit.unit)
    return Budget(key=key, metric=kind.metric, limit=evolve(limit, is_minimum=kind.is_minimum), origin=origin)


def make_off(key: str, origin: str) -> Budget:
    """A budget that is switched off: its verdict is SKIPPED.

    >>> make_off("max-files", "--max-files").level.value
    'off'
    """
    kind = kinds_of(key)[0]
    return Budget(key=key, metric=kind.metric, limit=BudgetLimit(0, kind.unit), level=BudgetLevel.OFF, origin=origin)


def forbid_paths(globs: Sequence[Glob], origin: str) -> Budget:
    """A budget that forbids paths."""
    return evolve(make_off(FORBID, origin), paths=tuple(globs), level=BudgetLevel.FAIL)


def forbid_findings(findings: Sequence[str], origin: str) -> Budget:
    """A budget that forbids findings; raises ValueError for a text that is neither an id nor a severity.

    >>> forbid_findings(["high", "OS101"], "--forbid-findings").findings
    ('high', 'OS101')
    >>> forbid_findings(["huge"], "--forbid-findings")
    Traceback (most recent call last):
    ValueError: got 'huge', expected an id such as OS101 or one of high, medium, low
    """
    for finding in findings:
        if finding not in SEVERITIES and not ID.fullmatch(finding):
            raise ValueError(f"got {finding!r}, expected an id such as OS101 or one of {', '.join(SEVERITIES)}")
    return evolve(make_off(FORBID_FINDINGS, origin), findings=tuple(findings), level=BudgetLevel.FAIL)


def _read_settings(top: TableReader) -> BudgetSettings:
    budgets = list(_read_table(top, _TOP_KEYS))
    for number, table in enumerate(top.tables("budget"), 1):
        budgets += _read_table(table)
        if not any(key in table.table for key in KEYS):
            table.note("", f"budget {number}: limits nothing, expected one of {', '.join(KEYS)}")
    return BudgetSettings(budgets=tuple(budgets), name=top.text("name") or None, baseline=top.text("baseline") or None)


def _read_table(reader: TableReader, top_keys: Sequence[str] = ()) -> Iterator[Budget]:
    """The budgets of a table, one for each limit."""
    reader.refuse_unknown((*KEYS, *NARROWING_KEYS, *_OTHER_KEYS, *top_keys))
    shared: dict[str, Any] = {
        "platform": reader.text("platform"),
        "layer": reader.text("layer"),
        "reason": reader.text("reason"),
        "level": reader.choice("level", BudgetLevel.FAIL),
        "unknown": reader.choice("if-unknown", BudgetLevel.FAIL),
        "unmatched": reader.choice("if-unmatched", BudgetLevel.WARN),
        "ignore": _read_globs(reader, "ignore"),
        "visible_only": reader.flag("visible-only"),
        "packages": reader.parse_texts("package", parse_name, ValueError, single=True),
    }
    paths = _read_globs(reader, "path")
    _check_packages(reader)
    for key in [key for key in reader.table if key in KEYS]:
        _check_narrowing(reader, key)
        for budget in _read_key(reader, key):
            _check_growth(reader, budget)
            level = BudgetLevel.OFF if budget.level is BudgetLevel.OFF else shared["level"]
            yield evolve(budget, **shared | {"level": level}, paths=budget.paths or paths)


def _read_key(reader: TableReader, key: str) -> Iterator[Budget]:
    """The budgets of one of KEYS."""
    value, origin, kind = reader.table[key], reader.place(key), kinds_of(key)[0]
    if kind.value is Value.LIMIT:
        if value == []:
            reader.note(key, "got an empty array")
        for limit in value if isinstance(value, list) else [value]:
            yield from _read_limit(reader, key, limit)
    elif value in (False, OFF, [OFF]):
        yield make_off(key, origin)
    elif kind.value is Value.GLOBS:
        yield forbid_paths(_read_globs(reader, key), origin)
    else:
        try:
            yield forbid_findings(reader.texts(key, single=True), origin)
        except ValueError as error:
            reader.note(key, str(error))


def _read_limit(reader: TableReader, key: str, value: Any) -> Iterator[Budget]:
    try:
        yield make_limit(key, _as_text(value), reader.place(key))
    except ValueError as error:
        reader.note(key, f"got {show(value)}, {error} or {OFF!r}")


def _read_globs(reader: TableReader, key: str) -> tuple[Glob, ...]:
    return reader.parse_texts(key, parse_glob, InvalidGlob, single=True)


def _check_narrowing(reader: TableReader, key: str) -> None:
    """Note the keys of the table that cannot narrow what a key limits."""
    for narrowing in NARROWING_KEYS:
        if narrowing in reader.table and any(narrowing not in kind.narrowed_by for kind in kinds_of(key)):
            reader.note(narrowing, f"cannot narrow {key}")


def _check_packages(reader: TableReader) -> None:
    """Note keys beside ``package``: what they select has no packages."""
    others = [key for key in NARROWING_KEYS if key in reader.table and key != "package"]
    if "package" in reader.table and others:
        reader.note("package", f"cannot be combined with {' and '.join(others)}")


def _check_growth(reader: TableReader, budget: Budget) -> None:
    """Note a limit on the growth of layers of which a baseline does not have the figure."""
    others = [key for key in NARROWING_KEYS if key in reader.table and key != "layer"]
    if budget.limit.growth and "layer" in reader.table and (others or kind_of(budget).baseline_layer is None):
        narrowing = " and ".join([*others, "layer"])
        reader.note(budget.key, f"growth cannot be limited with {narrowing}: baselines have no such figure")


def _as_text(value: Any) -> str:
    """A value of a limit as text: ``false`` is "off"; "", which is never a limit, of other types."""
    if value is False:
        return OFF
    return str(value) if isinstance(value, str | int | Decimal) and value is not True else ""
