"""Findings: what each kind of mistake is called, what it saves and how it is mended."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocisize.analysis.catalog import load_catalog, parse_catalog
from ocisize.analysis.findings import Advice, Confidence, Finding, Saving, Severity
from tests.images import DIR, Entries, File, Hard
from tests.scenes import advice_on, by_id

INSTALL, COPY = "RUN apt-get update && apt-get install -y gcc", "COPY . /app"


def only(advice: Advice) -> Finding:
    (finding,) = advice.findings
    return finding


def test_cleanup_in_a_later_layer() -> None:
    """Both layers and steps are named; the fix moves the deletion into the step that wrote the files."""
    finding = only(
        advice_on(
            {"opt/a": b"1" * 10, "opt/b": b"2" * 30, "keep": b"k"},
            {"opt/.wh.a": b"", "opt/.wh.b": b""},
            steps=[INSTALL, "RUN rm -rf /opt"],
        )
    )
    assert (finding.id, finding.layers, finding.instructions) == ("OS101", (0, 1), (INSTALL, "RUN rm -rf /opt"))
    assert (finding.size, finding.compressed_size, finding.confidence) == (40, 20, Confidence.SURE)
    assert (finding.paths, finding.path_count) == (("opt/b", "opt/a"), 2)
    assert finding.title == "layer 1 deletes 2 files of layer 0, which are downloaded all the same"
    assert (
        finding.fix
        == f"Delete the files at the end of the RUN that writes them, `{INSTALL}`, instead of in `RUN rm -rf /opt`."
    )
    assert finding.rule == "docs/rules.md#os101"


@pytest.mark.parametrize(
    "steps",
    [
        ["RUN apt-get update", "RUN apt-get install -y x && rm -rf /opt"],
        [INSTALL, "RUN make", "RUN rm -rf /opt"],
        [INSTALL, "RUN apt-get purge gcc"],
    ],
)
def test_what_is_used_before_it_is_deleted(steps: list[str]) -> None:
    """To delete where files are written would break the step that uses them: all of it goes into one RUN."""
    layers: list[Entries] = [{"opt/a": b"1"}, *[{"usr/x": b"2"}] * (len(steps) - 2), {"opt/.wh.a": b""}]
    finding = by_id(advice_on(*layers, steps=steps))["OS101"]
    expected = f"Write, use and delete the files in one RUN: join `{steps[-1]}`, and what else uses them, into `{steps[0]}`."
    assert finding.fix == expected


def test_what_was_copied_and_deleted_is_better_not_copied() -> None:
    """A COPY cannot delete: the fix is .dockerignore."""
    finding = only(advice_on({"app/a": b"1"}, {"app/.wh.a": b""}, steps=[COPY, "RUN rm /app/a"]))
    assert f"Keep the files out of `{COPY}`: name them in .dockerignore" in finding.fix


def test_what_comes_from_a_stage_is_not_in_the_build_context() -> None:
    """.dockerignore does not hold for COPY --from: the stage must not have the files, or be copied from more narrowly."""
    step = "COPY --from=build /app /app"
    junk = only(advice_on({"app/node_modules/x/README.md": b"1"}, steps=[step]))
    deleted = by_id(advice_on({"app/a": b"1"}, {"app/.wh.a": b""}, steps=[step, "RUN rm /app/a"]))["OS101"]
    for finding in (junk, deleted):
        assert finding.fix == f"Leave them out of `{step}`: remove them in the stage it copies from, or copy less."


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ((COPY, "RUN chown -R app:app /app"), "`COPY --chown=app:app . /app`, and drop `RUN chown -R app:app /app`"),
        ((COPY, "RUN chmod -R 755 /app"), "`COPY --chmod=755 . /app`"),
        ((COPY, "RUN chown --recursive 1000 /app && chmod -R 0750 /app"), "`COPY --chown=1000 --chmod=0750 . /app`"),
        ((COPY, "RUN touch /app/x"), "`COPY --chown=USER:GROUP --chmod=MODE . /app`"),
        ((INSTALL, "RUN chown -R app /opt"), "Do what `RUN chown -R app /opt` does at the end of the RUN that writes the files"),
        (("COPY --chown=a:b . /app", "RUN chown -R app /app"), "`COPY --chown=app . /app`, and drop"),
        (("COPY --chown=a:b . /app", "RUN chmod -R 755 /app"), "`COPY --chmod=755 --chown=a:b . /app`, and drop"),
        ((COPY, COPY), f"Copy the final files once: leave out of `{COPY}` what `{COPY}` brings."),
    ],
)  # fmt: skip
def test_metadata_only_rewrites(steps: tuple[str, str], expected: str) -> None:
    """The copy that goes is the lower one, whose bytes nobody sees; owner and mode are taken from the step."""
    finding = only(advice_on({"app/x": File(b"1" * 8)}, {"app/x": File(b"1" * 8, uid=1000)}, steps=steps))
    assert (finding.id, finding.layers, finding.size) == ("OS102", (0, 1), 8)
    assert expected in finding.fix


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (
            "RUN useradd u && chown -R u /app && pip install x",
            "`COPY --chown=u . /app`, instead of by chown and chmod in `RUN",
        ),
        ("RUN " + "chmod -R 755 /app && " * 9 + "make", "`COPY --chmod=755 . /app`, instead of by"),
        (
            "RUN npm run build",
            "`RUN npm run build` writes files of `COPY . /app` again as they were: let it leave them alone",
        ),
    ],
)
def test_a_step_that_does_more_is_not_dropped(step: str, expected: str) -> None:
    """Only what does nothing but change owner, mode and time can go."""
    finding = only(advice_on({"app/x": File(b"1" * 8)}, {"app/x": File(b"1" * 8, uid=1000)}, steps=[COPY, step]))
    assert expected in finding.fix
    assert "drop" not in finding.fix


def test_overwritten_by_an_upgrade() -> None:
    """Files that a later step installs anew."""
    finding = only(advice_on({"lib/x": b"old!"}, {"lib/x": b"new"}, steps=[INSTALL, "RUN apt-get upgrade -y"]))
    assert (finding.id, finding.size) == ("OS103", 4)
    assert finding.fix == f"Install the final versions at once: join `RUN apt-get upgrade -y` into `{INSTALL}`."
    assert "leave out of" in only(advice_on({"lib/x": b"old!"}, {"lib/x": b"new"}, steps=[INSTALL, COPY])).fix


def test_files_of_the_base_that_own_steps_hide() -> None:
    """What the base brings cannot be mended in one's own steps."""
    finding = only(advice_on({"lib/x": b"old!"}, {"lib/x": b"new"}, steps=["", "RUN apt-get upgrade -y"], base_layers=1))
    assert "The base image brings these files" in finding.fix
    assert finding.confidence is Confidence.ASK
    assert not finding.in_base


