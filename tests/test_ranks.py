"""Packages import from those before them only, so that each can be read, tested and replaced without those behind it."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import ocisize

PACKAGE = Path(ocisize.__file__).parent
#: packages, and modules beside them, from the lowest to the highest; those of one line do not know each other
ORDER = [
    "public_names value_init patterns tuples",
    "values",
    "errors logs packaged prebuilt text toml_tables",
    "limits globs forks",
    "excerpts",
    "cache",
    "tar",
    "blob",
    "oci",
    "model",
    "sources",
    "listing",
    "layer",
    "analysis_cache",
    "finished",
    "filesystem",
    "rules",
    "history",
    "dockerfile",
    "provenance",
    "packages",
    "sizes",
    "inventory",
    "findings",
    "plan",
    "comparison",
    "budgets",
    "layer_facts",
    "duplicates_cache",
    "row_scan chosen_base layer_values",
    "pipeline",
    "outlines",
    "outlining",
    "analyzer",
    "fleet",
    "updates",
    "report",
    "browse",
    "__init__",
    "cli",
    "__main__",
]
RANK = {name: rank for rank, names in enumerate(ORDER) for name in names.split()}
#: what may read files and sockets, of the packages behind ``layer``; ``pipeline`` takes what was read
WITH_IO = (
    "analyzer",
    "chosen_base",
    "duplicates_cache",
    "finished",
    "fleet.documents",
    "fleet.engine",
    "fleet.export.layers",
    "fleet.files.read",
    "fleet.opening",
    "fleet.read",
    "layer_facts",
    "layer_values",
    "budgets.config",
    "cli",
    "outlines",
    "outlining",
    "pipeline",
    "provenance.attestation",
    "provenance.record",
    "updates.read",
    "__main__",
    "__init__",
)
#: modules that read them
IMPURE = {
    "analyzer", "blob.decoder_input", "blob.region", "blob.stream", "blob.verify", "budgets.config", "cache.disk",
    "cache.folder", "layer.scan", "oci.image", "tar.scanner", "tar.window",
}  # fmt: skip


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def package_of(module: str) -> str:
    return module.partition(".")[0]


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


def test_every_package_has_a_place() -> None:
    """A new package must be given its place in the order."""
    assert {package_of(module) for module in MODULES} == set(RANK)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_point_downwards(module: str) -> None:
    """A module imports only from its own package and from those before it."""
    for imported in imports_of(MODULES[module]):
        own, other = package_of(module), package_of(imported)
        assert other == own or RANK[other] < RANK[own], f"{module} imports {imported}"


def test_modules_do_not_import_in_circles() -> None:
    """Within a package, too, there is an order."""
    TopologicalSorter({module: imports_of(path) for module, path in MODULES.items()}).prepare()


@pytest.mark.parametrize(
    "module", sorted(name for name in MODULES if RANK[package_of(name)] > RANK["layer"] and not name.startswith(WITH_IO))
)
def test_analyses_and_reports_know_no_sources(module: str) -> None:
    """What is pure stays so: no I/O module is imported by analyses and reports."""
    assert not {name for name in imports_of(MODULES[module]) if name in IMPURE or name.startswith("sources")}


@pytest.mark.parametrize("module", sorted(name for name in MODULES if package_of(name) != "prebuilt"))
def test_modules_are_small(module: str) -> None:
    """A module can be read in one sitting."""
    assert len(MODULES[module].read_text().splitlines()) <= 300
