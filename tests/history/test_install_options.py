"""Options of apt and npm that leave packages out, in the text of build steps."""

from __future__ import annotations

import pytest

from ocisize.history.install_options import installs_development, installs_without_recommended, without_recommended
from ocisize.model.build_step import BuildStep


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("RUN apt-get install -y curl", False),
        ("RUN apt-get install -y --no-install-recommends curl", True),
        ("RUN aptitude install --without-recommends curl", True),
        ("RUN apt-get -o APT::Install-Recommends=0 install curl", True),
        ("RUN apt-get -o APT::Install-Recommends=1 install curl && make", True),  # the step knows the setting
        ("RUN apt install --no-install-recommends a && apt install b", False),
        ("RUN apt-get update", False),
        ("COPY . /app", False),
    ],
)
def test_recommended_packages(step: str, expected: bool) -> None:
    """Each installation in a step must leave them out."""
    assert installs_without_recommended(BuildStep(step)) is expected


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("apt-get install -y curl", "apt-get install --no-install-recommends -y curl"),
        ("apt-get -qq install curl", "apt-get -qq install --no-install-recommends curl"),
        ("apt-get install --no-install-recommends curl", None),
        ("make install", "make install"),
    ],
)
def test_option_for_recommended_packages(command: str, expected: str | None) -> None:
    """The option follows the verb; other commands stay as they are."""
    assert without_recommended(command) == expected


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("RUN npm ci", True),
        ("RUN npm --prefix /srv install", True),
        ("RUN npm ci --omit=dev", False),
        ("RUN NODE_ENV=production npm i", False),
        ("RUN npm i -g pnpm", False),
        ("RUN npm i -g pnpm && npm ci", True),
        ("RUN npm run build", False),
    ],
)
def test_development_packages(step: str, expected: bool) -> None:
    """One installation of development packages is enough."""
    assert installs_development(BuildStep(step)) is expected
