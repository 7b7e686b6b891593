"""Laws of findings on packages for development: they hold files below the roots of these packages and no others."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ocisize.findings.checks.development_packages import find_development
from ocisize.model.findings import Confidence
from tests.evidence import make_evidence
from tests.images import Entry

_NAMES = st.sampled_from(["a", "b", "@s/a", "@s/b", "node_modules_x"])
_ROOTS = st.lists(_NAMES, min_size=1, max_size=3).map(lambda names: "".join(f"/node_modules/{name}" for name in names)[1:])
_FLAGS = st.sampled_from([{}, {"dev": True}, {"devOptional": True}, {"optional": True}, {"dev": True, "optional": True}])
_FILES = st.sampled_from(
    ["index.js", "lib/x.js", "node_modules.js", "test/node_modules/a/package.json", "a/node_modules/q/y.js"]
)


@st.composite
def _layers(draw: st.DrawFn) -> tuple[dict[str, Any], list[dict[str, Entry]]]:
    """The packages of a lock, and layers with their files; some files lie beside the packages."""
    packages = {root: {"version": "1.0.0", **draw(_FLAGS)} for root in draw(st.sets(_ROOTS, min_size=1, max_size=6))}
    layers: list[dict[str, Entry]] = [{}, {}, {}]
    for root in packages:
        layer = draw(st.sampled_from(layers))
        layer[f"app/{root}/package.json"] = json.dumps(
            {"version": draw(st.sampled_from(3 * ["1.0.0"] + ["2.0.0"]))}
        ).encode()
        for layer in layers:
            for name in draw(st.sets(_FILES, max_size=3)):
                layer[f"app/{root}/{name}"] = draw(st.binary(min_size=1, max_size=40))
    for layer in layers:
        for path in draw(st.sets(st.sampled_from(["app/x.js", "node_modules/a/x.js", "app/node_modules/x.js", "b/app/a"]))):
            layer[path] = b"beside"
    lock = {"lockfileVersion": 3, "packages": packages}
    draw(st.sampled_from(layers))["app/node_modules/.package-lock.json"] = json.dumps(lock).encode()
    return packages, layers


@given(_layers(), st.integers(0, 3))
def test_claims_hold_the_files_of_development_packages_only(
    image: tuple[dict[str, Any], list[dict[str, Entry]]], base_layers: int
) -> None:
    """Every row lies in a package that the lock marks, and in no package within it; no row is in two claims."""
    packages, layers = image
    evidence = make_evidence(*layers, base_layers=base_layers)
    seen = set()
    for claim in find_development(evidence):
        assert claim.confidence in (Confidence.PROBABLY, Confidence.ASK)
        for layer, rows in claim.rows.items():
            for row in rows:
                assert (layer, row) not in seen
                seen.add((layer, row))
                path = evidence.tables[layer].paths[row].decode()
                owners = [root for root in packages if path.startswith(f"app/{root}/")]
                assert packages[max(owners, key=len)].get("dev"), path
    if seen:
        below = [
            (layer, row)
            for layer, table in enumerate(evidence.tables)
            for row, path in enumerate(table.paths)
            if (owners := [root for root in packages if path.decode().startswith(f"app/{root}/")])
            if packages[max(owners, key=len)].get("dev")
        ]
        assert seen == set(below)
