"""Build steps in a few words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocisize.model.build_step import BuildStep
from ocisize.report.words.steps import MAX_NAME, name_step, show_step
from ocisize.report.words.units import cut, cut_words


@pytest.mark.parametrize(
    ("step", "name"),
    [
        ("RUN apt-get update && apt-get install -y curl", "apt-get install"),
        ("RUN apt-get -qq update; apt-get -qq install git", "apt-get install"),
        ("RUN set -eux; export A=1; cd /srv && npm ci", "npm ci"),
        ("RUN apt-get update", "apt-get update"),
        ("RUN DEBIAN_FRONTEND=noninteractive apt-get install -y tzdata", "apt-get install"),
        ("RUN python3 -m pip install --no-cache-dir flask", "pip install"),
        ("RUN /usr/bin/python3.11 tools/build.py --fast", "python3.11 build.py"),
        ("RUN chown -R app:app /app", "chown -R"),
        ("RUN rm -rf /x", "rm -rf"),
        ("RUN curl -fsSL https://example.com | sh", "curl"),
        ("RUN A=1", "A=1"),
        ("RUN ", "RUN"),
        ("COPY --chown=1000:1000 --from=build /out /app", "COPY /out /app"),
        ("COPY dir:21678b0f3c4d5e6f7a8b in /app", "COPY /app"),
        ("ADD file:0539a1b2c3d4e5f60718 in /", "root filesystem"),
        ("# debian.sh --arch 'amd64' out/", "root filesystem"),
        ("WORKDIR /app", "WORKDIR /app"),
        ("", ""),
    ],
)
def test_names_of_steps(step: str, name: str) -> None:
    """The command that does the work of a RUN, the target of a COPY, and no checksum."""
    assert name_step(BuildStep(step)) == name


@given(st.text(max_size=80))
def test_any_step_has_a_short_name(text: str) -> None:
    """Whatever a builder wrote, the name is short."""
    assert len(name_step(BuildStep(text))) <= MAX_NAME
    assert len(name_step(BuildStep(f"RUN {text}"))) <= MAX_NAME


def test_steps_without_checksums() -> None:
    """A checksum in place of a source says nothing; a name does."""
    assert show_step(BuildStep("COPY multi:21678b0f3c4d5e6f7a8b in /app/")) == "COPY … /app/"
    assert show_step(BuildStep("ADD file:rootfs.tar in /")) == "ADD file:rootfs.tar in /"


@given(st.text("ab ,:(·", max_size=30), st.integers(1, 20))
def test_cut_texts_fit(text: str, width: int) -> None:
    """A cut text fits, and ends with no punctuation before the mark."""
    for short in (cut(text, width), cut_words(text, width)):
        assert len(short) <= max(width, 1)
        assert short == text or not short.removesuffix("…").rstrip(" ").endswith((",", ":", "(", "·"))
