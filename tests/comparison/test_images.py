"""Comparisons: what changed between two images, file by file, layer by layer, and why."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ocisize.model.build_step import BuildStep
from ocisize import Analysis, Analyzer, from_json, to_json
from ocisize.comparison.layer_alignment import align
from ocisize.comparison.images import compare
from ocisize.model.comparison import Comparison, LayerStatus
from ocisize.model.file_changes import FileChangeKind
from ocisize.comparison.reasons import join_numbers
from tests.images import DIR, BuiltLayer, Entries, File, Link, build_image, layer, raw_layer, write_docker_archive
from tests.oci.test_image import single

BIG = bytes(range(256)) * 200  # read in place, it is too large to be hashed in passing


def analyzed(layers: Sequence[BuiltLayer | Entries], steps: Sequence[str] = ()) -> Analysis:
    """An image of some layers, by default with the steps ``RUN 0``, ``RUN 1`` …"""
    built = [given if isinstance(given, BuiltLayer) else layer(given) for given in layers]
    steps = steps or [f"RUN {number}" for number in range(len(built))]
    image = build_image(built, history=[{"created_by": step} for step in steps])
    return Analyzer(jobs=1).analyze_source(single(image))


def kinds(found: Comparison) -> list[tuple[Any, ...]]:
    assert found.files is not None
    return [(str(file.kind), file.before_path, file.path, file.growth) for file in found.files]


BASE = {"etc/passwd": b"root", "usr/lib/libc.so": b"c" * 900}


def test_files_are_added_removed_and_changed() -> None:
    """A path on one side only was added or removed, another content at a path is a change; empty files are nothing."""
    before = analyzed([{"a": b"1" * 10, "b": b"2" * 20, "c": b"3" * 30, "empty": b"", "d": DIR}])
    after = analyzed([{"a": b"1" * 10, "b": b"x" * 25, "e": b"5" * 50, "other": b"", "l": Link("a")}])
    assert kinds(compare(before, after)) == [
        ("added", None, "e", 50), ("removed", "c", "c", -30), ("changed", "b", "b", 5),
    ]  # fmt: skip


def test_a_change_of_the_same_size_is_seen() -> None:
    """Contents are compared, not sizes."""
    found = compare(analyzed([{"a": b"123"}]), analyzed([{"a": b"321"}]))
    assert kinds(found) == [("changed", "a", "a", 0)]
    assert found.layers[0].status is LayerStatus.CHANGED


def test_moved_files_are_no_growth() -> None:
    """The same content at another path was moved; a file of the same name is preferred."""
    before = analyzed([{"a": b"content", "old/name": b"content", "y": b"y"}])
    after = analyzed([{"new/name": b"content", "y": b"y"}])
    assert kinds(compare(before, after)) == [("removed", "a", "a", -7), ("moved", "old/name", "new/name", 0)]


def test_a_file_moves_from_layer_to_layer() -> None:
    """A path that another layer stores now is unchanged, though both layers are other ones."""
    found = compare(analyzed([{"a": b"1", "b": b"22"}, {"c": b"3"}]), analyzed([{"a": b"1"}, {"b": b"22", "c": b"3"}]))
    assert kinds(found) == []
    assert [change.growth for change in found.layers] == [-2, 2]
    assert [verdict.status for verdict in found.layers] == [LayerStatus.CHANGED, LayerStatus.CHANGED]


def test_what_is_stored_again_is_named_first() -> None:
    """A recursive chown is one new layer that stores what lower ones have, and the cause of all growth."""
    layers: list[Entries] = [BASE, {"app/a": b"a" * 500, "app/b": b"b" * 300}]
    owned = {path: File(content, uid=1000) for path, content in (("app/a", b"a" * 500), ("app/b", b"b" * 300))}
    steps = ["ADD file:0 in /", "COPY . /app", "RUN chown -R 1000 /app"]
    found = compare(analyzed(layers, steps[:2]), analyzed([*layers, owned], steps))
    assert [change[0] for change in kinds(found)] == ["stored again", "stored again"]
    assert found.reasons[0].text == (
        "layer 2 `RUN chown -R 1000 /app` is new: stores 2 files of layer 1 again only to change owner, permissions or timestamps, "
        "most in /app/"
    )
    assert (found.reasons[0].growth, found.growth) == (800, 800)
    assert found.suggestions[0].text.startswith("Copy with `--chown=1000:0`, in place of `chown -R 1000 /app`")
    back = compare(found.after, found.before)
    assert [change[0] for change in kinds(back)] == ["stored once", "stored once"]
    assert back.reasons[0].text == (
        "layer 2 of BEFORE `RUN chown -R 1000 /app` is gone: no longer stores 2 files a second time, most in /app/"
    )


def test_the_copy_that_is_left_is_the_lower_one() -> None:
    """Of a file stored twice, the one in the upper layer is what was stored again, whichever layers are shared."""
    before = analyzed([{"a": b"new"}])
    after = analyzed([{"a": b"new", "b": b""}, {"a": File(b"new", mode=0o755)}])
    assert [(file.kind, file.after_layer) for file in compare(before, after).files or ()] == [
        (FileChangeKind.STORED_AGAIN, 1)
    ]
    assert [(file.kind, file.before_layer) for file in compare(after, before).files or ()] == [
        (FileChangeKind.STORED_ONCE, 1)
    ]


def test_sparse_files_differ_by_their_holes() -> None:
    """The same stored bytes between other holes are another content."""

    def sparse(size: str) -> File:
        header = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "s", "GNU.sparse.realsize": size}
        return File(b"1\n0\n4\n".ljust(512, b"\0") + b"data", pax=header)

    found = compare(analyzed([{"s": sparse("100")}]), analyzed([{"s": sparse("200")}]))
    assert kinds(found) == [("changed", "s", "s", 100)]
    assert kinds(compare(analyzed([{"s": sparse("4")}]), analyzed([{"s": b"data"}]))) == []


def test_layers_of_equal_content_are_not_shared() -> None:
    """The same tar in another compression and the same files in another tar are distinguished from shared layers."""
    files: Entries = {"a": b"a" * 1000, "b": Link("a")}
    tar = layer(files)
    younger = layer({"a": File(b"a" * 1000, mtime=7), "b": Link("a")})
    before = analyzed([layer(BASE), tar, layer({"x": b"1"}), layer(files)])
    after = analyzed([layer(BASE), raw_layer(tar.tar, "zstd"), layer({"x": b"2"}), younger])
    found = compare(before, after)
    assert [str(verdict.status) for verdict in found.layers] == ["shared", "recompressed", "changed", "rebuilt"]
    assert "as zstd instead of gzip" in " ".join(reason.text for reason in found.reasons)
    texts = " ".join(suggestion.text for suggestion in found.suggestions)
    assert "layer 1 `RUN 1`: the same content, compressed differently as in BEFORE" in texts
    assert "layer 3 `RUN 3`: the same files, with different timestamps or order as in BEFORE" in texts
    expected = sum(layer.compressed_size or 0 for layer in after.layers[1:])
    assert found.download_size == expected


@pytest.mark.parametrize(
    "other", [{"a": File(b"x", uid=1)}, {"a": File(b"x", mode=0o600)}, {"a": b"y"}, {"b": b"x"}, {"a": b"x", "b": DIR},
              {"a": File(b"x", pax={"SCHILY.xattr.user.note": "hello"})}, {"a": Link("x")}],
)  # fmt: skip
def test_other_entries_are_no_rebuild(other: Entries) -> None:
    """Layers whose owners, modes, contents, paths or attributes differ could not be shared."""
    assert compare(analyzed([{"a": b"x"}]), analyzed([other])).layers[0].status is LayerStatus.CHANGED


def test_a_repeated_blob_is_downloaded_once() -> None:
    """A blob that AFTER has twice is content twice, but downloaded, and counted, once."""
    twice = layer({"a": b"a" * 100})
    found = compare(analyzed([twice]), analyzed([twice, layer({"b": b""}), twice]))
    assert [str(verdict.status) for verdict in found.layers] == ["shared", "added", "added"]
    assert found.layers[2].compressed_growth == 0
    assert [(file.growth, file.compressed_growth) for file in found.files or ()] == [(100, 0)]
    assert (found.growth, found.compressed_growth) == (100, found.layers[1].compressed_growth)
    assert found.download_size == found.layers[1].after_compressed_size


def test_names_that_are_no_text_are_compared_alike() -> None:
    """A saved analysis writes such names with escapes; they are still the same files."""
    before = analyzed([{"caf\udce9": b"1", "b": b"2"}, {"c": b"3"}])
    after = analyzed([{"caf\udce9": b"1", "b": b"2", "d": b"4"}, {"c": b"3"}])
    saved = from_json(to_json(before, files=True))
    assert kinds(compare(saved, after)) == kinds(compare(before, after)) == [("added", None, "d", 1)]


def test_contents_that_were_not_read_are_not_compared(tmp_path: Path) -> None:
    """Large files read in place have no hash where it serves nothing; a file of the same size is not called equal."""
    path = tmp_path / "before.tar"
    write_docker_archive(build_image([layer({"big": BIG, "other": BIG + b"1"})]), path)
    before, after = Analyzer().analyze(path), analyzed([{"big": BIG, "new": BIG + b"1"}])
    found = compare(before, after)
    assert sorted(change[0] for change in kinds(found)) == ["added", "not compared", "removed"]
    assert found.growth == 0
    assert found.compressed_growth is None
    assert all(directory.compressed_growth is None for directory in found.directories)
    hashed = compare(Analyzer(hash_content=True).analyze(path), after)
    assert kinds(hashed) == [("moved", "other", "new", 0)]


def test_saved_without_files() -> None:
    """Totals and layers are reported, with what cannot be; where only shared layers lack files, nothing is missing."""
    before = analyzed([BASE, {"a": b"1" * 50}])
    after = analyzed([BASE, {"a": b"1" * 70}])
    found = compare(from_json(to_json(before)), after)
    assert (found.files, found.without_files, found.directories) == (None, ("before",), ())
    assert found.reasons[0].text == "layer 1 `RUN 1` changed"
    assert found.reasons[0].growth == found.growth == 20
    both = compare(from_json(to_json(before)), from_json(to_json(after)))
    assert both.without_files == ("before", "after")
    grown = compare(from_json(to_json(before)), analyzed([BASE, {"a": b"1" * 50}, {"b": b"2"}]))
    assert kinds(grown) == [("added", None, "b", 1)]


def test_what_an_archive_holds_plainly_may_be_there(tmp_path: Path) -> None:
    """A plain layer of a docker-archive is in no registry: whether a node has its blob is unknown, and nobody's fault."""
    image = build_image([layer(BASE)])
    archive = Analyzer().analyze(write_docker_archive(image, tmp_path / "a.tar"))
    found = compare(archive, Analyzer().analyze_source(single(image)))
    assert [str(verdict.status) for verdict in found.layers] == ["recompressed"]
    assert (found.download_size, found.compressed_growth, found.suggestions, found.reasons) == (None, None, (), ())
    assert compare(archive, archive).download_size == 0


