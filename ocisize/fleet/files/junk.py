"""Junk and secrets of a fleet, added up from the summaries of its layers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from ocisize.fleet.engine.summary import Claimed, FoundSecret, LayerSummary
from ocisize.fleet.files.layer_use import LayerUse
from ocisize.model.fleet_files import JunkFigures, JunkPlace, SecretContent
from ocisize.rules.rule import Catalog

MAX_PLACES = 20  #: of one rule
MAX_SECRETS = 1000
_MAX_PATHS, _MAX_ROOTS = 5, 5  # of one secret


def sum_junk(use: LayerUse, summaries: Mapping[str, LayerSummary], catalog: Catalog) -> list[JunkFigures]:
    """Return the junk of each rule, that which costs the most over all images first.

    ``summaries`` are those of the layers by digest, by the rules of ``catalog``.
    """
    rules = {rule.id: rule for rule in catalog.rules}
    by_rule: dict[str, list[tuple[str, Claimed]]] = defaultdict(list)
    for digest, summary in summaries.items():
        for claim in summary.junk:
            by_rule[claim.rule].append((digest, claim))
    figures = []
    for rule, claims in by_rule.items():
        places = [_place(use, digest, claim) for digest, claim in claims]
        shares = [claim.compressed_size for _, claim in claims if claim.compressed_size is not None]
        figures.append(
            JunkFigures(
                rule=rule,
                title=rules[rule].title,
                category=rules[rule].category,
                files=sum(claim.files for _, claim in claims),
                size=sum(claim.size for _, claim in claims),
                compressed_size=sum(shares) if len(shares) == len(claims) else None,
                layers=len(claims),
                images=use.count_images(digest for digest, _ in claims),
                logical_size=sum(place.logical_size for place in places),
                places=sorted(places, key=lambda place: (-place.logical_size, -place.files, place.layer))[:MAX_PLACES],
            )
        )
    return sorted(figures, key=lambda junk: (-junk.logical_size, -junk.files, junk.rule))


def _place(use: LayerUse, digest: str, claim: Claimed) -> JunkPlace:
    return JunkPlace(
        layer=digest,
        build_step=use.layers[digest].build_step,
        path=claim.path,
        files=claim.files,
        size=claim.size,
        compressed_size=claim.compressed_size,
        images=len(use.images_of[digest]),
        family=use.family_of.get(digest),
    )


def group_secrets(use: LayerUse, summaries: Mapping[str, LayerSummary]) -> tuple[list[SecretContent], int]:
    """Return the secrets of the most images first, and how many there are: files with one content are one secret.

    A file whose content is unknown is a secret of its own.
    """
    groups: dict[tuple[object, ...], list[tuple[str, FoundSecret]]] = defaultdict(list)
    for digest, summary in summaries.items():
        for secret in summary.secrets:
            known = (secret.kind, secret.content, secret.size)
            groups[known if secret.content else (*known, digest, secret.path)].append((digest, secret))
    secrets = [_make_secret(use, found) for found in groups.values()]
    unlisted = sum(summary.secret_count - len(summary.secrets) for summary in summaries.values())
    secrets.sort(key=lambda secret: (-secret.images, -secret.copies, secret.kind, secret.paths[0], secret.content))
    return secrets[:MAX_SECRETS], len(secrets) + unlisted


def _make_secret(use: LayerUse, found: Sequence[tuple[str, FoundSecret]]) -> SecretContent:
    digests = dict.fromkeys(digest for digest, _ in found)
    images = sorted(use.find_images(digests))
    roots = dict.fromkeys(root for image in images for root in use.roots_of[image])
    _, first = found[0]
    return SecretContent(
        kind=first.kind,
        content=first.content,
        size=first.size,
        copies=len(found),
        layers=len(digests),
        images=len(images),
        paths=tuple(dict.fromkeys(secret.path for _, secret in found))[:_MAX_PATHS],
        roots=sorted(roots)[:_MAX_ROOTS],
    )
