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
#: the RUN that the plan makes of the first example of a tool
REWRITTEN = {
    "OS202": "RUN apt-get update && apt-get install -y x && rm -rf /var/lib/apt/lists/*",
    "OS203": "RUN apt-get install -y x && apt-get clean",
    "OS204": "RUN apk update --no-cache && apk add --no-cache curl",
    "OS205": "RUN yum install -y x && yum clean all && rm -rf /var/cache/yum",
    "OS206": "RUN microdnf install -y x && microdnf clean all && rm -rf /var/cache/dnf /var/cache/libdnf5 /var/cache/yum",
    "OS207": "RUN zypper -n install x && zypper clean --all",
    "OS208": "RUN pacman -Syu --noconfirm x && rm -rf /var/cache/pacman/pkg/* /var/lib/pacman/sync/*",
    "OS209": "RUN pip install --no-cache-dir -r requirements.txt",
    "OS210": "RUN uv sync --no-cache --locked",
    "OS211": "RUN poetry install --only main && rm -rf ~/.cache/pypoetry/cache ~/.cache/pypoetry/artifacts ~/.cache/pipenv"
    " ~/.cache/pdm ~/.cache/hatch",
    "OS212": "RUN micromamba install -y x && micromamba clean --all --yes",
    "OS213": "RUN npm ci --omit=dev && npm cache clean --force",
    "OS214": "RUN yarn install --frozen-lockfile && yarn cache clean",
    "OS215": "RUN CGO_ENABLED=0 go build ./... && go clean -cache -modcache",
    "OS216": 'RUN cargo build --release && rm -rf "${CARGO_HOME:-$HOME/.cargo}/registry" "${CARGO_HOME:-$HOME/.cargo}/git"',
    "OS217": 'RUN gem install rails && rm -rf "$(gem env gemdir)/cache" "$(gem env gemdir)/doc"',
    "OS218": "RUN composer install --no-cache --no-dev",
    "OS219": "RUN dotnet restore && dotnet nuget locals all --clear",
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
    """A RUN that leaves files gets the option or the cleanup of its tool; one that cleans up has no such finding."""
    path = leftover_of(tool)
    heredoc = f"{tool.matches[0]} <<EOF"
    for number, text in enumerate([*tool.matches, *tool.misses, heredoc]):
        layer = {path: f"{number}".encode() * (number + 9)}
        analysis = analyze(tmp_path / str(number), [layer], [f"RUN /bin/sh -c {text} # buildkit"])
        found = tool_findings(analysis)
        if text in tool.misses:
            assert found == []
            continue
        (finding,) = found
        size = sum(map(len, layer.values()))
        assert (finding.id, finding.size, finding.paths, finding.layers) == (tool.id, size, (path,), (0,))
        assert finding.confidence is tool.confidence
        if text == heredoc:  # a RUN that reads a here-document cannot be changed
            assert finding.fix == f"In `RUN {text}`, {tool.advice}."
            assert (finding.plan_step, analysis.plan.edits) == (None, ())
            continue
        (edit,), (step,) = analysis.plan.edits, analysis.plan.steps
        assert edit.text.startswith("RUN ")
        assert (
            edit.text.count(tool.option) == text.count(" && ") + 1
            if tool.option
            else edit.text.startswith(f"RUN {text} && ")
        )
        assert (step.size, step.findings, step.in_patch, finding.plan_step) == (size, (tool.id,), True, 1)
        assert finding.fix == step.action
        if number == 0:
            assert edit.text == REWRITTEN[tool.id]


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
        ("var/lib/apt/lists/x", "apt-get update", "apt-get install -y c",
         "RUN apt-get update && apt-get install -y c && rm -rf /var/lib/apt/lists/*"),
        ("var/cache/apk/x", "apk update", "apk add c", "RUN apk update --no-cache && apk add --no-cache c"),
        ("root/.nuget/packages/x", "dotnet restore", "dotnet publish --no-restore",
         "RUN dotnet restore && dotnet publish --no-restore && dotnet nuget locals all --clear"),
        ("go/pkg/mod/x", "go mod download", "go build .", "RUN go mod download && go build . && go clean -cache -modcache"),
        ("root/.cargo/registry/x", "cargo fetch", "cargo build --offline",
         'RUN cargo fetch && cargo build --offline && rm -rf "${CARGO_HOME:-$HOME/.cargo}/registry" '
         '"${CARGO_HOME:-$HOME/.cargo}/git"'),
    ],
)  # fmt: skip
def test_files_that_a_later_step_needs(path: str, first: str, second: str, expected: str, tmp_path: Path) -> None:
    """A step that only downloads is joined with the step that uses the files, and cleans up after the use."""
    layers, steps = [{path: b"x" * 20_000}, {"usr/x": b"y"}], [f"RUN {first}", f"RUN {second}"]
    analysis = analyze(tmp_path / "two", layers, steps)
    assert [edit.text for edit in analysis.plan.edits] == [expected, ""]
    assert analysis.plan.total.size == 20_000
    (edit,) = analyze(tmp_path / "one", layers[:1], steps[:1]).plan.edits
    assert edit.text.startswith(f"RUN {first}")
    apart = analyze(tmp_path / "apart", [*layers[:1], {"app/x": b"x"}, *layers[1:]], [steps[0], "COPY . /app", steps[1]])
    assert not any(edit.layer == 0 for edit in apart.plan.edits)


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
    assert [edit.text for edit in analysis.plan.edits] == [f"{step} && rm -rf /var/lib/apt/lists/*" for step in steps]
    (step,) = analysis.plan.steps
    assert (step.size, step.layers, step.action) == (
        895,
        (0, 1),
        "End each of the 2 RUNs with `rm -rf /var/lib/apt/lists/*`.",
    )
    assert analysis.wasted_size == 495


