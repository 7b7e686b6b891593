"""Build steps that leave caches: which finding, for which text, with which bytes and which fix."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ocisize.rules.load import load_catalog
from ocisize.model.findings import Confidence
from ocisize.rules.match import match_rows
from ocisize.findings.checks.tool_caches import TOOL_CACHES, ToolCache
from tests.advice import analyze, by_id
from tests.catalogs import table_of

LISTS = {"var/lib/apt/lists/deb_Packages": b"lists" * 99}
# For each finding: a file its step leaves, steps that leave it, steps that do not, and what the fix for the first one says.
CASES: dict[str, tuple[str, list[str], list[str], str]] = {
    "OS202": (
        "var/lib/apt/lists/deb_Packages",
        ["apt-get update && apt-get install -y x", "apt update", "apt-get -qq -o A=b upgrade -y"],
        ["apt-get update && rm -rf /var/lib/apt/lists/*", "find /var/lib/apt -type f -delete; apt-get update", "make"],
        "`RUN apt-get update && apt-get install -y x && rm -rf /var/lib/apt/lists/*` (hadolint DL3009)",
    ),
    "OS203": (
        "var/cache/apt/archives/x_1_amd64.deb",
        ["apt-get install -y x", "apt-get -y dist-upgrade"],
        ["apt-get install -y x && apt-get clean", "apt-get install x; rm -rf /var/cache/apt/*", "apt-get update"],
        "`RUN apt-get install -y x && apt-get clean`.",
    ),
    "OS204": (
        "var/cache/apk/APKINDEX.x.tar.gz",
        ["apk update && apk add curl", "apk -U upgrade", "apk add --virtual .b gcc"],
        ["apk add --no-cache curl", "apk --no-cache add curl", "apk add curl && rm -rf /var/cache/apk/*", "make"],
        "`RUN apk update --no-cache && apk add --no-cache curl` (hadolint DL3019)",
    ),
    "OS205": (
        "var/cache/yum/x/repomd.xml",
        ["yum install -y x", "yum -y update"],
        ["yum install -y x && yum clean all", "yum -y clean all", "dnf2 install x"],
        "`RUN yum install -y x && yum clean all && rm -rf /var/cache/yum` (hadolint DL3032)",
    ),
    "OS206": (
        "var/cache/dnf/x/repomd.xml",
        ["microdnf install -y x", "dnf -y upgrade"],
        ["dnf install -y x && dnf clean all", "microdnf install x; microdnf clean all", "dnfx install x"],
        "`RUN microdnf install -y x && microdnf clean all && rm -rf /var/cache/dnf",
    ),
    "OS207": (
        "var/cache/zypp/raw/x",
        ["zypper -n install x", "zypper in x"],
        ["zypper in x && zypper clean --all", "zypper in x && zypper cc -a"],
        "zypper clean --all` (hadolint DL3036)",
    ),
    "OS208": (
        "var/cache/pacman/pkg/x.pkg.tar.zst",
        ["pacman -Syu --noconfirm x", "pacman -S x && pacman -Scc --noconfirm"],
        ["pacman -S x && yes | pacman -Scc", "pacman -S x && rm -rf /var/cache/pacman/pkg/*", "pacman -Q"],
        "&& rm -rf /var/cache/pacman/pkg/* /var/lib/pacman/sync/*`.",
    ),
    "OS209": (
        "root/.cache/pip/http/x",
        ["pip install -r requirements.txt", "python3 -m pip install --upgrade pip setuptools wheel", "pip3.12 wheel ."],
        ["pip install --no-cache-dir x", "PIP_NO_CACHE_DIR=1 pip install x", "pip install x && rm -rf ~/.cache", "pipx install x"],
        "`RUN pip install --no-cache-dir -r requirements.txt` (hadolint DL3042)",
    ),
    "OS210": (
        "root/.cache/uv/x",
        ["uv sync --locked", "uv pip install x"],
        ["uv sync --no-cache", "UV_NO_CACHE=1 uv sync", "uv sync && uv cache clean", "uvicorn install"],
        "`RUN uv sync --no-cache --locked`",
    ),
    "OS211": (
        "root/.cache/pypoetry/cache/x",
        ["poetry install --only main"],
        ["poetry install --no-cache", "poetry install && rm -rf ~/.cache", "poetry --version"],
        "`RUN poetry install --only main && rm -rf ~/.cache/pypoetry/cache ~/.cache/pypoetry/artifacts ~/.cache/pipenv",
    ),
    "OS212": (
        "opt/conda/pkgs/x.conda",
        ["micromamba install -y x", "conda env create -f e.yml"],
        ["conda install x && conda clean -afy", "conda info"],
        "`RUN micromamba install -y x && micromamba clean --all --yes`",
    ),
    "OS213": (
        "root/.npm/_cacache/x",
        ["npm ci --omit=dev", "npm i", "npx tsc"],
        ["npm ci && npm cache clean --force", "npm ci && rm -rf ~/.npm", "node x"],
        "`RUN npm ci --omit=dev && npm cache clean --force`",
    ),
    "OS214": (
        "usr/local/share/.cache/yarn/x",
        ["yarn install --frozen-lockfile", "yarn"],
        ["yarn && yarn cache clean", "yarnx install"],
        "`RUN yarn install --frozen-lockfile && yarn cache clean` (hadolint DL3060)",
    ),
    "OS215": (
        "root/.cache/go-build/x",
        ["CGO_ENABLED=0 go build ./...", "go mod download"],
        ["go build . && go clean -cache -modcache", "go version", "cargo build"],
        "&& go clean -cache -modcache`",
    ),
    "OS216": (
        "usr/local/cargo/registry/x",
        ["cargo build --release", "cargo +nightly install x"],
        ["cargo build && rm -rf /usr/local/cargo/registry", "cargo --version"],
        '`RUN cargo build --release && rm -rf "${CARGO_HOME:-$HOME/.cargo}/registry"',
    ),
    "OS217": (
        "usr/local/bundle/cache/x.gem",
        ["gem install rails", "bundle install --jobs 4", "bundle"],
        ["bundle install && rm -rf /usr/local/bundle/cache/*.gem", "gem list", "bundle exec rake"],
        '`RUN gem install rails && rm -rf "$(gem env gemdir)/cache"',
    ),
    "OS218": (
        "root/.composer/cache/x",
        ["composer install --no-dev", "php composer.phar require x"],
        ["composer install --no-cache", "composer install && composer clear-cache", "docker-php-ext-install x"],
        "`RUN composer install --no-cache --no-dev`",
    ),
    "OS219": (
        "root/.nuget/packages/x",
        ["dotnet restore", "dotnet publish -c Release"],
        ["dotnet restore && dotnet nuget locals all --clear", "dotnet --info"],
        "`RUN dotnet restore && dotnet nuget locals all --clear`",
    ),
}  # fmt: skip


def test_every_step_is_tested() -> None:
    """A new step needs cases; ids ascend and none is used twice."""
    assert [step.id for step in TOOL_CACHES] == list(CASES)


@pytest.mark.parametrize("step", TOOL_CACHES, ids=lambda step: step.id)
def test_steps_fit_the_catalogue(step: ToolCache) -> None:
    """The rules a step names are the catalogue's, as sure as it says, and match the file of its cases."""
    catalog = load_catalog()
    rules = {rule.id: rule for rule in catalog.rules}
    assert {rules[rule].confidence for rule in step.rules} == {step.confidence}
    found = match_rows(catalog, table_of([CASES[step.id][0]]))
    assert [catalog.rules[index].id for index in found] == list(step.rules)
    assert bool(step.option) is not bool(step.cleanup)


