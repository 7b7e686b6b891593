"""What hides what when layers are laid over each other, one test per rule."""

from __future__ import annotations

import io
import sys
import tarfile

import pytest

from ocisize.history.steps import LayerHistory
from ocisize.model.waste import Cause
from ocisize.filesystem.overlap import find_overlapping_rows
from ocisize.filesystem.overlay import Overlay, _Merger, overlay_all
from ocisize.sizes.layers import LayerFacts, summarize_layers, sum_layers
from ocisize.filesystem.duplicates import find_duplicates
from ocisize.filesystem.waste import find_waste
from ocisize.tar.filetable import FileTable
from ocisize.tar.scanner import scan_tar
from tests.images import DIR, Entries, Entry, File, Hard, Link, Special, tar_bytes

Waste = list[tuple[str, str, int, int]]


def tables_of(*layers: Entries, format: int = tarfile.PAX_FORMAT) -> list[FileTable]:
    return [scan_tar(io.BytesIO(tar_bytes(entries, format=format))) for entries in layers]


def wasted(*layers: Entries, format: int = tarfile.PAX_FORMAT) -> Waste:
    """Path, cause, holding and hiding layer of every wasted file, by path and layer."""
    tables = tables_of(*layers, format=format)
    found = find_waste(tables, overlay_all(tables))
    return sorted((entry.path, str(entry.cause), entry.held_by, entry.hidden_by) for entry in found)


def anomalies(*layers: Entries) -> str:
    return "\n".join(overlay_all(tables_of(*layers)).anomalies)


# Files and directories


def test_files_at_different_paths_live() -> None:
    """Nothing is hidden without a reason."""
    assert wasted({"a": b"1", "d/b": b"2"}, {"c": b"3", "d/e": b"4"}) == []


def test_file_over_file() -> None:
    """The upper layer's file is seen, the lower one is overwritten."""
    assert wasted({"d/a": b"1"}, {"d/a": b"2"}) == [("d/a", "overwritten", 0, 1)]


def test_only_the_next_layer_hides() -> None:
    """A file that is overwritten again and again is hidden each time by the next layer that has it."""
    layers: list[Entries] = [{"a": b"1"}, {}, {"a": b"2"}, {"a": b"3"}]
    assert wasted(*layers) == [("a", "overwritten", 0, 2), ("a", "overwritten", 2, 3)]


def test_the_same_content_again() -> None:
    """A file stored again with other owner, mode or time but the same content is metadata-only."""
    upper = {"a": File(b"1", mode=0o755, uid=7, mtime=9)}
    assert wasted({"a": b"1"}, upper) == [("a", "metadata-only", 0, 1)]


def test_the_same_size_is_not_the_same_content() -> None:
    """Metadata-only is decided by content, not by size."""
    assert wasted({"a": b"1"}, {"a": b"2"})[0][1] == "overwritten"


def test_unread_content_is_not_called_the_same() -> None:
    """Where no content was read, an overwritten file is just overwritten."""
    tables = [scan_tar(io.BytesIO(tar_bytes({"a": b"1"})), hash_content=False) for _ in range(2)]
    assert [str(entry.cause) for entry in find_waste(tables, overlay_all(tables))] == ["overwritten"]


def test_file_over_directory() -> None:
    """A file in the place of a directory hides all below it."""
    lower: Entries = {"d": DIR, "d/a": b"1", "d/e/b": b"2", "c": b"3"}
    assert wasted(lower, {"d": b"4"}) == [("d/a", "overwritten", 0, 1), ("d/e/b", "overwritten", 0, 1)]


def test_symlink_over_directory() -> None:
    """So does a symlink, even one to a directory with the same files."""
    assert wasted({"lib/a": b"1", "usr/lib/a": b"1"}, {"lib": Link("usr/lib")}) == [("lib/a", "overwritten", 0, 1)]


@pytest.mark.parametrize("kind", [tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE])
def test_special_files_over_directory_and_file(kind: bytes) -> None:
    """Devices and pipes hide like files, a 0:0 character device included: it is no whiteout in a tar."""
    special: Entry = Special(kind)
    assert wasted({"d/a": b"1", "b": b"2"}, {"d": special, "b": special}) == [
        ("b", "overwritten", 0, 1),
        ("d/a", "overwritten", 0, 1),
    ]


def test_directory_over_file() -> None:
    """A directory in the place of a file hides it."""
    assert wasted({"a": b"1"}, {"a": DIR}) == [("a", "overwritten", 0, 1)]


