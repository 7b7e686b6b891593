"""The packages of conda, RubyGems, composer and .NET by their records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ocisize.inventory.composer_records import read_composer
from ocisize.inventory.conda_records import read_conda
from ocisize.inventory.dotnet_records import read_dotnet
from ocisize.inventory.gem_records import is_gem_database, read_gems


TESTDATA = Path(__file__).parents[2] / "testdata" / "installed"


def document(value: Any) -> bytes:
    """A JSON document."""
    return json.dumps(value).encode()


# --- conda ---

ZLIB = {
    "build": "h4ab18f5_1", "build_number": 1, "channel": "https://user:secret@conda.anaconda.org/conda-forge/linux-64",
    "depends": ["__glibc >=2.17,<3.0.a0", "libzlib 1.3.1 h4ab18f5_1", "conda-forge::libgcc-ng >=12"],
    "files": ["include/zlib.h", "lib/libz.so"], "license": "Zlib", "name": "zlib", "requested_spec": "zlib", "subdir": "linux-64",
    "paths_data": {"paths": [{"_path": "include/zlib.h", "path_type": "hardlink"}]}, "version": "1.3.1",
}  # fmt: skip


def test_a_package_of_conda() -> None:
    """Its document lists everything; the password of its channel is left out."""
    path = b"opt/conda/envs/app/conda-meta/zlib-1.3.1-h4ab18f5_1.json"
    [found] = read_conda({path: document(ZLIB)})
    assert (found.name, found.version, found.place, found.database) == ("zlib", "1.3.1", b"opt/conda/envs/app", path)
    assert list(found.list_files()) == [path, b"opt/conda/envs/app/include/zlib.h", b"opt/conda/envs/app/lib/libz.so"]
    assert found.qualifiers == {"build": "h4ab18f5_1", "channel": "conda-forge", "subdir": "linux-64"}
    assert (found.requires, found.licenses) == ((("libzlib",), ("libgcc-ng",)), ("Zlib",))


def test_files_that_conda_lists_once() -> None:
    """Some writers list them only with their types."""
    [found] = read_conda({b"conda-meta/zlib.json": document({**ZLIB, "files": []})})
    assert (found.place, list(found.list_files())) == (b"", [b"conda-meta/zlib.json", b"include/zlib.h"])


def test_what_conda_was_asked_for() -> None:
    """In environments where a document has what a command asked for, the other packages were not asked for."""
    files = {
        b"a/conda-meta/zlib-1.json": document(ZLIB),
        b"a/conda-meta/libzlib-1.json": document({"name": "libzlib", "version": "1", "requested_spec": "None"}),
        b"b/conda-meta/xz-1.json": document({"name": "xz", "version": "1"}),
    }
    assert {record.name: record.is_automatic for record in read_conda(files)} == {"zlib": False, "libzlib": True, "xz": None}


# --- RubyGems ---


@pytest.mark.parametrize(
    ("file", "name", "version", "platform"),
    [
        ("rack-3.0.8", "rack", "3.0.8", ""), ("net-http-persistent-4.0.2", "net-http-persistent", "4.0.2", ""),
        ("nokogiri-1.18.0-x86_64-linux-gnu", "nokogiri", "1.18.0", "x86_64-linux-gnu"), ("json-2.7.1-java", "json", "2.7.1", "java"),
        ("google-protobuf-3.25.1-x86_64-darwin-22", "google-protobuf", "3.25.1", "x86_64-darwin-22"),
        ("rails-7.1.0.beta1", "rails", "7.1.0.beta1", ""), ("base64-0.2.0", "base64", "0.2.0", ""), ("sorbet-2-0.5", "sorbet-2", "0.5", ""),
    ],
)  # fmt: skip
def test_names_of_gems(file: str, name: str, version: str, platform: str) -> None:
    """The version begins at a hyphen before a digit, and ends the name, or a processor follows it."""
    [found] = read_gems({f"bundle/specifications/{file}.gemspec".encode(): b""})
    assert (found.name, found.version, found.architecture) == (name, version, platform)
    assert found.directories[0] == f"bundle/gems/{file}".encode()


def test_gems_are_those_that_gem_lists() -> None:
    """Of a real system with default gems, bundled gems and installed ones, in name and version."""
    real = json.loads(TESTDATA.joinpath("gems.json").read_text())
    found = {(gem.name, gem.version) for gem in read_gems({path.encode(): b"" for path in real["files"]})}
    assert found == {(name, version) for name, version in real["listed"]} and len(found) > 80


def test_a_gem_with_compiled_parts() -> None:
    """The directory of its extensions is found by the file that ends their compilation."""
    home = b"usr/local/bundle/ruby/3.3.0/"
    files = {
        home + b"specifications/bcrypt-3.1.20.gemspec": b"",
        home + b"extensions/x86_64-linux/3.3.0/bcrypt-3.1.20/gem.build_complete": b"",
        home + b"extensions/x86_64-linux/3.3.0/other-1.0/gem.build_complete": b"",
    }
    assert all(map(is_gem_database, files))
    [found] = read_gems(files)
    assert found.place == home[:-1]
    assert found.directories == (
        home + b"gems/bcrypt-3.1.20", home + b"extensions/x86_64-linux/3.3.0/bcrypt-3.1.20", home + b"doc/bcrypt-3.1.20",
    )  # fmt: skip
    assert list(found.list_files()) == [
        home + b"specifications/bcrypt-3.1.20.gemspec", home + b"cache/bcrypt-3.1.20.gem", home + b"build_info/bcrypt-3.1.20.info",
    ]  # fmt: skip


def test_gems_that_bundler_has_from_git() -> None:
    """Their directory has the commit in place of the version, which only Ruby could find out."""
    directory = b"usr/local/bundle/bundler/gems/rails-0123456789ab"
    files = {directory + b"/rails.gemspec": b"", directory + b"/railties/railties.gemspec": b""}
    assert [is_gem_database(path) for path in files] == [True, False]
    [found] = read_gems(files)
    assert (found.name, found.version, found.place, found.directories) == ("rails", "", b"usr/local/bundle", (directory,))


def test_default_gems() -> None:
    """Ruby's own gems have their specifications in a directory below."""
    [found] = read_gems({b"usr/local/lib/ruby/gems/3.3.0/specifications/default/json-2.7.1.gemspec": b""})
    assert (found.name, found.place) == ("json", b"usr/local/lib/ruby/gems/3.3.0")


