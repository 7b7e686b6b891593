"""The packaged catalog, rule by rule, and users' files: what they add and how their errors read."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import attrs
import pytest

from ocisize.rules.rule import Ecosystem, Protection, Rule
from ocisize.rules.load import load_catalog
from ocisize.rules.parse import parse_catalog
from ocisize.model.findings import PACKAGED_PREFIX, Category, Confidence
from ocisize.rules.match import match_rows
from ocisize.findings.checks.package_kinds import load_package_kinds
from ocisize.findings.explanations import Check, Explanation, explain, explain_all_checks
from ocisize.errors import CatalogError
from tests.catalogs import rules_page, table_of

CATALOG = load_catalog()
ROOT = Path(__file__).parent.parent.parent

GOOD = """
[[rule]]
id = "ACME001"
title = "acme cache"
what = "What acme keeps."
globs = ["/var/cache/acme/"]
confidence = "safe"
"""


def claimed_by(rule: Rule, *paths: str) -> list[bool]:
    """Whether a rule of the whole catalog claims each path; what it needs beside it is there."""
    found = match_rows(CATALOG, table_of(paths))
    return [row in found.get(CATALOG.rules.index(rule), ()) for row in range(len(paths))]


def owner_of(path: str, *others: str) -> str:
    """The id of the rule that claims a path, "" if none does; ``others`` are in the image, too."""
    claims = match_rows(CATALOG, table_of([path, *others]))
    return next((rule.id for index, rule in enumerate(CATALOG.rules) if 0 in claims.get(index, ())), "")


def needed(rule: Rule, path: str) -> list[str]:
    directory, _, name = path.rpartition("/")
    values = {"{dir}": directory, "{stem}": name.rpartition(".")[0].removesuffix(".tar")}
    return [re.sub(r"\{\w+\}", lambda found: values[found[0]], need).lstrip("/") for need in rule.needs[:1]]


@pytest.mark.parametrize("rule", CATALOG.rules, ids=lambda rule: rule.id)
def test_every_rule_claims_its_examples_and_no_near_misses(rule: Rule) -> None:
    """Every rule has examples of both, and they hold in the whole catalog."""
    assert rule.matches, "no path that it matches"
    assert rule.misses, "no path that it nearly matches"
    for path in rule.matches:
        assert owner_of(path, *needed(rule, path)) == rule.id, path
    for path in rule.misses:
        assert owner_of(path) != rule.id, path


@pytest.mark.parametrize("rule", CATALOG.rules, ids=lambda rule: rule.id)
def test_every_rule_is_complete(rule: Rule) -> None:
    """Every packaged rule has a reason, a fix, and an id in its range."""
    assert re.fullmatch(PACKAGED_PREFIX + r"3\d\d", rule.id)
    assert rule.why
    assert rule.fix
    assert rule.packaged
    assert rule.category is not Category.OTHER, "give the rule a category"
    assert rule.what.endswith(".")
    assert re.fullmatch(r"(https://\S+)?", rule.source)


@pytest.mark.parametrize("rule", CATALOG.rules, ids=lambda rule: rule.id)
def test_no_glob_is_idle(rule: Rule) -> None:
    """A path made from a glob is claimed by its rule, or by an earlier one that is more special."""
    for glob in rule.globs:
        path = re.sub(r"\[(.).*?\]", r"\1", glob.text.strip("/")).replace("**", "q")
        path = path.replace("python[23]*", "python3").replace("?", "1").replace("*", "x") + "/x" * glob.directory
        found = match_rows(CATALOG, table_of([path, *needed(rule, path)]))
        by = [CATALOG.rules[index] for index, rows in found.items() if 0 in rows]
        assert by, f"{glob.text}: nothing claims {path}"
        assert CATALOG.rules.index(by[0]) <= CATALOG.rules.index(rule)


FINDS = re.compile(r"find /.*?(?:-delete|-exec rm -rf \{\} \+)")
REMOVES = re.compile(r"rm -r?f (?:(?:~?/)[^\s;&`]+\s?)+")


@pytest.mark.parametrize("rule", [rule for rule in CATALOG.rules if FINDS.search(str(rule.fix))], ids=lambda rule: rule.id)
def test_finds_in_fixes_find_what_the_rule_matches(rule: Rule, tmp_path: Path) -> None:
    """The find of a fix, run in a root that has a rule's examples, deletes all that match and none that do not."""
    misses = [
        path
        for path in rule.misses
        if not path.endswith("/") and path not in {str(Path(each).parent) for each in rule.matches}
    ]
    for number, command in enumerate(dict.fromkeys(match for text in rule.fix.values() for match in FINDS.findall(text))):
        root = tmp_path / str(number)
        lay_out(root, [*rule.matches, *misses])
        run(command, root)
        assert [path for path in rule.matches if (root / path).exists()] == []
        assert [path for path in misses if not (root / path).exists()] == []


