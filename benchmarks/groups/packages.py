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
_BOTH = "ocisize -f text and -f cyclonedx"
#: a command with an empty cache of layers, which is removed afterwards
_WITH_EMPTY_CACHE = 'd=$(mktemp -d) && "$0" "$@" --cache-dir "$d"; s=$?; rm -rf "$d"; exit $s'
_PATIENCE = 900.0  # seconds
COST, COST_WITH, CONTENT = "analysis, ms of CPU", "analysis with packages, ms of CPU", "content, kB"
KEPT, UNEXPLAINED = "databases and excerpts kept, kB", "unexplained, kB"
_MEASURE = f"""
import json, statistics, sys, time
from ocisize import Analyzer

def measure(**options):
    start = time.process_time()
    analysis = Analyzer(estimate_download=False, **options).analyze(sys.argv[1])
    return (time.process_time() - start) * 1000, analysis

measure(packages=True)  # imports
pairs = [(measure()[0], measure(packages=True)[0]) for _ in range(5)]
_, analysis = measure(packages=True, keep_packages=True)
inventory = analysis.packages
unknown = [files for files in inventory.unowned if files.kind.value == "unknown"]
kept = [content for layer in analysis.layers for part in (layer.files.contents, layer.files.excerpts) for content in part.values()]
print(json.dumps({{
    "packages": len(inventory.packages),
    "{CONTENT}": analysis.content_size / 1000,
    "of packages, kB": sum(package.content_size for package in inventory.packages) / 1000,
    "{UNEXPLAINED}": sum(files.content_size for files in unknown) / 1000,
    "{KEPT}": sum(map(len, kept)) / 1000,
    "{COST}": statistics.median(plain for plain, _ in pairs),
    "{COST_WITH}": statistics.median(plain for plain, _ in pairs) * statistics.median(more / plain for plain, more in pairs),
}}))
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
            _BOTH: peers.ocisize("--no-cache", archive, "-f", "text", "-f", f"cyclonedx={os.devnull}"),
            **_peers(case),
        }
        yield Section(
            "packages", case.name, "archive", f"{case.name}, docker archive", SBOM, case.facts(),
            interleave(commands, context.rounds),
        )  # fmt: skip
        for form, image in (("archive", case.archive), ("gzip", case.layout("gzip"))):
            title = f"{case.name}, owners, {form}"
            yield Section("packages", case.name, f"{form} owners", title, facts=case.facts(), figures=_figures(image))


def _peers(case: Case) -> dict[str, Command]:
    """Syft and Trivy if they are installed; both read the archive, and Trivy looks for no vulnerabilities."""
    commands, archive = {}, str(case.archive)
    if syft := find_program("syft"):
        argv = (syft, "scan", "-q", f"docker-archive:{archive}", "-o", f"cyclonedx-json={os.devnull}")
        commands[SYFT] = Command(argv, peers.SLOW, _PATIENCE, {"SYFT_CHECK_FOR_APP_UPDATE": "false"})
    if trivy := find_program("trivy"):
        options = ("--format", "json", "--list-all-pkgs", "--scanners", "license", "--quiet", "--output", os.devnull)
        argv = ("sh", "-c", _WITH_EMPTY_CACHE, trivy, "image", "--input", archive, *options)
        commands[TRIVY] = Command(argv, peers.SLOW, _PATIENCE)
    return commands


def _figures(image: Path) -> dict[str, float]:
    command = [sys.executable, "-c", _MEASURE, str(image)]
    process = subprocess.run(command, check=True, capture_output=True, text=True, env=variables(), cwd=REPOSITORY)
    figures: dict[str, float] = json.loads(process.stdout)
    return figures
