"""IndexWalk: the images of an index and of the indexes nested in it, with their platforms."""

from __future__ import annotations

import attrs

from ocisize.blob.digest import Digest
from ocisize.errors import DocumentError, OcisizeError
from ocisize.oci.documents import Descriptor, Index, Platform
from ocisize.oci.media_types import CONFIG_TYPES, INDEX_TYPES
from ocisize.oci.parse import MAX_CONFIG, parse_config
from ocisize.oci.platform import image_entries, is_attestation
from ocisize.oci.read import read_blob, read_optional_manifest
from ocisize.oci.source import Source

MAX_INDEX_DEPTH = 8
MAX_INDEX_ENTRIES = 10_000


@attrs.define
class IndexWalk:
    """What a walk through an index finds. Manifests that the source lacks, and those already visited, are skipped."""

    source: Source
    keep_going: bool = False  #: collect errors in ``unreadable`` instead of raising them
    images: list[tuple[Platform, Descriptor]] = attrs.field(factory=list)  #: in the order of the index
    attestations: set[Digest] = attrs.field(factory=set)  #: entries that describe other images
    unreadable: dict[Digest, OcisizeError] = attrs.field(factory=dict)  #: manifests and configs, with their errors
    _visited: set[Digest] = attrs.field(factory=set)

    def walk(self, index: Index, depth: int = 1) -> None:
        """Add what an index holds; ``depth`` counts the indexes around it.

        Raises DocumentError if indexes are nested too deeply or have too many entries, and, unless ``keep_going`` is set,
        the errors of ``read_blob``, ``parse_manifest`` and ``parse_config``.
        """
        if depth > MAX_INDEX_DEPTH:
            raise DocumentError(f"indexes are nested more than {MAX_INDEX_DEPTH} deep")
        self.attestations.update(entry.digest for entry in index.manifests if is_attestation(entry))
        for entry in image_entries(index.manifests):
            if entry.platform is not None and entry.media_type not in INDEX_TYPES:
                self.images.append((entry.platform, entry))
            elif entry.digest not in self._visited:
                self._visited.add(entry.digest)
                if len(self._visited) > MAX_INDEX_ENTRIES:
                    raise DocumentError(f"the index refers to more than {MAX_INDEX_ENTRIES} manifests")
                document = self._resolve(entry)
                if isinstance(document, Index):
                    self.walk(document, depth + 1)
                elif document is not None:
                    self.images.append((document, entry))

    def _resolve(self, entry: Descriptor) -> Index | Platform | None:
        """Return the nested index, or the platform of an image's config; None if the entry is neither or is absent."""
        try:
            _, document = read_optional_manifest(self.source, entry) or (b"", None)
            if isinstance(document, Index):
                return document
            if document is None or document.config.media_type not in CONFIG_TYPES:
                return None
            config = read_blob(self.source, document.config, MAX_CONFIG)
            return parse_config(config, f"the config {document.config.digest}").platform
        except OcisizeError as error:
            if not self.keep_going:
                raise
            self.unreadable[entry.digest] = error
            return None


def walk_index(source: Source, index: Index, *, keep_going: bool = False) -> IndexWalk:
    """Return the images of an index; see ``IndexWalk`` for errors."""
    walk = IndexWalk(source, keep_going)
    walk.walk(index)
    return walk
