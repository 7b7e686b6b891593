#!/usr/bin/env bash
# Build the images that the benchmarks read.
#
#   benchmarks/build.sh OUT [CASE...]
#
# Each case becomes a folder OUT/CASE with gzip/ (OCI layout, tag "app") and, where it makes sense, zstd/ (OCI layout),
# docker.tar (docker-archive, plain layers) and docker-gzip.tar (docker-archive, gzip layers). Files that exist are kept.
# The case "advice" becomes two such folders, OUT/advice-bad and OUT/advice-good.
# Cases from real packages need the tools that their builder in inputs/ names; the others only Python. About 45 GB.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
real=(python-service node-service packages pax-trees debian-python node ml) # "pax" and "members" are made of these
mapfile -t generated < <(python3 "$here/generate.py" --list)

out=${1:?"usage: build.sh OUT [CASE...], cases: ${real[*]} advice ${generated[*]}"}
mkdir -p "$out"
shift
(($# > 0)) || set -- "${real[@]}" advice "${generated[@]}"

for name; do
    if [[ $name == advice ]]; then
        [[ -e $out/advice-bad/gzip && -e $out/advice-good/gzip ]] || "$here/inputs/advice.sh" "$out"
        "$here/inputs/forms.sh" "$out/advice-bad"
        "$here/inputs/forms.sh" "$out/advice-good"
        du -sh "$out"/advice-{bad,good}
        continue
    elif [[ -x $here/inputs/$name.sh && " ${real[*]} " == *" $name "* ]]; then
        [[ -e $out/$name/gzip ]] || "$here/inputs/$name.sh" "$out/$name"
        "$here/inputs/forms.sh" "$out/$name"
    else
        python3 "$here/generate.py" "$out" "$name"
    fi
    du -sh "$out/$name"
done
