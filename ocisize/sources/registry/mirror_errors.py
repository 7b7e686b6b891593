"""What an error says of the mirrors that failed before the registry did."""

from __future__ import annotations

from collections.abc import Sequence

from ocisize.errors import AuthenticationFailed, OcisizeError, RegistryError
from ocisize.oci.reference import Reference
from ocisize.sources.registry.hints import NO_INTERNET
from ocisize.sources.registry.settings.mirrors import Endpoint

_NOT_FOUND = 404
_OTHER_OPTIONS = ("--insecure", "--client-")  # options for the registry, which are not for its mirrors


def add_mirror_failures(
    error: Exception, reference: Reference, endpoints: Sequence[Endpoint], failures: Sequence[Exception]
) -> None:
    """Add the failures of mirrors to the error of the registry, and advice about the first mirror that can be helped.

    ``endpoints`` are those of the failures, in the same order.
    """
    before = []
    for endpoint, failure in zip(endpoints, failures, strict=True):
        host, text = endpoint.reference.registry, str(failure)
        before.append(text if host in text else f"{host}: {text}")
    error.args = (f"{error} (before that, its mirrors failed: {'; '.join(before)})",)
    if isinstance(error, OcisizeError):
        answered = isinstance(error, RegistryError) and error.status is not None
        advice = (_advise(*pair, answered=answered) for pair in zip(endpoints, failures, strict=True))
        if first := next(filter(None, advice), ""):
            error.hint = _combine(first, error.hint or "", reference, answered=answered)


def _advise(endpoint: Endpoint, failure: Exception, *, answered: bool) -> str:
    """Return advice about a mirror; empty if it lacks the image, or did not deny it while the registry ``answered``."""
    status = failure.status if isinstance(failure, RegistryError) else None
    if status == _NOT_FOUND or (answered and not isinstance(failure, AuthenticationFailed)):
        return ""
    hint = failure.hint if isinstance(failure, OcisizeError) else None
    if hint is None or any(option in hint for option in _OTHER_OPTIONS):
        hint = f"correct its entry in {endpoint.named_by}, or ignore all mirrors with --no-mirrors"
    return f"for the mirror {endpoint.reference.registry}: {hint}"


def _combine(of_mirror: str, own: str, reference: Reference, *, answered: bool) -> str:
    if answered:
        return f"{own}; {of_mirror}" if own else of_mirror
    rest = own.removeprefix(NO_INTERNET)  # that of an image of a local engine; a company with mirrors may have no internet
    if rest == own:
        rest = f"; for {reference.registry}: {own}" if own else ""
    return of_mirror + rest
