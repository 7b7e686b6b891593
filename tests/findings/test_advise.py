"""Findings: what each kind of mistake is called, what it saves and how it is fixed."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocisize.findings.advise import advise
from ocisize.rules.load import load_catalog
from ocisize.rules.parse import parse_catalog
from ocisize.model.findings import Advice, Confidence, Finding, Saving, Severity
from ocisize.oci.documents import ImageConfig, RootFs, RunConfig
from tests.images import DIR, Entries, File, Hard
from tests.evidence import advice_on, by_id, make_evidence

INSTALL, COPY = "RUN apt-get update && apt-get install -y gcc", "COPY . /app"


def by_id_first(advice: Advice, id_: str) -> Finding:
    return next(finding for finding in advice.findings if finding.id == id_)


def step_texts(finding: Finding) -> tuple[str, ...]:
    return tuple(map(str, finding.build_steps))


def only(advice: Advice) -> Finding:
    (finding,) = advice.findings
    return finding


def test_cleanup_in_a_later_layer() -> None:
    """Both layers and steps are named; the fix moves the deletion into the step that wrote the files."""
    finding = only(
        advice_on(
            {"opt/a": b"1" * 1000, "opt/b": b"2" * 5000, "keep": b"k"},
            {"opt/.wh.a": b"", "opt/.wh.b": b""},
            steps=[INSTALL, "RUN rm -rf /opt"],
        )
    )
    assert (finding.id, finding.layers, step_texts(finding)) == ("OS101", (0, 1), (INSTALL, "RUN rm -rf /opt"))
    assert (finding.size, finding.compressed_size, finding.confidence) == (6000, 3000, Confidence.SAFE)
    assert (finding.paths, finding.path_count) == (("opt/b", "opt/a"), 2)
    assert finding.title == "deleted by layer 1, but still downloaded: 2 files of layer 0"
    assert finding.fix == "End the RUN that writes the files with `rm -rf /opt`."
    assert finding.rule == "docs/rules.md#os101"


def test_what_was_copied_and_deleted_is_better_not_copied() -> None:
    """A COPY cannot delete: the fix is .dockerignore."""
    finding = only(advice_on({"app/a": b"1"}, {"app/.wh.a": b""}, steps=[COPY, "RUN rm /app/a"]))
    assert finding.fix == "Add to .dockerignore: `a`."


def test_what_an_archive_has_is_not_in_the_build_context() -> None:
    """.dockerignore names files, not entries of an archive that ADD unpacks; archives from URLs are not unpacked."""
    step = "ADD rootfs.tar.xz /"
    junk = only(advice_on({"app/node_modules/x/README.md": b"1"}, steps=[step]))
    deleted = by_id(advice_on({"app/a": b"1"}, {"app/.wh.a": b""}, steps=[step, "RUN rm /app/a"]))["OS101"]
    for finding in (junk, deleted):
        assert finding.fix == "Leave them out of the archive that `ADD rootfs.tar.xz /` unpacks."


def test_what_comes_from_a_stage_is_not_in_the_build_context() -> None:
    """.dockerignore does not hold for COPY --from: the stage must not have the files, or be copied from more narrowly."""
    step = "COPY --from=build /app /app"
    junk = only(advice_on({"app/node_modules/x/README.md": b"1"}, steps=[step]))
    deleted = by_id(advice_on({"app/a": b"1"}, {"app/.wh.a": b""}, steps=[step, "RUN rm /app/a"]))["OS101"]
    for finding in (junk, deleted):
        assert finding.fix == f"Leave them out of `{step}`: remove them in the stage it copies from, or copy less."


def test_an_owner_of_the_bases_files() -> None:
    """Nobody edits the step of a base."""
    steps = ["ADD file:1 in /", "RUN chown -R app /app"]
    finding = only(advice_on({"app/x": File(b"1" * 8)}, {"app/x": File(b"1" * 8, uid=1000)}, steps=steps))
    assert finding.fix.startswith("Leave the base image's files alone in `RUN chown -R app /app`")
    assert finding.confidence is Confidence.SAFE


def test_what_any_step_on_a_base_rewrites() -> None:
    """Accounts and package databases are no finding while they are small; their bytes go to no other finding."""
    base = {"etc/passwd": b"1" * 9, "etc/passwd-": b"2" * 7, "var/log/x": b"3" * 5}
    upper = {"etc/passwd": b"4", "etc/passwd-": b"5", "var/log/x": b"6", "big": bytes(8000)}
    advice = advice_on(base, upper, steps=["ADD file:1 in /", "RUN useradd app"])
    assert {finding.id: finding.size for finding in advice.findings} == {"OS383": 1, "OS390": 1}
    assert "OS103" in by_id(
        advice_on(base | {"usr/bin/x": b"7"}, upper | {"usr/bin/x": b"8"}, steps=["ADD a in /", "RUN a"])
    )
    assert "OS103" in by_id(advice_on(base, base | {"etc/passwd": b"1"}, steps=["ADD file:1 in /", "RUN useradd app"]))


def test_bytes_that_a_later_layer_stores_again() -> None:
    """The layer that brought files is to blame and named first, however often others store them again."""
    layers: list[Entries] = [{"app/.git/x": File(b"1" * 8, uid=uid)} for uid in (0, 1, 2)]
    steps = [COPY, "RUN chown -R 1 /app", "RUN chown -R 2 /app"]
    finding = by_id_first(advice_on(*layers, steps=steps), "OS380")
    assert (finding.layers, step_texts(finding)) == ((0, 2), (COPY, steps[2]))
    assert finding.fix == "Add to .dockerignore: `.git`."


def test_a_fix_for_each_layer() -> None:
    """Different fixes for different layers are listed with their shares, followed by the note on the cost of the fix."""
    layers: list[Entries] = [
        {"usr/lib/python3/__pycache__/a.pyc": b"1" * 60}, {"usr/local/lib/__pycache__/b.pyc": b"2" * 40},
        {"usr/local/lib/__pycache__/c.pyc": b"3" * 10},
    ]  # fmt: skip
    finding = only(advice_on(*layers, steps=[INSTALL, "RUN pip install b", "RUN pip install c"]))
    assert finding.fix == (
        "Layer 0, 54 %: End the RUN that writes them with `find / -xdev -depth -type d -name __pycache__ -exec rm -rf {} +`. "
        "Layers 1 and 2, 45 %: Use `pip install --no-compile …`, and set `PYTHONDONTWRITEBYTECODE=1` during the build. "
        "Without bytecode, programs start more slowly: each new container compiles the modules it imports."
    )


def test_a_run_that_only_compiles_is_left_out() -> None:
    """Nobody needs to delete at the end of a RUN what the RUN is there to make."""
    compiled = {"app/__pycache__/a.pyc": b"1" * 60}
    finding = only(advice_on({"app/a.py": b"1"}, compiled, steps=[COPY, "RUN python3 -m compileall -q /app"]))
    assert finding.fix.startswith("Leave `compileall` out of `RUN python3 -m compileall -q /app`: Python compiles")


def test_files_of_the_base_that_own_steps_hide() -> None:
    """Files of the base image cannot be fixed in the image's own steps."""
    finding = only(advice_on({"lib/x": b"old!"}, {"lib/x": b"new"}, steps=["", "RUN apt-get upgrade -y"], base_layers=1))
    assert "The base image brings these files" in finding.fix
    assert finding.confidence is Confidence.ASK
    assert not finding.in_base


