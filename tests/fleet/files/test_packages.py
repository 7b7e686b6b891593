"""The packages of a fleet are those that an analysis of each image has."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ocisize import Analyzer
from ocisize.cache.disk import DiskCache
from ocisize.fleet.engine import borrowed, image_packages
from ocisize.fleet.engine.executors import ProcessEngine, SerialEngine
from ocisize.fleet.files.read import read_fleet_files
from ocisize.fleet.measure import measure_fleet
from ocisize.model.fleet_figures import FleetFigures
from ocisize.model.fleet_files import FleetFiles
from tests.fleet.given import make_fleet
from tests.fleets import Tagged, tagged, write_fleet
from tests.images import BuiltLayer, build_image, layer


def dpkg(packages: dict[str, tuple[str, dict[str, bytes]]]) -> BuiltLayer:
    """A layer with packages of dpkg and their files."""
    status = "".join(
        f"Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: {version}\n\n"
        for name, (version, _) in packages.items()
    )
    entries: dict[str, Any] = {"var/lib/dpkg/status": status.encode(), "etc/os-release": b"ID=debian\nVERSION_ID=12\n"}
    for name, (_, files) in packages.items():
        entries[f"var/lib/dpkg/info/{name}.list"] = "".join(f"/{path}\n" for path in files).encode()
        entries |= files
    return layer(entries)


def python(name: str, version: str, size: int) -> dict[str, bytes]:
    """The files of a Python package."""
    folder = f"usr/lib/python3/site-packages/{name}"
    info = f"{folder}-{version}.dist-info"
    record = f"{name}/__init__.py,,\n{name}-{version}.dist-info/METADATA,,\n{name}-{version}.dist-info/RECORD,,\n"
    return {
        f"{folder}/__init__.py": name.encode() * size,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\n".encode(),
        f"{info}/RECORD": record.encode(),
    }


def make_tags() -> list[Tagged]:
    """Two bases with other versions of one package, three applications, and one that upgrades a package."""
    bash = {"usr/bin/bash": b"b" * 900}
    old = dpkg({"bash": ("5.1", bash), "libssl3": ("3.0.11", {"usr/lib/libssl.so.3": b"s" * 700})})
    new = dpkg({"bash": ("5.1", bash), "libssl3": ("3.0.12", {"usr/lib/libssl.so.3": b"t" * 800})})
    requests, numpy = layer(python("requests", "2.31", 100)), layer(python("numpy", "1.26", 300))
    newer = layer(python("requests", "2.32", 120))
    app = layer({"srv/app": b"app"})
    images = {
        ("base", "1"): [old],
        ("base", "2"): [new],
        ("api", "1"): [old, requests, app],
        ("api", "2"): [new, requests, newer, app],
        ("web", "1"): [old, numpy, app],
        ("web", "2"): [old, new, numpy, numpy, app],
    }
    return [tagged(*key, build_image(layers)) for key, layers in images.items()]


@pytest.fixture
def figures(tmp_path: Path) -> Iterator[FleetFigures]:
    layout = write_fleet(make_tags(), tmp_path / "layout")
    yield measure_fleet(make_fleet(make_tags(), lambda tag: f"oci-dir:{layout}:{tag.repository}:{tag.tag}", str(layout)))
    assert not borrowed._idle


def check_packages(found: FleetFiles) -> None:
    """Sum the inventories of all images, of which ``ocisize packages`` shows one."""
    images: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for root in found.figures.fleet.roots:
        inventory = Analyzer(packages=True).analyze(root.references[0]).packages
        assert inventory is not None
        for package in inventory.packages:
            name: tuple[str, ...] = (package.ecosystem, package.name)
            if package.installed or package.file_count:
                images[name].add(root.digest)
                images[(*name, package.version)].add(root.digest)
    assert found.packages is not None
    shown: dict[tuple[str, ...], int] = {}
    for figures in found.packages:
        shown[figures.ecosystem, figures.name] = figures.images
        for version in figures.versions:
            shown[figures.ecosystem, figures.name, version.version] = version.images
        assert figures.size == sum(version.size for version in figures.versions)
        assert figures.files == sum(version.files for version in figures.versions)
    assert shown == {name: len(with_it) for name, with_it in images.items()}


def test_packages_are_in_the_images_that_list_them(figures: FleetFigures) -> None:
    found = read_fleet_files(figures, engine=SerialEngine())
    check_packages(found)
    assert found.package_count == len(found.packages or ())


def test_bytes_of_a_layer_count_once(figures: FleetFigures) -> None:
    """A package in a layer of four images has its bytes once, and four times over all images."""
    found = {package.name: package for package in read_fleet_files(figures, engine=SerialEngine()).packages or ()}
    assert (found["bash"].layers, found["bash"].images) == (2, 6)
    in_files = {name: package.size for name, package in found.items()}
    assert in_files["bash"] == 2 * (900 + len("/usr/bin/bash\n"))
    versions = {version.version: version for version in found["libssl3"].versions}
    listed = len("/usr/lib/libssl.so.3\n")
    assert (versions["3.0.11"].size, versions["3.0.12"].size) == (700 + listed, 800 + listed)
    # The image that has both bases lists the new version; the files of the old one are the lower layer's.
    assert (versions["3.0.11"].images, versions["3.0.12"].images) == (4, 3)
    assert found["numpy"].layers == 1
    assert found["numpy"].logical_size == 2 * found["numpy"].size
    assert {version.version for version in found["requests"].versions} == {"2.31", "2.32"}


def test_workers_keep_packages_in_the_cache(figures: FleetFigures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second run does not look for them, and finds the same."""
    cache = DiskCache(tmp_path / "cache")
    first = read_fleet_files(figures, engine=ProcessEngine(jobs=2), cache=cache)
    monkeypatch.setattr(image_packages, "sum_packages", None)
    again = read_fleet_files(figures, engine=SerialEngine(), cache=cache)
    assert again == first
    monkeypatch.undo()
    assert read_fleet_files(figures, engine=SerialEngine()) == first


def test_packages_can_be_left_out(figures: FleetFigures) -> None:
    assert read_fleet_files(figures, engine=SerialEngine(), packages=False).packages is None
