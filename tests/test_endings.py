"""How things end early: Ctrl-C, a reader that has had enough, a callback that raises. Nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from ocisize import Analyzer, Progress
from ocisize.cli import signals as interrupts
from ocisize.errors import LayerError, OcisizeError
from ocisize.sources.open import open_source
from tests.images import (
    OCI,
    BuiltImage,
    build_image,
    index_bytes,
    layer,
    layout_files,
    write_docker_archive,
    write_files,
    write_layout,
)
from tests.registry import Answer, Server

PATIENCE = 15.0  #: seconds in which what was interrupted ends; servers here are silent for 30, readers wait for 60
COMMANDS = (["analyze"], ["advise"], ["files"], ["tree"], ["packages"], ["baseline", "write"])


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    return write_layout(build_image([layer({"a": b"1" * 2000, "b": b"2" * 10}), layer({".wh.a": b""})]), tmp_path / "layout")


def serve(server: Server, image: BuiltImage, *, stalled: Callable[[bytes], Answer] | None = None) -> str:
    """An image in a registry; blobs are answered as ``stalled`` says."""
    server.on("/v2/app/manifests/1", Answer(image.manifest, headers={"Content-Type": f"{OCI}.manifest.v1+json"}))
    for digest, data in image.blobs.items():
        is_layer = any(built.digest == digest for built in image.layers)
        server.on(f"/v2/app/blobs/{digest}", stalled(data) if stalled and is_layer else Answer(data))
    return f"{server.host}/app:1"


def half(data: bytes) -> Answer:
    """Half of the bytes, then silence."""
    return Answer(data[: len(data) // 2], headers={"Content-Length": str(len(data))})


def silent(_: bytes) -> Answer:
    return Answer(silent=True)


def many_layers(count: int = 6) -> BuiltImage:
    return build_image([layer({f"f{number}": os.urandom(20_000 + 100 * number)}) for number in range(count)])


def interrupt(command: list[str], ready: Callable[[], bool]) -> tuple[int, str]:
    """Run, press Ctrl-C when it is ready; exit status and standard error. Raises TimeoutExpired when it does not end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ocisize", *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        while not ready():
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=PATIENCE)
        return process.returncode, error
    finally:
        process.kill()


@pytest.mark.parametrize("jobs", ["1", "4"])
@pytest.mark.parametrize("stalled", [half, silent])
def test_ctrl_c_while_layers_stall(server: Server, stalled: Callable[[bytes], Answer], jobs: str) -> None:
    """Threads that wait for a registry are woken; status 130, one line, no traceback."""
    name = serve(server, many_layers(), stalled=stalled)
    blobs = lambda: sum("/blobs/" in request.path for request in server.requests) > 1
    status, error = interrupt([name, "--jobs", jobs], blobs)
    assert (status, error) == (130, "error: interrupted\n")


def test_ctrl_c_while_the_manifest_stalls(server: Server) -> None:
    """So too before there is any layer."""
    server.on("/v2/app/manifests/1", Answer(silent=True))
    status, error = interrupt([f"{server.host}/app:1"], lambda: bool(server.requests))
    assert (status, error) == (130, "error: interrupted\n")


def test_ctrl_c_while_asked_to_wait(server: Server) -> None:
    """A registry that says when to come again is not waited for."""
    name = serve(server, many_layers(), stalled=lambda _: Answer(status=429, headers={"Retry-After": "50"}))
    blobs = lambda: sum("/blobs/" in request.path for request in server.requests) > 1
    status, error = interrupt([name], blobs)
    assert (status, error) == (130, "error: interrupted\n")


def test_ctrl_c_while_python_cannot_listen() -> None:
    """Code that does not come back to the interpreter, as a look-up of a name, is ended from outside."""
    script = """
import ctypes, signal, sys
import ocisize.__main__, ocisize.cli.commands.analyze

def look_up(options):
    print("ready", flush=True)
    ctypes.CDLL(None).pthread_sigmask(0, ctypes.byref(ctypes.c_ulonglong(1 << signal.SIGINT - 1)), None)
    ctypes.CDLL(None).sleep(30)  # which no signal ends, as another thread takes them

ocisize.cli.commands.analyze.run = look_up
sys.argv = ["ocisize", "x"]
sys.exit(ocisize.__main__.run())
"""
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE)
        assert process.returncode == 130


def test_the_grace_is_short() -> None:
    """Two seconds are promised; the rest is for starting threads and closing connections."""
    assert interrupts.GRACE <= 1.0


def test_ctrl_c_while_it_starts() -> None:
    """Before anything is loaded, too: no traceback."""
    script = "import os, signal, sys\nimport ocisize.__main__\n{}\nsys.exit(ocisize.__main__.run())"
    press = "import importlib.abc\n"
    press += "class Finder(importlib.abc.MetaPathFinder):\n    def find_spec(self, name, *_):\n"
    press += "        if name == 'ocisize.cli': os.kill(os.getpid(), signal.SIGINT)\nsys.meta_path.insert(0, Finder())"
    result = subprocess.run([sys.executable, "-c", script.format(press)], capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stderr) == (130, "")


