"""What a task's pod is given on a cluster: settings, keys, room. On a laptop none of it applies.

The names are those of `manifests/base`: one ConfigMap, and a Secret for each thing to reach.
"""

from typing import Any

from kfp import kubernetes

from components.etl.executors import STORE_KEYS, STORE_SECRET
from components.images import SPARK

_SETTINGS = (
    "VINTAGE_STORE", "VINTAGE_TRACKING", "VINTAGE_NAMESPACE", "VINTAGE_MOST_REPLICAS",
    "VINTAGE_WEBHOOK", "VINTAGE_PUSHGATEWAY", "AWS_ENDPOINT_URL",
)  # fmt: skip
_SOURCES_KEYS = ("VINTAGE_SOURCES", "VINTAGE_SOURCES_USER", "VINTAGE_SOURCES_PASSWORD")
_DATABASE_SECRET, _LENDERS_DATABASE = "vintage-database", "vintage-sources"
#: What a pod that drives executors is to know of itself.
_ITSELF = {"VINTAGE_POD": "metadata.name", "VINTAGE_POD_ADDRESS": "status.podIP"}
_MEMORY = "4Gi"  # Spark's driver takes 2 GB of heap, training its matrix and the libraries


def equip(task: Any, *, database: bool = False, sources: bool = False, executors: int = 0) -> None:
    """Give a task its settings and the object store's keys; `database`: the promotions table's;
    `sources`: those of the lender's database, where there is one; `executors`: so many pods for
    Spark's work.
    """
    kubernetes.use_config_map_as_env(
        task, config_map_name="vintage", config_map_key_to_env={k: k for k in _SETTINGS}
    )
    kubernetes.use_secret_as_env(
        task, secret_name=STORE_SECRET, secret_key_to_env={k: k for k in STORE_KEYS}
    )
    if database:
        kubernetes.use_secret_as_env(
            task,
            secret_name=_DATABASE_SECRET,
            secret_key_to_env={"VINTAGE_DATABASE": "VINTAGE_DATABASE"},
        )
    if sources:
        kubernetes.use_secret_as_env(
            task,
            secret_name=_LENDERS_DATABASE,
            secret_key_to_env={k: k for k in _SOURCES_KEYS},
            optional=True,  # without it the sources are files
        )
    if executors:
        task.set_env_variable(name="VINTAGE_EXECUTORS", value=str(executors))
        task.set_env_variable(name="VINTAGE_EXECUTOR_IMAGE", value=SPARK)
        for name, place in _ITSELF.items():
            kubernetes.use_field_path_as_env(task, env_name=name, field_path=place)
    task.set_cpu_request("10m").set_memory_request("256Mi").set_memory_limit(_MEMORY)
