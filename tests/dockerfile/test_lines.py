"""Dockerfiles: the lines of each instruction, and the layer that it made."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocisize.model.build_step import BuildStep
from ocisize.dockerfile.lines import find_lines, pair_layers
from ocisize.dockerfile.parse import parse_dockerfile

TEXT = """\
# syntax=docker/dockerfile:1
# a comment that is no directive
ARG VERSION=12
FROM golang:1.22 AS build
COPY . /src
RUN go build -o /app ./...

from debian:${VERSION}-slim
RUN --mount=type=cache,target=/var/cache/apt \\
    apt-get update && \\
    # what it needs
    apt-get install -y \\

      ca-certificates
COPY --from=build --chown=1:1 /app $HOME/app
COPY ["a b", "/srv"]
RUN <<EOF
# no comment
apt-get clean
FROM nothing
EOF
ADD <<-'ONE' <<TWO /etc/
\tone
\tONE
two
TWO
CMD ["/app"]
"""


def spans(text: str) -> list[tuple[str, int, int]]:
    return [(line.keyword, line.first, line.last) for line in parse_dockerfile(text).instructions]


def test_instructions_and_their_lines() -> None:
    """Continued lines, comments and empty lines within them, and here-documents belong to one instruction."""
    assert spans(TEXT) == [
        ("ARG", 3, 3), ("FROM", 4, 4), ("COPY", 5, 5), ("RUN", 6, 6), ("FROM", 8, 8), ("RUN", 9, 14), ("COPY", 15, 15),
        ("COPY", 16, 16), ("RUN", 17, 21), ("ADD", 22, 26), ("CMD", 27, 27),
    ]  # fmt: skip


def test_the_text_of_instructions() -> None:
    """It is on one line, without flags; arrays are words, a RUN that is a here-document is its content."""
    texts = [line.text for line in parse_dockerfile(TEXT).instructions]
    assert texts[5] == "apt-get update && apt-get install -y ca-certificates"
    assert texts[6:8] == ["/app $HOME/app", "a b /srv"]
    assert texts[8] == "# no comment apt-get clean FROM nothing"


def test_lines_are_joined() -> None:
    """Nothing comes between continued lines but their own blanks; two escape characters continue none."""
    assert [line.text for line in parse_dockerfile("RUN a\\\nb  \\  \n  c \\\n\td\n").instructions] == ["ab c d"]
    assert spans("RUN a \\\\\nCOPY b c") == [("RUN", 1, 1), ("COPY", 2, 2)]
    assert spans("RUN \\\n# nothing\n\n  a") == [("RUN", 1, 4)]


def test_another_escape_character() -> None:
    """Windows files continue lines with a backtick; a backslash at the end is a path."""
    assert spans("# escape=`\nFROM x\nRUN dir c:\\\nRUN a `\r\n  b\n") == [("FROM", 2, 2), ("RUN", 3, 3), ("RUN", 4, 5)]
    assert spans("FROM x\n# escape=`\nRUN a \\\n b") == [("FROM", 1, 1), ("RUN", 3, 4)]


@given(
    st.text(max_size=60) | st.lists(st.sampled_from(["RUN a", "\\", "<<E", "E", "#", "", "FROM x", "[", " "])).map("\n".join)
)
def test_any_text_is_read(text: str) -> None:
    """Whatever the text of a file: lines rise, and are in the file."""
    lines = [line for instruction in parse_dockerfile(text).instructions for line in (instruction.first, instruction.last)]
    assert lines == sorted(lines)
    assert all(1 <= line <= text.count("\n") + 1 for line in lines)


def lines_of(steps: list[str], text: str = TEXT, base: int = 0) -> list[int | None]:
    return [
        None if line is None else line.first
        for line in find_lines(list(map(BuildStep, steps)), parse_dockerfile(text), base=base)
    ]


def test_layers_and_their_instructions() -> None:
    """Steps as BuildKit notes them: variables expanded, options left out, here-documents as their content."""
    steps = [
        "ADD rootfs.tar /", "RUN apt-get update && apt-get install -y ca-certificates", "COPY /app /root/app", "COPY a b /srv",
        "RUN # no comment apt-get clean FROM nothing",
    ]  # fmt: skip
    assert lines_of(steps) == [None, 9, 15, 16, 17]
    assert lines_of(steps, base=1) == [8, 9, 15, 16, 17]


def test_what_older_builders_note() -> None:
    """A sum is in place of the sources; the destination identifies the instruction."""
    text = "FROM x\nCOPY a b /srv/\nCOPY c /opt/\nADD d /srv/\n"
    assert lines_of(["COPY multi:0123456789ab… in /opt/", "ADD file:0123456789ab… in /srv/"], text) == [3, 4]
    assert lines_of(["COPY dir:0123456789ab… in /etc/"], text) == [None]


def test_uncertain_layers_have_no_line() -> None:
    """Another command, another order, no text: no guess."""
    text = "FROM x\nRUN a\nRUN b\n"
    assert lines_of(["RUN a --quick", "", "RUN", "b"], text) == [None] * 4
    assert lines_of(["RUN b", "RUN a"], text).count(None) == 1
    assert lines_of(["RUN a", "RUN b"], "") == [None, None]
    assert lines_of(["COPY $x /y"], "FROM x\nRUN $z\n") == [None]
    text = "FROM x\nCOPY a-$v-${w:-c}.tgz /d\n"
    assert lines_of(["COPY a-1-2.tgz /d"], text) == lines_of(["COPY a---.tgz /d"], text) == [2]
    assert lines_of(["COPY a-1.tgz /d"], text) == lines_of(["COPY a-1-2.tgz /e"], text) == [None]
    assert lines_of(["COPY " + "-" * 4000], "FROM x\nCOPY " + "$v-" * 1000 + "x") == [None]


def test_equal_instructions_go_by_order() -> None:
    """Two layers of one command are two instructions; a single one is the last stage's."""
    text = "FROM x AS one\nRUN a\nFROM y\nRUN a\nRUN b\nRUN a\n"
    assert lines_of(["RUN a", "RUN b", "RUN a"], text) == [4, 5, 6]
    assert lines_of(["RUN a"], text) == [6]


