"""Excerpts of executables and jars: the same from every form of a layer, counted, cached, and left out with the contents."""

from __future__ import annotations

import io
import random
import tempfile

import pytest

from ocisize.blob.region import FileRegion
from ocisize.errors import LimitExceeded
from ocisize.excerpts import collect
from ocisize.excerpts.collect import MIN_LARGE_SIZE, Excerpts
from ocisize.excerpts.parts import GO_BUILD_INFO, JAR, MANIFEST, POM_PROPERTIES, RUST_CRATES, unpack_parts
from ocisize.layer.payloads import read_excerpts
from ocisize.layer.scan import LayerScan, scan_layer
from ocisize.layer.table_sections import pack_table, unpack_table
from ocisize.layer.usage import RecordingMeter
from ocisize.limits import Limits, Meter, Tally
from ocisize.oci.documents import Descriptor
from ocisize.oci.image import Layer
from ocisize.tar.filetable import FileTable
from ocisize.tar.scanner import WINDOW, scan_tar
from tests.images import SUFFIXES, BuiltLayer, Entry, File, Sparse, compress, layer, tar_bytes
from tests.programs import crates, go_program, make_jar, manifest, pom, rust_program, spring_boot_jar
from tests.strategies import Bytes, Chopped, columns

GO = go_program(b"mod\tx.org/a\tv1.0.0\t\n", size=MIN_LARGE_SIZE)
LARGE_GO = go_program(b"mod\tx.org/b\tv1.0.0\t\n", before=random.Random(2).randbytes(800_000), size=3_000_000)
RUST = rust_program(crates({"name": "app", "version": "1.0.0", "root": True}), size=700_000)
SMALL_JAR = make_jar({**pom("org.x", "small", "1.0"), "A.class": bytes(900)})
SHOP = spring_boot_jar(
    {"small-1.0.jar": SMALL_JAR, "other-2.jar": make_jar(manifest(Bundle_Version="2"))},
    [random.Random(3).randbytes(400_000)],
)
FILLER = {f"srv/{number}.txt": random.Random(number).randbytes(9_000) for number in range(80)}
ENTRIES: dict[str, Entry] = {
    "usr/bin/go-app": File(GO, mode=0o755), "usr/bin/data": GO, "usr/bin/small": File(GO[: MIN_LARGE_SIZE - 1], mode=0o755),
    "a/small-1.0.jar": SMALL_JAR, **FILLER, "./usr/bin/large": File(LARGE_GO, mode=0o111), "a/shop.jar": SHOP,
    "b/small-1.0.jar": SMALL_JAR, "a/shop.war": SHOP, "a/small.war": SMALL_JAR, "/usr/bin/rust": File(RUST, mode=0o700),
    "a/empty.jar": b"", "a/text.jar": b"no jar", "usr/bin/sparse": Sparse(MIN_LARGE_SIZE, [(0, GO[:4096])]),
    "x" * 120 + "/" + "y" * 60 + ".jar": File(SMALL_JAR, pax={"SCHILY.xattr.user.k": "v"}), "a/small-1.0.jar.txt": SMALL_JAR,
    "usr/bin/last": File(GO, mode=0o755),
}  # fmt: skip
EXPECTED = {
    b"usr/bin/go-app": [GO_BUILD_INFO], b"a/small-1.0.jar": [JAR, POM_PROPERTIES], b"usr/bin/large": [GO_BUILD_INFO],
    b"a/shop.jar": [JAR, MANIFEST, JAR, POM_PROPERTIES, JAR, MANIFEST, POM_PROPERTIES], b"b/small-1.0.jar": [JAR, POM_PROPERTIES],
    b"a/shop.war": [JAR, MANIFEST, JAR, POM_PROPERTIES, JAR, MANIFEST, POM_PROPERTIES], b"usr/bin/rust": [RUST_CRATES],
    b"x" * 120 + b"/" + b"y" * 60 + b".jar": [JAR, POM_PROPERTIES], b"usr/bin/last": [GO_BUILD_INFO],
}  # fmt: skip
TAR = tar_bytes(ENTRIES)
BUILT = layer(ENTRIES, "gzip")


def kinds(table: FileTable) -> dict[bytes, list[bytes]]:
    """The kinds of the parts of all excerpts, by path."""
    return {table.paths[row]: [part.kind for part in unpack_parts(text)] for row, text in table.excerpts.items()}


