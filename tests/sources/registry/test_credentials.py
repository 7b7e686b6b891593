"""Credentials: where they are looked for, which ones win, and that no error gives them away."""

from __future__ import annotations

import base64
import json
import os
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ocisize.errors import AuthenticationFailed
from ocisize.oci.reference import parse_reference
from ocisize.sources.registry import credential_files, helpers
from ocisize.sources.registry.credentials import Credentials, StoredLogin, find_credentials

SECRET = "hunter2-very-secret"
pytestmark = pytest.mark.usefixtures("home")


def encoded(username: str, password: str) -> str:
    return base64.b64encode(f"{username}:{password}".encode()).decode()


def found(config: Any, tmp_path: Path, image: str = "reg.io/team/app") -> Credentials | None:
    """What is found for an image when this is the docker configuration."""
    folder = tmp_path / "docker"
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(config if isinstance(config, str) else json.dumps(config))
    return find_credentials(parse_reference(image), {"DOCKER_CONFIG": str(folder), "HOME": str(tmp_path)})


def inline(**entries: str) -> dict[str, Any]:
    """A configuration with an inline auth for each host, with the host in the user name."""
    return {"auths": {host: {"auth": encoded(user, SECRET)} for host, user in entries.items()}}


def user_of(result: Credentials | None) -> str | None:
    return result.username if result else None


Helper = Callable[..., None]


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Helper:
    """Write a credential helper; PATH holds these and the system's tools only."""
    folder = tmp_path / "helpers"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def write(suffix: str, script: str, *, shebang: str = "#!/bin/sh\n", mode: int = 0o755) -> None:
        path = folder / f"docker-credential-{suffix}"
        path.write_text(f"{shebang}{script}\n")
        path.chmod(mode)

    return write


def answering(username: str, secret: str = SECRET) -> str:
    """A helper's script that notes what it was asked and answers."""
    answer = json.dumps({"ServerURL": "x", "Username": username, "Secret": secret})
    return f"""echo "$1 $(cat)" >> "$0.asked"; echo '{answer}'"""


def asked(tmp_path: Path, suffix: str) -> list[str]:
    path = tmp_path / "helpers" / f"docker-credential-{suffix}.asked"
    return path.read_text().splitlines() if path.exists() else []


def assert_keeps_the_secret(error: BaseException) -> None:
    text = "".join(traceback.format_exception(error))
    shown = (str(error), repr(error), getattr(error, "hint", "") or "", text)
    for secret in (SECRET, base64.b64encode(SECRET.encode()).decode().rstrip("=")[:-1], encoded("user", SECRET)):
        assert not any(secret in place for place in shown)


# Entries


@pytest.mark.parametrize(
    "key", ["reg.io", "https://reg.io", "http://reg.io", "https://reg.io/", "https://reg.io/v1/", "reg.io/v2/", "reg.io/v2"]
)
def test_inline_auth(key: str, tmp_path: Path) -> None:
    """An entry's auth is user and password, under any spelling of the host that docker ever wrote."""
    result = found({"auths": {key: {"auth": encoded("user", SECRET)}}}, tmp_path)
    assert result == Credentials("user", SECRET)
    assert result.basic == "Basic " + encoded("user", SECRET)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text,
        lambda text: f"{text[:8]}\n{text[8:]}\n",  # Go ignores line breaks
        lambda text: f"{text[:8]}\r\n{text[8:]}",
        lambda text: f" {text[:8]} {text[8:]}",
        lambda text: text.rstrip("="),
        lambda text: text.replace("+", "-").replace("/", "_"),
    ],
)
def test_base64_as_people_store_it(change: Callable[[str], str], tmp_path: Path) -> None:
    """Line breaks, blanks, missing padding and the alphabet for URLs leave no doubt about the password."""
    text = encoded("user", "pass???>>>x")
    assert {"+", "/", "="} <= set(text)
    assert found({"auths": {"reg.io": {"auth": change(text)}}}, tmp_path) == Credentials("user", "pass???>>>x")


def test_passwords_that_are_no_text(tmp_path: Path) -> None:
    """The bytes of a stored password are sent as they are."""
    auth = base64.b64encode(b"user:p\xe4ss").decode()
    result = found({"auths": {"reg.io": {"auth": auth}}}, tmp_path)
    assert result is not None
    assert result.basic == f"Basic {auth}"


def test_passwords_may_hold_anything(tmp_path: Path) -> None:
    """Colons and other scripts are part of the password, a trailing NUL of old clients is not."""
    result = found({"auths": {"reg.io": {"auth": encoded("user", "a:b:\u00fc\0")}}}, tmp_path)
    assert result == Credentials("user", "a:b:\u00fc")