@pytest.mark.parametrize("path", [b"gems/rack-3.0.8/rack.gemspec", b"app/app.gemspec", b"specifications/quick/x-1.gemspec"])
def test_specifications_of_sources_are_no_gems(path: bytes) -> None:
    """Only those that RubyGems wrote when it installed a gem."""
    assert not is_gem_database(path)


# --- composer ---

INSTALLED = {
    "packages": [
        {"name": "Psr/Log", "version": "3.0.2", "install-path": "../psr/log", "license": ["MIT"], "require": {"php": ">=8.0.0"}},
        {"name": "monolog/monolog", "version": "3.8.1", "install-path": "../monolog/monolog", "require": {"php": ">=8.1", "psr/log": "^2"},
         "provide": {"psr/log-implementation": "3.0.0"}},
        {"name": "drupal/core", "version": "10.0.0", "install-path": "../../web/core", "replace": {"drupal/action": "self.version"}},
        {"name": "symfony/polyfill", "version": "1", "install-path": None},
        {"name": "evil/one", "version": "1", "install-path": "../../../etc"},
        {"name": "evil/two", "version": "1", "install-path": "../"},
        {"version": "1"},
    ],
    "dev": True,
    "dev-package-names": ["monolog/monolog"],
}  # fmt: skip


def test_packages_of_composer() -> None:
    """Their directories are relative to ``vendor/composer``, and within the project."""
    found = {
        record.name: record for record in read_composer({b"srv/app/vendor/composer/installed.json": document(INSTALLED)})
    }
    assert {name: record.directories for name, record in found.items()} == {
        "psr/log": (b"srv/app/vendor/psr/log",),
        "monolog/monolog": (b"srv/app/vendor/monolog/monolog",),
        "drupal/core": (b"srv/app/web/core",),
        "symfony/polyfill": (),
        "evil/one": (),
        "evil/two": (),
    }
    monolog = found["monolog/monolog"]
    assert (monolog.requires, monolog.provides, monolog.is_development) == (
        (("psr/log",),),
        ("psr/log-implementation",),
        True,
    )
    assert (found["psr/log"].is_development, found["psr/log"].licenses, found["psr/log"].place) == (
        False,
        ("MIT",),
        b"srv/app",
    )
    assert found["drupal/core"].provides == ("drupal/action",)