@pytest.mark.parametrize(
    ("text", "line"),
    [("FROM a AS x\nFROM x\nRUN y", 1), ("FROM a AS x\nFROM b AS X2\nFROM x2 as z\nFROM Z", 2), ("FROM --platform=$P a AS x", 1),
     ("RUN a", None)],
)  # fmt: skip
def test_the_base_of_the_last_stage(text: str, line: int | None) -> None:
    """A stage that continues another one has the base image of that stage."""
    assert lines_of(["ADD rootfs /"], text, base=1) == [line]


def base_of(steps: list[str], text: str) -> int | None:
    return pair_layers(list(map(BuildStep, steps)), parse_dockerfile(text)).base_layers


def test_layers_of_other_stages_have_no_line() -> None:
    """Only the stages of the final image count: a RUN of a build stage made no layer of the image."""
    text = "FROM golang AS build\nRUN make\nFROM debian\nCOPY --from=build /app /app\n"
    assert lines_of(["ADD rootfs /", "RUN make", "COPY /app /app"], text) == [None, None, 4]
    text = "FROM debian AS base\nRUN a\nFROM base AS other\nRUN b\nFROM base\nRUN c\n"
    assert lines_of(["ADD rootfs /", "RUN a", "RUN b", "RUN c"], text) == [None, 2, None, 6]
    assert base_of(["ADD rootfs /", "RUN a", "RUN c"], text) == 1


def test_the_layers_of_the_base_image() -> None:
    """The pairing says how many layers are below the Dockerfile, and only if it is complete."""
    text = "FROM x\nWORKDIR /srv\nRUN a\nENV A=b\nCOPY b c\nUSER 1\n"
    assert base_of(["ADD rootfs /", "RUN pip install", "WORKDIR /srv", "RUN a", "COPY b c"], text) == 2
    assert base_of(["ADD rootfs /", "RUN a", "COPY b c"], text) == 1, "buildah makes no layer for a WORKDIR"
    assert base_of(["ADD rootfs /", "COPY b c"], text) is None, "the RUN has no layer"
    assert base_of(["ADD rootfs /", "RUN a", "RUN z", "COPY b c"], text) is None, "a layer has no instruction"
    assert base_of(["ADD rootfs /"], "FROM x\nENV A=b\n") is None, "nothing shows that the Dockerfile is the image's"
    assert base_of([], text) is None
    assert base_of(["RUN a", "COPY b c"], text) == 0


@pytest.mark.parametrize(
    ("step", "instruction"),
    [
        ("COPY --chown=1000:1000dir:7baf0123456… in /app", "COPY --chown=1000:1000 app /app"),
        ("COPY --chown=1000:1000 dir:7baf0123456… in /app", "COPY --chown=1000:1000 app /app"),
        ("COPY dir:7baf0123456… in /root/app", "COPY app $HOME/app"),
        ("COPY multi:7baf0123456… in /srv/", 'COPY ["a b", "c", "/srv/"]'),
        ("COPY --chown=1:1 --chmod=755 a b", "COPY --link --chown=1:1 --chmod=755 a b"),
        ("COPY <<name /d", "COPY <<-'name' /d\nx\nname"),
        ("RUN --mount=type=cache,target=/c:0123456 make", "RUN --mount=type=cache,target=/c \\\n make"),
        ("RUN make", "RUN --mount=type=cache,target=/c \\\n make"),
        ('RUN ["/bin/true"]', 'RUN ["/bin/true"]'),
        ("/bin/true -x", 'RUN ["/bin/true", "-x"]'),
        ("RUN cat <<EOF >/x a EOF", "RUN cat <<EOF >/x\na\nEOF\n"),
        ("RUN curl -H 'X-Api-Key: <redacted>' x.org", "RUN curl -H 'X-Api-Key: s3cret-5678' \\\n  x.org"),
        ("WORKDIR /srv/app", "WORKDIR app"),
        ("WORKDIR /srv/app", "WORKDIR /srv/app/"),
        ("WORKDIR /srv/app", 'WORKDIR "/srv/$APP"'),
        ("ADD d.tgz /x/", "add d.tgz /x/"),
        ("RUN " + "long " * 600 + "lo…", "RUN " + "long " * 700),
    ],
)
def test_forms_of_builders(step: str, instruction: str) -> None:
    """BuildKit, docker's classic builder and buildah note one instruction in different forms."""
    assert lines_of([step], f"FROM x\n{instruction}\n") == [2]


@pytest.mark.parametrize(
    ("step", "instruction"),
    [
        ("COPY dir:7baf0123456… in /root", "COPY app $HOME/app"), ("WORKDIR /srv/app", "WORKDIR pp"), ("WORKDIR app", "WORKDIR /app"),
        ("RUN make", "RUN make all"), ("/bin/true", "RUN /bin/true"), ("RUN long", "RUN long long"), ("RUN a…", "RUN b a"), ("ADD a b", "COPY a b"),
    ],
)  # fmt: skip
def test_other_steps(step: str, instruction: str) -> None:
    """Another text is another instruction."""
    assert lines_of([step], f"FROM x\n{instruction}\n") == [None]
