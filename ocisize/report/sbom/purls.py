"""Package URLs: that of an image, and the parts of those of packages. Format: https://github.com/package-url/purl-spec."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from ocisize.errors import InvalidReference
from ocisize.oci.reference import Reference, parse_reference
from ocisize.tuples import NamedTuple

if TYPE_CHECKING:
    from ocisize.model.analysis import Analysis


class PurlParts(NamedTuple):
    """The parts of a package URL that documents repeat."""

    namespace: str  #: "" if there is none
    name: str
    qualifiers: Mapping[str, str]


def make_image_purl(analysis: Analysis) -> str:
    """The package URL of an image, "" if its name or the digest of its manifest is not known.

    It names the repository if the reference does: a name without a registry may never have been in one.

    >>> import ocisize
    >>> print(make_image_purl(ocisize.analyze("testdata/example.tar")))
    pkg:oci/example@sha256%3A29fe08285d2875c212f14bb8ff90538fd826c3720d0e839d84e48c8423583d14?arch=amd64
    """
    text = analysis.reference
    reference = _parse(text)
    if analysis.digest is None or text is None or reference is None:
        return ""
    qualifiers = {
        "arch": analysis.platform.partition("/")[2].partition("/")[0],
        "repository_url": find_repository(text),
        "tag": reference.tag if reference.tag and f":{reference.tag}" in text else "",
    }
    purl = f"pkg:oci/{reference.repository.rpartition('/')[2]}@{quote(analysis.digest, safe='')}"
    for key, value in qualifiers.items():
        purl = add_qualifier(purl, key, value) if value else purl
    return purl


def find_repository(reference: str | None) -> str:
    """The repository with its registry, "" if the reference does not name the registry.

    >>> find_repository("registry.io/team/app:1.2"), find_repository("app:1.2")
    ('registry.io/team/app', '')
    """
    parsed = _parse(reference)
    repository = "" if parsed is None else f"{parsed.registry}/{parsed.repository}"
    return repository if reference is not None and reference.startswith(repository) else ""


def _parse(reference: str | None) -> Reference | None:
    if reference is None:
        return None
    try:
        return parse_reference(reference)
    except InvalidReference:
        return None


def split_purl(purl: str) -> PurlParts:
    """The parts of a package URL, decoded.

    >>> tuple(split_purl("pkg:maven/org.apache/commons@1.0?type=jar"))
    ('org.apache', 'commons', {'type': 'jar'})
    """
    path, _, query = purl.partition("#")[0].partition("?")
    path = path.removeprefix("pkg:").partition("/")[2].partition("@")[0]  # an @ of a scope is written as %40
    namespace, _, name = path.rpartition("/")
    pairs = (pair.partition("=") for pair in query.split("&") if pair)
    return PurlParts(unquote(namespace), unquote(name), {key: unquote(value) for key, _, value in pairs})


def add_qualifier(purl: str, key: str, value: str) -> str:
    """A package URL with one more qualifier at the end.

    >>> add_qualifier("pkg:pypi/rich@13.7", "package-id", "1")
    'pkg:pypi/rich@13.7?package-id=1'
    """
    return f"{purl}{'&' if '?' in purl else '?'}{key}={quote(value, safe='')}"
