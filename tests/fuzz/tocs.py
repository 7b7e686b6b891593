"""Tables of contents of any bytes: their JSON, their stored forms, and zTOCs."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from ocisize.layer.toc.documents import read_entries
from ocisize.layer.toc.entries import TocTableBuilder
from ocisize.layer.toc.footer import read_footer
from ocisize.oci.toc_annotations import ESTARGZ, ZSTD_CHUNKED
from ocisize.layer.toc.spans import share_out
from ocisize.layer.toc.stored import StoredToc
from ocisize.layer.toc.unusable import Unusable
from ocisize.layer.toc.ztoc import read_ztoc
from ocisize.limits import Limits, Meter, Tally
from ocisize.tar.filetable import FileTable
from tests.fuzz.oracle import Harness
from tests.images import DIR, Entries, File, Hard, Link
from tests.socis import SociLayer, soci_layer
from tests.tocs import LAYOUTS, TocLayer, estargz, zstd_chunked

_NOISE = bytes(range(256)) * 40
_ENTRIES: Entries = {
    "etc": DIR,
    "etc/os-release": b"ID=debian\n",
    "usr/bin/tool": File(_NOISE, mode=0o755, uid=1, pax={"SCHILY.xattr.user.a": "b"}),
    "usr/bin/hard": Hard("usr/bin/tool"),
    "usr/bin/soft": Link("tool"),
    "empty": b"",
}
_SIZE = 1 << 20  # of the layer that a table is of
_TOKENS = tuple(
    b'"type" "name" "size" "offset" "endOffset" "innerOffset" "chunkOffset" "chunkSize" "digest" "reg" "chunk" "hardlink" '
    b'"entries" "version" {} [] null true -1 1e9 99999999999999999999 \\u0000 \\ud800'.split()
)


@functools.cache
def _layers() -> tuple[TocLayer, ...]:
    return (
        *(estargz(_ENTRIES, chunk=chunk, members=members) for chunk, members in ((1 << 20, 1), (3000, 1), (1 << 20, 3))),
        *(zstd_chunked(_ENTRIES, layout, chunk=3000) for layout in LAYOUTS),
    )


@functools.cache
def _soci() -> SociLayer:
    return soci_layer(_ENTRIES, span=4000)


def _meter() -> Meter:
    return Meter(Tally(Limits(entries=100_000, metadata_size=10 << 20)))


def _check(table: FileTable, size: int) -> None:
    """The laws of stored bytes and of columns hold for every table that is used."""
    assert table.compressed_sizes is not None and table.overhead is not None
    assert sum(table.compressed_sizes) + table.overhead == size
    assert min((table.overhead, *table.compressed_sizes)) >= 0
    assert len(table) == len(table.sizes) == len(table.owners) == len(list(table))


def run_json(data: bytes) -> None:
    """JSON of any bytes; a step says in which pieces they come."""
    step = data[0] + 1 if data else 1
    pieces = (data[start : start + step] for start in range(1, len(data), step))
    builder = TocTableBuilder(_meter())
    try:
        for entry in read_entries(pieces):
            builder.add(entry)
        table = builder.build(tar_size=None)
        shares = share_out(builder.pieces, _SIZE, len(table))
    except Unusable:
        return
    _check(table.with_compressed_sizes(shares, _SIZE - sum(shares)), _SIZE)


def run_stored(data: bytes) -> None:
    """The end of a layer of any bytes: its footer, and the table that the footer names."""
    try:
        form, span = read_footer(data[-72:], len(data))
        stored = StoredToc(form, data[span.start : span.stop], 8 << 20)
        for _ in read_entries(stored.json()):
            pass
        stored.file()
    except Unusable:
        pass
    for form in (ESTARGZ, ZSTD_CHUNKED):
        try:
            list(read_entries(StoredToc(form, data, 8 << 20).json()))
        except Unusable:
            continue


def run_ztoc(data: bytes) -> None:
    """A zTOC of any bytes."""
    size = len(_soci().blob)
    try:
        found = read_ztoc(data, size, "xxh3-128", _meter())
    except Unusable:
        return
    _check(found.table, size)


def json_seeds() -> Sequence[bytes]:
    return [bytes([step]) + built.toc for step in (7, 255) for built in _layers()]


def stored_seeds() -> Sequence[bytes]:
    return [built.blob[-3000:] for built in _layers()] + [built.blob for built in _layers()]


def ztoc_seeds() -> Sequence[bytes]:
    """zTOCs, whose checkpoints come last."""
    return [_soci().ztoc, soci_layer(_ENTRIES, span=4000, old=True).ztoc]


HARNESSES = {
    "toc-json": Harness(run_json, json_seeds, _TOKENS),
    "toc-stored": Harness(run_stored, stored_seeds, (b"SG\x16\0", b"STARGZ", b"GnUlInUx", b"\x50\x2a\x4d\x18"), quick=300),
    "ztoc": Harness(run_ztoc, ztoc_seeds, (b"reg", b"dir", b"\xff\xff\xff\x7f", b"\0\0\0\0"), quick=600),
}