def test_braces_in_steps_and_paths_mean_themselves() -> None:
    """A shell's variables keep their names in fixes, whatever they are called; and so do folders in titles."""
    step = "RUN for path in a b; do cp ${path} /tmp/{path}; done"
    assert step in only(advice_on({"tmp/x": b"1"}, steps=[step])).fix
    assert only(advice_on({"{files}/x": b"1", "b/x": b"1"})).title == "identical files in /{files}/x and /b/x: 1 file"


def test_package_databases_and_licences_stay_twice() -> None:
    """What no rule may claim is no duplicate to link either; what repeats it is."""
    entries = {
        "var/lib/dpkg/status": b"1" * 9, "var/lib/dpkg/status-old": b"1" * 9, "usr/share/doc/a/copyright": b"2" * 9,
        "usr/share/doc/b/copyright": b"2" * 9, "srv/terms": b"2" * 9,
    }  # fmt: skip
    assert only(advice_on(entries)).paths == ("srv/terms",)
    assert not advice_on({"srv/terms": b"2", "usr/share/doc/b/copyright": b"2"}).findings


def test_waste_within_the_base() -> None:
    """Files that steps of the base image hide from each other cannot be fixed in the image's own steps."""
    layers: list[Entries] = [{"lib/x": b"old!", "a": b"1"}, {"lib/x": b"new", ".wh.a": b""}, {"b": b"2"}]
    found = by_id(advice_on(*layers, steps=["RUN a", "RUN b", "RUN c"], base_layers=2))
    assert {found[id_].fix for id_ in ("OS101", "OS103")} == {
        "The base image's `RUN b` hides files of its `RUN a`: use another base image, or tell its maintainers."
    }
    assert found["OS101"].in_base


