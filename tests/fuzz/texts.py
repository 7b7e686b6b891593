"""Harnesses of what people and programs write as text: references, saved analyses, budgets, baselines, rules, globs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import ocisize
from ocisize.model.build_step import BuildStep
from ocisize import Analyzer, compare, from_json, to_json
from ocisize.rules.automaton import Automaton
from ocisize.budgets.baseline import Baseline, baseline_from_json, baseline_to_json, baseline_entry
from ocisize.budgets.parse import parse_budgets
from ocisize.rules.parse import parse_catalog
from ocisize.sizes.cost import parse_cost
from ocisize.dockerfile.lines import find_lines
from ocisize.dockerfile.copy_source import parse_copy, with_options
from ocisize.dockerfile.ignore import IgnoreFile
from ocisize.dockerfile.parse import parse_dockerfile
from ocisize.dockerfile.patch import refusal
from ocisize.dockerfile.run_source import Piece, RunSource, render_run
from ocisize.budgets.dive_ci import dive_budgets, parse_dive_ci
from ocisize.globs import Glob, parse_glob
from ocisize.model.quantity import Unit, parse_limit
from ocisize.oci.platform import parse_platform
from ocisize.oci.reference import canonical_name, is_loopback, parse_reference, split_host
from ocisize.sources.registry.challenges import parse_challenges
from ocisize.report.json.diff import comparison_to_json
from tests.fuzz.images import JSON_TOKENS
from tests.fuzz.oracle import Harness, Refused, check_analysis, check_report, check_whole, outcome, same
from tests.fuzz.shapes import as_text, edited
from tests.images import DIR, Entries, Hard, Link, build_image, layer

# references


def run_reference(data: bytes) -> None:
    """A reference that is taken is written as one that means the same; challenges, platforms and costs are read, or refused."""
    text = as_text(data)
    reference = outcome(lambda: parse_reference(text))
    if not isinstance(reference, Refused):
        assert parse_reference(str(reference)) == reference
        assert reference.selector and reference.host
        is_loopback(reference.registry)
        assert not re.search(r"[^\x21-\x7e]", str(reference))
        assert canonical_name(str(reference)) == canonical_name(text)
    split_host(text)
    for scheme, parameters in parse_challenges(text):
        assert scheme == scheme.lower() and all(name == name.lower() for name in parameters)
    outcome(lambda: parse_platform(text))
    outcome(lambda: parse_cost(text))


REFERENCES = (
    "ubuntu", "debian:12", "docker.io/library/ubuntu:latest", "registry.io:5000/a/b_c/d__e/f-g:tag", "localhost/app",
    "[::1]:5000/app@sha256:" + "0" * 64, "127.0.0.1/a:b@sha256:" + "a" * 64, "Registry.IO/app", "http://a/b", "a" * 64,
    "sha512:" + "1" * 128, "a@md5:" + "0" * 32, 'Bearer realm="https://a/t",service="s",scope="a:b" , Basic realm=x',
    "linux/arm64/v8", "deploys=40,nodes=200,price=0.05,bandwidth=100Mbps",
)  # fmt: skip

# saved analyses


@cache
def _saved() -> tuple[Any, ...]:
    """Documents of a small image, with and without its files."""
    analysis = _small(b"one")
    example = Analyzer().analyze(str(Path(__file__).parent.parent.parent / "testdata" / "golden" / "01-single-layer.tar"))
    return tuple(
        json.loads(to_json(each, files=files)) for each, files in ((analysis, True), (analysis, False), (example, True))
    )


@cache
def _small(content: bytes) -> ocisize.Analysis:
    from tests.fuzz.images import _RUN, Memory

    entries: Entries = {
        "etc": DIR,
        "etc/os-release": b"ID=alpine\n",
        "a": content * 50,
        "b": Hard("a"),
        "l": Link("a"),
        "/r": b"2",
        "a.pyc": b"x" * 9,
    }
    image = build_image([layer(entries), layer({".wh.a": b"", "c": content * 50, "café\udcff": b"1"})], config=_RUN)
    return Analyzer(jobs=1).analyze_source(Memory(image), name="memory")


def run_saved(data: bytes) -> None:
    """A saved analysis that is taken can be written and reported, whatever its figures, and compared if it is whole."""
    text = data[1:]
    analysis = outcome(lambda: from_json(text))
    if isinstance(analysis, Refused):
        return
    check_analysis(analysis, saved=True)
    check_report(analysis, data[0])
    for before, after in ((analysis, analysis), (_small(b"one"), analysis), (analysis, _small(b"two"))):
        compared = outcome(lambda: comparison_to_json(compare(before, after)))  # noqa: B023 - called at once
        check_whole(compared, before, after)
    baseline = outcome(lambda: baseline_to_json(Baseline().with_entry("app", "linux/amd64", baseline_entry(analysis))))
    check_whole(baseline, analysis)


def run_saved_edited(data: bytes) -> None:
    """The same of well-formed documents."""
    head = data[:2] + bytes(2 - len(data[:2]))
    document = edited(_saved()[head[1] % 3], data[2:])
    run_saved(head[:1] + json.dumps(document).encode())


def saved_seeds() -> list[bytes]:
    """Each document, and one of an image whose config lists another number of layers, for each report."""
    odd = json.dumps(_saved()[0] | {"config_layers": 9}).encode()
    return [
        *(bytes([number]) + json.dumps(document).encode() for number, document in enumerate(_saved())),
        *(bytes([number]) + odd for number in range(20)),
    ]


def saved_edits() -> list[bytes]:
    """Each report over documents with an edit, at places all over them."""
    return [
        bytes([number, number % 3, number * 5 >> 8 & 255, number * 5 & 255, number * 11 % 256, number])
        for number in range(90)
    ]


# budgets, baselines, rules


def run_budgets(data: bytes) -> None:
    """Files of budgets, dive's rules, rules of users: read, or refused with what is wrong."""
    kind, text = (data[0], as_text(data[1:])) if data else (0, "")
    read: tuple[Callable[[], object], ...] = (
        lambda: parse_budgets(text),
        lambda: parse_budgets(text, "pyproject.toml", table=("tool", "ocisize")),
        lambda: dive_budgets({}, parse_dive_ci(text, ".dive-ci"), ".dive-ci"),
        lambda: parse_catalog(text, "team.toml"),
        lambda: _read_baseline(text),
        lambda: _read_dockerfile(text),
    )
    chosen = read[kind % len(read)]
    first, second = outcome(chosen), outcome(chosen)
    if isinstance(first, Refused) or isinstance(second, Refused):
        assert first == second
    for unit in Unit:
        try:
            limit = parse_limit(text, (unit,), growth=True)
        except ValueError:
            continue
        assert limit.value >= 0


