"""The plan and its patch, from the Dockerfile in a provenance statement."""

from __future__ import annotations

import subprocess
from pathlib import Path

import attrs
import pytest

from ocisize import Analyzer, BuildFiles, DiskCache, to_json
from ocisize.cli.main import main as run_main
from tests.images import build_image, layer
from tests.provenance.statements import DOCKERFILE, Build, attest, build, chains_of, location, node, statement
from tests.provenance.test_record import ANALYZER, write_index

pytestmark = pytest.mark.usefixtures("home")
PATCHED = """\
-      curl
+      curl && \\
+    rm -rf /var/lib/apt/lists/* && \\
+    apt-get clean
"""


def saved(tmp_path: Path, made: Build = Build()) -> str:
    image = build()
    return str(write_index(attest(image, statement(image, build=made)), tmp_path, "layout"))


def test_the_plan_has_lines_and_a_patch(tmp_path: Path) -> None:
    """The embedded Dockerfile takes the place of the user's, and the plan says where it is from."""
    plan = ANALYZER.analyze(saved(tmp_path)).plan
    assert (plan.dockerfile, plan.from_provenance, plan.patch_error) == ("Dockerfile", True, "")
    assert [(step.lines, step.in_patch) for step in plan.steps] == [((4,), True)]
    assert [(edit.layer, edit.lines) for edit in plan.edits] == [(2, (4, 6))]
    assert PATCHED in plan.patch and plan.patch.startswith("# The Dockerfile is the one in the provenance of the image.\n")


def test_git_applies_the_patch(tmp_path: Path) -> None:
    """To the file that the image was built from."""
    plan = ANALYZER.analyze(saved(tmp_path)).plan
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    subprocess.run(["git", "apply", "-"], input=plan.patch.encode(), cwd=tmp_path, check=True)
    assert "rm -rf /var/lib/apt/lists/*" in (tmp_path / "Dockerfile").read_text()


def test_the_users_dockerfile_wins(tmp_path: Path) -> None:
    """If it made the image, with its own lines; if it did not, that of the provenance is used."""
    files = BuildFiles(dockerfile="build/Dockerfile", text="# comment\n" + DOCKERFILE)
    path = saved(tmp_path)
    plan = attrs.evolve(ANALYZER, build_files=files).analyze(path).plan
    assert (plan.dockerfile, plan.from_provenance, plan.steps[0].lines) == ("build/Dockerfile", False, (5,))
    other = BuildFiles(dockerfile="Dockerfile", text="FROM x\nRUN make\n")
    plan = attrs.evolve(ANALYZER, build_files=other).analyze(path).plan
    assert (plan.from_provenance, plan.steps[0].lines) == (True, (4,))


def test_the_same_dockerfile_is_paired_by_lines(tmp_path: Path) -> None:
    """Two equal instructions are told apart by the provenance, and the ignore file is the user's."""
    text = "FROM debian:12\nRUN apt-get install -y curl\nRUN apt-get install -y curl\n"
    apt = {"var/cache/apt/archives/curl.deb": b"d" * 200_000}
    image = build_image([layer({"bin/sh": b"b"}), layer(apt)], history=[
        {"created_by": "x"}, {"created_by": "RUN /bin/sh -c apt-get install -y curl # buildkit"}])  # fmt: skip
    nodes = [
        node("a", {"source": {"identifier": "docker-image://docker.io/library/debian:12"}}),
        node("b", {}, "a:0"),
        node("c", None, "b:0"),
    ]
    made = Build(nodes=nodes, locations={"a": location(1, 1), "b": location(2, 2)}, dockerfile=text,
        chains=chains_of(image, {"a:0": 1, "b:0": 2}))  # fmt: skip
    path = write_index(attest(image, statement(image, build=made)), tmp_path, "layout")
    files = BuildFiles(dockerfile="Dockerfile", text=text, ignore_text="x\n")
    plan = attrs.evolve(ANALYZER, build_files=files).analyze(path).plan
    assert not plan.from_provenance and plan.steps[0].lines == (2,)
    assert attrs.evolve(ANALYZER, build_files=files, use_attestations=False).analyze(path).plan.steps[0].lines == (3,)


