"""Later RUNs of a tool that need what an earlier RUN would no longer leave."""

from __future__ import annotations

import pytest

from tests.evidence import plan_on
from tests.images import Entries

BIG, SMALL = b"1" * 20_000, b"3" * 100


@pytest.mark.parametrize(
    ("path", "first", "second", "texts"),
    [
        (
            "root/go/pkg/mod/cache/download/x", "go vet ./...", "go build -o /bin/app .",
            ["RUN go vet ./... && go clean -cache -modcache", "RUN go build -o /bin/app . && go clean -cache -modcache"],
        ),
        ("var/cache/apk/APKINDEX.x.tar.gz", "apk update && apk add a", "apk add b",
         ["RUN apk update --no-cache && apk add --no-cache a", "RUN apk add --no-cache b"]),
        ("root/go/pkg/mod/cache/download/x", "go vet ./...", "go build . && exec true", []),
    ],
)  # fmt: skip
def test_later_calls_keep_the_cache_out(path: str, first: str, second: str, texts: list[str]) -> None:
    """A later call fills the cache again, in its own layer, or fails without: it is cleaned up, too."""
    layers: list[Entries] = [{path: BIG}, {"etc/x": SMALL}, {"bin/app": SMALL}]
    plan = plan_on(*layers, steps=[f"RUN {first}", "COPY x /etc/x", f"RUN {second}"])
    assert [edit.text for edit in plan.edits] == texts


def test_a_removal_of_nothing_stays() -> None:
    """No step of the plan explains why a RUN goes that removes no file of the image."""
    layers: list[Entries] = [{"var/lib/apt/lists/deb_Packages": BIG}, {}]
    plan = plan_on(*layers, steps=["RUN apt-get update && apt-get install -y x", "RUN rm -rf /opt/nothing"])
    assert [edit.layer for edit in plan.edits] == [0]


@pytest.mark.parametrize(
    ("first", "second", "is_once"),
    [
        ("pip install a==1", "pip install --upgrade a==2", True),
        ("pip install -i http://x a==1", "pip install -i http://x a==2", True),
        ("pip install a==1", "pip install --index-url http://x a==2", False),
        ("pip install --target /opt a==1", "pip install a==2", False),
        ("pip install --user a==1", "pip install a==2", False),
    ],
)
def test_options_of_two_installations(first: str, second: str, is_once: bool) -> None:  # noqa: FBT001 - a case
    """Packages of another place, or for another place, are not installed by the first command."""
    layers: list[Entries] = [{"usr/lib/a/x": BIG}, {"etc/x": SMALL}, {"usr/lib/a/x": b"2" * 20_000}]
    plan = plan_on(*layers, steps=[f"RUN {first}", "COPY x /etc/x", f"RUN {second}"])
    assert bool(plan.edits) is is_once
