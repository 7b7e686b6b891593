"""Forked processes scan and sample: the same scans, estimates and errors as in one process, whatever happens to the forks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from ocisize import Analyzer, Progress
from ocisize.blob.digest import Digest
from ocisize.blob.region import FileRegion
from ocisize.errors import LayerError, LimitExceeded, SourceError, TarError
from ocisize.layer import processes
from ocisize.layer.processes import LayerProcesses
from ocisize.layer.sampler import SamplerOptions, ThreadSampler
from ocisize.layer.sampling import SizeEstimate
from ocisize.layer.scan import LayerScan
from ocisize.layer.shared_tasks import MAX_TASKS, SharedTasks
from ocisize.limits import Limits
from ocisize.oci.documents import Descriptor
from ocisize.oci.image import Layer
from tests.images import build_image, layer, write_docker_archive, write_layout
from tests.layer.test_sampling import MB, content

SIZES = (10 * MB + 77, 100_000, 0, 3 * MB)  # of layers


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sampling") / "archive"
    path.write_bytes(b"head" + content(sum(SIZES)))
    return path


@contextmanager
def open_layers(path: Path) -> Iterator[list[tuple[Layer, FileRegion]]]:
    """The layers in a file, and their regions."""
    with path.open("rb", buffering=0) as file:
        yield [
            (
                Layer(index, Descriptor(Digest(f"sha256:{index:064}"), size), None),
                FileRegion(file.fileno(), 4 + sum(SIZES[:index]), size),
            )
            for index, size in enumerate(SIZES)
        ]


def regions_of(layers: Sequence[tuple[Layer, FileRegion]]) -> list[FileRegion]:
    return [region for _, region in layers]


def options(jobs: int = 2) -> SamplerOptions:
    return SamplerOptions(jobs, sum(SIZES), len(SIZES))


def expect(regions: Sequence[FileRegion]) -> list[SizeEstimate]:
    """The estimates of threads."""
    with closing(ThreadSampler(options())) as sampler:
        return [wait() for wait in [sampler.start(region) for region in regions]]


def no_tar(layer: Layer, meter: object) -> LayerScan:
    """Every layer has an error, which a process leaves to the one that forked it."""
    raise SourceError(f"layer {layer.index} of {meter} is no tar")


def fork(
    layers: Sequence[tuple[Layer, FileRegion]], jobs: int = 2, scan: Callable[..., LayerScan] = no_tar
) -> LayerProcesses:
    return LayerProcesses(layers, scan, limits=Limits(), estimates=True, options=options(jobs))


def children() -> set[int]:
    """The processes that this one started and that have not ended."""
    pids: list[str] = []
    for task in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError):  # the thread has ended since
            pids += (task / "children").read_text().split()
    return set(map(int, pids))


# --- tasks ---


def test_a_fork_that_fails_leaves_its_tasks_without_results() -> None:
    """The task that it had, and all others, since this process has taken none before it waits."""
    tasks = SharedTasks[int](5, forks=1)
    if (pid := os.fork()) == 0:
        with suppress(ZeroDivisionError):
            tasks.work(0, lambda number: 6 // (2 - number))
        os._exit(0)
    with closing(tasks):
        tasks.share()
        assert dict(tasks.results()) == {0: 3, 1: 6}
        os.waitpid(pid, 0)
        assert [tasks.take(), tasks.take(), tasks.take()] == [3, 4, None]


def test_results_are_larger_than_a_pipe_holds() -> None:
    """A fork does not wait for a reader; several forks and this process do each task once."""
    tasks = SharedTasks[bytes](40, forks=3)
    pids = []
    for fork_number in range(3):
        if (pid := os.fork()) == 0:
            tasks.work(fork_number, lambda number: bytes([number]) * 200_000)
            os._exit(0)
        pids.append(pid)
    with closing(tasks):
        tasks.share()
        mine = []
        while (number := tasks.take()) is not None:
            mine.append(number)
        for pid in pids:
            os.waitpid(pid, 0)
        results = dict(tasks.results())
    assert sorted([*mine, *results]) == list(range(40))
    assert all(result == bytes([number]) * 200_000 for number, result in results.items())


def test_a_fork_whose_parent_has_ended() -> None:
    """The fork does no more tasks."""
    tasks = SharedTasks[int](20, forks=1)
    if (middle := os.fork()) == 0:
        if os.fork() == 0:
            parent = os.getppid()

            def do(number: int) -> int:
                os.kill(parent, signal.SIGKILL)
                while os.getppid() == parent:
                    time.sleep(0.01)
                return number

            tasks._parent = parent
            tasks.work(0, do)
            os._exit(0)
        time.sleep(60)
        os._exit(0)
    with closing(tasks):
        tasks.share()
        os.waitpid(middle, 0)
        assert dict(tasks.results()) == {0: 0}
        assert tasks.take() == 1


def test_the_largest_number_of_tasks() -> None:
    """Their numbers fit into the pipe."""
    with closing(SharedTasks[int](MAX_TASKS, forks=0)) as tasks:
        assert [tasks.take() for _ in range(MAX_TASKS)] == list(range(MAX_TASKS))


def test_a_system_without_memory_for_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing stays open."""

    def fail(*_: object) -> int:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(os, "memfd_create", fail)
    files = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match="Too many"):
        SharedTasks[int](1, forks=2)
    assert len(os.listdir("/proc/self/fd")) == files


