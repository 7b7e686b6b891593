"""LayerCache: what is kept of a scan, what comes back, and what is no entry."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable
from pathlib import Path

import attrs
import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from ocisize import Analyzer
from ocisize.blob.digest import Digest
from ocisize.cache.columns import pack_document, pack_numbers
from ocisize.cache.entry import BadEntry, pack_entry, unpack_entry
from ocisize.errors import LayerError
from ocisize.layer.cache import SCAN_VERSION, LayerCache
from ocisize.layer.scan import LayerScan, scan_layer
from ocisize.layer.table_sections import pack_table, unpack_table
from ocisize.limits import Limits, Meter, Tally
from ocisize.oci.documents import FILE_NAMED, SELF_NAMED, Descriptor
from ocisize.oci.image import Layer
from ocisize.tar.filetable import FileTable
from tests.images import DIR, BuiltLayer, Entry, File, Hard, Link, Sparse, build_image, layer, raw_layer, write_layout
from tests.strategies import Bytes, columns, scan, sparse_member, tars

_MAX_SIZE = 64 << 20
ENTRIES: dict[str, Entry] = {
    "etc": DIR, "etc/passwd": b"root", "big": random.Random(1).randbytes(30_000), "empty": b"", "link": Link("etc/passwd"),
    "hard": Hard("big"), "var/lib/dpkg/status": b"Package: a\nStatus: install ok installed\n\n",
    "x" * 300: File(b"x" * 7_000, mode=0o755, uid=1 << 30, pax={"SCHILY.xattr.user.k": "v"}),
}  # fmt: skip
LAYER = layer(ENTRIES)


class Memory(dict[str, bytes]):
    """A store in memory that can forget."""

    def put(self, key: str, data: bytes) -> None:
        self[key] = data

    def discard(self, key: str) -> None:
        del self[key]


class OneBlob:
    """A source of one blob."""

    def __init__(self, blob: bytes) -> None:
        self.blob = blob

    def read_manifest(self, digest: str | None = None) -> bytes:
        raise NotImplementedError

    def open_blob(self, descriptor: Descriptor) -> Iterable[bytes]:
        return [self.blob]


def layer_of(built: BuiltLayer, **changes: object) -> Layer:
    descriptor = attrs.evolve(Descriptor(Digest(built.digest), len(built.blob)), **changes)  # type: ignore[arg-type]
    return Layer(0, descriptor, Digest(built.diff_id))


def keep(cache: LayerCache, built: BuiltLayer = LAYER, *, verify: bool = False) -> LayerScan:
    """Scan a layer and keep the scan."""
    meter = cache.make_meter(Tally(Limits()))
    found = scan_layer(OneBlob(built.blob), layer_of(built), verify=verify, meter=meter)
    cache.keep(layer_of(built), found, meter)
    return found


def restore(table: FileTable) -> FileTable:
    return unpack_table(unpack_entry("k", pack_entry("k", pack_table(table)), max_size=_MAX_SIZE), max_paths=_MAX_SIZE)


@settings(max_examples=150, deadline=None)
@given(tars())
def test_a_table_comes_back_equal(tar: bytes) -> None:
    """All columns, of all kinds of entries; and the entry of what comes back is the same, byte by byte."""
    table = scan(tar, end=b"")
    sized = table.with_compressed_sizes(table.ends, 17)
    for before in (table, sized):
        after = restore(before)
        assert columns(after) == columns(before)
        assert list(after.paths) == list(before.paths) and list(after.paths.rooted) == list(before.paths.rooted)
        assert list(after) == list(before)
        assert pack_table(after) == pack_table(before)


def test_rare_columns_come_back() -> None:
    """Sparse files, extended attributes, kept contents, rooted and odd paths, claims of headers, anomalies."""
    table = scan(sparse_member("1.0", 100_000, [(5_000, b"x" * 700)]))
    rare = attrs.evolve(
        table,
        claimed_sizes={0: 5},
        type_flags={0: ord("7")},
        xattrs={0: {"user.\udc80": b"\0\xff", "security.capability": b""}},
        contents={0: b"a\0b"},
        anomalies=("a line\udcff",),
    )
    assert columns(restore(rare)) == columns(rare) and rare.stored_sizes
    odd = layer({"/rooted": b"1", "../out": b"2", "a\nb": b"3", "caf\udce9": b"4"})
    found = scan_layer(OneBlob(odd.blob), layer_of(odd)).table
    assert columns(restore(found)) == columns(found)
    assert list(restore(found).paths.rooted) == list(found.paths.rooted) == [0]


def test_long_tables_are_split_as_before() -> None:
    """Rows of several pieces, and single rows, have their paths."""
    names = {f"d{number // 1000}/f{number}": b"" for number in range(40_000)}
    table = scan_layer(OneBlob((built := layer(names, "plain")).blob), layer_of(built)).table
    again = restore(table)
    assert list(again.paths.pieces()) == list(table.paths.pieces())
    assert [again.paths[row] for row in (0, 39_999, 17_000)] == [table.paths[row] for row in (0, 39_999, 17_000)]
    assert list(again.paths.rows_with(b"f3999\0")) == list(table.paths.rows_with(b"f3999\0"))


def test_the_scan_comes_back() -> None:
    """The same table and facts."""
    store = Memory()
    cache = LayerCache(store)
    assert cache.find(layer_of(LAYER), verify=False) is None
    before = keep(cache)
    found = cache.find(layer_of(LAYER), verify=False)
    assert found is not None
    assert columns(found.scan.table) == columns(before.table)
    assert attrs.evolve(found.scan, table=before.table) == before


def test_a_comparison_reads_no_layer_that_an_analysis_has_read(tmp_path: Path) -> None:
    """The lists of Python's packages, which only a comparison reads, are in every scan."""
    records = {"usr/lib/python3/site-packages/a-1.dist-info/RECORD": b"a.py,,\n", "usr/lib/python3/site-packages/a.py": b"a"}
    write_layout(build_image([layer(records)]), tmp_path / "app")
    store, log = Memory(), list[int]()
    Analyzer(cache=store).analyze(tmp_path / "app")
    found = Analyzer(cache=store, keep_packages=True, on_progress=lambda progress: log.append(progress.done)).analyze(
        tmp_path / "app"
    )
    assert not log
    files = found.layers[0].files
    assert files is not None and b"a.py,,\n" in files.contents.values()


