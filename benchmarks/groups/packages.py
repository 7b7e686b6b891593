"""packages: bytes by package and SBOMs beside Syft and Trivy, and what ownership adds to an analysis."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import peers
from cases import Case
from groups.context import Context
from measure import Command, interleave
from results import Section, find_program
from revisions import REPOSITORY, variables

CASES = ("packages",)
PLAIN, PACKAGES = "ocisize", "ocisize packages"
SBOM = "ocisize -f cyclonedx"
SYFT, TRIVY = "syft -o cyclonedx-json", "trivy image --list-all-pkgs"
_BOTH = "ocisize packages and -f cyclonedx, spdx"
_PATIENCE = 900.0  # seconds
_MEASURE = """
import json, sys
from ocisize import Analyzer

analysis = Analyzer(packages=True, keep_packages=True).analyze(sys.argv[1])
inventory = analysis.packages
unknown = [files for files in inventory.unowned if files.kind.value == "unknown"]
kept = sum(len(content) for layer in analysis.layers for content in layer.files.contents.values())
excerpts = sum(len(content) for layer in analysis.layers for content in layer.files.excerpts.values())
print(json.dumps({
    "packages": len(inventory.packages),
    "bytes of packages, %": 100 * sum(package.content_size for package in inventory.packages) / analysis.content_size,
    "unexplained bytes, %": 100 * sum(files.content_size for files in unknown) / analysis.content_size,
    "kept in memory, % of the payload": 100 * (kept + excerpts) / analysis.content_size,
}))
"""


def packages(context: Context) -> Iterator[Section]:
    """Commands on a docker archive, and what the inventory knows."""
    for case in context.cases(*CASES):
        image = str(case.layout("gzip"))
        commands = {
            PLAIN: peers.ocisize("--no-cache", image),
            PACKAGES: peers.ocisize("packages", "--no-cache", image),
        }
        yield Section(
            "packages",
            case.name,
            "gzip",
            f"{case.name}, gzip layers",
            PLAIN,
            case.facts(),
            interleave(commands, context.rounds),
        )
        archive = str(case.archive)
        commands = {
            PLAIN: peers.ocisize("--no-cache", archive),
            PACKAGES: peers.ocisize("packages", "--no-cache", archive),
            SBOM: peers.ocisize("--no-cache", archive, "-f", "cyclonedx", "-o", os.devnull),
            _BOTH: peers.ocisize(
                "--no-cache", archive, "-f", f"cyclonedx={os.devnull}", "-f", f"spdx={os.devnull}", "-f", "text"
            ),
            **_peers(case),
        }
        yield Section(
            "packages", case.name, "archive", f"{case.name}, docker archive", SBOM, case.facts(),
            interleave(commands, context.rounds),
        )  # fmt: skip
        yield Section(
            "packages",
            case.name,
            "figures",
            f"{case.name}, owners",
            facts=case.facts(),
            figures=_figures(case.layout("gzip")),
        )


def _peers(case: Case) -> dict[str, Command]:
    """Syft and Trivy if they are installed; both read the archive, and Trivy looks for no vulnerabilities."""
    commands, archive = {}, str(case.archive)
    if syft := find_program("syft"):
        argv = (syft, "scan", "-q", f"docker-archive:{archive}", "-o", f"cyclonedx-json={os.devnull}")
        commands[SYFT] = Command(argv, peers.SLOW, _PATIENCE, {"SYFT_CHECK_FOR_APP_UPDATE": "false"})
    if trivy := find_program("trivy"):
        argv = (
            trivy, "image", "--input", archive, "--format", "json", "--list-all-pkgs", "--scanners", "license", "--quiet",
            "--offline-scan", "--skip-version-check", "--cache-backend", "memory", "--output", os.devnull,
        )  # fmt: skip
        commands[TRIVY] = Command(argv, peers.SLOW, _PATIENCE)
    return commands


def _figures(image: Path) -> dict[str, float]:
    command = [sys.executable, "-c", _MEASURE, str(image)]
    process = subprocess.run(command, check=True, capture_output=True, text=True, env=variables(), cwd=REPOSITORY)
    figures: dict[str, float] = json.loads(process.stdout)
    return figures
