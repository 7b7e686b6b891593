"""Secrets of an image: files in any layer, variables, build arguments; and how the image is run and named."""

from __future__ import annotations

from pathlib import Path

import pytest

import ocisize
from ocisize.rules.rule import Protection, Rule
from ocisize.rules.load import load_catalog
from ocisize.model.findings import Category, Confidence, Severity
from ocisize.rules.match import match_rows, match_tables
from ocisize.tar.filetable import REGULAR
from tests.advice import analyze, by_id
from tests.catalogs import table_of

CATALOG = load_catalog()
SECRET = "Zq7hunter2"


def secrets_among(*paths: str) -> list[str]:
    """The paths that a secret claims."""
    found = match_rows(CATALOG, table_of(paths))
    return [paths[row] for index, rows in found.items() if index >= len(CATALOG.rules) for row in rows]


@pytest.mark.parametrize("rule", CATALOG.secrets, ids=lambda rule: rule.title)
def test_secrets_claim_their_examples(rule: Rule) -> None:
    """Every kind of secret matches its examples and no near misses, says what it is, and where that comes from."""
    assert rule.matches
    assert rule.misses
    assert secrets_among(*rule.matches) == list(rule.matches)
    assert secrets_among(*rule.misses) == []
    assert rule.source.startswith("https://")
    assert (rule.id, rule.category) == ("", Category.SECRET)
    for glob in rule.globs:
        path = glob.text.strip("/").replace("*", "x").replace("?", "1") + "/x" * glob.directory
        found = match_rows(CATALOG, table_of([path]))
        assert len(CATALOG.rules) + CATALOG.secrets.index(rule) in found, f"{glob.text}: does not claim {path}"


@pytest.mark.parametrize("public", CATALOG.public, ids=lambda public: public.what[:20])
def test_public_places(public: Protection) -> None:
    """What lies in a public place is no secret, whatever it is called."""
    assert secrets_among(*public.matches) == []
    assert secrets_among(*public.misses) == list(public.misses)


def test_secrets_take_nothing_from_rules() -> None:
    """A path may be a secret and junk; a rule that needs something else still looks for it."""
    paths = [
        "tmp/id_rsa",
        "root/.ssh/id_rsa",
        "app/.env",
        "tmp/x",
        "etc/letsencrypt/archive/a.zip",
        "etc/letsencrypt/archive/a",
    ]
    (found,) = match_tables(CATALOG, [table_of(paths)])
    by = {row: [(*CATALOG.rules, *CATALOG.secrets)[index].id for index in found if row in found[index]] for row in range(6)}
    assert by == {0: ["OS388", ""], 1: [""], 2: [""], 3: ["OS388"], 4: ["OS386", ""], 5: [""]}


def test_users_secrets(tmp_path: Path) -> None:
    """Users' files add secrets and public places."""
    path = tmp_path / "x.toml"
    path.write_text(
        '[[secret]]\ntitle = "t"\nwhat = "w"\nglobs = [".acme/key"]\nconfidence = "ask"\n'
        '[[public]]\nwhat = "w"\nglobs = ["/demo/"]\n'
    )
    catalog = load_catalog([path])
    assert catalog.secrets[0].title == "t"
    found = match_rows(catalog, table_of(["a/.acme/key", "demo/.acme/key", "demo/id_rsa"]))
    assert {index - len(catalog.rules): list(rows) for index, rows in found.items()} == {0: [0]}


def test_a_secret_file(tmp_path: Path) -> None:
    """A copied secret is a remark that saves nothing, is serious, and has a fix."""
    layers = [{"app/.env": b"PASSWORD=x", "app/deploy/id_rsa": b"key", "app/.npmrc": b"x", "app/empty/.env": b""}]
    found = by_id(analyze(tmp_path, layers, ["COPY . /app"]), "OS230")
    assert [(finding.title, finding.paths, finding.severity, finding.confidence) for finding in found] == [
        ("environment files in layer 0: 1 file", ("app/.env",), Severity.HIGH, Confidence.PROBABLY),
        ("private SSH keys in layer 0: 1 file", ("app/deploy/id_rsa",), Severity.HIGH, Confidence.PROBABLY),
        ("settings that may contain tokens in layer 0: 1 file", ("app/.npmrc",), Severity.MEDIUM, Confidence.ASK),
    ]
    assert {each.size for each in found} == {0}
    revoke = "Revoke the secrets: earlier tags of the image keep them."
    assert found[0].fix == f"Add to .dockerignore: `.env`, `deploy`, `empty`. {revoke}"
    assert found[2].fix == (
        "Revoke the secret: anyone who can pull the image can read it. Add the file to .dockerignore, or copy only the paths that "
        "the image needs instead of `COPY . /app`. In steps that need the secret, use `RUN --mount=type=secret,id=NAME …`."
    )


