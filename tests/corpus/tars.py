"""Layers whose tar is broken, odd or out to climb somewhere."""

from __future__ import annotations

from collections.abc import Iterator

from tests.corpus.cases import Case, Verdict, of_tar
from tests.strategies import END, GNU, V7, base256, header, long_name, member, pax, record, sparse_member

FINE = member(b"etc/a", b"a" * 100)
HIDDEN = member(b"etc/hidden", b"h" * 100)
_ESCAPES = b"\x1b]0;pwned\x07\x1b[31mred\x9b2J\r\nnext"


def tar_cases() -> Iterator[Case]:
    """All of them."""
    yield from _headers()
    yield from _numbers()
    yield from _special_headers()
    yield from _sparse()
    yield from _paths()
    yield from _names()
    yield from _whiteouts()
    yield from _links()


def _case(name: str, verdict: Verdict, message: str, *layers: bytes, options: tuple[str, ...] = ()) -> Case:
    return Case(f"tar-{name}", verdict, message, lambda: of_tar(*layers), options)


def _headers() -> Iterator[Case]:
    corrupt = bytearray(FINE + HIDDEN)
    corrupt[700] ^= 1
    yield _case(
        "corrupt-header-in-the-middle",
        "reject",
        r"bad header checksum at byte 1024",
        FINE,
        bytes(FINE + b"x" * 512 + HIDDEN + END),
    )
    yield _case("corrupt-payload-is-content", "accept", "", bytes(corrupt) + END)
    yield _case("corrupt-type", "reject", "bad header checksum", FINE + HIDDEN[:156] + b"5" + HIDDEN[157:] + END)
    yield _case("bad-first-checksum", "reject", "not a tar", HIDDEN[:10] + b"!" + HIDDEN[11:] + END)
    yield _case("no-checksum", "reject", "bad header checksum", FINE + header(b"x", fields={148: bytes(8)}) + END)
    yield _case("binary-checksum", "reject", "bad header checksum", FINE + header(b"x", fields={148: base256(1, 8)}) + END)
    yield _case("text", "reject", "not a tar", b"<html>" * 200)
    yield _case("zip", "reject", "not a tar", b"PK\3\4" + bytes(2000) + b"x" * 512)
    yield _case("empty", "accept", "", b"")
    yield _case("zeros-only", "accept", "", bytes(10240))
    yield _case(
        "header-behind-one-zero-block", "reject", "a header follows a single zero block", FINE + bytes(512) + HIDDEN + END
    )
    yield _case("header-behind-the-end", "accept", "", FINE + END + HIDDEN + END)
    yield _case("no-end", "accept", "", FINE)
    yield _case("one-end-block", "accept", "", FINE + bytes(512))
    yield _case("end-within-header", "reject", "ends within a header", FINE + HIDDEN[:300])
    yield _case("end-within-payload", "reject", "ends within 'etc/hidden': 88 of 100 bytes", FINE + HIDDEN[:600])
    yield _case("end-within-end", "reject", "ends within its end marker", FINE + bytes(700))
    yield _case("garbage-behind-the-end", "accept", "", FINE + END + b"garbage")
    yield _case("twice", "accept", "", FINE + END + FINE + END)


