"""The packages that yarn with Plug'n'Play reads from archives, by the names of these.

Names: ``structUtils.slugifyLocator`` and ``Cache.getLocatorPath``, https://github.com/yarnpkg/berry; for instance
``@babel-core-npm-7.24.0-0123456789-0123456789.zip``, where the second number may be the version of the cache.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ocisize.inventory.record import PackageRecord
from ocisize.inventory.text_fields import PathList
from ocisize.model.packages import NPM
from ocisize.patterns import lazy_pattern

ARCHIVE_END = b".zip"
PNP_LOADERS = (b".pnp.cjs", b".pnp.js")  #: without one of these, the archives are only a cache
_MAX_NAME = 255  # bytes; no filesystem has longer names
_FOLDER = lazy_pattern(rb"(?:(.*)/)?\.yarn/(?:berry/)?cache", re.DOTALL)  # of a project, or of a user
_ARCHIVE = lazy_pattern(rb"(.+)-npm-(\d.*)-[0-9a-f]{10}-[0-9a-z]{1,10}\.zip", re.DOTALL)
# A name joins scope and package by a hyphen; these scopes have one themselves
_HYPHENATED_SCOPES = tuple(
    f"@{scope}-"
    for scope in (
        "angular-devkit", "angular-eslint", "ant-design", "aws-amplify", "aws-cdk", "aws-crypto", "aws-sdk",
        "bundled-es-modules", "floating-ui", "google-cloud", "graphql-codegen", "graphql-tools",
        "graphql-typed-document-node", "material-ui", "napi-rs", "open-draft", "radix-ui", "rc-component", "react-aria",
        "react-email", "react-native",
        "react-native-community", "react-navigation", "react-spring", "react-stately", "react-types", "semantic-release",
        "testing-library", "typescript-eslint",
    )
)  # fmt: skip


def is_archive(path: bytes) -> bool:
    """Whether a file is an archive in a directory where yarn keeps them.

    >>> is_archive(b"app/.yarn/cache/ms-npm-2.1.3-81ff3cfac1-d924b57e73.zip")
    True
    """
    directory, _, name = path.rpartition(b"/")
    return len(name) <= _MAX_NAME and _FOLDER.fullmatch(directory) is not None and _ARCHIVE.fullmatch(name) is not None


def read_archives(files: Mapping[bytes, bytes]) -> Iterator[PackageRecord]:
    """The packages of the archives, if the loader of Plug'n'Play is there.

    >>> files = {b"app/.yarn/cache/@babel-core-npm-7.24.0-0123456789-0123456789.zip": b"", b"app/.pnp.cjs": b""}
    >>> [(found.name, found.version, found.place) for found in read_archives(files)]
    [('@babel/core', '7.24.0', b'app')]
    """
    if not any(path.rpartition(b"/")[2] in PNP_LOADERS for path in files):
        return
    for path in sorted(files):
        directory, _, name = path.rpartition(b"/")
        if (
            not is_archive(path)
            or (match := _ARCHIVE.fullmatch(name)) is None
            or (folder := _FOLDER.fullmatch(directory)) is None
        ):
            continue
        yield PackageRecord(
            ecosystem=NPM,
            name=_package_name(match[1].decode(errors="backslashreplace")),
            version=match[2].decode(errors="backslashreplace"),
            database=path,
            place=folder[1] or b"",
            list_files=PathList([path]),
        )


def _package_name(joined: str) -> str:
    """The name of a package with its scope.

    >>> _package_name("@types-node"), _package_name("@typescript-eslint-parser"), _package_name("left-pad")
    ('@types/node', '@typescript-eslint/parser', 'left-pad')
    """
    if not joined.startswith("@"):
        return joined
    known = [scope for scope in _HYPHENATED_SCOPES if joined.startswith(scope)]
    scope = max(known, key=len)[:-1] if known else joined.partition("-")[0]
    return f"{scope}/{joined[len(scope) + 1 :]}"
