"""Build steps from the history of an image: paired with the layers, in the words of a Dockerfile, secrets redacted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ocisize.history.redact import redact
from ocisize.model.build_step import BuildStep
from ocisize.oci.documents import History
from ocisize.patterns import lazy_pattern
from ocisize.tuples import NamedTuple
from ocisize.values import evolve

_ARGUMENTS = r"(?:RUN\s+)?(?:\|\d+\s(?:.*?\s)??)?"  # |N K=V …, whose values may hold blanks
_SHELLS = (
    r"/(?:[^\s/]+/)*(?:env\s+)?(?:ba|da|a|k|z)?sh(?:\s+--?\w[\w-]*(?:\s+(?:pipefail|errexit|nounset))?)*?\s+-\w*c",
    r"cmd(?:\.exe)?\s+/S\s+/C",
    r"(?:powershell|pwsh)(?:\.exe)?(?:\s+-(?!Command)\w+(?:\s+\w+)?)*?\s+-Command",
)
_USUAL_SHELLS = ("/bin/sh -c ", "RUN /bin/sh -c ")  # need no pattern, whose compilation takes 1 ms
_SHELL = lazy_pattern(f"{_ARGUMENTS}(?:{'|'.join(_SHELLS)})\\s+", re.DOTALL | re.IGNORECASE)
_USUAL_NOP = "/bin/sh -c #(nop)"
_NOP = rf"(?si)(?:{_SHELL.pattern})?(?:\$[^#\n]*;\s*)?#\(nop\)\s*"  # compiled where a step has the word
_FILE_HASH = re.compile(r"\b(file|dir|multi):([0-9a-f]{12})[0-9a-f]{52}")
_ID = lazy_pattern(r"\b(sha256):([0-9a-f]{12})[0-9a-f]{52}")
_STORE_PATH = lazy_pattern(r"/nix/store/[a-z0-9]{32}-([^'\s,\]]+)")
_CONTINUATION = re.compile(r"\\[ \t\r]*\n")
_ARGUMENT_COUNT = lazy_pattern(r"\|(\d+)\s")
_MAX_TEXT = 4096  # characters of a step that are parsed; some expressions above are quadratic
_COMMENTING_BUILDERS = ("ko build", "jib-")  # say more in the comment than in created_by


class LayerHistory(NamedTuple):
    """What an image's history says about one layer."""

    build_step: BuildStep = BuildStep()
    created_by: str = ""  #: the text of the build step as the builder wrote it, secrets redacted
    created: str = ""  #: RFC 3339
    certain: bool = True  #: False when there are more or fewer history entries than layers


class Leak(NamedTuple):
    """A build step whose text has secrets in it."""

    step: BuildStep
    secrets: tuple[str, ...]  #: their names, see ``Redacted``
    layer: int | None  #: index of the layer that the step made; None if it made none


def match_history(history: Sequence[History], layers: int) -> tuple[LayerHistory, ...]:
    """Pair the history entries that made a layer with the layers of an image, base first.

    If there are more entries than layers, the last entries are ignored; if there are fewer, the top layers get an unknown
    build step. BuildKit repairs both cases in the same way. In both cases no pair is ``certain``.

    ``layers`` is the number of layers in the manifest; the result has that length.

    >>> history = [History(created_by="COPY . /app # buildkit"), History(created_by="CMD run", empty_layer=True)]
    >>> [str(layer.build_step) for layer in match_history(history, 1)]
    ['COPY . /app']
    """
    owning = [entry for entry in history if not entry.empty_layer]
    certain = len(owning) == layers
    paired = [
        LayerHistory(describe(entry), redact(entry.created_by).text, entry.created, certain) for entry in owning[:layers]
    ]
    return (*paired, *[LayerHistory(certain=False)] * (layers - len(paired)))


