"""An Analysis as JSON.

The document is versioned: ``schema`` names it, ``version`` changes when a field changes its meaning or is removed. All sizes
are integers of bytes, unknown ones null. Names that are not UTF-8 are written with ``\\xNN`` escapes.
"""

from __future__ import annotations

import base64
import enum
import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import ocisize
from ocisize.model.analysis import Analysis, DiveFigures, LayerAnalysis
from ocisize.model.base import BaseSplit
from ocisize.model.build_step import BuildStep
from ocisize.model.findings import Advice
from ocisize.model.packages import Inventory, Package, UnownedFiles
from ocisize.model.plan import Plan
from ocisize.model.sizes import Group, Groups, Sizes
from ocisize.sizes.cost import CostAssumptions, cost_of, default_assumptions
from ocisize.sizes.pull_time import default_rates, pull_times, step_pull_times
from ocisize.sizes.tool_sizes import tool_sizes
from ocisize.tar.filetable import NO_HASH, FileTable
from ocisize.text import decode_name, display_name
from ocisize.values import asdict, fields

if TYPE_CHECKING:
    from ocisize.model.budget import Verdict
    from ocisize.model.outline import IndexOutline, Outline
    from ocisize.model.platforms import IndexAnalysis
    from ocisize.model.tool_sizes import ToolSize

SCHEMA = "ocisize.analysis"
VERSION = 1
_DERIVED = ("efficiency", "wasted_ratio")
#: figures of a layer that come from its files: null where it could not be read
FROM_FILES = (
    "tar_size", "content_size", "live_size", "disk_size", "wasted_size", "wasted_compressed_size", "duplicate_size",
    "file_count", "entry_count", "hides_size", "overhead_size", *_DERIVED,
)  # fmt: skip
GROUP_SIZES = (
    "content_size", "live_size", "wasted_size", "compressed_size", "wasted_compressed_size", "file_count",
)  # fmt: skip
_APART = (
    "dive",
    "layers",
    "waste",
    "advice",
    "plan",
    "files",
    "hidden_by",
    "causes",
    "groups",
    "base",
    "system",
    "packages",
    "provenance",
)


def to_json(
    analysis: Analysis,
    *,
    files: bool = False,
    indent: int | None = 2,
    assumptions: CostAssumptions | None = None,
    verdicts: Sequence[Verdict] = (),
) -> str:
    """An analysis as JSON text, which ``from_json`` reads; docs/formats.md describes the document.

    ``files`` adds the file table of every layer, ``indent`` is that of ``json.dumps``, and ``assumptions`` are those of
    the costs. ``verdicts`` are written, but not read back.

    >>> import ocisize
    >>> analysis = ocisize.analyze("testdata/example.tar")
    >>> json.loads(to_json(analysis))["compressed_size"]
    1590055
    """
    document = analysis_document(analysis, files=files, assumptions=assumptions, verdicts=verdicts)
    return json.dumps(document, indent=indent)


def analysis_document(
    analysis: Analysis, *, files: bool = False, assumptions: CostAssumptions | None = None, verdicts: Sequence[Verdict] = ()
) -> dict[str, Any]:
    """The document of an analysis, which other documents may hold.

    ``cost`` is the cost of the image under ``assumptions``, and what each finding saves, in the order of the findings;
    ``budgets`` are the ``verdicts``. Both are not part of the analysis and not read back.
    """
    document = {"schema": SCHEMA, "version": VERSION, "ocisize": ocisize.__version__, **_sizes(analysis)}
    document["complete"] = analysis.complete
    document["layers"] = [_layer(layer, files=files) for layer in analysis.layers]
    document["waste"] = [{**asdict(entry), "path": display_name(entry.path)} for entry in analysis.waste]
    document["advice"] = advice_document(analysis.advice)
    document["plan"] = plan_document(analysis.plan)
    document["dive"] = _dive(analysis.dive)
    document["groups"] = None if analysis.groups is None else _groups(analysis.groups)
    document["base"] = _base(analysis.base)
    document["system"] = encodable(asdict(analysis.system))
    document["packages"] = None if analysis.packages is None else inventory_document(analysis.packages)
    document["provenance"] = None if analysis.provenance is None else encodable(asdict(analysis.provenance))
    document["cost"] = _cost(analysis, assumptions or default_assumptions())
    document["pull"] = pull_document(analysis, assumptions or default_assumptions())
    document["tool_sizes"] = tool_sizes_document(analysis)
    if verdicts:
        from ocisize.report.json.budgets import verdict_document

        document["budgets"] = [verdict_document(verdict) for verdict in verdicts]
    document["warnings"] = [display_name(text) for text in analysis.warnings]
    return document


def advice_document(advice: Advice) -> dict[str, Any]:
    """All findings with the pages of their rules, and their total savings."""
    findings = [
        {**asdict(finding, value_serializer=serialize_build_steps), "rule": finding.rule} for finding in advice.findings
    ]
    return {"size": advice.size, "compressed_size": advice.compressed_size, "findings": encodable(findings)}


def plan_document(plan: Plan) -> dict[str, Any]:
    """The steps and edits of a plan, with what they save together."""
    totals = {name: asdict(saving) for name, saving in (("total", plan.total), ("patched", plan.patched))}
    document: dict[str, Any] = encodable(asdict(plan, value_serializer=serialize_build_steps))
    if plan.patch_has_secrets:
        document["patch"] = ""
    return totals | document


def inventory_document(inventory: Inventory) -> dict[str, Any]:
    """All packages and the files that none owns, with their figures."""
    document = asdict(inventory, recurse=False)
    for name in ("packages", "unowned"):
        document[name] = list(map(owned_document, document[name]))
    found: dict[str, Any] = encodable(document)
    return found