def _read_baseline(text: str) -> Baseline:
    baseline = baseline_from_json(text, "baseline.json")
    assert baseline_from_json(baseline_to_json(baseline), "again") == baseline
    return baseline


def _read_dockerfile(text: str) -> tuple[object, ...]:
    dockerfile = parse_dockerfile(text)
    instructions = dockerfile.instructions
    ends = [0, *(each.last for each in instructions)]
    assert all(end < each.first <= each.last for end, each in zip(ends, instructions, strict=False))
    assert ends[-1] <= text.count("\n") + 1
    for instruction in instructions[:20]:
        run = RunSource.parse(instruction.source, dockerfile.escape)
        if run is not None and not instruction.is_heredoc:
            assert render_run([Piece(unit, run, index) for index, unit in enumerate(run.units)]) == instruction.source
        parse_copy(with_options(instruction.source, {"--chown": "1:1"}, dockerfile.escape), dockerfile.escape)
        refusal(dockerfile, instruction, BuildStep(f"{instruction.keyword} {instruction.text}"))
    IgnoreFile.parse(text).excludes("a/b/c.log")
    steps = [f"{each.keyword} {each.text}" for each in instructions[:9]]
    return find_lines([BuildStep("RUN make"), *map(BuildStep, steps), BuildStep("COPY a b")], dockerfile, base=1)


