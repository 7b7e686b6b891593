"""Credentials: a password or a token for a registry, as a value that shows no secret."""

from __future__ import annotations

import base64
import re

from ocisize.values import field, frozen

_NO_TEXT = re.compile("[\ud800-\udc7f\udd00-\udfff]")  # surrogates that JSON may have alone; Go reads them as U+FFFD


@frozen
class Credentials:
    """A password or a token for a registry; secrets do not appear in the repr.

    >>> Credentials("user", "word")
    Credentials(username='user')
    """

    username: str | None = None
    password: str | None = field(default=None, repr=False)
    identity_token: str | None = field(default=None, repr=False)
    registry_token: str | None = field(default=None, repr=False)
    name: str = field(default="the given login", eq=False, repr=False, kw_only=True)
    """How messages name the credentials, with the file or the helper that has them."""
    renewal: str = field(default="", eq=False, repr=False, kw_only=True)
    """The command that replaces the credentials where they are stored, empty if there is none."""

    @property
    def has_secret(self) -> bool:
        """True if there is a password or an identity token, for which a token service gives a token."""
        return self.basic is not None or self.identity_token is not None

    @property
    def basic(self) -> str | None:
        """The value of a Basic authorization header."""
        if self.username is None or self.password is None:
            return None
        # surrogates are bytes of a stored password that are not UTF-8
        pair = _NO_TEXT.sub("\ufffd", f"{self.username}:{self.password}").encode(errors="surrogateescape")
        return f"Basic {base64.b64encode(pair).decode()}"
