"""Where the storage of podman is: files, variables and the folders in the scheme."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ocisize.errors import ArchiveError, InvalidReference
from ocisize.sources.stores import storage_conf
from ocisize.sources.stores.storage_conf import find_driver, find_settings, split_location


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A system without settings, whose first file is returned; the user is root."""
    file = tmp_path / "etc-storage.conf"
    monkeypatch.setattr(storage_conf, "_SYSTEM_FILES", (str(file), str(tmp_path / "usr-storage.conf")))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return file


def test_defaults(system: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without settings, root has the storage of the system and each user one in the folder of data."""
    assert find_settings({}).roots == ("/var/lib/containers/storage",)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert find_settings({"XDG_DATA_HOME": "/data"}).roots == ("/data/containers/storage",)
    monkeypatch.setenv("HOME", "/home/me")
    settings = find_settings({})
    assert settings.roots == ("/home/me/.local/share/containers/storage",)
    assert "podman unshare" in settings.rights_hint


def test_system_file(system: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first file of the system counts; its graphroot is that of root only."""
    (tmp_path / "usr-storage.conf").write_text('[storage]\ngraphroot = "/usr-root"\n')
    assert find_settings({}).roots == ("/usr-root",)
    system.write_text(
        '[storage]\ndriver = "overlay2"\ngraphroot = "/root"\nimagestore = "/images"\n'
        'rootless_storage_path = "/users/$UID-$USER$HOME/x"\n[storage.options]\nadditionalimagestores = ["/more", "/root"]\n'
    )
    settings = find_settings({})
    assert settings.roots == ("/images", "/root", "/more")
    assert settings.driver == "overlay"
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    own = find_settings({"USER": "me", "HOME": "/home/me", "XDG_CONFIG_HOME": str(tmp_path / "none")})
    assert own.roots[1] == "/users/1000-me/home/me/x"


def test_users_file(system: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file of a user replaces that of the system, also within podman unshare, where the user is root."""
    system.write_text('[storage]\ndriver = "vfs"\nrootless_storage_path = "/system"\n')
    file = tmp_path / "config/containers/storage.conf"
    file.parent.mkdir(parents=True)
    file.write_text('[storage]\ngraphroot = "/mine"\n')
    environ = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "_CONTAINERS_ROOTLESS_UID": "1000"}
    assert find_settings(environ).roots == ("/mine",)
    assert find_settings(environ).driver == ""
    assert find_settings({"XDG_CONFIG_HOME": str(tmp_path / "config")}).roots == ("/var/lib/containers/storage",)


def test_variables(system: Path, tmp_path: Path) -> None:
    """CONTAINERS_STORAGE_CONF names the only file, STORAGE_DRIVER the driver."""
    system.write_text('[storage]\ngraphroot = "/root"\n')
    (tmp_path / "own.conf").write_text('[storage]\ndriver = "overlay"\ngraphroot = "/own"\n')
    settings = find_settings({"CONTAINERS_STORAGE_CONF": str(tmp_path / "own.conf"), "STORAGE_DRIVER": "vfs"})
    assert (settings.roots, settings.driver) == (("/own",), "vfs")


@pytest.mark.parametrize("text", ["[storage", "\xff", "storage = 1", '[storage]\ngraphroot = 1\ndriver = []\noptions = "x"'])
def test_odd_files(system: Path, text: str) -> None:
    """A file that is no TOML is an error that names it; values of other types are as good as none."""
    system.write_bytes(text.encode("latin-1"))
    if text.startswith("[storage]") or "=" in text:
        assert find_settings({}).roots == ("/var/lib/containers/storage",)
        return
    with pytest.raises(ArchiveError, match=f"{system} is not valid TOML"):
        find_settings({})


@pytest.mark.parametrize(
    ("text", "root", "driver", "name"),
    [
        ("[/srv]app:1", "/srv", "", "app:1"),
        ("[overlay@/srv+/run]app@sha256:0", "/srv", "overlay", "app@sha256:0"),
        ("[vfs@/srv+/run:mount_program=/usr/bin/x,a.b=c]", "/srv", "vfs", ""),
        ("[overlay2@/srv:x]app", "/srv", "overlay", "app"),
    ],
)
def test_folders_in_the_scheme(text: str, root: str, driver: str, name: str) -> None:
    """``[driver@graphroot+runroot:options]`` as skopeo and buildah write it."""
    settings, rest = split_location(text)
    assert settings is not None
    assert (settings.roots, settings.driver, rest) == ((root,), driver, name)


@pytest.mark.parametrize("text", ["[", "[]app", "[@/srv]app", "[vfs@]app", "[+/run]app", "[/srv"])
def test_wrong_folders(text: str) -> None:
    """A folder is needed between the brackets."""
    with pytest.raises(InvalidReference, match="there is no folder in"):
        split_location(text)


def test_driver(tmp_path: Path) -> None:
    """The driver of the settings counts, else the one that the folder has images of."""
    settings, _ = split_location(f"[{tmp_path}]")
    vfs, _ = split_location(f"[vfs@{tmp_path}]")
    assert settings is not None
    assert vfs is not None
    assert find_driver(str(tmp_path), settings) is None
    assert find_driver(str(tmp_path / "none"), settings) is None
    (tmp_path / "vfs-images").mkdir()
    assert find_driver(str(tmp_path), settings) == "vfs"
    (tmp_path / "overlay-images").mkdir()
    assert find_driver(str(tmp_path), settings) == "overlay"
    assert find_driver(str(tmp_path), vfs) == "vfs"


def test_other_drivers(tmp_path: Path) -> None:
    """Images of other drivers are refused with what to do."""
    (tmp_path / "btrfs-images").mkdir()
    settings, _ = split_location(f"[{tmp_path}]")
    assert settings is not None
    with pytest.raises(ArchiveError, match="a storage of the driver btrfs; overlay and vfs are read") as raised:
        find_driver(str(tmp_path), settings)
    assert "podman save" in (raised.value.hint or "")