@pytest.mark.parametrize("rule", [rule for rule in CATALOG.rules if REMOVES.search(str(rule.fix))], ids=lambda rule: rule.id)
def test_removals_in_fixes_remove_what_the_rule_matches(rule: Rule, tmp_path: Path) -> None:
    """Each path that an rm of a fix names is a place of the rule's, and nothing that the rule leaves alone goes with it."""
    commands = [
        match for text in rule.fix.values() for match in REMOVES.findall(text) if "/etc/apt/apt.conf.d/" not in match
    ]
    for target in (target for command in commands for target in command.split()[2:]):
        named = target.replace("~", "/root").strip("/").replace("*", "x")
        assert any(claimed_by(rule, named) + claimed_by(rule, f"{named}/a/b")), target
    for command in commands:
        root = tmp_path / "root"
        lay_out(root, [*rule.matches, *(miss for miss in rule.misses if not miss.endswith("lock"))])
        before = sum(1 for path in rule.misses if (root / path).exists())
        run(command.replace("~", "/root"), root)
        assert sum(1 for path in rule.misses if (root / path).exists()) == before


def lay_out(root: Path, paths: Sequence[str]) -> None:
    for path in paths:
        place = root / path
        if path.endswith("/"):
            place.mkdir(parents=True, exist_ok=True)
        elif not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(b"x")


def run(command: str, root: Path) -> None:
    """Run a command on a root folder of its own."""
    name, *rest = command.split(" ", 1)
    inside = re.sub(r"(?<=\s)/(?=\S*)", f"{root}/", f" {rest[0]}")
    subprocess.run(["/bin/sh", "-c", f"{name}{inside}"], check=True, cwd=root)


def test_ids_are_in_order() -> None:
    """Ids ascend, so that a new one is seen to be new; files lie in order, too."""
    ids = [rule.id for rule in CATALOG.rules]
    assert ids == sorted({*ids})


@pytest.mark.parametrize("protection", CATALOG.protections, ids=lambda protection: protection.what.split()[0])
def test_protections_hold(protection: Protection) -> None:
    """A protected path belongs to no rule, even in a place that a rule claims; a near miss does there."""
    assert protection.matches
    assert protection.misses
    for path in protection.matches:
        assert match_rows(CATALOG, table_of([path])) == {}, path
    below = [path for path in protection.matches if not any(glob.anchored for glob in protection.globs)]
    for path in below:
        assert match_rows(CATALOG, table_of([f"tmp/{path}"])) == {}, path
    for path in protection.misses:
        assert match_rows(CATALOG, table_of([f"tmp/{path}"])), path