def test_deleting_in_windows() -> None:
    """A step that only deletes, in the words of other shells."""
    steps = ["RUN msiexec x.msi", "RUN del C:\\x.msi"]
    fix = only(advice_on({"Files/x.msi": b"1"}, {"Files/.wh.x.msi": b""}, steps=steps)).fix
    assert fix == (
        "Write, use and delete the files in one RUN: delete them in `RUN msiexec x.msi` instead of in `RUN del C:\\x.msi`."
    )


def test_tests_of_the_project() -> None:
    """Tests in the folders where projects are put; those of libraries have rules of their own."""
    advice = advice_on(
        {"app/src/tests/test_x.py": b"1", "usr/lib/ruby/tests/x": b"2", "srv/x/contests/y": b"3"}, steps=[COPY]
    )
    assert {finding.id: finding.paths for finding in advice.findings} == {"OS393": ("app/src/tests/test_x.py",)}


def test_opaque_replacement_duplicate_entries_and_unreachable_bytes() -> None:
    """The other causes of waste have findings of their own."""
    layers: list[Entries] = [
        {"d/x": b"1" * 5},
        [("d/.wh..wh..opq", b""), ("d/y", b"2"), ("e", b"33"), ("e", b"4"), (".wh.z", b"payload")],
    ]
    found = by_id(advice_on(*layers))
    assert {id_: finding.size for id_, finding in found.items()} == {"OS104": 5, "OS105": 2, "OS106": 7}
    assert found["OS104"].layers == (0, 1)
    assert found["OS105"].layers == found["OS106"].layers == (1,)


def test_waste_is_distinguished_by_layers() -> None:
    """Each pair of layers that hold and hide is a finding, the most bytes of download first."""
    advice = advice_on({"a": b"1" * 10, "b": b"2" * 20}, {".wh.a": b"", "c": b"3"}, {".wh.b": b""})
    assert [(finding.layers, finding.size) for finding in advice.findings if finding.size] == [((0, 2), 20), ((0, 1), 10)]


def test_duplicate_content() -> None:
    """Copies of a tree are one finding that names both folders; the first copy stays."""
    tree: dict[str, bytes] = {f"{name}/x": name.encode() * 9 for name in ("a", "b", "c")}
    layers: list[Entries] = [
        {f"opt/one/{path}": data for path, data in tree.items()},
        {f"srv/two/{path}": data for path, data in tree.items()} | {"other": b"a" * 9},
    ]
    advice = advice_on(*layers, steps=["RUN one", "RUN two"])
    first, second = advice.findings
    assert (first.id, first.title) == ("OS110", "identical files in /opt/one and /srv/two: 3 files")
    assert (first.size, first.layers, first.confidence) == (27, (1,), Confidence.PROBABLY)
    assert (
        first.fix
        == "Keep one copy: link to /opt/one (`ln -s`, or `ln` within one layer) instead of the copy that `RUN two` adds."
    )
    assert (second.title, second.size) == ("identical files in /opt/one/a/x and /other: 1 file", 9)


def test_many_duplicates_are_reported_together() -> None:
    """Five pairs of folders have findings of their own; the rest is one."""
    files: dict[str, bytes] = {}
    for number in range(9):
        files |= {f"a{number}/x{number}": b"%d" % number * (10 + number), f"b/y{number}": b"%d" % number * (10 + number)}
    advice = advice_on(files)
    assert len(advice.findings) == 6
    assert advice.findings[0].title == "more identical files: 4 files"
    assert advice.findings[0].size == 10 + 11 + 12 + 13
    assert advice.size == sum(range(10, 19))


def test_links_are_no_duplicates() -> None:
    """A hard link stores nothing."""
    assert advice_on({"a": b"1" * 9, "b": Hard("a")}).findings == ()


