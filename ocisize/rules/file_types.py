"""File types: what a file is for, by its path alone.

The type is decided by the directory (files in ``/usr/share/man`` are documentation, compressed or not), then by the
extension, by a version after ``.so``, and by a directory of programs. Other extensions are their own types: ``.dat``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

#: type → extensions, in lower case
EXTENSIONS: Mapping[str, str] = {
    "shared libraries": "so dylib dll node",
    "static libraries": "a la lib",
    "object files": "o obj",
    "kernel modules": "ko",
    "Python bytecode": "pyc pyo",
    "Python sources": "py pyi pyx pxd pxi",
    "JavaScript": "js mjs cjs jsx",
    "TypeScript": "ts mts cts tsx",
    "source maps": "map",
    "web pages and styles": "html htm xhtml css scss sass less",
    "C and C++ sources": "h hh hpp hxx h++ inc c cc cpp cxx tcc ipp",
    "Rust sources and crates": "rs rlib rmeta crate",
    "Go sources": "go",
    "Java archives": "jar war ear jmod",
    "Java sources and classes": "java class kt scala",
    "Perl": "pl pm pod ph",
    "Ruby": "rb erb rbs gem",
    "PHP": "php phar",
    "R data": "r rd rda rdb rdx rds",
    "WebAssembly": "wasm",
    "shell scripts": "sh bash zsh fish",
    "packages": "deb udeb rpm apk whl egg nupkg",
    "archives": "tar gz tgz bz2 tbz2 xz txz zst tzst lz lz4 lzma br zip 7z rar cpio",
    "model weights": "safetensors pt pth ckpt onnx gguf ggml h5 keras pb tflite joblib",
    "tables and arrays": "csv tsv parquet arrow feather npy npz mat",
    "JSON, YAML and XML": "json jsonl yaml yml toml xml xsd",
    "plain text": "txt md rst adoc tex log",
    "databases": "db sqlite sqlite3 mdb",
    "translations": "mo po pot",
    "fonts": "ttf otf ttc woff woff2 eot pfb pfa pcf afm",
    "pictures": "png jpg jpeg gif svg svgz ico webp bmp tif tiff avif xpm",
    "sound and video": "mp3 mp4 m4a ogg wav flac webm mkv avi mov",
    "PDF and office documents": "pdf ps eps doc docx xls xlsx odt",
    "certificates and keys": "pem crt cer key p12 jks",
    "debug symbols": "debug pdb dwp",
}

#: type → directories below which everything is of it, as regular expressions from the root, without groups
PLACES: Mapping[str, str] = {
    "documentation": r"usr/(?:local/)?share/(?:doc|man|info|gtk-doc|doc-base|common-licenses|licenses)",
    "locales": r"usr/(?:lib/locale|share/(?:locale|i18n))",
    "time zones": r"usr/share/zoneinfo",
    "package lists and databases": r"var/lib/(?:apt|dpkg|rpm)|(?:usr/)?lib/(?:apk/db|sysimage)|var/cache/apt(?!/archives)",
    "git repositories": r"(?:.*/)?\.git",
}
#: extension → type
TYPES = {extension.encode(): name for name, extensions in EXTENSIONS.items() for extension in extensions.split()}

PROGRAMS = "programs"  #: files without an extension in ``bin``, ``sbin``, ``libexec`` and the directories of GCC and git
OTHER = "other files"  #: without an extension that is known or looks like one
_SHARED = "shared libraries"

_PLACE = re.compile("|".join(f"({place})(?:/|$)" for place in PLACES.values()).encode())
_PLACE_NAMES = tuple(PLACES)
_HOLDS_PROGRAMS = re.compile(
    rb"(?:.*/)?(?:s?bin|libexec|libexec/gcc/[^/]+/[^/]+|lib/gcc(?:-cross)?/[^/]+/[^/]+|lib(?:exec)?/git-core)", re.DOTALL
)
_WORD = re.compile(rb"[A-Za-z][A-Za-z0-9_+-]{0,9}")


def place_of(directory: bytes) -> str | None:
    """The type of all files in a directory; PROGRAMS if only names without an extension are programs; usually None.

    >>> place_of(b"usr/share/doc/curl"), place_of(b"usr/bin"), place_of(b"app")
    ('documentation', 'programs', None)
    """
    match = _PLACE.match(directory)
    if match is not None and match.lastindex is not None:
        return _PLACE_NAMES[match.lastindex - 1]
    return PROGRAMS if _HOLDS_PROGRAMS.fullmatch(directory) else None


def type_of(name: bytes, place: str | None) -> str:
    """The type of a file, by its name and by the result of `place_of` for its directory.

    >>> type_of(b"libz.so.1.3", None), type_of(b"env", "programs"), type_of(b"data.dat", None)
    ('shared libraries', 'programs', '.dat')
    """
    if place is not None and place != PROGRAMS:
        return place
    extension = extension_of(name).lower()
    if extension in TYPES:
        return TYPES[extension]
    if not is_word(extension) and b".so." in name:
        return _SHARED
    if place is not None:
        return place
    return "." + extension.decode() if is_word(extension) else OTHER


def decides(extension: bytes) -> bool:
    """Whether all names with an extension have one type in a directory: names with others may be ``libz.so.1``.

    >>> decides(b"gz"), decides(b"1")
    (True, False)
    """
    return extension.lower() in TYPES or is_word(extension)


def extension_of(name: bytes) -> bytes:
    """The part of a name after its last dot; b"" if there is no dot, or only as the first character.

    >>> extension_of(b"a.tar.gz"), extension_of(b".bashrc")
    (b'gz', b'')
    """
    stem, _, extension = name.rpartition(b".")
    return extension if stem else b""


def is_word(extension: bytes) -> bool:
    """Whether an extension looks like one: a letter and up to nine letters, digits, ``_``, ``+`` and ``-``.

    >>> is_word(b"gz"), is_word(b"1")
    (True, False)
    """
    return _WORD.fullmatch(extension) is not None
