"""Real pulls by containerd, podman and Docker beside the ranges of ``ocisize.pull_time``, and the constants of its model.

    python benchmarks/pull_time.py OUT [--case NAME ...] [--stores FOLDER] [--rounds N] [--write]

Each pull is from a docker-registry on loopback into an empty store, with and without a link of 100 Mbit/s and 50 ms. Images with
one trait each, bytes, small files or layers, show what the constants of the model stand for; the images of OUT, which build.sh
made, are real. ``--write`` writes pull_time.md, which report.py includes in RESULTS.md. Needs root, docker-registry, skopeo,
and the engines; those that are not installed are left out.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

import attrs
from cases import find
from groups.network import REPOSITORY, serve, throttled
from ocisize import Analysis, Analyzer, PullTime, pull_times
from results import describe_machine
from tests.images import BuiltImage, Entry, build_image, layer, write_layout

CASES = ("packages",)

_READY_SECONDS = 60.0
_PULL_SECONDS = 900.0
_MB = 1_000_000
_SMALL_FILES = 20_000
_VERSION = re.compile(r"\d+\.\d+\.\d+", re.ASCII)
LINK = 100_000_000  #: bits per second of the slow link, that of throttle.py
_LOOPBACK = 10_000_000_000  # bits per second that the model is given for loopback
WRITTEN = """\
Pulls from a registry on loopback into an empty store, beside the range of `ocisize.pull_times`: *transfer* is the transfer alone,
*model* the range from a fast host to a slow one ([docs/sizes.md](../docs/sizes.md#the-time-of-a-pull)). The slow link is
`benchmarks/throttle.py`. *CPU* is the time that an engine computed, with its start; where it is much smaller than the time of the
clock, the engine waited for a processor, since other programs ran. {inside} of {count} pulls are in the range. Measured {date}
with `benchmarks/pull_time.py`, rounds: {rounds}, at a load of {load:.0f}, on
{machine};
{versions}. The stores were on tmpfs.

{figures}
"""

Pull = Callable[[str], None]


@attrs.frozen
class Engine:
    """A client that pulls images."""

    name: str  #: as ``ocisize.pull_time`` names it
    programs: Sequence[str]
    run: Callable[[Path], AbstractContextManager[Pull]]  #: gives a function that pulls into the empty store of a folder


def _run(command: Sequence[str], environment: Mapping[str, str]) -> None:
    found = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=_PULL_SECONDS, check=False
    )
    if found.returncode:
        raise RuntimeError(f"{' '.join(command)}: {found.stderr[-500:]}")


@contextmanager
def _daemon(command: Sequence[str], ready: Sequence[str], environment: Mapping[str, str]) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + _READY_SECONDS
        while subprocess.run(ready, env={**os.environ, **environment}, capture_output=True, check=False).returncode:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} does not answer")
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait()


@contextmanager
def _containerd(folder: Path) -> Iterator[Pull]:
    file, environment = folder / "config.toml", {"CONTAINERD_ADDRESS": f"{folder}/socket"}
    file.write_text(
        f'version = 2\nroot = "{folder}/root"\nstate = "{folder}/state"\n'
        f'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\naddress = "{folder}/socket"\n'
    )
    pull = ["ctr", "images", "pull", "--plain-http", "--snapshotter=overlayfs", "--max-concurrent-downloads=3"]
    with _daemon(["containerd", f"--config={file}"], ["ctr", "version"], environment):
        yield lambda reference: _run([*pull, reference], environment)


@contextmanager
def _podman(folder: Path) -> Iterator[Pull]:
    conf = folder / "storage.conf"
    conf.write_text(f'[storage]\ndriver = "overlay"\nrunroot = "{folder}/run"\ngraphroot = "{folder}/graph"\n')
    environment = {"CONTAINERS_STORAGE_CONF": str(conf), "TMPDIR": str(folder)}
    try:
        yield lambda reference: _run(["podman", "pull", "--quiet", "--tls-verify=false", reference], environment)
    finally:
        subprocess.run(["umount", f"{folder}/graph/overlay"], capture_output=True, check=False)


@contextmanager
def _docker(folder: Path) -> Iterator[Pull]:
    (folder / "daemon.json").write_text("{}")
    environment = {"DOCKER_HOST": f"unix://{folder}/socket", "DOCKER_CONFIG": str(folder)}
    command = [
        "dockerd", f"--config-file={folder}/daemon.json", f"--host={environment['DOCKER_HOST']}",
        f"--data-root={folder}/data", f"--exec-root={folder}/exec", f"--pidfile={folder}/pid", "--bridge=none",
        "--iptables=false", "--ip6tables=false", "--storage-driver=overlay2",
    ]  # fmt: skip
    with _daemon(command, ["docker", "version"], environment):
        yield lambda reference: _run(["docker", "pull", "--quiet", reference], environment)


ENGINES = (
    Engine("containerd", ("containerd", "ctr"), _containerd),
    Engine("podman", ("podman",), _podman),
    Engine("docker", ("docker", "dockerd"), _docker),
)


@attrs.frozen
class Pulled:
    """The time of one pull."""

    seconds: float  #: of the clock
    cpu_seconds: float  #: of the engine and its client, with their start and end


def time_pull(engine: Engine, reference: str, out: Path) -> Pulled:
    """Pull into an empty store; the start of the engine does not count in the seconds of the clock."""
    folder = Path(tempfile.mkdtemp(dir=out, prefix="pull-"))
    before = _children_seconds()
    try:
        with engine.run(folder) as pull:
            begin = time.monotonic()
            pull(reference)
            seconds = time.monotonic() - begin
        return Pulled(seconds, _children_seconds() - before)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _children_seconds() -> float:
    """CPU seconds of the processes that were started and have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def mixed_bytes(size: int, seed: int) -> bytes:
    """Bytes of which gzip saves about half."""
    rng, text = random.Random(seed), b"the quick brown fox jumps over the lazy dog " * 400
    return b"".join(rng.randbytes(8192) + text[:8192] for _ in range(size // 16384))


def make_images() -> Iterator[tuple[str, BuiltImage]]:
    """Images with one trait each: bytes, small files, or layers."""
    large: dict[str, Entry] = {f"large/{number}": mixed_bytes(32 * _MB, number) for number in range(4)}
    small: dict[str, Entry] = {f"small/{number // 50}/{number}.js": b"%d " % number * 200 for number in range(_SMALL_FILES)}
    yield "128 MB in 4 files, gzip", build_image([layer(large)])
    yield "128 MB in 4 files, zstd", build_image([layer(large, "zstd")])
    yield f"{_SMALL_FILES:,} small files", build_image([layer(small)])
    yield (
        "12 layers of 8 MB",
        build_image([layer({f"layer/{number}": mixed_bytes(8 * _MB, number)}) for number in range(12)]),
    )


@attrs.frozen
class Row:
    """The pulls of an image over one link: the range of the model, and the seconds of each engine."""

    image: str
    link: str
    time: PullTime
    pulls: Mapping[str, Pulled | None]  #: of the median round by engine; None if the engine cannot pull the image


def measure(name: str, layout: Path, out: Path, rounds: int) -> Iterator[Row]:
    """Pull an image from a registry on loopback, then over the slow link."""
    analysis = Analyzer(platform="linux/amd64", use_attestations=False).analyze(str(layout))
    with serve(layout, out) as address:
        yield _measure(name, "loopback", _LOOPBACK, address, analysis, out, rounds)
        with throttled(address) as slow:
            yield _measure(name, "100 Mbit/s, 50 ms", LINK, slow, analysis, out, rounds)


def _measure(name: str, link: str, bandwidth: int, address: str, analysis: Analysis, out: Path, rounds: int) -> Row:
    (time_of_model,) = pull_times(analysis, [bandwidth])
    pulls: dict[str, Pulled | None] = {}
    for engine in ENGINES:
        if not all(map(shutil.which, engine.programs)):
            continue
        try:
            runs = [time_pull(engine, f"{address}/{REPOSITORY}:1", out) for _ in range(rounds)]
        except RuntimeError as error:
            print(f"{name}, {link}, {engine.name}: {error}", file=sys.stderr)
            pulls[engine.name] = None
        else:
            pulls[engine.name] = sorted(runs, key=lambda run: run.seconds)[len(runs) // 2]
        print(f"{name}, {link}, {engine.name}: {pulls[engine.name]}", file=sys.stderr, flush=True)
    return Row(name, link, time_of_model, pulls)


def write_table(rows: Sequence[Row]) -> str:
    """The table of all pulls; those outside of the range are marked."""
    names = [engine.name for engine in ENGINES]
    head = ["image", "link", "transfer", "model", *names]
    lines = [f"| {' | '.join(head)} |", f"|---|---|{'---:|' * (2 + len(names))}"]
    for row in rows:
        cells = [_show(row.pulls.get(name), row.time) for name in names]
        model = f"{row.time.least_seconds:.1f} to {row.time.most_seconds:.1f} s"
        lines.append(f"| {' | '.join([row.image, row.link, f'{row.time.transfer_seconds:.1f} s', model, *cells])} |")
    return "\n".join(lines)


def _show(pulled: Pulled | None, time_of_model: PullTime) -> str:
    if pulled is None:
        return "-"
    seconds = pulled.seconds
    mark = (
        " (below)" if seconds < time_of_model.least_seconds else " (above)" if seconds > time_of_model.most_seconds else ""
    )
    return f"{seconds:.1f} s{mark}, CPU {pulled.cpu_seconds:.1f} s"


def _versions() -> str:
    names = [name for name in ("containerd", "podman", "dockerd") if shutil.which(name)]
    texts = [subprocess.run([name, "--version"], capture_output=True, text=True, check=False).stdout for name in names]
    numbers = [_VERSION.search(text) for text in texts]
    return ", ".join(f"{name} {found[0]}" for name, found in zip(names, numbers, strict=True) if found)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--case", nargs="*", default=CASES, metavar="NAME", help="inputs of OUT (default: %(default)s)")
    parser.add_argument("--stores", type=Path, metavar="FOLDER", help="where the engines store images (default: OUT)")
    parser.add_argument("--rounds", type=int, default=1, metavar="N", help="pulls of each engine (default: %(default)s)")
    parser.add_argument("--write", action="store_true", help="write pull_time.md instead of printing")
    options = parser.parse_args()
    stores = (options.stores or options.out).resolve()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(dir=options.out, prefix="layouts-") as folder:
        for number, (name, image) in enumerate(make_images()):
            rows += measure(name, write_layout(image, Path(folder) / str(number)), stores, options.rounds)
    for case in find(options.out.resolve(), *options.case):
        rows += measure(case.name, case.layout("gzip"), stores, options.rounds)
    measured = [(row, pulled.seconds) for row in rows for pulled in row.pulls.values() if pulled is not None]
    inside = sum(row.time.least_seconds <= seconds <= row.time.most_seconds for row, seconds in measured)
    text = WRITTEN.format(
        date=time.strftime("%Y-%m-%d"), machine=describe_machine(), versions=_versions(), figures=write_table(rows),
        load=os.getloadavg()[2], inside=inside, count=len(measured), rounds=options.rounds,
    )  # fmt: skip
    if options.write:
        Path(__file__).with_suffix(".md").write_text(text, "utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
