"""Packages that an option of the package manager leaves out, and packages that a later step installs in another version."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from ocisize.dockerfile.run_source import Piece
from ocisize.findings.claim import Claim, Tier
from ocisize.history.package_managers import (
    ManagerCommand,
    add_packages_edit,
    can_move,
    common_manager,
    only_installs,
    package_arguments,
    removes_packages,
)
from ocisize.history.removal import cleans_up, join_removals
from ocisize.history.shell import Change
from ocisize.model.build_step import BuildStep
from ocisize.model.findings import Category, Confidence
from ocisize.model.waste import Cause
from ocisize.patterns import lazy_pattern
from ocisize.plan.build import Build
from ocisize.plan.fixes import Fix
from ocisize.plan.merged_rows import by_layer, merge_rows
from ocisize.text import plural, quote_code

_CHANGED = (Cause.OVERWRITTEN, Cause.OPAQUE, Cause.DELETED)
_CONFIDENCES = tuple(Confidence)
_MAX_NAMES = 5  # packages in a title
_MIN_SHARE = 0.001  # of the content that installing once saves
_SAME_PACKAGES = lazy_pattern(  # options that change neither the packages nor their place
    r"-m|-[Uqy]+|--(?:upgrade|quiet|yes|no-cache-dir|no-compile|disable-pip-version-check|no-warn-script-location|no-audit"
    r"|no-fund|root-user-action(?:=.*)?|progress-bar(?:=.*)?)"
)
_LISTED_BY_REQUIREMENTS = ("pip", "npm")  # managers whose packages are known by name, whatever the lists of the day say


def fix_options(build: Build, claims: Sequence[Claim]) -> Iterator[Fix]:
    """Make the changes that claims about packages propose, and yield a fix for each change; several claims may share one."""
    groups: dict[int, list[Claim]] = defaultdict(list)
    for claim in claims:
        if claim.tier in (Tier.HISTORY, Tier.PACKAGE) and claim.change is not None:
            groups[id(claim.change)].append(claim)
    # in the order of ids: what two changes of one RUN remove together is counted for the second one
    for members in sorted(groups.values(), key=lambda members: min(claim.id for claim in members)):
        first, change = members[0], members[0].change
        if change is None or change.layer not in build.own_layers:
            continue
        before = build.commands(change.layer)
        if not _make_change(build, change):
            continue
        after = build.commands(change.layer)
        changed = [command for command in after if command not in before and not join_removals(command, change.last)]
        yield Fix(
            title=" and ".join(dict.fromkeys(claim.rule.title for claim in members)),
            confidence=max((claim.confidence for claim in members), key=_CONFIDENCES.index),
            category=first.rule.category,
            layers=(change.layer,),
            action=_describe(changed, change.last),
            caution=" ".join(dict.fromkeys(claim.note for claim in members if claim.note)),
            rows=merge_rows(claim.rows for claim in members),
        )


def _make_change(build: Build, change: Change) -> bool:
    """Make a change; False if the step cannot be edited or has nothing to change."""
    made = build.change(change)
    if not change.last or not build.can_edit_run(change.layer):
        return made
    _add_last(build, change.layer, change.last)
    return True


def _add_last(build: Build, layer: int, command: str) -> None:
    """Add a command to a layer's RUN, behind its commands but those at the end that clean up; two removals become one."""
    pieces, own = build.leader(layer).pieces, build.drafts[layer].run
    for number, piece in enumerate(pieces):
        if piece.source is None and (joined := join_removals(piece.text, command)):
            pieces[number] = Piece(joined)
            return
    at = max((number for number, piece in enumerate(pieces, 1) if piece.source is own), default=len(pieces))
    while at and cleans_up(pieces[at - 1].text):
        at -= 1
    pieces.insert(at, Piece(command))


def _describe(changed: Sequence[str], last: str) -> str:
    """What to do, in a sentence: the commands that are new, and the one to add."""
    parts = []
    if changed:
        parts.append(f"change the {plural(len(changed), 'command')} to {' and '.join(map(quote_code, changed))}")
    if last:
        parts.append(f"run {quote_code(last)} in the same RUN, behind the commands that need the packages")
    text = ", and ".join(parts)
    return f"{text[:1].upper()}{text[1:]}."


def install_once(build: Build) -> Iterator[Fix]:
    """Install final versions in the first step that installs packages, and drop the later step, where both name them."""
    least = _MIN_SHARE * build.content_size
    for upper in build.own_layers:
        for lower in build.rows.layers_hidden_by(upper):
            if lower not in build.own_layers or build.rows.size_of({lower: build.rows.hidden_rows(lower, upper)}) < least:
                continue
            if (fix := _install_once(build, lower, upper, least)) is not None:
                yield fix
                break


def _install_options(manager: ManagerCommand, step: BuildStep) -> set[str]:
    """The options of the installations in a step that say where packages come from or go to, with their values."""
    options: set[str] = set()
    for command in filter(manager.find_install, step.shell_commands):
        words = command.split()
        for word, following in zip(words, [*words[1:], ""], strict=True):
            if word.startswith("-") and not _SAME_PACKAGES.fullmatch(word):
                options.add(f"{word} {following}" if word in manager.options_with_value else word)
    return options


def _install_once(build: Build, lower: int, upper: int, least: float) -> Fix | None:
    steps = [draft.step for draft in build.drafts]
    manager = common_manager(steps[lower], steps[upper])
    if manager is None or manager.name not in _LISTED_BY_REQUIREMENTS or removes_packages(steps[upper]):
        return None
    # With another setup, the later step may install from another place or for another user.
    changes_setup = any(draft.context.changes_setup for draft in build.drafts[lower + 1 : upper + 1])
    can_edit = build.can_edit_run(lower) and build.can_edit_run(upper)
    if changes_setup or not can_edit or not only_installs(manager, steps[upper]):
        return None
    packages = package_arguments(manager, steps[upper])
    if not packages or not can_move(steps[lower + 1 : upper]) or build.drafts[upper].is_changed:
        return None
    drafts = build.drafts[lower], build.drafts[upper]
    if len({(draft.context.user, *sorted(_install_options(manager, draft.step))) for draft in drafts}) > 1:
        return None
    rows = by_layer(
        (lower, row)
        for row, ending in build.rows.endings(lower, build.rows.hidden_rows(lower, upper))
        if ending.cause in _CHANGED
    )
    if build.rows.size_of(rows) < least or not build.change(Change(lower, edit=add_packages_edit(manager, packages))):
        return None
    build.drafts[upper].joined_into = build.leader(lower).layer
    others = f" and {len(packages) - _MAX_NAMES} more" if len(packages) > _MAX_NAMES else ""
    listed = "" if others else f" (`{' '.join(packages)}`)"
    return Fix(
        title=f"packages that {manager.name} installs twice: {', '.join(packages[:_MAX_NAMES])}{others}",
        confidence=Confidence.PROBABLY,
        category=Category.WASTE,
        layers=(lower, upper),
        action=f"Install the final versions at once{listed} and drop {build.name(upper)}.",
        rows=rows,
    )
