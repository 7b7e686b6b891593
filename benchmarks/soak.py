"""Analyze one image many times through a registry on loopback that fails at random, and compare the results.

    python benchmarks/soak.py [--runs 500] [--seed 1] [--write]

Every analysis must equal the one through a working registry, byte for byte as JSON, or end with a clean error of
ocisize: one printable line without the password. Prints the results by fault and what is still open at the end, and exits
with 1 if an analysis has a wrong result or something is still open. ``--write`` writes soak.md, which report.py includes in
RESULTS.md. Timeouts are short, and pauses between tries are cut to a hundredth, to save hours of waiting.
"""

from __future__ import annotations

import argparse
import gc
import gzip
import os
import random
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from importlib import metadata
from pathlib import Path

import attrs

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

import tables
from ocisize import Analyzer, Connection, OcisizeError, to_json
from ocisize.oci.reference import parse_reference
from ocisize.sources.registry.credentials import Credentials
from ocisize.sources.registry.transport import Connections
from ocisize.sources.registry.source import RegistrySource
from results import describe_machine
from tests.images import BuiltImage, build_image, layer
from tests.registry import (
    Answer,
    Request,
    Server,
    basic,
    errors,
    free_port,
    guarded,
    ranged,
    redirect,
    token_answer,
)

PASSWORD = "hunter2-very-secret"
CONNECTION = Connection(timeout=(2.0, 0.5), retries=3, min_rate=2000, deadline=20.0)
MANIFEST, TOKEN = "/v2/app/manifests/1", "/token"
TEXT = """\
{runs} analyses of an image of {layers} layers ({bytes:,} bytes stored) from a scripted registry on loopback with a token
service and a storage host, seed {seed}. Each analysis has one to three faults at random places, most of them once, some two or
five times in a row. A request is tried at most four times. Measured {date} with `benchmarks/soak.py` on
{machine};
{versions}.

{outcomes}

The same by fault. An analysis counts in the row of every fault that it met. The last two columns count the analyses that
met only this fault, and only once.

{faults}

Still open at the end: {threads} threads, {connections} connections, {descriptors} file descriptors. The slowest analysis took
{slowest:.1f} s, the median {median:.2f} s.
"""

Fault = Callable[[random.Random, "Place"], "Answer | Callable[[Request], Answer]"]


@attrs.frozen
class Place:
    """A requested path, and its answer without a fault."""

    path: str
    data: bytes
    sound: Callable[[Request], Answer]
    storage: Server


def cut(chance: random.Random, place: Place) -> int:
    """Where a body ends too early."""
    return chance.randrange(len(place.data))


def status(code: int, **headers: str) -> Fault:
    return lambda _, __: errors(code, "FAULT", "planted", {name.replace("_", "-"): value for name, value in headers.items()})


def part(change: Callable[[Answer, random.Random, Place], Answer]) -> Fault:
    """A fault that changes the right answer, ranges and refusals included."""
    return lambda chance, place: lambda request: change(place.sound(request), chance, place)


#: Fault → the answer of a request that meets it.
FAULTS: dict[str, Fault] = {
    "hangs up": lambda _, __: Answer(hang_up=True),
    "says nothing": lambda _, __: Answer(silent=True),
    "is no HTTP": lambda _, __: Answer(raw=b"SSH-2.0-OpenSSH_9.2\r\n"),
    "drips its header": lambda _, __: Answer(raw=b"HTTP/1.1 200 OK\r\nX: " + b"x" * 5000, cut=20, drip=0.005),
    "FIN in the body": part(lambda answer, chance, place: attrs.evolve(answer, cut=cut(chance, place))),
    "RST in the body": part(lambda answer, chance, place: attrs.evolve(answer, cut=cut(chance, place), reset=True)),
    "stalls in the body": part(lambda answer, chance, place: attrs.evolve(answer, cut=cut(chance, place), stall=True)),
    "drips its body": part(lambda answer, chance, place: attrs.evolve(answer, cut=cut(chance, place), drip=0.005)),
    "FIN, no length": part(lambda answer, chance, place: attrs.evolve(answer, cut=cut(chance, place), length=False)),
    "ignores Range": lambda chance, place: (
        lambda request: (
            Answer(place.data) if request.headers["Range"] else attrs.evolve(place.sound(request), cut=cut(chance, place))
        )
    ),
    "another range": lambda _, place: Answer(place.data[1:], 206, {"Content-Range": f"bytes 1-{len(place.data) - 1}/*"}),
    "wrong bytes": part(lambda answer, _, __: attrs.evolve(answer, body=answer.body[::-1])),
    "too few bytes": part(lambda answer, _, __: attrs.evolve(answer, body=answer.body[:-1])),
    "too many bytes": part(lambda answer, _, __: attrs.evolve(answer, body=answer.body + b"\0")),
    "encoded as gzip": part(
        lambda answer, _, __: attrs.evolve(
            answer, body=gzip.compress(answer.body), headers={**answer.headers, "Content-Encoding": "gzip"}
        )
    ),
    "HTML": lambda _, __: Answer(b"<html><title>Log in</title></html>", headers={"Content-Type": "text/html"}),
    "endless body": lambda _, __: Answer(b"x" * 65536, headers={"Content-Length": "99999999999"}, forever=True),
    "endless refusal": lambda _, __: Answer(b"x" * 65536, 503, {"Content-Length": "99999999999"}, forever=True),
    "negative chunk": lambda _, __: Answer(
        b"x" * 65536, raw=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", forever=True
    ),
    "redirect loop": lambda _, place: redirect(place.path),
    "redirect to a closed port": lambda _, __: redirect(f"http://127.0.0.1:{free_port()}/gone"),
    "redirect to no URL": lambda _, __: redirect("http://[::1/blob?signature=secret"),
    "expired address": lambda _, place: redirect(f"{place.storage.url}/expired"),
    "401": lambda _, __: errors(401, "UNAUTHORIZED", headers={"WWW-Authenticate": 'Bearer realm="/token"'}),
    "403": status(403),
    "404": status(404),
    "408": status(408),
    "416": status(416, Content_Length="99999"),
    "429 with Retry-After": status(429, Retry_After="1"),
    "500": status(500),
    "502": status(502),
    "503 with Retry-After": status(503, Retry_After="Fri, 31 Dec 9999 23:59:59 GMT"),
    "504": status(504),
}


