"""Standard streams for terminals that do not show UTF-8: signs of reports become ASCII, with the columns kept.

A stream gets such a codec, so that the help, errors and reports need not know where they are shown. Other characters
that the encoding lacks, such as those of names in an image, become escapes.
"""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

from ocisize.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Mapping

_PREFIX = "ocisize_"  # of the codecs
_SIGNS = (
    ("·", "-"), ("→", "->"), ("≈", "~"), ("\N{MULTIPLICATION SIGN}", "x"), ("≥", ">="), ("≤", "<="), ("±", "+-"), ("µ", "u"),
    ("─\N{MINUS SIGN}\N{EN DASH}", "-"), ("├│", "|"), ("└", "`"), ("█▉▊▋▌", "#"), ("▍▎▏\N{NO-BREAK SPACE}", " "), ("░", "."),
)  # fmt: skip
_ASCII = str.maketrans({sign: text for signs, text in _SIGNS for sign in signs})
# With the columns of a cut word, or of the padding behind; never with characters of the code of a color.
_CUT = lazy_pattern(r"(\x1b\[[\d;]*m[^\s…]?)…|(?<=[^\s/….])[^\s/….]{2}…|…(?:  (?=  ))?")
_ARROW = lazy_pattern(r"→(\S*) (?=  )")  # with a column of the padding behind the word
_COERCED = ("C.UTF-8", "C.utf8", "UTF-8")  # what Python sets LC_CTYPE to in the locale C


def to_ascii(text: str) -> str:
    """Return a text with the signs of reports in ASCII; tables keep their columns where a cut text leaves room.

    >>> to_ascii("1.59 MB · ≈ 2 MB → RUN make ins…  12 MB"), to_ascii("… and 3 more, /usr/…/numpy")
    ('1.59 MB - ~ 2 MB -> RUN make i...  12 MB', '... and 3 more, /usr/.../numpy')
    """
    return _ARROW.sub(r"->\1", _CUT.sub(r"\1...", text)).translate(_ASCII)


def find_encoding(encoding: str, environment: Mapping[str, str]) -> str | None:
    """Return the encoding of a terminal that does not show UTF-8; None if it does.

    Args:
        encoding: that of the stream, which Python makes UTF-8 in the locale C.
        environment: its first locale variable that is set decides; without any, terminals are taken to show UTF-8.

    >>> find_encoding("utf-8", {"LANG": "C"}), find_encoding("latin-1", {}), find_encoding("utf-8", {"LANG": "de_DE.UTF-8"})
    ('ascii', 'iso8859-1', None)

    """
    name = codecs.lookup(encoding).name
    if name != "utf-8":
        return None if name.startswith(_PREFIX) else name
    if environment.get("PYTHONUTF8") == "1" or "PYTHONIOENCODING" in environment:
        return None
    values = [environment.get(variable) for variable in ("LC_ALL", "LC_CTYPE", "LANG")]
    if values[1] in _COERCED:
        values[1] = None
    locale = next(filter(None, values), "")
    return "ascii" if locale in ("C", "POSIX") else None


def ascii_codec(encoding: str) -> str:
    """Return the name of a codec that writes the signs of reports in ASCII, and all else in ``encoding`` or as escapes."""
    return f"{_PREFIX}{encoding}"


def _find_codec(name: str) -> codecs.CodecInfo | None:
    if not name.startswith(_PREFIX):
        return None
    encoding = name.removeprefix(_PREFIX)

    class Encoder(codecs.IncrementalEncoder):
        def encode(self, text: str, final: bool = False) -> bytes:  # noqa: ARG002, FBT001, FBT002 - as codecs calls it
            return to_ascii(text).encode(encoding, self.errors)

    def encode(text: str, errors: str = "strict") -> tuple[bytes, int]:
        return to_ascii(text).encode(encoding, errors), len(text)

    usual = codecs.lookup(encoding)
    return codecs.CodecInfo(
        encode, usual.decode, incrementalencoder=Encoder, incrementaldecoder=usual.incrementaldecoder, name=name
    )


codecs.register(_find_codec)
