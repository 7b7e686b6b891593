"""Judge the advice by an image with planted mistakes and its fixed twin; nothing else differs.

    python benchmarks/advice.py OUT [--write]

Prints which finding names which mistake, the predicted savings next to the real ones, the sure findings in the fixed
image, and the CPU time of the advice. ``--write`` writes advice.md, which report.py includes in RESULTS.md. OUT is the
folder that build.sh filled with the case ``advice`` and those of IMAGES.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from fnmatch import translate
from pathlib import Path
from unittest.mock import patch

import attrs
import cattrs

sys.path.insert(0, str(Path(__file__).parent))

import tables
from ocisize import Analysis, Analyzer, analyze
from ocisize.rules.rule import Catalog
from ocisize.model.findings import Advice, Confidence, Finding, Saving, sum_savings
from ocisize.model.waste import Cause
from ocisize.text import decode_name

MEGABYTE = 1_000_000
#: Images whose analysis is timed with and without advice.
IMAGES = (
    "scale-200000/gzip", "scale-200000/docker.tar", "node/gzip", "node/docker.tar", "debian-python/gzip", "advice-bad/gzip",
)  # fmt: skip
ROUNDS = 7
TEXT = """\
`benchmarks/inputs/advice.sh` builds an image of real packages with {mistakes} planted mistakes, and a twin in which all of
them are fixed; nothing else differs. Measured {date} with `benchmarks/advice.py`.

{named}

The savings that the findings predict, and the bytes that the fixes really saved. The findings also predict savings that
the twin does not make (compilers, bytecode of packages); the third line leaves these out, so it is the prediction for the
planted mistakes.

{savings}

Findings in the fixed twin, outside the base image, with the confidence *safe*; all are right, none is large:

{twin}

The cost of the advice: CPU seconds of a whole analysis in one process, without start-up, with and without the advice
(matching the catalog, all findings); medians of {rounds} interleaved rounds. Reading the catalog, once per process, belongs to
start-up.

