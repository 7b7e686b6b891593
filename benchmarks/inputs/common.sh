# Sourced by the builders of real images: how an image begins, gets a layer and ends.
#
# Sets: out (absolute folder of the case), root (root filesystem that the next layer is made of).
set -euo pipefail

out=$(mkdir -p "$1" && cd "$1" && pwd)
partial=$out.partial
bundle=$partial/bundle
root=$bundle/rootfs
image=$partial/gzip:app

begin_image() { # an empty image and its empty root filesystem
    rm -rf "$partial"
    mkdir -p "$partial"
    umoci init --layout "$partial/gzip"
    umoci new --image "$image"
    umoci unpack --image "$image" "$bundle"
}

layer() { # layer "instruction": store what changed in the root filesystem as one more layer
    umoci repack --image "$image" --refresh-bundle --history.created_by "$1" "$bundle"
}

end_image() { # move the finished layout to its place; only complete ones get there
    umoci gc --layout "$partial/gzip"
    mv "$partial/gzip" "$out/gzip"
    rm -rf "$partial"
}
