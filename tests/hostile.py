"""Names that try to break out of every format, and analyses that are full of them."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from hypothesis import strategies as st

from ocisize.model.build_step import BuildStep
from ocisize.model.findings import Advice, Confidence, Finding, Severity
from ocisize.model.analysis import Analysis
from ocisize.model.packages import Inventory
from ocisize.sizes.layers import sum_layers
from ocisize.filesystem.waste import find_waste
from tests.images import Entries
from tests.evidence import make_evidence

HOSTILE = (
    "<script>alert(1)</script>",
    "a|b\\|c`d``e",
    "line\nbreak\r\n::error file=x::gone",
    "\n::set-output name=a::b%0A%0D%25",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "@everyone #1 https://example.com www.example.com $x$ :smile:",
    "]]>--><!-- &amp; \"'",
    "\x1b[31m\x00\x07\x7f\x9b",
    "\u202eexe.txt\u2066\u2028\ufeff",
    "latin\udce9\udcff",
    "\ufffe\uffff\U0001f600",
    "**bold** __x__ [a](javascript:b) ![c](d) ~~e~~",
    "</details></code></td></table>",
    "# EOF\n# TYPE a gauge",
    '","ino":1,"hlnkc":true},{"name":"',
    "-" * 5000,
)
FILES: Entries = [(name.replace("\0", ""), str(number).encode() * 100) for number, name in enumerate(HOSTILE[:-1])]


def analysis_of(
    *layers: Entries,
    steps: Sequence[str] = (),
    findings: Sequence[Finding] = (),
    reference: str | None = "registry.io/app:1.2",
    source: str = "app.tar",
    compressed_size_known: bool = True,
) -> Analysis:
    """An analysis of layers given as entries, with findings made by hand."""
    evidence = make_evidence(*layers, steps=steps, compressed_size_known=compressed_size_known)
    return Analysis(
        source=source,
        format="oci-archive",
        reference=reference,
        platform="linux/amd64",
        digest=f"sha256:{1:064x}",
        config_digest=f"sha256:{2:064x}",
        media_type="",
        created="2026-01-02T03:04:05Z",
        manifest_size=100,
        config_size=200,
        layers=tuple(evidence.layers),
        waste=find_waste(evidence.tables, evidence.overlay),
        advice=Advice(tuple(findings)),
        packages=Inventory(packages=(), unowned=(), overhead_size=0),
        **attrs.asdict(sum_layers(evidence.layers)),
    )


def finding(
    number: int = 101,
    *,
    text: str = "a thing",
    layers: Sequence[int] = (0,),
    severity: Severity = Severity.MEDIUM,
    size: int = 1000,
    compressed_size: int | None = 500,
    paths: Sequence[str] = ("etc/a",),
    step: str = "RUN make",
    path_count: int | None = None,
) -> Finding:
    """A finding with one text in all places that images fill."""
    return Finding(
        id=f"OS{number}",
        title=text,
        confidence=Confidence.PROBABLY,
        severity=severity,
        layers=tuple(layers),
        build_steps=(BuildStep(step),) * len(layers),
        paths=tuple(paths),
        path_count=len(paths) if path_count is None else path_count,
        size=size,
        compressed_size=compressed_size,
        fix=f"Do `{text}` again",
    )


def hostile_findings() -> list[Finding]:
    """A finding for each hostile name, in title, step, path and fix."""
    return [
        finding(text=text, step=text, paths=(text,), severity=list(Severity)[number % 3])
        for number, text in enumerate(HOSTILE)
    ]


def hostile_analysis() -> Analysis:
    """An analysis in which everything that an image names is hostile."""
    return analysis_of(
        FILES, FILES, steps=["=cmd()|<b>\n::error::", "\u202eRUN `x`"], findings=hostile_findings(),
        reference=None, source='x"},{\\\n<a>|::warning::',
    )  # fmt: skip


#: what findings are made of in random tests: pieces of all grammars at hand
texts = st.lists(
    st.sampled_from([*HOSTILE[:-1], "`", "\\", "|", "\n", " ", "%", ":", ",", "=", "é", "RUN x", "/usr"]) | st.text(max_size=5),
    min_size=1, max_size=6,
).map("".join).filter(str.strip)  # fmt: skip
findings = st.lists(
    st.builds(
        finding,
        st.integers(100, 103),
        text=texts,
        severity=st.sampled_from(Severity),
        size=st.integers(0, 1 << 40),
        compressed_size=st.none() | st.integers(0, 1 << 40),
        paths=st.lists(texts, max_size=3),
        step=texts,
        path_count=st.integers(3, 10_000),
    ),
    max_size=8,
)
