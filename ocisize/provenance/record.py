"""read_record: what the attestations of an image say about its build, as values of the model."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Sequence

from ocisize.errors import OcisizeError
from ocisize.history.redact import redact
from ocisize.history.steps import LayerHistory, describe
from ocisize.logs import Logger
from ocisize.model.base import BaseCertainty, BaseImage, BaseMethod
from ocisize.model.build_files import BuildFiles
from ocisize.model.provenance import Provenance, SourceLines
from ocisize.oci.documents import Descriptor, History
from ocisize.oci.image import Image
from ocisize.oci.source import Source
from ocisize.provenance.attestation import StoredStatement, read_statement
from ocisize.provenance.dockerfile_text import redact_dockerfile
from ocisize.provenance.graph import Owners, find_owners
from ocisize.provenance.names import NamedImage, find_only_image, parse_build_info, parse_source
from ocisize.provenance.statement import SourceFile, Statement, parse_statement
from ocisize.values import frozen

_DOCKERFILE = "Dockerfile"
_MAX_COMMAND = 8192  # characters
_SHELLS = (("/bin/sh", "-c"), ("/bin/bash", "-c"))  # whose command is shown without them
_log = Logger(__name__)


@frozen(kw_only=True)
class BuildRecord:
    """What is known about the build of an image; each field is empty where nothing is."""

    provenance: Provenance | None = None
    lines: Sequence[SourceLines | None] = ()  #: by layer, base first; () without the build steps
    base: BaseImage | None = None  #: with 0 layers if only its name is known
    from_scratch: bool = False  #: whether the build steps start without a base image
    files: BuildFiles | None = None  #: the Dockerfile, secrets redacted
    warnings: Sequence[str] = ()

    @property
    def dockerfile_lines(self) -> Sequence[SourceLines | None]:
        """By layer, the lines that are in the Dockerfile of the record."""
        name = self.files.dockerfile if self.files is not None else None
        return [line if line is not None and line.file == name else None for line in self.lines]

    def is_of_dockerfile(self, files: BuildFiles) -> bool:
        """Whether the Dockerfile of the record is this one, so that its lines are those of the record."""
        return self.files is not None and redact_dockerfile(files.text) == self.files.text

    def complete_history(self, histories: Sequence[LayerHistory]) -> Sequence[LayerHistory]:
        """Return what a history says about each layer, with the commands of the record where the history is in doubt."""
        if not self.lines:
            return histories
        return [
            history._replace(build_step=describe(History(created_by=f"RUN {lines.command}")), certain=True)
            if lines is not None and lines.command and not (history.certain and history.build_step.text)
            else history
            for history, lines in zip(histories, self.lines, strict=True)
        ]


def read_record(source: Source, image: Image, attestation: Descriptor | None) -> BuildRecord:
    """Return what the attestations of an image say, else what older BuildKits noted in its config.

    ``attestation`` is the manifest of the attestations, None if there is none. What cannot be read is a warning.
    """
    try:
        stored = read_statement(source, image, attestation) if attestation is not None else None
        if stored is not None:
            return _describe(image, stored, parse_statement(stored.data))
        if image.config.build_info:
            return BuildRecord(base=_make_base(parse_build_info(image.config.build_info)))
    except OcisizeError as error:
        return BuildRecord(warnings=(f"the provenance of the image is not used: {error}",))
    return BuildRecord()


def _describe(image: Image, stored: StoredStatement, statement: Statement) -> BuildRecord:
    """The record of a statement."""
    digests = [(layer.pulled_blob or layer.descriptor).digest for layer in image.layers]
    is_about_image = not statement.subjects or image.digest in statement.subjects
    owners = find_owners(statement, digests, is_about_image=is_about_image)
    only = find_only_image(statement.materials, statement.frontend)
    provenance = Provenance(
        digest=stored.digest,
        predicate_type=statement.predicate_type,
        has_steps=bool(statement.nodes),
        dockerfile=statement.dockerfile or None,
        repository=redact(statement.repository).text or None,
        revision=redact(statement.revision).text or None,
    )
    if owners is None:
        if statement.nodes:
            _log.info("the layers in the provenance are not those of the image: no layer has lines")
        return BuildRecord(provenance=provenance, base=_make_base(only))
    lines = tuple(_find_lines(statement, name) for name in owners.nodes)
    return BuildRecord(
        provenance=provenance,
        lines=lines,
        base=_find_base(statement, owners),
        from_scratch=owners.from_scratch,
        files=_find_files(statement, lines),
    )


def _make_base(image: NamedImage | None) -> BaseImage | None:
    """The base image of a build that has read one image: which layers are its, or whether it was only a tool, is unknown."""
    return None if image is None else BaseImage(0, image.name, image.digest, BaseMethod.PROVENANCE, BaseCertainty.GUESS)


def _find_base(statement: Statement, owners: Owners) -> BaseImage | None:
    """The source below all other steps, with its layers."""
    if owners.base is None:
        return None
    named = parse_source(statement.nodes[owners.base].source)
    if named is None:
        return None
    return BaseImage(owners.base_layers, named.name, named.digest, BaseMethod.PROVENANCE, BaseCertainty.SURE)


def _find_lines(statement: Statement, node: str | None) -> SourceLines | None:
    location = statement.locations.get(node) if node is not None else None
    if node is None or location is None or location.file >= len(statement.files):
        return None
    return SourceLines(
        file=_clean_name(statement.files[location.file].name),
        first=location.first,
        last=location.last,
        command=_cut(redact(_join_words(statement.nodes[node].command)).text),
    )


def _cut(text: str) -> str:
    """A command of a length that each layer may have."""
    return text if len(text) <= _MAX_COMMAND else f"{text[: _MAX_COMMAND - 1]}…"


def _join_words(words: Sequence[str]) -> str:
    """A command as a Dockerfile has it: the text for the shell, or a JSON array."""
    if len(words) == 3 and tuple(words[:2]) in _SHELLS:
        return words[2]
    return json.dumps(list(words), ensure_ascii=False) if words else ""


def _find_files(statement: Statement, lines: Sequence[SourceLines | None]) -> BuildFiles | None:
    """The Dockerfile that the top layer is from; None if the statement has no text that can be used."""
    named = next((line.file for line in reversed(lines) if line is not None), None)
    file = next((file for file in statement.files if _clean_name(file.name) == named), SourceFile("", None))
    text = redact_dockerfile(file.text) if file.text is not None else None
    return None if text is None or named is None else BuildFiles(dockerfile=named, text=text, from_provenance=True)


def _clean_name(name: str) -> str:
    """The path of a Dockerfile, relative and without parts that lead out of the build context."""
    path = posixpath.normpath(f"/{name}").lstrip("/")
    return path or _DOCKERFILE