def test_directory_over_directory() -> None:
    """A directory that is listed again keeps its content."""
    assert wasted({"d": DIR, "d/a": b"1"}, {"d": DIR, "d/b": b"2"}) == []


def test_implied_parents() -> None:
    """Directories need no entry of their own, in either layer."""
    assert wasted({"d/e/a": b"1"}, {"d/e/a": b"2", "d/f/b": b"3"}) == [("d/e/a", "overwritten", 0, 1)]


def test_an_implied_directory_hides_a_file() -> None:
    """A path below what was a file makes it a directory."""
    assert wasted({"a": b"1"}, {"a/b/c": b"2"}) == [("a", "overwritten", 0, 1)]


def test_a_hidden_tree_can_come_back() -> None:
    """A directory created again has nothing of the one that was hidden."""
    found = wasted({"d/e/a": b"1"}, {"d": b"2"}, {"d/e/a": b"3"})
    assert found == [("d", "overwritten", 1, 2), ("d/e/a", "overwritten", 0, 1)]


def test_root_entries() -> None:
    """An entry for the root itself carries attributes only and hides nothing."""
    for root in (".", "./", "/"):
        assert wasted({root: DIR, "a": b"1"}, {root: DIR, "b": b"2"}) == []


def test_a_layer_of_the_root_alone() -> None:
    """A layer with nothing but the root's entry is a layer."""
    assert wasted({"a": b"1"}, {"./": DIR}, {"a": b"2"}) == [("a", "overwritten", 0, 2)]


@pytest.mark.parametrize("name", ["./d/a", "/d/a", "d//a", "d/./a", "d/x/../a"])
def test_paths_are_compared_in_one_form(name: str) -> None:
    """Leading dots and slashes and doubled slashes do not make another path."""
    assert wasted({"d/a": b"1"}, {name: b"2"}) == [("d/a", "overwritten", 0, 1)]


def test_case_is_distinguished() -> None:
    """``A`` and ``a`` are two files."""
    assert wasted({"a": b"1"}, {"A": b"2"}, {".wh.A": b""}) == [("A", "deleted", 1, 2)]


def test_names_that_are_not_utf8() -> None:
    """Any bytes are a name, and names that differ in such bytes differ."""
    lower: Entries = {"d\udcff/a\udce9": b"1", "d\udcff/a\udce8": b"2"}
    found = wasted(lower, {"d\udcff/.wh.a\udce9": b""}, format=tarfile.GNU_FORMAT)
    assert found == [("d\udcff/a\udce9", "deleted", 0, 1)]


def test_unicode_is_not_normalised() -> None:
    """A composed and a decomposed accent are two names."""
    assert wasted({"\u00e9": b"1"}, {"e\u0301": b"2"}) == []


def test_backslash_is_a_character() -> None:
    """A backslash separates nothing."""
    assert wasted({"d/a": b"1"}, {"d\\a": b"2"}) == []


def test_empty_files_waste_nothing() -> None:
    """A hidden file without content is not waste."""
    assert wasted({"a": b"", "b": b""}, {"a": b"", ".wh.b": b""}) == []


# Duplicate entries


def test_the_last_entry_of_a_layer_wins() -> None:
    """An earlier entry of the same layer at the same path is wasted by the layer itself."""
    assert wasted([("a", b"1"), ("a", b"1"), ("a", b"3")]) == [("a", "duplicate-entry", 0, 0)] * 2


def test_duplicates_over_a_lower_file() -> None:
    """The first of two entries hides the lower file, the second hides the first."""
    found = wasted({"a": b"1"}, [("a", b"1"), ("a", b"3")])
    assert found == [("a", "duplicate-entry", 1, 1), ("a", "metadata-only", 0, 1)]


def test_file_over_directory_in_one_layer() -> None:
    """Changes of kind within a layer hide as between layers, with their own cause."""
    found = wasted({"d/x": b"0"}, [("d/a", b"1"), ("d", b"2"), ("d", DIR)])
    assert found == [("d", "duplicate-entry", 1, 1), ("d/a", "duplicate-entry", 1, 1), ("d/x", "overwritten", 0, 1)]


# Whiteouts


def test_whiteout_of_a_file() -> None:
    """The file is deleted, its neighbours stay."""
    assert wasted({"d/a": b"1", "d/b": b"2"}, {"d/.wh.a": b""}) == [("d/a", "deleted", 0, 1)]


