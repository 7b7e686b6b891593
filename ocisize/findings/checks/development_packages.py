"""Findings on packages that are only for development, where files of the image prove which files are theirs.

What pip, poetry and pipenv install for development is a remark without bytes: nothing in the image tells it from the rest.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial

from ocisize.findings.claim import FILES, Claim, Tier
from ocisize.findings.evidence import ImageEvidence
from ocisize.findings.explanations import Check, explain
from ocisize.history.install_options import (
    COMPOSER,
    NPM,
    Installer,
    installs_development,
    python_development,
    users_of_packages,
    without_development,
)
from ocisize.history.shell import Change, edit_each, shorten
from ocisize.history.step_effects import copies_from_context, copies_from_stage
from ocisize.model.build_step import BuildStep
from ocisize.model.findings import Confidence
from ocisize.packages.composer import find_composer_development
from ocisize.packages.development import DevelopmentPackages
from ocisize.packages.npm_installed import find_npm_development
from ocisize.patterns import lazy_pattern
from ocisize.text import count_of, decode_name

_MAX_NAMES = 3  # packages in a title
#: scripts of a project that npm runs when it installs the project's packages
_INSTALL_SCRIPTS = ("preinstall", "install", "postinstall", "prepublish", "preprepare", "prepare", "postprepare")
_WORD = lazy_pattern(r"[^\s\"'`;&|()<>=]+")
_RUN_SCRIPT = lazy_pattern(  # a script of package.json, by ``run`` and its name or by one of npm's short forms
    r"\b(?:npm|yarn|pnpm)\s+(?:-\S+\s+)*(?:(?:run|run-script)\s+(?:-\S+\s+)*([\w:.-]+)|(start|test|stop|restart)\b)"
)


def find_development(evidence: ImageEvidence) -> Iterator[Claim]:
    """A claim for the development packages of each npm or composer project, and a remark for each step that pip runs in.

    Files of the base image are separate claims.
    """
    tables, overlay = evidence.tables, evidence.overlay
    projects = [(Check.NPM_DEVELOPMENT, NPM, packages) for packages in find_npm_development(tables, overlay, evidence.runs)]
    projects += [(Check.COMPOSER_DEVELOPMENT, COMPOSER, packages) for packages in find_composer_development(tables, overlay)]
    for check, installer, packages in projects:
        for in_base in (True, False):
            rows = {layer: chosen for layer, chosen in packages.rows.items() if (layer < evidence.base_layers) is in_base}
            if rows:
                yield _claim(evidence, check, installer, packages, rows)
    for layer in range(evidence.base_layers, len(evidence.layers)):
        if evidence.layers[layer].content_size and (command := python_development(evidence.layers[layer].build_step)):
            yield _remark(evidence, layer, command)


def _claim(
    evidence: ImageEvidence,
    check: Check,
    installer: Installer,
    packages: DevelopmentPackages,
    rows: Mapping[int, Sequence[int]],
) -> Claim:
    rule = explain(check)
    origin = min(rows)
    in_base = origin < evidence.base_layers
    user = "" if in_base else _find_user(evidence, installer, packages, origin)
    editable = not in_base and not user and installs_development(evidence.layers[origin].build_step, installer)
    largest = sorted(packages.names, key=lambda path: (-packages.sizes[path], path))[:_MAX_NAMES]
    count = len(packages.names)
    return Claim(
        rule=rule,
        title=rule.title_of(
            packages=f"{count:,} of {count_of(packages.package_count, 'package')}",
            where=f"/{decode_name(packages.directory)}",
            names=", ".join(packages.names[path] for path in largest),
            files=FILES,
        ),
        confidence=Confidence.ASK if user else rule.confidence,
        fix=partial(_fix, evidence, installer),
        change=(
            Change(layer=origin, edit=edit_each(partial(without_development, installer=installer))) if editable else None
        ),
        note=f"{user} may use them. If it does, build in a separate stage." if user else "",
        blame_first_layer=True,
        tier=Tier.HISTORY,
        rows=rows,
    )


def _fix(evidence: ImageEvidence, installer: Installer, layer: int, _: str) -> str:
    """The fix for the layer that brought the packages."""
    name, step = evidence.step(layer), evidence.layers[layer].build_step
    install = f"{installer.command} {installer.option}"
    if layer < evidence.base_layers:
        return f"The base image contains them: use a base image that installs with `{install}`."
    if copies_from_stage(step):
        return f"In the stage that `{name}` copies from, run `{installer.removal}` after the build."
    if copies_from_context(step) and _may_name(step, installer.directory):
        return f"Run `{install}` before `{name}`, or in the image instead of it."
    if copies_from_context(step):
        return f"Add {installer.directory} to .dockerignore, so that `{name}` omits it, and run `{install}` in the image."
    if installs_development(step, installer):
        return f"Use `{install}` in `{name}`."
    return f"Use `{install}` where `{name}` installs them."


def _may_name(step: BuildStep, directory: str) -> bool:
    """Whether a COPY names the directory itself, which .dockerignore would make fail; also if its sources are not known."""
    *sources, _ = step.arguments.split() or [""]
    return any(source.rstrip("/").rpartition("/")[2] == directory or ":" in source for source in sources)


def _remark(evidence: ImageEvidence, layer: int, command: str) -> Claim:
    rule = explain(Check.PYTHON_DEVELOPMENT)
    return Claim(
        rule=rule,
        title=rule.title_of(layer=layer, command=shorten(command.strip())),
        fix=f"Install them only in a stage that runs the tests, not in `{evidence.step(layer)}`.",
        other_layers=(layer,),
    )


def _find_user(evidence: ImageEvidence, installer: Installer, packages: DevelopmentPackages, origin: int) -> str:
    """What may use the packages after they are installed, as the subject of a sentence; "" if nothing may."""
    steps = [layer.build_step for layer in evidence.layers[origin:]]
    for command in users_of_packages(steps[0], after=installer):
        return f"`{shorten(command.strip())}` in the same step"
    for number, step in enumerate(steps[1:], origin + 1):
        for command in users_of_packages(step):
            return f"`{shorten(command.strip())}` in layer {number}"
    names = packages.programs.union(packages.names.values())
    run = evidence.config.run
    started = " ".join([*run.entrypoint, *run.cmd])
    if _calls(started, packages.scripts, names):
        return f"The container's command `{shorten(started)}`"
    if installs_development(steps[0], installer):
        for name in _INSTALL_SCRIPTS:
            if name in packages.scripts and _calls(packages.scripts[name], packages.scripts, names):
                return f"The script `{name}` of package.json, which npm runs after it installs,"
    return ""


def _calls(text: str, scripts: Mapping[str, str], names: Collection[str]) -> bool:
    """Whether a command names a development package or one of its programs, itself or in the scripts that it runs."""
    seen: set[str] = set()
    texts = [text]
    while texts:
        current = texts.pop()
        for word in _WORD.findall(current):
            if any(name in names for name in _names_in(word)):
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
