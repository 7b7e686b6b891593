"""ProgramReader: what is found in programs of all classes and byte orders, in any pieces, and in what is no program."""

from __future__ import annotations

import json
import random
import subprocess
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocisize.excerpts.elf import ProgramReader
from ocisize.excerpts.parts import ELF_NOTE, GO_BUILD_INFO, RUST_CRATES, Part
from tests.excerpts.reading import read_in_pieces, read_needed, read_whole
from tests.programs import (
    LOAD,
    NOTE,
    READ,
    WRITE,
    Elf,
    crates,
    go_build_info,
    go_program,
    note,
    rust_program,
)
from tests.tools import PACKAGES, program

MODULES = b"path\tx.org/a\nmod\tx.org/a\tv1.0.0\t\ndep\tx.org/b\tv2.0.0\th1:x\n"
CRATES = crates({"name": "app", "version": "0.1.0", "source": "local", "root": True})
FORMS = [(64, "<"), (64, ">"), (32, "<"), (32, ">")]
#: programs of Go that the tests install
GO_PROGRAMS = sorted({"containerd", "docker", "gh", "podman", "skopeo", "umoci"} & PACKAGES.keys())


def parts_of(data: bytes) -> list[Part]:
    """The parts of a program, which are the same however it is read."""
    found = read_whole(ProgramReader(len(data)), data)
    assert read_needed(ProgramReader(len(data)), data)[0] == found
    for seed in range(3):
        assert read_in_pieces(ProgramReader(len(data)), data, seed) == found
    return found


@pytest.mark.parametrize(("bits", "order"), FORMS)
def test_build_information_at_the_start_of_the_segment(bits: int, order: str) -> None:
    """Go's own linker writes it there; the strings around it are removed."""
    data = go_program(MODULES, has_note=False, bits=bits, order=order)
    assert parts_of(data) == [Part(GO_BUILD_INFO, b"", b"go1.22.5\n" + MODULES)]


@pytest.mark.parametrize(("bits", "order"), FORMS)
def test_build_information_deep_in_the_segment(bits: int, order: str) -> None:
    """Behind a linker of C, it is anywhere in the segment. The note of Go says that it is worth a search."""
    before = random.Random(1).randbytes(2_000_000)
    data = go_program(MODULES, before=before, bits=bits, order=order)
    assert parts_of(data) == [Part(GO_BUILD_INFO, b"", b"go1.22.5\n" + MODULES)]
    assert parts_of(go_program(MODULES, before=before, has_note=False, bits=bits, order=order)) == []
    assert len(parts_of(go_program(MODULES, before=before[:960_000], has_note=False, bits=bits, order=order))) == 1


def test_magic_that_is_not_aligned_is_none() -> None:
    """Constants of programs that read build information, such as this test, are passed over; too many end the search."""
    assert len(parts_of(go_program(MODULES, before=b"." + go_build_info(b"wrong")[:14] + b"." * 17))) == 1
    assert parts_of(go_program(MODULES, before=b"." + b"\xff Go buildinf:.." * 16 + b"." * 15)) == []


def test_long_lists_of_modules_are_cut_at_a_line() -> None:
    """More than 192 kB are not kept."""
    lines = b"".join(b"dep\tx.org/%06d\tv1.0.0\th1:%b\n" % (number, b"x" * 44) for number in range(3_000))
    ((_, _, text),) = parts_of(go_program(lines, size=600_000))
    assert lines.startswith(text.partition(b"\n")[2]) and text.endswith(b"\n")
    assert (192 << 10) - 200 < len(text) < 192 << 10


def test_build_information_of_old_versions_is_left_out() -> None:
    """Before Go 1.18, there were pointers to the strings."""
    data = go_program(MODULES).replace(b"\xff Go buildinf:\x08\x02", b"\xff Go buildinf:\x08\x00")
    assert parts_of(data) == []


@pytest.mark.parametrize("name", GO_PROGRAMS)
def test_real_programs_have_the_modules_that_go_prints(name: str) -> None:
    """All lines of ``go version -m``, of programs of Debian that GNU ld linked and of others."""
    path = Path(program(name)).resolve()
    printed = subprocess.run([program("go"), "version", "-m", path], capture_output=True, text=True, check=True).stdout
    head, _, lines = printed.partition("\n")
    data = path.read_bytes()
    ((_, _, text),) = [part for part in parts_of(data) if part.kind == GO_BUILD_INFO]
    version, _, modules = text.decode().partition("\n")
    assert version == head.rpartition(": ")[2]
    assert [line.split() for line in modules.splitlines()] == [line.split() for line in lines.splitlines()]
    found, bytes_read = read_needed(ProgramReader(len(data)), data)
    assert found and bytes_read < len(data) / 2