def budget_seeds() -> list[bytes]:
    texts = (
        'name = "a"\nbaseline = "b.json"\nmax-download = "120 MB"\nmax-waste = ["5 %", "+10 MB"]\nmin-efficiency = 0.95\n'
        'forbid = ["**/.git/**"]\nforbid-findings = ["OS101", "high"]\nmax-transfer = "10 s at 100 Mbit/s"\n\n[[budget]]\n'
        'layer = "RUN apt-get*"\nmax-unpacked = "40 MB"\nlevel = "warn"\nreason = "r"\npath = "/usr/"\nignore = ["*.pyc"]\n'
        'visible-only = true\nif-unknown = "off"\nplatform = "linux/*"\nmax-files = 100\n'
        '[[budget]]\npackage = ["python:torch", "nvidia-*"]\nmax-live = "1 GB"\n',
        '[project]\nname = "a"\n[tool.ocisize]\nmax-layers = 5\n[[tool.ocisize.budget]]\nmax-file-size = "1e3"\n',
        "rules:\n  lowestEfficiency: 0.95\n  highestWastedBytes: '20MB'\n  highestUserWastedPercent: disabled # no\n",
        '[[rule]]\nid = "ACME001"\ntitle = "t"\nwhat = "w"\nglobs = ["/var/cache/acme/"]\nexcept = ["*.keep"]\n'
        'kinds = ["file"]\nconfidence = "safe"\nneeds = ["{dir}/{stem}"]\nmatches = ["var/cache/acme/a"]\n'
        'fix = { acme = "RUN {build_step} {path}" }\n[[protect]]\nwhat = "p"\nglobs = ["/opt/"]\n[[secret]]\ntitle = "k"\n'
        'what = "w"\nglobs = [".acme/key"]\nconfidence = "probably"\n[[public]]\nwhat = "x"\nglobs = ["/usr/share/"]\n',
        baseline_to_json(Baseline().with_entry("app", "linux/amd64", baseline_entry(_small(b"one")))),
        "# escape=`\nFROM debian AS base\nRUN --mount=type=cache a && `\n  # no\n b\nCOPY <<E <<-'F' /a\nx\nE\n\ty\n\tF\n"
        'FROM base\nARG V=1\nCOPY --chown=1:1 $V ${W:-x} /b\nADD ["a", "b"]\nWORKDIR /x\nRUN make\n',
    )
    quantities = ("120 MB", "1.5kB", "5 %", "+2 %", "+100", "10 s at 100 Mbit/s", "2,500", "9" * 60, "off")
    return [
        *(bytes([number]) + text.encode() for number, text in enumerate(texts)),
        *(b"\0" + text.encode() for text in quantities),
    ]


BUDGET_TOKENS = (
    b"max-download", b"max-waste", b"[[budget]]", b"[[rule]]", b"globs = ", b"if-unmatched", b'"""', b"inf", b"nan", b"1e400", b"0x", b"'", b"rules:",
    b"lowestEfficiency:", b"[", b"]", b"{", b"}", b"2026-01-01T00:00:00Z", b"9" * 25, b"%", b"MiB", b"+", b" at ", b"Mbit/s",
)  # fmt: skip

# globs


def run_globs(data: bytes) -> None:
    """Globs, a line each behind one of paths: those that are taken match the same paths together as each alone."""
    first, *lines = as_text(data[:2000]).split("\n")
    globs = [glob for glob in (outcome(lambda line=line: parse_glob(line)) for line in lines[:12]) if isinstance(glob, Glob)]  # type: ignore[misc]
    paths = [path for path in first.encode("utf-8", "surrogateescape").split(b"\t") if _is_clean(path)][:20]
    together = matching(globs, paths)
    for number, glob in enumerate(globs):
        assert parse_glob(glob.text).components[0].text == glob.components[0].text
        for path, found in zip(paths, together, strict=True):
            for is_directory in (False, True):
                alone = matching([glob], [path])[0][is_directory]
                assert (0 in alone) == (number in found[is_directory])
                expected = by_definition(glob.text, path, is_directory=is_directory)
                assert (number in found[is_directory]) == expected, (glob.text, path, is_directory)


