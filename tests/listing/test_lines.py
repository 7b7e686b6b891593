"""Lists in files and on standard input: one reference in each line, with labels and comments."""

from __future__ import annotations

import codecs
import io
import os
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocisize.listing import texts
from ocisize.listing.lines import MAX_FAILURES, split_lines
from ocisize.listing.references import ReferenceList
from ocisize.listing.sources import list_references


def listed_in(data: bytes | str) -> ReferenceList:
    """What a list on standard input names."""
    return list_references(["-"], stdin=io.BytesIO(data.encode() if isinstance(data, str) else data))


def failure_of(listed: ReferenceList) -> str:
    """The only failure, with its hint."""
    (failure,) = listed.failures
    assert failure.message.isprintable()
    assert len(failure.message) < 1000
    return f"{failure.message} | {failure.hint}"


NAMES = st.from_regex(r"[a-z0-9]{1,8}(/[a-z0-9]{1,8})?:[a-z0-9]{1,4}", fullmatch=True)
LABELS = st.text(st.sampled_from("abc XYZ0-./:é"), max_size=20)


@given(
    rows=st.lists(
        st.tuples(NAMES, LABELS, st.sampled_from(["\t", " ", "  \t "]), st.sampled_from(["", " # a", "\t#", "  "]))
    ),
    fillers=st.lists(st.sampled_from(["", "  ", "# comment", "\t# x y", "#"])),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_names_and_labels_survive_any_way_of_writing_them(
    rows: list[tuple[str, str, str, str]], fillers: list[str], end: str
) -> None:
    """Comments, blank lines and ends of lines change nothing; line numbers count every line."""
    written, expected = list[str](), list[tuple[int, str, str]]()
    for number, (name, label, mark, comment) in enumerate(rows):
        written += fillers[number : number + 1]
        expected.append((len(written) + 1, name, " ".join(label.split())))
        written.append(f"{name}{mark}{label}{comment}")
    assert [tuple(line) for line in split_lines(end.join(written))] == expected


@pytest.mark.parametrize(
    "data",
    [
        codecs.BOM_UTF8 + b"nginx\r\nredis\r\n",
        codecs.BOM_UTF16_LE + "nginx\r\nredis".encode("utf-16-le"),
        codecs.BOM_UTF16_BE + "nginx\nredis".encode("utf-16-be"),
        b"nginx\rredis\r",
        b"\n\n   nginx   \n#redis\n\tredis\t\n",
    ],
)
def test_encodings_and_ends_of_lines(data: bytes) -> None:
    names = [reference.name for reference in listed_in(data).references]
    assert names == ["docker.io/library/nginx:latest", "docker.io/library/redis:latest"]


def test_two_spellings_are_one_reference() -> None:
    """A label makes another one of it, since a report groups by labels."""
    listed = listed_in("nginx\ndocker.io/library/nginx:latest\nnginx\tweb\nindex.docker.io/nginx web\n")
    assert [(reference.label, reference.line) for reference in listed.references] == [("", 1), ("web", 3)]
    assert listed.repeats == 2


def test_a_file_and_its_lines_are_named(tmp_path: Path) -> None:
    file = tmp_path / "images.txt"
    file.write_text("# ours\nregistry.io/app:1\nregistry.io/App:1\n")
    listed = list_references([str(file)])
    assert [(reference.source, reference.line) for reference in listed.references] == [(str(file), 2)]
    assert failure_of(listed).startswith(f"{file}, line 3: invalid reference 'registry.io/App:1' | write the repository in")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("registry.io/app:1,team", "not a comma"),
        ('"registry.io/app:1"', "jq -r"),
        ("https://registry.io/app", "no URL scheme"),
        ("user:password@registry.io/app", "user name or a password"),
        ("./missing.tar", "no such file or folder"),
        ("registry.io/app@sha256:abc", "3 hex digits of 64"),
        ("app\x1b[31m", "cannot be printed"),
        ("x" * 5000, "5,000 characters"),
        ("registry.io/*:", "no tag follows"),
        ("*", "no registry"),
    ],
)
def test_lines_that_name_no_image(line: str, message: str) -> None:
    """The other lines are read, and no password is repeated."""
    listed = listed_in(f"nginx\n{line}\nredis\n")
    assert len(listed.references) == 2
    assert "line 2" in failure_of(listed)
    assert message in failure_of(listed)
    assert "user:password" not in listed.failures[0].message


