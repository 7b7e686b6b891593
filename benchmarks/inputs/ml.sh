#!/usr/bin/env bash
# The GPU libraries of an ML image from real wheels: few files, nearly all of them huge, one of them stored twice.
#
#   benchmarks/inputs/ml.sh CASE_FOLDER
#
# Needs umoci, unzip and python3 with pip (2.6 GB of wheels, by the machine's own configuration). Wheels are kept in
# CASE_FOLDER/wheels until the image is done.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

libraries=usr/local/lib/python3.11/site-packages

download() { # download NAME VERSION: one wheel into the folder of wheels
    [[ -n $(find "$out/wheels" -name "nvidia_$1_cu12-$2-*.whl") ]] || python3 -m pip download --quiet --no-deps \
        --only-binary=:all: --platform manylinux_2_27_x86_64 --platform manylinux2014_x86_64 \
        --dest "$out/wheels" "nvidia-$1-cu12==$2"
}

install() { # install NAME...: the shared libraries of 1 MB and more from each wheel
    for name; do
        unzip -q -o "$out"/wheels/nvidia_"$name"_cu12-*.whl '*/lib/*.so*' -d "$root/$libraries"
    done
    find "$root/$libraries" -type f -size -1000000c -delete
    find "$root/$libraries" -type f -exec chmod 644 {} +
    layer "RUN /bin/sh -c pip install $(printf 'nvidia-%s-cu12 ' "$@")# buildkit"
}

mkdir -p "$out/wheels"
download cublas 12.9.3.13
download cudnn 9.28.0.42
download cufft 11.4.1.4
download curand 10.3.10.19
download cusolver 11.7.5.82
download cusparse 12.5.10.65
download nccl 2.32.3

begin_image
mkdir -p "$root/$libraries"
install cublas cusolver
install cudnn
install cusparse cufft curand nccl

chmod 755 "$root/$libraries/nvidia/cublas/lib/libcublasLt.so.12" # the whole file, stored once more
layer "RUN /bin/sh -c chmod 755 /$libraries/nvidia/cublas/lib/libcublasLt.so.12 # buildkit"

end_image
rm -rf "$out/wheels"
