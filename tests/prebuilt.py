"""ocisize/prebuilt: the packaged TOML files as Python literals. ``python -m tests.prebuilt`` writes the modules.

``tests/test_prebuilt.py`` fails where a module differs from what this would write.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from ocisize.rules.load import join_catalogs
from ocisize.rules.parse import parse_catalog
from ocisize.rules.rule import Catalog
from tests.needles import find_needles

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

COMMAND = "python -m tests.prebuilt"
PACKAGE = Path(__file__).parent.parent / "ocisize"
FOLDER = PACKAGE / "prebuilt"
_RULES = sorted(PACKAGE.glob("rules/data/*.toml"))
_WIDTH = 125

Values = dict[str, Any]


def read_table(file: str | Path) -> Values:
    """The top-level table of a packaged file, with tuples for arrays."""
    table = tomllib.loads((PACKAGE / file).read_text("utf-8"))
    return {key: _freeze(value) for key, value in table.items()}


def _freeze(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(map(_freeze, value))
    return {key: _freeze(inner) for key, inner in value.items()} if isinstance(value, dict) else value


def read_rules() -> Catalog:
    """The packaged rules, as the strict reader returns them."""
    return join_catalogs([parse_catalog(file.read_text("utf-8"), file.name, own=True) for file in _RULES])


def _values_of_rules() -> Values:
    table: dict[str, tuple[Values, ...]] = {}
    for part in map(read_table, _RULES):
        for key, tables in part.items():
            table[key] = (*table.get(key, ()), *tables)
    catalog = read_rules()
    rules = (*catalog.rules, *catalog.secrets)
    lists = [globs for rule in rules for globs in (rule.globs, rule.exceptions)]
    lists += [protection.globs for protection in (*catalog.protections, *catalog.public)]
    globs = {glob.text: glob for glob in chain.from_iterable(lists)}
    components = {component.text: tuple(component) for glob in globs.values() for component in glob.components}
    return {
        "TABLE": table,
        "GLOBS": tuple(
            (glob.text, tuple(component.text for component in glob.components), glob.anchored, glob.directory)
            for glob in globs.values()
        ),
        "COMPONENTS": tuple(components.values()),
    }


def _values_of_secrets() -> Values:
    table = read_table("history/secrets.toml")
    secrets = [{**secret, "needles": find_needles(secret["pattern"])} for secret in table["value"]]
    words = [{**word, "needles": find_needles("|".join(word["words"]))} for word in table["word"]]
    return {"TABLE": {**table, "value": tuple(secrets), "word": tuple(words)}}


def _values_of(file: str) -> Values:
    return {"TABLE": read_table(file)}


#: the values of each module by their names
MODULES: Mapping[str, Callable[[], Values]] = {
    "cost": partial(_values_of, "sizes/cost.toml"),
    "explanations": partial(_values_of, "findings/explanations.toml"),
    "package_kinds": partial(_values_of, "findings/checks/package_kinds.toml"),
    "package_managers": partial(_values_of, "history/package_managers.toml"),
    "pull_time": partial(_values_of, "sizes/pull_time.toml"),
    "rules": _values_of_rules,
    "runtimes": partial(_values_of, "packages/runtimes.toml"),
    "secrets": _values_of_secrets,
    "targets": partial(_values_of, "packages/targets.toml"),
    "tools": partial(_values_of, "findings/checks/tools.toml"),
}


def make_module(name: str) -> str:
    """The source of a module."""
    values = [f"{key}: Any = {_write(value)}\n" for key, value in MODULES[name]().items()]
    head = f'"""Generated from TOML by ``{COMMAND}``: edit the TOML."""\n\nfrom typing import Any\n\n'
    return head + "".join(values)


def _write(value: Any, indent: str = "") -> str:
    """A value as a literal: on one line if there is room, else with a line for each of its items."""
    text = repr(value)
    if len(indent) + len(text) <= _WIDTH or not isinstance(value, (dict, tuple)):
        return text
    inner = indent + " "
    if isinstance(value, dict):
        items = [f"{key!r}: {_write(item, inner)}" for key, item in value.items()]
    else:
        items = [_write(item, inner) for item in value]
    return "\n".join([text[0], *(f"{inner}{item}," for item in items), indent + text[-1]])


def write_modules() -> list[str]:
    """Write all modules again; returns the names of those that changed."""
    changed = []
    for name in MODULES:
        path, source = FOLDER / f"{name}.py", make_module(name)
        if not path.exists() or path.read_text("utf-8") != source:
            path.write_text(source, "utf-8")
            changed.append(name)
    return changed


if __name__ == "__main__":
    print("\n".join(write_modules()) or "all modules are up to date")
