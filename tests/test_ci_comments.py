"""The recipes and the action that keep one comment: they build both images, compare them, and create or update the comment.

gh and curl are real, and talk to a code host on 127.0.0.1; ``docker buildx build`` copies an image that the commit names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.code_host import CodeHost, code_host
from tests.images import build_image, layer, write_layout
from tests.test_ci_recipes import ROOT, bash, check, document, done, folder, run, written  # noqa: F401 - a fixture
from tests.tools import program

COMMENT, ACTION_WORKFLOW = ".github/workflows/image-size-comment.yml", ".github/workflows/image-size-action.yml"
MERGE_REQUEST = "merge-request.gitlab-ci.yml"
ACTION = YAML(typ="safe").load(ROOT / "action.yml")
DOCKER = """\
[ "$2" = build ] || exit 0
for word; do case $word in type=oci,dest=*) target=${word#*dest=};; esac; last=$word; done
[ ! -d "$last/.git" ] && ! ls "$last"/*.tar || exit 3  # would be in one of the images only
cp -r "$LAYOUTS/$(cat "$last/version")" "$target"
"""


@pytest.fixture
def host() -> Iterator[CodeHost]:
    with code_host() as running:
        yield running


@pytest.fixture
def repository(folder: Path) -> Path:  # noqa: F811
    """A repository whose last commit is a merge of a larger image, as GitHub checks it out."""
    program("gh"), program("curl")
    layouts = folder.parent / "layouts"
    small = layer({"bin/app": b"a" * 1000})
    for name, layers in (("old", [small]), ("new", [small, layer({"data": b"d" * 5000})])):
        write_layout(build_image(layers, history=[{"created_by": "COPY . /"}] * len(layers)), layouts / name)
    (folder.parent / "bin" / "docker").write_text(f"#!/bin/sh\n{DOCKER}")
    (folder.parent / "bin" / "python3").unlink()  # which plays the venv of another recipe
    git = f"{program('git')} -c user.name=a -c user.email=a@example.com"
    script = f"""
        {git} init -q -b main; echo old > version; echo FROM scratch > Dockerfile
        {git} add version Dockerfile; {git} commit -qm old
        {git} checkout -qb work; echo new > version; {git} commit -qam new
        {git} checkout -q main; {git} merge -q --no-ff -m merge work
        rm ocisize.toml; echo 'max-unpacked = "+1 MB"' > ocisize.toml
    """
    done(bash(script, folder))
    return folder


def variables_of(repository: Path, host: CodeHost) -> dict[str, str]:
    base = done(run([program("git"), "rev-parse", "HEAD^1"], repository)).strip()
    temporary = repository.parent / "runner"
    temporary.mkdir(exist_ok=True)
    return {
        **host.environment(), "LAYOUTS": str(repository.parent / "layouts"), "CI_MERGE_REQUEST_DIFF_BASE_SHA": base,
        "RUNNER_TEMP": str(temporary), "GITHUB_STEP_SUMMARY": str(temporary / "summary.md"), "GITHUB_ACTION_PATH": str(ROOT),
    }  # fmt: skip


def reset(repository: Path, host: CodeHost) -> None:
    """Remove what a run leaves, as a new runner does."""
    for tree in (repository.parent / "before", repository.parent / "runner" / "before"):
        run([program("git"), "worktree", "remove", "--force", str(tree)], repository)
    done(bash("rm -rf before.tar after.tar comment.md ../runner/*", repository))
    host.requests.clear()


def run_github(repository: Path, host: CodeHost) -> int:
    """The status of the first step that fails; the comment is written even then, as its condition says."""
    variables, status = variables_of(repository, host), 0
    for step in document(COMMENT)["jobs"]["image-size-comment"]["steps"]:
        if "run" in step and (not status or "cancelled()" in step.get("if", "")):
            status = max(bash(step["run"], repository, variables).returncode, status)
    return status


def run_gitlab(repository: Path, host: CodeHost) -> int:
    jobs, variables = document(MERGE_REQUEST), variables_of(repository, host)
    done(bash("\n".join(jobs["build-images"]["script"]), repository, variables))
    result = bash("\n".join(jobs["image-size-comment"]["script"]), repository, variables)
    print(result.stdout, result.stderr)
    return result.returncode


def run_action(repository: Path, host: CodeHost, inputs: Mapping[str, str] | None = None) -> int:
    """Run the steps of the action with their expressions filled in."""
    values = {name: str(row.get("default", "")) for name, row in ACTION["inputs"].items()} | dict(inputs or {})
    status = 0
    for step in ACTION["runs"]["steps"]:
        condition = step.get("if", "")
        environment: dict[str, str] = {}
        for name, text in step.get("env", {}).items():
            word = re.fullmatch(r"\$\{\{ inputs\.([\w-]+) \}\}", text)
            environment |= {name: values[word[1]]} if word and word[1] != "token" else {}
        is_built = "inputs.before == ''" not in condition or not (values["before"] and values["after"])
        is_wanted = "inputs.comment == 'true'" not in condition or values["comment"] == "true"
        if is_built and is_wanted and (not status or "cancelled()" in condition):
            result = bash(step["run"], repository, {**variables_of(repository, host), **environment})
            status = max(result.returncode, status)
    return status


RUNNERS: list[Any] = [run_github, run_gitlab, run_action]


@pytest.mark.parametrize("runner", RUNNERS)
def test_one_comment_is_created_and_updated(runner: Any, repository: Path, host: CodeHost) -> None:
    """The first run creates a comment, the second one updates it; comments of others stay."""
    host.add("Looks good")
    host.add_own("<!-- ocisize diff other linux/amd64 -->\nanother image")
    assert runner(repository, host) == 0
    assert len(host.comments) == 3
    assert host.bodies[2].startswith("<!-- ocisize diff app linux/amd64 -->\n### ")
    assert "grew by" in host.bodies[2]
    assert host.tokens == {"token"}
    reset(repository, host)
    host.comments[2]["body"] = host.bodies[2].split("\n")[0] + "\nold"
    assert runner(repository, host) == 0
    assert len(host.comments) == 3
    assert "grew by" in host.bodies[2]
    assert host.writes in (["PATCH"], ["PUT"])


@pytest.mark.parametrize("runner", RUNNERS)
def test_the_comment_is_written_if_a_budget_fails(runner: Any, repository: Path, host: CodeHost) -> None:
    """The job fails after the comment says why."""
    (repository / "ocisize.toml").write_text('max-unpacked = "+1 kB"\n')
    assert runner(repository, host) == 1
    assert "budgets: 1 of 1 failed" in host.bodies[0]


@pytest.mark.parametrize("runner", RUNNERS)
def test_no_comment_without_a_report(runner: Any, repository: Path, host: CodeHost) -> None:
    """If an image cannot be read, the job fails, and an older comment stays as it is."""
    done(bash('rm -r "$LAYOUTS/new"/*', repository, variables_of(repository, host)))
    assert runner(repository, host) == 2
    assert host.requests == []


@pytest.mark.parametrize("runner", RUNNERS)
def test_comments_of_others_are_never_updated(runner: Any, repository: Path, host: CodeHost) -> None:
    """A token may be allowed to change comments of other users: those that have the marker stay as they are."""
    marker = "<!-- ocisize diff app linux/amd64 -->"
    host.add(f"{marker}\nmine")
    host.add(f"{marker}\nof another program", user=42)
    host.add_own(f"> {marker}\nquoted")
    assert runner(repository, host) == 0
    assert [body.rpartition("\n")[2] for body in host.bodies[:3]] == ["mine", "of another program", "quoted"]
    assert host.writes == ["POST"]


@pytest.mark.parametrize("runner", RUNNERS)
def test_all_pages_of_comments_are_read(runner: Any, repository: Path, host: CodeHost) -> None:
    """The comment is found behind some hundred others."""
    for number in range(230):
        host.add(f"comment {number}")
    host.add_own("<!-- ocisize diff app linux/amd64 -->\nold")
    host.add("Thanks")
    assert runner(repository, host) == 0
    assert len(host.comments) == 232
    assert "grew by" in host.bodies[230]


@pytest.mark.parametrize("runner", RUNNERS)
def test_a_new_image(runner: Any, repository: Path, host: CodeHost) -> None:
    """If the base has no Dockerfile, the comment says that the image is new, and growth is not limited."""
    git = f"{program('git')} -c user.name=a -c user.email=a@example.com"
    script = f"""
        {git} checkout -q HEAD^1; {git} rm -q Dockerfile; {git} commit -qm "no image"; base=$({git} rev-parse HEAD)
        {git} checkout -q main; {git} replace --graft HEAD "$base" HEAD^2
    """
    done(bash(script, repository))
    (repository / "ocisize.toml").write_text('max-unpacked = "+1 kB"\nmax-layers = 5\n')
    assert runner(repository, host) == 0
    assert host.bodies[0].startswith("<!-- ocisize diff app linux/amd64 -->\n### ")
    assert "is new: " in host.bodies[0]
    assert "there is no image before" in host.bodies[0]


def test_inputs_of_the_action(repository: Path, host: CodeHost) -> None:
    """Images that are given are not built, other budgets are read, and the summary is written without a comment."""
    layouts = repository.parent / "layouts"
    (repository / "strict.toml").write_text('max-unpacked = "+1 kB"\n')
    inputs = {
        "before": str(layouts / "old"),
        "after": str(layouts / "new"),
        "comment": "false",
        "budget-file": "strict.toml",
    }
    assert run_action(repository, host, inputs) == 1
    assert host.requests == []
    assert "grew by" in (repository.parent / "runner" / "summary.md").read_text()
    assert not (repository.parent / "runner" / "before.tar").exists()


def test_files_are_valid(repository: Path) -> None:
    """Workflows, action and pipeline are valid by the schemas of GitHub and GitLab."""
    for name in (COMMENT, ACTION_WORKFLOW):
        check("check-jsonschema", "--builtin-schema", "vendor.github-workflows", str(written(name, repository)))
    check("check-jsonschema", "--builtin-schema", "vendor.github-actions", str(ROOT / "action.yml"))
    path = str(written(MERGE_REQUEST, repository))
    check("check-jsonschema", "--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci", path)


def test_no_expression_is_in_a_script() -> None:
    """Values reach the scripts of recipes and action as variables only, so that no value can be a command."""
    steps = [*ACTION["runs"]["steps"], *document(COMMENT)["jobs"]["image-size-comment"]["steps"]]
    assert not [step for step in steps if "${{" in step.get("run", "")]
    uses = document(ACTION_WORKFLOW)["jobs"]["image-size-comment"]["steps"][-1]
    assert set(uses["with"]) <= set(ACTION["inputs"])
