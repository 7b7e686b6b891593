"""The main job on a real multi-GB image, beside dive, stdlib tarfile and the bare decompressors.

    benchmarks/build_debian_python.sh OUT_DIR
    python benchmarks/main_job.py OUT_DIR [ROUNDS]

Prints Markdown tables. dive takes hours where thousands of files are deleted one by one. Peers that are not installed (dive, igzip, zstd, docker-registry, skopeo) are left out.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from measure import interleave, table

OURS = [sys.executable, "-m", "ocisize", "-q"]
TARFILE = """
import sys, tarfile
archive = tarfile.open(sys.argv[1])
for member in archive:
    if member.name.endswith(".tar"):
        with tarfile.open(fileobj=archive.extractfile(member), mode="r|") as layer:
            for _ in layer: pass
"""
TARFILE_GZIP = """
import sys, tarfile
for path in sys.argv[1:]:
    with tarfile.open(path, mode="r|gz") as layer:
        for _ in layer: pass
"""


def layers_of(layout: Path) -> list[str]:
    """Paths of the layer blobs of a layout with one image."""
    index = json.loads((layout / "index.json").read_text())
    blobs = layout / "blobs" / "sha256"
    manifest = json.loads((blobs / index["manifests"][0]["digest"][7:]).read_text())
    return [str(blobs / layer["digest"][7:]) for layer in manifest["layers"]]


def find_dive() -> str | None:
    return shutil.which("dive") or shutil.which(str(Path(sys.executable).parent / "dive"))


@contextmanager
def registry(layout: Path) -> Iterator[str]:
    """A docker-registry on loopback that holds the image; yields its reference."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        config = Path(folder) / "config.yml"
        storage = f"storage: {{filesystem: {{rootdirectory: {folder}/data}}}}"
        config.write_text(f"version: 0.1\nlog: {{level: error}}\n{storage}\nhttp: {{addr: '127.0.0.1:{port}'}}\n")
        server = subprocess.Popen(
            ["docker-registry", "serve", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            for _ in range(100):
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/", timeout=1).close()
                    break
                except (urllib.error.URLError, OSError):
                    time.sleep(0.1)
            reference = f"127.0.0.1:{port}/bench/app:1"
            copy = ["skopeo", "copy", "--quiet", "--dest-tls-verify=false", f"oci:{layout}:app", f"docker://{reference}"]
            subprocess.run(copy, check=True)
            yield reference
        finally:
            server.terminate()
            server.wait()


def main(folder: Path, rounds: int) -> None:
    archive, gzip_layout, zstd_layout = folder / "docker.tar", folder / "gzip", folder / "zstd"
    plain = {
        "ocisize": [*OURS, str(archive)],
        "ocisize --verify": [*OURS, "--verify", str(archive)],
        "tarfile (headers of all layers)": [sys.executable, "-c", TARFILE, str(archive)],
    }
    if dive := find_dive():
        plain["dive --ci"] = [dive, "--ci", "--source", "docker-archive", str(archive)]
    print("### docker-archive, plain layers\n\n" + table(interleave(plain, rounds), "ocisize") + "\n", flush=True)

    layers = layers_of(gzip_layout)
    gzip = {"igzip -dc": ["igzip", "-dc", *layers]} if shutil.which("igzip") else {}
    gzip |= {
        "ocisize, OCI layout": [*OURS, str(gzip_layout)],
        "ocisize, OCI layout, -j 1": [*OURS, "-j", "1", str(gzip_layout)],
        "ocisize --verify": [*OURS, "--verify", str(gzip_layout)],
        "gzip -dc": ["gzip", "-dc", *layers],
        "tarfile r|gz": [sys.executable, "-c", TARFILE_GZIP, *layers],
    }
    if shutil.which("docker-registry") and shutil.which("skopeo"):
        with registry(gzip_layout) as reference:
            gzip["ocisize, registry on loopback"] = [*OURS, reference]
            results = interleave(gzip, rounds)
    else:
        results = interleave(gzip, rounds)
    print("### gzip layers\n\n" + table(results, next(iter(gzip))) + "\n", flush=True)

    layers = layers_of(zstd_layout)
    zstd = {"zstd -dc": ["zstd", "-dc", "-q", *layers]} if shutil.which("zstd") else {}
    zstd["ocisize, OCI layout"] = [*OURS, str(zstd_layout)]
    print("### zstd layers\n\n" + table(interleave(zstd, rounds), next(iter(zstd))) + "\n", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 5)
