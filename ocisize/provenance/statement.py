"""parse_statement: an in-toto statement with SLSA provenance of BuildKit, as values.

Statement: https://github.com/in-toto/attestation/blob/main/spec. Predicates, version 0.2 and 1:
https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md. The document is untrusted: what has
another type than it should is taken for absent, and numbers of items are bounded.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from ocisize.errors import DocumentError
from ocisize.oci.strict_json import parse_json
from ocisize.values import field, frozen

_MAX_STEPS, _MAX_INPUTS = 10_000, 256  # of a build, and of a step
_MAX_CHAIN = 4096  # layers of a step, as many as an image may have
_MAX_VARIANTS = 8  # chains of a step
_MAX_MATERIALS = 1000
_MAX_LINE = 1_000_000
_MAX_TEXT = 4096  # characters of a name
_MAX_DOCKERFILE = 256 << 10  # bytes
_MAX_WORDS = 1000  # of a command
Chain: TypeAlias = tuple[str, ...]  #: digests of layers, base first
_METADATA_V02 = "https://mobyproject.org/buildkit@v1#metadata"


@frozen
class Material:
    """Something that a build has read."""

    uri: str  #: of an image a package URL: ``pkg:docker/python@3.12-slim?platform=linux%2Famd64``
    digest: str | None  #: ``sha256:…``; None without one


@frozen(kw_only=True)
class BuildNode:
    """A step of a build, in the words of LLB, the language of BuildKit."""

    inputs: Sequence[str] = ()  #: the outputs of other steps that it takes, such as ``step1:0``
    source: str = ""  #: what it reads, if it is a source: ``docker-image://docker.io/library/debian:12@sha256:…``
    command: Sequence[str] = ()  #: the words of the command that it runs
    is_merge: bool = False  #: its layers are those of all its inputs, one after the other


@frozen
class Location:
    """Lines of a file."""

    file: int  #: its index in ``Statement.files``
    first: int
    last: int


@frozen
class SourceFile:
    """A file that describes a build."""

    name: str
    text: str | None  #: None if it cannot be used: it is too large, or no text


@frozen(kw_only=True)
class Statement:
    """What a statement says about a build. With ``mode=min``, it has no nodes, chains, locations and files."""

    predicate_type: str
    subjects: frozenset[str] = frozenset()  #: digests of the manifests that it is about
    materials: Sequence[Material] = ()
    frontend: str = ""  #: the image of the frontend, if the build names one
    dockerfile: str = ""  #: the name of the Dockerfile
    nodes: Mapping[str, BuildNode] = field(factory=dict)  #: by name: ``step1``
    result: str = ""  #: the output of which the image was made; "" if unknown
    #: by output: the digests of all layers up to it, once for each compression that BuildKit has of them
    chains: Mapping[str, Sequence[Chain]] = field(factory=dict)
    locations: Mapping[str, Location] = field(factory=dict)  #: by name of a node
    files: Sequence[SourceFile] = ()
    repository: str = ""
    revision: str = ""


def parse_statement(data: bytes) -> Statement:
    """Return a statement; raise DocumentError for another document, and for a build of more than 10,000 steps.

    >>> parse_statement(b'{"predicateType": "https://slsa.dev/provenance/v1", "predicate": {}}').materials
    ()
    >>> parse_statement(b"{}")
    Traceback (most recent call last):
    ocisize.errors.DocumentError: the provenance is no SLSA provenance
    """
    document = parse_json(data, "the provenance")
    predicate_type, predicate = _text(document.get("predicateType")), _object(document.get("predicate"))
    subjects = [_digest(subject) for subject in _objects(document.get("subject"), _MAX_MATERIALS)]
    if predicate_type == "https://slsa.dev/provenance/v0.2":
        invocation = _object(predicate.get("invocation"))
        materials, steps = predicate.get("materials"), predicate.get("buildConfig")
        origin, request = invocation.get("configSource"), invocation.get("parameters")
        name = _object(origin).get("entryPoint")
        metadata = _object(predicate.get("metadata")).get(_METADATA_V02)
    elif predicate_type.startswith("https://slsa.dev/provenance/v1"):
        definition = _object(predicate.get("buildDefinition"))
        external = _object(definition.get("externalParameters"))
        materials = definition.get("resolvedDependencies")
        steps = _object(definition.get("internalParameters")).get("buildConfig")
        origin, request = external.get("configSource"), external.get("request")
        name = _object(origin).get("path")
        metadata = _object(_object(predicate.get("runDetails")).get("metadata")).get("buildkit_metadata")
    else:
        raise DocumentError("the provenance is no SLSA provenance")
    nodes = _read_nodes(_object(steps).get("llbDefinition"))
    facts = _object(metadata)
    sources, vcs = _object(facts.get("source")), _object(facts.get("vcs"))
    return Statement(
        predicate_type=predicate_type,
        subjects=frozenset(filter(None, subjects)),
        materials=read_materials(materials),
        frontend=_text(_object(_object(request).get("args")).get("source")),
        dockerfile=_text(name),
        nodes=nodes,
        result=_find_result(nodes),
        chains=_read_chains(facts.get("layers")),
        locations=_read_locations(sources.get("locations")),
        files=tuple(_read_file(info) for info in _objects(sources.get("infos"), _MAX_MATERIALS)),
        repository=_text(vcs.get("source")),
        revision=_text(vcs.get("revision")),
    )


def read_materials(value: object) -> tuple[Material, ...]:
    """Return the materials of a predicate, at most 1,000."""
    return tuple(Material(_text(entry.get("uri")), _digest(entry)) for entry in _objects(value, _MAX_MATERIALS))


def _read_nodes(value: object) -> dict[str, BuildNode]:
    if isinstance(value, list) and len(value) > _MAX_STEPS:
        raise DocumentError(f"the provenance has {len(value)} build steps, more than {_MAX_STEPS}")
    return {_text(step.get("id")): _read_node(step) for step in _objects(value, _MAX_STEPS)}


def _read_node(step: Mapping[str, Any]) -> BuildNode:
    operation = _object(_object(step.get("op")).get("Op"))
    words = _texts(_object(_object(operation.get("exec")).get("meta")).get("args"))
    return BuildNode(
        inputs=tuple(dict.fromkeys(_texts(step.get("inputs"))[:_MAX_INPUTS])),
        source=_text(_object(operation.get("source")).get("identifier")),
        command=words if len(words) <= _MAX_WORDS else (),
        is_merge="merge" in operation,
    )


def _find_result(nodes: dict[str, BuildNode]) -> str:
    """The input of the last step, which does nothing: it marks the output that the build returns."""
    last = nodes[next(reversed(nodes))] if nodes else BuildNode()
    return last.inputs[0] if len(last.inputs) == 1 and not last.source and not last.command else ""


def _read_chains(value: object) -> dict[str, tuple[Chain, ...]]:
    """The first chains of each output that are different."""
    chains = dict[str, tuple[Chain, ...]]()
    for output, listed in _object(value).items():
        lists = [chain for chain in listed[:_MAX_VARIANTS] if isinstance(chain, list)] if isinstance(listed, list) else []
        variants = (
            tuple(_text(_object(descriptor).get("digest")) for descriptor in chain)
            for chain in lists
            if 0 < len(chain) <= _MAX_CHAIN
        )
        if known := tuple(dict.fromkeys(variants)):
            chains[output] = known
    return chains


def _read_locations(value: object) -> dict[str, Location]:
    """The first location of each step, with all lines of its ranges."""
    found = dict[str, Location]()
    for name, listed in _object(value).items():
        for location in _objects(_object(listed).get("locations"), 1):
            ranges = _objects(location.get("ranges"), _MAX_INPUTS)
            lines = [_line(part.get(side)) for part in ranges for side in ("start", "end")]
            file = location.get("sourceIndex", 0)
            if lines and 0 not in lines and type(file) is int and file >= 0:
                found[name] = Location(file, min(lines), max(lines))
    return found


def _line(position: object) -> int:
    """The number of a line; 0 without one."""
    line = _object(position).get("line")
    return line if type(line) is int and 0 < line <= _MAX_LINE else 0


def _read_file(info: Mapping[str, Any]) -> SourceFile:
    data = info.get("data")
    text = None
    if type(data) is str and len(data) <= _MAX_DOCKERFILE * 4 // 3 + 4:
        try:
            text = base64.b64decode(data, validate=True).decode("utf-8")
        except (binascii.Error, ValueError):
            text = None
    return SourceFile(_text(info.get("filename")), text)


def _digest(document: Mapping[str, Any]) -> str | None:
    encoded = _text(_object(document.get("digest")).get("sha256"))
    return f"sha256:{encoded}" if encoded else None


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: object, most: int) -> list[dict[str, Any]]:
    return [item for item in value[:most] if isinstance(item, dict)] if isinstance(value, list) else []


def _text(value: object) -> str:
    """A name; longer ones are none."""
    return value if type(value) is str and len(value) <= _MAX_TEXT else ""


def _texts(value: object) -> tuple[str, ...]:
    return tuple(item for item in value if type(item) is str) if isinstance(value, list) else ()
