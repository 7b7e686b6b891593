"""The cache on the command line: on by default, the same reports, and the commands about it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ocisize.cli.main import main
from tests.images import BuiltImage, build_image, layer, write_docker_archive, write_layout
from tests.platforms import write_index_layout

EXAMPLE = str(Path(__file__).parents[2] / "testdata" / "example.tar")
PRINTED = ["text", "json", "html", "markdown", "csv", "ncdu", "dive-json", "sarif", "junit", "openmetrics", "cyclonedx"]


def an_image() -> BuiltImage:
    base = {f"usr/lib/f{number}": bytes([number]) * 3000 for number in range(40)}
    return build_image(
        [
            layer({**base, "var/cache/apt/archives/a.deb": b"x" * 9000, "etc/os-release": b"ID=debian\n"}),
            layer({"usr/lib/f1": b"other", "root/.ssh/id_rsa": b"key", "caf\udce9": b"1"}),
            layer({"var/cache/apt/archives/.wh.a.deb": b""}, "zstd"),
        ],
        history=[
            {"created_by": text}
            for text in ("/bin/sh -c apt-get install -y a", "COPY . /", "RUN rm /var/cache/apt/archives/a.deb")
        ],
    )


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    write_layout(an_image(), tmp_path / "app")
    return "app"


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(arguments)
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def damage(blob: Path) -> None:
    """Change the bytes of a layer behind its first ones, which tell that it is compressed."""
    data = blob.read_bytes()
    blob.write_bytes(data[:20] + bytes(len(data) - 20))


def entries(folder: Path, bucket: str) -> list[Path]:
    return sorted((folder / bucket).rglob("*.ocz"))


@pytest.mark.parametrize("options", [["-f", name] for name in PRINTED] + [["-f", "json", "--files"], ["--full"],
    ["--max-download", "1 B", "--forbid", "/root/**"], ["--max-file-size", "1 B"]])  # fmt: skip
def test_reports_are_the_same(
    image: str, capsys: pytest.CaptureFixture[str], cache_folder: Path, options: list[str]
) -> None:
    """Without a cache, with an empty one, with its tables alone, and with the finished analysis."""
    plain = run(capsys, image, *options, "--no-cache")
    assert not cache_folder.exists()
    cold = run(capsys, image, *options)
    warm = run(capsys, image, *options)
    for path in entries(cache_folder, "images-v1"):
        path.unlink()
    from_tables = run(capsys, image, *options)
    assert plain == cold == warm == from_tables


def test_the_second_run_reads_no_layer(image: str, capsys: pytest.CaptureFixture[str], cache_folder: Path) -> None:
    """The layers are files of the right size, so their bytes are not looked at: --no-cache and --verify read them."""
    assert run(capsys, image)[0] == 0
    assert len(entries(cache_folder, "layers-v3")) == 3 and len(entries(cache_folder, "images-v1")) == 2
    blob = max((Path(image) / "blobs" / "sha256").iterdir(), key=lambda path: path.stat().st_size)
    damage(blob)
    assert run(capsys, image)[0] == 0
    for option in ("--no-cache", "--verify"):
        status, _, messages = run(capsys, image, option)
        assert status == 2 and blob.name in messages
    blob.unlink()
    assert run(capsys, image)[0] == 2


def test_a_new_layer_on_known_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str], cache_folder: Path) -> None:
    """Only the new layer is read, and the report is that of a run without a cache."""
    before = an_image()
    after = build_image([*before.layers, layer({"new": b"n" * 5000, "usr/lib/.wh.f2": b""})])
    for name, built in (("before", before), ("after", after)):
        write_layout(built, tmp_path / name)
    run(capsys, str(tmp_path / "before"))
    for known in before.layers:
        damage(tmp_path / "after" / "blobs" / "sha256" / known.digest.partition(":")[2])
    cached = run(capsys, str(tmp_path / "after"), "-f", "json")
    write_layout(after, tmp_path / "after")
    assert cached == run(capsys, str(tmp_path / "after"), "-f", "json", "--no-cache")
    assert len(entries(cache_folder, "layers-v3")) == 4


def test_verified_diff_ids(image: str, capsys: pytest.CaptureFixture[str]) -> None:
    """--verify shows verified diff_ids, whatever ran before; a run without it does not."""
    for options, verified in (([], False), (["--verify"], True), ([], False), (["--verify"], True)):
        document = json.loads(run(capsys, image, "-f", "json", *options)[1])
        assert {found["diff_id_verified"] for found in document["layers"]} == {verified}


def test_what_was_not_verified_is_not_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str], cache_folder: Path) -> None:
    """Plain layers of an archive are read in place, and broken layers not to their end."""
    plain = build_image([layer({"a": b"1"}, "plain")])
    archive = write_docker_archive(plain, tmp_path / "app.tar")
    assert run(capsys, str(archive))[0] == 0
    folder = write_layout(an_image(), tmp_path / "broken")
    for built in an_image().layers:
        blob = folder / "blobs" / "sha256" / built.digest.partition(":")[2]
        blob.write_bytes(built.blob[:-1] + b"?")
    assert run(capsys, str(folder))[0] == run(capsys, str(folder), "--keep-going")[0] == 2
    assert not cache_folder.exists()


def test_options_have_their_own_analyses(image: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Another base, other rules, another Dockerfile, lower limits: nothing of an earlier run is shown."""
    run(capsys, image)
    rules = tmp_path / "rules.toml"
    rules.write_text(
        '[[rule]]\nid = "ACME001"\ntitle = "libraries"\nwhat = "x"\nglobs = ["/usr/lib/"]\nconfidence = "safe"\n'
        'why = "x"\n[rule.fix]\nany = "remove"\n'
    )
    (tmp_path / "Dockerfile").write_text(
        "FROM scratch\nRUN apt-get install -y a\nCOPY . /\nRUN rm /var/cache/apt/archives/a.deb\n"
    )
    for options in (
        ["--base", "scratch"],
        ["--rules", str(rules)],
        ["--dockerfile", "Dockerfile"],
        ["--platform", "linux/amd64"],
    ):
        assert run(capsys, image, *options) == run(capsys, image, *options) == run(capsys, image, *options, "--no-cache")
    status, _, messages = run(capsys, image, "--max-entries", "5")
    assert status == 2 and "more than 5 entries" in messages


