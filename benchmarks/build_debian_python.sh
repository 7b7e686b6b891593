#!/usr/bin/env bash
# Build a Debian + Python image of several GB from real packages, with the mistakes people really make:
# apt lists left behind and removed a layer later, a pip cache, a late upgrade, a recursive chown.
#
#   benchmarks/build_debian_python.sh OUT_DIR
#
# Needs root, debootstrap, umoci, skopeo and python3 with pip. Everything is fetched by the machine's own
# apt and pip configuration. Result in OUT_DIR:
#   gzip/            OCI layout, gzip layers (as umoci wrote them), tag "app"
#   zstd/            the same image, zstd layers
#   docker.tar       docker-archive, plain layers
#   oci-gzip.tar     OCI archive of gzip/
set -euo pipefail

out=${1:?usage: build_debian_python.sh OUT_DIR}
mkdir -p "$out"
out=$(cd "$out" && pwd)
bundle=$out/bundle
root=$bundle/rootfs
image=$out/gzip:app

layer() { # layer "instruction": store what changed in the root filesystem as one more layer
    umoci repack --image "$image" --history.created_by "$1" "$bundle"
    rm -rf "$bundle.done" && mv "$bundle" "$bundle.done"
    umoci unpack --image "$image" "$bundle"
    rm -rf "$bundle.done"
}

in_root() { chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"; }

with_network() { # run in the root filesystem with the machine's apt sources and resolver, leaving no trace of them
    cp "$root/etc/apt/sources.list" "$out/sources.saved"
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    in_root "$@"
    rm -f "$root/etc/resolv.conf"
    cp -p "$out/sources.saved" "$root/etc/apt/sources.list"
}

pip_install() { python3 -m pip install --quiet --root "$root" --prefix /usr/local --ignore-installed \
    --cache-dir "$root/root/.cache/pip" --no-warn-script-location "$@"; }

rm -rf "$out/gzip" "$out/zstd" "$bundle"
umoci init --layout "$out/gzip"
umoci new --image "$image"
umoci unpack --image "$image" "$bundle"

debootstrap --variant=minbase bookworm "$root"
layer "/bin/sh -c #(nop) ADD file:debian-bookworm in / "

with_network apt-get update -q
with_network apt-get install -y -q python3 python3-dev build-essential git golang-go
layer "RUN /bin/sh -c apt-get update && apt-get install -y python3 python3-dev build-essential git golang-go # buildkit"

pip_install numpy==1.26.4 pandas scipy scikit-learn matplotlib pyarrow
layer "RUN /bin/sh -c pip install numpy==1.26.4 pandas scipy scikit-learn matplotlib pyarrow # buildkit"

mkdir -p "$root/app"
python3 - "$root/app" <<'PY'
import pathlib, random, sys
rng, app = random.Random(7), pathlib.Path(sys.argv[1])
for n in range(3000):
    path = app / f"pkg{n % 40}" / f"module_{n}.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(f"VALUE_{rng.randrange(10**6)} = {rng.random()}\n" for _ in range(rng.randrange(1, 200))))
PY
layer "COPY . /app # buildkit"

rm -rf "$root/var/lib/apt/lists" "$root"/var/cache/apt/archives/*.deb "$root/root/.cache"
layer "RUN /bin/sh -c rm -rf /var/lib/apt/lists /var/cache/apt/archives/*.deb /root/.cache # buildkit"

pip_install --no-deps --upgrade numpy==1.26.3
layer "RUN /bin/sh -c pip install --upgrade numpy==1.26.3 # buildkit"

chown -R 1000:1000 "$root/app" "$root/usr/local/lib"
layer "RUN /bin/sh -c chown -R 1000:1000 /app /usr/local/lib # buildkit"

umoci config --image "$image" --config.cmd python3 --config.workingdir /app
umoci gc --layout "$out/gzip"
rm -rf "$bundle" "$out/sources.saved"

rm -f "$out/docker.tar" "$out/oci-gzip.tar"
skopeo copy --quiet "oci:$image" "docker-archive:$out/docker.tar:example/app:latest"
skopeo copy --quiet --dest-compress-format zstd "oci:$image" "oci:$out/zstd:app"
skopeo copy --quiet "oci:$image" "oci-archive:$out/oci-gzip.tar:app"
du -sh "$out"/*
