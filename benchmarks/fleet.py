"""``ocisize fleet`` on a registry with 500 images of 575 layers, with each engine, and 20,000 synthetic manifests.

    python benchmarks/fleet.py OUT [--write]

``inputs/fleet.py`` makes OUT/fleet, if it is not there. A docker-registry on loopback serves the images, and its log tells what was
fetched. ``--write`` writes fleet.md, which report.py includes in RESULTS.md. Needs docker-registry and ``ocisize[fleet]``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent))

import attrs
import tables
from measure import Command, run
from results import describe_machine
from revisions import REPOSITORY

IMAGES, LAYERS, JOBS = 500, 575, 2
MANY_IMAGES, MANY_LAYERS = 20_000, 10
PATIENCE = 1800.0  # seconds for a command
NONE, SERIAL, PROCESSES, DASK = "documents only", "serial", "processes", "Dask"
ARGUMENTS = {NONE: [], SERIAL: ["--files", "--engine", "serial"], PROCESSES: ["--files"], DASK: ["--files", "--dask"]}
WRITTEN = """\
A docker-registry on loopback served {images} images of {layers} distinct layers in 25 repositories, which `benchmarks/inputs/fleet.py`
makes: {blobs}. Each command was `ocisize fleet LIST -f json`, with `--files` and {jobs} jobs except in the first rows. *Cold* began with an empty
cache, *warm* went on with the same one. *CPU* is that of all processes, for Dask with the start and the end of a `LocalCluster`
of {jobs} processes; *peak* is the resident memory of the largest process; *fetched* is what the registry sent, by its log: blobs of
layers and configs. All reports with `--files` were equal to the byte. Measured {date} with `benchmarks/fleet.py`, one run each, on {machine};
{versions}. The machine had other work (load {load}), so compare CPU.

{figures}

