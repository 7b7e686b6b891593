"""Part: one piece of an excerpt; and the form in which excerpts are kept, which names the kinds of its parts."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from ocisize.tuples import NamedTuple

GO_BUILD_INFO = b"G"  #: the version of Go, a newline, and the modules as ``go version -m`` prints them
RUST_CRATES = b"R"  #: the JSON of cargo-auditable
ELF_NOTE = b"N"  #: the JSON of ``.note.package``
JAR = b"J"  #: a jar that was read, without data; it comes before what was found in it
POM_PROPERTIES = b"P"  #: ``groupId=``, ``artifactId=`` and ``version=`` of Maven, a line each
MANIFEST = b"M"  #: attributes of a jar's manifest, a line each

_HEADER = struct.Struct(">cHI")  # kind, bytes of the name, bytes of the data
_MAX_NAME = (1 << 16) - 1
NESTED = b"!/"  #: between the names of nested jars, as in URLs of Java


class Part(NamedTuple):
    """One piece of an excerpt."""

    kind: bytes  #: one of the constants of this module
    name: bytes  #: of the nested jar it is from, relative to the file, ``!/`` between several; b"" is the file itself
    data: bytes


def packed_size(part: Part) -> int:
    """How many bytes a part takes in an excerpt."""
    return _HEADER.size + len(part.name) + len(part.data)


def pack_part(part: Part) -> bytes:
    """Return a part as bytes of an excerpt, which are its parts one after the other; names are cut to 65,535 bytes.

    >>> list(unpack_parts(pack_part(Part(JAR, b"", b"")) + pack_part(Part(JAR, b"lib/a.jar", b""))))
    [Part(kind=b'J', name=b'', data=b''), Part(kind=b'J', name=b'lib/a.jar', data=b'')]
    """
    name = part.name[:_MAX_NAME]
    return _HEADER.pack(part.kind, len(name), len(part.data)) + name + part.data


def unpack_parts(excerpt: bytes) -> Iterator[Part]:
    """The parts of an excerpt; one that is cut ends them, since excerpts in a cache are not trusted."""
    position = 0
    while position + _HEADER.size <= len(excerpt):
        kind, name_size, data_size = _HEADER.unpack_from(excerpt, position)
        start = position + _HEADER.size
        position = start + name_size + data_size
        if position > len(excerpt):
            return
        yield Part(kind, excerpt[start : start + name_size], excerpt[start + name_size : position])
