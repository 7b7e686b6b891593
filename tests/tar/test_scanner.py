"""scan_tar: header forms, odd and broken tars, as Go's archive/tar reads them."""

from __future__ import annotations

import io
import tarfile
import tempfile

import pytest
import xxhash

from ocisize.tar import header as headers
from ocisize.blob.region import FileRegion
from ocisize.errors import TarError
from ocisize.tar.filetable import NO_HASH, FileTable
from ocisize.tar.scanner import scan_tar
from ocisize.tar.window import ByteStream
from tests.images import DIR, Entry, Link, tar_bytes
from tests.strategies import (
    END, GNU, USTAR, V7, Bytes, Chopped, Skippable, base256, columns, header, long_name, member, old_sparse_header, padded, pax,
    record, scan, sparse_member,
)  # fmt: skip


def paths(table: FileTable) -> list[str]:
    return [entry.path for entry in table]


# Header forms


def test_a_row_has_all_that_its_header_says() -> None:
    """Path, kind, size, mode, owner and hash come from header and payload."""
    (entry,) = scan(member(b"bin/sh", b"hello", mode=0o4755, uid=7, gid=8))
    assert (entry.path, entry.kind, entry.size, entry.stored_size) == ("bin/sh", "file", 5, 5)
    assert (entry.mode, entry.uid, entry.gid, entry.link) == (0o4755, 7, 8, None)
    assert entry.content_hash == xxhash.xxh3_128_hexdigest(b"hello")


@pytest.mark.parametrize(("kind", "name"), [(b"1", "hardlink"), (b"2", "symlink"), (b"3", "char"), (b"4", "block"), (b"5", "dir"), (b"6", "fifo")])  # fmt: skip
def test_header_only_kinds_have_no_payload_whatever_their_size(kind: bytes, name: str) -> None:
    """A size in a header-only entry is not skipped and not counted."""
    table = scan(header(b"x", 5000, kind, link=b"target"), member(b"y", b"data"))
    assert [(entry.path, entry.kind, entry.size) for entry in table] == [("x", name, 0), ("y", "file", 4)]
    assert table[0].link == ("target" if kind in b"12" else None)
    assert table[0].content_hash is None


def test_a_posix_header_has_a_prefix() -> None:
    """prefix/name is the path of a ustar header."""
    assert paths(scan(header(b"name", prefix=b"some/folder"))) == ["some/folder/name"]


def test_a_prefix_and_a_name_may_fill_their_fields() -> None:
    """Fields without a terminating NUL are read to their ends."""
    assert paths(scan(header(b"n" * 100, prefix=b"p" * 155, link=b"l" * 100, kind=b"2"))) == ["p" * 155 + "/" + "n" * 100]


@pytest.mark.parametrize("magic", [V7, b"ustar 00", b"ustar\0"[:5] + b"x00"])
def test_text_where_other_headers_have_a_prefix_is_ignored(magic: bytes) -> None:
    """Only POSIX headers have a prefix."""
    assert paths(scan(header(b"name", magic=magic, prefix=b"text"))) == ["name"]


def test_gnu_headers_keep_times_where_posix_has_the_prefix() -> None:
    """Access and change time of a GNU header are not taken for a path."""
    assert paths(scan(header(b"name", magic=GNU, prefix=b"14000000000\x0014000000000\0"))) == ["name"]


def test_gnu_headers_by_old_go_have_a_prefix() -> None:
    """Go before 1.8 wrote a prefix into GNU headers; it is used when the times there are no numbers."""
    assert paths(scan(header(b"name", magic=GNU, prefix=b"some/folder"))) == ["some/folder/name"]
    assert paths(scan(header(b"name", magic=GNU, prefix="förder".encode()))) == ["name"]


def test_star_headers_have_a_shorter_prefix() -> None:
    """star's access and change times follow its prefix."""
    fields = {476: b"00000000001\x0000000000001\0", 508: b"tar\0"}
    assert paths(scan(header(b"name", prefix=b"p" * 131, fields=fields))) == ["p" * 131 + "/name"]


