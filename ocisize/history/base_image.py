"""The base image of an image: the number of layers, from the bottom, that come from the image it was built on.

A base image that the user gave, or that a builder marked, is certain. All others are guesses from the history, in
this order, each less reliable than the one before:

* ``created`` jumps by an hour or more between two steps: BuildKit and Docker keep the times of the base image's steps;
* a ``CMD`` or ``ENTRYPOINT`` below the step of the top layer: most base images end with one (Trivy looks for ``CMD``);
* the steps change from another builder's to BuildKit's;
* the first layer is a distribution's root filesystem, so that at least this layer is the base image's.

Annotations: https://github.com/opencontainers/image-spec/blob/main/annotations.md. The label of buildpacks:
https://github.com/buildpacks/spec/blob/main/platform.md. Marks of builders: what they write into ``history``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate

from ocisize.blob.digest import Digest
from ocisize.history.redact import redact
from ocisize.history.step_effects import may_lay_root_filesystem
from ocisize.history.steps import describe
from ocisize.model.base import SCRATCH, BaseCertainty, BaseImage, BaseMethod, GivenBase
from ocisize.oci.documents import History, ImageConfig
from ocisize.patterns import lazy_pattern
from ocisize.values import evolve

NAME_KEY = "org.opencontainers.image.base.name"
DIGEST_KEY = "org.opencontainers.image.base.digest"
BUILDPACKS_KEY = "io.buildpacks.lifecycle.metadata"

_MIN_PAUSE = 3600  # seconds between two steps that make them two builds; caching makes pauses within one build, too
_DAY = 86_400  # seconds
_MIN_DAY = 726_468  # 1990-01-01; earlier times are placeholders: 0001, 1970 and 1980 of reproducible builds
_DAYS_BEFORE = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365)  # a month of a year without a leap day
_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.\d+)?(?:Z|([+-])([0-9]{2}):([0-9]{2}))"
)
_FROM = lazy_pattern(r"(?:^|\s)FROM (\S+)$")
_SHORT_ID = lazy_pattern(r"(?:sha256:)?[0-9a-f]{12,64}")
_COMMAND_STEP = lazy_pattern(r"(?:/bin/sh -c #\(nop\)\s+)?(?:CMD|ENTRYPOINT)\b")
_SIGNING_BUILDERS = frozenset({"jib", "kaniko", "ko"})  # name themselves as author of all their own steps, and of no others


def find_base(config: ImageConfig, annotations: Mapping[str, str], layers: int) -> BaseImage | None:
    """Return the base image as far as the image itself shows it; None if nothing does.

    ``annotations`` are those of the manifest, and ``layers`` is the number of layers in it. The result may be a guess, which
    ``method`` and ``confidence`` say. A base image that is only named has 0 layers.

    >>> from ocisize.oci.documents import RootFs
    >>> history = [
    ...     History(created="2026-01-01T00:00:00Z", created_by="ADD rootfs.tar / # buildkit"),
    ...     History(created="2026-02-01T00:00:00Z", created_by="COPY . /app # buildkit"),
    ... ]
    >>> base = find_base(ImageConfig(RootFs(), history=history), {}, 2)
    >>> base.layers, base.method.value, base.certainty.value
    (1, 'created', 'likely')
    """
    labels = config.run.labels
    name = annotations.get(NAME_KEY) or labels.get(NAME_KEY)
    digest = annotations.get(DIGEST_KEY) or labels.get(DIGEST_KEY)
    base = _find_mark(config, layers)
    if base is None and not _from_scratch(config.history):
        base = _guess(config.history, layers)
    if base is not None:
        name = name or base.name
        return evolve(base, name=redact(name).text if name else None, digest=digest)
    return BaseImage(0, redact(name).text, digest, BaseMethod.NAMED, BaseCertainty.GUESS) if name else None


def match_given(given: GivenBase, diff_ids: Sequence[str | None]) -> tuple[BaseImage | None, str | None]:
    """Return the base image that the user gave if the image's lowest layers are its layers; else None and the reason.

    ``diff_ids`` are those of the image's layers, base first, None where unknown.

    >>> given = GivenBase(name="debian:12", digest=None, diff_ids=("sha256:aa", "sha256:bb"))
    >>> match_given(given, ["sha256:aa", "sha256:bb", "sha256:cc"])[0].layers
    2
    >>> match_given(given, ["sha256:aa"])[1]
    'debian:12 is not the base: of its 2 layers, the image has only the first 1'
    """
    shared = 0
    for own, base in zip(diff_ids, given.diff_ids, strict=False):
        if own is None or own != base:
            break
        shared += 1
    count = len(given.diff_ids)
    if count and shared == count:
        return BaseImage(count, given.name, given.digest, BaseMethod.GIVEN, BaseCertainty.SURE), None
    if not count:
        return None, f"{given.name} is not the base: it has no layers"
    if shared == len(diff_ids):
        return None, f"{given.name} is not the base: of its {count} layers, the image has only the first {shared}"
    return None, (
        f"{given.name} is not the base: layer {shared} is {diff_ids[shared] or 'of unknown content'}, "
        f"there {given.diff_ids[shared]}; {shared} of its {count} layers {'is' if shared == 1 else 'are'} shared"
    )


def _find_mark(config: ImageConfig, layers: int) -> BaseImage | None:
    """The base image that a builder marked: buildpacks by a label, buildah by a comment, others as author of their steps."""
    run_image = _read_object(config.run.labels.get(BUILDPACKS_KEY, "")).get("runImage")
    if isinstance(run_image, dict) and run_image.get("topLayer") in config.rootfs.diff_ids[:layers]:
        top = config.rootfs.diff_ids.index(Digest(run_image["topLayer"]))
        name = run_image.get("image") or run_image.get("reference")
        return BaseImage(top + 1, name if isinstance(name, str) else None, None, BaseMethod.RUN_IMAGE, BaseCertainty.SURE)
    history = config.history
    for index in reversed(range(len(history))):
        comment = history[index].comment
        mark = _FROM.search(comment) if "FROM " in comment else None
        if mark and not _SHORT_ID.fullmatch(mark[1]):
            below = _layers_below(history, index)
            return BaseImage(below, mark[1], None, BaseMethod.FROM, BaseCertainty.SURE) if 0 < below <= layers else None
    signed = len(history)
    while signed and _is_signed(history[signed - 1]):
        signed -= 1
    below = _layers_below(history, signed)
    if signed < len(history) and 0 < below < layers:
        return BaseImage(below, None, None, BaseMethod.BUILDER, BaseCertainty.LIKELY)
    if signed == len(history) and 0 < below < layers:  # the layers above have no steps, as rules_oci makes them
        return BaseImage(below, None, None, BaseMethod.BUILDER, BaseCertainty.GUESS)
    return None


def _read_object(text: str) -> dict[str, object]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _is_signed(entry: History) -> bool:
    return entry.author.strip().lower() in _SIGNING_BUILDERS or entry.created_by.startswith(("ko build ", "jib-"))


def _from_scratch(history: Sequence[History]) -> bool:
    """Whether there is no base image: buildah notes ``FROM scratch``, or one builder is the author of all steps."""
    names = [mark[1] for entry in history if (mark := _FROM.search(entry.comment)) and not _SHORT_ID.fullmatch(mark[1])]
    return names[-1:] == [SCRATCH] or (bool(history) and all(map(_is_signed, history)))


def _layers_below(history: Sequence[History], index: int) -> int:
    """The number of layers that the history entries before ``index`` made."""
    return sum(not entry.empty_layer for entry in history[:index])


def _guess(history: Sequence[History], layers: int) -> BaseImage | None:
    """The first guess in the order of the module's list; likely if another one agrees."""
    pauses, command, style = _pauses(history, layers), _below_command(history), _below_buildkit(history)
    rootfs = int(bool(history) and _is_rootfs(history))
    if pauses:
        longest = max(pauses, key=lambda below: (pauses[below], below))
        agrees = command in pauses or (len(pauses) == 1 and longest == rootfs)
        below = command if command in pauses else longest
        return BaseImage(below, None, None, BaseMethod.CREATED, BaseCertainty.LIKELY if agrees else BaseCertainty.GUESS)
    for method, below in ((BaseMethod.COMMAND, command), (BaseMethod.STYLE, style), (BaseMethod.ROOTFS, rootfs)):
        if 0 < below < layers:
            agrees = method is BaseMethod.STYLE and below == rootfs
            return BaseImage(below, None, None, method, BaseCertainty.LIKELY if agrees else BaseCertainty.GUESS)
    return None


