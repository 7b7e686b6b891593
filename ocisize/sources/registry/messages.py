"""Others' words in our errors: in one short line, without what a terminal would obey and without secrets."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterable
from typing import Any

import urllib3

from ocisize.sources.registry.deadline import TooSlow

_MAX_WORDS = 500  # characters that an error repeats
_SHORTEST_SECRET = 4  # shorter ones stand in words
_QUERY = re.compile(r"(/[^\s?'\"]*)\?[^\s'\")]+")  # signed addresses carry their proof there
_USER = re.compile(r"//[^/\s@]+@")
_KINDS: dict[type[Exception], str] = {
    urllib3.exceptions.NameResolutionError: "the host name cannot be resolved",
    urllib3.exceptions.ConnectTimeoutError: "no connection in time",
    urllib3.exceptions.ReadTimeoutError: "no answer in time",
    TimeoutError: "no answer in time",
    ConnectionResetError: "the connection was reset",
    http.client.IncompleteRead: "the connection was closed early",
}


def explain_error(error: Exception, secrets: Iterable[str] = ()) -> str:
    """The reason at the bottom of urllib3's and requests' nested errors, in words."""
    reason, proxied = error, False
    while (inner := _cause(reason)) is not None:
        proxied = proxied or isinstance(reason, urllib3.exceptions.ProxyError)
        reason = inner
    text = str(reason)
    if isinstance(reason, TooSlow):
        text = f"too slow: {text}"
    elif type(reason) is urllib3.exceptions.NewConnectionError:  # which counts itself among the timeouts
        given = re.sub(r"\[Errno -?\d+\] ", "", text.rpartition(": ")[2])
        text = f"cannot connect to {reason.conn.host}:{reason.conn.port}: {given[:1].lower()}{given[1:]}"
    else:
        text = next((words for kind, words in _KINDS.items() if isinstance(reason, kind)), text)
    if proxied:
        text = f"the proxy {'cannot be reached' if isinstance(reason, urllib3.exceptions.HTTPError) else 'failed'}: {text}"
    return sanitize(text, secrets) or type(reason).__name__


def _cause(error: Any) -> Exception | None:
    """What an error was made of: its reason, or the first of its arguments that is an error."""
    found = (part for part in (getattr(error, "reason", None), *error.args) if isinstance(part, Exception))
    return next(found, None)


def sanitize(text: str, secrets: Iterable[str] = ()) -> str:
    """A short line of what somebody else said; secrets, queries and user names of URLs are left out."""
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, "…")
    words = _USER.sub("//…@", _QUERY.sub(r"\1?…", " ".join(text.split())))[:_MAX_WORDS]
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in words)
