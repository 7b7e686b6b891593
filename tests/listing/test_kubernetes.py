"""JSON of kubectl and docker compose: which images run where, pinned to the digests that run."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from ocisize.listing import documents
from ocisize.listing.references import ReferenceList
from ocisize.listing.sources import list_references

DIGEST, OTHER = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"


def listed_in(*documents: Any) -> ReferenceList:
    """What documents on standard input name."""
    data = "\n".join(json.dumps(document, indent=2) for document in documents)
    return list_references(["-"], stdin=io.BytesIO(data.encode()))


def pod(
    images: Mapping[str, str],
    running: Mapping[str, str] | None = None,
    *,
    node: str = "",
    namespace: str = "shop",
    key: str = "containers",
) -> dict[str, Any]:
    """A pod: image and imageID by container."""
    status = {"containers": "containerStatuses", "initContainers": "initContainerStatuses"}.get(
        key, "ephemeralContainerStatuses"
    )
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web-1", "namespace": namespace, "managedFields": [{"manager": "kubelet"}]},
        "spec": {
            **({"nodeName": node} if node else {}),
            key: [{"name": name, "image": image, "env": [{"name": "X", "value": "y"}]} for name, image in images.items()],
        },
        "status": {
            "phase": "Running",
            status: [
                {"name": name, "image": images[name], "imageID": image_id, "ready": True}
                for name, image_id in (running or {}).items()
            ],
        },
    }


def a_list(items: Sequence[Any], kind: str = "List") -> dict[str, Any]:
    """A list as kubectl prints it."""
    return {"apiVersion": "v1", "items": items, "kind": kind, "metadata": {"resourceVersion": ""}}


def node(name: str, images: Sequence[Mapping[str, Any] | None]) -> dict[str, Any]:
    return {"kind": "Node", "metadata": {"name": name}, "status": {"images": images}}


@pytest.mark.parametrize("key", ["containers", "initContainers", "ephemeralContainers"])
def test_the_digest_that_runs_is_read(key: str) -> None:
    """The tag stays for people."""
    listed = listed_in(a_list([pod({"web": "nginx:1"}, {"web": f"docker.io/library/nginx@{DIGEST}"}, node="n1", key=key)]))
    (reference,) = listed.references
    assert reference.name == f"docker.io/library/nginx:1@{DIGEST}"
    assert (reference.label, reference.nodes, reference.store) == ("shop", ("n1",), "docker.io")
    assert not listed.warnings


@pytest.mark.parametrize(
    ("image", "image_id", "name"),
    [
        ("nginx:1", f"docker-pullable://nginx@{DIGEST}", f"docker.io/library/nginx:1@{DIGEST}"),
        ("registry.io/a:1", f"registry.io/b@{DIGEST}", f"registry.io/b@{DIGEST}"),
        (f"nginx@{OTHER}", f"nginx@{DIGEST}", f"docker.io/library/nginx@{DIGEST}"),
        (DIGEST, f"nginx@{DIGEST}", f"docker.io/library/nginx@{DIGEST}"),
        (f"nginx@{OTHER}", DIGEST, f"docker.io/library/nginx@{OTHER}"),
    ],
)
def test_forms_of_image_ids(image: str, image_id: str, name: str) -> None:
    """One digest may have been pulled under another name; the registry has it there."""
    listed = listed_in(pod({"web": image}, {"web": image_id}))
    assert [reference.name for reference in listed.references] == [name]
    assert not listed.warnings


@pytest.mark.parametrize(
    "image_id", [DIGEST, f"docker://{DIGEST}", "5b0bcabd1ed22e9fb1310cf6c2dec7cd", "nginx@sha256:short"]
)
def test_the_id_of_an_image_pins_nothing(image_id: str) -> None:
    listed = listed_in(pod({"web": "nginx:1"}, {"web": image_id}))
    assert [reference.name for reference in listed.references] == ["docker.io/library/nginx:1"]
    (warning,) = listed.warnings
    assert "1 container with the digest of a config" in warning


def test_containers_that_have_not_run_are_read_by_their_tags() -> None:
    listed = listed_in(pod({"web": "nginx:1", "side": "envoy:2"}, {"side": ""}))
    assert [reference.name for reference in listed.references] == ["docker.io/library/nginx:1", "docker.io/library/envoy:2"]
    assert "2 containers without a digest" in listed.warnings[0]


def test_nodes_and_namespaces_of_one_image() -> None:
    """An image is listed once for each namespace, with all nodes that run it there."""
    running = {"web": f"nginx@{DIGEST}"}
    pods = [
        pod({"web": "nginx:1"}, running, node=name, namespace=namespace)
        for name, namespace in (("n1", "a"), ("n2", "a"), ("n1", "a"), ("n3", "b"))
    ]
    listed = listed_in(a_list(pods))
    assert [(reference.label, reference.nodes) for reference in listed.references] == [("a", ("n1", "n2")), ("b", ("n3",))]


def test_nodes_list_what_they_hold() -> None:
    images: list[Mapping[str, Any] | None] = [
        {"names": [f"docker.io/library/nginx@{DIGEST}", "docker.io/library/nginx:1"], "sizeBytes": 5},
        {"names": ["registry.io/app:2"], "sizeBytes": 4},
        {"names": [f"registry.io/db@{OTHER}"], "sizeBytes": 3},
        {"names": ["<none>@<none>"], "sizeBytes": 3},
        {"names": None, "sizeBytes": 1},
        None,
    ]
    listed = listed_in(a_list([node("n1", images), node("n2", images[:1])]))
    assert [(reference.name, reference.nodes) for reference in listed.references] == [
        (f"docker.io/library/nginx:1@{DIGEST}", ("n1", "n2")),
        ("registry.io/app:2", ("n1",)),
        (f"registry.io/db@{OTHER}", ("n1",)),
    ]
    assert listed.warnings == ("standard input: left out: 2 images of nodes without a name",)


@pytest.mark.parametrize(("count", "warns"), [(49, False), (50, True)])
def test_nodes_name_only_their_largest_images(count: int, *, warns: bool) -> None:
    listed = listed_in(a_list([node("n1", [{"names": [f"registry.io/app{number}:1"]} for number in range(count)])]))
    assert len(listed.references) == count
    assert any("1 node with 50 images" in warning for warning in listed.warnings) == warns


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "ReplicationController"])
def test_templates_of_workloads(kind: str) -> None:
    """Nothing runs yet, so tags are not pinned, and no warning says so."""
    template = {
        "spec": {"containers": [{"name": "web", "image": "nginx:1"}], "initContainers": [{"name": "i", "image": "busybox"}]}
    }
    item = {"kind": kind, "metadata": {"name": "web", "namespace": "shop"}, "spec": {"template": template}}
    listed = listed_in(a_list([item]))
    assert [reference.name for reference in listed.references] == [
        "docker.io/library/busybox:latest",
        "docker.io/library/nginx:1",
    ]
    assert not listed.warnings


def test_cron_jobs_and_templates() -> None:
    spec = {"spec": {"containers": [{"image": "backup:1"}]}}
    cron = {"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": spec}}}}
    listed = listed_in(cron, {"kind": "PodTemplate", "template": {"spec": {"containers": [{"image": "other:1"}]}}})
    assert [reference.name for reference in listed.references] == ["docker.io/library/backup:1", "docker.io/library/other:1"]


def test_lists_of_mixed_kinds() -> None:
    """Objects without images are named; nested lists and typed lists, whose items have no kind, are read."""
    bare = {key: value for key, value in pod({"b": "b:1"}).items() if key != "kind"}
    listed = listed_in(
        a_list(
            [
                pod({"a": "a:1"}),
                {"kind": "Service"},
                a_list([bare], "PodList"),
                {"kind": "Secret"},
                {"kind": "Service"},
                5,
                None,
            ]
        )
    )
    assert [reference.name for reference in listed.references] == ["docker.io/library/a:1", "docker.io/library/b:1"]
    assert "standard input: left out: objects of kinds that name no images: 1 Secret, 2 Service" in listed.warnings


def test_images_of_volumes() -> None:
    item = pod({"web": "nginx:1"}, {"web": f"nginx@{DIGEST}"}, node="n1")
    item["spec"]["volumes"] = [
        {"name": "model", "image": {"reference": "registry.io/model:1"}},
        {"name": "tmp", "emptyDir": {}},
    ]
    listed = listed_in(item)
    assert (listed.references[1].name, listed.references[1].nodes) == ("registry.io/model:1", ("n1",))


def test_images_that_are_no_references_are_failures_at_their_place() -> None:
    listed = listed_in(a_list([pod({"web": "NGINX:1", "side": "envoy:1"})]))
    assert len(listed.references) == 1
    assert [failure.message for failure in listed.failures] == [
        "standard input, Pod shop/web-1, container web: invalid reference 'NGINX:1'"
    ]


@pytest.mark.parametrize("image", ["./secret.tar", "/etc", "dir:/etc", "registry.io/*", "-", ""])
def test_images_of_a_cluster_are_never_paths_or_patterns(image: str, tmp_path: Any) -> None:
    """Whoever may create pods decides what is read of registries alone."""
    listed = listed_in(pod({"web": image}))
    assert not listed.references
    assert len(listed.failures) == 1


def test_documents_one_behind_the_other() -> None:
    """As a shell prints several commands."""
    listed = listed_in(pod({"a": "a:1"}), a_list([node("n1", [{"names": ["b:1"]}])]), ["c:1"])
    assert [reference.name.rpartition("/")[2] for reference in listed.references] == ["a:1", "b:1", "c:1"]


def test_services_of_compose() -> None:
    """The label is the service; what Compose builds has no image."""
    services = {
        "web": {"image": "nginx:1"},
        "db": {"image": f"postgres@{DIGEST}"},
        "app": {"build": {"context": "."}},
        "x": None,
    }
    listed = listed_in({"name": "shop", "services": services, "networks": {}})
    assert [(reference.label, reference.name) for reference in listed.references] == [
        ("web", "docker.io/library/nginx:1"),
        ("db", f"docker.io/library/postgres@{DIGEST}"),
    ]
    assert listed.warnings == ("standard input: 2 services without an image, which Compose builds: app, x",)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"a": 1}, "JSON of another kind"),
        ([1, 2], "array of other values"),
        (a_list([]), "a list without objects"),
        (a_list([{"kind": "Service"}]), "no pods, nodes or workloads, but Service"),
        ({"kind": "Config", "clusters": []}, "no pods, nodes or workloads, but Config"),
        ({"kind": "List", "items": {"a": 1}}, "but List"),
    ],
)
def test_other_documents(document: Any, message: str) -> None:
    listed = listed_in(document)
    assert message in listed.failures[0].message
    assert not listed.references


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"{", "not valid JSON"),
        (b'{"kind": "Pod"', "not valid JSON"),
        (b"[" * 1_000_000, "nested too deeply"),
        (b'{"kind":"List","items":[' + b'{"a":' * 500_000, "nested too deeply"),
        (b'{"kind": "Pod", "n": ' + b"9" * 10_000 + b"}", "not valid JSON"),
    ],
)
def test_hostile_json(data: bytes, message: str) -> None:
    (failure,) = list_references(["-"], stdin=io.BytesIO(data)).failures
    assert message in failure.message


def test_more_values_than_memory_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three bytes of JSON take 64 bytes of memory."""
    monkeypatch.setattr(documents, "MAX_VALUES", 1000)
    (failure,) = listed_in(["nginx"] * 1002).failures
    assert "more than 1,000 values" in failure.message
    assert not listed_in(["nginx"] * 1001).failures


def test_lists_within_lists_without_recursion() -> None:
    """As deep as the decoder allows."""
    document: Any = pod({"a": "a:1"})
    for _ in range(400):
        document = a_list([document])
    assert len(listed_in(document).references) == 1


def test_texts_of_others_cannot_steer_a_terminal() -> None:
    item = pod({"web": "app\x1b[31m"}, namespace="a\x1b[2J", node="n\ud800")
    item["spec"]["containers"].append({"name": "\x1b]0;x", "image": "ok:1"})
    listed = listed_in(item)
    assert all(failure.message.isprintable() and failure.reference.isprintable() for failure in listed.failures)
    assert listed.references[0].label.isprintable()
    assert listed.references[0].nodes[0].isprintable()
