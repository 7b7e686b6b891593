"""The same answer in threads, in processes, in any order and with any hash seed; and nothing hangs after a fork."""

from __future__ import annotations

import json
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing.context import BaseContext
from pathlib import Path

import pytest

from ocisize import Analyzer, Progress, to_json
from ocisize import errors as all_errors
from ocisize.rules.load import load_catalog
from ocisize.errors import (
    DocumentError, IncompleteAnalysis, LayerError, NoMatchingPlatform, OcisizeError, PlatformError, RegistryError, SizeMismatch,
    TarError,
)  # fmt: skip
from ocisize.layer.locks import fork_safe
from ocisize.report.formats import FORMATS
from tests.images import BuiltImage, Compression, Entries, File, build_image, layer, write_docker_archive, write_layout
from tests.registry import Server
from tests.test_endings import serve

SECONDS = 60.0  #: in which what would hang for ever is given up


def rich_image(seed: int = 0) -> BuiltImage:
    """Waste, duplicates, junk, owners, and many names of the same size, whose order something must decide."""
    base = {f"usr/share/doc/p{number}/README": bytes([number % 7]) * 300 for number in range(60)}
    base |= {f"opt/{number}.pyc": f"{seed} {number}".encode() * 40 for number in range(60)}
    again = {name: File(data, uid=7) for name, data in list(base.items())[:40]}
    gone = {f"opt/.wh.{number}.pyc": b"" for number in range(0, 60, 2)}
    more = {f"var/cache/apt/archives/{number}.deb": os.urandom(0) + bytes([seed]) * 900 for number in range(20)}
    compressions: list[Compression] = ["gzip", "zstd", "plain", "gzip"]
    trees: list[Entries] = [base, again, gone, more]
    return build_image([layer(each, how) for each, how in zip(trees, compressions, strict=True)])


@pytest.fixture
def folders(tmp_path: Path) -> list[str]:
    return [str(write_layout(rich_image(seed), tmp_path / f"l{seed}")) for seed in range(4)]


def document(analyzer: Analyzer, name: str) -> str:
    return to_json(analyzer.analyze(name), files=True)


# Threads


def switching(interval: float) -> None:
    sys.setswitchinterval(interval)


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("keep_layers", [True, False])
def test_threads(folders: list[str], shared: bool, keep_layers: bool) -> None:
    """Many analyses at once, of one analyzer with one catalog or of one each, say what one alone says."""
    expected = {name: document(Analyzer(jobs=1), name) for name in folders}
    one = Analyzer(jobs=2, keep_layers=keep_layers, catalog=load_catalog())
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(6) as pool:
            names = folders * 4
            found = pool.map(lambda name: document(one if shared else Analyzer(jobs=2), name), names)
            assert all(text == expected[name] for name, text in zip(names, found, strict=True))
    finally:
        sys.setswitchinterval(before)


def test_threads_share_a_registry(server: Server) -> None:
    """One analyzer, one registry, many threads."""
    name = serve(server, rich_image())
    analyzer = Analyzer(jobs=3)
    expected = document(analyzer, name)
    with ThreadPoolExecutor(5) as pool:
        assert set(pool.map(lambda _: document(analyzer, name), range(10))) == {expected}


def test_progress_comes_one_by_one(folders: list[str]) -> None:
    """Also where threads share the analyzer, the callback is never entered twice at once."""
    inside = threading.Lock()
    seen: list[Progress] = []

    def call(step: Progress) -> None:
        assert inside.acquire(blocking=False)
        seen.append(step)
        inside.release()

    analyzer = Analyzer(jobs=4, on_progress=call)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(analyzer.analyze, folders * 2))
    assert len(seen) >= 4 * 2 * 4


# Processes


def contexts() -> list[BaseContext]:
    return [multiprocessing.get_context(name) for name in ("fork", "spawn", "forkserver")]


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("context", contexts(), ids=lambda each: each.get_start_method())
def test_process_pools(folders: list[str], context: BaseContext) -> None:
    """An analyzer and what it returns travel between processes, and mean the same there."""
    analyzer = Analyzer(jobs=2, keep_layers=True)
    expected = {name: document(analyzer, name) for name in folders}
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        found = list(pool.map(analyzer.analyze, folders, timeout=SECONDS))
    assert [to_json(each, files=True) for each in found] == list(expected.values())


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("context", contexts(), ids=lambda each: each.get_start_method())
def test_process_pools_and_registries(server: Server, context: BaseContext) -> None:
    """Connections that a process has open are not another one's."""
    name = serve(server, rich_image())
    analyzer = Analyzer(jobs=2)
    with ThreadPoolExecutor(2) as threads:
        here = list(threads.map(lambda _: document(analyzer, name), range(2)))
        with ProcessPoolExecutor(2, mp_context=context) as pool:
            found = list(pool.map(analyzer.analyze, [name] * 4, timeout=SECONDS))
            here += threads.map(lambda _: document(analyzer, name), range(2))
    assert {*here, *(to_json(each, files=True) for each in found)} == {here[0]}


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_errors_travel(tmp_path: Path) -> None:
    """A pool's worker that meets a broken image gives back its error and goes on; the error says what it said."""
    image = rich_image()
    folder = write_layout(image, tmp_path / "l")
    blob = folder / "blobs" / image.layers[1].digest.replace(":", "/")
    blob.write_bytes(blob.read_bytes()[:-5])
    with pytest.raises(LayerError) as here:
        Analyzer().analyze(str(folder))
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
        for _ in range(2):
            with pytest.raises(LayerError) as there:
                pool.submit(Analyzer().analyze, str(folder)).result(SECONDS)
            assert (str(there.value), there.value.index) == (str(here.value), 1)
            assert str(there.value.cause) == str(here.value.cause)


