"""Which packages go together."""

from __future__ import annotations

from ocisize.findings.checks.package_graph import PackageGraph
from ocisize.inventory.record import PackageRecord


def record(name: str, *requires: str, provides: tuple[str, ...] = (), automatic: bool = True) -> PackageRecord:
    return PackageRecord(
        ecosystem="deb", name=name, version="1", database=b"status", requires=tuple((need,) for need in requires),
        provides=provides, is_automatic=automatic,
    )  # fmt: skip


def test_what_goes_with_a_package() -> None:
    """What another package needs stays."""
    graph = PackageGraph([
        record("gcc", "cpp", "libc", automatic=False), record("cpp"), record("libc"), record("curl", "libc", automatic=False)
    ])  # fmt: skip
    assert graph.removed_with(frozenset({0})) == {0, 1}
    assert graph.requirements(0) == {1, 2}
    assert graph.askers(2) == {0, 3}


def test_names_that_many_packages_provide() -> None:
    """All packages of a hostile database may provide and need one name: each of them leads to few others."""
    graph = PackageGraph([record(f"p{number}", "all", provides=("all",)) for number in range(500)])
    assert max(len(graph.requirements(package)) for package in range(500)) < 50
    assert len(graph.reach([0])) == 500