# --- samples ---


@pytest.mark.parametrize("jobs", [2, 3, 9])
def test_the_estimates_are_those_of_threads(path: Path, jobs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """In any order, asked twice, without a thread; also for a region that the processes do not know."""
    with open_layers(path) as layers:
        regions = regions_of(layers)
        expected = expect(regions)
        other = FileRegion(regions[0].descriptor, 4, MB)
        with closing(fork(layers, jobs)) as sampler:
            assert sampler.start(other)() == expect([other])[0]
        monkeypatch.setattr(ThreadSampler, "start", None)
        with closing(fork(layers, jobs)) as sampler:
            assert len(children()) <= processes.MAX_FORKS
            assert [layer.index for layer in sampler.order()] != []
            waits = [sampler.start(region) for region in regions]
            assert [wait() for wait in reversed(waits)] == expected[::-1]
            assert [wait() for wait in waits] == expected


def test_processes_that_are_killed(path: Path) -> None:
    """This process samples everything."""
    with open_layers(path) as layers:
        expected = expect(regions_of(layers))
        before = children()
        with closing(fork(layers, 3)) as sampler:
            for pid in children() - before:
                os.kill(pid, signal.SIGKILL)
            assert sorted(layer.index for layer in sampler.order()) == [0, 1, 2, 3]
            assert [sampler.start(region)() for region in regions_of(layers)] == expected
        assert children() == before


def test_no_process_is_left(path: Path) -> None:
    """A sampler that is closed at once ends its process, and closes all files."""
    before, files = children(), len(os.listdir("/proc/self/fd"))
    with open_layers(path) as layers:
        sampler = fork(layers)
        assert len(children() - before) == 1
        sampler.close()
        sampler.close()
    assert children() == before
    assert len(os.listdir("/proc/self/fd")) == files


def test_a_process_that_has_ended_is_not_killed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the program ignores the ends of its processes, another process may have the number."""
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        with open_layers(path) as layers:
            sampler = fork(layers)
            list(sampler.order())
            sampler.start(layers[0][1])()
            for _ in range(3000):  # half a minute
                if not children():
                    break
                time.sleep(0.01)
            monkeypatch.setattr(os, "kill", None)
            sampler.close()
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_a_system_that_forks_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first process ends, and no file stays open."""
    forks = [os.fork]

    def fork_once() -> int:
        if not forks:
            raise OSError(11, "Resource temporarily unavailable")
        return forks.pop()()

    monkeypatch.setattr(os, "fork", fork_once)
    before, files = children(), len(os.listdir("/proc/self/fd"))
    with open_layers(path) as layers, pytest.raises(OSError, match="temporarily"):
        fork(layers, 3)
    assert children() == before
    assert len(os.listdir("/proc/self/fd")) == files


def test_a_cut_file_is_an_error_of_its_layer(path: Path, tmp_path: Path) -> None:
    """The layers below have their estimates."""
    cut = tmp_path / "cut"
    cut.write_bytes(path.read_bytes()[: 11 * MB])
    with open_layers(path) as layers:
        expected = expect(regions_of(layers)[:1])
    with open_layers(cut) as layers, closing(fork(layers)) as sampler:
        first, *_, last = [sampler.start(region) for region in regions_of(layers)]
        assert [first()] == expected
        with pytest.raises(TarError, match="cut"):
            last()


def test_the_error_of_an_estimate_names_the_layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is cut between the scan and the sample ends the analysis."""

    def fail() -> SizeEstimate:
        raise TarError("the file has been cut while it was read", offset=0)

    image = build_image([layer({"a": b"x" * 1000})])
    path = write_docker_archive(image.recompressed("plain"), tmp_path / "app.tar")
    monkeypatch.setattr(ThreadSampler, "start", lambda *_: fail)
    with pytest.raises(LayerError, match="layer 0 .*cut"):
        Analyzer(jobs=1).analyze(path)


# --- whole analyses ---


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """An image that is large enough for processes, of layers that overlap."""
    image = build_image(
        [
            layer({"a": content(6 * MB), "same": b"same" * 9000, "etc/os-release": b"ID=debian\n"}),
            layer({"b": content(3 * MB, 2), "copy": b"same" * 9000}),
            layer({".wh.same": b"", "c": b"small"}),
        ]
    )
    return write_docker_archive(image.recompressed("plain"), tmp_path / "app.tar")


@pytest.fixture
def forks(monkeypatch: pytest.MonkeyPatch) -> list[LayerProcesses]:
    """The processes that analyses start from now on, whatever threads the tests have."""
    made: list[LayerProcesses] = []

    class Made(LayerProcesses):
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            made.append(self)

    monkeypatch.setattr(processes, "can_fork", lambda: True)
    monkeypatch.setattr(processes, "LayerProcesses", Made)
    return made


@pytest.mark.parametrize("takers", ["forks", "this process", "both"])
@pytest.mark.parametrize("jobs", [2, 4])
def test_the_analysis_is_that_of_one_process(
    archive: Path, forks: list[LayerProcesses], takers: str, jobs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever processes take the tasks."""
    expected = Analyzer(jobs=1).analyze(archive)
    pid, take = os.getpid(), SharedTasks.take

    def take_if_allowed(tasks: SharedTasks[Any]) -> int | None:
        is_allowed = takers == "both" or (takers == "forks") == (os.getpid() != pid)
        return take(tasks) if is_allowed else None

    monkeypatch.setattr(SharedTasks, "take", take_if_allowed)
    analysis = Analyzer(jobs=jobs, use_processes=True).analyze(archive)
    assert analysis == expected
    assert [list(layer.files or ()) for layer in analysis.layers] == [list(layer.files or ()) for layer in expected.layers]
    (made,) = forks
    if takers != "both":
        assert len(made._found) == 3 * (takers == "forks")


def test_progress_reports_all_layers(archive: Path, forks: list[LayerProcesses]) -> None:
    """Those of other processes when they have come."""
    reports: list[Progress] = []
    Analyzer(jobs=2, use_processes=True, on_progress=reports.append).analyze(archive)
    assert forks
    assert (reports[-1].layers_done, reports[-1].total_done) == (3, reports[-1].total_size)


def test_limits_are_on_all_layers_together(archive: Path, forks: list[LayerProcesses]) -> None:
    """The error is that of one process, whichever process has which layer."""
    entries = sum(len(made.files or ()) for made in Analyzer(jobs=1).analyze(archive).layers)
    for limit in range(1, entries):
        results = []
        for options in ({"jobs": 1}, {"jobs": 2, "use_processes": True}):
            with pytest.raises(LayerError) as caught:
                Analyzer(limits=Limits(entries=limit), **options).analyze(archive)  # type: ignore[arg-type]
            assert isinstance(caught.value.cause, LimitExceeded)
            results.append(str(caught.value))
        assert results[0] == results[1]
    assert len(forks) == entries - 1


@pytest.mark.parametrize("keep_going", [False, True])
def test_broken_layers(tmp_path: Path, forks: list[LayerProcesses], *, keep_going: bool) -> None:
    """The error is that of the lowest one, or all are kept."""
    image = build_image([layer({"a": content(6 * MB)}), layer({"b": content(5 * MB, 2)}), layer({"c": content(4 * MB, 3)})])
    path = write_docker_archive(image.recompressed("plain"), tmp_path / "app.tar")
    blob = bytearray(path.read_bytes())
    for name in (b"b", b"c"):  # the headers in the layers, not that of a member of the archive
        start = blob.index(name + bytes(99) + b"0000644")
        blob[start + 148 : start + 156] = b"9999999\0"  # checksum
    path.write_bytes(blob)
    results: list[object] = []
    for made in (Analyzer(jobs=1, keep_going=keep_going), Analyzer(jobs=2, use_processes=True, keep_going=keep_going)):
        if keep_going:
            results.append([layer.failure for layer in made.analyze(path).layers])
        else:
            with pytest.raises(LayerError, match="^layer 1 ") as caught:
                made.analyze(path)
            results.append(str(caught.value))
    assert results[0] == results[1]
    assert len(forks) == 1
    assert children() == set()


def test_interrupting_an_analysis_ends_the_processes(archive: Path, forks: list[LayerProcesses]) -> None:
    """A callback that raises, while other processes scan or sample."""

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    before = children()
    with pytest.raises(KeyboardInterrupt):
        Analyzer(jobs=2, use_processes=True, on_progress=interrupt).analyze(archive)
    assert forks
    assert children() == before


def test_the_command_line_forks(archive: Path, tmp_path: Path) -> None:
    """The report is that of one process; a profile of the system's calls shows the forks."""
    code = (
        "import os, sys, ocisize.cli.main as main\n"
        "os.register_at_fork(after_in_parent=lambda: print('forked', file=sys.stderr))\n"
        "main.main(sys.argv[1:])\n"
    )
    outputs = []
    for arguments in (["-j", "2"], ["-j", "1"], ["-j", "2", "--max-memory", "1GB"]):
        command = [sys.executable, "-c", code, "-q", "--no-cache", "-f", "json", *arguments, str(archive)]
        ran = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=tmp_path, env={**os.environ, "PYTHONPATH": os.getcwd()}
        )
        assert ran.returncode == 0, ran.stderr
        outputs.append((ran.stdout, ran.stderr.count("forked")))
    assert [count for _, count in outputs] == [1, 0, 0]
    assert outputs[0][0] == outputs[1][0] == outputs[2][0]