def test_steps_that_rely_on_lists(tmp_path: Path) -> None:
    """Where a later step installs with the lists of this one, it must fetch them itself once they are gone."""
    steps = [
        "RUN apt-get update && apt-get install w",
        "RUN apt-get install -y x",
        "RUN apt-get update && apt-get install y",
    ]
    analysis = analyze(tmp_path, [LISTS, {"lib/x": b"x"}, {"lib/y": b"y"}], steps)
    remove = "rm -rf /var/lib/apt/lists/*"
    assert [edit.text for edit in analysis.plan.edits] == [
        f"RUN apt-get update && apt-get install w && {remove}",
        f"RUN apt-get update && apt-get install -y x && {remove}",
    ]
    apart = analyze(tmp_path / "exec", [LISTS, {"lib/x": b"x"}], [steps[0], 'RUN /bin/sh -c ["apt-get", "install", "x"]'])
    assert apart.plan.edits == ()  # a RUN that cannot be changed needs the lists


def test_one_step_has_all_changes(tmp_path: Path) -> None:
    """Findings on one RUN are fixed by one final text; each of them saves its own bytes."""
    layers = [{**LISTS, "var/cache/apt/archives/x_1.deb": b"x" * 20, "root/.cache/pip/x": b"y" * 30}]
    analysis = analyze(tmp_path, layers, ["RUN apt-get update && apt-get install -y x && pip install y"])
    (edit,) = analysis.plan.edits
    assert edit.text == (
        "RUN apt-get update && apt-get install -y x && pip install --no-cache-dir y"
        " && rm -rf /var/lib/apt/lists/* && apt-get clean"
    )
    assert [(step.size, step.findings) for step in analysis.plan.steps] == [(515, ("OS202", "OS203")), (30, ("OS209",))]


def test_hidden_rows_belong_to_what_hides_them(tmp_path: Path) -> None:
    """Lists that a later step deletes are waste first; what is left of them goes to the step that wrote them."""
    layers = [{**LISTS, "var/lib/apt/lists/b": b"b" * 7}, {"var/lib/apt/lists/.wh.b": b""}]
    analysis = analyze(tmp_path, layers, ["RUN apt-get update", "RUN rm /var/lib/apt/lists/b"])
    assert [(finding.id, finding.size) for finding in analysis.advice.findings if finding.size] == [
        ("OS202", 495),
        ("OS101", 7),
    ]


def test_kept_lists_are_surely_junk(tmp_path: Path) -> None:
    """The finding is as sure as the catalog is."""
    analysis = analyze(tmp_path, [LISTS], ["RUN apt-get update"])
    assert by_id(analysis, "OS202")[0].confidence is Confidence.SAFE