def test_username_and_password(tmp_path: Path) -> None:
    """Plain fields serve when there is no auth."""
    entry = {"username": "user", "password": SECRET}
    assert found({"auths": {"reg.io": entry}}, tmp_path) == Credentials("user", SECRET)
    assert user_of(found({"auths": {"reg.io": {**entry, "auth": encoded("other", "x")}}}, tmp_path)) == "other"


def test_tokens(tmp_path: Path) -> None:
    """Identity and registry tokens are found, with or without a user beside them."""
    assert found({"auths": {"reg.io": {"identitytoken": SECRET}}}, tmp_path) == Credentials(identity_token=SECRET)
    assert found({"auths": {"reg.io": {"registrytoken": SECRET}}}, tmp_path) == Credentials(registry_token=SECRET)
    entry = {"auth": encoded("00000000", ""), "identitytoken": SECRET}
    assert found({"auths": {"reg.io": entry}}, tmp_path) == Credentials("00000000", "", identity_token=SECRET)


@pytest.mark.parametrize("image", ["ubuntu", "docker.io/library/ubuntu", "index.docker.io/library/ubuntu:1"])
@pytest.mark.parametrize(
    "key", ["https://index.docker.io/v1/", "index.docker.io", "docker.io", "registry-1.docker.io", "docker.io/library"]
)
def test_docker_hub_keys(key: str, image: str, tmp_path: Path) -> None:
    """Docker Hub's entry is found under all of its names, for all of its names."""
    assert user_of(found(inline(**{key: "user"}), tmp_path, image)) == "user"


def test_the_longest_key_wins(tmp_path: Path) -> None:
    """An entry for a namespace beats the host's, whatever the order, and matches whole components only."""
    config = inline(**{"reg.io": "host", "reg.io/team": "team", "reg.io/team/app": "app", "reg.io/tea": "wrong"})
    assert user_of(found(config, tmp_path, "reg.io/team/app")) == "app"
    assert user_of(found(config, tmp_path, "reg.io/team/other:x")) == "team"
    assert user_of(found(config, tmp_path, "reg.io/teams/app")) == "host"
    assert user_of(found(config, tmp_path, "reg.io/team/application")) == "team"
    assert found(config, tmp_path, "reg.io:5000/team/app") is None


@pytest.mark.parametrize(
    ("key", "image", "matches"),
    [
        ("Reg.IO", "reg.io/a", True),
        ("reg.io", "Reg.IO/a", True),
        ("REG.io/team", "reg.io/team/a", True),
        ("reg.io:443", "reg.io/a", True),
        ("reg.io", "reg.io:443/a", True),
        ("https://reg.io:443/v2/", "reg.io/a", True),
        ("reg.io:80", "reg.io/a", False),
        ("https://reg.io/team", "reg.io/other/a", True),  # skopeo 1.9.3 also takes a URL for the whole host
        ("reg.io/team", "reg.io/other/a", False),
        ("reg.io/Team", "reg.io/team/a", False),
        ("reg.io/team/", "reg.io/team/a", True),
        ("reg.io/team/app:1", "reg.io/team/app:1", False),  # keys have no tags
        ("*.reg.io", "a.reg.io/a", False),  # nor patterns
        ("https://index.docker.io/v2/", "nginx", True),
        ("index.docker.io/v1", "nginx", True),
        ("https://index.docker.io", "docker.io/a/b", True),
        ("registry.hub.docker.com", "docker.io/a/b", False),  # for skopeo 1.9.3, too, another registry than docker.io
        ("https://index.docker.io/v1/", "registry.hub.docker.com/a/b", False),
        ("[::1]:5000", "[::1]:5000/a", True),
    ],
)
def test_spellings_of_keys(key: str, image: str, matches: bool, tmp_path: Path) -> None:
    """The host of a key has no case, and the port of https is the same as none."""
    assert (found(inline(**{key: "user"}), tmp_path, image) is not None) == matches


@pytest.mark.parametrize("key", ["reg.io:5000", "other.io", "io", "reg.io.evil.com", "sub.reg.io", "", "https://"])
def test_other_hosts_get_nothing(key: str, tmp_path: Path) -> None:
    """Credentials of one host are never those of another, its own other ports included."""
    assert found(inline(**{key: "user"}), tmp_path) is None


@pytest.mark.parametrize(
    "config",
    [{}, {"auths": None, "credHelpers": None, "credsStore": None}, {"auths": {"reg.io": {}}}, {"auths": {"reg.io": None}}],
)
def test_nothing_is_anonymous(config: Any, tmp_path: Path) -> None:
    """An empty configuration, or the empty entry that docker leaves for its helper, means no credentials."""
    assert found(config, tmp_path) is None


