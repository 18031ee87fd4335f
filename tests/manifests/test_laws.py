"""What holds for every object of every overlay, whoever adds one."""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from components.etl.executors import BLOCKS_PORT, DRIVER_PORT
from tests.manifests.renders import (
    NAMESPACE,
    OVERLAYS,
    Container,
    Document,
    as_json,
    containers,
    documented,
    golden,
    label,
    of_kind,
    placeholders,
    pods,
    walk,
)
from tests.manifests.schemas import namespaced

EVERY_CONTAINER = [
    pytest.param(container, id=f"{overlay}: {container.name}")
    for overlay in OVERLAYS
    for container in containers(golden(overlay))
]
# KServe's own image: what it writes beside the release is its affair, and ends with the download.
MAY_WRITE = {"ClusterStorageContainer/vintage, container storage-initializer"}


@pytest.fixture(params=OVERLAYS)
def objects(request: pytest.FixtureRequest) -> list[Document]:
    return golden(request.param)


def test_the_laws_have_somebody_to_hold_for() -> None:
    names = {parameters.values[0].name for parameters in EVERY_CONTAINER}  # type: ignore[union-attr]
    assert {name.split(", container ")[1] for name in names} == {
        "minio", "postgres", "bootstrap", "mlflow", "kserve-container", "storage-initializer",
        "prometheus", "pushgateway",
    }  # fmt: skip


@pytest.mark.parametrize("container", EVERY_CONTAINER)
def test_a_container_says_how_much_it_needs_and_may_take(container: Container) -> None:
    resources = container.spec["resources"]
    assert {"cpu", "memory"} <= resources["requests"].keys()
    assert "memory" in resources["limits"]
    assert _bytes(resources["requests"]["memory"]) <= _bytes(resources["limits"]["memory"])


def _bytes(quantity: str) -> int:
    number, unit = re.fullmatch(r"(\d+)(Mi|Gi)", quantity).groups()  # type: ignore[union-attr]
    return int(number) * {"Mi": 2**20, "Gi": 2**30}[unit]


@pytest.mark.parametrize("container", EVERY_CONTAINER)
def test_a_container_may_do_nothing_that_it_need_not(container: Container) -> None:
    assert container.security("runAsNonRoot") is True
    assert container.security("runAsUser") > 0
    assert container.security("seccompProfile") == {"type": "RuntimeDefault"}
    own = container.spec["securityContext"]
    assert own["allowPrivilegeEscalation"] is False
    assert own["capabilities"] == {"drop": ["ALL"]}
    assert "privileged" not in own
    assert (own.get("readOnlyRootFilesystem") is True) != (container.name in MAY_WRITE)


@pytest.mark.parametrize("container", EVERY_CONTAINER)
def test_a_container_that_stays_is_watched(container: Container) -> None:
    probes = {"startupProbe", "readinessProbe", "livenessProbe"}
    assert (probes if container.long_running else set()) == probes & container.spec.keys()


@pytest.mark.parametrize("container", EVERY_CONTAINER)
def test_an_image_is_pinned(container: Container) -> None:
    image = container.spec["image"]
    assert re.fullmatch(r"[a-z0-9.-]+\.[a-z]+/[a-z0-9./-]+(:[\w.-]+|@sha256:[0-9a-f]{64})", image)
    assert not image.endswith(":latest")
    assert container.spec.get("imagePullPolicy", "IfNotPresent") == "IfNotPresent"


def test_no_pod_shares_anything_with_its_node(objects: list[Document]) -> None:
    for owner, _, pod in pods(objects):
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys(), owner
        for volume in pod.get("volumes", []):
            assert volume.keys() - {"name"} <= {"emptyDir", "configMap", "secret"}, owner


def test_no_pod_has_a_token_that_it_does_not_use(objects: list[Document]) -> None:
    for owner, _, pod in pods(of_kind(objects, "Deployment", "StatefulSet")):
        assert pod["automountServiceAccountToken"] is False, owner
    tokens = {
        label(account): account.get("automountServiceAccountToken", True)
        for account in of_kind(objects, "ServiceAccount")
    }
    assert [name for name, token in tokens.items() if token] == ["ServiceAccount/pipeline-runner"]


def _held(objects: list[Document], kind: str) -> dict[str, set[str]]:
    return {
        document["metadata"]["name"]: set(document.get("data", {}))
        for document in of_kind(objects, kind)
    }


def _references(objects: list[Document]) -> list[tuple[str, str, str, str | None]]:
    """Whose reference, to what kind, of what name, to which of its keys."""
    found = []
    for document in objects:
        for node in walk(document):
            for field, kind in (("secret", "Secret"), ("configMap", "ConfigMap")):
                for word in (f"{field}KeyRef", f"{field}Ref"):
                    if word in node:
                        named = node[word]
                        found.append((label(document), kind, named["name"], named.get("key")))
                if isinstance(volume := node.get(field), dict):
                    name = volume.get("secretName", volume.get("name"))
                    found.append((label(document), kind, name, None))
        if document["kind"] == "ServiceAccount":
            found += [
                (label(document), "Secret", secret["name"], None)
                for secret in document.get("secrets", [])
            ]
    return found