def _pauses(history: Sequence[History], layers: int) -> dict[int, float]:
    """Long pauses between two steps, in seconds, by the number of layers below the pause."""
    pauses: dict[int, float] = {}
    counts = list(accumulate((not entry.empty_layer for entry in history), initial=0))
    for index, seconds in _long_gaps(history):
        below = counts[index]
        if 0 < below < layers:
            pauses[below] = max(seconds, pauses.get(below, 0))
    return pauses


def _long_gaps(history: Sequence[History]) -> Iterator[tuple[int, float]]:
    """The index of each entry that was created long after the one before, and the seconds in between."""
    last: int | None = None
    for index, entry in enumerate(history):
        time = parse_time(entry.created)
        if time is None:
            continue
        if last is not None and (seconds := time - last) >= _MIN_PAUSE:
            yield index, seconds
        last = time


def parse_time(text: str) -> int | None:
    """The seconds from the start of the year 1 to a time of RFC 3339; None for placeholders.

    ``datetime`` would take 2 ms of each run to import.

    >>> parse_time("2024-01-01T01:00:00.5+01:00") - parse_time("2023-12-31T23:59:59Z")
    1
    """
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = map(int, match.groups()[:6])
    offset = int(match[8] or 0) * 3600 + int(match[9] or 0) * 60
    days = _count_days(year, month, day)
    if days is None or hour >= 24 or minute >= 60 or second >= 60 or offset >= _DAY:
        return None
    time = days * _DAY + hour * 3600 + minute * 60 + second + (offset if match[7] == "-" else -offset)
    return time if time >= _MIN_DAY * _DAY else None


