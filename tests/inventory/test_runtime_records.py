"""find_runtime_records: the runtimes of official images, by the paths that these have."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocisize import Analyzer
from ocisize.inventory.record import PackageRecord
from ocisize.inventory.runtime_records import find_runtime_records
from ocisize.model.packages import RUNTIME
from ocisize.model.system import Runtime, System
from tests.images import Entry, File, build_image, layer, write_layout


def records_of(name: str, version: str, path: str) -> list[PackageRecord]:
    return find_runtime_records(System(runtimes=(Runtime(name, "a title", version, path, 0),)))


@pytest.mark.parametrize(
    ("name", "version", "path", "expected", "owned", "directories"),
    [
        ("python", "3.12.4", "usr/local/bin/python3.12", "python",
         ["usr/local/bin/python3.12", "usr/local/lib/libpython3.12.so.1.0", "usr/local/bin/python3"],
         ["usr/local/lib/python3.12", "usr/local/include/python3.12"]),
        ("node", "22.3.0", "usr/local/bin/node", "node", ["usr/local/bin/node", "usr/local/LICENSE"],
         ["usr/local/include/node", "usr/local/share/doc/node"]),
        ("jdk", "21.0.4", "opt/java/openjdk/bin/javac", "openjdk", ["opt/java/openjdk/bin/javac"],
         ["opt/java/openjdk"]),
        ("go", "1.22.5", "usr/local/go/bin/go", "go", ["usr/local/go/bin/go"], ["usr/local/go"]),
        ("ruby", "3.3.1", "usr/local/bin/ruby", "ruby",
         ["usr/local/bin/gem", "usr/local/lib/libruby.so.3.3.1"], ["usr/local/lib/ruby/3.3.0", "usr/local/include/ruby-3.3.0"]),
        ("erlang", "15.0", "usr/local/lib/erlang/erts-15.0/bin/beam.smp", "erlang", [],
         ["usr/local/lib/erlang"]),
        ("dotnet", "8.0.6", "usr/bin/dotnet", "dotnet", ["usr/bin/dotnet"], ["usr/share/dotnet"]),
        ("jre", "21.0.4", "usr/local/bin/java", "openjdk", ["usr/local/bin/java"], []),
    ],
)  # fmt: skip
def test_runtimes_of_images(
    name: str, version: str, path: str, expected: str, owned: list[str], directories: list[str]
) -> None:
    """Programs, libraries and headers belong to the runtime, and the whole directory if it has nothing else."""
    (record,) = records_of(name, version, path)
    assert (record.ecosystem, record.name, record.version, record.database) == (RUNTIME, expected, version, path.encode())
    files = [file.decode() for file in record.list_files()]
    assert set(owned) <= set(files) and files[0] == path
    assert [directory.decode() for directory in record.directories] == directories


def test_files_of_a_runtime_in_an_image(tmp_path: Path) -> None:
    """What is in ``site-packages`` belongs to packages, or to none; in a lower layer, too."""
    library = "usr/local/lib/python3.12"
    base: dict[str, Entry] = {
        "usr/local/bin/python3.12": File(bytes(5000), mode=0o755), f"{library}/os.py": b"o" * 700,
        f"{library}/site-packages/own/a.py": b"a" * 90, f"{library}/site-packages/README.txt": b"r" * 30,
        f"{library}/site-packages/pip-24.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: pip\nVersion: 24.0\n",
        f"{library}/site-packages/pip-24.0.dist-info/RECORD": b"pip-24.0.dist-info/METADATA,,\n",
    }  # fmt: skip
    upper = {f"{library}/.wh.os.py": b"", f"{library}/site-packages/own/.wh.a.py": b""}
    image = build_image([layer(base), layer(upper)], config={"config": {"Env": ["PYTHON_VERSION=3.12.4"]}})
    inventory = Analyzer(packages=True).analyze(write_layout(image, tmp_path / "layout")).packages
    assert inventory is not None
    sizes = {(package.name, package.version): package.content_size for package in inventory.packages}
    assert sizes == {("python", "3.12.4"): 5700, ("pip", "24.0"): 76}
    assert sum(files.content_size for files in inventory.unowned) == 120


@pytest.mark.parametrize(
    ("name", "version", "path"),
    [
        ("python", "", "usr/local/bin/python3"), ("python", "3.11", "usr/bin/python3.11"), ("node", "18", "bin/node"),
        ("jre", "17", "usr/lib/jvm/java-17-openjdk-amd64/bin/java"), ("gcc", "12", "usr/local/bin/gcc"),
        ("static", "", "app"),
    ],
)  # fmt: skip
def test_runtimes_of_distributions_and_without_a_version(name: str, version: str, path: str) -> None:
    """They have records of the package manager, or scanners could do nothing with them."""
    assert records_of(name, version, path) == []
