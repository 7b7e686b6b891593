"""The junk catalogue: rules for what an image rarely needs, read from TOML files.

The packaged files lie in ``ocisize/rules/data``; users add their own in the same form::

    [[rule]]
    id = "ACME001"                        # letters, then digits; OS… are ocisize's own
    title = "our build cache"
    what = "One sentence on what it is."
    why = "One sentence on why it costs."                # optional
    note = "One sentence on what mending costs."         # optional
    globs = ["/var/cache/acme/"]                         # see ocisize.globs
    except = ["*.keep"]                                  # optional
    kinds = ["file", "hardlink", "symlink"]              # optional; what is given here is the default
    confidence = "sure"                                  # to delete is safe; or "likely", or "ask"
    needs = ["{dir}/{stem}"]                             # optional: one of these must stand in the image, too
    source = "https://…"                                 # optional: who says so
    matches = ["var/cache/acme/a"]                       # optional examples; a slash at the end means a directory
    misses = ["var/cache/acme/a.keep"]
    fix = { acme = "RUN acme build --no-cache" }         # optional: by ecosystem

    [[protect]]
    what = "Paths that no rule ever matches."
    globs = ["/opt/acme/licences/"]

    [[secret]]                            # files that give something away, whatever rules say of them
    title = "acme keys"
    what = "One sentence on what it opens."
    globs = [".acme/key"]                                # except, kinds, source, matches and misses as above
    confidence = "likely"

    [[public]]
    what = "Paths that are no secret, whatever they are called."
    globs = ["/usr/share/acme/"]

In ``needs``, ``{dir}`` is the directory of the path at hand and ``{stem}`` its name without the last extension, and
without ``.tar`` before it. In fixes, ``{instruction}`` is the build step at fault and ``{path}`` a path it left.
"""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import attrs

from ocisize.errors import CatalogError, InvalidGlob
from ocisize.globs import Glob, parse_glob
from ocisize.model.findings import ID, Confidence
from ocisize.rules.rule import DEFAULT_KINDS, FIX_PLACEHOLDER, LEAK_ID, OWN_PREFIX, Catalog, Protection, Rule
from ocisize.tar.filetable import KIND_NAMES

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_FIX_PLACEHOLDERS = ("instruction", "path")
_NEEDS = re.compile(r"(?:/|\{dir\}/)(?:[^*?{}\[]|\{stem\})+")
_TEXT_KEYS = {"id": True, "title": True, "what": True, "confidence": True, "why": False, "note": False, "source": False}
_LIST_KEYS = {"globs": True, "except": False, "kinds": False, "needs": False, "matches": False, "misses": False}


def load_catalog(extra: Sequence[Path] = ()) -> Catalog:
    """The packaged catalogue with the users' files before it, in the order given; raises CatalogError.

    Packaged files are read in the order of their names. A path belongs to the first rule that matches it, so that
    a user's rule takes a path over from a packaged one.
    """
    named = [(str(path), parse_catalog(_read(path), str(path))) for path in extra]
    named += _packaged()
    parts = [part for _, part in named]
    origins: dict[str, str] = {}
    for name, part in named:
        for rule in part.rules:
            if origins.setdefault(rule.id, name) != name:
                raise CatalogError(f"{name}: {rule.id}: id: stands in {origins[rule.id]} already")
    return Catalog(
        tuple(rule for part in parts for rule in part.rules),
        tuple(protection for part in parts for protection in part.protections),
        tuple(secret for part in parts for secret in part.secrets),
        tuple(protection for part in parts for protection in part.public),
    )


@functools.cache
def _packaged() -> tuple[tuple[str, Catalog], ...]:
    """The packaged files by name, read once."""
    entries = [entry for entry in (files("ocisize") / "rules" / "data").iterdir() if entry.name.endswith(".toml")]
    texts = sorted((entry.name, entry.read_text("utf-8")) for entry in entries)
    return tuple((name, parse_catalog(text, name, own=True)) for name, text in texts)


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise CatalogError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CatalogError(f"{path}: is not UTF-8") from error


def parse_catalog(text: str, name: str, *, own: bool = False) -> Catalog:
    """What one TOML text holds; ``name`` tells it apart in errors. Raises CatalogError."""
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # numbers can be too long, arrays too deep
        raise CatalogError(f"{name}: is not TOML: {error}") from error
    problems: list[str] = []
    _refuse_unknown(document, ("rule", "protect", "secret", "public"), "the file", problems)

    def readers(key: str) -> list[_Reader]:
        tables = _tables(document, key, problems)
        return [_Reader(str(table.get("id", f"{key} {number}")), table, problems) for number, table in tables]

    rules = [reader.rule(own=own) for reader in readers("rule")]
    protections = [reader.protection() for reader in readers("protect")]
    secrets = [reader.secret() for reader in readers("secret")]
    public = [reader.protection() for reader in readers("public")]
    ids = [rule.id for rule in rules]
    problems += [f"{repeated}: id: stands twice" for repeated in sorted({id_ for id_ in ids if ids.count(id_) > 1})]
    if problems:
        raise CatalogError(f"{name}: {'; '.join(problems)}", problems=problems)
    return Catalog(tuple(rules), tuple(protections), tuple(secrets), tuple(public))