# Helpers


def test_a_helper_for_the_host(tmp_path: Path, helper: Helper) -> None:
    """credHelpers is asked for its host, with the host on standard input, and beats credsStore and entries."""
    helper("own", answering("own"))
    helper("all", answering("all"))
    config = {**inline(**{"reg.io": "inline"}), "credHelpers": {"reg.io": "own", "x.io": "all"}, "credsStore": "all"}
    assert found(config, tmp_path) == Credentials("own", SECRET)
    assert asked(tmp_path, "own") == ["get reg.io"]
    assert asked(tmp_path, "all") == []


def test_a_helper_for_all_hosts(tmp_path: Path, helper: Helper) -> None:
    """credsStore answers for every host without a helper in credHelpers, and wins over entries."""
    helper("all", answering("all"))
    config = {**inline(**{"reg.io": "inline"}), "credHelpers": {"other.io": "missing"}, "credsStore": "all"}
    assert user_of(found(config, tmp_path)) == "all"


def test_docker_hub_has_its_own_key(tmp_path: Path, helper: Helper) -> None:
    """A helper is asked for Docker Hub under the address docker stores it by."""
    helper("all", answering("all"))
    assert user_of(found({"credsStore": "all"}, tmp_path, "ubuntu")) == "all"
    assert asked(tmp_path, "all") == ["get https://index.docker.io/v1/"]


def test_a_helper_may_give_an_identity_token(tmp_path: Path, helper: Helper) -> None:
    """The user name ``<token>`` says that the secret is an identity token."""
    helper("acr", answering("<token>"))
    assert found({"credHelpers": {"reg.io": "acr"}}, tmp_path) == Credentials(identity_token=SECRET)


def test_a_helper_may_know_nothing(tmp_path: Path, helper: Helper) -> None:
    """``credentials not found`` is no failure: the entries are looked at next."""
    helper("none", "echo 'credentials not found in native keychain'; exit 1")
    assert found({"credsStore": "none"}, tmp_path) is None
    assert user_of(found({**inline(**{"reg.io": "inline"}), "credsStore": "none"}, tmp_path)) == "inline"
    helper("empty", answering("", ""))
    assert found({"credsStore": "empty"}, tmp_path) is None


def test_an_empty_helper_name_is_no_helper(tmp_path: Path) -> None:
    """A host can be excepted from credsStore by an empty name."""
    config = {**inline(**{"reg.io": "inline"}), "credHelpers": {"reg.io": ""}, "credsStore": "missing"}
    assert user_of(found(config, tmp_path)) == "inline"


@pytest.mark.parametrize(
    ("script", "says"),
    [
        (f"echo {SECRET} >&2; echo {SECRET}; exit 3", "failed with status 3"),
        (f"echo {SECRET}", "returned an invalid answer"),
        (f"""echo '["{SECRET}"]'""", "returned an invalid answer"),
        (f"""echo '"{SECRET}"'""", "returned an invalid answer"),
        (f"""echo '{{"Secret": "{SECRET}"}}'""", "returned an invalid answer"),
        (f"""echo '{{"Username": 5, "Secret": "{SECRET}"}}'""", "returned an invalid answer"),
        (f"""echo '{{"Username": "u", "Secret": ["{SECRET}"]}}'""", "returned an invalid answer"),
        (f"printf '\\377{SECRET}'", "returned an invalid answer"),
        ("true", "returned an invalid answer"),
    ],
)
def test_broken_helpers(script: str, says: str, tmp_path: Path, helper: Helper) -> None:
    """A helper that fails or talks nonsense is named in the error, and what it said is not."""
    helper("bad", script)
    with pytest.raises(AuthenticationFailed, match=f"credential helper docker-credential-bad, .*{says}") as caught:
        found({"credsStore": "bad"}, tmp_path)
    assert_keeps_the_secret(caught.value)


def test_missing_helpers(tmp_path: Path, helper: Helper) -> None:
    """A helper that is not installed or cannot be run is an error, for it might have had the answer."""
    with pytest.raises(AuthenticationFailed, match="docker-credential-gone, named in .*, is not installed"):
        found({"credsStore": "gone"}, tmp_path)
    helper("plain", "x", mode=0o644)
    with pytest.raises(AuthenticationFailed, match="docker-credential-plain, named in .*, cannot be run"):
        found({"credsStore": "plain"}, tmp_path)
    helper("junk", "\1\2\3", shebang="")
    with pytest.raises(AuthenticationFailed, match="docker-credential-junk"):
        found({"credsStore": "junk"}, tmp_path)


