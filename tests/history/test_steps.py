"""Which build step made which layer, and how it is worded, whichever builder wrote it."""

from __future__ import annotations

import pytest

from ocisize.history.steps import LayerHistory, describe, match_history
from ocisize.model.build_step import BuildStep
from ocisize.oci.documents import History

HEX = "0123456789abcdef" * 4


def steps(*texts: str) -> list[History]:
    """One owning entry per text; texts that start with ``-`` own no layer."""
    return [History(created_by=text.removeprefix("-"), empty_layer=text.startswith("-")) for text in texts]


def names(layers: tuple[LayerHistory, ...]) -> list[str]:
    return [str(layer.build_step) for layer in layers]


def test_each_step_owns_a_layer() -> None:
    """With as many owning steps as layers, the i-th step describes layer i, for certain."""
    layers = match_history(steps("ADD a", "-ENV X=1", "COPY b", "-CMD c"), 2)
    assert names(layers) == ["ADD a", "COPY b"]
    assert all(layer.certain for layer in layers)


def test_step_details_are_kept() -> None:
    """The text as written and the time are next to the wording."""
    entry = History(created="2026-01-02T03:04:05Z", created_by="RUN /bin/sh -c make # buildkit")
    assert match_history([entry], 1) == (LayerHistory(BuildStep("RUN make"), entry.created_by, entry.created, certain=True),)


@pytest.mark.parametrize("history", [[], steps("-ENV X=1", "-CMD c")], ids=["none", "no owning step"])
def test_no_history(history: list[History]) -> None:
    """Without steps that own layers, every layer is unknown and not certain."""
    assert match_history(history, 2) == (LayerHistory(certain=False),) * 2


def test_surplus_steps_are_dropped_at_the_top() -> None:
    """With more owning steps than layers the first ones count, and none is certain."""
    layers = match_history(steps("ADD a", "COPY b", "COPY c"), 2)
    assert names(layers) == ["ADD a", "COPY b"]
    assert not any(layer.certain for layer in layers)


def test_missing_steps_are_unknown_at_the_top() -> None:
    """With fewer owning steps than layers the upper layers are unknown, and none is certain: rules_oci adds such layers."""
    layers = match_history(steps("ADD a", "-ENV X=1"), 3)
    assert names(layers) == ["ADD a", "", ""]
    assert not any(layer.certain for layer in layers)


def test_nothing_at_all() -> None:
    """No layers have no history, whatever the history says."""
    assert match_history([], 0) == match_history(steps("ADD a"), 0) == ()


def test_squashed_images() -> None:
    """After a squash the one layer that is left belongs to the merge, not to the steps that were emptied."""
    merged = History(comment=f"merge sha256:{HEX} to sha256:{HEX[::-1]}")
    layers = match_history([*steps("-ADD a", "-COPY b"), merged], 1)
    assert names(layers) == ["merge sha256:0123456789ab… to sha256:fedcba987654…"]
    assert layers[0].certain


@pytest.mark.parametrize(
    ("created_by", "text"),
    [
        ("/bin/sh -c apt-get install -y curl", "RUN apt-get install -y curl"),
        (f"/bin/sh -c #(nop) COPY file:{HEX} in /a/ ", "COPY file:0123456789ab… in /a/"),
        (f"/bin/sh -c #(nop) ADD dir:{HEX} in / ", "ADD dir:0123456789ab… in /"),
        (f"/bin/sh -c #(nop) ADD multi:{HEX} in /b/ ", "ADD multi:0123456789ab… in /b/"),
        ("/bin/sh -c #(nop) WORKDIR /app", "WORKDIR /app"),
        ("/bin/sh -c #(nop)  ENV X=1", "ENV X=1"),
        ('/bin/sh -c #(nop)  CMD ["sh"]', 'CMD ["sh"]'),
        ("/bin/bash -o pipefail -c #(nop) WORKDIR /app", "WORKDIR /app"),
        ("/bin/bash -o pipefail -c curl x | sh", "RUN curl x | sh"),
        ("/bin/sh -c echo '#(nop) x'", "RUN echo '#(nop) x'"),
        ("|0 /bin/sh -c make", "RUN make"),
        ("|1 FOO=bar /bin/sh -c make", "RUN make"),
        ("|2 A=1 B=two words /bin/sh -c make all", "RUN make all"),
        (f"|1 FOO=bar /bin/sh -c #(nop) COPY file:{HEX} in /x ", "COPY file:0123456789ab… in /x"),
        ("|1 FOO=bar /bin/bash -eo pipefail -c make", "RUN make"),
        ("/bin/bash", "/bin/bash"),
        ("|1 A=1 ", "RUN |1 A=1"),
        ("|x", "RUN |x"),
    ],
)
def test_classic_docker(created_by: str, text: str) -> None:
    """Docker's old builder and buildah: shell, ``#(nop)`` and build arguments are taken off, hashes cut."""
    assert describe(History(created_by=created_by)).text == text


