"""Packages of Python and npm that are installed more often than a program can use them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pytest

from ocisize.findings.advise import advise, make_claims
from ocisize.findings.checks.package_kinds import load_exclusive_packages
from ocisize.model.findings import Confidence, Finding
from ocisize.model.system import System
from ocisize.oci.documents import History, ImageConfig, RootFs, RunConfig
from ocisize.plan.make import make_plan
from ocisize.values import evolve
from tests.evidence import make_evidence
from tests.images import Entry

SITE = "usr/local/lib/python3.12/site-packages"
LISTED = "numpy/__pycache__/a.cpython-312.opt-1.pyc"  # in the RECORD
VENV = "opt/venv/lib/python3.12/site-packages"


def distribution(name: str, version: str, files: Mapping[str, bytes], place: str = SITE) -> dict[str, Entry]:
    """The files that pip stores for a package."""
    info = f"{name.replace('-', '_')}-{version}.dist-info"
    record = "".join(f"{path},sha256=x,{len(data)}\n" for path, data in files.items())
    return {
        **{f"{place}/{path}": data for path, data in files.items()},
        f"{place}/{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\n".encode(),
        f"{place}/{info}/RECORD": f"{record}{info}/METADATA,,\n{info}/RECORD,,\n".encode(),
    }


def of_records(name: str, version: str, place: str = SITE) -> list[str]:
    return [f"{place}/{name.replace('-', '_')}-{version}.dist-info/{file}" for file in ("METADATA", "RECORD")]


def find(
    *layers: Mapping[str, Entry],
    env: Sequence[str] = (),
    architecture: str = "amd64",
    libc: str = "glibc",
    base_layers: int = 0,
) -> dict[str, Finding]:
    """The findings on packages by id, which must occur once each."""
    steps = [f"RUN pip install a{number}" for number in range(len(layers))]
    config = ImageConfig(
        RootFs(),
        os="linux",
        architecture=architecture,
        history=tuple(History(created_by=text) for text in steps),
        run=RunConfig(user="app", env=tuple(env), cmd=("/srv/app",)),
    )
    evidence = make_evidence(*layers, steps=steps, config=config, base_layers=base_layers)
    _, findings = make_plan(evidence, advise(evolve(evidence, system=System(libc=libc))))
    found = [finding for finding in findings if "OS250" <= finding.id < "OS260"]
    assert len({finding.id for finding in found}) == len(found), found
    return {finding.id: finding for finding in found}


def size_of(layer: Mapping[str, Entry], *paths: str) -> int:
    """The bytes of some files."""
    return sum(len(data) for path in paths if isinstance(data := layer[path], bytes))


def test_packages_that_replace_each_other() -> None:
    """The files that only the superfluous package has: those that both install stay."""
    layer = {
        **distribution("opencv-python", "4.9", {"cv2/cv2.so": b"c" * 500, "opencv_python.libs/libQt5.so": b"q" * 3000}),
        **distribution(
            "opencv-python-headless", "4.10", {"cv2/cv2.so": b"c" * 500, "opencv_python_headless.libs/libav.so": b"a" * 700}
        ),
    }
    found = find(layer)["OS256"]
    assert found.title == f"opencv-python-headless and opencv-python in /{SITE} are the same module: 3 files"
    assert found.size == size_of(layer, f"{SITE}/opencv_python.libs/libQt5.so", *of_records("opencv-python", "4.9"))
    assert found.confidence is Confidence.ASK
    assert found.fix.endswith("Without a display, opencv-python-headless is enough.")


def test_packages_of_two_environments_replace_nothing() -> None:
    """Each environment may have its own."""
    layer = {
        **distribution("psycopg2", "2.9", {"psycopg2/_psycopg.so": b"c" * 500}),
        **distribution("psycopg2-binary", "2.9", {"psycopg2/_psycopg.so": b"d" * 500}, VENV),
    }
    assert not find(layer)


def test_one_package_in_two_versions() -> None:
    """The smaller installation counts, with the bytecode of its sources, and pip itself does not."""
    lower = distribution("numpy", "2.1.0", {"numpy/core.so": b"n" * 9000, "numpy/a.py": b"a"})
    upper = {
        **distribution("numpy", "1.26.0", {"numpy/core.so": b"m" * 8000, "numpy/a.py": b"a = 1", LISTED: b"listed"}, VENV),
        **distribution("pip", "24.0", {"pip/x.py": b"p" * 999}, VENV),
        f"{VENV}/numpy/__pycache__/a.cpython-312.pyc": b"bytecode",
        f"{VENV}/numpy/__pycache__/b.cpython-312.pyc": b"of no package",
    }
    lower |= distribution("pip", "25.0", {"pip/x.py": b"q" * 999})
    found = find(lower, upper)["OS255"]
    names = ["core.so", "a.py", "__pycache__/a.cpython-312.pyc", "__pycache__/a.cpython-312.opt-1.pyc"]
    own = [f"{VENV}/numpy/{name}" for name in names]
    assert found.size == size_of(upper, *own, *of_records("numpy", "1.26.0", VENV))
    assert found.title == f"1 package installed in several versions in /{VENV} and /{SITE} (numpy 1.26.0): 6 files"
    assert found.fix == f"Install one version of numpy, into /{VENV} or into /{SITE}."
    assert found.layers == (1,)


def test_the_fix_names_the_largest_packages() -> None:
    names = ["aa", "bb", "cc", "dd", "ee"]
    lower, upper = dict[str, Entry](), dict[str, Entry]()
    for size, name in enumerate(names, 1):
        lower |= distribution(name, "1.0", {f"{name}/core.so": name.encode() * 9000})
        upper |= distribution(name, "2.0", {f"{name}/core.so": name.encode() * 1000 * size}, VENV)
    assert find(lower, upper)["OS255"].fix.startswith("Install one version of ee, dd, cc and 2 other packages, into ")


def test_the_same_version_twice_is_a_duplicate() -> None:
    """Copies are a finding of OS110."""
    files = {"numpy/core.so": b"n" * 9000}
    assert not find(distribution("numpy", "2.1.0", files), distribution("numpy", "2.1.0", files, VENV))


def test_small_packages_in_two_versions() -> None:
    """Half a percent of the content is no finding."""
    lower = {**distribution("six", "1.16", {"six.py": b"6" * 100}), "srv/data": b"d" * 100_000}
    assert not find(lower, distribution("six", "1.17", {"six.py": b"7" * 100}, VENV))


def manifest(name: str, version: str) -> bytes:
    return json.dumps({"name": name, "version": version}).encode()


def module(root: str, name: str, version: str, size: int) -> dict[str, Entry]:
    return {f"{root}/package.json": manifest(name, version), f"{root}/index.js": name.encode() * size}


def test_npm_packages_in_several_versions() -> None:
    """The older ones of a major number count, without packages within them; other major numbers are needed."""
    layer = {
        "app/package.json": b"{}",
        **module("app/node_modules/lodash", "lodash", "4.17.21", 100),
        **module("app/node_modules/a/node_modules/lodash", "lodash", "4.17.9", 90),
        **module("app/node_modules/a/node_modules/lodash/node_modules/ms", "ms", "2.0.0", 80),
        **module("app/node_modules/b/node_modules/lodash", "lodash", "3.10.1", 70),
        **module("other/node_modules/lodash", "lodash", "4.0.0", 60),
    }
    found = find(layer)["OS255"]
    root = "app/node_modules/a/node_modules/lodash"
    assert found.size == size_of(layer, f"{root}/package.json", f"{root}/index.js")
    assert found.title == "1 package installed in several versions within /app/node_modules (lodash 4.17.9): 2 files"
    assert found.fix == (
        "Run `npm dedupe` in /app. Update the packages that ask for the older versions of lodash: `npm ls` shows them."
    )


@pytest.mark.parametrize(
    "roots",
    [
        ("usr/local/lib/node_modules/npm/node_modules/ms", "usr/local/lib/node_modules/npm/node_modules/x/node_modules/ms"),
        ("app/node_modules/.pnpm/ms@2.0.0/node_modules/ms", "app/node_modules/.pnpm/ms@2.1.0/node_modules/ms"),
        ("app/node_modules/ms", "app/node_modules/next/dist/ms"),
    ],
)
def test_what_npm_cannot_rearrange(roots: tuple[str, str]) -> None:
    """npm's own modules, the store of pnpm, and copies within a package."""
    one, other = roots
    assert not find({**module(one, "ms", "2.0.0", 90), **module(other, "ms", "2.1.0", 90)})


