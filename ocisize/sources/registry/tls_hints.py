"""Advice for failures of TLS, and for plain http where TLS is spoken."""

from __future__ import annotations

import re

PLAIN_HTTP_ON_TLS = (
    "the registry seems to use TLS, and --insecure means plain http: leave it out; "
    "for a certificate of its own, use --ca-cert FILE or --tls-no-verify"
)
TLS_BROKEN_OFF = "the registry may want a client certificate (--client-cert FILE), or plain http (--insecure)"
UNKNOWN_AUTHORITY = "name the CA of the certificate with --ca-cert FILE, or accept any certificate with --tls-no-verify"
#: marks of OpenSSL's messages, in the order in which they are looked for
_HINTS = {
    "WRONG_VERSION_NUMBER": "the registry does not use TLS; use --insecure for plain http",
    "HTTP_REQUEST": "the registry does not use TLS; use --insecure for plain http",
    "RECORD_LAYER_FAILURE": "the registry does not use TLS; use --insecure for plain http",
    "CERTIFICATE_REQUIRED": "the registry wants a client certificate: --client-cert FILE and --client-key FILE",
    "HANDSHAKE_FAILURE": "the registry may want a client certificate: --client-cert FILE and --client-key FILE",
    "ALERT_BAD_CERTIFICATE": "the registry wants another client certificate: --client-cert FILE and --client-key FILE",
    "ALERT_UNKNOWN_CA": "the registry does not trust the client certificate",
    "certificate has expired": "its owner must renew it; check the clock of this machine",
    "not yet valid": "check the clock of this machine",
    "Hostname mismatch": "check the host name; the certificate is for another host",
    "IP address mismatch": "check the host name; the certificate is for another host",
}


_BROKEN_OFF = re.compile("closed|reset|aborted|broken|eof occurred|status line|illegal", re.IGNORECASE)


def is_broken_off(error: Exception) -> bool:
    """Return True for the error of a connection that the server ended, as some TLS servers do that are asked in plain http.

    >>> is_broken_off(ConnectionResetError(104, "Connection reset by peer"))
    True
    """
    return bool(_BROKEN_OFF.search(str(error)))


def advise_on_certificate(error: Exception) -> str | None:
    """Return advice for a host whose certificate cannot be verified, None for other errors."""
    text = str(error)
    return (find_tls_hint(text) or UNKNOWN_AUTHORITY) if "CERTIFICATE_VERIFY_FAILED" in text else None


def find_tls_hint(text: str) -> str | None:
    """Return advice for the text of an error of TLS, None if it has no known reason.

    >>> find_tls_hint("[SSL: WRONG_VERSION_NUMBER] wrong version number")
    'the registry does not use TLS; use --insecure for plain http'
    """
    upper = text.upper()
    return next((hint for mark, hint in _HINTS.items() if mark.upper() in upper), None)
