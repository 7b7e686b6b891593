"""Layers that are read from the zTOCs of a SOCI index."""

from __future__ import annotations

import random
import struct
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocisize import Analysis, Analyzer, check, parse_budgets
from ocisize.layer.toc.checkpoints import _EMPTY_BLOCKS, Checkpoints, _pack
from ocisize.layer.toc.unusable import Unusable
from ocisize.layer.toc.ztoc import read_ztoc
from tests.images import DIR, Entries, File, Hard, Link, layer, sha256
from tests.layer.toc.memory import RangedMemory, ReferredMemory, figures
from tests.socis import (
    ATTACHED_TYPE,
    INDEX_TYPE,
    AttachedSociImage,
    SociImage,
    attached_soci_image,
    compress_in_spans,
    long,
    soci_image,
    soci_layer,
)

RANDOM = random.Random(11)
NOISE = RANDOM.randbytes(60_000)
LARGE = RANDOM.randbytes(900_000)
WORDS = b" ".join(RANDOM.choice([b"alpha", b"beta", b"gamma", b"delta", b"%d"]) for _ in range(400_000))
ENTRIES: Entries = [
    ("etc", DIR),
    ("etc/os-release", b'ID=debian\nVERSION_ID="12"\n'),
    ("usr/lib/words", File(WORDS, mode=0o755, uid=3, gid=4)),
    ("usr/lib/noise", NOISE),
    ("usr/lib/large", LARGE),
    ("var/lib/dpkg/status", b"Package: libc6\nStatus: install ok installed\nVersion: 2.36\n\n" + WORDS[:50_000]),
    ("usr/lib/hard", Hard("usr/lib/noise")),
    ("usr/lib/soft", Link("noise")),
    ("usr/bin/ping", File(NOISE[:900], pax={"SCHILY.xattr.security.capability": "cap", "mtime": "1.5"})),
]


def read_both(image: SociImage, **options: Any) -> tuple[Analysis, Analysis, RangedMemory]:
    source = RangedMemory(image)
    return (
        Analyzer(**options).analyze_source(source, name="app"),
        Analyzer(use_toc=False, **options).analyze_source(RangedMemory(image), name="app"),
        source,
    )


def without_duplicates(analysis: Analysis) -> Any:
    """The figures that a zTOC gives: it has no digests of files."""
    document = figures(analysis)
    return {key: value for key, value in document.items() if key not in {"warnings", "advice", "plan", "duplicate_size"}}


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("span", [400_000, 1 << 22])
def test_figures_are_those_of_reading_the_layer(span: int, old: bool) -> None:
    built = soci_layer(ENTRIES, span=span, old=old)
    image = soci_image([built, layer({"etc/os-release": b"ID=alpine\n", "opt/.wh.x": b""})])
    with_toc, whole, source = read_both(image)
    if span > len(built.tar):  # without checkpoints, its files are at the end of all bytes
        assert with_toc == whole
        return
    assert without_duplicates(with_toc) == without_duplicates(whole)
    assert with_toc.layers[0].toc is not None
    assert (with_toc.layers[0].toc.format, with_toc.layers[0].digest_verified) == ("soci", False)
    assert with_toc.layers[1].digest_verified
    assert built.digest not in source.whole
    assert any("SOCI" in text for text in with_toc.warnings)


def test_files_that_are_read_come_from_the_middle_of_the_stream() -> None:
    built = soci_layer(ENTRIES, span=400_000)
    with_toc, whole, source = read_both(soci_image([built]))
    assert with_toc.layers[0].toc is not None
    assert with_toc.system == whole.system
    assert with_toc.system.packages == 1
    assert source.range_size < len(built.blob)


def test_stored_bytes_add_up() -> None:
    built = soci_layer(ENTRIES, span=400_000)
    with_toc, _, _ = read_both(soci_image([built]))
    (read,) = with_toc.layers
    assert read.files is not None and read.files.compressed_sizes is not None and read.overhead_size is not None
    assert sum(read.files.compressed_sizes) + read.overhead_size == len(built.blob)
    assert min(read.files.compressed_sizes) >= 0


@pytest.mark.parametrize("options", [{"verify": True}, {"hash_content": True}])
def test_contents_that_must_be_read(options: dict[str, Any]) -> None:
    built = soci_layer(ENTRIES, span=400_000)
    with_toc, whole, source = read_both(soci_image([built]), **options)
    assert (with_toc, source.ranges) == (whole, [])


def test_an_index_of_version_1_is_not_used() -> None:
    image = soci_image([soci_layer(ENTRIES, span=400_000)], config_type="application/vnd.amazon.soci.index.v1+json")
    with_toc, whole, source = read_both(image)
    assert (with_toc, source.ranges) == (whole, [])


def read_attached(image: AttachedSociImage, **options: Any) -> tuple[Analysis, ReferredMemory]:
    source = ReferredMemory(image, referrers=image.referrers)
    return Analyzer(**options).analyze_source(source, name="app"), source


