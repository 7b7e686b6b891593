"""WWW-Authenticate headers: the ways in which a registry lets a client log in (RFC 9110, section 11)."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Mapping

import urllib3

from ocisize.sources.registry.messages import explain_error
from ocisize.sources.registry.session import Session, discard
from ocisize.tuples import NamedTuple

_SEPARATORS = re.compile(r"[\s,]*")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9_-]*)(?:\s+|(?=,)|$)(?!=)")
_PARAMETER = re.compile(r'([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_TOKEN68 = re.compile(r"[A-Za-z0-9._~+/-]+=*\s*(?:,|$)")  # what Negotiate and NTLM have in place of parameters
_log = logging.getLogger(__name__)


class Challenge(NamedTuple):
    """One way to log in; the scheme and the names of parameters are in lower case."""

    scheme: str
    parameters: Mapping[str, str]


def parse_challenges(header: str) -> list[Challenge]:
    """Return the challenges of a WWW-Authenticate header in their order; what is no challenge is skipped.

    Several headers are one header, joined by commas.

    >>> parse_challenges('Negotiate, Bearer realm="https://auth.io/token",service="registry.io"')[1]
    Challenge(scheme='bearer', parameters={'realm': 'https://auth.io/token', 'service': 'registry.io'})
    """
    challenges: list[Challenge] = []
    parameters: dict[str, str] | None = None  # of the last challenge
    position = 0
    while (position := _end(_SEPARATORS, header, position)) < len(header):
        if parameters is not None and (match := _PARAMETER.match(header, position)):
            value = match[2] if match[2] is not None else match[3]
            parameters[match[1].lower()] = re.sub(r"\\(.)", r"\1", value)
            position = match.end()
        elif match := _SCHEME.match(header, position):
            parameters = {}
            challenges.append(Challenge(match[1].lower(), parameters))
            position = _end(_TOKEN68, header, match.end())
        else:
            position = header.find(",", position) + 1 or len(header)
    return challenges


def is_usable(challenge: Challenge) -> bool:
    """Return True if a challenge can be answered: Basic, or Bearer with the address of a token service.

    >>> [is_usable(one) for one in parse_challenges('Negotiate, Bearer, Basic realm="registry"')]
    [False, False, True]
    """
    return challenge.scheme == "basic" or (challenge.scheme == "bearer" and bool(challenge.parameters.get("realm")))


def _end(pattern: re.Pattern[str], text: str, position: int) -> int:
    """Return where a match that starts at a position ends; the position itself without a match."""
    match = pattern.match(text, position)
    return match.end() if match else position


def ping(
    session: Session, registry_url: str, *, tls_verify: bool | str, secrets: Callable[[], Iterable[str]]
) -> list[Challenge]:
    """Return the challenges of ``/v2/``, where registries ask for a login that hide images; empty if there are none.

    The challenges have no scope, since that of ``/v2/`` opens no repository. No login is sent.
    """
    url = f"{registry_url}/v2/"
    try:
        response = session.request("GET", url, verify=tls_verify, allow_redirects=False, stream=True)
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:  # requests' errors are OSErrors
        _log.info("%s: %s", url, explain_error(error, secrets()))
        return []
    discard(response.raw)
    return [
        Challenge(one.scheme, {name: value for name, value in one.parameters.items() if name != "scope"})
        for one in parse_challenges(response.headers.get("WWW-Authenticate", ""))
    ]