def test_whiteout_of_a_directory() -> None:
    """The whole tree is deleted, names that merely begin alike are not."""
    found = wasted({"d/a": b"1", "d/e/b": b"2", "dd": b"3", "d.x/a": b"4"}, {".wh.d": b""})
    assert found == [("d/a", "deleted", 0, 1), ("d/e/b", "deleted", 0, 1)]


def test_whiteout_reaches_all_lower_layers() -> None:
    """A tree that several layers built is deleted as one."""
    assert wasted({"d/a": b"1"}, {"d/b": b"2"}, {".wh.d": b""}) == [("d/a", "deleted", 0, 2), ("d/b", "deleted", 1, 2)]


@pytest.mark.parametrize("marker", [".wh.x", "d/.wh.x", "x/y/.wh.z", "d/a/.wh.x", "d/a/.wh..wh..opq", "x/.wh..wh..opq"])
def test_whiteout_of_a_missing_path(marker: str) -> None:
    """A whiteout of what is not there does nothing, and makes no directories."""
    assert wasted({"d/a": b"1"}, {marker: b""}) == []


def test_whiteout_in_the_base_layer() -> None:
    """A whiteout in the first layer has nothing to hide."""
    assert wasted([("a", b"1"), (".wh.a", b""), (".wh..wh..opq", b"")]) == []


@pytest.mark.parametrize("upper", [[(".wh.a", b""), ("a", b"2")], [("a", b"2"), (".wh.a", b"")]], ids=["before", "after"])
def test_whiteout_hides_nothing_of_its_own_layer(upper: Entries) -> None:
    """In either order this layer's file survives, and the lower one is deleted, not overwritten."""
    assert wasted({"a": b"1"}, upper) == [("a", "deleted", 0, 1)]


def test_whiteout_beside_its_directory() -> None:
    """A directory that is deleted and created again in one layer has only its new content."""
    assert wasted({"d/a": b"1", "d/b": b"2"}, [("d/b", b"3"), (".wh.d", b"")]) == [
        ("d/a", "deleted", 0, 1),
        ("d/b", "deleted", 0, 1),
    ]


def test_a_deleted_file_can_come_back() -> None:
    """File, whiteout, file again: only the first is wasted, by the whiteout."""
    assert wasted({"a": b"1"}, {".wh.a": b""}, {"a": b"1"}) == [("a", "deleted", 0, 1)]


@pytest.mark.parametrize("last", [False, True])
def test_opaque_hides_lower_layers_only(*, last: bool) -> None:
    """An opaque marker hides the lower content of its directory wherever it is in the tar."""
    marker: tuple[str, Entry] = ("d/.wh..wh..opq", b"")
    added: tuple[str, Entry] = ("d/n", b"4")
    upper = [added, marker] if last else [marker, added]
    lower: Entries = {"d": DIR, "d/a": b"1", "d/e/b": b"2", "c": b"3"}
    assert wasted(lower, upper) == [("d/a", "opaque", 0, 1), ("d/e/b", "opaque", 0, 1)]


def test_opaque_root() -> None:
    """An opaque root starts over."""
    assert wasted({"a": b"1", "d/b": b"2"}, {"c": b"3", ".wh..wh..opq": b""}) == [
        ("a", "opaque", 0, 1),
        ("d/b", "opaque", 0, 1),
    ]


def test_opaque_and_overwritten() -> None:
    """A file that an opaque layer brings again is wasted by the marker, not by the file."""
    assert wasted({"d/a": b"1"}, {"d/a": b"1", "d/.wh..wh..opq": b""}) == [("d/a", "opaque", 0, 1)]


@pytest.mark.parametrize("kind", [DIR, Link("x"), Special(tarfile.CHRTYPE)], ids=["directory", "symlink", "device"])
def test_whiteouts_match_by_name(kind: Entry) -> None:
    """A whiteout is one by its name, whatever its type."""
    assert wasted({"a": b"1", "d/b": b"2"}, {".wh.a": kind, "d/.wh..wh..opq": kind}) == [
        ("a", "deleted", 0, 1),
        ("d/b", "opaque", 0, 1),
    ]


def test_payload_of_whiteouts() -> None:
    """Bytes in a marker are waste of its own layer and change nothing of what it does."""
    assert wasted({"a": b"1"}, {".wh.a": b"data", "d/.wh..wh..opq": b"data"}) == [
        (".wh.a", "unreachable", 1, 1),
        ("a", "deleted", 0, 1),
        ("d/.wh..wh..opq", "unreachable", 1, 1),
    ]