@pytest.mark.parametrize(
    ("created_by", "text"),
    [
        ("RUN /bin/sh -c pip install x # buildkit", "RUN pip install x"),
        ("RUN |2 A=1 B=2 /bin/sh -c make # buildkit", "RUN make"),
        ("RUN |1 A=two words /bin/bash -euxo pipefail -c make # buildkit", "RUN make"),
        ("RUN |1 A=1 python -m build # buildkit", "RUN python -m build"),
        ("RUN /bin/bash -o pipefail -c curl | sh # buildkit", "RUN curl | sh"),
        ("RUN /bin/ash -e -o pipefail -c apk add x # buildkit", "RUN apk add x"),
        ("RUN /usr/bin/env bash -c make # buildkit", "RUN make"),
        ("RUN python -c 'x' # buildkit", "RUN python -c 'x'"),
        ("RUN /bin/sh -c <<EOF (set -e...) # buildkit", "RUN <<EOF (set -e...)"),
        ("COPY . /app # buildkit", "COPY . /app"),
        ("COPY --chown=u --chmod=755 src /dst # buildkit", "COPY --chown=u --chmod=755 src /dst"),
        ("COPY <<run.sh /dst # buildkit", "COPY <<run.sh /dst"),
        ("ADD rootfs.tar / # buildkit", "ADD rootfs.tar /"),
        ("WORKDIR /app", "WORKDIR /app"),
        ("ENV X=1", "ENV X=1"),
    ],
)
def test_buildkit(created_by: str, text: str) -> None:
    """BuildKit's lines without their suffix, shell and build arguments."""
    assert describe(History(created_by=created_by, comment="buildkit.dockerfile.v0")).text == text


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        (History(created_by=f"/bin/sh -c #(nop) COPY file:{HEX} in /a ", comment="FROM docker.io/library/alpine:3"),
         "COPY file:0123456789ab… in /a"),
        (History(created_by="/bin/sh -c make", comment="FROM 0123456789ab"), "RUN make"),
        (History(created_by="RUN apk add curl", author="kaniko"), "RUN apk add curl"),
        (History(created_by="COPY . .", author="kaniko"), "COPY . ."),
        (History(created_by="ko build ko://example.com/x", author="ko", comment="go build output, at /ko-app/x"),
         "ko build ko://example.com/x: go build output, at /ko-app/x"),
        (History(created_by="jib-maven-plugin:3.4.0", author="Jib", comment="dependencies"),
         "jib-maven-plugin:3.4.0: dependencies"),
        (History(created_by="jib-gradle-plugin:3.4.0", author="Jib"), "jib-gradle-plugin:3.4.0"),
        (History(comment=f"store paths: ['/nix/store/{HEX[:32]}-bash-5.2', '/nix/store/{HEX[:32]}-glibc-2.38']"),
         "nix: bash-5.2, glibc-2.38"),
        (History(created_by="Layer: 'jre', Created by buildpack: example/jre@1.2"),
         "Layer: 'jre', Created by buildpack: example/jre@1.2"),
        (History(created_by="Application Slice: 1"), "Application Slice: 1"),
        (History(created_by="Buildpacks Launcher Config"), "Buildpacks Launcher Config"),
        (History(created_by="apko", author="apko"), "apko"),
        (History(created_by="# debian.sh --arch 'amd64' out/ 'bookworm' '@1'", comment="debuerreotype 0.15"),
         "# debian.sh --arch 'amd64' out/ 'bookworm' '@1'"),
        (History(comment="Imported from -"), "Imported from -"),
        (History(created_by="sh"), "sh"),
        (History(author="someone"), "(someone)"),
        (History(), ""),
        (History(created_by="  ", author=" "), ""),
    ],
    ids=lambda value: "" if isinstance(value, History) else value[:30] or "empty",
)  # fmt: skip
def test_other_builders(entry: History, text: str) -> None:
    """Every other builder's step says what is best known of it: its line, else its comment, else its author."""
    assert describe(entry).text == text


@pytest.mark.parametrize(
    ("created_by", "text"),
    [
        (r"cmd /S /C mkdir C:\x", r"RUN mkdir C:\x"),
        (r"cmd /S /C #(nop) WORKDIR C:\app", r"WORKDIR C:\app"),
        (r"RUN cmd /S /C mkdir C:\x # buildkit", r"RUN mkdir C:\x"),
        ("powershell -Command Install-X", "RUN Install-X"),
        ("powershell -NoLogo -ExecutionPolicy Bypass -Command Install-X", "RUN Install-X"),
        ("pwsh -Command Install-X", "RUN Install-X"),
        ("powershell -Command $ErrorActionPreference = 'Stop'; #(nop)  ENV A=1", "ENV A=1"),
        ("Apply image 10.0.20348.169", "Apply image 10.0.20348.169"),
    ],
)
def test_windows(created_by: str, text: str) -> None:
    """cmd and powershell are shells like any other."""
    assert describe(History(created_by=created_by)).text == text


def test_many_lines_become_one() -> None:
    """Line ends, continuations, tabs and runs of blanks become one blank each."""
    written = "/bin/sh -c apt-get update && \\\n\tapt-get   install -y \\\r\n  curl\n"
    assert describe(History(created_by=written)).text == "RUN apt-get update && apt-get install -y curl"
    assert describe(History(comment="two\n lines")).text == "two lines"


@pytest.mark.parametrize(
    "created_by",
    ["/" * 100_000, "|1 " + "a " * 50_000, "|1 " + "/bin/sh " * 20_000, "/bin/sh " + "-x " * 30_000,
     "powershell " + "-x y " * 20_000, "x" + " " * 100_000 + "y", "|1 " + "pwsh -a " * 5000, "/bin/sh -c $; " * 5000, "\\ " * 50_000],
    ids=["slashes", "arguments", "shells", "options", "powershell", "blanks", "pwsh", "nop", "backslashes"],
)  # fmt: skip
def test_hostile_lines_end(created_by: str) -> None:
    """No text makes the wording take forever."""
    assert "\n" not in describe(History(created_by=created_by)).text


def test_long_steps_are_cut_with_a_mark() -> None:
    """A cut command is shown as one, and no edit is built on its remains."""
    step = describe(History(created_by="RUN /bin/sh -c " + "make && " * 1000 + "ldconfig # buildkit"))
    assert step.text.endswith("…")
    assert not step.is_editable
    assert describe(History(created_by="RUN /bin/sh -c make # buildkit" + " " * 5000)).text == "RUN make"
