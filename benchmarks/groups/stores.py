"""stores: an image in the storage of podman, rebuilt from its files, against the same image in files."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from cases import Case
from groups.context import Context
from measure import interleave
from peers import ocisize
from results import Section

CASES = ("node-service",)
GZIP, PLAIN, VERIFIED = "OCI layout, gzip", "docker archive, read in place", "docker archive, --verify"
REBUILT, WALKED = "containers-storage", "containers-storage without tar-split"


def stores(context: Context) -> Iterator[Section]:
    """What it costs to rebuild layers; nothing where skopeo is missing or may not write a storage."""
    for case in context.cases(*CASES):
        with tempfile.TemporaryDirectory(dir=context.out) as folder:
            try:
                if (image := _fill_storage(case, Path(folder))) is not None:
                    yield _section(context, case, image, Path(folder))
            finally:  # containers/storage mounts this folder over itself
                subprocess.run(["umount", f"{folder}/graph/overlay"], capture_output=True)


def _fill_storage(case: Case, folder: Path) -> str | None:
    """The name of the image in a new storage; None if it cannot be written."""
    settings = folder / "storage.conf"
    settings.write_text(f'[storage]\ndriver = "overlay"\nrunroot = "{folder}/run"\ngraphroot = "{folder}/graph"\n')
    if shutil.which("skopeo") is None:
        return None
    copied = subprocess.run(
        ["skopeo", "--insecure-policy", "copy", f"oci:{case.layout('gzip')}", "containers-storage:localhost/app:1"],
        env={**os.environ, "CONTAINERS_STORAGE_CONF": str(settings)}, capture_output=True,
    )  # fmt: skip
    return f"containers-storage:[overlay@{folder}/graph]localhost/app:1" if copied.returncode == 0 else None


def _section(context: Context, case: Case, image: str, folder: Path) -> Section:
    commands = {
        GZIP: ocisize("--no-cache", str(case.layout("gzip"))),
        PLAIN: ocisize("--no-cache", str(case.archive)),
        VERIFIED: ocisize("--no-cache", "--verify", str(case.archive)),
        REBUILT: ocisize("--no-cache", image),
    }
    outcomes = interleave(commands, context.rounds)
    for split in (folder / "graph/overlay-layers").glob("*.tar-split.gz"):
        split.unlink()
    outcomes |= interleave({WALKED: ocisize("--no-cache", image)}, context.rounds)
    return context.section("reach", case, "stores", f"{case.name}: in a store of an engine", outcomes)