# What dpkg, rpm, apk and pip have installed in a small Debian, Fedora and Alpine image, and what none of them can miss.
NEEDED = """
bin/busybox bin/sh sbin/ldconfig etc/passwd etc/group etc/shadow etc/ld.so.cache etc/ld.so.conf etc/os-release usr/lib/os-release
etc/ssl/certs/ca-certificates.crt etc/apt/sources.list etc/apt/trusted.gpg.d/debian-archive-bookworm-stable.gpg etc/apk/world
etc/dpkg/dpkg.cfg.d/docker etc/nsswitch.conf etc/localtime lib/x86_64-linux-gnu/libc.so.6 lib64/ld-linux-x86-64.so.2
lib/ld-musl-x86_64.so.1 lib/apk/db/installed lib/apk/db/triggers lib/apk/db/scripts.tar usr/lib/apk/db/installed
usr/bin/bash usr/bin/dpkg usr/bin/env usr/bin/ldd usr/bin/make-first-existing-target usr/bin/perl usr/bin/assistant
usr/lib/x86_64-linux-gnu/libz.so.1.2.13 usr/lib/x86_64-linux-gnu/libstdc++.so.6.0.30 usr/lib/x86_64-linux-gnu/libLLVM-14.so.1
usr/lib/llvm-14/lib/libLLVM-14.so.1 usr/lib/gcc/x86_64-pc-linux-gnu/13/libgcc_s.so.1 usr/lib/jvm/java-17/lib/modules
usr/lib/jvm/java-17/lib/server/libjvm.so usr/lib/locale/C.utf8/LC_CTYPE usr/lib/python3.11/test.py usr/lib/python3.11/unittest/case.py
usr/lib/python3/dist-packages/six.py usr/lib/python3/dist-packages/six-1.16.0.egg-info usr/lib/sysimage/rpm/rpmdb.sqlite
usr/lib/debug usr/share/ca-certificates/mozilla/x.crt usr/share/doc/libc6/copyright usr/share/doc/zlib1g/copyright
usr/share/dotnet/shared/Microsoft.NETCore.App/8.0.0/System.Private.CoreLib.dll usr/share/dotnet/host/fxr/8.0.0/libhostfxr.so
usr/share/licenses/zlib/LICENSE usr/share/locale/locale.alias usr/share/nginx/html/index.html usr/share/perl5/Dpkg.pm
usr/share/perl/5.36.0/strict.pm usr/share/zoneinfo/Europe/Berlin usr/share/common-licenses/GPL-3 usr/share/rpm/Packages
usr/local/lib/python3.12/site-packages/django/test/client.py usr/local/lib/python3.12/site-packages/numpy/testing/__init__.py
usr/local/lib/python3.12/site-packages/requests-2.32.dist-info/METADATA usr/local/lib/python3.12/site-packages/requests-2.32.dist-info/RECORD
usr/local/lib/python3.12/site-packages/numpy.libs/libopenblas64.so usr/local/lib/python3.12/ensurepip/__init__.py usr/local/bin/node
usr/local/lib/node_modules/npm/bin/npm-cli.js usr/local/lib/node_modules/npm/package.json usr/local/bundle/gems/rake-13/lib/rake.rb
usr/local/bundle/specifications/rake-13.gemspec usr/local/lib/libpython3.12.so.1.0 usr/local/cuda-12.4/lib64/libcudart.so.12
var/lib/dpkg/status var/lib/dpkg/status-old var/lib/dpkg/available var/lib/dpkg/info/libc6:amd64.list var/lib/dpkg/info/libc6:amd64.md5sums
var/lib/dpkg/alternatives/awk var/lib/dpkg/triggers/File var/lib/dpkg/status.d/base-files var/lib/apt/extended_states
var/lib/rpm/Packages var/lib/rpm/rpmdb.sqlite var/lib/pacman/local/zlib/desc var/spool/cron/crontabs/root var/www/html/index.php
app/package.json app/node_modules/express/package.json app/node_modules/express/index.js app/node_modules/express/LICENSE
app/node_modules/@scope/test/index.js app/node_modules/x/lib/tests/run.js app/vendor/composer/installed.json app/.env app/main.py
app/app.jar app/target/app.jar app/build/index.html app/core.js app/core/index.js app/logs app/changelog app/.next/static/x.js
app/.yarn/cache/x.zip app/bin/Release/x.dll app/coverage/index.py app/data.tar.gz app/models/model.obj go/bin/app root/.bashrc
opt/conda/conda-meta/zlib-1.3.json opt/conda/lib/libz.so opt/java/openjdk/lib/modules opt/app/tmp/x
""".split()


