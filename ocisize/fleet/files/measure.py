"""measure_fleet_files: the figures of a fleet's files, from the entries and summaries of its layers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from ocisize.fleet.engine.collect import LayersRead
from ocisize.fleet.engine.entries import Entries
from ocisize.fleet.engine.image_packages import ImagePackageSums
from ocisize.fleet.engine.summary import LayerSummary
from ocisize.fleet.files.contents import DEFAULT_MEMORY, ContentCounts, CountedContent, count_contents, count_partitions
from ocisize.fleet.files.junk import group_secrets, sum_junk
from ocisize.fleet.files.layer_use import LayerUse
from ocisize.fleet.files.packages import sum_image_packages
from ocisize.fleet.files.rebase import find_rebases
from ocisize.fleet.measure import spread
from ocisize.model.fleet_figures import FleetFigures
from ocisize.model.fleet_files import ContentGroup, Dedup, DuplicateContent, FleetFiles, UnreadLayer
from ocisize.rules.rule import Catalog
from ocisize.tar.filetable import FileTable

MAX_GROUPS = 50  #: types, and directories, that are listed


def measure_fleet_files(
    figures: FleetFigures,
    read: LayersRead,
    entries: Entries,
    *,
    catalog: Catalog,
    packages: Iterable[tuple[int, ImagePackageSums]] | None = None,
    memory: int = DEFAULT_MEMORY,
) -> FleetFiles:
    """Return the figures of the files of a fleet.

    Args:
        figures: those of its documents.
        read: how its layers were read.
        entries: the tables of the layers, which are loaded one at a time.
        catalog: the rules of the summaries.
        packages: those of images by number in ``LayerUse``, ascending; None if they are not wanted.
        memory: bytes that contents may take; see ``files.contents``.

    Raises EntryLost if a table is not there any more and cannot be read again.

    """
    use = LayerUse(figures.fleet, figures.families)
    tasks = {task.digest: task for task in read.readable}
    ordered = [digest for digest in use.layers if digest in tasks]  # in the order of the fleet
    summaries = {digest: summary for digest in ordered if (summary := read.results[digest].summary) is not None}

    def load(digest: str) -> FileTable | None:
        return entries.load(tasks[digest]).table if digest in tasks else None

    def tables() -> Iterator[FileTable]:
        return (entries.load(tasks[digest]).table for digest in ordered)

    files = sum(summary.files for summary in summaries.values())
    counts = count_contents(tables, count_partitions(files, memory))
    found = sum_image_packages(use, packages) if packages is not None else None
    secrets, secret_count = group_secrets(use, summaries)
    of_images = [_sum_image(layers, summaries) for layers in _distinct_layers(use)]
    return FleetFiles(
        figures=figures,
        images=len(use.images),
        layers=len(ordered),
        unread=_list_unread(use, read),
        entries=sum(summary.rows for summary in summaries.values()),
        unhashed_files=sum(summary.unhashed_files for summary in summaries.values()),
        unhashed_size=sum(summary.unhashed_size for summary in summaries.values()),
        layer_level=_count_layers(use),
        image_files=_count_image_files(use, summaries, counts),
        layer_files=Dedup(
            total_count=counts.files,
            total_size=counts.size,
            distinct_count=counts.distinct_files,
            distinct_size=counts.distinct_size,
        ),
        duplicate_count=counts.duplicate_count,
        excess_size=counts.excess_size,
        excess_across_size=counts.excess_across_size,
        duplicates=[_make_duplicate(use, ordered, content) for content in counts.duplicates],
        file_types=_list_groups(counts.file_types),
        directories=_list_groups({_directory(name): sums for name, sums in counts.directories.items()}),
        junk=sum_junk(use, summaries, catalog),
        secrets=secrets,
        secret_count=secret_count,
        packages=None if found is None else found[0],
        package_count=0 if found is None else found[1],
        rebases=find_rebases(use, load),
        files_by_layer=spread(summary.files for summary in summaries.values()),
        content_by_layer=spread(summary.content_size for summary in summaries.values()),
        files_by_image=spread(files for files, _ in of_images),
        content_by_image=spread(size for _, size in of_images),
        warnings=[] if found is None else found[2],
    )


def _distinct_layers(use: LayerUse) -> Iterator[Sequence[str]]:
    """The layers of each image, one that it has twice once."""
    return (list(dict.fromkeys(layer.digest for layer in image.layers)) for image in use.images)


def _sum_image(layers: Sequence[str], summaries: Mapping[str, LayerSummary]) -> tuple[int, int]:
    """Files and bytes of the layers of an image that were read."""
    own = [summaries[digest] for digest in layers if digest in summaries]
    return sum(summary.files for summary in own), sum(summary.content_size for summary in own)


def _count_layers(use: LayerUse) -> Dedup:
    images = {digest: len(images) for digest, images in use.images_of.items()}
    return Dedup(
        total_count=sum(images.values()),
        total_size=sum(use.layers[digest].size * count for digest, count in images.items()),
        distinct_count=len(use.layers),
        distinct_size=sum(layer.size for layer in use.layers.values()),
    )


def _count_image_files(use: LayerUse, summaries: Mapping[str, LayerSummary], counts: ContentCounts) -> Dedup:
    used = [(len(use.images_of[digest]), summary) for digest, summary in summaries.items()]
    return Dedup(
        total_count=sum(images * (summary.filled_files - summary.unhashed_files) for images, summary in used),
        total_size=sum(images * (summary.content_size - summary.unhashed_size) for images, summary in used),
        distinct_count=counts.distinct_files,
        distinct_size=counts.distinct_size,
    )


def _make_duplicate(use: LayerUse, digests: Sequence[str], content: CountedContent) -> DuplicateContent:
    return DuplicateContent(
        content=content.content.hex(),
        size=content.size,
        copies=content.copies,
        layers=len(content.layers),
        images=use.count_images(digests[number] for number in content.layers),
        paths=content.paths,
    )


def _list_groups(groups: Mapping[str, Sequence[int]]) -> list[ContentGroup]:
    """The largest groups, and one without a name for all others."""
    ordered = sorted(groups.items(), key=lambda group: (-group[1][1], -group[1][0], group[0]))
    listed, others = ordered[:MAX_GROUPS], [sums for _, sums in ordered[MAX_GROUPS:]]
    rest = [("", [sum(column) for column in zip(*others, strict=True)])] if others else []
    return [
        ContentGroup(name=name, files=files, size=size, excess_files=excess_files, excess_size=excess)
        for name, (files, size, excess_files, excess) in [*listed, *rest]
    ]


def _directory(name: str) -> str:
    return f"/{name}/" if name else "/"


def _list_unread(use: LayerUse, read: LayersRead) -> list[UnreadLayer]:
    unread = [
        UnreadLayer(
            layer=digest,
            size=use.layers[digest].size,
            images=len(use.images_of[digest]),
            message=problem.message,
            hint=problem.hint,
        )
        for digest, problem in read.problems.items()
    ]
    return sorted(unread, key=lambda layer: (-layer.size, layer.layer))
