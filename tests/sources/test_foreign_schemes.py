"""Schemes of other programs: never asked of Docker Hub, and what to do instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocisize.errors import ArchiveError, InvalidReference
from ocisize.oci.reference import parse_reference
from ocisize.oci.source import ImageSource, complete_source
from ocisize.sources import open as opening
from ocisize.sources.open import open_source
from ocisize.sources.foreign_schemes import RECOGNIZED_SCHEMES
from ocisize.sources.schemes import SCHEMES, OpenOptions
from tests.images import build_image, layer, write_docker_archive
from tests.oci.test_image import MemorySource

IMAGE = build_image([layer({"a": b"x"})])
DIGEST = "sha256:" + "a" * 64


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The references that a registry would be asked for, in an empty folder."""
    references: list[str] = []

    def ask(text: str, _: OpenOptions) -> ImageSource:
        references.append(str(parse_reference(text)))
        return complete_source(MemorySource(IMAGE.manifest, IMAGE.blobs))

    monkeypatch.setattr(opening, "open_registry", ask)
    monkeypatch.chdir(tmp_path)
    return references


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("buildah:app:1", "buildah: is not a scheme of ocisize; it names an image in the storage of buildah",
         "write containers-storage:app:1"),
        ("nerdctl:latest", "nerdctl: is not a scheme", "write containerd:latest"),
        ("buildah:registry.io:5000/team/app:1", "buildah", "write containers-storage:registry.io:5000/team/app:1"),
        (f"buildah:{DIGEST}", "buildah", f"write containers-storage:{DIGEST}"),
        (f"buildah:app@{DIGEST}", "buildah", f"write containers-storage:app@{DIGEST}"),
        ("buildah://app:1", "buildah", "write containers-storage:app:1"),
        ("Buildah:app:1", "buildah: is not a scheme", "write containers-storage:app:1"),
        ("buildah:", "buildah: is not a scheme", "write containers-storage:NAME"),
        ("buildah:$(rm -r x)", "buildah: is not a scheme", "write containers-storage:NAME"),
        ("buildah:me:secret@host/app", "buildah: is not a scheme", "write containers-storage:NAME"),
        ("buildah:--output=x", "buildah: is not a scheme", "write containers-storage:NAME"),
        ("docker-daemon:me:secret@host/app", "invalid name of an image", "write docker-daemon:NAME:TAG"),
        ("podman:$(rm -r x)", "invalid name of an image", "write podman:NAME:TAG"),
        ("podman-daemon:app:1", "an image of podman", "write podman:app:1"),
        ("ctr:docker.io/library/app:1", "an image of containerd", "write containerd:docker.io/library/app:1"),
        ("ostree:app@/ostree/repo", "an image in an OSTree repository", "skopeo copy ostree:IMAGE@REPOSITORY docker-archive:image.tar &&"),
        ("ostree:app", "an image in an OSTree repository", "skopeo copy ostree:app docker-archive:app.tar &&"),
        ("sif:app.sif", "a Singularity image", "skopeo copy sif:app.sif docker-archive:app.tar &&"),
        ("singularity:app.sif", "a Singularity image", "skopeo copy sif:app.sif docker-archive:app.tar &&"),
        ("library://sylabs/default/alpine", "a library of Apptainer", "apptainer pull image.sif library://sylabs/default/alpine"),
        ("tarball:root.tar", "a root filesystem in a tar", "write rootfs:root.tar"),
        ("atomic:project/app:1", "an image of an OpenShift registry", "write docker://HOST/project/app:1"),
        ("docker-tar:app.tar", "a saved image", "write docker-archive:app.tar"),
        ("docker-image://alpine:3", "an image in a registry", "write docker://alpine:3"),
        ("oras://registry.io/app:1", "an image in a registry", "write docker://registry.io/app:1"),
        ("oci-layout://./build", "an OCI layout folder", "write oci-dir:./build"),
        ("ocidir:build:v1", "an OCI layout folder", "write oci-dir:build:v1"),
        (DIGEST, f"{DIGEST} is an image ID", f"for an image of the Docker engine: docker-daemon:{DIGEST}"),
        (DIGEST[7:], "is an image ID, which names no registry", f"docker-daemon:{DIGEST[7:]}"),
        ("file:///tmp/app.tar", "a file", "write the path alone: /tmp/app.tar"),
    ],
)  # fmt: skip
def test_schemes_of_other_programs(text: str, message: str, hint: str, asked: list[str]) -> None:
    """The error names the scheme and what it reads; the hint is a command or a name that can be copied."""
    with pytest.raises(InvalidReference) as raised:
        open_source(text)
    assert message in str(raised.value)
    assert hint in str(raised.value.hint)
    assert "secret" not in f"{raised.value}{raised.value.hint}"
    assert not asked


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("docker:team/app:1", "for an image of the Docker engine: docker-daemon:NAME; for one in a registry: docker://NAME"),
        ("docker:app:1", "for an image of the Docker engine"),
        ("xyz:team/app:1", "the schemes are docker://, docker-archive:, oci-archive:, "),
        ("s3://bucket/app.tar", "the schemes are docker://, docker-archive:"),
        ("ssh://host/app", "the schemes are docker://,"),
        ("https://registry.io/team/app", "write it as 'registry.io/team/app'"),
        ("https://host.io/app.tar.gz", "download the file first"),
        ("localhost:5000/App", "write the repository in lower case: localhost:5000/app"),
        ("App:1", "write the repository in lower case: app:1"),
        ("MyApp:Latest", "write the repository in lower case: myapp:Latest"),
        (f"registry.io/Team/App:V1@{DIGEST}", f"write the repository in lower case: registry.io/team/app:V1@{DIGEST}"),
        ("app:1:2", "use [registry/]repository[:tag]"),
        ("ubuntu:22.04:", "use [registry/]repository[:tag]"),
        ("app:1.0 app:2.0", "use [registry/]repository[:tag]"),
        ("App_-:1", "use [registry/]repository[:tag]"),
        ("docker:me:secret@host/app", "log in first: docker login host"),
    ],
)  # fmt: skip
def test_what_looks_like_a_scheme(text: str, hint: str) -> None:
    """An invalid reference with a word and a colon in front names the schemes, unless it is known better."""
    with pytest.raises(InvalidReference) as raised:
        open_source(text)
    assert hint in str(raised.value.hint)


