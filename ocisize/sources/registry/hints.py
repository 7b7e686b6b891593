"""Hints: what the user can do about an error of a registry."""

from __future__ import annotations

import re

import requests

from ocisize.oci.reference import DOCKER_HUB, Reference
from ocisize.sources.registry.tls_hints import (
    PLAIN_HTTP_ON_TLS,
    TLS_BROKEN_OFF,
    UNKNOWN_AUTHORITY,
    find_tls_hint,
    is_broken_off,
)

_ERROR_CODE = re.compile("400: [A-Z][A-Z_]+( |$)")  # an error of the registry API
_NOBODY_LISTENS = "check that a registry listens at"
NO_INTERNET = "check the internet connection"  #: how the hint begins if Docker Hub cannot be reached
_PROXY_DENIES = 407  # a status that only proxies answer with
_IMAGE_ID = re.compile("[0-9a-f]{12,63}")  # as docker and podman list images, or longer
_ADVICE_ON_PROXY = "check the variables HTTPS_PROXY, HTTP_PROXY and ALL_PROXY; NO_PROXY lists hosts that are asked directly"


def advise_on_error(error: Exception, reference: Reference, *, is_tls: bool) -> str | None:
    """Return a hint for a request without an answer, None if there is none."""
    if isinstance(error, requests.exceptions.ProxyError):
        return _ADVICE_ON_PROXY
    if not is_tls:
        return PLAIN_HTTP_ON_TLS if is_broken_off(error) else _advise_on_refused(error, reference)
    if isinstance(error, requests.exceptions.SSLError):
        return find_tls_hint(str(error)) or (TLS_BROKEN_OFF if is_broken_off(error) else UNKNOWN_AUTHORITY)
    if not isinstance(error, requests.exceptions.ConnectionError):
        return None
    if reference.registry == DOCKER_HUB:
        return f"{NO_INTERNET}{advise_on_local(reference)}"
    return TLS_BROKEN_OFF if is_broken_off(error) else "check the host name; use --insecure for a registry on plain http"


def _advise_on_refused(error: Exception, reference: Reference) -> str | None:
    if not isinstance(error, requests.exceptions.ConnectionError):
        return None
    return f"{_NOBODY_LISTENS} {reference.registry}{advise_on_local(reference)}"


def is_about_tls(hint: str | None) -> bool:
    """Return True for a hint that another choice of TLS may make superfluous.

    >>> is_about_tls("check that a registry listens at localhost"), is_about_tls("name the CA with --ca-cert FILE")
    (False, True)
    """
    return bool(hint) and not str(hint).startswith(_NOBODY_LISTENS)


def advise_on_status(
    status: int, answer: str, reference: Reference, *, logged_in: bool, is_tls: bool, is_part: bool
) -> str | None:
    """Return a hint for an answer of the registry (as described in an error) that is not a denial, None if there is none."""
    if status == 404 and is_part:
        return "the image is incomplete in the registry: push it again"
    if status == 404:
        return _advise_on_missing(reference, logged_in=logged_in)
    if status == _PROXY_DENIES:
        return _ADVICE_ON_PROXY
    if status == 429:
        return (
            "wait and try again"
            if logged_in
            else f"{login_command(reference.registry)} raises the limit; or wait and try again"
        )
    if status == 400 and not is_tls and not _ERROR_CODE.match(answer):  # servers answer so to http on a TLS port
        return PLAIN_HTTP_ON_TLS
    return "the registry has a problem: try again later" if status >= 500 else None


def _advise_on_missing(reference: Reference, *, logged_in: bool) -> str:
    private = "" if logged_in else f"; if the image is private, log in first: {login_command(reference.registry)}"
    what = "digest" if reference.digest else "tag"
    default = "; without a tag, latest is read" if reference.selector == "latest" else ""
    return f"check the name and the {what}{default}{private}{advise_on_local(reference)}"


def login_command(registry: str, program: str = "docker") -> str:
    """Return the command that logs in to a registry.

    >>> login_command("registry.io"), login_command("docker.io"), login_command("docker.io", "podman")
    ('docker login registry.io', 'docker login', 'podman login docker.io')
    """
    return "docker login" if (registry, program) == (DOCKER_HUB, "docker") else f"{program} login {registry}"


def advise_on_local(reference: Reference) -> str:
    """Return how to read an image of a local engine, for names that mean a registry only by default; else nothing.

    Names without a registry are of docker, names in ``localhost/`` of podman and buildah.

    >>> advise_on_local(Reference("docker.io", "library/app", "1"))
    '; if the image is local: ocisize docker-daemon:app:1'
    >>> advise_on_local(Reference("localhost", "app", "1"))
    '; if the image is local: ocisize containers-storage:localhost/app:1'
    >>> advise_on_local(Reference("docker.io", "library/podmn", "app"))  # a misspelled scheme
    '; did you mean podman:app?'
    >>> advise_on_local(Reference("docker.io", "library/05637fc870dd", "latest"))
    '; for the ID of a local image: ocisize docker-daemon:05637fc870dd'
    """
    scheme = {DOCKER_HUB: "docker-daemon", "localhost": "containers-storage"}.get(reference.registry)
    if scheme is None or reference.digest:
        return ""
    if reference.registry == DOCKER_HUB:
        from ocisize.sources.foreign_schemes import correct_scheme

        name = reference.repository.removeprefix("library/")
        if reference.tag != "latest" and (meant := correct_scheme(f"{name}:{reference.selector}")):
            return f"; did you mean {meant}?"
        if reference.tag == "latest" and _IMAGE_ID.fullmatch(name):
            return f"; for the ID of a local image: ocisize {scheme}:{name}"
    else:
        name = f"localhost/{reference.repository}"
    return f"; if the image is local: ocisize {scheme}:{name}:{reference.selector}"
