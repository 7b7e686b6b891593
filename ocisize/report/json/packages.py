"""Packages, and files that no package owns, in JSON documents."""

from __future__ import annotations

from typing import Any

from ocisize.model.packages import Package, UnownedFiles
from ocisize.report.json.analysis import encodable
from ocisize.values import asdict


def package_document(package: Package) -> dict[str, Any]:
    """The fields of a package, and its ``live_size``."""
    fields = asdict(package)
    document: dict[str, Any] = encodable({**fields, "live_size": package.live_size, "reason": package.reason.value})
    return document


def unowned_document(files: UnownedFiles) -> dict[str, Any]:
    """The fields of files that no package owns, and their ``live_size``."""
    document: dict[str, Any] = encodable({**asdict(files), "live_size": files.live_size, "kind": files.kind.value})
    return document
