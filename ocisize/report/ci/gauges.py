"""Gauges as OpenMetrics text.

Form: https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TextIO, TypeAlias

Sample: TypeAlias = tuple[Mapping[str, str], "int | float | None"]  #: labels, which are printable, and the value
END = "# EOF\n"  #: the last line of a document


def write_gauge(file: TextIO, name: str, unit: str, text: str, samples: Iterable[Sample]) -> None:
    """Write a gauge; samples without a value are left out, and so is a gauge without samples.

    ``unit`` is the end of the name, "" for counts; ``text`` is the help, one line.

    >>> import sys
    >>> write_gauge(sys.stdout, "ocisize_image_content_bytes", "bytes", "Content.", [({"image": "app"}, 5), ({}, None)])
    # TYPE ocisize_image_content_bytes gauge
    # UNIT ocisize_image_content_bytes bytes
    # HELP ocisize_image_content_bytes Content.
    ocisize_image_content_bytes{image="app"} 5
    """
    lines = [f"{name}{_braces(labels)} {value}\n" for labels, value in samples if value is not None]
    if lines:
        file.write(f"# TYPE {name} gauge\n")
        if unit:
            file.write(f"# UNIT {name} {unit}\n")
        file.write(f"# HELP {name} {text}\n")
        file.writelines(lines)


def _braces(labels: Mapping[str, str]) -> str:
    return f"{{{','.join(_labels(labels))}}}" if labels else ""


def _labels(labels: Mapping[str, str]) -> Iterator[str]:
    for name, value in labels.items():
        escaped = value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
        yield f'{name}="{escaped}"'
