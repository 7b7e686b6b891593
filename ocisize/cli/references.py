"""References of images that the current folder and the configuration of docker name, for the completion of shells."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

_FROM = re.compile(r"(?im)^[ \t]*FROM[ \t]+(?:--\S+[ \t]+)*([^\s$\\]+)[ \t]*(?:AS[ \t]+(\S+))?[ \t]*$")
_COMPOSE_IMAGE = re.compile(r"(?m)^[ \t]*image:[ \t]*[\"']?([^\s\"'#$]+)")
_DOCKERFILES = ("Dockerfile", "Containerfile")
_COMPOSE_FILES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
_BASELINE = "ocisize-baseline.json"
_SAFE = re.compile(r"[\w.:/@\[\]-]+")  # names that no shell takes for more than a word
_MAX_SIZE = 1 << 20  # bytes of a file that is searched


def list_references() -> dict[str, str]:
    """Return references with where they are named: Dockerfile, compose files, baseline; and registries with a login."""
    names: dict[str, str] = {}
    for file in _DOCKERFILES:
        stages = _FROM.findall(_read(Path(file)))
        aliases = {alias.lower() for _, alias in stages}
        names |= {name: f"FROM of {file}" for name, _ in stages if name.lower() not in {*aliases, "scratch"}}
    for file in _COMPOSE_FILES:
        names |= dict.fromkeys(_COMPOSE_IMAGE.findall(_read(Path(file))), f"image of {file}")
    names |= dict.fromkeys(_list_baseline_names(), "in the baseline")
    names |= {f"{host}/": "registry with a login" for host in _list_hosts()}
    return {name: about for name, about in names.items() if _SAFE.fullmatch(name)}


def _list_baseline_names() -> list[str]:
    from ocisize.budgets.config import load_baseline
    from ocisize.errors import BudgetError

    try:
        baseline = load_baseline(Path(_BASELINE))
    except (BudgetError, OSError):
        return []
    return sorted(baseline.images) if baseline is not None else []


def _list_hosts() -> list[str]:
    """The registries of docker's configuration; Docker Hub, whose images need no host, is left out."""
    folder = os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker"
    try:
        document = json.loads(_read(Path(folder) / "config.json") or "{}")
        return sorted(host for host in document.get("auths", {}) if "://" not in host and "docker.io" not in host)
    except (ValueError, AttributeError, TypeError):
        return []


def _read(path: Path) -> str:
    """The text of a small file; "" if it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(_MAX_SIZE).decode("utf-8", "replace")
    except OSError:
        return ""
