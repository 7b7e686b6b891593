"""read_layers: each distinct layer once, whatever runs the tasks, whatever goes wrong on the way."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

import pytest

from ocisize.cache.disk import DiskCache
from ocisize.fleet.engine import borrowed
from ocisize.fleet.engine.collect import LayersRead, read_layers
from ocisize.fleet.engine.entries import Entries
from ocisize.fleet.engine.executors import LayerEngine, ProcessEngine, SerialEngine
from ocisize.fleet.engine.tasks import TaskOptions, list_tasks
from ocisize.fleet.engine.worker import read_layer
from ocisize.limits import Limits
from ocisize.model.fleet import Fleet
from tests.fleet.given import make_fleet
from tests.fleets import many_images, service_family, write_fleet
from tests.images import build_image, layer, write_docker_archive
from tests.registry import Server


@pytest.fixture(autouse=True)
def no_open_sources() -> Iterator[None]:
    """Workers in this process leave nothing open."""
    yield
    borrowed.close_idle()


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_fleet(service_family(), tmp_path_factory.mktemp("fleet"))


@pytest.fixture
def fleet(layout: Path) -> Fleet:
    return layout_fleet(layout)


def layout_fleet(layout: Path) -> Fleet:
    return make_fleet(service_family(), lambda tag: f"oci-dir:{layout}:{tag.repository}:{tag.tag}", str(layout))


def digest_of(read: LayersRead, entries: Entries) -> str:
    """A hash of all entries in the order of the tasks."""
    joined = hashlib.sha256()
    for task in read.readable:
        joined.update(entries.read_entry(task))
    return joined.hexdigest()


def blobs_of(server: Server) -> list[str]:
    return [request.path for request in server.requests if "/blobs/" in request.path and request.method == "GET"]


def test_tasks_are_the_distinct_layers(fleet: Fleet) -> None:
    """Largest first; each has all images that could be asked for it, and no repository twice."""
    tasks = list_tasks(fleet)
    digests = {layer.digest for root in fleet.roots for image in root.images for layer in image.layers}
    assert {task.digest for task in tasks} == digests
    assert len(tasks) == len(digests)
    assert [task.size for task in tasks] == sorted((task.size for task in tasks), reverse=True)


def test_a_registry_is_asked_once_for_each_repository() -> None:
    fleet = make_fleet(service_family(), lambda tag: f"registry.example/{tag.repository}:{tag.tag}")
    base = service_family()[0]
    tasks = {task.digest: task for task in list_tasks(fleet)}
    layers = fleet.roots[0].images[0].layers
    assert fleet.roots[0].digest == base.digest
    references = [place.reference for place in tasks[layers[1].digest].places]
    assert references == [f"registry.example/{name}" for name in ("base:12.1", "api:1.0", "web:1.0", "worker:1.0")]


@pytest.mark.parametrize("kept", ["folder", "nothing", "other"])
@pytest.mark.parametrize("name", ["serial", "processes", "threads"])
def test_all_engines_make_the_same_entries(fleet: Fleet, tmp_path: Path, name: str, kept: str) -> None:
    """With the cache in a folder, without one, and with a store that workers cannot see."""

    class Memory(dict[str, bytes]):
        put = dict.__setitem__

    cache = {"folder": DiskCache(tmp_path / "cache"), "nothing": None, "other": Memory()}[kept]
    with Entries(cache) as entries, ThreadPoolExecutor(3) as threads:
        chosen: dict[str, LayerEngine | Executor] = {
            "serial": SerialEngine(), "processes": ProcessEngine(jobs=2), "threads": threads
        }  # fmt: skip
        engine = chosen[name]
        read = read_layers(fleet, entries, engine=engine)
        assert not read.problems
        assert read.cached == 0
        assert read.fetched == sum(task.size for task in read.tasks)
        assert digest_of(read, entries) == reference_digest(fleet)
        again = read_layers(fleet, entries, engine=SerialEngine())
        assert again.cached == (len(read.tasks) if kept != "nothing" else 0)


def test_a_repository_has_one_name_for_all_layers() -> None:
    """Workers keep sources open by name: a token and a connection serve all tags of a repository."""
    fleet = make_fleet(many_images(30, 40, repositories=3), lambda tag: f"registry.example/{tag.repository}:{tag.tag}")
    references = {place.reference for task in list_tasks(fleet) for place in task.places}
    assert references == {f"registry.example/many/app{number}:v{number}" for number in range(3)}


def reference_digest(fleet: Fleet) -> str:
    """That of a loop over the tasks."""
    joined = hashlib.sha256()
    for task in list_tasks(fleet):
        result = read_layer(task, TaskOptions())
        assert result.entry is not None
        joined.update(result.entry)
    return joined.hexdigest()


def test_entries_are_those_of_an_analysis(fleet: Fleet, layout: Path, tmp_path: Path) -> None:
    """Images that were analyzed before cost nothing, and the other way round."""
    from ocisize import Analyzer

    cache = DiskCache(tmp_path / "cache")
    with Entries(cache) as entries:
        Analyzer(cache=cache).analyze(f"oci-dir:{layout}:api:1.0")
        read = read_layers(fleet, entries, engine=SerialEngine())
        assert read.cached == 5
        scan = entries.load(read.tasks[0])
    analysis = Analyzer().analyze(f"oci-dir:{layout}:web:1.0")
    (table,) = [layer.files for layer in analysis.layers if layer.digest == read.tasks[0].digest] or [None]
    if table is not None:
        assert list(scan.table) == list(table)


def test_an_unverified_layer_is_kept_for_the_run_only(tmp_path: Path) -> None:
    """Names of files in a docker archive are no digests of their bytes."""
    from ocisize import open_source
    from ocisize.model.fleet import Blob, BlobKind, FleetImage, FleetLayer, Root
    from ocisize.oci.image import read_image

    built = build_image([layer({"a": b"one", "b": b"one"}), layer({"c": b"two"})])
    archive = write_docker_archive(built, tmp_path / "app.tar")
    source = open_source(str(archive))
    image = read_image(source)
    layers = [FleetLayer(own.descriptor.digest, own.descriptor.size, own.diff_id, "") for own in image.layers]
    config = Blob(image.config_descriptor.digest, image.config_descriptor.size, BlobKind.CONFIG)
    one = FleetImage(digest=image.digest, size=0, platform="linux/amd64", config=config, layers=layers)
    source.close()
    root = Root(store=0, digest=image.digest, size=0, is_index=False, images=[one], references=[str(archive)])
    cache = DiskCache(tmp_path / "cache")
    with Entries(cache) as entries:
        read = read_layers(Fleet(stores=[str(archive)], roots=[root]), entries, engine=SerialEngine())
        assert not read.problems
        tables = [entries.load(task).table for task in read.tasks]
        assert sorted(table.paths[0] for table in tables) == [b"a", b"c"]
        assert all(table.hashes for table in tables)


def test_a_source_in_use_is_no_idle_one(layout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads leave more sources than may stay open, while the one that waits for the longest time is used."""
    monkeypatch.setattr(borrowed, "MAX_IDLE", 1)
    names = [f"oci-dir:{layout}:{name}:1.0" for name in ("api", "web", "worker")]
    limits = Limits()
    with borrowed.borrow_source(names[0], None, limits):
        pass
    with borrowed.borrow_source(names[0], None, limits) as used:
        for name in names[1:]:
            with borrowed.borrow_source(name, None, limits):
                pass
        assert used.source.read_manifest()
    assert list(borrowed._idle) == [(names[0], None)]