@attrs.define
class Outcome:
    """The result of one analysis."""

    met: set[str]
    alone: bool  #: only one fault was planted, to be met once
    result: str  #: ``equal``, the class of the error, or what is wrong
    seconds: float
    clean: bool


@attrs.define
class World:
    """A registry with its token service, storage for the odd blobs, and the image they hold."""

    registry: Server
    storage: Server
    image: BuiltImage
    tokens: int = 0
    places: list[Place] = attrs.field(factory=list)

    def set_up(self) -> None:
        """Answer everything without a fault; a token expires after twelve requests."""
        secret = basic("user", PASSWORD)
        realm = f'Bearer realm="{self.registry.url}{TOKEN}",service="soak"'
        used: Counter[str] = Counter()

        def issue(_: Request) -> Answer:
            self.tokens += 1
            return token_answer(f"token-{self.tokens}")

        def accept(inner: Callable[[Request], Answer]) -> Callable[[Request], Answer]:
            def answer(request: Request) -> Answer:
                token = f"Bearer token-{self.tokens}"
                used[token] += 1
                return guarded([token] if used[token] <= 12 else [], inner, realm)(request)

            return answer

        self.places = [Place(TOKEN, b"{}" * 20, guarded([secret], issue, "Basic"), self.storage)]
        documents = {MANIFEST: self.image.manifest}
        blobs = {f"/v2/app/blobs/{digest}": data for digest, data in self.image.blobs.items()}
        for number, (path, data) in enumerate({**documents, **blobs}.items()):
            whole = ranged(data) if path in blobs else lambda _, data=data: Answer(data)
            if path in blobs and number % 2:
                self.places.append(Place(f"/stored/{number}", data, whole, self.storage))
                whole = lambda _, number=number: redirect(f"{self.storage.url}/stored/{number}")
            self.places.append(Place(path, data, accept(whole), self.storage))
        self.storage.on("/expired", errors(403, "AccessDenied"))
        for place in self.places:
            self.server_of(place).on(place.path, place.sound)

    def server_of(self, place: Place) -> Server:
        return self.storage if place.path.startswith("/stored/") else self.registry

    def plant(self, chance: random.Random, met: set[str]) -> int:
        """Put one to three faults before the right answers, and record in ``met`` which are met; return their number."""
        planted = 0
        for place in chance.sample(self.places, chance.choice((1, 1, 1, 2, 3))):
            name = chance.choice(list(FAULTS))
            step = FAULTS[name](random.Random(chance.random()), place)

            def answer(request: Request, name: str = name, step: object = step) -> Answer:
                met.add(name)
                return step if isinstance(step, Answer) else step(request)  # type: ignore[operator]

            times = chance.choice((1, 1, 1, 2, 5))
            planted += times
            self.server_of(place).on(place.path, *[answer] * times, place.sound)
        return planted