def _tables(document: Mapping[str, Any], key: str, problems: list[str]) -> list[tuple[int, dict[str, Any]]]:
    """The tables of an array, numbered from 1."""
    tables = document.get(key, [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        problems.append(f"{key}: got {_kind(tables)}, expected [[{key}]] tables")
        return []
    return list(enumerate(tables, 1))


def _refuse_unknown(table: Mapping[str, Any], known: Sequence[str], where: str, problems: list[str]) -> None:
    problems += [f"{where}: {key}: unknown key, expected one of {', '.join(known)}" for key in table if key not in known]


def _kind(value: Any) -> str:
    names = {str: "a string", bool: "a boolean", int: "an integer", float: "a float", list: "an array", dict: "a table"}
    return names.get(type(value), type(value).__name__)


@attrs.frozen
class _Reader:
    """Reads the keys of one table and notes what is wrong with them, so that all of it can be told at once."""

    where: str
    table: Mapping[str, Any]
    problems: list[str]

    def rule(self, *, own: bool) -> Rule:
        _refuse_unknown(self.table, (*_TEXT_KEYS, *_LIST_KEYS, "fix"), self.where, self.problems)
        id_ = self.text("id")
        if id_ and (not ID.fullmatch(id_) or id_.startswith(OWN_PREFIX) is not own):
            expected = f"{OWN_PREFIX} and digits" if own else f"letters and 3 or 4 digits, not beginning with {OWN_PREFIX}"
            self.note("id", f"got {id_!r}, expected {expected}")
        return self._rule(id_)

    def secret(self) -> Rule:
        known = ("title", "what", "confidence", "source", "globs", "except", "kinds", "matches", "misses")
        _refuse_unknown(self.table, known, self.where, self.problems)
        return self._rule(LEAK_ID)

    def _rule(self, id_: str) -> Rule:
        confidence, levels = self.text("confidence"), [str(level) for level in Confidence]
        if confidence and confidence not in levels:
            self.note("confidence", f"got {confidence!r}, expected one of {', '.join(levels)}")
        kinds, needs = self.texts("kinds") or DEFAULT_KINDS, self.texts("needs")
        for kind in set(kinds) - set(KIND_NAMES.values()):
            self.note("kinds", f"got {kind!r}, expected some of {', '.join(KIND_NAMES.values())}")
        for need in needs:
            if not _NEEDS.fullmatch(need):
                self.note("needs", f"got {need!r}, expected a path from / or {{dir}}/, with {{stem}} and no wildcards")
        return Rule(
            id=id_,
            title=self.text("title"),
            what=self.text("what"),
            why=self.text("why"),
            note=self.text("note"),
            globs=self.globs("globs"),
            exceptions=self.globs("except"),
            kinds=kinds,
            confidence=Confidence(confidence) if confidence in levels else Confidence.ASK,
            needs=needs,
            source=self.text("source"),
            matches=self.texts("matches"),
            misses=self.texts("misses"),
            fix=self.fix(),
        )

    def protection(self) -> Protection:
        _refuse_unknown(self.table, ("what", "globs", "matches", "misses"), self.where, self.problems)
        return Protection(
            what=self.text("what"), globs=self.globs("globs"), matches=self.texts("matches"), misses=self.texts("misses")
        )

    def note(self, key: str, problem: str) -> None:
        self.problems.append(f"{self.where}: {key}: {problem}")

    def text(self, key: str) -> str:
        value = self.table.get(key)
        if isinstance(value, str) and value:
            return value
        if value is not None or _TEXT_KEYS[key]:
            self.note(key, f"got {'nothing' if value is None else repr(value)}, expected a string that is not empty")
        return ""

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.table.get(key)
        if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
            return tuple(value)
        if value is not None or _LIST_KEYS[key]:
            self.note(key, f"got {'nothing' if value is None else repr(value)}, expected an array of strings")
        return ()

    def globs(self, key: str) -> tuple[Glob, ...]:
        found = [self.glob(key, text) for text in self.texts(key)]
        return tuple(glob for glob in found if glob is not None)

    def glob(self, key: str, text: str) -> Glob | None:
        try:
            return parse_glob(text)
        except InvalidGlob as error:
            self.note(key, str(error))
            return None

    def fix(self) -> dict[str, str]:
        value = self.table.get("fix", {})
        if not isinstance(value, dict) or not all(isinstance(text, str) and text for text in value.values()):
            self.note("fix", f"got {value!r}, expected a table of strings")
            return {}
        for name, text in value.items():
            for placeholder in set(FIX_PLACEHOLDER.findall(text)) - set(_FIX_PLACEHOLDERS):
                expected = " or ".join(f"{{{known}}}" for known in _FIX_PLACEHOLDERS)
                self.note(f"fix.{name}", f"got {{{placeholder}}}, expected {expected}")
        return value
