#!/usr/bin/env bash
# Make testdata/installed/{npm,pnpm,yarn}.json: what a scan keeps of a real project that each tool has installed, and the
# packages that the tool itself lists. Needs node, npm and a registry. Fields that nothing reads are left out.
set -euo pipefail
cd "$(dirname "$0")"
here=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir "$work"/{tools,npm,pnpm,yarn}
(cd "$work/tools" && npm install --no-audit --no-fund --silent pnpm@9 @yarnpkg/cli-dist@4)
pnpm=$work/tools/node_modules/.bin/pnpm
yarn="node $work/tools/node_modules/@yarnpkg/cli-dist/bin/yarn.js"
for tool in npm pnpm yarn; do
    cat >"$work/$tool/package.json" <<'JSON'
{"name": "shop", "version": "1.0.0", "private": true,
 "dependencies": {"@babel/code-frame": "7.26.2", "send": "0.19.0", "semver": "7.6.3", "wrap-ansi-cjs": "npm:wrap-ansi@7.0.0"},
 "devDependencies": {"nodemon": "3.1.9"}}
JSON
done
(cd "$work/npm" && npm install --no-audit --no-fund --silent && npm ls --all --json >"$work/npm.listed")
(cd "$work/pnpm" && "$pnpm" install --silent && "$pnpm" ls --depth Infinity --json >"$work/pnpm.listed")
printf 'enableGlobalCache: false\nenableTelemetry: false\n' >"$work/yarn/.yarnrc.yml"
(cd "$work/yarn" && touch yarn.lock && $yarn install >/dev/null && $yarn info --all --recursive --json >"$work/yarn.listed")

python3 - "$work" "$here" <<'PYTHON'
import json, os, sys
from pathlib import Path

work, here = map(Path, sys.argv[1:])
FIELDS = ("name", "version", "license", "author", "dependencies", "optionalDependencies", "peerDependencies",
          "peerDependenciesMeta", "devDependencies", "dev", "optional", "devOptional", "bin", "lockfileVersion")
NAMES_ALONE = (".zip", ".modules.yaml", ".pnp.cjs", ".yarn-state.yml", ".yarn-integrity")


def brief(document):
    found = {name: document[name] for name in FIELDS if name in document}
    if "packages" in document:
        found["packages"] = {path: brief(package) for path, package in document["packages"].items()}
    return found


def walk(tree):
    for key in ("dependencies", "devDependencies", "optionalDependencies"):
        for name, package in tree.get(key, {}).items():
            if "version" in package:
                yield [package.get("from", name), package["version"]]
                yield from walk(package)


def listed(tool):
    text = (work / f"{tool}.listed").read_text()
    if tool == "yarn":
        values = (json.loads(line)["value"] for line in text.splitlines())
        return [value.rsplit("@npm:", 1) for value in values if "@npm:" in value]
    document = json.loads(text)
    return list(walk(document[0] if isinstance(document, list) else document))


for tool in ("npm", "pnpm", "yarn"):
    files = {}
    for path in sorted((work / tool).rglob("*")):
        name = path.relative_to(work / tool).as_posix()
        if path.is_symlink() or not path.is_file() or any(parent.is_symlink() for parent in path.parents):
            continue
        if path.name in ("package.json", ".package-lock.json"):
            files[name] = brief(json.loads(path.read_text()))
        elif path.name.endswith(NAMES_ALONE):
            files[name] = None
    packages = sorted({tuple(package) for package in listed(tool)})
    lines = ",\n".join(f"    {json.dumps(name)}: {json.dumps(content)}" for name, content in files.items())
    text = f'{{\n  "files": {{\n{lines}\n  }},\n  "listed": {json.dumps(packages)}\n}}\n'
    (here / f"{tool}.json").write_text(text)
PYTHON