def build() -> BuiltImage:
    """Six layers of 20 KB to 1 MB in all three compressions."""
    chance = random.Random(7)
    sizes = {"plain": (300_000, 20_000), "gzip": (1_000_000, 60_000), "zstd": (400_000, 30_000)}
    built = [
        layer({f"{form}/{number}/{name}": chance.randbytes(size // 4) for name in "abcd"}, form)  # type: ignore[arg-type]
        for form, pair in sizes.items()
        for number, size in enumerate(pair)
    ]
    return build_image([*built, layer({"plain/0/.wh.a": b"", "zstd/0/b": b"again"})])


def analyze(world: World) -> str:
    """The whole analysis as JSON."""
    reference = parse_reference(f"{world.registry.host}/app:1")
    source = RegistrySource(reference, connection=CONNECTION, credentials=Credentials("user", PASSWORD))
    with closing(source):
        return to_json(Analyzer(platform="linux/amd64", jobs=4).analyze_source(source, name="app:1"), files=True)


def run(world: World, chance: random.Random, expected: str) -> Outcome:
    """One analysis through faults."""
    met: set[str] = set()
    world.set_up()
    alone = world.plant(chance, met) == 1
    started = time.monotonic()
    try:
        text = analyze(world)
    except OcisizeError as error:
        words = str(error)
        kinds = type(getattr(error, "cause", error)).__mro__
        result = next(kind.__name__ for kind in kinds if kind.__module__ == "ocisize.errors")
        clean = (
            bool(words) and words.isprintable() and PASSWORD not in words and "signature=" not in words and len(words) < 1500
        )
    except Exception as error:
        result, clean = f"WRONG: {error!r}", False
    else:
        clean = text == expected
        result = "equal" if clean else "WRONG: another result"
    return Outcome(met, alone, result, time.monotonic() - started, clean)


def count_connections(*servers: Server) -> int:
    """Open sockets of this process that lead to the servers."""
    gc.collect()
    count = 0
    for value in gc.get_objects():
        if isinstance(value, socket.socket) and value.fileno() >= 0:
            with suppress(OSError):
                count += value.getpeername()[1] in {server.port for server in servers}
    return count


def count_descriptors() -> int:
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


def until_gone(count: Callable[[], int], before: int) -> int:
    """The number above ``before``, after the threads of the servers had time to end."""
    for _ in range(100):
        if count() <= before:
            return 0
        time.sleep(0.05)
    return count() - before


def by_outcome(outcomes: Sequence[Outcome]) -> str:
    counts = Counter(outcome.result for outcome in outcomes)
    rows = [[result, f"{count}"] for result, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))]
    return tables.markdown(["result", "analyses"], rows)


def by_fault(outcomes: Sequence[Outcome]) -> str:
    rows = []
    for name in FAULTS:
        results = Counter(outcome.result for outcome in outcomes if name in outcome.met)
        met, equal = sum(results.values()), results.pop("equal", 0)
        alone = [outcome.result == "equal" for outcome in outcomes if outcome.alone and name in outcome.met]
        errors = ", ".join(f"{kind} {count}" for kind, count in sorted(results.items()))
        rows.append([name, errors, f"{met}", f"{equal}", f"{len(alone)}", f"{sum(alone)}"])
    return tables.markdown(["fault", "errors", "met by", "equal", "alone and once", "equal"], rows, left=2)


def shorten_pauses() -> None:
    original = Connections.pause
    Connections.pause = lambda self, seconds: original(self, seconds / 100)  # type: ignore[method-assign]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="write soak.md instead of printing")
    options = parser.parse_args()
    os.environ["HOME"] = tempfile.mkdtemp()
    shorten_pauses()
    threads, descriptors = threading.active_count(), count_descriptors()
    world = World(Server(), Server(), build())
    world.set_up()
    expected = analyze(world)
    outcomes = [run(world, random.Random(f"{options.seed}.{number}"), expected) for number in range(options.runs)]
    connections = until_gone(lambda: count_connections(world.registry, world.storage), 0)
    world.registry.close()
    world.storage.close()
    left = until_gone(threading.active_count, threads), connections, until_gone(count_descriptors, descriptors)
    seconds = sorted(outcome.seconds for outcome in outcomes)
    text = TEXT.format(
        runs=options.runs,
        seed=options.seed,
        layers=len(world.image.layers),
        bytes=sum(len(data) for data in world.image.blobs.values()),
        date=time.strftime("%Y-%m-%d"),
        machine=describe_machine(),
        versions=", ".join(f"{name} {metadata.version(name)}" for name in ("ocisize", "oras", "requests", "urllib3")),
        outcomes=by_outcome(outcomes),
        faults=by_fault(outcomes),
        threads=left[0],
        connections=left[1],
        descriptors=left[2],
        slowest=seconds[-1],
        median=seconds[len(seconds) // 2],
    )
    if options.write:
        Path(__file__).with_name("soak.md").write_text(text)
    else:
        print(text)
    bad = [outcome for outcome in outcomes if not outcome.clean]
    for outcome in bad:
        print(f"{outcome.result} after {', '.join(sorted(outcome.met))}", file=sys.stderr)
    return int(bool(bad) or any(left))


if __name__ == "__main__":
    sys.exit(main())