def test_gnu_long_names_and_links() -> None:
    """L and K give the next entry its path and target, in either order, and only the next."""
    name, link = b"n" * 300, b"l" * 700
    table = scan(long_name(link, b"K"), long_name(name), header(b"short", kind=b"2", link=b"cut"), header(b"next"))
    assert [(entry.path, entry.link) for entry in table] == [("n" * 300, "l" * 700), ("next", None)]


def test_pax_path_link_size_and_owner() -> None:
    """PAX records replace what the header says."""
    table = scan(
        pax((b"path", b"long/path"), (b"size", b"5"), (b"uid", b"3000000"), (b"gid", b"4000000000")),
        header(b"x", 0, mode=0o600, uid=1, gid=2), padded(b"hello"),
        pax((b"linkpath", b"far/away")), header(b"y", kind=b"1", link=b"near"),
        pax((b"uid", b"5")), header(b"z", mode=0o600, uid=1, gid=2),
    )  # fmt: skip
    assert [(entry.path, entry.size, entry.uid, entry.gid, entry.link) for entry in table] == [
        ("long/path", 5, 3000000, 4000000000, None), ("y", 0, 0, 0, "far/away"), ("z", 0, 5, 2, None),
    ]  # fmt: skip
    assert {entry.mode for entry in table} == {0o600, 0o644}


@pytest.mark.parametrize("number", [b"5", b"+5", b"0" * 40 + b"5"])
def test_numbers_of_pax_records_as_go_reads_them(number: bytes) -> None:
    """Sizes, owners and lengths may begin with a plus and zeros."""
    records = b"".join(b"+%d%b" % (len(part) + 3, part) for part in (b" size=" + number + b"\n", b" uid=" + number + b"\n"))
    (entry,) = scan(member(b"PaxHeaders/a", records, b"x"), header(b"x"), padded(b"hello"))
    assert (entry.size, entry.uid) == (5, 5)


def test_pax_size_of_a_header_only_entry_is_ignored() -> None:
    """A directory has no payload, whatever its PAX size says."""
    assert paths(scan(pax((b"size", b"700")), header(b"d/", kind=b"5"), header(b"e"))) == ["d", "e"]


def test_xattrs_are_binary_and_shared() -> None:
    """Extended attributes keep their bytes; equal ones are one object."""
    value = b"\x01\0\0\x02=\n\xff"
    table = scan(
        *[part for name in (b"a", b"b") for part in (pax((b"SCHILY.xattr.security.capability", value)), header(name))]
    )
    assert [entry.xattrs for entry in table] == [{"security.capability": value}] * 2
    assert table.xattrs[0] is table.xattrs[1]


def test_base_256_numbers() -> None:
    """Sizes and owners beyond octal digits are binary; owners may be negative."""
    table = scan(header(b"x", base256(600, 12), uid=base256(1 << 40, 8), gid=base256(-2, 8)), padded(bytes(600)))
    assert [(entry.size, entry.uid, entry.gid) for entry in table] == [(600, 1 << 40, -2)]


@pytest.mark.parametrize("size", [b"000000000005", b"         5\0 ", b"5\0", b"     5      ", b"\0\x00005", b"00000000005 "])
def test_sizes_in_all_spellings(size: bytes) -> None:
    """Twelve digits, leading spaces and early ends are numbers too."""
    table = scan(header(b"x", size), padded(b"hello"), header(b"y"))
    assert [(entry.path, entry.size) for entry in table] == [("x", 5), ("y", 0)]


def test_twelve_digits_count_all() -> None:
    """The twelfth digit of a size is not taken for the terminator."""
    assert scan(header(b"x", b"000000001000"), bytes(512))[0].size == 512


def test_signed_checksums() -> None:
    """Old tars summed signed bytes."""
    assert paths(scan(header("ü".encode() * 4, signed=True), header(b"next"))) == ["ü" * 4, "next"]


