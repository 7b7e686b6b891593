"""LayerValues: what is kept beside the table of a layer comes back equal, and never leads out of the table."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocisize import Analyzer, to_json
from ocisize.cache.columns import pack_document, unpack_document
from ocisize.cache.entry import pack_entry, unpack_entry
from ocisize.errors import OcisizeError
from ocisize.layer_values import LayerValues, _CODECS
from ocisize.rules.load import load_catalog
from ocisize.tar.filetable import FileTable
from ocisize.report.json.platforms import index_to_json
from tests.platforms import write_index_layout
from tests.images import DIR, BuiltImage, Entry, Hard, Link, build_image, layer, write_layout

_MAX_SIZE = 64 << 20
ENTRIES: dict[str, Entry] = {
    "etc": DIR, "etc/os-release": b"ID=alpine\n", "lib/ld-musl-x86_64.so.1": b"x" * 300, "usr/bin/node": b"n" * 900,
    "app/node_modules/.package-lock.json": b'{"packages": {}}', "app/node_modules/a/package.json": b"{}",
    "app/node_modules/b/node_modules/a/package.json": b'{"version": "2.0.1"}',
    "app/node_modules/a/a.d.ts": b"t" * 400, "app/a.js.map": b"m" * 500, "app/a.js": b"j", "root/.ssh/id_rsa": b"k",
    "vendor/composer/installed.json": b"{}", "etc/passwd": b"root", "link": Link("etc"), "hard": Hard("app/a.js"),
    "var/cache/apt/archives/a.deb": b"d" * 600, "app/.wh.old": b"", "twice/a": b"1", "twice/b": b"2",
}  # fmt: skip
LAYERS = [layer(ENTRIES), layer({"app/a.js": b"new", "etc/.wh.passwd": b"", "opt/x.pyc": b"c" * 50})]


class Memory(dict[str, bytes]):
    """A store in memory."""

    def put(self, key: str, data: bytes) -> None:
        self[key] = data

    def discard(self, key: str) -> None:
        del self[key]


def an_image() -> BuiltImage:
    return build_image(LAYERS)


def analyzed(tmp_path: Path, store: Memory) -> tuple[str, list[FileTable]]:
    """The analysis with a cache as JSON, and its tables."""
    folder = tmp_path / "app"
    if not folder.exists():
        write_layout(an_image(), folder)
    analysis = Analyzer(cache=store).analyze(folder)
    return to_json(analysis), [table for layer in analysis.layers if (table := layer.files) is not None]


def forget_analyses(store: Memory) -> None:
    for key in [key for key in store if key.startswith("images-")]:
        del store[key]


def keys_of(store: Memory) -> list[str]:
    return [key for key in store if key.startswith("values-")]


def test_values_come_back(tmp_path: Path) -> None:
    """All of them, equal; an analysis that has them is the same, and keeps nothing again."""
    store = Memory()
    text, tables = analyzed(tmp_path, store)
    assert len(keys_of(store)) == len(tables) == 2
    before = dict(store)
    forget_analyses(store)
    again, loaded = analyzed(tmp_path, store)
    assert again == text and store == before
    for table, other in zip(tables, loaded, strict=True):
        rare = {"users", "composer", "npm locks", "npm manifests", "kept paths"}  # few layers have these
        names = {name for name, codec in _CODECS.items() if codec.key in table.derived}
        assert names >= set(_CODECS) - rare and table is not other
        for name in names:
            assert other.derived[_CODECS[name].key] == table.derived[_CODECS[name].key]


def test_other_rules_have_other_values(tmp_path: Path) -> None:
    """What rules claim is kept for these rules only; without advice nothing is claimed, and nothing is lost."""
    store = Memory()
    folder = write_layout(an_image(), tmp_path / "app")
    Analyzer(cache=store).analyze(folder)
    before = {key: store[key] for key in keys_of(store)}
    Analyzer(cache=store, advice=False).analyze(folder)
    assert {key: store[key] for key in keys_of(store)} == before
    other = attrs.evolve(load_catalog(), rules=load_catalog().rules[:5])
    found = to_json(Analyzer(cache=store, catalog=other).analyze(folder))
    assert found == to_json(Analyzer(catalog=other).analyze(folder))
    assert len(keys_of(store)) == 4


def one_entry(store: Memory) -> tuple[str, list[bytes]]:
    key = max(keys_of(store), key=lambda key: len(store[key]))
    return key, unpack_entry(key, store[key], max_size=_MAX_SIZE)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Memory, str]:
    store, folder = Memory(), tmp_path_factory.mktemp("values")
    text, _ = analyzed(folder, store)
    forget_analyses(store)
    return folder, store, text


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_forged_values_break_nothing(filled: tuple[Path, Memory, str], data: st.DataObject) -> None:
    """Changed sections under a right checksum: another result at worst, or an error of the library; never another error."""
    folder, original, _ = filled
    store = Memory(original)
    key, sections = one_entry(store)
    index = data.draw(st.integers(1, len(sections) - 1))
    section = bytearray(sections[index] or b"\0" * 8)
    for _ in range(data.draw(st.integers(1, 3))):
        section[data.draw(st.integers(0, len(section) - 1))] = data.draw(st.integers(0, 255))
    sections[index] = bytes(section)
    store[key] = pack_entry(key, sections)
    try:
        analyzed(folder, store)
    except OcisizeError:
        pass


@pytest.mark.parametrize(
    "change",
    [
        lambda document: [],
        lambda document: {"runs": 1},
        lambda document: [["other", None, 0]],
        lambda document: [[name, own, count + 1] for name, own, count in document],
        lambda document: [[name, [[99_999], []] if name == "claims" else own, count] for name, own, count in document],
        lambda document: [[name, [-1, 0, 0, 0] if name == "row sums" else own, count] for name, own, count in document],
        lambda document: [[name, [1] if name == "types" else own, count] for name, own, count in document],
        lambda document: [[name, own, count] for name, own, count in document if name != "runs"],
    ],
)
def test_forged_documents_are_misses(filled: tuple[Path, Memory, str], change: object) -> None:
    """The values are computed again, and kept in the place of the forged ones."""
    folder, original, text = filled
    store = Memory(original)
    key, sections = one_entry(store)
    sections[0] = pack_document(change(unpack_document(sections[0])))  # type: ignore[operator]
    store[key] = pack_entry(key, sections)
    assert analyzed(folder, store)[0] == text
    assert store[key] == original[key]


def test_values_of_another_layer_are_a_miss(filled: tuple[Path, Memory, str]) -> None:
    """They do not fit the table."""
    folder, original, text = filled
    store = Memory(original)
    one, other = keys_of(store)
    sections = unpack_entry(one, store[one], max_size=_MAX_SIZE)
    store[other] = pack_entry(other, sections)
    assert analyzed(folder, store)[0] == text
    table = FileTable.empty()
    values = LayerValues(store, one.rpartition("-")[2], load_catalog())
    assert values.load("sha256:" + one.split("/")[3].partition("-")[0], table) == frozenset() and not table.derived


def test_all_platforms_use_what_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Finished analyses of an index, and the values of its layers, come from the cache; the result is the same."""
    folder, store = write_index_layout(tmp_path / "index"), Memory()
    plain = index_to_json(Analyzer().analyze_all(folder))
    assert index_to_json(Analyzer(cache=store).analyze_all(folder)) == plain
    assert any(key.startswith("images-") for key in store) and keys_of(store)
    with monkeypatch.context() as patch:
        patch.setattr(Analyzer, "_analyze_layers", None)  # nothing is analyzed
        assert index_to_json(Analyzer(cache=store).analyze_all(folder)) == plain
    forget_analyses(store)
    assert index_to_json(Analyzer(cache=store).analyze_all(folder)) == plain
    one = Analyzer(platform="linux/amd64")
    assert to_json(attrs.evolve(one, cache=store).analyze(folder)) == to_json(one.analyze(folder))