@pytest.mark.parametrize(
    ("numbers", "words"),
    [([1], "1"), ([1, 2], "1 and 2"), ([1, 2, 3], "1 to 3"), ([0, 2, 4, 5, 6, 9, 10], "0, 2, 4 to 6, 9 and 10")],
)
def test_numbers_in_words(numbers: list[int], words: str) -> None:
    """Long runs of layers are named by their ends."""
    assert join_numbers(numbers) == words


STEPS = ["ADD file:0123456789ab… in /", "RUN apt-get install -y python3", "RUN pip install numpy", "COPY . /app"]


def aligned(before: Sequence[str], after: Sequence[str]) -> list[tuple[int | None, int | None]]:
    """Steps whose layers all differ, aligned."""
    left = analyzed([{"l": b"%d" % number} for number, _ in enumerate(before)], before)
    right = analyzed([{"r": b"%d" % number} for number, _ in enumerate(after)], after)
    return align(left.layers, right.layers)


@pytest.mark.parametrize(
    ("after", "pairs"),
    [
        (STEPS, [(0, 0), (1, 1), (2, 2), (3, 3)]),
        ([*STEPS, "RUN chown -R 1 /app"], [(0, 0), (1, 1), (2, 2), (3, 3), (None, 4)]),
        ([*STEPS[:2], "RUN useradd app", *STEPS[2:]], [(0, 0), (1, 1), (None, 2), (2, 3), (3, 4)]),
        ([STEPS[0], *STEPS[2:]], [(0, 0), (1, None), (2, 1), (3, 2)]),
        (["ADD file:ba9876543210… in /", *STEPS[1:]], [(0, 0), (1, 1), (2, 2), (3, 3)]),
        (["# debian.sh --arch 'amd64'", *STEPS[1:]], [(0, 0), (1, 1), (2, 2), (3, 3)]),
        ([STEPS[0], "RUN apt-get install -y python3 git", *STEPS[2:]], [(0, 0), (1, 1), (2, 2), (3, 3)]),
        ([STEPS[0], "RUN make all", *STEPS[2:]], [(0, 0), (1, None), (None, 1), (2, 2), (3, 3)]),
        ([], [(0, None), (1, None), (2, None), (3, None)]),
        (["", "", ""], [(0, 0), (1, None), (2, None), (3, None), (None, 1), (None, 2)]),
    ],
)
def test_steps_are_aligned(after: Sequence[str], pairs: list[tuple[int | None, int | None]]) -> None:
    """A changed step is one row, and new and dropped steps have separate rows at their positions."""
    assert aligned(STEPS, after) == pairs


