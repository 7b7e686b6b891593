"""``ocisize advise --patch`` and ``--dockerfile``: the Dockerfile at hand, and the patch that git applies."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.cli.test_main import run, status_of
from tests.images import File, build_image, layer, write_layout
from tests.tools import program

BIG = b"1" * 20_000
DOCKERFILE = "FROM base\n# the application\nCOPY . /app\nRUN chown -R 7:7 /app\nRUN rm -rf /app/.git\n"
PATCHED = "FROM base\n# the application\nCOPY --chown=7:7 . /app\n"
STEPS = ["ADD rootfs.tar.gz /", "COPY . /app", "RUN /bin/sh -c chown -R 7:7 /app", "RUN /bin/sh -c rm -rf /app/.git"]


@pytest.fixture
def image(tmp_path: Path) -> str:
    """The layout of an image that DOCKERFILE builds."""
    files = {"app/main.py": BIG, "app/.git/p": BIG[1:]}
    owned = {path: File(data, uid=7, gid=7) for path, data in files.items()}
    layers = [layer({"bin/sh": b"sh"}), layer(files), layer(owned), layer({"app/.wh..git": b""})]
    history = [{"created_by": f"{step} # buildkit", "comment": "buildkit.dockerfile.v0"} for step in STEPS]
    return str(write_layout(build_image(layers, history=history), tmp_path / "image"))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder as the current one."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def write(folder: Path, files: Mapping[str, str | bytes]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())


def git_apply(folder: Path, patch: bytes) -> None:
    for options in (["--check"], []):
        done = subprocess.run(
            [program("git"), "apply", *options, "-"], cwd=folder, input=patch, capture_output=True, check=False,
            env={"PATH": "/usr/bin:/bin", "GIT_CEILING_DIRECTORIES": str(folder.parent), "HOME": str(folder)},
        )  # fmt: skip
        assert done.returncode == 0, f"{done.stderr.decode()}\n{patch!r}"


def patch_of(image: str, *options: str, folder: Path) -> bytes:
    """The patch in a file, as -o writes it."""
    output = folder / "x.patch"
    result = run("advise", image, "--patch", "-o", str(output), *options)
    assert (result.returncode, result.stdout) == (0, ""), result.stderr
    data = output.read_bytes()
    output.unlink()
    return data


def test_the_patch_applies(image: str, project: Path) -> None:
    """git apply takes what stdout has: the edited Dockerfile, comments kept, and a new .dockerignore."""
    write(project, {"Dockerfile": DOCKERFILE})
    result = run("advise", image, "--patch")
    assert (result.returncode, result.stderr) == (0, "")
    git_apply(project, result.stdout.encode())
    assert (project / "Dockerfile").read_text() == PATCHED
    assert (project / ".dockerignore").read_text() == ".git\n"


def test_a_file_has_the_same_patch(image: str, project: Path) -> None:
    """-o FILE writes what stdout would have."""
    write(project, {"Dockerfile": DOCKERFILE})
    assert patch_of(image, folder=project) == run("advise", image, "--patch").stdout.encode()


def test_a_dockerignore_that_exists(image: str, project: Path) -> None:
    """Patterns are added; one that is there is not added twice."""
    write(project, {"Dockerfile": DOCKERFILE, ".dockerignore": "*.log\n"})
    git_apply(project, patch_of(image, folder=project))
    assert (project / ".dockerignore").read_text() == "*.log\n.git\n"


def test_a_dockerfile_with_an_ignore_file_of_its_own(image: str, project: Path) -> None:
    """X.dockerignore beside the Dockerfile X wins whole over .dockerignore."""
    write(project, {"build/X": DOCKERFILE, "build/X.dockerignore": "a\n", ".dockerignore": "b\n"})
    git_apply(project, patch_of(image, "--dockerfile", "build/X", folder=project))
    assert (project / "build/X").read_text() == PATCHED
    assert (project / "build/X.dockerignore").read_text() == "a\n.git\n"
    assert (project / ".dockerignore").read_text() == "b\n"


def test_line_breaks_of_windows(image: str, project: Path) -> None:
    """CRLF stays CRLF in both files."""
    write(project, {"Dockerfile": DOCKERFILE.replace("\n", "\r\n"), ".dockerignore": "a\r\n"})
    git_apply(project, patch_of(image, folder=project))
    assert (project / "Dockerfile").read_bytes() == PATCHED.replace("\n", "\r\n").encode()
    assert (project / ".dockerignore").read_bytes() == b"a\r\n.git\r\n"


def test_bytes_that_are_no_text(image: str, project: Path) -> None:
    """Bytes that are not UTF-8 stay as they are."""
    comment = b"FROM base\n# caf\xe9\n"
    write(project, {"Dockerfile": comment + DOCKERFILE.removeprefix("FROM base\n").encode(), ".dockerignore": b"\xff\n"})
    git_apply(project, patch_of(image, folder=project))
    assert (project / "Dockerfile").read_bytes() == comment + PATCHED.removeprefix("FROM base\n").encode()
    assert (project / ".dockerignore").read_bytes() == b"\xff\n.git\n"


def test_no_line_break_at_the_end(image: str, project: Path) -> None:
    """The last line may have none."""
    write(project, {"Dockerfile": DOCKERFILE.rstrip("\n"), ".dockerignore": "a"})
    git_apply(project, patch_of(image, folder=project))
    assert (project / "Dockerfile").read_text().rstrip("\n") == PATCHED.rstrip("\n")
    assert (project / ".dockerignore").read_text().split() == ["a", ".git"]


def test_no_dockerfile(image: str, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a Dockerfile there is nothing to patch: an error that says how to name one."""
    status, out, err = status_of(["advise", image, "--patch"], capsys)
    assert (status, out) == (2, "")
    assert "--patch needs a Dockerfile: there is no Dockerfile here" in err
    assert "--dockerfile FILE" in err
    status, out, err = status_of(["advise", image, "--patch", "--dockerfile", str(project / "no/such")], capsys)
    assert (status, out) == (2, "")
    assert "No such file or directory" in err
    assert status_of(["advise", image], capsys)[0] == 0


