"""IndexWalk: the images of an index and of the indexes nested in it, with their platforms."""

from __future__ import annotations

from ocisize.blob.digest import Digest
from ocisize.errors import ArchiveError, BlobError, DocumentError, NotAnImage, OcisizeError, RegistryError
from ocisize.oci.artifacts import find_artifact_kind, find_index_kind, names_artifact
from ocisize.oci.documents import Descriptor, Index, Manifest, Platform
from ocisize.oci.media_types import INDEX_TYPES, MANIFEST_TYPES
from ocisize.oci.parse import MAX_CONFIG, parse_config
from ocisize.oci.platform import find_subject, image_entries, is_attestation
from ocisize.oci.read import NOT_FOUND, read_blob, read_optional_manifest
from ocisize.oci.source import Source
from ocisize.values import define, field

MAX_INDEX_DEPTH = 8
MAX_INDEX_ENTRIES = 10_000


@define
class IndexWalk:
    """What a walk through an index finds. Manifests that the source lacks, and those already visited, are skipped."""

    source: Source
    images: list[tuple[Platform, Descriptor]] = field(factory=list)  #: in the order of the index
    attestations: set[Digest] = field(factory=set)  #: entries that describe other images, or are no images
    subjects: dict[str, Descriptor] = field(factory=dict)  #: by digest of an image: the first entry with its attestations
    kinds: list[str] = field(factory=list)  #: what the entries are whose manifests are of no image
    unreadable: dict[Digest, OcisizeError] = field(factory=dict)  #: broken manifests and configs, with their errors
    _visited: set[Digest] = field(factory=set)

    def walk(self, index: Index, depth: int = 1) -> None:
        """Add what an index holds; ``depth`` counts the indexes around it.

        Raises DocumentError if indexes are nested too deeply or have too many entries, and errors of the registry.
        """
        if depth > MAX_INDEX_DEPTH:
            raise DocumentError(f"indexes are nested more than {MAX_INDEX_DEPTH} deep")
        if kind := find_index_kind(index):
            self.kinds.append(kind)
        self._note_attestations(index)
        listed = {entry.digest for entry in index.manifests}
        for entry in image_entries(index.manifests):
            if entry.platform is not None and _is_plain(entry):
                self.images.append((entry.platform, entry))
            elif entry.digest not in self._visited:
                self._visited.add(entry.digest)
                if len(self._visited) > MAX_INDEX_ENTRIES:
                    raise DocumentError(f"the index refers to more than {MAX_INDEX_ENTRIES} manifests")
                document = self._resolve(entry, listed)
                if isinstance(document, Index):
                    self.walk(document, depth + 1)
                elif document is not None:
                    self.images.append((document, entry))

    def _note_attestations(self, index: Index) -> None:
        for entry in filter(is_attestation, index.manifests):
            self.attestations.add(entry.digest)
            if (subject := find_subject(entry)) is not None:
                self.subjects.setdefault(subject, entry)

    def look_behind_unknown(self, index: Index) -> None:
        """Add the images among entries for ``unknown/unknown``, the platform of attestations, of an index without others."""
        listed = {entry.digest for entry in index.manifests}
        for entry in index.manifests:
            is_unmarked = not entry.annotations and entry.media_type in MANIFEST_TYPES and entry.digest not in self._visited
            if is_unmarked and is_attestation(entry) and len(self._visited) < MAX_INDEX_ENTRIES:
                self._visited.add(entry.digest)
                platform = self._resolve(entry, listed)
                if isinstance(platform, Platform):
                    self.images.append((platform, entry))
                    self.attestations.discard(entry.digest)

    def read_versions(self, system: str) -> None:
        """Take the OS versions of images for a system from their configs, where the index leaves them out."""
        for number, (platform, entry) in enumerate(self.images):
            if platform.os.lower() == system and not platform.os_version and len(self._visited) < MAX_INDEX_ENTRIES:
                self._visited.add(entry.digest)
                found = self._resolve(entry, set())
                if isinstance(found, Platform):
                    self.images[number] = (found, entry)

    def refuse_artifacts(self, digest: Digest) -> None:
        """Raise NotAnImage if no image was found in the index with this digest, but other artifacts."""
        if not self.images and self.kinds:
            kinds = ", ".join(dict.fromkeys(self.kinds))
            raise NotAnImage(f"{digest} is an index without images; it holds: {kinds}", kind=self.kinds[0])

    def _resolve(self, entry: Descriptor, listed: set[Digest]) -> Index | Platform | None:
        """Return the nested index, or the platform of an image; None if the entry is neither, is absent or is broken.

        ``listed`` are the manifests beside the entry: one of them may be the subject of its manifest.
        """
        try:
            _, document = read_optional_manifest(self.source, entry) or (b"", None)
            if document is None or isinstance(document, Index):
                return document
            return self._read_platform(entry, document, listed)
        except (ArchiveError, BlobError, DocumentError, RegistryError) as error:
            if isinstance(error, RegistryError) and error.status != NOT_FOUND:
                raise  # a registry that fails would fail for the others, too
            self.unreadable[entry.digest] = error
            return None

    def _read_platform(self, entry: Descriptor, manifest: Manifest, listed: set[Digest]) -> Platform | None:
        """Return the platform of an image, None if the manifest describes no image or is about one beside it."""
        kind = find_artifact_kind(manifest)
        if kind is None and manifest.subject is not None and manifest.subject.digest in listed:
            kind = f"manifest about {manifest.subject.digest}"
        data = b"" if kind else read_blob(self.source, manifest.config, MAX_CONFIG)
        kind = kind or find_artifact_kind(manifest, data)
        if kind:
            self.kinds.append(kind)
            self.attestations.add(entry.digest)
            return None
        stated = parse_config(data, f"the config {manifest.config.digest}").platform
        named = Platform() if entry.platform is None or is_attestation(entry) else entry.platform
        return Platform(
            named.os or stated.os,
            named.architecture or stated.architecture,
            named.variant or stated.variant,
            named.os_version or stated.os_version,
        )


def _is_plain(entry: Descriptor) -> bool:
    """Return True if an entry tells that it is an image and for which platform, so that nothing else need be read."""
    platform = entry.platform
    is_named = platform is not None and bool(platform.os and platform.architecture)
    return is_named and bool(entry.media_type) and entry.media_type not in INDEX_TYPES and not names_artifact(entry)


def walk_index(source: Source, index: Index) -> IndexWalk:
    """Return the images of an index; see ``IndexWalk`` for errors."""
    walk = IndexWalk(source)
    walk.walk(index)
    if not walk.images:
        walk.look_behind_unknown(index)
    return walk