@pytest.mark.parametrize("checksum", [b"0000000\0", b"9999999\0", b"\x80\0\0\0\0\0\x10\0", b"77777777", b"garbage!"])
def test_wrong_checksums(checksum: bytes) -> None:
    """A block whose checksum is wrong is no header."""
    with pytest.raises(TarError, match="bad header checksum"):
        scan(header(b"first"), header(b"x", fields={148: checksum}))


def test_a_checksum_that_is_right_modulo_65521() -> None:
    """The fast comparison does not take a checksum that is off by its modulus."""
    good = header(b"x")
    wrong = b"%07o\0" % (int(good[148:154], 8) + 65521)
    fields = {148: wrong}
    with pytest.raises(TarError, match="bad header checksum"):
        scan(header(b"x", fields=fields))


def test_old_directories() -> None:
    """A name that ends in a slash is a directory where the type is NUL."""
    table = scan(header(b"d/", kind=b"\0", magic=V7), member(b"f", b"x", b"\0", magic=V7))
    assert [(entry.path, entry.kind, entry.size) for entry in table] == [("d", "dir", 0), ("f", "file", 1)]


def test_an_old_directory_with_a_long_name() -> None:
    """The slash that decides is the one of the whole name."""
    assert scan(long_name(b"d" * 200 + b"/"), header(b"d" * 100, kind=b"\0"))[0].kind == "dir"


def test_unknown_types_are_files_with_an_anomaly() -> None:
    """The payload of an unknown type counts; the first entry of each such type is named."""
    table = scan(member(b"./odd", b"12345", b"Q"), member(b"odder", b"1", b"Q"), member(b"v", b"", b"V"), header(b"y"))
    assert [(entry.path, entry.kind, entry.size) for entry in table[:2]] == [("odd", "file", 5), ("odder", "file", 1)]
    assert table.anomalies == (
        "entry 'odd' has the unknown type 'Q', which Docker and containerd refuse to unpack; counted as a file",
        "entry 'v' has the unknown type 'V', which Docker and containerd refuse to unpack; counted as a file",
    )


def test_contiguous_files_are_files() -> None:
    """Type 7 is a file like any other."""
    assert [(entry.kind, entry.size) for entry in scan(member(b"x", b"123", b"7"))] == [("file", 3)]


# Where readers differ: Go decides


def test_a_corrupt_header_in_the_middle() -> None:
    """A broken header is an error, not the end of the archive."""
    broken = bytearray(header(b"b"))
    broken[3] ^= 1
    with pytest.raises(TarError, match="bad header checksum at byte 1024") as raised:
        scan(member(b"a", b"x"), bytes(broken), header(b"c"))
    assert raised.value.offset == 1024


@pytest.mark.parametrize("window_size", [512, 1024, 4096, 1 << 16])
def test_a_bad_owner_behind_a_large_payload(window_size: int) -> None:
    """An error in a header names that header, wherever its payload has led."""
    broken = header(b"b", 3000, mode=b"odd\0\0\0\0\0") + padded(bytes(3000))
    with pytest.raises(TarError, match="is not a number at byte 512 of") as raised:
        scan_tar(Bytes(member(b"a") + broken + END), window_size=window_size)
    assert raised.value.offset == 512


@pytest.mark.parametrize("end", [b"", bytes(512), bytes(1024), bytes(10240), END + b"x", END + header(b"late") + END])
def test_ways_to_end(end: bytes) -> None:
    """None, one or more zero blocks end a tar; what follows two is not read."""
    table = scan(member(b"a", b"x"), end=end)
    assert (paths(table), table.tar_size) == (["a"], 1024 + len(end))


def test_one_zero_block_then_a_header() -> None:
    """A single zero block is no end marker."""
    with pytest.raises(TarError, match="single zero block at byte 1024"):
        scan(header(b"a"), bytes(512), header(b"b"))


