"""The hostile corpus: every case, as a saved file and from a registry, read by a process with little memory and time."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import attrs
import pytest

from tests.corpus.archives import archive_cases
from tests.corpus.cases import Bundle, Case
from tests.corpus.contradictions import contradiction_cases
from tests.corpus.documents import document_cases
from tests.corpus.folders import folder_cases
from tests.corpus.harness import MEMORY, SECONDS
from tests.corpus.saved import saved_cases
from tests.corpus.streams import stream_cases
from tests.corpus.tars import tar_cases
from tests.images import sha256, tar_bytes
from tests.piping import piped
from tests.registry import Answer, Server, ranged

_ALL = (
    *tar_cases(),
    *stream_cases(),
    *document_cases(),
    *saved_cases(),
    *folder_cases(),
    *contradiction_cases(),
    *archive_cases(),
)
Result: TypeAlias = dict[str, Any]
Read: TypeAlias = Callable[[Sequence[str]], Result]

CASES = {case.name: case for case in _ALL}
_ROOT = Path(__file__).parent.parent
_CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A registry that every case is pushed to, under its own name."""
    running = Server()
    yield running
    running.close()


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Read]:
    """Read an image in a child of the harness, which runs as long as the tests of this module."""
    command = [sys.executable, "-m", "tests.corpus.harness", str(tmp_path_factory.mktemp("reports"))]
    with subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as harness:
        assert harness.stdin is not None
        assert harness.stdout is not None
        lines, answers = harness.stdin, harness.stdout

        def read_image(arguments: Sequence[str]) -> Result:
            print(json.dumps(arguments), file=lines, flush=True)
            return json.loads(answers.readline())  # type: ignore[no-any-return]

        yield read_image
        lines.close()


def _forms(case: Case, folder: Path, server: Server) -> dict[str, str]:
    """The case as images that can be named: saved, with plain layers, and in a registry."""
    made = case.make()
    if not isinstance(made, Bundle):
        return {"saved": str(made(folder))}
    forms = {"saved": _save(made, folder / "image.tar")}
    if not case.costly:
        forms["registry"] = _push(made, case.name.lower(), server)
    if made.plain is not None:
        forms["in-place"] = _save(made.plain, folder / "plain.tar")
    return forms


def _save(made: Bundle, path: Path) -> str:
    path.write_bytes(tar_bytes(made.files()))
    return str(path)


def _push(made: Bundle, name: str, server: Server) -> str:
    answer = Answer(made.root, headers={"Content-Type": made.media_type})
    for selector in ("latest", sha256(made.root)):
        server.on(f"/v2/{name}/manifests/{selector}", answer)
    for digest, data in made.blobs.items():
        server.on(f"/v2/{name}/blobs/{digest}", ranged(data))
        server.on(f"/v2/{name}/manifests/{digest}", Answer(data, headers={"Content-Type": "application/octet-stream"}))
    return f"{server.host}/{name}:latest"


@pytest.mark.parametrize("name", CASES)
def test_hostile(name: str, read: Read, server: Server, tmp_path: Path) -> None:
    """A case is read or refused as it must be, in words, within the harness' limits, and steers no terminal."""
    case = CASES[name]
    for form, image in _forms(case, tmp_path, server).items():
        result = read(["-j2", image, *case.options, "-f", "text" if form == "saved" else "json"])
        where = f"{form}: {result}"
        assert result["status"] == (0 if case.verdict == "accept" else 2), where
        assert not _CONTROLS.search(result["stdout"] + result["stderr"]), where
        assert "Traceback" not in result["stderr"], where
        lines = result["stderr"].splitlines()
        if case.verdict == "accept":
            assert all(line.startswith("warning: ") for line in lines), where
            assert bool(lines) == bool(case.message), where
        else:
            assert lines[0].startswith("error: "), where
            assert not result["stdout"], where
        assert re.search(case.message, result["stderr"], re.DOTALL), where
        if case.verdict == "limit":
            assert "more than" in lines[0], where


_MAX_PIPED = 64 << 20  # bytes
#: what differs where all bytes are read: layers that are not those of the config are found, as with --verify
_AS_PIPE = {
    name: attrs.evolve(CASES[name], verdict="reject", message=message)
    for name, message in (
        ("saved-layer-500-times", "uncompressed layer has digest"),
        ("saved-member-twice", "has digest"),
        ("saved-empty-file", "is empty"),
    )
}


@pytest.mark.parametrize("name", CASES)
def test_hostile_from_a_pipe(name: str, read: Read, server: Server, tmp_path: Path) -> None:
    """The same case through a pipe is read or refused likewise, in one pass, within the same limits."""
    case = _AS_PIPE.get(name, CASES[name])
    made = case.make()
    image = Path(_save(made, tmp_path / "image.tar") if isinstance(made, Bundle) else made(tmp_path))
    if not image.is_file() or image.stat().st_size > _MAX_PIPED:
        pytest.skip("a folder is no archive, and few files are so large")
    with piped(image.read_bytes()) as writer:
        fifo = tmp_path / "fifo"
        fifo.symlink_to(f"/proc/{os.getpid()}/fd/{writer.path.rpartition('/')[2]}")
        result = read(["-j2", str(fifo), *case.options, "-f", "json"])
    assert result["status"] == (0 if case.verdict == "accept" else 2), result
    assert not _CONTROLS.search(result["stdout"] + result["stderr"]), result
    assert "Traceback" not in result["stderr"], result
    assert re.search(case.message, result["stderr"], re.DOTALL), result


def test_the_corpus_is_large() -> None:
    """Cases of all classes, each with a message where it is refused."""
    counts = [sum(case.verdict == verdict for case in CASES.values()) for verdict in ("accept", "reject", "limit")]
    assert sum(counts) >= 150
    assert min(counts) >= 15
    assert len({case.name.lower() for case in _ALL}) == len(_ALL)  # what they are pushed to a registry as
    assert all(case.message for case in CASES.values() if case.verdict != "accept")


@pytest.mark.parametrize(
    ("code", "status"),
    [("bytearray(600 << 20)", 70), ("while True: pass", -9), ("raise ValueError", 70), ("print('fine')", 0)],
)
def test_the_harness_holds_its_children(code: str, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A case that takes too much memory or processor time, or ends in an error that is none of ours, is reported."""
    from tests.corpus import harness

    monkeypatch.setattr(harness, "SECONDS", 1)

    def main(_: Sequence[str]) -> int:
        exec(code)
        return 0

    monkeypatch.setattr(harness, "main", main)
    assert harness.run([], tmp_path)["status"] == status
    assert MEMORY == 500 << 20
    assert SECONDS == 40
