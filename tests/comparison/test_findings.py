"""New and fixed findings: they are compared by what they are about, whatever layers hold it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from ocisize import Analysis, Analyzer, compare, from_json, to_json
from ocisize.model.comparison import Comparison
from tests.comparison.test_causes import APP, ROOT, debian, image
from tests.images import Entries, Entry, build_image, layer
from tests.oci.test_image import single

KEY = b"-----BEGIN OPENSSH PRIVATE KEY-----\n" + b"k" * 400
SYSTEM = debian(b"12.1")
INSTALL = "RUN install -D -m 600 keys/* /root/.ssh"  # another step than COPY: the layers are not paired


def ids(found: Comparison) -> tuple[list[str], list[str]]:
    """The ids of the secrets and caches that are new, and of those that are gone."""
    new, gone = (
        [finding.id for finding in findings if str(finding.category) in ("secret", "cache")]
        for findings in (found.new_findings, found.fixed_findings)
    )
    return new, gone


def changed(before: Entries, after: Mapping[str, Entry], steps: Sequence[str] = (APP, INSTALL)) -> Comparison:
    """Two images whose upper layers differ."""
    return compare(
        image([SYSTEM, before], [ROOT, steps[0]]), image([SYSTEM, {**after, "built": b"again"}], [ROOT, steps[1]])
    )


def test_a_secret_in_a_layer_without_a_partner_is_known() -> None:
    """A secret at the same path is the same one, although another build step writes it."""
    found = changed({"root/.ssh/id_rsa": KEY}, {"root/.ssh/id_rsa": KEY})
    assert {(change.before, change.after) for change in found.layers} == {(0, 0), (1, None), (None, 1)}
    assert ids(found) == ([], [])


def test_a_secret_in_a_layer_more_is_known() -> None:
    """A layer that is split keeps its secrets."""
    both = {"app/a": b"a" * 900, "root/.ssh/id_rsa": KEY, "srv/tls/server.key": KEY + b"tls"}
    before = image([SYSTEM, both], [ROOT, APP])
    parts = [{"app/a": both["app/a"]}, {"root/.ssh/id_rsa": KEY}, {"srv/tls/server.key": KEY + b"tls"}]
    after = image([SYSTEM, *parts], [ROOT, APP, INSTALL, "RUN make keys"])
    assert ids(compare(before, after)) == ([], [])
    assert ids(compare(after, before)) == ([], [])


@pytest.mark.parametrize("after", [{"home/app/.ssh/id_rsa": KEY}, {"root/.ssh/id_rsa": KEY + b"rotated"}])
def test_a_secret_is_known_by_its_path_or_its_content(after: Mapping[str, Entry]) -> None:
    """A secret that moved is known, and so is another content at the same path, as keys that each build makes."""
    assert ids(changed({"root/.ssh/id_rsa": KEY}, after)) == ([], [])


def test_another_secret_is_new() -> None:
    """Another secret beside a known one is new, also if one finding names both; a finding is gone with all its secrets."""
    found = changed({"root/.ssh/id_rsa": KEY}, {"root/.ssh/id_rsa": KEY, "root/.ssh/id_ed25519": KEY + b"2"})
    assert ids(found) == (["OS230"], [])
    assert [(finding.paths, finding.path_count) for finding in found.new_secrets] == [(("root/.ssh/id_ed25519",), 1)]
    back = compare(found.after, found.before)
    assert ids(back) == ([], [])
    gone = changed({"root/.ssh/id_rsa": KEY}, {"app/a": b"a"})
    assert ids(gone) == ([], ["OS230"])


def test_all_files_of_a_finding_are_compared() -> None:
    """Reports name five files: of eight, one less shows no other as new, and one in the place of another is new."""
    keys = {f"srv/{number}/id_rsa": KEY + b"%d" % number for number in range(8)}
    for gone in keys:
        most = {path: key for path, key in keys.items() if path != gone}
        assert ids(changed(most, keys)) == (["OS230"], [])
        assert ids(changed(most, most)) == ([], [])
        assert ids(changed(keys, most)) == ([], [])
        found = changed(keys, {**most, "srv/8/id_rsa": KEY + b"8"})
        assert [finding.paths for finding in found.new_secrets] == [("srv/8/id_rsa",)]


def test_a_secret_that_moved_is_not_named_as_new() -> None:
    """Beside a new one, a secret at another path is known by its content."""
    keys = {"home/app/.ssh/id_rsa": KEY, "home/app/.ssh/id_ed25519": KEY + b"2"}
    found = changed({"root/.ssh/id_rsa": KEY}, keys)
    assert ids(found) == (["OS230"], [])
    assert [(finding.paths, finding.path_count) for finding in found.new_secrets] == [(("home/app/.ssh/id_ed25519",), 1)]


def test_files_beyond_the_thousand_that_a_finding_has_count() -> None:
    """A further file is noticed by the number of all."""
    keys = {f"srv/{number:04}/id_rsa": KEY + b"%d" % number for number in range(1003)}
    most = dict(list(keys.items())[:1002])
    assert ids(changed(most, keys)) == (["OS230"], [])
    assert ids(changed(most, most)) == ([], [])
    (finding,) = changed(most, most).after.advice.findings[:1]
    assert (len(finding.paths), finding.path_count) == (1000, 1002)


def with_variables(*names: str) -> Analysis:
    config = {"config": {"Env": [f"{name}=hunter2hunter2" for name in names]}}
    built = build_image([layer(SYSTEM)], history=[{"created_by": ROOT}], config=config)
    return Analyzer(jobs=1).analyze_source(single(built))


def test_variables_are_compared_by_name() -> None:
    """A second secret in the environment is new, a secret less is not."""
    one, two = with_variables("DB_PASSWORD"), with_variables("API_TOKEN", "DB_PASSWORD")
    found = compare(one, two)
    assert ids(found) == (["OS231"], [])
    assert [(secret.title, secret.names) for secret in found.new_secrets] == [
        ("secret in the environment: API_TOKEN", ("API_TOKEN",))
    ]
    assert ids(compare(two, one)) == ([], [])
    assert ids(compare(two, two)) == ([], [])
    assert ids(compare(one, with_variables())) == ([], ["OS231"])


def test_variables_that_the_title_does_not_name_are_compared() -> None:
    """A title names five variables: the others are compared, too."""
    names = [f"{letter}_PASSWORD" for letter in "ABCDEFGH"]
    most = with_variables(*names[1:])
    assert ids(compare(with_variables(*names), most)) == ([], [])
    assert ids(compare(most, with_variables(*names))) == (["OS231"], [])
    assert ids(compare(with_variables(*names[:-1]), most)) == (["OS231"], [])
    saved = from_json(to_json(most))
    assert saved.advice.findings[0].names == tuple(names[1:])
    assert ids(compare(saved, most)) == ([], [])


def test_a_cache_in_a_layer_without_a_partner_is_known() -> None:
    """Other findings are compared by the files they name, too; without a common file or layer they are new."""
    cache = {f"root/.cache/pip/http/{number}": bytes(range(256)) * 300 for number in range(3)}
    other = {f"root/.cache/pip/other/{number}": bytes(range(256)) * 300 for number in range(3)}
    steps = ["COPY --from=build /root /root", "RUN --mount=type=bind,target=/src make install"]
    assert ids(changed(cache, cache, steps)) == ([], [])
    new, gone = ids(changed(cache, other, steps))
    assert new == gone != []
    assert ids(changed(cache, other, [steps[0], steps[0]])) == ([], [])


def test_saved_analyses_are_compared_by_path() -> None:
    """Without the files of an analysis, a path is enough."""
    found = changed({"root/.ssh/id_rsa": KEY}, {"root/.ssh/id_rsa": KEY, "caf\udce9/id_rsa": KEY + b"2"})
    saved = from_json(to_json(found.before)), from_json(to_json(found.after))
    assert ids(compare(*saved)) == (["OS230"], [])
    assert ids(compare(saved[1], found.after)) == ([], [])
