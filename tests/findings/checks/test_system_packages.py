"""Packages of the distribution that a container does not need: which files, how sure, which edit of the build."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pytest

from ocisize.findings.claim import Tier
from ocisize.findings.checks.package_kinds import load_package_kinds
from ocisize.model.build_files import BuildFiles
from ocisize.model.findings import Confidence, Finding
from ocisize.model.plan import Plan
from ocisize.model.system import Runtime, System
from ocisize.oci.documents import History, ImageConfig, RootFs, RunConfig
from ocisize.findings.advise import advise, make_claims
from ocisize.plan.make import make_plan
from ocisize.values import evolve
from tests.debian import DEBIAN, installed, needed_by, sizes
from tests.evidence import make_evidence, paired
from tests.images import Entry, Hard
from tests.packages.rpm_databases import make_ndb, make_package, make_sqlite


def advice(
    *layers: Mapping[str, Entry],
    steps: Sequence[str],
    base_layers: int = 1,
    command: Sequence[str] = ("/srv/app",),
    labels: Mapping[str, str] | None = None,
    system: System | None = None,
) -> tuple[dict[str, Finding], Plan]:
    """The findings on packages by id, which must occur once each, and the plan."""
    history = tuple(History(created_by=text, comment="buildkit.dockerfile.v0") for text in steps)
    run = RunConfig(user="app", cmd=tuple(command), labels=labels or {})
    config = ImageConfig(RootFs(), os="linux", architecture="amd64", history=history, run=run)
    evidence = make_evidence(*layers, steps=steps, base_layers=base_layers, config=config)
    evidence = evolve(evidence, system=system) if system is not None else evidence
    plan, findings = make_plan(evidence, advise(evidence))
    found = [finding for finding in findings if "OS250" <= finding.id < "OS260"]
    assert len({finding.id for finding in found}) == len(found), found
    return {finding.id: finding for finding in found}, plan


BASE = installed(DEBIAN)
PURGE = "apt-get purge -y --auto-remove -o APT::AutoRemove::SuggestsImportant=false"
INSTALL = "RUN apt-get update && apt-get install -y --no-install-recommends"


def test_a_compiler_that_one_run_uses_is_removed_in_it() -> None:
    """All that came with it goes, but not what compiled programs load, and the plan removes it behind the last use."""
    top = installed(["gcc", "curl"], DEBIAN)
    step = f"{INSTALL} gcc curl && ./configure && rm -rf /var/lib/apt/lists/*"
    found, plan = advice(BASE, top, steps=["ADD rootfs in /", step])
    gone = ["gcc", "gcc-12", "cpp", "cpp-12", "binutils", "libbinutils", "libgcc-12-dev", "libasan8"]
    finding = found["OS250"]
    assert finding.size == sizes(*gone)
    assert finding.title == "8 packages with compilers and build tools (libgcc-12-dev, libbinutils, binutils …): 16 files"
    assert finding.confidence is Confidence.PROBABLY
    assert finding.plan_step == 1
    assert [edit.text for edit in plan.edits] == [
        "RUN apt-get update && apt-get install -y --no-install-recommends gcc curl libgomp1 && ./configure && "
        f"{PURGE} gcc && rm -rf /var/lib/apt/lists/*"
    ]
    assert plan.steps[0].size == sizes(*gone)
    assert plan.steps[0].action == (
        "Change the command to `apt-get install -y --no-install-recommends gcc curl libgomp1`, and run "
        f"`{PURGE} gcc` in the same RUN, behind the commands that need the packages."
    )


def test_a_compiler_that_no_step_uses() -> None:
    """It may be for the program, so that only the author can tell; the edit installs it no more."""
    found, plan = advice(BASE, installed(["make", "curl"], DEBIAN), steps=["ADD rootfs in /", f"{INSTALL} make curl"])
    assert found["OS250"].confidence is Confidence.ASK
    assert [edit.text for edit in plan.edits] == [f"{INSTALL} curl"]
    assert plan.steps[0].size == sizes("make")


@pytest.mark.parametrize(
    "user", ["RUN pip install -r requirements.txt", "RUN npm ci", "RUN /build.sh", "RUN cd /src && make"]
)
def test_a_later_step_that_may_compile(user: str) -> None:
    """The packages stay while a later RUN may use them, and a build stage is the fix."""
    steps = ["ADD rootfs in /", f"{INSTALL} gcc", user]
    found, plan = advice(BASE, installed(["gcc"], DEBIAN), {"opt/app": b"x"}, steps=steps)
    assert found["OS250"].confidence is Confidence.PROBABLY
    assert found["OS250"].fix.startswith("Install libgcc-12-dev, libbinutils and binutils in a build stage")
    assert f"`{user.rpartition('&& ')[2].removeprefix('RUN ')}` in layer 2 may use them." in found["OS250"].fix
    assert not plan.edits
    assert not any(step.in_patch for step in plan.steps)


def test_a_later_step_that_starts_an_installed_program() -> None:
    """The fix names the command that starts one of the packages, not the first command that may start any."""
    steps = ["ADD rootfs in /", f"{INSTALL} gcc", "RUN pip install flask", "RUN cd /src && gcc -o a a.c"]
    found, _ = advice(BASE, installed(["gcc"], DEBIAN), {"opt/app": b"x"}, {"src/a": b"y"}, steps=steps)
    assert "`gcc -o a a.c` in layer 3 uses them." in found["OS250"].fix
    assert "may use them" not in found["OS250"].fix


def test_headers_leave_their_libraries() -> None:
    """What a compiled program loads stays, and the edit names it, so that apt-get keeps it."""
    top = installed(["gcc", "libpq-dev", "libc6-dev"], DEBIAN)
    step = f"{INSTALL} gcc libpq-dev libc6-dev && pip install psycopg2"
    found, plan = advice(BASE, top, steps=["ADD rootfs in /", step])
    assert found["OS251"].size == sizes("libpq-dev", "libssl-dev")
    assert "libc6-dev" not in found["OS251"].title
    (edit,) = plan.edits
    assert edit.text == (
        f"{INSTALL} gcc libpq-dev libc6-dev libgomp1 libpq5 && pip install psycopg2 && {PURGE} gcc libc6-dev libpq-dev"
    )
    assert plan.steps[0].title == "compilers and build tools and development packages of libraries"
    assert plan.steps[0].size == found["OS250"].size + found["OS251"].size
    assert found["OS250"].plan_step == found["OS251"].plan_step == 1


def test_what_another_package_needs_stays() -> None:
    """dkms compiles when a container runs: its compiler is not reported, and neither is what two packages need."""
    found, _ = advice(BASE, installed(["dkms", "libc6-dev"], DEBIAN), steps=["ADD rootfs in /", f"{INSTALL} dkms libc6-dev"])
    assert found["OS250"].size == sizes("libc6-dev", "linux-libc-dev")


def test_packages_of_the_base_image() -> None:
    """They are a finding of their own, which the plan does not touch, and a step above does not remove them."""
    below = installed(["gcc", "curl"], DEBIAN)
    steps = ["ADD rootfs in /", f"{INSTALL} gcc curl", f"{INSTALL} gcc && ./configure"]
    top = {"var/lib/dpkg/status": below["var/lib/dpkg/status"]}
    found, plan = advice(BASE, below, top, steps=steps, base_layers=2)
    assert found["OS250"].in_base
    assert found["OS250"].fix.startswith("The base image contains them: use a smaller variant of it.")
    assert not plan.edits


@pytest.mark.parametrize("command", [["gcc", "--version"], ["/usr/bin/make", "serve"], ["sh", "-c", "cd /src && make test"]])
def test_an_image_for_compiling_has_no_finding(command: Sequence[str]) -> None:
    """The command of the container starts the compiler."""
    top = installed(["gcc", "make"], DEBIAN)
    assert "OS250" not in advice(BASE, top, steps=["ADD rootfs in /", f"{INSTALL} gcc make && ./x"], command=command)[0]


@pytest.mark.parametrize("command", [[], ["bash"], ["/bin/sh"], ["sleep", "infinity"], ["irb"], ["node"], ["python3"]])
def test_an_image_to_build_on_is_not_edited(command: Sequence[str]) -> None:
    """Images such as golang and ruby, and devcontainers, start a shell or an interpreter: only the author can tell."""
    top = installed(["gcc", "libpq-dev"], DEBIAN)
    found, plan = advice(BASE, top, steps=["ADD rootfs in /", f"{INSTALL} gcc libpq-dev && ./x"], command=command)
    assert {finding.confidence for finding in found.values()} == {Confidence.ASK}
    assert not plan.edits


def test_a_development_container_is_not_edited() -> None:
    """A label tells that people work in the container, whatever its command."""
    labels = {"devcontainer.metadata": "[]"}
    top = installed(["gcc"], DEBIAN)
    found, plan = advice(BASE, top, steps=["ADD rootfs in /", f"{INSTALL} gcc && ./x"], labels=labels)
    assert found["OS250"].confidence is Confidence.ASK
    assert not plan.edits


def test_npm_of_debian() -> None:
    """npm goes with its modules and leaves Node.js, unless the container starts it."""
    top = installed(["npm"], DEBIAN)
    steps = ["ADD rootfs in /", f"{INSTALL} npm && npm install -g serve"]
    found, plan = advice(BASE, top, steps=steps)
    assert found["OS252"].size == sizes("npm", "node-glob", "node-once", "node-tar")
    assert plan.edits[0].text == f"{INSTALL} npm nodejs && npm install -g serve && {PURGE} npm"
    assert found["OS252"].confidence is Confidence.ASK
    assert "OS252" not in advice(BASE, top, steps=steps, command=["npm", "start"])[0]


def test_git_with_perl() -> None:
    """git takes Perl with it, unless another package needs Perl or the container starts git."""
    step = f"{INSTALL} git && git clone https://example.com/x /srv"
    found, plan = advice(BASE, installed(["git"], DEBIAN), steps=["ADD rootfs in /", step])
    assert found["OS253"].size == sizes("git", "git-man", "libcurl3-gnutls", "perl")
    assert found["OS253"].confidence is Confidence.ASK
    assert plan.edits[0].text == f"{step} && {PURGE} git"
    found, _ = advice(BASE, installed(["git", "exim4"], DEBIAN), steps=["ADD rootfs in /", step])
    assert found["OS253"].size == sizes("git", "git-man", "libcurl3-gnutls")
    assert not advice(BASE, installed(["git"], DEBIAN), steps=["ADD rootfs in /", step], command=["git", "daemon"])[0]


DOCKERFILE = """\
FROM debian
RUN apt-get update \\
    # the compiler
    && apt-get install -y --no-install-recommends \\
        curl \\
        libpq-dev \\
        make \\
    && make install \\
    && rm -rf /var/lib/apt/lists/*
"""


def test_the_dockerfile_keeps_its_lines() -> None:
    """The removal is a line of its own in front of the cleanup, and libraries are lines of the list of packages."""
    step = f"{INSTALL} curl libpq-dev make && make install && rm -rf /var/lib/apt/lists/*"
    history = [History(created_by=text, comment="buildkit.dockerfile.v0") for text in ("ADD rootfs in /", step)]
    top = installed(["curl", "libpq-dev", "make"], DEBIAN)
    config = ImageConfig(RootFs(), os="linux", history=tuple(history), run=RunConfig(user="app", cmd=("/srv/app",)))
    evidence = make_evidence(BASE, top, steps=["ADD rootfs in /", step], base_layers=1, config=config)
    files = BuildFiles(dockerfile="Dockerfile", text=DOCKERFILE)
    plan = make_plan(evidence, advise(evidence), paired(evidence, files)).plan
    assert plan.edits[0].text == (
        DOCKERFILE.removeprefix("FROM debian\n")
        .removesuffix("\n")
        .replace("        make \\\n", "        make \\\n        libpq5 \\\n")
        .replace("    && rm", f"    && {PURGE} libpq-dev make \\\n    && rm")
    )


def test_one_command_removes_all() -> None:
    """The edits of several findings on one RUN end in one command."""
    asked = ["gcc", "git", "npm"]
    _, plan = advice(BASE, installed(asked, DEBIAN), steps=["ADD rootfs in /", f"{INSTALL} {' '.join(asked)} && ./x"])
    assert plan.edits[0].text == f"{INSTALL} gcc git npm libgomp1 nodejs && ./x && {PURGE} gcc git npm"


def test_a_runtime_that_another_package_needs() -> None:
    """PHP is there for composer only; a runtime that a step names, or that the container starts, is wanted."""
    steps = ["ADD rootfs in /", f"{INSTALL} composer"]
    found, plan = advice(BASE, installed(["composer"], DEBIAN), steps=steps)
    assert found["OS254"].title == ("PHP, which only composer needs (php8.2-common, php8.2-cli, composer): 6 files")
    assert found["OS254"].size == sizes("composer", "php8.2-cli", "php8.2-common")
    assert found["OS254"].confidence is Confidence.ASK
    assert not plan.edits
    assert not advice(BASE, installed(["composer"], DEBIAN), steps=steps, command=["php", "index.php"])[0]
    assert not advice(BASE, installed(["composer", "php8.2-cli"], DEBIAN), steps=steps)[0]
    assert not advice(BASE, installed(["ruby"], DEBIAN), steps=steps)[0]


@pytest.mark.parametrize(("path", "count"), [("usr/local/bin/python3.12", 1), ("usr/bin/python3.11", 0)])
def test_a_second_python(path: str, count: int) -> None:
    """Debian's Python in an image with another one, where no step names it."""
    system = System(runtimes=(Runtime("python", "Python", "3.12", path, 0),))
    steps = ["ADD rootfs in /", f"{INSTALL} mercurial"]
    found, _ = advice(BASE, installed(["mercurial"], DEBIAN), steps=steps, system=system)
    assert len(found) == count
    assert all(finding.size == sizes("mercurial", "python3", "python3.11") for finding in found.values())
    assert not advice(BASE, installed(["mercurial", "python3"], DEBIAN), steps=steps, system=system)[0]


def test_gems_that_are_compiled_above_a_full_base_image() -> None:
    """The compiler is the base image's, and the step that compiles is named as the reason to compile in a stage."""
    steps = ["ADD rootfs in /", f"{INSTALL} gcc make", "RUN bundle install"]
    found, plan = advice(
        BASE, installed(["gcc", "make"], DEBIAN), {"usr/local/bundle/x": b"x"}, steps=steps, base_layers=2, command=["puma"]
    )
    assert found["OS250"].in_base
    assert found["OS250"].confidence is Confidence.PROBABLY
    assert not plan.edits


def test_no_byte_counts_twice() -> None:
    """Findings on packages have rows of their own, and all of them together are what the files of the packages take."""
    asked = ["build-essential", "git", "npm", "composer", "libpq-dev"]
    found, plan = advice(BASE, installed(asked, DEBIAN), steps=["ADD rootfs in /", f"{INSTALL} {' '.join(asked)} && ./x"])
    kept = {"libc6", "ca-certificates", "libgomp1", "gcc-12-base", "libpq5", "libssl3", "nodejs", "libnode108"}
    assert sum(finding.size for finding in found.values()) == sizes(*set(needed_by(asked)) - kept)
    assert sum(step.size for step in plan.steps) == sum(finding.size for finding in found.values())


def test_findings_have_the_files_that_the_inventory_gives_to_the_packages() -> None:
    """Two searches that know nothing of each other find the same owner of each file."""
    asked = ["build-essential", "git", "npm", "composer", "libpq-dev"]
    steps = ["ADD rootfs in /", f"{INSTALL} {' '.join(asked)} && ./x"]
    evidence = make_evidence(
        BASE, installed(asked, DEBIAN), steps=steps, config=ImageConfig(RootFs(), run=RunConfig(cmd=("x",)))
    )
    ownership = evidence.packages.ownership
    claimed = {
        (layer, row)
        for claim in make_claims(evidence)
        if claim.tier is Tier.PACKAGE
        for layer, rows in claim.rows.items()
        for row in rows
    }
    names = {owner.name for place in claimed if (owner := ownership.package_at(*place)) is not None}
    assert names == {*needed_by(asked)} - {
        "libc6", "libgomp1", "gcc-12-base", "libpq5", "libssl3", "nodejs", "libnode108",
    }  # fmt: skip
    for layer, table in enumerate(evidence.tables):
        for row in range(len(table)):
            owner = ownership.package_at(layer, row)
            assert ((layer, row) in claimed) == (owner is not None and owner.name in names), table.paths[row]


def test_hard_links_go_together() -> None:
    """A file whose other names belong to the package is freed; one that a file elsewhere links to is not."""
    top = installed(["git"], DEBIAN)
    top["var/lib/dpkg/info/git.list"] = b"/opt/git/file\n/opt/git/link\n"
    top["opt/git/link"] = Hard("opt/git/file")
    steps = ["ADD rootfs in /", f"{INSTALL} git && ./x"]
    names = ["git", "git-man", "libcurl3-gnutls", "perl"]
    assert advice(BASE, top, steps=steps)[0]["OS253"].size == sizes(*names) + len("/opt/git/link\n")
    top["srv/link"] = Hard("opt/git/file")
    assert advice(BASE, top, steps=steps)[0]["OS253"].size == sizes(*names) + len("/opt/git/link\n") - 3000


def test_merged_directories() -> None:
    """Where /lib is a link, a listed path is stored below /usr."""
    top = installed(["make"], DEBIAN)
    top["var/lib/dpkg/info/make.list"] = b"/lib/make.so\n"
    top["usr/lib/make.so"] = b"m" * 777
    steps = ["ADD rootfs in /", f"{INSTALL} make && ./x"]
    assert advice(BASE, top, steps=steps)[0]["OS250"].size == 777 + len("/lib/make.so\n")
    top["lib/make.so"] = b"l" * 5
    assert advice(BASE, top, steps=steps)[0]["OS250"].size == 5 + len("/lib/make.so\n")


APK = """\
P:musl
V:1

P:gcc
V:1
D:binutils musl-dev so:libgcc.so
F:usr/bin
R:gcc

P:binutils
V:1
F:usr/bin
R:ld

P:musl-dev
V:1
D:musl
F:usr/include
R:stdio.h

P:libgcc
V:1
p:so:libgcc.so
F:usr/lib
R:libgcc.so

P:libpq-dev
V:1
o:postgresql
D:libpq
F:usr/include
R:pq.h

P:libpq
V:1
o:postgresql
F:usr/lib
R:libpq.so

"""


def test_apk() -> None:
    """apk del removes what came with the packages, and the libraries stay."""
    base: dict[str, Entry] = {"lib/apk/db/installed": b"P:musl\nV:1\n\n", "etc/apk/world": b"musl\n"}
    top: dict[str, Entry] = {
        "lib/apk/db/installed": APK.encode(), "etc/apk/world": b"gcc\nlibpq-dev\nmusl\n",
        **{f"usr/{name}": b"x" * size for name, size in {
            "bin/gcc": 100, "bin/ld": 20, "include/stdio.h": 3, "include/pq.h": 7, "lib/libgcc.so": 1000, "lib/libpq.so": 2000,
        }.items()},
    }  # fmt: skip
    step = "RUN apk add --no-cache gcc libpq-dev && pip install psycopg2"
    found, plan = advice(base, top, steps=["ADD rootfs in /", step])
    assert (found["OS250"].size, found["OS251"].size) == (123, 7)
    assert plan.edits[0].text == (
        "RUN apk add --no-cache gcc libpq-dev libgcc libpq && pip install psycopg2 && apk del --no-cache gcc libpq-dev"
    )


@pytest.mark.parametrize("make", [make_sqlite, make_ndb])
def test_rpm(make: Callable[[Sequence[bytes]], bytes]) -> None:
    """What packages of rpm need stays, whatever asked for it; the plan edits no RUN of dnf."""
    names = {"gcc": 500, "cpp": 90, "glibc-devel": 40, "openssl-devel": 30, "openssl-libs": 20, "annobin": 7, "bash": 5}
    headers = [
        make_package("gcc", ["/usr/bin/gcc"], REQUIRES=["cpp", "glibc-devel"]),
        make_package("cpp", ["/usr/bin/cpp"]),
        make_package("glibc-devel", ["/usr/bin/glibc-devel"]),
        make_package("openssl-devel", ["/usr/bin/openssl-devel"], REQUIRES=["openssl-libs"]),
        make_package("openssl-libs", ["/usr/bin/openssl-libs"]),
        make_package("annobin", ["/usr/bin/annobin"]),
        make_package("bash", ["/usr/bin/bash"]),
    ]
    path = "var/lib/rpm/rpmdb.sqlite" if make is make_sqlite else "usr/lib/sysimage/rpm/Packages.db"
    layer: dict[str, Entry] = {path: make(headers), **{f"usr/bin/{name}": b"x" * size for name, size in names.items()}}
    step = "RUN dnf install -y gcc openssl-devel && make"
    found, plan = advice({"etc/os-release": b"ID=fedora"}, layer, steps=["ADD rootfs in /", step])
    assert {finding_id: finding.size for finding_id, finding in found.items()} == {"OS250": 637, "OS251": 30}
    assert not plan.edits
    assert found["OS250"].fix.startswith("Install gcc, cpp and glibc-devel in a build stage, compile there")


def test_without_such_packages() -> None:
    """An image has no such finding if no name matches, or if there is no database."""
    assert not advice(BASE, installed(["curl"], DEBIAN), steps=["ADD rootfs in /", f"{INSTALL} curl"])[0]
    assert not advice({"a": b"x"}, steps=["COPY a /"], base_layers=0)[0]


@pytest.mark.parametrize(
    "damage", [b"Package: gcc\n" * 3, b"Package: gcc\xff\nStatus: install ok installed", b"Package: gcc" + b"x" * 400]
)
def test_damaged_databases(damage: bytes) -> None:
    """A broken database is no error."""
    advice(
        BASE,
        {"var/lib/dpkg/status": damage, "lib/apk/db/installed": b"P:gcc\nF:../..\nR:\n\n"},
        steps=["", f"{INSTALL} gcc"],
    )


def test_names() -> None:
    """The examples in package_kinds.toml: of several kinds, the first one counts."""
    for kind in load_package_kinds():
        assert all(kind.has(*example.split()) for example in kind.matches)
        assert not any(kind.has(*example.split()) for example in kind.misses)
        assert kind.matches
        assert kind.misses
