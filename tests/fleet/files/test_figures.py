"""The figures of a fleet's files against the slow reference, on the family of services and on random fleets."""

from __future__ import annotations

import io
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ocisize import scan_tar
from ocisize.cache.disk import DiskCache
from ocisize.fleet.engine import borrowed
from ocisize.fleet.engine.executors import ProcessEngine, SerialEngine
from ocisize.fleet.files import rebase
from ocisize.fleet.files.layer_use import LayerUse
from ocisize.fleet.files.read import read_fleet_files
from ocisize.fleet.measure import measure_fleet
from ocisize.model.fleet import Blob, BlobKind, Fleet, FleetImage, FleetLayer, Root
from ocisize.model.fleet_figures import FleetFigures
from ocisize.model.fleet_files import FleetFiles
from ocisize.oci.reference import Reference, parse_reference
from ocisize.rules.file_types import place_of, type_of
from ocisize.rules.load import load_catalog
from ocisize.rules.match import match_image
from tests.fleet.files import reference
from tests.fleet.given import make_fleet
from tests.fleets import Tagged, service_family, tagged, write_fleet
from tests.images import BuiltLayer, Entry, build_image, layer

TAGS = service_family()


@pytest.fixture(autouse=True)
def no_open_sources() -> Iterator[None]:
    yield
    assert not borrowed._idle


def figures_of(tags: Sequence[Tagged], folder: Path) -> FleetFigures:
    layout = write_fleet(tags, folder)
    return measure_fleet(make_fleet(tags, lambda tag: f"oci-dir:{layout}:{tag.repository}:{tag.tag}", str(layout)))


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> FleetFigures:
    return figures_of(TAGS, tmp_path_factory.mktemp("family"))


@pytest.fixture(scope="module")
def files(family: FleetFigures) -> FleetFiles:
    return read_fleet_files(family, engine=SerialEngine())


def check_contents(found: FleetFiles, tags: Sequence[Tagged]) -> None:
    """All that compares contents."""
    fleet = found.figures.fleet
    stored = reference.list_files(fleet, tags)
    expected = reference.duplicates(fleet, stored)
    shown = [(one.size, one.copies, one.layers, one.images, one.paths[0]) for one in found.duplicates]
    assert sorted(shown, key=lambda content: (-content[0] * (content[1] - 1), content)) == expected
    assert [one.excess_size for one in found.duplicates] == sorted(
        (one.excess_size for one in found.duplicates), reverse=True
    )
    assert found.duplicate_count == len(expected)
    assert found.excess_size == sum((copies - 1) * size for size, copies, *_ in expected)
    assert found.excess_across_size == sum((layers - 1) * size for size, _, layers, *_ in expected)
    distinct = {(file.content, file.size) for file in stored}
    assert (found.layer_files.total_count, found.layer_files.distinct_count) == (len(stored), len(distinct))
    assert found.layer_files.total_size == sum(file.size for file in stored)
    assert found.layer_files.distinct_size == sum(size for _, size in distinct)
    images = reference.images_of(fleet)
    assert found.image_files.total_count == sum(len(images[file.layer]) for file in stored)
    assert found.image_files.total_size == sum(len(images[file.layer]) * file.size for file in stored)
    assert found.image_files.distinct_count == len(distinct)
    types = reference.grouped(
        stored, lambda path: type_of(path.rpartition("/")[2].encode(), place_of(path.rpartition("/")[0].encode()))
    )
    assert {
        group.name: (group.files, group.size, group.excess_files, group.excess_size) for group in found.file_types
    } == types
    directories = reference.grouped(stored, reference.top_directory)
    assert {
        group.name: (group.files, group.size, group.excess_files, group.excess_size) for group in found.directories
    } == directories


def test_contents_of_the_family(files: FleetFiles) -> None:
    check_contents(files, TAGS)
    assert files.complete
    assert files.excess_size > 0


def test_layers_of_the_family(files: FleetFiles) -> None:
    """Totals over images count a layer for each image that has it."""
    images = {image.digest: image for root in files.figures.fleet.roots for image in root.images}
    layers = {layer.digest: layer.size for image in images.values() for layer in image.layers}
    per_image = [dict.fromkeys(layer.digest for layer in image.layers) for image in images.values()]
    assert files.images == len(images)
    assert files.layers == len(layers)
    assert files.layer_level.total_count == sum(map(len, per_image))
    assert files.layer_level.total_size == sum(layers[digest] for own in per_image for digest in own)
    assert (files.layer_level.distinct_count, files.layer_level.distinct_size) == (len(layers), sum(layers.values()))
    stored = Counter(file.layer for file in reference.list_files(files.figures.fleet, TAGS))
    assert files.files_by_layer.total == sum(stored.values())
    assert files.files_by_image.largest == max(sum(stored[digest] for digest in own) for own in per_image)


