"""Baselines: the figures of images as a team accepted them, kept as JSON in its repository.

::

    {
      "images": {
        "registry.io/app": {                      name of the image, without tag and digest
          "linux/amd64": {
            "layers": [                           base first
              {"digest": "sha256:…", "build_step": "COPY . /app", "unpacked": 73862, "wire": 20731}
            ],
            "totals": {"file_size": 1984576, "files": 216, "layers": 5, "live": 2670000,
                       "unpacked": 2930000, "waste": 261000, "wire": 1590055},
            "parts": {"unpacked in /opt/models": 1200000}   only where a budget limits the growth of a part
          }
        }
      },
      "schema": "ocisize.baseline",
      "version": 1
    }

Keys are sorted, every value has a line of its own, and nothing in it changes unless the image does, so that a change
reads well in review. Sizes are bytes, null where the saved form of an image does not tell.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

import attrs

from ocisize.errors import BudgetError, IncompleteAnalysis
from ocisize.model.analysis import Analysis
from ocisize.model.budget import Metric
from ocisize.oci.parse import list_problems
from ocisize.oci.strict_json import strict_converter
from ocisize.text import display_name

SCHEMA = "ocisize.baseline"
VERSION = 1
_SIZE = attrs.validators.ge(0)
_TEXT = attrs.validators.instance_of(str)
_OPTIONAL = attrs.validators.optional(_SIZE)


@attrs.frozen(kw_only=True)
class Totals:
    """The figures of an image."""

    wire: int | None = attrs.field(validator=_OPTIONAL)
    unpacked: int = attrs.field(validator=_SIZE)
    live: int = attrs.field(validator=_SIZE)
    waste: int = attrs.field(validator=_SIZE)
    files: int = attrs.field(validator=_SIZE)
    layers: int = attrs.field(validator=_SIZE)
    file_size: int | None = attrs.field(validator=_OPTIONAL)  #: of the largest file; None in an analysis without file tables


@attrs.frozen(kw_only=True)
class BaselineLayer:
    """A layer; it is known by its build step, since a build seldom gives the same digest twice."""

    digest: str
    build_step: str
    wire: int | None = attrs.field(validator=_OPTIONAL)
    unpacked: int = attrs.field(validator=_SIZE)


@attrs.frozen(kw_only=True)
class Entry:
    """One image for one platform."""

    totals: Totals
    layers: tuple[BaselineLayer, ...]
    #: figures of parts of the image, by what budgets of growth call them; see ``budget.measure_parts``
    parts: Mapping[str, int] = attrs.field(factory=dict, validator=attrs.validators.deep_mapping(_TEXT, _SIZE))

    def figure(self, metric: Metric) -> int | None:
        """The figure that growth is measured from; None where it is not kept."""
        if metric in (Metric.LAYER_DOWNLOAD, Metric.LAYER_UNPACKED):
            sizes = [layer.wire if metric is Metric.LAYER_DOWNLOAD else layer.unpacked for layer in self.layers]
            return None if None in sizes else max((size or 0 for size in sizes), default=0)
        if metric is Metric.DOWNLOAD:
            return self.totals.wire
        figure: int | None = getattr(self.totals, metric.value.replace("-", "_"), None)
        return figure

    def by_step(self) -> dict[tuple[str, int], BaselineLayer]:
        """Layers by build step, and by which of the layers with this build step it is."""
        return dict(zip(number_repeats([layer.build_step for layer in self.layers]), self.layers, strict=True))


@attrs.frozen
class Baseline:
    """Entries by name of the image and platform."""

    images: Mapping[str, Mapping[str, Entry]] = attrs.field(factory=dict)

    def entry(self, name: str, platform: str) -> Entry | None:
        """What is kept of an image."""
        return self.images.get(name, {}).get(platform)

    def with_entry(self, name: str, platform: str, entry: Entry) -> Baseline:
        """The same with an entry more, or another one in its place."""
        return Baseline({**self.images, name: {**self.images.get(name, {}), platform: entry}})


def number_repeats(build_steps: list[str]) -> list[tuple[str, int]]:
    """Each build step with the number of equal ones before."""
    seen = Counter[str]()
    found = []
    for build_step in build_steps:
        found.append((build_step, seen[build_step]))
        seen[build_step] += 1
    return found


def name_of(analysis: Analysis) -> str:
    """How a baseline knows an image: its reference without tag and digest, else the name of its file."""
    name = (analysis.reference or "").partition("@")[0]
    if name:
        folder, slash, last = name.rpartition("/")
        return display_name(folder + slash + last.partition(":")[0])
    return display_name(analysis.source.rstrip("/").rpartition("/")[2]) or "image"


def entry_of(analysis: Analysis, parts: Mapping[str, int] | None = None) -> Entry:
    """What a baseline keeps of an image, and of the parts of it that budgets are about.

    Raises IncompleteAnalysis where not all of its layers could be read.
    """
    if not analysis.complete:
        raise IncompleteAnalysis(analysis.source, [layer.index for layer in analysis.unread])
    tables = [layer.files for layer in analysis.layers if layer.files is not None]
    complete = len(tables) == len(analysis.layers)
    return Entry(
        parts=parts or {},
        totals=Totals(
            wire=analysis.compressed_size,
            unpacked=analysis.content_size,
            live=analysis.live_size,
            waste=analysis.wasted_size,
            files=analysis.file_count,
            layers=len(analysis.layers),
            file_size=max((size for table in tables for size in table.sizes), default=0) if complete else None,
        ),
        layers=tuple(
            BaselineLayer(
                digest=layer.digest,
                build_step=display_name(layer.build_step.text),
                wire=layer.compressed_size,
                unpacked=layer.content_size,
            )
            for layer in analysis.layers
        ),
    )


def ratchet(old: Entry, new: Entry) -> Entry:
    """The old entry with what has become smaller: no figure rises, and an unknown one becomes known.

    Layers are replaced together, and only if each of them is an old step that has not grown.
    """
    kept, steps_now = old.by_step(), new.by_step()
    shrunk = all(
        step in kept and layer.unpacked <= kept[step].unpacked and layer.wire == _smaller(kept[step].wire, layer.wire)
        for step, layer in steps_now.items()
    )
    changes: dict[str, Any] = {
        field.name: _smaller(getattr(old.totals, field.name), getattr(new.totals, field.name))
        for field in attrs.fields(Totals)
    }
    return Entry(
        totals=attrs.evolve(old.totals, **changes),
        layers=new.layers if shrunk else old.layers,
        parts={**old.parts, **{name: min(size, old.parts.get(name, size)) for name, size in new.parts.items()}},
    )


def _smaller(old: int | None, new: int | None) -> int | None:
    return min((size for size in (old, new) if size is not None), default=None)


def baseline_to_json(baseline: Baseline) -> str:
    """The baseline as text that changes as little as the images do."""
    images = {
        name: {platform: _document(entry) for platform, entry in platforms.items()}
        for name, platforms in baseline.images.items()
    }
    return json.dumps({"schema": SCHEMA, "version": VERSION, "images": images}, indent=2, sort_keys=True) + "\n"


def _document(entry: Entry) -> dict[str, Any]:
    """An entry as JSON has it; one without parts does not mention them."""
    return {name: value for name, value in attrs.asdict(entry).items() if name != "parts" or value}


def baseline_from_json(text: str, name: str) -> Baseline:
    """Read what ``baseline_to_json`` wrote; ``name`` tells the file in errors. Raises BudgetError."""
    try:
        document: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BudgetError(f"{name}: is not JSON: {error}") from None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise BudgetError(f"{name}: is not a baseline: its schema is not {SCHEMA!r}")
    if document.get("version") != VERSION:
        raise BudgetError(f"{name}: is a baseline of version {document.get('version')!r}, this ocisize reads {VERSION}")
    try:
        images = strict_converter().structure(document.get("images"), dict[str, dict[str, Entry]])
    except Exception as error:  # cattrs raises groups of whatever its hooks raised
        problems = list_problems(error)
        raise BudgetError("; ".join([f"{name}: is not a valid baseline", *problems]), problems=problems) from None
    return Baseline(images)
