"""What real tools save is read as it is: every figure, name and platform of each form of ``tests/saved/forms.toml``.

skopeo and umoci save the forms when the tests run. ``testdata/saved`` has the others, which docker 20.10.24, containerd
1.6.20, podman 4.3.1 and buildah 1.28.2 saved; where these can run, they save them again. Engines need root and the rights
to mount, which a container may lack.
"""

from __future__ import annotations

import json
import lzma
import tarfile
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path

import attrs
import pytest

import ocisize
from ocisize import Analysis, Analyzer
from ocisize.cli.main import main
from ocisize.errors import ArchiveError, OcisizeError
from tests.piping import piped
from tests.registry import RealRegistry
from tests.saved.figures import Figures
from tests.saved.forms import KEPT, Form, Image, Workshop, forms
from tests.saved.seeds import FIGURES, IMAGES
from tests.saved.tools import EngineError, programs_of
from tests.tools import program

#: schemes that the forms are also opened with
_SCHEMES = {"docker-archive": "docker-archive", "oci-archive": "oci-archive", "oci": "oci-dir", "dir": "dir"}


@attrs.frozen
class Saved:
    """A form that a tool saved, and its images."""

    form: Form
    path: Path
    images: tuple[Image, ...]

    @property
    def is_single(self) -> bool:
        """Whether no choice among images is needed."""
        return len(self.images) == 1


Save = Callable[[str], Saved]


