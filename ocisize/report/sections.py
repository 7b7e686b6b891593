"""The sections of the full text report, by the names that ``--section`` takes."""

#: the parts of the full text report, in its order
SECTIONS = (
    "secrets",
    "budgets",
    "figures",
    "base",
    "system",
    "cost",
    "sizes",
    "layers",
    "plan",
    "findings",
    "directories",
    "packages",
    "waste",
    "largest",
)
