"""Names of source packages of rpm."""

from __future__ import annotations


def split_source(file_name: str) -> tuple[str, str]:
    """The name and the version, with the release, of a source package; "" for both if it has another form.

    >>> split_source("util-linux-2.37.4-3.el9.src.rpm"), split_source("(none)")
    (('util-linux', '2.37.4-3.el9'), ('', ''))
    """
    parts = file_name.removesuffix(".rpm").removesuffix(".src").removesuffix(".nosrc").rsplit("-", 2)
    if not file_name.endswith(".rpm") or len(parts) != 3:
        return "", ""
    name, version, release = parts
    return name, f"{version}-{release}"
