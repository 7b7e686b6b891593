"""The operating system, package manager and language runtimes of an image."""

from __future__ import annotations

from ocisize.values import frozen


@frozen
class OperatingSystem:
    """The fields of os-release, see https://www.freedesktop.org/software/systemd/man/latest/os-release.html."""

    id: str  #: ``debian``, ``alpine`` …
    name: str  #: to show, such as ``Debian GNU/Linux``
    version: str  #: "" if there is none
    release: str = ""  #: the exact release of this version, such as ``12.2`` of Debian 12; "" if the system does not name it


@frozen
class Runtime:
    """A language runtime, recognized by the path of its program."""

    name: str  #: as in ``ocisize/packages/runtimes.toml``; ``static`` or ``native`` for the image's own program
    title: str  #: to show
    version: str  #: from paths and environment, "" if unknown
    path: str  #: of the program
    layer: int  #: index of the layer that adds the program


@frozen(kw_only=True)
class System:
    """The system of an image, as far as paths and package databases show it."""

    os: OperatingSystem | None = None  #: of os-release; None if there is no such file
    package_manager: str | None = None  #: ``dpkg``, ``apk`` or ``rpm``
    packages: int | None = None  #: number of installed packages; None without a readable database
    libc: str | None = None  #: ``glibc`` or ``musl``
    runtimes: tuple[Runtime, ...] = ()  #: of languages
