"""Layers from registries: other repositories, logins, limits, interrupts and resumed runs."""

from __future__ import annotations

import os
import pickle
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocisize.cache.disk import DiskCache
from ocisize.fleet.engine import borrowed
from ocisize.fleet.engine.collect import read_layers
from ocisize.fleet.engine.entries import Entries
from ocisize.fleet.engine.executors import ProcessEngine, SerialEngine
from ocisize.fleet.engine.tasks import LayerPlace, LayerTask, TaskOptions, list_tasks
from ocisize.fleet.engine.worker import read_layer
from ocisize.layer.progress import Progress
from ocisize.model.fleet import Fleet
from ocisize.sources.registry.connection import Connection
from ocisize.values import evolve
from tests.fleet.given import make_fleet
from tests.fleets import Tagged, many_images, push_fleet
from tests.images import BuiltLayer, layer
from tests.registry import Answer, RealRegistry, Request, Server, basic, errors, guarded, real_registry, write_docker_config

IMAGES = many_images(12, 20, size=20_000, repositories=3)
SECRET = "hunter2-of-the-robot"


@pytest.fixture(autouse=True)
def no_open_sources() -> Iterator[None]:
    yield
    borrowed.close_idle()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RealRegistry, Path]]:
    folder = tmp_path_factory.mktemp("registry")
    with real_registry(folder) as running:
        push_fleet(running, IMAGES)
        yield running, folder / "log"


def fleet_of(registry: RealRegistry, tags: list[Tagged] = IMAGES) -> Fleet:
    return make_fleet(tags, lambda tag: f"{registry.host}/{tag.repository}:{tag.tag}", registry.host)


class BlobLog:
    """The digests of the blobs that docker-registry was asked for, since this was made."""

    def __init__(self, log: Path) -> None:
        self._log, self._start = log, len(log.read_bytes())

    def blobs(self) -> list[str]:
        new = self._log.read_bytes()[self._start :].decode()
        return re.findall(r'"GET /v2/\S+/blobs/(sha256:[0-9a-f]{64}) HTTP', new)


@pytest.mark.parametrize("jobs", [1, 2])
def test_each_layer_is_fetched_once_ever(registry: tuple[RealRegistry, Path], tmp_path: Path, jobs: int) -> None:
    """The registry's own log says so; a second run fetches nothing."""
    running, log = registry
    fleet, requests = fleet_of(running), BlobLog(log)
    engine = SerialEngine() if jobs == 1 else ProcessEngine(jobs=jobs)
    with Entries(DiskCache(tmp_path / "cache")) as entries:
        first = read_layers(fleet, entries, engine=engine)
    assert sorted(requests.blobs()) == sorted(task.digest for task in first.tasks)
    assert len(first.tasks) == 20
    with Entries(DiskCache(tmp_path / "cache")) as entries:
        second = read_layers(fleet, entries, engine=engine)
    assert second.cached == 20
    assert second.fetched == 0
    assert len(requests.blobs()) == 20


def test_a_second_run_goes_on_after_an_interrupt(registry: tuple[RealRegistry, Path], tmp_path: Path) -> None:
    """An interrupt at the collector keeps what was read."""
    running, log = registry
    fleet, requests = fleet_of(running), BlobLog(log)

    def interrupt(progress: Progress) -> None:
        if progress.layers_done == 7:
            raise KeyboardInterrupt

    cache = DiskCache(tmp_path / "cache")
    with Entries(cache) as entries, pytest.raises(KeyboardInterrupt):
        read_layers(fleet, entries, engine=SerialEngine(), on_progress=interrupt)
    assert len(requests.blobs()) == 7
    with Entries(cache) as entries:
        read = read_layers(fleet, entries, engine=SerialEngine())
    assert read.cached == 7
    assert sorted(requests.blobs()) == sorted(task.digest for task in read.tasks)


_RUN = """
import sys
from pathlib import Path
from ocisize.cache.disk import DiskCache
from ocisize.cli import signals
from ocisize.fleet.engine.collect import read_layers
from ocisize.fleet.engine.entries import Entries
from ocisize.fleet.engine.executors import ProcessEngine
import pickle
fleet = pickle.loads(Path(sys.argv[1]).read_bytes())
signals.GRACE = 4  # seconds: the machine may have other work
signals.end_in_time()
with Entries(DiskCache(sys.argv[2]) if sys.argv[2] else None) as entries:
    def show(progress):
        print(progress.layers_done, flush=True)
    read_layers(fleet, entries, engine=ProcessEngine(jobs=2), on_progress=show)
"""


