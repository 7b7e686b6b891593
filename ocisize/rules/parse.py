"""Rules for files that images rarely need, read from TOML.

The packaged files are in ``ocisize/rules/data``. Users add rules in files of the same form::

    [[rule]]
    id = "ACME001"                        # letters, then digits; OS… is reserved
    title = "our build cache"
    what = "One sentence: what the files are."
    why = "One sentence: why they cost."                 # optional
    note = "One sentence: what the fix costs."           # optional
    globs = ["/var/cache/acme/"]                         # see ocisize.globs
    except = ["*.keep"]                                  # optional
    kinds = ["file", "hardlink", "symlink"]              # optional; this is the default
    confidence = "safe"                                  # or "probably", or "ask"
    category = "cache"                                   # optional; the default is "other", see docs/rules.md
    needs = ["{dir}/{stem}"]                             # optional: the image must also have one of these
    source = "https://…"                                 # optional: URL of the advice
    matches = ["var/cache/acme/a"]                       # optional examples; a slash at the end means a directory
    misses = ["var/cache/acme/a.keep"]
    fix = { acme = "Use `acme build --no-cache`." }      # optional: by ecosystem

    [[protect]]
    what = "Paths that no rule matches."
    globs = ["/opt/acme/licenses/"]

    [[secret]]                            # files with secrets; a rule may match them too
    title = "acme keys"
    what = "One sentence: what the secret is for."
    globs = [".acme/key"]                                # except, kinds, source, matches and misses as above
    confidence = "probably"

    [[public]]
    what = "Paths that are not secret, whatever their names."
    globs = ["/usr/share/acme/"]

    [[ecosystem]]                         # optional: which commands show that a build step uses acme
    name = "acme"                         # without this table, the command acme
    commands = ["acme", "acmectl", "acme-{version}"]

In ``needs``, ``{dir}`` is the directory of the matching path and ``{stem}`` its name without the last extension, and
without ``.tar`` before it. In fixes, ``{build_step}`` is the build step and ``{path}`` a path that it left.
"""

from __future__ import annotations

import re

from ocisize.errors import CatalogError, InvalidGlob
from ocisize.globs import parse_glob
from ocisize.model.findings import ID, PACKAGED_PREFIX, Category, Confidence, is_packaged_id
from ocisize.rules.rule import DEFAULT_KINDS, FIX_PLACEHOLDER, Catalog, Ecosystem, Protection, Rule
from ocisize.tar.filetable import KIND_NAMES
from ocisize.toml_tables import TableReader, TomlError, read_toml
from ocisize.values import evolve

_FIX_PLACEHOLDERS = ("build_step", "path")
_NEEDS = r"(?:/|\{dir\}/)(?:[^*?{}\[]|\{stem\})+"
_RULE_KEYS = (
    *("id", "title", "what", "confidence", "category", "why", "note", "source"),
    *("globs", "except", "kinds", "needs", "matches", "misses", "fix"),
)


def parse_catalog(text: str, name: str, *, own: bool = False) -> Catalog:
    """The rules in a TOML text.

    Args:
        text: tables as at the top of this module.
        name: the file's name in problems.
        own: True for a packaged file, whose rules have ids that are reserved.

    Raises:
        CatalogError: the text is not TOML, or tables are wrong; with all problems, each with its line.

    >>> text = '''
    ... [[rule]]
    ... id = "ACME001"
    ... title = "our build cache"
    ... what = "Files that the build of acme caches for the next build."
    ... globs = ["/var/cache/acme/"]
    ... confidence = "safe"
    ... '''
    >>> rule = parse_catalog(text, "acme.toml").rules[0]
    >>> rule.id, rule.category.value
    ('ACME001', 'other')
    >>> parse_catalog(text.replace("safe", "maybe"), "acme.toml")
    Traceback (most recent call last):
    ocisize.errors.CatalogError: acme.toml:7: ACME001: confidence: got 'maybe', expected one of safe, probably, ask

    """
    try:
        document = read_toml(text, name)
    except TomlError as error:
        raise CatalogError(str(error)) from error
    document.refuse_unknown(("rule", "protect", "secret", "public", "ecosystem"))
    rules = [_with_title(table) for table in document.tables("rule")]
    catalog = Catalog(
        tuple(_read_rule(table, own=own) for table in rules),
        tuple(_read_protection(_with_title(table)) for table in document.tables("protect")),
        tuple(_read_secret(_with_title(table)) for table in document.tables("secret")),
        tuple(_read_protection(_with_title(table)) for table in document.tables("public")),
        {ecosystem.name: ecosystem for ecosystem in map(_read_ecosystem, document.tables("ecosystem"))},
    )
    seen = set[str]()
    for rule in rules:
        if rule.title in seen:
            rule.note("id", "is used by an earlier rule")
        seen.add(rule.title)
    if document.problems:
        raise CatalogError("; ".join(document.problems), problems=document.problems)
    return catalog


