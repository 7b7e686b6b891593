"""What other tools show for an image, from the figures of an analysis or of an outline.

Formulas, with the figures of ``model.sizes``; ``dirs`` are directories of a layer with the parents that its paths imply::

    docker images, overlay2        sum over layers of (content + symlink targets), files replaced in the layer left out
    docker images, containerd      listed + snapshots
    podman images                  tar_size of all layers + config + 2 * manifest
    crictl images, containerd      listed = manifest + config + descriptor sizes of all layers
    ctr snapshots usage            snapshots = sum over layers of (disk_size + 4096 * (dirs + 1 + long symlinks))

Sources: ``directory.Size`` of https://github.com/moby/moby, ``ImageService`` of its containerd store, ``ImageSize`` of
https://github.com/containers/storage, ``usage.CalculateImageUsage`` and ``fs.DiskUsage`` of
https://github.com/containerd/containerd, and ``Artifact.Size`` of https://github.com/goharbor/harbor.
"""

from __future__ import annotations

from collections.abc import Sequence

from ocisize.model.analysis import Analysis, LayerAnalysis
from ocisize.model.outline import LayerOutline, Outline
from ocisize.model.sizes import paid_layers, sum_known
from ocisize.model.tool_sizes import SizeStyle, ToolSize
from ocisize.sizes.layers import DISK_BLOCK
from ocisize.tuples import NamedTuple

_TAR_BLOCK = 512
_ON_EXT4 = "of a host with ext4, where directories with many files take more blocks"
_ESTIMATED = "the compressed sizes are estimates"
_SIGNATURES = "signatures count, too"


class _Parts(NamedTuple):
    """The figures that formulas are made of; None if unknown."""

    layers: Sequence[LayerAnalysis | LayerOutline]
    blob_sizes: Sequence[int | None]  #: by layer, those of the descriptors
    is_estimated: bool  #: some of them are estimates
    manifest: int | None
    config: int
    tars: Sequence[int | None]
    written: Sequence[int | None]  #: by layer, content and symlink targets
    snapshots: Sequence[int | None]  #: by layer, blocks of files, directories and long symlinks
    needs_layers: bool  #: the layers were not read

    @property
    def download(self) -> int | None:
        """The descriptors of all layers; a blob that is listed twice counts twice."""
        return sum_known(self.blob_sizes)

    @property
    def stored(self) -> int | None:
        """The blobs of all layers, each once."""
        return sum_known(size for size, pays in zip(self.blob_sizes, paid_layers(self.layers), strict=True) if pays)

    @property
    def documents(self) -> int | None:
        """The manifest and the config."""
        return sum_known((self.manifest, self.config))


def tool_sizes(image: Analysis | Outline) -> tuple[ToolSize, ...]:
    """Return what other tools show for the image: engines first, then registries.

    Of an outline, the figures that need the layers are None, and ``needs_layers`` says so.

    >>> import ocisize
    >>> [str(row.size) for row in tool_sizes(ocisize.Analyzer().outline("testdata/example.tar"))][:3]
    ['None', 'None', '1592287']
    """
    parts = _parts_of_analysis(image) if isinstance(image, Analysis) else _parts_of_outline(image)
    return (*_list_engines(parts), *_list_registries(parts))


def _parts_of_analysis(analysis: Analysis) -> _Parts:
    layers = analysis.layers
    return _Parts(
        layers=layers,
        blob_sizes=[layer.expected_compressed_size for layer in layers],
        is_estimated=any(layer.compressed_size is None for layer in layers),
        manifest=analysis.manifest_size,
        config=analysis.config_size,
        tars=[None if layer.failure is not None else layer.tar_size for layer in layers],
        written=list(map(_written_size, layers)),
        snapshots=list(map(_snapshot_size, layers)),
        needs_layers=False,
    )


def _parts_of_outline(outline: Outline) -> _Parts:
    layers = outline.layers
    unknown = [None] * len(layers)
    return _Parts(
        layers=layers,
        blob_sizes=[layer.compressed_size for layer in layers],
        is_estimated=False,
        manifest=outline.manifest_size,
        config=outline.config_size,
        tars=unknown,
        written=unknown,
        snapshots=unknown,
        needs_layers=True,
    )


def _written_size(layer: LayerAnalysis) -> int | None:
    """Bytes of files and symlinks of a layer on the disk of a host, as ``stat`` gives them."""
    if layer.on_disk is None:
        return None
    return layer.content_size - layer.on_disk.replaced_size + layer.on_disk.symlink_size


def _snapshot_size(layer: LayerAnalysis) -> int | None:
    """Bytes of blocks of a layer's snapshot on ext4, with its root."""
    if layer.on_disk is None:
        return None
    blocks = 1 + layer.on_disk.directory_count + layer.on_disk.long_symlink_count
    return layer.disk_size - layer.on_disk.replaced_disk_size + DISK_BLOCK * blocks


