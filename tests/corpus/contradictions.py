"""Archives with both documents, index.json and manifest.json, that say different things, and names of many images."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.corpus.cases import Case, Verdict
from tests.images import (
    OCI,
    BuiltImage,
    Entry,
    Link,
    build_image,
    index_bytes,
    layer,
    layout_files,
    named,
    sha256,
    tar_bytes,
)

ESCAPE = "\x1b]0;pwned\x07"
_IMAGE = build_image([layer({"etc/a": b"a" * 1000}, "plain"), layer({"etc/b": b"b" * 500}, "plain")])
_OTHER = build_image([layer({"etc/c": b"c" * 10}, "plain")])
_CONFIG = f"blobs/{sha256(_IMAGE.config).replace(':', '/')}"
_LAYERS = [f"blobs/{built.digest.replace(':', '/')}" for built in _IMAGE.layers]


def contradiction_cases() -> Iterator[Case]:
    """All of them."""
    yield from _manifests()
    yield from _documents()
    yield from _names()


def _case(
    name: str, verdict: Verdict, message: str, entries: Sequence[tuple[str, Entry]] | Mapping[str, Entry], *options: str
) -> Case:
    def write(folder: Path) -> Path:
        path = folder / "image.tar"
        path.write_bytes(tar_bytes(entries))
        return path

    return Case(f"contradiction-{name}", verdict, message, lambda: write, options)


def _item(layers: Sequence[str] = _LAYERS, config: str = _CONFIG, tags: Sequence[str] | None = ("app:1",)) -> dict[str, Any]:
    return {"Config": config, "RepoTags": tags, "Layers": layers}


def _archive(
    items: object = (), manifest: bytes = _IMAGE.manifest, entries: Sequence[Mapping[str, Any]] | None = None, **more: Entry
) -> dict[str, Entry]:
    """An archive of both documents; ``manifest`` is the OCI manifest of the image."""
    descriptor = {"mediaType": f"{OCI}.manifest.v1+json", "digest": sha256(manifest), "size": len(manifest)}
    listed = [named(descriptor, "app:1")] if entries is None else entries
    files = layout_files(index_bytes(listed), {**_IMAGE.blobs, **_OTHER.blobs, sha256(manifest): manifest})
    return {**files, "manifest.json": json.dumps(items or [_item()]).encode(), **more}


def _with_layers(*layers: Mapping[str, Any]) -> bytes:
    return json.dumps({**json.loads(_IMAGE.manifest), "layers": layers}).encode()


def _manifests() -> Iterator[Case]:
    first, second = (built.descriptor for built in _IMAGE.layers)
    other = _OTHER.layers[0].descriptor
    yield _case("none", "accept", "", _archive())
    composed = "manifest.json is used: the OCI manifest .* lists {} of 2 layers"
    yield _case("manifest-without-layers", "accept", composed.format(0), _archive(manifest=_with_layers()))
    yield _case("manifest-of-one-layer", "accept", composed.format(1), _archive(manifest=_with_layers(second)))
    too_many = _archive(manifest=_with_layers(first, second, first))
    yield _case("manifest-of-three-layers", "accept", composed.format(3), too_many)
    yield _case(
        "manifest-in-another-order",
        "accept",
        "in another order than the config",
        _archive(manifest=_with_layers(second, first)),
    )
    yield _case("manifest-of-other-layers", "reject", "contradict", _archive(manifest=_with_layers(first, other)))
    lost = {"mediaType": f"{OCI}.layer.v1.tar", "digest": sha256(b"lost"), "size": 4}
    yield _case(
        "manifest-of-lost-layers", "accept", "refers to 1 missing layers of 2", _archive(manifest=_with_layers(first, lost))
    )
    gone = _archive()
    del gone[f"blobs/{_IMAGE.digest.replace(':', '/')}"]
    yield _case("manifest-missing", "accept", "the OCI manifest sha256:.* is missing", gone)
    whole = "index.json is used: manifest.json {}"
    yield _case("item-of-one-layer", "accept", whole.format("lists 1 of 2 layers"), _archive([_item(_LAYERS[:1])]))
    yield _case("item-without-layers", "accept", whole.format("lists 0 of 2 layers"), _archive([_item([])]))
    yield _case("item-in-another-order", "reject", "contradict|has digest", _archive([_item(_LAYERS[::-1])]))
    neither = _archive([_item(_LAYERS[:1])], _with_layers(first))
    yield _case("neither-is-whole", "accept", "the config lists 2 layers, the manifest 1", neither)
    yield _case(
        "neither-has-layers", "reject", "the config lists 2 layers, the manifest none", _archive([_item([])], _with_layers())
    )
    links: dict[str, Entry] = {"x/layer.tar": Link(f"../{_LAYERS[0]}"), "y/layer.tar": Link(f"../{_LAYERS[1]}")}
    yield _case("item-of-links", "accept", "", {**_archive([_item(["x/layer.tar", "y/layer.tar"])]), **links})
    crossed = {**_archive([_item(["y/layer.tar", "x/layer.tar"])]), **links}
    yield _case("item-of-crossed-links", "reject", "contradict", crossed)
    hostile = _archive([_item([ESCAPE, "../../etc/passwd"])])
    yield _case("item-of-hostile-layers", "accept", whole.format("refers to 2 missing layers of 2"), hostile)
    yield _case("item-of-a-hostile-config", "reject", "several images|has no member", _archive([_item(config=ESCAPE)]))


def _documents() -> Iterator[Case]:
    def with_file(name: str, data: bytes) -> dict[str, Entry]:
        return {**_archive(), name: data}

    for kind, data in (("html", b"<html>"), ("deep", b"[" * 500_000), ("nan", b"[NaN]"), ("numbers", b"[1]")):
        yield _case(f"items-{kind}", "accept", "manifest.json is not used", with_file("manifest.json", data))
        yield _case(f"index-{kind}", "reject", "index.json", with_file("index.json", data))
    yield _case(
        "items-huge", "reject", "manifest.json has .* more than 20971520", with_file("manifest.json", b" " * (21 << 20))
    )
    yield _case("index-null", "accept", "", with_file("index.json", b'{"schemaVersion": 2, "manifests": null}'))
    twice = [*_archive().items(), ("manifest.json", json.dumps([_item(_LAYERS[:1])]).encode())]
    yield _case("items-twice", "reject", "the archive has two different files manifest.json", twice)
    same = [*_archive().items(), ("manifest.json", _archive()["manifest.json"])]
    yield _case("items-twice-the-same", "accept", "", same)
    index = [*_archive().items(), ("index.json", index_bytes([]))]
    yield _case("index-twice", "reject", "index.json", index)


def _names() -> Iterator[Case]:
    def platforms(count: int, *, same: bool) -> dict[str, Entry]:
        """Items of one name; their configs are for as many platforms."""
        files: dict[str, Entry] = {"a.tar": _OTHER.layers[0].tar}
        items = []
        for number in range(count):
            image = build_image(_OTHER.layers, architecture="amd64" if same else f"a{number}", config={"x": number})
            files[f"{number}.json"] = image.config
            items.append(_item(["a.tar"], f"{number}.json"))
        return {**files, "manifest.json": json.dumps(items).encode()}

    absent = "no image for platform linux/s390x; available: linux/a0"
    yield _case("platforms-1000", "reject", absent, platforms(1000, same=False), "--platform", "linux/s390x")
    yield _case("platforms-300-chosen", "accept", "", platforms(300, same=False), "--platform", "linux/a299")
    yield _case("platforms-50-all", "accept", "", platforms(50, same=False), "--all-platforms")
    yield _case("platform-1000-times", "reject", "several images", platforms(1000, same=True))
    yield _case(
        "platform-selected", "reject", "is the name of several images", platforms(1000, same=True), "--select", "app:1"
    )
    tags = [f"{ESCAPE}{number}" for number in range(20_000)]
    yield _case("names-20000", "accept", "", _archive([_item(tags=tags)]))
    entries = [named(_IMAGE.descriptor, f"app:{number}") for number in range(9000)]
    yield _case("names-9000-in-the-index", "accept", "", _archive(entries=entries))
    both = _archive([_item(tags=[f"app:{number}"]) for number in range(5000)], entries=entries[:5000])
    yield _case("names-5000-in-both", "accept", "", both)
    yield _case("name-selected-hostile", "reject", "no image", _archive(), "--select", ESCAPE)
    yield _case("name-selected-huge", "reject", "no image", _archive(), "--select", "a" * 100_000)
    swapped = [named(_IMAGE.descriptor, "app:2"), named(_OTHER.descriptor, "app:1")]
    yield _case("names-swapped", "reject", "several images", _archive(entries=swapped))
    yield _case("name-of-two", "reject", "several images", _archive(entries=swapped), "--select", "app:1")


def both_documents(image: BuiltImage) -> dict[str, Entry]:
    """An archive of an image in both forms, as a seed for mutations."""
    files = layout_files(index_bytes([named(image.descriptor, "app:1")]), image.blobs)
    members = [f"blobs/{built.digest.replace(':', '/')}" for built in image.layers]
    item = _item(members, f"blobs/{sha256(image.config).replace(':', '/')}")
    return {**files, "manifest.json": json.dumps([item]).encode()}
