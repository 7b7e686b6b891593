"""scan_layer: in place or streamed, verified or not."""

from __future__ import annotations

import gc
import gzip
import hashlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

import attrs
import pytest

from ocisize.blob.region import FileRegion
from ocisize.blob.stream import LayerStream
from ocisize.errors import DigestMismatch, LayerError, RegistryError, SizeMismatch, StreamError, TarError
from ocisize.tar.filetable import NO_HASH, REGULAR
from ocisize.oci.image import Layer
from ocisize.oci.documents import Descriptor
from ocisize.blob.digest import Digest
from ocisize.layer.payloads import hash_payloads
from ocisize.layer.scan import MAX_HASHED_IN_PLACE, scan_layer
from ocisize.tar.window import Window
from tests.images import DIR, BuiltLayer, Compression, Entry, File, Hard, Link, layer, raw_layer, sha256, tar_bytes
from tests.strategies import columns

ENTRIES: dict[str, Entry] = {
    "etc": DIR, "etc/passwd": b"root", "big": os.urandom(300_000), "empty": b"", "link": Link("etc/passwd"), "hard": Hard("big"),
    "n" * 300: File(b"x" * 70_000, mode=0o755, uid=1 << 30, pax={"SCHILY.xattr.user.k": "v"}), "last": b"y" * 700,
}  # fmt: skip

Regions: TypeAlias = Callable[[bytes], FileRegion]


@attrs.frozen
class BlobSource:
    """A source of one blob, as a region of a file or in chunks."""

    blob: FileRegion | bytes

    def read_manifest(self, digest: str | None = None) -> bytes:
        raise NotImplementedError

    def open_blob(self, descriptor: Descriptor) -> Iterable[bytes]:
        return self.blob if isinstance(self.blob, FileRegion) else [self.blob]


@attrs.frozen
class ChunkSource(BlobSource):
    """A source of one blob in these chunks."""

    blob: Iterable[bytes]  # type: ignore[assignment]

    def open_blob(self, descriptor: Descriptor) -> Iterable[bytes]:
        return self.blob


