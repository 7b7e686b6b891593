"""Arguments of all groups: the folder of the inputs, the number of rounds and the chosen cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

import cases
from cases import Case
from measure import Command, Outcome, interleave
from results import Section


@attrs.frozen
class Context:
    """One run of the suite."""

    out: Path
    rounds: int
    only_cases: Sequence[str] = ()
    before: str | None = None  #: revision to compare with

    def cases(self, *names: str) -> list[Case]:
        """The cases in ``names`` that are built and chosen."""
        return cases.find(self.out, *(name for name in names if not self.only_cases or name in self.only_cases))

    def measure(self, group: str, case: Case, form: str, title: str, commands: Mapping[str, Command]) -> Section:
        """Run commands in turn; ratios will be to the first."""
        return self.section(group, case, form, title, interleave(commands, self.rounds))

    @staticmethod
    def section(
        group: str,
        case: Case,
        form: str,
        title: str,
        outcomes: dict[str, Outcome],
        figures: dict[str, float] | None = None,
    ) -> Section:
        return Section(group, case.name, form, title, next(iter(outcomes)), case.facts(), outcomes, figures or {})
