"""Which step made which layer: merges, images from scratch, other compressions, and graphs that do not fit together."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from ocisize.provenance.graph import Owners, find_owners
from ocisize.provenance.names import NamedImage, parse_source
from ocisize.provenance.statement import BuildNode, Statement, parse_statement

SAMPLES = Path("testdata/provenance")


def owners_of(
    nodes: Mapping[str, BuildNode],
    chains: Mapping[str, str],
    digests: str,
    result: str = "",
    *,
    is_about_image: bool = False,
) -> Owners | None:
    """The owners of layers whose digests are single characters."""
    statement = Statement(
        predicate_type="x",
        nodes=nodes,
        result=result or f"{list(nodes)[-1]}:0",
        chains={output: [tuple(variant) for variant in chain.split("|")] for output, chain in chains.items()},
    )
    return find_owners(statement, list(digests), is_about_image=is_about_image)


def source(name: str = "docker-image://docker.io/library/debian:12") -> BuildNode:
    return BuildNode(source=name)


def step(*inputs: str, merge: bool = False) -> BuildNode:
    return BuildNode(inputs=inputs, is_merge=merge)


@pytest.mark.parametrize("name", ["provenance-v1.intoto.json", "provenance-v02.intoto.json"])
def test_the_samples(name: str) -> None:
    """Two layers of the base image, and one each of WORKDIR, RUN and COPY."""
    statement = parse_statement((SAMPLES / name).read_bytes())
    (chain,) = statement.chains["step4:0"]
    assert find_owners(statement, chain, is_about_image=False) == Owners(
        ["step0", "step0", "step1", "step2", "step4"], base="step0", base_layers=2
    )


def test_a_merge() -> None:
    """COPY --link: its layer is that of the copy, which starts from nothing; a RUN follows."""
    nodes = {"base": source(), "local": source("local://context"), "copy": step("local:0"),
             "merge": step("base:0", "copy:0", merge=True), "run": step("merge:0")}  # fmt: skip
    chains = {"base:0": "ab", "copy:0": "c", "merge:0": "abc", "run:0": "abcd"}
    assert owners_of(nodes, chains, "abcd") == Owners(["base", "base", "copy", "run"], "base", 2)


def test_a_merge_of_other_lengths() -> None:
    """What does not add up is unknown."""
    nodes = {"base": source(), "copy": step(), "merge": step("base:0", "copy:0", merge=True), "run": step("merge:0")}
    chains = {"base:0": "ab", "copy:0": "cx", "merge:0": "abc", "run:0": "abcd"}
    assert owners_of(nodes, chains, "abcd") == Owners([None, None, None, "run"])


def test_from_scratch() -> None:
    """A step with one layer on top of nothing; the stage that it copies from is none below."""
    nodes = {"go": source(), "build": step("go:0"), "copy": step("build:0"), "more": step("copy:0")}
    chains = {"go:0": "ab", "build:0": "abc", "copy:0": "x", "more:0": "xy"}
    assert owners_of(nodes, chains, "xy") == Owners(["copy", "more"], from_scratch=True)


def test_mounts_and_stages_are_no_steps_below() -> None:
    """The step below has the longest of the chains that a chain begins with."""
    nodes = {"base": source(), "tools": step("base:0"), "one": step("base:0"), "two": step("tools:0", "base:0", "one:0")}
    chains = {"base:0": "a", "tools:0": "at", "one:0": "ab", "two:0": "abc"}
    assert owners_of(nodes, chains, "abc") == Owners(["base", "one", "two"], "base", 1)


def test_repeated_layers() -> None:
    """An empty layer has the same digest wherever it is: its place counts."""
    nodes = {"base": source(), "one": step("base:0"), "two": step("one:0"), "three": step("two:0")}
    chains = {"base:0": "a", "one:0": "ae", "two:0": "aeb", "three:0": "aebe"}
    assert owners_of(nodes, chains, "aebe") == Owners(["base", "one", "two", "three"], "base", 1)


def test_a_step_without_a_layer() -> None:
    """It changes nothing."""
    nodes = {"base": source(), "one": step("base:0"), "two": step("one:0")}
    assert owners_of(nodes, {"base:0": "a", "one:0": "a", "two:0": "ab"}, "ab") == Owners(["base", "two"], "base", 1)


def test_other_digests() -> None:
    """Layers that were compressed again are paired by their places, if the statement names the image and counts the same."""
    nodes, chains = {"base": source(), "one": step("base:0")}, {"base:0": "a", "one:0": "ab"}
    assert owners_of(nodes, chains, "xy", is_about_image=True) == Owners(["base", "one"], "base", 1)
    assert owners_of(nodes, chains, "xy") is None
    assert owners_of(nodes, chains, "abc", is_about_image=True) is None


def test_steps_without_a_chain() -> None:
    """What they made is unknown; the walk goes on below them, and ends."""
    nodes = {"base": source(), "one": step("base:0"), "two": step("one:0"), "three": step("two:0")}
    assert owners_of(nodes, {"base:0": "a", "three:0": "ab"}, "ab") == Owners(["base", "three"], "base", 1)
    assert owners_of(nodes, {"base:0": "a", "three:0": "abcd"}, "abcd") == Owners(["base", None, None, "three"], "base", 1)
    nodes["two"] = step("two:0", "one:0", "three:0")
    assert owners_of(nodes, {"base:0": "a", "three:0": "ab"}, "ab") == Owners(["base", "three"], "base", 1)


def test_chains_in_several_compressions() -> None:
    """The one that the image has counts, and any one of a step below."""
    nodes = {"base": source(), "one": step("base:0"), "two": step("one:0")}
    chains = {"base:0": "A|a", "one:0": "AB|ab", "two:0": "ABC|abc"}
    for digests in ("ABC", "abc"):
        assert owners_of(nodes, chains, digests) == Owners(["base", "one", "two"], "base", 1)
    assert owners_of(nodes, chains, "abx") is None


@pytest.mark.parametrize("nodes", [
    {"one": step("one:0")}, {"two": step("one:0"), "one": step("two:0")}, {"one": step("missing:0")}, {"one": step("missing")},
    {"one": step("one:0", merge=True)}, {"one": step("two:0", merge=True), "two": step("one:0", merge=True)},
])  # fmt: skip
def test_cycles_and_missing_steps(nodes: Mapping[str, BuildNode]) -> None:
    """The walk ends."""
    chains = dict.fromkeys(["one:0", "two:0", "missing:0", "missing"], "ab")
    found = owners_of(nodes, chains, "ab", "one:0")
    assert found is not None and found.base is None and not found.from_scratch


def test_two_stages_without_tags() -> None:
    """As GitHub's builds have it: only the exported stage has chains, each listed twice, and the last step is empty."""
    base, other = "sha256:" + 64 * "a", "sha256:" + 64 * "b"
    chain = [{"digest": "sha256:1", "mediaType": "x", "size": 1}]
    nodes = [
        {"id": "step0", "op": {"Op": {"source": {"identifier": f"docker-image://gcr.io/distroless/static@{base}"}}}},
        {"id": "step1", "op": {"Op": {"source": {"identifier": f"docker-image://docker.io/library/ubuntu@{other}"}}}},
        {"id": "step3", "inputs": ["step1:0"], "op": {"Op": {"file": {"actions": []}}}},
        {"id": "step5", "inputs": ["step0:0", "step3:0"], "op": {"Op": {"file": {"actions": []}}}},
        {"id": "step6", "inputs": ["step5:0"], "op": {"Op": {}}},
    ]
    layers = {
        "step0:0": [chain, chain],
        "step1:0": [[{"digest": "sha256:9"}]],
        "step5:0": [[*chain, {"digest": "sha256:2"}]],
    }
    statement = parse_statement(hostile(nodes, layers))
    owners = find_owners(statement, ["sha256:1", "sha256:2"], is_about_image=False)
    assert owners == Owners(["step0", "step5"], "step0", 1)
    assert parse_source(statement.nodes["step0"].source) == NamedImage("gcr.io/distroless/static", base)
    assert parse_source(statement.nodes["step1"].source) == NamedImage("docker.io/library/ubuntu", other)


