"""Files of languages' packages in whole images: owners by the records that scans keep."""

from __future__ import annotations

import io
import json

from ocisize.filesystem.directories import find_runs
from ocisize.filesystem.overlay import overlay_all
from ocisize.inventory.ecosystems import ECOSYSTEMS
from ocisize.inventory.owners import Ownership, assign_owners
from ocisize.layer.kept_files import BEGINNINGS, PATH_PARTS, KeptFiles
from ocisize.model.build_step import BuildStep
from ocisize.tar.scanner import scan_tar
from tests.images import Entries, Entry, Hard, Link, tar_bytes

SITE = "app/venv/lib/python3.12/site-packages"
LANGUAGES = [ecosystem for ecosystem in ECOSYSTEMS if ecosystem.constant == "ECOSYSTEM"]


def owners_of(*layers: Entries) -> tuple[dict[str, str], Ownership]:
    """The package of each file of some layers, the uppermost file of a path; "" for a file without one."""
    tables = [
        scan_tar(io.BytesIO(tar_bytes(entries)), wanted=KeptFiles(), beginnings=BEGINNINGS, path_parts=PATH_PARTS)
        for entries in layers
    ]
    steps = [BuildStep("RUN install")] * len(layers)
    found = assign_owners(tables, overlay_all(tables).hidden_by, find_runs(tables), steps, LANGUAGES)
    owners = {}
    for layer, table in enumerate(tables):
        for row, entry in enumerate(table):
            package = found.package_at(layer, row)
            owners[entry.path] = f"{package.name} {package.version}" if package is not None else ""
    return owners, found


def test_a_real_tree_of_all_languages() -> None:
    """Each file has the package that its records say, and files beside packages have none."""
    installed = {"packages": [{"name": "psr/log", "version": "3.0.2", "install-path": "../psr/log"}]}
    conda = {"name": "zlib", "version": "1.3.1", "files": ["lib/libz.so"]}
    net = {
        "libraries": {"Serilog/4.0.0": {"type": "package"}},
        "targets": {"net8.0": {"Serilog/4.0.0": {"runtime": {"lib/net8.0/Serilog.dll": {}}}}},
    }
    owners, _ = owners_of({
        f"{SITE}/flask-3.0.dist-info/METADATA": b"Name: Flask\nVersion: 3.0\n",
        f"{SITE}/flask-3.0.dist-info/RECORD": b"flask/app.py,,\n../../../bin/flask,,\n",
        f"{SITE}/flask/app.py": b"app", "app/venv/bin/flask": b"run", "app/main.py": b"main",
        "srv/package.json": b"{}", "srv/index.js": b"index",
        "srv/node_modules/ms/package.json": b'{"name": "ms", "version": "2.1.3"}', "srv/node_modules/ms/lib/a.js": b"ms",
        "srv/node_modules/ms/node_modules/x/package.json": b'{"name": "x", "version": "1"}',
        "srv/node_modules/ms/node_modules/x/a.js": b"x", "srv/node_modules/.bin/ms": Link("../ms/lib/a.js"),
        "bundle/specifications/bcrypt-3.1.20.gemspec": b"spec", "bundle/gems/bcrypt-3.1.20/lib/bcrypt.rb": b"rb",
        "bundle/extensions/x86_64-linux/3.3.0/bcrypt-3.1.20/gem.build_complete": b"",
        "bundle/extensions/x86_64-linux/3.3.0/bcrypt-3.1.20/bcrypt.so": b"so", "bundle/cache/bcrypt-3.1.20.gem": b"gem",
        "php/vendor/composer/installed.json": json.dumps(installed).encode(), "php/vendor/psr/log/Log.php": b"php",
        "php/vendor/autoload.php": b"php", "conda/conda-meta/zlib-1.3.1-0.json": json.dumps(conda).encode(),
        "conda/lib/libz.so": b"so", "net/Shop.deps.json": json.dumps(net).encode(), "net/Serilog.dll": b"dll", "net/Shop.dll": b"dll",
    })  # fmt: skip
    expected = {
        f"{SITE}/flask/app.py": "flask 3.0", "app/venv/bin/flask": "flask 3.0", f"{SITE}/flask-3.0.dist-info/RECORD": "flask 3.0",
        "app/main.py": "", "srv/index.js": "", "srv/node_modules/ms/lib/a.js": "ms 2.1.3",
        "srv/node_modules/ms/node_modules/x/a.js": "x 1", "bundle/gems/bcrypt-3.1.20/lib/bcrypt.rb": "bcrypt 3.1.20",
        "bundle/extensions/x86_64-linux/3.3.0/bcrypt-3.1.20/bcrypt.so": "bcrypt 3.1.20",
        "bundle/cache/bcrypt-3.1.20.gem": "bcrypt 3.1.20", "bundle/specifications/bcrypt-3.1.20.gemspec": "bcrypt 3.1.20",
        "php/vendor/psr/log/Log.php": "psr/log 3.0.2", "php/vendor/autoload.php": "", "conda/lib/libz.so": "zlib 1.3.1",
        "conda/conda-meta/zlib-1.3.1-0.json": "zlib 1.3.1", "net/Serilog.dll": "Serilog 4.0.0", "net/Shop.dll": "",
    }  # fmt: skip
    assert {path: owners[path] for path in expected} == expected


def test_packages_that_are_linked_to_a_cache() -> None:
    """uv makes hard links to its cache, which the tar can have before or after them."""
    cache = "root/.cache/uv/archive-v0/x1"
    record = b"flask/app.py,,\nflask-3.0.dist-info/METADATA,,\n"
    in_cache: dict[str, Entry] = {
        f"{cache}/flask-3.0.dist-info/METADATA": b"Name: Flask\nVersion: 3.0\n",
        f"{cache}/flask-3.0.dist-info/RECORD": record,
        f"{cache}/flask/app.py": b"app",
    }
    linked: dict[str, Entry] = {path.replace(cache, "usr/lib/python3/site-packages"): Hard(path) for path in in_cache}
    owners, found = owners_of({**in_cache, **linked})
    assert [(record.name, record.place) for record in found.records] == [("flask", b"usr/lib/python3/site-packages")]
    assert {owners[path] for path in linked} == {"flask 3.0"}


def test_an_upgrade_in_a_higher_layer() -> None:
    """The files of the old version belong to it, which no container sees."""

    def version(number: int) -> dict[str, Entry]:
        info = f"{SITE}/flask-{number}.dist-info"
        return {
            f"{info}/METADATA": b"Name: Flask\nVersion: %d\n" % number,
            f"{info}/RECORD": b"flask/app.py,,\n",
            f"{SITE}/flask/app.py": b"%d" % number,
        }

    removed: dict[str, Entry] = {f"{SITE}/.wh.flask-1.dist-info": b""}
    _, found = owners_of(version(1), {**removed, **version(2)})
    packages = {record.version: number for number, record in enumerate(found.records)}
    assert found.installed == {packages["2"]}
    assert [[found.records[number].version for number in rows if number < len(found.records)] for rows in found.rows] == [
        ["1"] * 3,
        ["2"] * 3,
    ]