@pytest.mark.parametrize("end", [bytes(512) + b"\0", bytes(512) + bytes(511), b"\0", b"x" * 511])
def test_an_end_within_a_block(end: bytes) -> None:
    """Blocks are whole."""
    with pytest.raises(TarError, match="the tar ends within"):
        scan(header(b"a"), end=end)


@pytest.mark.parametrize("kept", [1, 100, 511])
def test_a_truncated_last_padding(kept: int) -> None:
    """The padding of the last payload may be cut."""
    table = scan(member(b"a", b"x")[: 512 + kept], end=b"")
    assert [(entry.size, entry.content_hash) for entry in table] == [(1, xxhash.xxh3_128_hexdigest(b"x"))]
    assert table.tar_size == 512 + kept


@pytest.mark.parametrize("hash_content", [True, False])
@pytest.mark.parametrize("kept", [0, 1, 999])
def test_a_truncated_payload(kept: int, hash_content: bool) -> None:
    """A payload that is cut is an error that says how much there was, read or skipped."""
    data = header(b"file", 1000) + bytes(kept)
    for stream in (Bytes(data), Skippable(data, 1)):
        with pytest.raises(TarError, match=f"'file': {kept} of 1000 bytes, starting at byte 512"):
            scan_tar(stream, hash_content=hash_content)


def test_two_pax_headers_in_a_row() -> None:
    """The last of two PAX headers replaces the whole first."""
    table = scan(pax((b"path", b"first"), (b"uid", b"5")), pax((b"gid", b"6")), header(b"x"))
    assert [(entry.path, entry.uid, entry.gid) for entry in table] == [("x", 0, 6)]


@pytest.mark.parametrize("pax_first", [True, False])
def test_a_gnu_long_name_wins_over_a_pax_path(pax_first: bool) -> None:
    """L beats the PAX path, in either order."""
    special = [pax((b"path", b"pax"), (b"uid", b"5")), long_name(b"gnu")]
    table = scan(*(special if pax_first else special[::-1]), header(b"x"))
    assert [(entry.path, entry.uid) for entry in table] == [("gnu", 5)]


@pytest.mark.parametrize("key", [b"path", b"linkpath", b"uname", b"gname"])
def test_pax_names_with_nul(key: bytes) -> None:
    """A name with NUL is refused."""
    with pytest.raises(TarError, match="malformed PAX record"):
        scan(pax((key, b"a\0b")), header(b"x"))


def test_an_empty_pax_value_keeps_the_header() -> None:
    """An empty record is as good as none."""
    records = ((b"path", b""), (b"size", b""), (b"uid", b""), (b"linkpath", b""))
    table = scan(pax(*records), member(b"x", b"12", uid=4), pax(*records), header(b"y", kind=b"2", link=b"to"))
    assert [(entry.path, entry.size, entry.uid, entry.link) for entry in table] == [("x", 2, 4, None), ("y", 0, 0, "to")]


@pytest.mark.parametrize(
    "blocks",
    [
        header(b"x", base256(-1, 12)),
        header(b"x", base256(-1, 12), b"x"),
        pax((b"size", b"-1")) + header(b"x"),
        header(b"x", b"-0000000001\0"),
        header(b"x", b"00000000008\0"),
        header(b"x", b"x" * 12),
        header(b"x", b"\x80" + b"\x7f" * 11),
        header(b"x", mode=b"rwxr-xr\0"),
        header(b"x", uid=b"root\0\0\0\0"),
        pax((b"size", b"5x")) + header(b"x"),
        pax((b"uid", b"1_0")) + header(b"x"),
        pax((b"gid", b"9" * 30)) + header(b"x"),
        pax((b"gid", b"-+5")) + header(b"x"),
        header(b"x", fields={136: b"yesterday\0\0\0"}),
        header(b"x", fields={136: b"\x80" + b"\x7f" * 11}),
        header(b"x", fields={329: b"0000008\0"}),
        header(b"x", fields={337: b"minor\0\0\0"}),
        header(b"x", fields={337: b"minor\0\0\0"}, magic=GNU, prefix=b"a"),
        header(b"x", base256(-1, 12), b"7"),
        pax((b"size", b"1")) + header(b"x", base256(-1, 12)),
        header(b"x", kind=b"x", mode=b"rwxr-xr\0") + header(b"x"),
        header(b"x", kind=b"g", gid=b"root\0\0\0\0") + header(b"x"),
        header(b"x", kind=b"L", fields={136: b"yesterday\0\0\0"}) + header(b"x"),
    ],
)
def test_bad_numbers(blocks: bytes) -> None:
    """Numbers that are negative sizes, no numbers or too large are refused."""
    with pytest.raises(TarError, match="bad header"):
        scan(blocks)


