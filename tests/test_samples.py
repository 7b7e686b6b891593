"""README.md and docs/ show what the program writes."""

from __future__ import annotations

import pytest

from tests.samples import Sample, list_samples, run_command

SAMPLES = list(list_samples())


@pytest.mark.parametrize("sample", SAMPLES, ids=[f"{sample.page}-{number}" for number, sample in enumerate(SAMPLES)])
def test_samples_are_what_the_program_writes(sample: Sample) -> None:
    """To accept a changed report, run python -m tests.samples and look at the difference."""
    assert run_command(sample.command) == sample.output


def test_samples_are_found() -> None:
    """Both the README and the page on formats have some."""
    assert {"README.md", "docs/formats.md"} <= {sample.page for sample in SAMPLES}
