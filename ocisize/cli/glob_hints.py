"""Why globs select no files: what the image has at the path instead, or at a similar one."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from ocisize.errors import InvalidGlob
from ocisize.globs import Glob, parse_glob
from ocisize.rules.match import match_globs
from ocisize.sizes.files import list_files
from ocisize.sizes.rows import require_table
from ocisize.text import decode_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ocisize.model.analysis import LayerAnalysis
    from ocisize.tar.filetable import FileEntry


def explain_globs(
    globs: Sequence[Glob], layers: Sequence[LayerAnalysis], all_layers: Sequence[LayerAnalysis]
) -> Iterator[str]:
    """Yield for each glob why it selects no files of some ``layers``, which may be one of all."""
    for glob in globs:
        yield (
            _explain_entry(glob, layers)
            or _explain_layer(glob, layers, all_layers)
            or _explain_case(glob, layers)
            or _explain_root(glob, layers)
            or f"no path in the image matches {glob.text}"
        )


def _explain_entry(glob: Glob, layers: Sequence[LayerAnalysis]) -> str:
    """The hint for a glob that matches entries which are no files: symbolic links, or directories without files."""
    entry = _find_entry(glob, layers)
    if entry is None:
        return ""
    if entry.kind in ("symlink", "hardlink"):
        return f"/{entry.path} is a {'symbolic' if entry.kind == 'symlink' else 'hard'} link to {entry.link}"
    return f"/{entry.path} is a directory without files" if entry.kind == "dir" else f"/{entry.path} is no regular file"


def _find_entry(glob: Glob, layers: Sequence[LayerAnalysis]) -> FileEntry | None:
    """The first entry of any kind that a glob matches, with or without its trailing slash."""
    paths = [glob, parse_glob(glob.text.rstrip("/"))] if glob.directory else [glob]
    tables = [require_table(layer) for layer in layers]
    for table, rows in zip(tables, match_globs(paths, tables), strict=True):
        if rows:
            return table[rows[0]]
    return None


def _explain_layer(glob: Glob, layers: Sequence[LayerAnalysis], all_layers: Sequence[LayerAnalysis]) -> str:
    """The hint for a glob that selects files of other layers only."""
    others = [layer for layer in all_layers if layer not in layers]
    having = [str(layer.index) for layer in others if list_files([layer], count=0, globs=[glob]).file_count]
    if not having:
        return ""
    noun = "layer" if len(having) == 1 else "layers"
    return f"{glob.text} matches files of {noun} {', '.join(having)}: omit --layer for all layers"


def _explain_case(glob: Glob, layers: Sequence[LayerAnalysis]) -> str:
    """The hint for a glob whose last component is written with other capitals in the image."""
    literal = glob.text.rstrip("/").rpartition("/")[2]
    lowered = literal.lower().encode()
    for layer in layers:
        for path in require_table(layer).paths:
            for name in path.split(b"/") if lowered in path.lower() else ():
                if name.lower() == lowered and name != literal.encode():
                    meant = shlex.quote(glob.text.replace(literal, decode_name(name)))
                    return f"case counts: did you mean --glob {meant}?"
    return ""


def _explain_root(glob: Glob, layers: Sequence[LayerAnalysis]) -> str:
    """The hint for a glob that would select files in other directories than the root."""
    if not glob.anchored:
        return ""
    text = glob.text.lstrip("/")
    try:
        floating = parse_glob(text)
    except InvalidGlob:
        return ""
    listing = list_files(layers, count=1, globs=[floating])
    if not listing.files:
        return ""
    return f"{glob.text} begins at the root; --glob {shlex.quote(text)} finds /{listing.files[0].path}"