def test_caches_that_share_their_files_by_hard_links() -> None:
    """What a hard link shows elsewhere stays stored when the cache goes; where all names are in the cache, it goes."""
    cached = {"opt/conda/pkgs/x/lib/a.so": b"1" * 9, "opt/conda/pkgs/x/lib/b.so": b"2" * 5}
    advice = advice_on(cached | {"opt/conda/lib/a.so": Hard("./opt/conda/pkgs/x/lib/a.so")})
    assert {finding.id: (finding.size, finding.paths) for finding in advice.findings} == {
        "OS313": (5, ("opt/conda/pkgs/x/lib/b.so",))
    }
    cached = {"root/.cache/uv/a": b"1" * 9}
    assert only(advice_on(cached | {"root/.cache/uv/b": Hard("root/.cache/uv/a")})).size == 9
    hidden = advice_on(cached | {"lib/b": Hard("root/.cache/uv/a")}, {"lib/.wh.b": b""})
    assert only(hidden).size == 9


def test_duplicates_of_what_goes_anyway() -> None:
    """Where the original goes, a copy must stay; where the copies go, nothing is left to save."""
    cache, data = "root/.cache/pip/x", b"1" * 9
    advice = advice_on({cache: data, "srv/a": data, "srv/b": data})
    assert {finding.id: finding.size for finding in advice.findings} == {"OS310": 9, "OS110": 9}
    assert by_id(advice)["OS110"].paths == ("srv/b",)
    assert {finding.id: finding.size for finding in advice_on({"a": data, cache: data}).findings} == {"OS310": 9}
    assert {finding.id: finding.size for finding in advice_on({cache: data, "srv/a": data}).findings} == {"OS310": 9}


def test_junk_by_the_catalog() -> None:
    """One finding for each rule, over all layers, those with the most bytes first; the fix is for the step's tool."""
    advice = advice_on(
        {"var/cache/debconf/a-old": b"1" * 10},
        {"var/cache/debconf/b-old": b"2" * 50, "etc/x": b"x"},
        steps=["RUN apt-get update", INSTALL],
    )
    finding = only(advice)
    assert (finding.id, finding.layers, finding.size) == ("OS307", (1, 0), 60)
    assert finding.title == "backups of debconf databases: 2 files"
    assert finding.fix.startswith("Join the RUNs that install packages")


def test_layers_and_fix_are_of_the_rows_that_are_left() -> None:
    """Where another finding takes the rows of a layer, neither that layer nor the fix for its step is named."""
    advice = advice_on(
        {"var/cache/debconf/a-old": b"1" * 90},
        {"var/cache/debconf/.wh.a-old": b"", "app/.git/x": b"2" * 5},
        {"var/cache/debconf/b-old": b"3" * 10},
        steps=[INSTALL, COPY, "RUN apt-get update"],
    )
    finding = by_id(advice)["OS307"]
    assert (finding.layers, step_texts(finding), finding.size) == ((2,), ("RUN apt-get update",), 10)
    copied = by_id(
        advice_on({"app/.git/x": b"1"}, {"app/.git/y": b"22", "app/.git/.wh.x": b""}, steps=[COPY, "RUN git clone"])
    )
    assert copied["OS380"].layers == (1,)
    assert COPY not in copied["OS380"].fix


def test_junk_that_was_copied() -> None:
    """The fix for files from the build context is .dockerignore, whatever tool creates such files."""
    finding = only(advice_on({"app/__pycache__/x.pyc": b"1"}, steps=[COPY]))
    assert finding.id == "OS340"
    assert finding.fix == "Add to .dockerignore: `__pycache__`."
    stage = only(advice_on({"app/__pycache__/x.pyc": b"1"}, steps=["COPY --from=build /app /app"]))
    assert stage.fix.startswith("Leave them out of `COPY --from=build /app /app`: remove them in the stage it copies from")
    assert "dockerignore" in only(advice_on({"app/.git/objects/x": b"1"}, steps=[COPY])).fix


FOREIGN = """
[[rule]]
id = "ACME001"
title = "acme"
what = "x"
globs = ["*.acme"]
confidence = "safe"
fix = { any = "Ask acme." }
"""


@pytest.mark.parametrize(("steps", "base_layers"), [([COPY], 0), (["RUN apt-get install x"], 0), (["ADD x in /"], 1)])
def test_fixes_of_users_are_not_changed(steps: list[str], base_layers: int) -> None:
    """Also for what was copied, and for what the base brings."""
    catalog = parse_catalog(FOREIGN, "x")
    assert only(advice_on({"a.acme": b"1"}, steps=steps, base_layers=base_layers, catalog=catalog)).fix == "Ask acme."


