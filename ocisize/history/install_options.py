"""Options of package managers in build steps that leave packages out: recommended ones, and those for development."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ocisize.model.build_step import BuildStep, StepKind
from ocisize.patterns import lazy_pattern
from ocisize.tuples import NamedTuple

NO_RECOMMENDED = "--no-install-recommends"

_APT_INSTALL = lazy_pattern(r"\b(?:apt-get|apt|aptitude)\b.*?\sinstall\b")
_WITHOUT_RECOMMENDED = lazy_pattern(
    r"--no-install-recommends|--without-recommends|Install-Recommends=[\"']?(?:0|false|no)", re.IGNORECASE
)
# commands that cannot call a program of a package for development; any other command may
_USES_NO_PACKAGES = lazy_pattern(
    r"\s*(?:(?:apk|apt|apt-get|dnf|microdnf|yum|tdnf)\s|(?:rm|rmdir|mkdir|mv|cp|ln|touch|cat|echo|printf|true|:|test|cd|set|export|"
    r"unset|chown|chgrp|chmod|useradd|adduser|groupadd|addgroup|usermod|passwd|install|find|sed|tar|gzip|gunzip|unzip|curl|wget|"
    r"gpg|update-ca-certificates|ldconfig|locale-gen|setcap|strip|du|ls)(?:\s|$)|(?:/\S*/)?(?:python[\d.]*\s+-m\s+)?pip[\d.]*(?:\s|$)|npm\s+(?:cache|config|set)\b|\[\s)"
)


class Installer(NamedTuple):
    """How a package manager installs the packages of a project. The first four fields are regular expressions."""

    tool: str  #: the tool with the blank behind it
    install: str  #: the verb, searched for behind the tool
    without_development: str  #: what leaves packages for development out
    with_development: str  #: what asks for them
    command: str
    option: str  #: leaves packages for development out
    removal: str  #: the command that removes packages for development
    directory: str  #: that a project has its packages in

    def find_install(self, command: str) -> re.Match[str] | None:
        """The verb of an installation in a shell command, in linear time: options follow it."""
        call = re.search(self.tool, command)
        return re.compile(self.install).search(command, call.end()) if call else None


NPM = Installer(
    tool=r"\bnpm\s",
    install=r"(?<=\s)(?:ci|clean-install|install|i)\b",
    without_development=r"--omit[= ]dev|--only[= ]prod|--production\b|NODE_ENV=production|\s(?:-g|--global)\b",
    with_development=r"--include|--also",
    command="npm ci",
    option="--omit=dev",
    removal="npm prune --omit=dev",
    directory="node_modules",
)
COMPOSER = Installer(
    tool=r"\bcomposer(?:\.phar)?\s",
    install=r"(?<=\s)(?:install|update|upgrade)\b",
    without_development=r"--no-dev\b|COMPOSER_NO_DEV=1|\sglobal\s",
    with_development=r"--dev\b",
    command="composer install",
    option="--no-dev",
    removal="composer install --no-dev",
    directory="vendor",
)
_DEVELOPMENT_NAMES = r"(?:dev|devel|develop|development|test|tests|testing|lint|typing)"
_DEVELOPMENT_FILE = (  # of requirements
    rf"(?:.*/)?(?:requirements[-_.]{_DEVELOPMENT_NAMES}|{_DEVELOPMENT_NAMES}[-_.]requirements"
    rf"|requirements/{_DEVELOPMENT_NAMES})\.(?:txt|in)"
)
_DEVELOPMENT_EXTRA = rf"[./][^\[]*\[(?:[\w-]+,)*{_DEVELOPMENT_NAMES}(?:,[\w-]+)*\]"  # of a project in a directory
_PIP_INSTALL = lazy_pattern(  # the directory of a program is not read twice, which takes more than linear time
    r"\s*(?:\w+=\S*\s+)*(?:[\w./-]*\bpython[\d.]*\s+-m\s+)?[\w./-]*\bpip[\d.]*\s+(?:-\S+\s+)*install\b"
)
_MAX_COMMAND = 20_000  # characters of a command that is changed
_MAX_WORD = 200  # characters of a file's name or an extra; expressions take more than linear time
_WITHOUT_GROUP = ("--only", "--without", "--no-dev")


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


def installs_development(step: BuildStep, installer: Installer = NPM) -> bool:
    """Whether a step installs the packages of a project, those for development included.

    >>> installs_development(BuildStep("RUN npm ci")), installs_development(BuildStep("RUN npm ci --omit=dev"))
    (True, False)
    """
    installs = [command for command in step.shell_commands if installer.find_install(command)]
    return bool(installs) and not all(re.search(installer.without_development, command) for command in installs)


def without_development(command: str, installer: Installer = NPM) -> str | None:
    """A shell command that installs the packages of a project, with the option that leaves those for development out.

    None if the command installs nothing, or has an option on them already.

    >>> without_development("npm ci --no-audit"), without_development("npm ci --include=dev")
    ('npm ci --omit=dev --no-audit', None)
    >>> without_development("composer install", COMPOSER)
    'composer install --no-dev'
    """
    if re.search(f"{installer.without_development}|{installer.with_development}", command):
        return None
    match = installer.find_install(command)
    return f"{command[: match.end()]} {installer.option}{command[match.end() :]}" if match else None


def users_of_packages(step: BuildStep, *, after: Installer | None = None) -> tuple[str, ...]:
    """The shell commands of a step that may call programs of installed packages: all but those known not to.

    Args:
        step: the step; only a RUN has such commands.
        after: leave out the last installation with this package manager, and the commands before it.

    >>> users_of_packages(BuildStep("RUN npm ci && npm run build && rm -rf src"), after=NPM)
    ('npm run build',)

    """
    commands = step.shell_commands if step.kind is StepKind.RUN else ()
    if after is not None:
        installs = [index for index, command in enumerate(commands) if after.find_install(command)]
        commands = commands[installs[-1] + 1 :] if installs else ()
    return tuple(command for command in commands if command.strip() and not _USES_NO_PACKAGES.match(command))


def compiles_with_pip(step: BuildStep) -> bool:
    """Whether a RUN installs packages with pip so that pip compiles their modules.

    >>> compiles_with_pip(BuildStep("RUN pip install x")), compiles_with_pip(BuildStep("RUN pip install --no-compile x"))
    (True, False)
    """
    commands = step.shell_commands if step.kind is StepKind.RUN else ()
    return any(without_compiling(command) for command in commands)


def without_compiling(command: str) -> str | None:
    """A shell command that installs packages with pip, with the option that compiles no modules.

    None if the command has the option, installs nothing, or is one of uv, which compiles nothing.

    >>> without_compiling("python3 -m pip install -r requirements.txt"), without_compiling("uv pip install x")
    ('python3 -m pip install --no-compile -r requirements.txt', None)
    """
    match = _PIP_INSTALL.match(command) if len(command) <= _MAX_COMMAND else None
    if match is None or "--no-compile" in command:
        return None
    return f"{command[: match.end()]} --no-compile{command[match.end() :]}"


def python_development(step: BuildStep) -> str:
    """The first shell command of a RUN that installs Python packages for development, by its words; "" if there is none.

    >>> python_development(BuildStep("RUN cd /app && pip install -r requirements-dev.txt"))
    'pip install -r requirements-dev.txt'
    >>> python_development(BuildStep("RUN pip install -r requirements.txt"))
    ''
    """
    commands = step.shell_commands if step.kind is StepKind.RUN else ()
    return next((command for command in commands if _installs_python_development(command)), "")


def _installs_python_development(command: str) -> bool:
    words = [word.strip("\"'") for word in command.split() if len(word) <= _MAX_WORD]
    names = [word.rpartition("/")[2] for word in words]
    if (rest := _after(names, words, r"pip[\d.]*", r"install")) is not None:
        if any(re.fullmatch(_DEVELOPMENT_EXTRA, word) for word in rest):
            return True
        files = [word.partition("=")[2] if word.startswith("--") else word.removeprefix("-r") for word in rest]
        return any(re.fullmatch(_DEVELOPMENT_FILE, file) for file in files)
    if (rest := _after(names, words, r"poetry", r"install|sync")) is not None:
        return not any(word.startswith(_WITHOUT_GROUP) for word in rest)
    rest = _after(names, words, r"pipenv", r"install|sync")
    return rest is not None and ("--dev" in rest or "-d" in rest)


def _after(names: Sequence[str], words: Sequence[str], tool: str, verb: str) -> Sequence[str] | None:
    """The words behind a tool's verb; None if the command does not call the tool, or calls it with another verb."""
    calls = [index for index, name in enumerate(names) if re.fullmatch(tool, name)]
    verbs = [index for index, name in enumerate(names) if calls and index > calls[0] and re.fullmatch(verb, name)]
    return words[verbs[0] + 1 :] if verbs else None