class _Source:
    """A source of one blob, in memory or in a file."""

    def __init__(self, blob: bytes | FileRegion) -> None:
        self.blob = blob

    def read_manifest(self, digest: str | None = None) -> bytes:
        raise NotImplementedError

    def open_blob(self, descriptor: Descriptor) -> list[bytes] | FileRegion:
        return [self.blob] if isinstance(self.blob, bytes) else self.blob


def scan_built(built: BuiltLayer, **options: object) -> LayerScan:
    """The scan of a layer, as a stream."""
    from ocisize.blob.digest import Digest

    described = Layer(0, Descriptor(Digest(built.digest), len(built.blob)), Digest(built.diff_id))
    return scan_layer(_Source(built.blob), described, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("compression", SUFFIXES)
def test_streams_have_the_excerpts(compression: str) -> None:
    """Of executables from 128 KiB on, and of jars: small ones too if they end with .jar."""
    built = BuiltLayer(TAR, compress(TAR, compression), compression)  # type: ignore[arg-type]
    assert kinds(scan_built(built).table) == EXPECTED


def test_layers_read_in_place_have_the_same() -> None:
    """Whatever else is read of them."""
    streamed = scan_built(BuiltLayer(TAR, TAR, "plain")).table
    with tempfile.TemporaryFile(buffering=0) as file:
        file.write(TAR)
        region = FileRegion(file.fileno(), 0, len(TAR))
        described = Layer(0, Descriptor(BuiltLayer(TAR, TAR, "plain").digest, len(TAR)), None)  # type: ignore[arg-type]
        for hash_content in (False, True):
            scan = scan_layer(_Source(region), described, hash_content=hash_content)
            assert scan.table.excerpts == streamed.excerpts and not scan.digest_verified
        assert columns(scan.table) == columns(streamed)


@pytest.mark.parametrize("window_size", [2048, 64 << 10, WINDOW, 8 << 20])
def test_windows_and_reads_of_any_size(window_size: int) -> None:
    """Neither the size of the window nor that of reads changes a table, and excerpts change no other column."""
    expected = columns(scan_tar(io.BytesIO(TAR)))
    for stream in (Bytes(TAR), Chopped(TAR, 3)):
        table = scan_tar(stream, excerpts=Excerpts(), window_size=window_size)
        assert kinds(table) == EXPECTED
        assert {**columns(table), "excerpts": {}} == expected


def test_excerpts_are_counted_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their sum is held to the limits, and what has no room any more is left out, wherever the layer is read from."""
    table, meter = scan_built(BUILT).table, RecordingMeter(Tally(Limits()))
    size, packages = sum(map(len, table.excerpts.values())), sum(map(len, EXPECTED.values()))
    scan_built(BUILT, meter=meter)
    assert size + 128 * packages < meter.usage.kept < size + 128 * 2 * packages  # a package has more than its bytes
    size = meter.usage.kept
    scan_built(BUILT, meter=Meter(Tally(Limits(kept_size=size))))
    with pytest.raises(Exception, match="package databases") as caught:
        scan_built(BUILT, meter=Meter(Tally(Limits(kept_size=size - 1))))
    assert isinstance(caught.value.__cause__, LimitExceeded)
    size = sum(map(len, table.excerpts.values()))
    monkeypatch.setattr(collect, "_MAX_TOTAL", size // 2)
    streamed = scan_built(BuiltLayer(TAR, TAR, "plain")).table
    assert 0 < sum(map(len, streamed.excerpts.values())) <= size // 2
    with tempfile.TemporaryFile(buffering=0) as file:
        file.write(TAR)
        region = FileRegion(file.fileno(), 0, len(TAR))
        assert read_excerpts(region, streamed, Excerpts()).excerpts == streamed.excerpts


def test_excerpts_are_cached_and_left_out_with_the_contents() -> None:
    """The cache keeps them; tables of analyses without packages do not."""
    table = scan_built(BUILT).table
    assert columns(unpack_table(pack_table(table), max_paths=1 << 20)) == columns(table)
    assert not table.without_contents().excerpts and table.excerpts
    assert table.with_hashes([]).excerpts == table.excerpts


def test_a_file_that_was_cut_ends_its_excerpt() -> None:
    """Nothing is read behind the end of the file."""
    table = scan_built(BuiltLayer(TAR, TAR, "plain")).table
    with tempfile.TemporaryFile(buffering=0) as file:
        file.write(TAR[: len(TAR) // 2])
        found = read_excerpts(FileRegion(file.fileno(), 0, len(TAR)), table, Excerpts())
    assert set(kinds(found)) <= set(EXPECTED)
