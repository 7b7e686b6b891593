"""Why packages are there, and what would go with them."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Collection, Sequence

from ocisize.inventory.reasons import MAX_NEEDED_BY, Why, find_reasons
from ocisize.inventory.record import PackageRecord
from ocisize.model.packages import PackageReason


def record(name: str, *, ecosystem: str = "deb", requires: Sequence[str] = (), recommends: Sequence[str] = (),
           provides: Sequence[str] = (), automatic: bool | None = True, essential: bool = False, development: bool = False,
           root: bytes = b"", place: bytes = b"") -> PackageRecord:  # fmt: skip
    """A record; a requirement may have alternatives, separated by ``|``."""
    return PackageRecord(
        ecosystem=ecosystem, name=name, version="1", database=b"db", place=place, directories=(root,) if root else (),
        requires=tuple(tuple(text.split("|")) for text in requires), recommends=tuple((text,) for text in recommends),
        provides=tuple(provides), is_automatic=automatic, is_essential=essential, is_development=development,
    )  # fmt: skip


def why(*records: PackageRecord, in_base: Collection[int] = ()) -> dict[str, Why]:
    """The reasons by name; the n-th package has 10 ** n bytes."""
    found = find_reasons([[each] for each in records], [10**number for number in range(len(records))], in_base)
    return {each.name: reason for each, reason in zip(records, found, strict=True)}


def test_reasons_and_what_goes_with_a_package() -> None:
    """Asked for, needed and recommended; a package that two others need goes with neither."""
    found = why(
        record("app", requires=["libssl"], recommends=["docs"], automatic=False),
        record("libssl", requires=["libc"]),
        record("libc"),
        record("docs"),
        record("shell", requires=["libc"], automatic=False),
    )
    assert found == {
        "app": Why(PackageReason.ASKED, (), 1011),
        "libssl": Why(PackageReason.NEEDED, ("app",), 10),
        "libc": Why(PackageReason.NEEDED, ("libssl", "shell"), 100),
        "docs": Why(PackageReason.RECOMMENDED, ("app",), 1000),
        "shell": Why(PackageReason.ASKED, (), 10000),
    }


def test_alternatives_and_provided_names() -> None:
    """All installed alternatives count; a name that a package has goes before one that others provide."""
    found = why(
        record("web", requires=["absent|httpd", "mta"], automatic=False),
        record("nginx", provides=["httpd"]),
        record("mta"),
        record("postfix", provides=["mta"]),
    )
    assert found["nginx"].needed_by == ("web",) and found["mta"].needed_by == ("web",)
    assert found["postfix"] == Why(PackageReason.UNKNOWN, (), 1000)


def test_packages_of_the_root_filesystem_were_not_asked_for() -> None:
    """No command named them, though the database cannot tell; and nothing recommended those that APT did not add."""
    records = (
        record("base", automatic=False, recommends=["apt", "docs"], requires=["libc"]),
        record("tool", automatic=False),
        record("init", automatic=False, essential=True),
        record("apt", automatic=False),
        record("docs"),
        record("libc", automatic=None),
    )
    found = why(*records, in_base=[0, 3, 4, 5])
    assert [each.reason for each in found.values()] == [
        PackageReason.UNKNOWN, PackageReason.ASKED, PackageReason.UNKNOWN, PackageReason.UNKNOWN, PackageReason.RECOMMENDED,
        PackageReason.NEEDED,
    ]  # fmt: skip


def test_packages_that_need_each_other() -> None:
    """Of a circle that nothing asks for, the first package counts as asked for."""
    found = why(record("a", requires=["b"]), record("b", requires=["a"]))
    assert found["a"] == Why(PackageReason.NEEDED, ("b",), 11)
    assert found["b"] == Why(PackageReason.NEEDED, ("a",), 10)


def test_packages_of_node_are_found_as_node_finds_them() -> None:
    """The innermost node_modules decides; a development dependency is one whatever needs it."""
    modules = b"app/node_modules/"
    found = find_reasons(
        [
            [record("a", ecosystem="npm", requires=["b"], automatic=False, root=modules + b"a")],
            [record("b", ecosystem="npm", root=modules + b"b")],
            [record("b", ecosystem="npm", root=modules + b"a/node_modules/b", requires=["c"])],
            [record("c", ecosystem="npm", root=modules + b"c", development=True)],
        ],
        [1, 10, 100, 1000],
    )
    assert [(each.reason, each.needed_by, each.exclusive_size) for each in found] == [
        (PackageReason.ASKED, (), 1101),
        (PackageReason.UNKNOWN, (), 10),
        (PackageReason.NEEDED, ("a",), 1100),
        (PackageReason.DEVELOPMENT, ("b",), 1000),
    ]


def test_environments_do_not_know_each_other() -> None:
    """A package of another environment is only found if its own has none."""
    found = find_reasons(
        [[record("flask", ecosystem="python", requires=["click"], place=b"a", automatic=False)],
         [record("click", ecosystem="python", place=b"a")], [record("click", ecosystem="python", place=b"b")]],
        [1, 10, 100],
    )  # fmt: skip
    assert [each.needed_by for each in found] == [(), ("flask",), ()]


def test_names_of_many_packages_are_cut() -> None:
    """A C library is needed by all others."""
    users = [record(f"user-{number:04}", requires=["libc"], automatic=False) for number in range(300)]
    found = find_reasons([[record("libc")], *([each] for each in users)], [1] * 301)
    assert found[0].needed_by == tuple(f"user-{number:04}" for number in range(MAX_NEEDED_BY))


def test_many_packages_that_provide_and_need_one_name() -> None:
    """A hostile database with millions of pairs takes no more than its length."""
    records = [[record(f"p{number}", requires=["x"] * 20, provides=["x"])] for number in range(20_000)]
    assert len(find_reasons(records, [1] * len(records))) == len(records)


def test_packages_deep_within_others_are_looked_for_once_per_directory() -> None:
    """The directories above a package are listed once, and few of them, however many packages it needs."""
    deep = record(
        "deep", ecosystem="npm", root=b"/".join([b"node_modules/a"] * 200), requires=[f"n{number}" for number in range(500)]
    )
    far = record("n1", ecosystem="npm", root=b"node_modules/n1")
    calls: Counter[str] = Counter()
    sys.setprofile(lambda _, event, called: calls.update([called.__name__] if event == "c_call" else ()))
    try:
        found = find_reasons([[deep], [far]], [1, 10])
    finally:
        sys.setprofile(None)
    assert 0 < calls["rfind"] < 200
    assert found[1].needed_by == ("deep",)