def test_a_dockerfile_of_another_image(image: str, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A Dockerfile whose instructions did not make the layers cannot be patched; reports ignore it."""
    write(project, {"Dockerfile": "FROM x\nRUN one\nRUN two\nCOPY three /\n"})
    status, out, err = status_of(["advise", image, "--patch"], capsys)
    assert (status, out) == (2, "")
    assert "the instructions of Dockerfile did not make the layers of this image" in err
    status, out, _ = status_of(["advise", image, "-f", "json"], capsys)
    plan = json.loads(out)["plan"]
    assert (status, plan["dockerfile"], plan["patch"]) == (0, None, "")


def test_nothing_to_patch(tmp_path: Path, project: Path) -> None:
    """A good image has an empty patch, and a note on standard error that --quiet hides."""
    history = [{"created_by": f"{step} # buildkit"} for step in STEPS[:2]]
    image = build_image([layer({"bin/sh": b"sh"}), layer({"app/main.py": BIG})], history=history)
    path = str(write_layout(image, tmp_path / "image"))
    write(project, {"Dockerfile": "FROM base\nCOPY . /app\n"})
    result = run("advise", path, "--patch")
    assert (result.returncode, result.stdout) == (0, "")
    assert "nothing to patch" in result.stderr
    result = run("advise", path, "--patch", "--quiet")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert patch_of(path, folder=project) == b""


def test_lines_in_reports(image: str, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the Dockerfile at hand, all reports name its lines; without one they name layers."""
    write(project, {"sub/Dockerfile": DOCKERFILE})
    _, out, _ = status_of([image, "--dockerfile", "sub/Dockerfile", "-f", "json"], capsys)
    plan = json.loads(out)["plan"]
    assert plan["dockerfile"] == "sub/Dockerfile"
    assert {edit["layer"]: edit["lines"] for edit in plan["edits"]} == {1: [3, 3], 2: [4, 4], 3: [5, 5]}
    assert plan["patch"].startswith("diff --git a/sub/Dockerfile b/sub/Dockerfile")
    for arguments in ([image], ["advise", image]):
        _, out, _ = status_of([*arguments, "--dockerfile", "sub/Dockerfile"], capsys)
        assert "sub/Dockerfile:3" in "".join(out.split())
        _, out, _ = status_of(arguments, capsys)
        assert "Dockerfile:" not in out


def test_a_dockerfile_that_cannot_be_read(image: str, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A report needs no Dockerfile: one that is named and missing is a warning."""
    status, out, err = status_of([image, "--dockerfile", str(project / "nowhere")], capsys)
    assert (status, bool(out)) == (0, True)
    assert "warning: --dockerfile: " in err
    status, out, err = status_of([image, "--dockerfile", str(project)], capsys)
    assert status == 0
    assert "Is a directory" in err


def test_several_stages(image: str, project: Path) -> None:
    """The stage that made the image is edited; an equal instruction of another stage stays."""
    stage = "FROM node AS build\nCOPY . /app\nRUN chown -R 7:7 /app\n"
    write(project, {"Dockerfile": f"{stage}{DOCKERFILE}"})
    git_apply(project, patch_of(image, folder=project))
    assert (project / "Dockerfile").read_text().startswith(stage)
    assert "COPY --chown=7:7 . /app\n" in (project / "Dockerfile").read_text()
    assert not (project / ".dockerignore").exists()  # the first stage may need the files


@pytest.mark.parametrize("place", ["services/app", "services/app/deep"])
def test_a_folder_below_the_root_of_a_repository(
    image: str, project: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """git apply takes names from the root of the repository, and skips others without a word."""
    subprocess.run([program("git"), "init", "-q", str(project)], check=True)
    folder = project / place
    write(project, {"services/app/Dockerfile": DOCKERFILE, "services/app/.dockerignore": "a\n"})
    folder.mkdir(exist_ok=True)
    monkeypatch.chdir(folder)
    dockerfile = os.path.relpath(project / "services/app/Dockerfile", folder)
    result = run("advise", image, "--patch", "--dockerfile", dockerfile)
    patch = result.stdout
    assert ("note: run git apply in " in result.stderr) is (place == "services/app/deep")
    assert "+++ b/services/app/Dockerfile\n" in patch
    for where in (folder, project):
        write(project, {"services/app/Dockerfile": DOCKERFILE})
        done = subprocess.run(
            [program("git"), "apply", "--include=services/app/Dockerfile", "-"], cwd=where, input=patch, text=True, check=False,
            capture_output=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        is_inside = project == where or place == "services/app"
        assert (project / "services/app/Dockerfile").read_text() == (PATCHED if is_inside else DOCKERFILE)
