"""A small Debian: packages with their relations, the layers that apt-get makes of them, and a model of RUNs of apt-get."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import attrs

from tests.images import Entry
from tests.packages.test_dpkg import stanza

#: relations of some packages of Debian, in short
DEPENDS = {
    "libc6": "", "ca-certificates": "", "curl": "libc6",
    "gcc": "cpp, gcc-12", "gcc-12": "cpp-12, binutils, libgcc-12-dev, libc6 (>= 2.34)", "cpp": "cpp-12", "cpp-12": "libc6, gcc-12-base",
    "gcc-12-base": "", "binutils": "libc6, libbinutils", "libbinutils": "libc6", "libgcc-12-dev": "libgomp1, libasan8", "libgomp1": "gcc-12-base",
    "libasan8": "libc6", "make": "libc6", "build-essential": "gcc, make, dpkg-dev", "dpkg-dev": "make, perl", "perl": "libc6",
    "libpq-dev": "libpq5, libssl-dev", "libssl-dev": "libssl3", "libpq5": "libssl3", "libssl3": "libc6", "libc6-dev": "libc6, linux-libc-dev",
    "linux-libc-dev": "", "git": "perl, git-man, libcurl3-gnutls", "git-man": "", "libcurl3-gnutls": "libc6", "dkms": "gcc, make",
    "npm": "nodejs, node-glob, node-tar", "node-glob": "node-once", "node-once": "", "node-tar": "", "nodejs": "libnode108", "libnode108": "libc6",
    "composer": "php8.2-cli", "php8.2-cli": "libc6, php8.2-common", "php8.2-common": "", "exim4": "perl", "mercurial": "python3", "python3": "python3.11", "python3.11": "", "ruby": "ruby3.1", "ruby3.1": "libruby3.1",
    "libruby3.1": "libc6",
}  # fmt: skip
SOURCES = {
    "libpq5": "postgresql-15", "libpq-dev": "postgresql-15", "libssl3": "openssl", "libssl-dev": "openssl", "gcc-12-base": "gcc-12",
}  # fmt: skip
DEBIAN = ["libc6", "ca-certificates"]


def needed_by(names: Sequence[str]) -> list[str]:
    """Some packages with all that they need, as apt-get installs them."""
    found = dict.fromkeys(names)
    waiting = list(found)
    while waiting:
        for name in relations(waiting.pop()):
            if name not in found:
                found[name] = None
                waiting.append(name)
    return list(found)


def database(names: Sequence[str], automatic: Sequence[str]) -> dict[str, Entry]:
    """dpkg's database and APT's states."""
    texts = [stanza(name, Depends=DEPENDS[name], **({"Source": SOURCES[name]} if name in SOURCES else {})) for name in names]
    states = "\n\n".join(f"Package: {name}\nArchitecture: amd64\nAuto-Installed: 1" for name in automatic)
    return {"var/lib/dpkg/status": "\n\n".join(texts).encode(), "var/lib/apt/extended_states": states.encode()}


def installed(asked: Sequence[str], below: Sequence[str] = ()) -> dict[str, Entry]:
    """What a layer stores in which apt-get installs packages: the database with those below, and the files of the new ones."""
    everything = needed_by([*below, *asked])
    automatic = [name for name in everything if name not in below and name not in asked]
    return {**database(everything, automatic), **files(name for name in everything if name not in needed_by(below))}


def sizes(*names: str) -> int:
    """The bytes of the files of packages, their lists included."""
    return sum(1000 * len(name) + len(f"/opt/{name}/file\n") for name in names)


def relations(name: str) -> list[str]:
    """The packages that a package needs."""
    return [word.strip() for word in DEPENDS[name].replace("(>= 2.34)", "").split(",") if word.strip()]


def files(names: Iterable[str]) -> dict[str, Entry]:
    """What a layer stores of some packages, the database of all left out."""
    return {
        path: data
        for name in names
        for path, data in {
            f"opt/{name}/file": name.encode() * 1000,
            f"var/lib/dpkg/info/{name}.list": f"/opt/{name}/file\n".encode(),
        }.items()
    }


@attrs.define
class Machine:
    """The packages while RUNs install and remove them."""

    asked: set[str] = attrs.field(factory=set)
    present: set[str] = attrs.field(factory=set)

    def run(self, text: str) -> dict[str, Entry]:
        """The layer of a RUN of apt-get and of programs that use what is installed; ValueError for a command that fails."""
        before = set(self.present)
        for command in text.removeprefix("RUN ").split(" && "):
            words = command.split()
            names = [word for word in words[2:] if not word.startswith("-") and "::" not in word]
            if words[:2] == ["apt-get", "install"]:
                self.asked.update(names)
                self.present.update(needed_by(names))
            elif words[:2] == ["apt-get", "purge"]:
                self.purge(names)
            elif words[0] == "use" and not self.present.issuperset(words[1:]):
                raise ValueError(command)
        return {**files(sorted(self.present - before)), **self.database()}

    def purge(self, names: Collection[str]) -> None:
        """Remove packages with all that need them, then what nothing needs."""
        gone = set(names)
        while more := {name for name in self.present - gone if not gone.isdisjoint(relations(name))}:
            gone |= more
        self.asked -= gone
        self.present = set(needed_by(sorted(self.asked)))

    def database(self) -> dict[str, Entry]:
        """dpkg's database and APT's states."""
        return database(sorted(self.present), sorted(self.present - self.asked))