def _list_engines(parts: _Parts) -> list[ToolSize]:
    snapshots, tars = sum_known(parts.snapshots), sum_known(parts.tars)
    layers, listed = parts.needs_layers, sum_known((parts.documents, parts.download))
    guess = _ESTIMATED * parts.is_estimated
    from_tars = sum_known((tars, parts.config, parts.manifest, parts.manifest))
    return [
        ToolSize(
            tool="Docker (overlay2)", figure="docker images SIZE", size=sum_known(parts.written), style=SizeStyle.DOCKER,
            formula="unpacked + symlink targets", layer_sizes=_of_layers(parts.written), needs_layers=layers,
            note="the store of Docker up to 28; docker history shows the parts of the layers",
        ),
        ToolSize(
            tool="Docker (containerd)", figure="docker images SIZE", size=sum_known((listed, snapshots)),
            formula="content size + snapshots", style=SizeStyle.DOCKER, doubt=_join(_ON_EXT4, guess), needs_layers=layers,
            note="the store of new installations of Docker 29",
        ),
        ToolSize(
            tool="Docker (containerd)", figure="docker images CONTENT SIZE", size=listed, doubt=guess,
            formula="listed layers + config + manifest", style=SizeStyle.DOCKER,
            note="attestations of an image that was built there count, too; docker pull does not fetch them",
        ),
        ToolSize(
            tool="Docker (overlay2)", figure="docker save", size=_archive_size(parts), needs_layers=layers,
            formula="tars + documents + headers", doubt="the documents in the archive depend on the version of Docker",
        ),
        ToolSize(
            tool="Podman", figure="podman images SIZE", size=from_tars, formula="tars + config + twice the manifest",
            layer_sizes=_of_layers(parts.tars), style=SizeStyle.PODMAN, needs_layers=layers, note=_SIGNATURES,
        ),
        ToolSize(
            tool="containerd", figure="crictl images SIZE", size=listed, formula="listed layers + config + manifest",
            style=SizeStyle.DOCKER, doubt=guess, note="nodes of Kubernetes report the same number in status.images",
        ),
        ToolSize(
            tool="containerd", figure="ctr images ls SIZE", size=listed, formula="listed layers + config + manifest",
            style=SizeStyle.CONTAINERD, doubt=guess,
        ),
        ToolSize(
            tool="containerd", figure="ctr snapshots usage", size=snapshots, style=SizeStyle.CONTAINERD,
            formula="4 KiB blocks of files and directories", layer_sizes=_of_layers(parts.snapshots),
            doubt=_ON_EXT4, needs_layers=layers, note="the sum of the snapshots of all layers",
        ),
        ToolSize(
            tool="CRI-O", figure="crictl images SIZE", size=from_tars, formula="tars + config + twice the manifest",
            style=SizeStyle.DOCKER, needs_layers=layers, note=_SIGNATURES,
        ),
    ]  # fmt: skip


def _list_registries(parts: _Parts) -> list[ToolSize]:
    listed, guess = sum_known((parts.documents, parts.download)), _ESTIMATED * parts.is_estimated
    undocumented = _join("the registry does not document the formula", guess)
    return [
        ToolSize(
            tool="Registry (distribution)", figure="blobs on disk", size=sum_known((parts.documents, parts.stored)),
            formula="download + config + manifest", doubt=guess, note="a blob that several images have is stored once",
        ),
        ToolSize(
            tool="Harbor", figure="size of the artifact", size=listed, formula="listed layers + config + manifest",
            style=SizeStyle.HARBOR, doubt=guess, note="an index has its own bytes and those of all its artifacts",
        ),
        ToolSize(
            tool="Amazon ECR", figure="imageSizeInBytes", size=parts.download, formula="listed layers",
            doubt=_join("the config may count", guess), note="an index has the size of the largest of its images",
        ),
        *(
            ToolSize(tool=tool, figure=figure, size=parts.download, formula="listed layers", doubt=undocumented)
            for tool, figure in (
                ("Quay", "size of the tag"), ("GitLab", "size of the tag"), ("Docker Hub", "compressed size"),
            )
        ),
    ]  # fmt: skip


def _join(*doubts: str) -> str:
    return "; ".join(filter(None, doubts))


def _of_layers(sizes: Sequence[int | None]) -> tuple[int | None, ...]:
    return () if None in sizes else tuple(sizes)


def _archive_size(parts: _Parts) -> int | None:
    """Bytes of the archive of ``docker save``: per layer a folder with three files, then config, manifest and names.

    The tar of a layer that the image has twice is stored once.
    """
    if None in parts.tars:
        return None
    tars = {layer.diff_id or layer.digest: size or 0 for layer, size in zip(parts.layers, parts.tars, strict=True)}
    documents = 7 * _TAR_BLOCK + _pad(parts.config)
    return 6 * _TAR_BLOCK * len(parts.layers) + sum(map(_pad, tars.values())) + documents + 2 * _TAR_BLOCK


def _pad(size: int) -> int:
    return -(-size // _TAR_BLOCK) * _TAR_BLOCK
