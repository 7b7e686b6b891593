"""Options of package managers in build steps that leave packages out: recommended ones, and those for development."""

from __future__ import annotations

import re

from ocisize.model.build_step import BuildStep, StepKind

NO_RECOMMENDED = "--no-install-recommends"
NO_DEVELOPMENT = "--omit=dev"

_APT_INSTALL = re.compile(r"\b(?:apt-get|apt|aptitude)\b.*?\sinstall\b")
_WITHOUT_RECOMMENDED = re.compile(
    r"--no-install-recommends|--without-recommends|Install-Recommends=[\"']?(?:0|false|no)", re.IGNORECASE
)
_NPM_INSTALL = re.compile(r"\bnpm\s(?:.*?\s)?(?:ci|clean-install|install|i)\b")
# commands that cannot call a program of a package for development; any other command may
_USES_NO_PACKAGES = re.compile(
    r"\s*(?:(?:apk|apt|apt-get|dnf|microdnf|yum|tdnf)\s|(?:rm|rmdir|mkdir|mv|cp|ln|touch|cat|echo|printf|true|:|test|cd|set|export|"
    r"unset|chown|chgrp|chmod|useradd|adduser|groupadd|addgroup|usermod|passwd|install|find|sed|tar|gzip|gunzip|unzip|curl|wget|"
    r"gpg|update-ca-certificates|ldconfig|locale-gen|setcap|strip|du|ls|pip3?)(?:\s|$)|npm\s+(?:cache|config|set)\b|\[\s)"
)
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


def without_development(command: str) -> str | None:
    """A shell command that installs packages with npm, with the option that leaves packages for development out.

    None if the command has an option on them already.

    >>> without_development("npm ci --no-audit"), without_development("npm ci --include=dev")
    ('npm ci --omit=dev --no-audit', None)
    """
    if _WITHOUT_DEVELOPMENT.search(command) or "--include" in command or "--also" in command:
        return None
    return _NPM_INSTALL.sub(rf"\g<0> {NO_DEVELOPMENT}", command, count=1) if _NPM_INSTALL.search(command) else None


def users_of_packages(step: BuildStep, *, after_install: bool = False) -> tuple[str, ...]:
    """The shell commands of a step that may call programs of installed packages: all but those known not to.

    Args:
        step: the step; only a RUN has such commands.
        after_install: leave out npm's last installation and the commands before it.

    >>> users_of_packages(BuildStep("RUN npm ci && npm run build && rm -rf src"), after_install=True)
    ('npm run build',)

    """
    commands = step.shell_commands if step.kind is StepKind.RUN else ()
    if after_install:
        installs = [index for index, command in enumerate(commands) if _NPM_INSTALL.search(command)]
        commands = commands[installs[-1] + 1 :] if installs else ()
    return tuple(command for command in commands if command.strip() and not _USES_NO_PACKAGES.match(command))
