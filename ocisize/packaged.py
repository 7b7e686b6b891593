"""Texts that are packaged with the program."""

from __future__ import annotations

import pkgutil


def read_packaged(package: str, path: str) -> str:
    """A text file below a package, which may be in a folder or in a zip file; raises FileNotFoundError if there is none.

    >>> "body" in read_packaged("ocisize.report.html", "assets/page.css")
    True
    """
    # importlib.resources would import tempfile and zipfile, which takes longer than to read all files
    data = pkgutil.get_data(package, path)
    if data is None:
        raise FileNotFoundError(path)
    return data.decode()
