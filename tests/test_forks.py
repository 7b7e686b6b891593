"""Forks: the same results as in this process, whatever happens to the forks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ocisize import Analyzer, forks
from ocisize.forks import HARMLESS_THREADS, Forks, can_fork, forking, start_here
from tests.images import build_image, layer, write_docker_archive
from tests.layer.test_processes import children


def test_a_call_in_a_fork() -> None:
    """Its result comes back, of any size; two forks work at once."""
    with forking(enabled=True) as start:
        assert start(os.getpid) is not None
    made = Forks()
    waits = [made.start(lambda number=number: (os.getpid(), bytes(number))) for number in (0, 10_000_000)]  # type: ignore[misc]
    results = [wait() for wait in waits]
    made.close()
    assert [len(content) for _, content in results] == [0, 10_000_000]
    assert len({os.getpid(), *(pid for pid, _ in results)}) == 3
    assert children() == set()


def test_a_fork_that_fails() -> None:
    """The process makes the call, and raises its error if there is one."""
    pid = os.getpid()

    def fail_in_fork() -> str:
        if os.getpid() != pid:
            raise MemoryError
        return "here"

    def fail() -> str:
        raise ValueError("no value")

    made = Forks()
    waits = [
        made.start(fail_in_fork),
        made.start(fail),
        made.start(lambda: os.kill(os.getpid(), 9) if os.getpid() != pid else 9),
    ]
    assert waits[0]() == "here"
    with pytest.raises(ValueError, match="no value"):
        waits[1]()
    assert waits[2]() == 9
    made.close()
    assert children() == set()


def test_a_result_that_is_cut() -> None:
    """A fork that ends while it writes has no result."""
    pid = os.getpid()

    def end_early() -> object:
        class Ends:
            def __reduce__(self) -> tuple[type, tuple[()]]:
                os.kill(os.getpid(), signal.SIGKILL)
                return object, ()

        return "here" if os.getpid() == pid else [bytes(1_000_000), Ends()]

    made = Forks()
    assert made.start(end_early)() == "here"
    made.close()


def test_forks_end_with_the_block() -> None:
    """One for which nobody waits is ended, and no file stays open."""
    before, files = children(), len(os.listdir("/proc/self/fd"))
    made = Forks()
    wait = made.start(lambda: time.sleep(60))
    assert len(children() - before) == 1
    made.close()
    assert children() == before
    del wait
    assert len(os.listdir("/proc/self/fd")) == files


def test_ends_of_processes_that_are_ignored() -> None:
    """Where the program ignores them, results come back too."""
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        made = Forks()
        assert made.start(os.getpid)() != os.getpid()
        made.close()
    finally:
        signal.signal(signal.SIGCHLD, before)


@pytest.mark.parametrize("name", ["fork", "memfd_create"])
def test_a_system_that_cannot(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The call is made here, and no file stays open."""

    def fail(*_: object) -> int:
        raise OSError(11, "Resource temporarily unavailable")

    files = len(os.listdir("/proc/self/fd"))
    monkeypatch.setattr(os, name, fail)
    made = Forks()
    assert made.start(os.getpid)() == os.getpid()
    assert len(os.listdir("/proc/self/fd")) == files


def test_calls_here() -> None:
    """They are made at once."""
    calls: list[int] = []
    with forking(enabled=False) as start:
        wait = start(lambda: calls.append(1))
        assert calls == [1]
        wait()
    assert calls == [1]
    assert start is start_here


def test_analyses_are_those_of_one_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an image that is large enough for forks, with overlapping layers, rules and groups."""
    monkeypatch.setattr(forks, "can_fork", lambda: True)
    one = {f"usr/lib/node_modules/m{number % 200}/test/f{number}.js": b"%d" % (number % 900) for number in range(5000)}
    two = {f"usr/lib/node_modules/m{number % 200}/test/f{number}.js": b"changed %d" % number for number in range(0, 5000, 7)}
    cache = {f"var/cache/apt/archives/p{number}.deb": bytes(number * 100) for number in range(50)}
    path = write_docker_archive(build_image([layer(one), layer(two | cache)]).recompressed("plain"), tmp_path / "app.tar")
    started: list[object] = []
    start = Forks.start

    def note(made: Forks, function: Callable[[], object]) -> Callable[[], object]:
        started.append(function)
        return start(made, function)

    monkeypatch.setattr(Forks, "start", note)
    expected = Analyzer(jobs=1, use_processes=True).analyze(path)
    assert not started
    assert Analyzer(jobs=2, use_processes=True).analyze(path) == expected
    assert len(started) == 3
    assert expected.advice.findings
    assert children() == set()


def test_threads_forbid_a_fork() -> None:
    """A thread may hold a lock that a fork needs; a few do not. Another thread than the first one cannot fork."""
    code = (
        "import threading\n"
        "from ocisize.forks import can_fork\n"
        "stop = threading.Event()\n"
        "print(can_fork())\n"
        f"for name in {sorted(HARMLESS_THREADS)}: threading.Thread(target=stop.wait, name=name).start()\n"
        "print(can_fork())\n"
        "def ask(): print(can_fork())\n"
        "thread = threading.Thread(target=ask); thread.start(); thread.join()\n"
        "threading.Thread(target=stop.wait).start()\n"
        "print(can_fork())\n"
        "stop.set()\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["True", "True", "False", "False"]


def test_an_interrupt_while_the_process_forks(monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes when the number of the fork is known, so that the fork is ended."""
    fork, before = os.fork, children()

    def fork_and_interrupt() -> int:
        pid = fork()
        if pid:
            os.kill(os.getpid(), signal.SIGINT)
        return pid

    monkeypatch.setattr(os, "fork", fork_and_interrupt)
    made = Forks()
    with pytest.raises(KeyboardInterrupt):
        made.start(lambda: time.sleep(60))
    assert len(children() - before) == 1
    made.close()
    assert children() == before


def test_signals_that_the_program_ignores() -> None:
    """A fork ignores them, too."""

    def interrupt_itself() -> int:
        os.kill(os.getpid(), signal.SIGINT)
        return os.getpid()

    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        made = Forks()
        assert made.start(interrupt_itself)() != os.getpid()
        made.close()
    finally:
        signal.signal(signal.SIGINT, before)


def test_threads_of_other_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system counts more threads than Python does."""
    monkeypatch.setattr(threading, "enumerate", lambda: [threading.current_thread()])
    monkeypatch.setattr(threading, "active_count", lambda: len(os.listdir("/proc/self/task")) - 1)
    assert not can_fork()


def test_a_system_without_files_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing forks there."""
    monkeypatch.setattr(threading, "enumerate", lambda: [threading.current_thread()])
    monkeypatch.setattr(threading, "active_count", lambda: len(os.listdir("/proc/self/task")))
    assert can_fork()
    monkeypatch.delattr(os, "memfd_create")
    assert not can_fork()