def _numbers() -> Iterator[Case]:
    for name, size in (("minus-one", -1), ("most-negative", -(1 << 63)), ("beyond-64-bits", 1 << 70)):
        what = "number beyond 64 bits" if size > 0 else f"negative size {size}"
        yield _case(f"size-{name}", "reject", what, FINE + header(b"x", base256(size, 12)) + END)
    yield _case("size-huge", "reject", "ends within 'x'", FINE + header(b"x", base256((1 << 63) - 1, 12)) + END)
    yield _case("size-8-GiB-octal", "reject", "ends within 'x'", FINE + header(b"x", b"77777777777\0") + END)
    yield _case("size-hexadecimal", "reject", "is not a number", FINE + header(b"x", b"0x100\0") + END)
    yield _case("size-signed", "reject", "is not a number", FINE + header(b"x", b"-0000000001\0") + END)
    yield _case("size-underscores", "reject", "is not a number", FINE + header(b"x", b"1_0_0\0") + END)
    yield _case("size-other-digits", "reject", "number beyond 64 bits", FINE + header(b"x", "١٢".encode() + bytes(4)) + END)
    yield _case("size-of-a-directory", "accept", "", header(b"d/", 5000, b"5") + FINE + END)
    yield _case("size-of-a-directory-negative", "accept", "", header(b"d/", base256(-5, 12), b"5") + FINE + END)
    yield _case("size-of-a-link", "accept", "", header(b"l", 5000, b"2", link=b"t") + FINE + END)
    yield _case("mode-not-a-number", "reject", "is not a number", FINE + header(b"x", mode=b"rwxrwxrw") + END)
    yield _case("owner-base-256", "accept", "", FINE + header(b"x", uid=base256(-1, 8), gid=base256((1 << 55) - 1, 8)) + END)


def _special_headers() -> Iterator[Case]:
    big = (1 << 20) + 1
    for kind, named in ((b"x", "x"), (b"g", "g"), (b"L", "L"), (b"K", "K"), (b"X", "solaris-x")):
        what = "extended header of 1048577 bytes, more than 1048576"
        yield _case(f"special-{named}-giant", "reject", what, FINE + member(b"p", b"x" * big, kind) + END)
        claim = header(b"p", base256(1 << 50, 12), kind)
        yield _case(
            f"special-{named}-claims-a-petabyte", "reject", "extended header of 1125899906842624", FINE + claim + END
        )
        yield _case(
            f"special-{named}-negative",
            "reject",
            "extended header of -1",
            FINE + header(b"p", base256(-1, 12), kind) + END,
        )
        yield _case(
            f"special-{named}-cut", "reject", "ends within an extended header", FINE + header(b"p", 2000, kind) + END
        )
    for name, payload in (
        ("no-length", b"path=x\n"), ("length-zero", b"0 path=x\n"), ("length-beyond", b"99 path=x\n"),
        ("length-huge", b"9" * 30 + b" path=x\n"), ("length-negative", b"-9 path=x\n"), ("no-newline", b"10 path=xy"),
        ("no-equals", b"8 pathx\n"), ("no-key", b"5 =x\n"), ("nul-in-key", record(b"a\0b", b"x")),
        ("nul-in-path", record(b"path", b"a\0b")), ("nul-in-link", record(b"linkpath", b"a\0b")),
        ("only-spaces", b" " * 600), ("length-in-other-digits", "١٢ path=x\n".encode()),
    ):  # fmt: skip
        yield _case(f"pax-{name}", "reject", "malformed PAX record", FINE + member(b"p", payload, b"x") + HIDDEN + END)
    for name, key, value in (
        ("size-negative", b"size", b"-1"), ("size-huge", b"size", b"9" * 30), ("size-float", b"size", b"1.5"),
        ("uid-text", b"uid", b"root"), ("uid-huge", b"uid", b"9" * 30),
    ):  # fmt: skip
        yield _case(f"pax-{name}", "reject", "is not a number|negative size", FINE + pax((key, value)) + HIDDEN + END)
    yield _case(
        "pax-size-of-a-petabyte",
        "reject",
        "ends within 'etc/hidden'",
        FINE + pax((b"size", b"1125899906842624")) + HIDDEN + END,
    )
    yield _case("pax-many-records", "accept", "", pax(*[(b"k%d" % number, b"v") for number in range(60_000)]) + FINE + END)
    yield _case("pax-same-record", "accept", "", pax(*[(b"path", b"p%d" % number) for number in range(60_000)]) + FINE + END)
    yield _case("pax-last-without-entry", "accept", "", FINE + pax((b"path", b"x")) + END)
    yield _case("pax-global", "accept", "", pax((b"path", b"x"), kind=b"g") + FINE + END)
    yield _case("pax-xattrs-hostile", "accept", "", pax((b"SCHILY.xattr." + _ESCAPES, b"\0\xff")) + FINE + END)
    yield _case("long-name-chain", "accept", "cannot be part of a filesystem", long_name(b"a" * 5000) * 200 + FINE + END)
    yield _case("long-link-chain", "accept", "", (long_name(b"a" * 5000, b"K") + long_name(b"b" * 300)) * 200 + FINE + END)
    yield _case("mixed-chain", "accept", "", (pax((b"path", b"x" * 3000)) + long_name(b"y" * 3000)) * 300 + FINE + END)
    yield _case("long-name-of-a-long-name", "reject", "bad header checksum", long_name(b"a")[:512] + FINE + FINE + END)
    yield _case("long-name-65537", "reject", "path of 65537 bytes", FINE + long_name(b"n" * 65537) + HIDDEN + END)
    yield _case(
        "long-link-65537",
        "reject",
        "link target of 65537 bytes",
        FINE + long_name(b"n" * 65537, b"K") + header(b"l", kind=b"2") + END,
    )
    yield _case("unknown-type", "accept", "has the unknown type 'Z'", header(b"z", 100, b"Z") + bytes(512) + FINE + END)
    yield _case(
        "unknown-type-escape",
        "accept",
        r"has the unknown type '\\x1b'",
        header(b"\x1b[2J", 100, b"\x1b") + bytes(512) + FINE + END,
    )
    yield _case("v7", "accept", "", member(b"old", b"x", b"\0", magic=V7) + END)
    yield _case("prefix-of-garbage", "accept", "", header(b"x", prefix=b"\xff" * 155) + END)


