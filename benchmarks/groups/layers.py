"""gzip, zstd and archive: whole commands on images of real data, against other programs."""

from __future__ import annotations

from collections.abc import Iterator

import peers
from groups.context import Context
from results import Section

REAL = ("ml", "debian-python", "node")
SERVICES = ("python-service", "node-service", "pax-trees")
MIXED = "debian-python"  # where the slow peers run once
_DIVE_ROUNDS = 3  # where it takes long
OTHER_FORMS = ("members", "pax")


def gzip(context: Context) -> Iterator[Section]:
    """OCI layouts with gzip layers against igzip, gzip and, over a docker-archive of gzip layers, dive."""
    for case in context.cases(*SERVICES, *REAL, *OTHER_FORMS):
        mixed = case.name == MIXED
        commands = peers.decompressors(case, "gzip", slow=mixed)
        commands |= peers.ours(case.layout("gzip"), one_job=True, verify=mixed)
        if mixed:
            commands |= peers.listers(case, "gzip")
        commands |= peers.dive(case.gzip_archive)
        yield context.measure("gzip", case, "gzip", f"{case.name}, gzip layers", commands)


def zstd(context: Context) -> Iterator[Section]:
    """OCI layouts with zstd layers against the zstd tool."""
    for case in context.cases(*REAL):
        commands = peers.decompressors(case, "zstd") | peers.ours(case.layout("zstd"), one_job=True)
        yield context.measure("zstd", case, "zstd", f"{case.name}, zstd layers", commands)


def archive(context: Context) -> Iterator[Section]:
    """docker-archives with plain layers against dive, syft and programs that list tars."""
    for case in context.cases(*SERVICES, *REAL):
        commands = peers.ours(case.archive, verify=True)
        commands |= peers.dive(case.archive, rounds=None if case.name in SERVICES else _DIVE_ROUNDS)
        commands |= peers.listers(case, "archive") | peers.syft(case.archive)
        yield context.measure("archive", case, "archive", f"{case.name}, docker-archive, plain layers", commands)
