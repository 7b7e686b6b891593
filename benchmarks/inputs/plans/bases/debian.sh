#!/usr/bin/env bash
# Write a root filesystem like that of Debian's own images: minbase, no lists, logs or caches.
#
#   benchmarks/inputs/plans/bases/debian.sh FOLDER
#
# Needs root and debootstrap, which uses its default mirror. The certificates are those of this machine, so that pip and npm
# reach their registries from a build as they do here.
set -euo pipefail

root=$1
debootstrap --variant=minbase --include=ca-certificates bookworm "$root" >/dev/null
rm -rf "$root"/dev "$root"/run "$root"/tmp && mkdir -m 755 "$root"/dev "$root"/run && mkdir -m 1777 "$root"/tmp
find "$root"/var/{log,cache,lib/apt/lists} -mindepth 1 -type f -delete
rm -f "$root"/etc/hostname "$root"/var/lib/dpkg/*-old
: >"$root/etc/resolv.conf"
: >"$root/etc/machine-id"
cp --dereference /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
find "$root"/usr/share/{man,info,doc,locale} -mindepth 1 ! -type d ! -name copyright -delete
echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/unsafe-io"
cat >"$root/etc/dpkg/dpkg.cfg.d/no-documentation" <<'TXT'
path-exclude /usr/share/man/*
path-exclude /usr/share/info/*
path-exclude /usr/share/doc/*
path-exclude /usr/share/locale/*
path-include /usr/share/doc/*/copyright
TXT