def _sparse() -> Iterator[Case]:
    def old(pairs: bytes, size: bytes, more: bytes = b"\0", payload: int = 0) -> bytes:
        return header(b"s", payload, b"S", magic=GNU, fields={386: pairs, 482: more, 483: size})

    def pair(offset: int, length: int) -> bytes:
        return b"%011o\0%011o\0" % (offset, length)

    exabyte = base256(1 << 60, 12)
    holes = "bytes of holes in sparse files of all layers"
    yield _case("sparse-exabyte", "limit", holes, old(pair(0, 0), exabyte) + FINE + END)
    yield _case("sparse-pebibyte", "accept", "the sparse file", old(pair(0, 0), base256(1 << 50, 12)) + FINE + END)
    yield _case("sparse-overlap", "reject", "malformed sparse map", FINE + old(pair(0, 10) + pair(5, 10), exabyte) + END)
    yield _case("sparse-backwards", "reject", "malformed sparse map", FINE + old(pair(20, 1) + pair(5, 1), exabyte) + END)
    yield _case("sparse-beyond-its-size", "reject", "malformed sparse map", FINE + old(pair(20, 100), pair(5, 0)[:12]) + END)
    yield _case(
        "sparse-negative", "reject", "malformed sparse map", FINE + old(base256(-5, 12) + base256(9, 12), exabyte) + END
    )
    block = b"".join(pair(number * 2, 1) for number in range(21)) + b"\1" + bytes(7)
    yield _case(
        "sparse-endless-map", "reject", "sparse map|malformed", FINE + old(pair(0, 0), exabyte, b"\1") + block * 3000 + END
    )
    yield _case("sparse-map-cut", "reject", "ends within a sparse map", FINE + old(pair(0, 0), exabyte, b"\1"))
    yield _case("sparse-by-star", "reject", "not in GNU format", FINE + header(b"s", 0, b"S") + END)
    pax_map = (b"GNU.sparse.map", b",".join(b"%d,1" % (2 * number) for number in range(50_000)))
    sizes = (b"GNU.sparse.size", b"1000000"), (b"GNU.sparse.numblocks", b"50000")
    yield _case("sparse-pax-large-map", "accept", "", pax(pax_map, *sizes) + member(b"x", b"1" * 50_000) + END)
    for name, key, value in (
        ("time", b"mtime", b"soon"),
        ("fraction", b"atime", b"1.5e3"),
        ("date", b"ctime", b"2024-01-01"),
    ):
        yield _case(f"pax-{name}-is-none", "reject", "is not a", pax((key, value)) + FINE + END)
    yield _case("time-is-none", "reject", "is not a number", header(b"x", fields={136: b"yesterday\0"}) + END)
    yield _case("device-is-none", "reject", "is not a number", header(b"x", fields={329: b"none\0"}) + END)
    for name, value in (("odd", b"0"), ("text", b"a,b"), ("overlap", b"0,5,3,5"), ("beyond", b"0,99999")):
        records = pax((b"GNU.sparse.map", value), (b"GNU.sparse.size", b"100"))
        yield _case(f"sparse-pax-{name}", "reject", "sparse map|is not a number|bad header", FINE + records + HIDDEN + END)
    yield _case(
        "sparse-pax-exabytes", "limit", holes, sparse_member("1.0", 8 * 10**18, [(0, b"x")]) * 3 + END,
    )  # fmt: skip
    for name, lines in (
        ("none", b"hello"),
        ("short", b"2\n0\n1\n"),
        ("beyond", b"1\n0\n9\n"),
        ("endless", b"9999999999999999\n"),
    ):
        records = pax((b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0"), (b"GNU.sparse.realsize", b"99"))
        yield _case(
            f"sparse-map-{name}",
            "reject",
            "malformed sparse map",
            FINE + records + member(b"x", lines.ljust(512, b"\0") + b"1") + END,
        )
    total = pax((b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0"), (b"GNU.sparse.realsize", b"9" * 19)) + FINE
    yield _case("sparse-pax-more-than-64-bits", "reject", "is not a number", FINE + total + END)


def _paths() -> Iterator[Case]:
    outside = r"the path '\.\./.*' cannot be part of a filesystem"
    yield _case("path-climbs", "accept", outside, member(b"../../etc/passwd", b"x") + FINE + END)
    yield _case("path-climbs-later", "accept", outside, member(b"a/../../../etc/passwd", b"x") + FINE + END)
    yield _case("path-absolute", "accept", "", member(b"//etc//passwd", b"x") + FINE + END)
    yield _case("path-dots", "accept", "", member(b"./././etc/./x/../y", b"x") + FINE + END)
    yield _case(
        "path-only-dots",
        "accept",
        "cannot be part of a filesystem",
        member(b"..", b"x") + member(b".", b"y") + member(b"/", b"z") + FINE + END,
    )
    yield _case("path-empty", "accept", "cannot be part of a filesystem", member(b"", b"x") + FINE + END)
    yield _case("path-slashes", "accept", "cannot be part of a filesystem", member(b"/" * 100, b"x") + FINE + END)
    yield _case("path-backslashes", "accept", "", member(b"..\\..\\windows\\system32", b"x") + FINE + END)
    yield _case("path-drive", "accept", "", member(b"C:\\x", b"x") + member(b"C:/x", b"x") + END)
    beyond = r"the path '.*' cannot be part of a filesystem"
    yield _case("path-32768-deep", "accept", beyond, long_name(b"d/" * 32767 + b"f") + FINE + END)
    yield _case("path-2048-deep", "accept", "", long_name(b"d/" * 2047 + b"f") + FINE + END)
    deep = b"".join(long_name(b"d/" * depth + b"f%d" % depth) + FINE for depth in range(1, 2000, 13))
    yield _case("paths-of-all-depths", "accept", "", deep + END, deep + END)
    nested = b"".join(long_name(b"d/" * depth) + header(b"d/", kind=b"5") for depth in range(1, 2048))
    yield _case("directories-2047-deep", "accept", "", nested + END, member(b"d", b"file over it all") + END)
    yield _case("directories-2047-deep-deleted", "accept", "", nested + FINE + END, header(b".wh.d") + END)
    climbing = b"".join(long_name(b"d/" * 3000 + b"../" * 2999 + b"f%d" % number) + FINE for number in range(200))
    yield _case("path-down-and-up", "accept", "", climbing + END)
    yield _case("path-component-300", "accept", "", long_name(b"c" * 300) + FINE + END)
    yield _case(
        "path-directory-is-file", "accept", "", member(b"a", b"x") + member(b"a/b", b"y") + member(b"a/b/c", b"z") + END
    )


def _names() -> Iterator[Case]:
    for name, text in (
        ("escapes", _ESCAPES), ("not-utf-8", b"\xff\xfe\x80"), ("newlines", b"a\n::error::b\r\nc"),
        ("direction", "\u202egnp.exe\u2066\u200f".encode()), ("html", b"<script>alert(1)<_script>"),
        ("formula", b"=cmd|' _C calc'!A0"), ("markdown", b"|`a`](javascript:x)"), ("surrogates", b"\xed\xa0\x80\xed\xb0\x80"),
        ("overlong", b"\xc0\xaf\xe0\x80\xaf"), ("beyond-unicode", b"\xf4\x90\x80\x80\xf8\x88\x80\x80\x80"),
        ("noncharacters", "\ufffe\uffff\U0010ffff".encode()), ("tabs", b"a\tb\x0bc\x0cd"), ("c1", "\x85\x9b31m".encode()),
        ("spaces", b"   "), ("options", b"--help"), ("tilde", b"~root"), ("variables", b"$(reboot)`x`${HOME}%s%n{0}"),
        ("combining", ("e" + "\u0301" * 40).encode()), ("wide", "漢字😀".encode() * 5), ("line-separators", "a\u2028b\u2029c".encode()),
    ):  # fmt: skip
        files = member(text + b"/f", b"x" * 9) + member(text + b"2", b"y" * 9) + header(b"l" + text, kind=b"2", link=text)
        yield _case(
            f"name-{name}", "accept", "", files + END, member(text + b"/f", b"other") + header(b".wh." + text + b"2") + END
        )
    yield _case("name-nul", "accept", "", member(b"shown\0hidden", b"x") + END)
    yield _case("name-nul-first", "accept", "cannot be part of a filesystem", member(b"\0hidden", b"x") + END)
    yield _case("name-nul-only-in-long-name", "accept", "", long_name(b"a\0b") + FINE + END)
    yield _case(
        "name-escapes-in-a-warning", "accept", r"cannot be part of a filesystem", member(b"../" + _ESCAPES, b"x") + END
    )
    yield _case("name-escapes-in-an-error", "reject", r"ends within '.*pwned", FINE + header(_ESCAPES, 100))


def _whiteouts() -> Iterator[Case]:
    for name, text in (("alone", b".wh."), ("dot", b".wh.."), ("dots", b".wh..."), ("in-a-folder", b"a/.wh...")):
        yield _case(f"whiteout-{name}", "accept", "names nothing", FINE + END, header(text) + END)
    yield _case("whiteout-of-nothing", "accept", "", FINE + END, header(b"x/.wh.y") + END)
    yield _case("whiteout-with-content", "accept", "", FINE + END, member(b"etc/.wh.a", b"x" * 1000) + END)
    yield _case("whiteout-directory", "accept", "", FINE + END, header(b"etc/.wh.a/", kind=b"5") + END)
    yield _case(
        "whiteout-of-the-parent", "accept", "names nothing", FINE + END, header(b"etc/.wh...") + header(b"etc/.wh..") + END
    )
    yield _case("whiteout-and-file", "accept", "", FINE + END, header(b"etc/.wh.a") + FINE + header(b"etc/.wh.a") + END)
    yield _case("opaque-root", "accept", "", FINE + END, header(b".wh..wh..opq") + END)
    yield _case("opaque-twice", "accept", "", FINE + END, header(b"etc/.wh..wh..opq") * 100 + END)
    yield _case(
        "whiteout-of-a-whiteout",
        "accept",
        "cannot be part of a filesystem",
        FINE + END,
        header(b"etc/.wh..wh.a") + header(b".wh..wh.aufs") + END,
    )
    many = b"".join(header(b"d%d/.wh.f" % number) + header(b"d%d/.wh..wh..opq" % number) for number in range(5000))
    tops = b"".join(member(b"d%d/f" % number, b"x") for number in range(5000))
    yield _case("whiteouts-by-the-thousand", "accept", "", tops + END, many + END, tops + END, many + END)


def _links() -> Iterator[Case]:
    circle = b"".join(header(b"l%d" % number, kind=b"2", link=b"l%d" % ((number + 1) % 50)) for number in range(50))
    yield _case(
        "symlinks-in-a-circle",
        "accept",
        "is a symlink of a lower layer",
        circle + member(b"l0/x", b"x") + END,
        member(b"l7/y", b"y") + END,
    )
    yield _case("symlink-to-itself", "accept", "", header(b"l", kind=b"2", link=b"l") + member(b"l/x/y", b"x") + END)
    yield _case(
        "symlink-to-its-parent", "accept", "", header(b"a/l", kind=b"2", link=b"..") + member(b"a/l/a/l/a/l/f", b"x") + END
    )
    yield _case("symlink-out", "accept", "", header(b"l", kind=b"2", link=b"../../../etc") + member(b"l/passwd", b"x") + END)
    yield _case("symlink-absolute", "accept", "", header(b"l", kind=b"2", link=b"/etc") + member(b"l/passwd", b"x") + END)
    doubling = b"".join(
        header(b"l%d" % number, kind=b"2", link=b"l%d/l%d" % (number - 1, number - 1)) for number in range(1, 60)
    )
    yield _case("symlinks-that-double", "accept", "", header(b"l0/", kind=b"5") + doubling + member(b"l59/f", b"x") + END)
    through = b"".join(member(b"l0/" * 20 + b"f%d" % number, b"x") for number in range(2000))
    yield _case("symlinks-followed-often", "accept", "", header(b"l0", kind=b"2", link=b".") + through + END)
    yield _case("hardlink-to-itself", "accept", "has no target", header(b"h", kind=b"1", link=b"h") + END)
    rings = header(b"a", kind=b"1", link=b"b") + header(b"b", kind=b"1", link=b"a")
    yield _case("hardlinks-in-a-ring", "accept", "has no target", rings + END)
    yield _case("hardlink-out", "accept", "has no target", header(b"h", kind=b"1", link=b"../../etc/shadow") + END)
    yield _case(
        "hardlink-to-a-directory",
        "accept",
        "has no target",
        header(b"d/", kind=b"5") + header(b"h", kind=b"1", link=b"d") + END,
    )
    yield _case("hardlink-to-nothing", "accept", "has no target", header(b"h", kind=b"1") + END)
    yield _case(
        "hardlink-below", "accept", "points to a lower layer", FINE + END, header(b"h", kind=b"1", link=b"etc/a") + END
    )
    chain = b"".join(header(b"h%d" % number, kind=b"1", link=b"h%d" % (number - 1)) for number in range(1, 5000))
    yield _case("hardlink-chain", "accept", "", member(b"h0", b"x") + chain + END)
    yield _case("hardlink-over-a-directory", "accept", "", member(b"d/f", b"x") + header(b"d", kind=b"1", link=b"d/f") + END)
    devices = b"".join(header(b"dev%d" % kind, kind=b"%d" % kind, fields={329: b"0000377\0"}) for kind in (3, 4, 6))
    yield _case("devices", "accept", "", devices + END)
    yield _case(
        "device-over-a-file", "accept", "", FINE + END, header(b"etc/a", kind=b"3") + header(b"etc", kind=b"6") + END
    )
    aufs = member(b".wh..wh.plnk/1", b"x" * 100) + header(b"a", kind=b"1", link=b".wh..wh.plnk/1")
    yield _case("aufs-link", "accept", "has no target", aufs + header(b"b", kind=b"1", link=b".wh..wh.plnk/2") + END)
