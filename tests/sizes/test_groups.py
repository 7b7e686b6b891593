"""Groups of bytes by directory, file type and build step, on images small enough to add up by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attrs
import pytest

from ocisize import Analysis, Analyzer, from_json, to_json
from ocisize.rules.file_types import EXTENSIONS, OTHER, PROGRAMS, place_of, type_of
from ocisize.sizes.groups import MAX_GROUPS, find_groups
from ocisize.model.sizes import Group, Groups
from ocisize.filesystem.directories import MAX_DEPTH
from tests.images import DIR, BuiltLayer, File, Hard, Link, build_image, layer, write_docker_archive
from tests.oci.test_image import single


def analyse(*layers: BuiltLayer) -> Analysis:
    return Analyzer().analyze_source(single(build_image(layers)))


def groups_of(*layers: BuiltLayer) -> Groups:
    groups = analyse(*layers).groups
    assert groups is not None
    return groups


def sizes(division: Sequence[Group]) -> dict[str | None, int]:
    return {group.name: group.content_size for group in division}


def test_a_directory_that_holds_nearly_all_is_entered() -> None:
    """One child after the other, down to where the bytes divide; what lies beside them is a group of its own."""
    groups = groups_of(layer({f"srv/web/lib/{name}/x": b"1" * 100 for name in "abcdefgh"} | {"srv/web/note": b"2" * 7}))
    assert sizes(groups.directories) == {"/srv/web/lib/": 800, "/srv/web/*": 7, None: 0}


def test_a_large_directory_of_few_parts_is_divided() -> None:
    """What says little, as /usr does, is divided; one of many alike, and small ones, are not."""
    big = {"usr/lib/a/x": b"1" * 1000, "usr/lib/b/x": b"1" * 900, "usr/share/doc/x": b"2" * 700}
    small = {"var/one/x": b"3" * 50, "var/two/x": b"3" * 60}
    groups = groups_of(layer(big | small))
    assert sizes(groups.directories) == {
        "/usr/lib/a/": 1000, "/usr/lib/b/": 900, "/usr/share/doc/": 700, "/var/": 110, None: 0,
    }  # fmt: skip


def test_files_in_the_root_have_a_group() -> None:
    """What lies directly in the root, and a directory's files beside its children, are shown as globs."""
    groups = groups_of(layer({"a": b"1" * 10, "opt/x": b"2" * 90}))
    assert sizes(groups.directories) == {"/opt/": 90, "/*": 10, None: 0}


def test_only_the_largest_directories_are_kept_apart() -> None:
    """Beyond MOST groups the others are one, without a name, and nothing is lost."""
    groups = groups_of(layer({f"d{number:03}/x.{number:03}": b"1" * (number + 1) for number in range(2 * MAX_GROUPS)}))
    assert len(groups.directories) == MAX_GROUPS + 1
    assert groups.directories[-1].name is None
    assert groups.directories[-1].content_size == sum(range(1, MAX_GROUPS + 1))
    assert groups.directories[-1].file_count == MAX_GROUPS


def test_very_deep_paths_count_for_a_directory_above() -> None:
    """Below MAX_DEPTH nothing is distinguished, and everything is counted."""
    deep = "/".join(["d"] * (MAX_DEPTH + 5))
    groups = groups_of(layer({f"{deep}/x": b"1" * 10, f"{deep}/e/y": b"2" * 10, "/".join(["d"] * MAX_DEPTH) + "/z": b"3"}))
    assert sizes(groups.directories) == {"/" + "d/" * MAX_DEPTH: 21, None: 0}


def test_what_is_wasted_stays_in_its_group() -> None:
    """Hidden files count for the group of their path, as wasted; links and directories cost headers only."""
    base = layer(
        {"app": DIR, "app/run.py": b"1" * 100, "lib/x.so": b"2" * 50, "app/link": Link("run.py"), "hard": Hard("lib/x.so")}
    )
    analysis = analyse(base, layer({"app/run.py": File(b"1" * 100, uid=5), "lib/.wh.x.so": b""}))
    assert analysis.groups is not None
    types = {group.name: group for group in analysis.groups.file_types}
    assert (types["Python sources"].content_size, types["Python sources"].wasted_size) == (200, 100)
    assert (types["Python sources"].live_size, types["Python sources"].file_count) == (100, 2)
    assert (types["shared libraries"].wasted_size, types["shared libraries"].live_size) == (0, 50)  # "hard" shows it
    assert (types[None].content_size, types[None].file_count) == (0, 0)
    assert types[None].compressed_size


