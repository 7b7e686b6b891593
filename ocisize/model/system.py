"""What kind of system an image holds."""

from __future__ import annotations

import attrs


@attrs.frozen
class OperatingSystem:
    """What os-release says; see https://www.freedesktop.org/software/systemd/man/latest/os-release.html."""

    id: str  #: ``debian``, ``alpine`` …
    name: str  #: for people
    version: str  #: "" where there is none


@attrs.frozen
class Runtime:
    """A language runtime, by its program."""

    name: str  #: as in ``ocisize/packages/runtimes.toml``; ``static`` or ``native`` for a program of the image's own
    title: str
    version: str  #: as far as paths and environment tell, else ""
    path: str
    layer: int  #: that brings it


@attrs.frozen(kw_only=True)
class System:
    """What kind of system an image holds, as far as names and package databases tell."""

    os: OperatingSystem | None = None
    package_manager: str | None = None  #: ``dpkg``, ``apk`` or ``rpm``
    packages: int | None = None  #: installed packages; None without a database that can be read
    libc: str | None = None  #: ``glibc`` or ``musl``
    runtimes: tuple[Runtime, ...] = ()