def _count_days(year: int, month: int, day: int) -> int | None:
    """The days from the start of the year 1 to the end of a date; None if there is no such date."""
    leap_day = int(year % 4 == 0 and (year % 100 != 0 or year % 400 == 0))
    if not 1 <= month <= 12 or not 1 <= day <= _DAYS_BEFORE[month] - _DAYS_BEFORE[month - 1] + leap_day * (month == 2):
        return None
    before = year - 1
    return (
        before * 365 + before // 4 - before // 100 + before // 400 + _DAYS_BEFORE[month - 1] + leap_day * (month > 2) + day
    )


def _below_command(history: Sequence[History]) -> int:
    """The number of layers below the last CMD or ENTRYPOINT before the step of the top layer; 0 if there is none."""
    owning = [index for index, entry in enumerate(history) if not entry.empty_layer]
    for index in reversed(range(owning[-1] if owning else 0)):
        if history[index].empty_layer and _COMMAND_STEP.match(history[index].created_by):
            return _layers_below(history, index)
    return 0


def _below_buildkit(history: Sequence[History]) -> int:
    """The number of another builder's layers below those of BuildKit; 0 if the two are mixed or there is one builder."""
    by_buildkit = [_is_buildkit(entry) for entry in history if not entry.empty_layer]
    first = by_buildkit.index(True) if True in by_buildkit else 0
    return first if all(by_buildkit[first:]) else 0


def _is_buildkit(entry: History) -> bool:
    return entry.comment.startswith("buildkit.") or entry.created_by.rstrip().endswith("# buildkit")


def _is_rootfs(history: Sequence[History]) -> bool:
    first = next((entry for entry in history if not entry.empty_layer), None)
    return first is not None and ("debuerreotype" in first.comment or may_lay_root_filesystem(describe(first)))
