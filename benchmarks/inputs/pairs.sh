#!/usr/bin/env bash
# Builds of one Debian + Python image to compare: as it was, with one package more, on a newer base, with `chown -R`.
#
#   benchmarks/inputs/pairs.sh CASE_FOLDER
#
# Makes the OCI layout CASE_FOLDER/gzip with the tags before, package, base and chown. Steps behind the first changed
# one run again, as a builder does that finds them no longer in its cache. Needs root, debootstrap, umoci and python3
# with pip. Everything is fetched by the machine's own apt and pip configuration.
# shellcheck source-path=SCRIPTDIR disable=SC1091,SC2154
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

tagged() { # tagged NAME: the next steps are for this tag, in its own bundle
    image=$partial/gzip:$1
    bundle=$partial/bundle-$1
    root=$bundle/rootfs
}

start_from_nothing() { # start_from_nothing NAME
    tagged "$1"
    umoci new --image "$image"
    umoci unpack --image "$image" "$bundle"
}

start_from() { # start_from TAG NAME
    umoci tag --image "$partial/gzip:$1" "$2"
    tagged "$2"
    umoci unpack --image "$image" "$bundle"
}

in_root() { chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"; }

with_network() { # run a shell line in the root filesystem with the machine's resolver, leaving no trace of it
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    in_root sh -euc "$1"
    rm -f "$root/etc/resolv.conf"
}

install_packages() { # install_packages NAME...
    local line="apt-get update && apt-get install -y --no-install-recommends $* && rm -rf /var/lib/apt/lists/*"
    with_network "$line && apt-get clean"
    layer "RUN /bin/sh -c $line # buildkit"
}

install_libraries() {
    python3 -m pip install --quiet --root "$root" --prefix /usr/local --ignore-installed --cache-dir "$out/pip-cache" \
        --no-warn-script-location numpy==1.26.4 pandas==2.2.2
    layer "RUN /bin/sh -c pip install --no-cache-dir numpy==1.26.4 pandas==2.2.2 # buildkit"
}

copy_application() { # 1,000 small modules, whose times come with them
    python3 - "$root/app" <<'PY'
import os, pathlib, random, sys
rng, app = random.Random(7), pathlib.Path(sys.argv[1])
for n in range(1000):
    path = app / f"pkg{n % 40}" / f"module_{n}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"VALUE_{rng.randrange(10**6)} = {rng.random()}\n" for _ in range(rng.randrange(1, 200))))
for path in [app, *app.rglob("*")]:
    os.utime(path, (1_700_000_000, 1_700_000_000))
PY
    layer "COPY . /app # buildkit"
}

rm -rf "$partial" && mkdir -p "$partial"
umoci init --layout "$partial/gzip"

start_from_nothing before
debootstrap --variant=minbase bookworm "$root"
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
layer "/bin/sh -c #(nop) ADD file:debian-bookworm in / "
umoci tag --image "$image" bare
install_packages python3
install_libraries
copy_application

umoci tag --image "$image" chown # goes on in the bundle of before
image=$partial/gzip:chown
chown -R 1000:1000 "$root/app" "$root/usr/local"
layer "RUN /bin/sh -c chown -R 1000:1000 /app /usr/local # buildkit"
rm -rf "$bundle"

start_from bare package
install_packages python3 git
install_libraries
copy_application
rm -rf "$bundle"

start_from bare newer
sed 's/ bookworm / bookworm-security /; s|/debian|/debian-security|' "$root/etc/apt/sources.list" >"$partial/security.list"
cat "$partial/security.list" >>"$root/etc/apt/sources.list"
with_network "apt-get update && apt-get dist-upgrade -y && apt-get clean && rm -rf /var/lib/apt/lists/*"
newer=$root
start_from_nothing base
cp -a "$newer/." "$root/"
layer "/bin/sh -c #(nop) ADD file:debian-bookworm-upgraded in / "
install_packages python3
install_libraries
copy_application

umoci rm --image "$partial/gzip:bare"
umoci rm --image "$partial/gzip:newer"
rm -rf "$out/pip-cache"
umoci gc --layout "$partial/gzip"
rm -rf "$out/gzip"
mv "$partial/gzip" "$out/gzip"
rm -rf "$partial"
