"""Options and commands of docker, podman, skopeo, crane and dive that ocisize lacks, and what takes their place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocisize.cli.nearest import find_nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_LOG_IN = "passwords are not arguments: log in with docker login, podman login or skopeo login, and ocisize uses the login"
_AUTHFILE = "set REGISTRY_AUTH_FILE=FILE in the environment; DOCKER_CONFIG=FOLDER is for docker's config.json"
_UNVERIFIED = "use --tls-no-verify for any TLS certificate, --insecure for plain http"
_CERTIFICATES = "use --ca-cert FILE for the authority of a registry, --client-cert FILE for a client certificate"
_PLATFORM = "use --platform OS/ARCH[/VARIANT]"
_SECRETS = frozenset(
    {"--creds", "--src-creds", "--password", "--src-password", "--registry-token", "--src-registry-token", "--token"}
)
_INSTEAD: Mapping[str, str] = {
    **dict.fromkeys(_SECRETS, _LOG_IN),
    **dict.fromkeys(("--username", "--src-username", "--user", "--password-stdin"), _LOG_IN),
    **dict.fromkeys(("--authfile", "--src-authfile", "--auth-file"), _AUTHFILE),
    **dict.fromkeys(("--tls-verify", "--src-tls-verify", "--no-tls-verify", "--skip-tls-verify"), _UNVERIFIED),
    **dict.fromkeys(("--plain-http", "--http"), "use --insecure for plain http"),
    **dict.fromkeys(("--cert-dir", "--src-cert-dir", "--cacert", "--tlscacert", "--tlscert", "--tlskey"), _CERTIFICATES),
    **dict.fromkeys(("--os", "--arch", "--variant", "--override-os", "--override-arch", "--override-variant"), _PLATFORM),
    "--json": "did you mean -f json?",
    "--html": "did you mean -f html=FILE?",
    "--debug": "did you mean -v, or -vv for details?",
    "-V": "did you mean --version?",
    "--source": "the image says where it is: docker-archive:FILE, oci-dir:FOLDER, docker://REFERENCE",
    "--ci": "limits such as --max-waste give exit status 1: ocisize analyze --help",
}


#: commands of other programs, and the command of ocisize that does the same
COMMANDS_INSTEAD: Mapping[str, str] = {
    "inspect": "analyze", "scan": "analyze", "build": "analyze", "history": "analyze", "check": "analyze", "lint": "advise",
    "fix": "advise", "ls": "files", "list": "files", "du": "tree", "compare": "diff",
}  # fmt: skip


def advise_on_option(name: str, known: Iterable[str]) -> str:
    """Return what takes the place of an unknown option, or which of the ``known`` options is spelled alike; else nothing.

    >>> advise_on_option("--json", ["--jobs"]), advise_on_option("--plaform", ["--platform"]), advise_on_option("--x", [])
    ('did you mean -f json?', 'did you mean --platform?', '')
    """
    if name in _INSTEAD:
        return _INSTEAD[name]
    long = name if name.startswith("--") else f"-{name}"
    meant = find_nearest(long, known, min_ratio=0.75) if len(name) > 2 else None
    return f"did you mean {meant}?" if meant else ""


def hide_secrets(arguments: Sequence[str]) -> list[str]:
    """Return unknown arguments without the passwords among them.

    >>> hide_secrets(["--creds=ann:word", "--password", "word", "app:1"])
    ['--creds=…', '--password', '…', 'app:1']
    """
    shown: list[str] = []
    for argument in arguments:
        name, equals, _ = argument.partition("=")
        is_value = bool(shown) and shown[-1] in _SECRETS and not argument.startswith("-")
        shown.append("…" if is_value else f"{name}=…" if equals and name in _SECRETS else argument)
    return shown
