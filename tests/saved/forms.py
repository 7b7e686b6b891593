"""The forms of ``forms.toml``, and how they are made."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import attrs

from tests.saved.figures import Figures, figures_in, figures_of
from tests.saved.seeds import FIGURES, write_seeds
from tests.saved.tools import Environment, environment_of, run_command

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

KEPT = Path(__file__).parent.parent.parent / "testdata" / "saved"


@attrs.frozen
class Image:
    """An image of a form: the names that select it, the figures of each platform, and its name in a registry if it has one."""

    names: tuple[str, ...]
    platforms: tuple[Figures, ...]
    reference: str = ""

    def as_json(self) -> dict[str, Any]:
        """The image as the manifest of ``python -m tests.saved`` lists it."""
        return {"names": self.names, "platforms": [figures.as_json() for figures in self.platforms]}


@attrs.frozen
class Form:
    """A form of ``forms.toml``."""

    name: str
    scheme: str
    commands: tuple[str, ...]
    kept: bool
    warning: str
    _images: tuple[Mapping[str, Any], ...]

    @property
    def tool(self) -> str:
        """The program that the form is named after."""
        return self.name.partition("-")[0]

    @property
    def is_pushed(self) -> bool:
        """Whether the form is a copy of images in the registry."""
        return any("reference" in image for image in self._images)

    @property
    def is_file(self) -> bool:
        """Whether the form is a file, not a folder."""
        return "." in self.name

    @property
    def count(self) -> int:
        """How many images the form has; 0 if the tool makes its own."""
        return len(self._images)

    def images(self, path: Path, registry: str = "") -> tuple[Image, ...]:
        """Return the images of the form at ``path``; how its layers are compressed, or what they are, is read there."""
        if self.scheme == "rootfs":
            return (Image((), (figures_of("", [path.read_bytes()]),)),)
        found = figures_in(path)
        if not self._images:
            return (Image((), tuple(found)),)
        diff_ids = [each.diff_ids for each in found]
        stored = {each.diff_ids: each.compressed for each in found}
        images = (
            Image(
                tuple(name.replace("{registry}", registry) for name in image.get("names", ())),
                tuple(
                    attrs.evolve(FIGURES[seed], compressed=stored.get(FIGURES[seed].diff_ids)) for seed in image["platforms"]
                ),
                image.get("reference", "").replace("{registry}", registry),
            )
            for image in self._images
        )
        if self.scheme == "docker-archive":  # docker save writes images in random order
            return tuple(sorted(images, key=lambda image: diff_ids.index(image.platforms[0].diff_ids)))
        return tuple(images)


@cache
def forms() -> Mapping[str, Form]:
    """Return all forms by name."""
    with Path(__file__).with_name("forms.toml").open("rb") as file:
        rows = tomllib.load(file)["form"]
    return {
        row["name"]: Form(
            row["name"],
            row["scheme"],
            tuple(row["commands"]),
            row.get("kept", False),
            row.get("warning", ""),
            tuple(row.get("images", ())),
        )
        for row in rows
    }


class Workshop:
    """A folder in which tools save the seeds; daemons start with the first form that needs them, and end with the block."""

    def __init__(self, folder: Path, registry: str = "") -> None:
        self.folder, self.registry = folder, registry
        self._stack = ExitStack()
        self._environments: dict[str, Environment] = {}
        write_seeds(folder / "seeds")

    def __enter__(self) -> Workshop:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def make(self, form: Form) -> Path:
        """Write a form, once, and return its path."""
        out, work = self.folder / form.name, self.folder / f"{form.name}.work"
        if out.exists():
            return out
        work.mkdir()
        environment = self._environment(form.tool)
        for command in form.commands:
            run_command(self._fill(command, out, work), environment)
        shutil.rmtree(work)
        return out

    def _environment(self, tool: str) -> Environment:
        if tool not in self._environments:
            # a short path, as the name of a socket has at most 108 bytes
            folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
            surroundings = environment_of(tool, folder, self.folder / "seeds")
            self._environments[tool] = self._stack.enter_context(surroundings)
        return self._environments[tool]

    def _fill(self, command: str, out: Path, work: Path) -> str:
        places = {"seeds": self.folder / "seeds", "out": out, "work": work, "registry": self.registry}
        for name, value in places.items():
            command = command.replace(f"{{{name}}}", str(value))
        return command