def _with_title(reader: TableReader) -> TableReader:
    """The reader, with the table's id in its problems: ``ACME001``, or ``rule 3`` for the third rule where it has none."""
    key, number = reader.path
    return evolve(reader, title=str(reader.table.get("id", f"{key} {number}")))


def _read_rule(reader: TableReader, *, own: bool) -> Rule:
    reader.refuse_unknown(_RULE_KEYS)
    id_ = reader.text("id", required=True)
    if id_ and (not ID.fullmatch(id_) or is_packaged_id(id_) is not own):
        expected = (
            f"{PACKAGED_PREFIX} and digits" if own else f"letters and 3 or 4 digits, not beginning with {PACKAGED_PREFIX}"
        )
        reader.note("id", f"got {id_!r}, expected {expected}")
    return _read_matching(reader, id_, reader.choice("category", Category.OTHER), own=own)


def _read_secret(reader: TableReader) -> Rule:
    reader.refuse_unknown(("title", "what", "confidence", "source", "globs", "except", "kinds", "matches", "misses"))
    return _read_matching(reader, "", Category.SECRET)


def _read_matching(reader: TableReader, id_: str, category: Category, *, own: bool = False) -> Rule:
    kinds, needs = reader.texts("kinds") or DEFAULT_KINDS, reader.texts("needs")
    for kind in set(kinds) - set(KIND_NAMES.values()):
        reader.note("kinds", f"got {kind!r}, expected some of {', '.join(KIND_NAMES.values())}")
    for need in needs:
        if not re.fullmatch(_NEEDS, need):
            reader.note("needs", f"got {need!r}, expected a path from / or {{dir}}/, with {{stem}} and no wildcards")
    return Rule(
        id=id_,
        title=reader.text("title", required=True),
        what=reader.text("what", required=True),
        category=category,
        packaged=own,
        why=reader.text("why"),
        note=reader.text("note"),
        globs=reader.parse_texts("globs", parse_glob, InvalidGlob, required=True),
        exceptions=reader.parse_texts("except", parse_glob, InvalidGlob),
        kinds=kinds,
        confidence=reader.choice("confidence", Confidence.ASK, required=True),
        needs=needs,
        source=reader.text("source"),
        matches=reader.texts("matches"),
        misses=reader.texts("misses"),
        fix=_read_fixes(reader),
    )


def _read_protection(reader: TableReader) -> Protection:
    reader.refuse_unknown(("what", "globs", "matches", "misses"))
    return Protection(
        what=reader.text("what", required=True),
        globs=reader.parse_texts("globs", parse_glob, InvalidGlob, required=True),
        matches=reader.texts("matches"),
        misses=reader.texts("misses"),
    )


def _read_ecosystem(reader: TableReader) -> Ecosystem:
    reader.refuse_unknown(("name", "commands", "system"))
    return Ecosystem(
        name=reader.text("name", required=True),
        commands=reader.texts("commands", required=True),
        system=reader.flag("system"),
    )


def _read_fixes(reader: TableReader) -> dict[str, str]:
    fixes = reader.text_table("fix")
    for name, text in fixes.items():
        for placeholder in set(FIX_PLACEHOLDER.findall(text)) - set(_FIX_PLACEHOLDERS):
            expected = " or ".join(f"{{{known}}}" for known in _FIX_PLACEHOLDERS)
            reader.note(f"fix.{name}", f"got {{{placeholder}}}, expected {expected}")
    return fixes
