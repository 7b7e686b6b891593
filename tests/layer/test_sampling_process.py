"""Sampling in another process: the same estimates as in threads, whatever happens to the process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from ocisize import Analyzer
from ocisize.blob.region import FileRegion
from ocisize.errors import LayerError, TarError
from ocisize.layer import sampling_process
from ocisize.layer.sampler import ThreadSampler
from ocisize.layer.sampling import SizeEstimate
from ocisize.layer.sampling_process import ProcessSampler
from tests.images import build_image, layer, write_docker_archive, write_layout
from tests.layer.test_sampling import MB, content

SIZES = (10 * MB + 77, 100_000, 0, 3 * MB)  # of layers


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sampling") / "archive"
    path.write_bytes(b"head" + content(sum(SIZES)))
    return path


@contextmanager
def open_regions(path: Path) -> Iterator[list[FileRegion]]:
    """The regions of layers in a file."""
    with path.open("rb", buffering=0) as file:
        yield [FileRegion(file.fileno(), 4 + sum(SIZES[:index]), size) for index, size in enumerate(SIZES)]


def options() -> dict[str, int]:
    return {"jobs": 2, "image_size": sum(SIZES), "layer_count": len(SIZES)}


def expect(regions: Sequence[FileRegion]) -> list[SizeEstimate]:
    """The estimates of threads."""
    with closing(ThreadSampler(**options())) as sampler:
        return [wait() for wait in [sampler.start(region) for region in regions]]


def children() -> set[int]:
    """The processes that this one started and that have not ended."""
    pids: list[str] = []
    for task in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError):  # the thread has ended since
            pids += (task / "children").read_text().split()
    return set(map(int, pids))


def test_the_estimates_are_those_of_threads(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In any order, asked twice, without a thread; also for a region that the process was not started with."""
    with open_regions(path) as regions:
        expected = expect(regions)
        other = FileRegion(regions[0].descriptor, 4, MB)
        with closing(ProcessSampler(regions, **options())) as sampler:
            assert sampler.start(other)() == expect([other])[0]
        monkeypatch.setattr(ThreadSampler, "start", None)
        with closing(ProcessSampler(regions, **options())) as sampler:
            waits = [sampler.start(region) for region in regions]
            assert [wait() for wait in reversed(waits)] == expected[::-1]
            assert [wait() for wait in waits] == expected


def test_equal_places_in_another_file_are_another_layer(path: Path, tmp_path: Path) -> None:
    """The process has one file; a region of another one is read there."""
    (tmp_path / "zeros").write_bytes(bytes(4 + sum(SIZES)))
    with (
        open_regions(path) as regions,
        open_regions(tmp_path / "zeros") as zeros,
        closing(ProcessSampler(regions, **options())) as sampler,
    ):
        assert sampler.start(zeros[0])() == expect(zeros)[0] != expect(regions)[0]