def test_what_composer_wrote() -> None:
    """A real file of composer 2."""
    content = TESTDATA.joinpath("composer.json").read_bytes()
    found = {record.name: record for record in read_composer({b"app/vendor/composer/installed.json": content})}
    assert {name: (record.version, record.directories) for name, record in found.items()} == {
        "acme/log": ("3.0.2", (b"app/vendor/acme/log",)),
        "acme/monolog": ("3.8.1", (b"app/vendor/acme/monolog",)),
        "acme/unit": ("10.1.0", (b"app/vendor/acme/unit",)),
    }
    assert [name for name, record in found.items() if record.is_development] == ["acme/unit"]
    assert found["acme/monolog"].requires == (("acme/log",),)
    assert [record.licenses for record in found.values()] == [("MIT",), ("BSD-3-Clause",), ()]
    assert {record.is_automatic for record in found.values()} == {None}


def test_what_a_project_of_composer_asks_for() -> None:
    """Its own ``composer.json`` names it; the other packages are there because of these."""
    asked = {"require": {"php": ">=8", "Acme/Monolog": "^3"}, "require-dev": {"acme/unit": "*"}}
    files = {
        b"app/vendor/composer/installed.json": TESTDATA.joinpath("composer.json").read_bytes(),
        b"app/composer.json": document(asked),
        b"composer.json": document({"require": {"acme/log": "*"}}),
    }
    found = {record.name: record.is_automatic for record in read_composer(files)}
    assert found == {"acme/log": True, "acme/monolog": False, "acme/unit": False}


def test_composer_1() -> None:
    """It wrote a list without directories."""
    [found] = read_composer({b"vendor/composer/installed.json": document([{"name": "psr/log", "version": "1.1.4"}])})
    assert (found.directories, found.place, found.is_development) == ((b"vendor/psr/log",), b"", False)


# --- .NET ---

SHOP = {
    "runtimeTarget": {"name": ".NETCoreApp,Version=v8.0"},
    "targets": {
        ".NETCoreApp,Version=v8.0": {
            "Shop/1.0.0": {"dependencies": {"Serilog": "4.0.0", "SQLitePCLRaw.lib": "2.1.6"}, "runtime": {"Shop.dll": {}}},
            "Serilog/4.0.0": {
                "dependencies": {"Humanizer.Core": "2.2.0"},
                "runtime": {"lib/net8.0/Serilog.dll": {"assemblyVersion": "4.0.0.0"}},
                "resources": {"lib/net8.0/de/Serilog.resources.dll": {"locale": "de"}},
            },
            "SQLitePCLRaw.lib/2.1.6": {
                "runtime": {"lib/net8.0/_._": {}},
                "runtimeTargets": {"runtimes/linux-x64/native/libe_sqlite3.so": {"rid": "linux-x64", "assetType": "native"}},
            },
            "Humanizer.Core/2.2.0": {"native": {"../../../../etc/passwd": {}}},
        }
    },
    "libraries": {
        "Shop/1.0.0": {"type": "project", "serviceable": False},
        "Serilog/4.0.0": {"type": "package", "path": "serilog/4.0.0"},
        "SQLitePCLRaw.lib/2.1.6": {"type": "package"},
        "Humanizer.Core/2.2.0": {"type": "package"},
        "runtimepack.Microsoft.NETCore.App.Runtime.linux-x64/8.0.1": {"type": "runtimepack"},
    },
}


