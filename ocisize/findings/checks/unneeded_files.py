"""Findings of the catalog: files that images rarely need, one finding per rule."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

from ocisize.findings.claim import FILES, PATH, Claim, Tier
from ocisize.findings.evidence import ImageEvidence, fix_for_archive, fix_for_stage
from ocisize.history.install_options import installs_development
from ocisize.history.step_effects import copies_from_context, copies_from_stage, unpacks_archive
from ocisize.model.build_step import BuildStep
from ocisize.rules.rule import Catalog, Rule

_FROM_CONTEXT = "dockerignore"  # the fix for what comes from the build context
_CACHE_MOUNT = "buildkit"  # the fix that keeps a cache out of the image
_ANY_STEP = "any"
_DEVELOPMENT = "npm-dev"  # the fix where npm installed development packages, too
_OUTSIDE_PACKAGES = ("usr/local/", "opt/", "home/", "root/", "srv/", "app/")  # where those put nothing


def find_unneeded_files(evidence: ImageEvidence) -> Iterator[Claim]:
    """A claim for each rule that matches files; files of the base image are separate claims."""
    rules = {rule.id: rule for rule in evidence.catalog.rules}
    for rule_id, rule in rules.items():
        matched = {layer: matches[rule_id] for layer, matches in enumerate(evidence.matches) if rule_id in matches}
        for in_base in (True, False):
            rows = {layer: chosen for layer, chosen in matched.items() if (layer < evidence.base_layers) is in_base}
            if rows:
                yield Claim(
                    rule=rule,
                    title=f"{rule.title}: {FILES}",
                    fix=partial(_fix, evidence, rule),
                    note="" if in_base else rule.note,
                    blame_first_layer=True,
                    tier=Tier.CATALOG,
                    rows=rows,
                )


def _fix(evidence: ImageEvidence, rule: Rule, layer: int, path: str) -> str:
    """The fix for the layer that brought a path."""
    if layer < evidence.base_layers and (rule.packaged or not rule.fix):
        return f"The base image contains them ({rule.title}): use a smaller base image."
    return fix_for(rule, evidence.catalog, evidence.layers[layer].build_step, evidence.step(layer), path)


def fix_for(rule: Rule, catalog: Catalog, step: BuildStep, name: str, path: str = "") -> str:
    """The fix for a build step: the rule's fixes for the commands in the step, else those for any step.

    Args:
        rule: the rule that matches the files.
        catalog: the catalog, for the commands of ecosystems.
        step: the build step that brought the files.
        name: the text of the step within a sentence.
        path: one of the files; the distribution's package managers put nothing into /usr/local, /opt and the like.

    """
    fixes = rule.fixes(build_step=name, path=PATH)
    first = fixes.pop(_DEVELOPMENT, None)
    if copies_from_stage(step) and rule.packaged:
        return fix_for_stage(name)
    if unpacks_archive(step):
        return fix_for_archive(name)
    if copies_from_context(step) and (_FROM_CONTEXT in fixes or rule.packaged or not fixes):
        return fixes.get(_FROM_CONTEXT, f"Add them to .dockerignore, so that `{name}` does not copy them.")
    named = [name for name in fixes if name not in (_CACHE_MOUNT, _FROM_CONTEXT, _ANY_STEP)]
    if path.startswith(_OUTSIDE_PACKAGES):
        named = [name for name in named if not catalog.ecosystem(name).system]
    chosen = (
        [name for name in named if catalog.ecosystem(name).is_used_in(step.text)][:2]
        or [name for name in fixes if name == _ANY_STEP]
        or named[:1]
        or [name for name in fixes if name == _CACHE_MOUNT]
    )
    if _CACHE_MOUNT in fixes and len(chosen) == 1:
        chosen.append(_CACHE_MOUNT)
    text = (
        join_alternatives(dict.fromkeys(fixes[name] for name in chosen))
        or f"Remove them in the step that adds them: `{name}`."
    )
    return f"{end_sentence(first)} Then {lower_first(text)}" if first and installs_development(step) else text


def join_alternatives(texts: Iterable[str]) -> str:
    """Alternatives, each of one sentence or a few, as one text.

    >>> join_alternatives(["Use `pip --no-cache-dir`", "Use a cache mount."])
    'Use `pip --no-cache-dir`. Or use a cache mount.'
    """
    first, *others = list(texts) or [""]
    return (
        " ".join([end_sentence(first), *(f"Or {end_sentence(lower_first(text))}" for text in others)]) if others else first
    )


def end_sentence(text: str) -> str:
    """A text with a full stop at its end; "" stays empty.

    >>> end_sentence("acme build --no-cache"), end_sentence("Clean up.")
    ('acme build --no-cache.', 'Clean up.')
    """
    return text if not text or text.endswith((".", "!", "?")) else f"{text}."


def lower_first(text: str) -> str:
    """A text for the middle of a sentence; instructions of a Dockerfile keep their capitals.

    >>> lower_first("Use COPY"), lower_first("COPY . /app")
    ('use COPY', 'COPY . /app')
    """
    return text[:1].lower() + text[1:] if text[1:2].islower() or text[1:2] == " " else text
