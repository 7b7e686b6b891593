"""read_fleet: the documents of many images, read at once from many places."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed

from ocisize.blob.digest import digest_of
from ocisize.cache.store import Cache
from ocisize.errors import NoMatchingPlatform, OcisizeError
from ocisize.fleet.documents import Documents
from ocisize.fleet.opening import Opener, Unreachable, find_home
from ocisize.limits import Limits
from ocisize.listing.names import check_name
from ocisize.listing.references import ListedReference
from ocisize.model.fleet import Fleet, FleetFailure, Root
from ocisize.oci.documents import Platform
from ocisize.oci.platform import normalize, parse_platform
from ocisize.sources.registry.connection import Connection
from ocisize.sources.schemes import path_exists, plain_path
from ocisize.text import count_of, printable
from ocisize.tuples import NamedTuple
from ocisize.values import evolve

JOBS = 8  #: references that are read at once from a registry
_MAX_FAILURES = 2  # for each job: so often in a row a registry may not answer before the others are not asked
_LOCAL_JOBS = 2  # threads that read files
_MAX_WARNINGS = 20  # about connections


class FleetProgress(NamedTuple):
    """How far the documents of a fleet are read."""

    references: int  #: to read
    done: int  #: that were read, or could not be read
    failed: int  #: that could not be read


class _Answer(NamedTuple):
    """What became known of one reference."""

    number: int  #: index of the reference
    key: tuple[str, str] | None = None  #: store and digest of the root; None for a failure
    root: Root | None = None  #: without references; None if another reference reads the root
    failures: Sequence[OcisizeError] = ()
    is_out_of_scope: bool = False  #: no image is for the platform
    warnings: Sequence[str] = ()  #: about the connection


def read_fleet(
    references: Iterable[str | ListedReference],
    *,
    platform: Platform | str | None = None,
    connection: Connection | None = None,
    limits: Limits | None = None,
    cache: Cache | None = None,
    jobs: int = JOBS,
    on_progress: Callable[[FleetProgress], object] | None = None,
) -> Fleet:
    """Return the documents of all images that references name: indexes, manifests and configs. No layer is read.

    ``references`` are what ``open_source`` opens, or come from ``list_references``. ``platform`` leaves other images of
    indexes out, and references without an image for it; None for all. ``jobs`` references are read at once from each
    registry. With a ``cache``, a reference by tag that was read before costs one request, and one by digest none.
    ``on_progress`` is called in this thread.

    What cannot be read is a failure of the fleet, with its reason, and the rest is read. Raises OcisizeError for an invalid
    platform, and ValueError for ``jobs`` below 1.

    >>> fleet = read_fleet(["testdata/example.tar", "./missing.tar"])
    >>> fleet.roots[0].images[0].platform, fleet.failures[0].message
    ('linux/amd64', 'no such file or folder: ./missing.tar')
    """
    if jobs < 1:
        raise ValueError(f"jobs must be at least 1, got {jobs}")
    wanted = parse_platform(platform) if isinstance(platform, str) else platform
    options = connection or Connection()
    if options.pool_size < jobs:
        options = evolve(options, pool_size=jobs)
    failures: dict[int, Sequence[OcisizeError]] = {}
    listed = list[ListedReference]()
    for number, reference in enumerate(references):
        found = _list_name(reference) if isinstance(reference, str) else reference
        if isinstance(found, OcisizeError):
            failures[number] = [found]
            found = ListedReference(name=str(reference))
        listed.append(found)
    reader = _Reader(listed, wanted, Opener(options, limits or Limits(), cache), jobs, on_progress)
    return reader.read(failures)


def _list_name(text: str) -> ListedReference | OcisizeError:
    """The reference that a text names, or its error; an existing file or folder comes first, as for ``open_source``."""
    if path_exists(text):
        return ListedReference(name=text, store=plain_path(text))
    try:
        checked = check_name(text)
    except OcisizeError as error:
        return error
    return ListedReference(name=text, select=checked.select, store=checked.store)


class _Reader:
    """Reads listed references, each distinct root once."""

    def __init__(
        self,
        listed: Sequence[ListedReference],
        platform: Platform | None,
        opener: Opener,
        jobs: int,
        on_progress: Callable[[FleetProgress], object] | None,
    ) -> None:
        self._listed, self._platform, self._opener, self._jobs = listed, platform, opener, jobs
        self._homes = [find_home(reference) for reference in listed]
        self._on_progress = on_progress
        self._claimed: set[tuple[str, str]] = set()  # roots that a thread reads, or has read
        self._unreachable = Unreachable(_MAX_FAILURES * jobs)
        self._lock = threading.Lock()

    def read(self, failures: dict[int, Sequence[OcisizeError]]) -> Fleet:
        """Return the fleet; ``failures`` has the references that are no names, by their numbers."""
        answers: dict[int, _Answer] = {number: _Answer(number, failures=errors) for number, errors in failures.items()}
        wanted = [number for number in range(len(self._listed)) if number not in answers]
        while wanted:
            answers |= {answer.number: answer for answer in self._run(wanted, len(failures))}
            roots = {answer.key for answer in answers.values() if answer.root is not None}
            # The reference that claimed the root failed; another one may have access to it.
            wanted = [
                answer.number
                for answer in answers.values()
                if answer.key is not None and answer.root is None and not answer.failures and answer.key not in roots
            ]
        return self._assemble([answers[number] for number in range(len(self._listed))])

    def _run(self, numbers: Sequence[int], failed: int) -> Iterator[_Answer]:
        """Read references in threads, and yield what is known of each as soon as it is."""
        ordered = self._order(numbers)
        self._opener.expect(self._homes[number] for number in ordered)
        pools: dict[str, ThreadPoolExecutor] = {}
        try:
            futures: list[Future[_Answer]] = []
            for number in ordered:
                home = self._homes[number]
                name = home.store if home.is_registry else ""
                if name not in pools:
                    jobs = self._jobs if home.is_registry else min(self._jobs, _LOCAL_JOBS)
                    pools[name] = ThreadPoolExecutor(jobs, "ocisize-fleet")
                futures.append(pools[name].submit(self._read_one, number))
            for done, future in enumerate(as_completed(futures), 1):
                answer = future.result()
                failed += bool(answer.failures)
                if self._on_progress is not None:
                    self._on_progress(FleetProgress(len(self._listed), len(self._listed) - len(ordered) + done, failed))
                yield answer
        except BaseException:
            self._opener.abort()
            for pool in pools.values():
                pool.shutdown(wait=False, cancel_futures=True)
            raise
        for pool in pools.values():
            pool.shutdown()
        self._opener.close()

    def _order(self, numbers: Sequence[int]) -> list[int]:
        """The references by repository, which need one login; repositories in the order of the input."""
        by_repository: dict[str, list[int]] = {}
        for number in numbers:
            by_repository.setdefault(self._homes[number].repository, []).append(number)
        return [number for group in by_repository.values() for number in group]

    def _read_one(self, number: int) -> _Answer:
        home, key, is_asked = self._homes[number], None, False
        try:
            self._unreachable.check(home)
            with self._opener.open(self._listed[number], home) as source:
                is_asked = True
                data = source.read_manifest()
                self._unreachable.note_answer(home)
                digest = digest_of(data)
                with self._lock:
                    if (home.store, digest) in self._claimed:
                        return _Answer(number, (home.store, digest), warnings=source.warnings)
                    key = (home.store, digest)
                    self._claimed.add(key)
                documents = Documents(source, self._platform)
                is_index = documents.read(data)
                root = Root(
                    store=0,
                    digest=digest,
                    size=len(data),
                    is_index=is_index,
                    images=tuple(documents.images.values()),
                    others=tuple(documents.others.values()),
                    absent=tuple(documents.absent),
                    warnings=tuple(documents.warnings),
                )
                return _Answer(number, key, root, documents.failures, warnings=source.warnings)
        except OcisizeError as error:
            if key is not None:
                with self._lock:
                    self._claimed.discard(key)
            elif is_asked:
                self._unreachable.note_failure(home, error)
            if isinstance(error, NoMatchingPlatform):
                return _Answer(number, is_out_of_scope=True)
            return _Answer(number, failures=[error])

    def _assemble(self, answers: Sequence[_Answer]) -> Fleet:
        stores: dict[str, int] = {}
        read = {answer.key: answer.root for answer in answers if answer.key is not None and answer.root is not None}
        names: dict[tuple[str, str], list[int]] = {}
        for answer in answers:
            if answer.key is not None and answer.key in read:
                stores.setdefault(answer.key[0], len(stores))
                names.setdefault(answer.key, []).append(answer.number)
        failures = [
            FleetFailure(
                reference=str(self._listed[answer.number]), message=printable(str(error)), hint=printable(error.hint or "")
            )
            for answer in answers
            for error in answer.failures
        ]
        return Fleet(
            stores=tuple(stores),
            roots=tuple(self._name_root(read[key], stores[key[0]], numbers) for key, numbers in names.items()),
            failures=tuple(failures),
            platform="" if self._platform is None else str(normalize(self._platform)),
            warnings=tuple(self._warn(answers)),
        )

    def _name_root(self, root: Root, store: int, numbers: Sequence[int]) -> Root:
        """A root with the references that name it."""
        named = {str(self._listed[number]): self._homes[number].repository for number in numbers}
        listed = [self._listed[number] for number in numbers]
        return evolve(
            root,
            store=store,
            references=tuple(named),
            repositories=tuple(named.values()),
            labels=tuple(dict.fromkeys(reference.label for reference in listed if reference.label)),
            nodes=tuple(dict.fromkeys(node for reference in listed for node in reference.nodes)),
        )

    def _warn(self, answers: Sequence[_Answer]) -> Iterator[str]:
        left_out = sum(answer.is_out_of_scope for answer in answers)
        if left_out and self._platform is not None:
            verbs = ("has", "is") if left_out == 1 else ("have", "are")
            platform = normalize(self._platform)
            yield f"{count_of(left_out, 'reference')} {verbs[0]} no image for {platform}, and {verbs[1]} left out"
        counts = Counter(printable(warning) for answer in answers for warning in answer.warnings)
        yield from list(counts)[:_MAX_WARNINGS]
        if len(counts) > _MAX_WARNINGS:
            yield f"{count_of(len(counts) - _MAX_WARNINGS, 'more warning')} about how images were read"
