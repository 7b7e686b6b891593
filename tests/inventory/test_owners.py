"""Which package owns which row: each rule on an image that shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from ocisize.inventory import listed, owners
from ocisize.inventory.owners import Ownership
from ocisize.inventory.path_batches import ListMeter
from ocisize.model.packages import Unowned
from tests.evidence import make_evidence
from tests.images import DIR, Entry, Hard, Link

Files = Mapping[str, Entry]


def installed(*packages: tuple[str, str, Sequence[str]]) -> dict[str, Entry]:
    """dpkg's database of packages by name, version and listed files."""
    status = "".join(
        f"Package: {name}\nStatus: install ok installed\nVersion: {version}\nArchitecture: amd64\n\n"
        for name, version, _ in packages
    )
    lists = {f"var/lib/dpkg/info/{name}.list": "".join(f"/{path}\n" for path in paths) for name, _, paths in packages}
    return {path: text.encode() for path, text in {"var/lib/dpkg/status": status, **lists}.items()}


def owned(*layers: Files, steps: Sequence[str] = ()) -> Ownership:
    return make_evidence(*layers, steps=steps).packages.ownership


def owners_of(ownership: Ownership, *layers: Files, layer: int = 0) -> dict[str, str]:
    """The owner of each row of a layer: name and version, or the kind of files that no package owns."""
    found = {}
    for row, path in enumerate(layers[layer]):
        number = ownership.rows[layer][row]
        record = ownership.package_at(layer, row)
        kind = ownership.unowned[number - len(ownership.records)] if record is None else None
        found[path] = (
            f"{record.name} {record.version}" if record is not None else f"{kind.kind.value}: {kind.name}" if kind else ""
        )
    return found


def map_layers(*layers: Files, steps: Sequence[str] = ()) -> list[dict[str, str]]:
    ownership = owned(*layers, steps=steps)
    return [owners_of(ownership, *layers, layer=layer) for layer in range(len(layers))]


def test_files_belong_to_the_package_that_lists_them() -> None:
    """Lists and scripts of dpkg belong to their packages, its status to none of them."""
    base = {**installed(("bash", "5.2", ["bin/bash"]), ("dash", "0.5", ["bin/dash"])), "bin/bash": b"b", "bin/dash": b"d",
            "var/lib/dpkg/info/bash.postinst": b"#!", "bin/other": b"o"}  # fmt: skip
    (found,) = map_layers(base)
    assert (
        found["bin/bash"] == found["var/lib/dpkg/info/bash.list"] == found["var/lib/dpkg/info/bash.postinst"] == "bash 5.2"
    )
    assert found["bin/dash"] == "dash 0.5"
    assert found["bin/other"] == "unknown: /bin"
    assert found["var/lib/dpkg/status"] == "generated: dpkg database"


def test_lists_name_files_through_links_of_directories() -> None:
    """As where /lib is a link to /usr/lib; a file at the listed path itself comes first."""
    base: Files = {
        "lib": Link("usr/lib"), "usr/lib/x": DIR, "usr/lib64": Link("./lib"), "usr/lib/libc.so": b"c", "usr/lib/x/y": b"y",
        "loop": Link("loop"), **installed(("libc6", "2", ["lib/libc.so", "usr/lib64/x/y", "loop/z"])),
    }  # fmt: skip
    (found,) = map_layers(base)
    assert found["usr/lib/libc.so"] == found["usr/lib/x/y"] == "libc6 2"
    both: Files = {
        "lib": Link("usr/lib"), "usr/lib/a": b"a", **installed(("old", "1", ["lib/a"]), ("young", "1", ["usr/lib/a"]))
    }  # fmt: skip
    assert map_layers(both)[0]["usr/lib/a"] == "young 1"


def test_an_upgraded_package_keeps_its_files() -> None:
    """They are hidden, and belong to the old version; those that are the same belong to the new one."""
    base = {**installed(("ssl", "1", ["lib/libssl.so", "share/doc"]), ("tool", "7", ["bin/tool"])), "lib/libssl.so": b"old",
            "share/doc": b"doc", "bin/tool": b"t"}  # fmt: skip
    top = {**installed(("ssl", "2", ["lib/libssl.so", "share/doc"]), ("tool", "7", ["bin/tool"])), "lib/libssl.so": b"new",
           "bin/tool": b"t"}  # fmt: skip
    below, above = map_layers(base, top)
    assert below["lib/libssl.so"] == "ssl 1" and above["lib/libssl.so"] == "ssl 2"
    assert below["share/doc"] == "ssl 2"
    assert below["bin/tool"] == above["bin/tool"] == "tool 7"
    assert below["var/lib/dpkg/info/ssl.list"] == "ssl 1"