def test_steps_without_names_are_aligned_in_order() -> None:
    """Images without a history are compared layer by layer."""
    assert aligned(["", ""], ["", "", ""]) == [(0, 0), (1, 1), (None, 2)]


def test_shared_layers_are_found_at_any_position() -> None:
    """The same blob is the same layer, in whatever order and under whatever name."""
    first, second = layer({"a": b"1"}), layer({"b": b"2"})
    found = compare(analyzed([first, second]), analyzed([second, first], ["RUN x", "RUN y"]))
    assert [(change.before, change.after, str(change.status)) for change in found.layers] == [
        (1, 0, "shared"),
        (0, 1, "shared"),
    ]
    assert (found.download_size, found.same_layers) == (0, False)


def test_many_layers_are_aligned_in_time() -> None:
    """Thousands of different layers are paired by position instead of by likeness."""
    image = analyzed([{"a": b"1"}])
    import attrs

    def many(name: str) -> list[Any]:
        return [
            attrs.evolve(
                image.layers[0], index=index, digest=f"{name}{index}", diff_id=None, build_step=BuildStep(f"RUN {index}")
            )
            for index in range(4096)
        ]

    assert align(many("a"), many("b")) == [(index, index) for index in range(4096)]


NOISE: list[dict[str, bytes]] = [
    {f"lib/{number}": bytes([number, step]) * 3000 for number in range(50)} for step in range(4)
]


