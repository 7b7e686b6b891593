"""Texts of others in errors and logs: one short line, without control characters and without secrets."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import urllib3

_MAX_CHARACTERS = 500  # of a text that an error repeats
_MIN_SECRET = 4  # characters: shorter secrets are parts of ordinary words
_DEFAULT_PORTS = (80, 443)
_QUERY = re.compile(r"(/[^\s?'\"]*)\?[^\s'\")]+")  # signed URLs carry their signature in the query
_USER_INFO = re.compile(r"//[^/\s@]+@")
_OPENSSL_LINE = re.compile(r" ?\(_ssl\.c:[0-9]+\)")  # of its source, in errors of Python
_REASONS: dict[type[Exception], str] = {
    urllib3.exceptions.NameResolutionError: "the host name cannot be resolved",
    urllib3.exceptions.ConnectTimeoutError: "the connection timed out",
    urllib3.exceptions.ReadTimeoutError: "timed out waiting for an answer",
    TimeoutError: "timed out waiting for an answer",
    ConnectionResetError: "the connection was reset",
    http.client.IncompleteRead: "the connection was closed early",
}


def explain_error(error: Exception, secrets: Iterable[str] = ()) -> str:
    """Return the innermost reason of a nested error of urllib3 or requests, in words and without the secrets.

    >>> explain_error(urllib3.exceptions.ProtocolError("Connection aborted.", ConnectionResetError(104, "reset")))
    'the connection was reset'
    """
    reason, proxied = error, False
    while (inner := _cause(reason)) is not None:
        proxied = proxied or isinstance(reason, urllib3.exceptions.ProxyError)
        reason = inner
    text = str(reason)
    if type(reason) is urllib3.exceptions.NewConnectionError:  # a subclass of urllib3's timeouts
        os_error = re.sub(r"\[Errno -?\d+\] ", "", text.rpartition(": ")[2])
        text = f"cannot connect to {reason.conn.host}:{reason.conn.port}: {os_error[:1].lower()}{os_error[1:]}"
    else:
        text = next((words for kind, words in _REASONS.items() if isinstance(reason, kind)), text)
    if proxied:
        text = f"the proxy {'cannot be reached' if isinstance(reason, urllib3.exceptions.HTTPError) else 'failed'}: {text}"
    return sanitize(_OPENSSL_LINE.sub("", text), secrets) or type(reason).__name__


def _cause(error: Any) -> Exception | None:
    """Return the error inside an error of urllib3 or requests, None if there is none."""
    parts = (error.reason,) if isinstance(error, urllib3.exceptions.MaxRetryError) else error.args
    return next((part for part in parts if isinstance(part, Exception)), None)


def sanitize(text: str, secrets: Iterable[str] = ()) -> str:
    """Return a text of others as one line of at most 500 characters.

    Secrets, queries and user names of URLs are replaced by ``…``, unprintable characters by U+FFFD.

    >>> sanitize("see https://user:word@storage.io/blob?signature=abc")
    'see https://…@storage.io/blob?…'
    """
    for secret in secrets:
        if len(secret) >= _MIN_SECRET:
            text = text.replace(secret, "…")
    line = _USER_INFO.sub("//…@", _QUERY.sub(r"\1?…", " ".join(text.split())))[:_MAX_CHARACTERS]
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in line)


def target_of(url: str, host: str, port: int | None) -> str:
    """Return host and path of a request, without query; the host of a URL without one is that of the connection.

    >>> target_of("/v2/app/blobs/upload?state=abc", "registry.io", 5000)
    'registry.io:5000/v2/app/blobs/upload'
    """
    parts = urlsplit(url)
    named = host if port in (None, *_DEFAULT_PORTS) else f"{host}:{port}"
    return f"{parts.netloc.rpartition('@')[2] or named}{parts.path}"


def host_of(url: str) -> str:
    """Return the host of a URL with its port, for messages.

    >>> host_of("https://user:word@auth.io:8443/token?service=x")
    'auth.io:8443'
    """
    return sanitize(urlsplit(url).netloc.rpartition("@")[2])
