"""A Comparison as JSON: a versioned document like that of an analysis, sizes in bytes, unknown ones null.

Files come last, each on its own line.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TextIO

import ocisize
from ocisize.model.analysis import Analysis
from ocisize.model.causes import PackageChange
from ocisize.model.comparison import BaseChange, Comparison, FileSum, LayerChange, LayerStatus, sum_file_totals
from ocisize.model.file_changes import FileChange, FileChangeKind, SizeGrowth
from ocisize.model.findings import Finding
from ocisize.model.sizes import Sizes
from ocisize.report.json.analysis import encodable, serialize_build_steps
from ocisize.values import asdict, fields

if TYPE_CHECKING:
    from ocisize.model.budget import Verdict
    from ocisize.report.diff_subject import DiffSubject
    from ocisize.report.options import ReportOptions

SCHEMA = "ocisize.comparison"
VERSION = 1
_SHARED = (LayerStatus.SHARED,)
_SAME_CONTENT = (LayerStatus.RECOMPRESSED, LayerStatus.REBUILT)
_NAMES = ("source", "format", "reference", "mirror", "unverified_hosts", "platform", "digest", "config_digest", "created")


def write(subject: DiffSubject, file: TextIO, _: ReportOptions) -> None:
    """Write the document with all files, and the verdicts on budgets if there are any."""
    file.write(comparison_to_json(subject.comparison, verdicts=subject.verdicts) + "\n")


def comparison_to_json(comparison: Comparison, *, top: int | None = None, verdicts: Sequence[Verdict] = ()) -> str:
    """Write a comparison as JSON text; ``top`` limits the list of files, ``verdicts`` are those on budgets of AFTER."""
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "version": VERSION,
        "ocisize": ocisize.__version__,
        "before": _image(comparison.before),
        "after": _image(comparison.after),
        "growth": comparison.growth,
        "compressed_growth": comparison.compressed_growth,
        "estimated_growth": comparison.estimated_growth,
        "same_layers": comparison.same_layers,
        "download_size": comparison.download_size,
        "shared_layers": [layer.after for layer in comparison.layers if layer.status in _SHARED],
        "shareable_layers": [layer.after for layer in comparison.layers if layer.status in _SAME_CONTENT],
        "without_files": list(comparison.without_files),
        "reasons": [asdict(reason) for reason in comparison.reasons],
        "download_cause": None if comparison.download_cause is None else asdict(comparison.download_cause),
        "packages": [_package(change) for change in comparison.packages],
        **{name: _findings(getattr(comparison, name)) for name in ("new_findings", "fixed_findings")},
        "suggestions": [asdict(suggestion) for suggestion in comparison.suggestions],
        "base": None if comparison.base is None else _base(comparison.base),
        "layers": [_layer(layer) for layer in comparison.layers],
        "directories": [asdict(directory) for directory in comparison.directories],
        "kinds": _kinds(comparison),
    }
    if verdicts:
        from ocisize.report.json.budgets import verdict_document

        document["budgets"] = [verdict_document(verdict) for verdict in verdicts]
    text = json.dumps(encodable(document), indent=2).removesuffix("\n}")
    return f'{text},\n  "files": {_files(comparison, top)}\n}}'


def _files(comparison: Comparison, top: int | None) -> str:
    if comparison.files is None:
        return "null"
    lines = [json.dumps(_file(change)) for change in comparison.files[:top]]
    return "[\n    " + ",\n    ".join(lines) + "\n  ]" if lines else "[]"


def _image(analysis: Analysis) -> dict[str, Any]:
    sizes = [field.name for field in fields(Sizes)]
    return {name: getattr(analysis, name) for name in (*_NAMES, *sizes)}


def _findings(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    return [asdict(finding, value_serializer=serialize_build_steps) for finding in findings]


def _package(change: PackageChange) -> dict[str, Any]:
    names = ("ecosystem", "name", "before_version", "after_version", "before", "after", "file_count")
    return {**{name: getattr(change, name) for name in names}, **_sizes(change)}


def _base(change: BaseChange) -> dict[str, Any]:
    layers = {"before_layers": change.before_layers, "after_layers": change.after_layers, "sure": change.sure}
    return {**layers, "base": _sizes(change.base), "own": _sizes(change.own)}


def _layer(layer: LayerChange) -> dict[str, Any]:
    return {
        "status": layer.status.value,
        "before": layer.before,
        "after": layer.after,
        "build_step": layer.build_step.text,
        "before_build_step": layer.before_build_step.text,
        "source": None if layer.source is None else encodable(asdict(layer.source)),
        **_sizes(layer),
        "download_size": layer.download_size,
        "unchanged": None if layer.unchanged is None else _sizes(layer.unchanged),
        "kinds": None if layer.files is None else {kind.value: _sum(files) for kind, files in layer.files.items()},
    }


def _sizes(grown: SizeGrowth) -> dict[str, int | None]:
    names = ("before_size", "after_size", "growth", "before_compressed_size", "after_compressed_size", "compressed_growth")
    return {name: getattr(grown, name) for name in names}


def _sum(files: FileSum) -> dict[str, Any]:
    return {"count": files.count, **_sizes(files)}


def _kinds(comparison: Comparison) -> dict[str, Any] | None:
    """All files by kind; together with unchanged files and the rest of the blobs they add up to both images."""
    if comparison.files is None:
        return None
    kinds = {kind.value: _sum(comparison.sum_of(kind)) for kind in FileChangeKind}
    kinds["unchanged"] = _sizes(
        sum_file_totals([layer.unchanged for layer in comparison.layers if layer.unchanged is not None])
    )
    kinds["other"] = _sizes(sum_file_totals([layer.other for layer in comparison.layers if layer.other is not None]))
    return kinds


def _file(change: FileChange) -> dict[str, Any]:
    return {
        "kind": change.kind.value,
        "path": change.path,
        "before_path": change.before_path,
        "before_layer": change.before_layer,
        "after_layer": change.after_layer,
        **_sizes(change),
    }