def owned_document(owned: Package | UnownedFiles) -> dict[str, Any]:
    """A package, or files that none owns, with their figures."""
    return {**asdict(owned, value_serializer=_serialize_enums), "live_size": owned.live_size}


def _serialize_enums(_: object, __: object, value: Any) -> Any:
    return value.value if isinstance(value, enum.Enum) else value


def _base(split: BaseSplit | None) -> dict[str, Any] | None:
    if split is None:
        return None
    parts = {"base": split.base, "own": split.own}
    sizes = {name: None if part is None else _sizes(part) for name, part in parts.items()}
    return {"found": encodable(asdict(split.found)), **sizes}


def _cost(analysis: Analysis, assumptions: CostAssumptions) -> dict[str, Any]:
    findings = [cost_of(finding.compressed_size, assumptions) for finding in analysis.advice.findings]
    return {
        "assumptions": asdict(assumptions),
        "image": asdict(cost_of(analysis.compressed_size, assumptions)),
        "findings": [asdict(cost) for cost in findings],
    }


def pull_document(image: Analysis | Outline, assumptions: CostAssumptions) -> dict[str, Any]:
    """How long a pull takes at each assumed bandwidth, the constants, and what each step of the plan saves."""
    document: dict[str, Any] = {
        "rates": asdict(default_rates()),
        "image": list(map(asdict, pull_times(image, assumptions.bandwidths))),
    }
    if isinstance(image, Analysis):
        document["steps"] = [list(map(asdict, times)) for times in step_pull_times(image, assumptions.bandwidths)]
    return document


def tool_sizes_document(image: Analysis | Outline) -> list[dict[str, Any]]:
    """What other tools show for an image."""
    return list(map(_tool_size, tool_sizes(image)))


def index_tool_sizes_document(index: IndexAnalysis | IndexOutline) -> list[dict[str, Any]]:
    """What registries show for an index."""
    from ocisize.sizes.index_tool_sizes import index_tool_sizes

    return list(map(_tool_size, index_tool_sizes(index)))


def _tool_size(row: ToolSize) -> dict[str, Any]:
    return {**asdict(row, value_serializer=_serialize_enums), "is_exact": row.is_exact}


def serialize_build_steps(_: object, __: object, value: Any) -> Any:
    """A ``value_serializer`` of ``asdict`` that writes build steps as their texts."""
    if isinstance(value, BuildStep):
        return value.text
    if isinstance(value, tuple):
        return [item.text if isinstance(item, BuildStep) else item for item in value]
    return value


def encodable(value: Any) -> Any:
    """A document whose strings can be encoded as UTF-8."""
    if isinstance(value, dict):
        return {name: encodable(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [encodable(item) for item in value]
    return display_name(value) if type(value) is str else value


def _sizes(sizes: Sizes) -> dict[str, Any]:
    document = asdict(
        sizes,
        recurse=False,
        filter=lambda field, _: field.name not in _APART,
        value_serializer=serialize_build_steps,
    )
    return document | {name: getattr(sizes, name) for name in _DERIVED}


def _dive(figures: DiveFigures | None) -> dict[str, Any] | None:
    if figures is None:
        return None
    ratio = figures.user_wasted_ratio
    return {**asdict(figures), "user_wasted_ratio": ratio if math.isfinite(ratio) else None}


def group_document(group: Group) -> dict[str, Any]:
    """A group's name and figures."""
    name = None if group.name is None else display_name(group.name)
    return {"name": name, **{field: getattr(group, field) for field in GROUP_SIZES}}


def _groups(groups: Groups) -> dict[str, Any]:
    return {
        division.name: [group_document(group) for group in getattr(groups, division.name)] for division in fields(Groups)
    }


def _layer(layer: LayerAnalysis, *, files: bool) -> dict[str, Any]:
    parts = {"toc": layer.toc, "source": layer.source, "on_disk": layer.on_disk}
    document = _sizes(layer) | {name: None if part is None else encodable(asdict(part)) for name, part in parts.items()}
    if layer.failure is not None:
        return document | dict.fromkeys(FROM_FILES) | {"failure": encodable(asdict(layer.failure))}
    if files and layer.files is not None:
        document["files"] = columns_document(layer.files)
    return document


def columns_document(table: FileTable) -> dict[str, Any]:
    """A file table in columns."""
    attributes = [table.attributes[index] for index in table.owners]
    hashes = [table.hash_of(row) for row in range(len(table))]
    return {
        "paths": [display_name(decode_name(path)) for path in table.paths],
        "kinds": table.kinds.decode("ascii"),
        "sizes": list(table.sizes),
        "compressed_sizes": None if table.compressed_sizes is None else list(table.compressed_sizes),
        "ends": list(table.ends) if table.ends or not len(table) else None,
        "modes": [attribute.mode for attribute in attributes],
        "uids": [attribute.uid for attribute in attributes],
        "gids": [attribute.gid for attribute in attributes],
        "content_hashes": [None if value == NO_HASH else value.hex() for value in hashes],
        "hash_function": table.hash_function,
        "links": {row: display_name(decode_name(link)) for row, link in table.links.items()},
        "stored_sizes": dict(table.stored_sizes),
        "claimed_sizes": dict(table.claimed_sizes),
        "type_flags": dict(table.type_flags),
        "rooted": list(table.paths.rooted),
        "xattrs": {
            row: {display_name(name): base64.b64encode(value).decode() for name, value in xattrs.items()}
            for row, xattrs in table.xattrs.items()
        },
        "tar_size": table.tar_size,
        "overhead": table.overhead,
    }
