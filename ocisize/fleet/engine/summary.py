"""LayerSummary: what a fleet's figures need of a layer besides its table, small enough to travel and to stay in memory.

It depends on the layer alone: rules are matched as if the layer were an image of its own, so a file that a rule claims only
where another one is in the image counts only if the other one is in the same layer.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence

from ocisize.cache.columns import pack_document, unpack_document
from ocisize.cache.entry import BadEntry, pack_entry
from ocisize.cache.load import load_entry
from ocisize.cache.plain_values import PlainReader, to_plain
from ocisize.cache.store import Cache
from ocisize.finished import code_version
from ocisize.layer.cache import scan_version
from ocisize.limits import Limits
from ocisize.packages.dpkg_files import find_owned_paths
from ocisize.rules.load import load_catalog
from ocisize.rules.match import match_tables
from ocisize.rules.rule import Catalog
from ocisize.tar.filetable import NO_HASH, REGULAR, FileTable
from ocisize.text import decode_name
from ocisize.values import frozen

FORMAT = "fleet-v1"  #: changes with the form of an entry
MAX_SECRETS = 1000  #: of one layer that are listed
_HASH = 16  # bytes
_DAMAGE = (ValueError, TypeError, KeyError)


@frozen
class Claimed:
    """The files of a layer that a rule claims."""

    rule: str  #: its id
    files: int  #: regular files
    size: int  #: bytes of content
    compressed_size: int | None  #: their share of the blob; None if that is unknown
    path: str  #: of the largest one, the first of several


@frozen
class FoundSecret:
    """A file of a layer that looks like a secret."""

    kind: str  #: title of the rule for secrets
    path: str
    size: int
    content: str  #: content hash, in hex; "" if unknown


@frozen(kw_only=True)
class LayerSummary:
    """The sums of one layer, and what rules say about its files."""

    rows: int  #: entries of the tar
    files: int  #: regular files
    filled_files: int  #: those with content
    content_size: int  #: bytes of these
    tar_size: int | None
    unhashed_files: int  #: files with content whose hash is unknown
    unhashed_size: int
    junk: tuple[Claimed, ...]  #: by rule, the largest first
    secrets: tuple[FoundSecret, ...]  #: by kind and path, at most MAX_SECRETS
    secret_count: int  #: all of them


def summarize(table: FileTable, catalog: Catalog) -> LayerSummary:
    """Return the summary of a layer."""
    sizes, kinds, hashes = table.sizes, table.kinds, table.hashes
    unhashed = [
        row
        for row in range(len(table))
        if kinds[row] == REGULAR and sizes[row] and (hashes[_HASH * row : _HASH * (row + 1)] or NO_HASH) == NO_HASH
    ]
    claims = match_tables(catalog, [table])[0]
    count = len(catalog.rules)
    junk = [_sum_claim(table, catalog.rules[index].id, rows) for index, rows in claims.items() if index < count]
    secrets = [
        secret
        for index, rows in claims.items()
        if index >= count
        for secret in _list_secrets(table, catalog.secrets[index - count].title, rows)
    ]
    secrets.sort(key=lambda secret: (secret.kind, secret.path))
    return LayerSummary(
        rows=len(table),
        files=kinds.count(REGULAR),
        filled_files=len(sizes) - sizes.count(0),
        content_size=sum(sizes),
        tar_size=table.tar_size,
        unhashed_files=len(unhashed),
        unhashed_size=sum(map(sizes.__getitem__, unhashed)),
        junk=tuple(sorted(junk, key=lambda claim: (-claim.size, -claim.files, claim.rule))),
        secrets=tuple(secrets[:MAX_SECRETS]),
        secret_count=len(secrets),
    )


def _sum_claim(table: FileTable, rule: str, rows: Sequence[int]) -> Claimed:
    sizes, shares = table.sizes, table.compressed_sizes
    largest = max(rows, key=lambda row: (sizes[row], -row))
    return Claimed(
        rule,
        sum(table.kinds[row] == REGULAR for row in rows),
        sum(map(sizes.__getitem__, rows)),
        None if shares is None else sum(map(shares.__getitem__, rows)),
        decode_name(table.paths[largest]),
    )


def _list_secrets(table: FileTable, kind: str, rows: Sequence[int]) -> list[FoundSecret]:
    """The files with content that no package of the layer owns."""
    filled = [row for row in rows if table.sizes[row]]
    paths = dict(zip(filled, table.paths.select(filled), strict=True))
    owned = find_owned_paths(set(paths.values()), [table])
    found = ((row, path, table.hash_of(row)) for row, path in paths.items() if path not in owned)
    return [
        FoundSecret(kind, decode_name(path), table.sizes[row], "" if content == NO_HASH else content.hex())
        for row, path, content in found
    ]


def code_key() -> str:
    """Return what names this version of the code, and of what scans mean, in keys."""
    return _version(None)


@functools.lru_cache(4)
def _version(catalog: Catalog | None) -> str:
    """What a summary depends on besides the layer."""
    rules = "packaged" if catalog is None else repr(catalog)
    facts = repr([code_version(), scan_version(), rules])
    return hashlib.sha256(facts.encode("utf-8", "surrogatepass")).hexdigest()[:16]


@frozen
class SummaryCache:
    """The summaries in a store; ``catalog`` None means the packaged rules."""

    store: Cache
    catalog: Catalog | None = None
    limits: Limits = Limits()

    def find(self, digest: str) -> LayerSummary | None:
        """Return the summary of the layer with a digest; None if it is not kept."""
        return load_entry(self.store, summary_key(digest, self.catalog), self.limits, _unpack, damage=_DAMAGE)


def pack_summary(digest: str, summary: LayerSummary, catalog: Catalog | None) -> tuple[str, bytes]:
    """Return the key and the entry of a summary."""
    key = summary_key(digest, catalog)
    return key, pack_entry(key, [pack_document(to_plain(summary))])


def make_summary(table: FileTable, catalog: Catalog | None) -> LayerSummary:
    """Return the summary of a layer by the packaged rules, or by those of a catalog."""
    return summarize(table, load_catalog() if catalog is None else catalog)


def summary_key(digest: str, catalog: Catalog | None) -> str:
    """Return the key under which the summary of a layer is kept."""
    algorithm, _, encoded = digest.partition(":")
    return f"{FORMAT}/{algorithm}/{encoded[:2]}/{encoded}-{_version(catalog)}"


def _unpack(sections: Sequence[bytes]) -> LayerSummary:
    if len(sections) != 1:
        raise BadEntry("other sections")
    summary: LayerSummary = PlainReader().read(LayerSummary, unpack_document(sections[0]))
    return summary