def test_a_diff_id_counts_as_verified_only_if_it_was() -> None:
    """A scan without --verify is a miss for one with it; one with it is a hit for both, each with its own facts."""
    cache = LayerCache(Memory())
    keep(cache)
    assert cache.find(layer_of(LAYER), verify=True) is None
    keep(cache, verify=True)
    facts = [
        found.scan.diff_id_verified for verify in (False, True) if (found := cache.find(layer_of(LAYER), verify=verify))
    ]
    assert facts == [False, True]
    other = attrs.evolve(layer_of(LAYER), diff_id=Digest("sha256:" + 64 * "0"))
    assert cache.find(other, verify=True) is None
    assert cache.find(other, verify=False) is not None


def test_plain_layers() -> None:
    """The digest of a plain layer is its diff_id; with another one, only a scan can raise the error."""
    cache, built = LayerCache(Memory()), layer({"a": b"1"}, "plain")
    before = keep(cache, built)
    found = cache.find(layer_of(built), verify=True)
    assert found is not None and found.scan.diff_id_verified and before.diff_id_verified
    assert cache.find(attrs.evolve(layer_of(built), diff_id=Digest("sha256:" + 64 * "1")), verify=False) is None


def test_what_a_scan_would_refuse_is_no_hit() -> None:
    """Another size in the manifest, and blobs whose digest is only the name of their file."""
    cache = LayerCache(Memory())
    keep(cache)
    assert cache.find(layer_of(LAYER, size=len(LAYER.blob) + 1), verify=False) is None
    for name in (SELF_NAMED, FILE_NAMED):
        assert cache.find(layer_of(LAYER, annotations={name: "true"}), verify=False) is None


def test_only_verified_scans_are_kept() -> None:
    """A scan whose bytes were not all verified, or that was counted by another meter, leaves nothing."""
    store = Memory()
    cache = LayerCache(store)
    meter = cache.make_meter(Tally(Limits()))
    found = scan_layer(OneBlob(LAYER.blob), layer_of(LAYER, annotations={SELF_NAMED: "true"}), meter=meter)
    assert not found.digest_verified
    cache.keep(layer_of(LAYER), found, meter)
    cache.keep(layer_of(LAYER), attrs.evolve(found, digest_verified=True), Meter(Tally(Limits())))
    assert not store