def test_a_folder_with_the_name_of_an_image_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Projects have folders such as nginx/ beside the list; only what looks like a path is one."""
    (tmp_path / "nginx").mkdir()
    monkeypatch.chdir(tmp_path)
    assert listed_in("nginx\n").references[0].name == "docker.io/library/nginx:latest"
    assert listed_in("./nginx\n").references[0].name == "nginx"
    assert listed_in("oci-dir:nginx\n").references[0].store == "nginx"


def test_schemes_of_engines_and_registries() -> None:
    listed = listed_in("docker-daemon:app:1\tmine\ncontainers-storage:app\ndocker://nginx:1\n")
    assert [(reference.name, reference.store) for reference in listed.references] == [
        ("docker-daemon:app:1", "docker-daemon:"),
        ("containers-storage:app", "containers-storage:"),
        ("docker.io/library/nginx:1", "docker.io"),
    ]


def test_images_without_a_tag_are_counted() -> None:
    """``docker image ls`` lists them as <none>."""
    listed = listed_in("nginx:1\n<none>:<none>\napp:<none>\n")
    assert len(listed.references) == 1
    assert listed.warnings == ("standard input: 2 lines with <none>, which is no name to read an image by",)


@pytest.mark.parametrize("data", [b"", b"\n\n", b"# nothing\n", codecs.BOM_UTF8])
def test_an_empty_list_is_a_failure(data: bytes) -> None:
    assert "lists no references" in failure_of(listed_in(data))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"nginx\nredis \xff\n", "line 2: not a text in UTF-8: byte 0xff"),
        (b"\x1f\x8b\x08" + bytes(500), "is an archive"),
        (b"\x28\xb5\x2f\xfd" + bytes(500), "is an archive"),
        (bytes(257) + b"ustar\x0000", "is an archive"),
        (b"apiVersion: v1\nkind: List\n", "is YAML"),
        (b"services:\n  web:\n    image: nginx\n", "is YAML"),
    ],
)
def test_other_texts_than_lists(data: bytes, message: str) -> None:
    listed = listed_in(data)
    assert message in failure_of(listed)
    assert not listed.references


def test_a_text_that_is_no_list_ends_early() -> None:
    """A log has as many failures as fit a report, and says where reading stopped."""
    listed = listed_in("ERROR: it broke\n" * 10_000)
    assert len(listed.failures) == MAX_FAILURES + 1
    assert listed.failures[-1].message.endswith(f"those behind line {MAX_FAILURES} are not read")


def test_more_bytes_than_allowed_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "MAX_TEXT", 1 << 20)
    assert "more than 1,048,576 bytes" in failure_of(listed_in(b"nginx\n" * (1 << 20)))


def test_many_lines() -> None:
    """Each reference is kept, and the texts of all of them are those of the list."""
    listed = listed_in("".join(f"registry.io/app{number}:1\tteam{number % 7}\n" for number in range(200_000)))
    assert not listed.failures
    assert len(listed.references) == 200_000
    assert (listed.references[-1].name, listed.references[-1].line) == ("registry.io/app199999:1", 200_000)


def test_a_line_of_many_megabytes() -> None:
    listed = listed_in("nginx\n" + "a b#" * (8 << 20) + "\nredis\n")
    assert len(listed.references) >= 2
    assert all(len(reference.label) < 300 for reference in listed.references)


def test_a_pipe_by_its_path(tmp_path: Path) -> None:
    """As a shell makes one for ``ocisize fleet <(command)``."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=("nginx\n",))
    writer.start()
    listed = list_references([str(pipe)])
    writer.join()
    assert [reference.source for reference in listed.references] == [str(pipe)]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("", "is empty"), ("./missing.txt", "no such file or folder"), ("missing.txt", "no such file"),
        ("App:1", "invalid reference"), ("/proc/self/mem", "cannot read"), ("127.0.0.1:5000", "'127.0.0.1:5000/*'"),
        ("registry.io/team/", "'registry.io/team/*'"), ("oci-dir:missing", "cannot open missing"),
        ("*", "no registry"),
    ],
)  # fmt: skip
def test_sources_that_name_nothing(source: str, message: str) -> None:
    """The other sources are listed."""
    listed = list_references([source, "nginx"])
    assert len(listed.references) == 1
    assert message in failure_of(listed)


def test_a_registry_without_a_slash_is_warned_of() -> None:
    """Docker reads it as a name on Docker Hub."""
    assert "write 'registry.corp:5000/*'" in list_references(["registry.corp:5000"]).warnings[0]
    assert not list_references(["nginx:1.27", "registry.corp/app"]).warnings