def test_a_negative_size_where_there_is_no_payload() -> None:
    """The size of a directory does not matter."""
    assert paths(scan(header(b"d", base256(-1, 12), b"5"), header(b"x"))) == ["d", "x"]
    assert paths(scan(pax((b"size", b"-1")), header(b"d", kind=b"5"), header(b"x"))) == ["d", "x"]


def test_sizes_near_the_limit() -> None:
    """The largest size there is ends in a clear error."""
    with pytest.raises(TarError, match="0 of 9223372036854775807 bytes"):
        scan(header(b"x", base256((1 << 63) - 1, 12)), end=b"")
    with pytest.raises(TarError, match="of 9223372036854775807 bytes"):
        scan(pax((b"size", b"9223372036854775807")), header(b"x"))
    for key in (b"size", b"uid"):  # of 64 bits with a sign, as Go has them
        with pytest.raises(TarError, match="b'9223372036854775808' is not a number"):
            scan(pax((key, b"%d" % (1 << 63))), header(b"x"))


def test_global_headers_are_ignored() -> None:
    """Global PAX records apply to nothing."""
    table = scan(pax((b"path", b"other"), (b"uid", b"9"), (b"size", b"5"), kind=b"g"), member(b"x", b"1"), header(b"y"))
    assert [(entry.path, entry.size, entry.uid) for entry in table] == [("x", 1, 0), ("y", 0, 0)]


def test_a_global_header_uses_up_special_headers_before_it() -> None:
    """To Go a global header is an entry, so the special headers before it are not for the next file."""
    special = pax((b"uid", b"9")) + long_name(b"long")
    assert [(entry.path, entry.uid) for entry in scan(special, pax((b"uid", b"8"), kind=b"g"), header(b"x"))] == [("x", 0)]


def test_special_headers_without_an_entry() -> None:
    """Special headers before the end marker apply to nothing."""
    assert len(scan(pax((b"path", b"x")))) == 0


@pytest.mark.parametrize("kind", [b"x", b"g", b"L", b"K"])
def test_giant_special_headers(kind: bytes) -> None:
    """More than a megabyte of special header is refused before it is read."""
    with pytest.raises(TarError, match="extended header of"):
        scan(header(b"x", headers.MAX_SPECIAL + 1, kind))


@pytest.mark.parametrize("kind", [b"x", b"L"])
def test_truncated_special_headers(kind: bytes) -> None:
    """A special header that is cut is an error."""
    with pytest.raises(TarError, match="ends within an extended header"):
        scan(header(b"x", 700, kind), bytes(100), end=b"")


def test_giant_names() -> None:
    """A path longer than any system takes is refused."""
    with pytest.raises(TarError, match="path of"):
        scan(long_name(b"n" * (headers.MAX_NAME + 1)), header(b"x"))


@pytest.mark.parametrize("data", [b"", bytes(512), bytes(1024), bytes(5120)])
def test_empty_tars(data: bytes) -> None:
    """An empty file and nothing but zeros are empty layers."""
    table = scan_tar(Bytes(data))
    assert (len(table), list(table.paths), table.tar_size) == (0, [], len(data))


