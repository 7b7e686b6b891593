"""Divisions of layers: components of files, and replays against layers that are built for each group."""

from __future__ import annotations

import io
import random
from collections.abc import Mapping
from pathlib import Path

import pytest

from ocisize import Analyzer, read_layer_contents, read_releases
from ocisize.model.build_step import BuildStep
from ocisize.model.update_advice import LayerSplit
from ocisize.model.updates import ReleaseLayer, UpdateHistory
from ocisize.tar.filetable import FileTable
from ocisize.tar.scanner import scan_tar
from ocisize.updates.components import MAX_COMPONENTS, divide_layers
from ocisize.updates.contents import LayerContents, read_contents
from ocisize.updates.measure import measure_updates
from ocisize.updates.split import split_layer
from tests.images import Entry, build_image, layer, tar_bytes, write_layout
from tests.updates.releases import digest, make_release_of

PACKAGES = {f"app/node_modules/pkg{number}": 0.02 if number % 4 else 0.5 for number in range(12)}


def table_of(files: Mapping[str, bytes]) -> FileTable:
    return scan_tar(io.BytesIO(tar_bytes(files)))


def package_files(numbers: random.Random, versions: Mapping[str, int]) -> dict[str, bytes]:
    """Two files for each package, whose content is that of its version."""
    files = {}
    for name, version in versions.items():
        files[f"{name}/index.js"] = f"{name} {version} ".encode() * 40
        files[f"{name}/package.json"] = f"{name} {version}".encode()
    return files


@pytest.fixture(scope="module")
def installed() -> tuple[UpdateHistory, dict[str, LayerContents], list[dict[str, int]]]:
    """Releases of a layer with twelve packages, of which three change often; and the versions by release."""
    numbers = random.Random(14)
    versions = [dict.fromkeys(PACKAGES, 0)]
    for _ in range(12):
        changed = {name: version + (numbers.random() < PACKAGES[name]) for name, version in versions[-1].items()}
        versions.append(changed)
    releases, contents = [], {}
    for number, release in enumerate(versions):
        table = table_of(package_files(numbers, release))
        size = table.tar_size or 0
        layer = ReleaseLayer(
            index=0, digest=digest(f"{release}"), diff_id=None, size=size, build_step=BuildStep("COPY app /app")
        )
        contents[layer.digest] = read_contents(table)
        releases.append(make_release_of([layer], f"app:{number}"))
    return measure_updates(releases, contents=contents), contents, versions


def the_split(history: UpdateHistory) -> LayerSplit:
    assert history.advice is not None
    (split,) = history.advice.splits
    return split


def test_packages_that_change_often_get_a_group(
    installed: tuple[UpdateHistory, dict[str, LayerContents], list[dict[str, int]]],
) -> None:
    history, _, _ = installed
    split = the_split(history)
    rare, *_, often = split.groups
    assert {"app/node_modules/pkg0", "app/node_modules/pkg4", "app/node_modules/pkg8"} & set(often.names)
    assert rare.changes < often.changes and sum(group.name_count for group in split.groups) == len(PACKAGES)
    assert split.bound_size <= split.replayed_size < split.actual_size
    assert split.replayed_size <= split.forward_size


def test_many_parts_that_never_changed_are_one_group() -> None:
    """As libraries beside the code of an application: each for itself may change soon, all together have not."""
    releases, contents = [], {}
    for number in range(3):
        versions = dict.fromkeys((f"app/node_modules/pkg{part}" for part in range(60)), 0) | {"app/node_modules/own": number}
        table = table_of(package_files(random.Random(0), versions))
        built = ReleaseLayer(
            index=0,
            digest=digest(f"{number}"),
            diff_id=None,
            size=table.tar_size or 0,
            build_step=BuildStep("COPY app /app"),
        )
        contents[built.digest] = read_contents(table)
        releases.append(make_release_of([built], f"app:{number}"))
    split = the_split(measure_updates(releases, contents=contents))
    assert [(group.name_count, group.changes) for group in split.groups] == [(60, 0), (1, 2)]
    assert split.replayed_size == split.bound_size


