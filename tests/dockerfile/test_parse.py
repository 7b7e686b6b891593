"""Dockerfiles: sources, flags, forms, here-documents and stages of instructions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocisize.dockerfile.joined import join_lines
from ocisize.dockerfile.parse import Instruction, parse_dockerfile
from ocisize.dockerfile.words import split_flags, split_words

PIECES = [
    "RUN a", "run --mount=type=cache b", "\\", " \\ ", "`", "<<E", "RUN <<E", "COPY <<-'E' <<F /x", "E", "\tE", "F", "#", "# c", "", "FROM x",
    "FROM x AS y", "FROM y", "[", ' ["a"]', "'", '"', "\r", "  b && \\", "# escape=`", "\ufeff", "ENV A=b", "--from=x",
]  # fmt: skip
FILES = st.lists(st.sampled_from(PIECES), max_size=14).flatmap(
    lambda lines: st.sampled_from(["\n", "\r\n"]).map(lambda end: end.join(lines))
)


def parse_one(text: str) -> Instruction:
    (instruction,) = parse_dockerfile(text).instructions
    return instruction


def test_the_source_of_an_instruction() -> None:
    """It has comments, blanks and here-documents, but not the line end behind it."""
    text = "FROM x\r\n  RUN a && \\\r\n# why\r\n    b\r\nCOPY <<E /x\r\n\r\nE\r\n"
    first, second, third = parse_dockerfile(text).instructions
    assert (first.source, third.source) == ("FROM x", "COPY <<E /x\r\n\r\nE")
    assert second.source == "  RUN a && \\\r\n# why\r\n    b"
    assert parse_dockerfile(text).newline == "\r\n"
    assert parse_dockerfile("FROM x\nRUN a\r\n").newline == parse_dockerfile("").newline == "\n"


@given(FILES)
def test_sources_are_the_lines_of_the_file(text: str) -> None:
    """The lines of an instruction are its source, byte for byte; lines between instructions are comments or blank."""
    dockerfile = parse_dockerfile(text)
    lines = text.split("\n")
    assert dockerfile.text == text
    before = 0
    for instruction in dockerfile.instructions:
        lines[0] = lines[0].removeprefix("\ufeff")
        source = "\n".join(lines[instruction.first - 1 : instruction.last]).removesuffix("\r")
        assert instruction.source == source
        assert instruction.first > before
        before = instruction.last
        again = parse_dockerfile("\n" + f"# escape={dockerfile.escape}\n{instruction.source}".removeprefix("# escape=\\\n"))
        if dockerfile.escape == "\\":
            assert [other.text for other in again.instructions] == [instruction.text]


@given(FILES, st.sampled_from("\\`"))
def test_joined_text_knows_its_source(text: str, escape: str) -> None:
    """Each character of the joined text is the character of the source at its offset, in rising order."""
    joined = join_lines(text, escape)
    offsets = [joined.offset(index) for index in range(len(joined.text))]
    assert [text[offset] for offset in offsets] == list(joined.text)
    assert offsets == sorted(set(offsets))
    assert "\n" not in joined.text
    assert all(offset < joined.end for offset in offsets)


@pytest.mark.parametrize(
    ("text", "flags", "rest"),
    [
        ("--from=build --chown=1:1 a b", ("--from=build", "--chown=1:1"), "a b"),
        ("--mount=type=bind,'source=a b' \\\n  --network=none make --jobs", ("--mount=type=bind,'source=a b'", "--network=none"), "make --jobs"),
        ("--link a b", ("--link",), "a b"), ("-- a", (), "-- a"), ("--", (), "--"), ('--x="a', ('--x="a',), ""), ("--x=a\\ b c", ("--x=a\\ b",), "c"),
        ('--x="a\\" b" c', ('--x="a\\" b"',), "c"),
    ],
)  # fmt: skip
def test_flags(text: str, flags: tuple[str, ...], rest: str) -> None:
    """Flags are the words with two dashes before the arguments, with their quotes."""
    instruction = parse_one(f"RUN {text}")
    assert (instruction.flags, instruction.text) == (flags, rest)
    assert split_flags("") == ((), 0)


def test_forms() -> None:
    """A JSON array is one only if all its elements are strings; everything else is text for the shell."""
    assert parse_one('RUN --network=none ["a b", "c"]').words == ("a b", "c")
    assert parse_one('RUN ["a"').words is parse_one("RUN [1]").words is parse_one("RUN [ -f x ]").words is None
    assert parse_one("RUN " + "[" * 100_000).words is None
    assert parse_one('ENTRYPOINT ["a", \\\n "b"]').is_json


@pytest.mark.parametrize(
    ("text", "names", "last"),
    [
        ("RUN <<E\na\nE\n", ("E",), 3), ("RUN cat <<E 3<<-'F' >x\na\nE\n\tF\n", ("E", "F"), 4), ("RUN <<E\r\na\r\nE\r\n", ("E",), 3),
        ("RUN <<E\n E\n", (), 1), ("RUN <<E\n\tE\n", (), 1), ("RUN <<-E\n\t\tE\n", ("E",), 2), ("RUN echo '<<E'\nE\n", (), 1),
        ("RUN cat <<<E\nE\n", (), 1), ("RUN echo $((1 << 2))\n2))\n", (), 1), ("ENV A=<<E\nE\n", (), 1), ("ONBUILD RUN <<E\na\nE\n", ("E",), 3),
        ("ONBUILD ENV <<E\na\nE\n", (), 1), ("ADD <<E /x\nRUN a\nE\n", ("E",), 3), ("RUN <<\"E\" \\\n  x\nE\n", ("E",), 3),
    ],
)  # fmt: skip
def test_heredocs(text: str, names: tuple[str, ...], last: int) -> None:
    """RUN, COPY and ADD have here-documents; one without its end is none."""
    instruction = parse_dockerfile(text).instructions[0]
    assert (instruction.heredocs, instruction.last) == (names, last)
    assert instruction.is_heredoc is bool(names)


def test_stages() -> None:
    """Names are compared without case; a stage number is no base; ARG before the first FROM may name one."""
    text = (
        "ARG BASE=deb\nARG LAST\nFROM --platform=$P debian:12 AS Deb\nRUN a\nFROM 0\nFROM ${BASE} as two\nRUN b\n"
        "FROM golang AS three\nRUN c\nFROM ${LAST:-TWO}\nRUN d\n"
    )
    dockerfile = parse_dockerfile(text)
    assert [(stage.name, stage.base, stage.parent) for stage in dockerfile.stages] == [
        ("deb", "debian:12", None), ("", "0", None), ("two", "${BASE}", 0), ("three", "golang", None), ("", "${LAST:-TWO}", 2),
    ]  # fmt: skip
    assert [stage.index for stage in dockerfile.chain] == [0, 2, 4]
    assert [instruction.text for instruction in dockerfile.chain_instructions] == ["a", "b", "d"]
    assert [instruction.stage for instruction in dockerfile.instructions] == [-1, -1, 0, 0, 1, 2, 2, 3, 3, 4, 4]
    assert parse_dockerfile("RUN a").chain == ()


@pytest.mark.slow
def test_large_files() -> None:
    """A megabyte of anything is read in time that grows with its length."""
    for piece in (
        "RUN <<E\n",
        "RUN a \\\n",
        "FROM a AS a\n",
        "\\\n",
        "# \n",
        "RUN <<E <<F ",
        '"',
        "'<<E' ",
        "--a=' ",
        "ARG A=$A ",
    ):
        text = piece * (1_000_000 // len(piece))
        parse_dockerfile(f"RUN {text}")
        list(split_words(text))
