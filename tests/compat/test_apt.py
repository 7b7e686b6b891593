"""PackageGraph against apt-get: which packages it would remove with some others, on random databases."""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path

from ocisize.findings.checks.package_graph import PackageGraph
from ocisize.history.package_managers import load_manager_commands
from ocisize.history.removal import removal_command
from ocisize.inventory.dpkg_records import DPKG
from ocisize.layer.kept_files import APT_STATES, DPKG_STATUS
from tests.tools import program

NAMES = tuple(f"lib{letter}" for letter in "abcdefghijklmnop")
VIRTUAL = ("mail-agent", "editor")


def database(rng: random.Random) -> tuple[bytes, bytes]:
    """A database: the ``status`` of packages that need each other, in cycles and by alternatives, too, and APT's states."""
    names = rng.sample(NAMES, rng.randint(4, len(NAMES)))
    provided = {name: rng.choice(VIRTUAL) for name in rng.sample(names, 2)}
    stanzas, states = [], []
    for name in names:
        others = [other for other in names if other != name]
        choices = [*others, *set(provided.values())]
        relations: dict[str, list[str]] = {"Depends": [], "Recommends": [], "Suggests": []}
        for field, most in (("Depends", 3), ("Recommends", 2), ("Suggests", 1)):
            for _ in range(rng.randint(0, most) * rng.randint(0, 1)):
                words = rng.sample(choices, rng.choice((1, 1, 1, 2)))
                relations[field].append(" | ".join([*words, *(["gone"] * (rng.random() < 0.2))]))
        lines = [f"Package: {name}", "Status: install ok installed", "Architecture: amd64", "Version: 1", "Maintainer: x"]
        lines += [f"Provides: {provided[name]}"] if name in provided else []
        lines += [f"{field}: {', '.join(listed)}" for field, listed in relations.items() if listed]
        stanzas.append("\n".join([*lines, "Description: x"]))
        if rng.random() < 0.6:
            states.append(f"Package: {name}\nArchitecture: amd64\nAuto-Installed: 1")
    return ("\n\n".join(stanzas) + "\n").encode(), ("\n\n".join(states) + "\n").encode()


def removed_by_apt(folder: Path, names: list[str]) -> set[str] | None:
    """The packages that apt-get would remove with some others; with none, those that nothing needs already; None if it fails."""
    options = {
        "Dir::State": folder, "Dir::State::status": folder / "status", "Dir::State::extended_states": folder / "extended_states",
        "Dir::Cache": folder / "cache", "Dir::Etc": folder / "etc", "APT::Architecture": "amd64",
    }  # fmt: skip
    command = [program("apt-get"), "-s", *(f"-o{name}={value}" for name, value in options.items())]
    apt = next(manager for manager in load_manager_commands() if manager.name == "apt")
    command += (
        removal_command(apt, names).split()[1:] if names else ["-oAPT::AutoRemove::SuggestsImportant=false", "autoremove"]
    )
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"})
    if done.returncode:  # a cycle that apt-get does not resolve
        return None
    return {line.split()[1] for line in done.stdout.splitlines() if line.startswith(("Purg ", "Remv "))}


def test_the_same_packages_go(tmp_path: Path) -> None:
    """What goes with packages that no other package needs, without those that apt-get would remove in any case."""
    compared = more = 0
    for seed in range(60):
        rng, folder = random.Random(seed), tmp_path / str(seed)
        status, states = database(rng)
        for path in ("cache/archives/partial", "lists/partial", "etc/apt.conf.d", "etc/preferences.d", "etc/sources.list.d"):
            (folder / path).mkdir(parents=True)
        (folder / "status").write_bytes(status)
        (folder / "extended_states").write_bytes(states)
        graph = PackageGraph(list(DPKG.read({DPKG_STATUS: status, APT_STATES: states})))
        left = removed_by_apt(folder, [])
        for _ in range(4):
            seeds = frozenset(rng.sample(range(len(graph.records)), rng.randint(1, 3)))
            gone = graph.removed_with(seeds)
            names = [graph.records[index].name for index in sorted(seeds)]
            removed = removed_by_apt(folder, names) if seeds <= gone else None
            if removed is not None and left is not None:
                own = {*names, *left}
                assert {graph.records[index].name for index in gone} - own == removed - own, (seed, names)
                compared += 1
                more += bool(removed - own)
    assert compared > 80
    assert more > 20
