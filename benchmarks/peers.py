"""The measured commands: ocisize, and comparable programs if they are installed."""

from __future__ import annotations

import json
import sys
import tarfile
from pathlib import Path

from cases import Case
from measure import Command
from results import find_program
from revisions import REPOSITORY, environment

SLOW = 1  # rounds for peers that take much longer than ocisize
PATIENCE = 120.0  # seconds for them

_TARFILE_ARCHIVE = """
import sys, tarfile
archive = tarfile.open(sys.argv[1])
for name in sys.argv[2:]:
    with tarfile.open(fileobj=archive.extractfile(name), mode="r|") as layer:
        for _ in layer: layer.members.clear()
"""
_TARFILE_GZIP = """
import sys, tarfile
for path in sys.argv[1:]:
    with tarfile.open(path, mode="r|gz") as layer:
        for _ in layer: layer.members.clear()
"""
_LIST_ARCHIVE = 'for layer; do "$TAR" -xOf "$0" "$layer" | "$TAR" -tf -; done'
_LIST_GZIP = 'for layer; do "$TAR" -tf "$layer"; done'


def ocisize(*arguments: str, rounds: int | None = None, tree: Path = REPOSITORY) -> Command:
    """ocisize as it is in a tree; ``-m`` looks in the current folder first."""
    argv = (sys.executable, "-m", "ocisize", *arguments, "-q")
    return Command(argv, rounds, environment=environment(tree), folder=tree)


def ours(image: Path, *, verify: bool = False, one_job: bool = False) -> dict[str, Command]:
    """ocisize on an image, and with the chosen options."""
    commands = {"ocisize": ocisize(str(image))}
    if one_job:
        commands["ocisize -j 1"] = ocisize("-j", "1", str(image))
    if verify:
        commands["ocisize --verify"] = ocisize("--verify", str(image))
    return commands


def python(script: str, *arguments: str, rounds: int | None = SLOW) -> Command:
    return Command((sys.executable, "-c", script, *arguments), rounds, PATIENCE)


def dive(archive: Path, rounds: int | None = SLOW) -> dict[str, Command]:
    program = find_program("dive")
    argv = (program or "", "--ci", "--source", "docker-archive", str(archive))
    passed_or_not = (0, 1)  # of the rules that --ci checks
    usable = program is not None and archive.exists()
    return {"dive --ci": Command(argv, rounds, PATIENCE, statuses=passed_or_not)} if usable else {}


def syft(archive: Path) -> dict[str, Command]:
    program = find_program("syft")
    return {"syft": Command((program, "scan", "-q", f"docker-archive:{archive}"), SLOW, PATIENCE)} if program else {}


def decompressors(case: Case, form: str, *, slow: bool = False) -> dict[str, Command]:
    """The bare decompressors without output, the fastest first."""
    layers = case.layers(form)
    tools = ["zstd"] if form == "zstd" else ["igzip", "gzip"] if slow else ["igzip"]
    return {
        f"{tool} -dc": Command((tool, "-dcq" if tool == "zstd" else "-dc", *layers), SLOW if tool == "gzip" else None)
        for tool in tools
        if find_program(tool)
    }


def listers(case: Case, form: str) -> dict[str, Command]:
    """Programs that list every layer: the standard library, GNU tar and libarchive."""
    if form == "archive":
        arguments, script, listing = [str(case.archive), *layer_names(case.archive)], _TARFILE_ARCHIVE, _LIST_ARCHIVE
        shell = ["sh", "-c", listing, *arguments]
    else:
        arguments, script, listing = case.layers(form), _TARFILE_GZIP, _LIST_GZIP
        shell = ["sh", "-c", listing, "sh", *arguments]
    commands = {"tarfile": python(script, *arguments)}
    for program in ("tar", "bsdtar"):
        if find_program(program):
            commands[f"{program} -t"] = Command(tuple(shell), SLOW, PATIENCE, {"TAR": program})
    return commands


def layer_names(archive: Path) -> list[str]:
    """The members of a docker-archive that are layers, base first."""
    with tarfile.open(archive) as members:
        manifest = members.extractfile("manifest.json")
        assert manifest is not None
        return list(json.load(manifest)[0]["Layers"])
