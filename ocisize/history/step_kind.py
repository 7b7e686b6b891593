"""What kind of build step a text is."""

from __future__ import annotations

import re

_ROOT = re.compile(r"(?:# )?debian\.sh\b|ADD \S+ in /$|#\(nop\) ADD ")


def copies_from_context(step: str) -> bool:
    """Whether a build step copies from the build context or a stage; a base image's root filesystem is ADDed, too."""
    return step.startswith("COPY ") or (step.startswith("ADD ") and not step.endswith(" in /"))


def fix_for_stage(step: str) -> str:
    """What to change about a step that copies from another stage."""
    return f"Leave them out of `{step}`: remove them in the stage it copies from, or copy less."


def copies_from_stage(step: str) -> bool:
    """Whether a build step copies from another stage or image, where .dockerignore changes nothing."""
    return copies_from_context(step) and " --from=" in step


def lays_root_filesystem(step: str) -> bool:
    """Whether a step lays down a distribution's root filesystem, which nobody edits who builds on it."""
    return _ROOT.match(step) is not None