def test_forks_beside_the_progress_of_a_terminal(archive: Path, tmp_path: Path) -> None:
    """The thread that draws forbids no fork."""
    code = (
        "import os, sys, ocisize.cli.main as main\n"
        f"os.register_at_fork(after_in_parent=lambda: open({str(tmp_path / 'forked')!r}, 'w'))\n"
        "main.main(sys.argv[1:])\n"
    )
    reading, terminal = os.openpty()
    command = [sys.executable, "-c", code, "--no-cache", "-j", "2", "-f", "json", "-vv", str(archive)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "TERM": "xterm"}
    with os.fdopen(reading, "rb", 0), os.fdopen(terminal, "wb", 0) as stream:
        process = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=stream, env=environment, check=False)
    assert process.returncode == 0
    assert (tmp_path / "forked").exists()


# --- where nothing forks ---


def test_a_system_that_cannot_fork(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One process does everything."""

    def fail() -> int:
        raise OSError(11, "Resource temporarily unavailable")

    expected = Analyzer(jobs=1).analyze(archive)
    monkeypatch.setattr(processes, "can_fork", lambda: True)
    monkeypatch.setattr(os, "fork", fail)
    assert Analyzer(jobs=2, use_processes=True).analyze(archive) == expected


def test_the_files_of_a_folder_are_read_by_one_process(tmp_path: Path, forks: list[LayerProcesses]) -> None:
    """Each layer is a file that is opened again to be read, and a region does not say which."""
    image = build_image([layer({"a": content(9 * MB)})]).recompressed("plain")
    for folder, built in (("one", image), ("two", build_image([*image.layers, layer({"b": b"b"}, "plain")]))):
        analysis = Analyzer(jobs=2, use_processes=True).analyze(write_layout(built, tmp_path / folder))
        assert analysis.content_size >= 9 * MB
    assert not forks


def test_small_images_are_read_by_one_process(tmp_path: Path, forks: list[LayerProcesses]) -> None:
    """A fork takes longer than to read them."""
    image = build_image([layer({"a": content(MB)})]).recompressed("plain")
    Analyzer(jobs=2, use_processes=True).analyze(write_docker_archive(image, tmp_path / "app.tar"))
    assert not forks
