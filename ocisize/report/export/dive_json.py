"""An Analysis as dive 0.13.1 exports the same saved image with ``--json``, byte for byte but for the order of equal sizes.

dive names a layer after the first folder of its file in the archive. Layers from a registry, which dive does not read, are
named after the hexadecimal part of their digest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TextIO

from ocisize.errors import ReportError
from ocisize.filesystem.dive_figures import find_dive_figures, find_repeated_files
from ocisize.filesystem.dive_tree import BLANK, TYPE_BITS, list_nodes, size_reader
from ocisize.model.analysis import Analysis, LayerAnalysis
from ocisize.report.export.go_compat import go_float, go_quote
from ocisize.report.options import ReportOptions
from ocisize.report.subject import Subject
from ocisize.report.words.incomplete import headline
from ocisize.tar.filetable import DIRECTORY, SYMLINK, FileTable
from ocisize.text import STEERING, decode_name

_SHELL = "/bin/sh -c "  # dive takes it off commands
_STEERING = re.compile(f"[{STEERING}]")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_CHAR, _SOCKET, _FIFO, _DEVICE, _SYMLINK, _DIRECTORY = (1 << bit for bit in (21, 24, 25, 26, 27, 31))
_BITS = ((0o4000, 1 << 23), (0o2000, 1 << 22), (0o1000, 1 << 20))  # setuid, setgid, sticky: as in tar and in Go's FileMode
_TYPES_OF_MODES = {  # what Go makes of the file type in a header's mode, which is there by mistake only
    0o010000: _FIFO, 0o020000: _DEVICE | _CHAR, 0o040000: _DIRECTORY, 0o060000: _DEVICE, 0o120000: _SYMLINK,
    0o140000: _SOCKET,
}  # fmt: skip
_TYPES_OF_KINDS = {
    SYMLINK: _SYMLINK, ord("3"): _DEVICE | _CHAR, ord("4"): _DEVICE, DIRECTORY: _DIRECTORY, ord("6"): _FIFO,
}  # fmt: skip


def write(subject: Subject, file: TextIO, _: ReportOptions) -> None:
    """Write the export, like dive without a newline at its end.

    On a terminal, control characters that JSON allows in strings are written as escapes.
    """
    pieces = write_dive_json(subject.analysis)
    file.writelines((_STEERING.sub(_escape, piece) for piece in pieces) if file.isatty() else pieces)


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def to_dive_json(analysis: Analysis) -> str:
    """The whole export as one text, without a newline at its end; raises ReportError without file tables."""
    return "".join(write_dive_json(analysis))


def write_dive_json(analysis: Analysis) -> Iterator[str]:
    """The export in pieces."""
    tables = [layer.files for layer in analysis.layers if layer.files is not None]
    if len(tables) < len(analysis.layers):
        raise ReportError("dive's export lists every file, but this analysis was saved without its file tables")
    if not analysis.complete:
        raise ReportError(f"dive exports whole images: {headline(analysis)}")
    figures = analysis.dive or find_dive_figures(tables)
    yield '{\n  "layer": ['
    separator = "\n"
    for layer, table, size in zip(analysis.layers, tables, figures.layer_sizes, strict=True):
        yield separator + _layer_head(layer, size)
        yield from _in_brackets(_nodes(table), 6)
        yield "\n    }"
        separator = ",\n"
    yield ("\n  ]" if tables else "]") + ',\n  "image": {\n'
    yield f'    "sizeBytes": {figures.image_size},\n    "inefficientBytes": {figures.wasted_size},\n'
    yield f'    "efficiencyScore": {go_float(figures.efficiency)},\n    "fileReference": '
    yield from _in_brackets(_references(tables), 4)
    yield "\n  }\n}"


def _in_brackets(objects: Iterator[str], indent: int) -> Iterator[str]:
    """A list of objects that are already indented, its closing bracket too."""
    separator = "[\n"
    for text in objects:
        yield separator + text
        separator = ",\n"
    yield "[]" if separator == "[\n" else f"\n{' ' * indent}]"


def _layer_head(layer: LayerAnalysis, size: int) -> str:
    """All of a layer up to its list of files."""
    name = (layer.member or layer.digest.partition(":")[2]).partition("/")[0]
    # Steps that the history lacks are those of the uppermost layers.
    missing = not (layer.build_step_certain or layer.created_by or layer.created)
    command = "(missing)" if missing else layer.created_by.removeprefix(_SHELL)
    command = _LONE_SURROGATE.sub("\ufffd", command)
    return (
        f'    {{\n      "index": {layer.index},\n      "id": {go_quote(name)},\n'
        f'      "digestId": {go_quote("" if missing else layer.diff_id or "")},\n      "sizeBytes": {size},\n'
        f'      "command": {go_quote(command)},\n      "fileList": '
    )


def _nodes(table: FileTable) -> Iterator[str]:
    rooted, size_of = set(table.paths.rooted), size_reader(table)
    for path, row in list_nodes(table):
        if row == BLANK:
            yield _node("", 0, "", 0, 0, 0, 0)
            continue
        attributes = table.attributes[table.owners[row]]
        yield _node(
            "/" * (row in rooted) + decode_name(path),
            table.type_flags.get(row, table.kinds[row]),
            decode_name(table.links.get(row, b"")),
            size_of(row),
            _go_mode(attributes.mode, table.kinds[row]),
            attributes.uid,
            attributes.gid,
        )


def _node(path: str, flag: int, link: str, size: int, mode: int, uid: int, gid: int) -> str:
    return (
        f'        {{\n          "path": {go_quote(path)},\n          "typeFlag": {flag},\n'
        f'          "linkName": {go_quote(link)},\n          "size": {size},\n          "fileMode": {mode},\n'
        f'          "uid": {uid},\n          "gid": {gid},\n'
        f'          "isDir": {"true" if mode & _DIRECTORY else "false"}\n        }}'
    )


def _go_mode(mode: int, kind: int) -> int:
    """Go's os.FileMode of a tar header."""
    bits = sum(go_bit for bit, go_bit in _BITS if mode & bit)
    return mode & 0o777 | bits | _TYPES_OF_MODES.get(mode & TYPE_BITS, 0) | _TYPES_OF_KINDS.get(kind, 0)


def _references(tables: Sequence[FileTable]) -> Iterator[str]:
    """The inefficient files, largest first, then by path: dive leaves the order of equal sizes to an unstable sort."""
    for file in sorted(find_repeated_files(tables), key=lambda file: (-file.size, file.path)):
        yield (
            f'      {{\n        "count": {file.count},\n        "sizeBytes": {file.size % (1 << 64)},\n'
            f'        "file": {go_quote(file.path)}\n      }}'
        )
