"""Tables of contents that contradict themselves are not used: the layer is read, and the figures are right."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocisize.blob.digest import digest_of
from ocisize.layer.toc.contents import merge_spans, read_contents
from ocisize.layer.toc.documents import read_entries
from ocisize.layer.toc.entries import TocTableBuilder
from ocisize.layer.toc.footer import read_footer, tail_size
from ocisize.layer.toc.position import StoredSpan, find_toc
from ocisize.layer.toc.spans import Pieces, share_out
from ocisize.layer.toc.stored import StoredToc
from ocisize.layer.toc.unusable import Unusable
from ocisize.oci.documents import Descriptor
from tests.images import DIR, Entries, Hard, Link, sha256
from tests.layer.toc.memory import figures, read_both
from tests.tocs import LAYOUTS, TAR_SIZE, TOC_DIGEST, TocLayer, estargz, zstd_chunked

NOISE = random.Random(3).randbytes(300_000)
ENTRIES: Entries = {
    "etc": DIR,
    "etc/a": NOISE[:60_000],
    "etc/b": NOISE[60_000:150_000],
    "etc/link": Link("a"),
    "etc/hard": Hard("etc/a"),
    "etc/os-release": b"ID=debian\nVERSION_ID=12\n",
    "etc/empty": b"",
}


def at(path: str, **fields: Any) -> Callable[[list[dict[str, Any]]], None]:
    """Set fields of an entry; None removes one."""

    def change(entries: list[dict[str, Any]]) -> None:
        entry = next(entry for entry in entries if entry["name"].rstrip("/") == path)
        entry.update(fields)
        for name in [name for name, value in entry.items() if value is None]:
            del entry[name]

    return change


def place_of(path: str, entries: list[dict[str, Any]]) -> int:
    """Where the content of an entry begins."""
    return int(next(entry["offset"] for entry in entries if entry["name"] == path))


def add(**entry: Any) -> Callable[[list[dict[str, Any]]], None]:
    """Add an entry."""
    return lambda entries: entries.append(entry)


OTHER = sha256(b"other")
HOSTILE: dict[str, Callable[[list[dict[str, Any]]], None]] = {
    "overlapping": at("etc/b", offset=9),
    "same-offset": lambda entries: at("etc/b", offset=place_of("etc/a", entries))(entries),
    "outside": at("etc/b", offset=10**9),
    "huge-offset": at("etc/b", offset=10**30),
    "negative": at("etc/b", offset=-1),
    "no-offset": at("etc/b", offset=None),
    "no-digest": at("etc/b", digest=None),
    "no-sha256": at("etc/b", digest="sha512:" + "0" * 128),
    "short-digest": at("etc/b", digest="sha256:beef"),
    "spaced-digest": at("etc/b", digest="sha256:" + "0" * 62 + "  "),
    "wrong-digest-of-a-kept-file": at("etc/os-release", digest=OTHER),
    "wrong-size-of-a-kept-file": at("etc/os-release", size=7),
    "huge-size": at("etc/b", size=1 << 61),
    "layer-size": at("etc/b", size=1 << 50),
    "float-size": at("etc/b", size=9.5),
    "text-size": at("etc/b", size="9"),
    "true-size": at("etc/b", size=True),
    "unknown-type": at("etc/b", type="sparse"),
    "no-type": at("etc/b", type=None),
    "list-type": at("etc/b", type=None, mode=[1]),
    "no-name": at("etc/empty", name=None),
    "number-name": add(type="dir", name=7),
    "nul-name": add(type="dir", name="a\0b"),
    "surrogate-name": add(type="dir", name="a\ud800"),
    "lossy-name": add(type="dir", name="a\N{REPLACEMENT CHARACTER}"),
    "long-name": add(type="dir", name="a" * 70_000),
    "no-link": add(type="symlink", name="a"),
    "xattrs": add(type="dir", name="a", xattrs={"user.a": "?"}),
    "xattrs-list": add(type="dir", name="a", xattrs=["user.a"]),
    "xattrs-number": add(type="dir", name="a", xattrs={"user.a": 7}),
    "chunk-first": lambda entries: entries.insert(0, {"type": "chunk", "name": "etc/a", "offset": 9}),
    "chunk-of-other": add(type="chunk", name="etc/b", offset=9),
    "chunk-too-many": lambda entries: entries.insert(
        2, {"type": "chunk", "name": "etc/a", "offset": 9, "chunkOffset": 60_000}
    ),
    "chunk-missing": at("etc/a", chunkSize=100),
    "chunk-too-large": at("etc/a", chunkSize=1 << 20),
    "chunk-offset": at("etc/a", chunkOffset=5),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("write", [estargz, zstd_chunked])
def test_contradictions(write: Callable[..., TocLayer], name: str) -> None:
    built = write(ENTRIES, change=HOSTILE[name])
    with_toc, whole, source = read_both(built)
    assert figures(with_toc) == figures(whole)
    assert with_toc.layers[0].toc is None
    assert with_toc.layers[0].digest_verified
    assert source.whole.count(built.digest) == 1


def test_ends_of_some_contents_only() -> None:
    built = zstd_chunked(ENTRIES, change=at("etc/b", endOffset=None))
    with_toc, whole, _ = read_both(built)
    assert (figures(with_toc), with_toc.layers[0].toc) == (figures(whole), None)


def test_links_in_a_circle_are_those_of_the_tar() -> None:
    """A table may list what a tar may have: hard links to themselves and to each other."""
    entries: Entries = {"data": NOISE, "a": Hard("b"), "b": Hard("a"), "c": Hard("c"), "d": Link("d")}
    with_toc, whole, source = read_both(estargz(entries))
    assert figures(with_toc) == figures(whole)
    assert with_toc.layers[0].toc is not None
    assert with_toc.warnings == whole.warnings


@pytest.mark.parametrize("footer", ["47", "46"])
def test_other_footers(footer: Any) -> None:
    built = estargz(ENTRIES, footer=footer)
    with_toc, whole, _ = read_both(built)
    assert figures(with_toc) == figures(whole)
    assert (with_toc.layers[0].toc is None) == (footer == "46")  # its table is in another image


def test_an_empty_list_of_a_layer_with_files() -> None:
    """The author of the manifest says that there are no files: that is shown, and marked as not verified."""
    built = zstd_chunked(ENTRIES, change=list.clear)
    with_toc, _, _ = read_both(built)
    assert with_toc.file_count == 0
    assert with_toc.layers[0].overhead_size == len(built.blob)
    assert not with_toc.layers[0].digest_verified


POSITION = "io.github.containers.zstd-chunked.manifest-position"
CHECKSUM = "io.github.containers.zstd-chunked.manifest-checksum"


@pytest.mark.parametrize(
    "annotations",
    [
        {POSITION: "90000:5000:40000:1"},
        {POSITION: "90000:5000:40000:2", CHECKSUM: OTHER},
        {POSITION: "90000:5000:40000", CHECKSUM: OTHER},
        {POSITION: "90000:500000:40000:1", CHECKSUM: OTHER},
        {POSITION: "0:5000:40000:1", CHECKSUM: OTHER},
        {POSITION: "-1:5000:40000:1", CHECKSUM: OTHER},
        {POSITION: "90000:0:40000:1", CHECKSUM: OTHER},
        {POSITION: "90000:5000:99999999999:1", CHECKSUM: OTHER},
        {POSITION: "90000:5000:40000:1", CHECKSUM: "sha512:" + "0" * 128},
        {POSITION: "90000:5000:40000:1", CHECKSUM: OTHER, TOC_DIGEST: "sha256:beef"},
        {POSITION: "90000:5000:40000:1", CHECKSUM: OTHER, POSITION.replace("github.", ""): "90001:5000:40000:1"},
        {TOC_DIGEST: "none"},
        {},
    ],
)
def test_annotations_that_name_no_table(annotations: dict[str, str]) -> None:
    assert find_toc(Descriptor(digest_of(b""), 100_000, annotations=annotations)) is None


@given(st.binary(max_size=200), st.integers(0, 1 << 40))
def test_any_end_of_a_layer(tail: bytes, size: int) -> None:
    with pytest.raises(Unusable):
        read_footer(tail, size)


@given(st.data())
def test_any_change_of_a_footer(data: st.DataObject) -> None:
    built = data.draw(st.sampled_from([estargz(ENTRIES), *(zstd_chunked(ENTRIES, form) for form in LAYOUTS)]))
    tail, size = bytearray(built.blob[-72:]), len(built.blob)
    tail[data.draw(st.integers(0, 71))] ^= data.draw(st.integers(1, 255))
    try:
        _, span = read_footer(bytes(tail), size)
    except Unusable:
        return
    assert 0 < span.start < span.stop <= size


@given(st.integers(1, 1 << 50))
def test_the_end_that_is_read_first(size: int) -> None:
    assert 0 < tail_size(size) <= min(size, 1 << 20)


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["version", "entries", "name", "type", "size", "offset", "digest", "xattrs"]) | st.text(max_size=3),
        inner, max_size=5),
    max_leaves=20,
), st.integers(1, 50))  # fmt: skip
def test_any_json(document: Any, step: int) -> None:
    text = json.dumps(document).encode()
    builder = TocTableBuilder()
    try:
        for entry in read_entries(text[start : start + step] for start in range(0, len(text), step)):
            builder.add(entry)
        builder.build(tar_size=None)
    except Unusable:
        return
    assert document["version"] == 1


@given(st.binary(max_size=300), st.sampled_from(["estargz", "zstd:chunked"]))
def test_any_stored_bytes(data: bytes, form: str) -> None:
    stored = StoredToc(form, data, 1 << 20)
    try:
        list(read_entries(stored.json()))
    except Unusable:
        return
    raise AssertionError(data)


@pytest.mark.parametrize(
    "text",
    [
        b"", b"{", b"[]", b"{}", b'{"version": 1}', b'{"entries": []}', b'{"version": 2, "entries": []}',
        b'{"version": 1, "entries": null}', b'{"version": 1, "entries": [1]}', b'{"version": 1, "entries": [{}',
        b'{"version": 1, "entries": [{},]}', b'{"version": 1, "entries": []} {}', b'{"version": true, "entries": []}',
        b'{"version": 1, "version": 1, "entries": []}', b'{"version": 1, "entries": [' + b"[" * 200_000,
        b'{"version": 1, "entries": [{"name": "' + b"x" * (3 << 20), b'{"version": 1, "entries": ["\xff"]}',
        b'{"version": 1, "entries": []}\xff', b'{"version": ' + b"1" * 10_000 + b"}",
    ],
)  # fmt: skip
def test_json_that_is_no_table(text: bytes) -> None:
    with pytest.raises(Unusable):
        list(read_entries(text[start : start + 65536] for start in range(0, len(text), 65536)))


def test_pieces_of_json() -> None:
    text = json.dumps(
        {"extra": {"a": [1, 2]}, "version": 1, "entries": [{"name": "é" * 9, "size": 12}, {"name": "b"}]}
    ).encode()
    for step in range(1, len(text) + 1):
        pieces = [text[start : start + step] for start in range(0, len(text), step)]
        assert [entry["name"] for entry in read_entries(pieces)] == ["é" * 9, "b"]


def test_a_file_after_many_bytes_of_others_is_not_unpacked() -> None:
    """16 MiB of zeros as gzip are 16 GiB: no more than a few are unpacked to get to a small file."""
    builder = TocTableBuilder()
    builder.add({"type": "reg", "name": "a", "size": 9, "offset": 10, "innerOffset": 100 << 20, "digest": OTHER})
    builder.pieces.stops[0] = 1000

    def unpack(index: int, data: bytes) -> bytes:
        raise AssertionError(index, data)

    with pytest.raises(Unusable, match="after more than"):
        read_contents(builder.build(tar_size=None), [0], builder.pieces, lambda span: bytes(span.size), unpack, 1 << 30)


@pytest.mark.parametrize("size", ["1024", str(1 << 50)])
def test_a_tar_of_another_size_than_its_files(size: str) -> None:
    """The annotation is a claim: one that the files contradict, or that no limit allows, is not shown."""
    built = estargz(ENTRIES)
    built = attrs.evolve(built, annotations={**built.annotations, TAR_SIZE: size})
    with_toc, whole, _ = read_both(built)
    assert (with_toc, with_toc.layers[0].toc) == (whole, None)


spans = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 60), st.booleans()), max_size=12)


@given(spans, st.integers(0, 320), st.booleans())
def test_shares_of_any_spans(listed: list[tuple[int, int, bool]], end: int, ends_known: bool) -> None:
    """Shares are not negative and add up to at most the bytes before the end, whatever the table lists."""
    pieces = Pieces()
    for row, (start, size, _) in enumerate(listed):
        pieces.add(row, start, max(size, 1), skip=7 * row)
        if ends_known:
            pieces.stops[-1] = start + size
    try:
        shares = share_out(pieces, end, len(listed))
    except Unusable:
        return
    assert min(shares, default=0) >= 0
    assert sum(shares) <= end
    ordered = sorted(zip(pieces.starts, pieces.stops, strict=True))
    assert all(before[1] <= after[0] or before == after for before, after in zip(ordered, ordered[1:], strict=False))


def test_many_contents_in_another_order_take_linear_time() -> None:
    count = 200_000
    pieces = Pieces()
    for number in range(count):
        row = number // 2 if number % 2 else count - 1 - number // 2
        pieces.add(number, 10 + 10 * row, 5)
        pieces.stops[-1] = 15 + 10 * row
    shares = share_out(pieces, 10 * count + 20, count)
    assert sum(shares) == 5 + 10 * count


def test_spans_are_joined() -> None:
    far = [StoredSpan(number << 20, (number << 20) + 10) for number in range(100)]
    merged = merge_spans(far)
    assert len(merged) <= 8
    assert all(any(part.start <= span.start < span.stop <= part.stop for part in merged) for span in far)
