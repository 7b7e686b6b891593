"""The packages of conda environments: one document for each package in ``conda-meta``.

Format: ``PrefixRecord``, https://docs.conda.io/projects/conda/en/stable/dev-guide/api/conda/models/records/index.html;
mamba, micromamba and pixi write the same. ``depends`` has match specifications:
https://docs.conda.io/projects/conda/en/stable/user-guide/concepts/pkg-specs.html.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from ocisize.inventory.record import Ecosystem, PackageRecord
from ocisize.inventory.record_limits import Relations
from ocisize.inventory.text_fields import PathList, load_object, object_of, text_of, texts_of
from ocisize.layer.kept_files import CONDA_FOLDER
from ocisize.model.packages import CONDA
from ocisize.patterns import lazy_pattern
from ocisize.values import evolve

_NAME = lazy_pattern(r"(?:[^\s:]*::)?([A-Za-z0-9_][A-Za-z0-9_.-]*)")  # of a match specification, which may name a channel


def is_conda_database(path: bytes) -> bool:
    """Whether a file lists a package of an environment.

    >>> is_conda_database(b"opt/conda/conda-meta/zlib-1.3.1-h4ab18f5_1.json")
    True
    """
    directory, _, name = path.rpartition(b"/")
    return name.endswith(b".json") and directory.rpartition(b"/")[2] == CONDA_FOLDER


def read_conda(files: Mapping[bytes, bytes]) -> Iterator[PackageRecord]:
    """The packages of all environments; ``place`` is the directory of the environment.

    >>> document = b'{"name": "zlib", "version": "1.3.1", "files": ["lib/libz.so"], "depends": ["libzlib 1.3.1 h4_1"]}'
    >>> [found] = read_conda({b"opt/conda/conda-meta/zlib-1.3.1-h4_1.json": document})
    >>> found.name, found.requires, list(found.list_files())
    ('zlib', (('libzlib',),), [b'opt/conda/conda-meta/zlib-1.3.1-h4_1.json', b'opt/conda/lib/libz.so'])
    """
    environments: dict[bytes, list[bytes]] = defaultdict(list)
    for path in sorted(files):
        environments[path.rpartition(b"/")[0][: -len(CONDA_FOLDER)].rstrip(b"/")].append(path)
    relations = Relations()
    for place, paths in sorted(environments.items()):
        records: list[PackageRecord] = []
        asked: set[bytes] = set()
        for path in paths:
            document = load_object(files[path])
            if _is_asked(document):
                asked.add(path)
            record = _read_package(place, path, document, relations)
            if record is not None:
                records.append(record)
        for record in records:
            yield evolve(record, is_automatic=record.database not in asked) if asked else record
    relations.check()


def _is_asked(document: Mapping[str, Any]) -> bool:
    """Whether a command named the package."""
    specs = {*texts_of(document.get("requested_spec")), *texts_of(document.get("requested_specs"))}
    return bool(specs - {"None"})


def _read_package(place: bytes, path: bytes, document: Mapping[str, Any], relations: Relations) -> PackageRecord | None:
    name, version = text_of(document.get("name")), text_of(document.get("version"))
    if not name:
        return None
    qualifiers = {
        "build": text_of(document.get("build")),
        "channel": _channel_name(text_of(document.get("channel"))),
        "subdir": text_of(document.get("subdir")),
    }
    return PackageRecord(
        ecosystem=CONDA,
        name=name,
        version=version,
        database=path,
        place=place,
        list_files=PathList(_listed_files(path, document), place),
        architecture=qualifiers["subdir"],
        licenses=tuple(texts_of(document.get("license"))),
        qualifiers={key: value for key, value in qualifiers.items() if value},
        requires=tuple((needed,) for needed in dict.fromkeys(relations.take(_needed(document), path))),
    )


def _listed_files(path: bytes, document: Mapping[str, Any]) -> Iterator[bytes]:
    """The document itself, and the files of the package in its environment, which it lists once or twice."""
    yield b"/" + path
    listed = document.get("files")
    if not isinstance(listed, list) or not listed:
        rows = object_of(document.get("paths_data")).get("paths")
        listed = [object_of(row).get("_path") for row in rows] if isinstance(rows, list) else []
    for value in listed:
        if isinstance(value, str) and value:
            yield value.encode(errors="surrogatepass")


def _needed(document: Mapping[str, Any]) -> Iterator[str]:
    """The names of packages that a package needs; ``__glibc`` and its like are properties of the system."""
    for spec in texts_of(document.get("depends")):
        match = _NAME.match(spec)
        if match is not None and not match[1].startswith("__"):
            yield match[1].lower()


def _channel_name(channel: str) -> str:
    """The last part of a channel's address before the platform; addresses can have passwords.

    >>> _channel_name("https://conda.anaconda.org/conda-forge/linux-64"), _channel_name("defaults")
    ('conda-forge', 'defaults')
    """
    parts = [part for part in channel.split("/") if part]
    if "://" in channel and len(parts) > 2:
        return parts[-2] if len(parts) > 3 and ("-" in parts[-1] or parts[-1] == "noarch") else parts[-1]
    return parts[-1] if parts and "@" not in parts[-1] else ""


ECOSYSTEM = Ecosystem("conda", is_conda_database, read_conda)
