"""The API reference has every public name, and every public name is documented."""

from __future__ import annotations

import enum
import inspect
import re
from collections.abc import Iterator
from typing import Any

import pytest

import ocisize
from tests.reference import ROOT, reference_pages, write_tables

PAGES = ROOT / "docs" / "api"
DIRECTIVES = re.findall(
    r"^\.\. (?:auto\w+|data):: (\w+)$", "".join(page.read_text() for page in sorted(PAGES.glob("*.md"))), re.MULTILINE
)
NAMES = sorted(set(ocisize.__all__) - {"__version__"})
CLASSES = [name for name in NAMES if isinstance(getattr(ocisize, name), type)]


def test_the_reference_has_every_public_name_once() -> None:
    assert sorted(DIRECTIVES) == NAMES


def test_every_error_is_public() -> None:
    errors = {
        name for name, value in vars(ocisize.errors).items() if isinstance(value, type) and issubclass(value, Exception)
    }
    assert errors <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_documented(name: str) -> None:
    """Functions and classes by docstrings, members by docstrings, and fields by comments that begin with ``#:``."""
    value = getattr(ocisize, name)
    if not isinstance(value, type) and not inspect.isfunction(value):
        return  # data and aliases are described on their page
    assert inspect.getdoc(value) is not None and (value.__doc__ or "").strip()
    if isinstance(value, type):
        assert [member for member in _members(value) if not member.has_text] == []


class _Member(str):
    has_text: bool


def _members(cls: type) -> Iterator[_Member]:
    source = inspect.getsource(cls)
    for name, value in vars(cls).items():
        if name.startswith("_"):
            continue
        member = _Member(name)
        if isinstance(value, property | classmethod) or inspect.isfunction(value):
            member.has_text = bool(value.__doc__)
        elif _is_field(cls, name, value):
            member.has_text = _has_comment(source, name)
        else:
            continue
        yield member


def _is_field(cls: Any, name: str, value: object) -> bool:
    own = {item.name for item in getattr(cls, "__value_fields__", ())} | {*getattr(cls, "_fields", ())}
    return name in own or (issubclass(cls, enum.Enum) and isinstance(value, cls))


def _has_comment(source: str, name: str) -> bool:
    """True for a comment before a field, behind it or, as text, below it."""
    line = rf"^    {name}(?::| =)[^\n]*"
    return bool(re.search(rf"{line}#: |^    #: (?:[^\n]|\n    #)*\n{line}|{line}\n    \"\"\"", source, re.MULTILINE))


def test_values_name_public_types() -> None:
    """A type in the fields of a public value is public, so that callers can name it."""
    hidden = {
        f"{name}.{item.name}: {word}"
        for name in CLASSES
        for item in getattr(getattr(ocisize, name), "__value_fields__", ())
        if not item.name.startswith("_")
        for word in re.findall(r"(?<!os\.)\b[A-Z]\w+", str(item.type))
        if word not in NAMES and word not in STANDARD
    }
    assert hidden == set()


#: names of the standard library, type aliases, and types of fields that the reference leaves out
STANDARD = {
    "Any", "Callable", "Collection", "DerivedValues", "Fraction", "IntArray", "Mapping", "None", "Path", "PerPlatform", "Sequence",
}  # fmt: skip


def test_parameters_and_results_name_public_types() -> None:
    """The same for functions and methods; ``scan_tar`` says which of its parameters are for the analyzer."""
    functions = [getattr(ocisize, name) for name in NAMES] + [
        value
        for name in CLASSES
        for member, value in vars(getattr(ocisize, name)).items()
        if not member.startswith("_") and (inspect.isfunction(value) or isinstance(value, property))
    ]
    hidden = {
        f"{function.__qualname__}: {word}"
        for value in functions
        if inspect.isfunction(function := value.fget if isinstance(value, property) else value)
        for annotation in function.__annotations__.values()
        for word in re.findall(r"(?<!os\.)\b[A-Z]\w+", str(annotation))
        if word not in NAMES and word not in STANDARD | {"BinaryIO", "Executor", "Iterable", "Iterator", "PathLike"}
    }
    assert hidden == {"scan_tar: Container", "scan_tar: Excerpts", "scan_tar: Meter", "scan_tar: Payload"}


@pytest.mark.parametrize("page", reference_pages())
def test_pages_say_what_each_name_is(page: str) -> None:
    """Readers of the plain Markdown see no docstrings. ``python -m tests.samples`` writes the tables."""
    text = (ROOT / page).read_text("utf-8")
    assert write_tables(text) == text


def test_a_table_follows_its_names() -> None:
    block = "```{eval-rst}\n.. autofunction:: parse_cost\n.. autoclass:: Cost\n   :exclude-members: x\n```\n"
    page = write_tables(f"Costs.\n\n{block}")
    assert page == (
        "Costs.\n\n| name | what it is |\n|---|---|\n"
        "| `parse_cost(text)` | Return the assumptions of a text such as `deploys=10,nodes=5,price=0.09,bandwidth=100Mbps` |\n"
        f"| `Cost` | The cost of a download; None if its size is unknown |\n\n{block}"
    )
    assert write_tables(page * 2) == page * 2
    assert write_tables(page.replace(".. autoclass:: Cost\n   :exclude-members: x\n", "")).count("| `") == 1
