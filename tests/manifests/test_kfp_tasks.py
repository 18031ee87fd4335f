"""Tasks of a KFP in its own namespace may do what tasks of ours may, and have what ours have."""

import re
from typing import Any

import pytest
import yaml

from components.etl.executors import ACCOUNT
from pipelines.cluster import equip
from tests.manifests.renders import OVERLAYS, ROOT, Document, documents, golden, of_kind

KFP = "kubeflow"


@pytest.fixture(scope="module")
def ours() -> list[Document]:
    return documents((ROOT / "manifests" / "kfp" / "tasks.yaml").read_text())


def _peers(policies: list[Document]) -> list[tuple[str, list[Any], list[Any]]]:
    """Whom policies let in, and through which ports, by the pods that they are for."""
    return [
        (name, rule["from"], rule["ports"])
        for policy in policies
        for rule in policy["spec"]["ingress"]
        for name in _names(policy["spec"]["podSelector"])
    ]


def _names(selector: Document) -> list[str]:
    if "matchLabels" in selector:
        return list(selector["matchLabels"].values())
    [expression] = selector["matchExpressions"]
    return list(expression["values"])


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_kfp_s_tasks_are_let_in_wherever_ours_go(overlay: str, ours: list[Document]) -> None:
    policies = {d["metadata"]["name"]: d["spec"] for d in of_kind(golden(overlay), "NetworkPolicy")}
    tasks = policies["tasks"]
    wanted = {
        (name, port["port"])
        for rule in tasks["egress"]
        for peer in rule["to"]
        for name in _names(peer.get("podSelector", {"matchLabels": {}}))
        for port in rule["ports"]
    }
    let = {
        (name, port["port"])
        for name, peers, ports in _peers(of_kind(ours, "NetworkPolicy"))
        for port in ports
        if [peer["podSelector"] for peer in peers] == [tasks["podSelector"]]
    }
    assert len(wanted) >= 4
    assert wanted <= let
    for policy in of_kind(ours, "NetworkPolicy"):
        for rule in policy["spec"]["ingress"]:
            [peer] = rule["from"]
            label = {"kubernetes.io/metadata.name": KFP}
            assert peer["namespaceSelector"] == {"matchLabels": label}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_kfp_s_executors_are_let_in_where_ours_are(overlay: str, ours: list[Document]) -> None:
    policies = {d["metadata"]["name"]: d["spec"] for d in of_kind(golden(overlay), "NetworkPolicy")}
    [let] = [
        (name, ports)
        for name, peers, ports in _peers(of_kind(ours, "NetworkPolicy"))
        if [peer["podSelector"] for peer in peers] == [policies["executors"]["podSelector"]]
    ]
    assert let == ("minio", [{"protocol": "TCP", "port": 9000}])


def test_kfp_s_runner_may_what_ours_may(ours: list[Document]) -> None:
    roles = {role["metadata"]["name"]: role["rules"] for role in of_kind(golden("kind"), "Role")}
    bound = {}
    for binding in of_kind(ours, "RoleBinding"):
        assert binding["subjects"] == [
            {"kind": "ServiceAccount", "name": "pipeline-runner", "namespace": KFP}
        ]
        bound[binding["roleRef"]["name"]] = binding["metadata"]["namespace"]
    assert bound == {"deployer": "vintage", "spark-driver": KFP}
    assert bound.keys() <= roles.keys()
    # Executors are where their driver is: there it needs a role of the same rules.
    [role] = of_kind(ours, "Role")
    assert (role["metadata"]["namespace"], role["rules"]) == (KFP, roles["spark-driver"])
    [account] = of_kind(ours, "ServiceAccount")
    assert (account["metadata"]["name"], account["metadata"]["namespace"]) == (ACCOUNT, KFP)
    assert not account["automountServiceAccountToken"]


def test_what_every_task_reads_is_handed_over(tmp_path: Any) -> None:
    from kfp import compiler, dsl

    @dsl.component(base_image="python", install_kfp_package=False)
    def nothing() -> None:
        pass

    @dsl.pipeline(name="one")
    def one() -> None:
        equip(nothing(), database=True)

    compiler.Compiler().compile(one, str(tmp_path / "one.yaml"))
    _, platform = yaml.safe_load_all((tmp_path / "one.yaml").read_text())
    [told] = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"].values()
    read = {f"secret/{one['secretName']}" for one in told["secretAsEnv"]}
    read |= {f"configmap/{one['configMapName']}" for one in told["configMapAsEnv"]}
    script = (ROOT / "manifests" / "deploy").read_text()
    [handed] = re.findall(r"for thing in (.*); do", script)
    assert set(handed.split()) == read
