"""read_python: the packages of Python's environments, compared with those that importlib.metadata finds."""

from __future__ import annotations

import importlib.metadata
import os
import sysconfig
from pathlib import Path

import pytest
from packaging.requirements import InvalidRequirement, Requirement

from ocisize.inventory.python_headers import normalize
from ocisize.inventory.python_records import is_python_database, read_python
from ocisize.inventory.record import PackageRecord
from ocisize.layer.kept_files import KeptFiles

ENVIRONMENTS = [
    Path(path) for path in sorted({sysconfig.get_path("purelib"), "/usr/lib/python3/dist-packages"}) if Path(path).is_dir()
]
FOLDER = b"app/venv/lib/python3.12/site-packages"


def kept_below(folder: Path) -> dict[bytes, bytes]:
    """The files that a scan would keep, of one directory without those in its packages."""
    keep, kept = KeptFiles(), {}
    for found in [*folder.glob("*-info"), *folder.glob("*-info/*")]:
        path = os.fsencode(found)[1:]
        if found.is_file() and is_python_database(path) and keep(path, found.stat().st_size):
            kept[path] = found.read_bytes()
    return kept


@pytest.fixture(scope="module", params=ENVIRONMENTS, ids=str)
def environment(request: pytest.FixtureRequest) -> tuple[list[PackageRecord], list[importlib.metadata.Distribution]]:
    """The packages of a real environment, as read here and by importlib."""
    distributions = [
        found
        for found in importlib.metadata.distributions(path=[str(request.param)])
        if found.metadata["Name"] and not (found.metadata["Name"] == "Python" and found.files is None)
    ]
    return list(read_python(kept_below(request.param))), distributions


Environment = tuple[list[PackageRecord], list[importlib.metadata.Distribution]]


def test_packages_are_those_of_importlib(environment: Environment) -> None:
    """Names and versions are equal, and there is one record for each."""
    records, distributions = environment
    expected = sorted((normalize(found.metadata["Name"]), found.version) for found in distributions)
    assert sorted((record.name, record.version) for record in records) == expected
    assert expected


def test_files_are_those_of_importlib(environment: Environment) -> None:
    """Of packages with a RECORD, every file is listed at its path in the image."""
    records, distributions = environment
    listed = {(record.name, record.database.rpartition(b"/")[0]): set(record.list_files()) for record in records}
    for found in distributions:
        if found.read_text("RECORD") is None:
            continue
        info = os.fsencode(str(found._path))[1:]  # type: ignore[attr-defined]
        paths = {os.fsencode(os.path.normpath(str(file.locate())))[1:] for file in found.files or ()}
        assert paths <= listed[normalize(found.metadata["Name"]), info]


def test_requirements_are_those_of_packaging(environment: Environment) -> None:
    """Each requirement that no extra brings is one; those of extras are some that the package has."""
    records, distributions = environment
    by_info = {record.database.rpartition(b"/")[0]: record for record in records}
    for found in distributions:
        record = by_info.get(os.fsencode(str(found._path))[1:])  # type: ignore[attr-defined]
        if record is None or found.read_text("METADATA") is None:
            continue
        always, possible = set(), set()
        for text in found.requires or ():
            try:
                requirement = Requirement(text)
            except InvalidRequirement:
                continue
            possible.add(normalize(requirement.name))
            if "extra" not in str(requirement.marker or ""):
                always.add(normalize(requirement.name))
        needed = {name for (name,) in record.requires}
        assert always <= needed <= possible


def test_files_outside_of_the_environment() -> None:
    """Programs are beside it; a path can be quoted or absolute, and lead nowhere."""
    record = (
        b'../../../bin/flask,sha256=x,5\n"flask/a,b.py",,\n"flask/""q"".py",sha256=x,1\r\n/etc/flask.toml,,\n'
        b"../../../../../../../etc/passwd,,\nflask/./x//y.py,,\n\n"
    )
    folder = FOLDER + b"/Flask-3.0.dist-info"
    [found] = read_python({folder + b"/METADATA": b"Name: Flask\nVersion: 3.0\n", folder + b"/RECORD": record})
    assert list(found.list_files()) == [
        b"app/venv/bin/flask", FOLDER + b"/flask/a,b.py", FOLDER + b'/flask/"q".py', b"etc/flask.toml",
        FOLDER + b"/flask/x/y.py",
    ]  # fmt: skip
    assert (found.place, found.database, found.directories) == (FOLDER, folder + b"/METADATA", (folder,))


