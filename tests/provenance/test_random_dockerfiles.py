"""Dockerfiles of strangers: whatever text a statement has, the image is analyzed, and a patch applies to that text."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ocisize import Analyzer
from ocisize.dockerfile.parse import parse_dockerfile
from ocisize.dockerfile.read_diff import read_patch
from ocisize.provenance.dockerfile_text import redact_dockerfile
from tests.images import BuiltImage
from tests.oci.test_image import MemorySource
from tests.provenance.statements import Attested, Build, attest, build, location, statement

IMAGE = build()
LINES = st.sampled_from([
    "FROM debian:12 AS base", "FROM base", "FROM scratch", "WORKDIR /app", "RUN apt-get update && \\", "    apt-get install -y \\",
    "      curl", "RUN apt-get update &&     apt-get install -y       curl", "COPY --chown=app . /app", "COPY <<E /x", "E", "# escape=`",
    "# comment", "", "\\", "RUN <<E", 'RUN ["a", "b"]', 'SHELL ["pwsh"]', "ONBUILD RUN x", "ENV TOKEN=ghp_0123456789abcdefghijABCDEFGHIJ012345",
    "RUN --mount=type=cache,target=/x \\", "'", '"', "\t", "ARG A=b\r", "\ufeffFROM x",
])  # fmt: skip


def source_of(attested: Attested) -> MemorySource:
    return MemorySource(attested.index, attested.blobs)


@given(
    st.lists(LINES | st.text(max_size=20), max_size=20),
    st.lists(st.tuples(st.integers(1, 20), st.integers(0, 3)), min_size=4, max_size=4),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_any_dockerfile(lines: list[str], places: list[tuple[int, int]]) -> None:
    text = "\n".join(lines)
    names = ("step0", "step1", "step2", "step4")
    locations = {name: location(first, first + more) for name, (first, more) in zip(names, places, strict=True)}
    made = Build(dockerfile=text.encode("utf-8", "replace").decode(), locations=locations)
    analysis = Analyzer(platform="linux/amd64").analyze_source(source_of(attest(IMAGE, statement(IMAGE, build=made))))
    plan, redacted = analysis.plan, redact_dockerfile(made.dockerfile)
    assert not analysis.warnings and (plan.dockerfile is None) == (redacted is None)
    if plan.patch and redacted is not None:
        (file,) = read_patch(plan.patch)[1]
        kept = redacted.split("\n")
        assert all([line.rstrip("\n") for line in change.old] == kept[change.start : change.start + len(change.old)]
                   for change in file.changes())  # fmt: skip
    instructions = parse_dockerfile(redacted or "").instructions
    firsts = {instruction.first for instruction in instructions}
    assert all(line in firsts for step in plan.steps for line in step.lines)


def test_the_image_has_a_plan() -> None:
    """The test above is about something: with the right text there is a patch."""
    assert isinstance(IMAGE, BuiltImage)
    analysis = Analyzer(platform="linux/amd64").analyze_source(source_of(attest(IMAGE, statement(IMAGE))))
    assert analysis.plan.patch
