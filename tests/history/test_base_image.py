"""The base image: how it is found, and how sure that is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ocisize import Analysis, Analyzer, OcisizeError
from ocisize.history.base_image import BUILDPACKS_KEY, DIGEST_KEY, NAME_KEY, find_base, match_given
from ocisize.model.base import BaseImage, GivenBase, BaseMethod
from ocisize.model.base import BaseCertainty
from ocisize.model.build_files import BuildFiles
from ocisize.errors import NoMatchingPlatform, SourceError
from ocisize.blob.digest import Digest
from ocisize.oci.documents import History, ImageConfig, RootFs, RunConfig
from tests.images import (
    BuiltImage, build_image, index_bytes, layer, layout_files, sha256, write_docker_archive, write_files, write_layout,
)  # fmt: skip

from tests.registry import Answer, Server

DIFF_IDS = tuple(Digest(f"sha256:{number:064x}") for number in range(9))


def step(created_by: str = "", created: str = "", comment: str = "", author: str = "", *, empty: bool = False) -> History:
    return History(created=created, created_by=created_by, comment=comment, author=author, empty_layer=empty)


def kit(created_by: str, created: str = "", *, empty: bool = False) -> History:
    text = created_by if empty else f"{created_by} # buildkit"
    return step(text, created, "buildkit.dockerfile.v0", empty=empty)


def found(
    *history: History, layers: int | None = None, run: RunConfig | None = None, annotations: Mapping[str, str] | None = None
) -> BaseImage | None:
    count = sum(not entry.empty_layer for entry in history) if layers is None else layers
    config = ImageConfig(RootFs(diff_ids=DIFF_IDS[:count]), history=history, run=run or RunConfig())
    return find_base(config, annotations or {}, count)


def summary(base: BaseImage | None) -> tuple[int, str, str] | None:
    return None if base is None else (base.layers, str(base.method), str(base.certainty))


DEBIAN = step("# debian.sh --arch 'amd64' out/ 'trixie' '@1785715200'", "2026-08-03T00:00:00Z", "debuerreotype 0.16")
PYTHON = (
    DEBIAN,
    kit("ENV PYTHON_VERSION=3.12.13", "2026-08-05T01:04:15.1Z", empty=True),
    kit("RUN /bin/sh -c apt-get install ca-certificates", "2026-08-05T01:04:15.2Z"),
    kit("RUN /bin/sh -c wget python.tar.xz", "2026-08-05T01:12:35.3Z"),
    kit('CMD ["python3"]', "2026-08-05T01:12:35.4Z", empty=True),
)  # python:3.12-slim, shortened
TEMURIN = (
    kit("ADD alpine-minirootfs-3.24.2-x86_64.tar.gz /", "2026-09-17T20:37:20Z"),
    kit('CMD ["/bin/sh"]', "2026-09-17T20:37:20Z", empty=True),
    kit("RUN /bin/sh -c wget openjdk.tar.gz", "2026-09-25T22:37:54Z"),
    kit('ENTRYPOINT ["/__cacert_entrypoint.sh"]', "2026-09-25T22:37:54Z", empty=True),
)  # eclipse-temurin:21-jre-alpine, shortened
OWN = (
    kit("WORKDIR /app", "2026-11-20T10:00:00Z"),
    kit("COPY . /app", "2026-11-20T10:00:01Z"),
    kit('CMD ["python3" "-m" "app"]', "2026-11-20T10:00:01Z", empty=True),
)


@pytest.mark.parametrize("base", [PYTHON, TEMURIN])
def test_a_pause_after_the_end_of_official_images(base: tuple[History, ...]) -> None:
    """A base's steps keep their times; that the pause lies behind its CMD or ENTRYPOINT makes it likely."""
    layers = sum(not entry.empty_layer for entry in base)
    assert summary(found(*base, *OWN)) == (layers, "created", "likely")


def test_a_base_image_with_another_base() -> None:
    """An official image itself was built on a distribution's."""
    assert summary(found(*PYTHON)) == (1, "created", "likely")


def test_the_longest_pause_counts_where_nothing_else_tells() -> None:
    """Cached steps make shorter pauses within one build; which pause is which stays a guess."""
    history = [
        kit("RUN a", "2026-01-01T00:00:00Z"), kit("RUN b", "2026-03-01T00:00:00Z"), kit("RUN c", "2026-03-02T00:00:00Z"),
    ]  # fmt: skip
    assert summary(found(*history)) == (1, "created", "guess")


