"""Findings on build steps that leave what their tools cached: the text names the step, the files in its layer prove it.

The rules are hadolint's (https://github.com/hadolint/hadolint/wiki) where it has one. A cache mount leaves no trace in
history, and needs none: with it there are no files, and so no finding.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import attrs

from ocisize.findings.claim import FILES, Claim, Tier
from ocisize.findings.evidence import ImageEvidence
from ocisize.history.shell import Change, edit_each
from ocisize.model.build_step import StepKind
from ocisize.model.findings import Confidence


@attrs.frozen(kw_only=True)
class ToolCache:
    """A tool that leaves files unless it is told not to. ``command`` and ``remedy`` are searched for in commands."""

    id: str
    title: str  #: what is left
    tool: str
    command: str  #: its first group, where it has one, is the tool as it is called
    remedy: str
    rules: tuple[str, ...]  #: of the catalogue: what the files are
    option: str = ""  #: to add behind each command, where that is enough
    fetches: str = ""  #: commands that only fetch what later ones need
    cleanup: str = ""  #: to add at the end of the step; ``{tool}`` is the tool as it is called
    code: str = ""  #: hadolint's, where it has one
    confidence: Confidence = Confidence.SURE  #: the catalogue's

    @property
    def advice(self) -> str:
        """What to do, for any step."""
        cleanup = self.cleanup.replace("{tool}", self.tool)
        what = f"use {self.tool} with {self.option}" if self.option else f"end with `&& {cleanup}`"
        return what + (f" (hadolint {self.code})" if self.code else "")


def _apt(verbs: str) -> str:
    return rf"\b(?:apt-get|apt|aptitude)\s(?:.*?\s)?(?:{verbs})\b"


def _removal(folder: str) -> str:
    return rf"\brm\s+-.*{folder}|\bfind\s+.*{folder}.*-delete"


TOOL_CACHES = (
    ToolCache(
        id="OS202",
        title="apt package lists",
        tool="apt-get",
        command=_apt("update|install|upgrade|dist-upgrade|full-upgrade|build-dep"),
        remedy=_removal("/var/lib/apt"),
        fetches=_apt("update"),
        rules=("OS301",),
        cleanup="rm -rf /var/lib/apt/lists/*",
        code="DL3009",
    ),
    ToolCache(
        id="OS203",
        title="apt archives",
        tool="apt-get",
        command=_apt("install|upgrade|dist-upgrade|full-upgrade|build-dep|download"),
        remedy=_apt("clean|autoclean|distclean") + "|" + _removal("/var/cache/apt"),
        rules=("OS302",),
        cleanup="apt-get clean",
    ),
    ToolCache(
        id="OS204",
        title="the apk cache",
        tool="apk",
        command=r"\bapk\s(?:.*?\s)?(?:add|update|upgrade)\b",
        remedy=r"--no-cache\b|\bapk\s(?:.*?\s)?cache\s+clean|" + _removal("/apk"),
        fetches=r"\bapk\s(?:.*?\s)?update\b",
        rules=("OS304",),
        option="--no-cache",
        code="DL3019",
    ),
    ToolCache(
        id="OS205",
        title="yum caches",
        tool="yum",
        command=r"\byum\s(?:.*?\s)?(?:install|update|upgrade|localinstall|groupinstall|makecache)\b",
        remedy=r"\byum\s(?:.*?\s)?clean\s+all|" + _removal("/var/cache/yum"),
        fetches=r"\byum\s(?:.*?\s)?makecache\b",
        rules=("OS303",),
        cleanup="yum clean all && rm -rf /var/cache/yum",
        code="DL3032",
    ),
    ToolCache(
        id="OS206",
        title="dnf caches",
        tool="dnf",
        command=r"\b(dnf5|dnf|microdnf|tdnf)\s(?:.*?\s)?(?:install|update|upgrade|groupinstall|makecache|builddep)\b",
        remedy=r"\b(?:dnf5|dnf|microdnf|tdnf)\s(?:.*?\s)?clean\s+all|" + _removal("/var/cache/(?:dnf|yum|libdnf5|tdnf)"),
        fetches=r"\b(?:dnf5|dnf|microdnf|tdnf)\s(?:.*?\s)?makecache\b",
        rules=("OS303",),
        cleanup="{tool} clean all && rm -rf /var/cache/dnf /var/cache/libdnf5 /var/cache/yum",
        code="DL3040",
    ),
    ToolCache(
        id="OS207",
        title="zypper caches",
        tool="zypper",
        command=r"\bzypper\s(?:.*?\s)?(?:install|in|update|up|dup|dist-upgrade|patch|refresh|ref)\b",
        remedy=r"\bzypper\s(?:.*?\s)?(?:clean|cc)\b|" + _removal("/var/cache/zypp"),
        fetches=r"\bzypper\s(?:.*?\s)?(?:refresh|ref)\b",
        rules=("OS306",),
        cleanup="zypper clean --all",
        code="DL3036",
    ),
    ToolCache(
        id="OS208",
        title="pacman caches",
        tool="pacman",
        command=r"\bpacman\s(?:.*?\s)?-\w*S\w*\b",
        remedy=r"\byes\s*\|.*\bpacman\s(?:.*?\s)?-Scc|" + _removal("/pacman"),  # --noconfirm means no to -Scc
        rules=("OS305",),
        cleanup="rm -rf /var/cache/pacman/pkg/* /var/lib/pacman/sync/*",
    ),
    ToolCache(
        id="OS209",
        title="the pip cache",
        tool="pip install",
        command=r"\bpip[\d.]*\s(?:.*?\s)?(?:install|download|wheel)\b",
        remedy=r"--no-cache-dir\b|PIP_NO_CACHE_DIR|\bcache\s+purge\b|" + _removal(r"\.cache"),
        rules=("OS310",),
        option="--no-cache-dir",
        code="DL3042",
    ),
    ToolCache(
        id="OS210",
        title="the uv cache",
        tool="uv",
        command=r"\buv\s(?:.*?\s)?(?:sync|install|add|run|compile|venv)\b",
        remedy=r"--no-cache\b|UV_NO_CACHE|\bcache\s+(?:clean|prune)\b|" + _removal(r"\.cache"),
        rules=("OS311",),
        option="--no-cache",
    ),
    ToolCache(
        id="OS211",
        title="caches of Python project managers",
        tool="poetry, pipenv, pdm or hatch",
        command=r"\b(?:poetry|pipenv|pdm|hatch)\s(?:.*?\s)?(?:install|sync|add|update|build|run)\b",
        remedy=r"--no-cache\b|\bcache\s+clear\b|" + _removal(r"\.cache"),
        rules=("OS312",),
        cleanup="rm -rf ~/.cache/pypoetry/cache ~/.cache/pypoetry/artifacts ~/.cache/pipenv ~/.cache/pdm ~/.cache/hatch",
    ),
    ToolCache(
        id="OS212",
        title="the conda package cache",
        tool="conda",
        command=r"\b(conda|mamba|micromamba)\s(?:.*?\s)?(?:install|create|update|env|upgrade)\b",
        remedy=r"\b(?:conda|mamba|micromamba)\s(?:.*?\s)?clean\b|" + _removal("/pkgs"),
        rules=("OS313",),
        cleanup="{tool} clean --all --yes",
    ),
    ToolCache(
        id="OS213",
        title="the npm cache",
        tool="npm",
        command=r"\bnpm\s(?:.*?\s)?(?:ci|i|install|add|update|exec|run)\b|\bnpx\s",
        remedy=r"\bnpm\s(?:.*?\s)?cache\s+(?:clean|rm)\b|" + _removal(r"\.npm"),
        rules=("OS314",),
        cleanup="npm cache clean --force",
    ),
    ToolCache(
        id="OS214",
        title="the yarn cache",
        tool="yarn",
        command=r"\byarn(?:pkg)?(?:\s|$)",
        remedy=r"\byarn(?:pkg)?\s(?:.*?\s)?cache\s+clean\b|" + _removal(r"\.cache"),
        rules=("OS315",),
        cleanup="yarn cache clean",
        code="DL3060",
    ),
    ToolCache(
        id="OS215",
        title="Go build and module caches",
        tool="go",
        command=r"\bgo\s+(?:build|install|get|mod|test|run|generate|vet)\b",
        remedy=r"\bgo\s+clean\s+.*-(?:mod)?cache|" + _removal("(?:go-build|/go/pkg)"),
        fetches=r"\bgo\s+mod\b",
        rules=("OS322",),
        cleanup="go clean -cache -modcache",
    ),
    ToolCache(
        id="OS216",
        title="Cargo registry and git caches",
        tool="cargo",
        command=r"\bcargo\s(?:.*?\s)?(?:build|install|fetch|test|check|run|chef|b)\b",
        remedy=r"\bcargo\s+cache\b|" + _removal("(?:registry|cargo)"),
        fetches=r"\bcargo\s(?:.*?\s)?(?:fetch|chef)\b",
        rules=("OS323",),
        cleanup='rm -rf "${CARGO_HOME:-$HOME/.cargo}/registry" "${CARGO_HOME:-$HOME/.cargo}/git"',
    ),
    ToolCache(
        id="OS217",
        title="gem caches and documentation",
        tool="gem or bundle",
        command=r"\b(?:gem\s+(?:install|update)|bundler?(?:\s+install|\s*$))\b",
        remedy=_removal("/(?:cache|doc)") + r"|\bgem\s+env\s",
        rules=("OS324",),
        cleanup='rm -rf "$(gem env gemdir)/cache" "$(gem env gemdir)/doc"',
    ),
    ToolCache(
        id="OS218",
        title="the Composer cache",
        tool="composer",
        command=r"\bcomposer(?:\.phar)?\s(?:.*?\s)?(?:install|require|update|create-project)\b",
        remedy=r"--no-cache\b|\bclear-?cache\b|COMPOSER_CACHE_DIR|COMPOSER_NO_CACHE|" + _removal("composer"),
        rules=("OS326",),
        option="--no-cache",
    ),
    ToolCache(
        id="OS219",
        title="NuGet packages and caches",
        tool="dotnet",
        command=r"\bdotnet\s+(?:restore|build|publish|tool|test|add|pack|run|workload)\b",
        remedy=r"\bnuget\s+locals\b|" + _removal("(?i:nuget)"),
        fetches=r"\bdotnet\s+(?:restore|build|add)\b",
        rules=("OS327",),
        cleanup="dotnet nuget locals all --clear",
        confidence=Confidence.LIKELY,
    ),
)


def find_tool_caches(evidence: ImageEvidence) -> Iterator[Claim]:
    """A claim for each build step and tool whose cache it left in its layer."""
    for layer, matches in enumerate(evidence.matches):
        text = evidence.layers[layer].build_step.text
        parts = _run_commands(evidence, layer)
        for step in TOOL_CACHES:
            rows = sorted({row for rule in step.rules for row in matches.get(rule, ())})
            if not rows or re.search(step.remedy, text):
                continue
            called = next((found for part in parts if (found := re.search(step.command, part))), None)
            if called is None:
                continue
            yield Claim(
                id=step.id,
                title=f"layer {layer} keeps {step.title}: {FILES}",
                confidence=step.confidence,
                fix=_fix(evidence, layer, step),
                change=_change(evidence, layer, step, called),
                fix_suffix=f" (hadolint {step.code})" if step.code else "",
                tier=Tier.TOOL_CACHE,
                rows={layer: rows},
            )


def _fix(evidence: ImageEvidence, layer: int, step: ToolCache) -> str:
    if layer < evidence.base_layers:
        return f"The base image's `{evidence.step(layer)}` leaves them: choose one whose maintainers clean up."
    if (user := _user_of(evidence, layer, step)) is not None:
        return f"Join `{evidence.step(user)}`, which may need them, into `{evidence.step(layer)}`: {step.advice}."
    return f"In `{evidence.step(layer)}`, {step.advice}."


def _change(evidence: ImageEvidence, layer: int, step: ToolCache, called: re.Match[str]) -> Change | None:
    if layer < evidence.base_layers or _user_of(evidence, layer, step) is not None:
        return None
    if step.option:
        return Change(layer=layer, edit=edit_each(lambda command: _with_option(command, step)))
    return Change(layer=layer, command=step.cleanup.replace("{tool}", called[1] if called.re.groups else step.tool))


def _user_of(evidence: ImageEvidence, layer: int, step: ToolCache) -> int | None:
    """The next layer whose step calls the tool, where the step of this one only fetches for it."""
    calls = [part for part in _run_commands(evidence, layer) if re.search(step.command, part)]
    if not step.fetches or not all(re.search(step.fetches, call) for call in calls):
        return None
    for later in range(layer + 1, len(evidence.layers)):
        text = evidence.layers[later].build_step.text
        if _run_commands(evidence, later) and re.search(step.command, text):
            return later
    return None


def _run_commands(evidence: ImageEvidence, layer: int) -> tuple[str, ...]:
    """The shell commands of a layer's RUN; none of other steps."""
    step = evidence.layers[layer].build_step
    return step.shell_commands if step.kind is StepKind.RUN else ()


def _with_option(command: str, step: ToolCache) -> str | None:
    found = None if re.search(step.remedy, command) else re.search(step.command, command)
    return f"{command[: found.end()]} {step.option}{command[found.end() :]}" if found else None
