#!/usr/bin/env bash
# A Python service on Debian as its first Dockerfile builds it: apt not cleaned up, pip with a cache, `COPY . .` with a
# repository, tests and a model, compiled modules, a recursive chown, a late `rm -rf`.
#
#   benchmarks/inputs/python-service.sh CASE_FOLDER
#
# Needs root, debootstrap, umoci, git and python3 with pip. Everything is fetched by the machine's own apt and pip
# configuration.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
service=srv/shop

write_context() { # write_context FOLDER: code, tests, a model, vendored packages, credentials and a repository
    PYTHONPATH=$here/plans python3 - "$1" <<'PY'
import sys
from pathlib import Path

import files

context = Path(sys.argv[1])
files.modules(context / "shop", 80)
files.write(context / "shop/main.py", "import fastapi\n\napp = fastapi.FastAPI()\n")
files.modules(context / "tests", 120)
for number in range(40):
    files.write(context / f"tests/data/case{number}.json", files.text(number, 100_000))
for package in range(12):
    files.modules(context / f"vendor/package{package}", 60)
files.write(context / "models/prices.bin", files.data("prices", 40_000_000))
files.write(context / "README.md", files.text("readme", 6_000))
files.repository(context, packs=12_000_000)
files.environment(context / ".env")
PY
}

begin_image

debootstrap --variant=minbase --include=ca-certificates,locales,procps,netbase,tzdata bookworm "$root"
layer "/bin/sh -c #(nop) ADD file:debian-bookworm in / "

packages=(python3 python3-pip build-essential curl)
with_network apt-get update -q
with_network apt-get install -y -q "${packages[@]}"
layer "RUN /bin/sh -c apt-get update && apt-get install -y ${packages[*]} # buildkit"

mkdir -p "$root/$service"
printf '%s\n' pandas scikit-learn fastapi 'uvicorn[standard]' >"$root/$service/requirements.txt"
layer "COPY requirements.txt . # buildkit"

pip_install --requirement "$root/$service/requirements.txt"
layer "RUN /bin/sh -c pip3 install --break-system-packages -r requirements.txt # buildkit"

write_context "$root/$service"
layer "COPY . . # buildkit"

in_root python3 -m compileall -q "/$service/shop"
layer "RUN /bin/sh -c python3 -m compileall -q shop # buildkit"

chown -R 1000:1000 "$root/$service"
layer "RUN /bin/sh -c chown -R 1000:1000 /$service # buildkit"

rm -rf "$root/$service/tests" "$root/root/.cache" "$root/usr/share/doc"
layer "RUN /bin/sh -c rm -rf /$service/tests /root/.cache /usr/share/doc # buildkit"

umoci config --image "$image" --config.env PYTHONUNBUFFERED=1 --config.user 1000 --config.workingdir "/$service" \
    --config.cmd uvicorn --config.cmd shop.main:app
end_image