def test_packages_of_a_program() -> None:
    """Their files are beside the program; what the program itself needs was asked for."""
    found = {record.name: record for record in read_dotnet({b"app/Shop.deps.json": document(SHOP)})}
    assert {name: (record.version, list(record.list_files()), record.is_automatic) for name, record in found.items()} == {
        "Serilog": ("4.0.0", [b"app/Serilog.dll", b"app/de/Serilog.resources.dll"], False),
        "SQLitePCLRaw.lib": ("2.1.6", [b"app/runtimes/linux-x64/native/libe_sqlite3.so"], False),
        "Humanizer.Core": ("2.2.0", [b"app/passwd"], True),
        "Microsoft.NETCore.App.Runtime.linux-x64": ("8.0.1", [], True),
    }
    assert found["Serilog"].requires == (("Humanizer.Core",),)


def test_what_the_sdk_wrote() -> None:
    """A real file of a library, which names build tools without files, too."""
    content = TESTDATA.joinpath("Python.Runtime.deps.json").read_bytes()
    found = {record.name: record for record in read_dotnet({b"lib/Python.Runtime.deps.json": content})}
    assert {record.version for record in found.values() if record.name == "System.Buffers"} == {"4.6.1"}
    assert list(found["System.Memory"].list_files()) == [b"lib/System.Memory.dll"]
    assert not list(found["Microsoft.SourceLink.GitHub"].list_files())
    assert ("System.Buffers",) in found["System.Memory"].requires
    asked = {name for name, record in found.items() if record.is_automatic is False}
    assert asked == {"Microsoft.CSharp", "Microsoft.SourceLink.GitHub", "System.Reflection.Emit"}
    assert "Python.Runtime" not in found


def test_programs_beside_each_other() -> None:
    """A package of both is one package; in another directory it is another installation."""
    files = {path: document(SHOP) for path in (b"app/Shop.deps.json", b"app/Worker.deps.json", b"job/Shop.deps.json")}
    assert sorted(record.place for record in read_dotnet(files)) == [b"app"] * 4 + [b"job"] * 4


def test_frameworks_and_sdks_are_wholes() -> None:
    """Each version is one package, whatever programs it consists of."""
    root = b"usr/share/dotnet/"
    files = {
        root + b"shared/Microsoft.NETCore.App/8.0.1/Microsoft.NETCore.App.deps.json": document(SHOP),
        root + b"shared/Microsoft.AspNetCore.App/8.0.1/Microsoft.AspNetCore.App.deps.json": document(SHOP),
        root + b"sdk/8.0.101/dotnet.deps.json": document(SHOP),
        root + b"sdk/8.0.101/DotnetTools/dotnet-watch/8.0.101/tools/dotnet-watch.deps.json": document(SHOP),
        b"sdk/9.0.100/dotnet.deps.json": b"{}",
    }
    assert [(found.name, found.version, found.directories, found.place) for found in read_dotnet(files)] == [
        ("Microsoft.NET.Sdk", "9.0.100", (b"sdk/9.0.100",), b""),
        ("Microsoft.NET.Sdk", "8.0.101", (root + b"sdk/8.0.101",), root[:-1]),
        ("Microsoft.AspNetCore.App", "8.0.1", (root + b"shared/Microsoft.AspNetCore.App/8.0.1",), root[:-1]),
        ("Microsoft.NETCore.App", "8.0.1", (root + b"shared/Microsoft.NETCore.App/8.0.1",), root[:-1]),
    ]
