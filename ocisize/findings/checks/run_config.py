"""Remarks on how an image is run and named, from its config and its reference."""

from __future__ import annotations

from collections.abc import Iterator

from ocisize.findings.claim import Claim
from ocisize.findings.evidence import ImageEvidence
from ocisize.findings.explanations import Check, explain
from ocisize.model.findings import Severity

_ROOT_USERS = ("", "root", "0")


def find_run_config(evidence: ImageEvidence) -> Iterator[Claim]:
    """Remarks on images that run as root, and on names that may refer to another image tomorrow."""
    user = evidence.config.run.user
    is_known = evidence.config.os not in ("", "windows")  # a root filesystem alone has no config, and so no os
    if evidence.layers and is_known and user.partition(":")[0].strip() in _ROOT_USERS:
        rule = explain(Check.ROOT_USER)
        yield Claim(
            rule=rule,
            title=rule.title_of(user=f"USER is {user}" if user else "the image sets no USER"),
            fix="Create a user in a RUN, give it the files that the program writes (`COPY --chown`), and set USER.",
            severity=Severity.LOW,
        )
    if _is_moving(evidence.reference or ""):
        rule = explain(Check.MOVING_TAG)
        yield Claim(
            rule=rule,
            title=rule.title_of(),
            fix="Publish and pull a tag of one version, or a digest: the image that runs is then the one that was tested.",
            severity=Severity.LOW,
        )


def _is_moving(reference: str) -> bool:
    """Whether a name refers to ``latest``. In OCI layouts, a name without slash and colon may be a tag."""
    if "@" in reference:
        return False
    name, _, tag = reference.rpartition("/")[2].partition(":")
    return tag == "latest" or (not tag and (name == "latest" or "/" in reference))
