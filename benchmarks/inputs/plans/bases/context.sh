#!/usr/bin/env bash
# Gather the context that the Dockerfiles of the bases share: a root filesystem, busybox, node and npm of this machine.
#
#   benchmarks/inputs/plans/bases/context.sh FOLDER
#
# Needs busybox-static, node and npm besides what debian.sh needs.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=$1
partial=$folder.partial
rm -rf "$partial" && mkdir -p "$partial"
"$here/debian.sh" "$partial/rootfs"
tar --numeric-owner --sort=name -C "$partial/rootfs" -cf "$partial/rootfs.tar" .
rm -rf "$partial/rootfs"
cp /usr/bin/busybox "$here/clean.conf" "$partial/"
cp --dereference "$(command -v node)" "$partial/node"
cp -r "$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")" "$partial/npm"
mv "$partial" "$folder"
