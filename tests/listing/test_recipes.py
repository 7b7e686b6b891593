"""The commands of docs/fleet.md that list repositories: what they make of the answers of registries is a list."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ocisize.listing.hints import advise_on_catalog
from ocisize.listing.lines import split_lines
from ocisize.listing.patterns import RegistryPattern, is_pattern, parse_pattern
from tests.tools import program

_PAGE = Path(__file__).parents[2] / "docs" / "fleet.md"
_SECTION = _PAGE.read_text("utf-8").partition("### Lists from other registries")[2].partition("\n### ")[0]
#: the command of each registry
_RECIPES = {
    name: block
    for name, block in re.findall(r"\*\*([A-Za-z ]+)\*\*[^`]*(?:`[^`]+`[^`]*)*```sh\n(.*?)```", _SECTION, re.DOTALL)
}
#: programs that are played, with an answer in the form that their documentation shows
_ANSWERS: dict[str, Any] = {
    "Docker Hub": {"count": 2, "next": None, "results": [{"name": "web", "namespace": "NAMESPACE"}, {"name": "api"}]},
    "GHCR": [{"id": 1, "name": "web", "package_type": "container"}, {"id": 2, "name": "team/api"}],
    "Amazon ECR": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/web\n123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/api\n",
    "Azure Container Registry": "web\nteam/api\n",
    "Google Artifact Registry": "us-docker.pkg.dev/proj/repo/web\nus-docker.pkg.dev/proj/repo/api\nus-docker.pkg.dev/proj/repo/web\n",
    "Harbor": [{"name": "project/web", "artifact_count": 3}, {"name": "project/team/api"}],
    "GitLab": [
        {"id": 1, "location": "registry.gitlab.com/group/web"},
        {"id": 2, "location": "registry.gitlab.com/group/web/api"},
    ],
    "Quay": {"repositories": [{"namespace": "NAMESPACE", "name": "web", "is_public": True}, {"name": "api"}]},
}
_EXPECTED = {
    "Docker Hub": ("docker.io", ["namespace/web", "namespace/api"]),
    "GHCR": ("ghcr.io", ["name/web", "name/team/api"]),
    "Amazon ECR": ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", ["web", "team/api"]),
    "Azure Container Registry": ("name.azurecr.io", ["web", "team/api"]),
    "Google Artifact Registry": ("us-docker.pkg.dev", ["proj/repo/api", "proj/repo/web"]),
    "Harbor": ("harbor.corp", ["project/web", "project/team/api"]),
    "GitLab": ("registry.gitlab.com", ["group/web", "group/web/api"]),
    "Quay": ("quay.io", ["namespace/web", "namespace/api"]),
}
#: gh runs the program of --jq itself
_PLAYED = """#!/bin/bash
while [ $# -gt 0 ]; do [ "$1" = --jq ] && { jq -r "$2" < "$ANSWER"; exit; }; shift; done
cat "$ANSWER"
"""


def run_recipe(command: str, answer: Any, folder: Path) -> list[RegistryPattern]:
    """Run a command with played programs, and return the patterns that reach ocisize."""
    for name in ("curl", "gh", "aws", "az", "gcloud", "glab"):
        (folder / name).write_text(_PLAYED)
        (folder / name).chmod(0o755)
    (folder / "ocisize").write_text('#!/bin/bash\n[ "$1 $2" = "fleet -" ] && cat > "$LISTED"\n')
    (folder / "ocisize").chmod(0o755)
    (folder / "answer").write_text(answer if isinstance(answer, str) else json.dumps(answer))
    environment = {
        **os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "ANSWER": str(folder / "answer"), "LISTED": str(folder / "listed"),
    }  # fmt: skip
    subprocess.run([program("bash"), "-euo", "pipefail", "-c", command], env=environment, check=True, timeout=30)
    lines = [*split_lines((folder / "listed").read_text())]
    assert all(is_pattern(line.name) and not line.label for line in lines)
    return [parse_pattern(line.name) for line in lines]


def fill(command: str) -> str:
    """A command with names in place of its placeholders."""
    for placeholder, name in (("NAMESPACE", "namespace"), ("HARBOR", "harbor.corp"), ("NAME", "name")):
        command = command.replace(placeholder, name)
    return command


def test_every_registry_has_a_recipe() -> None:
    assert {*_RECIPES} == {*_ANSWERS}


@pytest.mark.parametrize("name", _ANSWERS)
def test_recipes_of_the_page(name: str, tmp_path: Path) -> None:
    program("jq")
    registry, repositories = _EXPECTED[name]
    patterns = run_recipe(fill(_RECIPES[name]), _ANSWERS[name], tmp_path)
    assert patterns == [RegistryPattern(registry, repository) for repository in repositories]


@pytest.mark.parametrize(
    ("name", "registry", "namespace"),
    [
        ("Docker Hub", "docker.io", "namespace"), ("GHCR", "ghcr.io", "name"), ("Quay", "quay.io", "namespace"),
        ("GitLab", "registry.gitlab.com", "group"), ("Google Artifact Registry", "us-docker.pkg.dev", "proj/repo"),
    ],
)  # fmt: skip
def test_commands_of_hints(name: str, registry: str, namespace: str, tmp_path: Path) -> None:
    """The error of a registry that lists no repositories names the command with the namespace filled in."""
    program("jq")
    hint = advise_on_catalog(registry, namespace, 401)
    assert hint is not None
    command = hint.partition("list the repositories with: ")[2]
    assert namespace in command
    patterns = run_recipe(command, _ANSWERS[name], tmp_path)
    assert [pattern.repositories.rpartition("/")[2] for pattern in patterns]
    assert {pattern.registry for pattern in patterns} == {registry}