def test_braces_in_steps_and_paths_mean_themselves() -> None:
    """A shell's variables keep their names in fixes, whatever they are called; and so do folders in titles."""
    step = "RUN for path in a b; do cp ${path} /tmp/{path}; done"
    assert step in only(advice_on({"tmp/x": b"1"}, steps=[step])).fix
    assert only(advice_on({"{files}/x": b"1", "b/x": b"1"})).title.startswith("/b repeats /{files}: 1 file of")


def test_package_databases_and_licences_stay_twice() -> None:
    """What no rule may claim is no duplicate to link either; what repeats it is."""
    entries = {
        "var/lib/dpkg/status": b"1" * 9, "var/lib/dpkg/status-old": b"1" * 9, "usr/share/doc/a/copyright": b"2" * 9,
        "usr/share/doc/b/copyright": b"2" * 9, "srv/terms": b"2" * 9,
    }  # fmt: skip
    assert only(advice_on(entries)).paths == ("srv/terms",)
    assert not advice_on({"srv/terms": b"2", "usr/share/doc/b/copyright": b"2"}).findings


def test_waste_within_the_base() -> None:
    """What the base image's own steps hide from each other is not for the image's own steps to mend."""
    layers: list[Entries] = [{"lib/x": b"old!", "a": b"1"}, {"lib/x": b"new", ".wh.a": b""}, {"b": b"2"}]
    found = by_id(advice_on(*layers, steps=["RUN a", "RUN b", "RUN c"], base_layers=2))
    assert {found[id_].fix for id_ in ("OS101", "OS103")} == {
        "The base image's `RUN b` hides what its `RUN a` brings: choose another, or tell its maintainers."
    }
    assert found["OS101"].in_base


