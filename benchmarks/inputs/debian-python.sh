#!/usr/bin/env bash
# A Debian + Python image of several GB from real packages, with common mistakes: apt lists left
# behind and removed a layer later, a pip cache, a late upgrade, a recursive chown.
#
#   benchmarks/inputs/debian-python.sh CASE_FOLDER
#
# Needs root, debootstrap, umoci and python3 with pip. Everything is fetched by the machine's own apt and pip
# configuration.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

write_application() { # 3,000 small modules
    python3 - "$1" <<'PY'
import pathlib, random, sys
rng, app = random.Random(7), pathlib.Path(sys.argv[1])
for n in range(3000):
    path = app / f"pkg{n % 40}" / f"module_{n}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"VALUE_{rng.randrange(10**6)} = {rng.random()}\n" for _ in range(rng.randrange(1, 200))))
PY
}

begin_image

debootstrap --variant=minbase bookworm "$root"
layer "/bin/sh -c #(nop) ADD file:debian-bookworm in / "

packages=(python3 python3-dev build-essential git golang-go)
with_network apt-get update -q
with_network apt-get install -y -q "${packages[@]}"
layer "RUN /bin/sh -c apt-get update && apt-get install -y ${packages[*]} # buildkit"

pip_install numpy==1.26.4 pandas scipy scikit-learn matplotlib pyarrow
layer "RUN /bin/sh -c pip install numpy==1.26.4 pandas scipy scikit-learn matplotlib pyarrow # buildkit"

write_application "$root/app"
layer "COPY . /app # buildkit"

rm -rf "$root/var/lib/apt/lists" "$root"/var/cache/apt/archives/*.deb "$root/root/.cache"
layer "RUN /bin/sh -c rm -rf /var/lib/apt/lists /var/cache/apt/archives/*.deb /root/.cache # buildkit"

pip_install --no-deps --upgrade numpy==1.26.3
layer "RUN /bin/sh -c pip install --upgrade numpy==1.26.3 # buildkit"

chown -R 1000:1000 "$root/app" "$root/usr/local/lib"
layer "RUN /bin/sh -c chown -R 1000:1000 /app /usr/local/lib # buildkit"

umoci config --image "$image" --config.cmd python3 --config.workingdir /app
end_image
