"""OS versions of images, and the versions of a system that run them: of Windows by build number, of others by prefix."""

from __future__ import annotations

import re

#: builds of Windows Server from which on a later build runs images of this one, up to its own build
_WINDOWS_LTSC_BUILDS = (20348, 26100)  # Server 2022 and 2025


def rank_version(system: str, version: str | None, wanted: str) -> tuple[int, tuple[int, ...]] | None:
    """Return how well an image of an OS version fits the wanted one, higher is better; None if it does not fit.

    An image without a version fits worst. Windows, as in containerd (``platforms/platform_windows_compat.go``): the version,
    then the highest revision of the same build, then the highest build since the last LTSC release.

    >>> rank_version("windows", "10.0.20348.1726", "10.0.20348"), rank_version("windows", "10.0.17763.1", "10.0.20348")
    ((2, (10, 0, 20348, 1726)), None)
    """
    if not version:
        return 0, ()
    numbers, wanted_numbers = _numbers(version), _numbers(wanted)
    if version == wanted:
        return 3, numbers
    if system != "windows":
        return (2, numbers) if version.startswith(f"{wanted}.") else None
    if len(numbers) < 3 or len(wanted_numbers) < 3 or numbers[:2] != wanted_numbers[:2]:
        return None
    build, wanted_build = numbers[2], wanted_numbers[2]
    if build == wanted_build:
        return 2, numbers
    lowest = max((release for release in _WINDOWS_LTSC_BUILDS if release <= wanted_build), default=wanted_build)
    return (1, numbers) if lowest <= build < wanted_build else None


def _numbers(version: str) -> tuple[int, ...]:
    """Return the numbers of a version, () if it has other parts."""
    parts = version.split(".")
    return tuple(map(int, parts)) if all(re.fullmatch(r"[0-9]{1,9}", part) for part in parts) else ()
