"""Where the storage of podman, buildah and CRI-O is: storage.conf, the environment, and the folders in a scheme.

containers-storage.conf(5), and containers-transports(5) for ``[driver@graphroot+runroot:options]``. The settings of a user
replace those of the system, and the variables replace both.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

from ocisize.errors import ArchiveError, InvalidReference
from ocisize.sources.stores.documents import (
    config_home,
    data_home,
    exists,
    home_folder,
    read_toml_settings,
    text_of,
    value_of,
)
from ocisize.text import printable
from ocisize.values import frozen

_SYSTEM_FILES = ("/etc/containers/storage.conf", "/usr/share/containers/storage.conf")
_SYSTEM_ROOT = "/var/lib/containers/storage"
_FORM = "write containers-storage:NAME or containers-storage:[DRIVER@GRAPHROOT+RUNROOT]NAME"
_IMAGES = "-images"  # end of the folder of a driver's images
_DRIVERS = ("overlay", "vfs")  # that are read, the usual one first
_OVERLAY_NAMES = ("overlay2",)  # other names of the driver overlay in settings
AS_USER = "files of other users in the storage need: podman unshare ocisize …"
_AS_ROOT = "run ocisize as root: this is the storage of the system"


@frozen
class StorageSettings:
    """The folders of a storage, and who may read it."""

    roots: tuple[str, ...]  #: folders with the same structure: that of the images first
    driver: str = ""  #: "" if no setting names it
    rights_hint: str = _AS_ROOT


def split_location(text: str) -> tuple[StorageSettings | None, str]:
    """Return the storage that ``[driver@graphroot+runroot:options]`` names, None without it; and the rest of the text.

    >>> settings, name = split_location("[vfs@/srv/images+/run/images]app:1")
    >>> settings.roots, settings.driver, name
    (('/srv/images',), 'vfs', 'app:1')
    """
    if not text.startswith("["):
        return None, text
    location, bracket, name = text[1:].partition("]")
    driver, at, folders = location.rpartition("@")
    root = folders.partition(":")[0].partition("+")[0]
    if not bracket or not root or (at and not driver):
        raise InvalidReference(f"containers-storage: there is no folder in {printable(text)!r}", hint=_FORM)
    return StorageSettings((root,), _normalize(driver), AS_USER if os.geteuid() else _AS_ROOT), name


def find_settings(environ: Mapping[str, str] | None = None) -> StorageSettings:
    """Return the settings of the running user; ``environ`` is the environment. Raises ArchiveError for a broken file.

    >>> find_settings({"CONTAINERS_STORAGE_CONF": "testdata/missing.conf"})
    Traceback (most recent call last):
    ocisize.errors.ArchiveError: CONTAINERS_STORAGE_CONF: there is no file testdata/missing.conf
    """
    environ = os.environ if environ is None else environ
    is_rootless = bool(_user(environ))
    settings, is_own = _read_settings(environ, is_rootless=is_rootless)
    storage = value_of(settings, "storage")
    root = text_of(storage, "graphroot")
    if is_rootless and not is_own:  # the folder of the system is not that of a user
        root = ""
    if is_rootless and (path := text_of(storage, "rootless_storage_path")):
        root = path
    default = f"{data_home(environ)}/containers/storage" if is_rootless else _SYSTEM_ROOT
    root = _expand(root, environ) or default
    additional = value_of(storage, "options", "additionalimagestores")
    roots = [_expand(text_of(storage, "imagestore"), environ), root, *map(str, additional if _is_list(additional) else ())]
    driver = environ.get("STORAGE_DRIVER") or text_of(storage, "driver")
    hint = AS_USER if is_rootless else _AS_ROOT
    return StorageSettings(tuple(dict.fromkeys(filter(None, roots))), _normalize(driver), hint)


def find_driver(root: str, settings: StorageSettings) -> str | None:
    """Return the driver whose images a root has, None if it has none; that of the settings wins.

    Raises ArchiveError for drivers that are not read, and roots that may not be read.
    """
    if not exists(root, rights_hint=settings.rights_hint):
        return None
    try:
        names = [path.name for path in Path(root).iterdir()]
    except OSError as error:
        hint = settings.rights_hint if isinstance(error, PermissionError) else None
        raise ArchiveError(f"cannot read {root}: {error.strerror}", hint=hint) from None
    found = [name.removesuffix(_IMAGES) for name in names if name.endswith(_IMAGES)]
    for driver in (settings.driver, *_DRIVERS):
        if driver in found and driver in _DRIVERS:
            return driver
    if found:
        raise ArchiveError(
            f"{root} is a storage of the driver {', '.join(map(printable, sorted(found)))}; overlay and vfs are read",
            hint="save the image to a file first: podman save -o image.tar NAME && ocisize image.tar",
        )
    return None


def _user(environ: Mapping[str, str]) -> int:
    """Return the user ID outside of the namespace of ``podman unshare``."""
    outside = environ.get("_CONTAINERS_ROOTLESS_UID", "")
    return int(outside) if outside.isdecimal() else os.geteuid()


def _read_settings(environ: Mapping[str, str], *, is_rootless: bool) -> tuple[Mapping[str, Any], bool]:
    """Return the settings, and whether they are the user's or those of a variable."""
    if named := environ.get("CONTAINERS_STORAGE_CONF"):
        settings = read_toml_settings(named)
        if settings is None:
            raise ArchiveError(f"CONTAINERS_STORAGE_CONF: there is no file {named}")
        return settings, True
    files: Sequence[str] = _SYSTEM_FILES
    if is_rootless:
        own = read_toml_settings(f"{config_home(environ)}/containers/storage.conf")
        if own is not None:
            return own, True
    return next((settings for file in files if (settings := read_toml_settings(file)) is not None), {}), False


def _expand(path: str, environ: Mapping[str, str]) -> str:
    """Return a folder with the variables that storage.conf may have in it: the user's name, ID and home."""
    return Template(path).safe_substitute(UID=str(_user(environ)), USER=environ.get("USER", ""), HOME=home_folder(environ))


def _normalize(driver: str) -> str:
    return _DRIVERS[0] if driver in _OVERLAY_NAMES else driver


def _is_list(value: object) -> bool:
    return isinstance(value, list)
