"""Provenance and SourceLines: what the attestations of an image say about its build."""

from __future__ import annotations

from ocisize.values import frozen


@frozen(kw_only=True)
class SourceLines:
    """The lines of a file that a layer was built from, as the provenance of the image names them."""

    file: str  #: the name of the file that the builder read: ``Dockerfile``
    first: int  #: number of the first line, from 1
    last: int  #: number of the last line
    command: str = ""  #: the command that the builder ran, secrets redacted; "" if the layer is of no RUN

    def __str__(self) -> str:
        """The place in one word.

        >>> str(SourceLines(file="Dockerfile", first=4, last=7)), str(SourceLines(file="Dockerfile", first=8, last=8))
        ('Dockerfile:4-7', 'Dockerfile:8')
        """
        return f"{self.file}:{self.first}{f'-{self.last}' if self.last > self.first else ''}"


@frozen(kw_only=True)
class Provenance:
    """An attestation of how an image was built, as BuildKit writes it: a claim that ocisize reads and nobody signed.

    The format is that of https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md.
    """

    digest: str  #: of the in-toto statement
    predicate_type: str  #: ``https://slsa.dev/provenance/v1`` or ``…/v0.2``
    has_steps: bool  #: True with ``mode=max``: it has the build steps; False with ``mode=min``
    dockerfile: str | None = None  #: the name of the Dockerfile in the build context; None if it names none
    repository: str | None = None  #: the URL of the source repository, secrets redacted; None if it names none
    revision: str | None = None  #: the commit; None if it names none
