"""Files that a COPY brings and the image does not need: named in .dockerignore, or mounted for the one RUN that reads them.

A late ``rm`` of copied files is never joined into another step: the layer of the COPY stores the files in any case.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from ocisize.dockerfile.copy_source import parse_copy
from ocisize.findings.claim import Claim, Tier
from ocisize.model.findings import Category, Confidence
from ocisize.patterns import lazy_pattern
from ocisize.plan.bind_mounts import mount_for_reader
from ocisize.plan.build import Build
from ocisize.plan.context_paths import ContextCopy, find_context_copies, has_wildcard
from ocisize.plan.context_state import ContextState, Removal
from ocisize.plan.fixes import Fix
from ocisize.plan.merged_rows import RowsByLayer, merge_rows
from ocisize.plan.missing_paths import can_lack, tolerate_missing
from ocisize.plan.reads import Reading, matches_wildcard, strongest_reading
from ocisize.plan.rows import REMOVED
from ocisize.rules.match import find_protected, match_globs
from ocisize.rules.rule import Rule
from ocisize.text import quote_code
from ocisize.tuples import NamedTuple

if TYPE_CHECKING:
    from ocisize.dockerfile.parse import Instruction

_MOUNTS_CONTEXT = lazy_pattern(r"--mount=(?!.*\bfrom=)(?!.*\btype=(?!bind\b))")
_MOUNT_SOURCE = lazy_pattern(r"\b(?:source|src)=[./\"]*\w")  # a file or directory below that of the context
_MAX_NAMES = 3  # paths in a title
_NEEDED_BY_OTHER_STAGES = (Category.CACHE, Category.LEFTOVER, Category.LOG, Category.SECRET)  # they do not need these

# why .dockerignore cannot name files
_READ_BY_RUN = "A RUN in between reads them: mount them for that RUN, or copy them in a build stage."
_NO_PATTERNS = "Copy the folders that the image needs by name: a few patterns of .dockerignore cannot tell the files apart."
_READ_BY_ANOTHER = "Another instruction also reads the context, and .dockerignore applies to both: copy less in this one."


class _Candidate(NamedTuple):
    """Files of one COPY that can go, for one reason."""

    title: str
    confidence: Confidence
    category: Category
    rows: tuple[int, ...]  #: of the layer of the COPY


def fix_context_files(build: Build, claims: Sequence[Claim]) -> Iterator[Fix]:
    """Yield the fixes of files that COPY instructions bring for nothing, and change the steps of the build."""
    copies = list(find_context_copies(build))
    named = {source for copy in copies for source in copy.sources if source != "."}
    state = ContextState(copies, set(_other_sources(build, copies)), named)
    for copy in list(copies):
        if (fix := mount_for_reader(build, copy, state)) is not None:
            yield fix
    state.removals = {copy: list(_find_removals(build, copy)) for copy in state.copies}
    for copy in state.copies:
        for candidate in (*_removed_later(state.removals[copy]), *_secrets(build, copy), *_claimed(build, copy, claims)):
            kept = _kept_elsewhere(copy, candidate, state)
            paths = state.find_needed({copy.context_paths[row] for row in candidate.rows}, copy, kept)
            needed = {row for row in candidate.rows if copy.context_paths[row] in paths} if paths else set()
            free = tuple(row for row in candidate.rows if row not in needed)
            for rows in filter(None, (free, tuple(sorted(needed)))):
                if (fix := _ignore(build, copy, candidate._replace(rows=rows), state)) is not None:
                    yield fix


def _kept_elsewhere(copy: ContextCopy, candidate: _Candidate, state: ContextState) -> set[str]:
    """Context paths of removed files that another COPY brings, too, where a RUN reads them or nothing removes them."""
    if candidate.category is not Category.WASTE:
        return set()  # not needed anywhere, whichever COPY brings them
    paths = {copy.context_paths[row] for row in candidate.rows}
    return {path for path in paths & state.keepers.keys() if state.keepers[path] > (path in state.kept[copy])}


def _other_sources(build: Build, copies: Iterable[ContextCopy]) -> Iterator[str]:
    """Context paths that mounts, and COPY and ADD without a layer in ``copies``, name, but the whole context."""
    if build.dockerfile is None:
        return
    known = set(_lines_of(build, copies))
    for instruction in build.dockerfile.instructions:
        if instruction.keyword in ("COPY", "ADD") and instruction.first not in known:
            parsed = parse_copy(instruction.source, build.escape)
            if parsed is not None and not parsed.from_stage:
                yield from (source.strip("/").removeprefix("./") for source in parsed.sources if source not in (".", "./"))
        for option in instruction.flags:
            if option.startswith("--mount=") and "from=" not in option:
                fields = dict(part.partition("=")[::2] for part in option.removeprefix("--mount=").split(","))
                source = fields.get("source", fields.get("src", ""))
                if source.strip("./"):
                    yield source.strip("/").removeprefix("./")


def _lines_of(build: Build, copies: Iterable[ContextCopy]) -> Iterator[int]:
    """The first lines of the instructions that are COPYs of one layer each."""
    for copy in copies:
        instruction = build.drafts[copy.layer].instruction
        if instruction is not None:
            yield instruction.first


def _find_removals(build: Build, copy: ContextCopy) -> Iterator[Removal]:
    """The rows of a COPY that later layers delete, by the layer that does."""
    rows: dict[int, list[int]] = defaultdict(list)
    for row, ending in build.rows.endings(copy.layer, copy.context_paths) if build.rows.hiders(copy.layer) else ():
        if ending.cause in REMOVED and ending.layer > copy.layer:
            rows[ending.layer].append(row)
    return (Removal(tuple(chosen), _reading(build, copy, chosen, hider + 1)) for hider, chosen in rows.items())


def _removed_later(removals: Iterable[Removal]) -> Iterator[_Candidate]:
    """Files that a later layer deletes, by that layer."""
    for rows, reading in removals:
        confidence = (Confidence.SAFE, Confidence.PROBABLY, Confidence.ASK, Confidence.ASK)[reading]
        yield _Candidate("files copied and removed later", confidence, Category.WASTE, rows)


def _reading(build: Build, copy: ContextCopy, rows: Sequence[int], end: int) -> Reading:
    """Whether a RUN between a COPY and the layer ``end`` reads files of the COPY."""
    runs = [layer for layer in range(copy.layer + 1, end) if build.written_commands(layer)]
    tops = _tops(build, copy, rows) if runs else []
    return max(
        (strongest_reading(build.written_commands(layer), tops, build.drafts[layer].context.working_dir) for layer in runs),
        default=Reading.NO,
    )


def _secrets(build: Build, copy: ContextCopy) -> Iterator[_Candidate]:
    """Secrets: anyone who can pull the image can read them, so that no image may hold them."""
    if copy.layer >= len(build.evidence.secrets):
        return
    kinds = build.evidence.catalog.secrets
    rows = {
        row
        for index, chosen in build.evidence.secrets[copy.layer].items()
        if kinds[index].confidence is not Confidence.ASK
        for row in chosen
        if row in copy.context_paths
    }
    visible = tuple(sorted(rows.difference(row for row, _ in build.rows.endings(copy.layer, rows))))
    if visible:
        is_read = _reading(build, copy, visible, build.own_layers.stop) is Reading.YES
        confidence = Confidence.ASK if is_read else Confidence.PROBABLY
        yield _Candidate("secrets copied into the image", confidence, Category.SECRET, visible)


def _claimed(build: Build, copy: ContextCopy, claims: Sequence[Claim]) -> Iterator[_Candidate]:
    """Files that a rule of the catalog matches, one candidate for each claim."""
    for claim in claims:
        if claim.tier is not Tier.CATALOG or claim.confidence is Confidence.ASK or not claim.rows:
            continue
        if copy.layer in build.squashed_copies and claim.rule.category is not Category.LEFTOVER:
            continue  # a RUN of the same layer may have made the files
        originals = build.rows.originals_in(copy.layer, claim.rows)
        rows = tuple(sorted(originals & copy.context_paths.keys())) if originals else ()
        if rows and isinstance(claim.rule, Rule):
            rows = _all_matches(build, copy, claim.rule, rows)
            is_read = _reading(build, copy, rows, build.own_layers.stop) is Reading.YES
            confidence = Confidence.ASK if is_read else claim.confidence
            yield _Candidate(f"{claim.rule.title} copied into the image", confidence, claim.rule.category, rows)


def _all_matches(build: Build, copy: ContextCopy, rule: Rule, rows: Sequence[int]) -> tuple[int, ...]:
    """All rows of a COPY that a rule matches: those that other rules claimed go with the directory that the rule names."""
    if rule.needs:
        return tuple(rows)
    tables = [build.evidence.tables[copy.layer]]
    (matched,) = match_globs(rule.globs, tables, exceptions=rule.exceptions)
    chosen = [row for row in matched if row in copy.context_paths]
    unclaimed = sorted(set(chosen).difference(rows, *build.evidence.matches[copy.layer].values()))
    if not unclaimed:  # no rule claims a protected row
        return tuple(chosen)
    (protected,) = find_protected(build.evidence.catalog, tables, [unclaimed])
    return tuple(row for row in chosen if row not in protected)


def _ignore(build: Build, copy: ContextCopy, candidate: _Candidate, state: ContextState) -> Fix | None:
    """Name files in .dockerignore, or say by hand what to do where no pattern is right."""
    ignored = state.ignored.get(copy.layer, ())
    rows_left = [row for row in candidate.rows if row not in ignored]
    if not rows_left:
        return None
    remove = {copy.context_paths[row] for row in rows_left}
    patterns, reason = _choose_patterns(build, copy, candidate, state, remove)
    tops = _tops(build, copy, rows_left)
    title = f"{candidate.title}: {_list_names(tops)}"
    gone = {} if reason else state.rows_of(remove)
    reason = reason or _why_not_missing(build, state, gone)
    stored = merge_rows([{copy.layer: rows_left}]) if reason else gone
    rows = build.rows.with_copies(stored)
    if reason:
        return Fix(
            title=title,
            confidence=max(candidate.confidence, Confidence.PROBABLY, key=list(Confidence).index),
            category=candidate.category,
            layers=(copy.layer,),
            action=f"Keep {_list_names(tops)} out of {build.name(copy.layer)}. {reason}",
            rows=rows,
            in_patch=False,
        )
    state.ignore(gone)
    for other in state.copies:
        if other.layer in gone:
            missing = _tops(build, other, gone[other.layer])
            build.removed_paths.update(missing)
            tolerate_missing(build, missing, other.layer)
    revoke = "Revoke the secrets: earlier tags of the image keep them." if candidate.category is Category.SECRET else ""
    return Fix(
        title=title,
        confidence=candidate.confidence,
        category=candidate.category,
        layers=(copy.layer,),
        action=f"Add to .dockerignore: {', '.join(map(quote_code, patterns))}.",
        caution=revoke,
        ignored=patterns,
        rows=rows,
    )


def _why_needed(copy: ContextCopy, remove: set[str], state: ContextState, kept: Collection[str]) -> str:
    """Why .dockerignore may not name files of a COPY; "" if it may."""
    wildcards = [source for source in copy.sources if has_wildcard(source)]
    if not remove.isdisjoint(copy.sources) or any(matches_wildcard(source, path) for source in wildcards for path in remove):
        return "The instruction names the files: leave them out of it, or drop it."
    if copy.sources != (".",) and remove.issuperset(state.stored_by(copy)):
        return "The instruction brings nothing else: drop it."
    if state.find_needed(remove, copy, kept):
        return "Another instruction needs the files, and .dockerignore applies to both: copy less in this one."
    return ""


def _choose_patterns(
    build: Build, copy: ContextCopy, candidate: _Candidate, state: ContextState, remove: set[str]
) -> tuple[tuple[str, ...], str]:
    """Patterns of .dockerignore for context paths of a COPY; or none, and why .dockerignore cannot name the files."""
    if candidate.confidence is Confidence.ASK:
        return (), _READ_BY_RUN
    if why_needed := _why_needed(copy, remove, state, _kept_elsewhere(copy, candidate, state)):
        return (), why_needed
    from ocisize.dockerfile.ignore_cover import cover

    patterns = cover(remove, state.paths_without(remove))
    if patterns is None:
        return (), _NO_PATTERNS
    if build.dockerfile is not None and candidate.category not in _NEEDED_BY_OTHER_STAGES:
        own = {stage.index for stage in build.dockerfile.chain}
        if any(
            _may_read_context(instruction, is_own=instruction.stage in own) for instruction in build.dockerfile.instructions
        ):
            return (), _READ_BY_ANOTHER
    return patterns, ""


def _may_read_context(instruction: Instruction, *, is_own: bool) -> bool:
    """Whether an instruction may read any file of the build context.

    In the stages of the image (``is_own``), COPY instructions whose sources are known are compared with the files.
    """
    if instruction.keyword in ("COPY", "ADD"):
        from_context = not any(flag.startswith("--from=") for flag in instruction.flags)
        return from_context and (not is_own or "$" in instruction.text)
    return any(_MOUNTS_CONTEXT.match(flag) and not _MOUNT_SOURCE.search(flag) for flag in instruction.flags)


def _why_not_missing(build: Build, state: ContextState, gone: RowsByLayer) -> str:
    """Why a RUN fails without files of COPY instructions; "" if none does."""
    for copy in state.copies:
        if copy.layer in gone and not can_lack(build, _tops(build, copy, gone[copy.layer]), copy.layer):
            return "A later RUN fails without the files: drop its removal of them, too."
    return ""


def _tops(build: Build, copy: ContextCopy, rows: Iterable[int]) -> list[str]:
    paths = build.rows.paths(copy.layer)
    return copy.counts.tops({paths[row] for row in rows})


def _list_names(paths: Sequence[str]) -> str:
    names = [path.rpartition("/")[2] for path in paths]
    listed = list(dict.fromkeys(names))[:_MAX_NAMES]
    return ", ".join(listed) + (" …" if len(set(names)) > _MAX_NAMES else "")
