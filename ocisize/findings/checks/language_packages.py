"""Findings on packages of Python and npm that are installed more often than a program can use them.

Files of equal content are findings of ``duplicates``. Here are packages in several versions, and packages that replace each
other.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import compress
from typing import TypeAlias

from ocisize.findings.checks.cuda_libraries import OF_CUDA, find_cuda
from ocisize.findings.checks.installed_packages import (
    NpmVersion,
    RowsByLayer,
    find_npm_rows,
    read_python,
    size_of,
    visible_contents,
)
from ocisize.findings.checks.listed_files import find_listed_rows
from ocisize.findings.checks.npm_manifests import NpmPlace, find_manifests
from ocisize.findings.checks.package_claims import split_claims
from ocisize.findings.checks.package_kinds import load_exclusive_packages
from ocisize.findings.claim import Claim
from ocisize.findings.evidence import ImageEvidence
from ocisize.findings.explanations import Check, explain
from ocisize.inventory.ecosystems import find_contents
from ocisize.inventory.record import PackageRecord
from ocisize.packages.npm import NODE_MODULES
from ocisize.patterns import lazy_pattern
from ocisize.text import count_of, decode_name

_Places: TypeAlias = "tuple[bytes, bytes]"  # two directories with packages, sorted
_MAX_NAMES = 3  # packages in a title
_MAX_PLACES = 5  # pairs of places with a finding of their own
_MIN_SHARE = 0.005  # of the content; smaller packages in several versions are no finding
_TOOLS = frozenset(("pip", "setuptools", "wheel", "pkg-resources"))  # that each environment has
_DIST_INFO = lazy_pattern(rb"((?:.*/)?)([^/-]+)-([^/]+)\.dist-info/[^/]+", re.DOTALL)
_DIST_INFO_PART = b".dist-info/"
_SEPARATORS = lazy_pattern(r"[-_.]+")
_MAJOR = lazy_pattern(r"\d{1,9}(?=\.)")
_NUMBERS = lazy_pattern(r"\d{1,18}")


def find_language_packages(evidence: ImageEvidence) -> Iterator[Claim]:
    """Claims for packages of Python and npm that exclude or repeat each other, and for libraries of CUDA."""
    contents = visible_contents(evidence)
    if names := _python_names(contents):
        wanted = {match[0].rpartition(b"/")[0] for match in _distributions(contents) if _name_of(match) in names}
        python = read_python({path: contents[path] for path in contents if path.rpartition(b"/")[0] in wanted})
        yield from _exclusive(evidence, python)
        yield from _several_versions(evidence, python)
        yield from find_cuda(evidence, python)
    if packages := _repeated_packages(evidence):
        yield from _nested_versions(evidence, packages)


def _python_names(contents: Iterable[bytes]) -> set[str]:
    """The names of packages of Python that can lead to a finding, by the names of the directories of their records."""
    installed: dict[str, set[tuple[bytes, bytes]]] = defaultdict(set)  # by name: places and versions
    for match in _distributions(contents):
        installed[_name_of(match)].add((match[1], match[3]))
    names = {
        name
        for name, found in installed.items()
        if len({place for place, _ in found}) > 1 and len({version for _, version in found}) > 1
    }
    names -= _TOOLS
    names.update(name for name in installed if OF_CUDA.fullmatch(name))
    for group in load_exclusive_packages():
        if len(found := installed.keys() & set(group.names)) > 1:
            names |= found
    return names


def _distributions(contents: Iterable[bytes]) -> Iterator[re.Match[bytes]]:
    """The records of packages of Python among some paths."""
    return (match for path in contents if _DIST_INFO_PART in path and (match := _DIST_INFO.fullmatch(path)) is not None)


def _name_of(match: re.Match[bytes]) -> str:
    """The normalized name of a package of Python."""
    return _SEPARATORS.sub("-", match[2].decode("utf-8", "replace")).lower()


def _repeated_packages(evidence: ImageEvidence) -> dict[bytes, list[NpmVersion]]:
    """The packages of npm that one project has at several places, by the outermost ``node_modules``."""
    places: dict[NpmPlace, list[tuple[int, int]]] = defaultdict(list)  # layers and rows of their package.json
    manifests, contents = list(map(find_manifests, evidence.tables)), list(map(find_contents, evidence.tables))
    for layer, (of_layer, hidden_by) in enumerate(zip(manifests, evidence.overlay.hidden_by, strict=True)):
        for row, place in of_layer.places.items():
            if hidden_by[row] < 0 and row in contents[layer]:
                places[place].append((layer, row))
    packages: dict[bytes, list[NpmVersion]] = defaultdict(list)
    for place, found in places.items():
        for layer, row in found if len(found) > 1 else ():
            name, version = manifests[layer].read_version(row, contents[layer][row])
            if version:
                packages[place.holder].append(NpmVersion(name, version, layer, row))
    return packages


def _exclusive(evidence: ImageEvidence, python: Sequence[PackageRecord]) -> Iterator[Claim]:
    """Claims for packages of one environment that install the same modules: what only the one that goes lists."""
    by_place: dict[bytes, dict[str, PackageRecord]] = defaultdict(dict)
    for record in python:
        by_place[record.place][record.name] = record
    for place, named in sorted(by_place.items()):
        for group in load_exclusive_packages():
            found = [named[name] for name in group.names if name in named]
            if len(found) < 2:
                continue
            kept, *others = found
            paths: dict[tuple[int, int], bytes] = {}
            for layers in find_listed_rows(evidence, others).values():
                for layer, chosen in layers.items():
                    places = ((layer, row) for row in chosen)
                    paths.update(zip(places, evidence.tables[layer].paths.select(chosen), strict=True))
            shared = frozenset(paths.values()).intersection(kept.list_files())
            rows: dict[int, list[int]] = defaultdict(list)
            for (layer, row), path in paths.items():
                if path not in shared:
                    rows[layer].append(row)
            rule = explain(Check.EXCLUSIVE_PACKAGES)
            title = partial(rule.title_of, names=" and ".join(record.name for record in found), where=_shown(place))
            yield from split_claims(evidence, Check.EXCLUSIVE_PACKAGES, title, rows, group.fix)


def _several_versions(evidence: ImageEvidence, python: Sequence[PackageRecord]) -> Iterator[Claim]:
    """Claims for packages of Python that two environments have in different versions: the smaller installation."""
    by_name: dict[str, list[PackageRecord]] = defaultdict(list)
    for record in python:
        if record.name not in _TOOLS:
            by_name[record.name].append(record)
    repeated = [
        records
        for records in by_name.values()
        if len({record.place for record in records}) > 1 and len({record.version for record in records}) > 1
    ]
    if not repeated:
        return
    rows = find_listed_rows(evidence, (record for records in repeated for record in records))
    groups: dict[_Places, list[PackageRecord]] = defaultdict(list)
    for records in repeated:
        sizes = {record: size_of(evidence, rows[record]) for record in records}
        kept, *others = sorted(records, key=lambda record: (-sizes[record], record.place, record.version))
        for record in others:
            if record.version != kept.version:
                groups[min(kept.place, record.place), max(kept.place, record.place)].append(record)
    yield from _claims_by_group(evidence, groups, rows, _fix_of_places)


def _fix_of_places(places: _Places, names: str) -> str:
    one, other = map(_shown, places)
    if one == other:
        return f"Install one version of {names} in {one}."
    return f"Install one version of {names}, into {one} or into {other}."


def _nested_versions(evidence: ImageEvidence, npm: Mapping[bytes, Iterable[NpmVersion]]) -> Iterator[Claim]:
    """Claims for packages of npm that one project has in several versions of one major number: all but the newest.

    ``npm`` has the packages by project.
    """
    by_name: dict[tuple[bytes, str, str], list[NpmVersion]] = defaultdict(list)
    for project, packages in npm.items():
        for package in packages:
            major = _MAJOR.match(package.version)
            if major is not None and major[0] != "0":
                by_name[project, package.name, major[0]].append(package)
    groups: dict[_Places, list[PackageRecord]] = defaultdict(list)
    for (project, _, _), versions in by_name.items():
        if len({package.version for package in versions}) > 1:
            keys = [_version_key(package.version) for package in versions]
            is_older = map(max(keys).__gt__, keys)
            groups[project, project] += (package.as_record(evidence) for package in compress(versions, is_older))
    groups = {project: records for project, records in groups.items() if records}
    if groups:
        rows = find_npm_rows(evidence, (record for records in groups.values() for record in records))
        yield from _claims_by_group(evidence, groups, rows, _fix_of_project)


def _fix_of_project(places: _Places, names: str) -> str:
    project = places[0][: -len(NODE_MODULES)].rstrip(b"/")
    return (
        f"Run `npm dedupe` in {_shown(project)}. Update the packages that ask for the older versions of {names}: "
        "`npm ls` shows them."
    )


def _version_key(version: str) -> tuple[tuple[int, ...], bool]:
    """What orders versions of one major number: prereleases come before their release."""
    release, dash, _ = version.partition("-")
    return tuple(map(int, _NUMBERS.findall(release)[:4])), not dash


def _claims_by_group(
    evidence: ImageEvidence,
    groups: Mapping[_Places, Sequence[PackageRecord]],
    rows: Mapping[PackageRecord, RowsByLayer],
    fix: Callable[[_Places, str], str],
) -> Iterator[Claim]:
    """A claim for each of the largest groups of packages, by the two places that they are in."""
    sizes = {places: sum(size_of(evidence, rows[record]) for record in records) for places, records in groups.items()}
    least = _MIN_SHARE * sum(layer.content_size for layer in evidence.layers)
    rule = explain(Check.SEVERAL_VERSIONS)
    for places in sorted(groups, key=lambda places: (-sizes[places], places))[:_MAX_PLACES]:
        if sizes[places] < least:
            break
        records = sorted(groups[places], key=lambda record: (-size_of(evidence, rows[record]), record.name, record.version))
        names = list(dict.fromkeys(f"{record.name} {record.version}" for record in records))
        one, other = map(_shown, places)
        title = partial(
            rule.title_of,
            packages=count_of(len(records), "package"),
            names=", ".join(names[:_MAX_NAMES]) + (" …" if len(names) > _MAX_NAMES else ""),
            where=f"within {one}" if one == other else f"in {one} and {other}",
        )
        joined: dict[int, list[int]] = defaultdict(list)
        for record in records:
            for layer, chosen in rows[record].items():
                joined[layer] += chosen
        yield from split_claims(evidence, Check.SEVERAL_VERSIONS, title, joined, fix(places, _join_names(records)))


def _join_names(records: Iterable[PackageRecord]) -> str:
    """The names of the first packages in a sentence, and how many more there are."""
    names = list(dict.fromkeys(record.name for record in records))
    shown, rest = names[:_MAX_NAMES], len(names) - _MAX_NAMES
    last = f"{count_of(rest, 'other package')}" if rest > 0 else shown.pop()
    return f"{', '.join(shown)} and {last}" if shown else last


def _shown(place: bytes) -> str:
    return f"/{decode_name(place.rstrip(b'/'))}"
