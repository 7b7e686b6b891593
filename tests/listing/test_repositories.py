"""Repositories and tags of registries: the quirks of their lists, and what is meant by patterns, --tags and --last."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ocisize.errors import LimitExceeded, OcisizeError
from ocisize.listing.references import ReferenceList
from ocisize.listing.sources import list_references
from ocisize.oci.reference import parse_reference
from ocisize.sources.registry import lists
from ocisize.sources.registry.connection import Connection
from tests.images import build_image, layer
from tests.listing.registries import QUICK, as_json, pages_of, serve_repositories
from tests.registry import (
    Answer,
    RealRegistry,
    Request,
    Server,
    basic,
    challenge,
    errors,
    guarded,
    token_answer,
    write_docker_config,
)

NAMES = [f"team/app{number:02}" for number in range(25)]
SIGNED = f"sha256-{'a' * 64}"


def list_of(server: Server, *patterns: str, connection: Connection = QUICK, **options: object) -> ReferenceList:
    """What the patterns behind the host of a server list."""
    sources = [f"{server.host}/{pattern}" for pattern in patterns]
    return list_references(sources, connection=connection, **options)  # type: ignore[arg-type]


def names_of(listed: ReferenceList, server: Server) -> list[str]:
    """The references without their host, of a list without failures."""
    assert not listed.failures
    return [reference.name.removeprefix(f"{server.host}/") for reference in listed.references]


def paths_of(server: Server) -> set[str]:
    """The paths that were asked for, without that of the challenge, which errors are answered with."""
    return {request.path for request in server.requests} - {"/v2/"}


def failure_of(listed: ReferenceList) -> str:
    """The only failure, with its hint."""
    (failure,) = listed.failures
    assert failure.message.isprintable()
    return f"{failure.message} | {failure.hint}"


# Pages.


@pytest.mark.parametrize(
    "link",
    [
        pytest.param(lambda request, query: f"<{request.path}?{query}>", id="path"),
        pytest.param(lambda request, query: f"<http://{request.headers['Host']}{request.path}?{query}>", id="absolute"),
        pytest.param(lambda request, query: f"<?{query}>", id="query alone"),
        pytest.param(
            lambda request, query: f"<http://{request.headers['Host']}/api/docker/x{request.path}?{query}>", id="prefix"
        ),
    ],
)
def test_pages_are_followed_by_their_links(server: Server, link: object) -> None:
    """Relative and absolute addresses; a path that a proxy adds is not asked for."""
    serve_repositories(server, {name: ["1"] for name in NAMES}, largest=10, link=link)
    assert names_of(list_of(server, "*"), server) == [f"{name}:1" for name in NAMES]
    assert paths_of(server) == {"/v2/_catalog", *(f"/v2/{name}/tags/list" for name in NAMES)}


def test_short_pages_are_not_the_last(server: Server) -> None:
    """A page may have fewer names than asked for, or none; only a page without a link is the last."""
    server.on(
        "/v2/app/tags/list",
        as_json({"tags": ["1"]}, {"Link": '</v2/app/tags/list?last=1>; rel="next"'}),
        as_json({"tags": None}, {"Link": '</v2/app/tags/list?last=2>; rel="next"'}),
        as_json({"tags": ["3"]}, {"Link": '</v2/app/tags/list?last=0>; rel="prev"'}),
    )
    assert names_of(list_of(server, "app:*"), server) == ["app:1", "app:3"]


@pytest.mark.parametrize(("largest", "asked"), [(1000, ["1000"]), (100, ["1000", "100"]), (50, ["1000", "100", None])])
def test_a_refused_number_is_asked_again_with_less(server: Server, largest: int, asked: list[str | None]) -> None:
    """ECR refuses more than 1,000, and administrators may allow less."""
    server.on("/v2/app/tags/list", pages_of("tags", ["1", "2"], largest=largest))
    assert names_of(list_of(server, "app:*"), server) == ["app:1", "app:2"]
    assert [request.query.get("n") for request in server.requests_of("/v2/app/tags/list")] == asked


def test_a_next_page_on_another_host_is_refused(server: Server, second_server: Server) -> None:
    """What was listed before stays; nothing is sent to the other host."""
    serve_repositories(second_server, {"b": ["1"]})
    server.on(
        "/v2/_catalog", as_json({"repositories": ["a"]}, {"Link": f'<{second_server.url}/v2/_catalog?last=a>; rel="next"'})
    )
    server.on("/v2/a/tags/list", as_json({"tags": ["1"]}))
    listed = list_of(server, "*")
    assert [reference.name for reference in listed.references] == [f"{server.host}/a:1"]
    assert "incomplete" in failure_of(listed)
    assert f"on another host, {second_server.host}" in failure_of(listed)
    assert not second_server.requests


@pytest.mark.parametrize("link", ["<http://[bad/v2>", "<http://a:999999/v2>"])
def test_a_link_that_is_no_address_is_an_error(server: Server, link: str) -> None:
    server.on("/v2/app/tags/list", as_json({"tags": ["1"]}, {"Link": f'{link}; rel="next"'}))
    assert "next page" in failure_of(list_of(server, "app:*"))


def test_pages_that_repeat_end(server: Server) -> None:
    """A registry that ignores where the page should start sends the first one for ever."""
    server.on("/v2/app/tags/list", as_json({"tags": ["1", "2"]}, {"Link": '</v2/app/tags/list?last=2>; rel="next"'}))
    assert "again and again" in failure_of(list_of(server, "app:*"))
    assert len(server.requests) <= 3


def test_pages_without_end_are_bounded(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each page has a new name and a new link."""
    monkeypatch.setattr(lists, "MAX_PAGES", 20)

    def more(request: Request) -> Answer:
        number = int(request.query.get("last", "0"))
        return as_json({"tags": [f"v{number}"]}, {"Link": f'</v2/app/tags/list?last={number + 1}>; rel="next"'})

    server.on("/v2/app/tags/list", more)
    assert "more than 20 pages" in failure_of(list_of(server, "app:*"))


