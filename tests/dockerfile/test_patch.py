"""Patches of Dockerfiles and ignore files, applied by the real git; and instructions that are not patched."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ocisize.dockerfile.ignore import IgnoreFile
from ocisize.dockerfile.parse import parse_dockerfile
from ocisize.dockerfile.patch import make_patch, refusal
from ocisize.errors import OcisizeError, PatchError
from ocisize.model.build_step import BuildStep
from tests.tools import program

TEXT = """\
# syntax=docker/dockerfile:1
FROM debian:12 AS build
RUN make

FROM debian:12
# packages
RUN apt-get update && \\
    # why
    apt-get install -y curl
WORKDIR /srv
COPY . .
RUN chown -R 1000:1000 /srv
RUN rm -rf /srv/tests
ENV A=b
USER 1000
EXPOSE 80
CMD ["a"]
"""
Replacements = Sequence[tuple[int, int, str]]


def patch(
    text: str, replacements: Replacements = (), ignored: Sequence[str] = (), ignore: str | None = None, comments: Sequence[str] = (),
    name: str = "Dockerfile", ignore_name: str = ".dockerignore",
) -> str:  # fmt: skip
    return make_patch(name, text, replacements, ignore_name, ignore, ignored, comments)


def apply(folder: Path, diff: str, files: dict[str, str | None]) -> dict[str, str]:
    """The files after ``git apply``, byte for byte."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        if text is not None:
            path.write_bytes(text.encode("utf-8", "surrogateescape"))
    for options in (["--check"], []):
        done = subprocess.run(
            [program("git"), "apply", *options, "--whitespace=nowarn", "-"], cwd=folder, input=diff.encode("utf-8", "surrogateescape"), capture_output=True,
            env={"PATH": "/usr/bin:/bin", "GIT_CEILING_DIRECTORIES": str(folder.parent), "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(folder)},
        )  # fmt: skip
        assert done.returncode == 0, f"{done.stderr.decode()}\n{diff}"
    return {
        name: (folder / name).read_bytes().decode("utf-8", "surrogateescape") for name in files if (folder / name).exists()
    }


def replaced(text: str, replacements: Replacements) -> str:
    """The text with lines replaced, in the plainest way."""
    lines = text.split("\n")
    for first, last, new in sorted(replacements, reverse=True):
        lines[first - 1 : last] = new.split("\n") if new else []
    return "\n".join(lines)


EDITS: list[Replacements] = [
    [(13, 13, "")],
    [(7, 9, "RUN apt-get update && \\\n    # why\n    apt-get install -y --no-install-recommends curl && \\\n    rm -rf /var/lib/apt/lists/*")],
    [(11, 11, "COPY --chown=1000:1000 . ."), (12, 12, ""), (13, 13, "")],
    [(2, 2, "FROM debian:12-slim AS build"), (17, 17, "CMD [\"b\"]")],
    [(3, 3, "RUN a\nRUN b"), (15, 15, "USER 1000:1000"), (17, 17, "")],
    [(11, 10, "RUN mkdir -p /srv && chown 1000:1000 /srv"), (12, 12, "")],
    [(18, 17, "LABEL a=b")],
    [(17, 17, "CMD [\"c\"]"), (18, 17, "LABEL a=b")],
    [(7, 14, "")],
]  # fmt: skip


@pytest.mark.parametrize("replacements", EDITS)
@pytest.mark.parametrize("form", ["plain", "crlf", "no newline", "mark"])
def test_git_applies_the_patch(tmp_path: Path, replacements: Replacements, form: str) -> None:
    """The result is the text with the lines replaced, in every form of text."""
    text, newline = TEXT, "\n"
    if form == "crlf":
        text, newline = TEXT.replace("\n", "\r\n"), "\r\n"
    elif form == "no newline":
        text = TEXT.removesuffix("\n")
    elif form == "mark":
        text = f"\ufeff{TEXT}"
    diff = patch(text, replacements, comments=["Needs a decision:\nRUN x", "diff --git a/x b/x", ""])
    assert diff.startswith("# Needs a decision:\n# RUN x\n# diff --git a/x b/x\n# \n")
    after = apply(tmp_path, diff, {"Dockerfile": text})["Dockerfile"]
    expected = replaced(TEXT, replacements).replace("\n", newline)
    if form == "mark":
        expected = f"\ufeff{expected}"
    assert after == expected or (form == "no newline" and after == expected.removesuffix("\n"))


def test_names_and_folders(tmp_path: Path) -> None:
    """Names with blanks, quotes, backslashes and other characters; in folders, and in a repository."""
    for name in ("docker/my file", 'a "b"', "c\\d", "caf\u00e9", "tab\there", "./e/../f", "g.Dockerfile"):
        diff = patch(TEXT, [(3, 3, "RUN b")], [".git"], None, name=name, ignore_name=f"{name}.dockerignore")
        path = "f" if name.startswith("./") else name
        files = apply(tmp_path / "plain", diff, {path: TEXT, f"{path}.dockerignore": None})
        assert files == {path: TEXT.replace("RUN make", "RUN b"), f"{path}.dockerignore": ".git\n"}
    repository = tmp_path / "repository"
    repository.mkdir()
    subprocess.run([program("git"), "init", "-q", str(repository)], check=True)
    assert (
        apply(repository, diff, {"g.Dockerfile": TEXT, "g.Dockerfile.dockerignore": None})["g.Dockerfile.dockerignore"]
        == ".git\n"
    )


@pytest.mark.parametrize(
    ("before", "ignored", "after"),
    [
        (None, [".git", "**/*.pyc"], ".git\n**/*.pyc\n"), ("", ["a"], "a\n"), ("x", ["a"], "x\na\n"), ("x\r\n", ["a"], "x\r\na\r\n"),
        ("a\n!a/b\n", ["a"], "a\n!a/b\na\n"), ("!b\na\n", ["a", "c"], "!b\na\nc\n"), ("# a\n", ["a", "a"], "# a\na\n"),
        ("*\n!src\n", ["src/tests"], "*\n!src\nsrc/tests\n"), ("x\n", ["\\!a \\[1\\]", "b[ ]"], "x\n\\!a \\[1\\]\nb[ ]\n"),
    ],
)  # fmt: skip
def test_ignore_files(tmp_path: Path, before: str | None, ignored: list[str], after: str) -> None:
    """Patterns come at the end, where no exception takes them back; those that hold already are not added."""
    assert apply(tmp_path, patch(TEXT, (), ignored, before), {".dockerignore": before}) == {".dockerignore": after}
    assert patch(TEXT, (), ignored, after) == ""
    assert IgnoreFile.parse(after).patterns


def test_nothing_to_change() -> None:
    """Without changes there is no diff, only comments."""
    assert patch(TEXT) == patch(TEXT, [(3, 3, "RUN make")], [], "a\n") == ""
    assert patch(TEXT, comments=["ask"]) == "# ask\n"


@pytest.mark.parametrize(
    "replacements",
    [
        [(8, 8, "")], [(7, 8, "RUN a")], [(3, 3, "RUN a \\")], [(3, 3, "RUN <<E")], [(1, 1, "# escape=`")], [(3, 3, "a"), (3, 3, "b")],
        [(0, 1, "")], [(17, 30, "")], [(5, 3, "")], [(8, 7, "COPY a b")], [(2, 5, "FROM x"), (4, 6, "")]
    ],
)  # fmt: skip
def test_edits_that_would_change_more(replacements: Replacements) -> None:
    """Overlapping ranges, cut instructions, and text that takes the next lines in."""
    text = TEXT + "RUN a\nE\n" if replacements == [(3, 3, "RUN <<E")] else TEXT
    with pytest.raises(PatchError) as caught:
        patch(text, replacements)
    assert isinstance(caught.value, OcisizeError)


@pytest.mark.parametrize("pattern", ["#a", "", "!", "[a", "a\nb", "!a", " "])
def test_patterns_without_effect(pattern: str) -> None:
    """A comment, an exception, or what builders refuse is no pattern to add."""
    with pytest.raises(PatchError):
        patch(TEXT, (), [pattern])


LINES = st.sampled_from(
    ["RUN a", "RUN a && \\\n  b", "# c", "", "COPY <<E /x\nq\nE", "ENV A=b", "RUN a \\\n# c\n\n  b", "RUN caf\udce9"]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(st.lists(LINES, min_size=1, max_size=30), st.data(), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_any_edits_apply(tmp_path: Path, pieces: list[str], data: st.DataObject, newline: str, ends: bool) -> None:
    """Any whole instructions are replaced, removed or added, and git applies the patch to the same text."""
    text = "FROM x\n" + "\n".join(pieces) + "\n" * ends
    instructions = parse_dockerfile(text).instructions
    chosen = data.draw(
        st.sets(st.sampled_from(instructions[1:] or instructions).map(lambda line: (line.first, line.last)), max_size=6)
    )
    replacements = [
        (first, last, data.draw(st.sampled_from(["", "RUN new", "RUN x && \\\n  y", "# c\nRUN z"])))
        for first, last in sorted(chosen)
    ]
    replacements += [(first, first - 1, "USER 1") for first, _ in sorted(chosen) if data.draw(st.booleans())]
    original = text.replace("\n", newline)
    diff = patch(original, replacements)
    if not diff:
        assert replaced(text, replacements) == text
        return
    after = apply(tmp_path, diff, {"Dockerfile": original})["Dockerfile"]
    expected = replaced(text, replacements).replace("\n", newline)
    assert after in (expected, f"{expected}{newline}")  # the line break before a last line that goes stays


def reason(text: str, step: str | None = None, line: int = -1) -> str:
    dockerfile = parse_dockerfile(text)
    return refusal(dockerfile, dockerfile.instructions[line], None if step is None else BuildStep(step))


def test_what_may_be_edited() -> None:
    """The text of the instruction is that of the build step, flags and secrets aside."""
    assert reason("FROM x\nRUN --mount=type=cache,target=/c a && \\\n  b", "RUN a && b") == ""
    assert reason('FROM x\nSHELL ["/bin/bash", "-o", "pipefail", "-c"]\nRUN a', "RUN a") == ""
    assert reason("FROM x\nCOPY --chown=a $S /d", "COPY dir:0123456789ab… in /d") == ""
    assert reason('FROM x\nCOPY ["a", "/d"]', "COPY a /d") == ""
    assert reason("FROM x\nUSER 1000") == ""
    assert reason("FROM x\nRUN curl -H 'X-Api-Key: s3cret-5678' x", "RUN curl -H 'X-Api-Key: <redacted>' x") == ""
    assert reason('FROM x\nRUN a\nSHELL ["pwsh"]\n', "RUN a", 1) == ""
    assert reason('FROM x AS a\nSHELL ["pwsh"]\nFROM x\nRUN a', "RUN a") == ""


@pytest.mark.parametrize(
    ("text", "step", "words"),
    [
        ("FROM x\nCOPY $S /d", "COPY a /d", "differs"), ("FROM x\nRUN a", "RUN b", "differs"), ("FROM x\nRUN <<E\na\nE", "RUN a", "here-document"),
        ("FROM x\nRUN [\"a\"]", "RUN a", "JSON"), ("FROM x\nONBUILD RUN a", None, "ONBUILD"), ("FROM x\nSHELL [\"pwsh\", \"-c\"]\nRUN a", "RUN a", "SHELL"),
        ("FROM x AS a\nSHELL [\"/bin/zsh\", \"-c\"]\nFROM a\nRUN a", "RUN a", "SHELL"), ("FROM x\nSHELL pwsh\nRUN a", "RUN a", "SHELL"), ("RUN a", "RUN a", "stage"),
    ],
)  # fmt: skip
def test_what_is_refused(text: str, step: str | None, words: str) -> None:
    """Expanded variables, here-documents, JSON form, other shells, and instructions of other images."""
    assert words in reason(text, step)


def test_instructions_of_other_stages_are_refused() -> None:
    """What is not in the image is not edited."""
    assert "stage" in reason("FROM x\nRUN a\nFROM y\nRUN b\n", "RUN a", 1)


@pytest.mark.slow
def test_large_files() -> None:
    """A patch of a large file takes time that grows with its length."""
    text = "FROM x\n" + "RUN a\n" * 50_000
    assert patch(text, [(line, line, "RUN b") for line in range(2, 50_000, 5)]).count("\n+RUN b") == 10_000
    assert patch(text, [(2, 50_001, "RUN b\n" * 40_000)])


def test_long_comments_are_wrapped(tmp_path: Path) -> None:
    """A comment has lines of at most 100 columns, except for a command in backticks, which stays whole to be copied."""
    command = f"`find / {'-name x ' * 14}-delete`"
    diff = patch("FROM x\nRUN a\n", [(2, 2, "RUN b")], comments=[f"2. by hand: {'some words ' * 20}{command} then."])
    comments = [line for line in diff.split("\n") if line.startswith("#")]
    assert [line for line in comments if len(line) > 100] == [f"#   {command}"]
    assert all(line.startswith("#   ") for line in comments[1:])
    assert (
        " ".join(line.removeprefix("#").strip() for line in comments) == f"2. by hand: {'some words ' * 20}{command} then."
    )
    assert apply(tmp_path, diff, {"Dockerfile": "FROM x\nRUN a\n"})["Dockerfile"] == "FROM x\nRUN b\n"
    shares = patch("FROM x\n", comments=["Layer 1, 12 % of it. " * 40])
    assert "#   %" not in shares
