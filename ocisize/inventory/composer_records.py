"""The packages of composer: ``vendor/composer/installed.json``, which composer writes whenever it changes ``vendor``.

Format: https://getcomposer.org/doc/07-runtime.md and ``FilesystemRepository``. Composer 1 writes a list of packages,
composer 2 an object with the names of packages for development, and the directory of each package relative to
``vendor/composer``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ocisize.inventory.record import Ecosystem, PackageRecord
from ocisize.inventory.record_limits import Relations
from ocisize.inventory.text_fields import keys_of, load_json_of_tool, load_object, object_of, resolve, text_of, texts_of
from ocisize.layer.kept_files import COMPOSER_INSTALLED, COMPOSER_JSON
from ocisize.model.packages import COMPOSER
from ocisize.tar.paths import join
from ocisize.values import evolve


def is_composer_database(path: bytes) -> bool:
    """Whether a file lists the packages of a ``vendor`` directory, or those that a project asks for.

    >>> is_composer_database(b"app/vendor/composer/installed.json"), is_composer_database(b"app/composer.json")
    (True, True)
    """
    return path in (COMPOSER_INSTALLED, COMPOSER_JSON) or path.endswith((b"/" + COMPOSER_INSTALLED, b"/" + COMPOSER_JSON))


def read_composer(files: Mapping[bytes, bytes]) -> Iterator[PackageRecord]:
    """The packages of all projects; ``place`` is the directory of the project.

    >>> text = b'{"packages": [{"name": "psr/log", "version": "3.0.0", "install-path": "../psr/log"}], "dev": true,'
    >>> [found] = read_composer({b"app/vendor/composer/installed.json": text + b'"dev-package-names": ["psr/log"]}'})
    >>> found.name, found.directories, found.is_development
    ('psr/log', (b'app/vendor/psr/log',), True)
    """
    relations = Relations()
    for path in sorted(files):
        if not path.endswith(COMPOSER_INSTALLED):
            continue
        project = path[: -len(COMPOSER_INSTALLED)].rstrip(b"/")
        asked = _names_asked(files.get(join(project, COMPOSER_JSON)))
        document = load_json_of_tool(files[path])
        packages = document if isinstance(document, list) else object_of(document).get("packages")
        development = frozenset(texts_of(object_of(document).get("dev-package-names")))
        for package in packages if isinstance(packages, list) else ():
            record = _read_package(path, object_of(package), development, relations)
            if record is not None:
                yield record if asked is None else evolve(record, is_automatic=record.name not in asked)
    relations.check()


def _names_asked(content: bytes | None) -> frozenset[str] | None:
    """The packages that a project's ``composer.json`` names; None if it is not there."""
    if content is None:
        return None
    document = load_object(content)
    return frozenset(name.lower() for key in ("require", "require-dev") for name in keys_of(document.get(key)))


def _read_package(
    path: bytes, package: Mapping[str, Any], development: frozenset[str], relations: Relations
) -> PackageRecord | None:
    name = text_of(package.get("name"))
    if not name:
        return None
    project = path[: -len(COMPOSER_INSTALLED)].rstrip(b"/")
    directory = _directory(project, name, package)
    names_of_others = (relations.take(keys_of(package.get(key)), path) for key in ("provide", "replace"))
    # names without a slash are of PHP, its extensions and system libraries
    needed = [needed for needed in relations.take(keys_of(package.get("require")), path) if "/" in needed]
    return PackageRecord(
        ecosystem=COMPOSER,
        name=name.lower(),
        version=text_of(package.get("version")),
        database=path,
        place=project,
        directories=(directory,) if directory is not None else (),
        vendor=name.partition("/")[0] if "/" in name else "",
        licenses=tuple(texts_of(package.get("license"))),
        requires=tuple((needed_name.lower(),) for needed_name in needed),
        provides=tuple(provided.lower() for names in names_of_others for provided in names),
        is_development=name in development,
    )


def _directory(project: bytes, name: str, package: Mapping[str, Any]) -> bytes | None:
    """The directory of a package within its project; None for a package without files."""
    vendor = join(project, b"vendor")
    listed = package.get("install-path", f"../{name}")
    if not isinstance(listed, str):
        return None  # a package that only requires others
    path = resolve(join(vendor, b"composer"), listed.encode(errors="surrogatepass"))
    is_inside = path is not None and path.startswith(project + b"/" if project else b"")
    return path if is_inside and path not in (vendor, join(vendor, b"composer")) else None


ECOSYSTEM = Ecosystem("composer", is_composer_database, read_composer)
