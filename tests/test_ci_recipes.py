"""The recipes of docs/ci.md: each is valid where it is meant for, and its commands run and write the reports they name.

What a recipe gets from elsewhere is played: ``docker buildx build`` copies the example, pip and pipx install nothing.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from ocisize.cli.main import main
from ocisize.budgets.config import load_budget_file
from ocisize.oci.reference import parse_reference
from ocisize.sources.registry.credentials import Credentials, find_credentials
from tests.images import build_image, layer, write_oci_archive
from tests.tools import program

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "ci.md").read_text()
EXAMPLE = ROOT / "testdata" / "example.tar"
BIN = Path(sys.executable).parent
FENCES = re.findall(r"^```(\w+)$", PAGE, re.MULTILINE)
RECIPES = {name: text for name, text in re.findall(r"^`([^`\n]+)`\n\n```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)}
WORKFLOW, GITLAB, JENKINS = ".github/workflows/image-size.yml", ".gitlab-ci.yml", "Jenkinsfile"
CACHED_WORKFLOW, CACHED_GITLAB = ".github/workflows/image-size-cached.yml", "cached.gitlab-ci.yml"
#: recipes that test_ci_comments.py tests
COMMENTS = {
    ".github/workflows/image-size-comment.yml", ".github/workflows/image-size-action.yml", "merge-request.gitlab-ci.yml",
}  # fmt: skip
PLAYED = {
    "docker": 'for word; do case $word in type=oci,dest=*) cp "$EXAMPLE" "${word#*dest=}";; esac; done',
    "pip": '[ "$1" = install ] && [ -n "$2" ]',
    "pipx": '[ "$1" = install ] && [ -n "$2" ]',
    "python3": 'mkdir -p "$3/bin" && ln -s "$PLAYED/pip" "$OCISIZE_COMMAND" "$3/bin/"',
}


@pytest.fixture
def folder(home: Path, tmp_path: Path) -> Path:
    """A repository with the image, its baseline and budgets that it keeps."""
    work = tmp_path / "work"
    work.mkdir()
    shutil.copy(EXAMPLE, work / "app.tar")
    (work / "ocisize.toml").write_text('max-download = "120 MB"\n')
    played = tmp_path / "bin"
    played.mkdir()
    for name, script in PLAYED.items():
        (played / name).write_text(f"#!/bin/sh\n{script}\n")
        (played / name).chmod(0o755)
    for named in (["--name", "app"], []):
        words = ["baseline", "write", str(EXAMPLE), "-q", "--baseline", str(work / "ocisize-baseline.json"), *named]
        assert main(words) == 0
    return work


def run(words: Sequence[str], folder: Path, variables: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command in the repository, ocisize and what is played on its PATH."""
    played = folder.parent / "bin"
    environment = {
        **os.environ, "PATH": f"{played}:{BIN}:{os.environ['PATH']}", "PLAYED": str(played), "EXAMPLE": str(EXAMPLE),
        "OCISIZE_COMMAND": str(BIN / "ocisize"), "IMAGE": "app.tar", "OCISIZE": "ocisize.whl", **(variables or {}),
    }  # fmt: skip
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)