def test_helpers_are_names(tmp_path: Path) -> None:
    """A helper's name cannot lead to a program elsewhere."""
    with pytest.raises(AuthenticationFailed, match="named in .*, is not the name of a credential helper"):
        found({"credsStore": "../../bin/sh"}, tmp_path)


def test_a_silent_helper(tmp_path: Path, helper: Helper, monkeypatch: pytest.MonkeyPatch) -> None:
    """A helper that hangs is given up."""
    monkeypatch.setattr(helpers, "_SECONDS", 0.2)
    helper("slow", "exec sleep 60")
    with pytest.raises(AuthenticationFailed, match="did not answer"):
        found({"credsStore": "slow"}, tmp_path)


# Files


@pytest.mark.parametrize(
    "config",
    [
        f'{{"auths": {{"reg.io": {{"auth": "{SECRET}"',
        f'["{SECRET}"]',
        f'"{SECRET}"',
        f'{{"auths": ["reg.io", "{SECRET}"]}}',
        f'{{"auths": "{SECRET}"}}',
        f'{{"credHelpers": ["{SECRET}"]}}',
        f'{{"credsStore": ["{SECRET}"]}}',
        f'{{"auths": {{"reg.io": {{"auth": "{SECRET}!"}}}}}}',
        f'{{"auths": {{"reg.io": {{"auth": ["{SECRET}"]}}}}}}',
        f'{{"auths": {{"reg.io": {{"auth": "{base64.b64encode(SECRET.encode()).decode()}"}}}}}}',
        f'{{"auths": {{"reg.io": {{"auth": "/////w==", "password": "{SECRET}"}}}}}}',
        f'{{"auths": {{"reg.io": {{"username": "user", "password": ["{SECRET}"]}}}}}}',
        f'{{"auths": {{"reg.io": {{"username": ["user"], "password": "{SECRET}"}}}}}}',
        f'{{"auths": {{"reg.io": {{"identitytoken": {{"x": "{SECRET}"}}}}}}}}',
        "[" * 100_000,
    ],
)
def test_broken_files(config: str, tmp_path: Path) -> None:
    """A file that cannot be understood is named in the error, and nothing of what it holds is."""
    with pytest.raises(AuthenticationFailed) as caught:
        found(config, tmp_path)
    assert str(tmp_path / "docker" / "config.json") in str(caught.value)
    assert "\n" not in str(caught.value)
    assert_keeps_the_secret(caught.value)


def test_broken_entries_of_other_hosts_do_not_matter(tmp_path: Path) -> None:
    """Only the entry that is needed must be right."""
    config = inline(**{"reg.io": "user"})
    config["auths"]["other.io"] = {"auth": "!!!"}
    assert user_of(found(config, tmp_path)) == "user"


def test_secrets_have_no_repr() -> None:
    """Whoever prints credentials sees the user and no secret."""
    shown = Credentials("user", SECRET, SECRET, SECRET)
    assert "user" in repr(shown)
    assert SECRET not in repr(shown) + str(shown)


PLACES = (  # in the order of skopeo 1.9
    ("podman.json", "REGISTRY_AUTH_FILE", "podman.json"),
    ("run/containers/auth.json", "XDG_RUNTIME_DIR", "run"),
    ("xdg/containers/auth.json", "XDG_CONFIG_HOME", "xdg"),
    ("docker/config.json", "DOCKER_CONFIG", "docker"),
)


@pytest.mark.parametrize("first", range(len(PLACES)))
def test_precedence_of_files(first: int, tmp_path: Path) -> None:
    """Files are asked in order, and the first that has an entry for the registry wins."""
    environment = {"HOME": str(tmp_path)} | {name: str(tmp_path / value) for _, name, value in PLACES}
    for number, (file, _, _) in enumerate(PLACES):
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(inline(**{"reg.io" if number >= first else "other.io": str(number)})))
    assert user_of(find_credentials(parse_reference("reg.io/a"), environment)) == str(first)


def test_the_environment_wins(tmp_path: Path) -> None:
    """DOCKER_AUTH_CONFIG is a configuration itself, and wins over all files; without an entry the files are read."""
    write = tmp_path / "auth.json"
    write.write_text(json.dumps(inline(**{"reg.io": "file", "other.io": "file"})))
    text = json.dumps(inline(**{"reg.io": "variable"}))
    environment = {"HOME": str(tmp_path), "REGISTRY_AUTH_FILE": str(write), "DOCKER_AUTH_CONFIG": text}
    assert user_of(find_credentials(parse_reference("reg.io/a"), environment)) == "variable"
    assert user_of(find_credentials(parse_reference("other.io/a"), environment)) == "file"
    environment["DOCKER_AUTH_CONFIG"] = f'{{"auths": {{"reg.io": "{SECRET}'
    assert user_of(find_credentials(parse_reference("reg.io/a"), environment)) == "file"
    with pytest.raises(AuthenticationFailed, match="DOCKER_AUTH_CONFIG is not valid JSON") as caught:
        find_credentials(parse_reference("third.io/a"), environment)
    assert_keeps_the_secret(caught.value)