def test_patches_with_secrets_are_not_kept(image: str, capsys: pytest.CaptureFixture[str], cache_folder: Path) -> None:
    """Lines of a Dockerfile that look like secrets are never written to the cache."""
    secret = "ghp_" + "a1B2" * 9
    Path("Dockerfile").write_text(
        f"FROM scratch\nRUN apt-get install -y a && echo {secret}\nCOPY . /\nRUN rm /var/cache/apt/archives/a.deb\n"
    )
    run(capsys, image)
    from ocisize.cache.disk import DiskCache
    from ocisize.cache.entry import unpack_entry

    cache = DiskCache(cache_folder)
    for path in cache_folder.rglob("*.ocz"):
        key = path.relative_to(cache_folder).as_posix().removesuffix(".ocz")
        sections = unpack_entry(key, cache.get(key) or b"", max_size=1 << 30)
        assert not any(secret.encode() in section for section in sections)


def test_the_cache_command(image: str, capsys: pytest.CaptureFixture[str], cache_folder: Path) -> None:
    """dir, size, prune and clear."""
    assert run(capsys, "cache", "dir") == (0, f"{cache_folder}\n", "")
    assert run(capsys, "cache", "size") == (0, "0 B in 0 entries; the limit is 2.15 GB\n", "")
    run(capsys, image)
    status, text, _ = run(capsys, "cache", "size")
    assert status == 0 and " in 8 entries; the limit is 2.15 GB\n" in text
    assert run(capsys, "cache", "prune")[1].startswith("removed 0 B in 0 entries; ")
    assert run(capsys, "cache", "prune", "--max-size", "1 kB")[1].endswith(" left\n")
    assert sum(path.stat().st_size for path in cache_folder.rglob("*.ocz")) <= 1000
    run(capsys, image)
    assert run(capsys, "cache", "clear")[1].endswith("; 0 B in 0 entries left\n")
    assert not list(cache_folder.rglob("*.ocz"))


def test_errors_of_the_cache_command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    status, _, messages = run(capsys, "cache", "clear", "--max-size", "1 kB")
    assert status == 2 and "--max-size is an option of ocisize cache prune, not of clear" in messages
    monkeypatch.setenv("OCISIZE_CACHE_MAX_SIZE", "much")
    status, _, messages = run(capsys, "cache", "size")
    assert status == 2 and "OCISIZE_CACHE_MAX_SIZE: got 'much', expected a size such as '2 GB' or '2 GiB'" in messages
    with pytest.raises(SystemExit):
        main(["cache", "shrink"])
    assert "shrink" in capsys.readouterr().err


