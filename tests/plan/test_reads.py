"""Whether commands read files, judged by their texts."""

from __future__ import annotations

import pytest

from ocisize.plan.reads import Reading, names_path, reading_of, strongest_reading


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("make", Reading.LIKELY),
        ("python3 /srv/app/setup.py", Reading.MAYBE),
        ("tar xf /srv/in.tar", Reading.YES),
        ("A=1 B=/x tar xf /srv/in.tar -C /opt", Reading.YES),
        ("tar xf in.tar", Reading.YES),
        ("tar xf ./in.tar", Reading.YES),
        ("tar xf my-in.tar", Reading.MAYBE),
        ("tar xf in.tar.gz", Reading.MAYBE),
        ("tar xf /opt/srv/in.tar", Reading.MAYBE),
        ("cp -r /srv /opt", Reading.YES),
        ("cp -r . /opt", Reading.YES),
        ("mv * /opt", Reading.YES),
        ("cp /etc/x /opt", Reading.MAYBE),
        ("rm -rf /srv/in.tar", Reading.NO),
        ("rm -f in.tar", Reading.NO),
        ("find /srv -name '*.tar' -delete", Reading.NO),
        ("mkdir -p /srv", Reading.NO),
        ("useradd app", Reading.NO),
        ("apt-get install -y curl", Reading.NO),
        ("apt-get install -y /srv/in.tar", Reading.YES),
        ("pip install -r requirements.txt", Reading.NO),
        ("pip install .", Reading.MAYBE),
        ("pip install .[dev]", Reading.MAYBE),
        ("npm run build", Reading.LIKELY),
    ],
)
def test_commands(command: str, expected: Reading) -> None:
    """A command that names the file reads it; one that only installs, removes or sets owners does not."""
    assert reading_of(command, ["srv/in.tar"], "/srv") is expected


def test_chown_of_a_removed_path() -> None:
    """Owners of whole trees are set without reading; a path that is named must be there."""
    assert reading_of("chown -R app /srv", ["srv/in.tar"]) is Reading.NO
    assert reading_of("chown app /srv/in.tar", ["srv/in.tar"]) is Reading.YES


def test_directories_that_commands_change() -> None:
    """A cd holds for the commands behind it."""
    assert strongest_reading(["cd /srv", "cd app", "tar xf in.tar"], ["srv/app/in.tar"]) is Reading.YES
    assert strongest_reading(["tar xf in.tar", "cd /srv"], ["srv/in.tar"]) is Reading.MAYBE
    assert strongest_reading(["cd /srv", "cd ..", "tar xf srv/in.tar"], ["srv/in.tar"]) is Reading.YES
    assert strongest_reading([], ["srv/in.tar"]) is Reading.NO


@pytest.mark.parametrize(
    ("command", "path", "working_dir", "expected"),
    [
        ("cat /a/b", "a/b", "/", True),
        ("cat /a/b/c", "a/b", "/", True),
        ("cat /a/bc", "a/b", "/", False),
        ("cat x/a/b", "a/b", "/", False),
        ("cat '/a/b'", "a/b", "/", True),
        ("cat --file=/a/b", "a/b", "/", True),
        ("cat ../b", "a/b", "/a/c", False),
        ("cat b", "a/b", "/a", True),
        ("cat a+b.c", "a+b.c", "/", True),
        ("cat axb.c", "a+b.c", "/", False),
    ],
)
def test_names_path(command: str, path: str, working_dir: str, expected: bool) -> None:
    """Paths are names, not patterns; absolute, or as seen from the working directory."""
    assert names_path(command, path, working_dir) is expected


def test_long_commands_take_no_time() -> None:
    """A command is searched once for each path."""
    long = "make " + "/a" * 50_000 + " A=1" * 20_000
    assert reading_of(long, ["srv/x"]) is Reading.MAYBE
    assert reading_of("A=1 " * 50_000 + "make", ["srv/x"]) is Reading.MAYBE
    assert not names_path("/srv" * 50_000, "srv/x")