@pytest.mark.parametrize(
    ("forbidden", "statuses"),
    [("OS110", ("fail", "incomplete")), ("medium", ("fail", "incomplete")), ("OS120", ("pass", "pass"))],
)
def test_budgets_on_findings_that_need_contents(forbidden: str, statuses: tuple[str, str]) -> None:
    """What cannot be found is not absent: such a budget fails on the layer, as it does on the duplicates in it."""
    twice = soci_layer({"opt/a": LARGE, "opt/b": LARGE, "etc/os-release": b"ID=debian\n"}, span=400_000)
    from_toc, whole, _ = read_both(soci_image([twice]))
    assert from_toc.layers[0].toc is not None
    budgets = parse_budgets(f'forbid-findings = ["{forbidden}"]').budgets
    verdicts = [check(analysis, budgets)[0] for analysis in (whole, from_toc)]
    assert tuple(str(verdict.status) for verdict in verdicts) == statuses


def test_an_attached_index_is_used_if_that_is_asked_for() -> None:
    """It is of version 1: its figures are those of the layer, and nothing calls them verified."""
    image = attached_soci_image([soci_layer(ENTRIES, span=400_000), layer({"etc/motd": b"hello"})])
    found, source = read_attached(image, use_unverified_toc=True)
    whole, unasked = read_attached(image)
    assert source.asked == [(image.digest, ATTACHED_TYPE)]
    assert (unasked.asked, unasked.ranges) == ([], [])
    assert without_duplicates(found) == without_duplicates(whole)
    toc = found.layers[0].toc
    assert toc is not None
    assert (toc.format, toc.verified, found.layers[0].digest_verified) == ("soci", False, False)
    assert any("SOCI index of version 1, which nothing verifies" in text for text in found.warnings)


def test_a_verified_index_comes_first() -> None:
    """An index of version 2 makes nobody ask for what else refers to the image."""
    image = soci_image([soci_layer(ENTRIES, span=400_000)])
    source = ReferredMemory(image)
    found = Analyzer(use_unverified_toc=True).analyze_source(source, name="app")
    assert source.asked == []
    assert found.layers[0].toc is not None
    assert found.layers[0].toc.verified


@pytest.mark.parametrize("options", [{"verify": True}, {"hash_content": True}, {"use_toc": False}])
def test_options_without_attached_indexes(options: dict[str, Any]) -> None:
    image = attached_soci_image([soci_layer(ENTRIES, span=400_000)])
    found, source = read_attached(image, use_unverified_toc=True, **options)
    assert (found.layers[0].toc, source.asked, source.ranges) == (None, [], [])


OTHER_ATTACHED: dict[str, dict[str, Any]] = {
    "other-subject": {"subject": sha256(b"another image")},
    "other-type": {"config_type": "application/vnd.oci.image.config.v1+json"},
    "not-listed": {"listed_type": "application/spdx+json"},
    "version-2": {"config_type": INDEX_TYPE, "listed_type": INDEX_TYPE},
}


@pytest.mark.parametrize("name", OTHER_ATTACHED)
def test_attached_indexes_that_are_not_used(name: str) -> None:
    image = attached_soci_image([soci_layer(ENTRIES, span=400_000)], **OTHER_ATTACHED[name])
    found, source = read_attached(image, use_unverified_toc=True)
    assert (found.layers[0].toc, found.layers[0].digest_verified) == (None, True)
    assert source.ranges == []


@pytest.mark.parametrize("referrers", [None, b"", b"<html>", b"[]", b'{"manifests": []}', b'{"manifests": 7}', b"{}"])
def test_answers_without_an_attached_index(referrers: bytes | None) -> None:
    image = attached_soci_image([soci_layer(ENTRIES, span=400_000)])
    source = ReferredMemory(image, referrers=referrers)
    found = Analyzer(use_unverified_toc=True).analyze_source(source, name="app")
    assert (found.layers[0].toc, found.layers[0].digest_verified) == (None, True)
    assert len(source.asked) == 1


def test_an_attached_index_that_lies() -> None:
    """It may name any files: they are shown, and never as verified."""
    liar = soci_layer(ENTRIES, span=400_000, changes={4: {0: [{0: b"made/up", 1: b"reg", 2: long(512), 3: long(5)}]}})
    found, source = read_attached(attached_soci_image([liar]), use_unverified_toc=True)
    assert found.layers[0].files is not None
    assert [entry.path for entry in found.layers[0].files] == ["made/up"]
    assert found.layers[0].toc is not None
    assert (found.layers[0].toc.verified, found.layers[0].digest_verified) == (False, False)
    assert liar.digest not in source.whole