def test_build_steps_that_are_alike_are_one_group() -> None:
    """Layers of one build step are added up, and one that is repeated is downloaded once."""
    one, two, other = layer({"a": b"1" * 10}), layer({"b": b"2" * 20}), layer({"c": b"3" * 40})
    steps = ["RUN x", "RUN x", "COPY y", "RUN x"]
    history = [{"created_by": f"{step} # buildkit"} for step in steps]
    analysis = Analyzer().analyze_source(single(build_image([one, two, other, one], history=history)))
    assert analysis.groups is not None
    (run, copy) = sorted(analysis.groups.build_steps[:-1], key=lambda group: group.name or "", reverse=True)
    assert (run.name, run.content_size, run.wasted_size, run.file_count) == ("RUN x", 40, 10, 3)
    assert (copy.name, copy.content_size, copy.file_count) == ("COPY y", 40, 1)
    overhead = sum(each.overhead_size or 0 for each in analysis.layers[:3])
    assert (run.compressed_size or 0) + (copy.compressed_size or 0) + overhead == analysis.compressed_size


def test_an_unknown_compressed_size_stays_unknown(tmp_path: Path) -> None:
    """Where the archive does not tell what layers cost compressed, no group claims to know."""
    path = write_docker_archive(build_image([layer({"a": b"1" * 100})]), tmp_path / "a.tar")
    groups = Analyzer().analyze(str(path)).groups
    assert groups is not None
    for division in (groups.directories, groups.file_types, groups.build_steps):
        assert {(group.compressed_size, group.wasted_compressed_size) for group in division} == {(None, None)}


def test_an_empty_image_has_empty_groups() -> None:
    """Without layers only the rest is left, and it is nothing."""
    groups = groups_of()
    for division in (groups.directories, groups.file_types, groups.build_steps):
        assert [(group.name, group.content_size, group.compressed_size) for group in division] == [(None, 0, 0)]


def test_groups_need_tables() -> None:
    """An analysis that was read back without tables cannot be grouped again, but keeps its groups."""
    analysis = analyse(layer({"a": b"1"}))
    back = from_json(to_json(analysis))
    assert back.groups == analysis.groups
    with pytest.raises(ValueError, match="layer 0 has no file table"):
        find_groups(back.layers)


def test_an_analysis_without_groups_is_read() -> None:
    """A document from before there were groups has none."""
    analysis = analyse(layer({"a": b"1"}))
    assert from_json(to_json(attrs.evolve(analysis, groups=None))).groups is None


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("usr/lib/libc.so", "shared libraries"),
        ("usr/lib/libc.so.6.2.1", "shared libraries"),
        ("usr/lib/x.cpython-311.PYC", "Python bytecode"),
        ("usr/bin/python3.11", PROGRAMS),
        ("usr/bin/ls", PROGRAMS),
        ("usr/bin/pip.py", "Python sources"),
        ("opt/tool/libexec/helper.real", PROGRAMS),
        ("usr/lib/gcc/x86_64-linux-gnu/12/cc1plus", PROGRAMS),
        ("usr/libexec/gcc/aarch64-linux-gnu/13/lto1", PROGRAMS),
        ("usr/lib/gcc/x86_64-linux-gnu/12/crtbegin.o", "object files"),
        ("usr/lib/gcc/x86_64-linux-gnu/12/include/README", OTHER),
        ("usr/lib/git-core/git-remote-http", PROGRAMS),
        ("bin", OTHER),
        ("usr/share/man/man1/ls.1.gz", "documentation"),
        ("usr/share/manual/x.gz", "archives"),
        ("usr/share/doc/x/README", "documentation"),
        ("usr/share/zoneinfo/Europe/Berlin", "time zones"),
        ("home/a/.git/objects/pack/x.pack", "git repositories"),
        (".git/config", "git repositories"),
        ("home/a/x.git/config", OTHER),
        ("var/lib/dpkg/status", "package lists and databases"),
        ("var/cache/apt/archives/a.deb", "packages"),
        ("var/cache/apt/pkgcache.bin", "package lists and databases"),
        ("data/table.dat", ".dat"),
        ("data/.bashrc", OTHER),
        ("data/py", OTHER),
        ("data/x.1234", OTHER),
        ("data/x.\udcff", OTHER),
        ("data/x." + "long" * 10, OTHER),
        ("data/x.", OTHER),
    ],
)
def test_types(path: str, expected: str) -> None:
    """A type goes by place, extension, a directory of programs, a version behind .so; unknown words are types."""
    directory, _, name = path.encode("utf-8", "surrogateescape").rpartition(b"/")
    assert type_of(name, place_of(directory)) == expected
    groups = groups_of(layer({path: b"content"}))
    assert groups.file_types[0].name == expected


def test_no_extension_is_repeated() -> None:
    """Every extension in the table belongs to one type and is written in lower case."""
    extensions = " ".join(EXTENSIONS.values()).split()
    assert len(set(extensions)) == len(extensions)
    assert all(extension == extension.lower() for extension in extensions)
