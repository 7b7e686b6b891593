"""find_listed_rows: the owners of all rows lead to the same rows as a search for the listed files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ocisize.findings.checks import listed_files
from ocisize.findings.checks.listed_files import RowsByPackage, find_listed_rows, search_listed_rows
from ocisize.findings.evidence import ImageEvidence
from ocisize.inventory import owners
from ocisize.inventory.image_packages import ImagePackages
from ocisize.inventory.path_batches import ListMeter
from ocisize.inventory.record import PackageRecord
from ocisize.model.system import System
from ocisize.values import evolve
from tests.evidence import make_evidence
from tests.images import DIR, Entry, Hard, Link

Lists = Mapping[str, Sequence[str]]
Files = Mapping[str, Entry]

SITE = "usr/lib/python3/site-packages"
PATHS = (
    *("lib/x.so", "usr/lib/x.so", "lib/p/m.py", "usr/lib/p/m.py", "bin/sh", "usr/bin/sh", "usr/share/doc/x", "opt/x"),
    *("lib/p/__pycache__/m.cpython-311.pyc", "usr/lib/p/__pycache__/m.cpython-311.opt-1.pyc", "usr/lib/p/m.pyc"),
    *("usr/lib/p", "usr/share/doc", "var/lib/dpkg/info/a.postinst", "var/lib/dpkg/status", "run/x", "var/run/x"),
    *(f"{SITE}/flask/app.py", f"{SITE}/flask/__pycache__/app.cpython-311.pyc", f"{SITE}/flask-3.dist-info/RECORD"),
)  # fmt: skip
LINKS: Files = {"lib": Link("usr/lib"), "bin": Link("usr/bin"), "var/run": Link("/run"), "opt": Link("usr/share/doc")}


def database(lists: Lists) -> dict[str, Entry]:
    """dpkg's database of packages with their files."""
    status = "".join(f"Package: {name}\nStatus: install ok installed\nVersion: 1\n\n" for name in lists)
    info = {f"var/lib/dpkg/info/{name}.list": "".join(f"/{path}\n" for path in paths) for name, paths in lists.items()}
    return {path: text.encode() for path, text in {"var/lib/dpkg/status": status, **info}.items()}


def wheel(paths: Iterable[str]) -> dict[str, Entry]:
    """The records of a package of Python that lists some files of its environment."""
    record = "".join(f"{path.removeprefix(SITE + '/')},,\n" for path in paths if path.startswith(SITE))
    folder = f"{SITE}/flask-3.dist-info"
    return {f"{folder}/METADATA": b"Name: Flask\nVersion: 3\n", f"{folder}/RECORD": record.encode()}


def asked(*layers: Files) -> ImageEvidence:
    """The evidence of an image whose inventory is asked for."""
    found = make_evidence(*layers)
    packages = ImagePackages(found.tables, found.overlay, found.runs, found.layers, System(), is_asked_for=True)
    return evolve(found, packages=packages)


def installed(evidence: ImageEvidence) -> list[PackageRecord]:
    ownership = evidence.packages.ownership
    return [ownership.records[number] for number in sorted(ownership.installed)]


def sort_rows(rows: RowsByPackage) -> list[tuple[PackageRecord, dict[int, list[int]]]]:
    """The packages in their order with their rows, without layers that have none."""
    return [
        (record, {layer: sorted(chosen) for layer, chosen in sorted(found.items()) if chosen})
        for record, found in rows.items()
    ]


FILES = st.dictionaries(
    st.sampled_from(PATHS), st.sampled_from((b"a", b"bc", DIR, Hard("usr/lib/x.so"), Link("x"))), max_size=10
)
LISTS = st.dictionaries(st.sampled_from("abcd"), st.lists(st.sampled_from(PATHS), max_size=9), max_size=4)
BOTH_PLACES: Files = {"lib/x.so": b"a", "usr/lib/x.so": b"bc"}


@given(st.lists(FILES, min_size=1, max_size=3), LISTS, LISTS, st.sets(st.sampled_from(sorted(LINKS))), st.randoms())
@example([BOTH_PLACES], {}, {"a": ["lib/x.so"], "b": ["usr/lib/x.so"]}, set(), None)
@example([{"usr/lib/x.so": b"a"}], {}, {"a": ["lib/x.so"], "b": ["usr/lib/x.so"]}, {"lib"}, None)
@example([{"run/x": b"a"}], {}, {"a": ["var/run/x"], "b": []}, {"var/run"}, None)
def test_the_rows_are_those_of_a_search(
    layers: Sequence[Files], below: Lists, above: Lists, links: set[str], order: Random | None
) -> None:
    """Also for files that several packages list, at both places of merged directories, and for bytecode."""
    base = {**{path: LINKS[path] for path in sorted(links)}, **database(below)}
    evidence = asked(base, *layers[:-1], {**database(above), **wheel(PATHS[::2]), **layers[-1]})
    records = installed(evidence)
    if order is not None:
        order.shuffle(records)
    records = records[: max(1, len(records) - 1)]
    listing = evidence.packages.ownership.listed
    assert listing is not None and listing.has_all(records)
    assert sort_rows(find_listed_rows(evidence, records)) == sort_rows(search_listed_rows(evidence, records))


def test_owners_are_found_first_where_they_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then nothing is searched; without, no owner is looked for."""
    layer: Files = {**database({"a": ["lib/x.so", "usr/share/doc/x"]}), "lib/x.so": b"x", "usr/share/doc/x": b"d"}
    evidence = asked(layer)
    expected = sort_rows(search_listed_rows(evidence, installed(evidence)))
    assert [len(rows[0]) for _, rows in expected] == [2 + 1]  # and its list
    with monkeypatch.context() as patched:
        patched.setattr(listed_files, "search_listed_rows", None)
        assert sort_rows(find_listed_rows(evidence, installed(evidence))) == expected
    plain = make_evidence(layer)
    assert list(find_listed_rows(plain, [])) == [] and "ownership" not in vars(plain.packages)


def test_packages_that_the_owners_do_not_know_are_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    """As those of a record that is read again, and all where a database lists too many files."""
    layer: Files = {**database({"a": ["lib/x.so"]}), "lib/x.so": b"x"}
    evidence = asked(layer)
    (record,) = installed(evidence)
    other = evolve(record)
    rows = find_listed_rows(evidence, [other])
    assert [len(found[0]) for found in rows.values()] == [2] and other in rows
    with monkeypatch.context() as patched:
        patched.setattr(owners, "ListMeter", lambda: ListMeter(1))
        evidence = asked(layer)
        assert evidence.packages.ownership.listed is None
    assert [len(found[0]) for found in find_listed_rows(evidence, installed(evidence)).values()] == [2]


def test_many_files_of_bytecode_are_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    """The paths of millions of them would take too much memory."""
    layer: Files = {**database({"a": ["lib/m.py"]}), "lib/m.py": b"m", "lib/__pycache__/m.cpython-311.pyc": b"c"}
    evidence, calls = asked(layer), list[int]()
    search = listed_files.search_listed_rows

    def count(evidence: ImageEvidence, records: Iterable[PackageRecord]) -> RowsByPackage:
        calls.append(1)
        return search(evidence, records)

    monkeypatch.setattr(listed_files, "search_listed_rows", count)
    for limit, searches in ((1, 0), (0, 1)):
        monkeypatch.setattr(listed_files, "_MAX_COMPILED", limit)
        assert [len(rows[0]) for rows in find_listed_rows(evidence, installed(evidence)).values()] == [3]
        assert len(calls) == searches