def test_files_go_by_their_own_layer_if_the_databases_are_deleted() -> None:
    """They are visible, and no database of the whole image knows them."""
    base = {**installed(("bash", "5.2", ["bin/bash"])), "bin/bash": b"b", "app/node_modules/ms/package.json": b'{"version": "2"}',
            "app/node_modules/ms/index.js": b"x"}  # fmt: skip
    top: Files = {"var/lib/.wh.dpkg": b"", "app/node_modules/ms/.wh.package.json": b""}
    below, _ = map_layers(base, top)
    assert below["bin/bash"] == "bash 5.2"
    assert below["app/node_modules/ms/index.js"] == "ms 2"
    ownership = owned(base, top)
    assert ownership.installed == frozenset()


def test_a_file_belongs_to_the_innermost_package() -> None:
    """Of packages that own directories, also in lower layers."""
    base = {
        "app/node_modules/a/package.json": b'{"version": "1"}', "app/node_modules/a/lib/x.js": b"x",
        "app/node_modules/a/node_modules/b/package.json": b'{"version": "3"}', "app/node_modules/a/node_modules/b/deep/y.js": b"y",
        "app/server.js": b"s",
    }  # fmt: skip
    (found,) = map_layers(base)
    assert found["app/node_modules/a/lib/x.js"] == "a 1"
    assert found["app/node_modules/a/node_modules/b/deep/y.js"] == "b 3"
    assert found["app/server.js"] == "application: /app"
    below, _ = map_layers(base, {"app/node_modules/a/.wh.node_modules": b""})
    assert below["app/node_modules/a/node_modules/b/deep/y.js"] == "b 3"
    assert below["app/node_modules/a/lib/x.js"] == "a 1"


def test_bytecode_belongs_to_the_owner_of_its_source() -> None:
    """That a system's package lists, or the RECORD of a wheel."""
    base = {
        **installed(("python3", "3.11", ["usr/lib/python3/io.py"])),
        "usr/lib/python3/io.py": b"i", "usr/lib/python3/__pycache__/io.cpython-311.pyc": b"c",
        "usr/lib/python3/__pycache__/io.cpython-311.opt-2.pyc": b"c", "usr/lib/python3/io.pyc": b"c",
        "usr/lib/python3/__pycache__/other.cpython-311.pyc": b"c",
    }  # fmt: skip
    (found,) = map_layers(base)
    assert [found[path] for path in list(base)[3:]] == ["python3 3.11"] * 3 + ["cache: Python bytecode"]
    upgraded, _ = map_layers(base, {**installed(("python3", "3.12", [])), "usr/lib/.wh.python3": b""})
    assert upgraded == {**found, **dict.fromkeys(installed(("python3", "", [])), "python3 3.11"),
                        "var/lib/dpkg/status": "generated: dpkg database"}  # fmt: skip


def test_packages_of_distributions_own_files_before_others() -> None:
    """The other package is owned by them: its bytes count once."""
    wheel = "usr/lib/python3/dist-packages"
    base = {
        **installed(("python3-yaml", "6", [f"{wheel}/yaml.py", f"{wheel}/PyYAML-6.0.dist-info/METADATA"])),
        f"{wheel}/PyYAML-6.0.dist-info/METADATA": b"Name: PyYAML\nVersion: 6.0\n",
        f"{wheel}/PyYAML-6.0.dist-info/RECORD": b"yaml.py,,\n", f"{wheel}/yaml.py": b"y",
    }  # fmt: skip
    (found,) = map_layers(base)
    assert found[f"{wheel}/yaml.py"] == "python3-yaml 6"
    packages = {package.name: package for package in make_evidence(base).packages.inventory.packages}
    assert packages["pyyaml"].owned_by == ("python3-yaml",) and packages["python3-yaml"].owned_by == ()
    assert packages["pyyaml"].content_size == len(b"yaml.py,,\n")


def test_hard_links_of_packages_own_the_file() -> None:
    """As those of pnpm, whose store may come first in the layer."""
    base: Files = {
        "root/.local/share/pnpm/store/v3/00": b"content", "app/node_modules/a/package.json": b'{"version": "1"}',
        "app/node_modules/a/x.js": Hard("root/.local/share/pnpm/store/v3/00"),
    }  # fmt: skip
    (found,) = map_layers(base)
    assert found["root/.local/share/pnpm/store/v3/00"] == found["app/node_modules/a/x.js"] == "a 1"


def test_files_without_a_package_are_named() -> None:
    """By the innermost directory that is known."""
    base: Files = {
        "var/lib/apt/lists/a": b"", "var/cache/apt/pkgcache.bin": b"", "var/cache/apt/archives/a.deb": b"", "tmp/x": b"",
        "root/.cache/pip/http/a": b"", "root/.cache/x": b"", "root/.npm/_cacache/a": b"", "var/cache/ldconfig/aux": b"",
        "etc/passwd": b"", "etc/ld.so.cache": b"", "etc/motd": b"", "var/log/apt/history.log": b"", "opt/tool/bin/x": b"",
        "usr/local/bin/x": b"", "usr/localized/x": b"", "init": b"", "srv": b"", "lib/apk/db/scripts.tar": b"",
        "usr/src/app/a": b"", "app/go/pkg/mod/a": b"",
    }  # fmt: skip
    (found,) = map_layers(base)
    assert list(found.values()) == [
        "cache: apt lists", "cache: apt cache", "cache: apt archives", "cache: temporary files",
        "cache: pip cache", "cache: caches of users", "cache: npm cache", "generated: linker cache",
        "generated: accounts", "generated: linker cache", "unknown: /etc", "generated: logs", "application: /opt/tool",
        "application: /usr/local", "unknown: /usr/localized", "application: /", "application: /", "generated: apk database",
        "application: /usr/src/app", "cache: Go module cache",
    ]  # fmt: skip


