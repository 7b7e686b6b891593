"""Packages that changed between two images, as the databases of every ecosystem say which files are theirs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ocisize import Analyzer, compare
from ocisize.model.analysis import Analysis
from ocisize.model.causes import PackageChange
from ocisize.model.packages import APK, DEB, GEM, NPM, PYTHON, RUNTIME
from ocisize.model.system import Runtime, System
from ocisize.report.render import render_report
from ocisize.values import evolve
from tests.images import Entries, build_image, layer
from tests.oci.test_image import single

SITE = "usr/local/lib/python3.12/site-packages"
VENV = "opt/venv/lib/python3.12/site-packages"
STATUS = "Package: {}\nStatus: install ok installed\nArchitecture: amd64\nVersion: {}\n\n"


def image(*layers: Entries, keep: bool = True) -> Analysis:
    steps = [{"created_by": f"RUN step {number}"} for number in range(len(layers))]
    built = build_image([layer(entries) for entries in layers], history=steps)
    return Analyzer(keep_packages=keep).analyze_source(single(built))


def changes_of(before: Analysis, after: Analysis) -> dict[tuple[str, str], PackageChange]:
    return {(change.ecosystem, change.name): change for change in compare(before, after).packages}


def versions_of(before: Analysis, after: Analysis) -> dict[tuple[str, str], tuple[str | None, str | None, int]]:
    return {
        name: (change.before_version, change.after_version, change.growth)
        for name, change in changes_of(before, after).items()
    }


def deb(name: str, version: str, content: bytes) -> dict[str, Any]:
    return {
        f"usr/bin/{name}": content,
        f"var/lib/dpkg/info/{name}.list": f"/.\n/usr\n/usr/bin\n/usr/bin/{name}\n".encode(),
        "var/lib/dpkg/status": STATUS.format(name, version).encode(),
    }


def wheel(site: str, name: str, version: str, content: bytes) -> dict[str, Any]:
    folder = f"{name}-{version}.dist-info"
    return {
        f"{site}/{name}/code.py": content,
        f"{site}/{folder}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{site}/{folder}/RECORD": f"{name}/code.py,,\n{folder}/METADATA,,\n{folder}/RECORD,,\n".encode(),
    }


def apk(version: str, content: bytes) -> dict[str, Any]:
    return {"lib/apk/db/installed": f"P:musl\nV:{version}\nF:lib\nR:libc.so\n\n".encode(), "lib/libc.so": content}


def gem(version: str, content: bytes) -> dict[str, Any]:
    root = "usr/lib/ruby/gems/3.1.0"
    return {"etc/os-release": b"ID=debian\n",
            f"{root}/specifications/rake-{version}.gemspec": b"Gem::Specification.new\n" + content[:9],
            f"{root}/gems/rake-{version}/lib/rake.rb": content}  # fmt: skip


def node(version: str, content: bytes) -> dict[str, Any]:
    root = "app/node_modules/@acme/tool"
    return {f"{root}/package.json": f'{{"name": "@acme/tool", "version": "{version}"}}'.encode(), f"{root}/x.js": content}


@pytest.mark.parametrize(
    ("name", "make"),
    [((APK, "musl"), apk), ((GEM, "rake"), gem), ((NPM, "@acme/tool"), node),
     ((DEB, "curl"), lambda version, content: deb("curl", version, content)),
     ((PYTHON, "numpy"), lambda version, content: wheel(SITE, "numpy", version, content))],
)  # fmt: skip
def test_an_update_has_both_versions(name: tuple[str, str], make: Any) -> None:
    """Whatever the ecosystem: the package, its versions, and the growth of its files."""
    before, after = image(make("1.0", b"a" * 3000)), image(make("1.2", b"b" * 5000))
    found = changes_of(before, after)
    change = found[name]
    assert (change.before_version, change.after_version) == ("1.0", "1.2")
    assert change.growth >= 2000
    assert (change.before, change.after) == (0, 0)


def test_an_upgrade_in_an_upper_layer_is_of_that_layer() -> None:
    """BEFORE has the old version in the same lower layer; the versions are those of the two images."""
    base = deb("curl", "1.0", b"a" * 3000)
    before = image(base, {"etc/x": b"1"})
    after = image(base, {"etc/x": b"1", **deb("curl", "1.2", b"b" * 4000)})
    change = changes_of(before, after)[DEB, "curl"]
    assert (change.before_version, change.after_version, change.before_size) == ("1.0", "1.2", 0)
    assert change.after_size >= 4000
    assert change.after == 1


def test_versions_in_two_environments_are_those_of_the_layer() -> None:
    """A package that is installed twice has several versions in the image, but one in the layer that changed."""
    local = wheel(SITE, "numpy", "1.0", b"a" * 3000)
    before = image(local, wheel(VENV, "numpy", "2.0", b"b" * 3000))
    after = image(local, wheel(VENV, "numpy", "2.1", b"c" * 3500))
    change = changes_of(before, after)[PYTHON, "numpy"]
    assert (change.before_version, change.after_version) == ("2.0", "2.1")
    both = image({**wheel(SITE, "numpy", "1.0", b"d" * 900), **wheel(VENV, "numpy", "2.0", b"e" * 900)})
    change = changes_of(both, image({"etc/x": b"1"}))[PYTHON, "numpy"]
    assert (change.before_version, change.after_version) == (None, None)


def test_what_is_removed_has_the_version_that_was_there() -> None:
    """A package that moves to another layer in another version is removed in the old one, and added in the new one."""
    before = image({"etc/x": b"1"}, wheel(SITE, "numpy", "1.0", b"a" * 3000), {"etc/y": b"2"})
    after = image({"etc/x": b"1", **wheel(SITE, "numpy", "2.0", b"b" * 4000)}, {"etc/z": b"3"})
    texts = " ".join(reason.text for reason in compare(before, after).reasons)
    assert "removes numpy 1.0 -" in texts
    assert "adds numpy 2.0 +" in texts


def test_files_of_packages_and_other_files_add_up() -> None:
    """What no package owns is counted beside the packages; together they are the growth."""
    before = image(wheel(SITE, "numpy", "1.0", b"a" * 3000))
    after = image({**wheel(SITE, "numpy", "1.0", b"b" * 3100), "app/data": b"x" * 700})
    found = compare(before, after)
    assert sum(change.growth for change in found.packages) + 700 == found.growth
    assert "adds 1 other file" in found.reasons[0].text or "adds 1 file in /app/" in found.reasons[0].text


def test_runtimes_that_no_package_manager_installed_are_packages() -> None:
    """As in the list of packages: official images build them from source."""
    program = "usr/local/bin/python3.12"

    def with_python(version: str, content: bytes) -> Analysis:
        files = {**deb("curl", "1.0", b"a"), program: content, "usr/local/lib/python3.12/os.py": content}
        runtime = Runtime("python", "Python", version, program, 0)
        return evolve(image(files), system=System(runtimes=(runtime,)))

    found = versions_of(with_python("3.12.3", b"a" * 3000), with_python("3.12.4", b"b" * 5000))
    assert found[RUNTIME, "python"] == ("3.12.3", "3.12.4", 4000)


def test_names_of_python_are_normalized() -> None:
    """``Py_YAML`` and ``py-yaml`` are one package."""
    before, after = image(wheel(SITE, "Py_YAML", "1.0", b"a" * 900)), image(wheel(SITE, "py.yaml", "2.0", b"b" * 900))
    assert versions_of(before, after)[PYTHON, "py-yaml"][:2] == ("1.0", "2.0")


def test_without_databases_no_package_is_named() -> None:
    """An analysis holds no databases unless it is asked to."""
    entries = [deb("curl", "1.0", b"a" * 3000), deb("curl", "1.2", b"b" * 4000)]
    before, after = (image(layer, keep=False) for layer in entries)
    assert all(layer.files is not None and not layer.files.contents for layer in after.layers)
    assert compare(before, after).packages == ()
    assert (DEB, "curl") in changes_of(*map(image, entries))


def test_json_names_the_ecosystem() -> None:
    comparison = compare(image(deb("curl", "1.0", b"a" * 3000)), image(deb("curl", "1.2", b"b" * 4000)))
    (package, *_) = json.loads(render_report(comparison, "json"))["packages"]
    assert (package["ecosystem"], package["name"], package["before_version"]) == ("deb", "curl", "1.0")


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 99, b"P:\xff\xfe\nF:..\nR:..\n", b",,,\n\n..,..,..", b'"' * 99, b"[" * 9999]
)
def test_broken_databases_name_no_package(content: bytes) -> None:
    """Any content of the databases is compared without an error."""
    places = ("var/lib/dpkg/status", "var/lib/dpkg/info/a.list", "lib/apk/db/installed", f"{SITE}/a-1.dist-info/RECORD",
              "app/node_modules/a/package.json", "var/lib/rpm/rpmdb.sqlite")  # fmt: skip
    before, after = image({"usr/bin/x": b"1"}), image({"usr/bin/x": b"22", **dict.fromkeys(places, content)})
    assert ("usr/bin/x", 1) in [(change.path, change.growth) for change in compare(before, after).files or ()]
