"""Which build steps may trade places, by their text."""

from __future__ import annotations

import pytest

from ocisize.model.build_step import BuildStep
from ocisize.updates.dependencies import Dependency, find_dependency

FREE, MAYBE, NEEDED = Dependency.FREE, Dependency.MAYBE, Dependency.NEEDED


@pytest.mark.parametrize(
    ("lower", "upper", "expected"),
    [
        ("COPY . /app", "RUN apt-get update && apt-get install -y curl", FREE),
        ("COPY . .", "RUN apk add --no-cache curl", FREE),
        ("COPY . /app", "RUN pip install flask==3.0", FREE),
        ("COPY . /app", "RUN npm install -g pnpm", MAYBE),
        ("COPY a /a", "COPY b /b", FREE),
        ("COPY a /srv/a", "WORKDIR /app", FREE),
        ("RUN apt-get install -y curl", "COPY . /app", FREE),
        ("RUN make", "WORKDIR /app", FREE),
        ("WORKDIR /app", "COPY b /b", FREE),
        ("WORKDIR /app", "RUN apt-get install -y curl", FREE),
        ("COPY . /app", "RUN npm ci", MAYBE),
        ("COPY . /app", "RUN npm install express", MAYBE),
        ("COPY . /app", "RUN ./do-something", MAYBE),
        ("COPY . .", "COPY b /b", MAYBE),
        ("COPY sources.list /etc/apt/sources.list", "RUN apt-get update && apt-get install -y curl", MAYBE),
        ("RUN apt-get install -y curl", "RUN npm ci", MAYBE),
        ("RUN npm ci", "COPY . /app", MAYBE),
        ("COPY requirements.txt /tmp/", "RUN pip install -r /tmp/requirements.txt", NEEDED),
        ("COPY . /app", "RUN pip install -r /app/requirements.txt", NEEDED),
        ("COPY . /app", "RUN make", NEEDED),
        ("COPY . /app", "RUN cd /app && npm ci", NEEDED),
        ("COPY . /app", "RUN go build ./...", NEEDED),
        ("COPY a /app", "COPY b /app/b", NEEDED),
        ("COPY rootfs /", "COPY b /b", NEEDED),
        ("COPY rootfs /", "RUN apk add curl", NEEDED),
        ("RUN apt-get install -y curl", "RUN curl -fO http://example.com/x", NEEDED),
        ("RUN useradd app", "COPY --chown=app . /app", NEEDED),
        ("WORKDIR /app", "COPY . .", NEEDED),
        ("ADD file:0123456789ab… in /", "COPY a /a", NEEDED),
        ("", "COPY a /a", NEEDED),
        ("bazel build", "RUN make", NEEDED),
    ],
)
def test_dependencies(lower: str, upper: str, expected: Dependency) -> None:
    assert find_dependency(BuildStep(lower), BuildStep(upper)) is expected


def test_long_texts_are_not_compared() -> None:
    """A hostile step has tens of thousands of names, and the time for two steps grows with their product."""
    install = BuildStep("RUN apt-get install -y " + " ".join(f"package{number}" for number in range(1000)))
    assert find_dependency(BuildStep("COPY . /app"), BuildStep("RUN apt-get install -y curl")) is FREE
    assert find_dependency(BuildStep("COPY . /app"), install) is NEEDED