@pytest.mark.parametrize(("bits", "order"), FORMS)
def test_crates_behind_the_segments(bits: int, order: str) -> None:
    """The JSON of cargo-auditable is inflated; only the start and the end of the program are read."""
    data = rust_program(CRATES, size=3_000_000, bits=bits, order=order)
    assert parts_of(data) == [Part(RUST_CRATES, b"", CRATES)]
    assert read_needed(ProgramReader(len(data)), data)[1] < 200_000


def test_crates_that_are_too_long_or_damaged_are_none() -> None:
    """A bomb is not inflated, and what is behind 256 KiB of debug information is not searched."""
    assert parts_of(rust_program(b" " * 100_000_000)) == []
    broken = rust_program(CRATES).replace(zlib.compress(CRATES)[:6], b"broken")
    assert parts_of(broken) == []
    elf = Elf()
    elf.add(LOAD, READ, bytes(200_000))
    elf.sections = [(b".debug_info", bytes(2 << 20)), (b".dep-v0", zlib.compress(CRATES))]
    assert parts_of(elf.build()) == []
    elf.sections = [*[(b".x", zlib.compress(b"{}"))] * 20, (b".dep-v0", zlib.compress(CRATES))]
    assert parts_of(elf.build()) == []
    elf.sections = elf.sections[5:]
    assert len(parts_of(elf.build())) == 1


def test_crates_before_debug_information() -> None:
    """Programs that were not stripped have megabytes behind the crates."""
    elf = Elf()
    elf.add(LOAD, READ, bytes(200_000))
    debug = random.Random(4).randbytes(3 << 20)
    elf.sections = [(b".comment", b"rustc"), (b".dep-v0", zlib.compress(CRATES)), (b".debug_info", debug)]
    data = elf.build()
    assert parts_of(data) == [Part(RUST_CRATES, b"", CRATES)]
    assert read_needed(ProgramReader(len(data)), data)[1] < 500_000


@pytest.mark.parametrize(("bits", "order"), FORMS)
def test_notes_of_packages(bits: int, order: str) -> None:
    """The JSON of ``.note.package``, among other notes."""
    text = json.dumps({"type": "rpm", "name": "bash", "version": "5.2-1.fc40"}).encode()
    elf = Elf(bits=bits, order=order)
    notes = note(b"GNU\0", 3, b"build", order) + note(b"FDO\0", 0xCAFE1A7E, text + b"\0\0", order)
    elf.add(NOTE, READ, notes)
    elf.add(LOAD, READ, b"")
    assert parts_of(elf.build(200_000)) == [Part(ELF_NOTE, b"", text)]


@pytest.mark.parametrize("data", [b"", b"\x7fELF", b"#!/bin/sh\n" * 20_000, b"\x7fELF\x09\x09" + bytes(200_000), bytes(64)])
def test_other_files_are_not_read(data: bytes) -> None:
    """Of a file that is no program, only the start is read."""
    assert parts_of(data) == []
    assert read_needed(ProgramReader(len(data)), data)[1] <= 4096


SAMPLES = [
    go_program(MODULES, size=20_000), rust_program(CRATES, size=20_000), go_program(MODULES, bits=32, order=">", size=20_000)
]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(SAMPLES),
    st.lists(st.tuples(st.integers(0, 500) | st.integers(-2_000, -1), st.binary(min_size=1, max_size=8)), max_size=8),
    st.integers(0, 99),
)
def test_hostile_programs_are_read_alike(sample: bytes, changes: list[tuple[int, bytes]], seed: int) -> None:
    """Headers of any bytes raise nothing, whatever the pieces, and excerpts stay small."""
    data = bytearray(sample)
    for place, piece in changes:
        data[place % len(data) : place % len(data) + len(piece)] = piece
    whole = read_whole(ProgramReader(len(data)), bytes(data))
    assert read_in_pieces(ProgramReader(len(data)), bytes(data), seed) == whole
    assert read_needed(ProgramReader(len(data)), bytes(data))[0] == whole
    assert sum(len(part.data) for part in whole) < 500_000


def test_a_writable_segment_without_build_information() -> None:
    """Programs of C have none."""
    elf = Elf()
    elf.add(LOAD, READ | WRITE, bytes(3_000_000))
    data = elf.build()
    assert parts_of(data) == [] and read_needed(ProgramReader(len(data)), data)[1] < 1_100_000
