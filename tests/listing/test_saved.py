"""Saved files and folders with many images: one reference for each name, and what is left out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

import ocisize
from ocisize.listing.opening import ReferenceOpener
from ocisize.listing.references import ListedReference, ReferenceList
from ocisize.listing.sources import list_references
from ocisize.oci.documents import Manifest
from ocisize.oci.parse import MAX_CONFIG, parse_manifest
from ocisize.oci.read import read_blob
from ocisize.oci.source import ImageSource
from tests.fleets import many_images, service_family, write_fleet
from tests.images import (
    OCI, build_image, docker_archive_entries, for_platform, index_bytes, layer, layout_files, named, sha256,
    tar_bytes, write_dir, write_files, write_layout, write_oci_archive,
)  # fmt: skip
from tests.sources.test_saved_images import save_docker

APP, DB = build_image([layer({"app": b"a"})]), build_image([layer({"db": b"d"})])
ARM = build_image([layer({"app": b"arm"})], architecture="arm64")


def by_select(listed: ReferenceList) -> dict[str | None, ListedReference]:
    """The references by what selects them, of a list without failures."""
    assert not listed.failures
    return {reference.select: reference for reference in listed.references}


def config_of(source: ImageSource) -> bytes:
    """The config of a source of one image."""
    manifest = parse_manifest(source.read_manifest(), "the manifest")
    assert isinstance(manifest, Manifest)
    return read_blob(source, manifest.config, MAX_CONFIG)


def configs_of(listed: ReferenceList) -> Mapping[str | None, bytes]:
    """The configs of all references, which the opener and open_source read alike."""
    found = {}
    with ReferenceOpener() as opener:
        for reference in listed.references:
            source, alone = opener.open(reference), ocisize.open_source(reference.name, select=reference.select)
            found[reference.select] = config_of(source)
            assert found[reference.select] == config_of(alone)
            assert (source.reference, source.format) == (alone.reference, alone.format)
            alone.close()
            source.close()
    return found


@pytest.mark.parametrize("outer", ["plain", "gzip"])
def test_a_docker_archive_of_several(tmp_path: Path, outer: str) -> None:
    """Each tag is a reference, as an administrator deletes tags; an image without tags has its digest."""
    path = save_docker(tmp_path / "images.tar", [(APP, ["app:1", "app:latest"]), (DB, None)], outer)  # type: ignore[arg-type]
    listed = list_references([path])
    assert configs_of(listed) == {"app:1": APP.config, "app:latest": APP.config, sha256(DB.config): DB.config}
    assert {(reference.name, reference.store) for reference in listed.references} == {(path, path)}


@pytest.mark.parametrize("scheme", ["", "oci-dir:", "oci:"])
def test_a_layout_of_many(tmp_path: Path, scheme: str) -> None:
    """The names stay those of the index; blobs are stored once in the folder."""
    tags = many_images(30, 40)
    path = str(write_fleet(tags, tmp_path / "layout"))
    listed = by_select(list_references([f"{scheme}{path}"]))
    assert [*listed] == [f"{tag.repository}:{tag.tag}" for tag in tags]
    assert {(reference.name, reference.store) for reference in listed.values()} == {(f"{scheme}{path}", path)}
    assert len({*configs_of(list_references([path])).values()}) == 30


def test_every_tag_of_a_family_is_listed(tmp_path: Path) -> None:
    """With its indexes; other files beside images are none."""
    tags = service_family()
    listed = by_select(list_references([str(write_fleet(tags, tmp_path / "layout"))]))
    assert [*listed] == [f"{tag.repository}:{tag.tag}" for tag in tags]
    with ReferenceOpener() as opener:
        for tag in tags:
            source = opener.open(listed[f"{tag.repository}:{tag.tag}"])
            assert source.read_manifest() == tag.document
            source.close()


def test_images_of_one_name_for_several_platforms_are_one_reference(tmp_path: Path) -> None:
    """As skopeo and podman list them, without an index."""
    entries = [
        named(for_platform(APP.descriptor, "linux", "amd64"), "app:1"),
        named(for_platform(ARM.descriptor, "linux", "arm64"), "app:1"),
        named(DB.descriptor, "db:1"),
    ]
    path = write_files(layout_files(index_bytes(entries), {**APP.blobs, **ARM.blobs, **DB.blobs}), tmp_path / "layout")
    assert [*by_select(list_references([str(path)]))] == ["app:1", "db:1"]


def test_an_ambiguous_name_is_chosen_by_number(tmp_path: Path) -> None:
    entries = [named(APP.descriptor, "app:1"), named(DB.descriptor, "app:1")]
    path = write_files(layout_files(index_bytes(entries), {**APP.blobs, **DB.blobs}), tmp_path / "layout")
    assert configs_of(list_references([str(path)])) == {"@0": APP.config, "@1": DB.config}


def test_what_is_absent_is_a_failure_and_artifacts_are_counted(tmp_path: Path) -> None:
    gone = build_image([layer({"x": b"x"})])
    note = json.dumps({
        "schemaVersion": 2, "artifactType": "text/plain", "layers": [],
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": sha256(b"{}"), "size": 2},
    }).encode()  # fmt: skip
    entries = [
        named(APP.descriptor, "app:1"),
        named(gone.descriptor, "gone:1"),
        {"mediaType": f"{OCI}.manifest.v1+json", "digest": sha256(note), "size": len(note)},
    ]
    path = write_files(
        layout_files(index_bytes(entries), {**APP.blobs, sha256(note): note, sha256(b"{}"): b"{}"}), tmp_path / "l"
    )
    listed = list_references([str(path)])
    assert [reference.select for reference in listed.references] == ["app:1"]
    assert [failure.message for failure in listed.failures] == ["the manifest of gone:1 is missing"]
    assert listed.artifacts == 1


def test_a_folder_of_archives_layouts_and_folders_of_dir(tmp_path: Path) -> None:
    """One level below, but trees of dir: to their ends; other files are left alone, broken ones are failures."""
    write_oci_archive(APP, tmp_path / "a.tar")
    write_layout(DB, tmp_path / "b", name="db:1")
    write_dir(ARM, tmp_path / "c")
    write_dir(DB, tmp_path / "tree" / "registry.io" / "db:2")
    (tmp_path / "README").write_text("nginx")
    (tmp_path / "broken.tar").write_bytes(tar_bytes({"index.json": b"{"}))
    listed = list_references([str(tmp_path)])
    assert [(Path(reference.name).name, reference.select) for reference in listed.references] == [
        ("a.tar", "app"), ("b", "db:1"), ("c", None), ("db:2", None),
    ]  # fmt: skip
    assert [failure.reference for failure in listed.failures] == [str(tmp_path / "broken.tar")]
    assert configs_of(list_references([reference.name for reference in listed.references[:3]]))
    for reference in listed.references:
        ocisize.open_source(reference.name, select=reference.select).close()


def test_a_folder_without_images(tmp_path: Path) -> None:
    (tmp_path / "README").write_text("nginx")
    (failure,) = list_references([str(tmp_path)]).failures
    assert "a folder without images" in failure.message


def test_an_image_that_is_chosen_is_one_reference(tmp_path: Path) -> None:
    path = write_layout(APP, tmp_path / "layout", name="app:1")
    (reference,) = list_references([f"oci-dir:{path}:app:1"]).references
    assert (reference.name, reference.store) == (f"oci-dir:{path}:app:1", str(path))


def test_broken_archives_are_failures(tmp_path: Path) -> None:
    file = tmp_path / "broken.tar"
    file.write_bytes(tar_bytes({"oci-layout": b"{}", "index.json": b'{"manifests": 5}'}))
    listed = list_references([str(file), "nginx"])
    assert len(listed.references) == 1
    assert len(listed.failures) == 1


@pytest.mark.parametrize("name", ["-rf", "a b", "a:b", "it's", "ünï"])
def test_any_name_of_a_file(tmp_path: Path, name: str) -> None:
    """The reference as text is what a shell passes on."""
    import shlex

    path = write_layout(APP, tmp_path / name, name="app:1")
    (reference,) = list_references([str(path)]).references
    assert shlex.split(str(reference)) == [str(path), "--select", "app:1"]
    assert configs_of(list_references([str(path)])) == {"app:1": APP.config}


def test_the_opener_opens_registries_and_single_images_too(tmp_path: Path) -> None:
    """What is no file goes to open_source, and so does a path that is gone."""
    with ReferenceOpener() as opener:
        source = opener.open(ListedReference(name="registry.io/app:1"))
        assert source.format == "registry"
        source.close()
        with pytest.raises(ocisize.ArchiveError):
            opener.open(ListedReference(name=str(tmp_path / "gone.tar"), select="app"))
        path = write_layout(APP, tmp_path / "layout", name="app:1")
        with pytest.raises(ocisize.ArchiveError, match="no image 'other'"):
            opener.open(ListedReference(name=str(path), select="other"))


def test_members_in_an_archive_of_docker(tmp_path: Path) -> None:
    """The form of docker save before Docker 25, by its scheme."""
    entries = docker_archive_entries(APP, "legacy", ["app:1"])
    file = tmp_path / "image.tar"
    file.write_bytes(tar_bytes(entries))
    assert configs_of(list_references([f"docker-archive:{file}"])) == {"app:1": APP.config}