@pytest.mark.parametrize(
    "created", ["0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "1980-01-01T00:00:01Z", "x", "2026-13-01T00:00:00Z"]
)
def test_placeholders_are_no_times(created: str) -> None:
    """Reproducible builds have times that tell nothing."""
    assert found(kit("RUN a", created), kit("RUN b", "2026-03-01T00:00:00Z"), kit("RUN c", "2026-03-01T00:00:00Z")) is None


@pytest.mark.slow
def test_many_pauses_end() -> None:
    """A history of many steps that go back and forth in time takes no longer than its length asks for."""
    steps = tuple(History(created=f"20{number % 2}0-01-01T00:00:00Z") for number in range(200_000))
    found = find_base(ImageConfig(RootFs(), history=steps), {}, len(steps))
    assert found is not None
    assert found.layers == len(steps) - 1


def test_times_may_have_zones_and_go_backwards() -> None:
    """The pause is measured in absolute time; a step before the one below is none."""
    same = [kit("RUN a", "2026-03-01T12:00:00+02:00"), kit("RUN b", "2026-03-01T10:00:01.5Z")]
    assert found(*same) is None
    assert found(kit("RUN a", "2026-03-01T12:00:00Z"), kit("RUN b", "2026-02-01T12:00:00Z")) is None


def test_a_cmd_among_the_steps() -> None:
    """As Trivy has it: from the top, past the metadata of the uppermost build, the next CMD is a base's last step."""
    classic = "/bin/sh -c #(nop) "
    base = [
        step(f"{classic}ADD file:1 in / "),
        step("/bin/sh -c apt-get update"),
        step(f'{classic} CMD ["bash"]', empty=True),
    ]
    own = [step(f"{classic}COPY file:2 in / "), step(f'{classic} CMD ["app"]', empty=True)]
    assert summary(found(*base, *own)) == (2, "command", "guess")
    assert summary(found(*base)) == (1, "rootfs", "guess")
    assert found(*own) is None


def test_a_change_of_builder() -> None:
    """Another builder's steps below BuildKit's are a base's; more so where the first is a root filesystem."""
    classic = [step("/bin/sh -c make"), step("/bin/sh -c make install")]
    assert summary(found(*classic, kit("COPY . /app"))) == (2, "style", "guess")
    assert summary(found(DEBIAN, kit("COPY . /app"))) == (1, "style", "likely")
    assert found(kit("RUN a"), step("/bin/sh -c b"), kit("RUN c")) is None


@pytest.mark.parametrize(
    "created_by",
    [
        "/bin/sh -c #(nop) ADD file:0123 in / ",
        "ADD alpine-minirootfs-3.24.2-x86_64.tar.gz / # buildkit",
        "ADD rootfs.tar.xz / # buildkit",
        "RUN # debian.sh --arch 'amd64' out/ 'bookworm' '@1'",
    ],
)
def test_a_root_filesystem(created_by: str) -> None:
    """A distribution's root filesystem is at least one layer of a base."""
    kind = "buildkit.dockerfile.v0" if created_by.endswith("buildkit") else ""
    rest = kit("RUN x") if kind else step("/bin/sh -c x")
    assert summary(found(step(created_by, comment=kind), rest)) == (1, "rootfs", "guess")


@pytest.mark.parametrize(
    "created_by",
    ["/bin/sh -c #(nop) ADD file:0123 in /opt/app ", "ADD app.tar.gz /opt # buildkit", "COPY rootfs / # buildkit"],
)
def test_an_archive_of_the_application(created_by: str) -> None:
    """Files that a first step adds below the root, or copies, are no distribution's: no base image is guessed."""
    kind = "buildkit.dockerfile.v0" if created_by.endswith("buildkit") else ""
    rest = kit("RUN x") if kind else step("/bin/sh -c x")
    assert found(step(created_by, comment=kind), rest) is None


def test_buildah_notes_from() -> None:
    """The uppermost FROM with a name marks the first own step; ids name steps of the same build."""
    base = [step("/bin/sh -c a", comment="FROM docker.io/library/alpine:3"), step("/bin/sh -c b")]
    own = [
        step("/bin/sh -c c", comment="FROM quay.io/team/base:1"),
        step("/bin/sh -c d", comment="FROM 0123456789ab"),
        step("CMD x", comment="FROM 0123456789ac", empty=True),
    ]
    assert found(*base, *own) == BaseImage(2, "quay.io/team/base:1", None, BaseMethod.FROM, BaseCertainty.SURE)


def test_from_scratch_has_no_base() -> None:
    """Where the builder notes that there is no base nothing is guessed."""
    history = [
        step("ADD rootfs.tar /", "2026-01-01T00:00:00Z", "FROM scratch"),
        step("x", "2026-02-01T00:00:00Z", "FROM 0123456789ab"),
    ]
    assert found(*history) is None


def test_builders_sign_their_steps() -> None:
    """Jib, ko and kaniko sign every step of their own; an image of nothing else has no base."""
    base = [step("apko", author="apko")]
    ko = [step("ko build ko://x", author="ko", comment="kodata"), step("ko build ko://x", author="ko", comment="go build")]
    jib = [step("jib-maven-plugin:3.4", author="Jib", comment="classes")]
    assert summary(found(*base, *ko)) == (1, "builder", "likely")
    assert summary(found(*base, *jib)) == (1, "builder", "likely")
    assert summary(found(DEBIAN, step("COPY . .", "0001-01-01T00:00:00Z", author="kaniko"))) == (1, "builder", "likely")
    assert found(*ko) is None


def test_layers_without_steps_lie_above_the_base() -> None:
    """rules_oci writes no history, so that its layers are those beyond the base's."""
    assert summary(found(DEBIAN, step("/bin/sh -c x"), layers=3)) == (2, "builder", "guess")


def buildpack(run_image: Any) -> RunConfig:
    return RunConfig(labels={BUILDPACKS_KEY: json.dumps({"runImage": run_image})})


def test_buildpacks_name_the_run_image() -> None:
    """The label has the uppermost layer of the run image, which is the base."""
    run = buildpack({"topLayer": DIFF_IDS[1], "reference": "run@sha256:1", "image": "paketo/run:base"})
    assert found(layers=4, run=run) == BaseImage(2, "paketo/run:base", None, BaseMethod.RUN_IMAGE, BaseCertainty.SURE)


@pytest.mark.parametrize("run_image", [None, [], "x", {}, {"topLayer": None}, {"topLayer": "sha256:0"}, {"topLayer": []}])
def test_odd_labels_tell_nothing(run_image: Any) -> None:
    """A label that does not fit is passed over."""
    assert found(layers=4, run=buildpack(run_image)) is None
    assert found(layers=4, run=RunConfig(labels={BUILDPACKS_KEY: "no JSON"})) is None


def test_a_run_image_above_the_image() -> None:
    """A config may list more layers than there are; the base cannot have more than the image."""
    label = json.dumps({"runImage": {"topLayer": DIFF_IDS[5], "image": "run"}})
    config = ImageConfig(RootFs(diff_ids=DIFF_IDS), run=RunConfig(labels={BUILDPACKS_KEY: label}))
    assert find_base(config, {}, 2) is None


def test_names_of_bases_are_shown_without_secrets() -> None:
    """Whoever writes a token into a name writes it into the report, too, unless it is taken out."""
    token = "ghp_" + "Zq7" * 12
    noted = found(step("RUN x"), step("RUN y", comment=f"FROM https://x:{token}@ghcr.io/a"))
    annotated = found(step("RUN x"), annotations={NAME_KEY: f"ghcr.io/a?{token}"})
    assert noted is not None
    assert annotated is not None
    assert (noted.name, annotated.name) == ("https://x:<redacted>@ghcr.io/a", "ghcr.io/a?<redacted>")


def test_annotations_name_the_base() -> None:
    """The name comes from annotations, the boundary from elsewhere; labels are inherited and come second."""
    names = {NAME_KEY: "docker.io/library/debian:12", DIGEST_KEY: DIFF_IDS[7]}
    labels = RunConfig(labels={NAME_KEY: "docker.io/library/alpine:3"})
    base = found(DEBIAN, kit("RUN x"), run=labels, annotations=names)
    assert base == BaseImage(1, "docker.io/library/debian:12", DIFF_IDS[7], BaseMethod.STYLE, BaseCertainty.LIKELY)
    assert found(kit("RUN x"), annotations=names) == BaseImage(
        0, "docker.io/library/debian:12", DIFF_IDS[7], BaseMethod.NAMED, BaseCertainty.GUESS
    )
    named = found(kit("RUN x"), run=labels)
    assert named is not None and named.name == "docker.io/library/alpine:3"


def test_nothing_tells() -> None:
    """No base is better than an invented one."""
    assert found() is None
    assert found(layers=3) is None
    assert found(kit("RUN a"), kit("RUN b")) is None


def given(*diff_ids: Digest | None) -> GivenBase:
    return GivenBase("base:1", DIFF_IDS[8], diff_ids)


def test_a_given_base_whose_layers_come_first() -> None:
    """It is sure, also where there is nothing else."""
    expected = BaseImage(2, "base:1", DIFF_IDS[8], BaseMethod.GIVEN, BaseCertainty.SURE)
    assert match_given(given(*DIFF_IDS[:2]), DIFF_IDS[:4]) == (expected, None)
    assert match_given(given(*DIFF_IDS[:2]), DIFF_IDS[:2]) == (expected, None)


@pytest.mark.parametrize(
    ("its", "own", "says"),
    [
        (
            (DIFF_IDS[0], DIFF_IDS[5]),
            DIFF_IDS[:3],
            f"layer 1 is {DIFF_IDS[1]}, there {DIFF_IDS[5]}; 1 of its 2 layers is shared",
        ),
        ((DIFF_IDS[5],), DIFF_IDS[:3], "0 of its 1 layers are shared"),
        (DIFF_IDS[:4], DIFF_IDS[:3], "of its 4 layers, the image has only the first 3"),
        ((), DIFF_IDS[:3], "it has no layers"),
        ((None,), (None,), "layer 0 is of unknown content"),
    ],
)
def test_a_given_base_that_is_none(its: tuple[Digest | None, ...], own: tuple[Digest | None, ...], says: str) -> None:
    """What differs first is named, and how much is shared."""
    base, note = match_given(given(*its), own)
    assert base is None
    assert note is not None and note.startswith("base:1 is not the base: ") and says in note


BASE = [layer({"bin/sh": b"s" * 3000}), layer({"lib/x": b"x" * 2000})]


ROOTFS_HISTORY = [{"created_by": "ADD rootfs.tar / # buildkit"}, {"created_by": "RUN /bin/sh -c rm -rf /old # buildkit"}]


def app(**options: Any) -> BuiltImage:
    return build_image([*BASE, layer({"app/run": b"r" * 500, "lib/.wh.x": b""})], **options)


def test_the_base_is_read_without_its_layers(tmp_path: Path) -> None:
    """A folder with nothing but the base's manifest and config is enough."""
    base = build_image(BASE)
    blobs = {digest: data for digest, data in base.blobs.items() if digest not in {each.digest for each in BASE}}
    write_files(layout_files(index_bytes([base.descriptor]), blobs), tmp_path / "base")
    analysis = Analyzer(base=tmp_path / "base").analyze(write_layout(app(), tmp_path / "app"))
    assert analysis.warnings == ()
    assert analysis.base is not None and analysis.base.base is not None and analysis.base.own is not None
    assert analysis.base.found == BaseImage(2, str(tmp_path / "base"), base.digest, BaseMethod.GIVEN, BaseCertainty.SURE)
    assert (analysis.base.base.content_size, analysis.base.base.live_size, analysis.base.base.wasted_size) == (
        5000,
        3000,
        2000,
    )
    assert (analysis.base.own.content_size, analysis.base.own.file_count) == (500, 1)


def test_the_base_may_be_stored_another_way(tmp_path: Path) -> None:
    """Layers are compared unpacked, so that archive and layout meet."""
    write_docker_archive(build_image(BASE), tmp_path / "base.tar", tags=["team/base:1"])
    analysis = Analyzer(base=str(tmp_path / "base.tar")).analyze(write_layout(app().recompressed("zstd"), tmp_path / "app"))
    assert analysis.base is not None
    assert analysis.base.found == BaseImage(2, "team/base:1", None, BaseMethod.GIVEN, BaseCertainty.SURE)


def test_another_base_is_a_warning(tmp_path: Path) -> None:
    """The analysis goes on with what the image itself tells."""
    write_layout(build_image([BASE[0], layer({"other": b"o"})]), tmp_path / "base")
    analysis: Analysis = Analyzer(base=tmp_path / "base").analyze(write_layout(app(), tmp_path / "app"))
    assert analysis.base is None
    (warning,) = analysis.warnings
    assert warning.endswith("1 of its 2 layers is shared")


def test_a_base_for_another_platform_is_an_error(tmp_path: Path) -> None:
    """As is one that cannot be read; both name the base."""
    image = write_layout(app(), tmp_path / "app")
    write_layout(build_image(BASE, architecture="s390x"), tmp_path / "base")
    for base in (tmp_path / "base", tmp_path / "nothing.tar"):
        with pytest.raises(SourceError, match=f"the base .*{base.name}") as caught:
            Analyzer(base=base).analyze(image)
        assert isinstance(caught.value.__cause__, OcisizeError)
    with pytest.raises(SourceError) as caught:
        Analyzer(base=tmp_path / "base").analyze(image)
    assert isinstance(caught.value.__cause__, NoMatchingPlatform)


def test_scratch_is_no_base(tmp_path: Path) -> None:
    """``FROM scratch`` names no image: nothing is read, and nothing is guessed."""
    image = write_layout(build_image(BASE, history=ROOTFS_HISTORY), tmp_path / "app")
    guessed, given_it = Analyzer().analyze(image), Analyzer(base="scratch").analyze(image)
    assert guessed.base is not None and guessed.base.found.method is BaseMethod.ROOTFS
    assert (given_it.base, given_it.warnings) == (None, ())


SCRATCH = "FROM scratch\nADD rootfs.tar /\nRUN rm -rf /old\n"


@pytest.mark.parametrize(
    ("dockerfile", "expected"),
    [
        (SCRATCH, None),
        ("FROM scratch AS root\nADD rootfs.tar /\nFROM root\nRUN rm -rf /old\n", None),
        ("FROM scratch\nADD rootfs.tar /\n", BaseMethod.ROOTFS),  # of the base image: the upper layer is of another build
        ("FROM debian\nADD rootfs.tar /\nRUN rm -rf /old\n", BaseMethod.ROOTFS),
        ("FROM scratch\nCOPY app /\n", BaseMethod.ROOTFS),  # of another image
        ("FROM scratch\nCOPY app /\nFROM debian\nRUN rm -rf /old\n", BaseMethod.ROOTFS),
    ],
)
def test_a_dockerfile_from_scratch_disproves_a_guess(tmp_path: Path, dockerfile: str, expected: BaseMethod | None) -> None:
    """If the Dockerfile made the lowest and the top layer, no layer is of a base image."""
    image = write_layout(build_image(BASE, history=ROOTFS_HISTORY), tmp_path / "app")
    analysis = Analyzer(build_files=BuildFiles(dockerfile="Dockerfile", text=dockerfile)).analyze(image)
    assert (analysis.base and analysis.base.found.method) == expected


@pytest.mark.parametrize(("first", "expected"), [("scratch", None), ("debian", BaseMethod.CREATED)])
def test_a_dockerfile_whose_steps_share_layers(tmp_path: Path, first: str, expected: BaseMethod | None) -> None:
    """``buildah build`` makes one layer of several steps: the history has all of them."""
    steps = ["COPY a /a", "COPY b /b", "COPY c /c", "RUN x", "RUN y", "RUN z"]
    history = [
        {"created_by": step, "created": f"2026-01-0{1 + number // 3}T00:00:00Z", "empty_layer": number % 3 < 2}
        for number, step in enumerate(steps)
    ]
    image = write_layout(build_image(BASE, history=history), tmp_path / "app")
    files = BuildFiles(dockerfile="Dockerfile", text="\n".join([f"FROM {first}", *steps]))
    analysis = Analyzer(build_files=files).analyze(image)
    assert (analysis.base and analysis.base.found.method) == expected


def test_a_dockerfile_confirms_a_guess(tmp_path: Path) -> None:
    """All layers above the guessed base are those of the Dockerfile."""
    image = write_layout(build_image(BASE, history=ROOTFS_HISTORY), tmp_path / "app")
    for text, expected in (("FROM x\nRUN rm -rf /old\n", BaseCertainty.SURE), ("FROM x\nRUN make\n", BaseCertainty.GUESS)):
        analysis = Analyzer(build_files=BuildFiles(dockerfile="Dockerfile", text=text)).analyze(image)
        assert analysis.base is not None and analysis.base.found.certainty is expected


def test_a_given_base_weighs_more_than_a_dockerfile(tmp_path: Path) -> None:
    """The digests of layers are certain."""
    write_layout(build_image(BASE[:1]), tmp_path / "base")
    image = write_layout(build_image(BASE, history=ROOTFS_HISTORY), tmp_path / "app")
    files = BuildFiles(dockerfile="Dockerfile", text=SCRATCH)
    analysis = Analyzer(base=tmp_path / "base", build_files=files).analyze(image)
    assert analysis.base is not None and analysis.base.found.method is BaseMethod.GIVEN


def test_annotations_are_read_from_manifest_and_index(tmp_path: Path) -> None:
    """The index entry has annotations of its own; the manifest's win."""
    image = app()
    document = json.loads(image.manifest) | {"annotations": {NAME_KEY: "from-manifest"}}
    annotated = BuiltImage(image.layers, image.config, json.dumps(document).encode())
    entry = {**annotated.descriptor, "annotations": {NAME_KEY: "from-index", DIGEST_KEY: DIFF_IDS[0]}}
    multi = [{**entry, "platform": {"os": "linux", "architecture": "amd64"}}]
    inner = index_bytes(multi)
    outer = index_bytes(
        [{"mediaType": "application/vnd.oci.image.index.v1+json", "digest": sha256(inner), "size": len(inner)}]
    )
    write_files(layout_files(outer, {**annotated.blobs, sha256(inner): inner}), tmp_path / "app")
    analysis = Analyzer(platform="linux/amd64").analyze(tmp_path / "app")
    assert analysis.base is not None
    assert (analysis.base.found.name, analysis.base.found.digest) == ("from-manifest", DIFF_IDS[0])
    assert (analysis.base.found.method, analysis.base.base, analysis.base.own) == (BaseMethod.NAMED, None, None)


def test_findings_in_the_base_are_distinguished(tmp_path: Path) -> None:
    """Junk that the base brings is not of the own steps' making."""
    base = build_image([layer({"var/lib/apt/lists/Packages": b"p" * 900})])
    write_layout(base, tmp_path / "base")
    image = write_layout(build_image([*base.layers, layer({"app": b"a"})]), tmp_path / "app")
    without = {finding.id: finding.in_base for finding in Analyzer().analyze(image).advice.findings}
    given_it = {each.id: each.in_base for each in Analyzer(base=tmp_path / "base").analyze(image).advice.findings}
    assert (without["OS301"], given_it["OS301"]) == (False, True)


@pytest.mark.parametrize(
    ("method", "certainty", "expected"),
    [
        (BaseMethod.GIVEN, BaseCertainty.SURE, 2),
        (BaseMethod.CREATED, BaseCertainty.LIKELY, 2),
        (BaseMethod.CREATED, BaseCertainty.GUESS, 0),
        (BaseMethod.ROOTFS, BaseCertainty.GUESS, 2),
    ],
)
def test_advice_does_not_rest_on_guesses(method: BaseMethod, certainty: BaseCertainty, expected: int) -> None:
    """Findings are assigned to the base image only if the base is more than a guess."""
    assert BaseImage(2, None, None, method, certainty).certain_layers == expected


def test_a_guess_leaves_findings_where_they_are(tmp_path: Path) -> None:
    """The figures are shown with their doubt; advice stays that for the own steps."""
    history = [
        {"created_by": "RUN a", "created": "2026-01-01T00:00:00Z"},
        {"created_by": "RUN b", "created": "2026-02-01T00:00:00Z"},
    ]
    image = build_image([layer({"var/lib/apt/lists/Packages": b"p" * 900}), layer({"app": b"a"})], history=history)
    analysis = Analyzer().analyze(write_layout(image, tmp_path / "app"))
    assert analysis.base is not None and analysis.base.found.certainty is BaseCertainty.GUESS
    assert not any(finding.in_base for finding in analysis.advice.findings)


def test_of_a_base_in_a_registry_only_documents_are_read(server: Server, tmp_path: Path) -> None:
    """Its manifest and config, no layer."""
    base = build_image(BASE)
    config = sha256(base.config)
    manifest_type = json.loads(base.manifest)["mediaType"]
    server.on("/v2/team/base/manifests/1", Answer(base.manifest, headers={"Content-Type": manifest_type}))
    server.on(f"/v2/team/base/blobs/{config}", Answer(base.config))
    analysis = Analyzer(base=f"{server.host}/team/base:1").analyze(write_layout(app(), tmp_path / "app"))
    assert analysis.base is not None
    assert analysis.base.found == BaseImage(
        2, f"{server.host}/team/base:1", base.digest, BaseMethod.GIVEN, BaseCertainty.SURE
    )
    assert {request.path for request in server.requests} <= {
        "/v2/", "/v2/team/base/manifests/1", f"/v2/team/base/blobs/{config}",
    }  # fmt: skip
