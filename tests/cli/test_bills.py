"""``-f cyclonedx`` and ``-f spdx`` on the command line: packages are read if such a report is written, and dated as asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ocisize.cli.main import main
from tests.images import build_image, layer, write_layout

STATUS = "Package: {0}\nStatus: install ok installed\nArchitecture: amd64\nVersion: {1}\nSource: openssl\n\n"


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Debian with a package that the second layer upgrades, and a package of npm."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    built = build_image(
        [
            layer(
                {
                    "etc/os-release": b'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12"\n',
                    "var/lib/dpkg/status": STATUS.format("libssl3", "3.0.15-1").encode(),
                    "var/lib/dpkg/info/libssl3:amd64.list": b"/.\n/usr/lib/libssl.so.3\n",
                    "usr/lib/libssl.so.3": b"old" * 1000,
                }
            ),
            layer(
                {
                    "var/lib/dpkg/status": STATUS.format("libssl3", "3.0.17-1").encode(),
                    "usr/lib/libssl.so.3": b"new" * 1500,
                    "app/node_modules/@babel/core/package.json": b'{"name": "@babel/core", "version": "7.24.0"}',
                    "app/node_modules/@babel/core/index.js": b"js" * 100,
                }
            ),
        ],
        config={"created": "2026-03-04T05:06:07.8Z"},
    )
    write_layout(built, tmp_path / "app")
    return "app"


def test_both_documents_in_one_run(image: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One run writes both, beside another report, and each has the packages with their bytes."""
    assert main([image, "-f", "text", "-f", "cyclonedx=a.cdx.json", "-f", "spdx=a.spdx.json", "-q"]) == 0
    document = json.loads(Path("a.cdx.json").read_text("utf-8"))
    purls = {one.get("purl") for one in document["components"]}
    openssl = "pkg:deb/debian/libssl3@3.0.17-1?arch=amd64&distro=debian-12&upstream=openssl"
    assert purls == {None, openssl, "pkg:npm/%40babel/core@7.24.0"}
    (libssl,) = (one for one in document["components"] if one["name"] == "libssl3")
    properties = {one["name"]: one["value"] for one in libssl["properties"]}
    assert int(properties["ocisize:live-bytes"]) >= 4500
    assert properties["aquasecurity:trivy:SrcName"] == "openssl"
    assert document["metadata"]["timestamp"] == "2026-03-04T05:06:07Z"
    of_spdx = json.loads(Path("a.spdx.json").read_text("utf-8"))
    assert {one["name"] for one in of_spdx["packages"]} >= {"debian", "libssl3", "@babel/core"}


@pytest.mark.parametrize("form", ["cyclonedx", "spdx"])
def test_the_source_date(image: str, form: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """SOURCE_DATE_EPOCH dates the document, and is refused if it is no number of seconds."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert main([image, "-f", form, "-q"]) == 0
    assert '"2023-11-14T22:13:20Z"' in capsys.readouterr().out
    for wrong in ("yesterday", "-1", "1.5", "9" * 30, "253402300800"):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", wrong)
        assert main([image, "-f", form, "-q"]) == 2
        assert "is no number of seconds since 1970" in capsys.readouterr().err
    assert main([image, "-f", "csv", "-q"]) == 0  # no date is written


def test_documents_of_the_cache_are_the_same(image: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An analysis without packages in the cache is not used for a report that shows them."""
    assert main([image, "-q"]) == 0
    capsys.readouterr()
    texts = list[str]()
    for arguments in (["--no-cache"], [], [], ["--jobs", "1"]):
        assert main([image, "-f", "cyclonedx", "-q", *arguments]) == 0
        texts.append(capsys.readouterr().out)
    assert len(set(texts)) == 1
    assert "libssl3" in texts[0]


@pytest.mark.parametrize("form", ["cyclonedx", "spdx"])
def test_one_image_each(image: str, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A document is about one image, and needs its layers."""
    assert main([image, "-f", form, "--all-platforms"]) == 2
    assert f"{form} can show one image only" in capsys.readouterr().err
    assert main([image, "-f", form, "--quick"]) == 2
    assert f"--quick reads no layers, which -f {form} needs" in capsys.readouterr().err
