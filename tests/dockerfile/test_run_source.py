"""The commands of a RUN, and RUNs rendered from them."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocisize.dockerfile.parse import parse_dockerfile
from ocisize.dockerfile.run_source import Piece, RunSource, render_run
from ocisize.dockerfile.shell_units import find_units
from tests.tools import program

APT = """\
RUN --mount=type=cache,target=/c \\
    set -ex; \\
    # the lists
    apt-get update; \\

    apt-get install -y --no-install-recommends \\
        # compilers
        gcc \\
        make \\
        curl; \\
\trm -rf /var/lib/apt/lists/*"""
UNITS = (
    "set -ex", "apt-get update", "apt-get install -y --no-install-recommends gcc make curl", "rm -rf /var/lib/apt/lists/*",
)  # fmt: skip


def parse(source: str, escape: str = "\\") -> RunSource:
    run = RunSource.parse(source, escape)
    assert run is not None
    return run


def pieces_of(run: RunSource) -> list[Piece]:
    return [Piece(unit, run, index) for index, unit in enumerate(run.units)]


def render(source: str, change: dict[int, str | None] = {}, options: tuple[str, ...] = ()) -> str:
    """The RUN with some commands changed, or removed by None."""
    run = parse(source)
    texts = [change.get(index, unit) for index, unit in enumerate(run.units)]
    return render_run([Piece(text, run, index) for index, text in enumerate(texts) if text is not None], options=options)


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("a && b; c", ["a", "b", "c"]), ("a | b && c || d; e", ["a | b", "c || d", "e"]), ("a &", ["a &"]), ("a & b && c", ["a & b", "c"]),
        ("a;", ["a"]), ("a ; ", ["a"]), ("if a; then b && c; elif d; then e; else f; fi && g", ["if a; then b && c; elif d; then e; else f; fi", "g"]),
        ("for x in 1 2; do a && b; done; c", ["for x in 1 2; do a && b; done", "c"]), ("while a; do b; done < c && d", ["while a; do b; done < c", "d"]),
        ("case $a in x|y) b; c;; (z) d && e;; esac && f", ["case $a in x|y) b; c;; (z) d && e;; esac", "f"]),
        ("case a in if) b;; *) case c in d) e; esac esac; f", ["case a in if) b;; *) case c in d) e; esac esac", "f"]),
        ("{ a; b; } && (c; d) && e", ["{ a; b; }", "(c; d)", "e"]), ("x=$(a; b) && c", ["x=$(a; b)", "c"]), ("`a; b` && c", ["`a; b`", "c"]),
        ("x=\"$(a; b \"c;d\" ')')\" && e", ["x=\"$(a; b \"c;d\" ')')\"", "e"]), ("sh -c 'a && b' && c", ["sh -c 'a && b'", "c"]),
        ("find . -exec rm {} \\; && b", ["find . -exec rm {} \\;", "b"]), ('echo "a && \\" b" && c', ['echo "a && \\" b"', "c"]),
        ("[[ a && ( b || c ) ]] && d", ["[[ a && ( b || c ) ]]", "d"]), ("echo $((1 << (2 && 3))) && a", ["echo $((1 << (2 && 3)))", "a"]),
        ("echo ${a:-b;c} \"${x:-\"y; z\"}\"; d", ['echo ${a:-b;c} "${x:-"y; z"}"', "d"]), ("a 2>&1 && b &>c && d >&2", ["a 2>&1", "b &>c", "d >&2"]),
        ("f() { a; b; }; f", ["f() { a; b; }", "f"]), ("echo } fi && done1", ["echo } fi", "done1"]), ("echo a#b && c", ["echo a#b", "c"]),
        ("a <<<b && c", ["a <<<b", "c"]), ("diff <(a; b) <(c) && d", ["diff <(a; b) <(c)", "d"]), ("! a && time b", ["! a", "time b"]),
        ("a=(b c) && d", ["a=(b c)", "d"]), ("echo 'a  b'   c", ["echo 'a b' c"]), ("[ -f x ] && y", ["[ -f x ]", "y"]),
        ("(a && (b; c)) && d", ["(a && (b; c))", "d"]), ("echo $'a;b' && c", ["echo $'a;b'", "c"]), ("A=1 B='2 3' make && c", ["A=1 B='2 3' make", "c"]),
        ("until a; do b; done && c", ["until a; do b; done", "c"]), ("select x in a; do b; done; c", ["select x in a; do b; done", "c"]),
        ("echo \\\\; a", ["echo \\\\", "a"]), ("echo case in && for1; inn", ["echo case in", "for1", "inn"]), ("a |& b && c", ["a |& b", "c"]),
    ],
)  # fmt: skip
def test_units(text: str, units: list[str]) -> None:
    """Commands are cut at && and ; only, and never within quotes, substitutions and compound commands."""
    run = parse(f"RUN {text}")
    assert list(run.units) == units
    assert render_run(pieces_of(run)) == f"RUN {text}"
    checked = subprocess.run([program("bash"), "-n", "-c", text], capture_output=True)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize(
    "source",
    [
        'RUN ["make"]', "RUN <<E\na\nE", "RUN cat <<E", "RUN a # b", "RUN # b", "RUN a && b…", "RUN a\nRUN b", "RUN a \\", "RUN a \\\n# b\n", "RUN", "RUN ",
        "COPY a b", "", "RUN --mount=type=cache", "RUN ;", "RUN && a", "RUN a &&", "RUN a ||", "RUN b; a ||", "RUN a |", "RUN a ;; b", "RUN a && && b",
        "RUN echo 'a", 'RUN echo "a', "RUN (a", "RUN a)", "RUN { a;", "RUN }", "RUN a `b", "RUN x=$(a", "RUN ${a", "RUN if a; then b", "RUN fi", "RUN done",
        "RUN case a of b) c;; esac", "RUN case a in b", "RUN function f { a; }", "RUN $'a\\'b'", 'RUN "${a:-\'}\'}"', "RUN esac", "RUN (a; fi)", "RUN `a (`",
    ],
)  # fmt: skip
def test_what_is_not_edited(source: str) -> None:
    """No shell, a here-document, a comment, text that was cut, or text that is not balanced."""
    assert RunSource.parse(source) is None


@pytest.mark.parametrize(
    ("text", "lead", "join"),
    [
        ("a && b", True, True), ("a", True, True), ("a | b && c", True, True), ("a || true", True, False), ("a; b", True, False), ("{ a || b; } && c", True, True),
        ("cd /x && a", False, False), ("(cd /x && a)", True, True), ("x=$(cd /y; pwd) make", True, True), ("a && X=1", False, False), ("X=1 a", True, True),
        ("X='1 2' cd", False, False), ("export A=b", False, False), ("set -e; a", False, False), ("a && exec b", False, False), ("umask 022 && a", False, False),
        ("unset a", False, False), (". /e", False, False), ("source /e", False, False), ("alias a=b", False, False), ("a && exit 0", False, False),
        ("a &", False, False), ("a & b", False, False), ("a;", False, False), ("{ cd x; a; }", False, False), ("if a; then export b; fi", False, False),
        ("f() { a; }; f", False, False), ("a=(b)", False, False), ('"cd" x', False, False), ("echo cd", True, True), (">x cd y", False, False),
        ("2>x a && b", True, True), ("a &>b", False, False), ("for x in cd; do a; done", True, True), ("echo $(exit 1)", True, True), ("`cd x`", True, True),
        ("! cd x", False, False), ("while a; do cd b; done", False, False), ("case cd in cd) a;; esac", True, True), ("case a in b) cd c;; esac", False, False),
    ],
)  # fmt: skip
def test_what_can_be_joined(text: str, lead: bool, join: bool) -> None:
    """A RUN that changes the shell runs on its own; ``||`` and ``;`` would hide a failure of the commands in front."""
    run = parse(f"RUN {text}")
    assert (run.can_lead, run.can_join) == (lead, join)


def test_source_of_lines() -> None:
    """Options, units and separators of a RUN on several lines."""
    run = parse(APT)
    assert run.options == ("--mount=type=cache,target=/c",)
    assert run.units == UNITS
    assert run.separators == (";", ";", ";")
    assert parse("run a `\r\n  && b", "`").units == ("a", "b")
    assert parse("RUN a\\\nb \\\n c").units == ("ab c",)


def test_words_change_in_place() -> None:
    """Words are inserted, removed and replaced; all other lines and comments stay."""
    assert render(APT, {2: UNITS[2].replace(" make", "")}) == APT.replace("        make \\\n", "")
    assert render(APT, {2: UNITS[2].replace(" gcc", "")}) == APT.replace("        gcc \\\n", "")
    assert render(APT, {2: UNITS[2].replace(" curl", "")}) == APT.replace(" \\\n        curl", "")
    assert render(APT, {2: UNITS[2].replace(" gcc make", "")}) == APT.replace("        gcc \\\n        make \\\n", "")
    assert render(APT, {2: UNITS[2].replace("curl", "wget")}) == APT.replace("curl", "wget")
    assert render(APT, {2: UNITS[2] + " git"}) == APT.replace("curl;", "curl \\\n        git;")
    assert render(APT, {2: UNITS[2].replace("make", "make git")}) == APT.replace("make \\", "make \\\n        git \\")
    assert render(APT, {2: UNITS[2].replace(" -y", " -y -q")}) == APT.replace(" -y", " -y -q")
    assert render(APT, {2: UNITS[2].replace("apt-get", "eatmydata apt-get")}) == APT.replace(
        "apt-get install", "eatmydata apt-get install"
    )
    assert (
        render("RUN pip install a  b && c", {0: "pip install --no-cache-dir a b"})
        == "RUN pip install --no-cache-dir a  b && c"
    )
    assert render("RUN apt install \\\n  a && b", {0: "apt install -y a"}) == "RUN apt install -y \\\n  a && b"
    assert render("RUN apt install \\\n  a && b", {0: "install a"}) == "RUN install \\\n  a && b"
    assert render("RUN npm ci\\\n  && b", {0: "npm ci --omit=dev"}) == "RUN npm ci --omit=dev\\\n  && b"


def test_commands_are_removed() -> None:
    """The line of a removed command goes; comments in front of the next one stay."""
    assert render(APT, {3: None}) == APT.replace("; \\\n\trm -rf /var/lib/apt/lists/*", "")
    assert render(APT, {1: None}) == APT.replace("    # the lists\n    apt-get update; \\\n", "")
    assert render(APT, {0: None}) == APT.replace("set -ex; \\\n    # the lists\n    ", "")
    assert render("RUN a && \\\n  b && \\\n  # c\n  c", {1: None}) == "RUN a && \\\n  # c\n  c"
    assert render("RUN a; b && c", {1: None}) == "RUN a; c", "a may fail"
    assert render("RUN a && b; c", {1: None}) == "RUN a && c"
    assert render("RUN a && b;", {1: None}) == "RUN a"


def test_commands_are_added() -> None:
    """New commands are written in the style of the source."""

    def add(source: str, *texts: str) -> str:
        run = parse(source)
        return render_run([*pieces_of(run), *map(Piece, texts)])

    assert add("RUN a && b", "c  d") == "RUN a && b && c d"
    assert add("RUN a && \\\n  b", "c") == "RUN a && \\\n  b && \\\n  c"
    assert add("RUN a \\\n  && b", "c", "d") == "RUN a \\\n  && b \\\n  && c \\\n  && d"
    assert add("RUN a \\\r\n\tb", "c") == "RUN a \\\r\n\tb \\\r\n\t&& c"
    assert add("RUN a \\\nb", "c") == "RUN a \\\nb \\\n    && c"
    assert add("RUN a;", "c") == "RUN a && c"
    assert add("RUN a \\\n\t\\\n\t&& b \\\n\t&& c", "d") == "RUN a \\\n\t\\\n\t&& b \\\n\t&& c \\\n\t&& d", (
        "no line for nothing"
    )
    assert add("RUN a; b", "c", "d") == "RUN a; b && c && d"
    run = parse("RUN set -e; a; b")
    first, second, third = pieces_of(run)
    assert render_run([first, Piece("x"), Piece("y"), second, third]) == "RUN set -e; x; y; a; b", (
        "&& would hide a failure from set -e"
    )
    assert render_run([Piece("x"), first]) == "RUN x && set -e"
    assert render_run([Piece("a"), Piece("b")], options=["--network=none"]) == "RUN --network=none a && b"
    windows = parse("RUN a `\n  b", "`")
    assert render_run([*pieces_of(windows), Piece("c")]) == "RUN a `\n  b `\n  && c"


def test_runs_are_joined() -> None:
    """Commands of several RUNs come into one, each with its lines; the options of all are kept."""
    one, two = (
        parse("RUN --mount=type=cache,target=/a apt-get update \\\n    && apt-get install \\\n      b"),
        parse("RUN make && rm -rf /x"),
    )
    joined = render_run([*pieces_of(one), *pieces_of(two)])
    assert joined == one.source + " \\\n    && make && rm -rf /x"
    joined = render_run([*pieces_of(two)[:1], Piece("ldconfig"), *pieces_of(one)])
    assert joined == (
        "RUN --mount=type=cache,target=/a make \\\n    && ldconfig \\\n    && apt-get update \\\n    && apt-get install \\\n      b"
    )
    assert render("RUN --mount=type=cache,target=/a b", options=("--network=none", "--mount=type=cache,target=/a")) == (
        "RUN --network=none --mount=type=cache,target=/a b"
    )
    assert render("run \\\n --network=none \\\n b", options=("--mount=x",)) == "run --mount=x \\\n --network=none \\\n b"
    assert render_run([Piece("x", one), Piece("y")]) == "RUN --mount=type=cache,target=/a x \\\n    && y", (
        "new text in the place of a source"
    )


COMMANDS = st.sampled_from([
    "apt-get update", "apt-get install -y a b c", "echo 'a && b;  c'", 'echo "x \\" ; y"', "make -j$(nproc || echo 1)", "a | b || c", "(cd x; y)",
    "{ a; b; }", "if a; then b; fi", "for x in a b; do c && d; done", "case $x in a|b) c;; esac", "find . -exec rm {} \\;", "x=${y:-a;b}",
    "[ -f a ] > /dev/null 2>&1", "`a; b`", "a &&b", "echo '\\\\' x",
])  # fmt: skip
BREAKS = st.sampled_from([" ", "  ", " \\\n    ", "\\\n\t", " \\ \n# comment; && 'x\n  ", " \\\n\n \\\n  "])
SEPARATORS = st.sampled_from(["&&", ";"])


@st.composite
def runs(draw: st.DrawFn) -> tuple[str, list[str]]:
    """The source of a RUN, and its commands."""
    commands = draw(st.lists(COMMANDS, min_size=1, max_size=5))
    source = draw(st.sampled_from(["RUN", "run", "  RUN"])) + draw(BREAKS)
    options = draw(st.lists(st.sampled_from(["--network=none", "--mount=type=cache,target='/a b'"]), max_size=2))
    source += "".join(option + draw(BREAKS) for option in options)
    for index, command in enumerate(commands):
        if index:
            source += draw(BREAKS) + draw(SEPARATORS) + draw(BREAKS)
        words = command.split(" ")
        source += words[0] + "".join(draw(BREAKS) + word if word else " " for word in words[1:])
    if draw(st.booleans()):
        source = source.replace("\n", "\r\n")
    return source, commands


def units_of(commands: list[str]) -> list[str]:
    """The commands as they are read, one or several of each text."""
    return [unit for command in commands for unit in parse(f"RUN {command}").units]


@given(runs())
def test_all_units_render_the_source(drawn: tuple[str, list[str]]) -> None:
    """A RUN whose commands do not change stays byte for byte."""
    source, commands = drawn
    run = parse(source)
    assert list(run.units) == units_of(commands)
    assert render_run(pieces_of(run)) == source


WORDS = st.sampled_from(["-y", "a", "b", "--no-cache-dir", "/x/*", "'q'"])


@given(runs(), runs(), st.data())
def test_changed_runs_have_the_commands(one: tuple[str, list[str]], two: tuple[str, list[str]], data: st.DataObject) -> None:
    """Whatever commands are taken from two RUNs, in any order, with words changed and new ones between: the result has them."""
    pieces = [*pieces_of(parse(one[0])), *pieces_of(parse(two[0]))]
    indexes = data.draw(st.lists(st.integers(-1, len(pieces) - 1), min_size=1, max_size=6))
    chosen = [Piece("rm -rf /var/cache/*") if index < 0 else pieces[index] for index in indexes]
    for number, piece in enumerate(chosen):
        words = piece.text.split()
        if piece.source is not None and not set("'\"`(){}|;&[$\\") & set(piece.text):
            for _ in range(data.draw(st.integers(0, 3))):
                index = data.draw(st.integers(min(1, len(words)), len(words)))
                words[index : index + data.draw(st.integers(0, 2))] = data.draw(st.lists(WORDS, max_size=2))
            words = words or ["true"]
        chosen[number] = Piece(" ".join(words), piece.source, piece.index)
    rendered = render_run(chosen, options=["--security=sandbox"])
    run = parse(rendered)
    assert list(run.units) == [piece.text for piece in chosen]
    assert "--security=sandbox" in run.options
    assert {option for piece in chosen if piece.source for option in piece.source.options} < set(run.options)
    assert [line.source for line in parse_dockerfile(f"FROM x\n{rendered}\nCMD y").instructions] == [
        "FROM x",
        rendered,
        "CMD y",
    ]


@given(st.text("a'\"`$(){}[]|;&<>\\#= \n\t", max_size=30) | st.lists(st.sampled_from(
    ["if", "fi", "case", "in", "esac", "do", "done", "for", "{", "}", "[[", "]]", "(", ")", ";", ";;", "&&", "||", "&", "a", "'", '"', "$(", "`", "\\\n", "#"]
), max_size=16).map(" ".join))  # fmt: skip
def test_any_text(text: str) -> None:
    """Any text is cut or refused; what is cut is rendered again, and its commands are whole on their own."""
    run = RunSource.parse(f"RUN {text}")
    if run is not None:
        assert render_run(pieces_of(run)) == run.source
        for unit in run.units:
            assert unit
        again = RunSource.parse("RUN " + "; ".join(run.units)) if not any(unit.endswith("&") for unit in run.units) else None
        assert again is None or again.units == run.units


@pytest.mark.slow
def test_large_texts() -> None:
    """A megabyte of anything is cut or refused in time that grows with its length."""
    for piece in (
        "a && ",
        "'a' ",
        "$(",
        "((",
        "`a` ",
        "if a; then ",
        "case a in b) ",
        "a;",
        '"a" ',
        "x=1 ",
        "a[",
        "{ ",
        "${a:-",
        "$((",
        "\\;",
        "# ",
    ):
        find_units(piece * (300_000 // len(piece)))
    run = parse("RUN " + "a \\\n" * 100_000 + "b")
    render_run([Piece(run.units[0].replace("a", "c"), run, 0)])
    render_run([Piece("x " * 50_000, run, 0)])
