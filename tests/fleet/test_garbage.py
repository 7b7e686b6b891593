"""What deleting frees, beside the real docker-registry: manifests are deleted, garbage is collected, blobs are counted."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import pytest

from ocisize import Fleet, find_deletions, frees, list_references, measure_fleet, read_fleet
from tests.fleets import Tagged, delete_manifest, many_images, push_fleet, service_family
from tests.images import sha256
from tests.registry import RealRegistry, collect_garbage, real_registry, stored_size

pytestmark = pytest.mark.usefixtures("home")


def measure_deletion(folder: Path, choose: Callable[[Fleet], Sequence[str]], *, untagged: bool) -> None:
    """Delete what ``choose`` returns from a registry with the family; exactly the promised bytes must be gone.

    With ``untagged``, the manifests without a tag that deleted indexes leave are deleted, too.
    """
    folder.mkdir()
    tags = service_family()
    with real_registry(folder, deletes=True) as registry:
        fleet = read_fleet(push_fleet(registry, tags))
        before = stored_size(folder)
        assert before == measure_fleet(fleet).stored_size
        chosen = choose(fleet)
        freed = frees(fleet, chosen)
        delete_references(registry, fleet, chosen)
        if untagged:
            delete_untagged(registry, tags, {fleet.roots[root].digest for root in freed.roots})
        assert stored_size(folder) == before
        collect_garbage(folder)
    assert before - stored_size(folder) == (freed.size if untagged else freed.size_if_untagged_stay)


def delete_references(registry: RealRegistry, fleet: Fleet, references: Sequence[str]) -> None:
    """Delete the manifests that references name, if all names of a manifest are among these."""
    for root in fleet.roots:
        if set(references).issuperset(root.references):
            delete_manifest(registry, root.repositories[0].partition("/")[2], root.digest)


def delete_untagged(registry: RealRegistry, tags: Sequence[Tagged], deleted: Collection[str]) -> None:
    """Delete the manifests of deleted indexes that no other tag reaches."""
    kept = {digest for tag in tags if tag.digest not in deleted for digest in tag.sizes}
    for tag in tags:
        for digest in map(sha256, tag.manifests if tag.digest in deleted else ()):
            if digest not in kept:
                delete_manifest(registry, tag.repository, digest)


CHOICES = {
    "one image": ["api:1.0"],
    "an index": ["worker:1.2"],
    "an index and the image that shares with it": ["worker:1.2", "worker:1.0"],
    "all indexes": ["worker:1.2", "worker:2.0"],
    "one of two tags of a digest": ["web:stable"],
    "both tags of a digest": ["web:stable", "web:2.0"],
    "a service": ["api:1.0", "api:1.1", "api:1.2", "api:2.0"],
    "a base in use": ["base:12.1"],
    "the recompressed image": ["worker:1.1"],
}


@pytest.mark.parametrize("untagged", [True, False], ids=["no untagged manifests", "untagged manifests stay"])
@pytest.mark.parametrize("tags", CHOICES.values(), ids=CHOICES)
def test_deleting_frees_what_is_promised(tmp_path: Path, tags: Sequence[str], untagged: bool) -> None:  # noqa: FBT001
    measure_deletion(tmp_path / "registry", lambda fleet: [f"{fleet.stores[0]}/{tag}" for tag in tags], untagged=untagged)


def test_the_best_deletions_free_what_they_promise(tmp_path: Path) -> None:
    measure_deletion(tmp_path / "registry", lambda fleet: find_deletions(fleet, 6).references, untagged=True)


def test_docker_registry_takes_images_of_tagged_indexes_for_untagged(tmp_path: Path) -> None:
    """``--delete-untagged`` of version 2.8 frees more than is promised: the images of all indexes are gone.

    https://github.com/distribution/distribution/issues/3178
    """
    with real_registry(tmp_path, deletes=True) as registry:
        references = push_fleet(registry, service_family())
        whole = read_fleet(references)
        collect_garbage(tmp_path, untagged=True)
    indexes = [root for root in whole.roots if root.is_index]
    lost = sum(image.size + image.config.size for root in indexes for image in root.images)
    assert measure_fleet(whole).stored_size - stored_size(tmp_path) >= lost > 0


def test_docker_registry_removes_all_tags_of_a_deleted_manifest(tmp_path: Path) -> None:
    """docs/fleet.md warns of tags that are deleted together with the tag that somebody names."""
    with real_registry(tmp_path, deletes=True) as registry:
        tags = [tag for tag in service_family() if tag.repository == "web"]
        push_fleet(registry, tags)
        (stable,) = (tag for tag in tags if tag.tag == "stable")
        delete_manifest(registry, "web", stable.digest)
        listed = list_references(f"{registry.host}/web:*")
    names = {reference.name.rpartition(":")[2] for reference in listed.references}
    assert names == {tag.tag for tag in tags} - {"stable", "2.0"}


def test_each_of_many_images(tmp_path: Path) -> None:
    """The unique sizes of images, one after the other: what an image frees grows as those that share with it go."""
    with real_registry(tmp_path, deletes=True) as registry:
        references = push_fleet(registry, many_images(8, 11, size=500, repositories=2))
        while references:
            fleet = read_fleet(references)
            promised, before = measure_fleet(fleet).roots[0].unique_size, stored_size(tmp_path)
            delete_references(registry, fleet, references[:1])
            collect_garbage(tmp_path, untagged=True)
            assert before - stored_size(tmp_path) == promised
            references = references[1:]
    assert stored_size(tmp_path) == 0
