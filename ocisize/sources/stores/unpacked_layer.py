"""UnpackedLayer: a layer that a store keeps as unpacked files, read as its tar."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from ocisize.blob.region import FileRegion
from ocisize.errors import ArchiveError
from ocisize.sources.stores.diff_folder import DiffFolder
from ocisize.sources.stores.tar_split import rebuild_tar, tar_length
from ocisize.text import printable
from ocisize.values import frozen

_NO_SPLIT = "the store has no tar-split of the layer, and its folder has the files of lower layers, too"


@frozen
class UnpackedLayer:
    """The files of a layer in ``folder``, and the file of its tar-split.

    Both methods raise ArchiveError for files that are missing, may not be read or were changed, and StreamError for a broken
    tar-split.
    """

    folder: str
    split: str | None  #: None if the store has none: the tar is then made by a walk of the files
    rights_hint: str  #: what to do about files that may not be read
    can_walk: bool = True  #: False if the folder has the files of lower layers, too: without tar-split nothing is read

    @property
    def is_exact(self) -> bool:
        """True if the tar is rebuilt byte by byte, or not at all."""
        return self.split is not None or not self.can_walk

    def size(self) -> int:
        """Return the bytes of the tar."""
        with self._open() as (folder, split):
            if split is not None:
                return tar_length(split)
            from ocisize.sources.stores.walked_layer import walk_length

            return walk_length(folder)

    def read(self) -> Iterator[bytes]:
        """Yield the tar in chunks."""
        with self._open() as (folder, split):
            if split is not None:
                yield from rebuild_tar(split, folder)
                return
            from ocisize.sources.stores.walked_layer import walk_tar

            yield from walk_tar(folder)

    @contextmanager
    def _open(self) -> Iterator[tuple[DiffFolder, FileRegion | None]]:
        """Open both; OSErrors within the block become ArchiveErrors."""
        if self.split is None and not self.can_walk:
            raise ArchiveError(_NO_SPLIT, hint="pull or build the image again, or save it to a file first")
        with ExitStack() as stack:
            try:
                split = None
                if self.split is not None:
                    descriptor = os.open(self.split, os.O_RDONLY | os.O_CLOEXEC)
                    stack.callback(os.close, descriptor)
                    split = FileRegion(descriptor, 0, os.fstat(descriptor).st_size)
                folder = DiffFolder(self.folder)
                stack.callback(folder.close)
                yield folder, split
            except OSError as error:
                raise self._explain(error) from None

    def _explain(self, error: OSError) -> ArchiveError:
        name = error.filename if error.filename is not None else self.folder
        path = printable(os.fsdecode(name) if isinstance(name, str | bytes) else str(name))
        where = "" if path.startswith("/") else f" below {self.folder}"
        hint = self.rights_hint if isinstance(error, PermissionError) else "the store is damaged: pull the image again"
        return ArchiveError(f"cannot read {path}{where}: {error.strerror}", hint=hint)