def layer_of(built: BuiltLayer, **changes: object) -> Layer:
    made = Layer(3, Descriptor(Digest(built.digest), len(built.blob)), Digest(built.diff_id))
    return attrs.evolve(made, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("form", ["gzip", "zstd"])
def test_nothing_of_a_read_layer_is_garbage(form: Compression) -> None:
    """The window and the decoder's buffers go as soon as the layer is read, not when garbage is searched for."""
    built = layer(ENTRIES, compression=form)
    gc.collect()
    gc.disable()
    try:
        scan_layer(BlobSource(built.blob), layer_of(built))
        left = [found for found in gc.get_objects() if isinstance(found, Window | LayerStream)]
    finally:
        gc.enable()
    assert left == []


@pytest.fixture
def region_of(tmp_path: Path) -> Iterator[Regions]:
    """Makes a region in the middle of a file out of some bytes."""
    opened: list[int] = []

    def make(data: bytes) -> FileRegion:
        path = tmp_path / f"file{len(opened)}"
        path.write_bytes(b"before" + data + b"behind")
        opened.append(os.open(path, os.O_RDONLY))
        return FileRegion(opened[-1], 6, len(data))

    yield make
    for descriptor in opened:
        os.close(descriptor)


def test_in_place_and_streamed_agree(region_of: Regions) -> None:
    """A plain layer has the same table however it is read; only hashes of larger files are left out in place."""
    built = layer(ENTRIES, "plain")
    region = region_of(built.blob)
    streamed = scan_layer(BlobSource(built.blob), layer_of(built))
    in_place = scan_layer(BlobSource(region), layer_of(built))
    hashed = scan_layer(BlobSource(region), layer_of(built), hash_content=True)
    assert columns(in_place.table, hashes=False) == columns(streamed.table, hashes=False)
    assert columns(hashed.table) == columns(streamed.table)
    assert (in_place.region, hashed.region, streamed.region) == (region, None, None)
    assert [(scan.digest_verified, scan.diff_id_verified) for scan in (streamed, in_place, hashed)] == [(True, True)] + [
        (False, False)
    ] * 2
    for row, size in enumerate(streamed.table.sizes):
        assert in_place.table.hash_of(row) == (NO_HASH if size > MAX_HASHED_IN_PLACE else streamed.table.hash_of(row))


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_compression_changes_compressed_sizes_only(compression: Compression) -> None:
    """The same tar stored another way has the same table but for compressed sizes."""
    plain, other = layer(ENTRIES, "plain"), layer(ENTRIES, compression)
    found = scan_layer(BlobSource(other.blob), layer_of(other))
    unknown = {"compressed_sizes": None, "overhead": None}
    assert columns(found.table) | unknown == columns(scan_layer(BlobSource(plain.blob), layer_of(plain)).table) | unknown
    assert (found.compression, found.digest_verified, found.diff_id_verified) == (compression, True, False)
    assert scan_layer(BlobSource(other.blob), layer_of(other), verify=True).diff_id_verified


def test_hashes_of_payloads_are_the_streamed_ones(region_of: Regions) -> None:
    """Contents read afterwards by offset have the hashes of contents that streamed by."""
    built = layer(ENTRIES, "plain")
    region = region_of(built.blob)
    expected = scan_layer(BlobSource(built.blob), layer_of(built)).table
    table = scan_layer(BlobSource(region), layer_of(built)).table
    table = attrs.evolve(table, hashes=b"")
    rows = [row for row, kind in enumerate(table.kinds) if kind == REGULAR]
    one = table.with_hashes([(rows[1:2], hash_payloads(region, table, rows[1:2]))])
    assert [row for row in range(len(one)) if one.hash_of(row) != NO_HASH] == rows[1:2]
    parts = [(rows[start::2], hash_payloads(region, table, rows[start::2])) for start in range(2)]
    assert table.with_hashes(parts).hashes == one.with_hashes(parts).hashes == expected.hashes
    assert not table.hashes


def test_payloads_of_all_sizes(region_of: Regions) -> None:
    """Files smaller and larger than what is read at once are hashed whole."""
    entries = {
        f"f{number}": os.urandom(size)
        for number, size in enumerate([60_000, 5_000, 100, 262_144, 0, 262_143, 262_145, 800_000, 1])
    }
    built = layer(entries, "plain")
    region = region_of(built.blob)
    table = scan_layer(BlobSource(region), layer_of(built)).table
    rows = [row for row, kind in enumerate(table.kinds) if kind == REGULAR]
    hashes = hash_payloads(region, table, rows)
    assert hashes == scan_layer(BlobSource(built.blob), layer_of(built)).table.hashes


def test_a_file_cut_after_its_scan(tmp_path: Path) -> None:
    """A file that has been cut before it is hashed is an error, never the hash of the remaining bytes."""
    built = layer({"a": b"x" * 100_000}, "plain")
    path = tmp_path / "layer"
    path.write_bytes(built.blob)
    with path.open("r+b") as file:
        region = FileRegion(file.fileno(), 0, len(built.blob))
        table = scan_layer(BlobSource(region), layer_of(built)).table
        file.truncate(50_000)
        with pytest.raises(TarError, match="truncated while it was read"):
            hash_payloads(region, table, [0])


def test_verify_checks_a_plain_local_layer(region_of: Regions) -> None:
    """With verify a plain layer on disk is read and its digest compared."""
    built = layer({"a": b"hello"}, "plain")
    scan = scan_layer(BlobSource(region_of(built.blob)), layer_of(built), verify=True)
    assert (scan.digest_verified, scan.diff_id_verified, scan.region) == (True, True, None)
    damaged = BlobSource(region_of(built.blob.replace(b"hello", b"jello")))
    assert not scan_layer(damaged, layer_of(built)).digest_verified
    with pytest.raises(LayerError, match=rf"layer 3 \({built.digest}\): blob has digest") as raised:
        scan_layer(damaged, layer_of(built), verify=True)
    assert isinstance(raised.value.cause, DigestMismatch) and raised.value.index == 3


@pytest.mark.parametrize("change", [-512, 512])
def test_a_plain_local_layer_of_another_size(region_of: Regions, change: int) -> None:
    """The size of a blob is checked, though nothing else is."""
    built = layer({"a": b"hello"}, "plain")
    blob = built.blob[:change] if change < 0 else built.blob + bytes(change)
    with pytest.raises(LayerError, match="its descriptor says") as raised:
        scan_layer(BlobSource(region_of(blob)), layer_of(built))
    assert isinstance(raised.value.cause, SizeMismatch)


def test_a_wrong_diff_id_is_found_by_verify() -> None:
    """The diff_id of a compressed layer is checked when asked for."""
    built = layer({"a": b"x"})
    wrong = layer_of(built, diff_id=Digest(sha256(b"other")))
    assert not scan_layer(BlobSource(built.blob), wrong).diff_id_verified
    with pytest.raises(LayerError, match="uncompressed layer has digest"):
        scan_layer(BlobSource(built.blob), wrong, verify=True)


def test_a_plain_layer_of_another_diff_id(region_of: Regions) -> None:
    """The digest and the diff_id of a plain layer are of the same bytes, so the documents alone show that they differ."""
    built, other = layer({"a": b"x"}, "plain"), layer({"b": b"y"}, "plain")
    for blob in (region_of(built.blob), built.blob):
        with pytest.raises(LayerError, match=f"layer has digest {built.digest}, expected {other.diff_id}"):
            scan_layer(BlobSource(blob), layer_of(built, diff_id=Digest(other.diff_id)))
        sha512 = "sha512:" + hashlib.sha512(built.tar).hexdigest()
        assert len(scan_layer(BlobSource(blob), layer_of(built, diff_id=Digest(sha512))).table) == 1


def test_a_layer_without_a_diff_id() -> None:
    """If the config lists no diff_id, none is reported as verified."""
    built = layer({"a": b"x"}, "plain")
    for verify in (True, False):
        assert not scan_layer(BlobSource(built.blob), layer_of(built, diff_id=None), verify=verify).diff_id_verified


def broken_layers() -> dict[str, tuple[BuiltLayer, type[Exception]]]:
    tar = tar_bytes({"a": os.urandom(50_000)})
    whole = raw_layer(tar)
    return {
        "not a tar": (raw_layer(b"no tar" * 1000), TarError),
        "cut tar": (raw_layer(tar[:20_000]), TarError),
        "cut gzip": (BuiltLayer(tar, whole.blob[:20_000], "gzip"), StreamError),
        "bzip2": (BuiltLayer(tar, b"BZh91AY&SY" + tar, "plain"), StreamError),
    }


@pytest.mark.parametrize("hash_in_thread", [True, False])
@pytest.mark.parametrize("name", broken_layers())
def test_errors_name_the_layer_and_leave_no_thread(name: str, hash_in_thread: bool) -> None:
    """Whatever breaks is a LayerError with its cause, and the hashing thread has ended."""
    built, cause = broken_layers()[name]
    with pytest.raises(LayerError, match="layer 3") as raised:
        scan_layer(BlobSource(built.blob), layer_of(built), hash_in_thread=hash_in_thread)
    assert isinstance(raised.value.cause, cause)
    assert not [thread for thread in threading.enumerate() if thread.name == "ocisize-hash"]


@pytest.mark.parametrize("in_place", [True, False])
@pytest.mark.parametrize("compression", ["gzip", "zstd", "plain"])
def test_other_bytes_are_named_as_such(
    compression: Compression, in_place: bool, region_of: Regions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes that are not the blob fail anywhere; the error says that they are not the blob."""
    built = layer({"a": os.urandom(200_000), "b": os.urandom(200_000)}, compression)
    for position in (0, 20, 300, 250_000):
        other = bytearray(built.blob)
        other[position : position + 200] = os.urandom(200)
        blob = region_of(bytes(other)) if in_place else bytes(other)
        with pytest.raises(LayerError) as raised:
            scan_layer(BlobSource(blob), layer_of(built), verify=not in_place or position > 300)
        assert isinstance(raised.value.cause, DigestMismatch)
    monkeypatch.setattr("ocisize.layer.scan._MAX_DRAINED", 1000)
    first = bytes(1000) + bytes(other)[1000:] if compression == "plain" else built.blob[:50] + bytes(other)[:-50]
    chunks = [first[start : start + 900] for start in range(0, len(first), 900)]
    with pytest.raises(LayerError) as raised:
        scan_layer(ChunkSource(chunks), layer_of(built))
    assert isinstance(raised.value.cause, TarError | StreamError)


@pytest.mark.parametrize("hash_in_thread", [True, False])
def test_reading_on_begins_where_the_stream_broke(
    hash_in_thread: bool, region_of: Regions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a local blob, only the rest is read to verify its digest; the bytes before were hashed while it was unpacked."""
    built = layer({"a": os.urandom(5_000_000)})
    other = bytearray(built.blob)
    other[4_500_000:4_500_200] = bytes(200)
    monkeypatch.setattr("ocisize.layer.scan._MAX_DRAINED", 1_000_000)
    with pytest.raises(LayerError) as raised:
        scan_layer(BlobSource(region_of(bytes(other))), layer_of(built), hash_in_thread=hash_in_thread)
    assert isinstance(raised.value.cause, DigestMismatch)
    assert not [thread for thread in threading.enumerate() if thread.name == "ocisize-hash"]


@pytest.mark.parametrize("hash_in_thread", [True, False])
def test_local_blobs_are_verified(hash_in_thread: bool, region_of: Regions) -> None:
    """A blob of many pieces is verified, and a changed one is refused, whichever thread hashes."""
    built = layer({"a": os.urandom(5_000_000)})
    assert scan_layer(BlobSource(region_of(built.blob)), layer_of(built), hash_in_thread=hash_in_thread).digest_verified
    other = bytearray(built.blob)
    other[4] ^= 1  # the time in the header of gzip, which no decoder checks
    with pytest.raises(LayerError) as raised:
        scan_layer(BlobSource(region_of(bytes(other))), layer_of(built), hash_in_thread=hash_in_thread)
    assert isinstance(raised.value.cause, DigestMismatch)


def test_reading_on_for_the_digest_can_fail_and_end() -> None:
    """A connection that fails while the rest is read changes nothing; a read that is stopped ends."""
    built = raw_layer(b"no tar" * 200_000, "plain")

    def chunks(error: Exception) -> Iterator[bytes]:
        yield built.blob[:1_000_000]
        raise error

    with pytest.raises(LayerError, match="not a tar"):
        scan_layer(ChunkSource(chunks(RegistryError("gone"))), layer_of(built))

    def stop(_: int) -> None:
        raise KeyError

    with pytest.raises(KeyError):
        scan_layer(ChunkSource(chunks(RegistryError("gone"))), layer_of(built), on_bytes=stop)


def test_a_digest_that_cannot_be_verified(region_of: Regions) -> None:
    """A plain layer that is read in place and is not a tar is named so, also if its digest cannot be verified."""
    built = raw_layer(b"no tar" * 1000, "plain")
    descriptor = Descriptor(Digest("blake3:" + "a" * 64), len(built.blob))
    with pytest.raises(LayerError, match="not a tar"):
        scan_layer(BlobSource(region_of(built.blob)), layer_of(built, descriptor=descriptor))


def test_anomalies_of_the_stream_are_in_the_table() -> None:
    """Garbage behind the stream is reported with the layer and belongs to the overhead."""
    tar = tar_bytes({"a": b"x"})
    blob = gzip.compress(tar) + b"garbage" * 1000
    scan = scan_layer(BlobSource(blob), layer_of(BuiltLayer(tar, blob, "gzip")))
    assert scan.table.anomalies == ("garbage follows the gzip stream",)
    assert scan.table.compressed_sizes is not None and scan.table.overhead is not None
    assert sum(scan.table.compressed_sizes) + scan.table.overhead == len(blob)


@pytest.mark.parametrize("in_place", [True, False])
def test_padding_that_is_missing_costs_nothing(region_of: Regions, in_place: bool) -> None:
    """Where the last padding is cut, the shares still add up to the blob."""
    tar = tar_bytes({"a": b"x", "b": b"y"})[: 3 * 512 + 100]
    built = raw_layer(tar, "plain")
    table = scan_layer(BlobSource(region_of(tar) if in_place else tar), layer_of(built)).table
    assert list(table.compressed_sizes or []) == [1024, 612]
    assert table.overhead == 0


def test_progress_ends_at_the_size() -> None:
    """The callback's last position is the blob's size, in place and streamed."""
    for built in (layer(ENTRIES, "plain"), layer(ENTRIES, "gzip"), layer(ENTRIES, "zstd")):
        seen: list[int] = []
        scan_layer(BlobSource(built.blob), layer_of(built), on_bytes=seen.append)
        assert seen[-1] == len(built.blob)


def test_an_empty_layer() -> None:
    """A blob of no bytes is a layer of no entries."""
    built = raw_layer(b"", "plain")
    scan = scan_layer(BlobSource(b""), layer_of(built), verify=True)
    assert (len(scan.table), scan.table.overhead, scan.digest_verified) == (0, 0, True)
