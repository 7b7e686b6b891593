"""What one version of a base image for all would save, where images are built on several versions of it.

The base of an image is the longest other image of the fleet whose layers are its lowest ones, from another repository, or
with a name that annotations or labels state. Without such an image it is the layers that all images with the stated base
have in common which share their lowest layer. Layers are compared by digest, as registries and hosts store them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TypeAlias

from ocisize.errors import InvalidReference
from ocisize.fleet.files.layer_use import LayerUse
from ocisize.model.fleet_files import BaseVersion, Rebase
from ocisize.oci.reference import parse_reference
from ocisize.tar.filetable import NO_HASH, FileTable
from ocisize.tuples import NamedTuple

Chain: TypeAlias = tuple[str, ...]  #: digests of layers, base first
LoadTable: TypeAlias = Callable[[str], "FileTable | None"]  #: the table of a layer by digest; None if it was not read


class _Base(NamedTuple):
    """The base of an image."""

    name: str  #: of the repository
    chain: Chain
    reference: str  #: of an image that is the base, "" if none is in the fleet


def find_rebases(use: LayerUse, load: LoadTable) -> list[Rebase]:
    """Return what one version for all would save, for each base image of which there are several; the most saving first."""
    bases = _find_bases(use)
    groups: dict[tuple[str, str], dict[Chain, list[int]]] = defaultdict(lambda: defaultdict(list))
    for number, base in bases.items():
        groups[base.name, use.images[number].platform][base.chain].append(number)
    references = {base.chain: base.reference for base in bases.values() if base.reference}
    with_chain: dict[Chain, list[int]] = defaultdict(list)
    for number, chain in enumerate(_list_chains(use)):
        with_chain[chain].append(number)
    rebases = [
        _make_rebase(use, name, platform, versions, references, with_chain, load)
        for (name, platform), versions in groups.items()
        if len(versions) > 1
    ]
    return sorted(rebases, key=lambda rebase: (-rebase.unshared_size, rebase.name, rebase.platform))


def _find_bases(use: LayerUse) -> dict[int, _Base]:
    """The bases of images by number."""
    chains = _list_chains(use)
    names = [_list_repositories(use, number) for number in range(len(chains))]
    members: dict[tuple[str, Chain], dict[str, str]] = defaultdict(dict)  # repositories with their first references
    for image, chain, own in zip(use.images, chains, names, strict=True):
        of_chain = members[image.platform, chain]
        for repository, reference in own.items():
            of_chain.setdefault(repository, reference)
    found: dict[int, _Base] = {}
    stated: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for number, (image, chain) in enumerate(zip(use.images, chains, strict=True)):
        label = _repository(image.base_name) if image.base_name else ""
        base = _find_member(image.platform, chain, members, names[number])
        if base is not None:
            found[number] = base._replace(name=label or base.name)
        elif label and chain:
            stated[label, image.platform, chain[0]].append(number)
    for (label, _, _), numbers in stated.items():
        common = _common_prefix([chains[number] for number in numbers])
        found.update((number, _Base(label, common, "")) for number in numbers if len(numbers) > 1)
    return found


def _list_chains(use: LayerUse) -> list[Chain]:
    """The digests of the layers of each image."""
    return [tuple(layer.digest for layer in image.layers) for image in use.images]


def _list_repositories(use: LayerUse, number: int) -> dict[str, str]:
    """The repositories of an image, each with the first reference in it."""
    found = dict[str, str]()
    for root in use.roots_of[number]:
        for reference in use.fleet.roots[root].references:
            found.setdefault(_repository(reference), reference)
    return found


def _find_member(
    platform: str, chain: Chain, members: Mapping[tuple[str, Chain], Mapping[str, str]], own: Collection[str]
) -> _Base | None:
    """The longest image of another repository than its ``own`` that an image begins with.

    ``members`` has the repositories of the images with a chain, with the first reference in each.
    """
    for depth in range(len(chain) - 1, 0, -1):
        for repository, reference in members.get((platform, chain[:depth]), {}).items():
            if repository not in own:
                return _Base(repository, chain[:depth], reference)
    return None


def _repository(reference: str) -> str:
    """A reference without tag and digest; another name as it is, without what follows its last colon."""
    try:
        parsed = parse_reference(reference)
    except InvalidReference:
        return reference.rpartition(":")[0] or reference
    return f"{parsed.registry}/{parsed.repository}"


def _common_prefix(chains: Sequence[Chain]) -> Chain:
    """What sequences begin with in common.

    >>> _common_prefix([("a", "b", "c"), ("a", "b"), ("a", "b", "d")])
    ('a', 'b')
    """
    common = chains[0]
    for chain in chains:
        while chain[: len(common)] != common:
            common = common[:-1]
    return common


def _make_rebase(
    use: LayerUse,
    name: str,
    platform: str,
    groups: Mapping[Chain, Sequence[int]],
    references: Mapping[Chain, str],
    with_chain: Mapping[Chain, Sequence[int]],
    load: LoadTable,
) -> Rebase:
    ordered = sorted(groups, key=lambda chain: (-len(groups[chain]), _newest(use, groups[chain]), chain))
    target = frozenset(ordered[0])
    lost = {digest for chain in ordered[1:] for digest in chain} - target
    moved = {number for chain in ordered[1:] for number in groups[chain]}
    bases = {number for chain in ordered[1:] for number in with_chain.get(chain, ())}
    freed = [digest for digest in lost if moved.union(bases).issuperset(use.images_of[digest])]
    return Rebase(
        name=name,
        platform=platform,
        versions=[
            BaseVersion(
                name=references.get(chain, ""),
                layers=chain,
                size=_size(use, set(chain)),
                images=len(groups[chain]),
            )
            for chain in ordered
        ],
        unshared_size=_size(use, lost),
        freed_size=_size(use, freed),
        same_content_size=_sum_same_content(target, lost, load),
    )


def _newest(use: LayerUse, numbers: Iterable[int]) -> tuple[int, ...]:
    """A key that sorts a version before others if its newest image was made later."""
    newest = max((use.images[number].created for number in numbers), default="")
    return tuple(-ord(character) for character in newest)


def _size(use: LayerUse, digests: Iterable[str]) -> int:
    return sum(use.layers[digest].size for digest in digests)


def _sum_same_content(target: Iterable[str], lost: Iterable[str], load: LoadTable) -> int | None:
    """Bytes of the files in the ``lost`` layers whose contents are in the ``target``, too."""
    contents = set[tuple[bytes, int]]()
    for digest in target:
        table = load(digest)
        if table is None:
            return None
        contents.update(_list_contents(table))
    total = 0
    for digest in sorted(lost):
        table = load(digest)
        if table is None:
            return None
        total += sum(content[1] for content in _list_contents(table) if content in contents)
    return total


def _list_contents(table: FileTable) -> list[tuple[bytes, int]]:
    """Hash and size of each file with content."""
    found = ((table.hash_of(row), size) for row, size in enumerate(table.sizes) if size)
    return [content for content in found if content[0] != NO_HASH]
