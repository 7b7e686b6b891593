"""Check the estimate of the download of uncompressed layers against full compression, and measure what it costs.

    python benchmarks/estimates.py OUT [--case NAME] [--rounds N] [--write]

Compresses every layer of the docker archives in OUT as ``gzip -6`` does, which takes minutes, and compares the estimates of
the same archives. Then analyzes each archive with and without the estimate, each time in a new process. Prints Markdown.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import os
import platform
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
import zlib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import tables
from ocisize import Analysis, Analyzer, __version__
from ocisize.limits import Limits
from ocisize.oci.image import read_image
from ocisize.sources.open import open_source

CASES = ("python-service", "node-service", "debian-python", "node", "advice-bad", "advice-good", "scale-200000")
EXAMPLE = Path(__file__).parent.parent / "testdata" / "example.tar"
TEXT = """\
The download of docker archives with uncompressed layers, estimated from a sample, next to the sum of all layers compressed
with zlib at level 6, as `gzip -6` does. "Within" counts the layers whose size lies within the error that is stated; 95 % should.
"In a registry" is the size of the layers in the gzip layout; umoci, which wrote the layouts of the real images, compresses with a
parallel gzip written in Go. Measured {date} with `benchmarks/estimates.py`, ocisize {version}, zlib {zlib}.

{errors}

What the sample costs: `Analyzer().analyze(archive)` without and with the estimate, medians of {rounds} processes, Python {python} on
{cores} cores. The load average was {load:.0f}: an idle machine takes fewer seconds where the load exceeds the cores.

{costs}
"""


def compressed_sizes(path: Path) -> list[int]:
    """The size of each layer of an archive with uncompressed layers, as ``gzip -6`` makes it."""
    with closing(open_source(str(path), limits=Limits())) as source:
        layers = read_image(source).layers

        def compress(chunks: Iterable[bytes]) -> int:
            deflate = zlib.compressobj(6, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
            return sum(len(deflate.compress(chunk)) for chunk in chunks) + len(deflate.flush())

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return list(pool.map(compress, [source.open_blob(layer.descriptor) for layer in layers]))


def write_plain_example(path: Path) -> None:
    """The example image as an archive with uncompressed layers."""
    with closing(open_source(str(EXAMPLE), limits=Limits())) as source, tarfile.open(path, "w") as archive:
        image = read_image(source)
        layers = [gzip.decompress(b"".join(source.open_blob(layer.descriptor))) for layer in image.layers]
        files = {f"{layer.index}.tar": data for layer, data in zip(image.layers, layers, strict=True)}
        manifest = json.dumps([{"Config": "config.json", "RepoTags": [], "Layers": list(files)}])
        files |= {"config.json": b"".join(source.open_blob(image.config_descriptor)), "manifest.json": manifest.encode()}
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


def error_row(name: str, analysis: Analysis, sizes: Sequence[int], registry_size: int | None) -> list[str]:
    """The estimate of an image, its error, and how many layers are within theirs."""
    estimate, error, real = analysis.estimated_compressed_size or 0, analysis.estimate_error or 0.0, sum(sizes)
    within = [
        abs((layer.estimated_compressed_size or 0) - size) <= (layer.estimate_error or 0.0) * size + 1
        for layer, size in zip(analysis.layers, sizes, strict=True)
    ]
    return [
        name, f"{estimate:,}", f"± {100 * error:.1f} %", f"{real:,}", f"{100 * (estimate / real - 1):+.1f} %",
        f"{sum(within)} of {len(within)}", "" if registry_size is None else f"{registry_size:,}",
        "" if registry_size is None else f"{100 * (registry_size / real - 1):+.1f} %",
    ]  # fmt: skip


def time_once(path: Path, *, estimate: bool) -> tuple[float, float]:
    """Wall and CPU seconds of an analysis."""
    wall, cpu = time.perf_counter(), time.process_time()
    Analyzer(estimate_download=estimate).analyze(path)
    return time.perf_counter() - wall, time.process_time() - cpu


def cost_row(name: str, path: Path, rounds: int) -> list[str]:
    """Median seconds of an analysis with and without the estimate, each time in a new process."""
    times: dict[str, list[list[float]]] = {"without": [], "with": []}
    for _ in range(rounds):
        for kind, runs in times.items():
            command = [sys.executable, __file__, str(path), "--once", kind]
            runs.append(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))
    walls, cpus = ([statistics.median(run[column] for run in runs) for runs in times.values()] for column in (0, 1))
    return [name, *(f"{value:.2f}" for pair in (walls, cpus) for value in (*pair, pair[1] - pair[0]))]


def main() -> None:
    """Print or write the section of RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--case", action="append", choices=CASES)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="write estimates.md, of which report.py makes a section")
    parser.add_argument("--once", choices=("with", "without"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.once:
        print(json.dumps(time_once(options.out, estimate=options.once == "with")))
        return
    errors, costs = [], []
    with tempfile.TemporaryDirectory() as folder:
        paths = {"example": Path(folder) / "example.tar"}
        write_plain_example(paths["example"])
        paths |= {name: options.out / name / "docker.tar" for name in options.case or CASES}
        for name, path in paths.items():
            layout = EXAMPLE if name == "example" else options.out / name / "gzip"
            analysis, known = Analyzer().analyze(path), Analyzer().analyze(layout)
            errors.append(error_row(name, analysis, compressed_sizes(path), known.compressed_size))
            costs.append(cost_row(name, path, options.rounds))
            print(errors[-1], costs[-1], file=sys.stderr, flush=True)
    heads = ["image", "estimate", "stated", "`gzip -6`", "error", "within", "in a registry", "more than `gzip -6`"]
    text = TEXT.format(
        date=time.strftime("%Y-%m-%d"), version=__version__, zlib=zlib.ZLIB_RUNTIME_VERSION, rounds=options.rounds,
        python=platform.python_version(), cores=os.cpu_count(), load=os.getloadavg()[2], errors=tables.markdown(heads, errors),
        costs=tables.markdown(
            ["image", "wall s", "with", "more", "CPU s", "with", "more"], costs,
        ),
    )  # fmt: skip
    if options.write:
        Path(__file__).with_name("estimates.md").write_text(text)
    else:
        print(text)


if __name__ == "__main__":
    main()
