"""Image references: ``registry.io/repository:tag@sha256:…`` and their strict grammar.

The grammar is that of https://github.com/distribution/reference. Short names mean Docker Hub, as for docker: ``ubuntu`` is
``docker.io/library/ubuntu:latest``.
"""

from __future__ import annotations

import re

from ocisize.blob.digest import HEX_LENGTHS
from ocisize.errors import InvalidReference
from ocisize.patterns import lazy_pattern
from ocisize.values import frozen

DOCKER_HUB = "docker.io"
DOCKER_HUB_HOST = "registry-1.docker.io"
TAG = r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}"  #: pattern of a tag
_HUB_ALIASES = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})

_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_HOST = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?"
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REMAINDER = (
    rf"(?P<repository>{_COMPONENT}(?:/{_COMPONENT})*)"
    rf"(?::(?P<tag>{TAG}))?"
    r"(?:@(?P<digest>[a-z0-9]+(?:[+._-][a-z0-9]+)*:[0-9a-zA-Z=_-]{32,}))?"
)
_DIGEST_END = r"@[a-z0-9]+(?:[+._-][a-z0-9]+)*:[^@/]*$"
_SHORT_DIGEST = lazy_pattern(r"@sha256:([0-9a-f]{1,63})$")
_MAX_NAME = 255  # host and repository together, as registries and docker enforce it


@frozen
class Reference:
    """A parsed reference; a digest wins over a tag."""

    registry: str
    repository: str
    tag: str | None = None
    digest: str | None = None

    @property
    def host(self) -> str:
        """The host of the registry's API, with its port; Docker Hub has another one than its name."""
        return DOCKER_HUB_HOST if self.registry == DOCKER_HUB else self.registry

    @property
    def selector(self) -> str:
        """The digest if there is one, else the tag."""
        return self.digest or self.tag or "latest"

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.registry}/{self.repository}{tag}{digest}"


def parse_reference(text: str) -> Reference:
    """Parse an image reference; raise InvalidReference if the text breaks the grammar or holds a password.

    >>> parse_reference("ubuntu")
    Reference(registry='docker.io', repository='library/ubuntu', tag='latest', digest=None)
    >>> str(parse_reference("registry.io:5000/team/app:1.2"))
    'registry.io:5000/team/app:1.2'
    >>> parse_reference("registry.io/App")
    Traceback (most recent call last):
    ocisize.errors.InvalidReference: invalid reference 'registry.io/App'
    """
    _, at, after = re.sub(_DIGEST_END, "", text).rpartition("@")
    if at and "/" in after:
        raise InvalidReference(
            "invalid reference: it contains a user name or a password",
            hint=f"log in first: docker login {after.partition('/')[0]}",
        )
    if "://" in text:
        raise InvalidReference(
            f"invalid reference {text!r}: a reference has no URL scheme", hint=f"write it as {text.split('://', 1)[1]!r}"
        )
    if re.fullmatch("[0-9a-f]{64}", text):
        raise InvalidReference(
            f"invalid reference {text!r}: an image id alone names no registry",
            hint=f"save the image first: docker save -o image.tar {text} && ocisize image.tar",
        )
    first, slash, rest = text.partition("/")
    registry = first if slash and _looks_like_host(first) else None
    match = re.fullmatch(_REMAINDER, rest if registry else text)
    if match is None and (short := _SHORT_DIGEST.search(text)):
        raise InvalidReference(
            f"invalid reference {text!r}: the digest has {len(short[1])} hex digits of 64",
            hint="use the whole digest; a registry finds no image by a part of it",
        )
    if match is None or (registry and not re.fullmatch(_HOST, registry)):
        raise InvalidReference(
            f"invalid reference {text!r}",
            hint=f"write the repository in lower case: {lower}"
            if (lower := _lower_repository(text))
            else "use [registry/]repository[:tag][@sha256:…], with the repository in lower case",
        )
    reference = _build(registry, match["repository"], match["tag"], match["digest"])
    _check(text, reference)
    return reference


def _lower_repository(text: str) -> str | None:
    """Return the text with its repository in lower case if that makes it a reference."""
    match = re.fullmatch(r"(?P<host>[^/]*[.:][^/]*/|localhost/)?(?P<name>[\w./-]+)(?P<rest>[:@].*)?", text, re.ASCII)
    if match is None or match["name"] == match["name"].lower():
        return None
    lower = f"{match['host'] or ''}{match['name'].lower()}{match['rest'] or ''}"
    try:
        parse_reference(lower)
    except InvalidReference:
        return None
    return lower


def _build(registry: str | None, repository: str, tag: str | None, digest: str | None) -> Reference:
    if registry is None or registry in _HUB_ALIASES:
        registry = DOCKER_HUB
        if "/" not in repository:
            repository = f"library/{repository}"
    return Reference(registry, repository, tag if tag or digest else "latest", digest)


def _check(text: str, reference: Reference) -> None:
    name = f"{reference.registry}/{reference.repository}"
    if len(name) > _MAX_NAME:
        raise InvalidReference(f"invalid reference {text!r}: the name is longer than {_MAX_NAME} characters")
    host, port = split_host(reference.registry)
    if port is not None and not 0 < port < 65536:
        raise InvalidReference(f"invalid reference {text!r}: {port} is not a port")
    if host.startswith("["):
        import ipaddress  # which few references need

        try:
            ipaddress.IPv6Address(host[1:-1])
        except ValueError:
            raise InvalidReference(f"invalid reference {text!r}: {host} is not an IPv6 address") from None
    if reference.digest is not None:
        algorithm, _, encoded = reference.digest.partition(":")
        length = HEX_LENGTHS.get(algorithm)
        if length is not None and not re.fullmatch(f"[0-9a-f]{{{length}}}", encoded):
            raise InvalidReference(f"invalid reference {text!r}: a {algorithm} digest has {length} hex digits")


def split_host(registry: str) -> tuple[str, int | None]:
    """Split ``host[:port]``; an IPv6 host keeps its brackets.

    >>> split_host("[::1]:5000")
    ('[::1]', 5000)
    >>> split_host("registry.io")
    ('registry.io', None)
    """
    match = re.fullmatch(r"(\[[^\]]*\]|[^:]*)(?::([0-9]+))?", registry)
    if match is None:
        return registry, None
    return match[1], int(match[2]) if match[2] else None


def is_loopback(registry: str) -> bool:
    """Return True if ``host[:port]`` is this machine, to which docker and ocisize speak plain http.

    >>> is_loopback("localhost:5000"), is_loopback("registry.io")
    (True, False)
    """
    host = split_host(registry)[0].strip("[]").lower()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    import ipaddress

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_registry_alone(text: str) -> bool:
    """Return True for an address of a registry with its port, which the grammar reads as a name on Docker Hub.

    >>> is_registry_alone("127.0.0.1:5000"), is_registry_alone("localhost:5000"), is_registry_alone("redis:7")
    (True, True, False)
    """
    host, port = split_host(text)
    if port is None:
        return False
    import ipaddress

    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return host == "localhost"
    return True


def _looks_like_host(component: str) -> bool:
    return any(mark in component for mark in ".:[") or component == "localhost" or component != component.lower()


def canonical_name(name: str) -> str:
    """Return a name with Docker's defaults filled in; a text that is no reference stays as it is.

    >>> canonical_name("app"), canonical_name("Not a reference")
    ('docker.io/library/app:latest', 'Not a reference')
    """
    try:
        return str(parse_reference(name))
    except InvalidReference:
        return name