@pytest.mark.parametrize(
    ("limits", "limit"),
    [
        (Limits(entries=3), "entries"),
        (Limits(metadata_size=100), "metadata_size"),
        (Limits(layer_size=1000), "layer_size"),
        (Limits(kept_size=10), "kept_size"),
        (Limits(ratio=1, ratio_floor=1), "ratio"),
    ],
)
def test_a_layer_from_the_cache_counts_against_the_limits(limits: Limits, limit: str) -> None:
    """The error is that of a scan."""
    cache = LayerCache(Memory())
    keep(cache)
    found = cache.find(layer_of(LAYER), verify=False)
    assert found is not None
    errors = []
    for cached in (True, False):
        meter = Meter(Tally(limits, len(LAYER.blob)))
        with pytest.raises(LayerError) as caught:
            found.count(layer_of(LAYER), meter) if cached else scan_layer(OneBlob(LAYER.blob), layer_of(LAYER), meter=meter)
        errors.append((caught.value.index, caught.value.digest, getattr(caught.value.cause, "limit", None)))
    assert errors[0] == errors[1] == (0, LAYER.digest, limit)


def test_holes_count_again() -> None:
    """Sparse files in layers from the cache have the limit of all layers together."""
    built = layer({"disk": Sparse(1 << 51, [(0, b"x")])})
    cache = LayerCache(Memory())
    keep(cache, built)
    found = cache.find(layer_of(built), verify=False)
    assert found is not None
    tally = Tally(Limits())
    found.count(layer_of(built), Meter(tally))
    with pytest.raises(LayerError, match="holes"):
        for _ in range(2):
            found.count(layer_of(built), Meter(tally))


def one_entry() -> tuple[Memory, LayerCache, str, bytes]:
    store = Memory()
    cache = LayerCache(store)
    keep(cache)
    ((key, entry),) = store.items()
    return store, cache, key, entry


def is_miss(cache: LayerCache, store: Memory, key: str) -> bool:
    """Whether the entry is no hit and was removed."""
    return cache.find(layer_of(LAYER), verify=False) is None and key not in store


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_entries_are_misses(data: st.DataObject) -> None:
    """Cut anywhere, with any byte changed, or with bytes behind."""
    store, cache, key, entry = one_entry()
    place = data.draw(st.integers(0, len(entry) - 1))
    changed = bytearray(entry)
    changed[place] ^= data.draw(st.integers(1, 255))
    for damaged in (entry[:place], bytes(changed), entry + b"\0"):
        store[key] = damaged
        assert is_miss(cache, store, key)


def test_swapped_and_future_entries_are_misses() -> None:
    """An entry under the key of another layer, and one whose magic has another version."""
    store, cache, key, entry = one_entry()
    other = layer({"b": b"2"})
    keep(cache, other)
    (other_key,) = store.keys() - {key}
    store[key] = store[other_key]
    assert is_miss(cache, store, key)
    store[key] = entry[:7] + b"\2" + entry[8:]
    assert is_miss(cache, store, key)
    assert f"-{SCAN_VERSION}-" in key


def forge(key: str, change: object, facts: object = None) -> bytes:
    """The entry of LAYER with some sections replaced, and the right checksum."""
    _, _, own_key, entry = one_entry()
    sections = unpack_entry(own_key, entry, max_size=_MAX_SIZE)
    for index, section in change.items() if isinstance(change, dict) else ():
        sections[index] = section
    if facts is not None:
        sections[0] = pack_document(facts)
    return pack_entry(key, sections)


#: by index of the section: the facts of the scan, then those of ``pack_table``
FORGED = {
    "no facts": {0: b"[]"}, "no document": {1: b"{"}, "deep document": {1: b"[" * 100_000}, "no attributes": {1: b"{}"},
    "unclean directories": {2: b"a//b"}, "other runs": {3: b"\xff" * 4}, "fewer names": {4: b"etc/"}, "no end of names": {4: b"x"},
    "no chunks": {5: b"", 6: b"", 7: b""}, "kinds": {9: b"Z" * 8}, "fewer kinds": {9: b"0"},
    "negative sizes": {10: b"\xff" * 64}, "fewer sizes": {10: b"\0" * 8}, "half a number": {10: b"\0" * 63},
    "negative gaps": {11: b"\0" * 56 + b"\xff" * 8}, "fewer gaps": {11: b"\0" * 8},
    "gaps beyond all tars": {11: b"\xff" * 56 + b"\x7f" * 8}, "owners": {12: b"\xff" * 32}, "hashes": {13: b"1"},
    "negative shares": {14: b"\xff" * 64}, "rows that do not exist": {15: b"\xff\0\0\0", 16: b"\0" * 8},
    "a link of no row": {21: b"\xff\xff\xff\xff", 22: b"\0" * 8, 23: b""}, "texts of other lengths": {22: b"\xff" * 16},
}  # fmt: skip


