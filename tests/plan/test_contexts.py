"""Where build steps run, as whom, and which layers hold several steps."""

from __future__ import annotations

from ocisize.oci.documents import History
from ocisize.plan.contexts import StepContext, find_contexts, is_built_by_modern_builder

BUILDKIT = "buildkit.dockerfile.v0"


def history(*texts: str, comment: str = BUILDKIT) -> list[History]:
    """History entries; those that begin with "- " made no layer."""
    return [
        History(created_by=text.removeprefix("- "), empty_layer=text.startswith("- "), comment=comment) for text in texts
    ]


def test_working_directories_and_users() -> None:
    """Relative directories add up; a USER holds until the next one."""
    entries = history("ADD rootfs /", "WORKDIR /srv", "- WORKDIR app", "- USER 1000:1000", "RUN a", "- USER root", "RUN b")
    contexts = find_contexts(entries, 4)
    assert [(context.working_dir, context.user) for context in contexts] == [
        ("/", ""), ("/srv", ""), ("/srv/app", "1000:1000"), ("/srv/app", "root"),
    ]  # fmt: skip


def test_what_is_between_two_steps() -> None:
    """Only instructions that change neither the shell nor the environment may be between RUNs that are joined."""
    for between, expected in (("- LABEL a=b", True), ("- CMD x", True), ("- ENV A=b", False), ("- ARG A=b", False),
                              ("- USER 1", False), ("- WORKDIR /x", False), ("- SHELL [/bin/bash -c]", False)):  # fmt: skip
        contexts = find_contexts(history("RUN a", between, "RUN b"), 2)
        assert contexts[1].follows_directly is expected, between
    contexts = find_contexts(history("RUN a", "COPY b /", "RUN b", "RUN c"), 4)
    assert [context.follows_directly for context in contexts] == [False, True, False, True]


def test_one_layer_of_all_steps() -> None:
    """buildah build without --layers lists all steps, all but the last without a layer."""
    entries = history(
        "- /bin/sh -c #(nop) COPY dir:7baf0123456789ab in /app ", "- /bin/sh -c rm -rf /app/x", "/bin/sh -c make",
        comment="FROM docker.io/library/debian:12",
    )  # fmt: skip
    (context,) = find_contexts(entries, 1)
    assert context.step_count == 3
    assert not context.follows_directly
    (context,) = find_contexts(history("- COPY a /a", "COPY b /b"), 1)
    assert context.step_count == 2


def test_empty_layers_of_other_builders() -> None:
    """docker's classic builder marks a RUN that changes nothing: the next layer holds one step."""
    (context,) = find_contexts(history("- /bin/sh -c true", "/bin/sh -c make", comment=""), 1)
    assert context.step_count == 1


def test_a_history_that_does_not_fit() -> None:
    """Without a history that fits the layers nothing is known, and no step can be edited."""
    assert find_contexts(history("RUN a"), 2) == [StepContext()] * 2
    assert StepContext().step_count == 0
    assert find_contexts([], 0) == []


def test_builders_that_mount() -> None:
    """BuildKit and Buildah know bind mounts; docker's classic builder does not."""
    assert is_built_by_modern_builder(history("RUN a"))
    assert is_built_by_modern_builder(history("RUN a", comment="FROM docker.io/library/debian:12"))
    assert is_built_by_modern_builder(history("RUN /bin/sh -c a # buildkit", comment=""))
    assert not is_built_by_modern_builder(history("/bin/sh -c a", comment=""))
