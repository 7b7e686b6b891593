"""Baselines: the figures of images that a team accepted, as a JSON file in its repository.

::

    {
      "images": {
        "registry.io/app": {                      name of the image without tag and digest
          "linux/amd64": {
            "layers": [                           base first
              {"build_step": "COPY . /app", "compressed_size": 20731, "content_size": 73862, "digest": "sha256:…"}
            ],
            "totals": {"compressed_size": 1590055, "content_size": 2930000, "file_size": 1984576, "files": 216,
                       "layers": 5, "live_size": 2670000, "wasted_size": 261000},
            "parts": {"content_size in /opt/models": 1200000}   only where a budget limits the growth of a part
          }
        }
      },
      "schema": "ocisize.baseline",
      "version": 1
    }

Keys are sorted, every value has its own line, and the file changes only if the image does, so that a change is easy to
review. Sizes are bytes; ``ocisize.model.sizes`` defines them. A download is null where the image is saved with its layers
uncompressed, and all other sizes are where only the manifest was read.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from ocisize.errors import BudgetError
from ocisize.model.analysis import Analysis, LayerAnalysis, require_complete
from ocisize.model.outline import LayerOutline, Outline, require_listed_layers
from ocisize.text import STANDARD_INPUT, display_name
from ocisize.values import Attribute, asdict, at_least, evolve, field, frozen

SCHEMA = "ocisize.baseline"
VERSION = 1
_SIZE = at_least(0)
_OPTIONAL = at_least(0, optional=True)


def _check_parts(instance: object, attribute: Attribute[Mapping[str, int]], parts: Mapping[str, int]) -> None:
    for name, size in parts.items():
        if not isinstance(name, str):
            raise TypeError(f"{attribute.name}: {name!r} is no name")
        _SIZE(instance, attribute, size)


@frozen(kw_only=True)
class BaselineTotals:
    """The figures of an image, sizes in bytes."""

    compressed_size: int | None = field(validator=_OPTIONAL)  #: the download; None if unknown
    content_size: int | None = field(validator=_OPTIONAL)  #: what all layers store; None, as the next three, of an outline
    live_size: int | None = field(validator=_OPTIONAL)  #: what a container sees
    wasted_size: int | None = field(validator=_OPTIONAL)  #: what no container sees
    files: int | None = field(validator=_OPTIONAL)  #: number of regular files
    layers: int = field(validator=_SIZE)  #: number of layers
    file_size: int | None = field(validator=_OPTIONAL)  #: of the largest file; None also in an analysis without file tables

    def __attrs_post_init__(self) -> None:
        known = {size is not None for size in (self.content_size, self.live_size, self.wasted_size, self.files)}
        if len(known) > 1:
            raise ValueError("content_size, live_size, wasted_size and files must all be known, or none of them")


@frozen(kw_only=True)
class BaselineLayer:
    """A layer of a baseline. The next build is compared with it by build step, since digests seldom stay the same."""

    digest: str  #: of the blob
    build_step: str  #: its text
    compressed_size: int | None = field(validator=_OPTIONAL)  #: bytes, None if unknown
    content_size: int | None = field(validator=_OPTIONAL)  #: bytes; None of an outline


@frozen(kw_only=True)
class BaselineEntry:
    """The figures of one image for one platform."""

    totals: BaselineTotals  #: of the whole image
    layers: tuple[BaselineLayer, ...]  #: base first
    #: figures of parts of the image, as ``measure_parts`` returns them
    parts: Mapping[str, int] = field(factory=dict, validator=_check_parts)

    def by_step(self) -> dict[tuple[str, int], BaselineLayer]:
        """Layers by build step and the number of earlier layers with the same build step."""
        return dict(zip(number_repeats([layer.build_step for layer in self.layers]), self.layers, strict=True))


@frozen
class Baseline:
    """Entries by name of the image and platform."""

    images: Mapping[str, Mapping[str, BaselineEntry]] = field(factory=dict)  #: by name of the image, then by platform

    def entry(self, name: str, platform: str) -> BaselineEntry | None:
        """The figures of an image for a platform; None if it has none."""
        return self.images.get(name, {}).get(platform)

    def with_entry(self, name: str, platform: str, entry: BaselineEntry) -> Baseline:
        """The baseline with an entry added or replaced.

        >>> import ocisize
        >>> entry = baseline_entry(ocisize.analyze("testdata/example.tar"))
        >>> baseline = Baseline().with_entry("registry.io/app", "linux/amd64", entry)
        >>> baseline.entry("registry.io/app", "linux/amd64").totals.compressed_size
        1590055
        """
        return Baseline({**self.images, name: {**self.images.get(name, {}), platform: entry}})

    @property
    def has_downloads_alone(self) -> bool:
        """True if there are entries, and all of them were written from manifests alone."""
        entries = [entry for platforms in self.images.values() for entry in platforms.values()]
        return bool(entries) and all(entry.totals.content_size is None for entry in entries)


def number_repeats(build_steps: list[str]) -> list[tuple[str, int]]:
    """Each build step with the number of equal ones before it.

    >>> number_repeats(["RUN a", "RUN b", "RUN a"])
    [('RUN a', 0), ('RUN b', 0), ('RUN a', 1)]
    """
    seen = Counter[str]()
    numbered = []
    for build_step in build_steps:
        numbered.append((build_step, seen[build_step]))
        seen[build_step] += 1
    return numbered


def baseline_name(image: Analysis | Outline) -> str:
    """The name of an image in a baseline: its reference without tag and digest, else the name of its file.

    >>> import ocisize
    >>> baseline_name(ocisize.analyze("testdata/example.tar"))
    'example'
    """
    name = (image.reference or "").partition("@")[0]
    if name:
        folder, slash, last = name.rpartition("/")
        return display_name(folder + slash + last.partition(":")[0])
    file = "" if image.source == STANDARD_INPUT else image.source.rstrip("/").rpartition("/")[2]
    return display_name(file) or "image"


def baseline_entry(image: Analysis | Outline, parts: Mapping[str, int] | None = None) -> BaselineEntry:
    """The entry of an image, with the figures of ``parts`` that ``measure_parts`` gives; of an outline the downloads alone.

    Raises IncompleteAnalysis if layers could not be read, or if the documents list different numbers of layers.

    >>> import ocisize
    >>> baseline_entry(ocisize.analyze("testdata/example.tar")).totals.compressed_size
    1590055
    """
    if isinstance(image, Outline):
        require_listed_layers(image)
        totals = _totals(image, content_size=None, live_size=None, wasted_size=None, files=None, file_size=None)
    else:
        require_complete(image)
        totals = _totals(
            image,
            content_size=image.content_size,
            live_size=image.live_size,
            wasted_size=image.wasted_size,
            files=image.file_count,
            file_size=_largest_file(image),
        )
    return BaselineEntry(parts=parts or {}, totals=totals, layers=layers_of(image.layers))


def _totals(image: Analysis | Outline, **figures: int | None) -> BaselineTotals:
    return BaselineTotals(compressed_size=image.compressed_size, layers=len(image.layers), **figures)


def _largest_file(analysis: Analysis) -> int | None:
    """The size of the largest file; None for an analysis that was saved without its files."""
    tables = [layer.files for layer in analysis.layers if layer.files is not None]
    if len(tables) < len(analysis.layers):
        return None
    return max((size for table in tables for size in table.sizes), default=0)


def layers_of(layers: Iterable[LayerAnalysis | LayerOutline]) -> tuple[BaselineLayer, ...]:
    """The layers of an image as a baseline stores them."""
    return tuple(
        BaselineLayer(
            digest=layer.digest,
            build_step=display_name(layer.build_step.text),
            compressed_size=layer.compressed_size,
            content_size=None if isinstance(layer, LayerOutline) else layer.content_size,
        )
        for layer in layers
    )


def ratchet(old: BaselineEntry, new: BaselineEntry) -> BaselineEntry:
    """The old entry with the figures that have become smaller; no figure rises, and an unknown figure becomes known.

    All layers are replaced, or none: each of the new ones must have a step of the old ones and must not have grown.

    >>> import attrs, ocisize
    >>> old = baseline_entry(ocisize.analyze("testdata/example.tar"))
    >>> new = attrs.evolve(old, totals=attrs.evolve(old.totals, compressed_size=1_500_000, content_size=3_000_000))
    >>> totals = ratchet(old, new).totals
    >>> totals.compressed_size, totals.content_size
    (1500000, 2931632)
    """
    old_layers, new_layers = old.by_step(), new.by_step()
    smaller = all(
        step in old_layers and layer == _smaller_layer(old_layers[step], layer) for step, layer in new_layers.items()
    )
    old_totals, new_totals = asdict(old.totals), asdict(new.totals)
    totals: dict[str, Any] = {name: _smaller(size, new_totals[name]) for name, size in old_totals.items()}
    return BaselineEntry(
        totals=BaselineTotals(**totals),
        layers=new.layers if smaller else old.layers,
        parts={**old.parts, **{name: min(size, old.parts.get(name, size)) for name, size in new.parts.items()}},
    )


def _smaller_layer(old: BaselineLayer, new: BaselineLayer) -> BaselineLayer:
    """The new layer with the smaller sizes of both."""
    return evolve(
        new,
        compressed_size=_smaller(old.compressed_size, new.compressed_size),
        content_size=_smaller(old.content_size, new.content_size),
    )


def _smaller(old: int | None, new: int | None) -> int | None:
    return min((size for size in (old, new) if size is not None), default=None)


def baseline_to_json(baseline: Baseline) -> str:
    """The baseline as JSON text.

    >>> print(baseline_to_json(Baseline()), end="")
    {
      "images": {},
      "schema": "ocisize.baseline",
      "version": 1
    }
    """
    images = {
        name: {platform: _document(entry) for platform, entry in platforms.items()}
        for name, platforms in baseline.images.items()
    }
    return json.dumps({"schema": SCHEMA, "version": VERSION, "images": images}, indent=2, sort_keys=True) + "\n"


def _document(entry: BaselineEntry) -> dict[str, Any]:
    """An entry for JSON, without ``parts`` if there are none."""
    return {name: value for name, value in asdict(entry).items() if name != "parts" or value}


def baseline_from_json(text: str, name: str) -> Baseline:
    """Read the text that ``baseline_to_json`` wrote.

    ``name`` is the file's name in errors. Raises BudgetError with all problems if the text is not a valid baseline.

    >>> baseline_from_json(baseline_to_json(Baseline()), "ocisize-baseline.json")
    Baseline(images={})
    >>> baseline_from_json("{}", "ocisize-baseline.json")
    Traceback (most recent call last):
    ocisize.errors.BudgetError: ocisize-baseline.json: is not a baseline: its schema is not 'ocisize.baseline'
    """
    try:
        document: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BudgetError(f"{name}: is not JSON: {error}") from None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise BudgetError(f"{name}: is not a baseline: its schema is not {SCHEMA!r}")
    if document.get("version") != VERSION:
        raise BudgetError(f"{name}: is a baseline of version {document.get('version')!r}, this ocisize reads {VERSION}")
    from ocisize.oci.structure import list_problems, strict_converter

    try:
        images = strict_converter().structure(document.get("images"), dict[str, dict[str, BaselineEntry]])
    except Exception as error:  # cattrs raises groups of whatever its hooks raised
        problems = list_problems(error)
        raise BudgetError("; ".join([f"{name}: is not a valid baseline", *problems]), problems=problems) from None
    return Baseline(images)
