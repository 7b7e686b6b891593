"""The artifacts in a jar, from what Maven and manifests say, and from the names of files.

Maven writes ``META-INF/maven/GROUP/ARTIFACT/pom.properties``: https://maven.apache.org/shared/maven-archiver/. Attributes of
manifests: https://docs.oracle.com/en/java/javase/21/docs/specs/jar/jar.html, and those of bundles in
https://docs.osgi.org/specification/osgi.core/8.0.0/framework.module.html.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ocisize.excerpts.parts import MANIFEST, NESTED, POM_PROPERTIES, Part
from ocisize.inventory.record import PackageRecord, list_nothing
from ocisize.model.packages import JAVA
from ocisize.patterns import lazy_pattern
from ocisize.tuples import NamedTuple

_FILE_NAME = lazy_pattern(r"(?P<name>[A-Za-z][\w.+-]*?)-(?P<version>\d[\w.+-]*)\.(?:jar|war|ear|par|rar)")
_ENDS = (".jar", ".war", ".ear", ".par", ".rar")
_MAX_FILE_NAME = 255  # characters, as filesystems have
_IDENTIFIER = lazy_pattern(r"[A-Za-z_][\w.-]*(?::[\w.-]+)?")
_VENDOR_OF_MANY = "org.apache"  # of old artifacts, whose groups are others
_VERSION = lazy_pattern(r"\d[\w.+-]*")


class _Artifact(NamedTuple):
    """The coordinates of an artifact; a group or a version that is not known is ""."""

    group: str
    name: str
    version: str


def read_jar(path: bytes, parts: Sequence[Part]) -> list[PackageRecord]:
    r"""The artifact of the jar at ``path``, which owns the file, the artifacts merged into it, and those of nested jars.

    Names are ``GROUP:ARTIFACT``, or the artifact alone if the group is not known. The place of a nested artifact is that of
    its jar, such as ``app.jar!/BOOT-INF/lib/x.jar``.

    >>> from ocisize.excerpts.parts import JAR
    >>> parts = [Part(JAR, b"", b""), Part(POM_PROPERTIES, b"", b"groupId=org.x\nartifactId=a\nversion=1.0\n")]
    >>> parts += [Part(JAR, b"lib/gson-2.11.0.jar", b"")]
    >>> [(record.name, record.version, record.place) for record in read_jar(b"srv/a.jar", parts)]
    [('org.x:a', '1.0', b'srv/a.jar'), ('gson', '2.11.0', b'srv/a.jar!/lib/gson-2.11.0.jar')]
    """
    jars: dict[bytes, tuple[list[_Artifact], dict[str, str]]] = {}
    for kind, name, data in parts:
        artifacts, attributes = jars.setdefault(name, ([], {}))
        if kind == POM_PROPERTIES and (artifact := _read_properties(data)):
            artifacts.append(artifact)
        elif kind == MANIFEST and not attributes:
            attributes.update(_read_pairs(data, ":"))
    records: list[PackageRecord] = []
    for name, (artifacts, attributes) in jars.items():
        place = path + NESTED + name if name else path
        file_name = place.rpartition(b"/")[2].decode("utf-8", "replace")
        own = _own_artifact(file_name, artifacts, attributes)
        others = [artifact for artifact in dict.fromkeys(artifacts) if artifact != own]
        if own is not None:
            records.append(_record(path, place, own, owns=not name))
        records += [_record(path, place, artifact, owns=False) for artifact in others]
    return records


def _record(path: bytes, place: bytes, artifact: _Artifact, *, owns: bool) -> PackageRecord:
    group, name, version = artifact
    return PackageRecord(
        ecosystem=JAVA,
        name=f"{group}:{name}" if group else name,
        version=version,
        database=path,
        place=place,
        list_files=(lambda: (path,)) if owns else list_nothing,
    )


def _own_artifact(file_name: str, artifacts: Sequence[_Artifact], attributes: Mapping[str, str]) -> _Artifact | None:
    """The artifact that a jar is; the others of ``artifacts`` were merged into it. None if nothing says."""
    stem = file_name.rpartition(".")[0] if file_name.endswith(_ENDS) else file_name
    matching = [artifact for artifact in artifacts if stem == artifact.name or stem.startswith(f"{artifact.name}-")]
    if matching:
        return max(matching, key=lambda artifact: len(artifact.name))
    match = _FILE_NAME.fullmatch(file_name) if len(file_name) <= _MAX_FILE_NAME else None
    if len(artifacts) == 1 and (match is None or match["version"] == artifacts[0].version):
        return artifacts[0]
    versions = [attributes.get(f"{kind}-Version", "") for kind in ("Implementation", "Bundle")]
    version = next((version for version in versions if _VERSION.fullmatch(version)), "")
    if match is not None:
        return _Artifact(_group(attributes), match["name"], match["version"])
    title = attributes.get("Implementation-Title", "")
    if version and _IDENTIFIER.fullmatch(title):
        group, _, artifact = title.rpartition(":")
        return _Artifact(group or _group(attributes), artifact, version)
    return _Artifact("", stem, version) if stem else None


def _group(attributes: Mapping[str, str]) -> str:
    """The group of an artifact, which builds with Maven, sbt and Gradle may write as the vendor; "" if nothing says.

    The name of a bundle is no hint: it begins with another group in half of all jars.
    """
    vendor = attributes.get("Implementation-Vendor-Id", "")
    return vendor if "." in vendor and vendor != _VENDOR_OF_MANY and _IDENTIFIER.fullmatch(vendor) else ""


def _read_properties(data: bytes) -> _Artifact | None:
    values = dict(_read_pairs(data, "="))
    artifact = _Artifact(*(values.get(key, "") for key in ("groupId", "artifactId", "version")))
    return artifact if artifact.group and artifact.name and "${" not in "".join(artifact) else None


def _read_pairs(data: bytes, sign: str) -> Iterable[tuple[str, str]]:
    for line in data.decode("utf-8", "replace").split("\n"):
        key, found, value = line.partition(sign)
        if found:
            yield key.strip(), value.strip()
