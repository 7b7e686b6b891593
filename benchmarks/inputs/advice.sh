#!/usr/bin/env bash
# A bad image and its fixed twin from real packages: the same job with and without the mistakes that the advice finds.
# Everything else has the same bytes in both, so the difference of their sizes is the cost of the mistakes.
#
#   benchmarks/inputs/advice.sh OUT
#
# Makes OUT/advice-bad/gzip, OUT/advice-bad/planted.json (the mistakes, see the end) and OUT/advice-good/gzip. Needs root,
# debootstrap, overlayfs, umoci, git, curl, unzip and python3 with pip. Steps run as in BuildKit: on overlayfs, and the
# history has the command that made the layer. All credentials are invented.
# shellcheck source-path=SCRIPTDIR disable=SC1091,SC2154 # what common.sh sets, where it is not followed
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
parent=$(mkdir -p "$1" && cd "$1" && pwd)
work=$parent/advice.partial
epoch=1767225600 # no file is younger; compiled Python modules carry a hash of their source in place of its time
created=2026-01-01T00:00:00Z
path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mirror=http://deb.debian.org/debian

server=
cleanup() {
    [[ -z $server ]] || kill "$server"
    ! mountpoint -q "$work/root" || umount --lazy "$work/root"
}
trap cleanup EXIT

# --- images: a stack of folders, each packed as a layer ---

choose() { # choose bad|good: the image that the next steps are for
    # shellcheck source=common.sh
    source "$here/common.sh" "$parent/advice-$1"
    twin=$1
    root=$work/root
    arguments=
    directory=/
    variables=("PATH=$path" HOME=/root "SOURCE_DATE_EPOCH=$epoch" "${pip_settings[@]}")
    lower=() # folders of the layers so far, top first
}

pack() { # pack FOLDER INSTRUCTION COMMENT: store a folder as a layer, overlayfs' marks for what is gone as OCI's
    python3 - "$1" "$work/layer.tar" "$epoch" "${lower[@]}" <<'PY'
import os, stat, sys, tarfile
folder, target, epoch, *lower = sys.argv[1:]

def is_whiteout(path):
    status = os.lstat(path)
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == 0

def is_opaque(path, name):  # overlayfs marks new folders too
    below = next((one for one in (os.path.join(layer, name) for layer in lower) if os.path.lexists(one)), None)
    marked = "trusted.overlay.opaque" in os.listxattr(path, follow_symlinks=False)
    return marked and below is not None and stat.S_ISDIR(os.lstat(below).st_mode)

def entry(tar, name, path=None):
    info = tar.gettarinfo(path, name) if path else tarfile.TarInfo(name)
    info.mtime = min(info.mtime, int(epoch)) if path else int(epoch)
    info.uname = info.gname = ""
    if info.isreg() and path:
        with open(path, "rb") as file:
            tar.addfile(info, file)
    else:
        tar.addfile(info)

with tarfile.open(target, "w", format=tarfile.GNU_FORMAT) as tar:
    for parent, folders, files in os.walk(folder):
        folders.sort()
        for base in sorted(folders + files):
            path = os.path.join(parent, base)
            name = os.path.relpath(path, folder)
            if is_whiteout(path):
                entry(tar, os.path.join(os.path.dirname(name), ".wh." + base))
                continue
            entry(tar, name, path)
            if base in folders and not os.path.islink(path) and is_opaque(path, name):
                entry(tar, os.path.join(name, ".wh..wh..opq"))
PY
    umoci raw add-layer --image "$image" --history.created "$created" --history.created_by "$2" --history.comment "$3" \
        "$work/layer.tar"
    rm "$work/layer.tar"
    lower=("$1" "${lower[@]}")
}

note() { # note INSTRUCTION [OPTION...]: an instruction that makes no layer, and what it sets
    umoci config --image "$image" --history.created "$created" --history.created_by "$1" \
        --history.comment buildkit.dockerfile.v0 "${@:2}"
}