@pytest.mark.parametrize(
    ("step", "first"),
    [
        ("RUN npm ci", True), ("RUN cd /srv && npm install", True), ("RUN npm ci --omit=dev", False),
        ("RUN NODE_ENV=production npm ci", False), ("RUN npm install --production", False), ("RUN yarn", False),
        ("RUN npm install -g npm && npm ci", True), ("RUN npm i -g pnpm", False),
    ],
)  # fmt: skip
def test_development_packages_go_first(step: str, first: bool) -> None:
    """If npm installs development packages, the first fix is to leave them out."""
    fix = only(advice_on({"app/node_modules/x/README.md": b"1"}, steps=[step])).fix
    assert fix.startswith("First leave out development packages: `npm ci --omit=dev`. Then bundle") is first
    assert "undle the program" in fix


def test_pages_outside_of_the_distributions_folders() -> None:
    """Settings of dpkg are no fix for files that another tool installs."""
    fix = only(advice_on({"usr/local/share/man/man1/x.1": b"1"}, steps=["RUN apt-get install -y make && make install"])).fix
    assert fix.startswith("Remove them in the step that adds them")
    assert "dpkg.cfg.d" in only(advice_on({"usr/share/man/man1/x.1": b"1"}, steps=[INSTALL])).fix


def test_compilers_have_one_fix() -> None:
    """All files of compilers have the same fix."""
    files = {
        "usr/bin/gcc": b"1",
        "usr/lib/libx.a": b"2",
        "usr/include/x.h": b"3",
        "app/x.o": b"4",
        "usr/lib/pkgconfig/x.pc": b"5",
    }
    fixes = {finding.id: finding.fix for finding in advice_on(files, steps=[INSTALL]).findings}
    assert set(fixes) == {"OS343", "OS344", "OS345", "OS346", "OS347"}
    assert len({*fixes.values()}) == 1


def test_junk_of_the_base_image() -> None:
    """Rows of the base and of one's own layers are two findings; the base's say so."""
    advice = advice_on({"usr/share/doc/a/x": b"1"}, {"usr/share/doc/b/x": b"22"}, base_layers=1)
    own, base = advice.findings
    assert (own.size, own.in_base, base.size, base.in_base) == (2, False, 1, True)
    assert "base" in base.fix
    assert advice.saving(Confidence.SAFE, in_base=True) == Saving(1, 1)
    assert advice.saving(Confidence.SAFE) == Saving(3, 2)


def test_hidden_junk_is_waste() -> None:
    """Junk that a later layer deletes counts once: as what that layer deletes."""
    advice = advice_on({"var/lib/apt/lists/a": b"1" * 10}, {"var/lib/apt/lists/.wh.a": b""})
    assert [finding.id for finding in advice.findings] == ["OS101"]


def test_packages_are_not_to_be_linked() -> None:
    """Files of packages are not reported, unless a package is installed twice: then both places are named."""
    data = {f"{name}.js": name.encode() * 900 for name in "ab"}
    assert advice_on({f"usr/share/{folder}/{name}": text for folder in "xy" for name, text in data.items()}).findings == ()
    inside = {f"app/node_modules/x/{folder}/{name}": text for folder in ("esm", "cjs") for name, text in data.items()}
    assert advice_on(inside).findings == ()
    nested = {f"app/node_modules/{at}x/{name}": text for at in ("", "y/node_modules/") for name, text in data.items()}
    finding = only(advice_on(nested))
    assert finding.title == "packages installed twice, within /app/node_modules: 2 files"
    assert (finding.fix, finding.confidence) == ("Run `npm dedupe` in /app. It needs compatible versions.", Confidence.ASK)
    two = {f"{project}/node_modules/x/{name}": text for project in ("one", "two") for name, text in data.items()}
    assert "Use one npm workspace for both projects" in only(advice_on(two)).fix
    python = {
        f"{place}/lib/python3.12/site-packages/x/{name}": text for place in ("opt", "srv") for name, text in data.items()
    }
    finding = only(advice_on(python))
    assert "in /opt/lib/python3.12/site-packages and /srv/lib/python3.12/site-packages" in finding.title
    assert "Install the packages once" in finding.fix
    assert advice_on(python | {"opt/big": bytes(10**6)}).findings == ()


def test_two_files_of_one_content() -> None:
    """Both paths are shown in full."""
    finding = only(advice_on({"app/m/w.bin": b"1" * 99}, {"srv/w.bin": b"1" * 99}, steps=[COPY, "RUN cp -r /app/m /srv"]))
    assert finding.title == "identical files in /app/m/w.bin and /srv/w.bin: 1 file"


