"""The cases of plans.py: Dockerfiles, their contexts, and the bases that they build on."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

import attrs
from builders import Buildah, Builder, Docker, run

INPUTS = Path(__file__).parent / "inputs" / "plans"
sys.path.insert(0, str(INPUTS))

import files

BASES = ("busybox-base:1", "debian-base:12", "debian-plain:12", "python-base:3.11", "node-base:20", "tools-base:1")


@attrs.frozen
class Case:
    """A Dockerfile with its context, and what a plan may change in the image."""

    name: str
    title: str
    removed: list[str]  #: visible files that a plan may remove
    ignored: dict[str, str] = attrs.field(factory=dict)  #: paths that are not compared, with the reason
    changing: dict[str, str] = attrs.field(factory=dict)  #: paths whose content is not compared, with the reason
    builders: list[str] = attrs.field(factory=lambda: ["buildah", "docker-buildkit"])
    arguments: list[str] = attrs.field(factory=list)
    packages: bool = False  #: whether a plan may leave out Debian packages
    max_promise: int | None = None


def load_cases(names: Sequence[str]) -> list[Case]:
    """The cases with some names, or all."""
    found = {path.parent.name: path for path in sorted(INPUTS.glob("*/case.toml"))}
    return [Case(name=name, **tomllib.loads(found[name].read_text())) for name in names or found]


def write_context(case: Case, context: Path) -> None:
    """Write the context of a case with its Dockerfile."""
    specification = importlib.util.spec_from_file_location(f"context_{case.name}", INPUTS / case.name / "context.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    partial = context.with_name("context.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    shutil.copy(INPUTS / case.name / "Dockerfile", partial)
    module.write(partial)
    files.set_times(partial)
    partial.rename(context)


def prepare_bases(out: Path, builders: Sequence[Builder]) -> None:
    """Build the bases by buildah, and hand them to the other builders."""
    context = out / "bases"
    if not context.exists():
        run([INPUTS / "bases" / "context.sh", context])
    buildah = Buildah(out / "buildah")
    for base in BASES:
        if not buildah.has(base):
            buildah.build(context, INPUTS / "bases" / f"{base.partition(':')[0]}.Dockerfile", base, [], out / "base.log")
        for builder in builders:
            if isinstance(builder, Docker) and not builder.has(base):
                buildah.export(base, out / "base.tar")
                builder.load(out / "base.tar")
                (out / "base.tar").unlink()
