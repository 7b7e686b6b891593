"""COPY and ADD: sources, destination and flags, in Dockerfiles and histories."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocisize.dockerfile.copy_source import CopyInstruction, parse_copy, with_options
from ocisize.dockerfile.parse import parse_dockerfile


def parse(text: str) -> CopyInstruction:
    copy = parse_copy(text)
    assert copy is not None
    return copy


@pytest.mark.parametrize(
    ("text", "sources", "destination"),
    [
        ("COPY . .", (".",), "."), ("copy a b \\\n  # why\n  c /d/", ("a", "b", "c"), "/d/"), ('COPY ["a b", "c"]', ("a b",), "c"),
        ('ADD --chown=1:1 ["a", "b", "/c d/"]', ("a", "b"), "/c d/"), ('COPY "a" \'b\' c\\ d /e', ("a", "b", "c d"), "/e"),
        ("COPY --from=build /out /app", ("/out",), "/app"), ("COPY <<E /x\na\nE\n", ("<<E",), "/x"), ("ADD https://x.org/a.tgz /", ("https://x.org/a.tgz",), "/"),
        ("COPY dir:0123456789ab… in /app", (), "/app"), ("COPY multi:0123456789ab… in /a b/", (), "/a b/"), ("ADD file:0123456789ab… in /", (), "/"),
        ("COPY --chown=1000:1000dir:7baf012345… in /app", (), "/app"), ("COPY --chown=1:1 file:7baf012345… in /app/x", (), "/app/x"),
        ("COPY file:x in /app", ("file:x", "in"), "/app"), ("COPY [a /b", ("[a",), "/b"),
    ],
)  # fmt: skip
def test_sources_and_destination(text: str, sources: tuple[str, ...], destination: str) -> None:
    """The last word is the destination; a sum of the content is no source."""
    copy = parse(text)
    assert (copy.sources, copy.destination, copy.has_sum) == (sources, destination, not sources)
    assert copy.is_json is ('["' in text)


@pytest.mark.parametrize(
    "text", ["RUN a b", "COPY", "COPY ", "COPY a", 'COPY ["a"]', "COPYING a b", "COPY --from=x a", "", "\\\n", "COPY []"]
)
def test_what_is_no_copy(text: str) -> None:
    """Another instruction, or none that a builder takes."""
    assert parse_copy(text) is None


def test_flags() -> None:
    """Their values, without quotes; the last of two counts."""
    copy = parse("COPY --from=build --link --chown=a --chown='1000:1000' --chmod=0755 --exclude=*.md a b")
    assert (copy.from_stage, copy.chown, copy.chmod, copy.link) == ("build", "1000:1000", "0755", True)
    assert copy.options[-1] == "--exclude=*.md"
    copy = parse("COPY --link=false a b")
    assert (copy.from_stage, copy.chown, copy.chmod, copy.link) == ("", "", "", False)
    assert parse("COPY --chown=1000:1000dir:7baf012345… in /app").chown == "1000:1000"


@pytest.mark.parametrize(
    ("source", "options", "after"),
    [
        ("COPY . .", {"--chown": "1:1"}, "COPY --chown=1:1 . ."), ("  copy\t. .", {"--chown": "1:1"}, "  copy --chown=1:1\t. ."),
        ("COPY --chown=app . .", {"--chown": "1:1"}, "COPY --chown=1:1 . ."), ("COPY --from=x a b", {"--link": ""}, "COPY --link --from=x a b"),
        ("COPY \\\r\n  --chown=app \\\r\n  # why\r\n  . .", {"--chown": "1:1"}, "COPY \\\r\n  --chown=1:1 \\\r\n  # why\r\n  . ."),
        ("COPY \\\n  . .", {"--chown": "1:1", "--chmod": "a+x"}, "COPY --chown=1:1 --chmod=a+x \\\n  . ."),
        ("COPY --chown=a --from=b --chown=c a b", {"--chown": "1:1"}, "COPY --chown=1:1 --from=b a b"),
        ("COPY --link --chown=a a b", {"--link": None, "--chown": None}, "COPY a b"), ("COPY a b", {"--link": None}, "COPY a b"),
        ("COPY --chown=a --chownx=a a b", {"--chownx": "b"}, "COPY --chown=a --chownx=b a b"), ("COPY a --chown=b", {"--chown": "c"}, "COPY --chown=c a --chown=b"),
        ("RUN a", {"--mount": "type=bind,target=/a b"}, 'RUN --mount="type=bind,target=/a b" a'), ("", {"--a": "b"}, ""),
        ("COPY --cho\\\nwn=a b c", {"--chown": "d"}, "COPY --chown=d b c"), ("COPY <<E /x\na --chown=b\nE", {"--chown": "c"}, "COPY --chown=c <<E /x\na --chown=b\nE"),
    ],
)  # fmt: skip
def test_flags_are_set(source: str, options: dict[str, str | None], after: str) -> None:
    """A value is replaced in place, a new flag comes behind the keyword, and nothing else changes."""
    assert with_options(source, options) == after
    assert with_options(after, options) == after


FLAGS = st.sampled_from(["--chown=a", "--chmod=755", "--link", "--from=x", "--exclude='a b'"])
BREAKS = st.sampled_from([" ", "  ", " \\\n ", " \\\r\n\t", " \\\n# comment --chown=x\n "])


@given(st.lists(FLAGS, unique=True), st.lists(st.sampled_from(["a", "./b", "c.tgz", "$D/x"]), min_size=2), st.data())
def test_set_flags_are_parsed(flags: list[str], words: list[str], data: st.DataObject) -> None:
    """Whatever the form, the changed instruction has the flag, and all else that it had."""
    source = "COPY" + "".join(data.draw(BREAKS) + word for word in [*flags, *words])
    before, changed = parse(source), with_options(source, {"--chown": "1:1"})
    after = parse(changed)
    assert (after.sources, after.destination, after.chown) == (before.sources, before.destination, "1:1")
    assert {*after.options} - {"--chown=1:1"} == {*flags} - {"--chown=a"}
    assert changed.replace("--chown=1:1", "--chown=a" if before.chown else "").replace(
        "COPY  ", "COPY ", not before.chown
    ) in {source, source.replace("COPY  ", "COPY ", 1)}
    assert [line.source for line in parse_dockerfile(f"FROM x\n{changed}\nCMD y").instructions][1:] == [changed, "CMD y"]


@given(st.text("COPY ADd-=fromchwn\\\n\"'[]<x# ", max_size=40))
def test_any_text(text: str) -> None:
    """Any text is read or refused."""
    parse_copy(text)
    with_options(text, {"--chown": "1:1"})


@pytest.mark.slow
def test_large_texts() -> None:
    """Much of anything is read in time that grows with its length."""
    for piece in ("--chown=a ", "a ", "\\\n", '"', "[", "--a ", "file:0 in ", "--x=file:0"):
        text = f"COPY {piece * (300_000 // len(piece))}"
        parse_copy(text)
        with_options(text, {"--chown": None})
