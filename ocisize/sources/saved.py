"""open_saved: an image in a file or folder, by the documents that the file or folder holds."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ocisize.errors import ArchiveError, DocumentError, LimitExceeded, OcisizeError
from ocisize.limits import Limits
from ocisize.logs import Logger
from ocisize.oci.documents import Index
from ocisize.oci.source import ImageSource
from ocisize.oci.strict_json import load_json
from ocisize.sources.archive_images import list_items, merge_images
from ocisize.sources.dir_folder import DirBlobs, find_dir_folders, is_dir_manifest
from ocisize.sources.docker_archive import read_items
from ocisize.sources.folder import FolderStore
from ocisize.sources.oci_layout import LayoutBlobs, LayoutContent, list_layout, parse_layout_index
from ocisize.sources.open_store import open_store
from ocisize.sources.saved_images import SavedImage, choose_images, cut_list, find_images, list_images
from ocisize.sources.saved_source import SavedSource
from ocisize.sources.store import Store, StoredSource
from ocisize.text import printable
from ocisize.values import evolve, frozen

if TYPE_CHECKING:
    from pathlib import Path

DOCKER_ARCHIVE, OCI_ARCHIVE, OCI_LAYOUT, DIR = "docker-archive", "oci-archive", "oci-layout", "dir"
_log = Logger(__name__)


def open_saved(path: Path | str, limits: Limits, *, select: str | None = None, form: str | None = None) -> ImageSource:
    """Open the image in a file or folder.

    ``form`` is ``docker-archive``, ``oci-archive``, ``oci-layout`` or ``dir``; None: the documents decide. ``select`` is the
    tag, digest or ``@N`` of one of several images. Raises ArchiveError, DocumentError and LimitExceeded.

    >>> source = open_saved("testdata/example.tar", Limits())
    >>> source.format, source.reference
    ('oci-archive', 'example')
    >>> source.close()
    """
    store = open_store(path, limits)
    try:
        return open_image(store, path, select, form)
    except BaseException:
        store.close()
        raise


@frozen
class _Documents:
    """The documents of a store that list images."""

    index: Index | None = None  #: of ``index.json``; None if there is none, or if the scheme asks for ``manifest.json``
    manifest_json: Any = None  #: decoded; None if there is none
    warnings: tuple[str, ...] = ()


def open_image(
    store: Store, path: Path | str, select: str | None, form: str | None, *, command: str | None = None
) -> SavedSource:
    """Return what ``open_saved`` does, of an open store; ``command`` is how a command names a pipe that ``path`` names."""
    names = {name.removeprefix("./") for name in store.names()}
    is_folder, shown = isinstance(store, FolderStore), printable(str(path))
    documents = _read_documents(store, path, names, form)
    if documents.index is None and is_dir_manifest(documents.manifest_json) and form != DOCKER_ARCHIVE:
        _log.info("%s is read as a folder of dir: its manifest.json is that of an image", shown)
        return _open_dir(store, select)
    if form == DIR and documents.manifest_json is not None:
        raise ArchiveError(f"{path} is not a folder of dir: its manifest.json is not that of an image", hint="omit dir:")
    if documents.index is not None or documents.manifest_json is not None:
        kind, reason = ("a docker-archive", "it has a manifest.json")
        if documents.index is not None:
            kind, reason = f"an OCI layout in {'a folder' if is_folder else 'a tar'}", "it has an index.json"
        _log.info("%s is read as %s: %s", shown, kind, "its scheme requires it" if form else reason)
        return _list_documents(store, documents, use_items=form not in (OCI_ARCHIVE, OCI_LAYOUT)).open(select)
    from pathlib import Path

    path = Path(path)
    if is_folder and form in (DIR, None) and (folders := find_dir_folders(path)):
        from ocisize.sources.folder_images import list_images_below

        _log.info("%s is read as a tree of %d folders of dir:", shown, len(folders))
        return _open_tree(path, folders, select, list_images_below(path) if form is None else ())
    if "index.json" in names:
        hint = f"use {'oci-dir:' if is_folder else 'oci-archive:'} as the scheme, or omit {form}:"
        raise ArchiveError(f"{path} is not a saved image: it is an OCI layout, not a {form}", hint=hint)
    from ocisize.sources.describe import refuse_content

    raise refuse_content(path, names, is_folder=is_folder, command=command)


def _read_documents(store: Store, path: Path | str, names: set[str], form: str | None) -> _Documents:
    """Return the documents of a store, without ``index.json`` if the scheme asks for ``manifest.json``."""
    index = None
    if form in (OCI_ARCHIVE, OCI_LAYOUT) and "index.json" not in names:
        hint = f"omit {'oci-archive:' if form == OCI_ARCHIVE else 'oci-dir:'}" if "manifest.json" in names else None
        raise ArchiveError(f"{path} is not an OCI layout: it has no index.json", hint=hint)
    if "index.json" in names and form not in (DOCKER_ARCHIVE, DIR):
        try:
            index = parse_layout_index(store.read("index.json"))
        except DocumentError as error:  # without oci-layout it may be another file of this name
            if "manifest.json" in names and form is None:
                error.hint = "to read manifest.json instead, write docker-archive:FILE"
            if form is not None or "oci-layout" in names or "manifest.json" not in names:
                raise
    if "manifest.json" not in names:
        return _Documents(index)
    data = store.read("manifest.json")
    try:
        return _Documents(index, load_json(data, "manifest.json"))
    except DocumentError as error:
        if index is None or not index.manifests:
            raise
        return _Documents(index, warnings=(f"manifest.json is not used: {error}",))


@frozen
class SavedFile:
    """The images that ``index.json`` or the list ``manifest.json`` of a store lists; ``open`` returns the source of one."""

    store: Store
    blobs: StoredSource  #: the stored manifests and blobs by digest
    images: Sequence[SavedImage]
    artifacts: Sequence[SavedImage]  #: what is no image
    form: str
    has_items: bool  #: True if ``manifest.json`` lists images
    warnings: Sequence[str]

    @property
    def place(self) -> str:
        """What the images are in, for messages."""
        return "the archive" if self.has_items else "the layout"

    def open(self, select: str | None) -> SavedSource:
        """Return the source of an image, whose end closes the store.

        ``select`` is a tag, digest or ``@N``; None chooses the only image. Raises ArchiveError and DocumentError.
        """
        chosen, name = _choose(self.images, self.artifacts, select, self.place)
        return self.open_images(chosen, name, warns_of_absent=select is None)

    def open_images(
        self, chosen: Sequence[SavedImage], name: str | None, *, owns_store: bool = True, warns_of_absent: bool = False
    ) -> SavedSource:
        """Return the source of one image, or of the images of one name for several platforms.

        Without ``owns_store`` the store stays open when the source is closed. Raises ArchiveError and DocumentError.
        """
        source = SavedSource(
            self.store,
            self.blobs,
            chosen,
            form=self.form,
            reference=name,
            # The plain layers of an archive for docker load were compressed in the registry.
            keeps_compression=not self.has_items,
            owns_store=owns_store,
        )
        source.warnings = [*self.warnings, *source.warnings]
        if warns_of_absent:
            source.warnings += [
                f"the manifest of another image is missing: {image}"
                for image in self.images
                if image.is_absent and not any(image is one for one in chosen)
            ]
        return source

    def close(self) -> None:
        """Close the store."""
        self.store.close()


def list_saved(path: Path | str, limits: Limits, *, form: str | None = None) -> SavedFile | None:
    """Return the images of a file or folder, which the caller closes; None for folders of ``dir:`` and trees of them.

    Raises as ``open_saved`` does, but not for several images.

    >>> file = list_saved("testdata/example.tar", Limits())
    >>> [image.names for image in file.images]
    [('example',)]
    >>> file.close()
    """
    store = open_store(path, limits)
    try:
        names = {name.removeprefix("./") for name in store.names()}
        documents = _read_documents(store, path, names, form)
        if documents.index is None and (documents.manifest_json is None or is_dir_manifest(documents.manifest_json)):
            store.close()
            return None
        return _list_documents(store, documents, use_items=form not in (OCI_ARCHIVE, OCI_LAYOUT))
    except BaseException:
        store.close()
        raise


def _list_documents(store: Store, documents: _Documents, *, use_items: bool) -> SavedFile:
    """Return the images that ``index.json`` or the list ``manifest.json`` lists."""
    blobs, index, warnings = LayoutBlobs(store), documents.index, [*documents.warnings]
    content = list_layout(blobs, index) if index is not None else LayoutContent([], [])
    has_items, images = isinstance(documents.manifest_json, list), content.images
    if use_items and (has_items or index is None):
        try:
            images = merge_images(blobs, store, images, list_items(store, read_items(documents.manifest_json)))
        except DocumentError as error:
            if not images:
                raise
            warnings.append(f"manifest.json is not used: {error}")
    if index is not None and index.manifests and not images and not content.artifacts:
        from ocisize.sources.describe import refuse_entries

        raise refuse_entries(index, "the archive" if has_items else "the layout")
    archive = DOCKER_ARCHIVE if has_items else OCI_ARCHIVE
    form = archive if index is None or not isinstance(store, FolderStore) else OCI_LAYOUT
    return SavedFile(store, blobs, images, content.artifacts, form, has_items, warnings)


def _choose(
    images: Sequence[SavedImage], artifacts: Sequence[SavedImage], select: str | None, place: str
) -> tuple[list[SavedImage], str | None]:
    """Return what ``choose_images`` does; without images the only artifact, whose reading says what it is."""
    if not images and select is None and len(artifacts) != 1:
        found = f": none of its {len(artifacts)} manifests is that of an image" if artifacts else ""
        raise ArchiveError(f"{place} contains no image{found}")
    is_artifact = select is not None and not find_images(images, select) and bool(find_images(artifacts, select))
    return choose_images(artifacts if is_artifact or not images else images, select, place)


def _open_dir(store: Store, select: str | None, name: str | None = None) -> SavedSource:
    """Open the image of a folder of ``dir:``; ``name`` is its path in a tree of folders."""
    blobs = DirBlobs(store)
    content = list_layout(blobs, Index((blobs.root(),)))
    chosen, _ = _choose(content.images, content.artifacts, select, "the folder")
    keeps_compression = not blobs.is_decompressed(chosen)
    return SavedSource(store, blobs, chosen, form=DIR, reference=name, keeps_compression=keeps_compression)


def _open_tree(path: Path, folders: Sequence[str], select: str | None, below: Sequence[str]) -> SavedSource:
    """Open an image of a tree of folders of ``dir:``, whose paths are the names of the images.

    Without a choice, saved images of other forms in the folder, among those ``below``, are as likely meant.
    """
    images = [image for folder in folders for image in _list_folder(path, folder)]
    if select is None and (beside := [name for name in below if name.removesuffix("/") not in folders]):
        raise ArchiveError(
            "the folder contains several images",
            items=[*list_images(images), *cut_list([printable(name) for name in beside])],
            hint=f"name one of them, such as {shlex.quote(printable(str(path / beside[0])))}; "
            "--select chooses one that has a number",
        )
    (image, *others), _ = choose_images(images, select, "the folder")
    if others:
        listed = list_images([image, *others])
        raise ArchiveError(f"{select!r} is in several folders", items=listed, hint="name one folder")
    part = next(iter(image.manifests), None) if image.index is None else None
    store = open_store(path / image.folder)
    try:
        return _open_dir(store, part.id if part is not None else None, image.folder)
    except BaseException:
        store.close()
        raise


def _list_folder(path: Path, folder: str) -> list[SavedImage]:
    """Return the image of a folder in a tree; one whose documents are broken has no manifests."""
    store = open_store(path / folder)
    try:
        blobs = DirBlobs(store)
        images = list_layout(blobs, Index((blobs.root(),))).images
    except LimitExceeded:
        raise
    except OcisizeError:
        images = [SavedImage((), ())]
    finally:
        store.close()
    return [evolve(image, names=(folder,), folder=folder) for image in images]
