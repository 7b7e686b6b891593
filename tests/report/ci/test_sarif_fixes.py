"""Fixes in SARIF: what a viewer makes of the files is what ``git apply`` makes of the plan's patch."""

from __future__ import annotations

import io
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator

from ocisize import Analyzer
from ocisize.model.analysis import Analysis
from ocisize.model.build_files import BuildFiles
from ocisize.report.ci import sarif
from ocisize.report.ci.sarif_fixes import fixes_of, steps_of
from ocisize.report.options import ReportOptions
from ocisize.report.subject import Subject
from ocisize.values import evolve
from tests.compat.test_ci_readers import SCHEMAS
from tests.images import File, build_image, layer
from tests.oci.test_image import single
from tests.plans import plan, step
from tests.tools import program

APT = {f"var/cache/apt/archives/{number}.deb": bytes(range(256)) * 200 for number in range(3)}
DOCKERFILE = "FROM base\n# packages\nRUN apt-get update && \\\n    apt-get install -y curl\nCOPY . /app\nRUN chown -R 7:7 /app\nRUN rm -rf /app/.git\n"
STEPS = [
    "ADD rootfs.tar.gz /", "RUN /bin/sh -c apt-get update &&     apt-get install -y curl", "COPY . /app",
    "RUN /bin/sh -c chown -R 7:7 /app", "RUN /bin/sh -c rm -rf /app/.git",
]  # fmt: skip


def analyzed(dockerfile: str = DOCKERFILE, ignore: str | None = "a\n") -> Analysis:
    """An image with a cache, files stored again and files deleted too late, and the files it was built with."""
    files = {"app/main.py": b"1" * 20_000, "app/.git/p": b"2" * 20_000}
    owned = {path: File(data, uid=7, gid=7) for path, data in files.items()}
    layers = [layer({"bin/sh": b"sh"}), layer(APT), layer(files), layer(owned), layer({"app/.wh..git": b""})]
    history = [{"created_by": f"{step} # buildkit", "comment": "buildkit.dockerfile.v0"} for step in STEPS]
    build_files = BuildFiles(dockerfile="Dockerfile", text=dockerfile, ignore_text=ignore)
    return Analyzer(build_files=build_files).analyze_source(single(build_image(layers, history=history)))


def report(analysis: Analysis) -> list[Any]:
    """The results of a valid report."""
    file = io.StringIO()
    sarif.write(Subject.of_image(analysis, ReportOptions()), file, ReportOptions())
    document = json.loads(file.getvalue())
    Draft4Validator(json.loads((SCHEMAS / "sarif-2.1.0-rtm.5.json").read_text())).validate(document)
    results: list[Any] = document["runs"][0]["results"]
    return results


def applied(texts: Mapping[str, str], changes: list[Any]) -> dict[str, str]:
    """The files after a fix, as section 3.57 of SARIF says: the text of a region is replaced, the last region first."""
    after = dict(texts)
    for change in changes:
        name = change["artifactLocation"]["uri"]
        for replacement in reversed(change["replacements"]):
            region, lines = replacement["deletedRegion"], after[name].splitlines(keepends=True)
            starts = [sum(map(len, lines[:number])) for number in range(len(lines) + 1)]
            start = starts[region["startLine"] - 1] + region.get("startColumn", 1) - 1
            line = lines[region["endLine"] - 1].rstrip("\r\n") if region["endLine"] <= len(lines) else ""
            end = starts[min(region["endLine"] - 1, len(lines))] + region.get("endColumn", len(line) + 1) - 1
            text = replacement.get("insertedContent", {}).get("text", "")
            after[name] = after[name][:start] + text + after[name][end:]
    return after


def patched(folder: Path, texts: Mapping[str, str], patch: str) -> dict[str, str]:
    for name, text in texts.items():
        (folder / name).write_bytes(text.encode())
    subprocess.run([program("git"), "apply", "-"], cwd=folder, input=patch.encode(), check=True)
    return {name: (folder / name).read_bytes().decode() for name in texts}


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("ignore", ["a\n", "a", ""])
def test_all_fixes_together_are_the_patch(tmp_path: Path, newline: str, ignore: str) -> None:
    """Each fix is a part of the patch, and no instruction is in two different fixes."""
    texts = {"Dockerfile": DOCKERFILE.replace("\n", newline), ".dockerignore": ignore.replace("\n", newline)}
    analysis = analyzed(texts["Dockerfile"], texts[".dockerignore"])
    changes = {json.dumps(result["fixes"][0]["artifactChanges"]) for result in report(analysis) if "fixes" in result}
    assert len(changes) > 1
    all_changes = [change for text in changes for change in json.loads(text)]
    all_changes.sort(key=lambda change: -change["replacements"][0]["deletedRegion"]["startLine"])  # from the end
    after = applied(texts, all_changes)
    idle = f"RUN rm -rf /app/.git{newline}"  # has nothing left to do: no step of the plan, and no fix
    assert idle in after["Dockerfile"]
    after["Dockerfile"] = after["Dockerfile"].replace(idle, "")
    assert after == patched(tmp_path, texts, analysis.plan.patch)


def test_a_fix_says_what_it_does() -> None:
    """The description names the step of the plan, and the fix is at the findings of this step only."""
    analysis = analyzed()
    for result in report(analysis):
        for fix in result.get("fixes", []):
            assert fix["description"]["text"].startswith("Step")
            assert " of the plan: " in fix["description"]["text"]
    (cache,) = [result for result in report(analysis) if "apt" in result["message"]["text"] and "fixes" in result]
    (change,) = cache["fixes"][0]["artifactChanges"]
    (replacement,) = change["replacements"]
    assert replacement["deletedRegion"] == {"startLine": 3, "endLine": 4}
    assert replacement["insertedContent"]["text"].endswith("apt-get clean")


def test_no_fix_is_half_of_a_change() -> None:
    """Without an ignore file that could be edited there is no fix for what needs one; without a Dockerfile there is none."""
    without = analyzed(ignore=None)
    names = {
        change["artifactLocation"]["uri"]
        for result in report(without)
        for fix in result.get("fixes", [])
        for change in fix["artifactChanges"]
    }
    assert names == {"Dockerfile"}
    analysis = analyzed()
    for unusable in (
        evolve(analysis.plan, patch_has_secrets=True),
        evolve(analysis.plan, dockerfile=None),
        evolve(analysis.plan, patch=""),
    ):
        assert not any("fixes" in result for result in report(evolve(analysis, plan=unusable)))


def test_steps_that_change_the_same_instructions_belong_together() -> None:
    """A fix carries out all steps in the patch that share an instruction, directly or through others."""
    finding = evolve(analyzed().advice.findings[0], plan_step=1)
    steps = (
        step(layers=[1, 2]),
        step(layers=[3, 4]),
        step(layers=[2, 3]),
        step(layers=[5]),
        step(layers=[1], in_patch=False),
    )
    joined = evolve(plan(), steps=steps)
    assert steps_of(finding, joined) == [1, 2, 3]
    assert steps_of(evolve(finding, plan_step=4), joined) == [4]
    assert steps_of(evolve(finding, plan_step=5), joined) == []
    for number in (None, 0, 9):
        assert fixes_of(evolve(finding, plan_step=number), joined) == []
