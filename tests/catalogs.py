"""Tables made of paths, globs as they were written, and docs/rules.md: what the catalogue is tested with.

python -m tests.catalogs > docs/rules.md
"""

from __future__ import annotations

import re
import sys
from array import array
from collections.abc import Iterable

from ocisize.analysis.catalog import Catalog, Rule, load_catalog
from ocisize.files import DIRECTORY, REGULAR, FileTable
from ocisize.paths import Paths

HEAD = """# Rules

What ocisize knows of files that images rarely need, one section per rule. A path belongs to the first rule that matches
it; the rules stand in that order. Databases of package managers and licences belong to none: see the end.

Globs: `*`, `?` and `[…]` stay within a component, `**` is any number of components. A leading `/` begins at the image's
root, without it a glob holds anywhere. A trailing `/` means a directory with everything below it.

Confidence: *sure*, a running container never needs it; *likely*, most do not; *ask*, only who wrote the image can tell.
In fixes, `{instruction}` stands for the build step at fault and `{path}` for a path it left.

Rules of your own go into TOML files of the same form as `ocisize/catalog/*.toml`, which `load_catalog` reads.

This page is written by `python -m tests.catalogs > docs/rules.md`.
"""


def table_of(paths: Iterable[bytes | str], kinds: bytes | None = None) -> FileTable:
    """A table with nothing but paths; a slash at the end makes a directory."""
    names = [path.encode("utf-8", "surrogateescape") if isinstance(path, str) else path for path in paths]
    count = len(names)
    return FileTable(
        paths=Paths(names),
        kinds=kinds or bytes(DIRECTORY if name.endswith(b"/") else REGULAR for name in names),
        sizes=array("q", bytes(8 * count)),
        ends=array("q", bytes(8 * count)),
        hashes=b"",
        owners=array("I", bytes(4 * count)),
        attributes=(),
        tar_size=0,
    )


def rules_page(catalog: Catalog) -> str:
    """docs/rules.md."""
    sections = [HEAD, *map(_section, catalog.rules), "## What no rule matches\n"]
    for protection in catalog.protections:
        sections.append(f"{protection.what}\n\n{_globs(glob.text for glob in protection.globs)}\n")
    return "\n".join(sections)


def _section(rule: Rule) -> str:
    lines = [f'<a id="{rule.id.lower()}"></a>', "", f"## {rule.id}: {_plain(rule.title)}", ""]
    lines += [f"{_plain(rule.what)} *{rule.confidence}*", ""]
    lines += [f"**Why it costs.** {_plain(rule.why)}", "", _globs(glob.text for glob in rule.globs)]
    if rule.exceptions:
        lines += ["", f"Except: {_globs(glob.text for glob in rule.exceptions)}"]
    if rule.needs:
        lines += ["", f"Only where this stands in the image, too: {_globs(rule.needs)}"]
    lines += ["", "**Fix.**", "", *[f"* {name}: {_plain(text)}" for name, text in rule.fix.items()]]
    if rule.source:
        lines += ["", f"Source: <{rule.source}>"]
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    return re.sub(r"([*_<>`\\])", r"\\\1", text)


def _globs(texts: Iterable[str]) -> str:
    return " ".join(f"`{text}`" for text in texts)


if __name__ == "__main__":
    sys.stdout.write(rules_page(load_catalog()))
