"""DiskCache: files of one user, replaced as wholes, bounded, and shared by processes that may be killed."""

from __future__ import annotations

import os
import random
import signal
import stat
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import pytest
import zstandard

from ocisize.cache.disk import DiskCache
from ocisize.cache.entry import BadEntry, pack_entry, unpack_entry
from ocisize.cache.folder import default_folder, find_distrust

KEY = "layers-v1/sha256/ab/abcd-1-isal"
_OLD = 100 * 86_400  # seconds


def keys(count: int) -> list[str]:
    return [f"layers-v1/sha256/{number:02x}/{number}" for number in range(count)]


def files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "CACHEDIR.TAG")


def age(cache: DiskCache, key: str, seconds: float) -> Path:
    """Make an entry older."""
    path = Path(os.fspath(cache.folder or ""), f"{key}.ocz")
    moment = time.time() - seconds
    os.utime(path, (moment, moment))
    return path


def test_entries_come_back_and_are_replaced(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path / "c")
    assert cache.get(KEY) is None and cache.usage() == (0, 0)
    cache.put(KEY, b"one")
    cache.put(KEY, b"other")
    assert cache.get(KEY) == DiskCache(tmp_path / "c").get(KEY) == b"other"
    assert cache.usage() == (1, 5) and cache.problem == ""
    cache.discard(KEY)
    cache.discard(KEY)
    assert cache.get(KEY) is None


def test_an_entry_for_which_there_is_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """zstd says in an error of its own that it gets no memory; nothing else keeps bytes from being compressed."""

    class Compressor:
        def __init__(self, level: int) -> None:
            self.level = level

        def compress(self, data: bytes) -> bytes:
            raise zstandard.ZstdError(f"cannot compress {len(data)} bytes: Allocation error : not enough memory")

    monkeypatch.setattr(zstandard, "ZstdCompressor", Compressor)
    with pytest.raises(MemoryError, match="cannot compress 3 bytes"):
        pack_entry(KEY, [b"one"])


