"""Tables made of paths, globs as they were written, and docs/rules.md: what the catalogue is tested with.

python -m tests.catalogs > docs/rules.md
"""

from __future__ import annotations

import re
import sys
from array import array
from collections.abc import Iterable

from ocisize.rules.rule import Catalog, Protection, Rule
from ocisize.rules.load import load_catalog
from ocisize.findings.explanations import Check, Explanation, explain, explain_all_checks
from ocisize.tar.filetable import DIRECTORY, REGULAR, FileTable
from ocisize.tar.paths import PathColumn

HEAD = """# Rules

What ocisize finds, one section per id. OS1: by the layers themselves. OS2: by history and config. OS3: by a catalogue
of files that images rarely need; a path belongs to the first of its rules that matches it, and they stand in that order.
Databases of package managers and licences belong to none: see the end. Users' rules have ids of their own.

No two findings count the same bytes: what a build step proves to have left goes to OS2 (unless a later step deletes it),
then hidden files go to OS1, then files by their kind to OS3, and copies (OS110) come last. Files that a layer only stores
again, for their owner, mode or time, are mended in the layer that brought them.

Development packages of npm (`npm ci --omit=dev`) are in no finding: node_modules/.package-lock.json, which tells them
from the others, is not read.

Globs: `*`, `?` and `[…]` stay within a component, `**` is any number of components. A leading `/` begins at the image's
root, without it a glob holds anywhere. A trailing `/` means a directory with everything below it.

Confidence: *sure*, a running container never needs it; *likely*, most do not; *ask*, only who wrote the image can tell.
In fixes, `npm-dev` is for steps that install development packages as well, `{build_step}` stands for the build step at fault and `{path}` for a path it left.

Rules of your own go into TOML files of the same form as `ocisize/rules/data/*.toml`: `ocisize IMAGE --rules
FILE`, or `load_catalog` in the library. They stand before the packaged ones:

```toml
[[rule]]
id = "ACME001"                       # letters, then digits
title = "our build cache"
what = "What the build of acme keeps for the next one."
globs = ["/var/cache/acme/"]
confidence = "sure"                  # or "likely", or "ask"
fix = { any = "acme build --no-cache" }
```

This page is written by `python -m tests.catalogs > docs/rules.md`.
"""


def table_of(paths: Iterable[bytes | str], kinds: bytes | None = None) -> FileTable:
    """A table with nothing but paths; a slash at the end makes a directory."""
    names = [path.encode("utf-8", "surrogateescape") if isinstance(path, str) else path for path in paths]
    count = len(names)
    return FileTable(
        paths=PathColumn(names),
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
    sections = [HEAD]
    for explanation in explain_all_checks():
        sections.append(_check(explanation))
        if explanation == explain(Check.SECRET_FILES):
            sections += [*map(_secret, catalog.secrets), *map(_public, catalog.public)]
    sections += [*map(_section, catalog.rules), "## What no rule matches\n"]
    for protection in catalog.protections:
        sections.append(f"{protection.what}\n\n{_globs(glob.text for glob in protection.globs)}\n")
    return "\n".join(sections)


def _check(explanation: Explanation) -> str:
    lines = [f'<a id="{explanation.id.lower()}"></a>', "", f"## {explanation.id}: {_plain(explanation.title)}", ""]
    lines += [
        f"{_plain(explanation.what)} *{explanation.confidence}*",
        "",
        f"**Why it matters.** {_plain(explanation.why)}",
        "",
    ]
    lines += [f"**Fix.** {_plain(explanation.fix)}"]
    if explanation.source:
        lines += ["", f"Source: <{explanation.source}>"]
    return "\n".join(lines) + "\n"


def _secret(rule: Rule) -> str:
    lines = [f"* {_plain(rule.title)}: {_plain(rule.what)} *{rule.confidence}* {_globs(glob.text for glob in rule.globs)}"]
    if rule.exceptions:
        lines.append(f"  Except: {_globs(glob.text for glob in rule.exceptions)}")
    return "\n".join(lines) + "\n"


def _public(protection: Protection) -> str:
    return f"No secrets: {protection.what} {_globs(glob.text for glob in protection.globs)}\n"


def _section(rule: Rule) -> str:
    lines = [f'<a id="{rule.id.lower()}"></a>', "", f"## {rule.id}: {_plain(rule.title)}", ""]
    lines += [f"{_plain(rule.what)} *{rule.confidence}*", ""]
    lines += [f"**Why it costs.** {_plain(rule.why)}", "", _globs(glob.text for glob in rule.globs)]
    if rule.exceptions:
        lines += ["", f"Except: {_globs(glob.text for glob in rule.exceptions)}"]
    if rule.needs:
        lines += ["", f"Only where this stands in the image, too: {_globs(rule.needs)}"]
    lines += ["", "**Fix.**", "", *[f"* {name}: {_plain(text)}" for name, text in rule.fix.items()]]
    if rule.note:
        lines += ["", f"**What that costs.** {_plain(rule.note)}"]
    if rule.source:
        lines += ["", f"Source: <{rule.source}>"]
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    return re.sub(r"([*_<>`\\])", r"\\\1", text)


def _globs(texts: Iterable[str]) -> str:
    return " ".join(f"`{text}`" for text in texts)


if __name__ == "__main__":
    sys.stdout.write(rules_page(load_catalog()))