@pytest.mark.parametrize("step", TOOL_CACHES, ids=lambda step: step.id)
def test_what_steps_leave(step: ToolCache, tmp_path: Path) -> None:
    """A step that leaves files is named with them, and how it is written better; one that cleans up is not."""
    path, leaving, cleaning, fix = CASES[step.id]
    texts = [*leaving, *cleaning, f"{leaving[0]} <<EOF"]
    layers = [{path: f"{number}".encode() * (number + 9)} for number in range(len(texts))]
    for number, text in enumerate(texts):
        analysis = analyze(tmp_path / str(number), [layers[number]], [f"RUN /bin/sh -c {text} # buildkit"])
        left = [each for each in by_id(analysis, "OS2") if each.id < "OS220"]
        found = [(each.id, each.size, each.paths, each.layers) for each in left]
        expected = (step.id, sum(map(len, layers[number].values())), (path,), (0,))
        assert found == ([] if text in cleaning else [expected]), text
        if number == 0:
            assert left[0].confidence is step.confidence
            assert fix in left[0].fix
        assert all(re.match(r"(Change layer 0 to `RUN .*`|In `RUN .*`, (end|use) .*)", each.fix) for each in left)
    assert left[0].fix.startswith("In `RUN ")  # what is read from a here-document cannot be written better


