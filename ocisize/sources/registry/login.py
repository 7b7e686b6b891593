"""Login: what a client knows about its login: where it is stored, whether it works, and what the user should know."""

from __future__ import annotations

from collections.abc import Iterator

from ocisize.oci.reference import Reference
from ocisize.sources.registry.credentials import Credentials, StoredLogin
from ocisize.sources.registry.hints import advise_on_local, login_command


class Login:
    """The login for one repository. Its credentials are looked up when the registry asks for them, and not before.

    >>> login = Login(Reference("registry.io", "app"), Credentials("user", "word", name="the login in auth.json"))
    >>> login.find()
    Credentials(username='user')
    >>> login.refuse("the registry answered 401")
    >>> login.find() is None, login.explain()
    (True, '; the login in auth.json was refused: the registry answered 401')
    """

    def __init__(self, reference: Reference, stored: Credentials | StoredLogin | None) -> None:
        self.reference = reference
        self.sent = False  #: True once the registry or a token service has got the login
        self.worked = False  #: True once the login has opened something
        self.is_given_up = False  #: True once the login was refused, or cannot be sent
        self.warnings: list[str] = []  #: for the user, once the image is read although something is wrong
        self._stored = stored
        self._credentials: Credentials | None = None
        self._is_found = False
        self._notes: list[str] = []
        self._remedies: tuple[str, ...] = ()  # of what the notes say
        self._absent: tuple[str, ...] = ()  # that matters only if access is denied
        self._warned = 0  #: notes that became warnings
        self._advice = ""  #: about a login that cannot be sent

    @property
    def usable(self) -> Credentials | None:
        """The credentials, None before they were looked up and after they were refused."""
        return None if self.is_given_up else self._credentials

    def find(self) -> Credentials | None:
        """Return the credentials that may be sent; the first call looks them up."""
        if not self._is_found:
            self._is_found = True
            if isinstance(self._stored, StoredLogin):
                self._credentials = self._stored.credentials
                self._notes += self._stored.problems
                self._remedies, self._absent = self._stored.remedies, self._stored.absent
            else:
                self._credentials = self._stored
        return self.usable

    def refuse(self, reason: str) -> None:
        """Remember that the login was refused, and send it no more."""
        self._give_up(f"was refused: {reason}")

    def withhold(self, reason: str, advice: str) -> None:
        """Remember that the login cannot be sent, and what can be done about that."""
        self._advice = advice
        self._give_up(f"was not sent: {reason}")

    def _give_up(self, what: str) -> None:
        if self._credentials is not None and not self.is_given_up:
            self.is_given_up = True
            self._notes.append(f"{self._credentials.name} {what}")

    def note_success(self, *, used: bool) -> None:
        """Remember that something was read, with the login or without; what is wrong becomes a warning."""
        self.worked = self.worked or used
        ending = "" if used else "; the image is read without a login"
        self.warnings += [f"{note}{ending}" for note in self._notes[self._warned :]]
        self._warned = len(self._notes)

    def explain(self, status: int | None = None) -> str:
        """Return what an error adds: that the login was refused, or cannot be read. Empty if nothing is wrong.

        ``status`` is that of the registry's answer, which the error already has.
        """
        repeated = f": the registry answered {status}"
        return "".join(f"; {note.removesuffix(repeated)}" for note in (*self._notes, *self._absent))

    @property
    def hint(self) -> str:
        """Advice for the case that the registry denies access."""
        command = login_command(self.reference.registry)
        if self._credentials is None:
            advice = f"{self._advise_first()}: {command}; registries also deny access to images that do not exist"
        elif self._advice:
            advice = self._advice
        elif self.sent:
            renewal = self._credentials.renewal
            advice = f"{self._credentials.name} has no access; {f'log in again: {renewal}' if renewal else 'replace it'}"
        else:
            advice = f"{self._credentials.name} was not sent, since the registry does not ask for it"
        return advice + advise_on_local(self.reference)

    def _advise_first(self) -> str:
        if self._remedies:  # docker login needs the helper, too
            return f"{'; '.join(self._remedies)}; then log in"
        return "correct the stored logins first, then log in" if self._notes else "log in first"

    def secrets(self) -> Iterator[str]:
        """Yield the texts of the credentials that must not appear in an error or a log."""
        known = self._credentials or (self._stored if isinstance(self._stored, Credentials) else Credentials())
        stand_in = Credentials(known.username or "<token>", known.identity_token)  # for services without OAuth
        encoded = (one.basic.partition(" ")[2].rstrip("=") for one in (known, stand_in) if one.basic)
        yield from filter(None, (known.password, known.identity_token, known.registry_token, *encoded))