def rebuilt(entries: dict[str, bytes], changed: int) -> dict[str, bytes]:
    """The same files, some of them with other contents."""
    return {
        path: content if number >= changed else b"#" + content[1:] for number, (path, content) in enumerate(entries.items())
    }


def test_a_changed_step_makes_those_above_it_run_again() -> None:
    """A package more, and the layers above are downloaded again with much the same files: cause and advice say so."""
    packages = {f"usr/lib/git/{number}": bytes([200 + number]) * 9000 for number in range(20)}
    before = analyzed(NOISE, STEPS)
    steps = [STEPS[0], "RUN apt-get install -y python3 git", *STEPS[2:]]
    after = analyzed([NOISE[0], NOISE[1] | packages, rebuilt(NOISE[2], 10), rebuilt(NOISE[3], 2)], steps)
    found = compare(before, after)
    assert found.reasons[0].text == (
        "layer 1 `RUN apt-get install -y python3 git` (step changed: `git` added) adds 20 files, most in /usr/lib/git/"
    )
    again = next(suggestion for suggestion in found.suggestions if suggestion.layers == (2, 3))
    assert "layers 2 and 3: the same steps, and most files are unchanged, but they are downloaded again" in again.text
    assert "because layer 1 `RUN apt-get install -y python3 git` below changed" in again.text
    assert again.size == 88 * 6000


