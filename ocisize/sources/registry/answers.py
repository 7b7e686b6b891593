"""What the answers of registries say: their errors, web pages in their place, and redirects to other registries."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import urllib3

from ocisize.errors import InvalidReference, RegistryError
from ocisize.oci.reference import is_loopback, parse_reference
from ocisize.sources.registry.messages import host_of, sanitize
from ocisize.sources.registry.session import read_document
from ocisize.sources.registry.tls_hints import PLAIN_HTTP_ON_TLS

if TYPE_CHECKING:
    import requests

_MAX_BODY = 64 << 10  # bytes of an error that are read
_OUT_OF_RANGE = 416
_REASON_KEYS = ("error_description", "error", "details", "message", "Message")  # of token services, after OAuth and others
_TITLE = re.compile(r"<title[^<>]{0,200}>([^<]{1,200})", re.IGNORECASE)
_EXPIRED_STATUSES = frozenset({400, 401, 403, 410})  # answers of storage hosts once a signed URL has expired
_MARKUP = re.compile(rb"\s*<(?:!doctype|html|head|body|!--)", re.IGNORECASE)
_MANIFEST_PATH = re.compile(r"/v2/(.+)/manifests/([^/]+)")


class StorageRefused(RegistryError):
    """The storage host of a registry refused the URL that the registry gave; signed URLs expire."""


class RangeRefused(RegistryError):
    """The registry does not answer with the part of a blob that it was asked for: many proxies send all of it."""


def describe_answer(response: requests.Response, secrets: Iterable[str]) -> str:
    """Return the status of an error and its reason, in the words of the registry: ``404: NAME_UNKNOWN no such image``.

    Reads the body of the response.
    """
    status = response.status_code
    try:
        # The body of a 416 may never come: docker-registry 2.8 announces the length of the whole blob.
        body = b"" if status == _OUT_OF_RANGE else read_document(response.raw, _MAX_BODY)
    except (urllib3.exceptions.HTTPError, OSError):
        body = b""
    if is_web_page(body):
        return f"{status}: {sanitize(name_web_page(body), secrets)}"
    return f"{status}: {sanitize(_read_reason(body) or response.reason or 'no reason given', secrets)}"


def _read_reason(body: bytes) -> str:
    try:
        document = json.loads(body)
        if errors := document.get("errors"):
            return "; ".join(f"{error['code']} {error.get('message') or ''}".strip() for error in errors)
        named = (document.get(key) for key in _REASON_KEYS)
        return next((text for text in named if isinstance(text, str)), "")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return ""


def is_web_page(body: bytes) -> bool:
    """Return True if a body is HTML, as the login pages of proxies are.

    >>> is_web_page(b"<!DOCTYPE html><title>Log in</title>"), is_web_page(b'{"token": "x"}')
    (True, False)
    """
    return _MARKUP.match(body) is not None


def name_web_page(body: bytes) -> str:
    """Return words for a web page, with its title.

    >>> name_web_page(b"<html><title>Log in</title></html>")
    "a web page ('Log in')"
    """
    match = _TITLE.search(body[:_MAX_BODY].decode(errors="replace"))
    title = " ".join(html.unescape(match[1]).split()) if match else ""
    return f"a web page ({title!r})" if title else "a web page"


def refuse_web_page(what: str, response: requests.Response, body: bytes, secrets: Iterable[str]) -> None:
    """Raise RegistryError if a document, or a blob of another size than it should have, starts as a web page."""
    if is_web_page(body):
        page = sanitize(name_web_page(body), secrets)
        hint = "a proxy or a login page may answer in place of the registry: check the address and the proxy"
        raise RegistryError(f"{what}: the answer is {page}", status=response.status_code, hint=hint)


def name_redirect(response: requests.Response) -> str | None:
    """Return the name of the image that the request for a manifest was redirected to, None if it is the same name.

    Redirects from http to https and to addresses that are no API of a registry do not count.
    """
    if not response.history:
        return None
    urls = response.history[0].url, response.url
    asked, answered = (_MANIFEST_PATH.fullmatch(urlsplit(url).path) for url in urls)
    before, after = (host_of(url).lower().removesuffix(":80").removesuffix(":443") for url in urls)
    if asked is None or answered is None or (before, asked[1]) == (after, answered[1]):
        return None
    mark = "@" if ":" in answered[2] else ":"
    return sanitize(f"{host_of(response.url)}/{answered[1]}{mark}{answered[2]}")


def make_error_elsewhere(what: str, response: requests.Response, secrets: Iterable[str]) -> RegistryError:
    """Return the error for the answer of a host that a redirect led to: another registry, or a storage host.

    Reads the body of the response.
    """
    status, answer = response.status_code, describe_answer(response, secrets)
    if (name := name_redirect(response)) is not None:
        message = f"{what}: the registry redirects to {name}, where the answer is {answer}"
        return RegistryError(message, status=status, hint=_advise_on_redirect(name, response.url))
    if _is_upgrade(response):
        message = f"{what}: the registry redirects from http to https, where the answer is {answer}"
        return RegistryError(message, status=status, hint=PLAIN_HTTP_ON_TLS)
    message = f"{what}: its storage host {urlsplit(response.url).hostname} answered {answer}"
    return (StorageRefused if status in _EXPIRED_STATUSES else RegistryError)(message, status=status)


def _is_upgrade(response: requests.Response) -> bool:
    """Return True if a registry that was asked over plain http led to the same address with TLS."""
    before, after = (urlsplit(answer.url) for answer in ((response.history or [response])[0], response))
    upgrades = (before.scheme, after.scheme) == ("http", "https")
    return upgrades and (before.hostname, before.path) == (after.hostname, after.path)


def _advise_on_redirect(name: str, url: str) -> str | None:
    """Return the command that asks another registry; None for a name that is no reference, which a shell could run."""
    try:
        reference = parse_reference(name)
    except InvalidReference:
        return None
    option = "--insecure " if url.startswith("http:") and not is_loopback(reference.registry) else ""
    return f"ask the other registry itself: ocisize {option}{reference}"