def bash(script: str, folder: Path, variables: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return run(["bash", "-euo", "pipefail", "-c", script], folder, variables)


def done(result: subprocess.CompletedProcess[str], status: int = 0) -> str:
    assert result.returncode == status, result.stdout + result.stderr
    return result.stdout


def document(name: str) -> Any:
    return YAML(typ="safe").load(RECIPES[name])


def check(tool: str, *words: str) -> None:
    done(subprocess.run([str(BIN / tool), *words], capture_output=True, text=True, timeout=120))


def written(name: str, folder: Path) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(RECIPES[name])
    return path


def test_every_recipe_is_tested() -> None:
    """No block of the page is passed over; those in this list have a test each."""
    names = {
        *COMMENTS, "ocisize.toml", WORKFLOW, GITLAB, JENKINS, ".pre-commit-config.yaml", "Makefile", "image-size.sh",
        CACHED_WORKFLOW, CACHED_GITLAB,
    }  # fmt: skip
    assert set(RECIPES) == names
    assert len(FENCES) == len(RECIPES)


def test_budgets(folder: Path) -> None:
    """The file of budgets is understood, all of it."""
    assert {budget.key for budget in load_budget_file(written("ocisize.toml", folder)).budgets} == {
        "max-download", "max-waste", "forbid",
    }  # fmt: skip


def workflow_steps() -> list[str]:
    return [step["run"] for step in document(WORKFLOW)["jobs"]["image-size"]["steps"] if "run" in step]


def test_github(folder: Path, tmp_path: Path) -> None:
    """The workflow is one by GitHub's schema; its steps build, annotate, summarise and leave what is uploaded."""
    check("check-jsonschema", "--builtin-schema", "vendor.github-workflows", str(written(WORKFLOW, folder)))
    (folder / "app.tar").unlink()
    summary = tmp_path / "summary.md"
    job = document(WORKFLOW)["jobs"]["image-size"]
    variables = {"IMAGE": job["env"]["IMAGE"], "GITHUB_STEP_SUMMARY": str(summary)}
    output = "".join(done(bash(step, folder, variables)) for step in workflow_steps())
    assert "::notice file=Dockerfile" in output
    assert summary.read_text().startswith("<!-- ocisize image ")
    uploaded = next(step["with"]["sarif_file"] for step in job["steps"] if "upload-sarif" in step.get("uses", ""))
    assert json.loads((folder / uploaded).read_text())["version"] == "2.1.0"


def test_github_of_the_tutorial(folder: Path) -> None:
    """The workflow that the tutorial shows is one by GitHub's schema, and its steps pass on its image."""
    page = (ROOT / "docs" / "tutorial.md").read_text("utf-8")
    (text,) = re.findall(rf"^`{re.escape(WORKFLOW)}`\n\n```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    path = folder / WORKFLOW
    path.parent.mkdir(parents=True)
    path.write_text(text)
    check("check-jsonschema", "--builtin-schema", "vendor.github-workflows", str(path))
    (folder / "app.tar").unlink()
    steps = YAML(typ="safe").load(text)["jobs"]["image-size"]["steps"]
    output = "".join(done(bash(step["run"], folder)) for step in steps if "run" in step)
    assert "::notice file=Dockerfile" in output and "PASS download" in output


def test_github_with_a_broken_budget(folder: Path, tmp_path: Path) -> None:
    """The step fails, and what the next one uploads is there."""
    (folder / "ocisize.toml").write_text('max-download = "1 MB"\n')
    step = next(step for step in workflow_steps() if "-f sarif" in step)
    assert "budget fail: download" in bash(step, folder, {"GITHUB_STEP_SUMMARY": str(tmp_path / "s")}).stderr
    done(bash(step, folder, {"GITHUB_STEP_SUMMARY": str(tmp_path / "s")}), 1)
    assert (folder / "ocisize.sarif").exists()


def test_gitlab(folder: Path, home: Path) -> None:
    """The job is one by GitLab's schema; its login is read, and all reports that it names are written."""
    path = written(GITLAB, folder)
    check("check-jsonschema", "--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci", str(path))
    job = document(GITLAB)["image-size"]
    variables = {"CI_REGISTRY": "registry.example.com", "CI_REGISTRY_USER": "job", "CI_REGISTRY_PASSWORD": "se%cret"}
    done(bash("\n".join([*job["before_script"], *job["script"]]), folder, variables))
    assert find_credentials(parse_reference("registry.example.com/app:1")) == Credentials("job", "se%cret")
    assert set(job["artifacts"]["reports"]) == {"codequality", "metrics", "junit"}
    for report in job["artifacts"]["reports"].values():
        assert (folder / report).read_text()


def test_a_cache_at_github(folder: Path, tmp_path: Path) -> None:
    """The workflow is one by GitHub's schema, and what it saves is the folder that ocisize fills and prunes."""
    check("check-jsonschema", "--builtin-schema", "vendor.github-workflows", str(written(CACHED_WORKFLOW, folder)))
    job = document(CACHED_WORKFLOW)["jobs"]["image-size"]
    steps = [step["run"] for step in job["steps"] if "run" in step]
    variables = {"OCISIZE_CACHE_DIR": job["env"]["OCISIZE_CACHE_DIR"], "GITHUB_STEP_SUMMARY": str(tmp_path / "s")}
    save_image(folder)
    output = [done(bash(step, folder, variables)) for step in steps]
    assert output[-1].startswith("removed 0 B in 0 entries; ") and "; 0 B in 0" not in output[-1][20:]
    assert any((folder / job["env"]["OCISIZE_CACHE_DIR"]).rglob("*.ocz"))


def test_a_cache_at_gitlab(folder: Path) -> None:
    """The job is one by GitLab's schema, and keeps the folder that ocisize fills and prunes."""
    path = written(CACHED_GITLAB, folder)
    check("check-jsonschema", "--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci", str(path))
    job = document(CACHED_GITLAB)["image-size"]
    save_image(folder)
    script = "\n".join([*job["before_script"], *job["script"], *job["after_script"]])
    done(bash(script, folder, {"OCISIZE_CACHE_DIR": str(folder / job["cache"]["paths"][0])}))
    assert any((folder / ".ocisize-cache").rglob("*.ocz"))


def save_image(folder: Path) -> None:
    """Put an image with compressed layers in the place of the example: its layers are kept."""
    write_oci_archive(build_image([layer({"bin/app": b"x" * 1000})]), folder / "app.tar")


def test_jenkins(folder: Path) -> None:
    """The pipeline's blocks close, its shell lines run, and what it collects afterwards is there."""
    text = RECIPES[JENKINS]
    assert text.count("{") == text.count("}") and text.count("'") % 2 == 0
    lines = re.findall(r"^ *sh '(.*)'$", text, re.MULTILINE)
    assert len(lines) == text.count("sh '") == 3
    for line in lines:  # each is a shell of its own
        done(bash(line, folder))
    collected = re.findall(r"(?:testResults|pattern): '([^']+)'", text)
    assert collected == ["ocisize.xml", "ocisize.sarif"]
    assert all((folder / name).read_text() for name in collected)


def test_pre_commit(folder: Path) -> None:
    """pre-commit takes the file; its hook passes the image that was accepted and stops one that has grown."""
    path = written(".pre-commit-config.yaml", folder)
    check("pre-commit", "validate-config", str(path))
    git = [program("git"), "-c", "user.name=a", "-c", "user.email=a@example.com"]
    done(run([*git, "init", "-q"], folder))
    done(run([*git, "add", ".pre-commit-config.yaml"], folder))
    hook = [str(BIN / "pre-commit"), "run", "--all-files", "--hook-stage", "pre-push"]
    variables = {"PRE_COMMIT_HOME": str(folder.parent / "hooks")}
    assert "Passed" in done(run(hook, folder, variables))
    shrink_baseline(folder)
    assert "Failed" in done(run(hook, folder, variables), 1)


def test_hooks_of_this_repository(folder: Path) -> None:
    """pre-commit takes the hooks that other repositories use; each command passes the image that was accepted."""
    check("pre-commit", "validate-manifest", str(ROOT / ".pre-commit-hooks.yaml"))
    hooks = YAML(typ="safe").load(ROOT / ".pre-commit-hooks.yaml")
    assert [hook["id"] for hook in hooks] == ["ocisize", "ocisize-baseline"]
    for hook in hooks:
        done(run([*str(hook["entry"]).split(), "app.tar"], folder))
    shrink_baseline(folder)
    done(run([*str(hooks[1]["entry"]).split(), "app.tar", "--name", "app"], folder), 1)
    (folder / "ocisize.toml").write_text('max-download = "1 B"\n')
    done(run([*str(hooks[0]["entry"]).split(), "app.tar"], folder), 1)


def test_hooks_of_contributors() -> None:
    """pre-commit takes the hooks that check ocisize itself."""
    check("pre-commit", "validate-config", str(ROOT / ".pre-commit-config.yaml"))


def shrink_baseline(folder: Path) -> None:
    """Lower what was accepted, so that the image has grown."""
    path = folder / "ocisize-baseline.json"
    path.write_text(re.sub(r'"content_size": \d+', '"content_size": 1', path.read_text()))


def test_make(folder: Path) -> None:
    """All targets run; growth fails until it is accepted."""
    written("Makefile", folder)
    make = [program("make"), "-s"]
    assert "Download" in done(run([*make, "size"], folder, {"IMAGE": "app.tar", "OCISIZE": "ocisize"}))
    shrink_baseline(folder)
    for target, status in [("size", 2), ("size-ratchet", 2), ("size-accept", 0), ("size", 0), ("size-ratchet", 0)]:
        done(run([*make, target], folder, {"OCISIZE": "ocisize"}), status)


def test_a_shell(folder: Path) -> None:
    """The script leaves its reports, and stops at the first command that fails."""
    assert "1 platform" in done(bash(RECIPES["image-size.sh"], folder))
    assert json.loads((folder / "ocisize.json").read_text())["schema"] == "ocisize.analysis"
    shrink_baseline(folder)
    assert "1 platform" not in done(bash(RECIPES["image-size.sh"], folder), 1)
