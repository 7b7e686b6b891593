"""Stores: named files in folders, plain and compressed archives."""

from __future__ import annotations

import functools
import os
import tarfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import ocisize.sources.tarball

from ocisize.blob.region import FileRegion
from ocisize.errors import ArchiveError, DocumentError, LimitExceeded
from ocisize.limits import Limits
from ocisize.sources.folder import FolderStore
from ocisize.sources.store import Store
from ocisize.sources.tarball import StreamedTarStore, TarStore
from ocisize.sources.open_store import open_store
from tests.images import DIR, Compression, Entry, Hard, Link, Special, compress, tar_bytes
from tests.strategies import END, header, padded, pax

BIG = os.urandom(1100 << 10)  # more than is kept while a compressed archive is indexed
ENTRIES: dict[str, Entry] = {
    "manifest.json": b"[]", "d": DIR, "d/big": BIG, "d/soft": Link("../d/big"), "d/hard": Hard("d/big"), "d/absolute": Link("/d/big"),
    "early": Link("d/../late"), "late": b"late", "chain": Link("early"), "empty": b"", "other": BIG[::-1],
}  # fmt: skip


@functools.cache
def archive_bytes(compression: Compression) -> bytes:
    return compress(tar_bytes(ENTRIES), compression)


@pytest.fixture(params=["plain", "gzip", "zstd", "xz", "bzip2"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """The same archive in every outer compression."""
    path = tmp_path / "archive"
    path.write_bytes(archive_bytes(request.param))
    with closing(open_store(path)) as store:
        assert isinstance(store, TarStore if request.param == "plain" else StreamedTarStore)
        yield store


def content(store: Store, name: str) -> bytes:
    size, chunks = store.open(name)
    data = b"".join(chunks)
    assert len(data) == size
    return data


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("manifest.json", b"[]"), ("./manifest.json", b"[]"), ("d//big", BIG), ("d/soft", BIG), ("d/hard", BIG), ("d/absolute", BIG),
        ("early", b"late"), ("chain", b"late"), ("empty", b""), ("other", BIG[::-1]),
    ],
)  # fmt: skip
def test_members_are_found_through_links(archive: Store, name: str, data: bytes) -> None:
    """Names in any spelling, symlinks before and behind their targets and hard links lead to the content."""
    assert content(archive, name) == data


def test_members_in_any_order(archive: Store) -> None:
    """Members can be opened again, backwards and half-read."""
    for name, data in (("other", BIG[::-1]), ("d/big", BIG), ("d/big", BIG), ("late", b"late"), ("other", BIG[::-1])):
        next(iter(archive.open("d/big")[1]))
        assert content(archive, name) == data


@pytest.mark.parametrize("name", ["missing", "d", "../manifest.json", "d/../../manifest.json", "", "/", "\ud800", "a\0b"])
def test_missing_members(archive: Store, name: str) -> None:
    """A name that is not there, or outside, or a folder, is an ArchiveError."""
    with pytest.raises(ArchiveError, match="no member"):
        archive.open(name)


def test_names_are_clean(tmp_path: Path) -> None:
    """Members written with ./ in front have plain names; folders and devices are no members."""
    path = tmp_path / "archive"
    path.write_bytes(tar_bytes({"./a": b"1", "./d/": DIR, "./d/b": b"2", "null": Special(tarfile.CHRTYPE)}))
    with closing(open_store(path)) as store:
        assert list(store.names()) == ["a", "d/b"]
        assert content(store, "d/b") == b"2"
        with pytest.raises(ArchiveError, match="no member"):
            store.open("null")


def test_the_last_of_equal_names_wins(tmp_path: Path) -> None:
    """A repeated member is the later one, as tar extracts it."""
    path = tmp_path / "archive"
    path.write_bytes(tar_bytes([("a", b"old"), ("./a", b"new")]))
    with closing(open_store(path)) as store:
        assert content(store, "a") == b"new"


