"""Executors: pods in which Spark's work is done, beside the one whose task asks for it.

The task's pod drives them, and is their owner: Kubernetes sweeps away what it leaves. They share
no disk with it, but a bucket (`exchange.py`).
"""

import json
from dataclasses import dataclass
from pathlib import Path

from components.contracts.errors import EnvironmentFaultError, VintageError
from components.etl import jars, s3a

#: The secret with the store's keys, where executors are; and what its keys are called.
STORE_SECRET = "vintage-store"  # noqa: S105 - a name
STORE_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
ACCOUNT = "spark-executor"
#: Where driver and executors listen: network policies name them.
DRIVER_PORT, BLOCKS_PORT = 7078, 7079
_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_API = "k8s://https://kubernetes.default.svc:443"
LONGEST_S = 86_400  # should a driver be gone without its executors' notice
#: What a pod may not, wherever ours run.
LOCKED = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


@dataclass(frozen=True)
class Executors:
    """How many, of which image, and whose: the driver's pod and its address."""

    count: int
    image: str
    pod: str
    address: str
    #: As `s3://bucket/prefix`, and the address of its server.
    store: str
    endpoint: str
    #: The folder of jars, the same in the image, and one to work in.
    jars: Path
    home: Path

    def __post_init__(self) -> None:
        if not self.store.startswith("s3://"):
            raise VintageError(
                f"executors: expected VINTAGE_STORE in a bucket, s3://bucket/prefix, which they "
                f"can reach, found {self.store}"
            )

    @property
    def place(self) -> str:
        """The store in Hadoop's words."""
        return hadoop(self.store)

    def settings(self) -> dict[str, str]:
        """What Spark is told."""
        template = self.home / "executor.json"
        template.write_text(json.dumps(_template()))
        return {
            "spark.master": _API,
            "spark.kubernetes.namespace": _NAMESPACE.read_text().strip(),
            "spark.kubernetes.container.image": self.image,
            "spark.kubernetes.driver.pod.name": self.pod,
            "spark.kubernetes.executor.podTemplateFile": str(template),
            "spark.kubernetes.authenticate.executor.serviceAccountName": ACCOUNT,
            "spark.kubernetes.executor.request.cores": "10m",
            "spark.executor.instances": str(self.count),
            "spark.executor.memory": "1536m",
            "spark.executor.memoryOverhead": "1g",  # Python decides outside of Java
            "spark.executor.extraJavaOptions": "-XX:+UseSerialGC -XX:ReservedCodeCacheSize=256m",
            "spark.executor.syncLogLevel.enabled": "true",  # theirs is chatty
            "spark.driver.host": self.address,
            "spark.driver.port": str(DRIVER_PORT),
            "spark.blockManager.port": str(BLOCKS_PORT),
            # Else who reaches the port of a driver has it run what he likes.
            "spark.authenticate": "true",
            "spark.network.crypto.enabled": "true",
            **self.s3a(),
        }

    def s3a(self) -> dict[str, str]:
        """What Spark is told of the store, whose keys are in the usual variables of AWS.

        The committer is S3A's own: it uploads parts as they are made, and completes them when the
        job ends. Nothing is renamed, which would be a copy, and what fails leaves nothing to see.
        """
        cloud = "org.apache.spark.internal.io.cloud"
        places = ":".join(map(str, jars.have(s3a.JARS, self.jars, self.home)))
        return {
            "spark.driver.extraClassPath": places,
            "spark.executor.extraClassPath": places,
            "spark.hadoop.fs.s3a.endpoint": self.endpoint,
            "spark.hadoop.fs.s3a.endpoint.region": "us-east-1",
            "spark.hadoop.fs.s3a.path.style.access": "true",
            "spark.hadoop.fs.s3a.connection.ssl.enabled": str(
                self.endpoint.startswith("https:")
            ).lower(),
            "spark.hadoop.fs.s3a.aws.credentials.provider": (
                "software.amazon.awssdk.auth.credentials.EnvironmentVariableCredentialsProvider"
            ),
            # The newer kinds of streams ask for jars of their own.
            "spark.hadoop.fs.s3a.input.stream.type": "classic",
            "spark.hadoop.fs.s3a.committer.name": "magic",
            "spark.sql.sources.commitProtocolClass": f"{cloud}.PathOutputCommitProtocol",
            "spark.sql.parquet.output.committer.class": f"{cloud}.BindingParquetOutputCommitter",
        }

    def not_there(self, why: str) -> EnvironmentFaultError:
        """The error where Spark could not begin with its executors."""
        return EnvironmentFaultError(
            f"executors: expected {self.count} pods of {self.image} to begin with, found: {why}; "
            "see: kubectl get pods -l spark-role=executor"
        )


def hadoop(uri: str) -> str:
    """A place in a bucket in Hadoop's words."""
    return uri.replace("s3:", "s3a:", 1)


def _template() -> dict[str, object]:
    """What an executor's pod has beside what Spark gives it: keys, and no rights."""
    keys = [
        {"name": key, "valueFrom": {"secretKeyRef": {"name": STORE_SECRET, "key": key}}}
        for key in STORE_KEYS
    ]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"labels": {"app.kubernetes.io/part-of": "vintage"}},
        "spec": {
            "activeDeadlineSeconds": LONGEST_S,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "containers": [
                {
                    "name": "executor",
                    "env": keys,
                    "securityContext": LOCKED,
                    "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - in the pod
                }
            ],
            "volumes": [{"name": "tmp", "emptyDir": {}}],
        },
    }
