"""The true cause of growth and of downloads: packages by name, the base image with its releases, the layer that changed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from ocisize import Analyzer, compare
from ocisize.model.analysis import Analysis
from ocisize.model.causes import CauseKind
from ocisize.model.comparison import Comparison
from ocisize.report.words.upgrade import describe_upgrade
from tests.comparison.test_images import NOISE, rebuilt
from tests.images import Entries, File, build_image, layer
from tests.oci.test_image import single

SITE = "usr/local/lib/python3.12/site-packages"
ROOT, PIP, APP = "ADD rootfs.tar /", "RUN pip install -r requirements.txt", "COPY . /app"
DEBIAN = b'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n'


def image(layers: Sequence[Entries], steps: Sequence[str]) -> Analysis:
    built = build_image([layer(entries) for entries in layers], history=[{"created_by": step} for step in steps])
    return Analyzer(jobs=1, keep_packages=True).analyze_source(single(built))


def python_package(name: str, version: str, content: bytes) -> dict[str, Any]:
    record = f"{name}/code.py,,\n{name}-{version}.dist-info/RECORD,,\n".encode()
    return {f"{SITE}/{name}/code.py": content, f"{SITE}/{name}-{version}.dist-info/RECORD": record}


def debian(release: bytes) -> dict[str, Any]:
    return {"etc/os-release": DEBIAN, "etc/debian_version": release, "bin/sh": b"sh" * 900 + release, **NOISE[0]}


def test_packages_are_the_cause() -> None:
    """What a step installs is named with versions and sizes, not with the number of files."""
    shared = python_package("numpy", "1.0", b"n" * 5000)
    before = image([debian(b"12.1"), {**shared, **python_package("requests", "2.0", b"r" * 900)}], [ROOT, PIP])
    more = {**python_package("matplotlib", "3.8", bytes(range(256)) * 90), **python_package("fonttools", "4.4", b"f" * 800)}
    after = image([debian(b"12.1"), {**shared, **python_package("requests", "2.1", b"r" * 1000), **more}], [ROOT, PIP])
    found = compare(before, after)
    (reason,) = found.reasons
    assert reason.text.startswith(f"layer 1 `{PIP}` adds matplotlib 3.8 +")
    assert "fonttools 4.4 +" in reason.text
    assert "updates requests 2.0 → 2.1" in reason.text
    changes = {change.name: (change.before_version, change.after_version, change.growth) for change in found.packages}
    assert changes["fonttools"] == (None, "4.4", 800 + len("fonttools/code.py,,\nfonttools-4.4.dist-info/RECORD,,\n"))
    assert changes["requests"] == ("2.0", "2.1", 100)
    assert "numpy" not in changes
    assert sum(change.growth for change in found.packages) == found.growth


def test_packages_that_are_gone_and_files_beside_them() -> None:
    """Packages that a layer lacks are named, and files that no package owns are counted beside them."""
    before = image([debian(b"12.1"), {**python_package("old", "1.0", b"o" * 5000)}], [ROOT, PIP])
    after = image([debian(b"12.1"), {"root/.cache/x": bytes(range(256)) * 10}], [ROOT, PIP])
    (reason,) = compare(before, after).reasons
    assert "removes old 1.0 -" in reason.text
    assert "adds 1 other file +" in reason.text


def base_change(release: bytes = b"12.2", steps: Sequence[str] = (ROOT, PIP)) -> Comparison:
    return compare(image([debian(b"12.1"), NOISE[1]], [ROOT, PIP]), image([debian(release), rebuilt(NOISE[1], 1)], steps))


def test_the_base_image_is_the_cause() -> None:
    """Everything is downloaded again because the base changed, and the releases are named."""
    found = base_change()
    assert found.download_cause is not None
    assert (found.download_cause.kind, found.download_cause.layers) == (CauseKind.BASE, (0, 1))
    assert found.download_cause.text == "the base image changed (Debian 12.1 → 12.2)"
    assert describe_upgrade(found).endswith(" again because the base image changed (Debian 12.1 → 12.2)")
    assert describe_upgrade(found).startswith("all ")
    assert any("is another base image (Debian 12.1 → 12.2)" in reason.text for reason in found.reasons)


def test_hostile_releases_are_not_believed() -> None:
    """A release that is not one of the version is left out."""
    found = base_change(b"13.1\x1b[31m")
    assert found.download_cause is not None
    assert found.download_cause.text == "the base image changed"


def test_a_lower_layer_is_the_cause() -> None:
    """Layers with mostly the same files are downloaded again because a layer below changed."""
    before = image([NOISE[0], {"a": b"1"}, NOISE[2]], [ROOT, APP, PIP])
    after = image([NOISE[0], {"a": b"2"}, rebuilt(NOISE[2], 1)], [ROOT, APP, PIP])
    cause = compare(before, after).download_cause
    assert cause is not None
    assert (cause.kind, cause.layer, cause.layers, cause.text) == (CauseKind.LAYER, 1, (2,), f"layer 1 `{APP}` changed")


def test_timestamps_are_the_cause() -> None:
    """If no file changed, that is what is said."""
    before = image([NOISE[0], NOISE[1]], [ROOT, PIP])
    after = image([NOISE[0], {path: File(content, mtime=5) for path, content in NOISE[1].items()}], [ROOT, PIP])
    cause = compare(before, after).download_cause
    assert cause is not None
    assert (cause.kind, cause.text) == (CauseKind.REBUILD, "timestamps or the order of files differ; no file changed")


def test_new_files_have_no_such_cause() -> None:
    """A layer that is new is no download again."""
    assert compare(image([NOISE[0]], [ROOT]), image([NOISE[0], NOISE[1]], [ROOT, PIP])).download_cause is None
    same = image([NOISE[0]], [ROOT])
    assert compare(same, same).download_cause is None


def test_an_image_with_rpm_has_a_true_cause() -> None:
    """The database of rpm is not read: files and their directory are the cause, and the release of the base is named."""
    release = b'PRETTY_NAME="Fedora Linux 39 (Container Image)"\nID=fedora\nVERSION_ID="39"\n'
    database = "var/lib/rpm/rpmdb.sqlite"
    system = {
        "etc/os-release": release,
        "usr/bin/bash": bytes(range(256)) * 400,
        database: b"SQLite format 3\0" + b"a" * 4000,
    }
    tools = {f"usr/libexec/git-core/git-{number}": bytes([number]) * 9000 for number in range(9)}
    step = "RUN dnf install -y git"
    newer = {database: b"SQLite format 3\0" + b"b" * 7000}
    found = compare(image([system], [ROOT]), image([system, {**tools, **newer}], [ROOT, step]))
    assert found.packages == ()
    assert [reason.text for reason in found.reasons] == [
        f"layer 1 `{step}` is new: adds 10 files, most in /usr/libexec/git-core/"
    ]
    updated = {**system, "etc/os-release": release.replace(b"39", b"40"), **newer}
    base = compare(image([system], [ROOT]), image([updated], [ROOT]))
    assert base.reasons[0].text.startswith(f"layer 0 `{ROOT}` is another base image (Fedora 39 → 40): changes 2 files")


def test_other_files_are_others_than_those_of_named_packages() -> None:
    """A package whose growth is too small to be named does not make all other files "other" ones."""
    noise = random.Random(5)
    tool = {"srv/tool": noise.randbytes(900_000)}
    before = python_package("numpy", "1.0", b"n" * 5000)
    for content, words in ((b"m" * 5000, "adds 1 file in /srv/"), (noise.randbytes(90_000), "adds 1 other file +")):
        after = {**python_package("numpy", "1.0", content), **tool}
        (reason,) = compare(image([before], [PIP]), image([after], [PIP])).reasons
        assert words in reason.text
        assert ("numpy" in reason.text) is ("other" in reason.text)


def test_the_headline_has_a_short_build_step() -> None:
    """A long build step is cut in the cause, which is a part of the headline."""
    long = "RUN " + " && ".join(f"install-tool-{number}" for number in range(40))
    before = image([NOISE[0], {"a": b"1"}, NOISE[2]], [ROOT, long, PIP])
    cause = compare(before, image([NOISE[0], {"a": b"2"}, rebuilt(NOISE[2], 1)], [ROOT, long, PIP])).download_cause
    assert cause is not None
    assert cause.text == f"layer 1 `{long[:47]}…` changed"


def test_another_sum_is_no_other_step() -> None:
    """Builders other than BuildKit note a sum of what they copy: it is neither a name nor a change of the step."""
    steps = [[ROOT, f"COPY dir:{digit * 64} in /app"] for digit in "ab"]
    before = image([NOISE[0], {"app/a": b"1" * 10}], steps[0])
    found = compare(before, image([NOISE[0], {"app/a": b"1" * 10, "app/b": b"2" * 99}], steps[1]))
    assert found.reasons[0].text == "layer 1 `COPY … /app` adds 1 file in /app/"


def test_a_step_with_backticks_stays_code() -> None:
    """The marks around a build step are longer than those in it."""
    found = compare(image([NOISE[0]], [ROOT]), image([NOISE[0], {"a": b"1" * 99}], [ROOT, "RUN echo `date` > /a"]))
    assert found.reasons[0].text.startswith("layer 1 ``RUN echo `date` > /a`` is new: ")


def test_files_that_only_moved_are_not_noise() -> None:
    """Files that are in another layer now are named if they are a good part of the change."""
    noise = {f"d/{number}": bytes([number]) * 4000 for number in range(9)}
    before = image([{**NOISE[0], "moved": b"m" * 50}, {"app/a": b"1"}], [ROOT, APP])
    after = image([NOISE[0], {"app/a": b"1", "moved": b"m" * 50, **noise}], [ROOT, APP])
    texts = [reason.text for reason in compare(before, after).reasons]
    assert any(text.startswith(f"layer 1 `{APP}` adds 9 files") and "gains" not in text for text in texts)
    gone = compare(
        image([{"a": b"1" * 9}, {"b": b"2" * 900}], [ROOT, APP]), image([{"a": b"1" * 9, "b": b"2" * 900}], [ROOT])
    )
    assert any(
        text == f"layer 1 of BEFORE `{APP}` is gone: its files are in other layers now"
        for text in [reason.text for reason in gone.reasons]
    )