def test_environments_are_apart() -> None:
    """Each directory that Python imports from has its own packages."""
    files = {b"%b/requests-%d.0.dist-info/METADATA" % (place, number): b"Name: requests\nVersion: %d.0\n" % number
             for number, place in enumerate((FOLDER, b"usr/lib/python3/dist-packages"))}  # fmt: skip
    found = sorted((record.name, record.version, record.place) for record in read_python(files))
    assert found == [("requests", "0.0", FOLDER), ("requests", "1.0", b"usr/lib/python3/dist-packages")]


@pytest.mark.parametrize(
    ("place", "is_read"),
    [
        (b"usr/lib/python3/dist-packages", True), (b"opt/deps", True), (b"", True), (b"opt/conda/lib/python3.12/site-packages", True),
        (b"usr/lib/python3/dist-packages/setuptools/_vendor", False), (b"root/.cache/uv/archive-v0/0Xa", False), (b"uv-cache/builds-v0/.tmp1/lib/python3.12/site-packages", False),
        (b"root/.cache/pypoetry/virtualenvs/app-x-py3.12/lib/python3.12/site-packages", True),
        (b"opt/conda/pkgs/numpy-1.26.4-py312h1/lib/python3.12/site-packages", False),
    ],
)  # fmt: skip
def test_copies_are_no_installations(place: bytes, is_read: bool) -> None:
    """What is in another package or in a cache is not installed there."""
    assert is_python_database((place + b"/" if place else b"") + b"x-1.dist-info/METADATA") is is_read


def test_what_pip_was_asked_for() -> None:
    """Where pip marks what was asked for, its other packages are there because of these."""
    files = {}
    for name, installer in ((b"flask", b"pip\n"), (b"werkzeug", b"pip\n"), (b"six", b"conda")):
        files[b"lib/%b-1.dist-info/METADATA" % name] = b"Name: %b\nVersion: 1\n" % name
        files[b"lib/%b-1.dist-info/INSTALLER" % name] = installer
    assert {record.is_automatic for record in read_python(files)} == {None}
    files[b"lib/flask-1.dist-info/REQUESTED"] = b""
    found = {record.name: record.is_automatic for record in read_python(files)}
    assert found == {"flask": False, "werkzeug": True, "six": None}


def test_extras_that_others_ask_for() -> None:
    """A requirement of an extra is one if some package asks for the extra."""
    files = {
        b"lib/a-1.dist-info/METADATA": b"Name: a\nVersion: 1\nRequires-Dist: B[fast, tests] (>=1) ; python_version > '3'\n",
        b"lib/b-1.dist-info/METADATA": b"Name: B\nVersion: 1\nRequires-Dist: c ; extra == 'fast'\n"
        b"Requires-Dist: d>2;extra=='docs'\nRequires-Dist: e @ https://e.org/e.zip\n",
    }
    assert {record.name: record.requires for record in read_python(files)} == {"a": (("b",),), "b": (("c",), ("e",))}


def environment_of(packages: dict[str, list[str]], asked: set[str]) -> dict[str, set[str]]:
    """What each package of an environment of pip needs; its packages with their requirements, and what a command named."""
    files: dict[bytes, bytes] = {}
    for name, requirements in packages.items():
        info = f"lib/{name}-1.dist-info/"
        lines = [f"Name: {name}", "Version: 1", *(f"Requires-Dist: {text}" for text in requirements), ""]
        files[f"{info}METADATA".encode()], files[f"{info}INSTALLER".encode()] = "\n".join(lines).encode(), b"pip"
        if name in asked:
            files[f"{info}REQUESTED".encode()] = b""
    return {record.name: {name for (name,) in record.requires} for record in read_python(files)}


def test_extras_of_extras() -> None:
    """An extra counts if a requirement that counts asks for it, also of the package itself."""
    packages = {
        "a": ["b[all]"], "b": ["b[x,y]; extra == 'all'", "c; extra == 'x'", "d[z]; extra == 'y'", "e; extra == 'w'"],
        "c": [], "d": ["e; extra == 'z'", "f; extra == 'other'"], "e": ["f[q]; extra == 'unused'"], "f": ["a; extra == 'q'"],
    }  # fmt: skip
    assert environment_of(packages, set()) == {
        "a": {"b"},
        "b": {"b", "c", "d"},
        "c": set(),
        "d": {"e"},
        "e": set(),
        "f": set(),
    }


