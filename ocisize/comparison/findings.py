"""Which findings about AFTER are new, and which of those about BEFORE are gone.

Findings are compared by what they are about, not by their place in the list of layers: a secret is the same at the same path
or with the same content, whatever layer stores it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import compress
from typing import TypeAlias

from ocisize.findings.checks.secrets import name_only
from ocisize.model.analysis import Analysis
from ocisize.model.comparison import LayerChange
from ocisize.model.findings import Category, Finding
from ocisize.tar.filetable import NO_HASH
from ocisize.text import display_name
from ocisize.tuples import NamedTuple
from ocisize.values import evolve, frozen

#: what makes two things the same: a path or the name of a variable, the hash of a content, the index of a layer in AFTER
_Key: TypeAlias = "str | bytes | int"


@frozen
class _Subject:
    """What a finding is about: each secret is a thing, and so is all that another finding is about.

    A thing is the same as one that has a key in common with it.
    """

    finding: Finding
    things: Sequence[frozenset[_Key]]
    count: int  #: things, also files that the finding does not name


class _Known:
    """The subjects of all findings of one rule about one image."""

    def __init__(self) -> None:
        self._subjects: list[_Subject] = []
        self._owners: dict[_Key, int] = {}  # key → position of a subject that has it

    def add(self, subject: _Subject) -> None:
        """Add a subject."""
        self._owners.update(dict.fromkeys((key for thing in subject.things for key in thing), len(self._subjects)))
        self._subjects.append(subject)

    def has_all(self, subject: _Subject) -> bool:
        """Return True if all things of a subject are known; those without a name are counted."""
        owners = [self._owners_of(thing) for thing in subject.things]
        count = sum(self._subjects[owner].count for owner in set().union(*owners))
        return all(owners) and (subject.count == len(subject.things) or subject.count <= count)

    def has_any(self, subject: _Subject) -> bool:
        """Return True if a thing of a subject is known."""
        return any(map(self._owners_of, subject.things))

    def without_known(self, subject: _Subject) -> Finding:
        """Return a finding about secrets without those that are known; the whole one if it names no other."""
        finding, is_new = subject.finding, [not self._owners_of(thing) for thing in subject.things]
        if not any(is_new):
            return finding
        if finding.paths:
            paths = tuple(compress(finding.paths, is_new))
            return evolve(finding, paths=paths, path_count=finding.path_count - len(finding.paths) + len(paths))
        return name_only(list(compress(finding.names, is_new)), finding) if finding.names else finding

    def _owners_of(self, thing: frozenset[_Key]) -> set[int]:
        return {self._owners[key] for key in thing if key in self._owners}


class FindingChanges(NamedTuple):
    """What is different between the findings about two images, in the order of their images."""

    new: tuple[Finding, ...]  #: those that only AFTER has
    new_secrets: tuple[Finding, ...]  #: those of them about secrets, without the files and names that BEFORE has, too
    fixed: tuple[Finding, ...]  #: those that only BEFORE has


def compare_findings(before: Analysis, after: Analysis, layers: Sequence[LayerChange]) -> FindingChanges:
    """Return the findings that only AFTER has, and those that only BEFORE has.

    Two findings are the same if they have one id, and share a file that they name or a layer, as the comparison pairs
    layers; or if both are about the whole image. A finding about secrets is new if one of its secrets is new, and gone if
    all of them are: a file is the same at the same path or with the same content, a variable by its name.
    """
    partners = {layer.before: layer.after for layer in layers if layer.before is not None and layer.after is not None}
    old = _subjects(before, partners)
    new = _subjects(after, {layer.index: layer.index for layer in after.layers})
    known, left = _by_rule(old), _by_rule(new)
    unknown = [subject for subject in new if not known[subject.finding.id].has_all(subject)]
    secrets = [subject for subject in unknown if subject.finding.category is Category.SECRET]
    return FindingChanges(
        tuple(subject.finding for subject in unknown),
        tuple(known[subject.finding.id].without_known(subject) for subject in secrets),
        tuple(subject.finding for subject in old if not left[subject.finding.id].has_any(subject)),
    )


def _by_rule(subjects: Sequence[_Subject]) -> Mapping[str, _Known]:
    rules: dict[str, _Known] = defaultdict(_Known)
    for subject in subjects:
        rules[subject.finding.id].add(subject)
    return rules


def _subjects(analysis: Analysis, numbers: Mapping[int, int]) -> list[_Subject]:
    """What the findings about an image are about; ``numbers`` are the indexes of its layers in AFTER."""
    return [_subject(finding, analysis, numbers) for finding in analysis.advice.findings]


def _subject(finding: Finding, analysis: Analysis, numbers: Mapping[int, int]) -> _Subject:
    if finding.category is not Category.SECRET:
        layers = {numbers[layer] for layer in finding.layers if layer in numbers}
        keys: set[_Key] = {*map(display_name, finding.paths), *layers}
        if not finding.layers and not finding.paths:
            keys.add("")  # the whole image
        return _Subject(finding, [frozenset(keys)], 1)
    if finding.paths:
        things = [_file_keys(path, finding, analysis) for path in finding.paths]
        return _Subject(finding, things, finding.path_count)
    names = finding.names or (finding.title,)  # an older document has no names
    return _Subject(finding, [frozenset[_Key]([name]) for name in names], len(names))


def _file_keys(path: str, finding: Finding, analysis: Analysis) -> frozenset[_Key]:
    return frozenset([display_name(path), *_contents(path, finding, analysis)])


def _contents(path: str, finding: Finding, analysis: Analysis) -> Iterator[bytes]:
    """The hashes of a file in the layers of a finding; none of a content that was not read."""
    try:
        name = path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # no file's, but a document may say anything
        return
    for index in finding.layers:
        table = analysis.layers[index].files
        if table is None or not table.hashes:
            continue
        for row, found in table.paths.select_with(name):
            if found == name and (content := table.hash_of(row)) != NO_HASH:
                yield content
