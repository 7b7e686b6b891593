#!/usr/bin/env bash
# Make the other forms of an image from its OCI layout; forms that exist are kept.
#
#   benchmarks/inputs/forms.sh CASE_FOLDER
#
# Needs skopeo. From gzip/: docker.tar (docker-archive, plain layers), docker-gzip.tar (docker-archive, gzip layers),
# zstd/ (OCI layout, zstd layers).
set -euo pipefail

out=$(cd "$1" && pwd)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source=oci:$out/gzip:app
name=example/$(basename "$out"):latest

if [[ ! -e $out/docker.tar ]]; then
    rm -f "$out/docker.tar.partial"
    skopeo copy --quiet "$source" "docker-archive:$out/docker.tar.partial:$name"
    mv "$out/docker.tar.partial" "$out/docker.tar"
fi
if [[ ! -e $out/docker-gzip.tar ]]; then
    python3 "$here/../generate.py" "$out/gzip" --repack "$out/docker-gzip.tar"
fi
if [[ ! -e $out/zstd ]]; then
    rm -rf "$out/zstd.partial"
    skopeo copy --quiet --dest-compress-format zstd "$source" "oci:$out/zstd.partial:app"
    mv "$out/zstd.partial" "$out/zstd"
fi
