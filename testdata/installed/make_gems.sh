#!/usr/bin/env bash
# Make testdata/installed/gems.json: the specifications of the gems that this machine has, and what `gem list` says of them.
# Made on Debian 12 with its package `ruby`, and two gems that are built here: one of a platform and one of a release candidate.
set -euo pipefail
cd "$(dirname "$0")"
here=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir lib && echo "module Acme; end" >lib/acme.rb
for gem in 's.name="acme-plat"; s.version="2.0"; s.platform="x86_64-linux"' 's.name="acme-2-pure"; s.version="1.2.0.rc1"'; do
    echo "Gem::Specification.new { |s| $gem; s.summary=\"x\"; s.authors=[\"a\"]; s.files=[\"lib/acme.rb\"] }" >one.gemspec
    gem build -q one.gemspec 2>/dev/null
done
export GEM_HOME=$work/home
gem install --local --no-document --quiet ./*.gem >/dev/null
unset GEM_HOME
export GEM_PATH=$work/home:$(gem env gempath)
python3 - "$here/gems.json" "$work" <<'PYTHON'
import json, os, re, subprocess, sys
from pathlib import Path

folders = [Path(folder) for folder in os.environ["GEM_PATH"].split(":")]
folders += [Path(subprocess.run(["gem", "env", "gemdir"], capture_output=True, text=True, check=True).stdout.strip())]
defaults = subprocess.run(["ruby", "-e", "puts Gem.default_dir"], capture_output=True, text=True, check=True).stdout.strip()
folders += [Path(defaults)]
found = {path for folder in folders for path in folder.rglob("*.gemspec")}
files = sorted({str(path).replace(sys.argv[2], "/srv").lstrip("/") for path in found})
listed = []
for line in subprocess.run(["gem", "list", "--local"], capture_output=True, text=True, check=True).stdout.splitlines():
    name, versions = re.fullmatch(r"(\S+) \((.*)\)", line).groups()
    listed += [[name, version.replace("default: ", "").split()[0]] for version in versions.split(", ")]
Path(sys.argv[1]).write_text(f'{{\n"files": {json.dumps(files, indent=0)},\n"listed": {json.dumps(listed)}\n}}\n')
PYTHON
