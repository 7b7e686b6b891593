"""Removals that move to the RUN that writes the files: only where nothing in between needs what they remove."""

from __future__ import annotations

import pytest

from tests.evidence import plan_on

BIG, SMALL = b"1" * 20_000, b"3" * 100


@pytest.mark.parametrize(
    ("reader", "moves"),
    [
        ("RUN dpkg -i /tmp/x.deb", False),
        ("RUN cd /tmp && dpkg -i x.deb", False),
        ("RUN sh /tmp/install.sh", False),  # a file that a COPY brought
        ("RUN dpkg -i /opt/y.deb", True),
    ],
)
def test_wildcards_remove_more_than_the_files_of_the_run(reader: str, moves: bool) -> None:
    """A command that names any file of the directory may need a file that the wildcard removes."""
    layers = [{"tmp/install.sh": SMALL}, {"tmp/x.deb": BIG}, {"etc/x": SMALL}, {"usr/x": SMALL}, {"tmp/.wh.x.deb": b""}]
    steps = ["COPY i.sh /tmp/install.sh", "RUN curl -o /tmp/x.deb", "COPY x /etc/x", reader, "RUN rm -rf /tmp/*"]
    plan = plan_on(*layers, steps=steps)
    assert any("rm -rf" in edit.text for edit in plan.edits) is moves