def test_what_an_object_refers_to_is_there(objects: list[Document]) -> None:
    # In production the Secrets are their owner's: the names and keys that the placeholders have.
    held = {
        "Secret": _held(objects, "Secret") or placeholders(),
        "ConfigMap": _held(objects, "ConfigMap"),
    }
    references = _references(objects)
    assert len(references) > 15
    for owner, kind, name, key in references:
        assert name in held[kind], owner
        assert key is None or key in held[kind][name], owner


def test_every_secret_is_used_by_a_pod_an_account_or_a_task(objects: list[Document]) -> None:
    used = {name for _, kind, name, _ in _references(objects) if kind == "Secret"}
    assert used == placeholders().keys()


def test_what_has_a_namespace_is_in_ours(objects: list[Document]) -> None:
    for document in objects:
        if namespaced(document):
            assert document["metadata"]["namespace"] == NAMESPACE, label(document)
    assert [d["metadata"]["name"] for d in of_kind(objects, "Namespace")] == [NAMESPACE]


def test_our_namespace_lets_no_pod_in_that_may_do_too_much(objects: list[Document]) -> None:
    [namespace] = of_kind(objects, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_nobody_may_do_anything_in_general_or_read_a_secret(objects: list[Document]) -> None:
    assert of_kind(objects, "ClusterRole", "ClusterRoleBinding") == []
    for role in of_kind(objects, "Role"):
        for rule in role["rules"]:
            assert "*" not in as_json(rule), label(role)
            assert "secrets" not in rule["resources"], label(role)
            assert not {"escalate", "bind", "impersonate"} & set(rule["verbs"]), label(role)
            assert not {"pods/exec", "pods/attach", "serviceaccounts/token"} & set(
                rule["resources"]
            ), label(role)


def test_a_role_is_bound_to_accounts_that_are_there(objects: list[Document]) -> None:
    roles = {document["metadata"]["name"] for document in of_kind(objects, "Role")}
    accounts = {document["metadata"]["name"] for document in of_kind(objects, "ServiceAccount")}
    bindings = of_kind(objects, "RoleBinding")
    assert {binding["roleRef"]["name"] for binding in bindings} == roles
    for binding in bindings:
        assert binding["roleRef"]["kind"] == "Role"
        for subject in binding["subjects"]:
            assert subject["kind"] == "ServiceAccount", label(binding)
            assert subject["name"] in accounts, label(binding)
            assert subject["namespace"] == NAMESPACE, label(binding)


def test_every_pod_of_the_namespace_is_cut_off_unless_listed(objects: list[Document]) -> None:
    [deny] = [
        policy
        for policy in of_kind(objects, "NetworkPolicy")
        if policy["metadata"]["name"] == "default-deny"
    ]
    assert deny["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_no_other_policy_takes_back_what_the_first_one_denies(objects: list[Document]) -> None:
    for policy in of_kind(objects, "NetworkPolicy"):
        spec = policy["spec"]
        for direction, peers in (("ingress", "from"), ("egress", "to")):
            for rule in spec.get(direction, []):
                assert rule.get(peers), label(policy)  # no peers would be everybody
                assert rule.get("ports"), label(policy)
                assert direction.capitalize() in spec["policyTypes"], label(policy)


def _ports(pod: Document) -> set[int | str]:
    ports: set[int | str] = set()
    for container in pod["containers"]:
        for port in container.get("ports", []):
            ports |= {port["containerPort"], port.get("name", port["containerPort"])}
    return ports


_SPARK = {"pipelines.kubeflow.org/v2_component": "true", "spark-role": "executor"}


def _chosen(selector: Mapping[str, Any], objects: list[Document]) -> list[Document]:
    if selector == {"component": "predictor"}:  # KServe makes them, with this label of its own
        return [runtime["spec"] for runtime in of_kind(objects, "ClusterServingRuntime")]
    return [
        pod
        for _, metadata, pod in pods(of_kind(objects, "Deployment", "StatefulSet"))
        if selector.items() <= metadata["labels"].items()
    ]


def test_a_service_leads_to_a_port_that_a_pod_has(objects: list[Document]) -> None:
    services = of_kind(objects, "Service")
    assert len(services) == 6
    for service in services:
        [pod] = _chosen(service["spec"]["selector"], objects)
        for port in service["spec"]["ports"]:
            assert port.get("targetPort", port["port"]) in _ports(pod), label(service)


def test_a_policy_lets_in_through_ports_that_the_pods_have(objects: list[Document]) -> None:
    for policy in of_kind(objects, "NetworkPolicy"):
        selector = policy["spec"]["podSelector"].get("matchLabels", {})
        for rule in policy["spec"].get("ingress", []):
            ports = {port["port"] for port in rule["ports"]}
            if selector.items() <= _SPARK.items():  # pods that pipelines and Spark make
                assert ports <= {DRIVER_PORT, BLOCKS_PORT}, label(policy)
            else:
                [pod] = _chosen(selector, objects)
                assert ports <= _ports(pod), label(policy)


def test_executors_reach_the_store_and_who_drives_them_and_nobody_else(
    objects: list[Document],
) -> None:
    policies = {d["metadata"]["name"]: d["spec"] for d in of_kind(objects, "NetworkPolicy")}
    executors, drivers, store = (policies[name] for name in ("executors", "drivers", "minio"))
    me = {"podSelector": executors["podSelector"]}
    assert drivers["podSelector"] == policies["tasks"]["podSelector"]
    to = {
        str(peer["podSelector"]["matchLabels"]): {port["port"] for port in rule["ports"]}
        for rule in executors["egress"]
        for peer in rule["to"]
    }
    assert to == {
        str(drivers["podSelector"]["matchLabels"]): {DRIVER_PORT, BLOCKS_PORT},
        str(executors["podSelector"]["matchLabels"]): {BLOCKS_PORT},
        str(store["podSelector"]["matchLabels"]): {9000},
    }
    assert [me in rule["from"] for rule in store["ingress"]] == [True]
    assert [me in rule["from"] for rule in drivers["ingress"]] == [True]


def test_tasks_reach_the_installation_s_own_database_and_are_let_in(
    objects: list[Document],
) -> None:
    policies = {d["metadata"]["name"]: d["spec"] for d in of_kind(objects, "NetworkPolicy")}
    tasks, database = policies["tasks"], policies["postgres"]
    to, who = ({"podSelector": spec["podSelector"]} for spec in (database, tasks))
    out = [rule["ports"] for rule in tasks["egress"] if to in rule["to"]]
    let = [rule["ports"] for rule in database["ingress"] if who in rule["from"]]
    assert out == let == [[{"protocol": "TCP", "port": 5432}]]
    assert len(_chosen(database["podSelector"]["matchLabels"], objects)) == 1


def test_the_policy_that_the_page_has_a_lender_apply_is_for_tasks(objects: list[Document]) -> None:
    [tasks] = [d for d in of_kind(objects, "NetworkPolicy") if d["metadata"]["name"] == "tasks"]
    [added] = of_kind(documented(), "NetworkPolicy")
    assert added["metadata"]["namespace"] == tasks["metadata"]["namespace"]
    assert added["spec"]["podSelector"] == tasks["spec"]["podSelector"]
    assert added["spec"]["policyTypes"] == tasks["spec"]["policyTypes"] == ["Egress"]
    [rule] = added["spec"]["egress"]
    assert rule["to"] and rule["ports"] == [{"protocol": "TCP", "port": 5432}]


def test_of_two_pods_of_a_scenario_one_is_left_whoever_drains_nodes(
    objects: list[Document],
) -> None:
    [budget] = of_kind(objects, "PodDisruptionBudget")
    [policy] = [
        d for d in of_kind(objects, "NetworkPolicy") if d["metadata"]["name"] == "predictors"
    ]
    # Of all scenarios together: a share, or a number that must stay, could be met by the others.
    assert budget["spec"]["maxUnavailable"] == 1
    assert "minAvailable" not in budget["spec"]
    assert budget["spec"]["selector"] == policy["spec"]["podSelector"]


def test_a_workload_selects_the_pods_that_it_makes(objects: list[Document]) -> None:
    for workload in of_kind(objects, "Deployment", "StatefulSet"):
        wanted = workload["spec"]["selector"]["matchLabels"]
        assert wanted.items() <= workload["spec"]["template"]["metadata"]["labels"].items()


def test_no_variable_is_one_that_kubernetes_makes_for_a_service(objects: list[Document]) -> None:
    taken = "|".join(
        service["metadata"]["name"].upper().replace("-", "_")
        for service in of_kind(objects, "Service")
    )
    made = re.compile(rf"({taken})_(SERVICE_(HOST|PORT(_\w+)?)|PORT(_\d+_(TCP|UDP)(_\w+)?)?)")
    assert made.fullmatch("MINIO_SERVICE_PORT")
    names = {variable["name"] for c in containers(objects) for variable in c.spec.get("env", [])}
    for kind in ("Secret", "ConfigMap"):
        names |= {key for keys in _held(objects, kind).values() for key in keys}
    names |= {key for keys in placeholders().values() for key in keys}
    assert len(names) > 20
    assert [name for name in names if made.fullmatch(name)] == []


def test_a_stateful_pod_keeps_its_data_on_a_volume_of_its_own(objects: list[Document]) -> None:
    for workload in of_kind(objects, "StatefulSet"):
        [claim] = workload["spec"]["volumeClaimTemplates"]
        [container] = workload["spec"]["template"]["spec"]["containers"]
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        assert claim["metadata"]["name"] in mounted
        assert workload["spec"]["template"]["spec"]["securityContext"]["fsGroup"] > 0


def test_production_is_the_base_with_more_room_and_no_secrets() -> None:
    kind, production = ({label(d): d for d in golden(overlay)} for overlay in OVERLAYS)
    secrets = {name for name in kind if name.startswith("Secret/")}
    policy = {
        f"ValidatingAdmissionPolicy{part}/vintage-no-placeholders" for part in ("", "Binding")
    }
    assert production.keys() - kind.keys() == policy
    assert kind.keys() - production.keys() == secrets
