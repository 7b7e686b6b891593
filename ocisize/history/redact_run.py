"""The run config of an image, and the names of the secrets in a config, without any value of a secret."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from ocisize.history.redact import REDACTED, is_secret, redact
from ocisize.history.steps import find_leaks
from ocisize.oci.documents import ImageConfig, RunConfig
from ocisize.values import evolve

_MAX_VALUE = 4096  # characters of a variable or label: some builders store whole documents in labels


def redact_run(run: RunConfig) -> RunConfig:
    """Return a run config with ``<redacted>`` in the place of secrets; values of more than 4,096 characters are cut.

    >>> redact_run(RunConfig(env=("PATH=/bin", "DB_PASSWORD=hunter2"), cmd=("serve", "--token", "abc-123"))).env
    ('PATH=/bin', 'DB_PASSWORD=<redacted>')
    """
    return evolve(
        run,
        env=tuple(map(_redact_variable, run.env)),
        entrypoint=_redact_words(run.entrypoint),
        cmd=_redact_words(run.cmd),
        healthcheck=_redact_words(run.healthcheck),
        labels=redact_labels(run.labels),
    )


def redact_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """Return labels or annotations in the same way.

    >>> redact_labels({"version": "1.0", "api-token": "abc-123"})
    {'version': '1.0', 'api-token': '<redacted>'}
    """
    return {name: _redact_value(name, value) for name, value in labels.items()}


def list_config_secrets(config: ImageConfig) -> tuple[str, ...]:
    """Return the names of the secrets in the environment and in the build steps: of variables, options, kinds of tokens.

    >>> from ocisize.oci.documents import RootFs
    >>> list_config_secrets(ImageConfig(RootFs(), run=RunConfig(env=("DB_PASSWORD=hunter2",))))
    ('DB_PASSWORD',)
    """
    variables = [pair.partition("=") for pair in config.run.env]
    names = [name for name, _, value in variables if is_secret(name, value)]
    names += [name for leak in find_leaks(config.history, len(config.rootfs.diff_ids)) for name in leak.secrets]
    return tuple(dict.fromkeys(names))


def _redact_variable(pair: str) -> str:
    name, equals, value = pair.partition("=")
    return f"{name}{equals}{_redact_value(name, value)}"


def _redact_value(name: str, value: str) -> str:
    shown = value if len(value) <= _MAX_VALUE else f"{value[: _MAX_VALUE - 1]}…"
    return REDACTED if is_secret(name, shown) else shown


def _redact_words(words: Sequence[str]) -> tuple[str, ...]:
    """The words of a command: an option may be one word, and its value, a secret, the next one."""
    text = json.dumps(words, ensure_ascii=False)
    redacted = redact(text).text
    if redacted == text:
        return tuple(words)
    try:
        return tuple(json.loads(redacted))
    except ValueError:  # the text was cut, or a secret had quotes
        return (REDACTED,)