def test_names_without_end_are_bounded(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names that no pattern matches count, too: all of them are in memory."""
    monkeypatch.setattr(lists, "MAX_NAMES", 20)
    server.on("/v2/app/tags/list", pages_of("tags", [f"v{number}" for number in range(25)], largest=10))
    assert "more than 20 names" in failure_of(list_of(server, "app:x*"))


def test_long_names_are_none(server: Server) -> None:
    """A page of 64 MiB may be one name, and pages that come again are noticed by the names of all pages."""
    server.on("/v2/app/tags/list", pages_of("tags", ["1", "x" * 100_000, "2", "3"], largest=3))
    opened = lists.RegistryList(parse_reference(f"{server.host}/app"), connection=QUICK)
    assert list(opened.pages()) == [["1", "", "2"], ["3"]]
    opened.close()


def test_more_references_than_allowed_end_the_list(server: Server) -> None:
    server.on("/v2/app/tags/list", pages_of("tags", [f"v{number}" for number in range(30)]))
    with pytest.raises(LimitExceeded, match="more than 20 references"):
        list_of(server, "app:*", max_references=20)
    assert len(list_of(server, "app:*", max_references=30).references) == 30


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"[]", "not a JSON object"),
        (b'{"tags": "1"}', "not an array but str"),
        (b"<!doctype html><title>Log in</title>", "web page"),
        (b'{"tags": [', "not valid JSON"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_other_answers_than_lists_are_errors(server: Server, body: bytes, message: str) -> None:
    server.on("/v2/app/tags/list", Answer(body))
    assert message in failure_of(list_of(server, "app:*"))


def test_names_that_are_none_are_left_out(server: Server) -> None:
    """A registry may answer what it likes: such names reach no request and no report."""
    server.on("/v2/_catalog", as_json({"repositories": ["app", "../admin", "App", "a\x1b[31m", 5, None, "app?x=1", ""]}))
    server.on("/v2/app/tags/list", as_json({"tags": ["1", "-1", "1/../2", "a b", "x" * 129, {"a": 1}, "\x1b[2J"]}))
    listed = list_of(server, "*")
    assert names_of(listed, server) == ["app:1"]
    assert listed.warnings == (f"{server.host}/*: left out: 13 names against the grammar of references",)
    assert paths_of(server) == {"/v2/_catalog", "/v2/app/tags/list"}


def test_a_busy_registry_is_asked_again(server: Server, waits: list[float]) -> None:
    """A 429 names the seconds to wait."""
    server.on(
        "/v2/app/tags/list", errors(429, "TOOMANYREQUESTS", "slow down", {"Retry-After": "7"}), as_json({"tags": ["1"]})
    )
    assert names_of(list_of(server, "app:*", connection=Connection(retries=2)), server) == ["app:1"]
    assert waits == [7.0]


# What is meant.


def test_repositories_and_tags_by_pattern(server: Server) -> None:
    serve_repositories(server, {"team/app": ["v1.0", "v1.1", "v2.0"], "team/db": ["v1.0"], "other": ["v1.0"]})
    assert names_of(list_of(server, "team/*:v1.*"), server) == ["team/app:v1.0", "team/app:v1.1", "team/db:v1.0"]
    assert names_of(list_of(server, "*app"), server) == ["team/app:v1.0", "team/app:v1.1", "team/app:v2.0"]
    assert names_of(list_of(server, "team/app:v?.0"), server) == ["team/app:v1.0", "team/app:v2.0"]


def test_tags_and_last_choose_the_newest_by_version(server: Server) -> None:
    server.on("/v2/app/tags/list", as_json({"tags": ["1.10", "1.9", "1.10-rc1", "latest", "main", "1.2"]}))
    assert names_of(list_of(server, "app:*"), server) == [
        f"app:{tag}" for tag in ("latest", "main", "1.2", "1.9", "1.10-rc1", "1.10")
    ]
    assert names_of(list_of(server, "app:*", last=2), server) == ["app:1.10-rc1", "app:1.10"]
    assert names_of(list_of(server, "app:*", tags=["1.*", "!*-rc*"], last=2), server) == ["app:1.9", "app:1.10"]
    assert names_of(list_of(server, "app:*", tags=["!1.*"]), server) == ["app:latest", "app:main"]


def test_tags_make_a_repository_of_a_reference_without_a_tag(server: Server) -> None:
    """Without --tags and --last it is the tag latest, and nothing is asked."""
    server.on("/v2/app/tags/list", as_json({"tags": ["1", "2"]}))
    assert names_of(list_of(server, "app"), server) == ["app:latest"]
    assert not server.requests
    assert names_of(list_of(server, "app", "app:1", last=1), server) == ["app:2", "app:1"]
    assert [reference.repository for reference in list_of(server, "app", last=1).references] == [f"{server.host}/app"]


def test_tags_and_last_are_for_the_lines_of_lists_too(server: Server, tmp_path: Path) -> None:
    """A list of repositories is read with one option."""
    server.on("/v2/app/tags/list", as_json({"tags": ["1", "2", "10"]}))
    file = tmp_path / "list"
    file.write_text(f"{server.host}/app shop\n{server.host}/app:1\n")
    listed = list_references([str(file)], connection=QUICK, last=1)
    assert [(reference.name.rpartition(":")[2], reference.label) for reference in listed.references] == [
        ("10", "shop"),
        ("1", ""),
    ]


def test_a_pattern_in_a_list_keeps_its_label(server: Server, tmp_path: Path) -> None:
    server.on("/v2/app/tags/list", as_json({"tags": ["1"]}))
    file = tmp_path / "list"
    file.write_text(f"nginx web\n{server.host}/app:* shop\n")
    listed = list_references([str(file)], connection=QUICK)
    assert [(reference.label, reference.store) for reference in listed.references] == [
        ("web", "docker.io"),
        ("shop", server.host),
    ]


def test_a_repository_in_a_list_that_fails_spares_the_other_lines(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "list"
    file.write_text(f"{server.host}/gone:*\nnginx\n")
    listed = list_references([str(file)], connection=QUICK)
    assert [reference.name for reference in listed.references] == ["docker.io/library/nginx:latest"]
    assert f"{file}, line 1" in failure_of(listed)


def test_signatures_are_left_out_and_counted(server: Server) -> None:
    """Tags of cosign, and those of lists of referrers, are no images."""
    server.on(
        "/v2/app/tags/list",
        as_json({"tags": ["1", f"{SIGNED}.sig", f"{SIGNED}.att", f"{SIGNED}.sbom", SIGNED, "sha256-short"]}),
    )
    listed = list_of(server, "app:*")
    assert names_of(listed, server) == ["app:sha256-short", "app:1"]
    assert listed.artifacts == 4
    assert listed.warnings == (f"{server.host}/app: left out: 4 tags of signatures, attestations and SBOMs",)


def test_repositories_that_fail_spare_the_others(server: Server) -> None:
    """One is deleted meanwhile, one is denied, one has no tags."""
    server.on("/v2/_catalog", as_json({"repositories": ["a", "denied", "empty", "gone", "z"]}))
    server.on("/v2/a/tags/list", as_json({"tags": ["1"]}))
    server.on("/v2/denied/tags/list", errors(403, "DENIED", "no"))
    server.on("/v2/empty/tags/list", as_json({"name": "empty", "tags": None}))
    server.on("/v2/gone/tags/list", errors(404, "NAME_UNKNOWN", "repository name not known to registry"))
    server.on("/v2/z/tags/list", as_json({"tags": ["1"]}))
    listed = list_of(server, "*")
    assert [reference.name for reference in listed.references] == [f"{server.host}/a:1", f"{server.host}/z:1"]
    assert [failure.reference for failure in listed.failures] == [f"{server.host}/denied", f"{server.host}/gone"]
    assert "404: NAME_UNKNOWN" in listed.failures[1].message
    assert listed.warnings == (f"{server.host}/*: 1 repository without a tag; nothing lists their other manifests",)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("app:v9*", "no tag matches"),
        ("x*", "no repository matches, of 1 that the registry lists"),
        ("gone:*", "404: NAME_UNKNOWN"),
    ],
)
def test_nothing_that_matches_is_a_failure(server: Server, pattern: str, message: str) -> None:
    serve_repositories(server, {"app": ["v1"]})
    server.on("/v2/gone/tags/list", errors(404, "NAME_UNKNOWN", "unknown"))
    assert message in failure_of(list_of(server, pattern))


def test_a_registry_without_repositories(server: Server) -> None:
    server.on("/v2/_catalog", as_json({"repositories": []}))
    assert "the registry lists no repositories | push an image, or check the login" in failure_of(list_of(server, "*"))


@pytest.mark.parametrize("status", [401, 403, 404, 405])
def test_a_registry_that_lists_no_repositories(server: Server, status: int) -> None:
    """As Docker Hub and GHCR: the error says what to do."""
    server.on("/v2/_catalog", errors(status, "UNSUPPORTED", "not supported"))
    failure = failure_of(list_of(server, "team/*"))
    assert str(status) in failure
    assert "write the references into a list" in failure


@pytest.mark.parametrize("last", [0, -1])
def test_last_below_one_is_refused(last: int) -> None:
    with pytest.raises(OcisizeError, match="at least 1"):
        list_references([], last=last)


@pytest.mark.parametrize("glob", ["", "!"])
def test_an_empty_glob_of_tags_is_refused(glob: str) -> None:
    with pytest.raises(OcisizeError, match="empty"):
        list_references([], tags=[glob])


# Logins.


def test_a_login_by_password_opens_the_lists(server: Server, home: Path) -> None:
    write_docker_config(home / ".docker", server.host, "user", "word")
    proof = [basic("user", "word")]
    server.on("/v2/_catalog", guarded(proof, as_json({"repositories": ["app"]}), 'Basic realm="registry"'))
    server.on("/v2/app/tags/list", guarded(proof, as_json({"tags": ["1"]}), 'Basic realm="registry"'))
    assert names_of(list_of(server, "*"), server) == ["app:1"]


@pytest.mark.parametrize("named", [True, False])
def test_tokens_are_for_the_catalog_and_for_each_repository(server: Server, second_server: Server, *, named: bool) -> None:
    """The scope of the catalog is asked for even where the challenge names none."""
    second_server.on("/token", lambda request: token_answer(request.query["scope"]))
    for path, scope, answer in (
        ("/v2/_catalog", "registry:catalog:*", as_json({"repositories": ["app"]})),
        ("/v2/app/tags/list", "repository:app:pull", as_json({"tags": ["1"]})),
    ):
        stated = f',scope="{scope}"' if named else ""
        server.on(
            path, guarded([f"Bearer {scope}"], answer, f'Bearer realm="{second_server.url}/token",service="x"{stated}')
        )
    assert names_of(list_of(server, "*"), server) == ["app:1"]


def test_a_login_for_a_namespace_lists_it(server: Server, home: Path) -> None:
    """containers' auth.json has logins of namespaces."""
    write_docker_config(home / ".docker", f"{server.host}/team", "user", "word")
    server.on("/v2/_catalog", guarded([basic("user", "word")], as_json({"repositories": ["team/app"]}), 'Basic realm="x"'))
    server.on("/v2/team/app/tags/list", as_json({"tags": ["1"]}))
    assert names_of(list_of(server, "team/*"), server) == ["team/app:1"]


def test_a_denied_catalog_does_not_leak_the_password(server: Server, home: Path) -> None:
    write_docker_config(home / ".docker", server.host, "user", "hunter2-very-secret")
    server.on("/v2/_catalog", lambda request: errors(401, "UNAUTHORIZED", f"{request.authorization} hunter2-very-secret", {
        "WWW-Authenticate": 'Basic realm="x"'}))  # fmt: skip
    failure = failure_of(list_of(server, "*"))
    assert "hunter2" not in failure
    assert basic("user", "hunter2-very-secret").partition(" ")[2] not in failure


def test_blocked_registries_are_not_asked(server: Server, home: Path) -> None:
    file = home / ".config/containers/registries.conf"
    file.parent.mkdir(parents=True)
    file.write_text(f'[[registry]]\nlocation = "{server.host}"\nblocked = true\n')
    assert "blocks" in failure_of(list_of(server, "app:*"))
    assert "blocks" in failure_of(list_of(server, "*"))
    assert not server.requests


def test_a_registry_that_settings_move_keeps_its_name(server: Server, home: Path) -> None:
    """containers' registries.conf names another place for a prefix; the tags are those of the place."""
    file = home / ".config/containers/registries.conf"
    file.parent.mkdir(parents=True)
    file.write_text(f'[[registry]]\nprefix = "registry.corp/team"\nlocation = "{server.host}/moved"\ninsecure = true\n')
    server.on("/v2/moved/app/tags/list", as_json({"tags": ["1"]}))
    listed = list_references(["registry.corp/team/app:*"], connection=QUICK)
    assert not listed.failures
    (reference,) = listed.references
    assert (reference.name, reference.repository, reference.store) == (
        "registry.corp/team/app:1",
        "registry.corp/team/app",
        "registry.corp",
    )


def test_mirrors_are_not_asked_for_lists(server: Server, second_server: Server, home: Path) -> None:
    """A mirror lists what it has copied, not what there is."""
    file = home / ".config/containers/registries.conf"
    file.parent.mkdir(parents=True)
    file.write_text(
        f'[[registry]]\nlocation = "{server.host}"\n[[registry.mirror]]\nlocation = "{second_server.host}"\ninsecure = true\n'
    )
    serve_repositories(server, {"app": ["1", "2"]})
    serve_repositories(second_server, {"app": ["1"]})
    assert names_of(list_of(server, "*"), server) == ["app:1", "app:2"]
    assert not second_server.requests


# The real docker-registry.


def test_a_real_registry(registry: RealRegistry, home: Path) -> None:
    """The catalog comes in pages of the real registry, with its links; tags come all at once."""
    image = build_image([layer({"a": b"a"})])
    for number in range(7):
        registry.push(f"listed/app{number}", "1.0", image)
    for tag in ("1.10", "1.9", "latest"):
        registry.push("listed/app3", tag, image)
    listed = list_references([f"{registry.host}/listed/*"], connection=QUICK)
    assert not listed.failures
    assert [reference.name for reference in listed.references if "app3" in reference.name] == [
        f"{registry.host}/listed/app3:{tag}" for tag in ("latest", "1.0", "1.9", "1.10")
    ]
    assert len(listed.references) == 10


def test_pages_of_a_real_registry(registry: RealRegistry, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With pages of two names, all repositories are found by the links of the registry."""
    image = build_image([layer({"b": b"b"})])
    for number in range(5):
        registry.push(f"paged/app{number}", "1", image)
    whole = list_references([f"{registry.host}/paged/*"], connection=QUICK)
    monkeypatch.setattr(lists, "_PAGE_SIZES", ("n=2", ""))
    assert list_references([f"{registry.host}/paged/*"], connection=QUICK) == whole
    assert len(whole.references) == 5


def test_every_listed_reference_opens(registry: RealRegistry, home: Path) -> None:
    """The names are those that open_source takes."""
    import ocisize

    image = build_image([layer({"c": b"c"})])
    registry.push("opened/app", "1", image)
    (reference,) = list_references([f"{registry.host}/opened/*"], connection=QUICK).references
    source = ocisize.open_source(reference.name, connection=QUICK)
    assert json.loads(source.read_manifest())["config"]["digest"] == json.loads(image.manifest)["config"]["digest"]
    source.close()