CUBLAS = distribution("nvidia-cublas-cu12", "12.1", {"nvidia/cublas/lib/libcublas.so.12": b"w" * 900})


def test_cuda_of_the_system_beside_that_of_wheels() -> None:
    """The libraries of the system that the packages bring in the same major version, whatever the names behind it."""
    base: dict[str, Entry] = {
        "usr/local/cuda-12.4/targets/x86_64-linux/lib/libcublas.so.12.4.5": b"c" * 5000,
        "usr/local/cuda-12.4/targets/x86_64-linux/lib/libcublasLt.so.12.4.5": b"l" * 4000,
        "usr/local/cuda-11.8/lib64/libcublas.so.11.11": b"o" * 300,
    }
    found = find(base, CUBLAS, base_layers=1)["OS257"]
    assert found.size == 5000
    assert found.title == "libraries of CUDA that packages of Python have, too (nvidia-cublas-cu12): 1 file"
    assert found.in_base
    assert found.fix.startswith("The base image contains them")


def test_cuda_without_a_gpu() -> None:
    """The packages themselves, unless the environment says that the image is for a GPU."""
    found = find(CUBLAS)["OS257"]
    assert found.size == sum(len(data) for data in CUBLAS.values() if isinstance(data, bytes))
    assert found.confidence is Confidence.ASK
    assert not find(CUBLAS, env=["NVIDIA_VISIBLE_DEVICES=all"])
    assert not find(distribution("nvidia-ml-py", "12.5", {"pynvml.py": b"x" * 99}))


