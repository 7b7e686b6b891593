#!/usr/bin/env bash
# Make testdata/example.tar: a small OCI archive of real Debian packages, with mistakes people really make.
# Needs root, apt, dpkg, umoci and skopeo. Package versions are those the machine's apt offers.
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
image=$work/layout:example
bundle=$work/bundle
root=$bundle/rootfs

store_layer() { # store_layer "instruction": what changed in the root filesystem becomes a layer
    umoci repack --image "$image" --refresh-bundle --history.created_by "$1" "$bundle"
}
unpack_deb() { dpkg-deb --extract "$1" "$root"; }

umoci init --layout "$work/layout"
umoci new --image "$image"
umoci unpack --image "$image" "$bundle"
(cd "$work" && apt-get download -q busybox-static base-files media-types ca-certificates iana-etc >/dev/null 2>&1 ||
    apt-get download -q busybox-static base-files media-types ca-certificates)
unpack_deb "$work"/base-files_*.deb
unpack_deb "$work"/busybox-static_*.deb
rm -rf "$root"/usr/share/man "$root"/usr/share/doc/*/examples
mkdir -p "$root/bin"
ln -sf busybox "$root/bin/sh"
store_layer "/bin/sh -c #(nop) ADD file:rootfs.tar in / "

mkdir -p "$root/var/cache/apt/archives"
cp "$work"/ca-certificates_*.deb "$work"/media-types_*.deb "$root/var/cache/apt/archives/"
unpack_deb "$work"/ca-certificates_*.deb
unpack_deb "$work"/media-types_*.deb
store_layer "RUN /bin/sh -c apt-get update && apt-get install -y ca-certificates media-types # buildkit"

mkdir -p "$root/app"
cp "$root/etc/mime.types" "$root/app/mime.types"
printf '#!/bin/sh\nexec busybox httpd -f -h /app\n' >"$root/app/serve"
store_layer "COPY . /app # buildkit"

rm -f "$root"/var/cache/apt/archives/*.deb
store_layer "RUN /bin/sh -c rm -f /var/cache/apt/archives/*.deb # buildkit"

chown -R 1000:1000 "$root/app"
chmod 755 "$root/app/serve"
store_layer "RUN /bin/sh -c chown -R 1000:1000 /app && chmod 755 /app/serve # buildkit"

umoci config --image "$image" --config.cmd /app/serve --config.workingdir /app
umoci gc --layout "$work/layout"
rm -f example.tar
skopeo copy --quiet "oci:$image" "oci-archive:example.tar:example"
ls -l example.tar
