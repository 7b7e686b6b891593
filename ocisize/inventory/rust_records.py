"""The crates of a Rust program, from the list that cargo-auditable adds: https://github.com/rust-secure-code/cargo-auditable."""

from __future__ import annotations

from typing import Any

from ocisize.inventory.record import PackageRecord
from ocisize.inventory.text_fields import load_object, text_of
from ocisize.model.packages import RUST


def read_crates(path: bytes, data: bytes) -> list[PackageRecord]:
    """The crate that the program at ``path`` was built from, which owns the file, and all others that are in it.

    Crates that only the build needs are not in the program. Returns none for data of another form.

    >>> data = b'{"packages":[{"name":"cc","version":"1.0.0","kind":"build"},{"name":"app","version":"0.2.0","root":true}]}'
    >>> [(record.name, record.version, *record.list_files()) for record in read_crates(b"bin/app", data)]
    [('app', '0.2.0', b'bin/app')]
    """
    crates = load_object(data).get("packages")
    if not isinstance(crates, list):
        return []
    found = [crate for crate in crates if _is_in_program(crate)]
    records = [_record(path, crate, owns=False) for crate in found if crate.get("root") is not True]
    roots = [crate for crate in found if crate.get("root") is True]
    return [_record(path, crate, owns=True) for crate in roots[:1]] + records


def _is_in_program(crate: Any) -> bool:
    if not isinstance(crate, dict) or crate.get("kind") == "build":
        return False
    return all(text_of(crate.get(field)) for field in ("name", "version"))


def _record(path: bytes, crate: dict[str, Any], *, owns: bool) -> PackageRecord:
    name, version = text_of(crate["name"]), text_of(crate["version"])
    if not owns:
        return PackageRecord(ecosystem=RUST, name=name, version=version, database=path, place=path)
    return PackageRecord(ecosystem=RUST, name=name, version=version, database=path, place=path, list_files=lambda: (path,))
