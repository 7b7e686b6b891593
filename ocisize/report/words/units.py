"""Sizes, ratios and names as people read them. Only reports use units."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ocisize import text
from ocisize.model.build_step import BuildStep, StepKind
from ocisize.patterns import lazy_pattern

UNKNOWN, human_size = text.UNKNOWN, text.human_size  # sentences of lower packages need them, too
_CUT = "…"
_PUNCTUATION = lazy_pattern(r"(?:\s*[,;:(·]|\s+and\b)+\s*\Z")  # and words that is not shown before "…"
_MIN_NAME = 20  # characters of a cut name, before its directory gets any
_HASH = lazy_pattern(r"(?<![0-9a-f])([0-9a-f]{8})[0-9a-f]{12,}")
_PRELUDE = r"(?:set|export|cd|mkdir|apk update|apt update|apt-get update)\b[^&|;]*(?:&&|;)\s*"
_BOILERPLATE = (
    (lazy_pattern(rf"\ARUN (?:{_PRELUDE})+"), f"RUN {_CUT} "),
    (lazy_pattern(r"(?: --(?:no-[\w-]+|break-system-packages|assume-yes|yes|quiet))+(?= )"), f" {_CUT}"),
)


def percent(share: float) -> str:
    """A ratio as percent with one decimal.

    >>> percent(0.0893)
    '8.9 %'
    """
    return f"{100 * share:.1f} %"


def human_seconds(seconds: float) -> str:
    """A time in seconds: with a unit and at least two digits below a minute, else in minutes and seconds, or hours.

    >>> human_seconds(0.123), human_seconds(8.43), human_seconds(125), human_seconds(7260)
    ('0.12 s', '8.4 s', '2 min 05 s', '2 h 01 min')
    """
    if seconds >= 59.95:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes:,} min {rest:02} s" if minutes < 60 else f"{minutes // 60:,} h {minutes % 60:02} min"
    return f"{seconds:.2f} s" if seconds < 0.995 else f"{seconds:.1f} s"


def human_bandwidth(bits: float) -> str:
    """A bandwidth, given in bits per second.

    >>> human_bandwidth(100e6), human_bandwidth(1.5e9)
    ('100 Mbps', '1.5 Gbps')
    """
    unit = "bps"
    for larger in ("kbps", "Mbps", "Gbps"):
        if bits < 1000:
            break
        bits, unit = bits / 1000, larger
    return f"{bits:g} {unit}"


def human_dollars(amount: float) -> str:
    """An amount in dollars: whole dollars from ten on, with cents below.

    >>> human_dollars(1234.4), human_dollars(0.07)
    ('$1,234', '$0.07')
    """
    return f"${amount:,.0f}" if amount >= 9.995 else f"${amount:.2f}"


def shorten_path(path: str, width: int) -> str:
    """Shorten a path to ``width`` characters: long hashes keep eight digits, then names in the middle are left out.

    The last name stays. Of the others the first two, those before the last and the third stay, in this order, as far as
    they fit. If the last name alone is too long, its middle is cut. Widths below 8 leave the path as it is.

    >>> shorten_path("/usr/lib/python3/dist-packages/numpy/core/__init__.py", 36)
    '/usr/lib/…/numpy/core/__init__.py'
    >>> shorten_path("/etc/a-name-that-is-too-long.conf", 20)
    '/…/a-name…-long.conf'
    """
    if len(path) <= width or width < 8:
        return path
    path = _HASH.sub(rf"\1{_CUT}", path)
    if len(path) <= width:
        return path
    root, end = "/" * path.startswith("/"), "/" * path.endswith("/")
    names = path.strip("/").split("/")

    def join_ends(head: int, tail: int) -> str:
        return root + "/".join([*names[:head], _CUT, *names[len(names) - tail :]]) + end

    if len(join_ends(0, 1)) > width:
        if len(names) == 1:
            return root + _cut_middle(names[0], width - len(root + end)) + end
        head = int(len(names) > 2 and len(join_ends(1, 1)) - len(names[-1]) + _MIN_NAME <= width)
        names[-1] = _cut_middle(names[-1], width - len(join_ends(head, 1)) + len(names[-1]))
        return join_ends(head, 1)
    head, tail = 0, 1
    for first in (1, 1, 0, 0, 1, *[0] * len(names)):
        more = head + first, tail + 1 - first
        if sum(more) < len(names) and len(join_ends(*more)) <= width:
            head, tail = more
    return join_ends(head, tail)


def _cut_middle(text: str, width: int) -> str:
    end = (width - 1) * 2 // 3
    return text[: width - 1 - end] + _CUT + text[len(text) - end :]


def shorten_steps(steps: Sequence[str], width: int) -> list[str]:
    """Shorten build steps to ``width`` characters. Steps that would become equal are cut in the middle instead.

    >>> shorten_steps(["RUN make install PREFIX=/a", "RUN make install PREFIX=/b"], 16)
    ['RUN m… PREFIX=/a', 'RUN m… PREFIX=/b']
    """
    short = [shorten_step(step, width) for step in steps]
    alike = {text for text, count in Counter(short).items() if count > 1}
    return [
        _cut_middle(step, width) if text in alike and len(step) > width else text
        for step, text in zip(steps, short, strict=True)
    ]


def shorten_step(step: str, width: int) -> str:
    """Shorten a build step to ``width`` characters: first common beginnings of a RUN, then usual options, then the end.

    >>> shorten_step("RUN apt-get update && apt-get install -y --no-install-recommends curl git", 40)
    'RUN … apt-get install -y … curl git'
    """
    is_run = BuildStep(step).kind is StepKind.RUN
    for pattern, instead in _BOILERPLATE:
        if len(step) > width and is_run:
            step = pattern.sub(instead, step)
    return cut(step, width)


def cut(text: str, width: int) -> str:
    """The first ``width`` characters of a text; "…" replaces the last one if the text is longer.

    >>> cut("documentation", 8), cut("docs", 8)
    ('documen…', 'docs')
    """
    return text if len(text) <= width else _PUNCTUATION.sub("", text[: max(width - 1, 0)]) + _CUT


def cut_words(text: str, width: int) -> str:
    """The first words of a text that fit into ``width`` characters with " …"; a first word that is too long is cut.

    >>> cut_words("layer 2 RUN apt-get install", 24), cut_words("layers 1, 2 and 3 more", 17)
    ('layer 2 RUN apt-get …', 'layers 1, 2 …')
    """
    if len(text) <= width:
        return text
    words, space, _ = text[: max(width - 1, 0)].rpartition(" ")
    return f"{_PUNCTUATION.sub('', words)} {_CUT}" if space else cut(text, width)