@pytest.mark.parametrize(
    "text",
    [
        "docker:dind", "docker:24", "registry:2", "redis:7", f"redis@{DIGEST}", "debian", "node:22-slim", "localhost:5000/app", "localhost/app",
        "team/podman:latest", "docker.io/library/podman:latest", "quay.io/podman/stable", "containerd", "host:5000/docker-daemon:1",
        "mirror.io/dir:latest", "atomic"
    ],
)  # fmt: skip
def test_references_stay_references(text: str, asked: list[str]) -> None:
    """Names of images are not taken for schemes."""
    open_source(text)
    assert asked == [str(parse_reference(text))]


def test_a_file_with_such_a_name_wins(tmp_path: Path) -> None:
    """A file or folder that exists is what its name says."""
    write_docker_archive(IMAGE, tmp_path / "buildah:app")
    source = open_source("buildah:app")
    assert source.format == "docker-archive"
    source.close()
    with pytest.raises(ArchiveError, match="no such file or folder: ./buildah:other"):
        open_source("./buildah:other")


@pytest.mark.parametrize(
    "scheme", ["docker", "registry", "docker-archive", "oci-archive", "oci-dir", "oci", "dir", "rootfs", "podman"]
)
@pytest.mark.parametrize("end", [":", "://", ": "])
def test_a_scheme_alone(scheme: str, end: str, asked: list[str]) -> None:
    """``dir:$FOLDER`` without a folder is no reference."""
    with pytest.raises(InvalidReference, match=f"^{scheme}:/*(//)? is a scheme without a name behind it$") as raised:
        open_source(scheme + end)
    assert raised.value.hint == "check whether a shell variable is unset"
    assert not asked


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("docker-deamon:app:1", "did you mean docker-daemon:app:1?"),
        ("containers-storge:localhost/app:1", "did you mean containers-storage:localhost/app:1?"),
        ("contianerd:k8s.io/app:1", "did you mean containerd:k8s.io/app:1?"),
        ("docker-archve:app.tar", "did you mean docker-archive:app.tar?"),
        ("oci-archve:./app.tar", "did you mean oci-archive:./app.tar?"),
    ],
)
def test_misspelled_schemes(text: str, hint: str, asked: list[str]) -> None:
    """A text that names nothing, behind almost a scheme, has the scheme in its hint."""
    with pytest.raises((ArchiveError, InvalidReference)) as caught:
        open_source(text)
    assert caught.value.hint == hint
    assert not asked


@pytest.mark.parametrize("text", ["docker-deamon:me:secret@host/app:1", "docker-deamon:$(rm -r x)"])
def test_hints_repeat_no_passwords_and_commands(text: str) -> None:
    """A hint repeats only what may be pasted."""
    with pytest.raises((ArchiveError, InvalidReference)) as caught:
        open_source(text)
    assert "docker-daemon:me" not in (caught.value.hint or "")
    assert "did you mean" not in (caught.value.hint or "")


@pytest.mark.parametrize("name", ["podmn:app", "docker-deamon:1"])
def test_names_near_a_scheme_are_asked_for(name: str, asked: list[str]) -> None:
    """What can be a name on Docker Hub is one until Docker Hub does not have it."""
    open_source(name)
    assert asked == [f"docker.io/library/{name}"]


def test_every_scheme_can_be_misspelled() -> None:
    """The names that misspellings are compared with are those of the schemes, but for names that are short or a program."""
    names = {scheme.name for scheme in SCHEMES if scheme.usage}
    assert {*RECOGNIZED_SCHEMES} == names - {"docker", "dir"}
