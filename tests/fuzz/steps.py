"""Harnesses of what a config says in words, and of the databases that an image holds: build steps, variables, packages."""

from __future__ import annotations

from ocisize.packages import dpkg, owners as installed
from ocisize.history import ownership, package_managers as packages
from ocisize.model.build_step import BuildStep, split_commands
from ocisize.history.base_image import find_base
from ocisize.rules.file_types import place_of, type_of
from ocisize.history.steps import describe, find_leaks, match_history
from ocisize.history.architectures import without_processor
from ocisize.history.redact import is_secret, redact
from ocisize.oci.documents import History, ImageConfig, RootFs, RunConfig
from ocisize.report.export.go_compat import go_quote
from ocisize.text import printable
from ocisize.report.words.units import shorten_path, shorten_step, shorten_steps
from tests.fuzz.oracle import Harness
from tests.fuzz.shapes import as_text

_LONGEST = 1 << 12


def run_steps(data: bytes) -> None:
    """A step is reported in words on one line, without its secrets; whatever reads it ends soon, however long it is."""
    flags, text = (data[0], as_text(data[1:])) if data else (0, "")
    if flags & 1 and text:  # what a regular expression is slow at is mostly a repetition
        text *= _LONGEST // len(text)
    hidden = redact(text)
    assert redact(hidden.text).text == hidden.text
    entries = (
        History(created_by=text),
        History(comment=text, empty_layer=True),
        History(author=text),
        History(created_by="CMD x"),
    )
    for entry in entries:
        step = describe(entry)
        assert "\n" not in step.text
        _read(step)
    layers = match_history(entries, 3)
    assert len(layers) == 3 and [leak.step for leak in find_leaks(entries, 3)] is not None
    run = RunConfig(env=(text,), labels={"a": text, text[:99]: "b"}, entrypoint=(text[:99],), cmd=(text,))
    base = find_base(ImageConfig(RootFs(), history=entries, created=text[:99], run=run), {}, 3)
    assert base is None or 0 <= base.layers <= 3
    is_secret(text[:99], text)
    without_processor(BuildStep(text))


def _read(step: BuildStep) -> None:
    """All that advice reads of a step."""
    assert "".join(split_commands(step.text)) == step.text
    assert step.commands in (None, step.shell_commands)
    assert all(option.startswith("--") for option in step.options)
    assert step.text.endswith(step.arguments)
    for command in step.shell_commands:
        owners = ownership.parse_ownership(command)
        assert owners is None or owners.targets
        ownership.sets_ownership(command)
    for manager in packages.load_manager_commands():
        found = packages.package_arguments(manager, step)
        assert found is None or all(found)
        packages.only_installs(manager, step)
        edited = packages.add_packages_edit(manager, ["x"])(list(step.shell_commands))
        assert edited is None or len(edited) == len(step.shell_commands)
    packages.relies_on_lists(step)
    packages.can_move([step])
    packages.common_manager(step, step)
    assert len(shorten_step(step.text, 60)) <= 60
    assert all(len(short) <= 60 for short in shorten_steps([step.text, f"{step} x"], 60))
    assert not printable(step.text).translate({ord(" "): None}).startswith("\x1b")


def run_files(data: bytes) -> None:
    """Package databases and paths: with any content."""
    status = dpkg.read_status(data)
    automatic = dpkg.read_automatic(data)
    for package in dpkg.only_recommended(status, automatic):
        assert package.id in status
    for path in data.split(b"\n")[:20]:
        text = path.decode("utf-8", "surrogateescape")
        directory, _, name = path.rpartition(b"/")
        assert type_of(name, place_of(directory))
        kind = installed.package_manager_of(path)
        if kind is not None:
            installed.installed_twice(kind, path, path + b"x")
        assert len(shorten_path(text, 40)) <= 40
        go_quote(text).encode()


STEPS = (
    b"RUN |1 A=b /bin/sh -c apt-get update && apt-get install -y --no-install-recommends curl=1 && rm -rf /var/lib/apt # buildkit",
    b"/bin/sh -c #(nop) COPY --chown=1:1 file:0123456789abcdef0123456789abcdef0123456789abcdef in /app", b"RUN chown -R app:app /app ; chmod 755 a",
    b"ENV PASSWORD=hunter2secret TOKEN=ghp_0123456789012345678901234567890123456789", b"RUN curl -u user:pa55word https://a:b@host/x | sh",
    b"RUN echo pass | docker login -u a --password-stdin", b"RUN pip install -r requirements.txt 'a==1' \"b\"", b"npm install -g x", b"",
    b'CMD ["sh" "-c" "a"]', b"RUN apk add --virtual .a b", b"FROM debian:12", b"bazel build ...", b"store paths: [\"/nix/store/abc-x-1\"]",
    b"apt ", b" ", b"'", b"\\", b"-p ", b"mysql ", b"password ", b"eyJ", b"a:",
)  # fmt: skip
DATABASE = (
    b"Package: a\nStatus: install ok installed\nArchitecture: amd64\nDepends: b (>= 1) | c, d:any [amd64]\nRecommends: e\nProvides: f (= 1)\n"
    b"\nPackage: e\nStatus: install ok installed\nDescription: x\n more\n\nPackage: e\nAuto-Installed: 1\n"
)
PATHS = (
    b"usr/lib/python3/dist-packages/a.pyc\nopt/x/node_modules/.bin/a\nlib/x86_64-linux-gnu/libc.so.6\n"
    + b"d/" * 40
    + b"\xff\n"
)


HARNESSES = {
    "steps": Harness(
        run_steps,
        lambda: [bytes([number % 3 == 0]) + step for number, step in enumerate(STEPS)],
        (
            b"RUN ",
            b"&& ",
            b"| ",
            b"apt-get ",
            b"install ",
            b"-y ",
            b"chown ",
            b"PASSWORD=",
            b"#(nop) ",
            b"/bin/sh -c ",
            b"://",
            b"@",
            b"\\",
        ),
        quick=50,
    ),
    "files": Harness(
        run_files, lambda: [DATABASE, PATHS], (b"Package: ", b"Depends: ", b"\n\n", b"node_modules/", b" | ", b".so.")
    ),
}
