"""reach: images that were read before, by a cache against reading them again; --quick; tables of contents; stores; and pipes."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from cases import Case
from groups.context import Context
from groups.pipes import pipes
from groups.process import run_micro
from groups.quick import quick_reports
from groups.stores import stores
from groups.tocs import tables_of_contents
from measure import Command, interleave
from peers import ocisize
from results import Section
from revisions import variables

CASES = ("node", "debian-python")
PLAIN, COLD, AGAIN = "--no-cache", "an empty cache", "the same image again"
FULL, TABLES, NEW = "the same image again, --full", "tables alone", "a new top layer on known ones"
NEW_PLAIN = "a new top layer, --no-cache"
_NEW_FILES = 1000  # of the new top layer
#: a command with a copy of a cache, or an empty one, which is removed afterwards
_WITH_COPY = (
    'd=$(mktemp -d) && if [ -d "$0" ]; then cp -a "$0/." "$d"; fi && OCISIZE_CACHE_DIR=$d "$@"; s=$?; rm -rf "$d"; exit $s'
)


def reach(context: Context) -> Iterator[Section]:
    """The same image again, an image with a new top layer, and what an entry of the cache weighs."""
    for case in context.cases(*CASES):
        with tempfile.TemporaryDirectory(dir=context.out) as folder:
            yield _cache(context, case, Path(folder))
        figures = run_micro(str(case.folder), context.rounds, only=["cache"])
        title = f"{case.name}, an entry of the cache for all layers"
        yield Section(
            "reach", case.name, "entries", title, facts=case.facts(), figures=figures, unit="per entry of the layers"
        )
    yield from quick_reports(context)
    yield from tables_of_contents(context)
    yield from stores(context)
    yield from pipes(context)


def _cache(context: Context, case: Case, folder: Path) -> Section:
    """Commands with caches in several states, in turn."""
    image, newer = case.layout("gzip"), _add_layer(case.layout("gzip"), folder / "newer")
    filled, tables = folder / "filled", folder / "tables"
    environment = {"OCISIZE_CACHE_DIR": str(filled), "OCISIZE_CACHE_MAX_SIZE": ""}
    command = [sys.executable, "-m", "ocisize", "-q", str(image)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**variables(), **environment})
    shutil.copytree(filled, tables)
    shutil.rmtree(tables / "images-v1")
    commands = {
        PLAIN: ocisize("--no-cache", str(image)),
        COLD: _with_copy(folder / "none", image),
        AGAIN: _with_cache(environment, ocisize(str(image))),
        FULL: _with_cache(environment, ocisize("--full", str(image))),
        TABLES: _with_copy(tables, image),
        NEW: _with_copy(filled, newer),
        NEW_PLAIN: ocisize("--no-cache", str(newer)),
    }
    outcomes = interleave(commands, context.rounds)
    return context.section("reach", case, "cache", f"{case.name}: what was read before", outcomes)


def _with_cache(environment: Mapping[str, str], command: Command) -> Command:
    return Command(command.argv, environment={**command.environment, **environment}, folder=command.folder)


def _with_copy(cache: Path, image: Path) -> Command:
    command = ocisize(str(image))
    environment = {**command.environment, "OCISIZE_CACHE_MAX_SIZE": ""}
    return Command(("sh", "-c", _WITH_COPY, str(cache), *command.argv), environment=environment, folder=command.folder)


def _add_layer(layout: Path, target: Path) -> Path:
    """The image of a layout with one more layer of small files, the other blobs as links."""
    shutil.copytree(layout, target, copy_function=os.link)
    config, manifest = _documents(layout)
    blobs = target / "blobs" / "sha256"
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for number in range(_NEW_FILES):
            info = tarfile.TarInfo(f"srv/new/d{number // 50}/file-{number}.js")
            info.size = 200
            tar.addfile(info, io.BytesIO(f"{number:200}".encode()))
    blob = gzip.compress(file.getvalue(), mtime=0)
    config["rootfs"]["diff_ids"].append(f"sha256:{hashlib.sha256(file.getvalue()).hexdigest()}")
    config["history"] = [*config.get("history", []), {"created_by": "COPY new /srv/new"}]
    manifest["layers"].append({**manifest["layers"][-1], **_put(blobs, blob)})
    manifest["config"] |= _put(blobs, json.dumps(config).encode())
    index = json.loads((target / "index.json").read_text())
    index["manifests"][0] |= _put(blobs, json.dumps(manifest).encode())
    (target / "index.json").unlink()
    (target / "index.json").write_text(json.dumps(index))
    return target


def _documents(layout: Path) -> tuple[dict, dict]:  # type: ignore[type-arg]
    """The config and the manifest of a layout."""

    def read(digest: str) -> dict:  # type: ignore[type-arg]
        document: dict = json.loads((layout / "blobs" / Path(*digest.split(":"))).read_bytes())  # type: ignore[type-arg]
        return document

    manifest = read(json.loads((layout / "index.json").read_text())["manifests"][0]["digest"])
    return read(manifest["config"]["digest"]), manifest


def _put(blobs: Path, content: bytes) -> dict[str, object]:
    digest = hashlib.sha256(content).hexdigest()
    (blobs / digest).write_bytes(content)
    return {"digest": f"sha256:{digest}", "size": len(content)}