def test_replays_are_the_downloads_of_built_groups(
    installed: tuple[UpdateHistory, dict[str, LayerContents], list[dict[str, int]]],
) -> None:
    """Groups are built as layers of the components' bytes; hosts download those whose packages changed."""
    history, contents, versions = installed
    split = the_split(history)
    order = [history.releases[update.after] for update in history.updates]
    versions_read = [contents[release.layers[0].digest] for release in history.releases]
    divided = divide_layers(versions_read, [release.layers[0].size for release in history.releases])
    assert [sum(part.size for part in parts.values()) for parts in divided] == [
        release.layers[0].size for release in history.releases
    ]
    distinct = [versions[0]]  # a release without a change has the digest of the one before: it is no release
    distinct += [release for before, release in zip(versions, versions[1:], strict=False) if release != before]
    assert len(distinct) == len(history.releases)
    members = _members(split)
    total = bound = 0
    for number in range(len(order)):
        changed = {name for name in PACKAGES if distinct[number][name] != distinct[number + 1][name]}
        bound += sum(divided[number + 1][name].size for name in changed)
        for names in members:
            total += sum(divided[number + 1][name].size for name in names) * bool(changed & names)
    assert (total, bound) == (split.replayed_size, split.bound_size)


def _members(split: LayerSplit) -> list[set[str]]:
    """The packages of the groups: a group lists five names, and with few groups one has all others."""
    groups = [set(group.names) for group in split.groups]
    listed = set().union(*groups)
    incomplete = [number for number, group in enumerate(split.groups) if group.name_count > len(group.names)]
    assert len(incomplete) <= 1
    for number in incomplete:
        groups[number] |= set(PACKAGES) - listed
    return groups


def test_components_are_packages_and_directories() -> None:
    table = table_of({
        "app/node_modules/a/index.js": b"a", "app/node_modules/@scope/b/lib/x.js": b"b",
        "usr/lib/python3/dist-packages/flask/app.py": b"f", "usr/lib/python3/dist-packages/flask-3.0.dist-info/RECORD": b"r",
        "usr/bin/tool": b"t", "top": b"file",
    })  # fmt: skip
    (parts,) = divide_layers([read_contents(table)], [6000])
    assert set(parts) == {
        "app/node_modules/a", "app/node_modules/@scope/b", "usr/lib/python3/dist-packages/flask", "usr/bin", "top",
    }  # fmt: skip
    assert sum(part.size for part in parts.values()) == 6000


def test_there_are_never_too_many_components() -> None:
    """Many packages are combined, and deep trees are cut at a depth; equal versions have equal components."""
    files = {f"srv/{number % 40}/{number}/{deep}/file": b"%d" % number for number in range(300) for deep in "ab"}
    files |= {f"node_modules/pkg{number}/index.js": b"x" * number for number in range(200)}
    first, second = divide_layers([read_contents(table_of(files)), read_contents(table_of(files))], [100_000, 100_000])
    assert first == second and len(first) <= MAX_COMPONENTS
    assert sum(part.size for part in first.values()) == 100_000


def test_a_layer_of_one_directory_is_not_divided() -> None:
    contents, releases = {}, []
    for number in range(4):
        layer = ReleaseLayer(index=0, digest=digest(f"{number}"), diff_id=None, size=2048, build_step=BuildStep("COPY a /a"))
        contents[layer.digest] = read_contents(table_of({"a/file": b"%d" % number}))
        releases.append(make_release_of([layer], f"app:{number}"))
    history = measure_updates(releases, contents=contents)
    assert history.advice is not None and not history.advice.splits
    assert split_layer(history, 0, contents) is None


def test_packages_of_databases_are_components(tmp_path: Path) -> None:
    """A layer of the distribution's packages is divided by package, wherever their files are."""
    images = []
    for number in range(4):
        files: dict[str, Entry] = {
            "var/lib/dpkg/status": "".join(
                f"Package: {name}\nStatus: install ok installed\nVersion: {version}\n\n"
                for name, version in (("curl", number), ("vim", 1))
            ).encode(),
            "var/lib/dpkg/info/curl.list": b"/usr/bin/curl\n/usr/share/doc/curl\n",
            "var/lib/dpkg/info/vim.list": b"/usr/bin/vim\n",
            "usr/bin/curl": random.Random(number).randbytes(3000),
            "usr/share/doc/curl": b"manual %d" % number,
            "usr/bin/vim": random.Random(99).randbytes(20_000),
        }
        image = build_image([layer(files)], history=[{"created_by": "RUN apt-get install -y curl vim"}])
        write_layout(image, tmp_path / str(number))
        images.append(str(tmp_path / str(number)))
    read = read_releases(Analyzer(), images)
    contents = read_layer_contents(Analyzer(), read.releases).contents
    split = the_split(measure_updates(read.releases, contents=contents))
    rare, often = split.groups
    assert "deb vim" in rare.names and rare.changes == 0 and rare.size > 19_000
    assert "deb curl" in often.names and often.changes == 3
