"""References: what is refused, what is understood, and that writing one back loses nothing."""

from __future__ import annotations

import pytest

from ocisize.errors import InvalidReference
from ocisize.oci.reference import DOCKER_HUB_HOST, Reference, canonical_name, is_loopback, parse_reference, split_host

HEX = "0123456789abcdef" * 4
SHA256 = f"sha256:{HEX}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ubuntu", Reference("docker.io", "library/ubuntu", "latest")),
        ("ubuntu:24.04", Reference("docker.io", "library/ubuntu", "24.04")),
        ("grafana/grafana", Reference("docker.io", "grafana/grafana", "latest")),
        ("docker.io/ubuntu", Reference("docker.io", "library/ubuntu", "latest")),
        ("index.docker.io/ubuntu", Reference("docker.io", "library/ubuntu", "latest")),
        ("registry-1.docker.io/library/ubuntu", Reference("docker.io", "library/ubuntu", "latest")),
        ("docker.io/a/b/c:d", Reference("docker.io", "a/b/c", "d")),
        ("localhost/app", Reference("localhost", "app", "latest")),
        ("localhost:5000", Reference("docker.io", "library/localhost", "5000")),
        ("localhost:5000/app", Reference("localhost:5000", "app", "latest")),
        ("127.0.0.1:5000/app:1", Reference("127.0.0.1:5000", "app", "1")),
        ("[::1]:5000/x", Reference("[::1]:5000", "x", "latest")),
        ("[2001:db8::1]/x/y:z", Reference("[2001:db8::1]", "x/y", "z")),
        ("ghcr.io/a/b/c/d/e-f_g__h.i:V1.0_x-y", Reference("ghcr.io", "a/b/c/d/e-f_g__h.i", "V1.0_x-y")),
        ("GHCR.io/a", Reference("GHCR.io", "a", "latest")),
        (f"ghcr.io/a/b@{SHA256}", Reference("ghcr.io", "a/b", None, SHA256)),
        (f"ghcr.io/a/b:tag@{SHA256}", Reference("ghcr.io", "a/b", "tag", SHA256)),
        (f"ubuntu@sha512:{HEX}{HEX}", Reference("docker.io", "library/ubuntu", None, f"sha512:{HEX}{HEX}")),
        (HEX[:63], Reference("docker.io", f"library/{HEX[:63]}", "latest")),
    ],
)
def test_right_references_are_understood(text: str, expected: Reference) -> None:
    """Every form that docker takes gives its parts, short names and aliases mean Docker Hub."""
    assert parse_reference(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "foo:", "ghcr.io/", "foo:tag:extra", "/foo", "//a//b", "a//b", "a/", "https://ghcr.io/a", "http://x/y",
        "../../x", "./x", "ghcr.io/../../x", "ghcr.io/a/..", "foo:tag?x", "foo?x=1", "foo\n", "foo:tag\n", "\nfoo",
        "foo bar", " foo", "foo ", "foo\t", "foo\0", "Foo", "ghcr.io/Foo", "ghcr.io/foo/Bar:x", "foo@bar", "foo@", "@",
        "foo@sha256:xyz", f"foo@sha256:{HEX[:63]}", f"foo@sha256:{HEX}0", f"foo@{SHA256.upper()}", f"foo@sha256:{HEX.upper()}",
        f"foo@sha512:{HEX}", f"foo@blake3:{HEX[:40]}", f"foo@{SHA256}:tag", "user:pw@ghcr.io/a/b", "user@ghcr.io/a", HEX,
        "foo:" + "a" * 129, "foo:.a", "foo:-a", "-foo", "foo-", "foo..bar", "foo___bar", "_foo", "a/-b", "fo\u00f6", "f\u0131",
        "host:0/x", "host:65536/x", "host:99999999999999999999/x", "host:/x", "host:5x/x", ":5000/x", "-host.io/x", "host-.io/x",
        "host..io/x", ".host.io/x", "ho_st.io/x", "[::1/x", "::1/x", "[]/x", "[:::1]/x", "[1:2]:5000/x", "[::1%eth0]/x", "[::1]5000/x",
        "host.io/" + "a" * 248, "a" * 300, "host:" + "9" * 5000 + "/x",
    ],
)  # fmt: skip
def test_wrong_references_are_refused(text: str) -> None:
    """What breaks the grammar is an error and never a guess."""
    with pytest.raises(InvalidReference) as caught:
        parse_reference(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "ubuntu",
        "a/b:c",
        "localhost/x",
        "[::1]:5000/x/y",
        f"ghcr.io/a/b:tag@{SHA256}",
        f"h.io:1/a@{SHA256}",
        "docker.io/x/y/z",
    ],
)
def test_round_trip(text: str) -> None:
    """A reference written out and parsed again is the same one."""
    reference = parse_reference(text)
    assert parse_reference(str(reference)) == reference
    assert str(parse_reference(str(reference))) == str(reference)