def test_programs_for_glibc_in_an_image_with_musl() -> None:
    """What is named for glibc, and sharp, whose other variant is for musl; static programs run."""
    layer = {
        **module("app/node_modules/@next/swc-linux-x64-gnu", "s", "1.0.0", 1000),
        **module("app/node_modules/@img/sharp-libvips-linux-x64", "v", "1.0.0", 100),
        **module("app/node_modules/@img/sharp-linuxmusl-x64", "m", "1.0.0", 10),
        **module("app/node_modules/@esbuild/linux-x64", "e", "1.0.0", 10),
    }
    found = find(layer, libc="musl")["OS258"]
    assert (
        found.title
        == "programs for glibc in an image with musl (@next/swc-linux-x64-gnu, @img/sharp-libvips-linux-x64): 4 files"
    )
    assert found.size == size_of(layer, *(path for path in layer if "swc" in path or "libvips" in path))
    assert not find(layer)


def test_programs_for_another_processor() -> None:
    """An image for ARM cannot run what is for x86-64; 32-bit programs of its own family run."""
    layer = {
        **module("app/node_modules/@esbuild/linux-x64", "e", "1.0.0", 1000),
        **module("app/node_modules/@esbuild/linux-arm64", "e", "1.0.0", 900),
        **module("app/node_modules/@esbuild/linux-arm", "e", "1.0.0", 800),
        **module("app/node_modules/lightningcss-linux-x64-musl", "l", "1.0.0", 700),
        "app/linux-x64/file": b"of no package",
    }
    found = find(layer, architecture="arm64")["OS259"]
    assert found.size == size_of(layer, *(path for path in layer if "x64" in path and "modules" in path))
    assert not find(layer)
    assert not find(layer, architecture="unheard-of")


@pytest.mark.parametrize("record", [b"\xff,,\n", b'"open,,\n', b"../../../../etc/passwd,,\n", b"/etc/passwd,,\n" * 99])
def test_damaged_records(record: bytes) -> None:
    """A broken RECORD is no error."""
    layer = {
        **distribution("psycopg2", "2.9", {"psycopg2/x": b"c"}),
        **distribution("psycopg2-binary", "2.9", {"p/y": b"d"}),
    }
    layer[of_records("psycopg2-binary", "2.9")[1]] = record
    layer[of_records("psycopg2", "2.9")[0]] = b"\xff\x00"
    find(layer)


def test_groups_have_names_of_their_own() -> None:
    """No package is in two groups, and all names are normalized."""
    names = [name for group in load_exclusive_packages() for name in group.names]
    assert len(names) == len(set(names))
    assert all(name == name.lower() and "_" not in name for name in names)


def test_no_row_is_claimed_twice() -> None:
    """Bytecode is in a RECORD, beside its source, or both."""
    files = {"numpy/a.py": b"a", "numpy/__pycache__/a.cpython-312.pyc": b"b" * 99, "numpy/core.so": b"c" * 999}
    lower, upper = distribution("numpy", "2.1.0", files), distribution("numpy", "1.0.0", {**files, "numpy/b.py": b"b"}, VENV)
    for claim in make_claims(make_evidence(lower, upper)):
        assert all(len(set(rows)) == len(rows) for rows in claim.rows.values()), claim.title