def test_files_of_the_context_are_left_out_by_hand(tmp_path: Path) -> None:
    """Nobody knows the .dockerignore of the build, so the patch does not write one."""
    image = build()
    layers = [*image.layers[:3], layer({"app/.git/objects/pack": b"g" * 500_000, "app/main": b"m"})]
    history = [{"created_by": step, "comment": "buildkit.dockerfile.v0"} for step in (
        "# debian.sh", "WORKDIR /app", "RUN /bin/sh -c apt-get update &&     apt-get install -y       curl # buildkit",
        "COPY --chown=app . /app # buildkit")]  # fmt: skip
    image = build_image(layers, history=history)
    plan = ANALYZER.analyze(write_index(attest(image, statement(image)), tmp_path, "layout")).plan
    ignoring = [step for step in plan.steps if step.ignored]
    assert ignoring and not any(step.in_patch for step in ignoring)
    assert "dockerignore" not in "".join(line for line in plan.patch.splitlines() if not line.startswith("#"))
    assert PATCHED in plan.patch


def test_a_dockerfile_with_secrets(tmp_path: Path) -> None:
    """The lines are named; a patch whose context is redacted would not fit the file, so there is none."""
    secret = "ghp_0123456789abcdefghijABCDEFGHIJ012345"
    text = DOCKERFILE.replace("WORKDIR /app\n", f"WORKDIR /app\nENV GITHUB_TOKEN={secret}\n").replace("# syntax", "# syntax")
    places = {"step0": location(2, 2), "step1": location(3, 3), "step2": location(5, 7), "step4": location(8, 8)}
    path = saved(tmp_path, Build(dockerfile=text, locations=places))
    analysis = ANALYZER.analyze(path)
    assert analysis.plan.steps[0].lines == (5,) and analysis.plan.patch == "" and "redacted" in analysis.plan.patch_error
    assert secret not in to_json(analysis)


def test_a_patch_from_the_cache(tmp_path: Path) -> None:
    """The plan of a kept analysis is the same."""
    cached = attrs.evolve(ANALYZER, cache=DiskCache(tmp_path / "cache"))
    path = saved(tmp_path)
    assert cached.analyze(path).plan == cached.analyze(path).plan == ANALYZER.analyze(path).plan


def test_a_dockerfile_that_does_not_fit_its_lines(tmp_path: Path) -> None:
    """Lines in the middle of an instruction, of a FROM, and behind the end: the layers have lines, the plan none."""
    places = {"step0": location(2, 2), "step1": location(2, 2), "step2": location(5, 6), "step4": location(70, 70)}
    analysis = ANALYZER.analyze(saved(tmp_path, Build(locations=places)))
    assert [str(layer.source) for layer in analysis.layers][2:] == ["Dockerfile:5-6", "Dockerfile:70"]
    assert {step.lines for step in analysis.plan.steps} == {()} and analysis.plan.patch == ""


def test_from_scratch_is_no_base(tmp_path: Path) -> None:
    """The build steps say so, whatever the history looks like."""
    image = build()
    nodes = [node("go", {"source": {"identifier": "docker-image://docker.io/library/golang:1"}}), node("copy", {}, "go:0"),
        node("more", {}, "copy:0"), node("run", {}, "more:0"), node("last", {}, "run:0"), node("end", None, "last:0")]  # fmt: skip
    chains = chains_of(image, {"copy:0": 1, "more:0": 2, "run:0": 3, "last:0": 4}) | {"go:0": [[{"digest": "sha256:g"}]]}
    path = saved(tmp_path, Build(nodes=nodes, chains=chains, locations={}))
    assert ANALYZER.analyze(path).base is None
    without = Analyzer(platform="linux/amd64", use_attestations=False).analyze(path)
    assert without.base is not None


@pytest.mark.parametrize("options", [[], ["--no-attestations"], ["--dockerfile", "missing"]])
def test_advise_patch(
    options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a Dockerfile here, the command writes the patch of the provenance, unless it may not."""
    path = saved(tmp_path)
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    status = run_main(["advise", path, "--platform", "linux/amd64", "--patch", *options])
    captured = capsys.readouterr()
    assert (status == 0) == (not options)
    assert (PATCHED in captured.out) == (not options)
    assert ("--patch needs a Dockerfile" in captured.err) == bool(options)
