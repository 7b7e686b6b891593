"""Packages for development: which rows, which sizes, how safe, which fix."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.advice import analyze, by_id
from tests.images import DIR, Entries, Entry, Hard, Link

ID = "OS222"
CI = "RUN /bin/sh -c npm ci # buildkit"
COPY = "COPY package.json /app/ # buildkit"
LOCK = "node_modules/.package-lock.json"
DEV: dict[str, Any] = {"dev": True}
PACKAGES: dict[str, dict[str, Any]] = {
    "node_modules/express": {"version": "4.0.0"},
    "node_modules/typescript": {"version": "5.9.3", "dev": True, "bin": {"tsc": "bin/tsc"}},
    "node_modules/@types/node": {"version": "20.0.0", "dev": True},
    "node_modules/typescript/node_modules/debug": {"version": "1.0.0"},
    "node_modules/both": {"version": "1.0.0", "devOptional": True},
}


def manifest(version: str) -> bytes:
    return json.dumps({"name": "x", "version": version}).encode()


def project(
    packages: Mapping[str, Mapping[str, Any]] = PACKAGES, directory: str = "app/", version: Any = 3, scripts: Any = None
) -> dict[str, Entry]:
    """The files of an installed project: each package has its package.json and an index.js of 1,000 bytes."""
    lock = {"name": "app", "lockfileVersion": version, "requires": True, "packages": packages}
    files: dict[str, Entry] = {
        f"{directory}package.json": json.dumps({"name": "app", "scripts": scripts or {}}).encode(),
        f"{directory}node_modules": DIR,
        f"{directory}{LOCK}": json.dumps(lock).encode(),
    }
    for path, package in packages.items():
        files[f"{directory}{path}/package.json"] = manifest(package["version"])
        files[f"{directory}{path}/lib/index.js"] = path.encode().ljust(1000, b".")
    return files


def size_of(files: Mapping[str, Entry], *roots: str) -> int:
    return sum(
        len(entry)
        for path, entry in files.items()
        if isinstance(entry, bytes) and path.startswith(tuple(f"{r}/" for r in roots))
    )


def test_the_files_of_development_packages(tmp_path: Path) -> None:
    """The files below the roots; a package within a development package has its own files."""
    files = project()
    (finding,) = by_id(analyze(tmp_path, [files], [CI]), ID)
    nested = "app/node_modules/typescript/node_modules/debug"
    assert finding.size == size_of(files, "app/node_modules/typescript", "app/node_modules/@types/node") - size_of(
        files, nested
    )
    assert finding.path_count == 4
    assert finding.title == (
        "development packages in /app/node_modules (2 of 5 packages, such as @types/node, typescript): 4 files"
    )
    assert finding.confidence.value == "probably"
    assert finding.category.value == "development"
    assert finding.fix == "Change the command to `npm ci --omit=dev`."


def test_projects_are_found_anywhere_and_in_every_form(tmp_path: Path) -> None:
    """In the root, below ./, in long paths, several in one image; compressed layers as layers in place."""
    layers = [{**project(directory="./"), **project(directory="srv/" + "long/" * 30), **project(version=2)}]
    plain = by_id(analyze(tmp_path / "plain", layers, [CI], compression="plain"), ID)
    streamed = by_id(analyze(tmp_path / "gzip", layers, [CI], compression="gzip"), ID)
    assert sorted(finding.title for finding in plain) == sorted(finding.title for finding in streamed)
    assert [finding.size for finding in plain] == [finding.size for finding in streamed] == 3 * [plain[0].size]


def missing(files: dict[str, Entry], part: str) -> dict[str, Entry]:
    return {path: entry for path, entry in files.items() if part not in path}


FILES = project()
ROOT = "app/node_modules/"
STALE: dict[str, dict[str, Entry]] = {
    "no lock": missing(FILES, ".package-lock"),
    "lock of version 1": project(version=1),
    "a package is missing": missing(FILES, "express"),
    "a development package is missing": missing(FILES, "typescript/package.json"),
    "another version": {**FILES, ROOT + "express/package.json": manifest("4.0.1")},
    "another version of a development package": {**FILES, ROOT + "typescript/package.json": manifest("5.9.4")},
    "package.json is a link": {**FILES, ROOT + "express/package.json": Link("x")},
    "package.json is a hard link": {**FILES, ROOT + "express/package.json": Hard("app/package.json")},
    "package.json is no JSON": {**FILES, ROOT + "express/package.json": b"{"},
    "package.json is too large": {**FILES, ROOT + "express/package.json": manifest("4.0.0") + b" " * (1 << 18)},
    "a package beside them": {**FILES, ROOT + "lodash/package.json": manifest("1.0.0")},
    "a scoped package beside them": {**FILES, ROOT + "@types/react/package.json": manifest("1.0.0")},
    "a package within another": {**FILES, ROOT + "express/node_modules/qs/package.json": manifest("1.0.0")},
    "yarn 1": {**FILES, ROOT + ".yarn-integrity": b"{}"},
    "yarn 4": {**FILES, ROOT + ".yarn-state.yml": b""},
    "pnpm": {**FILES, ROOT + ".modules.yaml": b""},
    "no development packages": project({"node_modules/express": {"version": "4.0.0"}}),
    "the lock is a link": {**FILES, "app/" + LOCK: Link("../package-lock.json")},
    "the lock of a package's tests": {f"app/node_modules/x/test/{path}": entry for path, entry in FILES.items()},
}


@pytest.mark.parametrize("name", STALE)
def test_no_claim_without_a_current_lock(tmp_path: Path, name: str) -> None:
    """Where lock and files disagree, the lock says nothing about the files."""
    assert not by_id(analyze(tmp_path, [STALE[name]], [CI]), ID)


@pytest.mark.parametrize(
    "extra",
    [
        {ROOT + "express/test/node_modules/fixture/package.json": manifest("1.0.0")},
        {ROOT + ".cache/x/package.json": manifest("1.0.0")},
        {"app/client/node_modules/react/package.json": manifest("1.0.0")},
        {"other/node_modules/react/package.json": manifest("1.0.0"), "other/node_modules/.yarn-integrity": b""},
    ],
)
def test_files_that_say_nothing_about_the_lock(tmp_path: Path, extra: dict[str, Entry]) -> None:
    """Test data of packages, caches and other projects are no packages of the project."""
    assert by_id(analyze(tmp_path, [{**FILES, **extra}], [CI]), ID)


def test_an_optional_package_may_be_missing(tmp_path: Path) -> None:
    """npm leaves out optional packages for other systems, and steps remove them."""
    packages = {**PACKAGES, "node_modules/fsevents": {"version": "2.0.0", "dev": True, "optional": True}}
    assert by_id(analyze(tmp_path, [missing(project(packages), "fsevents/")], [CI]), ID)


def test_later_layers_decide(tmp_path: Path) -> None:
    """The visible state counts: a later prune, another version, and a package that is added or removed."""
    pruned = project({"node_modules/express": {"version": "4.0.0"}})
    gone: dict[str, Entry] = {"app/node_modules/.wh.typescript": b"", "app/node_modules/.wh.@types": b""}
    steps = [CI, "RUN /bin/sh -c npm prune --omit=dev # buildkit"]
    added: dict[str, Entry] = {ROOT + "qs/package.json": manifest("1.0.0")}
    for number, upper in enumerate([{**pruned, **gone}, gone, added]):
        assert not by_id(analyze(tmp_path / str(number), [FILES, upper], steps), ID)
    lower = {**FILES, ROOT + "typescript/package.json": manifest("5.0.0")}
    (finding,) = by_id(analyze(tmp_path / "again", [lower, FILES], [CI, CI]), ID)
    assert finding.layers == (0, 1)


def test_layers_that_store_the_packages_again(tmp_path: Path) -> None:
    """The copies of chown -R are waste; together the findings have each byte once."""
    advice = analyze(tmp_path, [FILES, FILES], [CI, "RUN /bin/sh -c chown -R app /app # buildkit"])
    (finding,) = by_id(advice, ID)
    (again,) = by_id(advice, "OS102")
    assert finding.size < again.size == size_of(FILES, "app")
    assert finding.layers == (0, 1)
    assert finding.fix == "Change the command to `npm ci --omit=dev`."


@pytest.mark.parametrize(("place", "freed"), [(ROOT + "typescript/bin/tsc", True), (ROOT + "express/tsc", False)])
def test_hard_links_to_development_packages(tmp_path: Path, place: str, freed: bool) -> None:
    """esbuild links its program into a second package. A link from elsewhere keeps the bytes."""
    program = ROOT + "@types/node/program"
    files: dict[str, Entry] = {**FILES, program: b"x" * 5000, place: Hard(program)}
    (without,) = by_id(analyze(tmp_path / "without", [FILES], [CI]), ID)
    (finding,) = by_id(analyze(tmp_path / "with", [files], [CI]), ID)
    assert finding.size - without.size == 5000 * freed


USERS = [
    ("RUN /bin/sh -c npm ci && npm run build # buildkit", [], {}, {}, "`npm run build` in the same step"),
    (CI, ["RUN /bin/sh -c npx webpack # buildkit"], {}, {}, "`npx webpack` in layer 1"),
    (CI, ["RUN /bin/sh -c npm prune --omit=dev # buildkit"], {}, {}, "`npm prune --omit=dev` in layer 1"),
    (CI, ["RUN /bin/sh -c ./build.sh # buildkit"], {}, {}, "`./build.sh` in layer 1"),
    (CI, [], {"Cmd": ["npx", "tsc", "--watch"]}, {}, "The container's command `npx tsc --watch`"),
    (CI, [], {"Entrypoint": ["node", "-r", "typescript/register"]}, {}, "The container's command `node -r typescript/register`"),
    (CI, [], {"Entrypoint": ["npm"], "Cmd": ["start"]}, {"start": "npm run x", "prex": "tsc"}, "The container's command `npm start`"),
    (CI, [], {}, {"prepare": "tsc -p ."}, "The script `prepare` of package.json, which npm runs after it installs,"),
]  # fmt: skip


@pytest.mark.parametrize(("step", "later", "config", "scripts", "user"), USERS)
def test_what_may_use_the_packages(
    tmp_path: Path, step: str, later: list[str], config: dict[str, Any], scripts: dict[str, str], user: str
) -> None:
    """A step after the installation, the container and scripts of npm may need the packages: the author is asked."""
    layers: list[Entries] = [project(scripts=scripts), *[{"x": b"x"} for _ in later]]
    (finding,) = by_id(analyze(tmp_path, layers, [step, *later], config=config), ID)
    assert finding.confidence.value == "ask"
    assert finding.fix.endswith(f"{user} may use them. If it does, build in a separate stage.")


@pytest.mark.parametrize(
    ("step", "later", "config", "scripts"),
    [
        ("RUN /bin/sh -c cd /app && npm ci && npm cache clean --force && rm -rf /tmp/x # buildkit", [], {}, {}),
        (CI, ["RUN /bin/sh -c chown -R app /app && mkdir /data # buildkit", "COPY . /app # buildkit"], {}, {}),
        (CI, ["RUN /bin/sh -c /opt/venv/bin/pip install flask && python3 -m pip check # buildkit"], {}, {}),
        (CI, [], {"Cmd": ["node", "server.js"]}, {"build": "tsc", "test": "tsc", "prepublishOnly": "tsc"}),
        (CI, [], {"Cmd": ["npm", "start"]}, {"start": "node server.js", "build": "tsc"}),
    ],
)
def test_what_does_not_use_the_packages(
    tmp_path: Path, step: str, later: list[str], config: dict[str, Any], scripts: dict[str, str]
) -> None:
    """Steps that only arrange files, and scripts that nothing runs."""
    layers: list[Entries] = [project(scripts=scripts), *[{"x": b"x"} for _ in later]]
    (finding,) = by_id(analyze(tmp_path, layers, [step, *later], config=config), ID)
    assert finding.confidence.value == "probably"
    assert "npm ci --omit=dev" in finding.fix


@pytest.mark.parametrize(
    ("step", "fix"),
    [
        ("COPY . /app # buildkit", "Add node_modules to .dockerignore, so that `COPY . /app` omits it, and run `npm ci --omit=dev` in the image."),
        ("COPY node_modules ./node_modules # buildkit", "Run `npm ci --omit=dev` before `COPY node_modules ./node_modules`, or in the image instead of it."),
        ("/bin/sh -c #(nop) COPY dir:0123456789abcdef in /app/node_modules ", "Run `npm ci --omit=dev` before `COPY … /app/node_modules`, or in the image instead of it."),
        ("COPY --from=build /app /app # buildkit", "In the stage that `COPY --from=build /app /app` copies from, run `npm prune --omit=dev` after the build."),
        ("", "Use `npm ci --omit=dev` where `layer 0` installs them."),
        ("RUN /bin/sh -c npm ci --include=dev # buildkit", "Use `npm ci --omit=dev` in `RUN npm ci --include=dev`."),
    ],
)  # fmt: skip
def test_fixes_by_step(tmp_path: Path, step: str, fix: str) -> None:
    """Where the packages come from decides what to do."""
    (finding,) = by_id(analyze(tmp_path, [FILES], [step]), ID)
    assert finding.fix == fix


COMPOSER_ID = "OS224"
COMPOSER_STEP = "RUN /bin/sh -c composer install # buildkit"
INSTALLED: dict[str, Any] = {
    "packages": [
        {"name": "monolog/monolog", "version": "3.0.0", "install-path": "../monolog/monolog"},
        {"name": "phpunit/phpunit", "version": "10.0.0", "install-path": "../phpunit/phpunit"},
        {"name": "composer/semver", "version": "3.0.0", "install-path": "./semver"},
        {"name": "phpunit/php-inner", "version": "3.0.0", "install-path": "../phpunit/phpunit/inner"},
        {"name": "meta/package", "version": "1.0.0", "install-path": None},
        {"name": "wp/plugin", "version": "1.0.0", "install-path": "../../plugins/x"},
    ],
    "dev": True,
    "dev-package-names": ["phpunit/phpunit", "composer/semver", "meta/package", "wp/plugin"],
}


def vendor(installed: Any = None, directory: str = "app/vendor/") -> dict[str, Entry]:
    """The files of an installed composer project."""
    content = installed if isinstance(installed, bytes) else json.dumps(installed or INSTALLED).encode()
    names = ("monolog/monolog", "phpunit/phpunit", "composer/semver", "phpunit/phpunit/inner")
    return {
        f"{directory}composer/installed.json": content,
        f"{directory}composer/ClassLoader.php": b"c" * 700,
        f"{directory}../plugins/x/plugin.php": b"p" * 600,
        **{f"{directory}{name}/src/file.php": name.encode().ljust(1000, b".") for name in names},
    }


@pytest.mark.parametrize("directory", ["app/vendor/", "./vendor/", "srv/" + "long/" * 30 + "vendor/"])
def test_development_packages_of_composer(tmp_path: Path, directory: str) -> None:
    """The files below the roots of the packages in vendor that the file names."""
    (finding,) = by_id(analyze(tmp_path, [vendor(directory=directory)], [COMPOSER_STEP]), COMPOSER_ID)
    where = f"/{directory.removeprefix('./')}".rstrip("/")
    assert finding.title == (
        f"development packages in {where} (2 of 4 packages, such as composer/semver, phpunit/phpunit): 2 files"
    )
    assert (finding.size, finding.confidence.value) == (2000, "probably")
    assert finding.fix == "Change the command to `composer install --no-dev`."


@pytest.mark.parametrize(
    "installed",
    [
        {**INSTALLED, "dev": False}, {**INSTALLED, "dev": 1}, {**INSTALLED, "dev-package-names": []},
        {**INSTALLED, "dev-package-names": "phpunit/phpunit"}, {**INSTALLED, "dev-package-names": [1]},
        {**INSTALLED, "packages": {}}, {**INSTALLED, "packages": [[]]}, {**INSTALLED, "packages": [{"name": 1}]},
        {**INSTALLED, "packages": [*INSTALLED["packages"], {"name": "a/b", "install-path": "../a/b"}]},
        {**INSTALLED, "packages": [{"name": "a/b", "install-path": 7}]}, [], INSTALLED["packages"], b"", b"[" * 200_000,
        b"\xff", b'{"dev": true, "dev": true}',
    ],
)  # fmt: skip
def test_no_claim_without_a_current_list_of_composer(tmp_path: Path, installed: Any) -> None:
    """Documents that name no development packages, disagree with the files, or are none."""
    content = installed if isinstance(installed, bytes) else json.dumps(installed).encode()
    assert not by_id(analyze(tmp_path, [vendor(content)], [COMPOSER_STEP]), COMPOSER_ID)


def test_a_step_that_runs_the_program_may_use_composer_packages(tmp_path: Path) -> None:
    """What runs after the installation may use the packages."""
    step = "RUN /bin/sh -c composer install && php artisan config:cache # buildkit"
    (finding,) = by_id(analyze(tmp_path, [vendor()], [step]), COMPOSER_ID)
    assert finding.confidence.value == "ask"


@pytest.mark.parametrize(
    ("command", "is_development"),
    [
        ("pip install -r requirements-dev.txt", True), ("pip3 install --no-cache-dir -r dev-requirements.txt", True),
        ("python -m pip install -r requirements/dev.txt", True), ("pip install --requirement=/app/test-requirements.txt", True),
        ("uv pip install -rrequirements_test.in", True), ("pip install -e '.[dev]'", True), ("pip install .[docs,test]", True),
        ("pip install /app[dev]", True), ("poetry install --no-root", True), ("/opt/venv/bin/poetry -n install", True),
        ("pipenv install --system --dev", True), ("pipenv sync -d", True),
        ("pip install -r requirements.txt", False), ("pip install -r requirements/prod.txt", False), ("pip install .", False),
        ("pip install uvicorn[dev]", False), ("pip install .[prod]", False), ("pip download -r requirements-dev.txt", False),
        ("poetry install --only main", False), ("poetry install --without=dev", False), ("poetry install --no-dev", False),
        ("poetry config virtualenvs.create false", False), ("pipenv install --system", False), ("pip install poetry", False),
        ("cat requirements-dev.txt", False), ("apt-get install -y python3-pip", False),
    ],
)  # fmt: skip
def test_steps_that_install_python_packages_for_development(tmp_path: Path, command: str, is_development: bool) -> None:
    """A remark without bytes, by the words of the command."""
    findings = by_id(analyze(tmp_path, [{"x": b"x" * 1000}], [f"RUN /bin/sh -c cd /app && {command} # buildkit"]), "OS223")
    assert len(findings) == is_development
    for finding in findings:
        assert finding.title == f"Python development packages installed in layer 0: {command}"
        assert (finding.size, finding.layers, finding.confidence.value) == (0, (0,), "ask")


def test_commands_of_any_length_take_linear_time(tmp_path: Path) -> None:
    """A command may have a megabyte."""
    commands = [" ".join([word] * 100_000) for word in ("pip", "install", "npm", "composer", "-r", "poetry install x")]
    commands += ["pip install ." + "[" * 100_000, "pip install .[" + "dev," * 100_000, "npm " + "-x " * 100_000 + "run"]
    for number, command in enumerate(commands):
        analyze(tmp_path / str(number), [{**FILES, **vendor()}], [f"RUN /bin/sh -c {command} # buildkit"])
