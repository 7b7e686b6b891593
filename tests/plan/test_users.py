"""Commands that a RUN can run: only those that its user may, and only where they are reached."""

from __future__ import annotations

import pytest

from ocisize.oci.documents import History
from tests.evidence import plan_on
from tests.images import DIR, Entries, File

BIG, SMALL = b"1" * 20_000, b"3" * 100
LISTS: Entries = {"var/lib/apt/lists/deb_Packages": BIG, "var/cache/apt/archives/x.deb": BIG, "etc/x": SMALL}
USER = History(created_by="USER 1000", comment="buildkit.dockerfile.v0", empty_layer=True)
ROOT = History(created_by="USER root", comment="buildkit.dockerfile.v0", empty_layer=True)


def run(text: str) -> History:
    return History(created_by=f"RUN {text} # buildkit", comment="buildkit.dockerfile.v0")


def test_only_root_removes_the_files_of_root() -> None:
    """What a user writes by sudo, the user cannot remove without."""
    history = [USER, run("sudo apt-get update && sudo apt-get install -y x")]
    assert plan_on(LISTS, history=history).edits == ()
    assert plan_on(LISTS, history=[USER, ROOT, history[1]]).total.size == 40_000


def test_later_installs_of_another_user_keep_the_lists() -> None:
    """A user cannot fetch the lists again that the first RUN would remove."""
    history = [run("apt-get update && apt-get install -y sudo"), USER, run("sudo apt-get install -y y")]
    assert not any("/lists" in edit.text for edit in plan_on(LISTS, {"usr/y": SMALL}, history=history).edits)


def test_users_clean_up_after_themselves() -> None:
    """A user may remove the files that it wrote."""
    cache = {"home/node/.npm/_cacache/content-v2/x": File(BIG, uid=1000)}
    (edit,) = plan_on(cache, history=[USER, run("npm ci")]).edits
    assert edit.text == "RUN npm ci && npm cache clean --force"


@pytest.mark.parametrize("command", ['su node -c "npm ci"', "npm ci --cache /tmp/.npm", "npm ci && exit 0"])
def test_caches_that_a_cleanup_does_not_reach(command: str) -> None:
    """The cleanup would act on another cache, or not run at all."""
    assert plan_on({"home/node/.npm/_cacache/content-v2/x": BIG}, steps=[f"RUN {command}"]).edits == ()


def test_only_root_gives_files_away() -> None:
    """A chown at the end of the RUN of another user would fail."""
    layers: list[Entries] = [{"app/x": File(BIG, uid=1000)}, {"app/x": File(BIG, uid=5, gid=5)}]
    assert plan_on(*layers, history=[USER, run("make x"), ROOT, run("chown -R 5:5 /app")]).edits == ()
    assert len(plan_on(*layers, history=[run("make x"), run("chown -R 5:5 /app")]).edits) == 2


def test_a_moved_rm_may_remove_the_files() -> None:
    """A user removes its own files, not those of root."""
    history = [USER, run("make x"), ROOT, run("rm -rf /opt/x")]
    assert plan_on({"opt/x": BIG}, {"opt/.wh.x": b""}, history=history).edits == ()
    own = plan_on({"opt/x": File(BIG, uid=1000)}, {"opt/.wh.x": b""}, history=history)
    assert [edit.text for edit in own.edits] == ["RUN make x && rm -rf /opt/x", ""]


@pytest.mark.parametrize(("layer", "owner"), [(0, "www-data:www-data"), (2, "33:33")])
def test_names_of_users_that_a_package_makes(layer: int, owner: str) -> None:
    """A COPY cannot name a user that a later step makes, by whatever command."""
    layers: list[Entries] = [{"bin/sh": SMALL}, {"app/x": BIG}, {"usr/nginx": SMALL}, {"app/x": File(BIG, uid=33, gid=33)}]
    layers[layer] = {**dict(layers[layer]), "etc/passwd": SMALL}
    steps = ["ADD rootfs.tar /", "COPY . /app", "RUN apt-get install -y nginx", "RUN chown -R www-data:www-data /app"]
    plan = plan_on(*layers, steps=steps, base_layers=1)
    assert plan.edits[0].text == f"COPY --chown={owner} . /app"


def test_entries_of_archives_keep_their_owners() -> None:
    """ADD gives --chown to no entry of an archive."""
    layers: list[Entries] = [{"app/x": BIG}, {"app/x": File(BIG, uid=5, gid=5)}]
    assert plan_on(*layers, steps=["ADD a.tar.gz /app/", "RUN chown -R 5:5 /app"]).edits == ()
    assert plan_on(*layers, steps=["ADD a /app/", "RUN chown -R 5:5 /app"]).edits[0].text == "ADD --chown=5:5 a /app/"


@pytest.mark.parametrize(("source", "is_in_patch"), [("x", True), ("./x", True), ("src", False)])
def test_the_mode_of_a_copied_file(source: str, is_in_patch: bool) -> None:
    """--chmod acts on the directories of a copied directory, too: 600 would close them."""
    path = "app/x" if is_in_patch else "app/d/x"
    layers: list[Entries] = [{"app": DIR, "app/d": DIR, path: BIG}, {path: File(BIG, mode=0o600)}]
    (step,) = plan_on(*layers, steps=[f"COPY {source} /app/", f"RUN chmod 600 /{path}"]).steps
    assert step.in_patch is is_in_patch


def test_a_chown_of_the_files_of_one_owner() -> None:
    """The command does not tell which files it changes."""
    layers: list[Entries] = [{"app/x": BIG}, {"app/x": File(BIG, uid=5, gid=5)}]
    assert plan_on(*layers, steps=["COPY . /app", "RUN chown -R --from=root 5:5 /app"]).edits == ()


@pytest.mark.parametrize("end", ["exit 0", "exec true", "daemon &"])
def test_nothing_runs_behind_the_last_command(end: str) -> None:
    """A command behind these would not run, or is no valid shell."""
    assert plan_on(LISTS, steps=[f"RUN apt-get update && apt-get install -y x && {end}"]).edits == ()