def test_a_fifo_is_no_blob(tmp_path: Path) -> None:
    """Nobody writes to it: it is refused, not waited for. As an image, a FIFO is a pipe that is read."""
    image = build_image([layer({"a": b"1"})])
    folder = write_layout(image, tmp_path / "l")
    blob = folder / "blobs" / image.layers[0].digest.replace(":", "/")
    blob.unlink()
    os.mkfifo(blob)
    result = subprocess.run([sys.executable, "-m", "ocisize", str(folder)], capture_output=True, text=True, timeout=60)
    assert result.returncode == 2
    assert "not a file" in result.stderr


def test_nothing_is_written(tmp_path: Path, server: Server) -> None:
    """No temporary file stays, or ever was, where files would go, whatever is read."""
    image = many_layers()
    names = [
        str(write_layout(image, tmp_path / "l")),
        str(write_docker_archive(image, tmp_path / "a.tar")),
        serve(server, image),
    ]
    here = tmp_path / "here"
    here.mkdir(mode=0o555)
    before = here.stat().st_mtime_ns
    for name in names:
        environment = {**os.environ, "TMPDIR": str(here)}
        command = [sys.executable, "-m", "ocisize", name, "-f", "html"]
        result = subprocess.run(command, cwd=here, env=environment, capture_output=True, timeout=60)
        assert result.returncode == 0
    assert (list(here.iterdir()), here.stat().st_mtime_ns) == ([], before)  # a file that came and went changes the time


def shell(text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["bash", "-c", text], capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("command", [*COMMANDS, ["diff"]], ids=" ".join)
@pytest.mark.parametrize("form", ["text", "json"])
def test_a_closed_pipe_leaves_the_status(layout: Path, tmp_path: Path, command: list[str], form: str) -> None:
    """Whoever has read enough of any command changes nothing of its status."""
    images = [str(layout)] * (2 if command == ["diff"] else 1)
    words = " ".join([sys.executable, "-m", "ocisize", *command, *images, "-f", form])
    result = shell(f"cd {tmp_path}; {words} | true; exit ${{PIPESTATUS[0]}}")
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("arguments", ["--help", "analyze --help", "--version", "LAYOUT --all-platforms"])
def test_a_closed_pipe_of_help(layout: Path, arguments: str) -> None:
    """So too for what is not a report, or one of all platforms."""
    words = f"{sys.executable} -m ocisize {arguments.replace('LAYOUT', str(layout))}"
    result = shell(f"{words} | true; exit ${{PIPESTATUS[0]}}")
    assert (result.returncode, result.stderr) == (0, "")


def test_a_closed_pipe_leaves_a_failed_budget(layout: Path) -> None:
    """A gate that fails still fails when its report is cut."""
    result = shell(f"{sys.executable} -m ocisize {layout} --max-download 1B | true; exit ${{PIPESTATUS[0]}}")
    assert result.returncode == 1


@pytest.mark.parametrize("closing", ["2>&1 | true", "2>&-", "2>/dev/full"])
@pytest.mark.parametrize(("arguments", "status"), [("--top 1", 0), ("--max-download 1B -f json", 1), ("--platform x", 2)])
def test_nobody_reads_messages(tmp_path: Path, arguments: str, closing: str, status: int) -> None:
    """Standard error may be closed, full or a pipe that nobody reads: the status is what it would have been."""
    path = write_docker_archive(build_image([layer([("a", b"1"), ("../up", b"2")])]), tmp_path / "a.tar")
    command = f"{sys.executable} -m ocisize {path} {arguments} {closing}; exit ${{PIPESTATUS[0]}}"
    assert shell(command).returncode == status


def test_a_full_disk(layout: Path) -> None:
    """A report that cannot be written is an error."""
    result = shell(f"{sys.executable} -m ocisize {layout} > /dev/full")
    assert (result.returncode, result.stderr) == (2, "error: standard output: cannot be written: No space left on device\n")


def test_a_fault_of_ours_fails_no_budget() -> None:
    """Status 1 is kept for budgets; what nobody foresaw has status 2 and says where it happened."""
    script = (
        "import sys, ocisize.__main__, ocisize.cli.commands.analyze\nocisize.cli.commands.analyze.run = lambda _: 1 / 0\n"
    )
    script += "sys.argv = ['ocisize', 'x']\nsys.exit(ocisize.__main__.run())"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert result.returncode == 2
    assert "ZeroDivisionError" in result.stderr


@pytest.mark.parametrize(
    "left",
    ["atexit.register(print, 'left')", "threading.Thread(target=lambda: (threading.main_thread().join(), print('left'))).start()",
     "sys.settrace(lambda *_: None); atexit.register(print, 'left')"],
)  # fmt: skip
def test_what_is_left_to_do_is_done(layout: Path, left: str) -> None:
    """The process ends without freeing its objects, and has the status and all output that it would have otherwise."""
    script = (
        f"import atexit, sys, threading\n{left}\nsys.argv = ['ocisize', '-q', {str(layout)!r}, '--max-download', '1B']\n"
    )
    script += "from ocisize.__main__ import program\nprogram()"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stderr) == (1, "")
    assert "FAIL" in result.stdout
    assert result.stdout.endswith("left\n")