def test_junk_names_the_layer_and_its_family(files: FleetFiles) -> None:
    """The archives of apt come with the two versions of the base, in all images on it."""
    (apt,) = [junk for junk in files.junk if junk.title.startswith("apt")]
    images = reference.images_of(files.figures.fleet)
    expected = {}
    for file in reference.list_files(files.figures.fleet, TAGS):
        if file.path.endswith(".deb"):
            expected[file.layer] = file.size
    assert {place.layer: place.size for place in apt.places} == expected
    assert len(expected) >= 2
    assert {place.layer: place.images for place in apt.places} == {digest: len(images[digest]) for digest in expected}
    assert apt.size == sum(expected.values())
    assert apt.logical_size == sum(size * len(images[digest]) for digest, size in expected.items())
    assert apt.images == len(set().union(*(images[digest] for digest in expected)))
    for place in apt.places:
        if place.images > 1:
            assert place.family is not None
            found = files.figures.families[place.family]
            assert place.layer in {layer.digest for layer in found.layers}
    assert [place.logical_size for place in apt.places] == sorted((place.logical_size for place in apt.places), reverse=True)


def test_junk_and_secrets_are_those_of_each_layer_alone(files: FleetFiles) -> None:
    """Each layer as an image of its own has the same rules and rows."""
    catalog = load_catalog()
    sums: Counter[str] = Counter()
    secrets = set[str]()
    blobs = {digest: data for tag in TAGS for digest, data in tag.blobs.items()}
    layers = dict.fromkeys(
        layer.digest for root in files.figures.fleet.roots for image in root.images for layer in image.layers
    )
    for digest in layers:
        table = scan_tar(io.BytesIO(reference.unpack(blobs[digest])))
        rules, found = match_image(catalog, [table])
        for rule, rows in rules[0].items():
            sums[rule] += sum(table.sizes[row] for row in rows)
        secrets.update(table[row].path for rows in found[0].values() for row in rows if table.sizes[row])
    assert {junk.rule: junk.size for junk in files.junk} == dict(sums)
    assert {path for secret in files.secrets for path in secret.paths} == secrets
    assert "srv/worker/.env" in secrets


def test_one_secret_in_many_layers_is_one(files: FleetFiles) -> None:
    """The file of all versions of the worker, with the images and some of the roots that have it."""
    (secret,) = [secret for secret in files.secrets if "srv/worker/.env" in secret.paths]
    stored = [f for f in reference.list_files(files.figures.fleet, TAGS) if f.path == "srv/worker/.env"]
    images = reference.images_of(files.figures.fleet)
    assert (secret.copies, secret.layers) == (len(stored), len({file.layer for file in stored}))
    with_it = set().union(*(images[file.layer] for file in stored))
    assert secret.images == len(with_it)
    roots = files.figures.fleet.roots
    assert all(any(image.digest in with_it for image in roots[root].images) for root in secret.roots)
    assert files.secret_count == len(files.secrets)


def test_one_base_for_all(files: FleetFiles) -> None:
    """Images on 12.2 could be on 12.1: only its own system is not shared, and most of that is the same files."""
    rebases = {rebase.platform: rebase for rebase in files.rebases}
    amd64 = rebases["linux/amd64"]
    assert amd64.name == "registry.example/base"
    first, second = amd64.versions
    assert (first.name.rpartition(":")[2], second.name.rpartition(":")[2]) == ("12.1", "12.2")
    fleet = files.figures.fleet
    sizes = {layer.digest: layer.size for root in fleet.roots for image in root.images for layer in image.layers}
    lost = set(second.layers) - set(first.layers)
    assert len(lost) == 1  # the certificates are the same layer
    assert amd64.unshared_size == sum(sizes[digest] for digest in lost)
    assert amd64.freed_size == amd64.unshared_size
    stored = reference.list_files(fleet, TAGS)
    kept = {file.content for file in stored if file.layer in first.layers}
    assert amd64.same_content_size == sum(f.size for f in stored if f.layer in lost and f.content in kept)
    assert amd64.moved_images == second.images == 3


def test_what_other_images_keep_is_not_freed(tmp_path: Path) -> None:
    """A layer of the old base that another image has, too, stays."""
    certs, app = layer({"etc/ssl/certs": b"c" * 3000}), [layer({"srv/app": b"%d" % number * 50}) for number in range(5)]
    old, new = layer({"etc/os": b"old" * 900}), layer({"etc/os": b"new" * 900})
    extra = layer({"etc/extra": random.Random(1).randbytes(500)})
    tags = [
        tagged("base", "1", build_image([old, extra])),
        tagged("base", "2", build_image([new, certs])),
        tagged("api", "1", build_image([old, extra, app[0]])),
        tagged("api", "2", build_image([new, certs, app[1]])),
        tagged("web", "1", build_image([new, certs, app[2]])),
        tagged("tool", "1", build_image([app[3], extra])),
    ]
    found = read_fleet_files(figures_of(tags, tmp_path / "layout"), engine=SerialEngine())
    (rebase,) = found.rebases
    assert rebase.unshared_size == len(old.blob) + len(extra.blob)
    assert rebase.freed_size == len(old.blob)
    assert rebase.moved_images == 1