def find_leaks(history: Sequence[History], layers: int) -> Iterator[Leak]:
    """Find the build steps with secrets in them, with or without a layer. ``layers`` is the number of layers.

    >>> history = [History(created_by="ARG NPM_TOKEN=abc-123", empty_layer=True)]
    >>> next(find_leaks(history, 1))
    Leak(step=BuildStep(text='ARG NPM_TOKEN=<redacted>'), secrets=('NPM_TOKEN',), layer=None)
    """
    layer = 0
    for entry in history:
        secrets = dict.fromkeys(name for text in (entry.created_by, entry.comment) for name in redact(text).secrets)
        if secrets:
            yield Leak(describe(entry), tuple(secrets), layer if not entry.empty_layer and layer < layers else None)
        layer += not entry.empty_layer


def describe(entry: History) -> BuildStep:
    """Return the build step of a history entry, on one line and with secrets redacted, whichever builder wrote it.

    >>> describe(History(created_by="/bin/sh -c #(nop) COPY dir:0123 in /app"))
    BuildStep(text='COPY dir:0123 in /app')
    >>> describe(History(created_by="|1 VERSION=3 /bin/sh -c make $VERSION"))
    BuildStep(text='RUN make $VERSION')
    >>> describe(History(created_by="RUN /bin/sh -c curl -H 'X-Api-Key: s3cret-5678' x.org # buildkit"))
    BuildStep(text="RUN curl -H 'X-Api-Key: <redacted>' x.org")
    """
    entry = evolve(entry, created_by=redact(entry.created_by).text, comment=redact(entry.comment).text)
    created_by, comment = _cut(entry.created_by), _cut(entry.comment)
    if not created_by:
        return BuildStep(_describe_comment(entry))
    if any(created_by.startswith(mark) for mark in _COMMENTING_BUILDERS) and comment:
        return BuildStep(_one_line(f"{created_by}: {comment}"))
    text = created_by.removesuffix("# buildkit").rstrip()
    if (instruction := _after_nop(text)) is not None:
        text = instruction
    elif (command := _after_shell(text)) is not None:
        text = f"RUN {command}"
    elif text.startswith("|"):
        text = f"RUN {_after_arguments(text)}"
    elif text.startswith("RUN |"):
        text = f"RUN {_after_arguments(text[4:])}"
    return BuildStep(_one_line(_FILE_HASH.sub(r"\1:\2…", text)))


def _cut(text: str) -> str:
    """A text of parsable length; the mark at its end says that there was more."""
    text = text.strip()
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT].strip()}…"


def _describe_comment(entry: History) -> str:
    """The text of a step without a command: of nix the store paths, else the comment of the builder, else its author."""
    comment = entry.comment.strip()
    names = _STORE_PATH.findall(comment)
    if names:
        return _one_line(f"nix: {', '.join(names)}")
    if comment:
        return _one_line(_ID.sub(r"\1:\2…", comment))
    return f"({_one_line(entry.author)})" if entry.author.strip() else ""


def _after_nop(text: str) -> str | None:
    """The instruction behind ``#(nop)``; None without it."""
    if text.startswith(_USUAL_NOP):
        return text[len(_USUAL_NOP) :].lstrip()
    match = re.match(_NOP, text) if "(nop)" in text.lower() else None
    return text[match.end() :] if match else None


def _after_shell(text: str) -> str | None:
    """The command that a shell runs; None if the text names no shell."""
    for usual in _USUAL_SHELLS:
        if text.startswith(usual):
            return text[len(usual) :].lstrip()
    match = _SHELL.match(text) if _may_name_shell(text) else None
    return text[match.end() :] if match else None


def _may_name_shell(text: str) -> bool:
    """Whether a text has the letters of a shell and of its option."""
    text = text.casefold()  # IGNORECASE also takes U+017F for an "s"
    return ("sh" in text and "-" in text) or ("cmd" in text and "/s" in text)


def _after_arguments(text: str) -> str:
    """The command behind ``|N K=V …`` if it runs without a shell; values with blanks cannot be recognized."""
    match = _ARGUMENT_COUNT.match(text)
    if not match:
        return text
    words = text[match.end() :].split(" ")
    return " ".join(words[int(match[1]) :]) or text


def _one_line(text: str) -> str:
    return " ".join(_CONTINUATION.sub(" ", text).split())
