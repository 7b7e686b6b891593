"""read_releases: the releases of images from their documents, and the files of their layers if these are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing

from ocisize.analyzer import Analyzer
from ocisize.errors import OcisizeError
from ocisize.listing.opening import ReferenceOpener
from ocisize.listing.references import ListedReference
from ocisize.model.analysis import Analysis
from ocisize.model.fleet import FleetFailure
from ocisize.model.outline import Outline
from ocisize.model.updates import Release
from ocisize.sources.registry.connection import Connection
from ocisize.updates.contents import LayerContents, read_contents
from ocisize.updates.releases import make_release
from ocisize.values import evolve, frozen

MAX_READERS = 8  #: images whose documents are read at once


@frozen
class ReadReleases:
    """What ``read_releases`` read, in the order of the input."""

    releases: tuple[Release, ...]  #: one for each image that could be read
    failures: tuple[FleetFailure, ...] = ()  #: images that could not be read
    warnings: tuple[str, ...] = ()  #: what the user should know about how the images were read


def read_releases(analyzer: Analyzer, images: Sequence[str | ListedReference], *, jobs: int = MAX_READERS) -> ReadReleases:
    """Read the manifests and configs of images, ``jobs`` at once; an image that cannot be read is left out and named.

    ``images`` are what ``open_source`` opens, or come from ``list_references``.

    >>> read = read_releases(Analyzer(), ["testdata/example.tar", "./missing.tar"])
    >>> [release.name for release in read.releases], [failure.message for failure in read.failures]
    (['testdata/example.tar'], ['no such file or folder: ./missing.tar'])
    """
    from concurrent.futures import ThreadPoolExecutor

    listed = [ListedReference(name=image) if isinstance(image, str) else image for image in images]
    connection = analyzer.connection
    if connection is None or connection.pool_size < jobs:
        connection = evolve(connection or Connection(), pool_size=jobs)
    with (
        ReferenceOpener(connection=connection, limits=analyzer.limits, cache=analyzer.cache) as opener,
        ThreadPoolExecutor(max(1, min(jobs, len(images))), "ocisize-outline") as pool,
    ):
        outcomes = list(pool.map(lambda reference: _read_outline(analyzer, opener, reference), listed))
    releases, failures, warnings = list[Release](), list[FleetFailure](), list[str]()
    unpacked = 0
    for reference, outcome in zip(listed, outcomes, strict=True):
        if isinstance(outcome, FleetFailure):
            failures.append(outcome)
            continue
        releases.append(make_release(outcome, name=reference.name, select=reference.select))
        warnings += [f"{reference}: {text}" for text in outcome.warnings]
        unpacked += outcome.compressed_size is None
    if unpacked:
        warnings.append(f"{unpacked} of {len(images)} inputs have layers uncompressed: their sizes are those of the tars")
    platforms = dict.fromkeys(release.platform for release in releases)
    if len(platforms) > 1:
        warnings.append(f"the images are of several platforms: {', '.join(platforms)}")
    return ReadReleases(tuple(releases), tuple(failures), tuple(warnings))


def _read_outline(analyzer: Analyzer, opener: ReferenceOpener, reference: ListedReference) -> Outline | FleetFailure:
    """The outline of an image, or its error."""
    try:
        with closing(opener.open(reference)) as source:
            outline = analyzer.outline_source(source, name=str(reference))
    except OcisizeError as error:
        return FleetFailure(reference=str(reference), message=str(error), hint=error.hint or "")
    if mismatch := outline.layer_mismatch:
        return FleetFailure(reference=str(reference), message=mismatch)
    return outline


@frozen
class ReadContents:
    """What ``read_layer_contents`` read."""

    contents: Mapping[str, LayerContents]  #: by digest of the layer
    failures: tuple[FleetFailure, ...] = ()  #: releases whose layers could not be read


def read_layer_contents(analyzer: Analyzer, releases: Sequence[Release]) -> ReadContents:
    """Read the files of all layers of releases, each distinct layer once; a release that cannot be read is named.

    Layers that the cache of the analyzer has are not read again.
    """
    reader = evolve(analyzer, hash_content=True, advice=False, keep_layers=True, estimate_download=False, files=True)
    reader.keep_packages = True
    contents, failures = dict[str, LayerContents](), list[FleetFailure]()
    for release in releases:
        if all(layer.digest in contents for layer in release.layers):
            continue
        try:
            analysis = reader.analyze(release.name, select=release.select)
        except OcisizeError as error:
            failures.append(FleetFailure(reference=release.name, message=str(error), hint=error.hint or ""))
            continue
        if [layer.digest for layer in analysis.layers] != [layer.digest for layer in release.layers]:
            message = "it names another image than a moment ago: its tag was moved, or its file was replaced"
            failures.append(FleetFailure(reference=release.name, message=message, hint="run the command again"))
            continue
        owners = _list_owners(analysis)
        for layer, outline in zip(analysis.layers, release.layers, strict=True):
            if layer.files is not None and layer.failure is None and outline.digest not in contents:
                contents[outline.digest] = read_contents(layer.files, owners[layer.index] if owners else None)
    return ReadContents(contents, tuple(failures))


def _list_owners(analysis: Analysis) -> list[list[str | None]]:
    """By layer and row: the package that owns the row, as ``deb curl``; [] without databases of package managers."""
    from ocisize.comparison.package_changes import find_ownership

    ownership = find_ownership(analysis)
    if ownership is None:
        return []
    names = [f"{record.ecosystem} {record.name}" for record in ownership.records]
    return [[names[number] if number < len(names) else None for number in rows] for rows in ownership.rows]