def test_deleting_in_windows() -> None:
    """A step that only deletes, in the words of other shells."""
    steps = ["RUN msiexec x.msi", "RUN del C:\\x.msi"]
    fix = only(advice_on({"Files/x.msi": b"1"}, {"Files/.wh.x.msi": b""}, steps=steps)).fix
    assert fix.startswith("Delete the files at the end of")


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


def test_waste_is_told_apart_by_layers() -> None:
    """Each pair of layers that hold and hide is a finding, the most bytes on the wire first."""
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
    assert (first.id, first.title) == ("OS110", "/srv/two repeats /opt/one: 3 files of equal content")
    assert (first.size, first.layers, first.confidence) == (27, (1,), Confidence.LIKELY)
    assert first.fix == "Keep one copy and link to it (ln -s, or ln within one layer) in `RUN two`."
    assert (second.title, second.size) == ("/other repeats /opt/one/a/x: 1 file of equal content", 9)


def test_many_duplicates_are_told_together() -> None:
    """Five pairs of folders have findings of their own; the rest is one."""
    files: dict[str, bytes] = {}
    for number in range(9):
        files |= {f"a{number}/x{number}": b"%d" % number * (10 + number), f"b/y{number}": b"%d" % number * (10 + number)}
    advice = advice_on(files)
    assert len(advice.findings) == 6
    assert advice.findings[0].title == "4 files more repeat the content of others"
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


def test_junk_by_the_catalogue() -> None:
    """One finding for each rule, over all layers, those with the most bytes first; the fix is for the step's tool."""
    advice = advice_on(
        {"var/cache/debconf/a-old": b"1" * 10},
        {"var/cache/debconf/b-old": b"2" * 50, "etc/x": b"x"},
        steps=["RUN apt-get update", INSTALL],
    )
    finding = only(advice)
    assert (finding.id, finding.layers, finding.size) == ("OS307", (1, 0), 60)
    assert finding.title == "backup copies of debconf's databases: 2 files"
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
    assert (finding.layers, finding.instructions, finding.size) == ((2,), ("RUN apt-get update",), 10)
    copied = by_id(
        advice_on({"app/.git/x": b"1"}, {"app/.git/y": b"22", "app/.git/.wh.x": b""}, steps=[COPY, "RUN git clone"])
    )
    assert copied["OS380"].layers == (1,)
    assert COPY not in copied["OS380"].fix


def test_junk_that_was_copied() -> None:
    """What comes from the build context is kept out by .dockerignore, whatever tool makes such files."""
    finding = only(advice_on({"app/__pycache__/x.pyc": b"1"}, steps=[COPY]))
    assert (finding.id, finding.fix) == ("OS340", f"Leave them out of `{COPY}`: name them in .dockerignore.")
    assert "dockerignore" in only(advice_on({"app/.git/objects/x": b"1"}, steps=[COPY])).fix


def test_junk_of_the_base_image() -> None:
    """Rows of the base and of one's own layers are two findings; the base's say so."""
    advice = advice_on({"usr/share/doc/a/x": b"1"}, {"usr/share/doc/b/x": b"22"}, base_layers=1)
    own, base = advice.findings
    assert (own.size, own.in_base, base.size, base.in_base) == (2, False, 1, True)
    assert "base" in base.fix
    assert advice.saving(Confidence.SURE, in_base=True) == Saving(1, 1)
    assert advice.saving(Confidence.SURE) == Saving(3, 2)


