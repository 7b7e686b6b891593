"""AnalysisCache: finished analyses, so that an image that was analyzed before costs the reading of one small entry.

The key is a digest of all that the analysis depends on: the image's documents, the options, the rules, what the source says,
and the version of ocisize. Names and times of this run are put into what comes back. Only a complete analysis is kept, of
layers whose bytes were all verified, and none with a patch that has lines like secrets.

An analysis is two entries: the figures, and by row which layer hides it. The file tables are those of the layer cache.
"""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Sequence
from functools import partial
from typing import Any

from ocisize.cache.columns import (
    pack_document,
    pack_numbers,
    pack_texts,
    unpack_document,
    unpack_numbers,
    unpack_texts,
)
from ocisize.cache.entry import BadEntry, pack_entry
from ocisize.cache.load import load_entry
from ocisize.cache.plain_values import PlainReader, to_plain
from ocisize.cache.store import Cache
from ocisize.limits import Limits
from ocisize.model.analysis import Analysis, LayerAnalysis
from ocisize.model.contradictions import find_contradictions
from ocisize.model.waste import CAUSES, WasteTable
from ocisize.tar.filetable import FileTable
from ocisize.values import evolve, frozen

FORMAT = "images-v1"  #: changes with the form of an entry, or the fields of an analysis
_APART = frozenset((WasteTable, FileTable, array, bytes))  # columns: each is a section
_WASTE_SECTIONS, _SECTIONS_PER_LAYER = 7, 2


def make_key(facts: Sequence[Any]) -> str:
    """Return the key of an analysis that depends on these facts: texts, numbers, and lists of them."""
    text = json.dumps(facts, separators=(",", ":"))
    encoded = hashlib.sha256(text.encode("ascii")).hexdigest()
    return f"{FORMAT}/{encoded[:2]}/{encoded}"


@frozen
class AnalysisCache:
    """The analysis with one key, in a store."""

    store: Cache
    key: str
    limits: Limits = Limits()  #: bound what an entry may unpack to

    def find(self) -> Analysis | None:
        """Return the analysis without file tables, and without what is of the run: see ``keep``. None if it is not kept."""
        return load_entry(self.store, self.key, self.limits, _unpack_analysis)

    def find_rows(self, layers: Sequence[LayerAnalysis], tables: Sequence[FileTable]) -> tuple[LayerAnalysis, ...] | None:
        """Return the layers of an analysis with their file tables, and why rows are hidden; None if that is not kept."""
        unpack = partial(_unpack_rows, layers=layers, tables=tables)
        return load_entry(self.store, f"{self.key}-rows", self.limits, unpack)

    def keep(self, analysis: Analysis, warnings: int) -> None:
        """Keep a finished analysis, without the names of this run and without its first ``warnings``, which are the run's.

        Nothing is kept of an analysis that is not complete, of layers that were not verified, and of a patch with secrets.
        """
        if not _may_be_kept(analysis):
            return
        figures = evolve(
            analysis, source="", reference=None, mirror=None, unverified_hosts=(), warnings=analysis.warnings[warnings:]
        )
        rows = [column for layer in analysis.layers for column in _pack_rows(layer)]
        self.store.put(f"{self.key}-rows", pack_entry(f"{self.key}-rows", rows))
        self.store.put(self.key, pack_entry(self.key, _pack_analysis(figures)))


def _may_be_kept(analysis: Analysis) -> bool:
    """Whether an analysis depends on digests alone, and may be written to a disk."""
    return (
        analysis.complete
        and not analysis.plan.patch_has_secrets
        and all((layer.digest_verified or layer.diff_id_verified) and layer.files is not None for layer in analysis.layers)
    )


def _pack_analysis(analysis: Analysis) -> list[bytes]:
    waste = analysis.waste
    return [
        pack_document(to_plain(analysis, _APART)),
        *pack_texts([path.encode("utf-8", "surrogateescape") for path in waste.paths]),
        *map(pack_numbers, (waste.sizes, waste.compressed_sizes, waste.held_by, waste.hidden_by)),
        bytes(waste.causes),
    ]


def _unpack_analysis(sections: Sequence[bytes]) -> Analysis:
    """The analysis of an entry; raises BadEntry."""
    if len(sections) != 1 + _WASTE_SECTIONS:
        raise BadEntry("other sections")
    analysis: Analysis = PlainReader(_APART).read(Analysis, unpack_document(sections[0]))
    analysis = evolve(analysis, waste=_unpack_waste(sections[1:]))
    for problem in find_contradictions(analysis):
        raise BadEntry(problem)
    return analysis


def _unpack_waste(sections: Sequence[bytes]) -> WasteTable:
    *texts, sizes, compressed, held_by, hidden_by, causes = sections
    if max(causes, default=0) >= len(CAUSES):
        raise BadEntry("causes that do not exist")
    count = len(causes)
    return WasteTable(
        paths=[path.decode("utf-8", "surrogateescape") for path in unpack_texts(texts, count)],
        sizes=unpack_numbers("q", sizes, count),
        compressed_sizes=unpack_numbers("q", compressed, count),
        causes=bytearray(causes),
        held_by=unpack_numbers("i", held_by, count),
        hidden_by=unpack_numbers("i", hidden_by, count),
    )


def _pack_rows(layer: LayerAnalysis) -> list[bytes]:
    hidden_by = layer.hidden_by if layer.hidden_by is not None else array("i")
    return [pack_numbers(hidden_by), layer.causes or b""]


def _unpack_rows(
    sections: Sequence[bytes], layers: Sequence[LayerAnalysis], tables: Sequence[FileTable]
) -> tuple[LayerAnalysis, ...]:
    if len(sections) != _SECTIONS_PER_LAYER * len(layers):
        raise BadEntry("other sections")
    found = []
    for layer, table, packed, causes in zip(layers, tables, sections[::2], sections[1::2], strict=True):
        hidden_by = unpack_numbers("i", packed, len(table))
        if len(causes) != len(table) or max(causes, default=0) >= len(CAUSES):
            raise BadEntry("causes that do not exist")
        if not -1 <= min(hidden_by, default=-1) <= max(hidden_by, default=-1) < len(layers):
            raise BadEntry("layers that do not exist")
        found.append(evolve(layer, files=table, hidden_by=hidden_by, causes=causes))
    return tuple(found)