@pytest.mark.parametrize("name", FORGED)
def test_forged_sections_are_misses(name: str) -> None:
    """Whatever is in the sections, with the right checksum: no error, and no hit unless it is a table."""
    store, cache, key, _ = one_entry()
    store[key] = forge(key, FORGED[name])
    assert is_miss(cache, store, key)


@pytest.mark.parametrize(
    "facts", [{}, {"compression": "rar", "usage": [0] * 7}, {"compression": "gzip", "usage": [0] * 6},
              {"compression": "gzip", "usage": [-1] * 7}, {"compression": "gzip", "usage": "0000000"},
              {"compression": ["gzip"], "usage": [0] * 7}],
)  # fmt: skip
def test_forged_facts_are_misses(facts: object) -> None:
    store, cache, key, _ = one_entry()
    store[key] = forge(key, {}, facts)
    assert is_miss(cache, store, key)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_forged_entry_is_a_table_or_a_miss(data: st.DataObject) -> None:
    """A changed section under a right checksum never raises; a table that comes back can be read to its end."""
    store, cache, key, entry = one_entry()
    sections = unpack_entry(key, entry, max_size=_MAX_SIZE)
    index = data.draw(st.integers(0, len(sections) - 1))
    section = bytearray(sections[index] or b"\0" * 8)
    for _ in range(data.draw(st.integers(1, 4))):
        section[data.draw(st.integers(0, len(section) - 1))] = data.draw(st.integers(0, 255))
    sections[index] = bytes(section)
    store[key] = pack_entry(key, sections)
    found = cache.find(layer_of(LAYER), verify=False)
    if found is not None:
        assert len(list(found.scan.table)) == len(found.scan.table) == len(found.scan.table.ends or found.scan.table.kinds)
        found.count(layer_of(LAYER), Meter(Tally(Limits())))


def test_a_bomb_is_a_miss() -> None:
    """An entry that unpacks to more than the limits allow is not unpacked, whatever sizes it claims."""
    store, cache, key, _ = one_entry()
    store[key] = forge(key, {2: bytes(1 << 20)})
    assert is_miss(LayerCache(store, limits=Limits(memory=1 << 20)), store, key)
    honest = pack_entry("k", [bytes(1 << 20)])
    body = bytearray(honest[24:])
    body[12:20] = (1 << 10).to_bytes(8, "little")  # the frame says more than the list of sizes
    checksum = xxhash.xxh3_128(b"k\0" + bytes(body)).digest()
    with pytest.raises(BadEntry):
        unpack_entry("k", honest[:8] + checksum + bytes(body), max_size=_MAX_SIZE)


def test_equal_sections_give_equal_entries() -> None:
    """Nothing of the time, the process or the source is in an entry."""
    assert one_entry()[3] == one_entry()[3]


def test_a_failing_store_keeps_nothing() -> None:
    """Any object with the two methods is a store."""

    class Nothing:
        def get(self, key: str) -> bytes | None:
            return None

        def put(self, key: str, data: bytes) -> None:
            return

    keep(LayerCache(Nothing()))


def test_the_meaning_of_a_scan_has_a_version() -> None:
    """If this fails, scans find something else in the same bytes: raise SCAN_VERSION, and change the digest here.

    Columns are written as text: the form of an entry may change alone. The function of the content hashes is in the key.
    """
    tar = scan_bytes()
    built = raw_layer(tar, "plain")
    table = scan_layer(OneBlob(built.blob), layer_of(built)).table
    left_out = ("paths", "derived", "hash_function")
    text = repr([sorted((name, str(value)) for name, value in columns(table).items() if name not in left_out)])
    text += repr([*table.paths]) + repr([*table.paths.rooted])
    assert (SCAN_VERSION, hashlib.sha256(text.encode()).hexdigest()[:16]) == (4, "a8b94ab16afa93dc")


def scan_bytes() -> bytes:
    """A tar of many kinds of entries, with files that are kept, and one with an excerpt."""
    import tarfile

    from tests.images import tar_bytes
    from tests.programs import go_program

    kept = {"etc/os-release": b"ID=x\n", "lib/apk/db/installed": b"P:x\n", "a.dist-info/RECORD": b"x,,\n"}
    program = File(go_program(b"mod\tx.org/a\tv1.0.0\t\n"), mode=0o755)
    return tar_bytes({**ENTRIES, **kept, "s": Sparse(5000, [(512, b"data")]), "bin/a": program}, format=tarfile.PAX_FORMAT)


def test_numbers_are_planes() -> None:
    from array import array

    assert pack_numbers(array("q", [-1, 2])) == b"\xff\x02" + b"\xff\x00" * 7
    assert Bytes(b"").data == b""