# As a library


@pytest.fixture
def nothing_left() -> Iterator[None]:
    """Fails when a test leaves threads or open files behind."""
    threads, files = set(threading.enumerate()), open_files()
    yield
    assert set(threading.enumerate()) <= threads
    assert open_files() <= files


def open_files() -> set[str]:
    """What this process has open, by number and target."""
    found = set()
    for number in os.listdir("/proc/self/fd"):
        try:
            found.add(f"{number} {os.readlink(f'/proc/self/fd/{number}')}")
        except OSError:
            continue  # the folder itself
    return found


def left_behind(server: Server) -> list[str]:
    """Threads of an analysis, and sockets that are connected to a server of this process."""
    threads = [thread.name for thread in threading.enumerate() if thread.name.startswith("ocisize")]
    port = f":{int(server.host.partition(':')[2]):04X}"
    inodes = {target.rpartition("socket:[")[2].rstrip("]") for target in open_files() if "socket:[" in target}
    rows = [line.split() for line in Path("/proc/self/net/tcp").read_text().splitlines()[1:]]
    sockets = [row[1] for row in rows if row[2].endswith(port) and row[9] in inodes]
    return threads + sockets


needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are counted in /proc")


class Interrupted(BaseException):
    """As KeyboardInterrupt, which pytest takes for its own."""


@needs_proc
@pytest.mark.parametrize("raised", [ValueError, EOFError, OcisizeError, Interrupted, KeyboardInterrupt])
@pytest.mark.parametrize("jobs", [1, 4])
def test_a_callback_raises(server: Server, jobs: int, raised: type[BaseException]) -> None:
    """Its error comes through as it is; other layers that wait for a silent server are ended, and all is closed."""
    image = many_layers()
    largest = max(image.layers, key=lambda built: len(built.blob))
    name = serve(server, image, stalled=lambda data: Answer(data) if data == largest.blob else half(data))

    def call(step: Progress) -> None:
        if step.done == step.size:
            raise raised("enough")

    with pytest.raises(raised, match="enough"):
        Analyzer(jobs=jobs, on_progress=call).analyze(name)
    assert left_behind(server) == []


@needs_proc
def test_the_main_thread_is_interrupted(server: Server) -> None:
    """A signal in the main thread of a host program ends the threads of the analysis, and closes connections."""
    name = serve(server, many_layers(), stalled=half)

    def press() -> None:
        while sum("/blobs/" in request.path for request in server.requests) < 2:
            time.sleep(0.02)
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGUSR1)

    def handle(*_: object) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGUSR1, handle)
    presser = threading.Thread(target=press)
    try:
        presser.start()
        with pytest.raises(Interrupted):
            Analyzer(jobs=4).analyze(name)
    finally:
        signal.signal(signal.SIGUSR1, before)
        presser.join()
    assert left_behind(server) == []


@needs_proc
@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("compression", ["gzip", "plain"])
def test_files_are_closed(tmp_path: Path, compression: str) -> None:
    """Whole, broken and interrupted analyses of saved images close what they opened."""
    image = many_layers().recompressed(compression)  # type: ignore[arg-type]
    folder = write_layout(image, tmp_path / "l")
    archive = write_docker_archive(image, tmp_path / "a.tar")
    for name in (folder, archive):
        Analyzer(jobs=3).analyze(name)

        def call(_: Progress) -> None:
            raise Interrupted

        with pytest.raises(Interrupted):
            Analyzer(jobs=3, on_progress=call).analyze(name)
    blob = folder / "blobs" / image.layers[2].digest.replace(":", "/")
    blob.write_bytes(blob.read_bytes()[:-300])
    with pytest.raises(LayerError):
        Analyzer(jobs=3).analyze(folder)
    Analyzer(jobs=3, keep_going=True).analyze(folder)


def test_a_source_is_of_no_use_after_it_was_aborted(server: Server) -> None:
    """And says so at once."""
    image = many_layers()
    name = serve(server, image, stalled=lambda _: Answer(status=404))
    source = open_source(name)
    with pytest.raises(LayerError):
        Analyzer().analyze_source(source)
    with pytest.raises(OcisizeError):
        source.read_manifest()
    source.close()


def test_a_profiler_sees_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Profilers and debuggers of Python 3.12 and later register themselves in ``sys.monitoring``."""
    import ocisize.__main__ as entry

    tools: dict[int, str] = {}
    monkeypatch.setattr(sys, "monitoring", SimpleNamespace(get_tool=tools.get), raising=False)
    is_observed = entry._is_observed()
    tools[2] = "cProfile"
    assert entry._is_observed()
    assert not is_observed or sys.gettrace() is not None or sys.getprofile() is not None
