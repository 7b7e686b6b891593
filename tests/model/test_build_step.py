"""Build steps: the kind, options, arguments and commands that a text has."""

from __future__ import annotations

import pytest

from ocisize.model.build_step import BuildStep, StepKind


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", StepKind.UNKNOWN),
        ("RUN make", StepKind.RUN),
        ('RUN ["make", "all"]', StepKind.RUN),
        ("RUN", StepKind.OTHER),
        ("RUNNER x", StepKind.OTHER),
        ("run make", StepKind.OTHER),
        ("COPY . /app", StepKind.COPY),
        ("COPY dir:0123 in /", StepKind.COPY),
        ("ADD a.tar /opt", StepKind.ADD),
        ("ADD file:0123 in /opt", StepKind.ADD),
        ("ADD file:0123… in /", StepKind.ROOT_FILESYSTEM),
        ("# debian.sh --arch 'amd64' out/ 'trixie' '@1'", StepKind.ROOT_FILESYSTEM),
        ("debian.sh --arch amd64", StepKind.ROOT_FILESYSTEM),
        ("WORKDIR /app", StepKind.WORKDIR),
        ("ENV A=1", StepKind.METADATA),
        ('CMD ["RUN x"]', StepKind.METADATA),
        ("bazel build ...", StepKind.OTHER),
        ("nix: bash-5.2", StepKind.OTHER),
    ],
)
def test_kinds(text: str, kind: StepKind) -> None:
    """A keyword of the Dockerfile, in capitals and with something behind it, decides; root filesystems are apart."""
    assert BuildStep(text).kind is kind


@pytest.mark.parametrize(
    ("text", "options", "arguments"),
    [
        ("COPY --from=build --chown=a:b /x /y", ("--from=build", "--chown=a:b"), "/x /y"),
        ("COPY a --from=b", (), "a --from=b"),
        ("COPY --link", ("--link",), ""),
        ("WORKDIR /app", (), "/app"),
        ("RUN make --all", (), "make --all"),
        ("x", (), ""),
        ("", (), ""),
    ],
)
def test_options_and_arguments(text: str, options: tuple[str, ...], arguments: str) -> None:
    """Options are the words with two dashes right behind the keyword."""
    step = BuildStep(text)
    assert (step.options, step.arguments) == (options, arguments)


def test_shell_commands() -> None:
    """Steps are split between commands, not within quotes."""
    assert BuildStep("RUN a && b | c ; d || e").shell_commands == ("a", "b", "c", "d", "e")
    assert BuildStep("RUN echo 'a && b' \"c; d\" && e").shell_commands == ("echo 'a && b' \"c; d\"", "e")
    assert BuildStep("rm a; rm b").shell_commands == ("rm a", "rm b")
    assert BuildStep("").shell_commands == ("",)


def test_commands_one_after_the_other() -> None:
    """A step is split into commands only if each of them runs after the one before."""
    assert BuildStep("RUN a && b; c").commands == ("a", "b", "c")
    assert BuildStep("RUN a || b").commands is None
    assert BuildStep("RUN a | b").commands is None
    assert BuildStep("COPY a b").commands is None


def test_steps_are_values() -> None:
    """Equal texts are equal steps, also after one of them was parsed."""
    one, other = BuildStep("RUN a && b"), BuildStep("RUN a && b")
    assert one.commands is not None
    assert one == other and hash(one) == hash(other) and {one: 1}[other] == 1
    assert str(one) == f"{one}" == "RUN a && b"
