"""Small files of stores and of the settings of engines: read whole, with errors that say who may read them."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ocisize.errors import ArchiveError, InvalidReference
from ocisize.text import printable

MAX_DOCUMENT = 64 << 20  #: bytes of a list of images or layers: a store of 20,000 layers has 20 MB
_MAX_SETTINGS = 1 << 20  # bytes
AS_ROOT = "run ocisize as root: the store of the system is readable by root only"


def read_document(path: str, *, limit: int = MAX_DOCUMENT, rights_hint: str = AS_ROOT) -> bytes | None:
    """Return the content of a file, None if there is none.

    Raises ArchiveError, with ``rights_hint`` if the file may not be read, and for more than ``limit`` bytes.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(limit + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError as error:
        raise ArchiveError(f"cannot read {path}: {error.strerror}", hint=rights_hint) from None
    except (OSError, ValueError) as error:  # ValueError: NUL in a name that a document has
        raise ArchiveError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None
    if len(data) > limit:
        raise ArchiveError(f"{path} has more than {limit} bytes")
    return data


def exists(path: str, *, rights_hint: str = AS_ROOT) -> bool:
    """Return True if a file or folder exists. Raises ArchiveError if it may not be looked at."""
    try:
        os.stat(path)
    except PermissionError as error:
        raise ArchiveError(f"cannot read {path}: {error.strerror}", hint=rights_hint) from None
    except (OSError, ValueError):
        return False
    return True


def read_toml_settings(path: str) -> Mapping[str, Any] | None:
    """Return the tables of a TOML file, None if there is none. Raises ArchiveError for a file that is not valid."""
    data = read_document(path, limit=_MAX_SETTINGS)
    if data is None:
        return None
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        return tomllib.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise ArchiveError(f"{path} is not valid TOML: {error}") from None


def read_json_settings(path: str) -> Mapping[str, Any]:
    """Return the object of a JSON file, {} if there is no file. Raises ArchiveError for a file that is not valid."""
    import json

    data = read_document(path, limit=_MAX_SETTINGS)
    try:
        document = json.loads(data or b"{}")
    except (ValueError, RecursionError) as error:
        raise ArchiveError(f"{path} is not valid JSON: {error}") from None
    if not isinstance(document, dict):
        raise ArchiveError(f"{path} is not a JSON object")
    return document


def text_of(settings: object, *keys: str) -> str:
    """Return the text at a path of keys in settings, "" if it is absent or something else.

    >>> text_of({"storage": {"driver": "vfs"}}, "storage", "driver"), text_of({"storage": 1}, "storage", "driver")
    ('vfs', '')
    """
    value = value_of(settings, *keys)
    return value if isinstance(value, str) else ""


def value_of(settings: object, *keys: str) -> Any:
    """Return the value at a path of keys in settings, None if it is absent."""
    value = settings
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def split_root(text: str, scheme: str) -> tuple[str, str]:
    """Return the folder in brackets in front of a name, "" without it; and the name. Raises InvalidReference.

    >>> split_root("[/srv/containerd]default/app:1", "containerd"), split_root("app:1", "containerd")
    (('/srv/containerd', 'default/app:1'), ('', 'app:1'))
    """
    if not text.startswith("["):
        return "", text
    root, bracket, name = text[1:].partition("]")
    if not bracket or not root:
        raise InvalidReference(f"{scheme}: there is no folder in {printable(text)!r}", hint=f"write {scheme}:[FOLDER]NAME")
    return root, name


def home_folder(environ: Mapping[str, str]) -> str:
    """Return the home folder of the running user."""
    return environ.get("HOME") or str(Path("~").expanduser())


def data_home(environ: Mapping[str, str]) -> str:
    """Return the folder of a user's data, by the XDG Base Directory Specification."""
    return environ.get("XDG_DATA_HOME") or f"{home_folder(environ)}/.local/share"


def config_home(environ: Mapping[str, str]) -> str:
    """Return the folder of a user's settings, by the XDG Base Directory Specification."""
    return environ.get("XDG_CONFIG_HOME") or f"{home_folder(environ)}/.config"
