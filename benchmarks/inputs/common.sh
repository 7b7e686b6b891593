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

in_root() { # in_root COMMAND...: run in the root filesystem
    chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"
}

with_network() { # with_network COMMAND...: run in the root filesystem with the machine's resolver, leaving no trace of it
    cp -p "$root/etc/apt/sources.list" "$partial/sources.saved"
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    in_root "$@"
    rm -f "$root/etc/resolv.conf"
    cp -p "$partial/sources.saved" "$root/etc/apt/sources.list"
}

pip_install() { # pip_install ARGUMENT...: install into /usr/local of the root filesystem by this machine's pip, with a cache
    python3 -m pip install --quiet --root "$root" --prefix /usr/local --ignore-installed \
        --cache-dir "$root/root/.cache/pip" --no-warn-script-location "$@"
}

npm_install() { # npm_install FOLDER ARGUMENT...: add packages to the application in a folder of the root filesystem
    mkdir -p "$root/$1"
    [[ -e $root/$1/package.json ]] || echo '{"name": "app", "version": "1.0.0", "private": true}' >"$root/$1/package.json"
    (cd "$root/$1" && npm install --ignore-scripts --no-audit --no-fund --silent --legacy-peer-deps "${@:2}")
}

end_image() { # move the finished layout to its place; only complete ones get there
    umoci gc --layout "$partial/gzip"
    mv "$partial/gzip" "$out/gzip"
    rm -rf "$partial"
}