def test_reading_needs_the_memory_of_the_entry(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path / "c")
    cache.put(KEY, b"one")
    tracemalloc.start()
    try:
        assert cache.get(KEY) == b"one"
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")
def test_files_are_of_this_user_alone(tmp_path: Path) -> None:
    """Whatever the umask; the folder is marked as a cache for backups."""
    before = os.umask(0)
    try:
        DiskCache(tmp_path / "new" / "c").put(KEY, b"entry")
    finally:
        os.umask(before)
    folder = tmp_path / "new" / "c"
    modes = {path.relative_to(folder).as_posix(): stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*")}
    assert set(modes.values()) == {0o700, 0o600} and stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert (folder / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55\n")


@pytest.mark.parametrize(
    "key", ["", "a", "/etc/passwd", "layers-v1/../x", "layers-v1//x", "layers-v1/x" * 40, "layers-v1/x\0"]
)
def test_keys_name_files_in_the_folder(tmp_path: Path, key: str) -> None:
    with pytest.raises(ValueError, match="not a key"):
        DiskCache(tmp_path).put(key, b"")


def test_the_limit_holds(tmp_path: Path) -> None:
    """However many entries are put, those used last stay, and little more than the limit is on the disk."""
    cache = DiskCache(tmp_path / "c", max_size=100_000)
    for number, key in enumerate(keys(200)):
        cache.put(key, bytes(1000))
        age(cache, key, 10_000 - number)
    assert cache.usage().size <= 130_000
    assert cache.get(keys(200)[-1]) is not None and cache.get(keys(200)[0]) is None
    assert cache.prune().size == cache.usage().size - 100_000 if cache.usage().size > 100_000 else True
    cache.put(KEY, bytes(100_001))
    assert cache.get(KEY) is None
    before = cache.usage().entries
    assert cache.prune(5_000).entries == before - 5 and cache.usage() == (5, 5_000)


def test_many_small_entries_take_linear_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files are not listed again and again while there is room, and the limit holds once there is none."""
    cache, listed = DiskCache(tmp_path / "c", max_size=1_000_000), 0
    list_files = DiskCache._files

    def count_lists(cache: DiskCache, *suffix: str) -> object:
        nonlocal listed
        listed += 1
        return list_files(cache, *suffix)

    monkeypatch.setattr(DiskCache, "_files", count_lists)
    for key in keys(500):
        cache.put(key, bytes(100))
    assert listed <= 2 * 3
    for key in keys(500):
        cache.put(key, bytes(5000))
    assert cache.usage().size <= 1_300_000


def test_use_keeps_an_entry(tmp_path: Path) -> None:
    """An entry that is read counts as new, which is noted once a day."""
    cache = DiskCache(tmp_path / "c")
    for key in keys(3):
        cache.put(key, bytes(100))
        age(cache, key, _OLD)
    assert cache.get(keys(3)[1]) is not None
    noted = (tmp_path / "c" / f"{keys(3)[1]}.ocz").stat().st_mtime
    assert cache.get(keys(3)[1]) is not None
    assert (tmp_path / "c" / f"{keys(3)[1]}.ocz").stat().st_mtime == noted > time.time() - 60
    cache.prune(100)
    assert [cache.get(key) is not None for key in keys(3)] == [False, True, False]


def test_only_its_own_files_are_removed(tmp_path: Path) -> None:
    """A folder with other files may be named: they stay, whatever their names."""
    cache = DiskCache(tmp_path)
    cache.put(KEY, b"entry")
    others = ["notes.ocz", "photos-v1.txt", "layers-v1/readme.txt", "src/a.ocz", "layers-v1/sha256/ab/x.tmpx"]
    for name in others:
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text("mine")
    (tmp_path / "images-v1").symlink_to(tmp_path / "src")
    (tmp_path / "layers-v1" / "link").symlink_to(tmp_path / "src")
    assert cache.clear() == (1, 5)
    assert all((tmp_path / name).exists() for name in others)


def test_unfinished_files_are_removed_when_they_are_old(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path)
    cache.put(KEY, b"entry")
    folder = (tmp_path / f"{KEY}.ocz").parent
    for name in ("new.1-1.tmp", "old.1-1.tmp"):
        (folder / name).write_bytes(b"half")
    os.utime(folder / "old.1-1.tmp", (0, 0))
    cache.prune()
    assert [path.name for path in files_of(tmp_path)] == [f"{Path(KEY).name}.ocz", "new.1-1.tmp"]
    cache.clear()
    assert not files_of(tmp_path)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """Nothing is raised: ``problem`` says what is wrong, and nothing is kept."""
    (tmp_path / "file").write_text("x")
    cache = DiskCache(tmp_path / "file" / "c")
    cache.put(KEY, b"entry")
    assert "cannot be written: Not a directory" in cache.problem and str(tmp_path / "file" / "c") in cache.problem
    assert cache.get(KEY) is None and cache.usage() == cache.clear() == (0, 0)
    cache.discard(KEY)
    full = DiskCache(tmp_path / "c", max_size=0)
    full.put(KEY, b"entry")
    assert not (tmp_path / "c").exists() and full.problem == ""


def test_which_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that is given, the one of the variable, the one of the system; a relative XDG_CACHE_HOME is none."""
    assert DiskCache(tmp_path / "a").folder == tmp_path / "a"
    monkeypatch.setenv("OCISIZE_CACHE_DIR", str(tmp_path / "b"))
    assert DiskCache().folder == str(tmp_path / "b")
    monkeypatch.delenv("OCISIZE_CACHE_DIR")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    assert DiskCache().folder == str(tmp_path / "x" / "ocisize")
    for system, folder in (("linux", ".cache/ocisize"), ("darwin", "Library/Caches/ocisize")):
        monkeypatch.setattr("ocisize.cache.folder.sys.platform", system)
        for value in ("", "cache"):
            monkeypatch.setenv("XDG_CACHE_HOME", value)
            assert default_folder() == str(tmp_path / folder)
    monkeypatch.setenv("HOME", "nowhere")
    assert default_folder() is None
    assert "no home folder" in DiskCache().problem and DiskCache().folder is None
    DiskCache().put(KEY, b"")
    assert DiskCache().get(KEY) is None and DiskCache().usage() == (0, 0)


@pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")
@pytest.mark.parametrize("mode", [0o770, 0o702, 0o777])
def test_a_folder_that_others_can_write_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int) -> None:
    """Unless it was named: then somebody has decided to trust it."""
    folder = tmp_path / "ocisize"
    folder.mkdir()
    folder.chmod(mode)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("OCISIZE_CACHE_DIR")
    cache = DiskCache()
    assert cache.folder is None
    assert cache.problem == (
        f"the cache {folder} is not used: other users may write to it; OCISIZE_CACHE_DIR names another folder"
    )
    monkeypatch.setenv("OCISIZE_CACHE_DIR", str(folder))
    assert DiskCache().folder == str(folder) and DiskCache().problem == ""


def test_a_folder_of_another_user_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ocisize.cache.folder.os.geteuid", lambda: 12345, raising=False)
    assert find_distrust(str(tmp_path)) == "it belongs to another user"
    (tmp_path / "file").write_text("")
    assert find_distrust(str(tmp_path / "file")) == "it is not a folder"
    assert find_distrust(str(tmp_path / "none")) == ""


#: reads or writes entries at random, and prints a line for each that is wrong; the content of an entry follows from its key
_WORKER = """
import random, sys
from ocisize.cache.disk import DiskCache
from ocisize.cache.entry import BadEntry, pack_entry, unpack_entry
cache, random = DiskCache(sys.argv[1], max_size=4_000_000), random.Random(int(sys.argv[2]))
print("ready", flush=True)
while True:
    number = random.randrange(40)
    key = f"layers-v1/sha256/{number:02x}/{number}"
    content = number.to_bytes(2, "big") * (2000 * number)
    entry = cache.get(key)
    if entry is None or random.random() < 0.3:
        cache.put(key, pack_entry(key, [content, random.randbytes(random.randrange(200_000))]))
    else:
        try:
            right = unpack_entry(key, entry, max_size=1 << 20)[0] == content
        except BadEntry as error:
            right = False
        if not right or cache.problem:
            print("wrong", number, cache.problem, flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("count", [2, 8])
def test_processes_that_are_killed_leave_no_wrong_entry(tmp_path: Path, count: int) -> None:
    """Several processes read and write the same entries and are killed at random: no reader finds a damaged entry."""
    command = [sys.executable, "-c", _WORKER, str(tmp_path / "c")]
    chance, workers, output = random.Random(count), list[subprocess.Popen[str]](), list[str]()
    try:
        for round_ in range(3):
            for number in range(count):
                arguments = [*command, str(100 * round_ + number)]
                workers.append(subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
            for worker in workers[-count:]:
                assert worker.stdout is not None
                output.append(worker.stdout.readline())
            for worker in workers[-count:]:
                time.sleep(chance.random() * 0.4)
                worker.send_signal(signal.SIGKILL)
            output += [worker.communicate(timeout=30)[0] for worker in workers[-count:]]
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    assert "".join(output) == "ready\n" * 3 * count
    cache = DiskCache(tmp_path / "c")
    assert cache.usage().entries
    for key in keys(40):
        entry = cache.get(f"layers-v1/sha256/{int(key.rpartition('/')[2]):02x}/{key.rpartition('/')[2]}")
        if entry is not None:
            number = int(key.rpartition("/")[2])
            assert unpack_entry(key, entry, max_size=1 << 20)[0] == number.to_bytes(2, "big") * (2000 * number)
    with pytest.raises(BadEntry):
        unpack_entry("other", pack_entry("k", [b""]), max_size=0)
