"""The packages of RubyGems: the names of the files in ``specifications`` say everything that is needed.

Layout: https://guides.rubygems.org/command-reference/ and ``Gem::BasicSpecification``; a gem is in ``gems/NAME-VERSION``,
its compiled parts in ``extensions/PLATFORM/ABI/NAME-VERSION``, its documentation in ``doc/NAME-VERSION``, and the archive
that it was installed from in ``cache/NAME-VERSION.gem``. The platform follows the version, as in
``nokogiri-1.18.0-x86_64-linux-gnu``.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping

from ocisize.inventory.record import Ecosystem, PackageRecord
from ocisize.inventory.text_fields import PathList
from ocisize.model.packages import GEM
from ocisize.patterns import lazy_pattern
from ocisize.tar.paths import join

_SPECIFICATION, _BUILT = b".gemspec", b"/gem.build_complete"  # the second one RubyGems writes for compiled parts
_MAX_NAME = 255  # bytes; no filesystem has longer names
_FOLDER = lazy_pattern(rb"(?:(.*)/)?specifications(?:/default)?", re.DOTALL)
# A checkout of git that Bundler has installed, with its specifications: group 1 is its directory, group 2 the place
_CHECKOUT = lazy_pattern(rb"((?:(.*)/)?bundler/gems/[^/]+-[0-9a-f]{7,40})", re.DOTALL)
_EXTENSION = lazy_pattern(rb"((?:.*/)?extensions/[^/]+/[^/]+)/([^/]+)", re.DOTALL)
_PLATFORM = (
    rb"(?:aarch64|amd64|arm|i\d86|java|jruby|mingw|mips|mswin|powerpc|ppc|riscv|s390|sparc|universal|wasm|x64|x86)[\w.-]*"
)
_FULL_NAME = lazy_pattern(rb"(.+?)-(\d[0-9A-Za-z.]*)(?:-(%b))?" % _PLATFORM, re.DOTALL)


def is_gem_database(path: bytes) -> bool:
    """Whether a file is the specification of an installed gem, or says that its extensions are compiled.

    >>> is_gem_database(b"usr/local/bundle/specifications/rack-3.0.8.gemspec")
    True
    >>> is_gem_database(b"usr/local/bundle/gems/rack-3.0.8/rack.gemspec")
    False
    """
    if path.endswith(_BUILT):
        return _EXTENSION.fullmatch(path[: -len(_BUILT)]) is not None
    directory = path.rpartition(b"/")[0]
    return path.endswith(_SPECIFICATION) and (_FOLDER.fullmatch(directory) or _CHECKOUT.fullmatch(directory)) is not None


def read_gems(files: Mapping[bytes, bytes]) -> Iterator[PackageRecord]:
    """The gems of all directories that gems are installed in; ``place`` is that directory.

    >>> [gem] = read_gems({b"bundle/specifications/json-2.7.1-java.gemspec": b""})
    >>> gem.name, gem.version, gem.qualifiers, gem.directories
    ('json', '2.7.1', {'platform': 'java'}, (b'bundle/gems/json-2.7.1-java', b'bundle/doc/json-2.7.1-java'))
    """
    extensions: dict[tuple[bytes, bytes], list[bytes]] = defaultdict(list)  # directories by place and full name
    for path in sorted(files):
        if path.endswith(_BUILT) and (match := _EXTENSION.fullmatch(path[: -len(_BUILT)])) is not None:
            place = match[1].rsplit(b"/", 3)[0] if match[1].count(b"/") > 2 else b""  # extensions/PLATFORM/ABI
            extensions[place, match[2]].append(match[0])
    for path in sorted(files):
        directory, _, name = path.rpartition(b"/")
        if (checkout := _CHECKOUT.fullmatch(directory)) is not None and name.endswith(_SPECIFICATION):
            yield PackageRecord(
                ecosystem=GEM,
                name=_text(name[: -len(_SPECIFICATION)]),
                version="",
                database=path,
                place=checkout[2] or b"",
                directories=(directory,),
            )
            continue
        folder = _FOLDER.fullmatch(directory)
        if folder is None or not name.endswith(_SPECIFICATION) or len(name) > _MAX_NAME:
            continue
        place, full_name = folder[1] or b"", name[: -len(_SPECIFICATION)]
        parts = _FULL_NAME.fullmatch(full_name)
        if parts is None:
            continue
        platform = _text(parts[3] or b"")
        yield PackageRecord(
            ecosystem=GEM,
            name=_text(parts[1]),
            version=_text(parts[2]),
            database=path,
            place=place,
            list_files=PathList(
                [path, *(join(place, part % full_name) for part in (b"cache/%b.gem", b"build_info/%b.info"))]
            ),
            directories=(
                join(place, b"gems/" + full_name),
                *extensions.get((place, full_name), ()),
                join(place, b"doc/" + full_name),
            ),
            architecture=platform,
            qualifiers={"platform": platform} if platform else {},
        )


def _text(name: bytes) -> str:
    return name.decode(errors="backslashreplace")


ECOSYSTEM = Ecosystem("gem", is_gem_database, read_gems, (_SPECIFICATION, _BUILT))
