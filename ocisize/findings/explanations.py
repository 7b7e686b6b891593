"""Explanations: what each kind of finding is, why it matters and how to fix it, in general.

The texts are data: ``explanations.toml`` for findings that code makes, ``checks/tools.toml`` for caches of tools, and the
catalog in ``ocisize/rules/data`` for files that images rarely need.
"""

from __future__ import annotations

import enum
import functools
from collections.abc import Iterable, Mapping
from typing import Any

from ocisize.findings.checks.tools import ToolCache, load_tools
from ocisize.model.findings import Category, Confidence, Finding
from ocisize.rules.load import load_catalog
from ocisize.rules.rule import Rule
from ocisize.values import field, frozen


class Check(str, enum.Enum):
    """The kinds of findings that code makes, by the names of their tables in ``explanations.toml``."""

    DELETED = "deleted"
    METADATA_ONLY = "metadata-only"
    OVERWRITTEN = "overwritten"
    OPAQUE = "opaque"
    DUPLICATE_ENTRY = "duplicate-entry"
    UNREACHABLE = "unreachable"
    IDENTICAL_FILES = "identical-files"
    HEAVY_LAYER = "heavy-layer"
    INCOMPRESSIBLE_LAYER = "incompressible-layer"
    EMPTY_LAYER = "empty-layer"
    MANY_LAYERS = "many-layers"
    RECOMMENDED_PACKAGES = "recommended-packages"
    ROOT_USER = "root-user"
    MOVING_TAG = "moving-tag"
    NPM_DEVELOPMENT = "npm-development"
    PYTHON_DEVELOPMENT = "python-development"
    COMPOSER_DEVELOPMENT = "composer-development"
    SECRET_FILES = "secret-files"  # noqa: S105 - a name, no password
    ENVIRONMENT_SECRETS = "environment-secrets"
    HISTORY_SECRETS = "history-secrets"
    FAR_ABOVE_TARGET = "far-above-target"
    LARGE_BASE = "large-base"
    WHOLE_JDK = "whole-jdk"
    FULL_VARIANT = "full-variant"
    BUILD_TOOLS = "build-tools"
    DEVELOPMENT_LIBRARIES = "development-libraries"
    DISTRIBUTION_NPM = "distribution-npm"
    GIT = "git"
    SECOND_RUNTIME = "second-runtime"
    SEVERAL_VERSIONS = "several-versions"
    EXCLUSIVE_PACKAGES = "exclusive-packages"
    CUDA_LIBRARIES = "cuda-libraries"
    FOREIGN_LIBC = "foreign-libc"
    FOREIGN_PROCESSOR = "foreign-processor"
    PIP_BYTECODE = "pip-bytecode"


@frozen(kw_only=True)
class Explanation:
    """One kind of finding. Nothing in it depends on an image."""

    id: str  #: stable: ``OS101``
    title: str
    what: str
    why: str
    fix: str
    confidence: Confidence
    category: Category
    source: str = ""  #: URL of a document that gives this advice, "" if there is none
    messages: Mapping[str, str] = field(factory=dict, hash=False)  #: templates of titles by name; "" for the only one

    @property
    def help(self) -> str:
        """Why the finding matters and what to do, in one paragraph."""
        return f"{self.why} {self.fix}".strip() or self.what

    def title_of(self, variant: str = "", /, **values: object) -> str:
        """The title of one finding: a message with its placeholders filled in.

        Args:
            variant: name of the message, for kinds of findings that have several.
            values: a value for each placeholder.

        Raises:
            KeyError: the kind has no such message, or a placeholder has no value.

        >>> explain(Check.OVERWRITTEN).title_of(upper=3, lower=1, files="2 files")
        'overwritten by layer 3: 2 files of layer 1'

        """
        return self.messages[variant].format_map(values)


def explain(check: Check) -> Explanation:
    """The explanation of findings that code makes.

    >>> explain(Check.DELETED).id
    'OS101'
    """
    return _load_checks()[check]


def explain_all_checks() -> tuple[Explanation, ...]:
    """The explanations of all findings that no rule of the catalog makes, in the order of their ids."""
    tools = [explain_tool(tool) for tool in load_tools()]
    return tuple(sorted([*_load_checks().values(), *tools], key=lambda explanation: explanation.id))


def explain_tool(tool: ToolCache) -> Explanation:
    """The explanation of the cache that a tool leaves in its layer."""
    return Explanation(
        id=tool.id,
        title=f"{tool.title} left by {tool.tool}",
        what=tool.what,
        why=tool.why,
        fix=f"{tool.advice[0].upper()}{tool.advice[1:]}. Or use a cache mount: `RUN --mount=type=cache,target=…`.",
        confidence=tool.confidence,
        category=Category.CACHE,
        source=f"https://github.com/hadolint/hadolint/wiki/{tool.hadolint}" if tool.hadolint else "",
        messages={"": tool.message},
    )


def explain_rule(rule: Rule) -> Explanation:
    """The explanation of a rule of the catalog.

    >>> rule = next(rule for rule in load_catalog().rules if rule.id == "OS301")
    >>> explain_rule(rule).category.value
    'cache'
    """
    fixes = rule.fixes(build_step="the step that adds them", path="the file")
    return Explanation(
        id=rule.id,
        title=rule.title,
        what=rule.what,
        why=rule.why,
        fix=" ".join(f"{name}: {fix}" for name, fix in fixes.items()),
        confidence=rule.confidence,
        category=rule.category,
        source=rule.source,
    )


def explain_rules(findings: Iterable[Finding]) -> dict[str, Explanation]:
    """The explanations of some findings by id, in the order of the first finding of each id.

    A user's rule is explained by its finding, since its file may be gone: its title is that of the finding up to the number
    of files.
    """
    explanations: dict[str, Explanation] = {}
    for finding in findings:
        if finding.id not in explanations:
            explanations[finding.id] = _explain_packaged().get(finding.id) or _from_finding(finding)
    return explanations


def packaged_ids() -> frozenset[str]:
    """The ids of all findings that are possible without rules of users.

    >>> "OS101" in packaged_ids(), "OS999" in packaged_ids()
    (True, False)
    """
    return frozenset(_explain_packaged())


@functools.cache
def _explain_packaged() -> dict[str, Explanation]:
    explanations = [*map(explain_rule, load_catalog().rules), *explain_all_checks()]
    return {explanation.id: explanation for explanation in explanations}


@functools.cache
def _load_checks() -> dict[Check, Explanation]:
    """The explanations of ``explanations.toml``."""
    from ocisize.prebuilt.explanations import TABLE

    return {Check(name): _make_explanation(table) for name, table in TABLE.items()}


def _make_explanation(table: Mapping[str, Any]) -> Explanation:
    values = dict(table)
    message = values.pop("message")
    return Explanation(
        messages=message if isinstance(message, dict) else {"": message},
        confidence=Confidence(values.pop("confidence")),
        category=Category(values.pop("category")),
        **values,
    )


def _from_finding(finding: Finding) -> Explanation:
    title = finding.title.rpartition(":")[0] or finding.title
    return Explanation(
        id=finding.id,
        title=title,
        what=title,
        why="",
        fix=finding.fix,
        confidence=finding.confidence,
        category=finding.category,
    )
