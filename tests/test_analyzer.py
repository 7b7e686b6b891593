"""Analyzer: parallel layers, progress, clean ends."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

import ocisize
from ocisize import Analyzer, Progress, to_json
from ocisize.errors import LayerError, OcisizeError
from ocisize.oci.documents import Descriptor
from tests.images import BuiltImage, build_image, layer, write_layout


def many_layers() -> BuiltImage:
    return build_image([layer({f"f{number}": bytes([number]) * 50_000 * number}) for number in range(8)])


def test_results_do_not_depend_on_jobs(tmp_path: Path) -> None:
    """However many layers are read at once, the analysis is the same to the byte."""
    folder = str(write_layout(many_layers(), tmp_path / "l"))
    documents = {to_json(Analyzer(jobs=jobs).analyze(folder), files=True) for jobs in (1, 2, 8)}
    assert len(documents) == 1


def test_one_analyzer_serves_many_threads(tmp_path: Path) -> None:
    """Threads may share an Analyzer."""
    folder = str(write_layout(many_layers(), tmp_path / "l"))
    analyzer = Analyzer(jobs=2)
    with ThreadPoolExecutor(4) as pool:  # which raises what a thread raises
        results = set(pool.map(lambda _: to_json(analyzer.analyze(folder)), range(4)))
    assert len(results) == 1


def test_progress_reaches_every_layer_end(tmp_path: Path) -> None:
    """Progress counts stored bytes up to each layer's size, never beyond and never back."""
    image = many_layers()
    seen: dict[int, list[Progress]] = {}
    Analyzer(on_progress=lambda step: seen.setdefault(step.layer, []).append(step)).analyze(
        str(write_layout(image, tmp_path / "l"))
    )
    assert sorted(seen) == list(range(8))
    for index, steps in seen.items():
        done = [step.done for step in steps]
        assert done == sorted(done)
        assert (done[-1], steps[-1].size, steps[-1].layers) == (len(image.layers[index].blob),) * 2 + (8,)
    last = max((step for steps in seen.values() for step in steps), key=lambda step: step.total_done)
    assert (last.total_done, last.layers_done) == (last.total_size, 8)
    assert last.total_size == sum(len(layer.blob) for layer in image.layers)


def test_progress_names_the_image(tmp_path: Path) -> None:
    """One callback can show images that several threads read with one Analyzer, of a path, a source and an index."""
    folders = [str(write_layout(many_layers(), tmp_path / name)) for name in ("a", "b")]
    ends: dict[str, int] = {}

    def note(step: Progress) -> None:
        ends[step.image] = step.layers_done

    analyzer = Analyzer(jobs=2, on_progress=note)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(analyzer.analyze, folders))
    analyzer.analyze_all(folders[0])
    with closing(ocisize.open_source(folders[0])) as source:
        analyzer.analyze_source(source, name="named")
        analyzer.analyze_source(source)
    assert ends == dict.fromkeys([*folders, "named", ""], 8)


class Failing:
    """A source whose second layer breaks off; counts how far the others are read."""

    def __init__(self, image: BuiltImage) -> None:
        self.image = image

    def read_manifest(self, digest: str | None = None) -> bytes:
        return self.image.manifest

    def open_blob(self, descriptor: Descriptor) -> Iterable[bytes]:
        data = self.image.blobs[descriptor.digest]
        if descriptor.digest == self.image.layers[1].digest:
            raise OcisizeError("gone")
        yield data


def test_the_failing_layer_is_named() -> None:
    """When one layer fails, the error names it and no thread stays behind."""
    before = threading.active_count()
    with pytest.raises(LayerError, match=r"layer 1 \(sha256:[0-9a-f]{64}\): gone") as caught:
        Analyzer(jobs=4).analyze_source(Failing(many_layers()))
    assert caught.value.index == 1
    assert threading.active_count() == before


def test_public_names_exist() -> None:
    """Everything in __all__ can be imported, and nothing else is offered."""
    for name in ocisize.__all__:
        assert getattr(ocisize, name) is not None
    with pytest.raises(AttributeError, match="nonsense"):
        getattr(ocisize, "nonsense")  # noqa: B009 - as an attribute a type checker refuses it
    assert set(ocisize.__all__) <= set(dir(ocisize))