def test_the_ztoc_of_another_layer_is_refused() -> None:
    """The table of a layer of another size is not used."""
    other, victim = soci_layer({"usr/lib/noise": NOISE}, span=400_000), soci_layer(ENTRIES, span=400_000)
    found, _ = read_attached(attached_soci_image([victim], tables=[(victim, other.ztoc)]), use_unverified_toc=True)
    assert (found.layers[0].toc, found.layers[0].digest_verified) == (None, True)


HOSTILE: dict[str, dict[int, Any]] = {
    "version": {0: b"9.9"},
    "stored-size": {2: long(7)},
    "zstd": {5: {0: ("<b", 2)}},
    "no-compression": {5: {}},
    "no-table": {4: b""},
    "unknown-type": {4: {0: [{0: b"a", 1: b"sparse"}]}},
    "negative-size": {4: {0: [{0: b"a", 1: b"reg", 3: long(-1)}]}},
    "negative-offset": {4: {0: [{0: b"a", 1: b"reg", 2: long(-1)}]}},
    "out-of-order": {4: {0: [{0: b"a", 1: b"dir", 2: long(1024)}, {0: b"b", 1: b"dir", 2: long(512)}]}},
    "overlapping": {4: {0: [{0: b"a", 1: b"reg", 2: long(512), 3: long(900)}, {0: b"b", 1: b"dir", 2: long(1024)}]}},
    "nul": {4: {0: [{0: b"a\0b", 1: b"dir", 2: long(512)}]}},
    "long": {4: {0: [{0: b"a" * 70_000, 1: b"dir", 2: long(512)}]}},
    "huge": {4: {0: [{0: b"a", 1: b"reg", 2: long(512), 3: long(1 << 50)}]}},
    "kept-file-elsewhere": {4: {0: [{0: b"etc/os-release", 1: b"reg", 2: long(1 << 30), 3: long(20)}]}},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_contradictions(name: str) -> None:
    built = soci_layer(ENTRIES, span=400_000, changes=HOSTILE[name])
    with_toc, whole, source = read_both(soci_image([built]))
    assert with_toc == whole
    assert with_toc.layers[0].toc is None
    assert source.whole.count(built.digest) == 1


@pytest.fixture(scope="module")
def built() -> Any:
    return soci_layer(ENTRIES, span=200_000)


@given(st.data())
def test_any_change_of_a_ztoc(built: Any, data: st.DataObject) -> None:
    """Whatever a zTOC holds, it is read or refused."""
    ztoc = bytearray(built.ztoc)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, min(len(ztoc), 3000) - 1))
        if data.draw(st.booleans()):
            ztoc[place] ^= data.draw(st.integers(1, 255))
        else:
            ztoc[place : place + 4] = struct.pack("<I", data.draw(st.integers(0, (1 << 32) - 1)))
    try:
        table = read_ztoc(bytes(ztoc), len(built.blob), "xxh3-128").table
    except Unusable:
        return
    assert table.compressed_sizes is not None and table.overhead is not None
    assert sum(table.compressed_sizes) + table.overhead == len(built.blob)


@given(st.binary(max_size=400))
def test_any_bytes(data: bytes) -> None:
    with pytest.raises(Unusable):
        read_ztoc(data, 1000, "xxh3-128")


def test_blocks_without_content() -> None:
    """Each is taken by zlib, and leaves the stream at another bit."""
    assert [len(bits) % 8 for bits in _EMPTY_BLOCKS] == list(range(8))
    for bits in _EMPTY_BLOCKS:
        decoder = zlib.decompressobj(-15)
        assert decoder.decompress(_pack(bits)) == b""
        assert not decoder.eof


@pytest.mark.parametrize("level", [0, 1, 6, 9])
@pytest.mark.parametrize("content", [NOISE, WORDS[:300_000], NOISE[:5000] + WORDS[:200_000] + NOISE])
def test_streams_are_resumed_at_every_bit(content: bytes, level: int) -> None:
    blob, points = compress_in_spans(content, 9_000, level)
    data = struct.pack("<iq", len(points), 0)
    data += b"".join(struct.pack("<qqB", stored, out, bits) + window for stored, out, bits, window in points)
    stops = [stored for stored, *_ in points[1:]] + [len(blob)]
    starts = [stored - (bits > 0) for stored, _, bits, _ in points]
    digests = [sha256(blob[start:stop]).encode() for start, stop in zip(starts, stops, strict=True)]
    checkpoints = Checkpoints(data, digests, len(blob))
    for span, (_, out, _, _) in enumerate(points):
        spans = checkpoints.spans_of(out, min(out + 15_000, len(content)))
        assert spans[0] == span
        stored = blob[checkpoints.start(span) : checkpoints.stop(spans[-1])]
        assert checkpoints.unpack(stored, spans, 15_000)[:15_000] == content[out : out + 15_000]
    broken = bytearray(blob[checkpoints.start(0) : checkpoints.stop(0)])
    broken[-1] ^= 1
    with pytest.raises(Unusable):
        checkpoints.unpack(bytes(broken), range(1), 10)
