"""Archives of pack, which leave out the layers that the engine has (https://github.com/containers/podman/issues/8132)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ocisize import Analyzer
from ocisize.cli.main import main
from ocisize.errors import ArchiveError, LayerError
from ocisize.model.analysis import LayerFailure
from tests.images import Compression, build_image, compress, layer, sha256, tar_bytes

IMAGE = build_image([layer({"etc/a": b"a" * 1000}, "plain"), layer({"etc/b": b"b" * 500}, "plain")])
MEMBER = "b.tar"
FAILURE = "left out of the archive: manifest.json names no file for it"


def write(path: Path, layers: list[str], outer: Compression = "plain", config: bytes = IMAGE.config) -> Path:
    item = {"Config": "config.json", "RepoTags": ["app:1"], "Layers": layers}
    entries = {"config.json": config, MEMBER: IMAGE.layers[1].tar, "manifest.json": json.dumps([item]).encode()}
    path.write_bytes(compress(tar_bytes(entries), outer))
    return path


@pytest.mark.parametrize("outer", ["plain", "gzip"])
def test_a_layer_that_is_left_out_is_named(tmp_path: Path, outer: Compression) -> None:
    """The error names the layer; with keep_going the others are analyzed."""
    path = write(tmp_path / "app.tar", ["", MEMBER], outer)
    diff_id = sha256(IMAGE.layers[0].tar)
    with pytest.raises(LayerError) as raised:
        Analyzer().analyze(path)
    assert str(raised.value) == f"layer 0 ({diff_id}): {FAILURE}"
    assert raised.value.hint == "the archive was written for an engine that has the layer: save the image with docker save"
    analysis = Analyzer(keep_going=True).analyze(path)
    assert (analysis.complete, analysis.content_size, analysis.compressed_size) == (False, 500, None)
    assert [one.failure for one in analysis.layers] == [LayerFailure("fetch", FAILURE), None]


def test_all_layers_left_out(tmp_path: Path) -> None:
    """An archive without any layer is read as far as its config."""
    analysis = Analyzer(keep_going=True).analyze(write(tmp_path / "app.tar", ["", ""]))
    assert [one.failure and one.failure.step for one in analysis.layers] == ["fetch", "fetch"]


def test_a_config_of_another_length(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a diff_id for each layer, nothing says which layer is left out."""
    path = write(tmp_path / "app.tar", ["", MEMBER, MEMBER])
    with pytest.raises(ArchiveError, match="layer 0 is left out of the archive: manifest.json names no file for it"):
        Analyzer(keep_going=True).analyze(path)
    assert main([str(path)]) == 2
    assert "layer 0 is left out of the archive" in capsys.readouterr().err


def test_a_config_without_a_name(tmp_path: Path) -> None:
    """An empty name of a config is shown as such."""
    path = tmp_path / "app.tar"
    path.write_bytes(tar_bytes({"manifest.json": b'[{"Config": "", "Layers": []}]'}))
    with pytest.raises(ArchiveError, match="the name '' is that of no member of the archive"):
        Analyzer().analyze(path)