@pytest.mark.parametrize("data", [b"x" * 2000, b"\x7fELF" * 500, b"{}" * 400])
def test_what_is_not_a_tar(data: bytes) -> None:
    """The error for a file that is not a tar differs from that for a broken tar."""
    with pytest.raises(TarError, match="this is not a tar"):
        scan_tar(Bytes(data))


# Names


@pytest.mark.parametrize(
    ("name", "path"),
    [
        (b"./a", "a"), (b"/a", "a"), (b"a//b", "a/b"), (b"a/./b", "a/b"), (b"a/../b", "b"), (b"..", ".."), (b"../a", "../a"),
        (b"a/../../b", "../b"), (b"", ""), (b".", ""), (b"./", ""), (b"/", ""), (b"a/", "a"), (b"a/.", "a"), (b"a/b/..", "a"),
        (b"././a", "a"), (b".//a", "a"), (b"///a///", "a"), (b".wh..wh..opq", ".wh..wh..opq"), (b"a\\b", "a\\b"),
        (b"...", "..."), (b".a", ".a"), (b"a/..b", "a/..b"), ("é".encode(), "é"), (b"\xff/\xfe", "\udcff/\udcfe"), (b"a/..", ""),
    ],
)  # fmt: skip
def test_paths_have_one_form(name: bytes, path: str) -> None:
    """However a path is spelled, it comes out the same, alone or among others."""
    assert paths(scan(header(name))) == [path]
    assert paths(scan(header(b"x"), header(name), header(b"./y"))) == ["x", path, "y"]


def test_names_are_bytes() -> None:
    """Names that are not UTF-8 come back as the same bytes."""
    (entry,) = scan(header(b"\xff\xc3\x28.txt", kind=b"2", link=b"\xfe"))
    assert entry.path.encode("utf-8", "surrogateescape") == b"\xff\xc3\x28.txt"
    assert entry.link is not None and entry.link.encode("utf-8", "surrogateescape") == b"\xfe"


def test_links_stay_as_written() -> None:
    """The target of a link is not cleaned."""
    assert scan(header(b"x", kind=b"2", link=b"./a//b"))[0].link == "./a//b"


def test_many_entries_beyond_the_window() -> None:
    """Names stay with their rows when the window moves on."""
    names = [f"folder/file{number}" for number in range(3000)]
    table = scan_tar(
        Bytes(b"".join(member(name.encode(), b"x" * (len(name) % 3)) for name in names) + END), window_size=2048
    )
    assert paths(table) == names
    assert table.tar_size == table.ends[-1] + len(END)


# Contents and windows


def test_wanted_contents_are_kept() -> None:
    """Payloads that are asked for by path and size are kept, with and without hashes."""
    tar = member(b"./small", b"keep me") + member(b"big", b"z" * 5000) + member(b"empty") + header(b"dir", 0, b"5") + END
    asked: list[tuple[bytes, int]] = []

    def wanted(path: bytes, size: int) -> bool:
        asked.append((path, size))
        return size < 100

    for hash_content in (True, False):
        table = scan_tar(Bytes(tar), wanted=wanted, window_size=1024, hash_content=hash_content)
        assert table.contents == {0: b"keep me", 2: b""}
        hashes = [xxhash.xxh3_128_digest(data) for data in (b"keep me", b"z" * 5000, b"")] + [NO_HASH]
        assert bytes(table.hashes) == (b"".join(hashes) if hash_content else b"")
    assert asked == [(b"small", 7), (b"big", 5000), (b"empty", 0)] * 2


