"""What always holds of comparisons, whatever the two images have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import attrs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ocisize import Analysis, Analyzer, from_json, to_json
from ocisize.comparison.images import compare
from ocisize.model.comparison import Comparison, FileSum, LayerStatus, sum_file_totals
from ocisize.model.file_changes import FileChangeKind
from ocisize.text import display_name
from ocisize.report.json.diff import comparison_to_json
from tests.images import Compression, build_image, layer
from tests.property.model import Pairs
from tests.property.test_merge_laws import LAYERS
from tests.oci.test_image import single

COMPRESSIONS: st.SearchStrategy[Compression] = st.sampled_from(["gzip", "gzip", "zstd", "plain"])
STEPS = st.sampled_from(["RUN a", "RUN a b", "RUN b c d", "COPY . /x", "ADD file:0123456789ab in /", ""])


@attrs.frozen
class Draft:
    """A layer to be built."""

    entries: Pairs
    compression: Compression
    step: str


DRAFTS = st.tuples(LAYERS, st.lists(COMPRESSIONS, min_size=5, max_size=5), st.lists(STEPS, min_size=5, max_size=5)).map(
    lambda drawn: [Draft(*row) for row in zip(*drawn, strict=False)]
)


@st.composite
def two_images(draw: st.DrawFn) -> tuple[list[Draft], list[Draft]]:
    """Two images; the second mostly has layers of the first: as they are, stored otherwise, or with other entries."""
    before, fresh = draw(DRAFTS), draw(DRAFTS)
    pool = [*before, *before, *fresh, *(attrs.evolve(draft, compression="zstd") for draft in before)]
    pool += [
        attrs.evolve(draft, entries=[*draft.entries, *other.entries]) for draft, other in zip(before, fresh, strict=False)
    ]
    pool += [attrs.evolve(draft, entries=draft.entries[::-1]) for draft in before]
    after = draw(st.one_of(st.just(before), st.lists(st.sampled_from(pool), max_size=5)))
    return before, after


laws = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def analyzed(drafts: Sequence[Draft]) -> Analysis:
    history = [{"created_by": draft.step} for draft in drafts]
    image = build_image([layer(draft.entries, draft.compression) for draft in drafts], history=history)
    return Analyzer(jobs=1).analyze_source(single(image))


def compared(images: tuple[list[Draft], list[Draft]]) -> Comparison:
    return compare(analyzed(images[0]), analyzed(images[1]))


@laws
@given(two_images())
def test_layers_add_up(images: tuple[list[Draft], list[Draft]]) -> None:
    """Every layer of both images is in one row, and the rows add up to both images and to what one grew."""
    found = compared(images)
    assert sorted(change.before for change in found.layers if change.before is not None) == list(range(len(images[0])))
    assert [change.after for change in found.layers if change.after is not None] == list(range(len(images[1])))
    for side in ("before", "after"):
        image = getattr(found, side)
        assert sum(getattr(change, f"{side}_size") for change in found.layers) == image.content_size
        assert sum(getattr(change, f"{side}_compressed_size") for change in found.layers) == image.compressed_size
    assert sum(change.growth for change in found.layers) == found.growth
    assert sum(change.compressed_growth or 0 for change in found.layers) == found.compressed_growth
    if found.base is not None:
        parts = found.base.base, found.base.own
        assert sum(part.growth for part in parts) == found.growth
        assert sum(part.compressed_growth or 0 for part in parts) == found.compressed_growth
    assert sum(reason.growth for reason in found.reasons) == found.growth
    assert sum(reason.compressed_growth or 0 for reason in found.reasons) == found.compressed_growth


def parts(found: Comparison) -> list[FileSum]:
    sums = [found.sum_of(kind) for kind in FileChangeKind]
    sums += [files for one in found.layers for files in (one.unchanged, one.other) if files is not None]
    return sums


@laws
@given(two_images())
def test_files_add_up(images: tuple[list[Draft], list[Draft]]) -> None:
    """Files of all kinds, unchanged ones and the rest of the download add up to the sizes of both images."""
    found = compared(images)
    whole = sum_file_totals(parts(found))
    assert (whole.before_size, whole.after_size) == (found.before.content_size, found.after.content_size)
    assert whole.before_compressed_size == found.before.compressed_size
    assert whole.after_compressed_size == found.after.compressed_size
    unchanged = sum_file_totals([change.unchanged for change in found.layers if change.unchanged is not None])
    assert unchanged.growth == 0
    assert found.files is not None
    for kind in FileChangeKind:
        rows = [file for file in found.files if file.kind is kind]
        assert found.sum_of(kind) == FileSum(
            count=len(rows),
            before_size=sum(row.before_size for row in rows),
            after_size=sum(row.after_size for row in rows),
            before_compressed_size=sum(row.before_compressed_size or 0 for row in rows),
            after_compressed_size=sum(row.after_compressed_size or 0 for row in rows),
        )


@laws
@given(two_images())
def test_directories_add_up(images: tuple[list[Draft], list[Draft]]) -> None:
    """Directories and their rest are what the image grew, and none lies in another."""
    found = compared(images)
    assert found.files is not None
    if not found.directories:
        assert (found.growth, found.compressed_growth, len(found.files)) == (0, 0, 0)
    else:
        assert sum(directory.growth for directory in found.directories) == found.growth
        assert sum(directory.compressed_growth or 0 for directory in found.directories) == found.compressed_growth
        assert sum(directory.file_count for directory in found.directories) == len(found.files)
    names = [directory.name for directory in found.directories if directory.name is not None]
    for name in names:
        assert not any(other != name and other.startswith(name) and name.endswith("/") for other in names)


@laws
@given(two_images(), st.integers(0, 6))
def test_the_largest_files_come_first(images: tuple[list[Draft], list[Draft]], most: int) -> None:
    """Files are in one order, by growth and then by path, whether some or all of them are asked for."""
    files = compared(images).files
    assert files is not None
    everything = list(files)
    assert [(-abs(file.growth), file.path.encode()) for file in everything] == sorted(
        (-abs(file.growth), file.path.encode()) for file in everything
    )
    assert files.largest(most) == everything[:most] == files[:most]
    assert [files[place] for place in range(len(files))] == everything


def stored(analysis: Analysis, layers: set[int]) -> Counter[tuple[str, str | None, int]]:
    """The stored files of some layers, as plainly as it can be said."""
    return Counter(
        (display_name(entry.path), entry.content_hash, entry.size)
        for index in layers
        for entry in analysis.layers[index].files or ()
        if entry.size
    )


@laws
@given(two_images())
def test_kinds_are_what_they_say(images: tuple[list[Draft], list[Draft]]) -> None:
    """What is not unchanged is the difference of two multisets, and each kind keeps its promise."""
    found = compared(images)
    same = (LayerStatus.SHARED, LayerStatus.RECOMPRESSED)
    left = stored(found.before, {one.before for one in found.layers if one.status not in same and one.before is not None})
    right = stored(found.after, {one.after for one in found.layers if one.status not in same and one.after is not None})
    assert found.files is not None
    gone = [file for file in found.files if file.before_path is not None]
    come = [file for file in found.files if file.after_layer is not None]
    assert Counter((file.before_path, file.before_size) for file in gone) == Counter(
        (path, size) for path, _, size in (left - right).elements()
    )
    assert Counter((file.path, file.after_size) for file in come) == Counter(
        (path, size) for path, _, size in (right - left).elements()
    )
    again = {(display_name(file.path), file.hidden_by) for file in found.after.waste if file.cause.value == "metadata-only"}
    for file in found.files:
        match file.kind:
            case FileChangeKind.ADDED | FileChangeKind.STORED_AGAIN:
                assert file.before_path is None and file.after_layer is not None
                assert ((file.path, file.after_layer) in again) == (file.kind is FileChangeKind.STORED_AGAIN)
            case FileChangeKind.REMOVED | FileChangeKind.STORED_ONCE:
                assert file.after_layer is None and file.before_path == file.path
            case FileChangeKind.MOVED:
                assert file.growth == 0 and file.path != file.before_path
            case FileChangeKind.CHANGED:
                assert file.path == file.before_path
            case _:
                raise AssertionError("all contents were read")


@laws
@given(two_images())
def test_the_other_way_round_is_the_opposite(images: tuple[list[Draft], list[Draft]]) -> None:
    """Comparing the other way round turns the sign of what every kind of file grew, and added into removed."""
    there, back = compared(images), compared(images[::-1])
    assert back.growth == -there.growth
    assert back.compressed_growth == -(there.compressed_growth or 0)
    for kind, opposite in (
        (FileChangeKind.ADDED, FileChangeKind.REMOVED), (FileChangeKind.STORED_AGAIN, FileChangeKind.STORED_ONCE), (FileChangeKind.CHANGED, FileChangeKind.CHANGED), (FileChangeKind.MOVED, FileChangeKind.MOVED),
    ):  # fmt: skip
        for one, other in ((there, back), (back, there)):
            assert one.sum_of(kind).count == other.sum_of(opposite).count
            assert one.sum_of(kind).growth == -other.sum_of(opposite).growth


@laws
@given(two_images())
def test_downloads_leave_out_what_is_there(images: tuple[list[Draft], list[Draft]]) -> None:
    """A node with BEFORE fetches each blob of AFTER that it lacks once; with the same image it fetches nothing."""
    found = compared(images)
    there = {stored.digest for stored in found.before.layers}
    missing = {stored.digest: stored.compressed_size or 0 for stored in found.after.layers if stored.digest not in there}
    assert found.download_size == sum(missing.values())
    assert compare(found.after, found.after).download_size == 0


@laws
@given(DRAFTS)
def test_an_image_equals_itself(drafts: list[Draft]) -> None:
    """Nothing differs between an image and itself."""
    image = analyzed(drafts)
    found = compare(image, image)
    assert found.same_layers
    assert {verdict.status for verdict in found.layers} <= {LayerStatus.SHARED}
    assert (found.reasons, found.suggestions, found.directories, list(found.files or ())) == ((), (), (), [])


@settings(laws, max_examples=20)
@given(two_images())
def test_saved_analyses_compare_alike(images: tuple[list[Draft], list[Draft]]) -> None:
    """Read back from JSON, one side or both, the comparison is the same."""
    before, after = analyzed(images[0]), analyzed(images[1])
    saved_before, saved_after = (from_json(to_json(analysis, files=True)) for analysis in (before, after))
    expected = comparison_to_json(compare(before, after))
    assert comparison_to_json(compare(saved_before, saved_after)) == expected
    assert comparison_to_json(compare(before, saved_after)) == expected


@settings(laws, max_examples=20)
@given(two_images())
def test_without_files_the_layers_are_reported(images: tuple[list[Draft], list[Draft]]) -> None:
    """An analysis saved without files gives the same growth by layers, and says which side lacks files."""
    before, after = analyzed(images[0]), analyzed(images[1])
    found = compare(from_json(to_json(before)), after)
    assert [(change.before, change.after, change.growth, change.compressed_growth) for change in found.layers] == [
        (change.before, change.after, change.growth, change.compressed_growth) for change in compare(before, after).layers
    ]
    same = (LayerStatus.SHARED, LayerStatus.RECOMPRESSED)
    needed = any(change.status not in same and change.before is not None for change in found.layers)
    assert (found.files is None) == needed
    assert found.without_files == (("before",) if needed else ())