def test_full_names_are_kept() -> None:
    """A name that is already complete is written as it was read."""
    for text in ("docker.io/library/ubuntu:24.04", f"ghcr.io/a/b:tag@{SHA256}", f"[::1]:5000/x@{SHA256}"):
        assert str(parse_reference(text)) == text


def test_the_digest_wins() -> None:
    """With tag and digest the digest is asked for, with neither it is ``latest``."""
    assert parse_reference(f"a/b:c@{SHA256}").selector == SHA256
    assert parse_reference("a/b:c").selector == "c"
    assert parse_reference("a/b").selector == "latest"
    assert Reference("ghcr.io", "a").selector == "latest"


def test_docker_hub_lives_elsewhere() -> None:
    """Docker Hub is spoken to at its API's host, every other registry at its own."""
    assert parse_reference("ubuntu").host == DOCKER_HUB_HOST
    assert parse_reference("ghcr.io/a").host == "ghcr.io"


@pytest.mark.parametrize(
    ("text", "says", "hint"),
    [
        ("0" * 64, "an image id alone names no registry", f"save the image first: docker save -o image.tar {'0' * 64} && "),
        ("reg.io/app@sha256:29fe08285d28", "the digest has 12 hex digits of 64", "use the whole digest"),
        ("app:1@sha256:29fe", "the digest has 4 hex digits of 64", "use the whole digest"),
    ],
)
def test_ids_and_parts_of_digests(text: str, says: str, hint: str) -> None:
    """What docker images shows of an image, copied in place of its name, gets advice of its own."""
    with pytest.raises(InvalidReference, match=says) as caught:
        parse_reference(text)
    assert (caught.value.hint or "").startswith(hint)


def test_a_url_gets_a_hint() -> None:
    """The error for a URL says what to write."""
    with pytest.raises(InvalidReference) as caught:
        parse_reference("https://ghcr.io/a/b")
    assert caught.value.hint == "write it as 'ghcr.io/a/b'"


@pytest.mark.parametrize(
    ("registry", "expected"),
    [
        ("localhost", True), ("localhost:5000", True), ("a.localhost:80", True), ("127.0.0.1:5000", True), ("127.9.9.9", True), ("LOCALHOST:80", True),
        ("[::1]:5000", True), ("[::1]", True), ("10.0.0.1", False), ("localhost.example.com", False), ("ghcr.io", False),
        ("notlocalhost", False), ("[::2]", False),
    ],
)  # fmt: skip
def test_loopback(registry: str, expected: bool) -> None:
    """Only this very machine counts as loopback."""
    assert is_loopback(registry) is expected


def test_split_host() -> None:
    """Host and port come apart, an IPv6 host keeps its brackets, nonsense stays whole."""
    assert split_host("ghcr.io") == ("ghcr.io", None)
    assert split_host("[::1]:5000") == ("[::1]", 5000)
    assert split_host("a:b:c") == ("a:b:c", None)


def test_canonical_names() -> None:
    """Names are compared after the defaults are filled in, and what is no name equals only itself."""
    assert canonical_name("docker.io/library/app:latest") == canonical_name("app")
    assert canonical_name("No Name") == "No Name"
    assert canonical_name("app:1") != canonical_name("app:2")
    assert canonical_name("No Name") != canonical_name("app")