def test_extras_that_a_command_asked_for() -> None:
    """pip does not note them, but what is there because of nothing else is there because of them."""
    packages = {
        "uvicorn": [
            "click", "uvloop; sys_platform != 'win32' and extra == 'standard'", "httptools; extra == 'standard'",
            "colorama; (sys_platform == 'win32') and extra == 'standard'", "trio; extra == 'missing'", "uvloop; extra == 'missing'",
            "click; extra == 'nothing-new'",
        ],
        "click": [], "uvloop": [], "httptools": [],
    }  # fmt: skip
    assert environment_of(packages, {"uvicorn"})["uvicorn"] == {"click", "uvloop", "httptools", "colorama"}
    assert environment_of(packages, {"uvicorn", "uvloop", "httptools"})["uvicorn"] == {"click"}
    assert environment_of(packages, set())["uvicorn"] == {"click"}


def test_an_editable_package_is_only_its_info() -> None:
    """Its modules are in the source tree."""
    folder = FOLDER + b"/app-1.dist-info/"
    files = {folder + b"METADATA": b"Name: app\nVersion: 1\n", folder + b"top_level.txt": b"app\n"}
    assert next(read_python(files)).directories == (folder[:-1], FOLDER + b"/app")
    files[folder + b"direct_url.json"] = b'{"dir_info": {"editable": true}, "url": "file:///src"}'
    assert next(read_python(files)).directories == (folder[:-1],)


def test_eggs() -> None:
    """Directories, files and unpacked eggs; the files are listed, or the names of modules, or neither."""
    headers = b"Metadata-Version: 1.0\nName: %b\nVersion: 2\nLicense: UNKNOWN\n"
    files = {
        FOLDER + b"/listed-2.egg-info/PKG-INFO": headers % b"Listed",
        FOLDER + b"/listed-2.egg-info/installed-files.txt": b"../listed/a.py\nPKG-INFO\n",
        FOLDER + b"/named-2.egg-info/PKG-INFO": headers % b"Named",
        FOLDER + b"/named-2.egg-info/top_level.txt": b"named\nshared\n../evil\n",
        FOLDER + b"/other-2.egg-info/PKG-INFO": headers % b"Other",
        FOLDER + b"/other-2.egg-info/top_level.txt": b"shared\n",
        FOLDER + b"/file-2.egg-info": headers % b"File",
        FOLDER + b"/Python-3.12.egg-info": headers % b"Python",
        FOLDER + b"/egg-2-py3.12.egg/EGG-INFO/PKG-INFO": headers % b"Egg",
        b"app/src/own.egg-info/PKG-INFO": headers % b"Own",
        b"app/src/own.egg-info/top_level.txt": b"own\n",
    }
    found = {record.name: (record.directories, list(record.list_files())) for record in read_python(files)}
    assert found == {
        "listed": ((FOLDER + b"/listed-2.egg-info",), [FOLDER + b"/listed/a.py", FOLDER + b"/listed-2.egg-info/PKG-INFO"]),
        "named": ((FOLDER + b"/named-2.egg-info", FOLDER + b"/named"), [FOLDER + b"/named.py"]),
        "other": ((FOLDER + b"/other-2.egg-info",), []),
        "file": ((), [FOLDER + b"/file-2.egg-info"]),
        "egg": ((FOLDER + b"/egg-2-py3.12.egg",), []),
        "own": ((b"app/src/own.egg-info",), []),
    }
    assert all(record.licenses == () and record.version == "2" for record in read_python(files))


def test_headers_that_are_too_long_to_be_kept() -> None:
    """The name of the directory says what the package is."""
    [found] = read_python({b"lib/big_one-4.2.dist-info/RECORD": b"big.py,,\n"})
    assert (found.name, found.version, found.database) == ("big-one", "4.2", b"lib/big_one-4.2.dist-info/RECORD")


@pytest.mark.parametrize(
    ("fields", "licenses"),
    [
        (b"License-Expression: MIT OR Apache-2.0\nLicense: other\n", ("MIT OR Apache-2.0",)),
        (b"License: BSD\n", ("BSD",)),
        (b"License: A long text\n  of many lines\nClassifier: License :: OSI Approved :: MIT License\n", ("MIT License",)),
        (b"Classifier: License :: OSI Approved\n", ()),
    ],
)
def test_licenses(fields: bytes, licenses: tuple[str, ...]) -> None:
    """The expression, else a short license, else what classifiers say."""
    [found] = read_python({b"lib/a-1.dist-info/METADATA": b"Name: a\nVersion: 1\n" + fields + b"\nLicense: body\n"})
    assert found.licenses == licenses
