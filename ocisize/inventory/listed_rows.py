"""ListedRows: the rows that single packages list, known with the owners of all rows, for checks that ask for some."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property
from itertools import compress, islice
from operator import ne

from ocisize.inventory.record import PackageRecord
from ocisize.tar.filetable import IntArray


class ListedRows:
    """The rows whose paths a package lists as they are, hidden ones included."""

    def __init__(
        self,
        records: Sequence[PackageRecord],
        numbers: Iterable[int],
        rows: Sequence[IntArray],
        contested: AbstractSet[bytes],
    ) -> None:
        """Note what was found.

        Args:
            records: the packages by number.
            numbers: those whose lists were read.
            rows: by layer and row: the number of a package, or ``len(records)``.
            contested: the paths whose number says too little: several packages list them, or one by another path.

        """
        self._records, self._numbers, self._rows = records, numbers, rows
        self.contested = contested

    @cached_property
    def _number_of(self) -> dict[PackageRecord, int]:
        return {self._records[number]: number for number in self._numbers}

    @cached_property
    def _runs(self) -> list[dict[int, list[range]]]:
        """By layer and number, the runs of rows. Rows of one package mostly follow each other."""
        runs: list[dict[int, list[range]]] = []
        for numbers in self._rows:
            starts = [0, *compress(range(1, len(numbers)), map(ne, islice(numbers, 1, None), numbers))] if numbers else []
            found: defaultdict[int, list[range]] = defaultdict(list)
            for start, end in zip(starts, [*starts[1:], len(numbers)], strict=False):
                found[numbers[start]].append(range(start, end))
            runs.append(found)
        return runs

    def has_all(self, records: Iterable[PackageRecord]) -> bool:
        """Whether the lists of all these packages were read."""
        return all(map(self._number_of.__contains__, records))

    def runs_in(self, layer: int, records: Iterable[PackageRecord]) -> Mapping[PackageRecord, Sequence[range]]:
        """The rows of a layer that packages list, for those that have any; ``contested`` paths may be among them."""
        runs = self._runs[layer]
        return {record: found for record in records if (found := runs.get(self._number_of[record]))}