def test_needed_files_belong_to_no_rule() -> None:
    """Programs, libraries, settings, databases and licences of real images are left alone."""
    found = match_rows(attrs.evolve(CATALOG, secrets=()), table_of(NEEDED))
    assert {CATALOG.rules[index].id: [NEEDED[row] for row in rows] for index, rows in found.items()} == {}


def test_the_catalog_is_packaged() -> None:
    """Every data file that the package has is read."""
    texts = [entry.read_text("utf-8") for entry in (files("ocisize") / "rules" / "data").iterdir()]
    ids = [id_ for text in texts for id_ in re.findall(r'^id = "(\w+)"', text, re.MULTILINE)]
    assert ids
    assert sorted(ids) == sorted(rule.id for rule in CATALOG.rules)
    protections = sum(text.count("[[protect]]\n") for text in texts)
    assert len(CATALOG.protections) == protections
    assert len(CATALOG.secrets) == sum(text.count("[[secret]]\n") for text in texts)


def test_rules_page_is_up_to_date() -> None:
    """docs/rules.md says what the catalog says, with an anchor for every rule."""
    page = (ROOT / "docs/rules.md").read_text("utf-8")
    assert page == rules_page(CATALOG), "run: python -m tests.samples"
    ids = [explanation.id for explanation in explain_all_checks()] + [rule.id for rule in CATALOG.rules]
    assert re.findall(r'<a id="(\w+)">', page) == [id_.lower() for id_ in ids]
    assert ids == sorted({*ids})


def test_the_page_shows_how_to_write_a_rule() -> None:
    """The samples on the page are valid files of users, and their examples hold."""
    samples = re.findall(r"```toml\n(.*?)```", rules_page(CATALOG), re.DOTALL)
    catalog = parse_catalog("".join(samples), "sample")
    (rule,) = catalog.rules
    assert (rule.category, rule.packaged) == (Category.CACHE, False)
    assert list(catalog.ecosystems) == ["acme"]
    claimed = match_rows(catalog, table_of([*rule.matches, *rule.misses]))
    assert list(claimed[0]) == list(range(len(rule.matches)))


def test_every_check_is_explained_and_used() -> None:
    """Every kind of finding has a table, and every table is the finding of some check."""
    assert [explain(check).id for check in Check] == sorted({explain(check).id for check in Check})
    code = "".join(path.read_text("utf-8") for path in (ROOT / "ocisize/findings/checks").glob("*.py"))
    in_tables = {kind.check.name for kind in load_package_kinds()}
    assert {*re.findall(r"\bCheck\.(\w+)", code)} | in_tables == {check.name for check in Check}


