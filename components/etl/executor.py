"""The program of an executor's pod: Java with Spark's executor, as Spark's driver asks for it.

Spark puts what it wants into variables, and calls the image with the word `executor`.
"""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pyspark

from components.etl.java import java_home

_BACKEND = "org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend"
_OPTION = "SPARK_JAVA_OPT_"
_TOLD = {
    "--driver-url": "SPARK_DRIVER_URL",
    "--executor-id": "SPARK_EXECUTOR_ID",
    "--cores": "SPARK_EXECUTOR_CORES",
    "--app-id": "SPARK_APPLICATION_ID",
    "--hostname": "SPARK_EXECUTOR_POD_IP",
    "--resourceProfileId": "SPARK_RESOURCE_PROFILE_ID",
    "--podName": "SPARK_EXECUTOR_POD_NAME",
}


def command(environ: Mapping[str, str], java: Path, spark: Path) -> list[str]:
    """What to run, of what the driver told; `spark` is the folder of Spark's wheel."""
    options = sorted(
        (name for name in environ if name.startswith(_OPTION)),
        key=lambda name: int(name.removeprefix(_OPTION)),
    )
    memory = environ["SPARK_EXECUTOR_MEMORY"]
    places = [environ.get("SPARK_CONF_DIR", ""), environ.get("SPARK_CLASSPATH", "")]
    told = [word for option, name in _TOLD.items() for word in (option, environ[name])]
    return [
        str(java),
        *(environ[name] for name in options),
        f"-Xms{memory}",
        f"-Xmx{memory}",
        "-cp",
        ":".join([place for place in places if place] + [f"{spark}/jars/*"]),
        _BACKEND,
        *told,
    ]


def main() -> None:
    """Become that program."""
    # Spark has its disk mounted below our home, which is root's then.
    java = java_home(Path(tempfile.gettempdir())) / "bin" / "java"
    os.execv(java, command(os.environ, java, Path(pyspark.__file__).parent))  # noqa: S606 - ours


if __name__ == "__main__":
    main()