def test_the_limit_of_the_environment(
    image: str, capsys: pytest.CaptureFixture[str], cache_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OCISIZE_CACHE_MAX_SIZE", "0")
    assert run(capsys, image)[2] == "" and not cache_folder.exists()
    monkeypatch.setenv("OCISIZE_CACHE_MAX_SIZE", "1 MB")
    assert "the limit is 1.00 MB" in run(capsys, "cache", "size")[1]


def test_a_cache_that_cannot_be_used_is_one_warning(
    image: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("OCISIZE_CACHE_DIR", str(tmp_path / "file"))
    status, _, messages = run(capsys, "diff", image, image)
    assert status == 0
    assert messages == f"warning: the cache {tmp_path / 'file'} cannot be written: File exists\n"
    assert run(capsys, image, "-q")[2] == ""


@pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")
@pytest.mark.parametrize(
    "arguments", [["app"], ["app", "--quick"], ["app", "--quick", "--all-platforms"], ["diff", "app", "app", "--quick"]]
)
def test_an_unsafe_folder_is_a_warning_of_every_command(
    image: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: list[str]
) -> None:
    """Also where no layer is read."""
    (tmp_path / "ocisize").mkdir()
    (tmp_path / "ocisize").chmod(0o777)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("OCISIZE_CACHE_DIR")
    monkeypatch.setattr("ocisize.cli.caching._shown", set())
    status, _, messages = run(capsys, *arguments)
    assert status == 0
    assert messages.count(f"the cache {tmp_path}/ocisize is not used: other users may write to it") == 1


def test_a_finished_analysis_loads_no_module_that_makes_one(image: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A report on an image that was analyzed before needs a tenth of the modules."""
    run(capsys, image)
    modules = [
        "attrs", "cattrs", "concurrent.futures", "ocisize.filesystem.overlay", "ocisize.findings.advise", "ocisize.layer_values",
        "ocisize.pipeline", "ocisize.plan.make", "ocisize.rules.match", "oras", "requests",
    ]  # fmt: skip
    code = (
        f"import sys\nfrom ocisize.cli.main import main\nmain([{image!r}])\n"
        f"print([name for name in {modules} if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert result.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "arguments",
    [
        ["EXAMPLE", "-f", "json", "--files"],
        ["EXAMPLE"],
        ["advise", "EXAMPLE"],
        ["files", "EXAMPLE", "-f", "json"],
        ["tree", "EXAMPLE"],
        ["INDEX", "--all-platforms", "-f", "json", "--files"],
        ["INDEX", "--all-platforms"],
        ["INDEX", "--platform", "linux/arm64", "-f", "html"],
        ["diff", "EXAMPLE", "INDEX", "-f", "json", "--platform", "linux/amd64"],
        ["baseline", "check", "EXAMPLE"],
    ],
)
def test_commands_are_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    """Every command writes the same without a cache, with an empty one, and twice with a filled one."""
    names = {"EXAMPLE": EXAMPLE, "INDEX": str(write_index_layout(tmp_path / "index"))}
    words = [names.get(word, word) for word in arguments]
    plain = run(capsys, *words, "--no-cache")
    assert all(run(capsys, *words) == plain for _ in range(3))


@pytest.mark.parametrize("count", [2, 8])
def test_processes_share_a_cache(tmp_path: Path, capsys: pytest.CaptureFixture[str], count: int) -> None:
    """Several runs at once, some of them killed, give the same reports as one after the other; so does a run after them."""
    image = str(write_layout(an_image(), tmp_path / "app"))
    _, expected, _ = run(capsys, image, "-f", "json", "--no-cache")
    command = [sys.executable, "-m", "ocisize", image, "-f", "json"]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(count)]
    try:
        for number, process in enumerate(running):
            if number % 4 == 3:
                time.sleep(0.1 * number)
                process.kill()
        outputs = [process.communicate(timeout=120)[0] for process in running]
    finally:
        for process in running:
            process.kill()
            process.wait()
    assert {text for text in outputs if text.endswith("}\n")} == {expected}
    assert run(capsys, image, "-f", "json")[1] == run(capsys, image, "-f", "json")[1] == expected
