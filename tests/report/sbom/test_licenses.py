"""Licenses of package databases as SPDX ids, expressions and names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from license_expression import get_spdx_licensing

from ocisize.report.sbom.license_ids import find_exception, find_license
from ocisize.report.sbom.licenses import License, LicenseKind, read_licenses

ID, EXPRESSION, NAME = LicenseKind.ID, LicenseKind.EXPRESSION, LicenseKind.NAME
LICENSING = get_spdx_licensing()


@pytest.mark.parametrize(
    ("text", "kind", "written"),
    [
        ("MIT", ID, "MIT"),
        ("apache-2.0", ID, "Apache-2.0"),
        ("(MIT)", ID, "MIT"),
        ("GPL-2.0+", ID, "GPL-2.0+"),
        ("MPL-2.0+", NAME, "MPL-2.0+"),
        ("MIT and BSD-3-Clause", EXPRESSION, "MIT AND BSD-3-Clause"),
        ("(mit OR CC0-1.0)", EXPRESSION, "(MIT OR CC0-1.0)"),
        ("GPL-2.0-only WITH Linux-syscall-note", EXPRESSION, "GPL-2.0-only WITH Linux-syscall-note"),
        ("MIT AND (ISC OR (Zlib AND BSL-1.0))", EXPRESSION, "MIT AND (ISC OR (Zlib AND BSL-1.0))"),
        ("ASL 2.0", NAME, "ASL 2.0"),
        ("MIT License", NAME, "MIT License"),
        ("MIT AND", NAME, "MIT AND"),
        ("AND MIT", NAME, "AND MIT"),
        ("(MIT", NAME, "(MIT"),
        ("MIT)", NAME, "MIT)"),
        ("()", NAME, "()"),
        ("MIT) OR (ISC", NAME, "MIT) OR (ISC"),
        ("MIT OR ISC)", NAME, "MIT OR ISC)"),
        ("(MIT OR ISC) WITH LLVM-exception", NAME, "(MIT OR ISC) WITH LLVM-exception"),
        ("MIT WITH", NAME, "MIT WITH"),
        ("Linux-syscall-note", NAME, "Linux-syscall-note"),
        ("MIT WITH LLVM-exception WITH LLVM-exception", NAME, "MIT WITH LLVM-exception WITH LLVM-exception"),
        ("MIT AND ISC WITH LLVM-exception AND (Zlib)", EXPRESSION, "MIT AND ISC WITH LLVM-exception AND (Zlib)"),
        ("MIT ISC", NAME, "MIT ISC"),
        ("LicenseRef-mine", NAME, "LicenseRef-mine"),
        ("\n  MIT License\n\nPermission is hereby granted", NAME, "MIT License"),
        ("x" * 500, NAME, "x" * 119 + "…"),
    ],
)
def test_licenses(text: str, kind: LicenseKind, written: str) -> None:
    """Ids in their own case, expressions with the operators of SPDX, and all else by name."""
    assert read_licenses([text]) == [License(kind, written)]


def test_licenses_are_few_and_distinct() -> None:
    """Each license once, empty ones none, and a bounded number."""
    assert read_licenses(["", " \n ", "MIT", "mit"]) == [License(ID, "MIT")]
    assert len(read_licenses(map(str, range(1000)))) == 20
    assert read_licenses(["(" * 100_000])[0].kind is NAME


WORDS = st.sampled_from(["MIT", "ISC", "AND", "OR", "WITH", "(", ")", "LLVM-exception", "GPL-2.0-only", "Apache-2.0+"])


@given(st.lists(WORDS, max_size=9))
def test_expressions_are_those_of_another_parser(words: list[str]) -> None:
    """What is written as an expression is one for license-expression, too."""
    for license in read_licenses([" ".join(words)]):
        if license.kind is not NAME:
            assert not LICENSING.validate(license.text).errors


def test_ids_are_those_of_the_license_list() -> None:
    """Every id that license-expression knows is known, apart from those of newer lists, and no other one."""
    ids = {key: symbol for key, symbol in LICENSING.known_symbols.items() if not key.startswith("LicenseRef-")}
    exceptions = {key for key, symbol in ids.items() if symbol.is_exception}
    found = {key for key in ids if find_license(key) == key}
    assert len(found) > 600
    assert found.isdisjoint(exceptions)
    assert len([key for key in exceptions if find_exception(key) == key]) > 50
