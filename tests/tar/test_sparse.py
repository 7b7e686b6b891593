"""Sparse files: their four forms, the maps that Go's archive/tar refuses, and what the rows of a table say of them.

Go 1.19 was asked about every map here (``benchmarks/gotar.py``): it refuses what is refused here, while it reads the header or
the content. umoci 0.4, Docker 20.10 and containerd 1.6 unpack the PAX forms in full and refuse the old GNU form (tests/compat).
"""

from __future__ import annotations

import io
import tarfile

import pytest
import xxhash

from ocisize.errors import LimitExceeded, TarError
from ocisize.limits import MAX_HOLES, Limits, Meter, Tally
from ocisize.tar.scanner import scan_tar
from ocisize.tar.sparse import SparseMap, parse_old_pairs
from tests.strategies import (
    GNU, SPARSE_FORMS, USTAR, Bytes, base256, header, member, old_sparse_header, padded, pax, scan, sparse_member, sparse_table,
)  # fmt: skip

PIECES = [(0, b"12345"), (8000, b"67890")]
CONTENT = b"12345" + bytes(7995) + b"67890" + bytes(995)
TEN = (b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0")
SIZE, REAL_SIZE, BLOCKS, MAP = b"GNU.sparse.size", b"GNU.sparse.realsize", b"GNU.sparse.numblocks", b"GNU.sparse.map"
OFFSET, BYTES = b"GNU.sparse.offset", b"GNU.sparse.numbytes"


@pytest.mark.parametrize("form", SPARSE_FORMS)
def test_every_form(form: str) -> None:
    """The size is that of the file, the stored size that of its data without the map, and the entry after it is found."""
    table = scan(sparse_member(form, 9000, PIECES, b"real"), header(b"next"))
    assert [(entry.path, entry.kind, entry.size, entry.stored_size) for entry in table] == [
        ("real", "file", 9000, 10), ("next", "file", 0, 0),
    ]  # fmt: skip
    assert table[0].content_hash == xxhash.xxh3_128_hexdigest(CONTENT)
    assert table.payload_start(0) == table.ends[0] - 512
    assert table.tar_size == table.ends[1] + 1024


@pytest.mark.parametrize("form", SPARSE_FORMS)
@pytest.mark.parametrize("size", [500, 512, 513, 5000])
def test_long_maps(form: str, size: int) -> None:
    """Maps of several blocks, with pieces of whole blocks or not."""
    pieces = [(number * 10_000, b"x" * size) for number in range(60)]
    table = scan(sparse_member(form, 700_000, pieces), member(b"next", b"1"))
    assert [(entry.size, entry.stored_size) for entry in table] == [(700_000, 60 * size), (1, 1)]
    content = bytearray(700_000)
    for offset, piece in pieces:
        content[offset : offset + size] = piece
    assert table[0].content_hash == xxhash.xxh3_128_hexdigest(content)


@pytest.mark.parametrize("form", SPARSE_FORMS)
def test_a_file_of_holes(form: str) -> None:
    """A file without data may have a fragment of no bytes at its end, as GNU tar writes it."""
    table = scan(sparse_member(form, 4096, [(4096, b"")]), member(b"dense", bytes(4096)))
    assert [(entry.size, entry.stored_size) for entry in table] == [(4096, 0), (4096, 4096)]
    assert table[0].content_hash == table[1].content_hash


def test_the_pieces_decide_about_the_content() -> None:
    """The same bytes at other offsets are another content; the same content in another form or stored in full is the same."""
    table = scan(
        sparse_member("1.0", 9000, PIECES), sparse_member("gnu", 9000, PIECES), member(b"dense", CONTENT),
        sparse_member("0.1", 9000, [(0, b"123"), (3, b"45"), (8000, b"67890")]),
        sparse_member("1.0", 9000, [(0, b"12345"), (8001, b"67890")]), sparse_member("1.0", 9001, PIECES),
    )  # fmt: skip
    hashes = [entry.content_hash for entry in table]
    assert len(set(hashes[:4])) == 1 and len(set(hashes)) == 3


def test_huge_holes_are_not_hashed() -> None:
    """Files with more holes than can be hashed are compared by data and map, in every form."""
    pieces = [(1 << 40, b"12345")]
    table = scan(
        sparse_member("1.0", 1 << 41, pieces), sparse_member("gnu", 1 << 41, [(0, b""), *pieces]),
        sparse_member("0.1", 1 << 41, [(1 << 39, b"12345")]), sparse_member("0.1", (1 << 41) + 1, pieces),
    )  # fmt: skip
    hashes = [entry.content_hash for entry in table]
    assert hashes[0] == hashes[1] and len(set(hashes)) == 3


def test_kept_content_has_its_holes() -> None:
    """What a scan keeps of a sparse file is its content; it is asked with the size of the file."""
    asked = []

    def wanted(path: bytes, size: int) -> bool:
        asked.append((path, size))
        return True

    tar = sparse_member("1.0", 9000, PIECES, b"etc/os-release") + member(b"z", b"1") + bytes(1024)
    for beginnings, path_parts in ((None, ()), (frozenset[bytes](), ()), (frozenset[bytes](), (b"else",))):
        table = scan_tar(Bytes(tar), wanted=wanted, window_size=512, beginnings=beginnings, path_parts=path_parts)
        assert table.contents[0] == CONTENT
        assert asked[0] == (b"etc/os-release", 9000)
        assert table[0].content_hash == xxhash.xxh3_128_hexdigest(CONTENT)


def test_without_hashes() -> None:
    """Nothing is hashed where no hash is asked for; large files are hashed even where large payloads are passed over."""
    tar = sparse_member("1.0", 9000, PIECES) + member(b"z", b"123456") + bytes(1024)
    assert bytes(scan_tar(Bytes(tar), hash_content=False).hashes) == b""
    table = scan_tar(Bytes(tar), hash_up_to=5)
    assert [entry.content_hash for entry in table] == [xxhash.xxh3_128_hexdigest(CONTENT), None]


def test_a_size_beyond_octal() -> None:
    """A tiny tar can claim exabytes, which are exact."""
    assert scan(old_sparse_header(0, 1 << 60, b""))[0].size == 1 << 60
    assert scan(old_sparse_header(0, (1 << 63) - 1, b""))[0].size == (1 << 63) - 1


def test_a_file_without_a_full_size() -> None:
    """Without a size of its own a sparse file is as large as its payload."""
    assert scan(pax((MAP, b"0,5"), (BLOCKS, b"1")), member(b"x", b"12345"))[0].size == 5


@pytest.mark.parametrize(
    "block",
    [
        old_sparse_header(60, 100, [(50, 60)]),
        old_sparse_header(15, 100, [(50, 10), (40, 5)]),
        old_sparse_header(15, 100, [(50, 10), (55, 5)]),
        old_sparse_header(0, 100, b"x" * 24),
        old_sparse_header(0, b"x" * 12, b""),
        old_sparse_header(0, base256(-1, 12), b""),
        old_sparse_header(4, 100, base256(-5, 12) + base256(9, 12)),
        old_sparse_header(0, 100, base256((1 << 63) - 1, 12) + base256(9, 12)),
        old_sparse_header(0, b"\x80" + b"\x7f" * 11, b""),
        old_sparse_header(0, 100, b"", magic=USTAR),
        old_sparse_header(10, 100, [(0, 9)]),
        old_sparse_header(10, 100, [(0, 11)]),
        old_sparse_header(10, 100, b""),
    ],
    ids=[
        "beyond the end", "descending", "overlap", "no numbers", "no size", "negative size", "negative offset", "offset overflow",
        "size overflow", "not GNU", "data left", "data missing", "data without a map",
    ],
)  # fmt: skip
def test_impossible_old_maps(block: bytes) -> None:
    """A map that Go refuses is refused."""
    with pytest.raises(TarError, match="bad header"):
        scan(block, bytes(512))


def test_endless_maps() -> None:
    """A map cannot be used to fill the memory."""
    block, first = bytes(504) + b"\x01" + bytes(7), bytearray(header(b"s", 0, b"S", magic=GNU, fields={482: b"\1"}))
    with pytest.raises(TarError, match="sparse map of more than"):
        scan(bytes(first), block * 3000)
    with pytest.raises(TarError, match="ends within a sparse map"):
        scan_tar(Bytes(bytes(first) + block * 3))
    lines = b"9000000\n" + b"0\n0\n" * 300_000
    with pytest.raises(TarError, match="sparse map of more than"):
        scan(pax(*TEN), member(b"x", lines))


@pytest.mark.parametrize(
    "records",
    [
        [(MAP, b"0,5,3"), (SIZE, b"9"), (BLOCKS, b"1")],
        [(MAP, b"0,5,3,2"), (SIZE, b"9"), (BLOCKS, b"2")],
        [(MAP, b"0,5,7,x"), (SIZE, b"9"), (BLOCKS, b"2")],
        [(MAP, b"0,5"), (SIZE, b"9")],
        [(MAP, b"0,5"), (SIZE, b"9"), (BLOCKS, b"2")],
        [(MAP, b"0,5"), (SIZE, b"9"), (BLOCKS, b"-1")],
        [(MAP, b"0,5"), (SIZE, b"9"), (BLOCKS, b"one")],
        [(MAP, b"0,5,"), (SIZE, b"9"), (BLOCKS, b"1")],
        [(MAP, b"0,,5"), (SIZE, b"9"), (BLOCKS, b"1")],
        [(MAP, b"0,5"), (SIZE, b"4"), (BLOCKS, b"1")],
        [(MAP, b"0,5"), (SIZE, b"-9"), (BLOCKS, b"1")],
        [(MAP, b"0,5"), (SIZE, b"9" * 19), (BLOCKS, b"1")],
        [(MAP, b"0,5"), (SIZE, b"0x9"), (BLOCKS, b"1")],
        [(MAP, b"-5,5"), (SIZE, b"9"), (BLOCKS, b"1")],
        [(MAP, b"9223372036854775807,5"), (SIZE, b"9223372036854775807"), (BLOCKS, b"1")],
        [(MAP, b"0,4"), (SIZE, b"9"), (BLOCKS, b"1")],
        [(MAP, b"0,6"), (SIZE, b"9"), (BLOCKS, b"1")],
        [(b"GNU.sparse.major", b"0"), (b"GNU.sparse.minor", b"1"), (SIZE, b"9")],
        [(BYTES, b"5")],
        [(OFFSET, b"5"), (OFFSET, b"6")],
        [(OFFSET, b"5,6")],
        [(OFFSET, b"0"), (SIZE, b"9"), (BLOCKS, b"1")],
    ],
)
def test_impossible_records(records: list[tuple[bytes, bytes]]) -> None:
    """A map of PAX records that Go refuses is refused."""
    with pytest.raises(TarError, match="bad header"):
        scan(pax(*records), member(b"x", b"12345"))


@pytest.mark.parametrize(
    "payload",
    [
        b"", b"1\n0\n5\n", b"12345", padded(b"12345"), padded(b"\n1\n0\n5\n") + b"12345", padded(b"-1\n0\n5\n") + b"12345",
        padded(b"0x1\n0\n5\n") + b"12345", padded(b"1\n0\n") + b"12345", padded(b"1\n0\n\n") + b"12345", padded(b"1\n0\n4\n") + b"12345",
        padded(b"1\n0\n6\n") + b"12345", padded(b"0\n") + b"12345", padded(b"1\n9000\n5\n") + b"12345", padded(b"2\n0\n3\n2\n2\n") + b"12345",
        padded(b"9223372036854775807\n0\n5\n") + b"12345", padded(b"1 \n0\n5\n") + b"12345", padded(b"1\r\n0\r\n5\r\n") + b"12345",
        b"1\n" + b"0" * 505 + b"\n5\n12345", padded(b"1\n0\n9223372036854775808\n") + b"12345", bytes(517),
    ],
)  # fmt: skip
def test_impossible_map_lines(payload: bytes) -> None:
    """Text at the start of a payload that is no map, ends early or does not fit the data is refused."""
    with pytest.raises(TarError, match="bad header"):
        scan(pax(*TEN, (REAL_SIZE, b"9000")), member(b"x", payload))


@pytest.mark.parametrize("size", [b"-1", b"9" * 19, b"5.0", b" 9"])
def test_impossible_full_sizes(size: bytes) -> None:
    """The size of the file must be a number that the map fits in."""
    with pytest.raises(TarError, match="bad header"):
        scan(pax(*TEN, (REAL_SIZE, size)), member(b"x", padded(b"1\n0\n5\n") + b"12345"))


@pytest.mark.parametrize("kind", [b"1", b"2", b"5", b"6"])
def test_only_files_are_sparse(kind: bytes) -> None:
    """A link or directory with a sparse map is refused."""
    for records in ([*TEN], [(MAP, b"0,0"), (BLOCKS, b"1")]):
        with pytest.raises(TarError, match="the entry is no regular file"):
            scan(pax(*records), header(b"x", kind=kind, link=b"y"))


def test_unknown_versions_are_ordinary_files() -> None:
    """A sparse version that Go does not know is left alone; the records of old GNU files are, too."""
    records = ((b"GNU.sparse.major", b"2"), (b"GNU.sparse.minor", b"0"), (b"GNU.sparse.name", b"other"), (MAP, b"no map"))
    table = scan(pax(*records), member(b"x", b"1"))
    assert [(entry.path, entry.size, entry.stored_size, table.stored_sizes) for entry in table] == [("x", 1, 1, {})]
    records = (*TEN, (b"GNU.sparse.name", b"other"), (REAL_SIZE, b"7"))
    table = scan(pax(*records), sparse_member("gnu", 9000, PIECES, b"x"))
    assert [(entry.path, entry.size, entry.stored_size) for entry in table] == [("x", 9000, 10)]


def test_a_name_with_nul() -> None:
    """NUL separates names in the table, so that none may get in."""
    with pytest.raises(TarError, match="with NUL"):
        scan(pax(*TEN, (b"GNU.sparse.name", b"a\0b")), member(b"x", padded(b"0\n")))


def test_runtimes_refuse_the_old_form() -> None:
    """Docker, containerd and umoci know neither type S nor type 7: a warning says so, once for each type."""
    table = scan(*(sparse_member("gnu", 9000, PIECES, b"a%d" % number) for number in range(3)), member(b"c", b"1", b"7"))
    assert table.anomalies == (
        "entry 'a0' has the type 'S' (old GNU sparse file), which Docker and containerd refuse to unpack; counted as a file",
        "entry 'c' has the type '7' (contiguous file), which Docker and containerd refuse to unpack; counted as a file",
    )


def test_large_holes_are_named() -> None:
    """Files that take far more disk space than the image suggests are named, the largest ones, and the others counted."""
    quiet = [sparse_member("1.0", 9000, PIECES), sparse_member("1.0", 3 << 20, [(1 << 20, b"1" * (2 << 20))])]
    assert scan(*quiet).anomalies == ()
    files = [sparse_member("1.0", (number + 1) << 21, PIECES, b"f%d" % number) for number in range(12)]
    found = scan(*files).anomalies
    assert found[0] == "the sparse file 'f11' stores 10 bytes and takes 25,165,824 on the disk of every host"
    assert len(found) == 11
    assert found[10] == "2 more sparse files with 6,291,436 bytes of holes"


def test_holes_have_a_limit() -> None:
    """The holes of all layers together are limited, so that every sum is exact; the error names the file."""
    tar = sparse_member("1.0", MAX_HOLES, [(5, b"")], b"big") + bytes(1024)
    tally = Tally(Limits())
    assert scan_tar(Bytes(tar), meter=Meter(tally))[0].size == MAX_HOLES
    with pytest.raises(LimitExceeded, match="bytes of holes in sparse files of all layers, 'one' included"):
        scan_tar(Bytes(sparse_member("1.0", 1, [(1, b"")], b"one") + bytes(1024)), meter=Meter(tally))


def test_maps() -> None:
    """Fragments ascend without overlap and end within the file; empty ones may follow at the end."""
    assert SparseMap(100, [(0, 5), (5, 5), (100, 0)]).data_size == 10
    for pairs in ([(0, 5), (4, 5)], [(5, -1)], [(-1, 5)], [(90, 11)]):
        with pytest.raises(ValueError, match="sparse"):
            SparseMap(100, pairs)


def test_old_tables_end_at_an_unused_pair() -> None:
    """Pairs behind the first unused one are not read."""
    pair = sparse_table((1, 2))
    assert parse_old_pairs(pair + pair + bytes(24) + pair) == [(1, 2), (1, 2)]


def test_tarfile_reads_our_files() -> None:
    """tarfile reads the hand-made files of the tests as this scanner does."""
    for form in SPARSE_FORMS:
        with tarfile.open(fileobj=io.BytesIO(sparse_member(form, 9000, PIECES) + bytes(1024))) as archive:
            (info,) = archive.getmembers()
            file = archive.extractfile(info)
            assert file is not None
            assert (info.size, file.read()) == (9000, CONTENT)
