"""Findings on libraries of CUDA: twice in an image, or in an image that nothing says to be for a GPU."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from ocisize.findings.checks.listed_files import find_listed_rows
from ocisize.findings.checks.package_claims import split_claims
from ocisize.findings.claim import Claim
from ocisize.findings.evidence import ImageEvidence
from ocisize.findings.explanations import Check, explain
from ocisize.inventory.record import PackageRecord
from ocisize.patterns import lazy_pattern
from ocisize.tar.filetable import REGULAR

#: names of packages of Python with libraries of CUDA
OF_CUDA = lazy_pattern(r"nvidia-[a-z0-9-]*?-?cu1\d|nvidia-(?:cu[a-z]+|nccl|nvjitlink|nvtx)")
_MAX_NAMES = 3  # packages in a title
_MAX_LIBRARIES = 500  # names of libraries that are searched for
_LIBRARY = lazy_pattern(rb"(lib[a-zA-Z_]+)[\w.-]*\.so(?:\.\d+)?")  # with the major version
_GPU_VARIABLES = ("NVIDIA_VISIBLE_DEVICES=", "NVIDIA_REQUIRE_CUDA=", "NVIDIA_DRIVER_CAPABILITIES=", "CUDA_VERSION=")


def find_cuda(evidence: ImageEvidence, python: Sequence[PackageRecord]) -> Iterator[Claim]:
    """Claims for libraries of CUDA that the system has, too, or else for those that an image without a GPU has."""
    wheels = [record for record in python if OF_CUDA.fullmatch(record.name)]
    if not wheels:
        return
    libraries = {
        match[0]
        for record in wheels
        for path in record.list_files()
        if (match := _LIBRARY.fullmatch(path.rpartition(b"/")[2])) is not None
    }
    rows = _system_libraries(evidence, libraries)
    if rows:
        title = partial(explain(Check.CUDA_LIBRARIES).title_of, "twice", names=_names_of(wheels))
        fix = (
            "The packages of Python bring the libraries that they load. Build on an image without CUDA such as "
            "`python:3.12-slim`, or on `nvidia/cuda:…-base`."
        )
        yield from split_claims(evidence, Check.CUDA_LIBRARIES, title, rows, fix)
    elif not any(text.startswith(_GPU_VARIABLES) for text in evidence.config.run.env):
        joined: dict[int, list[int]] = defaultdict(list)
        for layers in find_listed_rows(evidence, wheels).values():
            for layer, chosen in layers.items():
                joined[layer] += chosen
        title = partial(explain(Check.CUDA_LIBRARIES).title_of, "unused", names=_names_of(wheels))
        fix = (
            "If no container has a GPU, install the packages for CPUs: "
            "`pip install torch --index-url https://download.pytorch.org/whl/cpu`."
        )
        yield from split_claims(evidence, Check.CUDA_LIBRARIES, title, joined, fix)


def _system_libraries(evidence: ImageEvidence, libraries: Iterable[bytes]) -> dict[int, list[int]]:
    """The visible files of the system that have the name and major version of some libraries."""
    wanted = frozenset(sorted(libraries)[:_MAX_LIBRARIES])
    stems = sorted({match[1] for name in wanted if (match := _LIBRARY.match(name)) is not None})
    rows: dict[int, set[int]] = defaultdict(set)
    for layer, table in enumerate(evidence.tables):
        hidden_by = evidence.overlay.hidden_by[layer]
        for stem in stems:
            for row, path in table.paths.select_with(b"/" + stem):
                if hidden_by[row] >= 0 or table.kinds[row] != REGULAR or b"-packages/" in path or b"/envs/" in path:
                    continue
                match = _LIBRARY.match(path.rpartition(b"/")[2])
                if match is not None and match[0] in wanted:
                    rows[layer].add(row)
    return {layer: sorted(chosen) for layer, chosen in rows.items()}


def _names_of(records: Sequence[PackageRecord]) -> str:
    names = sorted({record.name for record in records})
    return ", ".join(names[:_MAX_NAMES]) + (" …" if len(names) > _MAX_NAMES else "")