@pytest.mark.parametrize("name", [".wh.", ".wh..", ".wh...", "d/.wh.", "d/.wh..", "d/.wh..."])
def test_invalid_whiteouts(name: str) -> None:
    """A whiteout without a name, of ``.`` or of ``..`` hides nothing and is reported."""
    lower: Entries = {"a": b"1", "d/b": b"2"}
    assert wasted(lower, {name: b""}) == []
    assert f"layer 1: the whiteout {name!r} names nothing" in anomalies(lower, {name: b""})


# Hard links


def test_hard_links_hold_nothing() -> None:
    """Bytes are counted once for all names; a link alone wastes nothing."""
    tables = tables_of({"a": b"1234", "b": Hard("a"), "d/c": Hard("b")})
    assert sum(map(sum, (table.sizes for table in tables))) == 4
    assert find_waste(tables, overlay_all(tables)) == find_waste([], overlay_all([]))


LINKED: Entries = {"a": b"1", "b": Hard("a"), "d/c": Hard("b")}


@pytest.mark.parametrize("upper", [{".wh.a": b""}, {"a": b"2"}, {"a": DIR}, {"b": b"2"}, {".wh.a": b"", "b": b"2"}])
def test_bytes_live_while_a_name_shows(upper: Entries) -> None:
    """Replacing or deleting some names of a file, the first included, frees nothing."""
    assert wasted(LINKED, upper) == []


def test_all_names_deleted() -> None:
    """With the last name the bytes are gone; cause and layer are those of the last name."""
    layers: list[Entries] = [LINKED, {".wh.a": b""}, {"b": b"2"}, {"d/.wh..wh..opq": b""}]
    assert wasted(*layers) == [("a", "opaque", 0, 3)]


def test_all_names_deleted_at_once() -> None:
    """A whiteout of the directory with all names deletes the bytes once."""
    assert wasted({"d/a": b"1", "d/b": Hard("d/a")}, {".wh.d": b""}) == [("d/a", "deleted", 0, 1)]


def test_links_stored_again() -> None:
    """A chown of a file with two names stores it again under both and is metadata-only."""
    again: Entries = {"a": File(b"1", uid=5), "b": Hard("a")}
    assert wasted({"a": b"1", "b": Hard("a")}, again) == [("a", "metadata-only", 0, 1)]


def test_copy_up_breaks_a_link() -> None:
    """A name stored again alone leaves the old bytes to the other name, until that goes too."""
    layers: list[Entries] = [{"a": b"1", "b": Hard("a")}, {"a": b"1"}]
    assert wasted(*layers) == []
    assert wasted(*layers, {".wh.b": b""}) == [("a", "deleted", 0, 2)]


def test_link_to_a_lower_layers_file() -> None:
    """The link shares the lower file's bytes, which then outlive the file; this is reported."""
    layers: list[Entries] = [{"a": b"1"}, {"b": Hard("a")}, {".wh.a": b""}]
    assert wasted(*layers) == []
    assert wasted(*layers, {"b": b"2"}) == [("a", "overwritten", 0, 3)]
    assert "layer 1: the hard link 'b' points to a lower layer" in anomalies(*layers)


def test_cause_is_that_of_the_bytes() -> None:
    """A lower file whose last name is an upper layer's link is never a duplicate entry of that layer."""
    found = wasted({"a": b"1"}, [("b", Hard("a")), ("a", b"2"), ("b", b"3")])
    assert found == [("a", "overwritten", 0, 1)]


def test_link_without_target() -> None:
    """A link to nothing holds nothing, still hides what it replaces, and is reported."""
    layers: list[Entries] = [{"b": b"1"}, {"b": Hard("gone")}]
    assert wasted(*layers) == [("b", "overwritten", 0, 1)]
    assert "layer 1: the hard link 'b' has no target 'gone'" in anomalies(*layers)


def test_link_to_a_directory() -> None:
    """A directory is no target."""
    assert "has no target 'd'" in anomalies({"d/a": b"1", "b": Hard("d")})


def test_link_to_a_deleted_file() -> None:
    """What a whiteout of the same layer deletes is no target any more."""
    assert wasted({"a": b"1"}, {"b": Hard("a"), ".wh.a": b""}) == [("a", "deleted", 0, 1)]


@pytest.mark.parametrize(
    "layers", [[[("a", b"1"), ("a", Hard("a"))]], [{"a": b"1"}, {"a": Hard("a")}]], ids=["own", "lower"]
)
def test_link_to_itself(layers: list[Entries]) -> None:
    """A link that names its own path restates the file and frees nothing."""
    assert wasted(*layers) == []
    assert [cause for _, cause, _, _ in wasted(*layers, {".wh.a": b""})] == ["deleted"]


