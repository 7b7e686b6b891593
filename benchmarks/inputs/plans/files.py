"""Files of build contexts: made-up text, code, data and repositories, the same in every run."""

from __future__ import annotations

import io
import os
import random
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path

EPOCH = 1_767_225_600  #: time of all files
WORDS = (
    "layer image build step order stock price route basket client server token cache index query result page user group"
    " report event queue worker store value field name total count state change error retry limit window filter source"
).split()


def write(path: Path, content: bytes | str, mode: int = 0o644) -> None:
    """Write a file, and make its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)


def text(seed: object, size: int) -> str:
    """About ``size`` bytes of text that compresses like prose."""
    rng = random.Random(f"text {seed}")
    lines: list[str] = []
    written = 0
    while written < size:
        line = " ".join(rng.choices(WORDS, k=rng.randrange(6, 14))) + f" {rng.randrange(10**6)}\n"
        lines.append(line)
        written += len(line)
    return "".join(lines)


def data(seed: object, size: int) -> bytes:
    """Bytes that hardly compress."""
    return random.Random(f"data {seed}").randbytes(size)


def module(seed: object, functions: int) -> str:
    """A Python module."""
    rng = random.Random(f"module {seed}")
    lines = ['"""Made up."""\n']
    for number in range(functions):
        first, second = rng.choices(WORDS, k=2)
        lines.append(
            f"\n\ndef {first}_{second}_{number}({first}s, limit={rng.randrange(10**4)}):\n"
            f'    """The {second} of a {first}."""\n'
            f"    {second} = [{first} for {first} in {first}s if len(str({first})) < limit]\n"
            f"    return {{'{second}': {second}, 'limit': limit + {rng.random():.6f}}}\n"
        )
    return "".join(lines)


def modules(folder: Path, count: int, functions: int = 40) -> None:
    """A package of Python modules."""
    write(folder / "__init__.py", "")
    for number in range(count):
        write(folder / f"module_{number}.py", module((folder.name, number), functions))


def scripts(folder: Path, count: int, size: int = 8_000) -> None:
    """JavaScript modules."""
    for number in range(count):
        rng = random.Random(f"script {folder.name} {number}")
        lines: list[str] = ["'use strict';\n"]
        while sum(map(len, lines)) < size:
            name = "_".join(rng.choices(WORDS, k=2))
            lines.append(f"exports.{name} = (value) => value * {rng.random():.5f} + {rng.randrange(1000)};\n")
        write(folder / f"script{number}.js", "".join(lines))


def repository(context: Path, *, packs: int = 1_000_000) -> None:
    """A real .git with one commit of what is there, and a pack of older data."""
    command = ["git", "-C", str(context), "-c", "user.name=dev", "-c", "user.email=dev@example.com", "-c", "gc.auto=0"]
    when = {"GIT_AUTHOR_DATE": f"@{EPOCH} +0000", "GIT_COMMITTER_DATE": f"@{EPOCH} +0000", "GIT_CONFIG_GLOBAL": os.devnull}
    for words in (
        ["init", "--quiet", "--initial-branch", "main"],
        ["add", "--force", "."],
        ["commit", "--quiet", "-m", "Begin"],
    ):
        subprocess.run([*command, *words], check=True, env={**os.environ, **when})
    shutil.rmtree(context / ".git" / "hooks", ignore_errors=True)
    name = f"{random.Random('pack').getrandbits(160):040x}"
    write(context / ".git" / "lost" / f"pack-{name}.old", data("pack", packs))


def environment(path: Path) -> None:
    """A .env with invented credentials."""
    rng = random.Random("environment")
    write(path, f"DATABASE_URL=postgres://shop:{rng.getrandbits(64):x}@db/shop\nSECRET_KEY={rng.getrandbits(256):064x}\n")


def archive(path: Path, files: dict[str, bytes | str]) -> None:
    """A .tar.gz, or an uncompressed .tar."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w", format=tarfile.GNU_FORMAT) as tar:
        for name, content in files.items():
            value = content.encode() if isinstance(content, str) else content
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(value), EPOCH
            tar.addfile(info, io.BytesIO(value))


def wheel(folder: Path, name: str, version: str, files: dict[str, bytes | str]) -> None:
    """A pure Python wheel of one package."""
    distribution = f"{name}-{version}.dist-info"
    entries = {
        **files,
        f"{distribution}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{distribution}/WHEEL": "Wheel-Version: 1.0\nGenerator: files\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    entries[f"{distribution}/RECORD"] = "".join(f"{path},,\n" for path in [*entries, f"{distribution}/RECORD"])
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as target:
        for path, content in entries.items():
            target.writestr(zipfile.ZipInfo(path, (2026, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)


def set_times(context: Path) -> None:
    """Give all files one time, so that a context written again is the same to builders."""
    for parent, folders, names in os.walk(context):
        for name in [*folders, *names]:
            os.utime(Path(parent) / name, (EPOCH, EPOCH), follow_symlinks=False)
    os.utime(context, (EPOCH, EPOCH))