def test_hidden_junk_is_waste() -> None:
    """Junk that a later layer deletes counts once: as what that layer deletes."""
    advice = advice_on({"var/lib/apt/lists/a": b"1" * 10}, {"var/lib/apt/lists/.wh.a": b""})
    assert [finding.id for finding in advice.findings] == ["OS101"]


def test_databases_and_licences_are_never_junk() -> None:
    """Nothing advises to delete what scanners and lawyers need."""
    files: dict[str, bytes] = {
        "var/lib/dpkg/status": b"1",
        "usr/share/doc/x/copyright": b"2",
        "app/x.dist-info/METADATA": b"3",
    }
    assert advice_on(files).findings == ()


def test_rules_of_users(tmp_path: Path) -> None:
    """Rules of one's own stand before the packaged ones; they have no page in the documentation."""
    path = tmp_path / "rules.toml"
    path.write_text(
        '[[rule]]\nid = "ACME001"\ntitle = "our cache"\nwhat = "x"\nglobs = ["/var/lib/apt/lists/"]\nconfidence = "ask"\n'
    )
    finding = only(advice_on({"var/lib/apt/lists/a": b"1"}, catalog=load_catalog([path]), steps=["RUN x"]))
    assert (finding.id, finding.rule, finding.confidence) == ("ACME001", "", Confidence.ASK)
    assert finding.fix == "Remove them in the step that brings them: `RUN x`."


def test_placeholders_in_fixes() -> None:
    """A fix may name the step and the largest file."""
    catalog = parse_catalog(
        '[[rule]]\nid = "ACME001"\ntitle = "x"\nwhat = "x"\nglobs = ["*.big"]\nconfidence = "sure"\nfix = { any = "rm {path} in {instruction}" }',
        "x",
    )
    assert only(advice_on({"a.big": b"1", "b.big": b"22"}, catalog=catalog, steps=["RUN y"])).fix == "rm /b.big in RUN y"


def test_an_unknown_step_goes_by_its_layer() -> None:
    """Without history the fix names the layer."""
    assert "`layer 0`" in only(advice_on({"a": b"1"}, {".wh.a": b""})).fix


def test_long_steps_are_cut_in_fixes_only() -> None:
    """A finding has the whole instruction; the sentence only its beginning."""
    step = f"RUN {'x' * 5000}"
    finding = only(advice_on({"a": b"1"}, {".wh.a": b""}, steps=[step]))
    assert finding.instructions[0] == step
    assert len(finding.fix) < 300


def test_nearly_empty_layers() -> None:
    """A layer without content that hides nothing; one that deletes is not empty."""
    found = advice_on(
        {"a": b"1"}, {"d": DIR}, {}, {".wh.a": b""}, steps=["", "RUN mkdir d", "RUN true", "RUN rm a"]
    ).findings
    titles = {finding.layers: finding.title for finding in found if finding.id == "OS122"}
    assert titles == {
        (1,): "layer 1 is all but empty: it stores no content, 1 entries",
        (2,): "layer 2 is all but empty: it stores nothing",
    }


def test_many_layers() -> None:
    """More than thirty layers are a remark without layers of its own."""
    layers: list[Entries] = [{f"f{number}": b"%d" % number} for number in range(31)]
    finding = only(advice_on(*layers))
    assert (finding.id, finding.layers, finding.size, finding.in_base) == ("OS123", (), 0, False)
    assert advice_on(*layers[:30]).findings == ()


def test_unknown_wire() -> None:
    """Without the wire findings rank by content, and no saving on the wire is made up."""
    advice = advice_on({"a": b"1" * 10, "var/lib/apt/lists/b": b"2" * 30}, {".wh.a": b""}, wire_known=False)
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
