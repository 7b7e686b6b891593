"""The references of registries by patterns: repositories and their tags."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ocisize.errors import InvalidReference, OcisizeError, RegistryError
from ocisize.listing.hints import advise_on_catalog
from ocisize.listing.patterns import matcher
from ocisize.listing.references import ListedReference
from ocisize.listing.versions import sort_tags
from ocisize.oci.reference import TAG, Reference, parse_reference
from ocisize.sources.registry.lists import RegistryList
from ocisize.text import count_of
from ocisize.tuples import NamedTuple

if TYPE_CHECKING:
    from ocisize.listing.patterns import RegistryPattern, TagFilter
    from ocisize.listing.references import Collector
    from ocisize.sources.registry.connection import Connection

MAX_REPOSITORIES = 100_000  #: of one registry: each is a request
_WORKERS = 4  # requests for tags at once
#: tags of artifacts about another image: ``sha256-HEX.sig`` of cosign, and the list of referrers where no API lists them
_TAG = re.compile(TAG)
_ARTIFACT = re.compile(r"sha(?:256|512)-[0-9a-f]{64,128}(?:\..*)?")


class Choice(NamedTuple):
    """Which tags of each repository are meant, and how their references are labeled."""

    tags: TagFilter
    last: int | None
    label: str


class _Tags(NamedTuple):
    """The tags of a repository."""

    chosen: Sequence[str]  #: in the order of versions, the newest ones with ``--last``
    listed: int  #: all of them
    artifacts: int  #: tags of artifacts, which are left out
    invalid: int  #: that are no tags


class RepositoryWalk:
    """Adds the references of a pattern to a collector."""

    def __init__(
        self, pattern: RegistryPattern, choice: Choice, collector: Collector, connection: Connection | None
    ) -> None:
        self._pattern, self._choice, self._collector, self._connection = pattern, choice, collector, connection
        self._matches_tag = matcher(pattern.tags)
        self._open: set[RegistryList] = set()
        self._artifacts = self._invalid = self._untagged = self._listed = 0

    def add(self) -> None:
        """List tags, and repositories first if the pattern is of several.

        A repository that cannot be listed is a failure of the collector. Raises the errors of the list of repositories, and
        those of the only repository.
        """
        before = self._collector.size
        try:
            if self._pattern.is_repository:
                self._add_tags(self._pattern.repositories, self._list_tags(self._pattern.repositories))
            else:
                self._add_all(self._list_repositories())
        finally:
            for opened in list(self._open):
                opened.close()
        self._warn()
        if self._collector.size == before:
            raise RegistryError(f"{self._pattern}: no tag matches", hint="check the pattern and the globs of --tags")

    def _add_all(self, repositories: Sequence[str]) -> None:
        from concurrent.futures import ThreadPoolExecutor

        executor = ThreadPoolExecutor(_WORKERS)
        try:
            futures = deque(executor.submit(self._try_tags, repository) for repository in repositories)
            for repository in repositories:
                tags = futures.popleft().result()
                if isinstance(tags, OcisizeError):
                    self._collector.fail(f"{self._pattern.registry}/{repository}", tags)
                else:
                    self._add_tags(repository, tags)
        finally:
            executor.shutdown(wait=False, cancel_futures=True)

    def _list_repositories(self) -> list[str]:
        """Return the repositories that match, in the order of the registry, each once."""
        found = dict[str, None]()
        try:
            self._fill_repositories(found)
        except RegistryError as error:
            advice = advise_on_catalog(self._pattern.registry, self._pattern.namespace, error.status, error.hint)
            if not found:
                error.hint = advice
                raise
            self._collector.fail(str(self._pattern), f"the list of repositories is incomplete: {error}", advice or "")
        if not found:
            raise self._nothing_found()
        return [*found]

    def _nothing_found(self) -> RegistryError:
        """The error for a list without a repository that matches; some registries list only what a login may read."""
        if not self._listed:
            return RegistryError(
                f"{self._pattern}: the registry lists no repositories", hint="push an image, or check the login"
            )
        text = f"{self._pattern}: no repository matches, of {self._listed:,} that the registry lists"
        return RegistryError(text, hint="check the pattern and the login")

    def _fill_repositories(self, found: dict[str, None]) -> None:
        """Add the repositories that match, as far as they can be read."""
        matches, registry = matcher(self._pattern.repositories), Reference(self._pattern.registry, "")
        listed = RegistryList(registry, namespace=self._pattern.namespace, connection=self._connection)
        for page in self._pages(listed):
            self._listed += len(page)
            for name in page:
                if not _is_repository(self._pattern.registry, name):
                    self._invalid += 1
                elif matches(name):
                    found[name] = None
            if len(found) > MAX_REPOSITORIES:
                raise RegistryError(
                    f"{self._pattern}: more than {MAX_REPOSITORIES:,} repositories", hint="choose a namespace: HOST/TEAM/*"
                )

    def _try_tags(self, repository: str) -> _Tags | OcisizeError:
        """Return the tags of one repository of many, or why they cannot be listed."""
        try:
            return self._list_tags(repository)
        except OcisizeError as error:
            return error

    def _list_tags(self, repository: str) -> _Tags:
        """Return the tags of a repository that are meant."""
        reference = Reference(self._pattern.registry, repository)
        tags, listed, artifacts, invalid = dict[str, None](), 0, 0, 0
        for page in self._pages(RegistryList(reference, connection=self._connection)):
            listed += len(page)
            for tag in page:
                if _ARTIFACT.fullmatch(tag):
                    artifacts += 1
                elif not _TAG.fullmatch(tag):
                    invalid += 1
                elif self._matches_tag(tag) and self._choice.tags.accepts(tag):
                    tags[tag] = None
            if len(tags) > self._collector.max_references:
                break  # the collector raises the error
        chosen, last = sort_tags(tags), self._choice.last
        return _Tags(chosen if last is None else chosen[-last:], listed, artifacts, invalid)

    def _pages(self, opened: RegistryList) -> Iterator[Sequence[str]]:
        self._open.add(opened)
        try:
            yield from opened.pages()
            for warning in opened.warnings:
                self._collector.warn(warning)
        finally:
            self._open.discard(opened)
            opened.close()

    def _add_tags(self, repository: str, tags: _Tags) -> None:
        name = f"{self._pattern.registry}/{repository}"
        self._artifacts += tags.artifacts
        self._invalid += tags.invalid
        self._untagged += not tags.listed
        for tag in tags.chosen:
            self._collector.add(
                ListedReference(
                    name=f"{name}:{tag}",
                    label=self._choice.label,
                    store=self._pattern.registry,
                    repository=name,
                    source=str(self._pattern),
                )
            )

    def _warn(self) -> None:
        self._collector.artifacts += self._artifacts
        if self._artifacts:
            tags = count_of(self._artifacts, "tag")
            self._collector.warn(f"{self._pattern}: left out: {tags} of signatures, attestations and SBOMs")
        if self._untagged:
            repositories = count_of(self._untagged, "repository")
            self._collector.warn(f"{self._pattern}: {repositories} without a tag; nothing lists their other manifests")
        if self._invalid:
            self._collector.warn(
                f"{self._pattern}: left out: {count_of(self._invalid, 'name')} against the grammar of references"
            )


def list_pattern(
    pattern: RegistryPattern, choice: Choice, collector: Collector, connection: Connection | None = None
) -> None:
    """Add the references of a pattern to a collector; raises as ``RepositoryWalk.add`` does."""
    RepositoryWalk(pattern, choice, collector, connection).add()


def _is_repository(registry: str, name: str) -> bool:
    try:
        return parse_reference(f"{registry}/{name}").repository == name
    except InvalidReference:
        return False
