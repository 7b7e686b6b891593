"""Options of package managers in build steps that leave packages out: recommended ones, and those for development."""

from __future__ import annotations

import re

from ocisize.model.build_step import BuildStep

NO_RECOMMENDED = "--no-install-recommends"

_APT_INSTALL = re.compile(r"\b(?:apt-get|apt|aptitude)\b.*?\sinstall\b")
_WITHOUT_RECOMMENDED = re.compile(
    r"--no-install-recommends|--without-recommends|Install-Recommends=[\"']?(?:0|false|no)", re.IGNORECASE
)
_NPM_INSTALL = re.compile(r"\bnpm\s(?:.*?\s)?(?:ci|clean-install|install|i)\b")
_WITHOUT_DEVELOPMENT = re.compile(r"--omit[= ]dev|--only[= ]prod|--production\b|NODE_ENV=production|\s(?:-g|--global)\b")


def installs_without_recommended(step: BuildStep) -> bool:
    """Whether apt installs packages in a step, and each time without the packages that they recommend.

    >>> installs_without_recommended(BuildStep("RUN apt-get install -y --no-install-recommends curl"))
    True
    >>> installs_without_recommended(BuildStep("RUN apt-get install -y curl"))
    False
    """
    installs = [command for command in step.shell_commands if _APT_INSTALL.search(command)]
    return bool(installs) and (all(map(_WITHOUT_RECOMMENDED.search, installs)) or "Install-Recommends" in step.text)


def without_recommended(command: str) -> str | None:
    """A shell command that installs packages with apt, with the option that leaves recommended packages out.

    None if the command has such an option already.

    >>> without_recommended("apt-get install -y curl")
    'apt-get install --no-install-recommends -y curl'
    """
    return None if _WITHOUT_RECOMMENDED.search(command) else _APT_INSTALL.sub(rf"\g<0> {NO_RECOMMENDED}", command, count=1)


def installs_development(step: BuildStep) -> bool:
    """Whether npm installs development packages in a step.

    >>> installs_development(BuildStep("RUN npm ci")), installs_development(BuildStep("RUN npm ci --omit=dev"))
    (True, False)
    """
    installs = [command for command in step.shell_commands if _NPM_INSTALL.search(command)]
    return bool(installs) and not all(map(_WITHOUT_DEVELOPMENT.search, installs))