def _is_clean(path: bytes) -> bool:
    return bool(path) and b"\0" not in path and all(part not in (b"", b".", b"..") for part in path.split(b"/"))


def matching(globs: list[Glob], paths: list[bytes]) -> list[tuple[set[int], set[int]]]:
    """Per path, the globs that match it as a file and as a directory."""
    automaton = Automaton(globs, dict.fromkeys(range(len(globs)), True), ())
    found = []
    for path in paths:
        directory, _, name = path.rpartition(b"/")
        state = automaton.state_of(directory)
        found.append(
            (
                {*state.inside, *state.matching(name, is_directory=False)},
                {*state.inside, *state.matching(name, is_directory=True)},
            )
        )
    return found


def by_definition(text: str, path: bytes, *, is_directory: bool) -> bool:
    """Whether a glob matches, as slowly and plainly as the definition reads."""
    names = path.decode("utf-8", "surrogateescape").split("/")
    parts = ([] if text.startswith("/") else ["**"]) + text.strip("/").split("/")
    if not text.endswith("/"):
        return _fits(parts, names)
    return (is_directory and _fits(parts, names)) or any(_fits(parts, names[:depth]) for depth in range(1, len(names)))


def _fits(parts: list[str], names: list[str]) -> bool:
    if not parts:
        return not names
    if parts[0] == "**":
        return _fits(parts[1:], names) or (bool(names) and _fits(parts, names[1:]))
    return bool(names) and bool(re.fullmatch(_component(parts[0]), names[0], re.DOTALL)) and _fits(parts[1:], names[1:])


def _component(part: str) -> str:
    found, at = "", 0
    while at < len(part):
        if part[at] == "*":
            found += ".*"
        elif part[at] == "?":
            found += "."
        elif part[at] == "[":
            start = at + 1 + (part[at + 1 : at + 2] == "!")
            end = part.index("]", start + 1)
            inner = re.sub(r"([^-0-9A-Za-z])", r"\\\1", part[start:end])
            found += f"[{'^' if start > at + 1 else ''}{inner}]"
            at = end
        else:
            found += re.escape(part[at])
        at += 1
    return found


def glob_seeds() -> list[bytes]:
    return [
        b"usr/lib/a.pyc\tusr\tusr/lib/x/y/a.pyc\n*.pyc\n/usr/**/a.pyc\nlib/\n/usr/\n**/x/**\n",
        b"a\tb/a\tb/c/a~\n*~\n?[a-c]\n[!a]\n/b/*/a*\na/**\n**/b/**/a*\n",
        "caf\u00e9/\u00e9\tx\n?\u00e9\n[\u00e0-\u00ff]\n*\u00e9*\n".encode(),
        b"\xff\xfe/a\n?\xfe\n*a\n",
        b"*.tar.gz/x\n*.tar.gz/\n*.[gx]z\n[*]\n[]]\n[!]]a\n[a-\n**a\n//\n",
    ]


HARNESSES = {
    "reference": Harness(run_reference, lambda: [text.encode() for text in REFERENCES], (b"@sha256:", b":", b"/", b"[::1]", b"localhost", b"__", b"://")),
    "saved": Harness(run_saved, saved_seeds, JSON_TOKENS, quick=500),
    "saved-edited": Harness(run_saved_edited, saved_edits, share=2, quick=200),
    "budgets": Harness(run_budgets, budget_seeds, (*BUDGET_TOKENS, *JSON_TOKENS[-8:])),
    "globs": Harness(run_globs, glob_seeds, (b"**", b"*", b"?", b"[!", b"]", b"/", b"\t", b"\n", b".pyc")),
}  # fmt: skip
