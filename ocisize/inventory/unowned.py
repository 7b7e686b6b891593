"""What files that belong to no package are: caches, what the system generates, the application, or unknown.

The tables below have directories by kind and name. A path that begins with a slash is one directory, any other path matches
at any depth. The innermost directory of a file that is in a table decides. Outside of these directories, files are the
application's unless they are in a directory of the system.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ocisize.filesystem.directories import DirectoryIndex
from ocisize.model.packages import Unowned
from ocisize.tuples import NamedTuple

_CACHES: Mapping[str, Sequence[str]] = {
    "apt lists": ("/var/lib/apt/lists",),
    "apt archives": ("/var/cache/apt/archives",),
    "apt cache": ("/var/cache/apt",),
    "apk cache": ("/var/cache/apk", "/etc/apk/cache"),
    "dnf cache": ("/var/cache/dnf", "/var/cache/libdnf5", "/var/cache/yum", "/var/lib/dnf/repos"),
    "zypper cache": ("/var/cache/zypp",),
    "pacman cache": ("/var/cache/pacman", "/var/lib/pacman/sync"),
    "pip cache": (".cache/pip",),
    "uv cache": (".cache/uv",),
    "Poetry cache": (".cache/pypoetry",),
    "Pipenv cache": (".cache/pipenv",),
    "conda packages": (
        "conda/pkgs",
        "miniconda/pkgs",
        "miniconda3/pkgs",
        "anaconda3/pkgs",
        "miniforge3/pkgs",
        ".conda/pkgs",
    ),
    "Python bytecode": ("__pycache__",),
    "npm cache": (".npm", ".cache/npm"),
    "Yarn cache": (".cache/yarn", ".yarn/berry/cache"),
    "pnpm store": (".local/share/pnpm/store", ".pnpm-store", ".cache/pnpm"),
    "node-gyp cache": (".cache/node-gyp", ".node-gyp"),
    "cache in node_modules": ("node_modules/.cache", ".next/cache", ".parcel-cache", ".turbo"),
    "Go build cache": (".cache/go-build",),
    "Go module cache": ("go/pkg/mod",),
    "Cargo registry": ("cargo/registry", ".cargo/registry", "cargo/git", ".cargo/git"),
    "Gradle cache": (".gradle/caches", ".gradle/wrapper"),
    "Maven repository": (".m2/repository",),
    "Ivy cache": (".ivy2/cache", ".cache/coursier"),
    "Composer cache": (".composer/cache", ".cache/composer"),
    "NuGet packages": (".nuget/packages", ".local/share/NuGet"),
    "Bundler cache": (".bundle/cache",),
    "Hugging Face cache": (".cache/huggingface",),
    "ccache": (".ccache", ".cache/ccache"),
    "test and lint caches": (".pytest_cache", ".mypy_cache", ".ruff_cache", ".tox", ".nox"),
    "caches of users": (".cache",),
    "temporary files": ("/tmp", "/var/tmp"),  # noqa: S108  (directories of an image)
    "caches of the system": ("/var/cache",),
}
_GENERATED: Mapping[str, Sequence[str]] = {
    "dpkg database": ("/var/lib/dpkg",),
    "apt settings": ("/var/lib/apt", "/etc/apt"),
    "apk database": ("/lib/apk", "/usr/lib/apk", "/etc/apk"),
    "rpm database": ("/var/lib/rpm", "/usr/lib/sysimage/rpm", "/usr/share/rpm", "/var/lib/rpmmanifest"),
    "dnf database": ("/var/lib/dnf", "/var/lib/yum", "/usr/lib/sysimage/libdnf5", "/etc/yum.repos.d"),
    "pacman database": ("/var/lib/pacman", "/etc/pacman.d/gnupg"),
    "debconf database": ("/var/cache/debconf",),
    "logs": ("/var/log",),
    "certificates": (
        "/etc/ssl/certs", "/etc/pki/ca-trust/extracted", "/etc/ca-certificates/extracted", "/var/lib/ca-certificates"
    ),
    "alternatives": ("/etc/alternatives", "/var/lib/alternatives"),
    "linker cache": ("/var/cache/ldconfig",),
    "manual index": ("/var/cache/man",),
    "font cache": ("/var/cache/fontconfig",),
    "locales": ("/usr/lib/locale",),
    "device files": ("/dev",),
    "run-time files": ("/run", "/proc", "/sys"),
    "service settings": ("/etc/systemd", "/var/lib/systemd", "/etc/init.d", *(f"/etc/rc{level}.d" for level in "0123456S")),
    "login settings": ("/etc/pam.d", "/var/lib/pam", "/etc/security"),
    "MIME index": ("/usr/share/mime",),
}  # fmt: skip
_GENERATED_FILES: Mapping[str, Mapping[str, str]] = {
    "accounts": {
        "etc": "passwd passwd- group group- shadow shadow- gshadow gshadow- subuid subuid- subgid subgid- .pwd.lock"
    },
    "linker cache": {"etc": "ld.so.cache"},
    "machine settings": {
        "": ".dockerenv .containerenv",
        "etc": "machine-id hostname hosts resolv.conf mtab localtime timezone adjtime shells nsswitch.conf environment",
        "var/lib/dbus": "machine-id",
    },
    "locales": {"etc": "locale.gen locale.conf", "etc/default": "locale"},
    "desktop indexes": {
        "usr/share/applications": "mimeinfo.cache",
        "usr/share/glib-2.0/schemas": "gschemas.compiled",
        "usr/share/info": "dir",
        "usr/lib/x86_64-linux-gnu/gdk-pixbuf-2.0/2.10.0": "loaders.cache",
        "usr/lib/aarch64-linux-gnu/gdk-pixbuf-2.0/2.10.0": "loaders.cache",
    },
}
_OF_SYSTEM = frozenset(b"bin boot dev etc lib lib32 lib64 libo32 libx32 proc run sbin sys usr var".split())
_OF_APPLICATION = frozenset((b"usr/local", b"usr/src", b"usr/app", b"var/www", b"var/task", b"var/runtime"))
#: directories whose children have names of their own
_DIVIDED = frozenset((b"", b"home", b"media", b"mnt", b"opt", b"srv", b"usr", b"usr/src", b"var", b"var/lib"))


class UnownedKind(NamedTuple):
    """A kind of files that no package owns, in as much detail as is known."""

    kind: Unowned
    name: str  #: see ``UnownedFiles.name``


def _index_directories() -> dict[bytes, list[tuple[bytes, UnownedKind]]]:
    """The patterns by the last component of their paths."""
    index: dict[bytes, list[tuple[bytes, UnownedKind]]] = {}
    for kind, table in ((Unowned.CACHE, _CACHES), (Unowned.GENERATED, _GENERATED)):
        for name, patterns in table.items():
            for pattern in patterns:
                index.setdefault(pattern.rpartition("/")[2].encode(), []).append((pattern.encode(), UnownedKind(kind, name)))
    return index


def _match(path: bytes, patterns: Sequence[tuple[bytes, UnownedKind]]) -> UnownedKind | None:
    """The first kind with a pattern that matches a directory."""
    rooted = b"/" + path
    for pattern, found in patterns:
        if rooted == pattern or (pattern[:1] != b"/" and rooted.endswith(b"/" + pattern)):
            return found
    return None


def _place_of(path: bytes) -> UnownedKind:
    """What files in a directory that is in no table are."""
    top = b"/".join(path.split(b"/", 2)[:2])
    is_application = path.partition(b"/")[0] not in _OF_SYSTEM or top in _OF_APPLICATION
    kind = Unowned.APPLICATION if is_application else Unowned.UNKNOWN
    return UnownedKind(kind, "/" + path.decode("utf-8", "surrogateescape"))


class UnownedPlaces:
    """The kinds of files in the directories of an image that no package owns, as numbers.

    >>> from ocisize.filesystem.directories import DirectoryIndex
    >>> directories = DirectoryIndex()
    >>> number = directories.numbers[b"root/.cache/pip/http"]
    >>> places = UnownedPlaces(directories)
    >>> places.kinds[places.by_directory[number]]
    UnownedKind(kind=<Unowned.CACHE: 'cache'>, name='pip cache')
    """

    def __init__(self, directories: DirectoryIndex) -> None:
        self._numbers: dict[UnownedKind, int] = {}
        self.by_directory = self._find(directories)  #: by number of the directory: index into ``kinds``
        #: by number of a directory that has them: indexes of files by name
        self.files: dict[int, dict[bytes, int]] = {}
        for name, places in _GENERATED_FILES.items():
            for path, files in places.items():
                number = directories.numbers.get(path.encode())
                if number is not None:
                    kind = self._number(UnownedKind(Unowned.GENERATED, name))
                    self.files.setdefault(number, {}).update(dict.fromkeys(files.encode().split(), kind))
        #: by index: that of the same place in a layer whose files were copied from elsewhere
        self.copied = [self._number(_as_copied(kind)) for kind in tuple(self._numbers)]
        self.copied += range(len(self.copied), len(self._numbers))

    @property
    def kinds(self) -> tuple[UnownedKind, ...]:
        """All kinds that occur."""
        return tuple(self._numbers)

    def _number(self, kind: UnownedKind) -> int:
        return self._numbers.setdefault(kind, len(self._numbers))

    def _find(self, directories: DirectoryIndex) -> list[int]:
        index, paths, parents = _index_directories(), directories.paths, directories.parents
        divided = {directories.numbers[path] for path in _DIVIDED if path in directories.numbers}
        found = [self._number(_place_of(b""))]
        in_tables = {self._number(kind) for kind in _tables()}
        for number in range(1, len(paths)):
            path, parent = paths[number], parents[number]
            patterns = index.get(path[path.rfind(b"/") + 1 :])
            kind = _match(path, patterns) if patterns is not None else None
            if kind is None and parent in divided and found[parent] not in in_tables:
                kind = _place_of(path)
            found.append(found[parent] if kind is None else self._number(kind))
        return found


def _tables() -> Iterator[UnownedKind]:
    """The kinds that the tables of directories name."""
    for kind, table in ((Unowned.CACHE, _CACHES), (Unowned.GENERATED, _GENERATED)):
        for name in table:
            yield UnownedKind(kind, name)


def _as_copied(kind: UnownedKind) -> UnownedKind:
    return UnownedKind(Unowned.APPLICATION, kind.name) if kind.kind is Unowned.UNKNOWN else kind
