"""PackageOwners: the package of each file, and the packages with the most bytes in a directory."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from ocisize.report.packages.words import show_place
from ocisize.text import decode_name, printable

if TYPE_CHECKING:
    from ocisize.browse.image_index import ImageIndex
    from ocisize.inventory.owners import Ownership

_MAX_NAMED = 5  # packages of a directory
_MAX_SUMMED = 5_000  # runs of rows that are summed for one directory


class PackageOwners:
    """The owners of an image's rows. Finding them takes a second for 300,000 files: ``find`` is for another thread."""

    def __init__(self, index: ImageIndex, ownership: Ownership) -> None:
        self._index, self._ownership = index, ownership

    @classmethod
    def find(cls, index: ImageIndex) -> PackageOwners:
        """Find the owners in the databases that the analysis keeps with ``Analyzer.keep_packages``."""
        from ocisize.inventory.owners import assign_owners

        steps = [layer.build_step for layer in index.layers]
        return cls(index, assign_owners(index.tables, index.hidden_by, index.runs, steps, system=index.analysis.system))

    def name_owner(self, layer: int, row: int) -> str:
        """The package of a row, or what the row is if none owns it; "" if nothing is known."""
        return self._name(self._ownership.rows[layer][row])

    def _name(self, number: int) -> str:
        records, unowned = self._ownership.records, self._ownership.unowned
        if number < len(records):
            record = records[number]
            place = f" in {show_place(decode_name(record.place))}" if record.place else ""
            return printable(f"{record.name} {record.version} ({record.ecosystem}{place})")
        kind = unowned[number - len(records)]
        return printable(f"no package ({kind.name or kind.kind.value})")

    def largest_in(self, directory: int) -> tuple[list[tuple[str, int]], int]:
        """The owners with the most bytes of content below a directory, largest first, and how many owners there are.

        Of a directory with very many directories below none are named.
        """
        sums: dict[int, int] = defaultdict(int)
        waiting, runs = [directory], 0
        while waiting:
            number = waiting.pop()
            waiting += self._index.children(number)
            for layer, start, end in self._index.runs_in(number):
                runs += 1
                owners, sizes = self._ownership.rows[layer], self._index.tables[layer].sizes
                for row in range(start, end):
                    if sizes[row]:
                        sums[owners[row]] += sizes[row]
            if runs > _MAX_SUMMED:
                return [], 0
        largest = sorted(sums.items(), key=lambda item: (-item[1], item[0]))
        return [(self._name(number), size) for number, size in largest[:_MAX_NAMED]], len(largest)
