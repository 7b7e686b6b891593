"""Findings on packages that are only for development, where files of the image prove which files are theirs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from ocisize.findings.claim import FILES, Claim, Tier
from ocisize.findings.evidence import ImageEvidence
from ocisize.findings.explanations import Check, explain
from ocisize.history.install_options import (
    NO_DEVELOPMENT,
    installs_development,
    users_of_packages,
    without_development,
)
from ocisize.history.shell import Change, edit_each, shorten
from ocisize.history.step_effects import copies_from_context, copies_from_stage
from ocisize.model.findings import Confidence
from ocisize.packages.npm import NODE_MODULES
from ocisize.packages.npm_installed import DevelopmentPackages, find_development_packages
from ocisize.tar.paths import join
from ocisize.text import count_of, decode_name

_MAX_NAMES = 3  # packages in a title
_INSTALL_SCRIPTS = (
    "preinstall",
    "install",
    "postinstall",
    "prepublish",
    "preprepare",
    "prepare",
    "postprepare",
)  # of a project
_WORD = re.compile(r"[^\s\"'`;&|()<>=]+")
_RUN_SCRIPT = (
    re.compile(  # a script of package.json by name; the first group of a call without ``run`` is npm's own short form
        r"\b(?:npm|yarn|pnpm)\s+(?:-\S+\s+)*(?:(?:run|run-script)\s+(?:-\S+\s+)*([\w:.-]+)|(start|test|stop|restart)\b)"
    )
)


def find_development(evidence: ImageEvidence) -> Iterator[Claim]:
    """A claim for the development packages of each npm project; files of the base image are separate claims."""
    for packages in find_development_packages(evidence.tables, evidence.overlay):
        for in_base in (True, False):
            rows = {layer: rows for layer, rows in packages.rows.items() if (layer < evidence.base_layers) is in_base}
            if rows:
                yield _claim(evidence, packages, rows, in_base=in_base)


def _claim(
    evidence: ImageEvidence, packages: DevelopmentPackages, rows: Mapping[int, Sequence[int]], *, in_base: bool
) -> Claim:
    rule = explain(Check.NPM_DEVELOPMENT)
    origin = min(rows)
    user = "" if in_base else _find_user(evidence, packages, origin)
    step = evidence.layers[origin].build_step
    editable = not in_base and not user and installs_development(step)
    largest = sorted(packages.sizes, key=lambda path: (-packages.sizes[path], path))[:_MAX_NAMES]
    count = len(packages.sizes)
    return Claim(
        rule=rule,
        title=rule.title_of(
            packages=f"{count:,} of {count_of(len(packages.lock.packages), 'package')}",
            where=f"/{decode_name(join(packages.lock.project, NODE_MODULES))}",
            are="is" if count == 1 else "are",
            names=", ".join(packages.lock.packages[path].name for path in largest),
            files=FILES,
        ),
        confidence=Confidence.ASK if user else rule.confidence,
        fix=partial(_fix, evidence),
        change=Change(layer=origin, edit=edit_each(without_development)) if editable else None,
        note=f"{user} may use them: then build in a separate stage." if user else "",
        blame_first_layer=True,
        tier=Tier.HISTORY,
        rows=rows,
    )


def _fix(evidence: ImageEvidence, layer: int, _: str) -> str:
    """The fix for the layer that brought the packages."""
    name, step = evidence.step(layer), evidence.layers[layer].build_step
    if layer < evidence.base_layers:
        return f"The base image brings them: use a base image that installs with npm ci {NO_DEVELOPMENT}."
    if copies_from_stage(step):
        return f"In the stage that `{name}` copies from, run npm prune {NO_DEVELOPMENT} after the build."
    if copies_from_context(step):
        return (
            f"Name node_modules in .dockerignore, so that `{name}` leaves it out; run npm ci {NO_DEVELOPMENT} in the image."
        )
    if installs_development(step):
        return f"Install with npm ci {NO_DEVELOPMENT} in `{name}`."
    return f"Install with npm ci {NO_DEVELOPMENT}, where `{name}` installs them."


def _find_user(evidence: ImageEvidence, packages: DevelopmentPackages, origin: int) -> str:
    """What may use the packages after they are installed, as the subject of a sentence; "" if nothing may."""
    steps = [layer.build_step for layer in evidence.layers[origin:]]
    for command in users_of_packages(steps[0], after_install=True):
        return f"`{shorten(command.strip())}` in the same step"
    for number, step in enumerate(steps[1:], origin + 1):
        for command in users_of_packages(step):
            return f"`{shorten(command.strip())}` in layer {number}"
    scripts = _scripts(packages)
    programs = _programs(packages)
    run = evidence.config.run
    started = " ".join([*run.entrypoint, *run.cmd])
    if _calls(started, scripts, programs):
        return f"The container's command `{shorten(started)}`"
    if installs_development(steps[0]):
        for name in _INSTALL_SCRIPTS:
            if name in scripts and _calls(scripts[name], scripts, programs):
                return f"The script `{name}` of package.json, which npm runs after it installs,"
    return ""


def _scripts(packages: DevelopmentPackages) -> dict[str, str]:
    scripts = packages.manifest.get("scripts")
    return {name: text for name, text in scripts.items() if isinstance(text, str)} if isinstance(scripts, dict) else {}


def _programs(packages: DevelopmentPackages) -> set[str]:
    """The names of the development packages and of their programs."""
    locked = packages.lock.packages
    return {name for path in packages.sizes for name in (locked[path].name, *locked[path].programs)}


def _calls(text: str, scripts: Mapping[str, str], programs: set[str]) -> bool:
    """Whether a command names a development package or one of its programs, itself or in the scripts that it runs."""
    seen: set[str] = set()
    texts = [text]
    while texts:
        current = texts.pop()
        for word in _WORD.findall(current):
            if not programs.isdisjoint(_names_in(word)):
                return True
        for match in _RUN_SCRIPT.finditer(current):
            name = match[1] or match[2]
            for script in (f"pre{name}", name, f"post{name}"):
                if script in scripts and script not in seen:
                    seen.add(script)
                    texts.append(scripts[script])
    return False


def _names_in(word: str) -> tuple[str, ...]:
    """What may be the name of a package or a program: the word, its last part, and the package that a path starts with.

    >>> _names_in("@swc/register/x")
    ('@swc/register/x', 'x', '@swc', '@swc/register')
    """
    first, *rest = word.split("/", 2)
    return word, word.rpartition("/")[2], first, f"{first}/{rest[0]}" if rest else first
