"""Read an Analysis from its JSON document."""

from __future__ import annotations

import base64
import json
from array import array
from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from ocisize.errors import ReportError
from ocisize.model.analysis import Analysis, LayerAnalysis
from ocisize.model.base import BaseCertainty, BaseMethod
from ocisize.model.build_step import BuildStep
from ocisize.model.contradictions import find_contradictions
from ocisize.model.findings import Category, Confidence, Severity
from ocisize.model.packages import PackageReason, Unowned
from ocisize.model.waste import Cause, WastedEntry, WasteTable
from ocisize.oci.strict_json import expect_type
from ocisize.oci.structure import list_problems, strict_converter
from ocisize.report.json.analysis import FROM_FILES, SCHEMA, VERSION, columns_document
from ocisize.tar.check_table import check_columns, check_ends
from ocisize.tar.content_hash import HASH_SIZE, XXH3
from ocisize.tar.filetable import Attributes, FileTable
from ocisize.tar.paths import PathColumn

if TYPE_CHECKING:
    import cattrs

_MAX_PROBLEMS = 10


def from_json(text: str | bytes) -> Analysis:
    """The Analysis in a document that ``to_json`` wrote; raises ReportError for any other text.

    >>> import ocisize
    >>> analysis = ocisize.analyze("testdata/example.tar")
    >>> from_json(ocisize.to_json(analysis, files=True)) == analysis
    True
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ReportError(f"not a saved analysis: {error}") from None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        other = isinstance(document, dict) and str(document.get("schema")).startswith("ocisize.")
        got = f"{document['schema']}, not" if other else "not"
        raise ReportError(f"not a saved analysis: its schema is {got} {SCHEMA}")
    if document.get("version") != VERSION:
        raise ReportError(f"saved analysis of version {document.get('version')!r}, this ocisize reads {VERSION}")
    try:
        analysis = _converter.structure(document, Analysis)
    except Exception as error:  # cattrs raises groups of whatever its hooks raised
        raise ReportError("; ".join(["not a valid saved analysis", *list_problems(error)])) from None
    if problems := [*islice(find_contradictions(analysis), _MAX_PROBLEMS)]:
        raise ReportError("; ".join(["not a valid saved analysis", *problems]))
    return analysis


def _read_columns(document: Any, _: type) -> FileTable | None:
    if document is None:
        return None
    owners: dict[Attributes, int] = {}
    triples = zip(document["modes"], document["uids"], document["gids"], strict=True)
    indexes = [owners.setdefault(Attributes(*triple), len(owners)) for triple in triples]
    compressed = document["compressed_sizes"]
    hashes = [bytes.fromhex(value or "").rjust(HASH_SIZE, b"\0") for value in document["content_hashes"]]
    if hashes and max(map(len, hashes)) > HASH_SIZE:
        raise ValueError("content hashes that are too long")
    if "\0" in "".join(document["paths"]):
        raise ValueError("paths with NUL")
    rooted = set(document.get("rooted", ()))
    names = ("/" * (row in rooted) + path for row, path in enumerate(document["paths"]))
    table = FileTable(
        paths=PathColumn(name.encode("utf-8", "surrogateescape") for name in names),
        kinds=document["kinds"].encode("ascii"),
        sizes=array("q", document["sizes"]),
        ends=array("q", document["ends"] or ()),
        hashes=b"".join(hashes),
        owners=array("I", indexes),
        attributes=tuple(owners),
        tar_size=document["tar_size"],
        links={int(row): link.encode("utf-8", "surrogateescape") for row, link in document["links"].items()},
        stored_sizes=_by_row(document.get("stored_sizes", {})),
        claimed_sizes=_by_row(document.get("claimed_sizes", {})),
        type_flags=_by_row(document.get("type_flags", {})),
        xattrs={
            int(row): {name: base64.b64decode(value) for name, value in xattrs.items()}
            for row, xattrs in document["xattrs"].items()
        },
        compressed_sizes=None if compressed is None else array("q", compressed),
        overhead=document["overhead"],
        hash_function=document.get("hash_function", XXH3.name),
    )
    check_columns(table)
    check_ends(table)
    return table


def _by_row(document: Mapping[str, int]) -> dict[int, int]:
    return {int(row): value for row, value in document.items()}


def _read_waste(documents: Any, _: type) -> WasteTable:
    return WasteTable.from_entries(_converter.structure(document, WastedEntry) for document in documents)


def _make_converter() -> cattrs.Converter:
    converter = strict_converter()
    for kind in (Category, Cause, BaseCertainty, Confidence, Severity, BaseMethod, PackageReason, Unowned):
        converter.register_structure_hook(kind, lambda value, kind: kind(value))
    converter.register_structure_hook(BuildStep, lambda text, _: BuildStep(expect_type(text, str)))
    converter.register_structure_hook(WasteTable, _read_waste)
    converter.register_structure_hook(FileTable, _read_columns)
    read_layer = converter.get_structure_hook(LayerAnalysis)
    converter.register_structure_hook(LayerAnalysis, lambda document, kind: read_layer(_with_figures(document), kind))
    return converter


def _with_figures(document: Any) -> Any:
    """A layer's document; the figures of an unread layer are zeros."""
    if not isinstance(document, dict) or document.get("failure") is None:
        return document
    unread = 0 if document.get("compressed_size") is not None else None
    unknown = {"wasted_compressed_size": unread, "overhead_size": unread}
    return document | dict.fromkeys(FROM_FILES, 0) | unknown | {"files": columns_document(FileTable.empty())}


_converter = _make_converter()