build() { # build INSTRUCTION COMMAND...: a layer of what the command changes below $root
    local upper=$work/$twin-${#lower[@]}
    mkdir -p "$upper" "$work/overlay" "$root"
    mount -t overlay overlay "$root" -o "lowerdir=$(IFS=: && echo "${lower[*]}"),upperdir=$upper,workdir=$work/overlay" \
        -o index=off,metacopy=off,redirect_dir=off
    "${@:2}" &>"$work/log" || { cat "$work/log" >&2 && exit 1; }
    umount "$root"
    pack "$upper" "$1" buildkit.dockerfile.v0
    echo "advice-$twin, layer $(top): $1"
}

enter() { # enter COMMAND: run it in the root filesystem, with the machine's resolver and certificates laid over
    # shellcheck disable=SC2016
    unshare --mount bash -euc '
        mount -t proc proc "$1/proc"
        mount --rbind /dev "$1/dev"
        for file in /etc/resolv.conf /etc/ssl/certs/ca-certificates.crt; do
            [[ ! -e $1$file ]] || mount --bind "$file" "$1$file"
        done
        exec chroot "$1" /usr/bin/env -i -C "${@:2}"' enter "$root" "$directory" "${variables[@]}" /bin/sh -c "$1" </dev/null
}

run() { build "RUN $arguments/bin/sh -c $1 # buildkit" enter "$1"; }

set_argument() { # set_argument NAME=VALUE: ARG with a default or --build-arg; every RUN that follows shows it
    note "ARG $1"
    arguments="|1 $1 "
    variables+=("$1")
}

set_variable() {
    note "ENV $1" --config.env "$1"
    variables+=("$1")
}

workdir() {
    build "WORKDIR $1" mkdir -p "$root$1"
    umoci config --image "$image" --no-history --config.workingdir "$1"
    directory=$1
}

top() { echo $((${#lower[@]} - 1)); } # number of the layer made last

# --- what goes in ---

make_base() { # like debian:bookworm, without the settings by which that cleans up after apt
    debootstrap --variant=minbase bookworm "$work/base" "$mirror" >"$work/log"
    find "$work"/base/{dev,run,tmp,var/log,var/cache,var/lib/apt/lists} -mindepth 1 \( -type f -o -type c -o -type l \) -delete
    find "$work/base/dev" -mindepth 1 -delete
    rm -f "$work"/base/{etc/hostname,var/lib/dpkg/*-old}
    : >"$work/base/etc/resolv.conf"
    : >"$work/base/etc/machine-id"
    echo force-unsafe-io >"$work/base/etc/dpkg/dpkg.cfg.d/docker-apt-speedup"
    printf 'path-exclude %s\n' '/usr/share/man/*' '/usr/share/info/*' '/usr/share/doc/*' '/usr/share/locale/*' >"$work/base/etc/dpkg/dpkg.cfg.d/docker"
    echo 'path-include /usr/share/doc/*/copyright' >>"$work/base/etc/dpkg/dpkg.cfg.d/docker" # as Debian's slim images do
    find "$work"/base/usr/share/{man,info,doc,locale} -type f ! -name copyright -delete
    find "$work"/base/usr/share/{man,info,doc,locale} -type l -delete
    pack "$work/base" "# debian.sh --arch 'amd64' out/ 'bookworm' '@$epoch'" "debuerreotype 0.16"
    umoci config --image "$image" --no-history --created "$created" --architecture amd64 --os linux \
        --config.env "PATH=$path" --config.cmd bash
}

make_context() { # a service and its library with the history of real releases, and the leftovers of a clone
    local context=$work/context version
    mkdir -p "$context"/{deploy,models,tools,vendor}
    git -C "$context" init --quiet --initial-branch main
    for version in 2.6.3 2.8.8 3.0 3.1 3.2.1 3.3 3.4.2; do
        python3 -m pip download --quiet --no-deps --only-binary=:all: --dest "$work/releases" "networkx==$version"
        rm -rf "$context/networkx"
        unzip -q "$work/releases/networkx-$version-"*.whl 'networkx/*' -d "$context"
        git -C "$context" add networkx
        GIT_AUTHOR_DATE="@$epoch +0000" GIT_COMMITTER_DATE="@$epoch +0000" git -C "$context" -c user.name=dev \
            -c user.email=dev@example.com commit --quiet --message "networkx $version"
    done
    git -C "$context" -c pack.threads=1 gc --quiet

    curl -fsSL -o "$context/vendor/lua-5.4.4.tar.gz" "$mirror/pool/main/l/lua5.4/lua5.4_5.4.4.orig.tar.gz"
    tar -xzf "$context/vendor/lua-5.4.4.tar.gz" -C "$context/vendor" --no-same-owner
    cat >"$context/app.py" <<'PY'
import flask
import networkx

app = flask.Flask(__name__)


@app.get("/")
def nodes():
    return {"nodes": networkx.karate_club_graph().number_of_nodes()}


if __name__ == "__main__":
    app.run(host="0.0.0.0", port=8000)
PY
    cat >"$context/tools/build_pages.py" <<'PY'
"""Write the site: build_pages.py FOLDER [draft]."""
import pathlib, random, sys

folder, draft = pathlib.Path(sys.argv[1]), sys.argv[2:] == ["draft"]
words = pathlib.Path("networkx/algorithms/shortest_paths/generic.py").read_text().split()
rng = random.Random(1 if draft else 2)
for number in range(1500):
    page = folder / f"section-{number % 30}" / f"page-{number}.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(f"<h1>{number}</h1><p>" + " ".join(rng.choices(words, k=700)))
PY
    python3 - "$context" <<'PY'
import base64, pathlib, random, sys
rng, context = random.Random(3), pathlib.Path(sys.argv[1])
made_up = lambda count: base64.encodebytes(rng.randbytes(count)).decode()
weights = b"".join(rng.randbytes(2) + b"\x80\x3f" for _ in range(3_000_000))
(context / "models/weights.bin").write_bytes(weights)
kind = "OPENSSH PRIVATE KEY"
(context / "deploy/id_rsa").write_text(f"-----BEGIN {kind}-----\n{made_up(1800)}-----END {kind}-----\n")
(context / "deploy/id_rsa").chmod(0o600)
(context / ".env").write_text(f"DATABASE_URL=postgres://app:made-up@db/app\nSECRET_KEY={made_up(30)}")
lines = (f"{n} GET /pages/{rng.randrange(1500)} {rng.choice((200, 304, 404))} {rng.random():.3f}\n" for n in range(60_000))
(context / "debug.log").write_text("".join(lines))
PY
    find "$context" -exec touch --no-dereference --date "@$epoch" {} +
    SOURCE_DATE_EPOCH=$epoch python3 -m compileall -q "$context/networkx"
}

serve_wheels() { # on loopback, with the header by which PyPI lets pip keep files and which mirrors may leave out
    local options=(--quiet --only-binary=:all: --python-version 3.11 --dest "$work/wheels"
        --platform manylinux2014_x86_64 --platform manylinux_2_28_x86_64)
    # shellcheck disable=SC2086
    python3 -m pip download "${options[@]}" $python_packages lxml==5.2.1
    python3 -m pip download "${options[@]}" lxml==5.2.2
    python3 - "$work/wheels" >"$work/port" <<'PY' &
import functools, http.server, sys

class Handler(http.server.SimpleHTTPRequestHandler):
    def end_headers(self):
        if self.path.endswith(".whl"):
            self.send_header("Cache-Control", "max-age=365000000, immutable, public")
        super().end_headers()

    def log_message(self, *arguments):
        pass

with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=sys.argv[1])) as server:
    print(server.server_port, flush=True)
    server.serve_forever()
PY
    server=$!
    until [[ -s $work/port ]]; do sleep 0.1; done
    pip_settings=(PIP_NO_INDEX=1 "PIP_FIND_LINKS=http://127.0.0.1:$(<"$work/port")/" PIP_TRUSTED_HOST=127.0.0.1)
}

copy_context() { cp -a "$work/context/." "$root/app"; }

copy_named() { # what a .dockerignore lets through
    copy_context &&
        rm -rf "$root"/app/{.git,.env,debug.log,deploy/id_rsa,vendor/lua-5.4.4.tar.gz} &&
        find "$root/app/networkx" -depth -type d \( -name __pycache__ -o -name tests \) -exec rm -rf {} + &&
        chown -R 1000:1000 "$root/app"
}

# --- the twins ---

packages="python3 python3-pip build-essential curl ca-certificates"
python_packages="numpy==1.26.4 flask==3.0.3 requests==2.32.3"
build_lz4="mkdir -p /opt/build"
build_lz4+=" && curl -fsSL $mirror/pool/main/l/lz4/lz4_1.9.4.orig.tar.gz | tar -xz -C /opt/build --strip-components=1"
build_lz4+=" && make -C /opt/build -j2 && make -C /opt/build install"

build_common() {
    choose bad
    begin_image
    make_base
    run "useradd --no-log-init --create-home --uid 1000 app"
    rm -rf "$parent/advice-good.partial"
    cp -a "$partial" "$parent/advice-good.partial"
    common=("${lower[@]}")
}

build_bad() {
    set_variable PYTHONUNBUFFERED=1
    set_variable API_TOKEN=made-up-5c1f09d2a7e84b36b0d1c2e3f4a59687
    run "apt-get update && apt-get install -y $packages"
    apt=$(top)
    run "$build_lz4"
    unpacked=$(top)
    set_argument NPM_TOKEN=made-up-0f1e2d3c4b5a69788796a5b4c3d2e1f0
    run "pip install --break-system-packages $python_packages lxml==5.2.1"
    pip=$(top)
    workdir /app
    build "COPY . /app # buildkit" copy_context
    copy=$(top)
    run "apt-get install --reinstall -y binutils-x86-64-linux-gnu"
    reinstall=$(top)
    run "pip install --break-system-packages --upgrade lxml==5.2.2"
    upgrade=$(top)
    run "rm -rf /var/lib/apt/lists/*"
    clean=$(top)
    run "apt-get update && apt-get install -y tini"
    late_apt=$(top)
    run "python3 tools/build_pages.py /srv/pages draft"
    draft=$(top)
    run "chown -R app:app /app"
    chown=$(top)
    run "rm -rf /opt/build"
    remove=$(top)
    run "python3 tools/build_pages.py /srv/pages"
    rebuild=$(top)
    run "mkdir -p /srv/models && cp models/weights.bin /srv/models/weights.bin"
    duplicate=$(top)
    note 'CMD ["python3" "app.py"]' --clear config.cmd --config.cmd python3 --config.cmd app.py
}

build_good() {
    choose good
    lower=("${common[@]}")
    set_variable PYTHONUNBUFFERED=1
    local clean="apt-get clean && rm -rf /var/lib/apt/lists/* /var/cache/debconf/*-old && find /var/log -type f -delete"
    run "apt-get update && apt-get install -y --no-install-recommends $packages tini && $clean"
    run "$build_lz4 && rm -rf /opt/build"
    run "pip install --no-cache-dir --break-system-packages $python_packages lxml==5.2.2"
    workdir /app
    build "COPY --chown=app:app . /app # buildkit" copy_named
    run "python3 tools/build_pages.py /srv/pages"
    run "mkdir -p /srv/models && ln -s /app/models/weights.bin /srv/models/weights.bin"
    note "USER app" --config.user app
    note 'CMD ["python3" "app.py"]' --clear config.cmd --config.cmd python3 --config.cmd app.py
}

installed() { # installed FOLDER...: packages whose file lists are in one of these layers
    find "${@/%//var/lib/dpkg/info}" -name '*.list' -type f -printf '%f\n' | sed 's/\.list$//' | sort -u
}

versions() { # versions FOLDER: package and version from the database that a layer stores
    awk '/^Package: /{name = $2} /^Version: /{print name, $2}' "$1/var/lib/dpkg/status" | sort
}

check_same() { # the mistakes alone may make a difference; a mirror that was updated meanwhile makes another
    local differing
    differing=$(join -j 1 <(versions "$work/bad-$late_apt") <(versions "$work/good-$apt") | awk '$2 != $3')
    [[ -z $differing ]] || { echo "other versions in both, build again:" "$differing" >&2 && exit 1; }
}

list_recommended() { # the paths of packages that only recommendations brought in
    local package layer=$work/bad-$apt path
    comm -23 <(installed "$layer") <(installed "$work/good-$apt") | while read -r package; do
        echo "/var/lib/dpkg/info/$package.*"
        sed -E 's#^/(bin|sbin|lib|lib64)/#/usr/\1/#' "$layer/var/lib/dpkg/info/$package.list" | while read -r path; do
            [[ ! -f $layer$path || -L $layer$path ]] || echo "$path"
        done
    done
}

write_planted() { # "layers" hold the bytes; or hide them, where "expected" is a cause of waste. "paths": a * crosses folders
    list_recommended >"$work/recommended"
    python3 - "$work/recommended" <<PY >"$out/planted.json"
import json, sys
app, chown = $copy, $chown
planted = [
    ("recommended packages", [$apt], open(sys.argv[1]).read().split("\n")[:-1], "no-install-recommends"),
    ("package lists removed by a later step", [$apt, $clean], ["/var/lib/apt/lists/*"], "deleted-later"),
    ("package lists left behind", [$late_apt], ["/var/lib/apt/lists/*"], "apt-lists"),
    ("downloaded packages and apt's caches", [$apt, $reinstall, $late_apt], ["/var/cache/apt/*"], "apt-archives"),
    ("apt's caches written by each apt step", [$apt, $reinstall, $late_apt], ["/var/cache/apt/*.bin"], "overwritten"),
    ("databases written by each apt step", [$apt, $reinstall, $late_apt],
     ["/var/lib/dpkg/*", "/var/cache/debconf/*", "/var/lib/apt/*", "/var/log/*"], "overwritten"),
    ("package installed again", [$apt, $reinstall], ["/etc/*", "/usr/*", "/var/*"], "metadata-only"),
    ("logs of the package manager", [$apt, $reinstall, $late_apt], ["/var/log/*"], "logs"),
    ("backup copies of debconf's databases", [$apt, $reinstall, $late_apt], ["/var/cache/debconf/*-old"], "debconf-backups"),
    ("pip's cache", [$pip, $upgrade], ["/root/.cache/pip/*"], "pip-cache"),
    ("package upgraded by a later step", [$pip, $upgrade], ["/usr/local/lib/python3*/dist-packages/lxml/*"], "opaque"),
    ("metadata of its former version", [$pip, $upgrade], ["/usr/local/lib/python3*/dist-packages/lxml-*"], "deleted-later"),
    ("build tree removed by a later step", [$unpacked, $remove], ["/opt/build/*"], "deleted-later"),
    ("pages written twice", [$draft, $rebuild], ["/srv/pages/*"], "overwritten"),
    ("late chown", [app, chown], ["/app/*"], "metadata-only"),
    ("repository", [chown], ["/app/.git/*"], "vcs"),
    ("settings with credentials", [chown], ["/app/.env"], "secret-file"),
    ("private key", [chown], ["/app/deploy/id_rsa"], "secret-file"),
    ("log of the application", [chown], ["/app/debug.log"], "logs-elsewhere"),
    ("compiled modules", [chown], ["/app/*/__pycache__/*"], "bytecode"),
    ("tests", [chown], ["/app/networkx/tests/*", "/app/networkx/*/tests/*"], "tests"),
    ("archive beside its content", [chown], ["/app/vendor/*.tar.gz"], "archive-beside"),
    ("model copied", [$duplicate], ["/srv/models/weights.bin"], "duplicate-content"),
    ("credential in ENV", [], [], "secret-env"),
    ("credential in ARG", [], [], "secret-arg"),
    ("runs as root", [], [], "root-user"),
]
keys = ("name", "layers", "paths", "expected")
json.dump([dict(zip(keys, one)) for one in planted], sys.stdout, indent=1)
PY
}

cleanup
rm -rf "$work"
mkdir -p "$work"
make_context
serve_wheels
build_common
build_bad
build_good
check_same
choose bad
rm -rf "${out:?}"/* # a pair is made together, and its other forms after it
write_planted
end_image
choose good
rm -rf "${out:?}"/*
end_image
rm -rf "$work"
