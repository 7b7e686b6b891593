"""The registry of parsers: what it selects without importing them."""

from __future__ import annotations

import pytest

from ocisize.inventory.ecosystems import ECOSYSTEMS, LazyEcosystem
from ocisize.layer.kept_files import KeptFiles
from ocisize.model import packages

RECORDS = (
    "var/lib/dpkg/status", "var/lib/dpkg/status.d/base", "var/lib/dpkg/status.d/base.md5sums", "var/lib/dpkg/diversions",
    "var/lib/dpkg/info/libc6:amd64.list", "var/lib/apt/extended_states", "lib/apk/db/installed", "usr/lib/apk/db/installed",
    "etc/apk/world", "usr/lib/apk/db/installed.adb", "var/lib/rpm/rpmdb.sqlite", "usr/lib/sysimage/rpm/Packages.db",
    "usr/share/rpm/Packages", "var/lib/rpmmanifest/container-manifest-2", "usr/lib/sysimage/libdnf5/packages.toml", "var/lib/zypp/AutoInstalled", "var/lib/dnf/history.sqlite", "var/lib/dnf/history.sqlite-wal", "var/lib/rpm/rpmdb.sqlite-wal", "var/lib/pacman/local/bash-5.2-1/desc",
    "var/lib/pacman/local/bash-5.2-1/files", "opt/conda/conda-meta/zlib-1.3-0.json", "app/package.json", "package.json",
    "app/node_modules/a/package.json", "app/node_modules/.package-lock.json", "node_modules/.package-lock.json",
    "app/node_modules/.modules.yaml", "app/node_modules/.yarn-integrity", "app/.pnp.cjs",
    "app/.yarn/cache/ms-npm-2.1.3-81ff3cfac1-d924b57e73.zip", "gems/specifications/rack-3.0.8.gemspec",
    "b/extensions/x86_64-linux/3.2.0/json-2.7/gem.build_complete", "app/vendor/composer/installed.json",
    "vendor/composer/installed.json", "app/shop.deps.json", "lib/a-1.dist-info/METADATA", "lib/a-1.dist-info/RECORD",
    "lib/a-1.dist-info/REQUESTED", "lib/a-1.dist-info/INSTALLER", "lib/a-1.dist-info/direct_url.json",
    "lib/a-1.dist-info/top_level.txt", "lib/a-1.egg-info", "lib/a.egg-info/PKG-INFO", "lib/a.egg-info/installed-files.txt",
    "lib/a-1.egg/EGG-INFO/PKG-INFO", "a-1.dist-info/METADATA",
)  # fmt: skip


@pytest.mark.parametrize("ecosystem", ECOSYSTEMS, ids=lambda ecosystem: ecosystem.module)
def test_every_record_is_selected(ecosystem: LazyEcosystem) -> None:
    """What a parser takes for a record, the registry selects before it imports the parser."""
    parser = ecosystem.load()
    records = [path.encode() for path in RECORDS if parser.is_database(path.encode())]
    assert records
    assert ecosystem.names == parser.path_ends
    for path in records:
        assert ecosystem.may_have(path) or path.endswith(ecosystem.names)
    assert len(ecosystem.names) == len(ecosystem.places)


def test_every_kept_record_has_a_parser() -> None:
    """Scans keep no record that nothing reads."""
    keep, parsers = KeptFiles(), [ecosystem.load() for ecosystem in ECOSYSTEMS]
    for path in RECORDS:
        readers = [parser.name for parser in parsers if parser.is_database(path.encode())]
        assert len(readers) == 1, path
        assert keep(path.encode(), 100) or path.endswith(
            tuple(end.decode() for parser in parsers for end in parser.path_ends)
        )


def test_the_order_of_ecosystems_begins_with_distributions() -> None:
    """They own a file before others do."""
    assert packages.ECOSYSTEMS[: len(packages.OF_SYSTEM)] == packages.OF_SYSTEM
