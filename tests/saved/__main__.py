"""Write what tools save, with a manifest of tool, version, commands and figures: ``python -m tests.saved OUT | --kept``."""

from __future__ import annotations

import argparse
import json
import lzma
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs

from tests.images import DIR, tar_bytes
from tests.registry import real_registry
from tests.saved.forms import KEPT, Form, Workshop, forms
from tests.saved.tools import is_installed, version_of


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the forms whose tools are installed into a folder, or the kept ones into ``testdata/saved``."""
    parser = argparse.ArgumentParser(prog="python -m tests.saved", description=__doc__)
    parser.add_argument("out", nargs="?", type=Path, metavar="OUT", help="a new folder for all forms")
    parser.add_argument("--kept", action="store_true", help="write testdata/saved again")
    options = parser.parse_args(arguments)
    if options.kept == (options.out is not None):
        parser.error("give either OUT or --kept")
    wanted = [form for form in forms().values() if is_installed(form.tool) and (form.kept or not options.kept)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.out is not None:
            folder = options.out.absolute()
            folder.mkdir()
        with (
            tempfile.TemporaryDirectory() as storage,
            real_registry(Path(storage)) as registry,
            Workshop(folder, registry.host) as workshop,
        ):
            manifest = {form.name: _described(form, workshop.make(form), registry.host) for form in wanted}
            if options.kept:
                shutil.rmtree(KEPT, ignore_errors=True)
                KEPT.mkdir()
                for form in wanted:
                    (KEPT / f"{form.name}.xz").write_bytes(pack(folder / form.name))
        (KEPT if options.kept else folder).joinpath("manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


def _described(form: Form, path: Path, registry: str) -> dict[str, Any]:
    images = [image.as_json() for image in form.images(path, registry)]
    return {"version": version_of(form.tool), "commands": form.commands, "scheme": form.scheme, "images": images}


def pack(path: Path) -> bytes:
    """Return a file, or a folder as a tar, compressed: what ``testdata/saved`` has of a form."""
    if path.is_file():
        return lzma.compress(path.read_bytes())
    entries = {file.relative_to(path).as_posix(): file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file()}
    return lzma.compress(tar_bytes(entries))


if __name__ == "__main__":
    main()
