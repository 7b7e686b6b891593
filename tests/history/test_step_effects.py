"""Questions about build steps: each is answered from the text alone."""

from __future__ import annotations

import pytest

from ocisize.history.step_effects import (
    cleanup_command,
    copies_from_context,
    copies_from_stage,
    lays_root_filesystem,
    makes_directory,
    may_lay_root_filesystem,
    may_only_set_metadata,
    sets_metadata,
    sets_variables,
)
from ocisize.model.build_step import BuildStep


def answers(text: str) -> set[str]:
    """The names of the questions that are answered by yes."""
    questions = (
        copies_from_context, copies_from_stage, lays_root_filesystem, makes_directory, may_lay_root_filesystem,
        may_only_set_metadata, sets_metadata, sets_variables,
    )  # fmt: skip
    return {question.__name__ for question in questions if question(BuildStep(text))}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {"may_only_set_metadata"}),
        ("RUN make", set()),
        ("COPY . /app", {"copies_from_context"}),
        ("COPY --link --from=build /x /y", {"copies_from_context", "copies_from_stage"}),
        ("COPY --chown=a x /y", {"copies_from_context", "sets_metadata", "may_only_set_metadata"}),
        ("COPY a.--from=b /y", {"copies_from_context"}),
        ("ADD file:0123456789ab… in /app", {"copies_from_context"}),
        ("ADD app.tar.gz /opt", {"copies_from_context"}),
        ("ADD rootfs.tar.xz / # buildkit", {"copies_from_context", "may_lay_root_filesystem"}),
        ("ADD file:0123456789ab… in /", {"lays_root_filesystem", "may_lay_root_filesystem"}),
        ("ADD alpine-minirootfs-3.20.3-x86_64.tar.gz /", {"copies_from_context", "may_lay_root_filesystem"}),
        ("ADD x.zip /app", {"copies_from_context"}),
        ("# debian.sh --arch 'amd64' out/ 'trixie' '@1'", {"lays_root_filesystem", "may_lay_root_filesystem"}),
        ("WORKDIR /app", {"makes_directory"}),
        ("ENV A=1", {"sets_variables"}),
        ("ENVOY x", set()),
        ("RUN chown -R a /app && make", {"sets_metadata", "may_only_set_metadata"}),
        ("RUN touch /a && touch /b", {"may_only_set_metadata"}),
        ("RUN touch /a && make", set()),
        ("RUN rm -rf $HOME/.cache; find / -delete", set()),
        ("RUN Remove-Item x", set()),
        ("RUN rm -rf /a && make", set()),
    ],
)
def test_questions(text: str, expected: set[str]) -> None:
    """Every question, by the text of a step."""
    assert answers(text) == expected


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("RUN rm -rf /a /b", "rm -rf /a /b"),
        ("RUN apt-get clean && find /x -name y -delete; rm -r /z", "apt-get clean && find /x -name y -delete && rm -r /z"),
        ("RUN rm -rf a", ""),
        ("RUN rm -rf /$A", ""),
        ("RUN rm -rf /a || true", ""),
        ("RUN rm -rf /a && make", ""),
        ("COPY a /b", ""),
        ("", ""),
    ],
)
def test_cleanup_commands(text: str, command: str) -> None:
    """A step that only deletes absolute paths can be part of any earlier step."""
    assert cleanup_command(BuildStep(text)) == command
