"""Why packages are there, by what package managers noted and by what packages need, and what would go with each of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice

from ocisize.inventory.dominators import sum_dominated
from ocisize.inventory.record import PackageRecord
from ocisize.model.packages import NPM, OF_SYSTEM, PackageReason
from ocisize.tuples import NamedTuple

MAX_NEEDED_BY = 100  #: names for one package: a C library has hundreds
_MAX_EDGES = 1_000_000  # dependencies of an image that are looked at; 6,000 packages have 40,000
_MAX_PROVIDERS = 8  # packages that provide one name and are looked at
_NODE_MODULES = b"/node_modules/"
_MAX_DEPTH = 32  # packages of npm within packages


class Why(NamedTuple):
    """Why a package is there."""

    reason: PackageReason
    needed_by: tuple[str, ...]  #: at most MAX_NEEDED_BY names of packages, sorted
    exclusive_size: int  #: bytes of the package and of those that nothing else needs


def find_reasons(
    packages: Sequence[Sequence[PackageRecord]], sizes: Sequence[int], in_base: Collection[int] = ()
) -> list[Why]:
    """Find why the packages of an image are there.

    Args:
        packages: all installed packages, each with the records of its installations.
        sizes: the bytes of each package.
        in_base: indexes of packages that came with the root filesystem of a distribution: no command named them.

    """
    names = _Names(packages)
    required: list[dict[int, None]] = [{} for _ in packages]  # by package: those that it needs
    recommended: list[dict[int, None]] = [{} for _ in packages]
    remaining = _MAX_EDGES
    for number, record in ((number, record) for number, records in enumerate(packages) for record in records):
        for relations, found in ((record.requires, required[number]), (record.recommends, recommended[number])):
            targets = list(islice(names.find(record, relations[:remaining]), remaining))
            remaining -= max(len(targets), len(relations[:remaining]))
            found.update(dict.fromkeys(target for target in targets if target != number))
    needing = _invert(required)
    recommending = _invert(recommended)
    roots = [
        number
        for number, records in enumerate(packages)
        if any(record.is_essential or record.is_automatic is False for record in records)
        or not (needing[number] or recommending[number])
    ]
    exclusive = sum_dominated(sizes, [[*needs, *more] for needs, more in zip(required, recommended, strict=True)], roots)
    return [
        Why(
            reason=_reason(records, number in in_base, bool(needing[number]), bool(recommending[number])),
            needed_by=tuple(
                sorted({packages[source][0].name for source in (*needing[number], *recommending[number])})[:MAX_NEEDED_BY]
            ),
            exclusive_size=exclusive[number],
        )
        for number, records in enumerate(packages)
    ]


def _reason(records: Sequence[PackageRecord], in_base: bool, needed: bool, recommended: bool) -> PackageReason:  # noqa: FBT001
    if all(record.is_development for record in records):
        return PackageReason.DEVELOPMENT
    from_base = in_base and records[0].ecosystem in OF_SYSTEM
    if any(record.is_automatic is False and not (from_base or record.is_essential) for record in records):
        return PackageReason.ASKED
    if needed:
        return PackageReason.NEEDED
    came_with_base = from_base and not any(record.is_automatic for record in records)
    return PackageReason.RECOMMENDED if recommended and not came_with_base else PackageReason.UNKNOWN


def _invert(edges: Iterable[Iterable[int]]) -> defaultdict[int, list[int]]:
    """By package, those that lead to it."""
    inverted: defaultdict[int, list[int]] = defaultdict(list)
    for number, targets in enumerate(edges):
        for target in targets:
            inverted[target].append(number)
    return inverted


class _Names:
    """The packages by what others call them."""

    def __init__(self, packages: Sequence[Sequence[PackageRecord]]) -> None:
        self._by_place: dict[tuple[str, bytes], dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        self._provided: dict[tuple[str, bytes], dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        self._anywhere: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        # of npm: by the name of the directory, the package in the ``node_modules`` of each holder
        self._held: dict[bytes, dict[bytes, int]] = defaultdict(dict)
        self._architectures = [{record.architecture for record in records} for records in packages]
        for number, records in enumerate(packages):
            for record in records:
                self._add(record, number)

    def _add(self, record: PackageRecord, number: int) -> None:
        place = (record.ecosystem, record.place)
        for found in (self._by_place[place][record.name], self._anywhere[record.ecosystem][record.name]):
            if len(found) < _MAX_PROVIDERS and number not in found:
                found.append(number)
        for name in record.provides:
            found = self._provided[place][name]
            if len(found) < _MAX_PROVIDERS and number not in found:
                found.append(number)
        if record.ecosystem == NPM:
            for root in record.directories[:1]:
                holder, _, directory = (b"/" + root).rpartition(_NODE_MODULES)
                self._held[directory][holder[1:]] = number

    def find(self, record: PackageRecord, relations: Iterable[Sequence[str]]) -> Iterator[int]:
        """The packages that satisfy the relations of a record; all alternatives that are installed."""
        holders = _list_holders(record) if record.ecosystem == NPM else ()
        for alternatives in relations:
            for name in alternatives:
                yield from self._find(record, name, holders)

    def _find(self, record: PackageRecord, name: str, holders: Sequence[bytes]) -> Sequence[int]:
        if holders and (number := self._in_node_modules(holders, name)) is not None:
            return (number,)
        place = (record.ecosystem, record.place)
        for names in (self._by_place.get(place), self._provided.get(place), self._anywhere.get(record.ecosystem)):
            found = names.get(name) if names is not None else None
            if found:
                return self._of_architecture(record, found)
        return ()

    def _of_architecture(self, record: PackageRecord, found: Sequence[int]) -> Sequence[int]:
        """Those of the architecture of a package, if there are."""
        if len(found) == 1:
            return found
        return [number for number in found if record.architecture in self._architectures[number]] or found

    def _in_node_modules(self, holders: Iterable[bytes], name: str) -> int | None:
        """The package that Node.js finds: that in the innermost ``node_modules``."""
        held = self._held.get(name.encode("utf-8", "surrogateescape"))
        return next((held[holder] for holder in holders if holder in held), None) if held is not None else None


def _list_holders(record: PackageRecord) -> list[bytes]:
    """The directories whose ``node_modules`` a package of npm looks into, the innermost first."""
    holders: list[bytes] = []
    holder = record.directories[0] if record.directories else b""
    while holder and len(holders) < _MAX_DEPTH:
        holders.append(holder)
        holder = holder[: max(holder.rfind(_NODE_MODULES), 0)]
    return [*holders, b""]


def group_records(numbers: Iterable[int], records: Sequence[PackageRecord]) -> Mapping[tuple[object, ...], list[int]]:
    """Group installations that are one package to a reader: of one name and version in one place."""
    groups: dict[tuple[object, ...], list[int]] = {}
    for number in numbers:
        record = records[number]
        key = (record.ecosystem, record.name, record.version, record.place, record.architecture)
        groups.setdefault(key, []).append(number)
    return groups