def test_databases_and_licences_are_never_junk() -> None:
    """Nothing advises to delete what scanners and lawyers need."""
    files: dict[str, bytes] = {
        "var/lib/dpkg/status": b"1",
        "usr/share/doc/x/copyright": b"2",
        "app/x.dist-info/METADATA": b"3",
    }
    assert advice_on(files).findings == ()


def test_rules_of_users(tmp_path: Path) -> None:
    """Rules of users come before packaged rules, and have no section in the documentation."""
    path = tmp_path / "rules.toml"
    path.write_text(
        '[[rule]]\nid = "ACME001"\ntitle = "our cache"\nwhat = "x"\nglobs = ["/var/lib/apt/lists/"]\nconfidence = "ask"\n'
    )
    finding = only(advice_on({"var/lib/apt/lists/a": b"1"}, catalog=load_catalog([path]), steps=["RUN x"]))
    assert (finding.id, finding.rule, finding.confidence) == ("ACME001", "", Confidence.ASK)
    assert finding.fix == "Remove them in the step that adds them: `RUN x`."


def test_placeholders_in_fixes() -> None:
    """A fix may name the step and the largest file."""
    catalog = parse_catalog(
        '[[rule]]\nid = "ACME001"\ntitle = "x"\nwhat = "x"\nglobs = ["*.big"]\nconfidence = "safe"\nfix = { any = "rm {path} in {build_step}" }',
        "x",
    )
    assert only(advice_on({"a.big": b"1", "b.big": b"22"}, catalog=catalog, steps=["RUN y"])).fix == "rm /b.big in RUN y"


def test_an_unknown_step_goes_by_its_layer() -> None:
    """Without history the fix names the layer."""
    assert "`layer 0`" in only(advice_on({"a": b"1"}, {".wh.a": b""})).fix


def test_long_steps_are_cut_in_fixes_only() -> None:
    """A finding has the whole build step; the sentence only its beginning."""
    step = f"RUN {'x' * 5000}"
    finding = only(advice_on({"a": b"1"}, {".wh.a": b""}, steps=[step]))
    assert finding.build_steps[0].text == step
    assert len(finding.fix) < 300


def test_nearly_empty_layers() -> None:
    """A layer without content that hides nothing; one that deletes is not empty."""
    found = advice_on(
        {"a": b"1"},
        {"d": DIR},
        {},
        {".wh.a": b""},
        {"w": DIR},
        steps=["", "RUN mkdir d", "RUN true", "RUN rm a", "WORKDIR /w"],
    ).findings
    titles = {finding.layers: finding.title for finding in found if finding.id == "OS122"}
    assert titles == {
        (1,): "empty layer: layer 1 stores no content, 1 entry",
        (2,): "empty layer: layer 2 stores nothing",
    }


def test_many_layers() -> None:
    """More than thirty layers are a remark without layers of its own."""
    layers: list[Entries] = [{f"f{number}": b"%d" % number} for number in range(31)]
    finding = only(advice_on(*layers))
    assert (finding.id, finding.layers, finding.size, finding.in_base) == ("OS123", (), 0, False)
    assert advice_on(*layers[:30]).findings == ()


def test_unknown_compressed_sizes() -> None:
    """Without compressed sizes findings rank by content, and have no saving of download."""
    advice = advice_on({"a": b"1" * 10, "var/lib/apt/lists/b": b"2" * 30}, {".wh.a": b""}, compressed_size_known=False)
    assert [(finding.id, finding.compressed_size) for finding in advice.findings] == [("OS301", None), ("OS101", None)]
    assert (advice.size, advice.compressed_size) == (40, None)
    assert [finding.severity for finding in advice.findings] == [Severity.HIGH, Severity.HIGH]


def test_severity_is_by_the_share_of_the_download() -> None:
    """A tenth is much, a hundredth something."""
    files: dict[str, bytes] = {
        "keep": b"k" * 8000,
        "var/lib/apt/lists/a": b"1" * 2000,
        "root/.cache/pip/b": b"2" * 600,
        "root/.npm/_logs/c": b"3" * 10,
    }
    found = by_id(advice_on(files))
    assert [found[id_].severity for id_ in ("OS301", "OS310", "OS314")] == [Severity.HIGH, Severity.MEDIUM, Severity.LOW]


def test_an_image_without_layers() -> None:
    """Nothing to say."""
    assert advice_on().findings == ()
    assert (advice_on().size, advice_on().compressed_size) == (0, 0)
