"""The catalog: the packaged rules, and before them those of users."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ocisize.errors import CatalogError
from ocisize.globs import Component, Glob
from ocisize.model.findings import Category, Confidence
from ocisize.rules.rule import Catalog, Ecosystem, Protection, Rule

if TYPE_CHECKING:
    from pathlib import Path


def load_catalog(extra: Sequence[Path] = ()) -> Catalog:
    """The packaged catalog with the rules of users before it.

    A path belongs to the first rule that matches it, so rules of users come before packaged rules.

    Args:
        extra: the users' TOML files, in the order of their rules.

    Raises:
        CatalogError: a file cannot be read or is wrong, with all problems; or two files have rules with the same id.

    >>> [rule.title for rule in load_catalog().rules if rule.id == "OS301"]
    ['apt package lists']

    """
    return join_catalogs([*_read_extra(extra), _load_packaged()]) if extra else _load_packaged()


def join_catalogs(parts: Sequence[Catalog]) -> Catalog:
    """Several catalogs as one; the first that has a rule for a path, or an ecosystem of a name, decides."""
    return Catalog(
        tuple(rule for part in parts for rule in part.rules),
        tuple(protection for part in parts for protection in part.protections),
        tuple(secret for part in parts for secret in part.secrets),
        tuple(protection for part in parts for protection in part.public),
        {name: ecosystem for part in reversed(parts) for name, ecosystem in part.ecosystems.items()},
    )


@functools.cache
def _load_packaged() -> Catalog:
    """The packaged catalog, made from literals once per process."""
    from ocisize.prebuilt.rules import COMPONENTS, GLOBS, TABLE

    components = {row[0]: Component._make(row) for row in COMPONENTS}
    globs = {
        text: Glob(text, tuple(components[part] for part in parts), anchored, directory)
        for text, parts, anchored, directory in GLOBS
    }
    return Catalog(
        tuple(_make_rule(table, globs) for table in TABLE["rule"]),
        tuple(_make_protection(table, globs) for table in TABLE["protect"]),
        tuple(_make_rule({"id": "", "category": "secret", **table}, globs) for table in TABLE["secret"]),
        tuple(_make_protection(table, globs) for table in TABLE["public"]),
        {table["name"]: Ecosystem(**table) for table in TABLE["ecosystem"]},
    )


def _make_rule(table: Mapping[str, Any], globs: Mapping[str, Glob]) -> Rule:
    values = dict(table)
    return Rule(
        globs=tuple(globs[text] for text in values.pop("globs")),
        exceptions=tuple(globs[text] for text in values.pop("except", ())),
        confidence=Confidence(values.pop("confidence")),
        category=Category(values.pop("category")),
        packaged=bool(values["id"]),
        **values,
    )


def _make_protection(table: Mapping[str, Any], globs: Mapping[str, Glob]) -> Protection:
    return Protection(**{**table, "globs": tuple(globs[text] for text in table["globs"])})


def _read_extra(paths: Sequence[Path]) -> list[Catalog]:
    """The catalogs of users."""
    from ocisize.rules.parse import parse_catalog

    parts = [(str(path), parse_catalog(_read(path), str(path))) for path in paths]
    origins: dict[str, str] = {}
    for name, part in parts:
        for rule in part.rules:
            if origins.setdefault(rule.id, name) != name:
                raise CatalogError(f"{name}: {rule.id}: id: is used in {origins[rule.id]}")
    return [part for _, part in parts]


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise CatalogError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CatalogError(f"{path}: is not UTF-8") from error
