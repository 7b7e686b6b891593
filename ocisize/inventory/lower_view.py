"""The owners of files by the databases of a lower layer."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ocisize.filesystem.directories import DirectoryIndex
from ocisize.inventory.listed import INFO_DIRECTORY, NOBODY, Listed, source_of


class LowerView:
    """The owners of rows by the databases of a lower layer, of which those of the whole image know most packages."""

    def __init__(
        self, whole: Listed, listed: Listed, packages: Collection[int], lost: Collection[int], directories: DirectoryIndex
    ) -> None:
        """Prepare the look-ups.

        Args:
            whole: what all packages of the whole image list.
            listed: the packages of the lower layer, with the files of those that are gone from the databases above it.
            packages: the numbers of the packages of the lower layer.
            lost: those that are gone.
            directories: those of the image.

        """
        self._whole, self._listed, self._packages = whole, listed, packages
        self._directories = directories
        self._info = directories.numbers.get(INFO_DIRECTORY)
        self._innermost: dict[int, int | None] = {}
        self._innermost_lost: dict[int, int | None] = {}
        self._lost_directories = {
            path: number for path, number in listed.directories.items() if number in lost or number == NOBODY
        }

    def owner(self, path: bytes, place: int) -> int | None:
        """The package that owns a file in the directory with the number ``place``."""
        owner = self._lister(path)
        if owner is None and place == self._info:
            owner = self._listed.owner_in_info(path.rpartition(b"/")[2])
        if owner is None and path.endswith(b".pyc"):
            owner = self._lister(source_of(path))
        return self._find_innermost(place, self._listed.directories, self._innermost) if owner is None else owner

    def lost_owner(self, path: bytes, place: int) -> int | None:
        """The same for a file that no package of the whole image owns."""
        owner = self._listed.files.get(path)
        if owner is None and place == self._info:
            owner = self._listed.owner_in_info(path.rpartition(b"/")[2])
        if owner is None and path.endswith(b".pyc"):
            owner = self._listed.files.get(source_of(path))
        return self._find_innermost(place, self._lost_directories, self._innermost_lost) if owner is None else owner

    def _lister(self, path: bytes) -> int | None:
        """The package that lists a file."""
        lost, kept = self._listed.files.get(path), self._whole.files.get(path)
        if kept is None or kept not in self._packages:
            return lost
        return kept if lost is None else min(lost, kept)

    def _find_innermost(self, place: int, owners: Mapping[bytes, int], known: dict[int, int | None]) -> int | None:
        """The owner of the innermost directory that has one; ``known`` has what was found before."""
        missing: list[int] = []
        owner: int | None = None
        while place not in known:
            missing.append(place)
            owner = owners.get(self._directories.paths[place])
            if owner is not None or not place:
                break
            place = self._directories.parents[place]
        else:
            owner = known[place]
        owner = None if owner == NOBODY else owner
        known.update(dict.fromkeys(missing, owner))
        return owner