@pytest.mark.parametrize("window_size", [1024, 1536, 4096, 64 << 10, 256 << 10])
@pytest.mark.parametrize("format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_payloads_are_kept_by_a_part_of_their_path(window_size: int, format: int) -> None:
    """Wherever a payload lies in the window, however its name is stored, and in the order of the entries."""
    entries: dict[str, Entry] = {}
    for number in range(60):
        directory = f"{'x/' * (number % 3 * 45)}{number}"
        entries[f"{directory}"] = DIR
        entries[f"./{directory}/a.json"] = f"{number}".encode() * (number * 37 % 900)
        entries[f"{directory}/b.js"] = bytes(number * 97 % 3000)
        entries[f"{directory}/a.map.js"] = b"no"
        entries[f"{directory}/link/a.json"] = Link("b.js")
    asked: list[bytes] = []

    def wanted(path: bytes, size: int) -> bool:
        asked.append(path)
        return size % 5 != 0

    tar = tar_bytes(entries, format=format)
    table = scan_tar(Bytes(tar), wanted=wanted, beginnings=(), path_parts=(b"/a.js", b"/none"), window_size=window_size)
    expected = {name[2:]: data for name, data in entries.items() if name.startswith("./") and isinstance(data, bytes)}
    assert asked == [name.encode() for name in expected]
    assert {table.paths[row].decode(): content for row, content in table.contents.items()} == {
        name: data for name, data in expected.items() if len(data) % 5
    }
    plain = scan_tar(Bytes(tar))
    assert (table.hashes, list(table.sizes), list(table.ends)) == (plain.hashes, list(plain.sizes), list(plain.ends))


def test_bytes_behind_a_name_are_not_part_of_it() -> None:
    """Old writers leave bytes behind the NUL that ends a name."""
    tar = header(b"a\0/package.json", size=2) + padded(b"{}") + header(b"b/package.json\0x", size=2) + padded(b"[]") + END
    table = scan_tar(Bytes(tar), wanted=lambda *_: True, beginnings=(), path_parts=(b"package.json",))
    assert table.contents == {1: b"[]"}


def test_only_names_with_a_wanted_beginning_are_asked_about() -> None:
    """Beginnings spare the question for all other files; names from extended headers are compared like the others."""
    deep = b"./var/lib/dpkg/" + b"x" * 120
    tar = member(b"./var/lib/dpkg/status", b"one") + member(b"var/lib/dpkg/lock", b"two") + member(b"etc/passwd", b"three")
    tar += long_name(deep) + member(b"short", b"four") + END
    asked: list[bytes] = []

    def wanted(path: bytes, _: int) -> bool:
        asked.append(path)
        return not path.endswith(b"x")

    table = scan_tar(Bytes(tar), wanted=wanted, beginnings={b"./var/lib/dpkg/sta", b"./var/lib/dpkg/xxx"})
    assert asked == [b"var/lib/dpkg/status", deep[2:]]
    assert table.contents == {0: b"one"}
    assert table.hash_of(0) == xxhash.xxh3_128_digest(b"one")


@pytest.mark.parametrize("window_size", [512, 1024, 2048, 1 << 16])
@pytest.mark.parametrize(
    "records", [[(b"mtime", b"1700000000.123456789")], [(b"path", b"etc/os-release")], [(b"uid", b"7")]]
)
def test_short_names_are_asked_about_behind_extended_headers(records: list[tuple[bytes, bytes]], window_size: int) -> None:
    """Names shorter than the beginnings are padded like them, whichever way their headers are read."""
    tar = (pax(*records) + member(b"etc/os-release", b"text")) * 5 + END
    beginnings = {b"etc/os-release".ljust(18, b"\0")}
    table = scan_tar(Bytes(tar), wanted=lambda *_: True, beginnings=beginnings, window_size=window_size)
    assert table.contents == dict.fromkeys(range(5), b"text")


def test_payloads_are_skipped_where_the_stream_can(tmp_path: object) -> None:
    """Without hashes a stream that can skip is read for its headers only."""
    stream = Skippable(member(b"a", bytes(1 << 20)) + member(b"b", b"x") + END, 1)
    table = scan_tar(stream, hash_content=False, window_size=1024)
    assert (paths(table), table.tar_size, bytes(table.hashes)) == (["a", "b"], (1 << 20) + 1536 + 1024, b"")


@pytest.mark.parametrize("seed", range(20))
def test_windows_and_chops_change_nothing(seed: int) -> None:
    """All header forms come out the same from a tiny window and a stream of short reads."""
    pairs = [(number * 1000, 10) for number in range(25)]
    tar = b"".join([
        member(b"a", b"1" * 3000), sparse_member("1.0", 5000, [(0, b"x" * 20), (4000, b"y" * 980)], b"s", (b"comment", b"c" * 3000)),
        long_name(b"n" * 1500), long_name(b"l" * 300, b"K"), header(b"x", kind=b"2"),
        old_sparse_header(250, 1 << 20, pairs), padded(bytes(250)),
        pax((b"path", b"p" * 600), kind=b"g"), member(b"b", b"2" * 512), header(b"d/", kind=b"5"), member(b"c", b"3" * 1025), END * 3,
    ])  # fmt: skip
    expected = columns(scan_tar(Bytes(tar)))
    assert expected["tar_size"] == len(tar)
    for stream in (Chopped(tar, seed), Skippable(tar, seed)):
        assert columns(scan_tar(stream, window_size=1024)) == expected
        stream.position = 0
    for other in (Chopped(tar, seed), Skippable(tar, seed)):
        found = scan_tar(other, window_size=512, hash_content=False)
        assert columns(found, hashes=False) == expected | {"hashes": None}


def test_records_count_themselves() -> None:
    """The length of our test records is right around powers of ten."""
    for size in (1, 90, 91, 92, 93, 94, 95, 990, 991, 992, 993):
        made = record(b"k", b"v" * size)
        assert int(made.split(b" ")[0]) == len(made)


def test_a_region_is_a_stream(tmp_path: object) -> None:
    """FileRegion can read and skip, which in-place scanning relies on."""
    from ocisize.tar.window import SkippableStream

    assert isinstance(FileRegion(0, 0, 0), SkippableStream)


@pytest.mark.parametrize("window_size", [512, 2048, 65_536])
def test_a_file_that_is_cut_ends_as_a_stream_does(window_size: int) -> None:
    """In place, the table or the error of a file shorter than its region are those of a stream that skips and then ends."""
    tar = member(b"a", b"1" * 3000) + member(b"b", b"2" * 40_000) + member(b"c", b"3" * 700) + member(b"d", b"4") + END

    def outcome(stream: ByteStream) -> object:
        try:
            return columns(scan_tar(stream, hash_up_to=1000, window_size=window_size))
        except TarError as error:
            return str(error), error.offset, error.truncated

    outcomes = []
    for kept in (0, 512, 600, 3584, 4096, 4608, 5000, 44_544, 45_056, 45_100, 45_568, 45_600, 46_080, 47_104, len(tar)):
        with tempfile.TemporaryFile() as file:
            file.write(b"before" + tar[:kept])
            file.flush()
            outcomes.append(outcome(FileRegion(file.fileno(), 6, len(tar))))
        assert outcomes[-1] == outcome(Skippable(tar[:kept], 1))
    assert len({str(ending) for ending in outcomes}) > 10


@pytest.mark.parametrize("window_size", [512, 4096, 262_144])
def test_a_tar_cut_behind_a_global_header(window_size: int) -> None:
    """After a special header has moved the window, its old bounds are not used."""
    first = member(b"a", bytes(window_size - 1536 if window_size > 1536 else 0))
    special = member(b"pax_global", record(b"comment", b"c" * 2000), b"g")
    whole = first + special + member(b"f", b"Z" * 200_000) + END
    assert [entry.size for entry in scan_tar(Bytes(whole), window_size=window_size)][-1] == 200_000
    for cut in range(len(first) + len(special) + 1024, len(whole) - 4096, 1024):
        with pytest.raises(TarError, match="ends within"):
            scan_tar(Bytes(whole[:cut]), window_size=window_size)