EXAMPLES = [
    OcisizeError("text", hint="hint"),
    RegistryError("text", status=503),
    DocumentError("text", problems=["one", "two"]),
    NoMatchingPlatform("linux/x", ["linux/y"]),
    SizeMismatch("sha256:0", got=1, expected=2),
    TarError("text", offset=3, truncated=True),
    LayerError(2, "sha256:0", SizeMismatch("sha256:0", got=1, expected=2)),
    PlatformError(["linux/x"], LayerError(2, "sha256:0", TarError("text", offset=3))),
    IncompleteAnalysis("app", [1, 2]),
]


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda each: type(each).__name__)
def test_errors_are_pickled_whole(error: OcisizeError) -> None:
    """Type, text, hint and all that they tell."""
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.hint) == (type(error), str(error), error.hint)
    plain = {name: value for name, value in vars(error).items() if not isinstance(value, OcisizeError)}
    assert {name: value for name, value in vars(again).items() if name in plain} == plain


def test_every_error_can_travel() -> None:
    """No class takes pickling into its own hands again."""
    kinds = [value for value in vars(all_errors).values() if isinstance(value, type) and issubclass(value, OcisizeError)]
    assert len(kinds) > 15
    assert all(kind.__reduce__ is OcisizeError.__reduce__ for kind in kinds)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_fork_while_others_read(tmp_path: Path) -> None:
    """Locks that a thread holds at the moment of a fork do not stay locked in the child."""
    from ocisize.layer import scan

    name = str(write_docker_archive(rich_image().recompressed("plain"), tmp_path / "a.tar"))
    analyzer = Analyzer(on_progress=lambda _: None)
    held = [scan._HEADER_SCAN_LOCK, analyzer._lock]
    for lock in held:
        lock.acquire()
    try:
        process = multiprocessing.get_context("fork").Process(target=analyzer.analyze, args=(name,))
        process.start()
    finally:
        for lock in held:
            lock.release()
    process.join(SECONDS)
    assert process.exitcode == 0
    process.close()


def test_fork_safe_locks_are_locks() -> None:
    """In the process that holds one it stays held."""
    lock = fork_safe(threading.Lock())
    with lock:
        child = os.fork() if sys.version_info < (3, 12) else None
        if child == 0:
            os._exit(0 if lock.acquire(blocking=False) else 1)
        assert not lock.acquire(blocking=False)
    if child is not None:
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


# Determinism

SCRIPT = """
import io, json, sys
from ocisize import Analyzer
from ocisize.report.formats import FORMATS, write_report
from ocisize.report.json.platforms import index_to_json
from ocisize.report.options import ReportOptions
name, jobs = sys.argv[1], int(sys.argv[2])
found = {}
analysis = Analyzer(jobs=jobs, keep_going=True, packages=True).analyze(name)
for form in FORMATS:
    if form == "dive-json" and not analysis.complete:
        continue
    file = io.StringIO()
    write_report(form, analysis, file, ReportOptions(files=form == "json"))
    found[form] = file.getvalue()
found["index"] = index_to_json(Analyzer(jobs=jobs, keep_going=True).analyze_all(name))
json.dump(found, sys.stdout)
"""


@pytest.mark.parametrize("broken", [False, True])
def test_reports_are_the_same_to_the_byte(tmp_path: Path, broken: bool) -> None:
    """With any number of jobs and any seed of hashes, in every format, also of a part of an image."""
    image = rich_image()
    folder = write_layout(image, tmp_path / "l")
    if broken:
        for index in (1, 3):
            blob = folder / "blobs" / image.layers[index].digest.replace(":", "/")
            blob.write_bytes(blob.read_bytes()[:-5])
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(folder), jobs],
            stdout=subprocess.PIPE, env={**os.environ, "PYTHONHASHSEED": seed},
        )
        for jobs, seed in (("1", "0"), ("2", "1"), ("8", "random"))
    ]  # fmt: skip
    first, *others = [json.loads(process.communicate(timeout=SECONDS)[0]) for process in processes]
    assert set(first) == {*FORMATS, "index"} - ({"dive-json"} if broken else set())
    for other in others:
        assert [name for name in first if first[name] != other[name]] == []
