"""The documentation site: ``sphinx-build -W docs SITE`` makes it from docs/*.md and from the docstrings of the package."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from docutils.nodes import Element
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.ext.napoleon import Config, GoogleDocstring

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))  # the package of this tree, not an installed one

import ocisize  # noqa: E402

project = "ocisize"
author = "the ocisize authors"
project_copyright = author
version = release = ocisize.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_site"]
html_theme = "furo"
html_title = f"ocisize {release}"
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
pygments_style = "friendly"
pygments_dark_style = "github-dark"
myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True, "undoc-members": True}
add_module_names = False
python_maximum_signature_line_length = 100
suppress_warnings = ["misc.highlighting_failure"]  # cut samples of reports are not complete documents

#: pages of the site that are files outside of docs/; on the repository's own pages, their stubs link to these files
EMBEDDED = {
    "project/architecture": "ARCHITECTURE.md",
    "project/benchmarks": "benchmarks/RESULTS.md",
    "project/changelog": "CHANGELOG.md",
    "project/contributing": "CONTRIBUTING.md",
    "project/security-policy": "SECURITY.md",
}
#: classes that callers make themselves; the parameters of all others are their fields, so they are not repeated
MADE_BY_CALLERS = {
    "Analyzer", "Budget", "BudgetLimit", "BuildFiles", "Connection", "CostAssumptions", "Descriptor", "Limits", "Platform",
    "ReportOptions",
}  # fmt: skip
_FENCE = re.compile(r"^(```+)(?!`)[^\n]*\n.*?^\1$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?P<image>!?)\[(?P<text>(?:[^\[\]]|\[[^\]]*\])*)\]\((?P<path>[^)\s#:]+)(?P<anchor>#[^)\s]*)?\)")
_NAME = re.compile(r"^\| `(\w+)(\([^`]*\))?` \|", re.MULTILINE)
_PARAMETER = re.compile(r"^``(\w+)``: ")


def embed_page(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put the file of an embedded page in the place of its stub, and let links and tables of names lead to the site."""
    origin = EMBEDDED.get(docname, f"docs/{docname}.md")
    text = (ROOT / origin).read_text("utf-8") if docname in EMBEDDED else source[0]
    pages = (
        {"README.md": "index"}
        | {path: name for name, path in EMBEDDED.items()}
        | {f"docs/{name}.md": name for name in app.env.found_docs}
    )

    def rewrite(match: re.Match[str]) -> str:
        path = os.path.normpath(Path(origin).parent / match["path"])
        if path not in pages and not match["image"]:
            return match[0] if docname not in EMBEDDED and not path.startswith("..") else match["text"]
        target = f"docs/{pages[path]}.md" if path in pages else path
        relative = os.path.relpath(target, Path("docs", docname).parent)
        return f"{match['image']}[{match['text']}]({relative}{match['anchor'] or ''})"

    parts, end = [], 0
    for fence in _FENCE.finditer(text):
        parts += [_LINK.sub(rewrite, text[end : fence.start()]), fence[0]]
        end = fence.end()
    source[0] = "".join([*parts, _LINK.sub(rewrite, text[end:])])
    if docname.startswith("api/"):
        source[0] = _NAME.sub(r"| {py:obj}`\1\2 <ocisize.\1>` |", source[0])


def hide_fields(
    _: Sphinx, kind: str, name: str, __: object, ___: object, signature: str | None, returned: str | None
) -> tuple[str, str | None] | None:
    """Leave out the parameters of classes that only ocisize makes, and what is no default but made for each instance."""
    if kind != "class":
        return None
    is_made_by_callers = name.rpartition(".")[2] in MADE_BY_CALLERS
    return (signature or "").replace("= NOTHING", "= ...") if is_made_by_callers else "", returned


def read_sections(_: Sphinx, kind: str, __: str, ___: object, ____: object, lines: list[str]) -> None:
    """Read the sections ``Args:`` and ``Raises:``, and paragraphs of parameters; comments of fields have neither."""
    if kind in ("class", "exception", "function", "method"):
        lines[:] = GoogleDocstring(_list_parameters(lines), Config(napoleon_use_rtype=False)).lines()


def _list_parameters(lines: Sequence[str]) -> list[str]:
    """Docstring lines with fields in the place of paragraphs such as ``name``: the name of the file."""
    found, in_paragraph = list[str](), False
    for line in lines:
        match = _PARAMETER.match(line)
        in_paragraph = bool(line) and (in_paragraph or match is not None)
        found.append(_PARAMETER.sub(r":param \1: ", line) if match else f"    {line}" if in_paragraph else line)
    return found


def find_public_name(_: Sphinx, env: BuildEnvironment, node: pending_xref, content: Element) -> Element | None:
    """Let a type lead to its public name, whatever module defines it."""
    name = str(node.get("reftarget", "")).rpartition(".")[2]
    if node.get("refdomain") != "py" or name not in ocisize.__all__:
        return None
    domain = env.domains.python_domain
    found = [item for item in domain.get_objects() if item[0] == f"ocisize.{name}"]
    if not found:
        return None
    _name, _shown, _kind, docname, anchor, _priority = found[0]
    from sphinx.util.nodes import make_refnode

    return make_refnode(env.app.builder, node["refdoc"], docname, anchor, [content])


def setup(app: Sphinx) -> Mapping[str, Any]:
    """Connect the functions of this file."""
    app.connect("source-read", embed_page)
    app.connect("autodoc-process-signature", hide_fields)
    app.connect("autodoc-process-docstring", read_sections)
    app.connect("missing-reference", find_public_name)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