@pytest.mark.parametrize("has_cache", [True, False])
def test_ctrl_c_ends_a_pool_and_a_second_run_resumes(server: Server, tmp_path: Path, *, has_cache: bool) -> None:
    """No process and no temporary folder is left, and blobs that are in the cache are not fetched again."""
    tags = many_images(6, 10, size=20_000)
    blobs = {digest: data for tag in tags for digest, data in tag.blobs.items()}
    hold = threading.Event()

    def held(data: bytes) -> object:
        def answer(_: Request) -> Answer:
            hold.wait(30)
            return Answer(data)

        return answer

    fleet = make_fleet(tags, lambda tag: f"{server.host}/{tag.repository}:{tag.tag}", server.host)
    tasks = list_tasks(fleet)
    for tag in tags:
        server.on(
            f"/v2/{tag.repository}/manifests/{tag.tag}", Answer(tag.document, headers={"Content-Type": tag.media_type})
        )
    for number, task in enumerate(tasks):  # the first five come at once, the others not before the interrupt
        path = f"/v2/many/app0/blobs/{task.digest}"
        server.on(path, Answer(blobs[task.digest]) if number < 5 else held(blobs[task.digest]))  # type: ignore[arg-type]
    given = tmp_path / "fleet"
    given.write_bytes(pickle.dumps(fleet))
    command = [sys.executable, "-c", _RUN, str(given), str(tmp_path / "cache") if has_cache else ""]
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, "TMPDIR": str(temporary)},
    )
    assert process.stdout is not None
    assert [process.stdout.readline() for _ in range(5)][-1] == b"5\n"
    deadline = time.monotonic() + 30
    while len(server.requests) < 8 and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the workers get it, too
    assert process.wait(30) != 0
    assert not list(temporary.glob("ocisize-*"))
    hold.set()
    deadline = time.monotonic() + 30
    while _is_group_alive(process.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _is_group_alive(process.pid)
    process.stdout.close()
    assert process.stderr is not None
    process.stderr.close()
    before = len([request for request in server.requests if "/blobs/" in request.path])
    with Entries(DiskCache(tmp_path / "cache")) as entries:
        read = read_layers(fleet, entries, engine=SerialEngine())
    after = [request.path for request in server.requests if "/blobs/" in request.path][before:]
    assert read.cached >= 5 * has_cache
    assert not read.problems
    assert len(after) == 10 - read.cached


def _is_group_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def served(server: Server, repository: str, built: BuiltLayer, answer: Answer | None = None) -> LayerPlace:
    """A repository that has a layer, or refuses it."""
    server.on(f"/v2/{repository}/manifests/1", Answer(b"{}", headers={"Content-Type": "application/json"}))
    server.on(f"/v2/{repository}/blobs/{built.digest}", answer or Answer(built.blob))
    return LayerPlace(f"{server.host}/{repository}:1", server.host)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_the_next_repository_is_asked(server: Server, status: int) -> None:
    """A digest may be readable through one repository only."""
    built = layer({"a": b"x"})
    places = (served(server, "closed", built, errors(status, "DENIED")), served(server, "open", built))
    result = read_layer(LayerTask(built.digest, len(built.blob), built.diff_id, "", places), TaskOptions())
    assert result.problem is None
    assert result.rows == 1
    reverse = LayerTask(built.digest, len(built.blob), built.diff_id, "", places[:1])
    assert read_layer(reverse, TaskOptions()).problem is not None


def test_a_store_that_fails_is_not_asked_again(server: Server) -> None:
    """Hundreds of repositories of a registry that is down would take hours; another store has the blob."""
    built = layer({"a": b"x"})
    broken = Answer(b"not the blob, but of its length".ljust(len(built.blob))[: len(built.blob)])
    places = (served(server, "one", built, broken), served(server, "two", built), served(server, "three", built))
    elsewhere = evolve(places[2], store="another")
    task = LayerTask(built.digest, len(built.blob), built.diff_id, "", (*places[:2], elsewhere))
    assert read_layer(task, TaskOptions()).problem is None
    asked = [request.path.split("/")[2] for request in server.requests if "/blobs/" in request.path]
    assert asked == ["one", "three"]


def test_problems_are_values(server: Server, tmp_path: Path) -> None:
    """A layer that nobody has, and one that is broken: the others are read."""
    tags = many_images(3, 6, size=3_000)
    blobs = {digest: data for tag in tags for digest, data in tag.blobs.items()}
    fleet = make_fleet(tags, lambda tag: f"{server.host}/{tag.repository}:{tag.tag}", server.host)
    for tag in tags:
        server.on(f"/v2/many/app0/manifests/{tag.tag}", Answer(tag.document))
    tasks = list_tasks(fleet)
    for number, task in enumerate(tasks[1:]):
        data = blobs[task.digest]
        server.on(f"/v2/many/app0/blobs/{task.digest}", Answer(data if number else data[::-1]))
    with Entries(None) as entries:
        read = read_layers(fleet, entries, engine=SerialEngine())
    assert list(read.problems) == [task.digest for task in tasks[:2]]
    assert "404" in read.problems[tasks[0].digest].message
    assert "digest" in read.problems[tasks[1].digest].message
    assert len(read.readable) == 4


def test_workers_find_credentials_themselves(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The login of this machine opens the registry, and no task or result carries it."""
    built = layer({"a": b"x"})
    accepted = basic("robot", SECRET)
    place = served(server, "private", built)
    for path in ("/v2/private/manifests/1", f"/v2/private/blobs/{built.digest}"):
        server.on(path, guarded([accepted], server.scripted(path), 'Basic realm="private"'))
    task = LayerTask(built.digest, len(built.blob), built.diff_id, "", (place,))
    options = TaskOptions(connection=Connection(plain_http=True))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "none"))
    assert read_layer(task, options).problem is not None
    borrowed.close_idle()
    write_docker_config(tmp_path / "docker", server.host, "robot", SECRET)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    result = read_layer(task, options)
    assert result.problem is None
    assert server.requests[-1].authorization == accepted
    for value in (task, options, result):
        for data in (pickle.dumps(value), repr(value).encode()):
            assert SECRET.encode() not in data
            assert accepted.split()[1].encode() not in data


def test_pickled_submissions_have_no_secret(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that the collector gives to an executor, and gets back, is looked through."""
    from concurrent.futures import Executor, Future
    from typing import Any

    write_docker_config(tmp_path / "docker", server.host, "robot", SECRET)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    tags = many_images(2, 4, size=3_000)
    accepted = basic("robot", SECRET)
    for tag in tags:
        server.on(f"/v2/many/app0/manifests/{tag.tag}", guarded([accepted], Answer(tag.document), 'Basic realm="r"'))
        for digest, data in tag.blobs.items():
            server.on(f"/v2/many/app0/blobs/{digest}", guarded([accepted], Answer(data), 'Basic realm="r"'))
    passed: list[bytes] = []

    class Watching(Executor):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            passed.append(pickle.dumps((fn, args, kwargs)))
            future: Future[Any] = Future()
            future.set_result(fn(*args, **kwargs))
            passed.append(pickle.dumps(future.result()))
            return future

    fleet = make_fleet(tags, lambda tag: f"{server.host}/{tag.repository}:{tag.tag}", server.host)
    with Entries(DiskCache(tmp_path / "cache")) as entries:
        read = read_layers(fleet, entries, engine=Watching())
    assert not read.problems
    assert len(passed) == 10  # the look for the cache, and four layers
    assert not any(SECRET.encode() in data or accepted.split()[1].encode() in data for data in passed)


def test_a_registry_has_a_limit(server: Server, tmp_path: Path) -> None:
    """No more layers than allowed are read from one store at once, and other stores do not wait for it."""
    from concurrent.futures import ThreadPoolExecutor

    tags = many_images(8, 12, size=3_000)
    lock, now, most = threading.Lock(), 0, 0

    together = threading.Barrier(3)  # a batch is answered once three requests are there

    def slow(data: bytes) -> object:
        def answer(_: Request) -> Answer:
            nonlocal now, most
            with lock:
                now += 1
                most = max(most, now)
            together.wait(30)
            with lock:
                now -= 1
            return Answer(data)

        return answer

    for tag in tags:
        server.on(f"/v2/many/app0/manifests/{tag.tag}", Answer(tag.document))
        for digest, data in tag.blobs.items():
            server.on(f"/v2/many/app0/blobs/{digest}", slow(data))  # type: ignore[arg-type]
    fleet = make_fleet(tags, lambda tag: f"{server.host}/{tag.repository}:{tag.tag}", server.host)
    with Entries(None) as entries, ThreadPoolExecutor(8) as threads:
        read = read_layers(fleet, entries, engine=threads, per_store=3)
    assert not read.problems
    assert most == 3


def test_progress_is_in_bytes_of_what_is_missing(registry: tuple[RealRegistry, Path], tmp_path: Path) -> None:
    fleet = fleet_of(registry[0])
    seen: list[Progress] = []
    cache = DiskCache(tmp_path / "cache")
    with Entries(cache) as entries:
        read = read_layers(fleet_of(registry[0], IMAGES[:4]), entries, engine=SerialEngine())
        known = {task.digest for task in read.tasks}
        read = read_layers(fleet, entries, engine=SerialEngine(), on_progress=seen.append)
    missing = sum(task.size for task in read.tasks if task.digest not in known)
    last = seen[-1]
    assert (last.total_done, last.total_size) == (missing, missing)
    assert (last.layers_done, last.layers) == (20 - len(known), 20 - len(known))
    assert [progress.total_done for progress in seen] == sorted(progress.total_done for progress in seen)