def test_another_base_is_named_first() -> None:
    """Where hardly anything grew, the lowest changed layer is the cause: it made the others run again."""
    before = analyzed(NOISE, STEPS)
    after = analyzed(
        [rebuilt(NOISE[0], 3) | {"new": b"n"}, rebuilt(NOISE[1], 5), rebuilt(NOISE[2], 5), NOISE[3]],
        ["ADD file:ba9876543210… in /", *STEPS[1:]],
    )
    found = compare(before, after)
    assert "is another base image" in found.reasons[0].text
    assert [str(verdict.status) for verdict in found.layers] == ["changed", "changed", "changed", "shared"]
    assert any("COPY --link" in suggestion.text and suggestion.layers == (1, 2) for suggestion in found.suggestions)


def test_reasons_are_in_the_order_of_their_size() -> None:
    """The largest growth comes first, also of layers that hardly grew."""
    noise = [random.Random(number).randbytes(60_000) for number in range(5)]

    def image(*more: int) -> Analysis:
        files: list[Entries] = [{"f": noise[number] + noise[4][:size]} for number, size in enumerate(more)]
        return analyzed(files, STEPS)

    little = compare(image(0, 0, 0, 0), image(10, 300, 200, 0))
    assert [reason.after for reason in little.reasons if reason.growth] == [1, 2, 0]
    much = compare(image(0, 0, 0, 0), image(10, 300, 9000, 20_000))
    assert [reason.after for reason in much.reasons] == [3, 2, 1, 0]
    assert [reason.growth for reason in much.reasons] == [20_000, 9000, 300, 10]


def test_a_small_change_to_a_large_step() -> None:
    """A step that got a little more to do is downloaded as a whole: the little belongs in a separate step."""
    steps = [STEPS[0], "RUN apt-get install -y python3 git"]
    found = compare(analyzed(NOISE[:2], STEPS[:2]), analyzed([NOISE[0], NOISE[1] | {"bin/git": b"g" * 500}], steps))
    assert [suggestion.layers for suggestion in found.suggestions] == [(1,)]
    assert "Add the new files in a separate step above it." in found.suggestions[0].text
    less = {path: content for path, content in NOISE[1].items() if int(path[4:]) < 30}
    steps = ["RUN apt-get install -y python3 git", "RUN apt-get install -y python3"]
    assert compare(analyzed([NOISE[1]], steps[:1]), analyzed([rebuilt(less, 1)], steps[1:])).suggestions == ()


def test_a_step_with_another_result() -> None:
    """A step that comes out differently by itself is reported as such."""
    found = compare(analyzed(NOISE[:2], STEPS[:2]), analyzed([NOISE[0], rebuilt(NOISE[1], 3)], STEPS[:2]))
    assert "Fix versions and times" in found.suggestions[0].text


def test_a_step_that_is_another_one() -> None:
    """A step with other words is named with what it was; few words are named alone."""
    steps = ["ADD x /", "RUN pip install a b c d e f g h i"]
    other = ["ADD x /", "RUN pip install a b c d e f 1 2 3 4 5"]
    found = compare(analyzed([{"a": b"1"}, {"b": b"2"}], steps), analyzed([{"a": b"1"}, {"b": b"222"}], other))
    assert "was `RUN pip install a b c d e f g h i`" in found.reasons[0].text
    shorter = ["ADD x /", "RUN pip install a b c d e f"]
    found = compare(analyzed([{"a": b"1"}, {"b": b"2"}], steps), analyzed([{"a": b"1"}, {"b": b"222"}], shorter))
    assert "(step changed: `g h i` removed) changes 1 file" in found.reasons[0].text


