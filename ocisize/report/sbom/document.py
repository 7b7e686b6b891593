"""Compact JSON in which each element of a list has a line, so that two documents can be compared line by line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TextIO


def write_document(document: Mapping[str, object], file: TextIO) -> None:
    """Write a JSON object with a line for each member, and for each element of a member that is a list or an iterator.

    The elements of an iterator are made as they are written, so that few are in memory; one without elements has no member.

    >>> import sys
    >>> write_document({"version": 1, "components": [{"name": "a"}, {"name": "b"}], "no": iter([])}, sys.stdout)
    {"version":1,
    "components":[
    {"name":"a"},
    {"name":"b"}
    ]}
    """
    separator = "{"
    for key, value in document.items():
        member = f"{separator}{_dumps(key)}:"
        if isinstance(value, Iterator) or (isinstance(value, list) and value):
            if not _write_elements(member, value, file):
                continue
        else:
            file.write(f"{member}{_dumps(value)}")
        separator = ",\n"
    file.write("}\n")


def _write_elements(member: str, elements: Iterable[object], file: TextIO) -> bool:
    """Write a list behind the name of its member; return whether there was an element."""
    head = f"{member}[\n"
    separator = head
    for element in elements:
        file.write(f"{separator}{_dumps(element)}")
        separator = ",\n"
    if separator is head:
        return False
    file.write("\n]")
    return True


def drop_empty(members: Mapping[str, object]) -> dict[str, object]:
    """The members of an object that have a value: without "", None and empty lists."""
    return {key: value for key, value in members.items() if value not in ("", None, [])}


def named_values(pairs: Iterable[tuple[str, object]]) -> list[dict[str, str]]:
    """Properties of CycloneDX: names with their values, the empty ones left out."""
    return [{"name": name, "value": str(value)} for name, value in pairs if value not in ("", None)]


def _dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
