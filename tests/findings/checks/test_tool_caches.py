"""Build steps that leave caches: which finding, for which text, with which bytes and which fix."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ocisize.rules.load import load_catalog
from ocisize.model.analysis import Analysis
from ocisize.model.findings import Category, Confidence, Finding
from ocisize.rules.match import match_rows
from ocisize.findings.checks.tools import ToolCache, load_tools
from tests.advice import analyze, by_id
from tests.catalogs import table_of

LISTS = {"var/lib/apt/lists/deb_Packages": b"lists" * 99}
#: what the fix says about the first example of a tool
FIXES = {
    "OS202": "`RUN apt-get update && apt-get install -y x && rm -rf /var/lib/apt/lists/*` (hadolint DL3009)",
    "OS203": "`RUN apt-get install -y x && apt-get clean`.",
    "OS204": "`RUN apk update --no-cache && apk add --no-cache curl` (hadolint DL3019)",
    "OS205": "`RUN yum install -y x && yum clean all && rm -rf /var/cache/yum` (hadolint DL3032)",
    "OS206": "`RUN microdnf install -y x && microdnf clean all && rm -rf /var/cache/dnf",
    "OS207": "zypper clean --all` (hadolint DL3036)",
    "OS208": "&& rm -rf /var/cache/pacman/pkg/* /var/lib/pacman/sync/*`.",
    "OS209": "`RUN pip install --no-cache-dir -r requirements.txt` (hadolint DL3042)",
    "OS210": "`RUN uv sync --no-cache --locked`",
    "OS211": "`RUN poetry install --only main && rm -rf ~/.cache/pypoetry/cache ~/.cache/pypoetry/artifacts ~/.cache/pipenv",
    "OS212": "`RUN micromamba install -y x && micromamba clean --all --yes`",
    "OS213": "`RUN npm ci --omit=dev && npm cache clean --force`",
    "OS214": "`RUN yarn install --frozen-lockfile && yarn cache clean` (hadolint DL3060)",
    "OS215": "&& go clean -cache -modcache`",
    "OS216": '`RUN cargo build --release && rm -rf "${CARGO_HOME:-$HOME/.cargo}/registry"',
    "OS217": '`RUN gem install rails && rm -rf "$(gem env gemdir)/cache"',
    "OS218": "`RUN composer install --no-cache --no-dev`",
    "OS219": "`RUN dotnet restore && dotnet nuget locals all --clear`",
}


def leftover_of(tool: ToolCache) -> str:
    """A file that a tool leaves: an example of the rules it names."""
    rules = {rule.id: rule for rule in load_catalog().rules}
    return rules[tool.rules[0]].matches[0]


@pytest.mark.parametrize("tool", load_tools(), ids=lambda tool: tool.id)
def test_tools_fit_the_catalog(tool: ToolCache) -> None:
    """The rules a tool names are the catalog's caches, as sure as it says, and it has one fix and examples."""
    catalog = load_catalog()
    rules = {rule.id: rule for rule in catalog.rules}
    assert {rules[rule].confidence for rule in tool.rules} == {tool.confidence}
    assert {rules[rule].category for rule in tool.rules} == {Category.CACHE}
    found = match_rows(catalog, table_of([leftover_of(tool)]))
    assert [catalog.rules[index].id for index in found] == list(tool.rules)
    assert bool(tool.option) is not bool(tool.cleanup)
    assert tool.matches
    assert tool.misses


@pytest.mark.parametrize("tool", load_tools(), ids=lambda tool: tool.id)
def test_examples_of_tools(tool: ToolCache, tmp_path: Path) -> None:
    """A RUN that leaves files is named with them, and how to write it better; one that cleans up is not."""
    path = leftover_of(tool)
    texts = [*tool.matches, *tool.misses, f"{tool.matches[0]} <<EOF"]
    layers = [{path: f"{number}".encode() * (number + 9)} for number in range(len(texts))]
    for number, text in enumerate(texts):
        analysis = analyze(tmp_path / str(number), [layers[number]], [f"RUN /bin/sh -c {text} # buildkit"])
        left = tool_findings(analysis)
        found = [(finding.id, finding.size, finding.paths, finding.layers) for finding in left]
        expected = (tool.id, sum(map(len, layers[number].values())), (path,), (0,))
        assert found == ([] if text in tool.misses else [expected]), text
        if number == 0:
            assert left[0].confidence is tool.confidence
            assert FIXES.get(tool.id, tool.option or tool.cleanup) in left[0].fix
        assert all(re.match(r"(Change layer 0 to `RUN .*`|In `RUN .*`, (end|use) .*)", finding.fix) for finding in left)
    assert left[0].fix.startswith("In `RUN ")  # what is read from a here-document cannot be written better


def tool_findings(analysis: Analysis) -> list[Finding]:
    """The findings that name a tool."""
    ids = {tool.id for tool in load_tools()}
    return [finding for finding in analysis.advice.findings if finding.id in ids]


