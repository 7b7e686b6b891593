"""File tables made of paths, and docs/rules.md, which is generated: python -m tests.catalogs > docs/rules.md."""

from __future__ import annotations

import re
import sys
from array import array
from collections.abc import Iterable

from ocisize.rules.rule import Catalog, Protection, Rule
from ocisize.rules.load import load_catalog
from ocisize.findings.explanations import Check, Explanation, explain, explain_all_checks
from ocisize.model.findings import Category
from ocisize.tar.filetable import DIRECTORY, REGULAR, FileTable
from ocisize.tar.paths import PathColumn

HEAD = """# Rules

Every finding of ocisize has an id, and every id has a section on this page. OS1xx: layers. OS2xx: build steps, config, base
image and packages. OS3xx: files that images rarely need. Rules of users have their own ids.

No two findings count the same bytes. Files that a build command is known to leave go to OS2xx, unless a later step deletes
them. Then hidden files go to OS1xx, files of packages to OS25x, and other files to the first rule of OS3xx that matches them, in
the order of this page. Copies (OS110) come last. If a layer stores files again only to change owner, permissions or timestamps, the fix is for the
layer that added the files.

If the plan fixes a finding, reports show the action of the step instead of the fix on this page ([plan.md](plan.md)).

Confidence: *safe*, no running container needs the files; *probably*, most containers do not need them; *ask*, only the author
of the image can tell.

Categories, in JSON and in the library: {categories}.

## How to write a rule

Rules are TOML tables in `ocisize/rules/data/*.toml`. Put your own rules into a file of the same form, and pass it with
`ocisize IMAGE --rules FILE`, or to `load_catalog` in the library. Your rules come before the packaged rules.

```toml
[[rule]]
id = "ACME001"                       # capital letters, then 3 or 4 digits; ids that begin with OS are reserved
title = "our build cache"
category = "cache"                                                    # optional, the default is "other"; see below
what = "Files that the build of acme caches for the next build."
why = "Tens of megabytes that no container reads."                    # optional
globs = ["/var/cache/acme/"]
except = ["*.keep"]                                                   # optional
kinds = ["file", "hardlink", "symlink"]                               # optional, this is the default
confidence = "safe"                                                   # or "probably", or "ask"
matches = ["var/cache/acme/a"]                                        # optional examples; packaged rules are tested with them
misses = ["var/cache/acme/a.keep"]
fix = {{ acme = "Use `acme build --no-cache`.", any = "Remove {{path}} in `{{build_step}}`." }}
```

The categories `cache` and `temporary` mean that only the build step that writes the files reads them. If a later step deletes
such files (OS101), the fix moves the deletion to the step that writes them. In all other categories, including the default
`other`, a RUN in between may read the files, and the fix joins the steps instead. Findings of the category `secret` are shown
with the secrets.

[commands.md](commands.md#globs) describes globs. A rule claims the paths that its globs match: end a glob with `/` to claim
everything below a directory.

Each fix has the name of an ecosystem. Reports show the fixes for the commands in the build step; `any` is for other steps,
`dockerignore` for files from the build context, `buildkit` for a cache mount, and `npm-dev` for steps that also install
development packages. `{{build_step}}` is the build step, `{{path}}` a path that the step left. Commands are in backticks. The
command of an ecosystem is its name, unless an `[[ecosystem]]` table lists others:

```toml
[[ecosystem]]
name = "acme"
commands = ["acme", "acmectl", "acme-{{version}}"]
```

`python -m tests.samples` generates this page.
"""


def table_of(paths: Iterable[bytes | str], kinds: bytes | None = None) -> FileTable:
    """A table with paths only; a path with a slash at its end is a directory."""
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
    sections = [HEAD.format(categories=", ".join(f"`{category}`" for category in Category))]
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
        f"{_plain(explanation.what)} {_facts(explanation)}",
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
    lines += [f"{_plain(rule.what)} {_facts(rule)}", ""]
    lines += [f"**Why it matters.** {_plain(rule.why)}", "", _globs(glob.text for glob in rule.globs)]
    if rule.exceptions:
        lines += ["", f"Except: {_globs(glob.text for glob in rule.exceptions)}"]
    if rule.needs:
        lines += ["", f"Only if the image also has the path: {_globs(rule.needs)}"]
    lines += ["", "**Fix.**", "", *[f"* {name}: {_plain(text)}" for name, text in rule.fix.items()]]
    if rule.note:
        lines += ["", f"**Cost of the fix.** {_plain(rule.note)}"]
    if rule.source:
        lines += ["", f"Source: <{rule.source}>"]
    return "\n".join(lines) + "\n"


def _facts(rule: Explanation | Rule) -> str:
    return f"*{rule.confidence}* · {rule.category}"


def _plain(text: str) -> str:
    """Text in Markdown: escaped, except for the commands in backticks."""
    parts = text.split("`")
    return "`".join(part if number % 2 else re.sub(r"([*_<>\\])", r"\\\1", part) for number, part in enumerate(parts))


def _globs(texts: Iterable[str]) -> str:
    return " ".join(f"`{text}`" for text in texts)


if __name__ == "__main__":
    sys.stdout.write(rules_page(load_catalog()))
