"""Inventories that tests make by hand, with an analysis that has their sums."""

from __future__ import annotations

from typing import Any

import ocisize
from ocisize.model.analysis import Analysis
from ocisize.model.packages import (
    APK,
    DEB,
    NPM,
    PYTHON,
    Inventory,
    OwnedSizes,
    Package,
    PackageReason,
    Unowned,
    UnownedFiles,
)
from ocisize.values import evolve

OVERHEAD = 1200


def sizes(content: int, compressed: int | None, wasted: int = 0, files: int = 1) -> dict[str, Any]:
    share = None if compressed is None else compressed * wasted // max(content, 1)
    return {
        "content_size": content, "compressed_size": compressed, "wasted_size": wasted,
        "wasted_compressed_size": share, "file_count": files,
    }  # fmt: skip


def make_package(ecosystem: str, name: str, version: str, figures: dict[str, Any], **more: Any) -> Package:
    defaults: dict[str, Any] = {
        "purl": f"pkg:{ecosystem}/{name}@{version}", "place": "", "database": "var/lib/db", "layer": 0,
        "installed": True, "reason": PackageReason.UNKNOWN,
    }  # fmt: skip
    return Package(ecosystem=ecosystem, name=name, version=version, **figures, **(defaults | more))


def make_unowned(kind: Unowned, name: str, figures: dict[str, Any], layer: int = 0, path: str = "") -> UnownedFiles:
    return UnownedFiles(kind=kind, name=name, layer=layer, path=path, **figures)


VENV, SYSTEM = "opt/venv/lib/python3.12/site-packages", "usr/lib/python3/dist-packages"


def make_inventory() -> Inventory:
    """Packages of three ecosystems: one twice, one replaced, one removed; and files that none owns."""
    packages = (
        make_package(PYTHON, "torch", "2.2.0", sizes(900_000, 300_000, files=90), place=VENV, layer=2,
                     reason=PackageReason.ASKED, exclusive_size=1_000_000),
        make_package(PYTHON, "numpy", "1.26.4", sizes(200_000, 60_000, files=40), place=VENV, layer=2,
                     reason=PackageReason.NEEDED, needed_by=("scipy", "torch")),
        make_package(PYTHON, "numpy", "1.24.2", sizes(150_000, 50_000, files=30), place=SYSTEM, layer=1,
                     reason=PackageReason.RECOMMENDED),
        make_package(DEB, "libssl3", "3.0.11-1", sizes(40_000, 20_000, wasted=40_000, files=2), source="openssl",
                     installed=False),
        make_package(DEB, "libssl3", "3.0.12-1", sizes(41_000, 20_500, files=2), layer=1, source="openssl",
                     reason=PackageReason.NEEDED, needed_by=("curl",)),
        make_package(DEB, "openssl", "3.0.12-1", sizes(10_000, 4_000), layer=1, source="openssl",
                     reason=PackageReason.DEVELOPMENT),
        make_package(NPM, "@babel/core", "7.24.0", sizes(3_000, 900), layer=2),
        make_package(APK, "gone", "1", sizes(100, 50, wasted=100), installed=False),
    )  # fmt: skip
    unowned = (
        make_unowned(Unowned.CACHE, "apt lists", sizes(80_000, 25_000, wasted=80_000, files=5), layer=1),
        make_unowned(Unowned.APPLICATION, "", sizes(20_000, 7_000, files=9), layer=3),
        make_unowned(Unowned.UNKNOWN, "", sizes(500, 100, files=3)),
    )
    return Inventory(packages=packages, unowned=unowned, overhead_size=OVERHEAD)


def sums_of(inventory: Inventory) -> dict[str, Any]:
    """The figures of an image with an inventory."""
    parts: tuple[OwnedSizes, ...] = (*inventory.packages, *inventory.unowned)
    names = ("content_size", "wasted_size", "file_count", "live_size")
    figures: dict[str, Any] = {name: sum(getattr(part, name) for part in parts) for name in names}
    for name, more in (("compressed_size", inventory.overhead_size), ("wasted_compressed_size", 0)):
        values = [getattr(part, name) for part in parts]
        figures[name] = None if None in values or more is None else sum(values) + more
    return figures


def analysis_with(inventory: Inventory) -> Analysis:
    """An analysis of five layers with an inventory and its sums."""
    return evolve(ocisize.analyze("testdata/example.tar"), packages=inventory, **sums_of(inventory))
