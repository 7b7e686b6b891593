"""What rules say in general, for formats that explain a rule once and list its findings apart."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import attrs

from ocisize.findings.topics import TOPICS, Topic
from ocisize.model.findings import Finding
from ocisize.rules.load import load_catalog
from ocisize.rules.rule import Rule


@attrs.frozen(kw_only=True)
class Explanation:
    """A rule in general: nothing in it changes with the image."""

    id: str
    title: str
    what: str
    help: str  #: why it matters and what to do
    source: str = ""  #: URL of who says so, "" where that is nobody


def explain_rules(findings: Iterable[Finding]) -> dict[str, Explanation]:
    """The rules behind some findings by id, in the order of their first findings."""
    found: dict[str, Explanation] = {}
    for finding in findings:
        if finding.id not in found:
            found[finding.id] = _packaged().get(finding.id) or _from_finding(finding)
    return found


@cache
def _packaged() -> dict[str, Explanation]:
    return {rule.id: _from_rule(rule) for rule in load_catalog().rules} | {topic.id: _from_topic(topic) for topic in TOPICS}


def _from_rule(rule: Rule) -> Explanation:
    fixes = rule.fixes(build_step="the step that brings them", path="the file")
    text = " ".join(filter(None, (rule.why, *(f"{name}: {fix}." for name, fix in fixes.items()))))
    return Explanation(id=rule.id, title=rule.title, what=rule.what, help=text or rule.what, source=rule.source)


def _from_topic(topic: Topic) -> Explanation:
    return Explanation(id=topic.id, title=topic.title, what=topic.what, help=f"{topic.why} {topic.fix}", source=topic.source)


def _from_finding(finding: Finding) -> Explanation:
    """A users' rule, of which a finding has the title before the number of files."""
    title = finding.title.rpartition(":")[0] or finding.title
    return Explanation(id=finding.id, title=title, what=title, help=finding.fix or title)
