"""The library's log: phases and choices at INFO, layers at DEBUG, and nothing unless a program asks for it."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ocisize import Analyzer
from ocisize.oci.image import read_image
from ocisize.oci.platform import parse_platform
from tests.images import build_image, for_platform, index_bytes, layer, write_docker_archive, write_layout
from tests.oci.test_image import MemorySource

IMAGE = build_image([layer({"a": b"1" * 3000, "b": b""}), layer({"c": b"2"}, "plain")])


def messages(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    return [
        record.getMessage() for record in caplog.records if record.levelno == level and record.name.startswith("ocisize.")
    ]


def test_phases_and_the_platform_are_logged_at_info(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    """INFO names the image, its platform and the seconds of each phase, in order."""
    folder = str(write_layout(IMAGE, tmp_path / "l"))
    with caplog.at_level(logging.INFO, "ocisize"):
        Analyzer(platform="linux/amd64").analyze(folder)
    found = messages(caplog, logging.INFO)
    assert any(text.endswith(": 2 layers for linux/amd64") for text in found)
    phases = [match[1] for text in found if (match := re.fullmatch(r"(.+): \d+\.\d{3} s", text))]
    assert phases == [
        "open", "manifest, config, base image and attestations", "layers", "rows", "overlay", "rules", "waste and duplicates", "system",
        "estimates", "history and sizes", "findings", "plan", "analysis",
    ]  # fmt: skip
    assert not messages(caplog, logging.DEBUG)


def test_layers_are_logged_at_debug(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    """DEBUG has a line for each layer that is read: digest, compression, bytes and entries."""
    folder = str(write_layout(IMAGE, tmp_path / "l"))
    with caplog.at_level(logging.DEBUG, "ocisize"):
        Analyzer(jobs=1).analyze(folder)
    found = [record.getMessage() for record in caplog.records if record.name == "ocisize.layer.scan"]
    assert len(found) == 2
    for index, (built, words, entries) in enumerate(
        zip(IMAGE.layers, ("gzip, streamed", "plain, in place"), (2, 1), strict=True)
    ):
        text = f"layer {index} ({built.digest}): {words}, {len(built.blob)} bytes, {entries} entries, "
        assert any(message.startswith(text) for message in found)


def test_all_platforms_are_named(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    """The analysis of all platforms logs which ones there are."""
    write_docker_archive(IMAGE, tmp_path / "app.tar", tags=["app:1"])
    with caplog.at_level(logging.INFO, "ocisize"):
        Analyzer().analyze_all(tmp_path / "app.tar")
    assert any(text.endswith(": platforms linux/amd64") for text in messages(caplog, logging.INFO))


def test_the_chosen_platform_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """The log names the image that is read, also if it is for an older variant of the platform that was asked for."""
    image = build_image([layer({})], architecture="arm", variant="v6")
    index = index_bytes(
        [for_platform(image.descriptor, "linux", "arm", "v6"), for_platform(IMAGE.descriptor, "linux", "amd64")]
    )
    with caplog.at_level(logging.INFO, "ocisize"):
        read_image(MemorySource(index, image.blobs | IMAGE.blobs), parse_platform("linux/arm/v7"))
    assert messages(caplog, logging.INFO) == [
        "platform linux/arm/v6, one of 2 images of the index: linux/arm/v7 was asked for"
    ]


def test_text_of_an_image_cannot_forge_lines(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    """Paths, names and platforms are logged with control characters escaped."""
    path = tmp_path / "app\nlayer 7.tar"
    write_docker_archive(build_image([layer({})], architecture="amd64\n\x1b[2J"), path, tags=["app:1"])
    with caplog.at_level(logging.DEBUG, "ocisize"):
        Analyzer().analyze(path)
        Analyzer().analyze(write_layout(IMAGE, tmp_path / "l\x1b[2J"))
    assert any(r"linux/amd64\n\x1b[2J" in text for text in messages(caplog, logging.INFO))
    assert all(text.isprintable() for text in map(logging.LogRecord.getMessage, caplog.records))


def test_nothing_is_logged_unless_a_program_configures_logging(tmp_path: Path) -> None:
    """A program that does not configure logging sees no line of the library, and the library changes no logger's level."""
    folder = str(write_layout(IMAGE, tmp_path / "l"))
    script = (
        "import logging, sys, ocisize; ocisize.analyze(sys.argv[1]); own = logging.getLogger('ocisize'); "
        "assert own.level == logging.NOTSET and not logging.getLogger().handlers; own.warning('unseen')"
    )
    result = subprocess.run([sys.executable, "-c", script, folder], capture_output=True, text=True, check=True)
    assert (result.stdout, result.stderr) == ("", "")


def test_help_does_not_load_logging() -> None:
    """Importing logging takes a fifth of the time that --help takes."""
    script = "import sys, ocisize, ocisize.cli.main; print('logging' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout == "False\n"