@pytest.mark.parametrize("compression", ["plain", "gzip"])
def test_links_that_lead_nowhere(tmp_path: Path, compression: Compression) -> None:
    """Circles, dangling links and links that climb out of the archive are ArchiveErrors."""
    entries: dict[str, Entry] = {
        "a": Link("b"), "b": Link("a"), "self": Link("self"), "hard": Hard("hard"), "out": Link("../../etc/passwd"),
        "dangling": Link("nothing"), "root": Link("/etc/passwd"),
    }  # fmt: skip
    path = tmp_path / "archive"
    path.write_bytes(compress(tar_bytes(entries), compression))
    with closing(open_store(path)) as store:
        for name in ("a", "b", "self", "hard"):
            with pytest.raises(ArchiveError, match="cycle of links"):
                store.open(name)
        for name in ("out", "dangling", "root"):
            with pytest.raises(ArchiveError, match="no member"):
                store.open(name)


def test_sparse_members_are_refused(tmp_path: Path) -> None:
    """A member with holes is not the bytes that are stored, so it is not taken for them."""
    path = tmp_path / "archive"
    records = ((b"GNU.sparse.map", b"0,4"), (b"GNU.sparse.size", b"4000"), (b"GNU.sparse.numblocks", b"1"))
    path.write_bytes(pax(*records) + header(b"blob", 4) + padded(b"data") + END)
    with closing(open_store(path)) as store, pytest.raises(ArchiveError, match="is a sparse file"):
        store.open("blob")


def test_documents_are_limited(archive: Store) -> None:
    """A document larger than its limit is refused unread."""
    assert archive.read("late", 4) == b"late"
    with pytest.raises(DocumentError, match="late has 4 bytes, more than 3"):
        archive.read("late", 3)


def test_positions_follow_the_archive(archive: Store) -> None:
    """Compressed archives tell in which order members lie; for the others order does not matter."""
    positions = [archive.position(name) for name in ("d/big", "late", "other")]
    assert positions == (sorted(positions) if archive.sequential else [0, 0, 0])
    assert archive.sequential == isinstance(archive, StreamedTarStore)
    assert (positions[0] == archive.position("d/hard")) and bool(positions[0]) == archive.sequential


def test_a_compressed_archive_is_read_forwards_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Members opened in stored order cost one pass in all."""
    path = tmp_path / "archive"
    path.write_bytes(compress(tar_bytes({f"m{number}": os.urandom(2 << 20) for number in range(4)}), "gzip"))
    with closing(open_store(path)) as store:
        read = counted(monkeypatch)
        for number in range(4):
            content(store, f"m{number}")
        assert read[0] < path.stat().st_size + (1 << 20)


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Counts the bytes read from local files from now on."""
    total, pread, preadv = [0], os.pread, os.preadv

    def counting_pread(descriptor: int, count: int, offset: int) -> bytes:
        data = pread(descriptor, count, offset)
        total[0] += len(data)
        return data

    def counting_preadv(descriptor: int, buffers: list[memoryview], offset: int) -> int:
        count = preadv(descriptor, buffers, offset)
        total[0] += count
        return count

    monkeypatch.setattr(os, "pread", counting_pread)
    monkeypatch.setattr(os, "preadv", counting_preadv)
    return total


