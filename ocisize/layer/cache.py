"""LayerCache: the scans of layers by digest, so that a layer is read once, whatever images and runs need it.

Only a scan that has read the whole blob and verified its digest is kept. It depends on the digest alone: not on the name of
the image, its source, or the time. What is read back is checked, counts against the limits as a scan does, and is used only
where a scan would give the same result.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from ocisize.blob.compression import COMPRESSIONS, GZIP_DECODER, PLAIN
from ocisize.blob.verify import check_plain
from ocisize.cache.columns import pack_document, unpack_document
from ocisize.cache.entry import BadEntry, pack_entry
from ocisize.cache.load import load_entry
from ocisize.cache.store import Cache
from ocisize.errors import OcisizeError
from ocisize.layer.scan import LayerScan
from ocisize.layer.table_sections import pack_table, unpack_table
from ocisize.layer.uncounted_scan import UncountedScan
from ocisize.layer.usage import RecordingMeter, Usage
from ocisize.limits import Limits, Meter, Tally
from ocisize.logs import Logger
from ocisize.oci.documents import FILE_NAMED, SELF_NAMED
from ocisize.oci.image import Layer
from ocisize.tar.content_hash import XXH3, ContentHash
from ocisize.values import evolve, frozen

FORMAT = "layers-v3"  #: changes with the form of an entry
SCAN_VERSION = 4
"""To be raised with every change of what a scan finds in the same bytes: rows, shares of the download, kept files,
excerpts, oddities.

``tests/layer/test_cache.py`` compares the scan of a known layer with a stored digest, and fails if it was forgotten.
"""
_NAMED_HERE = frozenset((SELF_NAMED, FILE_NAMED))

_log = Logger(__name__)


def scan_version() -> str:
    """What scans mean here: the shares of the download depend on the decoder of gzip, on how far it reads ahead."""
    return f"{SCAN_VERSION}-{GZIP_DECODER}"


@frozen
class LayerCache:
    """The scans in a store."""

    store: Cache
    limits: Limits = Limits()  #: bound what an entry may unpack to
    content_hash: ContentHash = XXH3  #: that of the scans

    def find(self, layer: Layer, *, verify: bool) -> UncountedScan | None:
        """Return the scan that ``scan_layer`` would make; None if it is not kept.

        With ``verify`` its diff_id was checked.
        """
        if not _NAMED_HERE.isdisjoint(layer.descriptor.annotations):
            return None  # the bytes of the file may have another digest
        found = load_entry(
            self.store,
            scan_key(layer, self.content_hash),
            self.limits,
            partial(_read, layer=layer, verify=verify, max_paths=2 * self.limits.metadata_size),
        )
        if found is None:
            return None
        _log.debug("layer %d (%s): from the cache", layer.index, layer.descriptor.digest)
        if self.content_hash is XXH3:
            return found
        table = evolve(found.scan.table, hash_function=self.content_hash.name)
        return UncountedScan(evolve(found.scan, table=table), found.usage)

    def make_meter(self, tally: Tally) -> Meter:
        """A meter for a scan that ``keep`` is called with."""
        return RecordingMeter(tally)

    def keep(self, layer: Layer, scan: LayerScan, meter: Meter) -> None:
        """Keep a scan if all bytes of the blob were read and have its digest; ``meter`` counted it."""
        if scan.digest_verified and scan.region is None and isinstance(meter, RecordingMeter):
            self.store.put(*pack_scan(layer, scan, meter.usage, self.content_hash))


def pack_scan(layer: Layer, scan: LayerScan, usage: Usage, content_hash: ContentHash = XXH3) -> tuple[str, bytes]:
    """Return the key and the entry of a scan, whether its digest was verified or not; ``usage`` is that of the scan."""
    facts = {
        "compression": scan.compression,
        "diff_id": layer.diff_id if scan.diff_id_verified else None,
        "usage": list(usage._replace(stored=layer.descriptor.size)),
    }
    key = scan_key(layer, content_hash)
    return key, pack_entry(key, [pack_document(facts), *pack_table(scan.table)])


def scan_key(layer: Layer, content_hash: ContentHash = XXH3) -> str:
    """Return the key under which the scan of a layer is kept."""
    algorithm, _, encoded = layer.descriptor.digest.partition(":")
    function = "" if content_hash is XXH3 else f"-{content_hash.name}"
    return f"{FORMAT}/{algorithm}/{encoded[:2]}/{encoded}-{scan_version()}{function}"


def _read(entry: Sequence[bytes], *, layer: Layer, verify: bool, max_paths: int) -> UncountedScan | None:
    """The scan of an entry, None if ``scan_layer`` would do something else than to return it; raises BadEntry."""
    document, *sections = entry
    facts = unpack_document(document)
    if not isinstance(facts, dict) or facts.get("compression") not in [*COMPRESSIONS]:
        raise BadEntry("no facts of a scan")
    usage, compression, diff_id = _read_usage(facts.get("usage")), facts["compression"], layer.diff_id
    if usage.stored != layer.descriptor.size:
        return None  # to read the blob raises the error
    if compression == PLAIN:
        try:
            check_plain(layer.descriptor.digest, diff_id)
        except OcisizeError:
            return None
    is_same = compression == PLAIN and diff_id == layer.descriptor.digest
    if verify and diff_id is not None and not is_same and facts.get("diff_id") != diff_id:
        return None
    diff_id_verified = is_same or (verify and diff_id is not None)
    scan = LayerScan(
        unpack_table(sections, max_paths=max_paths), compression, digest_verified=True, diff_id_verified=diff_id_verified
    )
    return UncountedScan(scan, usage)


def _read_usage(values: Any) -> Usage:
    count = len(Usage._fields)
    if (
        not isinstance(values, list)
        or len(values) != count
        or not all(type(value) is int and value >= 0 for value in values)
    ):
        raise BadEntry("no usage of a scan")
    return Usage(*values)