@pytest.mark.parametrize("executable", ["", "/does/not/exist", "/bin/false", "/bin/true", "/bin/echo"])
def test_a_process_that_does_not_answer(path: Path, executable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads take over: there is no interpreter, or something else is started in its place."""
    monkeypatch.setattr(sys, "executable", executable)
    before = children()
    with open_regions(path) as regions:
        with closing(ProcessSampler(regions, **options())) as sampler:
            assert [sampler.start(region)() for region in regions] == expect(regions)
        assert children() == before


def test_without_posix_spawn_and_with_too_many_layers(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads take over where the system cannot start a process, or where the request is too long for an argument."""
    with open_regions(path) as regions:
        for name in ("_MAX_REQUEST", "posix_spawn"):
            with monkeypatch.context() as patch:
                if name == "posix_spawn":
                    patch.delattr(os, name)
                else:
                    patch.setattr(sampling_process, name, 20)
                with closing(ProcessSampler(regions, **options())) as sampler:
                    assert [sampler.start(region)() for region in regions] == expect(regions)


@pytest.mark.parametrize("entry", ["a\0b", None])
def test_an_entry_of_the_module_path_that_is_no_argument(path: Path, entry: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads take over where the module search path cannot be passed on."""
    monkeypatch.setattr(sys, "path", [*sys.path, entry])
    with open_regions(path) as regions, closing(ProcessSampler(regions, **options())) as sampler:
        assert [sampler.start(region)() for region in regions] == expect(regions)


def test_an_isolated_interpreter_starts_an_isolated_one(path: Path, tmp_path: Path) -> None:
    """The environment that this interpreter ignores is ignored by the process, too."""
    (tmp_path / "sitecustomize.py").write_text("raise SystemExit(3)")
    code = (
        f"import sys; sys.path[:] = {sys.path!r}\n"
        "from tests.layer.test_sampling_process import *\n"
        f"with open_regions(Path({str(path)!r})) as regions:\n"
        "    ThreadSampler.start = None\n"
        "    with closing(ProcessSampler(regions, **options())) as sampler: print(sampler.start(regions[0])().size)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    ran = subprocess.run([sys.executable, "-I", "-c", code], env=environment, capture_output=True, text=True, check=True)
    with open_regions(path) as regions:
        assert int(ran.stdout) == expect(regions)[0].size


def test_no_process_is_left(path: Path) -> None:
    """A sampler that is closed at once ends its process, and closes the pipe."""
    before, files = children(), len(os.listdir("/proc/self/fd"))
    with open_regions(path) as regions:
        sampler = ProcessSampler(regions, **options())
        assert len(children() - before) == 1
        sampler.close()
    assert children() == before
    assert len(os.listdir("/proc/self/fd")) == files


def test_a_process_that_has_ended_is_not_killed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the program ignores the ends of its processes, another process may have the number."""
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        with open_regions(path) as regions:
            sampler = ProcessSampler(regions, **options())
            sampler.start(regions[0])()  # the process has closed its output
            while children():
                time.sleep(0.01)
            monkeypatch.setattr(os, "kill", None)
            sampler.close()
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_the_files_of_a_folder_are_sampled_in_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each layer is a file that is opened again to be read, so a process that shares one descriptor is of no use."""
    monkeypatch.setattr(sampling_process, "_spawn", None)
    image = build_image([layer({"a": content(9 * MB)})]).recompressed("plain")
    for folder, built in (("one", image), ("two", build_image([*image.layers, layer({"b": b"b"}, "plain")]))):
        analysis = Analyzer(jobs=2, sample_in_process=True).analyze(write_layout(built, tmp_path / folder))
        assert analysis.content_size >= 9 * MB


def test_a_cut_file_is_an_error_of_its_layer(path: Path, tmp_path: Path) -> None:
    """The process fails, and the threads raise the error."""
    cut = tmp_path / "cut"
    cut.write_bytes(path.read_bytes()[:MB])
    with (
        open_regions(cut) as regions,
        closing(ProcessSampler(regions, **options())) as sampler,
        pytest.raises(TarError, match="cut"),
    ):
        sampler.start(regions[0])()


def test_the_error_of_an_estimate_names_the_layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is cut between the scan and the sample ends the analysis."""

    def fail() -> SizeEstimate:
        raise TarError("the file has been cut while it was read", offset=0)

    image = build_image([layer({"a": b"x" * 1000})])
    path = write_docker_archive(image.recompressed("plain"), tmp_path / "app.tar")
    monkeypatch.setattr(ThreadSampler, "start", lambda *_: fail)
    with pytest.raises(LayerError, match="layer 0 .*cut"):
        Analyzer(jobs=1).analyze(path)


def test_interrupting_an_analysis_ends_the_process(tmp_path: Path) -> None:
    """A callback that raises, while the other process samples."""

    def interrupt(_: object) -> None:
        assert children() - before
        raise KeyboardInterrupt

    image = build_image([layer({"a": content(9 * MB)})])
    path = write_docker_archive(image.recompressed("plain"), tmp_path / "app.tar")
    before = children()
    with pytest.raises(KeyboardInterrupt):
        Analyzer(jobs=2, sample_in_process=True, on_progress=interrupt).analyze(path)
    assert children() == before