{cost}
"""
CAUSES = {
    "deleted-later": Cause.DELETED,
    "metadata-only": Cause.METADATA_ONLY,
    "overwritten": Cause.OVERWRITTEN,
    "opaque": Cause.OPAQUE,
}
#: The findings that name a mistake: by rule, or by words of the title.
RULES = {
    "secret-file": "OS230",
    "deleted-later": "OS101",
    "metadata-only": "OS102",
    "overwritten": "OS103 OS203",  # apt's caches that the next apt step writes again
    "opaque": "OS104",
    "duplicate-content": "OS110",
    "apt-lists": "OS202",
    "apt-archives": "OS203",
    "debconf-backups": "OS307",
    "pip-cache": "OS209",
    "bytecode": "OS340",
    "vcs": "OS380",
    "logs": "OS383",
    "logs-elsewhere": "OS384",
    "archive-beside": "OS386",
}
WORDS = {
    "no-install-recommends": r"recommend",
    "secret-env": r"\bAPI_TOKEN\b",
    "secret-arg": r"\bNPM_TOKEN\b",
    "root-user": r"\bas root\b",
    "tests": r"\btests? (folders?|director|files?)|^tests\b",
}


@attrs.frozen
class Mistake:
    """One planted mistake. ``paths`` are globs whose ``*`` crosses folders."""

    name: str
    layers: list[int]  #: that hold its bytes; or hide them, where a cause of waste is expected
    paths: list[str]
    expected: str


@attrs.frozen
class Row:
    """A stored file with content."""

    layer: int
    path: str
    size: int
    compressed_size: int
    cause: Cause | None  #: why it cannot be seen
    hidden_by: int


def read_rows(analysis: Analysis) -> list[Row]:
    """All files with content, hidden files with the layer that hides them."""
    hidden = {(entry.held_by, entry.path): (entry.cause, entry.hidden_by) for entry in analysis.waste}
    rows = []
    for layer in analysis.layers:
        table = layer.files
        assert table is not None
        assert table.compressed_sizes is not None
        for path, size, compressed_size in zip(table.paths, table.sizes, table.compressed_sizes, strict=True):
            if size:
                name = decode_name(path)
                rows.append(
                    Row(layer.index, f"/{name}", size, compressed_size, *hidden.get((layer.index, name), (None, -1)))
                )
    return rows


def matcher(globs: Collection[str]) -> Callable[[str], bool]:
    """Whether a path matches one of some globs."""
    exact = {glob for glob in globs if not re.search(r"[*?\[]", glob)}
    pattern = re.compile("|".join(translate(glob) for glob in globs if glob not in exact) or r"(?!)")
    return lambda path: path in exact or pattern.match(path) is not None


def bytes_of(mistake: Mistake, rows: Iterable[Row]) -> set[Row]:
    """The files of a mistake: hidden for the expected cause, or visible."""
    matches, cause, layers = matcher(mistake.paths), CAUSES.get(mistake.expected), set(mistake.layers)
    return {
        row
        for row in rows
        if row.layer in layers and row.cause is cause and (cause is None or row.hidden_by in layers) and matches(row.path)
    }


def namings(mistake: Mistake, findings: Iterable[Finding]) -> list[Finding]:
    """The findings that name a mistake. Where a finding shows all of its files, one of them has to be of the mistake."""
    matches, layers = matcher(mistake.paths), set(mistake.layers)

    def names(finding: Finding) -> bool:
        if mistake.expected in RULES and finding.id not in RULES[mistake.expected].split():
            return False
        if mistake.expected in WORDS and not re.search(WORDS[mistake.expected], finding.title, re.IGNORECASE):
            return False
        if mistake.expected in CAUSES and not layers.issuperset(finding.layers):
            return False
        if layers and finding.layers and layers.isdisjoint(finding.layers):
            return False
        whole = mistake.paths and 0 < finding.path_count <= len(finding.paths)
        return not whole or any(matches(f"/{path.lstrip('/')}") for path in finding.paths)

    return [finding for finding in findings if names(finding)]


def megabytes(value: int) -> str:
    return f"{value / MEGABYTE:,.2f}"


def saving_row(name: str, saving: Saving, real: Saving) -> list[str]:
    """A row with a predicted saving and its difference from the real one, in percent of the real one."""
    cells = [name]
    for predicted, saved in ((saving.size, real.size), (saving.compressed_size or 0, real.compressed_size or 0)):
        cells += [megabytes(predicted), f"{100 * (predicted - saved) / saved:+.1f} %"]
    return cells


def total(rows: Iterable[Row]) -> Saving:
    rows = list(rows)
    return Saving(sum(row.size for row in rows), sum(row.compressed_size for row in rows))


def difference(one: Saving, other: Saving) -> Saving:
    return Saving(one.size - other.size, (one.compressed_size or 0) - (other.compressed_size or 0))


def judge_mistakes(mistakes: Sequence[Mistake], rows: Sequence[Row], findings: Sequence[Finding]) -> str:
    """Every mistake, its bytes, and the findings that name it with theirs."""
    lines = []
    for mistake in mistakes:
        own, named = total(bytes_of(mistake, rows)), namings(mistake, findings)
        predicted = sum_savings(named)
        lines.append(
            [
                mistake.name,
                mistake.expected,
                ", ".join(dict.fromkeys(f"{finding.id} {finding.confidence}" for finding in named)) or "MISSING",
                *map(megabytes, (own.size, own.compressed_size or 0, predicted.size, predicted.compressed_size or 0)),
            ]
        )
    heads = ("planted mistake", "expected", "named by", "MB unpacked", "MB download", "finding's MB", "MB download")
    return tables.markdown(heads, lines, left=3)


def judge_savings(mistakes: Sequence[Mistake], rows: Sequence[Row], bad: Analysis, good: Analysis) -> str:
    """The table of predicted and real savings."""
    real = Saving(bad.content_size - good.content_size, (bad.compressed_size or 0) - (good.compressed_size or 0))
    findings = bad.advice.findings
    naming = [finding for finding in findings if any(finding in namings(mistake, findings) for mistake in mistakes)]
    predicted, left = sum_savings(findings), sum_savings(good.advice.findings)
    lines = [
        saving_row("saved by the fixes", real, real),
        saving_row("files of the planted mistakes", total(set().union(*(bytes_of(one, rows) for one in mistakes))), real),
        saving_row("predicted, less the prediction for the twin", difference(predicted, left), real),
        saving_row("predicted by findings that name a mistake", sum_savings(naming), real),
        saving_row("predicted by sure findings", bad.advice.saving(Confidence.SAFE), real),
        saving_row("predicted by all findings", predicted, real),
    ]
    return tables.markdown(("", "MB unpacked", "off by", "MB download", "off by"), lines)


def judge_twin(good: Analysis) -> str:
    """The table of sure findings in the fixed image, without those in the base image."""
    lines = [
        [
            finding.id,
            finding.title.replace("|", "\\|"),
            *map(megabytes, (finding.size, finding.compressed_size or 0)),
            ", ".join(map(str, finding.layers)),
            finding.paths[0] if finding.paths else "",
        ]
        for finding in good.advice.findings
        if finding.confidence is Confidence.SAFE and not finding.in_base
    ]
    return tables.markdown(
        ("safe in the fixed twin", "title", "MB unpacked", "MB download", "layers", "largest"), lines, left=2
    )


def seconds_of(image: Path, *, advice: bool) -> float:
    """CPU seconds of one analysis."""
    empty = Catalog(())
    analyzer = Analyzer(catalog=None if advice else empty)
    nothing = patch.multiple(
        "ocisize.pipeline",
        advise=lambda _: Advice(),
        match_image=lambda _, tables, __: ([{} for _ in tables], [{} for _ in tables]),
    )
    started = time.process_time()
    if advice:
        analyzer.analyze(image)
    else:
        with nothing:
            analyzer.analyze(image)
    return time.process_time() - started


def judge_cost(out: Path) -> str:
    """The table of CPU times with and without the advice."""
    lines = []
    for name in IMAGES:
        entries = analyze(out / name).entry_count
        rounds = [[seconds_of(out / name, advice=advice) for advice in (False, True)] for _ in range(ROUNDS)]
        without, whole = (statistics.median(column) for column in zip(*rounds, strict=True))
        lines.append(
            [f"`{name}`", f"{entries:,}", f"{without:.2f}", f"{whole:.2f}", f"{100 * (whole / without - 1):+.1f} %"]
        )
    return tables.markdown(("image", "entries", "without advice", "with", "added"), lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", metavar="OUT", type=Path, help="the folder that build.sh filled")
    parser.add_argument("--write", action="store_true", help="write advice.md instead of printing")
    options = parser.parse_args()
    out = options.out
    mistakes = cattrs.structure(json.loads((out / "advice-bad" / "planted.json").read_text()), list[Mistake])
    bad, good = (analyze(out / f"advice-{twin}" / "gzip") for twin in ("bad", "good"))
    rows = read_rows(bad)
    text = TEXT.format(
        mistakes=len(mistakes),
        date=time.strftime("%Y-%m-%d"),
        rounds=ROUNDS,
        named=judge_mistakes(mistakes, rows, bad.advice.findings),
        savings=judge_savings(mistakes, rows, bad, good),
        twin=judge_twin(good),
        cost=judge_cost(out),
    )
    if options.write:
        Path(__file__).with_name("advice.md").write_text(text)
    else:
        print(text)


if __name__ == "__main__":
    main()
