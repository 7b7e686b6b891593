"""Recommended packages with the files they brought: which rows, which sizes, which fix."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.advice import analyze, by_id
from tests.images import DIR, Link
from tests.packages.test_dpkg import stanza

BASE = [stanza("libc6")]
APP = [stanza("app", Recommends="fonts, docs"), stanza("fonts", Depends="libfont"), stanza("libfont"), stanza("docs", "all")]
STATES = b"\n".join(
    b"Package: %b\nArchitecture: amd64\nAuto-Installed: 1\n" % name for name in (b"fonts", b"libfont", b"docs")
)


def database(stanzas: list[str], **lists: str) -> dict[str, bytes]:
    """What a layer holds of dpkg's database."""
    files = {"var/lib/dpkg/status": "\n\n".join(stanzas).encode(), "var/lib/apt/extended_states": STATES}
    return files | {f"var/lib/dpkg/info/{name.replace('__', ':')}.list": text.encode() for name, text in lists.items()}


UPPER: dict[str, Any] = {
    **database(
        [*BASE, *APP],
        app="/.\n/usr\n/usr/bin/app\n",
        fonts="/.\n/usr\n/usr/share/fonts/x.ttf\n/usr/share/fonts\n/etc/fonts.conf\n",
        libfont__amd64="/lib/libfont.so.1\n/lib/libfont.so\n/gone\n",
        docs="/usr/share/doc/docs/copyright\n",
    ),
    "var/lib/dpkg/info/fonts.postinst": b"#!/bin/sh",
    "var/lib/dpkg/info/app.postinst": b"#!/bin/sh",
    "usr/bin/app": b"a" * 1000,
    "usr/share/fonts": DIR,
    "usr/share/fonts/x.ttf": b"f" * 100,
    "etc/fonts.conf": b"c" * 10,
    "usr/lib/libfont.so.1": b"l" * 3,
    "usr/lib/libfont.so": Link("libfont.so.1"),
    "usr/share/doc/docs/copyright": b"d",
}
STEP = "RUN /bin/sh -c apt-get update && apt-get install -y app # buildkit"


def test_the_files_of_recommended_packages(tmp_path: Path) -> None:
    """Packages that are new, automatic and only recommended, with their files in that layer, also where /lib is merged."""
    (found,) = by_id(analyze(tmp_path, [database(BASE), UPPER], ["ADD rootfs", STEP]), "OS201")
    assert found.title == "3 packages installed only as recommendations in layer 1 (fonts, libfont, docs): 8 files"
    lists = [name for name in UPPER if name.endswith(".list") and "app" not in name]
    notes = [*lists, "var/lib/dpkg/info/fonts.postinst"]
    assert found.size == 114 + sum(len(UPPER[name]) for name in notes)
    assert found.paths[0] == "usr/share/fonts/x.ttf"
    assert set(found.paths[1:]) <= {*notes, "etc/fonts.conf", "usr/lib/libfont.so.1", "usr/share/doc/docs/copyright"}
    assert found.layers == (1,)
    assert found.fix == (
        "Change the command to `apt-get install --no-install-recommends -y app`. "
        "Largest packages avoided: fonts, libfont, docs. Install the packages that the program needs by name."
    )


def test_files_that_another_path_holds(tmp_path: Path) -> None:
    """Where /lib is a folder of its own, the file of the same name below /usr belongs to somebody else."""
    upper = {**UPPER, "lib/libfont.so.1": b"L" * 500, "usr/lib/libfont.so.1": b"l" * 400}
    (found,) = by_id(analyze(tmp_path, [database(BASE), upper], ["ADD rootfs", STEP]), "OS201")
    assert "lib/libfont.so.1" in found.paths
    assert "usr/lib/libfont.so.1" not in found.paths


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("RUN apt-get install -y --no-install-recommends app", None),
        ("RUN apt-get -o APT::Install-Recommends=false install app", None),
        ("RUN echo 'APT::Install-Recommends \"0\";' > /etc/apt/apt.conf.d/x && apt-get install app", None),
        ("RUN apt install --no-install-recommends a && apt-get -y install b",
         "Change the command to `apt-get -y install --no-install-recommends b`."),
        ("RUN ./install.sh", "Install with `--no-install-recommends` in `RUN ./install.sh`"),
        ("COPY --from=build / /", "in the stage that `COPY --from=build / /` copies from"),
    ],
)  # fmt: skip
def test_steps(tmp_path: Path, step: str, said: str | None) -> None:
    """A step that always installs without recommended packages is not to blame."""
    found = by_id(analyze(tmp_path, [database(BASE), UPPER], ["ADD rootfs", step]), "OS201")
    assert [said in finding.fix for finding in found if said] == [True] * (said is not None)
    assert len(found) == (said is not None)


def test_packages_of_lower_layers_are_not_reported(tmp_path: Path) -> None:
    """Only the layer that adds a package is to blame, not one that writes the database again."""
    again = {**database([*BASE, *APP]), "x": b"x"}
    found = by_id(analyze(tmp_path, [database(BASE), UPPER, again], ["ADD rootfs", STEP, "RUN dpkg -i x"]), "OS201")
    assert [each.layers for each in found] == [(1,)]


def test_without_a_database(tmp_path: Path) -> None:
    """Images without dpkg have no such finding, nor have packages whose lists or files are elsewhere."""
    assert not by_id(analyze(tmp_path / "a", [{"a": b"x"}], [STEP]), "OS201")
    assert not by_id(analyze(tmp_path / "b", [database([*BASE, *APP])], [STEP]), "OS201")


def test_a_file_of_two_packages_goes_to_neither(tmp_path: Path) -> None:
    """What two recommended packages list is left alone."""
    upper = {**database([*BASE, *APP], fonts="/a\n/b\n", docs="/a\n/c\n"), "a": b"a" * 99, "b": b"b" * 98, "c": b"c" * 97}
    (found,) = by_id(analyze(tmp_path, [database(BASE), upper], ["ADD rootfs", STEP]), "OS201")
    assert found.path_count == 4
    assert found.paths[:2] == ("b", "c")
