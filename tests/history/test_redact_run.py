"""Run configs and the secrets of a config: names stay, values of secrets do not."""

from __future__ import annotations

import time

import pytest

from ocisize.history.redact_run import list_config_secrets, redact_labels, redact_run
from ocisize.oci.documents import History, ImageConfig, RootFs, RunConfig

SECRET = "hunter2-very-secret"


@pytest.mark.parametrize(
    "words",
    [
        ("serve", "--password", SECRET), ("serve", f"--password={SECRET}"), ("sh", "-c", f"PASSWORD={SECRET} exec serve"),
        ("sh", "-c", f"curl -H 'Authorization: Bearer {SECRET}' x.org"), ("git", "clone", f"https://me:{SECRET}@x.org/a"),
        ("--token", f'{SECRET}"with quotes"'), (f"--api-key={SECRET}", "\\", '"'), ("sh", "-c", f"export API_KEY='{SECRET}'"),
    ],
)  # fmt: skip
def test_commands_lose_their_secrets(words: tuple[str, ...]) -> None:
    """In one word or in two; the program stays, or all is left out where the words cannot be told apart."""
    for run in (RunConfig(cmd=words), RunConfig(entrypoint=words), RunConfig(healthcheck=words)):
        redacted = redact_run(run)
        shown = redacted.cmd + redacted.entrypoint + redacted.healthcheck
        assert SECRET not in repr(redacted) and "<redacted>" in " ".join(shown)
        assert len(shown) in (1, len(words))


@pytest.mark.parametrize("words", [("serve", "--port", "80"), ("a b", 'c"d', "e\\f", "ü\n"), ()])
def test_other_commands_stay(words: tuple[str, ...]) -> None:
    assert redact_run(RunConfig(cmd=words, entrypoint=words)) == RunConfig(cmd=words, entrypoint=words)


def test_variables_and_labels() -> None:
    """By the name or by the form of the value; a value with a blank is one value."""
    run = RunConfig(
        env=(
            "PATH=/bin",
            f"DB_PASSWORD={SECRET} {SECRET}",
            f"URL=postgres://me:{SECRET}@db/x",
            "EMPTY",
            "TOKEN_FILE=/run/x",
        ),
        labels={"version": "1", "deploy-token": SECRET, "token": ""},
    )
    redacted = redact_run(run)
    assert redacted.env == ("PATH=/bin", "DB_PASSWORD=<redacted>", "URL=<redacted>", "EMPTY", "TOKEN_FILE=/run/x")
    assert redacted.labels == {"version": "1", "deploy-token": "<redacted>", "token": ""}
    assert redact_labels({"a": "b" * 5000})["a"] == "b" * 4095 + "…"


def test_names_of_secrets_in_the_order_of_the_config() -> None:
    """Variables first, then build steps; each once."""
    history = (
        History(created_by=f"RUN |1 NPM_TOKEN={SECRET} /bin/sh -c npm ci"),
        History(created_by=f"ENV A_KEY=b DB_PASSWORD={SECRET}"),
    )
    config = ImageConfig(RootFs(), history=history, run=RunConfig(env=(f"DB_PASSWORD={SECRET}",)))
    assert list_config_secrets(config)[:2] == ("DB_PASSWORD", "NPM_TOKEN")
    assert list_config_secrets(ImageConfig(RootFs())) == ()


def test_a_hostile_config_takes_linear_time() -> None:
    """Megabytes of labels and words."""
    many = {f"label-{number}": "password=" * 400 for number in range(300)}
    run = RunConfig(labels=many, cmd=tuple(f"--token{number}" for number in range(20_000)), env=("A=" + '"' * 1_000_000,))
    start = time.process_time()
    redact_run(run)
    assert time.process_time() - start < 20
