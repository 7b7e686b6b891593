"""Images whose manifest, index or config is broken, ambiguous, circular, or too large."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import attrs

from tests.corpus.cases import Bundle, Case, Verdict, bundle, good, of_document
from tests.images import OCI, BuiltImage, build_image, for_platform, index_bytes, layer, sha256, write_files

INDEX = f"{OCI}.index.v1+json"
ESCAPE = "\x1b]0;pwned\x07\x1b[31m"


def document_cases() -> Iterator[Case]:
    """All of them."""
    yield from _json()
    yield from _manifests()
    yield from _blobs()
    yield from _indexes()
    yield from _configs()


def _case(name: str, verdict: Verdict, message: str, made: Bundle, *options: str) -> Case:
    return Case(f"document-{name}", verdict, message, lambda: made, options)


def _manifest(image: BuiltImage | None = None, **changes: Any) -> Bundle:
    image = image or good()
    document = {**json.loads(image.manifest), **changes}
    return of_document({key: value for key, value in document.items() if value is not ...}, bundle(image).blobs)


def _json() -> Iterator[Case]:
    yield _case("empty", "reject", "is not valid JSON", of_document(b""))
    yield _case("html", "reject", "is not valid JSON|is a web page", of_document(b"<html><script>alert(1)</script>"))
    yield _case("not-utf-8", "reject", "is not valid JSON", of_document(b'{"a": "\xff"}'))
    yield _case("utf-16", "reject", "is not valid JSON", of_document('{"a": 1}'.encode("utf-16")))
    yield _case("bom", "reject", "is not valid JSON", of_document(b"\xef\xbb\xbf" + good().manifest))
    yield _case("nan-elsewhere", "reject", "NaN is not a JSON value", _manifest(x=float("nan")))
    yield _case("list", "reject", "is not a JSON object but list", of_document(b"[1]"))
    yield _case("number", "reject", "is not a JSON object but int", of_document(b"12"))
    yield _case(
        "number-of-a-million-digits", "reject", "is not valid JSON|is not a JSON object", of_document(b"9" * 1_000_000)
    )
    yield _case("nested-a-million-deep", "reject", "nested too deeply", of_document(b"[" * 1_000_000))
    yield _case("objects-100000-deep", "reject", "nested too deeply", of_document(b'{"a":' * 100_000))
    yield _case("cut", "reject", "is not valid JSON", of_document(good().manifest[:-20]))
    yield _case("garbage-behind", "reject", "is not valid JSON", of_document(good().manifest + b"garbage"))
    yield _case("duplicate-names", "reject", "is repeated", of_document(good().manifest[:-1] + b', "layers": []}'))
    yield _case("duplicate-name-hostile", "reject", "is repeated", of_document(b'{"\\u001b[2J": 1, "\\u001b[2J": 2}'))
    yield _case(
        "nan", "reject", "expected int|is not valid", _manifest(config={"digest": sha256(b""), "size": float("nan")})
    )
    mistakes = b'{"config": {}, "layers": [%s1]}' % (b"1," * 900_000)
    yield _case("a-million-mistakes", "reject", "is not valid", of_document(mistakes))
    yield _case(
        "two-million-values", "limit", "more than 1000000 values", of_document(b'{"layers": [%s1]}' % (b"1," * 2_000_000))
    )
    yield _case("too-large", "reject", "more than 4194304", of_document(good().manifest + b" " * (4 << 20)))


def _manifests() -> Iterator[Case]:
    config = json.loads(good().manifest)["config"]
    (one,) = json.loads(good().manifest)["layers"]
    yield _case("ambiguous", "reject", "is both an index and a manifest", _manifest(manifests=[]))
    yield _case("schema-1", "reject", "schema 1", of_document({"schemaVersion": 1, "fsLayers": [], "history": []}))
    yield _case("type-of-an-index", "reject", "is declared as", _manifest(mediaType=INDEX))
    yield _case("type-not-text", "reject", "is not valid|expected str", _manifest(mediaType=["x"]))
    yield _case("without-config", "reject", "neither an image manifest nor an index", _manifest(config=...))
    yield _case("without-layers", "reject", "the config lists 1 layers, the manifest none", _manifest(layers=...))
    yield _case("layers-null", "reject", "the config lists 1 layers, the manifest none", _manifest(layers=None))
    yield _case("layers-object", "reject", "is not valid", _manifest(layers={"0": one}))
    yield _case("layers-text", "reject", "is not valid", _manifest(layers="abc"))
    yield _case("layers-numbers", "reject", "is not valid", _manifest(layers=list(range(1000))))
    yield _case("layers-5000", "limit", "has 5000 layers, more than 4096", _manifest(layers=[one] * 5000))
    yield _case("layers-1000", "accept", "the config lists 1 layers, the manifest 1000", _manifest(layers=[one] * 1000))
    for name, digest in (
        ("climbs", "sha256:../../../etc/passwd"), ("climbs-by-algorithm", "../..:abc"), ("absolute", "/etc/passwd"),
        ("short", "sha256:abc"), ("upper-case", "sha256:" + "A" * 64), ("escape", f"sha256:{ESCAPE}"), ("nul", "sha256:\0"),
        ("long", "x:" + "a" * 100_000), ("empty", ""), ("newline", one["digest"] + "\n"), ("url", "http://evil/a:b"),
    ):  # fmt: skip
        yield _case(
            f"digest-{name}",
            "reject",
            "is not a digest",
            _manifest(layers=[{**one, "digest": digest}]),
        )
    yield _case(
        "digest-md5",
        "reject",
        "unknown algorithm md5|has no member|404",
        _manifest(layers=[{**one, "digest": "md5:" + "0" * 32}]),
    )
    yield _case("digest-number", "reject", "expected str", _manifest(layers=[{**one, "digest": 5}]))
    for name, size in (
        ("negative", -1),
        ("beyond-64-bits", 1 << 63),
        ("text", "12"),
        ("true", True),
        ("float", 1.0),
        ("null", None),
    ):
        what = "is not a size|expected int|required"
        yield _case(f"size-{name}", "reject", what, _manifest(layers=[{**one, "size": size}]))
    yield _case(
        "size-more-than-there-is",
        "reject",
        "bytes, its descriptor says|broke off",
        _manifest(layers=[{**one, "size": one["size"] + 1}]),
    )
    yield _case(
        "size-less-than-there-is",
        "reject",
        "has (more than )?[0-9]+( bytes)?,? ?(bytes, )?its descriptor says",
        _manifest(layers=[{**one, "size": one["size"] - 1}]),
    )
    yield _case(
        "size-of-8-EiB", "reject", "its descriptor says|broke off", _manifest(layers=[{**one, "size": (1 << 63) - 1}])
    )
    yield _case("size-of-config-8-EiB", "reject", "more than 16777216", _manifest(config={**config, "size": (1 << 63) - 1}))
    yield _case(
        "urls-elsewhere",
        "accept",
        "",
        _manifest(layers=[{**one, "urls": ["http://169.254.169.254/x", "file:///etc/passwd"]}]),
    )
    yield _case("annotations-numbers", "reject", "is not valid", _manifest(annotations={"a": 1}))
    noise = {f"{ESCAPE}{number}": ESCAPE * 10 for number in range(10_000)}
    yield _case("annotations-by-the-thousand", "accept", "", _manifest(annotations=noise))
    yield _case(
        "layer-of-another-type",
        "reject",
        "is not a container image",
        _manifest(layers=[{**one, "mediaType": f"text/{ESCAPE}"}]),
    )
    artifact, empty = f"application/{ESCAPE}", {**config, "mediaType": "application/vnd.oci.empty.v1+json"}
    yield _case("artifact", "reject", "is not a container image", _manifest(artifactType=artifact, config=empty))
    yield _case("artifact-type-of-an-image", "accept", "", _manifest(artifactType=artifact))
    yield _case(
        "config-without-type", "accept", "the config has no media type", _manifest(config={**config, "mediaType": ""})
    )
    yield _case("layers-an-object", "reject", "expected list, got dict", _manifest(layers={}))
    yield _case("layers-in-capitals", "reject", "must be written 'layers'", _manifest(layers=..., LAYERS=[one]))


def _blobs() -> Iterator[Case]:
    image = good()
    made, (one,) = bundle(image), image.layers
    config = sha256(image.config)

    def without(*digests: str) -> Bundle:
        return attrs.evolve(made, blobs={key: value for key, value in made.blobs.items() if key not in digests})

    def other(digest: str, data: bytes) -> Bundle:
        return attrs.evolve(made, blobs={**made.blobs, digest: data})

    yield _case("layer-missing", "reject", "layer 0 .*(has no member|404)", without(one.digest))
    yield _case("config-missing", "reject", "has no member|404", without(config))
    yield _case("layer-empty", "reject", "has 0 bytes, its descriptor says|broke off at 0", other(one.digest, b""))
    flipped = bytes([*one.blob[:-1], one.blob[-1] ^ 1])
    yield _case("layer-other-bytes", "reject", "broken gzip|has digest", other(one.digest, flipped))
    another = layer({"etc/b": b"b" * 100}).blob
    yield _case("layer-of-another", "reject", "has digest|its descriptor says|broke off", other(one.digest, another))
    yield _case("config-other-bytes", "reject", "has digest", other(config, image.config.replace(b"amd64", b"arm64")))
    yield _case("config-longer", "reject", "has more than|its descriptor says", other(config, image.config + b" "))


def _indexed(entries: list[Mapping[str, Any]], blobs: Mapping[str, bytes]) -> Bundle:
    return Bundle(index_bytes(entries), blobs, INDEX)


def _entry(data: bytes, media_type: str = INDEX) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": sha256(data), "size": len(data)}


def _indexes() -> Iterator[Case]:
    image = good()
    own = {**bundle(image).blobs, image.digest: image.manifest}
    entry = image.descriptor
    amd64 = for_platform(entry, "linux", "amd64")
    yield _case("index-of-one", "accept", "", _indexed([amd64], own))
    yield _case("index-empty", "reject", "no image|holds no image", _indexed([], own))
    yield _case("index-manifest-missing", "reject", "has no member|404|no image", _indexed([amd64], {}))
    yield _case(
        "index-other-missing",
        "accept",
        "",
        _indexed([amd64, {**amd64, "digest": sha256(b"x"), "platform": {"os": "linux", "architecture": "arm64"}}], own),
        "--platform",
        "linux/amd64",
    )
    deep, blobs = index_bytes([amd64]), dict(own)
    for _ in range(20):
        blobs[sha256(deep)] = deep
        deep = index_bytes([_entry(deep)])
    yield _case("indexes-20-deep", "limit", "nested more than 8 deep", Bundle(deep, blobs, INDEX))
    wide, blobs = index_bytes([amd64]), dict(own)
    for _ in range(7):
        blobs[sha256(wide)] = wide
        wide = index_bytes([_entry(wide)] * 500)
    yield _case("indexes-500-to-the-7th", "accept", "", Bundle(wide, blobs, INDEX), "--platform", "linux/amd64")
    zero = f"sha256:{'0' * 64}"
    circle = index_bytes([{"mediaType": INDEX, "digest": zero, "size": 100}])
    yield _case(
        "index-in-a-circle", "reject", "has digest|its descriptor says|nested", Bundle(circle, {zero: circle}, INDEX)
    )
    many = [{**amd64, "platform": {"os": "linux", "architecture": f"a{number}"}} for number in range(9000)]
    yield _case("index-of-9000-platforms", "accept", "", _indexed([*many, amd64], own), "--platform", "linux/amd64")
    untyped = [
        {"mediaType": f"{OCI}.manifest.v1+json", "digest": sha256(b"%d" % number), "size": 2} for number in range(10_500)
    ]
    # From a registry these would be ten thousand requests.
    saved = _indexed(untyped, own).files()  # type: ignore[arg-type]
    yield Case("document-index-of-10500-unknown", "limit", "more than 10000 manifests", lambda: partial(write_files, saved))
    yield _case("index-size-lies", "reject", "its descriptor says", _indexed([{**amd64, "size": 5}], own))
    yield _case(
        "index-entry-is-a-config",
        "reject",
        "neither an image manifest nor an index|is not valid",
        _indexed([{**amd64, "digest": sha256(image.config), "size": len(image.config)}], own),
    )
    hostile = {**amd64, "platform": {"os": ESCAPE, "architecture": f"<b>{ESCAPE}", "variant": "\n::error::"}}
    yield _case(
        "index-platform-hostile",
        "reject",
        "no image for platform linux/arm64; available",
        _indexed([hostile, {**hostile, "platform": {"os": "a\nb", "architecture": "c"}}], own),
        "--platform",
        "linux/arm64",
    )
    yield _case("index-climbs", "reject", "is not a digest", _indexed([{**amd64, "digest": "sha256:../../x"}], own))
    yield _case("index-all-platforms-twice", "accept", "", _indexed([amd64, amd64], own), "--all-platforms")


def _configs() -> Iterator[Case]:
    def config(**changes: Any) -> Bundle:
        return bundle(good(config=changes))

    one = good().layers[0].diff_id
    yield _case("config-list", "reject", "is not a JSON object", _with_config(b"[]"))
    yield _case("config-html", "reject", "is not valid JSON", _with_config(b"<html>"))
    yield _case("config-without-rootfs", "reject", "is not valid", _with_config(b"{}"))
    yield _case("config-deep", "reject", "nested too deeply", _with_config(b'{"a":' * 200_000))
    steps: list[dict[str, str]] = [{}] * 20_000
    yield _case("config-of-too-many-steps", "limit", "has 20000 steps, more than 16384", config(history=steps))
    told = "curl -u " * 200 + 'A_TOKEN="' * 100 + "vault login -a " * 100
    steps = [{"created_by": f"RUN {number} {told}"[:4000]} for number in range(3_900)]
    yield _case("config-of-15-megabytes-of-steps", "accept", "", config(history=steps))
    lists = b'{"x": [%s1]}' % (b"[]," * 5_000_000)
    yield _case("config-of-5-million-lists", "limit", "more than 1000000 values", _with_config(lists))
    yield _case("config-too-large", "reject", "more than 16777216", _with_config(good().config + b" " * (17 << 20)))
    yield _case(
        "config-rootfs-other",
        "reject",
        "rootfs type 'x\\\\x1b|rootfs type",
        config(rootfs={"type": f"x{ESCAPE}", "diff_ids": [one]}),
    )
    yield _case("config-diff-id-none", "reject", "is not a digest", config(rootfs={"type": "layers", "diff_ids": ["x"]}))
    yield _case(
        "config-diff-ids-too-many",
        "accept",
        "the config lists 5000 layers, the manifest 1",
        config(rootfs={"type": "layers", "diff_ids": [one] * 5000}),
    )
    yield _case("config-history-numbers", "reject", "is not valid", config(history=[1, 2]))
    yield _case("config-history-of-16000", "accept", "", config(history=[{"created_by": "RUN x"}] * 16_000))
    yield _case("config-history-empty-of-16000", "accept", "", config(history=[{"empty_layer": True}] * 16_000))
    long = "RUN " + "a && " * 100_000 + "apt-get install -y x"
    yield _case("config-step-of-500-kB", "accept", "", config(history=[{"created_by": long}]))
    for name, text in (
        ("escapes", ESCAPE), ("brackets", "RUN " + "(" * 50_000), ("quotes", "RUN " + "'\"`" * 20_000), ("backslashes", "RUN " + "\\" * 50_000),
        ("spaces", "RUN " + " " * 100_000 + "x"), ("options", "RUN apt-get " + "-y " * 50_000), ("heredocs", "RUN <<" + "A\n<<" * 20_000),
        ("substitutions", "RUN " + "$(" * 30_000), ("variables", "RUN " + "${A:-" * 30_000), ("equals", "|1 " + "A=" * 50_000 + " /bin/sh -c x"),
        ("secrets", "RUN " + "export TOKEN=abc " * 10_000), ("chown", "RUN chown -R " + "a:" * 30_000 + " /x"), ("semicolons", "RUN " + ";" * 100_000),
        ("urls", "RUN curl " + "https://a:b@" * 10_000), ("braces", "RUN rm {" + "a,{" * 20_000), ("pipes", "RUN " + "a|" * 50_000),
        ("pip", "RUN " + "pip install x && " * 10_000 + "true"), ("apt", "RUN " + "apt-get update && apt-get install -y a b c && " * 3000 + "true"),
        ("add", "ADD " + "a " * 50_000), ("copy", "COPY " + "--chown=a:b " * 20_000 + ". ."), ("nop", "/bin/sh -c #(nop) " * 5000),
    ):  # fmt: skip
        yield _case(f"config-step-of-{name}", "accept", "", config(history=[{"created_by": text}]))
    yield _case(
        "config-environment-hostile",
        "accept",
        "",
        config(
            config={
                "Env": [f"A={ESCAPE}", "=", "\0", "x" * 100_000],
                "User": ESCAPE,
                "Labels": {ESCAPE: ESCAPE},
                "Cmd": [ESCAPE],
            }
        ),
    )
    yield _case(
        "config-environment-wrong-types",
        "accept",
        "",
        config(config={"Env": {"A": 1}, "User": 5, "Labels": [1], "Cmd": {"a": None}, "Healthcheck": [None]}),
    )
    yield _case(
        "config-created-hostile",
        "accept",
        "",
        config(created=ESCAPE, os=f"linux{ESCAPE}", history=[{"created": "9999999-99-99T99", "created_by": "RUN x"}]),
    )
    yield _case("config-created-not-text", "reject", "expected str", config(created=5))
    yield _case(
        "config-surrogates",
        "accept",
        "",
        bundle(build_image([layer({"a": b"x"})], history=[{"created_by": "RUN \ud800 \udcff"}])),
    )


def _with_config(data: bytes) -> Bundle:
    image = good()
    manifest = {
        **json.loads(image.manifest),
        "config": {"mediaType": f"{OCI}.config.v1+json", "digest": sha256(data), "size": len(data)},
    }
    return of_document(manifest, {**bundle(image).blobs, sha256(data): data})
