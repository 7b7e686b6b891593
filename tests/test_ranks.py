"""Modules import from lower ranks only, so that each can be read, tested and replaced without those above it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import ocisize

PACKAGE = Path(ocisize.__file__).parent
RANKS = [
    ["errors", "locks"],
    ["jsontext"],
    [
        "oci",
        "limits",
        "paths",
        "headers",
        "blob",
        "sources.incoming",
        "analysis.globs",
        "analysis.filetypes",
        "analysis.findings",
        "analysis.quantities",
        "analysis.redact",
        "analysis.dpkg",
        "analysis.instructions",
        "analysis.installed",
        "analysis.processors",
        "analysis.dockerfile",
        "analysis.tomllines",
    ],
    [
        "platforms",
        "reference",
        "files",
        "window",
        "zstdframes",
        "sources.wording",
        "analysis.history",
        "analysis.figures",
        "analysis.packages",
        "analysis.ownership",
        "analysis.verdict",
    ],
    ["memory", "memo", "wire", "verify", "sources.transport", "analysis.base", "analysis.cost", "analysis.runs"],
    ["columns", "stored", "rare"],
    ["image", "stream", "tar"],
    [
        "metadata",
        "analysis.model",
        "analysis.filechanges",
        "analysis.contested",
        "analysis.catalog",
        "analysis.automaton",
        "analysis.budgetfile",
        "sources.store",
        "sources.credentials",
    ],
    [
        "scan",
        "analysis.integrity",
        "analysis.overlay",
        "analysis.matching",
        "analysis.sums",
        "analysis.comparison",
        "analysis.alignment",
        "sources.layout",
        "sources.docker_archive",
        "sources.auth",
    ],
    [
        "analysis.waste",
        "analysis.summary",
        "analysis.divetree",
        "analysis.diverules",
        "analysis.baseline",
        "analysis.scope",
        "analysis.directories",
        "analysis.listing",
        "analysis.system",
        "analysis.sides",
        "analysis.filesums",
        "sources.client",
    ],
    [
        "analysis.claims",
        "analysis.origins",
        "analysis.dive",
        "analysis.grouping",
        "analysis.tree",
        "analysis.onlythere",
        "config",
        "analysis.changes",
        "analysis.growth",
        "sources.registry",
    ],
    ["analysis.junk", "analysis.running", "analysis.steps", "analysis.reasons", "analysis.weighing", "sources"],
    [
        "analysis.structure",
        "analysis.wasted",
        "analysis.repeats",
        "analysis.fit",
        "analysis.recommended",
        "analysis.secrets",
        "analysis.topics",
        "analysis.suggest",
    ],
    ["analysis.advice", "analysis.forbidden", "analysis.compare", "analysis.drift"],
    [
        "analysis.budget",
        "explain",
        "index",
        "hashing",
        "parallel",
        "report.units",
        "report.golang",
        "report.options",
        "report.rules",
        "report.rows",
    ],
    ["analyzer", "analysis.allplatforms", "report.partial"],
    [
        "report.figures",
        "report.groups",
        "report.advice",
        "report.context",
        "report.verdicts",
        "report.findings",
        "report.badge",
        "report.markup",
        "report.html_rows",
    ],
    [
        "report.json",
        "report.brief",
        "report.page",
        "report.html_body",
        "report.html_data",
        "report.images",
        "report.diffhead",
    ],
    [
        "report.text",
        "report.baseline",
        "report.files",
        "report.tree",
        "report.views",
        "report.advise",
        "report.index",
        "report.indexjson",
        "report.dive_json",
        "report.markdown",
        "report.sarif",
        "report.junit",
        "report.github",
        "report.gitlab",
        "report.openmetrics",
        "report.csv",
        "report.ncdu",
        "report.html",
        "report.badge_svg",
        "report.diff",
        "report.diffjson",
    ],
    ["report.formats"],
    ["cli.options", "cli.helping"],
    ["cli.terminal"],
    ["cli.reading", "cli.gate"],
    ["cli.platforms"],
    ["cli.advise", "cli.analyze", "cli.files", "cli.tree", "cli.baseline", "cli.diff"],
    ["cli", "cli.interrupts"],
    ["__main__"],
]
PURE = ("analysis.", "report.")
RANK = {module: rank for rank, modules in enumerate(RANKS) for module in modules}


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {
    name: path for path in sorted(PACKAGE.rglob("*.py")) if (name := module_name(path)) not in ("", "analysis", "report")
}


def imports_of(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("ocisize."):
            base = node.module.removeprefix("ocisize.")
            found |= {f"{base}.{name.name}" if f"{base}.{name.name}" in MODULES else base for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "ocisize":
            found |= {name.name for name in node.names if name.name in MODULES}
        elif isinstance(node, ast.Import):
            found |= {name.name.removeprefix("ocisize.") for name in node.names if name.name.startswith("ocisize.")}
    return found


def test_every_module_has_a_rank() -> None:
    """A new module must be given its place."""
    assert set(MODULES) == set(RANK)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_point_downwards(module: str) -> None:
    """A module imports only from ranks below its own."""
    for imported in imports_of(MODULES[module]):
        assert RANK[imported] < RANK[module], f"{module} imports {imported}"


@pytest.mark.parametrize("module", sorted(name for name in MODULES if name.startswith(PURE)))
def test_analyses_and_reports_know_no_sources(module: str) -> None:
    """What is pure stays so: no I/O module is imported by analyses and reports."""
    impure = {"stream", "scan", "image", "tar", "blob", "stored", "verify", "window", "analyzer"}
    assert not {name for name in imports_of(MODULES[module]) if name in impure or name.startswith("sources")}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_modules_are_small(module: str) -> None:
    """A module can be read in one sitting."""
    assert len(MODULES[module].read_text().splitlines()) <= 300
