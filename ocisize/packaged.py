"""Texts that are packaged with the program, such as its TOML files."""

from __future__ import annotations

import pkgutil
import sys
from typing import Any


def read_packaged(package: str, path: str) -> str:
    """A text file below a package, which may be in a folder or in a zip file; raises FileNotFoundError if there is none.

    >>> read_packaged("ocisize.sizes", "cost.toml").count("bandwidths =")
    1
    """
    # importlib.resources would import tempfile and zipfile, which takes longer than to read all files
    data = pkgutil.get_data(package, path)
    if data is None:
        raise FileNotFoundError(path)
    return data.decode()


def read_packaged_toml(package: str, path: str) -> dict[str, Any]:
    """The values of a packaged TOML file, with tuples for its arrays; ``toml_tables`` reads the files that users write.

    >>> read_packaged_toml("ocisize.sizes", "cost.toml")["bandwidths"]
    (100000000, 1000000000)
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    return {key: _freeze(value) for key, value in tomllib.loads(read_packaged(package, path)).items()}


def _freeze(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(map(_freeze, value))
    return {key: _freeze(inner) for key, inner in value.items()} if isinstance(value, dict) else value
