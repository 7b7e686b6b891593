"""Credential helpers: the programs ``docker-credential-NAME`` that docker's configuration names.

Protocol: https://github.com/docker/docker-credential-helpers.
"""

from __future__ import annotations

import json
import os
import subprocess

from ocisize.errors import AuthenticationFailed
from ocisize.oci.reference import DOCKER_HUB
from ocisize.sources.registry.identity import Credentials

_HUB_KEY = "https://index.docker.io/v1/"
_SECONDS = 30
_TOKEN_USER = "<token>"  # noqa: S105 - the user name by which a helper marks an identity token


def ask_helper(suffix: str, registry: str, file: str) -> Credentials | None:
    """Return the credentials that ``docker-credential-SUFFIX`` has for a registry, None if it has none.

    ``file`` is the configuration that names the helper. Raises AuthenticationFailed if the helper is missing, fails, takes
    longer than 30 seconds, or answers something else; the error repeats nothing of the answer.
    """
    command, remedy = f"docker-credential-{suffix}", "repair"
    if os.sep in suffix:
        raise AuthenticationFailed(
            f"{command!r}, named in {file}, is not the name of a credential helper", hint=f"correct {file}"
        )
    try:
        username, secret = _run(command, _HUB_KEY if registry == DOCKER_HUB else registry)
    except FileNotFoundError:
        problem, remedy = "is not installed", "install"
    except subprocess.TimeoutExpired:
        problem = f"did not answer within {_SECONDS} s"
    except subprocess.CalledProcessError as error:
        if b"credentials not found" in error.stdout + error.stderr:
            return None
        problem = f"failed with status {error.returncode}"
    except OSError as error:
        problem = f"cannot be run: {error.strerror}"
    except (ValueError, LookupError, TypeError, RecursionError):
        problem = "returned an invalid answer"
    else:
        return _make_credentials(username, secret, f"the login of {command}")
    raise AuthenticationFailed(
        f"the credential helper {command}, named in {file}, {problem}",
        hint=f"{remedy} {command}, or remove {suffix!r} from {file}",
    )


def _run(command: str, server: str) -> tuple[str, str]:
    """Return the user name and the secret that a helper has for a server."""
    result = subprocess.run(  # noqa: S603 - the user's own docker config names the helper, as docker does it
        [command, "get"], input=server.encode(), capture_output=True, timeout=_SECONDS, check=True
    )
    answer = json.loads(result.stdout)
    username, secret = answer["Username"], answer["Secret"]
    if not (isinstance(username, str) and isinstance(secret, str)):
        raise TypeError
    return username, secret


def _make_credentials(username: str, secret: str, name: str) -> Credentials | None:
    if not secret:
        return None
    if username == _TOKEN_USER:
        return Credentials(identity_token=secret, name=name)
    return Credentials(username, secret, name=name)