def test_podman_logins_without_a_runtime_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without XDG_RUNTIME_DIR the login of podman is in /run/containers/UID, as for root."""
    monkeypatch.setattr(credential_files, "_RUN_FOLDER", tmp_path / "run")
    path = tmp_path / "run" / str(os.getuid()) / "auth.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(inline(**{"reg.io": "root"})))
    assert user_of(find_credentials(parse_reference("reg.io/a"), {"HOME": str(tmp_path)})) == "root"
    elsewhere = {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path / "none")}
    assert find_credentials(parse_reference("reg.io/a"), elsewhere) is None


def test_the_file_of_old_clients(home: Path) -> None:
    """~/.dockercfg has the entries at its top, under URLs."""
    (home / ".dockercfg").write_text(json.dumps(inline(**{"https://reg.io/v1/": "old", "reg.io/x": "last"})["auths"]))
    assert user_of(find_credentials(parse_reference("reg.io/a"))) == "old"


@pytest.mark.parametrize("content", ["", " \n"])
def test_empty_files(content: str, tmp_path: Path) -> None:
    """An empty file has no entries, as for docker."""
    assert found(content, tmp_path) is None


def test_one_broken_place_hides_no_other(tmp_path: Path) -> None:
    """A login is found behind a file that is broken, which is a problem of the search."""
    (tmp_path / "broken").write_text("{")
    folder = tmp_path / "docker"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(inline(**{"reg.io": "user"})))
    environment = {"HOME": str(tmp_path), "REGISTRY_AUTH_FILE": str(tmp_path / "broken"), "DOCKER_CONFIG": str(folder)}
    assert user_of(find_credentials(parse_reference("reg.io/a"), environment)) == "user"
    login = StoredLogin(parse_reference("reg.io/a"), environment)
    assert not login.problems
    assert user_of(login.credentials) == "user"
    assert list(login.problems) == [f"{tmp_path}/broken is not valid JSON"]


@pytest.mark.parametrize("file", [".docker/config.json", ".config/containers/auth.json"])
def test_places_at_home(file: str, home: Path) -> None:
    """Without a word in the environment the home folder is looked through."""
    path = home / file
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(inline(**{"reg.io": "user"})))
    assert user_of(find_credentials(parse_reference("reg.io/a"))) == "user"


def test_docker_config_replaces_the_home_folder(home: Path, tmp_path: Path) -> None:
    """DOCKER_CONFIG is instead of ~/.docker, not beside it."""
    (home / ".docker").mkdir()
    (home / ".docker" / "config.json").write_text(json.dumps(inline(**{"reg.io": "user"})))
    environment = {"HOME": str(home), "DOCKER_CONFIG": str(tmp_path / "none")}
    assert find_credentials(parse_reference("reg.io/a"), environment) is None


def test_unreachable_places_are_passed_over(tmp_path: Path) -> None:
    """A path that cannot even be looked at holds no credentials for us."""
    (tmp_path / "loop").symlink_to("loop")
    for odd in ("x" * 5000, str(tmp_path / "loop"), str(tmp_path)):
        environment = {"HOME": str(tmp_path / "home"), "DOCKER_CONFIG": odd, "REGISTRY_AUTH_FILE": odd}
        assert find_credentials(parse_reference("reg.io/a"), environment) is None


def test_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """``REGISTRY_AUTH_FILE=<(command)`` names a pipe, which skopeo reads, too."""
    reading, writing = os.pipe()
    os.write(writing, json.dumps(inline(**{"reg.io": "piped"})).encode())
    os.close(writing)
    monkeypatch.setenv("REGISTRY_AUTH_FILE", f"/dev/fd/{reading}")
    assert user_of(find_credentials(parse_reference("reg.io/app"))) == "piped"
    os.close(reading)


def test_a_file_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than 16 MiB are read."""
    monkeypatch.setenv("REGISTRY_AUTH_FILE", "/dev/zero")
    with pytest.raises(AuthenticationFailed, match="/dev/zero cannot be read: more than 16777216 bytes"):
        find_credentials(parse_reference("reg.io/app"))