def test_link_listed_twice() -> None:
    """The same link twice is one name."""
    layers: list[Entries] = [[("a", b"1"), ("b", Hard("a")), ("b", Hard("a"))], {".wh.a": b"", ".wh.b": b""}]
    assert wasted(*layers) == [("a", "deleted", 0, 1)]


def test_link_after_its_target_changed() -> None:
    """A link is to what its target's path is at that place of the tar."""
    found = wasted([("a", b"1"), ("b", Hard("a")), ("a", b"2"), ("c", Hard("a"))], {".wh.a": b"", ".wh.b": b""})
    assert found == [("a", "deleted", 0, 1)]


@pytest.mark.parametrize("target", ["./d/a", "/d/a", "d//a", "d/x/../a"])
def test_link_targets_are_cleaned(target: str) -> None:
    """A link's target is a path like any other."""
    assert wasted({"d/a": b"1", "b": Hard(target)}, {"d/.wh.a": b""}) == []


def test_link_to_a_symlink() -> None:
    """A link to a symlink is one more name of the symlink, not of the file it leads to."""
    assert wasted({"a": b"1", "s": Link("a"), "h": Hard("s")}, {".wh.a": b""}) == [("a", "deleted", 0, 1)]


def test_overlay_tells_hidden_links() -> None:
    """A hidden link is marked like a hidden file; the file itself is not while another name shows."""
    overlay: Overlay = overlay_all(tables_of({"a": b"1", "b": Hard("a")}, {".wh.b": b""}))
    assert list(overlay.hidden_by[0]) == [-1, 1]


# Symlinked parents


def test_own_symlink_is_followed() -> None:
    """Within a layer a path below a symlink is where the symlink leads."""
    layers: list[Entries] = [{"usr/lib": DIR, "lib": Link("usr/lib"), "lib/a": b"1"}, {"usr/lib/a": b"2"}]
    assert wasted(*layers) == [("lib/a", "overwritten", 0, 1)]


@pytest.mark.parametrize("target", ["/usr/lib", "../usr/lib", "../../usr/lib", "./usr//lib", "s/lib", "t/../lib"])
def test_symlinks_stay_within_the_root(target: str) -> None:
    """Absolute targets start at the image's root, none climbs above it, and ``..`` is of where a symlink leads."""
    layers: list[Entries] = [
        {"usr/lib/x": DIR, "s": Link("usr"), "t": Link("usr/lib"), "lib": Link(target), "lib/a": b"1"},
        {"usr/lib/a": b"2"},
    ]
    assert wasted(*layers) == [("lib/a", "overwritten", 0, 1)]


def test_lower_symlink_is_hidden() -> None:
    """A path below a lower layer's symlink makes a directory in its place, as overlay drivers do; this is reported."""
    layers: list[Entries] = [{"usr/lib/a": b"1", "lib": Link("usr/lib")}, {"lib/a": b"2"}]
    assert wasted(*layers) == []
    assert "layer 1: 'lib' is a symlink of a lower layer" in anomalies(*layers)


def test_whiteouts_follow_no_lower_symlink() -> None:
    """A whiteout below a lower symlink hides nothing of where the symlink leads."""
    assert wasted({"usr/lib/a": b"1", "lib": Link("usr/lib")}, {"lib/.wh.a": b"", "lib/.wh..wh..opq": b""}) == []


NOTE = "is a symlink of a lower layer; drivers without overlays follow it"
REAL: Entries = {"x/real/f": b"f" * 99, "x/real/d/e/f": b"1", "x/l": Link("real")}
LED: dict[str, tuple[list[Entries], str]] = {
    "a whiteout": ([REAL, {"x/l/.wh.f": b""}], "x/l"),
    "an opaque marker": ([REAL, {"x/l/.wh..wh..opq": b""}], "x/l"),
    "a deep whiteout": ([REAL, {"x/l/d/e/.wh.f": b""}], "x/l"),
    "a file": ([REAL, {"x/l/f": b""}], "x/l"),
    "a hard link's target": ([REAL, {"h": Hard("x/l/d/e/f")}], "x/l"),
    "an absolute symlink": ([{"x/real/f": b"1", "x/l": Link("/x/real")}, {"x/l/.wh.f": b""}], "x/l"),
    "a chain": ([{"r/f": b"1", "a": Link("b"), "b": Link("r")}, {"a/.wh.f": b""}], "a"),
    "a symlink below a symlink": ([{"r/s/f": b"1", "a": Link("r"), "r/l": Link("s")}, {"a/l/.wh.f": b""}], "a"),
    "a symlink to nothing": ([{"a": Link("gone")}, {"a/.wh.f": b""}], "a"),
    "a hard link to a symlink": ([[("a", Link("r")), ("b", Hard("a")), ("r/f", b"1")], {"b/.wh.f": b""}], "b"),
    "a symlink two layers below": ([REAL, {"y": b"1"}, {"x/l/.wh.f": b""}], "x/l"),
    "a folder that comes too late": ([REAL, [("x/l/.wh.f", b""), ("x/l", DIR)]], "x/l"),
    "a removal that comes too late": ([REAL, [("x/l/.wh.f", b""), ("x/.wh.l", b"")]], "x/l"),
}


