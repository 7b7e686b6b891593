"""Executables and jars of any bytes, and excerpts of any bytes."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from ocisize.excerpts.collect import Excerpts
from ocisize.excerpts.parts import pack_part
from ocisize.inventory.excerpts import read_excerpt
from ocisize.model.packages import ECOSYSTEMS
from tests.excerpts.reading import read_in_pieces, read_needed, read_whole
from tests.fuzz.oracle import Harness, same
from tests.programs import crates, go_program, make_jar, manifest, pom, rust_program, spring_boot_jar

_MODE = 0o755
_PATHS = {"elf": b"usr/bin/app", "jar": b"srv/app.jar", "excerpt": b"srv/app-1.0.jar"}
_MODULES = b"path\tx.org/a\nmod\tx.org/a\t(devel)\t\ndep\tx.org/b\tv2.0.0\th1:x\n=>\tx.org/c\tv3.0.0\nbuild\t-ldflags=-X main.version=1.0\n"
_CRATES = crates({"name": "app", "version": "1.0.0", "root": True}, {"name": "cc", "version": "1.0.0", "kind": "build"})
_LIBRARY = make_jar(
    {**manifest(Bundle_SymbolicName="org.x.lib", Bundle_Version="1"), **pom("org.x", "lib", "1.0"), "A.class": b"x"}
)


@functools.cache
def _seeds(name: str) -> Sequence[bytes]:
    if name == "elf":
        forms = [(64, "<"), (64, ">"), (32, "<"), (32, ">")]
        programs = [go_program(_MODULES, size=1, bits=bits, order=order) for bits, order in forms]
        return [*programs, *(rust_program(_CRATES, size=1, bits=bits, order=order) for bits, order in forms)]
    war = {"WEB-INF/lib/lib-1.0.jar": _LIBRARY}
    jars = [_LIBRARY, spring_boot_jar({"lib-1.0.jar": _LIBRARY}), make_jar(war), make_jar(war, streamed=True)]
    if name == "jar":
        return jars
    return [_excerpt_of(name, data) for data in (*jars, *_seeds("elf"))]


def _excerpt_of(name: str, data: bytes) -> bytes:
    excerpts = Excerpts()
    readers = (excerpts.open(_PATHS[kind], 1 << 20, _MODE) for kind in ("jar", "elf"))
    return b"".join(pack_part(part) for reader in readers if reader is not None for part in read_whole(reader, data))


def run(name: str, data: bytes) -> None:
    """Pieces of any size have one excerpt, and records have names and own no other file."""
    path = _PATHS[name]
    excerpt = data
    if name != "excerpt":
        pieces, whole = [], []
        for seed in range(2):
            reader = Excerpts().open(path, max(len(data), 1 << 20), _MODE)
            assert reader is not None
            pieces.append(read_in_pieces(reader, data, seed))
        for read in (read_whole, lambda reader, data: read_needed(reader, data)[0]):
            reader = Excerpts().open(path, max(len(data), 1 << 20), _MODE)
            assert reader is not None
            whole.append(read(reader, data))
        same(*pieces, *whole)
        excerpt = b"".join(map(pack_part, whole[0]))
        assert len(excerpt) < 1 << 19
    for record in read_excerpt(path, excerpt, with_notes=True):
        assert record.name and record.ecosystem in ECOSYSTEMS and record.database == path
        assert set(record.list_files()) <= {path}


_TOKENS = (
    b"PK\x03\x04", b"\x7fELF", b"\xff Go buildinf:", b".dep-v0", b"!/", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x08\0\x08\0", b"=>\t", b"dep\t",
    b"META-INF/MANIFEST.MF", b"META-INF/maven/a/b/pom.properties", b"lib/a.jar", b"J\0\0\0\0\0\0", b"groupId=", b'{"packages":[',
)  # fmt: skip
HARNESSES = {
    f"excerpt-{name}" if name != "excerpt" else name: Harness(
        functools.partial(run, name), functools.partial(_seeds, name), _TOKENS, quick=400
    )
    for name in _PATHS
}
