"""Findings by the catalogue: files of kinds that images rarely need, a finding for each rule."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ocisize.analysis.catalog import Rule
from ocisize.analysis.claims import FILES, PATH, Claim, Scene, Tier

_FROM_CONTEXT = "dockerignore"  # the fix for what comes from the build context
_MOUNT = "buildkit"  # the fix that keeps a cache out of the image
_ANY = "any"
_WORDS = {  # what tells of an ecosystem in a build step, where its name alone does not
    "alpine": r"apk",
    "apt": r"apt(?:-get)?|dpkg",
    "bundler": r"bundle",
    "debian": r"apt(?:-get)?|dpkg|debian\.sh|debootstrap",
    "dotnet": r"dotnet|nuget",
    "gradle": r"gradlew?",
    "java": r"java|jlink|jdk",
    "mamba": r"u?micromamba|mamba",
    "maven": r"mvnw?|maven",
    "node": r"node|npm|yarn|pnpm",
    "php": r"docker-php-\S+|php",
    "pip": r"pip[\d.]*|pipx",
    "portage": r"emerge",
    "python": r"python[\d.]*|pip[\d.]*",
    "rpm": r"dnf|yum|microdnf|tdnf|rpm|zypper",
}


def find_junk(scene: Scene) -> Iterator[Claim]:
    """A claim for each rule that matches files, those of the base image apart from the others."""
    rules = {rule.id: rule for rule in scene.catalog.rules}
    for rule_id, rule in rules.items():
        matched = {layer: found[rule_id] for layer, found in enumerate(scene.matches) if rule_id in found}
        for in_base in (True, False):
            rows = {layer: chosen for layer, chosen in matched.items() if (layer < scene.base_layers) is in_base}
            if rows:
                yield Claim(
                    id=rule_id,
                    title=f"{rule.title}: {FILES}",
                    confidence=rule.confidence,
                    fix=_base_fix(rule) if in_base else {layer: fix_for(rule, scene.step(layer)) for layer in rows},
                    tier=Tier.CATALOGUE,
                    rows=rows,
                )


def fix_for(rule: Rule, step: str) -> str:
    """What to change about a build step: the rule's fixes for the tools it runs, else those that hold for any."""
    if (fix := fix_for_stage(step)) is not None:
        return fix
    fixes = rule.fixes(instruction=step, path=PATH)
    if from_context(step):
        return fixes.get(_FROM_CONTEXT, f"Leave them out of `{step}`: name them in .dockerignore.")
    chosen = (
        [name for name in fixes if name not in (_MOUNT, _FROM_CONTEXT, _ANY) and _runs(step, name)]
        or [name for name in fixes if name == _ANY]
        or [name for name in fixes if name not in (_MOUNT, _FROM_CONTEXT)]
        or list(fixes)
    )[:2]
    if _MOUNT in fixes and len(chosen) == 1:
        chosen.append(_MOUNT)
    return (
        "; or ".join(dict.fromkeys(fixes[name] for name in chosen)) or f"Remove them in the step that brings them: `{step}`."
    )


def fix_for_stage(step: str) -> str | None:
    """What to change about a step that copies from another stage; None for other steps, or where it does not say so."""
    if not from_context(step) or " --from=" not in step:
        return None
    return f"Leave them out of `{step}`: remove them in the stage it copies from, or copy less."


def from_context(step: str) -> bool:
    """Whether a build step copies from the build context or a stage; a base image's root filesystem is ADDed, too."""
    return step.startswith("COPY ") or (step.startswith("ADD ") and not step.endswith(" in /"))


def _runs(step: str, ecosystem: str) -> bool:
    words = _WORDS.get(ecosystem, re.escape(ecosystem))
    return re.search(rf"(?<![\w-])(?:{words})(?![\w-])", step) is not None


def _base_fix(rule: Rule) -> str:
    return f"The base image brings them ({rule.title}): choose a smaller base, or one whose maintainers leave them out."
