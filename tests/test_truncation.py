"""Cut anywhere: a blob, a layer's tar or a saved file that ends early is refused, or says all that the whole one says."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import attrs
import pytest

from ocisize import Analyzer
from ocisize.errors import LayerError, OcisizeError, StreamError, TarError
from ocisize.blob.stream import LayerStream
from ocisize.tar.scanner import scan_tar
from tests.images import Compression, Link, build_image, compress, docker_archive_entries, layer, tar_bytes, write_files
from tests.images import index_bytes, layout_files, named, sha256
from tests.strategies import Bytes, long_name, member, pax
from tests.oci.test_image import MemorySource

NOISE = random.Random(7).randbytes(600)
TAR = tar_bytes({"etc/a": b"a" * 700, "bin/noise": NOISE, "bin/sh": Link("noise"), "n" * 200: b"long"})


@pytest.mark.parametrize("compression", ["gzip", "zstd", "xz", "bzip2"])
def test_streams_cut_at_every_offset(compression: Compression) -> None:
    """Of a compressed layer nothing passes but the whole, by the decoder alone, without a digest."""
    blob = compress(TAR, compression)
    for cut in range(1, len(blob)):
        stream = LayerStream([blob[:cut]])
        with pytest.raises((StreamError, TarError)):
            scan_tar(stream)
            stream.finish()
    stream = LayerStream([blob])
    assert len(scan_tar(stream)) == 4


@pytest.mark.parametrize("compression", ["gzip", "zstd", "xz", "bzip2"])
def test_several_streams_in_one_cut_at_every_offset(compression: Compression) -> None:
    """The same where a blob is made of several members or frames: it is not whole between them either."""
    parts = [compress(TAR[:700], compression), compress(TAR[700:2300], compression), compress(TAR[2300:], compression)]
    blob = b"".join(parts)
    for cut in range(1, len(blob)):
        stream = LayerStream([blob[:cut]])
        with pytest.raises((StreamError, TarError)):
            scan_tar(stream)
            stream.finish()


def test_tars_cut_at_every_offset() -> None:
    """A tar without digest may end between entries, as Go has it; within one it never does."""
    parts = [member(b"a", b"x" * 600), pax((b"path", b"p" * 300)), member(b"b", b"y"), long_name(b"n" * 600), member(b"c")]
    tar = b"".join(parts) + bytes(1024)
    whole = [entry.path for entry in scan_tar(Bytes(tar))]
    ends = {0, 1536, 3584, len(tar) - 1024, len(tar) - 512, len(tar)}
    padding = {*range(512 + 600, 1536), *range(3072 + 1, 3584)}
    special = {*range(2048 + 310, 2561), *range(4096 + 601, 5121)}  # headers that nothing follows are an end to Go as well
    for cut in range(len(tar) + 1):
        try:
            found = [entry.path for entry in scan_tar(Bytes(tar[:cut]))]
        except TarError:
            assert cut not in ends
        else:
            assert cut in ends | padding | special, cut
            assert found == whole[: len(found)]


@pytest.mark.parametrize("form", ["docker-archive", "oci-archive"])
@pytest.mark.parametrize("outer", ["plain", "gzip", "zstd", "xz", "bzip2"])
def test_saved_files_cut_anywhere(tmp_path: Path, form: str, outer: Compression) -> None:
    """Of a saved file that is cut either nothing is said, or what the whole one says: its end marker may be missing."""
    image = build_image([layer({"a": NOISE, "b": b"x" * 50}), layer({"c": b"y" * 90})])
    files = layout_files(index_bytes([named(image.descriptor, "app")]), image.blobs)
    entries = docker_archive_entries(image, "skopeo", ["app:1"]) if form == "docker-archive" else files
    data, path = compress(tar_bytes(entries), outer), tmp_path / "image.tar"
    path.write_bytes(data)
    whole = Analyzer().analyze(path)
    cuts = range(len(data)) if outer != "plain" else sorted({*range(0, len(data), 509), *range(0, len(data), 512)})
    passed = 0
    for cut in cuts:
        path.write_bytes(data[:cut])
        try:
            found = Analyzer().analyze(path)
        except OcisizeError:
            continue
        passed += 1
        assert attrs.evolve(found, layers=()) == attrs.evolve(whole, layers=())
    assert bool(passed) == (outer == "plain")


@pytest.mark.parametrize("compression", ["gzip", "zstd", "plain"])
def test_layers_cut_at_every_offset_are_named(tmp_path: Path, compression: Compression) -> None:
    """A blob in a layout that is shorter than its descriptor says is an error in that layer, whatever is left of it."""
    image = build_image([layer({"a": b"1"}), layer({"b": NOISE}, compression)])
    folder = write_files(layout_files(index_bytes([named(image.descriptor, "app")]), image.blobs), tmp_path / "l")
    blob = image.layers[1].blob
    path = folder / "blobs" / image.layers[1].digest.replace(":", "/")
    for cut in range(0, len(blob), 1 if compression != "plain" else 97):
        path.write_bytes(blob[:cut])
        with pytest.raises(LayerError) as caught:
            Analyzer().analyze(folder)
        assert caught.value.index == 1


def test_a_descriptor_of_the_cut_blob_does_not_help() -> None:
    """Who writes the digest and size of the cut blob into the manifest is refused by the stream itself."""
    whole = layer({"b": NOISE})
    for cut in range(1, len(whole.blob)):
        blob = whole.blob[:cut]
        image = build_image([attrs.evolve(whole, blob=blob)])
        assert sha256(blob) == "sha256:" + hashlib.sha256(blob).hexdigest()
        with pytest.raises(LayerError):
            Analyzer().analyze_source(MemorySource(image.manifest, image.blobs))
