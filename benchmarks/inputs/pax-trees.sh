#!/usr/bin/env bash
# Trees of apt, pip and npm packed by Python's tarfile, which writes a PAX header with the time before every entry.
#
#   benchmarks/inputs/pax-trees.sh CASE_FOLDER
#
# Needs root, debootstrap, umoci, npm and python3 with pip. Everything is fetched by the machine's own apt, pip and npm
# configuration; npm runs no scripts.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
trees=$partial/trees # one for each layer

rm -rf "$partial"
mkdir -p "$trees"/{apt,pip,web,admin,app}

root=$trees/apt
debootstrap --variant=minbase bookworm "$root"
with_network apt-get update -q
with_network apt-get install -y -q python3 python3-dev build-essential git golang-go

root=$trees/pip
pip_install numpy pandas scipy scikit-learn matplotlib pyarrow

root=$trees/web
npm_install srv/web next@14 react@18 react-dom@18 @mui/material@5 @mui/icons-material@5 date-fns@2 lodash rxjs@7 typescript@5
root=$trees/admin
npm_install srv/admin antd@5 react@18 react-dom@18 webpack@5 jest@29 eslint@8 core-js@3 date-fns@3

PYTHONPATH=$here/plans python3 - "$trees/app" <<'PY'
import sys
from pathlib import Path

import files

files.modules(Path(sys.argv[1]) / "srv/api", 1500)
PY

mkdir "$partial/case"
python3 "$here/pack.py" "$partial/case" \
    "$trees/apt=ADD rootfs.tar /" "$trees/pip=RUN pip install numpy pandas scipy scikit-learn matplotlib pyarrow" \
    "$trees/web=COPY web /srv/web" "$trees/admin=COPY admin /srv/admin" "$trees/app=COPY . /srv/api"
mv "$partial"/case/* "$out/"
rm -rf "$partial"
