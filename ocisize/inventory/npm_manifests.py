"""Manifests: the ``package.json`` of installed packages, and which of them only development needs.

Formats: https://docs.npmjs.com/cli/configuring-npm/package-json; a package finds another one in the nearest ``node_modules``
above it, https://nodejs.org/api/modules.html#loading-from-node_modules-folders.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ocisize.inventory.record import Alternatives
from ocisize.inventory.record_limits import Relations
from ocisize.inventory.text_fields import object_of, text_of
from ocisize.layer.kept_files import PACKAGE_JSON
from ocisize.packages.npm import NODE_MODULES, package_root, read_package_json
from ocisize.tar.paths import join
from ocisize.values import frozen

STORE = b"/node_modules/.pnpm/"  #: where pnpm has the files of packages; where others find them, there are symbolic links
FOR_USE = ("dependencies", "optionalDependencies", "peerDependencies")  #: fields with the packages that a program needs
FOR_DEVELOPMENT = ("devDependencies",)  #: likewise, of those that only its development needs
_ALIAS = "npm:"  # before the name of the package that an alias is for
_MAX_DEPTH = 32  # packages within packages
_KEPT = ("name", "version", "license", "author")
_MAX_LICENSES = 20
_MAX_STEPS = 1_000_000  # of a search; a project with 5,000 packages takes 30,000


@frozen
class Manifest:
    """The ``package.json`` of an installed package."""

    root: bytes  #: the directory of the package
    fields: Mapping[str, Any]

    @property
    def directory_name(self) -> str:
        """The name by which others require the package, which an alias makes another than its own."""
        return self.root.rpartition(NODE_MODULES + b"/")[2].decode(errors="backslashreplace")

    @property
    def version(self) -> str:
        """The version; "" if it is not written, as in the parts of packages."""
        return text_of(self.fields.get("version"))

    def optional(self) -> dict[str, Alternatives]:
        """The packages that it can do without, by the names of their directories."""
        return dict(self._names_in("optionalDependencies"))

    def needed(self) -> dict[str, Alternatives]:
        """The packages that it needs, or that npm installs for the packages that use it."""
        meta, optional = object_of(self.fields.get("peerDependenciesMeta")), self.optional()
        peers = {
            name: names
            for name, names in self._names_in("peerDependencies")
            if not object_of(meta.get(name)).get("optional")
        }
        needed = {**peers, **dict(self._names_in("dependencies"))}
        return {name: names for name, names in needed.items() if name not in optional}

    def _names_in(self, field: str) -> Iterator[tuple[str, Alternatives]]:
        """The packages that a field names, as they are called where the package looks for them."""
        is_stored = STORE in self.root  # beside links with the names of aliases, which are not followed
        return ((name, names[-1:] if is_stored else names[:1]) for name, names in names_in(self.fields, field))


def read_manifest(root: bytes, content: bytes, relations: Relations) -> Manifest:
    """The manifest of the package in a directory, without the fields that are not read here."""
    document = read_package_json(content)
    fields: dict[str, Any] = {name: document[name] for name in _KEPT if name in document}
    for name in FOR_USE:
        if found := object_of(document.get(name)):
            fields[name] = dict(relations.take(found.items(), join(root, PACKAGE_JSON)))
    meta, licenses = object_of(document.get("peerDependenciesMeta")), document.get("licenses")
    fields["peerDependenciesMeta"] = {name: meta[name] for name in fields.get("peerDependencies", ()) if name in meta}
    fields["licenses"] = licenses[:_MAX_LICENSES] if isinstance(licenses, list) else []
    return Manifest(root, fields)


def names_in(fields: Mapping[str, Any], field: str) -> Iterator[tuple[str, Alternatives]]:
    """The packages that a field names: the name of the directory of each, and with it the name that an alias is for.

    >>> dict(names_in({"dependencies": {"ms": "^2", "old": "npm:@scope/x@1"}}, "dependencies"))
    {'ms': ('ms',), 'old': ('old', '@scope/x')}
    """
    for key, value in object_of(fields.get(field)).items():
        name, wanted = text_of(key), text_of(value)
        if name:
            target = wanted[len(_ALIAS) :] if wanted.startswith(_ALIAS) else ""
            target = target[:1] + target[1:].partition("@")[0]
            yield name, (name, target) if target and target != name else (name,)


def find_development(project: bytes, owners: Sequence[Mapping[str, Any]], manifests: Sequence[Manifest]) -> set[bytes]:
    """The roots of packages that a project reaches only by its ``devDependencies``; empty for a graph that is too large.

    Args:
        project: the directory that holds ``node_modules``.
        owners: the ``package.json`` of the project and of its workspaces.
        manifests: all packages of the project.

    """
    graph = _Graph(project, manifests)
    try:
        used = graph.reach([names for fields in owners for key in FOR_USE for _, names in names_in(fields, key)])
        named = [names for fields in owners for key in FOR_DEVELOPMENT for _, names in names_in(fields, key)]
        return graph.reach(named) - used
    except _TooManyStepsError:
        return set()


class _TooManyStepsError(Exception):
    """A search that would take too long."""


class _Graph:
    """Which packages need which."""

    def __init__(self, project: bytes, manifests: Sequence[Manifest]) -> None:
        self._project = project
        self._by_root = {manifest.root: manifest for manifest in manifests}
        self._names = {manifest.directory_name for manifest in manifests}
        self._stored: dict[str, list[bytes]] = defaultdict(list)  # roots in the store, by name
        for manifest in manifests:
            if STORE in manifest.root:
                self._stored[manifest.directory_name].append(manifest.root)
        self._steps = 0

    def reach(self, named: Sequence[Alternatives]) -> set[bytes]:
        """The roots of the packages that the project names, and of all that these need."""
        reached, waiting = set[bytes](), [root for names in named for root in self._find(self._project, names)]
        while waiting:
            root = waiting.pop()
            if root not in reached:
                reached.add(root)
                manifest = self._by_root[root]
                for names in (*manifest.needed().values(), *manifest.optional().values()):
                    waiting += self._find(root, names)
        return reached

    def _find(self, holder: bytes, names: Alternatives) -> list[bytes]:
        """The packages that a project or a package finds by a name: in a store, each version that there is."""
        for name in names:
            if name not in self._names:
                continue
            part, place = join(NODE_MODULES, name.encode()), holder
            for _ in range(_MAX_DEPTH):
                self._count(1)
                if join(place, part) in self._by_root:
                    return [join(place, part)]
                above = package_root(place) if place != self._project else None
                if above is None:
                    break
                place = above
            if name in self._stored:
                self._count(len(self._stored[name]))
                return self._stored[name]
        return []

    def _count(self, steps: int) -> None:
        self._steps += steps
        if self._steps > _MAX_STEPS:
            raise _TooManyStepsError
