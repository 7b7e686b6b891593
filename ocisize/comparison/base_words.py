"""What is different about the base images of two images, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ocisize.history.step_effects import may_lay_root_filesystem
from ocisize.model.analysis import Analysis
from ocisize.model.base import BaseCertainty
from ocisize.model.comparison import SAME_CONTENT, LayerChange, LayerStatus
from ocisize.model.system import OperatingSystem, Runtime
from ocisize.patterns import lazy_pattern

_SAME_FILES = (*SAME_CONTENT, LayerStatus.REBUILT)
_EXTRAS = lazy_pattern(r" \(.*?\)| GNU/Linux| Linux|(?: v?\d[\w.]*)+(?: LTS)?")  # of PRETTY_NAME, beside the name


def is_other_base(layer: LayerChange) -> bool:
    """Return True if the lowest layer is that of another base image."""
    changed = layer.status is LayerStatus.CHANGED and layer.before == layer.after == 0
    return changed and may_lay_root_filesystem(layer.build_step) and may_lay_root_filesystem(layer.before_build_step)


def changed_base_layer(before: Analysis, after: Analysis, layers: Sequence[LayerChange]) -> LayerChange | None:
    """Return the lowest layer of the base image that is not the same; None if the base is the same or only a guess."""
    below_before, below_after = _base_layers(before), _base_layers(after)
    for layer in layers:
        in_before = layer.before is not None and layer.before < below_before
        in_after = layer.after is not None and layer.after < below_after
        if layer.status not in _SAME_FILES and (in_before or in_after or is_other_base(layer)):
            return layer
    return None


def _base_layers(analysis: Analysis) -> int:
    """The number of layers of the base image; 0 if it is unknown or only a guess."""
    found = analysis.base.found if analysis.base is not None else None
    return found.layers if found is not None and found.certainty is not BaseCertainty.GUESS else 0


def describe_base(before: Analysis, after: Analysis) -> str:
    """Return what is different: ``debian:12.1 → debian:12.2``, or releases and versions; "" if nothing is known.

    >>> import ocisize
    >>> image = ocisize.analyze("testdata/example.tar")
    >>> describe_base(image, image)
    ''
    """
    return ", ".join(_differences(before, after))


def _differences(before: Analysis, after: Analysis) -> Iterator[str]:
    names = _reference(before), _reference(after)
    if all(names) and names[0] != names[1]:
        yield f"{names[0]} → {names[1]}"
    systems = before.system.os, after.system.os
    if systems[0] is not None and systems[1] is not None and (difference := _of_systems(systems[0], systems[1])):
        yield difference
    yield from _of_runtimes(before, after)


def _reference(analysis: Analysis) -> str:
    """The name of the base image without its digest."""
    return ((analysis.base.found.name if analysis.base is not None else None) or "").partition("@")[0]


def _of_systems(before: OperatingSystem, after: OperatingSystem) -> str:
    both = before.release and after.release
    old, new = (before.release, after.release) if both else (before.version, after.version)
    if before.id == after.id:
        return f"{_short_name(after)} {old} → {new}" if old != new else ""
    return f"{_short_name(before)} {old}".rstrip() + f" → {_short_name(after)} {new}".rstrip()


def _short_name(system: OperatingSystem) -> str:
    return _EXTRAS.sub("", system.name) or system.id


def _of_runtimes(before: Analysis, after: Analysis) -> Iterator[str]:
    """The runtimes of the base image that both images have once, in another version."""
    old, new = _runtimes(before), _runtimes(after)
    for name, runtime in new.items():
        other = old.get(name)
        if other is not None and other.version != runtime.version and other.version and runtime.version:
            yield f"{runtime.title} {other.version} → {runtime.version}"


def _runtimes(analysis: Analysis) -> dict[str, Runtime]:
    """The runtimes in the layers of the base image, by name; without those that are there twice."""
    below = max(_base_layers(analysis), 1)
    found = [runtime for runtime in analysis.system.runtimes if runtime.layer < below]
    names = [runtime.name for runtime in found]
    return {runtime.name: runtime for runtime in found if names.count(runtime.name) == 1}
