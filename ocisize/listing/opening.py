"""ReferenceOpener: the sources of listed references; a file or folder with many images is read once for all of them."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import TYPE_CHECKING

from ocisize.limits import Limits
from ocisize.listing.saved import form_of
from ocisize.sources.open import open_source
from ocisize.sources.saved import SavedFile, list_saved
from ocisize.sources.saved_images import SavedImage, list_choices, name_choice
from ocisize.tuples import NamedTuple

if TYPE_CHECKING:
    from typing_extensions import Self

    from ocisize.cache.store import Cache
    from ocisize.listing.references import ListedReference
    from ocisize.oci.source import ImageSource
    from ocisize.sources.registry.connection import Connection


class _OpenFile(NamedTuple):
    """A file with its images by what chooses them."""

    file: SavedFile
    choices: dict[str, list[SavedImage]]


class ReferenceOpener:
    """Opens references; threads may share an opener, and documents of one file may be read by several at once.

    ``open_source`` lists all images of a file to open one of them. The opener lists them once and keeps the file open, so
    that many images of one file take linear time.

    >>> from ocisize.listing.sources import list_references
    >>> (reference,) = list_references(["testdata/example.tar"]).references
    >>> with ReferenceOpener() as opener:
    ...     opener.open(reference).reference
    'example'
    """

    def __init__(
        self, *, connection: Connection | None = None, limits: Limits | None = None, cache: Cache | None = None
    ) -> None:
        self._connection, self._limits, self._cache = connection, limits or Limits(), cache
        self._files: dict[str, _OpenFile | None] = {}
        self._lock = threading.Lock()

    def open(self, reference: ListedReference) -> ImageSource:
        """Return the source of a reference, which the caller closes before the opener; raises as ``open_source`` does."""
        if reference.select is not None and (found := form_of(reference.name)) is not None:
            path, form = found
            with self._lock:
                if reference.name not in self._files:
                    self._files[reference.name] = self._list(path, form)
                opened = self._files[reference.name]
                if opened is not None and (images := opened.choices.get(reference.select)) is not None:
                    name = name_choice(images, reference.select)
                    return opened.file.open_images(images, name, owns_store=False)
        return open_source(
            reference.name,
            select=reference.select,
            connection=self._connection,
            limits=self._limits,
            cache=self._cache,
        )

    def close(self) -> None:
        """Close all files."""
        with self._lock:
            files, self._files = list(self._files.values()), {}
        for opened in files:
            if opened is not None:
                opened.file.close()

    def _list(self, path: str, form: str | None) -> _OpenFile | None:
        file = list_saved(path, self._limits, form=form)
        return _OpenFile(file, list_choices(file.images)) if file is not None else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