def test_a_deleted_secret_is_still_there(tmp_path: Path) -> None:
    """A secret that a later layer deletes is reported with both layers."""
    layers = [{"root/.netrc": b"x", "a/b/.env": b"x"}, {"root/.wh..netrc": b"", "a/.wh..wh..opq": b""}]
    found = by_id(analyze(tmp_path, layers, ["RUN make secrets", "RUN rm /root/.netrc"]), "OS230")
    assert sorted((each.title, each.layers) for each in found) == [
        ("environment files in layer 0, still downloadable although layer 1 deletes it: 1 file", (0, 1)),
        ("registry, repository and cluster credentials in layer 0, still downloadable although layer 1 deletes it: 1 file", (0, 1)),
    ]  # fmt: skip
    assert "Pass it to `RUN make secrets` with `RUN --mount=type=secret" in found[0].fix


def test_a_secret_in_many_layers(tmp_path: Path) -> None:
    """The same path in several layers is one finding, for the layer that added it; the layer that replaces it is named."""
    layers = [{"app/.env": b"x"}, {"app/.env": b"y"}, {"app/.env": b""}]
    (found,) = by_id(analyze(tmp_path, layers, ["COPY . /app", "RUN chown x", "RUN : > /app/.env"]), "OS230")
    assert found.title == "environment files in layers 0 and 1, still downloadable although layer 2 replaces it: 1 file"
    assert found.layers == (0, 1, 2)
    assert "`COPY . /app`" in found.fix


def test_package_files_are_no_secrets(tmp_path: Path) -> None:
    """Files of Debian packages are not reported."""
    layers = [
        {"opt/x/server.key": b"demo", "opt/y/server.key": b"own"},
        {"var/lib/dpkg/info/x.list": b"/.\n/opt\n/opt/x/server.key\n"},
    ]
    (found,) = by_id(analyze(tmp_path, layers, ["RUN a", "RUN b"]), "OS230")
    assert found.paths == ("opt/y/server.key",)


def test_environment_and_history(tmp_path: Path) -> None:
    """Variables, build arguments and commands are named once each; no value is in the report."""
    history = [
        {"created_by": f"ENV API_TOKEN={SECRET}"},
        {"created_by": f"ENV OLD_PASSWORD={SECRET}"},
        {"created_by": f"ARG NPM_TOKEN={SECRET}"},
    ]
    steps = [
        f"RUN |1 NPM_TOKEN={SECRET} /bin/sh -c {what} # buildkit" for what in ("npm ci", "make", f"x --password {SECRET}")
    ]
    layers = [{f"a{number}": b"x"} for number in range(3)]
    config = {
        "Env": [f"API_TOKEN={SECRET}", "PATH=/bin", "GPG_KEY=7169605F62C751356D054A26A821E680E5FA6305", "EMPTY_TOKEN="]
    }
    analysis = analyze(tmp_path, layers, steps, config=config, history=history)
    assert [(finding.id, finding.title, finding.layers, str(finding.severity)) for finding in by_id(analysis, "OS23")] == [
        ("OS231", "secret in the environment: API_TOKEN", (), "high"),
        ("OS232", "secret in the build history: OLD_PASSWORD", (), "high"),
        ("OS232", "secret in the build history (2 layers): NPM_TOKEN", (0, 1), "high"),
        ("OS232", "secrets in the build history (layer 2): NPM_TOKEN, password", (2,), "high"),
    ]
    assert SECRET not in ocisize.to_json(analysis, files=True)
    assert analysis.layers[2].build_step.text == "RUN x --password <redacted>"


@pytest.mark.parametrize(
    ("user", "root"),
    [
        ("", True),
        ("root", True),
        ("0", True),
        ("0:0", True),
        ("root:app", True),
        ("app", False),
        ("1000:0", False),
        (0, True),
    ],
)
def test_users(tmp_path: Path, user: object, root: bool) -> None:
    """An image that names no user, or root, runs as root."""
    found = by_id(analyze(tmp_path, [{"a": b"x"}], ["RUN a"], config={"User": user}), "OS220")
    assert [(finding.severity, finding.confidence, finding.size) for finding in found] == [
        (Severity.LOW, Confidence.ASK, 0)
    ] * root


@pytest.mark.parametrize(
    ("name", "floats"),
    [("latest", True), ("example.com/app:latest", True), ("example.com/app", True), ("1.0", False), ("app", False),
     ("example.com:5000/app:1", False), ("example.com:5000/app", True), ("app:latest", True), ("app:1-latest", False),
     (f"example.com/app:latest@sha256:{'a' * 64}", False)],
)  # fmt: skip
def test_names_that_move(tmp_path: Path, name: str, floats: bool) -> None:
    """Only a name that means latest is reported; a bare name in a layout may be a tag."""
    assert len(by_id(analyze(tmp_path, [{"a": b"x"}], ["RUN a"], name=name), "OS221")) == floats


def test_only_regular_files_hold_secrets() -> None:
    """Folders that are named like secrets are none."""
    assert secrets_among("app/id_rsa/", "app/.env/") == []
    assert table_of(["app/id_rsa"]).kinds == bytes([REGULAR])