def test_a_stated_base_that_is_not_in_the_fleet(tmp_path: Path) -> None:
    """Labels name it, and its layers are what its images have in common."""
    config = {"config": {"Labels": {"org.opencontainers.image.base.name": "docker.io/library/debian:12"}}}
    old, new = layer({"etc/os": b"old" * 900}), layer({"etc/os": b"new" * 900})
    apps = [layer({f"srv/{number}": b"x" * 100 * number}) for number in range(1, 6)]
    tags = [
        tagged("a", str(number), build_image([base, app], config=config))
        for number, (base, app) in enumerate(zip([old, old, new, new, new], apps, strict=True))
    ]
    found = read_fleet_files(figures_of(tags, tmp_path / "layout"), engine=SerialEngine())
    (rebase,) = found.rebases
    assert rebase.name == "docker.io/library/debian"
    assert [version.layers for version in rebase.versions] == [(new.digest,), (old.digest,)]
    assert (rebase.unshared_size, rebase.moved_images) == (len(old.blob), 2)


def test_bases_of_many_tags_are_found_in_linear_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of nightly builds that begin with each other's layers, each reference is parsed once, not once for each build."""
    parsed = list[str]()

    def count(text: str) -> Reference:
        parsed.append(text)
        return parse_reference(text)

    monkeypatch.setattr(rebase, "parse_reference", count)
    images = [
        FleetImage(
            digest=f"sha256:{number}",
            size=1,
            platform="linux/amd64",
            config=Blob(f"sha256:c{number}", 1, BlobKind.CONFIG),
            layers=[FleetLayer(f"sha256:l{place}", 1, None, "") for place in range(1 + number % 2)],
        )
        for number in range(100)
    ]
    roots = [
        Root(store=0, digest=image.digest, size=1, is_index=False, images=[image], references=[f"a.io/app:{number}"])
        for number, image in enumerate(images)
    ]
    assert rebase.find_rebases(LayerUse(Fleet(stores=["a.io"], roots=roots)), lambda _: None) == []
    assert len(parsed) == 100


def test_a_layer_that_cannot_be_read_is_named(family: FleetFigures, tmp_path: Path) -> None:
    """The figures are those of the others."""
    figures = figures_of(TAGS, tmp_path / "layout")
    lost = max(
        (layer for root in figures.fleet.roots for image in root.images for layer in image.layers),
        key=lambda layer: layer.size,
    )
    (tmp_path / "layout" / "blobs" / lost.digest.replace(":", "/")).unlink()
    found = read_fleet_files(figures, engine=SerialEngine())
    assert not found.complete
    (unread,) = found.unread
    assert (unread.layer, unread.size) == (lost.digest, lost.size)
    assert unread.images == len(reference.images_of(figures.fleet)[lost.digest])
    stored = [file for file in reference.list_files(figures.fleet, TAGS) if file.layer != lost.digest]
    assert found.layer_files.total_count == len(stored)


def test_all_engines_give_the_same_figures(family: FleetFigures, files: FleetFiles, tmp_path: Path) -> None:
    """In processes, with the cache cold and warm, and with a little memory."""
    cache = DiskCache(tmp_path / "cache")
    assert read_fleet_files(family, engine=ProcessEngine(jobs=2), cache=cache) == files
    assert read_fleet_files(family, engine=ProcessEngine(jobs=2), cache=cache) == files
    assert read_fleet_files(family, engine=SerialEngine(), cache=cache, memory=1000) == files


NAMES = ("etc/a", "etc/b.py", "usr/lib/libx.so.1", "usr/lib/python3/c.py", "srv/app/deep/er/d", "e", "usr/share/doc/x/f")
LAYERS = st.dictionaries(
    st.sampled_from(NAMES), st.sampled_from([b"", b"1", b"22", b"333" * 100, b"4" * 300, b"five"]), max_size=5
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(LAYERS, min_size=1, max_size=4), st.data())
def test_random_fleets(tmp_path: Path, contents: list[dict[str, Entry]], data: st.DataObject) -> None:
    """Images of any of some layers, in any order, one of them several times."""
    built = [layer(entries) for entries in contents]
    choices = data.draw(st.lists(st.lists(st.sampled_from(built), min_size=1, max_size=4), min_size=1, max_size=4))
    tags = [tagged("app", str(number), build_image(chosen)) for number, chosen in enumerate(choices)]
    folder = tmp_path / str(random.Random(repr((contents, choices))).getrandbits(64))
    found = read_fleet_files(
        figures_of(tags, folder), engine=SerialEngine(), memory=data.draw(st.sampled_from([1, 1 << 30]))
    )
    check_contents(found, tags)