@pytest.mark.parametrize(("layers", "path"), LED.values(), ids=LED)
def test_what_leads_through_a_lower_symlink_is_noted(layers: list[Entries], path: str) -> None:
    """overlayfs hides the symlink; umoci and Docker's vfs driver follow it, and hide or overwrite where it leads."""
    assert f"layer {len(layers) - 1}: '{path}' {NOTE}" in anomalies(*layers)
    assert wasted(*layers) == []


NOT_LED: dict[str, list[Entries]] = {
    "a folder replaces it first": [REAL, [("x/l", DIR), ("x/l/.wh..wh..opq", b""), ("x/l/.wh.f", b"")]],
    "a whiteout removes it first": [REAL, [("x/.wh.l", b""), ("x/l/.wh.f", b"")]],
    "a lower layer has replaced it": [REAL, {"x/l": DIR}, {"x/l/.wh.f": b""}],
    "it is of the same layer": [{"x/real/f": b"1"}, [("x/l", Link("real")), ("x/l/.wh.f", b"")]],
    "a whiteout of the symlink": [REAL, {"x/.wh.l": b""}],
    "no symlink but a file": [{"x/l": b""}, {"x/l/.wh.f": b""}],
    "names that merely contain .wh.": [REAL, {"x/a.wh.l": b"", "x/.wh": b""}],
}


@pytest.mark.parametrize("layers", NOT_LED.values(), ids=NOT_LED)
def test_a_symlink_that_nothing_leads_through_is_not_noted(layers: list[Entries]) -> None:
    """A layer that replaces a symlink by a folder, as a diff of overlayfs has it, is read alike by all drivers."""
    assert anomalies(*layers) == ""


def test_symlink_is_followed_in_its_layer_only() -> None:
    """What a layer put through its own symlink is at its real path for the layers above."""
    layers: list[Entries] = [
        [("usr/lib", DIR), ("lib", Link("usr/lib")), ("lib/sub", DIR), ("lib/sub/a", b"1"), ("lib/sub", DIR)],
        {"lib/sub/a": b"2"},
        {"usr/lib/.wh.sub": b""},
    ]
    assert wasted(*layers) == [("lib/sub/a", "deleted", 0, 2)]


def test_symlink_replaced_in_its_layer() -> None:
    """A symlink that is replaced in its layer is followed no more."""
    found = wasted([("x", DIR), ("l", Link("x")), ("l/d/a", b"1"), ("l", DIR), ("l/d/a", b"2")], {".wh.x": b""})
    assert found == [("l/d/a", "deleted", 0, 1)]


def test_tree_replaced_through_a_symlink() -> None:
    """A file over a directory that a symlink leads to hides the directory's content, which can come back."""
    found = wasted([("usr/d/a", b"1"), ("l", Link("usr")), ("l/d", b"2"), ("usr/d/a", b"3")], {"usr/d/.wh.a": b""})
    assert found == [
        ("l/d", "duplicate-entry", 0, 0),
        ("usr/d/a", "deleted", 0, 1),
        ("usr/d/a", "duplicate-entry", 0, 0),
    ]


def test_hard_link_target_through_a_symlink() -> None:
    """A hard link finds its target through a symlink of its layer."""
    layers: list[Entries] = [{"usr/a": b"1", "l": Link("usr"), "b": Hard("l/a")}, {"usr/.wh.a": b""}]
    assert wasted(*layers) == []