def test_what_is_kept_of_a_compressed_archive_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An archive of many small files does not fill the memory, and all of them can still be read."""
    monkeypatch.setattr(ocisize.sources.tarball, "_MAX_KEPT_TOTAL", 1000)
    files: dict[str, Entry] = {f"f{number}": bytes([number]) * 300 for number in range(20)}
    path = tmp_path / "archive"
    path.write_bytes(compress(tar_bytes(files), "gzip"))
    with closing(open_store(path)) as store:
        assert isinstance(store, StreamedTarStore)
        assert sum(map(len, store._members.table.contents.values())) == 900
        assert {name: content(store, name) for name in files} == files


def test_going_back_in_a_compressed_archive_has_an_end(tmp_path: Path) -> None:
    """What all passes over an archive unpack is limited together, so that few bytes do not mean days of work."""
    path = tmp_path / "archive"
    path.write_bytes(compress(tar_bytes({"a": os.urandom(2 << 20), "b": bytes(8 << 20), "c": os.urandom(2 << 20)}), "gzip"))
    with closing(open_store(path, Limits(image_size=40 << 20))) as store:
        for name in ("a", "c", "a", "c"):
            content(store, name)
        with pytest.raises(LimitExceeded, match="more than 41943040 uncompressed bytes"):
            for name in ("a", "c") * 3:
                content(store, name)


# Folders


def test_a_folder_is_a_store(tmp_path: Path) -> None:
    """Files of a folder are regions; links are followed, as Bazel's layouts have them."""
    (tmp_path / "elsewhere").write_bytes(b"data")
    folder = tmp_path / "folder"
    (folder / "blobs").mkdir(parents=True)
    (folder / "blobs" / "x").symlink_to(tmp_path / "elsewhere")
    with closing(open_store(folder)) as store:
        assert isinstance(store, FolderStore) and list(store.names()) == ["blobs"]
        size, region = store.open("blobs/x")
        assert isinstance(region, FileRegion) and (size, b"".join(region)) == (4, b"data")
    assert not store.sequential


@pytest.mark.parametrize("name", ["missing", "sub", "fifo", "../folder/file", "sub/../../folder/file", "\ud800", "a\0b"])
def test_what_a_folder_cannot_give(tmp_path: Path, name: str) -> None:
    """Missing files, folders, FIFOs and ways out are ArchiveErrors, at once."""
    folder = tmp_path / "folder"
    (folder / "sub").mkdir(parents=True)
    (folder / "file").write_bytes(b"x")
    os.mkfifo(folder / "fifo")
    with closing(open_store(folder)) as store, pytest.raises(ArchiveError):
        store.open(name)


def test_a_folder_gives_nothing_by_absolute_names(tmp_path: Path) -> None:
    """A name from a document cannot point anywhere on the machine."""
    (tmp_path / "secret").write_bytes(b"x")
    (tmp_path / "folder").mkdir()
    with closing(open_store(tmp_path / "folder")) as store, pytest.raises(ArchiveError, match="points outside the folder"):
        store.open(str(tmp_path / "secret"))


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    """A folder that vanishes is an ArchiveError."""
    folder = tmp_path / "folder"
    folder.mkdir()
    with closing(open_store(folder)) as store:
        folder.rmdir()
        with pytest.raises(ArchiveError, match="cannot open"):
            store.names()


# Regions


def test_regions(tmp_path: Path) -> None:
    """A region reads, skips and iterates within its bounds, also where the file is shorter than it says."""
    path = tmp_path / "file"
    path.write_bytes(bytes(range(100)))
    with path.open("rb") as file:
        region = FileRegion(file.fileno(), 10, 50)
        assert b"".join(region) == bytes(range(10, 60))
        assert (region.read_at(45, 100), region.read_at(50, 5), region.read_at(60, 5)) == (bytes(range(55, 60)), b"", b"")
        assert b"".join(region.part(5, 10)) == bytes(range(15, 25))
        buffer = memoryview(bytearray(30))
        assert [region.readinto(buffer), region.skip(10), region.readinto(buffer), region.readinto(buffer)] == [
            30,
            10,
            10,
            0,
        ]
        assert region.skip(5) == 0
        cut = FileRegion(file.fileno(), 90, 50)
        assert (b"".join(cut), cut.skip(7), cut.skip(7), cut.readinto(buffer)) == (bytes(range(90, 100)), 7, 3, 0)


def test_a_file_is_closed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store may close a file while another thread's garbage collector does; a second close would hit another file."""
    (tmp_path / "blob").write_bytes(b"x")
    store = FolderStore(tmp_path)
    _, region = store.open("blob")
    closed: list[int] = []

    def close(descriptor: int) -> None:
        closed.append(descriptor)
        store.close()  # as another thread does while this one waits in os.close

    descriptor, close_file = region.descriptor, os.close
    monkeypatch.setattr("ocisize.sources.folder.os.close", close)
    store.close()
    del region
    store.close()
    monkeypatch.undo()
    close_file(descriptor)
    assert closed == [descriptor]
