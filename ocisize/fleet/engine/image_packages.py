"""The packages of one image, as tasks of an engine: workers take the tables of its layers from the cache they share."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ocisize.cache.columns import pack_document, unpack_document
from ocisize.cache.entry import BadEntry, pack_entry
from ocisize.cache.load import load_entry
from ocisize.cache.plain_values import PlainReader, to_plain
from ocisize.cache.store import Cache
from ocisize.fleet.engine.summary import code_key
from ocisize.fleet.engine.tasks import LayerTask, TaskOptions
from ocisize.fleet.engine.worker import find_shared_cache
from ocisize.layer.cache import LayerCache
from ocisize.limits import Limits
from ocisize.values import frozen

if TYPE_CHECKING:
    from ocisize.tar.filetable import FileTable

FORMAT = "packages-v1"  #: changes with the form of an entry
_DAMAGE = (ValueError, TypeError, KeyError)


@frozen
class FoundPackage:
    """A package that the databases of an image list."""

    ecosystem: str
    name: str
    version: str
    is_installed: bool  #: False if only a lower layer lists it


@frozen
class OwnedFiles:
    """The files of one layer that belong to one package."""

    package: int  #: index in ``ImagePackageSums.packages``
    layer: int  #: index of the layer in the image
    files: int  #: regular files
    size: int  #: bytes of content


@frozen(kw_only=True)
class ImagePackageSums:
    """The packages of an image, and what belongs to each of them in each layer."""

    packages: tuple[FoundPackage, ...]
    owned: tuple[OwnedFiles, ...]
    warnings: tuple[str, ...] = ()


@frozen
class ImageTask:
    """The layers of an image, base first; images with the same layers are one task."""

    layers: tuple[LayerTask, ...]
    digest: str  #: of the digests of the layers

    @classmethod
    def of(cls, layers: Sequence[LayerTask]) -> ImageTask:
        """The task of some layers; places are left out, since tables come from the cache."""
        bare = tuple(LayerTask(layer.digest, layer.size, layer.diff_id, layer.media_type, ()) for layer in layers)
        return cls(bare, hashlib.sha256("\n".join(layer.digest for layer in bare).encode()).hexdigest())

    @property
    def size(self) -> int:
        """Bytes of all blobs, which say about how long it takes."""
        return sum(layer.size for layer in self.layers)

    @property
    def store(self) -> str:
        """Nothing is read but the cache."""
        return ""

    @property
    def key(self) -> str:
        """The key of the sums in the cache."""
        return f"{FORMAT}/{self.digest[:2]}/{self.digest}-{code_key()}"


def read_packages(task: ImageTask, options: TaskOptions) -> bool:
    """Put the sums of an image into the cache; return whether they are there: its tables may not be."""
    store = find_shared_cache(options.cache_folder, options.cache_size, options.mark)
    if store is None:
        return False
    if find_packages(store, task, options.limits) is not None:
        return True
    scans = LayerCache(store, limits=options.limits)

    def load(layer: LayerTask) -> FileTable:
        found = scans.find(layer.layer, verify=False)
        if found is None:
            raise LookupError(layer.digest)
        return found.scan.table

    try:
        sums = sum_packages(task, load)
    except LookupError:
        return False
    keep_packages(store, task, sums)
    return True


def find_packages(store: Cache, task: ImageTask, limits: Limits) -> ImagePackageSums | None:
    """Return the sums of an image that are kept; None if there are none."""
    return load_entry(store, task.key, limits, _unpack, damage=_DAMAGE)


def keep_packages(store: Cache, task: ImageTask, sums: ImagePackageSums) -> None:
    """Keep the sums of an image whose layers were all verified."""
    store.put(task.key, pack_entry(task.key, [pack_document(to_plain(sums))]))


def sum_packages(task: ImageTask, load: Callable[[LayerTask], FileTable]) -> ImagePackageSums:
    """Return the packages of an image by the databases of all its layers; ``load`` returns the table of a layer.

    The config is not asked, so versions of runtimes that only the environment names are unknown.
    """
    from ocisize.filesystem.directories import ImageRuns
    from ocisize.filesystem.overlap import find_overlapping_rows
    from ocisize.filesystem.overlay import overlay_selected
    from ocisize.inventory.owners import assign_owners
    from ocisize.model.build_step import BuildStep
    from ocisize.oci.documents import RunConfig
    from ocisize.packages.system import find_system

    by_digest = {layer.digest: load(layer) for layer in dict.fromkeys(task.layers)}
    tables = [by_digest[layer.digest] for layer in task.layers]
    runs = ImageRuns()
    overlay = overlay_selected(tables, find_overlapping_rows(tables, runs))
    system = find_system(tables, overlay, RunConfig())
    ownership = assign_owners(tables, overlay.hidden_by, runs, [BuildStep()] * len(tables), system=system)
    count = len(ownership.records)
    packages = [
        FoundPackage(record.ecosystem, record.name, record.version, number in ownership.installed)
        for number, record in enumerate(ownership.records)
    ]
    owned = [
        OwnedFiles(number, layer, files, size)
        for layer, (table, numbers) in enumerate(zip(tables, ownership.rows, strict=True))
        for number, (files, size) in _sum_rows(table, numbers, count).items()
    ]
    return ImagePackageSums(packages=tuple(packages), owned=tuple(owned), warnings=ownership.warnings)


def _sum_rows(table: FileTable, numbers: Sequence[int], count: int) -> dict[int, tuple[int, int]]:
    """Files and bytes by the number of the package, ascending."""
    from ocisize.tar.filetable import REGULAR

    files, sizes = dict[int, int](), dict[int, int]()
    for number, size, kind in zip(numbers, table.sizes, table.kinds, strict=True):
        if number < count and kind == REGULAR:
            files[number] = files.get(number, 0) + 1
            sizes[number] = sizes.get(number, 0) + size
    return {number: (files[number], sizes[number]) for number in sorted(files)}


def _unpack(sections: Sequence[bytes]) -> ImagePackageSums:
    if len(sections) != 1:
        raise BadEntry("other sections")
    sums: ImagePackageSums = PlainReader().read(ImagePackageSums, unpack_document(sections[0]))
    if any(not 0 <= owned.package < len(sums.packages) for owned in sums.owned):
        raise BadEntry("packages that do not exist")
    return sums