@pytest.mark.parametrize(
    "entries",
    [{"l": Link("l"), "l/a": b"1"}, {"l": Link("m"), "m": Link("l"), "l/a/b": b"1"}, {"l": Link("l/x"), "l/a": b"1", "l/x": b"2"}],
    ids=["itself", "each other", "growing"],
)  # fmt: skip
def test_symlink_loops_end(entries: Entries) -> None:
    """A symlink that leads nowhere becomes a directory; the bytes below it live."""
    assert wasted(entries) == []


def test_symlink_in_a_replaced_directory() -> None:
    """A symlink goes with its directory: the same path is elsewhere afterwards."""
    found = wasted([("x/l", Link("/y")), ("x/l/d/a", b"1"), ("x", b"2"), ("x/l/d/b", b"3")], {".wh.y": b""})
    assert found == [("x", "duplicate-entry", 0, 0), ("x/l/d/a", "deleted", 0, 1)]


def test_symlink_in_a_directory() -> None:
    """Relative targets start at the symlink's directory, absolute ones at the root."""
    layers: list[Entries] = [
        [("d/r", Link("e")), ("d/s", Link("/e")), ("d/r/a", b"1"), ("d/s/a", b"2")],
        {"d/e/.wh.a": b""},
        {"e/.wh.a": b""},
    ]
    assert wasted(*layers) == [("d/r/a", "deleted", 0, 1), ("d/s/a", "deleted", 0, 2)]


def test_hard_link_to_a_symlink_is_followed() -> None:
    """A symlink's other name leads where it does."""
    layers: list[Entries] = [{"usr": DIR, "l": Link("usr"), "h": Hard("l"), "h/a": b"1"}, {"usr/.wh.a": b""}]
    assert wasted(*layers) == [("h/a", "deleted", 0, 1)]


def test_looking_for_a_target_changes_nothing() -> None:
    """A hard link whose target is below a file or in a missing directory makes no directories."""
    assert wasted({"f": b"1"}, {"a": Hard("f/gone"), "b": Hard("x/y/gone"), "c": Hard("f/x/gone")}) == []


def test_long_symlink_chains_are_bounded() -> None:
    """Symlinks that wander for thousands of steps, used by thousands of entries, are followed for a bounded time only."""
    chain: list[tuple[str, Entry]] = [(f"l{number}", Link("./" * 2000 + f"l{number + 1}")) for number in range(39)]
    entries: list[tuple[str, Entry]] = [("x", DIR), *chain, ("l39", Link("x")), *[("l0/a", b"1")] * 2000]
    tables = tables_of(entries)
    waste = find_waste(tables, overlay_all(tables))
    assert {entry.cause for entry in waste} == {Cause.DUPLICATE_ENTRY}
    assert len(waste) >= 1990


# AUFS and what cannot be extracted


def test_aufs_leftovers() -> None:
    """What AUFS left at a layer's root is in no filesystem and deletes nothing; its bytes are waste."""
    upper: Entries = {".wh..wh.aufs": b"12", ".wh..wh.orph": DIR, ".wh..wh.orph/x": b"3", ".wh..wh.plnk": DIR}
    assert wasted({"a": b"1"}, upper) == [
        (".wh..wh.aufs", "unreachable", 1, 1),
        (".wh..wh.orph/x", "unreachable", 1, 1),
    ]


def test_aufs_link_targets() -> None:
    """Files in ``.wh..wh.plnk`` live through the hard links to them and are waste without."""
    upper: Entries = [("b", Hard(".wh..wh.plnk/1.2")), (".wh..wh.plnk/1.2", b"1"), (".wh..wh.plnk/3.4", b"2")]
    assert wasted(upper) == [(".wh..wh.plnk/3.4", "unreachable", 0, 0)]
    assert wasted(upper, {".wh.b": b""}) == [
        (".wh..wh.plnk/1.2", "deleted", 0, 1),
        (".wh..wh.plnk/3.4", "unreachable", 0, 0),
    ]


def test_aufs_link_targets_are_of_their_layer() -> None:
    """The links of one layer are not found by the next."""
    assert "has no target" in anomalies({".wh..wh.plnk/1": b"1"}, {"b": Hard(".wh..wh.plnk/1")})


@pytest.mark.parametrize("name", ["../x", "a/../../x", "..", "../../etc/passwd"])
def test_paths_out_of_the_root(name: str) -> None:
    """A path that climbs out is refused: its bytes are unreachable, it hides nothing, and it is reported."""
    lower: Entries = {"x": b"1", "etc/passwd": b"2"}
    assert [row[1:] for row in wasted(lower, {name: b"3"})] == [("unreachable", 1, 1)]
    assert "cannot be part of a filesystem" in anomalies(lower, {name: b"3"})
    assert wasted(lower, {name: DIR}) == []