def test_no_code_depends_on_ids() -> None:
    """Ids are data: no string in Python code is the id of a packaged rule, or a prefix or pattern of ids."""
    for path in set((ROOT / "ocisize").rglob("*.py")) - set((ROOT / "ocisize/prebuilt").glob("*.py")):
        nodes = ast.walk(ast.parse(path.read_text("utf-8")))
        strings = [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
        assert not [text for text in strings if re.match(r"OS[0-9(\[\\]", text)], path


@pytest.mark.parametrize("explanation", explain_all_checks(), ids=lambda explanation: explanation.id)
def test_every_explanation_is_complete(explanation: Explanation) -> None:
    """Every kind of finding says what it is, why it matters and how to fix it, and has a message."""
    assert explanation.what.endswith(".")
    assert explanation.why.endswith(".")
    assert explanation.fix
    assert explanation.messages
    assert explanation.category is not Category.OTHER
    assert re.fullmatch(r"(https://\S+)?", explanation.source)


def test_files_that_one_step_uses() -> None:
    """These rules are about files that only the step that wrote them reads: deleting them may move into that step.

    Not so are results and downloads that a later step may read, although some are called caches.
    """
    ids = {rule.id for rule in CATALOG.rules if rule.category in (Category.CACHE, Category.TEMPORARY)}
    assert ids >= {f"{PACKAGED_PREFIX}{number}" for number in (*range(301, 325), 326, 327, 330, 331, 388)}
    assert ids.isdisjoint(
        f"{PACKAGED_PREFIX}{number}" for number in (325, 328, 329, 332, *range(340, 388), *range(389, 394))
    )


def test_fixes_are_filled() -> None:
    """Placeholders give way, and only they do."""
    text = GOOD + "fix = { a = 'In {build_step}: rm ${path} {a,b} {path}' }"
    rule = parse_catalog(text, "x").rules[0]
    assert rule.fixes(build_step="RUN \\1 {path}", path="/x") == {"a": "In RUN \\1 {path}: rm ${path} {a,b} /x"}


@pytest.mark.parametrize(
    ("name", "step", "used"),
    [
        ("pip", "RUN pip3.12 install x", True),
        ("pip", "RUN pip-sync", False),
        ("apt", "RUN apt-get update", True),
        ("php", "RUN docker-php-ext-install gd", True),
        ("bazel", "RUN bazel build //...", True),
        ("bazel", "RUN bazelisk build //...", False),
    ],
)
def test_commands_show_the_ecosystem(name: str, step: str, used: bool) -> None:
    """An ecosystem is used where a step names one of its commands; one that no file lists has its name as command."""
    assert CATALOG.ecosystem(name).is_used_in(step) is used


def test_users_add_ecosystems(tmp_path: Path) -> None:
    """A user's table takes precedence over the packaged one of the same name."""
    path = tmp_path / "x.toml"
    path.write_text('[[ecosystem]]\nname = "pip"\ncommands = ["acme-*"]\nsystem = true\n')
    catalog = load_catalog([path])
    assert catalog.ecosystem("pip") == Ecosystem(name="pip", commands=("acme-*",), system=True)
    assert catalog.ecosystem("apt") == CATALOG.ecosystem("apt")
    path.write_text('[[ecosystem]]\nname = "pip"\ncommands = []\nsystem = 1\n')
    with pytest.raises(
        CatalogError, match=r"commands: got \[\], expected an array of strings; .*system: got 1, expected true"
    ):
        load_catalog([path])


def test_users_rules_come_first(tmp_path: Path) -> None:
    """A user's rule takes a path over; of several files the first does."""
    first, second = tmp_path / "first.toml", tmp_path / "second.toml"
    first.write_text(GOOD)
    second.write_text(
        GOOD.replace("ACME001", "ACME002").replace('"/var/cache/acme/"', '"/var/cache/"')
        + '[[protect]]\nwhat = "keep"\nglobs = ["*.keep"]\n'
    )
    catalog = load_catalog([first, second])
    assert [rule.id for rule in catalog.rules[:3]] == ["ACME001", "ACME002", "OS301"]
    table = table_of(["var/cache/acme/x", "var/cache/apk/x", "var/log/x", "var/log/x.keep"])
    by = {catalog.rules[index].id: list(rows) for index, rows in match_rows(catalog, table).items()}
    assert by == {"ACME001": [0], "ACME002": [1], "OS383": [2]}


def test_optional_keys_have_defaults() -> None:
    """A rule needs five keys."""
    rule = parse_catalog(GOOD, "x").rules[0]
    assert (rule.kinds, rule.exceptions, rule.needs, rule.fix, rule.why) == (("file", "hardlink", "symlink"), (), (), {}, "")
    assert rule.confidence is Confidence.SAFE
    assert parse_catalog("", "x").rules == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('id = "ACME001"\n', ""), "x.toml: rule 1: id: got nothing, expected a string that is not empty"),
        (('"ACME001"', "7"), "x.toml: 7: id: got 7, expected a string that is not empty"),
        (('"ACME001"', '"acme"'), "x.toml: acme: id: got 'acme', expected letters and 3 or 4 digits, not beginning with OS"),
        (('"ACME001"', '"OS301"'), "x.toml: OS301: id: got 'OS301', expected letters and 3 or 4 digits, not beginning with OS"),
        (('"acme cache"', '""'), "x.toml: ACME001: title: got '', expected a string that is not empty"),
        (('"safe"', '"maybe"'), "x.toml: ACME001: confidence: got 'maybe', expected one of safe, probably, ask"),
        (('["/var/cache/acme/"]', "[]"), "x.toml: ACME001: globs: got [], expected an array of strings"),
        (('["/var/cache/acme/"]', '"/a"'), "x.toml: ACME001: globs: got '/a', expected an array of strings"),
        (('["/var/cache/acme/"]', '["a", 1]'), "x.toml: ACME001: globs: got ['a', 1], expected an array of strings"),
        (('["/var/cache/acme/"]', '["a**"]'), "x.toml: ACME001: globs: the glob 'a**' has '**' within a component"),
        (("what", "waht"), "x.toml: ACME001: waht: unknown key, expected what; x.toml: ACME001: what: got nothing, expected a string that is not empty"),
        (("confidence", 'category = "junk"\nconfidence'), "x.toml: ACME001: category: got 'junk', expected one of cache, temporary, "
         "build, development, documentation, test, log, leftover, package, waste, duplicate, layer, config, secret, base, other"),
        (("confidence", 'kinds = ["pipe"]\nconfidence'), "x.toml: ACME001: kinds: got 'pipe', expected some of file, hardlink, "
         "symlink, char, block, dir, fifo"),
        (("confidence", 'needs = ["{name}/a"]\nconfidence'), "x.toml: ACME001: needs: got '{name}/a', expected a path from / or "
         "{dir}/, with {stem} and no wildcards"),
        (("confidence", 'fix = "a"\nconfidence'), "x.toml: ACME001: fix: got 'a', expected a table of strings"),
        (("confidence", 'fix = { a = "{who}" }\nconfidence'), "x.toml: ACME001: fix.a: got {who}, expected {build_step} or {path}"),
        (("[[rule]]", "[rule]"), "x.toml: rule: got a table, expected [[rule]] tables"),
        (("[[rule]]", "[[rules]]"), "x.toml: rules: unknown key, expected rule"),
        (("[[rule]]", "[[rule]"), "x.toml: is not TOML: "),
        (("[[rule]]", "a = " + "9" * 5000 + "\n[[rule]]"), "x.toml: is not TOML: "),
        (("[[rule]]", "a = " + "[" * 100_000 + "\n[[rule]]"), "x.toml: is not TOML: "),
        (("[[rule]]", '[[protect]]\nwho = "a"\n[[rule]]'), "x.toml: protect 1: who: unknown key, expected one of what, globs, "
         "matches, misses; x.toml: protect 1: what: got nothing, expected a string that is not empty; x.toml: protect 1: globs: got nothing, "
         "expected an array of strings"),
        (("[[rule]]", f"{GOOD}[[rule]]"), "x.toml: ACME001: id: is used by an earlier rule"),
    ],
)  # fmt: skip
def test_errors_name_file_rule_and_key(change: tuple[str, str], message: str, tmp_path: Path) -> None:
    """What is wrong with a user's file is said with its place, what was found and what was expected."""
    file = tmp_path / "x.toml"
    file.write_text(GOOD.replace(change[0], change[1], 1))
    with pytest.raises(CatalogError) as caught:
        load_catalog([file])
    told = re.sub(r"x\.toml:\d+: ", "x.toml: ", str(caught.value).replace(f"{tmp_path}/", ""))
    assert told.startswith(message) if message.endswith(" ") else told == message
    assert len(caught.value.problems) == (0 if "not TOML" in message else told.count("; ") + 1)


def test_one_id_in_two_files_is_refused(tmp_path: Path) -> None:
    """Ids are unique over all files."""
    first, second = tmp_path / "first.toml", tmp_path / "second.toml"
    first.write_text(GOOD)
    second.write_text(GOOD)
    with pytest.raises(CatalogError, match=r"second\.toml: ACME001: id: is used in \S*first\.toml"):
        load_catalog([first, second])


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing file and one that is not text are named."""
    with pytest.raises(CatalogError, match=r"x\.toml: cannot be read: No such file or directory"):
        load_catalog([tmp_path / "x.toml"])
    (tmp_path / "x.toml").write_bytes(b"\xff")
    with pytest.raises(CatalogError, match=r"x\.toml: is not UTF-8"):
        load_catalog([tmp_path / "x.toml"])