def test_records_that_are_names_alone() -> None:
    """Scans do not keep these files; their paths say what the packages are."""
    base: Files = {
        "app/.pnp.cjs": b"loader", "app/.yarn/cache/ms-npm-2.1.3-81ff3cfac1-d924b57e73.zip": b"zip",
        "bundle/specifications/rack-3.0.8.gemspec": b"spec", "bundle/gems/rack-3.0.8/lib/rack.rb": b"rb",
        "bundle/specifications/json-2.7.gemspec": b"spec", "bundle/extensions/x86_64-linux/3.2.0/json-2.7/json.so": b"so",
        "bundle/extensions/x86_64-linux/3.2.0/json-2.7/gem.build_complete": b"",
    }  # fmt: skip
    (found,) = map_layers(base)
    assert list(found.values()) == [
        "application: /app", "ms 2.1.3", "rack 3.0.8", "rack 3.0.8", "json 2.7", "json 2.7", "json 2.7"
    ]  # fmt: skip


def test_copied_files_are_of_the_application() -> None:
    """Also in directories of the system; what a build step made there is unknown."""
    files: Files = {"usr/lib/engine.so": b"e", "etc/passwd": b"p"}
    system = {**installed(("bash", "5", ["bin/bash"])), "usr/lib/x": b""}
    found = map_layers(files, files, system, steps=["RUN make install", "COPY --from=build /out /", "COPY rootfs /"])
    assert [each["usr/lib/engine.so"] for each in found[:2]] == ["unknown: /usr/lib", "application: /usr/lib"]
    assert [each["etc/passwd"] for each in found[:2]] == ["generated: accounts"] * 2
    assert found[2]["usr/lib/x"] == "unknown: /usr/lib"


def test_a_damaged_database_is_a_warning() -> None:
    """The packages before the damage count."""
    ownership = owned({"lib/apk/db/installed.adb": b"ADB", "bin/sh": b"s"})
    assert len(ownership.warnings) == 1 and "installed.adb" in ownership.warnings[0]
    assert not ownership.records


def test_lists_of_far_more_files_than_the_image_has_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their memory depends on the rows of the image."""
    monkeypatch.setattr(owners, "_MIN_FILES", 5)
    base = {**installed(("a", "1", ["bin/x"] * 100), ("b", "1", ["bin/b"])), "bin/b": b"b"}
    ownership = owned(base)
    assert ownership.warnings
    assert owners_of(ownership, base)["bin/b"] == "unknown: /bin"


def test_long_paths_count_several_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory may have a path of four thousand bytes, which each of its listed files repeats."""
    monkeypatch.setattr(owners, "_MIN_FILES", 50)
    long = "/".join(["d" * 200] * 20)
    base = {**installed(("a", "1", [f"{long}/{number}" for number in range(20)])), f"{long}/9": b"9"}
    assert owned(base).warnings
    short = {**installed(("a", "1", [f"d/{number}" for number in range(20)])), "d/9": b"9"}
    assert not owned(short).warnings


def test_source_of_bytecode_with_any_name() -> None:
    """Names without tags and long names are no problem."""
    assert listed.source_of(b"__pycache__/a.pyc") == b".py"
    assert listed.source_of(b"__pycache__/" + b"." * 10_000 + b".pyc").endswith(b".py")


def test_kinds_are_those_of_the_model() -> None:
    """Every kind occurs in the tests above."""
    assert {kind.value for kind in Unowned} == {"cache", "application", "generated", "unknown"}


def test_lists_are_read_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those whose files are in no directory of the image."""
    monkeypatch.setattr(ListMeter.__init__, "__defaults__", (10,))
    base = {**installed(("a", "1", ["none/x"] * 100), ("b", "1", ["bin/b"])), "bin/b": b"b"}
    ownership = owned(base)
    assert ownership.warnings
    assert owners_of(ownership, base)["bin/b"] == "unknown: /bin"


def test_links_without_end_are_not_followed() -> None:
    """A hostile image may have many, and paths that grow with each of them."""
    links = {f"l{number}": Link(f"l{number + 1}/" * 40 + "x") for number in range(200)}
    listed_paths = [f"l{number}/{'d/' * number}f" for number in range(150)]
    base: Files = {**installed(("a", "1", [*listed_paths, "bin/a"])), **links, "bin/a": b"a", "deep": Link("deep/deep")}
    assert map_layers(base)[0]["bin/a"] == "a 1"
