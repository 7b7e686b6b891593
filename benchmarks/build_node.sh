#!/usr/bin/env bash
# Build an image of two Node applications from real npm packages: more than 250,000 small files in few layers.
#
#   benchmarks/build_node.sh OUT_DIR
#
# Needs node, npm, umoci and skopeo; npm installs by the machine's own configuration, without running scripts.
# Result in OUT_DIR: gzip/ (OCI layout, tag "app"), zstd/, docker.tar (plain layers).
set -euo pipefail

out=${1:?usage: build_node.sh OUT_DIR}
mkdir -p "$out"
out=$(cd "$out" && pwd)
bundle=$out/bundle
root=$bundle/rootfs
image=$out/gzip:app

layer() { umoci repack --image "$image" --refresh-bundle --history.created_by "$1" "$bundle"; }
npm_install() { # npm_install FOLDER PACKAGE...
    mkdir -p "$root/$1"
    echo '{"name": "app", "version": "1.0.0", "private": true}' >"$root/$1/package.json"
    (cd "$root/$1" && npm install --ignore-scripts --no-audit --no-fund --silent --legacy-peer-deps "${@:2}")
}

rm -rf "$out/gzip" "$out/zstd" "$bundle"
umoci init --layout "$out/gzip"
umoci new --image "$image"
umoci unpack --image "$image" "$bundle"
mkdir -p "$root/usr/local/bin"
cp -L "$(command -v node)" "$root/usr/local/bin/node"
layer "COPY node /usr/local/bin/ # buildkit"

npm_install srv/web next@14 react@18 react-dom@18 @mui/material@5 @mui/icons-material@5 aws-sdk@2 date-fns@2 lodash \
    lodash-es rxjs@7 typescript@5 googleapis@100 @fortawesome/free-solid-svg-icons @angular/cli@16 @angular/core@16 \
    webpack@5 gatsby@4 @tabler/icons-react core-js@3 @babel/preset-env eslint@8 jest@29 react-icons antd@5 ionicons@7 \
    @carbon/icons-react @primer/octicons-react
layer "RUN /bin/sh -c cd /srv/web && npm ci # buildkit"

npm_install srv/admin @material-ui/icons@4 @material-ui/core@4 react@17 react-dom@17 @fluentui/react-icons @elastic/eui \
    date-fns@3 googleapis@92 @ant-design/icons core-js@3 rxjs@6 three vite@5 typescript@4
layer "RUN /bin/sh -c cd /srv/admin && npm ci # buildkit"

find "$root/srv" -name '*.md' -delete
layer "RUN /bin/sh -c find /srv -name '*.md' -delete # buildkit"

umoci gc --layout "$out/gzip"
rm -rf "$bundle" "$out/docker.tar"
skopeo copy --quiet "oci:$image" "docker-archive:$out/docker.tar:example/node:latest"
skopeo copy --quiet --dest-compress-format zstd "oci:$image" "oci:$out/zstd:app"
du -sh "$out"/*
