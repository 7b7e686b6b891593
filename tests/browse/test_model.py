"""Details, lists, marked paths and searches: in the words and figures of the reports, and never steering a terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ocisize import Analysis, Analyzer
from ocisize.budgets.parse import parse_budgets
from ocisize.browse.details import describe_layer, describe_node
from ocisize.browse.entries import Node, Order
from ocisize.browse.image_index import ImageIndex
from ocisize.browse.layer_rows import list_layers
from ocisize.browse.marked import ExportForm, MarkedPaths
from ocisize.browse.owners import PackageOwners
from ocisize.browse.panels import Panel, list_panels
from ocisize.browse.scope import Scope
from ocisize.browse.search import Search
from ocisize.browse.spans import show_layer, show_node
from ocisize.browse.tree import TreeView
from ocisize.cache.disk import DiskCache
from ocisize.comparison.images import compare
from ocisize.dockerfile.ignore import IgnoreFile
from ocisize.errors import InvalidGlob
from tests.images import BuiltLayer, File, Link, build_image, layer, write_layout
from tests.oci.test_image import single

HOSTILE = "x\x1b[31m\nevil\u202e"


def analyse(*layers: BuiltLayer, steps: list[str] | None = None) -> Analysis:
    history = [{"created_by": step} for step in steps] if steps else None
    analyzer = Analyzer(hash_content=True, packages=True, keep_packages=True)
    return analyzer.analyze_source(single(build_image(layers, history=history)))


@pytest.fixture(scope="module")
def example() -> ImageIndex:
    return ImageIndex(Analyzer(hash_content=True, packages=True, keep_packages=True).analyze("testdata/example.tar"))


def node_at(index: ImageIndex, path: str) -> Node:
    tree = TreeView(index)
    row = tree.reveal(path.encode())
    assert row is not None
    return tree.node(row)


def told(index: ImageIndex, path: str) -> list[tuple[str, str]]:
    return [(detail.label, detail.text) for detail in describe_node(index, node_at(index, path), PackageOwners.find(index))]


def rows(panel: Panel) -> list[tuple[str, ...]]:
    return [tuple(panel.row(number).cells) for number in range(panel.count)]


def test_why_a_file_counts(example: ImageIndex) -> None:
    """Each stored copy with its layer, and for a hidden one by which layer and why."""
    assert told(example, "app/mime.types") == [
        ("Path", "/app/mime.types"),
        ("Stored in", "layer 2 COPY . /app"),
        ("", "73.8 kB, download 20.2 kB, -rw-r--r-- 0:0"),
        ("Hidden by", "stored again with other metadata: layer 4 RUN chown -R 1000:1000 /app && chmod 755 /app/serve"),
        ("Owner", "no package (/app)"),
        ("", "layer 4 RUN chown -R 1000:1000 /app && chmod 755 /app/serve"),
        ("", "73.8 kB, download 20.2 kB, -rw-r--r-- 1000:1000"),
        ("Owner", "no package (/app)"),
        ("Unpacked", "148 kB"),
        ("Download", "40.4 kB"),
        ("Live", "73.8 kB"),
        ("Waste", "73.8 kB, 20.2 kB of download"),
        ("Same content", "/etc/mime.types"),
    ]


def test_a_directory(example: ImageIndex) -> None:
    details = told(example, "var/cache/apt/archives")
    assert details[:4] == [
        ("Path", "/var/cache/apt/archives/"), ("Unpacked", "187 kB"), ("Download", "186 kB"), ("Live", "0 B")
    ]  # fmt: skip
    assert ("Packages", "187 kB  no package (apt archives)") in details


def test_links_and_metadata() -> None:
    index = ImageIndex(analyse(layer({"a": File(b"1", mode=0o4755, uid=7, gid=8), "b": Link("/etc/x\x1b[0m")})))
    assert any(text.endswith("-rwsr-xr-x 7:8") for _, text in told(index, "a"))
    assert ("", "link to /etc/x\\x1b[0m") in told(index, "b")


def test_layers(example: ImageIndex) -> None:
    """The figures are those of the full report."""
    shown = [(row.layer, row.download, row.unpacked, row.waste, row.name) for row in list_layers(example.analysis)]
    assert shown[:3] == [
        (None, "1.59 MB", "2.93 MB", "261 kB", "Image"),
        (0, "1.18 MB", "2.26 MB", "-", "root filesystem"),
        (1, "372 kB", "528 kB", "187 kB", "apt-get install"),
    ]
    details = {detail.label: detail.text for detail in describe_layer(example, 3)}
    assert details["Hides"] == "187 kB" and details["Build step"] == "RUN rm -f /var/cache/apt/archives/*.deb"
    assert {detail.label: detail.text for detail in describe_layer(example, None)}["Waste"] == "261 kB"


def test_lists(example: ImageIndex) -> None:
    """The fixes of the plan, the packages and what none owns, the waste, and the duplicates, which add up."""
    fixes, packages, waste, duplicates, secrets = list_panels(example)
    assert rows(fixes)[0][:3] == ("186 kB", "safe", "apt archives and caches left behind")
    assert rows(packages)[-1][:4] == ("1.59 MB", "2.93 MB", "261 kB", "Image")
    assert rows(waste)[1] == ("73.8 kB", "20.2 kB", "metadata-only", "2→4", "/app/mime.types")
    assert waste.summary == "Wasted files: 4, 261 kB (layer that stores → layer that hides)"
    assert rows(duplicates) == [("73.8 kB", "2", "/etc/mime.types")]
    assert duplicates.row(0).details == ["/etc/mime.types", "/app/mime.types"]
    assert duplicates.summary == "Duplicates: 1 content at several visible paths, 73.8 kB in further copies"
    assert (secrets.count, secrets.summary) == (0, "No exposed secrets were found.")


def test_secrets() -> None:
    index = ImageIndex(analyse(layer({"root/.ssh/id_rsa": b"-----BEGIN OPENSSH PRIVATE KEY-----\n" + b"a" * 1000})))
    secrets = list_panels(index)[4]
    assert rows(secrets)[0][:3] == ("high", "0", "/root/.ssh/id_rsa")
    assert secrets.row(0).path == "root/.ssh/id_rsa"
    assert secrets.summary.startswith("Revoke it")


def test_what_changed() -> None:
    before = analyse(layer({"a": b"1" * 10, "old": b"2" * 20, "same": b"3"}))
    after = analyse(layer({"a": b"1" * 30, "new": b"4" * 5, "same": b"3"}))
    changes = list_panels(ImageIndex(after), compare(before, after))[5]
    assert rows(changes) == [
        ("10 B", "30 B", "+20 B", "changed", "0→0", "/a"),
        ("20 B", "-", "-20 B", "removed", "0→-", "/old"),
        ("-", "5 B", "+5 B", "added", "-→0", "/new"),
    ]
    assert [changes.row(number).path for number in range(3)] == ["a", "", "new"]
    assert changes.summary.endswith("+5 B unpacked (layer before → layer after)")


def test_the_owner_is_the_same_from_a_cache(tmp_path: Path) -> None:
    """Packages are kept with the layers in a cache."""
    status = b"Package: tool\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.2-3\n\n"
    listed = b"/.\n/usr\n/usr/bin\n/usr/bin/tool\n"
    files = {"var/lib/dpkg/status": status, "var/lib/dpkg/info/tool.list": listed, "usr/bin/tool": b"1" * 5000}
    write_layout(build_image([layer(files)]), tmp_path / "image")
    owners = []
    for _ in range(2):
        analyzer = Analyzer(hash_content=True, packages=True, keep_packages=True, cache=DiskCache(tmp_path / "cache"))
        index = ImageIndex(analyzer.analyze(str(tmp_path / "image")))
        owners.append([text for label, text in told(index, "usr/bin/tool") if label == "Owner"])
    assert owners == [["tool 1.2-3 (deb)"]] * 2
    assert any((tmp_path / "cache").rglob("*"))


def test_hostile_names_are_escaped() -> None:
    """In rows, details and lists; a copied path is escaped by the key."""
    analysis = analyse(
        layer({f"d/{HOSTILE}": b"1" * 100, f"e/{HOSTILE}": b"1" * 100}),
        layer({f"d/.wh.{HOSTILE}": b""}),
        steps=[f"RUN {HOSTILE}", f"RUN {HOSTILE}"],
    )
    index = ImageIndex(analysis)
    tree = TreeView(index, Scope(1))
    tree.open(0)
    texts = [text for row in range(len(tree)) for text, _ in show_node(tree.node(row), Order.SIZE, 100, 80)]
    texts += [text for row in list_layers(analysis) for text, _ in show_layer(row, 80)]
    for path in (f"d/{HOSTILE}", f"e/{HOSTILE}"):
        texts += [detail.text for detail in describe_node(index, node_at(index, path), PackageOwners.find(index))]
    for panel in list_panels(index):
        texts += [panel.summary, *(text for number in range(panel.count) for text in panel.row(number).cells)]
        texts += [text for number in range(panel.count) for text in panel.row(number).details]
    assert any("evil" in text for text in texts)
    assert all(text.isprintable() for text in texts)


def test_marked_paths_for_dockerignore() -> None:
    """Only a COPY tells where a path is in the build context; other paths are comments."""
    index = ImageIndex(
        analyse(
            layer({"etc/x": b"1"}),
            layer({"app/src/a[1].txt": b"2", "app/src/.git/config": b"3"}),
            layer({"srv/main.py": b"4"}),
            layer({"opt/lib/x": b"5"}),
            steps=["RUN make", "COPY . /app/", "COPY main.py /srv/", "COPY --from=build /lib /opt/lib"],
        )
    )
    marked = MarkedPaths()
    for path in ("app/src/a[1].txt", "app/src/.git", "srv/main.py", "etc/x", "opt/lib/x"):
        assert marked.toggle(node_at(index, path))
    text = marked.export(ExportForm.DOCKERIGNORE, index)
    assert text.splitlines() == [
        "src/a\\[1].txt",
        "src/.git",
        "main.py",
        "# /etc/x: no COPY brings it",
        "# /opt/lib/x: COPY brings it from build, not from the build context",
    ]
    ignore = IgnoreFile.parse(text)
    assert ignore.excludes("src/a[1].txt") and ignore.excludes("src/.git/config") and not ignore.excludes("src/a1.txt")


@pytest.mark.parametrize(
    ("step", "files", "marked", "expected"),
    [
        ("COPY package.json src/ /app/", ["package.json", "main.js"], "app/package.json", "package.json"),
        ("COPY package.json src/ /app/", ["package.json", "main.js"], "app/main.js", "src/main.js"),
        ("COPY a/x.py b/y.py /app/", ["x.py", "y.py"], "app/y.py", "b/y.py"),
        ("COPY a/x.py b/x.py /app/", ["x.py"], "app/x.py", "# /app/x.py: several sources of the COPY may bring it: a/x.py, b/x.py"),
        ("COPY src lib /app/", ["x/y"], "app/x", "# /app/x: several sources of the COPY may bring it: src, lib"),
        ("COPY src lib /app/", ["x/y"], "app", "src lib"),
        ("COPY src go.mod /app/", ["go.mod", "x/y"], "app/x", "src/x"),
        ("COPY package*.json src/ /app/", ["package-lock.json", "x"], "app/package-lock.json", "package-lock.json"),
        ("COPY src/* /app/", ["x/y"], "app/x", "# /app/x: a wildcard of the COPY may bring it: src/*"),
        ("COPY . /app/", ["x/y"], "app", "# /app: it is all that the COPY brings: ."),
        ("COPY src /app", ["x/y"], "app", "src"),
        ("COPY main.py /app/x/run", ["x/run"], "app/x/run", "main.py"),
        ("COPY file:0123456789abcdef in /app/", ["x"], "app/x", "# /app/x: the history does not name the sources of the COPY"),
        ("ADD a.tar.gz /app/", ["x"], "app/x", "# /app/x: an ADD may unpack it from an archive"),
        ("ADD https://example.org/x /app/", ["x"], "app/x", "# /app/x: an ADD downloads it"),
        ("COPY $SOURCE /app/", ["x"], "app/x", "# /app/x: the COPY has variables"),
        ("COPY x y/", ["x"], "app/x", "# /app/x: the COPY depends on a working directory that is not known"),
    ],
)  # fmt: skip
def test_places_in_the_build_context(step: str, files: list[str], marked: str, expected: str) -> None:
    """Of several sources, the one that certainly brings a path; otherwise the comment says why there is none."""
    index = ImageIndex(analyse(layer({f"app/{name}": b"1" for name in files}), steps=[step]))
    paths = MarkedPaths()
    paths.toggle(node_at(index, marked))
    assert paths.export(ExportForm.DOCKERIGNORE, index).split("\n")[:-1] == (
        [expected] if expected.startswith("#") else expected.split()
    )


def test_marked_paths_for_budgets_and_programs() -> None:
    """Globs match the marked paths and no others; sizes of what is below a marked directory count once."""
    names = [b"d/*.txt", b"d/caf\xe9", b'd/q"\\x', b"d/[a]"]
    index = ImageIndex(
        analyse(layer({name.decode("utf-8", "surrogateescape"): b"1" for name in names} | {"d/other.txt": b"2"}))
    )
    marked = MarkedPaths()
    for name in names:
        tree = TreeView(index)
        row = tree.reveal(name)
        assert row is not None
        marked.toggle(tree.node(row))
    budgets = parse_budgets(marked.export(ExportForm.BUDGETS, index)).budgets
    assert len(budgets) == 1
    assert marked.content_size == 4
    marked.toggle(node_at(index, "d"))
    assert marked.content_size == 5
    values = json.loads(marked.export(ExportForm.JSON, index))
    assert [value["path"] for value in values] == ["d/*.txt", "d/caf\\xe9", 'd/q"\\x', "d/[a]", "d"]
    assert values[-1]["directory"] is True and values[-1]["file_count"] == 5
    marked.clear()
    assert not marked


def found(index: ImageIndex, query: str) -> list[str]:
    tree = TreeView(index)
    search = Search(index, tree.figures, tree.shares, query)
    list(search.steps())
    search.found.sort(Order.NAME)
    return [search.found.path(position).decode() for position in search.found.order]


@pytest.mark.parametrize(
    ("query", "paths"),
    [
        ("busybox-s", ["usr/share/doc/busybox-static", "usr/share/lintian/overrides/busybox-static"]),
        ("Busybox", []),
        ("apt/arch", ["var/cache/apt/archives", "var/cache/apt/archives/ca-certificates_20250419~deb12u2_all.deb",
                      "var/cache/apt/archives/media-types_10.0.0_all.deb"]),
        ("*.deb", ["var/cache/apt/archives/ca-certificates_20250419~deb12u2_all.deb",
                   "var/cache/apt/archives/media-types_10.0.0_all.deb"]),
        ("/app/*", ["app/mime.types", "app/serve"]),
        ("archives/", ["var/cache/apt/archives", "var/cache/apt/archives/ca-certificates_20250419~deb12u2_all.deb",
                       "var/cache/apt/archives/media-types_10.0.0_all.deb"]),
    ],
)  # fmt: skip
def test_searches(example: ImageIndex, query: str, paths: list[str]) -> None:
    assert found(example, query) == paths


def test_a_glob_that_is_none(example: ImageIndex) -> None:
    tree = TreeView(example)
    with pytest.raises(InvalidGlob, match="without a"):
        Search(example, tree.figures, tree.shares, "[a")


def test_a_result_is_cut(example: ImageIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ocisize.browse.search.MAX_FOUND", 5)
    tree = TreeView(example)
    search = Search(example, tree.figures, tree.shares, "a")
    list(search.steps())
    assert search.cut and len(search.found) == 5