def test_caches_go_environments_stay() -> None:
    """Poetry keeps the environment it installs into beside its cache: neither a cleanup nor a mount may take it along."""
    environment = "~/.cache/pypoetry/virtualenvs/app-py3.12/"
    removed = [word for step in TOOL_CACHES for word in step.cleanup.split() if word.startswith("~")]
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
        ("var/lib/apt/lists/x", "apt-get update", "apt-get install -y c", "end with `&& rm -rf /var/lib/apt/lists/*` (hadolint DL3009)"),
        ("var/cache/apk/x", "apk update", "apk add c", "use apk with --no-cache (hadolint DL3019)"),
        ("root/.nuget/packages/x", "dotnet restore", "dotnet publish --no-restore", "end with `&& dotnet nuget locals all --clear`"),
        ("go/pkg/mod/x", "go mod download", "go build .", "end with `&& go clean -cache -modcache`"),
        ("root/.cargo/registry/x", "cargo fetch", "cargo build --offline", "end with"),
    ],
)  # fmt: skip
def test_what_a_later_step_needs(path: str, first: str, second: str, expected: str, tmp_path: Path) -> None:
    """A step that only fetches must not clean up before the one that uses what it fetched: the two are joined."""
    layers, steps = [{path: b"x"}, {"usr/x": b"y"}], [f"RUN {first}", f"RUN {second}"]
    (found,) = [each for each in by_id(analyze(tmp_path / "two", layers, steps), "OS2") if each.id < "OS220"]
    assert found.fix.startswith(f"Join `RUN {second}`, which may need them, into `RUN {first}`: {expected}")
    (found,) = [each for each in by_id(analyze(tmp_path / "one", layers[:1], steps[:1]), "OS2") if each.id < "OS220"]
    assert found.fix.startswith(f"Change layer 0 to `RUN {first}")


def test_no_rows_no_finding(tmp_path: Path) -> None:
    """A cache mount leaves nothing behind, whatever the text says; and text of other steps proves nothing."""
    analysis = analyze(
        tmp_path,
        [{"usr/bin/x": b"x"}, LISTS, LISTS],
        ["RUN apt-get update && pip install x && npm ci", "COPY apt-get update /", "RUN ./install.sh"],
    )
    assert not [finding for finding in by_id(analysis, "OS2") if finding.id < "OS220"]
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


def test_one_step_carries_all_remedies(tmp_path: Path) -> None:
    """Findings on one step tell the same step written anew, each which others that mends."""
    layers = [{**LISTS, "var/cache/apt/archives/x_1.deb": b"x" * 20, "root/.cache/pip/x": b"y" * 30}]
    analysis = analyze(tmp_path, layers, ["RUN apt-get update && apt-get install -y x && pip install y"])
    whole = (
        "RUN apt-get update && apt-get install -y x && pip install --no-cache-dir y"
        " && rm -rf /var/lib/apt/lists/* && apt-get clean"
    )
    found = by_id(analysis, "OS20")
    assert {each.id for each in found} == {"OS202", "OS203", "OS209"}
    assert all(each.fix.startswith(f"Change layer 0 to `{whole}` (also mends OS20") for each in found)
    (step,) = analysis.advice.steps
    assert (step.layer, step.rewritten.text, step.findings) == (0, whole, tuple(found))
    assert step.saving.size == 495 + 20 + 30


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
    """The finding is as sure as the catalogue is."""
    analysis = analyze(tmp_path, [LISTS], ["RUN apt-get update"])
    assert by_id(analysis, "OS202")[0].confidence is Confidence.SURE
