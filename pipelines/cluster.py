"""What a task's pod is given on a cluster: settings, keys, room. On a laptop none of it applies.

The names are those of `manifests/base`: one ConfigMap, and a Secret for each thing to reach.
"""

from typing import Any

from kfp import kubernetes

_SETTINGS = (
    "VINTAGE_STORE", "VINTAGE_TRACKING", "VINTAGE_NAMESPACE", "VINTAGE_MOST_REPLICAS",
    "VINTAGE_WEBHOOK", "VINTAGE_PUSHGATEWAY", "AWS_ENDPOINT_URL",
)  # fmt: skip
_STORE_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_SOURCES_KEYS = ("VINTAGE_SOURCES", "VINTAGE_SOURCES_USER", "VINTAGE_SOURCES_PASSWORD")
_STORE_SECRET, _DATABASE_SECRET, _LENDERS_DATABASE = (
    "vintage-store", "vintage-database", "vintage-sources",
)  # fmt: skip
_MEMORY = "4Gi"  # Spark's driver takes 2 GB of heap, training its matrix and the libraries


def equip(task: Any, *, database: bool = False, sources: bool = False) -> None:
    """Give a task its settings and the object store's keys; `database`: the promotions table's;
    `sources`: those of the lender's database, where there is one.
    """
    kubernetes.use_config_map_as_env(
        task, config_map_name="vintage", config_map_key_to_env={k: k for k in _SETTINGS}
    )
    kubernetes.use_secret_as_env(
        task, secret_name=_STORE_SECRET, secret_key_to_env={k: k for k in _STORE_KEYS}
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
    task.set_cpu_request("10m").set_memory_request("256Mi").set_memory_limit(_MEMORY)
