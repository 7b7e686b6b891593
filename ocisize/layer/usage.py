"""What a scan asked of the limits, recorded so that a layer from the cache counts as one that is read."""

from __future__ import annotations

from collections.abc import Iterable

from ocisize.limits import Meter, Tally
from ocisize.tar.filetable import FileTable
from ocisize.tuples import NamedTuple


class Usage(NamedTuple):
    """The totals that a meter got for one layer."""

    stored: int  #: bytes of the blob
    size: int  #: uncompressed bytes
    entries: int  #: rows and extended headers
    metadata_size: int  #: bytes of names and headers
    parents_size: int  #: of ``Meter.check_directories``
    kept: int  #: bytes of files that were kept
    components: int  #: slashes in all paths: to count them again takes as long as to check the sizes

    def count_again(self, meter: Meter, table: FileTable, *, ratio_floor: int | None) -> None:
        """Count the layer as its scan did. Raises LimitExceeded; ``ratio_floor`` is that of the layer's compression."""
        meter.record_size(self.size, self.stored, ratio_floor=ratio_floor)
        for row, stored in table.stored_sizes.items():
            meter.record_holes(table.sizes[row] - stored, table[row].path)
        meter.record_entries(self.entries, self.metadata_size)
        meter.record_kept(self.kept)
        meter.check_directories(table.paths, self.components, self.parents_size)


class RecordingMeter(Meter):
    """A meter that remembers its totals."""

    def __init__(self, tally: Tally) -> None:
        super().__init__(tally)
        self.usage = Usage(0, 0, 0, 0, 0, 0, 0)

    def record_size(self, size: int, stored: int, *, ratio_floor: int | None = None) -> None:
        """See Meter."""
        super().record_size(size, stored, ratio_floor=ratio_floor)
        self.usage = self.usage._replace(size=size, stored=stored)

    def record_entries(self, entries: int, metadata_size: int) -> None:
        """See Meter."""
        super().record_entries(entries, metadata_size)
        self.usage = self.usage._replace(entries=entries, metadata_size=metadata_size)

    def record_kept(self, size: int) -> None:
        """See Meter."""
        super().record_kept(size)
        self.usage = self.usage._replace(kept=self.usage.kept + size)

    def check_directories(self, paths: Iterable[bytes], components: int, parents_size: int) -> None:
        """See Meter."""
        super().check_directories(paths, components, parents_size)
        self.usage = self.usage._replace(components=components, parents_size=parents_size)