def test_caches_go_environments_stay() -> None:
    """Poetry keeps the environment it installs into beside its cache: neither a cleanup nor a mount may take it along."""
    environment = "~/.cache/pypoetry/virtualenvs/app-py3.12/"
    removed = [word for tool in load_tools() for word in tool.cleanup.split() if word.startswith("~")]
    mounted = [
        target.replace("/root/", "~/", 1)
        for rule in load_catalog().rules
        for text in rule.fix.values()
        for target in re.findall(r"type=cache,target=([^\s,]+)", text)
    ]
    assert removed
    assert [folder for folder in (*removed, *mounted) if environment.startswith(f"{folder}/")] == []


@pytest.mark.parametrize(
    ("path", "first", "second", "expected"),
    [
        ("var/lib/apt/lists/x", "apt-get update", "apt-get install -y c", "end with `&& rm -rf /var/lib/apt/lists/*` (hadolint DL3009)."),
        ("var/cache/apk/x", "apk update", "apk add c", "use apk with `--no-cache` (hadolint DL3019)"),
        ("root/.nuget/packages/x", "dotnet restore", "dotnet publish --no-restore", "end with `&& dotnet nuget locals all --clear`"),
        ("go/pkg/mod/x", "go mod download", "go build .", "end with `&& go clean -cache -modcache`"),
        ("root/.cargo/registry/x", "cargo fetch", "cargo build --offline", "end with"),
    ],
)  # fmt: skip
def test_files_that_a_later_step_needs(path: str, first: str, second: str, expected: str, tmp_path: Path) -> None:
    """A step that only downloads is joined with the step that uses the files, and cleans up after it."""
    layers, steps = [{path: b"x"}, {"usr/x": b"y"}], [f"RUN {first}", f"RUN {second}"]
    (found,) = tool_findings(analyze(tmp_path / "two", layers, steps))
    assert found.fix.startswith(f"Join `RUN {second}`, which may need them, with `RUN {first}`, and {expected}")
    (found,) = tool_findings(analyze(tmp_path / "one", layers[:1], steps[:1]))
    assert found.fix.startswith(f"Change layer 0 to `RUN {first}")


def test_no_rows_no_finding(tmp_path: Path) -> None:
    """A cache mount leaves nothing behind, whatever the text says; and text of other steps proves nothing."""
    analysis = analyze(
        tmp_path,
        [{"usr/bin/x": b"x"}, LISTS, LISTS],
        ["RUN apt-get update && pip install x && npm ci", "COPY apt-get update /", "RUN ./install.sh"],
    )
    assert not tool_findings(analysis)
    assert by_id(analysis, "OS301")


def test_leavings_that_another_step_writes_again(tmp_path: Path) -> None:
    """Lists that a later update replaces belong to the step that left them, and one step takes in all remedies."""
    upper = {"var/lib/apt/lists/deb_Packages": b"newer" * 80}
    steps = ["RUN apt-get update && apt-get install -y x", "RUN apt-get update && apt-get install -y y"]
    analysis = analyze(tmp_path, [{**LISTS, "lib/x": b"x"}, upper], steps)
    found = by_id(analysis, "OS")
    assert [(each.id, each.size, each.layers) for each in found if each.size] == [("OS202", 495, (0,)), ("OS202", 400, (1,))]
    assert found[0].fix == f"Change layer 0 to `{steps[0]} && rm -rf /var/lib/apt/lists/*` (hadolint DL3009)."
    assert analysis.wasted_size == 495


def test_steps_that_rely_on_lists(tmp_path: Path) -> None:
    """Where a later step installs with the lists of this one, it must fetch them itself once they are gone."""
    steps = [
        "RUN apt-get update && apt-get install w",
        "RUN apt-get install -y x",
        "RUN apt-get update && apt-get install y",
    ]
    analysis = analyze(tmp_path, [LISTS, {"lib/x": b"x"}, {"lib/y": b"y"}], steps)
    (found,) = by_id(analysis, "OS202")
    assert found.fix.endswith("(hadolint DL3009). Layer 1 then needs an apt-get update before the installation.")


def test_hidden_rows_belong_to_what_hides_them(tmp_path: Path) -> None:
    """Lists that a later step deletes are waste first; what is left of them goes to the step that wrote them."""
    layers = [{**LISTS, "var/lib/apt/lists/b": b"b" * 7}, {"var/lib/apt/lists/.wh.b": b""}]
    analysis = analyze(tmp_path, layers, ["RUN apt-get update", "RUN rm /var/lib/apt/lists/b"])
    assert [(each.id, each.size) for each in analysis.advice.findings if each.size] == [("OS202", 495), ("OS101", 7)]


def test_kept_lists_are_surely_junk(tmp_path: Path) -> None:
    """The finding is as sure as the catalog is."""
    analysis = analyze(tmp_path, [LISTS], ["RUN apt-get update"])
    assert by_id(analysis, "OS202")[0].confidence is Confidence.SAFE
