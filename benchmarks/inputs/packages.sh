#!/usr/bin/env bash
# Packages of several managers on Debian: compilers, Ruby and PHP from apt, distributions from pip in two environments, an
# application of npm with its packages for development. 2.2 GB.
#
#   benchmarks/inputs/packages.sh CASE_FOLDER
#
# Needs root, debootstrap, node, npm, umoci and python3 with pip. Everything is fetched by the machine's own apt, pip and npm
# configuration; npm runs no scripts.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

begin_image

debootstrap --variant=minbase bookworm "$root"
layer "/bin/sh -c #(nop) ADD file:debian-bookworm in / "

packages=(python3 python3-dev python3-yaml gcc git ruby composer nodejs npm)
with_network apt-get update -q
with_network apt-get install -y -q "${packages[@]}"
layer "RUN /bin/sh -c apt-get update && apt-get install -y ${packages[*]} # buildkit"

distributions=(numpy pandas scipy scikit-learn pyarrow botocore flask)
python3 -m pip install --quiet --root "$root" --prefix /usr/local --ignore-installed --no-cache-dir \
    --no-warn-script-location "${distributions[@]}"
layer "RUN /bin/sh -c pip3 install --no-cache-dir ${distributions[*]} # buildkit"

npm_install app express next@14 react@18 react-dom@18
npm_install app --save-dev typescript@5 eslint@8 jest@29
layer "RUN /bin/sh -c cd /app && npm ci # buildkit"

python3 -m pip install --quiet --target "$root/opt/venv/lib/python3.11/site-packages" --no-cache-dir 'numpy<2' 'requests<2.32'
layer "RUN /bin/sh -c /opt/venv/bin/pip install 'numpy<2' 'requests<2.32' # buildkit"

umoci config --image "$image" --config.workingdir /app --config.cmd node --config.cmd server.js
end_image