def test_directories_name_where_it_grew() -> None:
    """Renamed folders are seen though they come to nothing, new versions count by their difference."""
    before = analyzed([{f"usr/lib/old/{n}": bytes([n]) * 1000 for n in range(5)} | {"etc/a": b"1" * 100, "bin/x": b"x"}])
    after = analyzed([{f"usr/lib/new/{n}": bytes([n]) * 1000 for n in range(5)} | {"etc/a": b"1" * 160, "bin/x": b"x"}])
    found = {
        directory.name: (directory.growth, directory.file_count)
        for directory in compare(before, after).directories
        if directory.name
    }
    assert found == {"/usr/lib/old/": (-5000, 0), "/usr/lib/new/": (5000, 5), "/etc/": (60, 1)}


def test_deep_paths_are_no_burden() -> None:
    """Files thousands of directories deep count for a directory far above them."""
    deep = "d/" * 1500
    found = compare(analyzed([{"a": b"1"}]), analyzed([{"a": b"1"} | {f"{deep}{n}/f": b"22" for n in range(20)}]))
    assert [(directory.growth, directory.file_count) for directory in found.directories][:1] == [(40, 20)]


def test_files_that_other_layers_have_now() -> None:
    """What a layer grew by files that are the same in another layer is said, not left without a cause."""
    before = analyzed([{"a": b"1" * 50, "b": b"2" * 90}, {"c": b"3"}], ["RUN one", "RUN two"])
    after = analyzed([{"a": b"1" * 50}, {"b": b"2" * 90, "c": b"3"}], ["RUN one", "RUN two"])
    assert sorted(reason.text for reason in compare(before, after).reasons) == [
        "layer 0 `RUN one` loses files to other layers",
        "layer 1 `RUN two` gains files from other layers",
    ]


def test_merged_layers_are_no_small_change() -> None:
    """A layer that took all from others has nothing new that could be split off."""
    noise = [{f"{step}/{number}": bytes([number, step]) * 3000 for number in range(50)} for step in range(3)]
    merged = compare(analyzed(noise), analyzed([noise[0] | noise[1] | noise[2]], ["RUN all"]))
    assert merged.suggestions == ()
    assert sorted(reason.text.rpartition("`")[2] for reason in merged.reasons) == [
        " is gone: its files are in other layers now", " is gone: its files are in other layers now",
        ") gains files from other layers",
    ]  # fmt: skip


def test_a_step_that_is_gone_makes_those_above_it_run_again() -> None:
    """Not only changed steps do: so does one less, or one more, and the advice names it as that."""
    steps = [STEPS[0], "RUN useradd app", *STEPS[2:]]
    more = analyzed([NOISE[0], {"etc/passwd": b"app"}, *NOISE[2:]], steps)
    less = analyzed([NOISE[0], rebuilt(NOISE[2], 10), rebuilt(NOISE[3], 2)], [STEPS[0], *STEPS[2:]])
    for found, why in (
        (compare(more, less), "because layer 1 of BEFORE `RUN useradd app` below is gone. Put steps"),
        (compare(less, more), "because layer 1 `RUN useradd app` below is new. Put steps"),
    ):
        assert [why in suggestion.text for suggestion in found.suggestions] == [True]


def test_the_first_of_equal_layers_pays() -> None:
    """Of the layers A, B, A the groups by build step and the comparison both count the download of A in its first layer."""
    twice, between = layer({"a": b"a" * 100}), layer({"b": b"b" * 10})
    history = [{"created_by": f"RUN {number}"} for number in range(3)]
    analysis = Analyzer().analyze_source(single(build_image([twice, between, twice], history=history)))
    assert analysis.groups is not None
    entries = {group.name: group.compressed_size or 0 for group in analysis.groups.build_steps}
    assert (entries["RUN 0"] > 0, entries["RUN 1"] > 0, entries["RUN 2"]) == (True, True, 0)
    rows = compare(analyzed([]), analysis).layers
    assert [row.after_compressed_size for row in rows] == [len(twice.blob), len(between.blob), 0]
    assert analysis.compressed_size == len(twice.blob) + len(between.blob)