def hostile(nodes: Sequence[Any], layers: Mapping[str, Any], locations: Any = None) -> bytes:
    metadata = {"layers": layers, "source": {"locations": locations, "infos": [7, {"filename": 3, "data": "%"}]}}
    predicate = {
        "buildDefinition": {"internalParameters": {"buildConfig": {"llbDefinition": nodes}}, "resolvedDependencies": 3},
        "runDetails": {"metadata": {"buildkit_metadata": metadata}},
    }
    return json.dumps(
        {"predicateType": "https://slsa.dev/provenance/v1", "predicate": predicate, "subject": [1, {}]}
    ).encode()


@pytest.mark.parametrize("value", [None, 1, "x", [], [1], {}, {"a": 1}, [[1]], [{}], {"step0": [[{}]]}])
def test_values_of_other_types(value: object) -> None:
    """Each part may be anything."""
    nodes = [{"id": value, "op": value, "inputs": value}, {"id": "a", "op": {"Op": value}}, value]
    for data in (
        hostile(nodes, {"a:0": value, "b:0": [value]}, value),
        hostile(
            [{"id": "a", "op": {"Op": {"exec": {"meta": {"args": value}}}}}], {}, {"a": {"locations": [{"ranges": value}]}}
        ),
        hostile(
            [], {}, {"a": {"locations": [{"sourceIndex": value, "ranges": [{"start": value, "end": {"line": value}}]}]}}
        ),
        json.dumps({"predicateType": "https://slsa.dev/provenance/v0.2", "predicate": value, "subject": value}).encode(),
    ):
        statement = parse_statement(data)
        assert all(location.first > 0 for location in statement.locations.values())
        find_owners(statement, ["x"], is_about_image=True)


def test_large_graphs_take_little_work() -> None:
    """Ten thousand steps that all take the same long chains: the comparisons are counted, and end."""
    chain = tuple(f"sha256:{number:064x}" for number in range(4000))
    names = [f"step{number}:0" for number in range(9000)]
    nodes = {name.partition(":")[0]: step(*names[max(0, number - 250) : number]) for number, name in enumerate(names)}
    statement = Statement(predicate_type="x", nodes=nodes, result=names[-1], chains=dict.fromkeys(names, [chain]))
    found = find_owners(statement, chain, is_about_image=True)
    assert found is not None and set(found.nodes) == {None}  # without the bound, step 0 would own all layers
