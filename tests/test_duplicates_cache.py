"""DuplicatesCache: a new image on known layers has the report that it has without a cache, whatever an entry says."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ocisize import Analyzer, to_json
from ocisize.cache.entry import pack_entry, unpack_entry
from ocisize.errors import OcisizeError
from ocisize.findings.checks import duplicate_pairs
from tests.images import BuiltLayer, Entry, build_image, layer, write_layout
from tests.test_layer_values import Memory, forget_analyses

_MAX_SIZE = 64 << 20


def files(folder: str, count: int, start: int = 0) -> dict[str, Entry]:
    return {f"{folder}/file-{number}.js": f"content {number}".encode() * 9 for number in range(start, start + count)}


def package(folder: str) -> dict[str, Entry]:
    return {
        f"{folder}/node_modules/left/index.js": b"module.exports = 1;" * 30,
        f"{folder}/node_modules/left/LICENSE": b"license" * 40,
        f"{folder}/opt/usr/lib/x": b"lib" * 50,
    }


BASE = [layer({**files("app", 8), **package("one")}), layer({**files("srv", 8, 2), **package("two")})]
TOPS = [
    [layer({"new/a": b"content 3" * 9, "new/b": b"only here"})],
    [layer({"app/.wh.file-3.js": b"", "srv/.wh.file-5.js": b"", "one/.wh.node_modules": b""})],
    [layer({"small": b"s"}), layer({**files("third", 4, 6), **package("three")})],
    [layer(files("fourth", 40, 100))],
    [],
]


@pytest.fixture(autouse=True)
def small_layers_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ocisize.duplicates_cache.LARGE", 4)


def analyzed(folder: Path, layers: list[BuiltLayer], store: Memory | None) -> str:
    write_layout(build_image(layers), folder)
    return to_json(Analyzer(cache=store).analyze(folder))


def keys_of(store: Memory) -> list[str]:
    return sorted(key for key in store if key.startswith("duplicates-"))


@pytest.mark.parametrize("first", range(len(TOPS)))
def test_reports_are_equal(first: int, tmp_path: Path) -> None:
    """Whichever image was analyzed first, the others on the same layers are the same as without a cache."""
    store = Memory()
    for number, top in enumerate([TOPS[first], *TOPS]):
        folder = tmp_path / f"{number}" / "app"
        assert analyzed(folder, [*BASE, *top], store) == to_json(Analyzer().analyze(folder))
        forget_analyses(store)
    assert len(keys_of(store)) >= 2  # both layers, and the lower one


def test_nothing_is_kept_again(tmp_path: Path) -> None:
    """An image of known layers adds nothing to what is known; one without advice adds no codes, and loses none."""
    store = Memory()
    analyzed(tmp_path / "a", BASE, store)
    before = {key: store[key] for key in keys_of(store)}
    assert len(before) == 2
    forget_analyses(store)
    Analyzer(cache=store, advice=False).analyze(tmp_path / "a")
    analyzed(tmp_path / "b", [*BASE, *TOPS[0]], store)
    assert {key: store[key] for key in keys_of(store)} == before


def test_damaged_entries_are_misses(tmp_path: Path) -> None:
    """An entry with another checksum, or of other sections, is replaced."""
    store = Memory()
    text = analyzed(tmp_path / "a", BASE, store)
    forget_analyses(store)
    before = {key: store[key] for key in keys_of(store)}
    for key, entry in before.items():
        store[key] = entry[:-1] + bytes([entry[-1] ^ 1])
    assert to_json(Analyzer(cache=store).analyze(tmp_path / "a")) == text
    assert {key: store[key] for key in keys_of(store)} == before


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_forged_entries_break_nothing(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Changed sections under a right checksum: another result at worst, or an error of the library."""
    folder, store = tmp_path_factory.mktemp("forged") / "app", Memory()
    analyzed(folder, BASE, store)
    forget_analyses(store)
    key = max(keys_of(store), key=lambda key: len(store[key]))
    sections = unpack_entry(key, store[key], max_size=_MAX_SIZE)
    index = data.draw(st.integers(0, len(sections) - 1))
    section = bytearray(sections[index] or b"\0" * 8)
    for _ in range(data.draw(st.integers(1, 3))):
        section[data.draw(st.integers(0, len(section) - 1))] = data.draw(st.integers(0, 255))
    sections[index] = bytes(section)
    store[key] = pack_entry(key, sections)
    try:
        Analyzer(cache=store).analyze(folder)
    except OcisizeError:
        pass


def test_codes_of_replaced_originals_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a rule claims the original, the first copy that is left takes its place; no path is looked at again."""
    data = b"types" * 4000
    claimed = {"one/node_modules/left/types.d.ts": data, **files("app", 8), **package("one")}
    layers = [layer(claimed), layer({"keep/a": data, "keep/b": data, "keep/c": data, **files("srv", 8, 2)})]
    store = Memory()
    analyzed(tmp_path / "a", layers, store)
    forget_analyses(store)
    kept = {key: store[key] for key in keys_of(store)}

    with monkeypatch.context() as patch:
        patch.setattr(duplicate_pairs, "_find_codes", None)
        text = analyzed(tmp_path / "b" / "app", [*layers, layer({"new": b"n"})], store)

    assert text == to_json(Analyzer().analyze(tmp_path / "b" / "app"))
    assert {key: store[key] for key in keys_of(store)} == kept
    assert "/keep/a" in text