@pytest.fixture(scope="session")
def workshop(registry: RealRegistry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """A workshop in which tools save."""
    with Workshop(tmp_path_factory.mktemp("saved"), registry.host) as made:
        yield made


@pytest.fixture(scope="session")
def save(registry: RealRegistry, workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Save:
    """Return a form by its name: saved by its tool, or unpacked from ``testdata/saved``; once for all tests."""
    kept = tmp_path_factory.mktemp("kept")

    @cache
    def save_once(name: str) -> Saved:
        form = forms()[name]
        if form.kept:
            path = unpack(form, kept / name)
        else:
            path = run_tool(form, workshop)
        return Saved(form, path, form.images(path, registry.host))

    return save_once


def run_tool(form: Form, workshop: Workshop) -> Path:
    """Let a form's tool save the form; skip the test if what the tool saved is kept and its engine cannot run here."""
    for name in programs_of(form.tool):
        program(name)
    try:
        return workshop.make(form)
    except EngineError as error:
        if not form.kept:
            raise
        pytest.skip(f"{error}; what it saved is read in the other tests")


def unpack(form: Form, path: Path) -> Path:
    """Write a form of ``testdata/saved`` as its tool wrote it."""
    data = lzma.decompress((KEPT / f"{form.name}.xz").read_bytes())
    if form.is_file:
        path.write_bytes(data)
        return path
    archive = path.with_suffix(".unpacked")
    archive.write_bytes(data)
    with tarfile.open(archive) as members:
        members.extractall(path)  # noqa: S202 - of this repository
    return path


def check(analysis: Analysis, expected: Figures, warning: str = "") -> None:
    """The analysis has the figures of the image, and a warning for each layer or none."""
    assert tuple(layer.diff_id for layer in analysis.layers) == expected.diff_ids
    assert analysis.content_size == expected.content
    assert analysis.live_size == expected.live
    assert analysis.wasted_size == expected.waste
    assert analysis.compressed_size == expected.compressed
    assert analysis.platform in (expected.platform, expected.platform.removesuffix("/v8"))
    assert len(analysis.warnings) == (len(analysis.layers) if warning else 0)
    assert all(warning in each for each in analysis.warnings)


def analyze(path: str | Path, figures: Figures, select: str | None = None) -> Analysis:
    return Analyzer(platform=figures.platform, verify=True).analyze(path, select=select)


def names_of(wanted: Callable[[Form], bool]) -> Sequence[str]:
    return [name for name, form in forms().items() if wanted(form)]


SINGLE = names_of(lambda form: form.count <= 1 and form.scheme != "rootfs")
SEVERAL = names_of(lambda form: form.count > 1)


@pytest.mark.parametrize("name", SINGLE)
@pytest.mark.parametrize("with_scheme", [False, True], ids=["", "scheme"])
def test_one_image(name: str, with_scheme: bool, save: Save) -> None:
    """A form of one image is opened by its path, with and without its scheme, for each of its platforms."""
    saved = save(name)
    path = f"{_SCHEMES[saved.form.scheme]}:{saved.path}" if with_scheme else saved.path
    for figures in saved.images[0].platforms:
        check(analyze(path, figures), figures, saved.form.warning)


@pytest.mark.parametrize("name", names_of(lambda form: form.is_file and form.count <= 1))
def test_one_image_from_a_pipe(name: str, save: Save) -> None:
    """What a tool wrote to a file is read from a pipe, too, in the order of its members; all of it is verified."""
    saved = save(name)
    text = "rootfs:{}" if saved.form.scheme == "rootfs" else "{}"
    for figures in saved.images[0].platforms:
        with piped(saved.path.read_bytes()) as writer:
            analysis = Analyzer(platform=figures.platform or None).analyze(text.format(writer.path))
        if saved.form.scheme == "rootfs":
            assert (analysis.content_size, analysis.layers[0].diff_id) == (figures.content, figures.diff_ids[0])
            continue
        check(analysis, figures, saved.form.warning)
        assert all(layer.digest_verified or layer.diff_id_verified for layer in analysis.layers)


@pytest.mark.parametrize("name", SEVERAL)
def test_several_images(name: str, save: Save, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a choice, the error lists every image by its names, or by the number that selects it."""
    saved = save(name)
    with pytest.raises(ArchiveError, match="several images") as caught:
        Analyzer().analyze(saved.path)
    for number, image in enumerate(saved.images):
        assert any(text in str(caught.value) for text in (*image.names[:1], f"@{number}"))
    assert main([str(saved.path)]) == 2
    assert "--select" in capsys.readouterr().err


@pytest.mark.parametrize("name", names_of(lambda form: form.count > 0))
def test_select(name: str, save: Save) -> None:
    """``--select`` chooses an image by each of its names and by its number."""
    saved = save(name)
    for number, image in enumerate(saved.images):
        for selector in (*image.names, f"@{number}"):
            for figures in image.platforms:
                check(analyze(saved.path, figures, selector), figures, saved.form.warning)
    with pytest.raises(OcisizeError, match=r"nothing:1"):
        Analyzer().analyze(saved.path, select="nothing:1")


@pytest.mark.parametrize("name", names_of(lambda form: form.count > 0))
def test_every_image_is_listed(name: str, save: Save) -> None:
    """A fleet has references for each image of a form, by its names or what else selects it, and for nothing else."""
    saved = save(name)
    listed = ocisize.list_references([str(saved.path)])
    assert not listed.failures
    assert len({*map(str, listed.references)}) == len(listed.references)
    known = {tuple(figures.diff_ids for figures in image.platforms): image for image in saved.images}
    found = set[tuple[tuple[str, ...], ...]]()
    for reference in listed.references:
        index = Analyzer().analyze_all(reference.name, select=reference.select)
        found.add(tuple(tuple(str(layer.diff_id) for layer in analysis.layers) for analysis in index.analyses.values()))
    assert found == set(known)


@pytest.mark.parametrize("name", names_of(lambda form: form.count > 0))
def test_all_platforms(name: str, save: Save) -> None:
    """``--all-platforms`` analyses every platform of an image, and names each."""
    saved = save(name)
    for image in saved.images:
        select = None if saved.is_single else (*image.names, f"@{saved.images.index(image)}")[0]
        index = Analyzer(verify=True).analyze_all(saved.path, select=select)
        assert len(index.analyses) == len(image.platforms)
        for analysis, figures in zip(index.analyses.values(), image.platforms, strict=True):
            check(analysis, figures, saved.form.warning)


@pytest.mark.parametrize("name", SINGLE)
def test_a_platform_that_is_absent(name: str, save: Save) -> None:
    """The error of a platform that an image lacks names those that the image has."""
    saved = save(name)
    if len(saved.images[0].platforms) > 1:
        with pytest.raises(OcisizeError) as caught:
            Analyzer(platform="linux/s390x").analyze(saved.path)
        for figures in saved.images[0].platforms:
            assert figures.platform.removesuffix("/v8") in str(caught.value)


def test_a_platform_that_is_not_stored(save: Save, capsys: pytest.CaptureFixture[str]) -> None:
    """ctr export --platform stores one platform and an index of all: the error of another one names the one that is there."""
    saved = save("ctr-export-arm64.tar")
    with pytest.raises(OcisizeError, match="no image for platform linux/amd64; available: linux/arm64") as caught:
        Analyzer(platform="linux/amd64").analyze(saved.path)
    assert "listed without their manifests: linux/amd64" in str(caught.value)
    assert main([str(saved.path), "--platform", "linux/amd64"]) == 2
    assert "blobs/sha256" not in capsys.readouterr().err


@pytest.mark.parametrize("name", SINGLE)
def test_json(name: str, save: Save, capsys: pytest.CaptureFixture[str]) -> None:
    """``-f json`` has the same figures, and what it writes can be read back."""
    saved = save(name)
    figures = saved.images[0].platforms[0]
    assert main([str(saved.path), "-q", "-f", "json", "--platform", figures.platform]) == 0
    text = capsys.readouterr().out
    document = json.loads(text)
    assert document["content_size"] == figures.content
    assert document["live_size"] == figures.live
    assert document["wasted_size"] == figures.waste
    check(ocisize.from_json(text), figures, saved.form.warning)


@pytest.mark.parametrize("name", names_of(lambda form: form.scheme == "rootfs"))
def test_root_filesystem(name: str, save: Save) -> None:
    """What is exported of a container has the files that the container sees, in one layer; without its scheme it is named."""
    saved = save(name)
    analysis = Analyzer(verify=True).analyze(f"rootfs:{saved.path}")
    (figures,) = saved.images[0].platforms
    assert [layer.diff_id for layer in analysis.layers] == [*figures.diff_ids]
    assert (analysis.content_size, analysis.wasted_size) == (figures.content, 0)
    assert analysis.live_size == FIGURES["amd64"].live
    with pytest.raises(ArchiveError, match="a root filesystem"):
        Analyzer().analyze(saved.path)


@pytest.mark.parametrize("name", names_of(lambda form: form.is_pushed))
def test_registry(name: str, registry: RealRegistry, workshop: Workshop) -> None:
    """What a tool pushes to a real registry has the figures of what skopeo copies back from there."""
    form = forms()[name]
    for image in form.images(run_tool(form, workshop), registry.host):
        for figures in image.platforms:
            tagged = analyze(f"docker://{image.reference}", figures)
            check(tagged, figures)
            repository = image.reference.rpartition(":")[0]
            check(analyze(f"{repository}@{tagged.digest}", figures), figures)
        index = Analyzer(verify=True).analyze_all(image.reference)
        for analysis, figures in zip(index.analyses.values(), image.platforms, strict=True):
            check(analysis, figures)


@pytest.mark.parametrize("name", names_of(lambda form: form.kept))
def test_kept_forms(name: str, save: Save) -> None:
    """``manifest.json`` of ``testdata/saved`` says how each form was made, and the figures are those of today's seeds."""
    saved = save(name)
    row = json.loads((KEPT / "manifest.json").read_text())[name]
    assert tuple(row["commands"]) == saved.form.commands
    assert row["scheme"] == saved.form.scheme
    expected = [image.as_json() for image in saved.images]
    assert json.loads(json.dumps(expected)) == row["images"]


@pytest.mark.parametrize("name", names_of(lambda form: form.kept))
def test_kept_forms_are_saved_again(name: str, registry: RealRegistry, save: Save, workshop: Workshop) -> None:
    """Where the tool is installed, its commands save the same images again."""
    saved = save(name)
    again = saved.form.images(run_tool(saved.form, workshop), registry.host)
    assert {comparable(image, saved.form) for image in again} == {comparable(image, saved.form) for image in saved.images}


def comparable(image: Image, form: Form) -> Image:
    """The image without what depends on the machine: blobs that a tool knows, and times in layers that a tool builds."""
    platforms = [attrs.evolve(figures, compressed=None) for figures in image.platforms]
    if not form.count:
        platforms = [attrs.evolve(figures, diff_ids=()) for figures in platforms]
    return attrs.evolve(image, platforms=tuple(platforms))


def test_seeds_have_each_kind() -> None:
    """The images have a repeated layer, a layer of two images, whiteouts, a hard link, a symlink and a duplicate."""
    layers = {name: [layer.digest for layer in image.layers] for name, image in IMAGES.items()}
    assert len(set(layers["amd64"])) < len(layers["amd64"])
    assert set(layers["amd64"]) & set(layers["other"])
    assert set(layers["amd64"]) & set(layers["arm64"])
    kinds = {(each.content, each.live, each.waste) for each in FIGURES.values()}
    assert kinds == {(11_710, 6210, 5500), (4400, 3400, 1000), (5620, 5620, 0)}
