"""Findings on secrets that anyone who can pull the image can read: files, variables, build arguments, build steps.

They save no bytes and claim no rows. Values are never shown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from ocisize.findings.claim import FILES, Claim
from ocisize.findings.evidence import ImageEvidence
from ocisize.findings.explanations import Check, Explanation, explain
from ocisize.history.redact import is_secret
from ocisize.history.step_effects import copies_from_context, sets_variables
from ocisize.history.steps import find_leaks
from ocisize.model.findings import Confidence, Finding, Severity
from ocisize.model.waste import CAUSES, Cause
from ocisize.packages.dpkg_files import find_owned_paths
from ocisize.rules.rule import Rule
from ocisize.text import decode_name, plural
from ocisize.values import evolve

_REVOKE_IT = "Revoke the secret: anyone who can pull the image can read it."
_MOUNT = "`RUN --mount=type=secret,id=NAME …`"
_MAX_LISTED_LAYERS = 4  # layers, which are counted instead of listed
_MAX_NAMES = 5  # in a title


def find_secrets(evidence: ImageEvidence) -> Iterator[Claim]:
    """Remarks on secrets in files, in the environment and in the history."""
    yield from _find_files(evidence)
    variables = [pair.partition("=") for pair in evidence.config.run.env]
    names = tuple(dict.fromkeys(name for name, _, value in variables if is_secret(name, value)))
    if names:
        rule = explain(Check.ENVIRONMENT_SECRETS)
        yield _remark(
            rule,
            rule.title_of(secrets=plural(len(names), "secret"), names=_list_names(names)),
            f"{_REVOKE_IT} Set the new one where the container runs, not with ENV. In a build step, use {_MOUNT}.",
            names=names,
        )
    yield from _find_leaks(evidence, frozenset(names))


def _find_leaks(evidence: ImageEvidence, known: frozenset[str]) -> Iterator[Claim]:
    """A remark for each set of secrets in build steps: a build argument is in the text of every step after it."""
    layers: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for leak in find_leaks(evidence.config.history, len(evidence.layers)):
        names = tuple(name for name in leak.secrets if name not in known or not sets_variables(leak.step))
        if names:
            layers[names] += [] if leak.layer is None else [leak.layer]
    reported: set[str] = set()
    rule = explain(Check.HISTORY_SECRETS)
    for names, held in sorted(layers.items(), key=lambda item: (-len(item[0]), item[0])):
        if not held and reported.issuperset(names):
            continue
        reported.update(names)
        where = f" ({_count_layers(held)})" if held else ""
        yield _remark(
            rule,
            rule.title_of(secrets=plural(len(names), "secret"), where=where, names=_list_names(names)),
            f"{_REVOKE_IT} The config stores build arguments and commands. Use {_MOUNT}, and read the secret from "
            "/run/secrets/NAME.",
            layers=held,
            names=names,
        )


def _find_files(evidence: ImageEvidence) -> Iterator[Claim]:
    """A remark for each kind of secret file, the layers that hold it and the layer that hides it."""
    places: dict[tuple[int, bytes], list[tuple[int, int]]] = defaultdict(list)
    for layer, matches in enumerate(evidence.secrets):
        table = evidence.tables[layer]
        for index, rows in matches.items():
            filled = [row for row in rows if table.sizes[row]]
            for row, path in zip(filled, table.paths.select(filled), strict=True):
                places[index, path].append((layer, row))
    owned = find_owned_paths({path for _, path in places}, evidence.tables)
    groups: dict[tuple[int, tuple[int, ...], int, int], list[str]] = defaultdict(list)
    for (index, path), held in places.items():
        if path not in owned:
            layer, row = held[-1]
            upper, cause = evidence.overlay.hidden_by[layer][row], evidence.overlay.causes[layer][row]
            groups[index, tuple(dict.fromkeys(layer for layer, _ in held)), upper, cause].append(decode_name(path))
    for (index, layers, upper, cause), paths in sorted(groups.items()):
        yield _about_files(evidence, evidence.catalog.secrets[index], layers, tuple(sorted(paths)), upper, CAUSES[cause])


def _about_files(
    evidence: ImageEvidence, rule: Rule, layers: tuple[int, ...], paths: tuple[str, ...], upper: int, cause: Cause
) -> Claim:
    numbers = (
        " and ".join(map(str, layers)) if len(layers) < _MAX_LISTED_LAYERS else f"{layers[0]} and {len(layers) - 1} more"
    )
    where = f"{plural(len(layers), 'layer')} {numbers}"
    hidden = upper > layers[-1]
    if hidden:
        verb = "deletes" if cause in (Cause.DELETED, Cause.OPAQUE) else "replaces"
        where += f", still downloadable although layer {upper} {verb} {'it' if len(paths) == 1 else 'them'}"
    step = evidence.step(layers[0])
    if layers[0] < evidence.base_layers:
        how = "The base image contains it: report it to its maintainers, and use another base image."
    elif copies_from_context(evidence.layers[layers[0]].build_step):
        how = (
            f"Add the file to .dockerignore, or copy only the paths that the image needs instead of `{step}`. In steps that "
            f"need the secret, use {_MOUNT}."
        )
    else:
        how = f"Pass it to `{step}` with {_MOUNT}, or create it when the container starts."
    explanation = explain(Check.SECRET_FILES)
    return _remark(
        explanation,
        explanation.title_of(kind=rule.title, where=where, files=FILES),
        f"{_REVOKE_IT} {how}",
        confidence=rule.confidence,
        layers=(*layers, upper) if hidden else layers,
        paths=paths,
    )


def _list_names(names: Sequence[str]) -> str:
    rest = len(names) - _MAX_NAMES
    return ", ".join(names[:_MAX_NAMES]) + (f" and {rest} more" if rest > 0 else "")


def name_only(names: Sequence[str], finding: Finding) -> Finding:
    """Return a finding about variables or build arguments as one about some of them.

    >>> from ocisize.model.findings import Confidence, Finding, Severity
    >>> finding = Finding(
    ...     id="OS231", title="secrets in the environment: API_KEY, DB_PASSWORD", confidence=Confidence.PROBABLY,
    ...     severity=Severity.HIGH, layers=(), build_steps=(), paths=(), path_count=0, size=0, compressed_size=0, fix="",
    ...     names=("API_KEY", "DB_PASSWORD"),
    ... )
    >>> name_only(["API_KEY"], finding).title
    'secret in the environment: API_KEY'
    """
    what = finding.title.partition(": ")[0].removeprefix("secrets").removeprefix("secret")
    return evolve(finding, title=f"{plural(len(names), 'secret')}{what}: {_list_names(names)}", names=tuple(names))


def _count_layers(layers: Sequence[int]) -> str:
    return f"layer {layers[0]}" if len(layers) == 1 else f"{len(layers)} layers"


def _remark(
    rule: Explanation,
    title: str,
    fix: str,
    *,
    confidence: Confidence = Confidence.PROBABLY,
    layers: Sequence[int] = (),
    paths: tuple[str, ...] = (),
    names: tuple[str, ...] = (),
) -> Claim:
    severity = Severity.MEDIUM if confidence is Confidence.ASK else Severity.HIGH
    return Claim(
        rule=rule,
        title=title,
        confidence=confidence,
        fix=fix,
        other_layers=tuple(layers),
        paths=paths,
        names=names,
        severity=severity,
    )
