"""Every test of the registry client also proves that its most verbose log holds no secret."""

from __future__ import annotations

import base64
import logging
import re
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from ocisize.sources.registry.address import is_private_address
from tests.pulling import SECRET

#: the secrets of these tests, as they are and as headers have them; short tokens are looked for behind ``Bearer``
FORBIDDEN = re.compile(
    "|".join(
        re.escape(text)
        for text in (SECRET, base64.b64encode(f"user:{SECRET}".encode()).decode(), "token-1234", "reg-pass", "Authorization")
    )
    + r"|Bearer [^.…]|Basic [^.…]|\?[^…]|sig(nature)?=|//[^/\s@…]+@"
)


@pytest.fixture(autouse=True)
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """The log of a test at its most verbose level."""
    with caplog.at_level(logging.DEBUG, "ocisize"):
        yield caplog
    messages = [record.getMessage() for record in caplog.get_records("call") if record.name.startswith("ocisize")]
    assert [text for text in messages if FORBIDDEN.search(text)] == []


def log_lines(caplog: pytest.LogCaptureFixture, level: int = logging.INFO) -> list[str]:
    """What the package has logged so far, from a level on."""
    return [
        record.getMessage() for record in caplog.records if record.name.startswith("ocisize") and record.levelno >= level
    ]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Names that resolve to addresses, beside those of this machine; all others fail to resolve."""
    known: dict[str, str] = {"localhost": "127.0.0.1"}
    original = socket.getaddrinfo

    def resolve(host: Any, *arguments: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else str(host)
        if is_private_address(name) or name in known:
            return original(known.get(name, name), *arguments, **options)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return known