{notes}
"""


@attrs.frozen
class Row:
    """One run."""

    engine: str
    cache: str
    wall: float
    cpu: float
    peak: int
    fetched: int
    digest: str


def measure(out: Path) -> list[Row]:
    """Run all commands."""
    from tests.registry import real_registry

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        shutil.copytree(out / "storage", work / "storage", copy_function=os.link)
        with real_registry(work) as registry:
            names = (out / "references").read_text().split()
            (work / "list").write_text("".join(f"{registry.host}/{name}\n" for name in names))
            for engine in ARGUMENTS:
                for cache in ("cold", "warm"):
                    before = (work / "log").stat().st_size
                    found = run(_command(work, engine))
                    report = (work / "report.json").read_bytes()
                    log = (work / "log").read_bytes()[before:].decode()
                    sent = sum(map(int, re.findall(r'"GET /v2/\S+/blobs/\S+ HTTP/1.1" 200 (\d+)', log)))
                    digest = hashlib.sha256(report).hexdigest()[:16]
                    rows.append(Row(engine, cache, found.wall, found.cpu, found.peak, sent, digest))
                    print(rows[-1], file=sys.stderr, flush=True)
    digests = {row.digest for row in rows if row.engine != NONE}
    if len(digests) != 1:
        raise SystemExit(f"the reports differ: {rows}")
    return rows


def _command(work: Path, engine: str) -> Command:
    arguments = [
        "fleet",
        str(work / "list"),
        "-f",
        "json",
        "-o",
        str(work / "report.json"),
        "--jobs",
        str(JOBS),
        *ARGUMENTS[engine],
    ]
    environment = {"OCISIZE_CACHE_DIR": str(work / f"cache-{engine}"), "PYTHONPATH": str(REPOSITORY)}
    argv = [sys.executable, __file__, "--child", engine, *arguments]
    return Command(tuple(argv), timeout=PATIENCE, environment=environment)


def be_child(engine: str, arguments: list[str]) -> int:
    """Run the command line in this process; for Dask with a cluster of its own."""
    from ocisize.cli.main import main

    if engine != DASK:
        return main(arguments)
    import dask
    from distributed import LocalCluster

    dask.config.set({"distributed.comm.timeouts.connect": "120s", "distributed.comm.timeouts.tcp": "120s"})
    with LocalCluster(
        n_workers=JOBS, threads_per_worker=1, dashboard_address=None, host="127.0.0.1", silence_logs=50
    ) as cluster:
        return main([*arguments, cluster.scheduler_address])


def count_manifests() -> None:
    """Print the time and the memory of the figures of many images as values, as JSON."""
    from ocisize.fleet.measure import measure_fleet
    from ocisize.model.fleet import Blob, BlobKind, Fleet, FleetImage, FleetLayer, Root

    def digest(text: str) -> str:
        return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"

    roots = []
    for number in range(MANY_IMAGES):
        names = [f"base {number % 20} {depth}" if depth < 4 else f"runtime {number % 400} {depth}" if depth < 8 else f"{number} {depth}"
                 for depth in range(MANY_LAYERS)]  # fmt: skip
        layers = [FleetLayer(digest(name), 1000 + len(name) * 1000, digest(f"tar {name}"), "") for name in names]
        config = Blob(digest(f"config {number}"), 2000, BlobKind.CONFIG)
        image = FleetImage(digest=digest(f"image {number}"), size=1500, platform="linux/amd64", config=config, layers=layers)
        name = f"registry.example/team{number % 100}/app{number % 1000}:v{number}"
        roots.append(Root(store=0, digest=image.digest, size=1500, is_index=False, images=[image], references=[name]))
    fleet = Fleet(stores=["registry.example"], roots=roots)
    before = resource.getrusage(resource.RUSAGE_SELF)
    start = time.process_time()
    figures = measure_fleet(fleet)
    seconds = time.process_time() - start
    after = resource.getrusage(resource.RUSAGE_SELF)
    facts = {"cpu": seconds, "before": before.ru_maxrss * 1024, "peak": after.ru_maxrss * 1024, "blobs": figures.blobs}
    print(json.dumps(facts))


def make_tables(rows: list[Row]) -> str:
    """All runs, with the CPU beside that of the serial engine."""
    serial = {row.cache: row.cpu for row in rows if row.engine == SERIAL}
    cells = [
        [
            row.engine,
            row.cache,
            f"{row.cpu:.1f} s",
            "-" if row.engine == NONE else f"{row.cpu / serial[row.cache]:.2f}x",
            f"{row.wall:.1f} s",
            f"{row.peak / 1e6:.0f} MB",
            f"{row.fetched / 1e6:.1f} MB",
        ]
        for row in rows
    ]
    return tables.markdown(["engine", "cache", "CPU", "CPU, serial = 1", "wall", "peak", "fetched"], cells, left=2)


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        sys.exit(be_child(sys.argv[2], sys.argv[3:]))
    if sys.argv[1:2] == ["--manifests"]:
        count_manifests()
        return
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--write", action="store_true", help="write fleet.md instead of printing")
    options = parser.parse_args()
    fleet = options.out.resolve() / "fleet"
    script = Path(__file__).parent / "inputs" / "fleet.py"
    subprocess.run([sys.executable, script, fleet, "--images", str(IMAGES), "--layers", str(LAYERS)], check=True)
    rows = measure(fleet)
    many = json.loads(
        subprocess.run([sys.executable, __file__, "--manifests"], check=True, capture_output=True, text=True).stdout
    )
    cold = next(row for row in rows if row.engine == SERIAL and row.cache == "cold")
    text = WRITTEN.format(
        images=IMAGES, layers=LAYERS, jobs=JOBS, date=time.strftime("%Y-%m-%d"), machine=describe_machine(),
        blobs=f"{cold.fetched / 1e6:.0f} MB", versions=describe_versions(), load=f"{os.getloadavg()[2]:.0f}",
        figures=make_tables(rows), notes=describe_manifests(many),
    )  # fmt: skip
    if options.write:
        Path(__file__).with_name("fleet.md").write_text(text)
    else:
        print(text)


def describe_manifests(many: dict[str, float]) -> str:
    """The figures of synthetic manifests, in a sentence."""
    return (
        f"The figures of {MANY_IMAGES:,} synthetic images of {MANY_LAYERS} layers, {many['blobs']:,} distinct blobs as values in memory, "
        f"took {many['cpu']:.1f} s of CPU; the process had {many['before'] / 1e6:.0f} MB with the documents, and {many['peak'] / 1e6:.0f} MB "
        "with the figures."
    )


def describe_versions() -> str:
    from importlib import metadata

    import ocisize

    names = ("distributed", "isal", "zstandard", "xxhash")
    return ", ".join([f"ocisize {ocisize.__version__}", *(f"{name} {metadata.version(name)}" for name in names)])


if __name__ == "__main__":
    main()
