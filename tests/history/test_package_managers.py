"""Package managers in build steps: what is installed, what can move, and what a step relies on."""

from __future__ import annotations

import pytest

from ocisize.history.package_managers import (
    ManagerCommand,
    load_manager_commands,
    package_arguments,
    add_packages_edit,
    only_installs,
    relies_on_lists,
    common_manager,
)
from ocisize.model.build_step import BuildStep

BY_NAME = {manager.name: manager for manager in load_manager_commands()}


@pytest.mark.parametrize("manager", BY_NAME.values(), ids=BY_NAME)
def test_managers_know_their_examples(manager: ManagerCommand) -> None:
    """Each manager finds the installations of its examples, and none in the near misses."""
    for step in map(BuildStep, manager.matches):
        assert common_manager(step) == manager, step
        assert package_arguments(manager, step), step
    for step in map(BuildStep, manager.misses):
        assert common_manager(step) != manager, step


@pytest.mark.parametrize(
    ("manager", "step", "packages"),
    [
        ("apt", "RUN apt-get update && apt-get install -y -t bookworm-backports a=1:2-3 b+ libc6:i386", ["a=1:2-3", "b+", "libc6:i386"]),
        ("apt", "RUN apt-get install -y ./x.deb", None),
        ("apt", "RUN apt-get upgrade -y", []),
        ("pip", "RUN python3 -m pip install --index-url https://x/y 'a==1' b[c]>=2", ["'a==1'", "b[c]>=2"]),
        ("pip", "RUN pip install -r requirements.txt", None),
        ("pip", "RUN pip install .", None),
        ("pip", "RUN pip install git+https://x/y", None),
        ("apk", "RUN apk add --no-cache gcc", ["gcc"]),
        ("apk", "RUN apk add --virtual=.build gcc", None),
        ("npm", "RUN npm install a@1 && npm i b", ["a@1", "b"]),
        ("npm", "RUN npm install -g a", None),
        ("apt", "RUN apt-get -q install a install", ["a", "install"]),
        ("npm", "RUN npm i add", ["add"]),
    ],
)  # fmt: skip
def test_installed(manager: str, step: str, packages: list[str] | None) -> None:
    """Packages by name; files, addresses and lists of requirements cannot be reported elsewhere."""
    assert package_arguments(BY_NAME[manager], BuildStep(step)) == packages


@pytest.mark.parametrize(
    ("steps", "name"),
    [
        (("RUN apt-get install a", "RUN apt-get upgrade -y"), "apt"),
        (("RUN pip install a", "RUN python3 -m pip install b"), "pip"),
        (("RUN apt-get install a", "RUN pip install b"), None),
        (("RUN apt-get update", "RUN apt-get install b"), None),
        (("COPY apt-get install /", "RUN apt-get install b"), None),
    ],
)
def test_shared_managers(steps: tuple[str, str], name: str | None) -> None:
    """The first must install, the other one must run the same."""
    found = common_manager(*map(BuildStep, steps))
    assert (found.name if found else None) == name


def test_steps_that_only_install() -> None:
    """Anything else in a step keeps it."""
    assert only_installs(BY_NAME["apt"], BuildStep("RUN apt-get update && apt-get install a && rm -rf /var/lib/apt/lists/*"))
    assert not only_installs(BY_NAME["apt"], BuildStep("RUN apt-get install a && make"))
    assert not only_installs(BY_NAME["apt"], BuildStep("RUN apt-get install a || true"))


def test_versions_take_the_place_of_others() -> None:
    """By name, whatever its spelling; what is new is at the end."""
    edit = add_packages_edit(BY_NAME["pip"], ["a-B==2", "c"])
    assert edit(["RUN make", "pip install --user A_b==1 d"]) == ["RUN make", "pip install --user a-B==2 d c"]
    assert edit(["RUN make"]) is None


def test_lists_of_packages() -> None:
    """Who fetches them, and who needs that."""
    assert relies_on_lists(BuildStep("RUN apt-get install a"))
    assert not relies_on_lists(BuildStep("RUN apt-get update && apt-get install a"))
    assert not relies_on_lists(BuildStep("COPY a b"))
