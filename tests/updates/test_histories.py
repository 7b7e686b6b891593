"""The updates of the repositories of a fleet are those of the images of each, measured alone."""

from __future__ import annotations

import attrs
from hypothesis import given

from ocisize.model.fleet import Fleet
from ocisize.model.updates import ReleaseOrder
from ocisize.updates.histories import measure_histories, split_tag
from ocisize.updates.measure import measure_updates
from ocisize.updates.releases import release_of_image
from tests.fleet.made import fleet_of
from tests.fleet.random_fleets import fleets
from tests.fleet.shop import shop
from tests.fleets import service_family


def test_each_repository_has_its_history() -> None:
    """Order, sizes and platform are those of the releases of one repository."""
    fleet = fleet_of(shop())
    found = {history.name: history for history in measure_histories(fleet)}
    assert sorted(found) == [f"registry.example/{name}" for name in ("api", "base", "web", "worker")]
    for name, repository in found.items():
        roots = [root for root in fleet.roots if root.references[0].startswith(f"{name}:")]
        releases = [release_of_image(root.images[0], root.references) for root in roots]
        assert repository.history == measure_updates(releases, order=ReleaseOrder.VERSION, advice=False)
        assert repository.platform == "linux/amd64" and repository.older == 0
    totals = [history.history.by_blob.total for history in measure_histories(fleet)]
    assert totals == sorted(totals, reverse=True)


def test_tags_of_one_digest_are_one_release() -> None:
    """Of indexes, the image of the platform that most images have counts, with the index as a document."""
    found = {history.name: history.history for history in measure_histories(fleet_of(service_family()))}
    web, worker = found["registry.example/web"], found["registry.example/worker"]
    assert [release.name.rpartition(":")[2] for release in web.releases] == ["1.0", "1.1", "1.2", "2.0"]
    assert web.releases[-1].names == ("registry.example/web:2.0", "registry.example/web:stable")
    assert [release.platform for release in worker.releases] == ["linux/amd64"] * 4
    assert [len(release.documents) for release in worker.releases] == [2, 2, 3, 3]


def test_only_the_newest_releases_count() -> None:
    """The others are counted."""
    histories = measure_histories(fleet_of(shop()), max_releases=2)
    assert [len(found.history.releases) for found in histories] == [2] * 4
    found = {found.name: found for found in histories}
    api = found["registry.example/api"]
    assert [release.name.rpartition(":")[2] for release in api.history.releases] == ["1.2", "2.0"]
    assert api.older == 2 and found["registry.example/base"].older == 0


def test_references_without_a_tag_are_no_releases() -> None:
    roots = [
        attrs.evolve(root, references=[f"registry.example/api@{root.digest}"]) for root in fleet_of(shop()).roots
    ]  # fmt: skip
    assert measure_histories(Fleet(stores=["registry.example"], roots=roots)) == ()


@given(fleet=fleets())
def test_histories_of_any_fleet(fleet: Fleet) -> None:
    """Each history has the names of its repository alone, and at least two releases."""
    for found in measure_histories(fleet):
        assert len(found.history.releases) > 1
        names = [name for release in found.history.releases for name in release.names]
        assert {split_tag(name) for name in names} == {found.name}
        assert len(names) == len(set(names))