def test_dots_within_names() -> None:
    """Names that begin with two dots are names."""
    assert wasted({"..a": b"1", "b..": b"2", "..d/x": b"3"}) == []


@pytest.mark.parametrize(("length", "expected"), [(4096, []), (4097, ["unreachable"])])
def test_paths_longer_than_linux_has(length: int, expected: list[str]) -> None:
    """No file can be at a path of more than 4096 bytes."""
    path = "d/" * (length // 2 - 1) + "a" * (2 + length % 2)
    assert [cause for _, cause, _, _ in wasted({path: b"1"})] == expected


def test_a_file_for_the_root() -> None:
    """The root cannot be a file."""
    assert [row[1:] for row in wasted({"./": b"1", "a": b"2"})] == [("unreachable", 0, 0)]


def test_deep_trees() -> None:
    """A tree a thousand directories deep is hidden like any other."""
    path = "d/" * 1500 + "a"
    assert wasted({path: b"1"}, {"d": b"2"}) == [(path, "overwritten", 0, 1)]


def test_anomalies_are_bounded() -> None:
    """A layer with thousands of broken links reports the first hundred."""
    assert len(overlay_all(tables_of({f"l{number}": Hard("gone") for number in range(500)})).anomalies) == 100


# Sparse files


def sparse(size: int, data: bytes) -> Entry:
    """A sparse file of PAX format 0.1 that stores ``data`` at its end."""
    pax = {"GNU.sparse.map": f"{size - len(data)},{len(data)}", "GNU.sparse.size": str(size), "GNU.sparse.numblocks": "1"}
    return File(data, pax=pax)


def test_sparse_files_count_in_full() -> None:
    """A sparse file wastes what a host writes, not what the tar stores."""
    tables = tables_of({"a": sparse(1 << 50, b"12345")}, {".wh.a": b""})
    assert tables[0][0].size == 1 << 50
    waste = find_waste(tables, overlay_all(tables))
    assert [(entry.path, entry.size) for entry in waste] == [("a", 1 << 50)]


def test_other_holes_are_another_content() -> None:
    """The same stored bytes in a file of another length are not the same content, and no duplicate."""
    layers: list[Entries] = [{"a": sparse(100, b"12345")}, {"a": sparse(200, b"12345")}]
    assert wasted(*layers) == [("a", "overwritten", 0, 1)]
    assert wasted(layers[0], layers[0]) == [("a", "metadata-only", 0, 1)]
    tables = tables_of({"a": sparse(100, b"12345"), "b": sparse(200, b"12345"), "c": b"12345", "d": sparse(200, b"12345")})
    assert [duplicate.size for duplicate in find_duplicates(tables, overlay_all(tables))] == [200]


def test_holes_are_zeros() -> None:
    """A sparse file stored again in full, as builders without sparse files do, has the same content."""
    assert wasted({"a": sparse(100, b"12345")}, {"a": bytes(95) + b"12345"}) == [("a", "metadata-only", 0, 1)]


# Many entries


def test_many_whiteouts_over_many_files() -> None:
    """Ten thousand files, a thousand whiteouts of nothing and one of a directory give exact figures."""
    files: Entries = {f"d{number % 100}/f{number}": b"1" for number in range(10_000)}
    missing: Entries = {f"d1/.wh.gone{number}": b"" for number in range(1000)}
    tables = tables_of(files, missing, {".wh.d0": b""}, {f"d1/.wh.f{number}": b"" for number in range(1, 10_000, 100)})
    waste = find_waste(tables, overlay_all(tables))
    facts = [LayerFacts("", None, "", "plain", None, False, False)] * 4
    image = sum_layers(summarize_layers(tables, facts, [LayerHistory()] * 4, waste, [0] * 4))
    assert (image.live_size, image.wasted_size, image.entry_count) == (9800, 200, 11_101)
    assert {(entry.held_by, entry.hidden_by) for entry in waste} == {(0, 2), (0, 3)}


def test_an_emptied_directory_is_as_small_as_a_new_one() -> None:
    """What is gone from a directory leaves no room behind that every later opaque marker would have to look through."""
    tables = tables_of({f"d/{number}": b"" for number in range(5000)}, [("d/.wh..wh..opq", b"")] * 3)
    merger = _Merger(tables)
    for index, rows in enumerate(find_overlapping_rows(tables)):
        merger.apply(index, rows)
    assert sys.getsizeof(merger._directories[b"d"]) == sys.getsizeof({})
