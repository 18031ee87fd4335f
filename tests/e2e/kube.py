"""kubectl, as a user types it."""

import json
import subprocess
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from minio import Minio

from tests.support import free_port

NAMESPACE = "vintage"


def kubectl(*words: str, text: str | None = None, timeout: float = 120) -> str:
    """Run kubectl to its end; what it printed. Fails with what it said."""
    done = subprocess.run(  # noqa: S603 - the user's own kubectl on our own words
        ["kubectl", *words],  # noqa: S607 - as above
        input=text, capture_output=True, text=True, timeout=timeout, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"kubectl {' '.join(words)}:\n{done.stderr}"
    return done.stdout


def get(*words: str) -> Any:
    """An object, or a list of them, of the namespace."""
    return json.loads(kubectl("-n", NAMESPACE, "get", *words, "-o", "json"))


def apply(document: dict[str, Any]) -> None:
    kubectl("-n", NAMESPACE, "apply", "-f", "-", text=json.dumps(document))


def until(what: str, holds: Callable[[], bool], *, seconds: float = 120) -> None:
    """Wait for something, for a bounded time."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"{what}: not so after {seconds:.0f} s"
        time.sleep(0.5)


@contextmanager
def forwarded(target: str, port: int) -> Iterator[int]:
    """A loopback port that leads to a port of a service or pod."""
    here = free_port()
    process = subprocess.Popen(  # noqa: S603 - as above
        ["kubectl", "-n", NAMESPACE, "port-forward", target, f"{here}:{port}"],  # noqa: S607
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "Forwarding from" in line, line
        yield here
    finally:
        process.terminate()
        process.wait(20)
        if process.stdout is not None:
            process.stdout.close()


@dataclass(frozen=True)
class Reached:
    """The stores of the installation from here, with the rights that tasks have."""

    endpoint: str
    keys: dict[str, str]
    database: str

    @property
    def client(self) -> Minio:
        return Minio(
            endpoint=self.endpoint.removeprefix("http://"),
            access_key=self.keys["AWS_ACCESS_KEY_ID"],
            secret_key=self.keys["AWS_SECRET_ACCESS_KEY"],
            secure=False,
        )

    @property
    def environment(self) -> dict[str, str]:
        """What makes the command line, or a step, work on them."""
        return {
            **self.keys,
            "AWS_ENDPOINT_URL": self.endpoint,
            "VINTAGE_STORE": "s3://vintage/store",
            "VINTAGE_DATABASE": self.database,
        }


def secret(name: str) -> dict[str, str]:
    """What a Secret holds."""
    data = get("secret", name)["data"]
    return {key: b64decode(value).decode() for key, value in data.items()}


@contextmanager
def stores() -> Iterator[Reached]:
    """The object store and the database of the installation, forwarded to this machine."""
    with forwarded("svc/minio", 9000) as s3, forwarded("svc/postgres", 5432) as postgres:
        url = secret("vintage-database")["VINTAGE_DATABASE"]
        yield Reached(
            f"http://127.0.0.1:{s3}",
            secret("vintage-store"),
            url.replace("postgres.vintage:5432", f"127.0.0.1:{postgres}"),
        )


def dump() -> str:
    """What a person would look at after a failure: pods, events, logs."""
    asked = (
        ("get", "pods,deployments,statefulsets,inferenceservices", "-o", "wide"),
        ("get", "events", "--sort-by=.lastTimestamp"),
        ("describe", "pods"),
    )
    parts = [said("-n", NAMESPACE, *words) for words in asked]
    for name in said("-n", NAMESPACE, "get", "pods", "-o", "name").split():
        logs = said("-n", NAMESPACE, "logs", name, "--all-containers", "--prefix", "--tail=40")
        parts.append(logs)
    parts.append(said("-n", "kserve", "logs", "deploy/kserve-controller-manager", "--tail=15"))
    return "\n".join(parts)


def said(*words: str) -> str:
    """What kubectl says, whether it succeeds or not."""
    done = subprocess.run(  # noqa: S603 - as above
        ["kubectl", *words],  # noqa: S607 - as above
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return f"{done.stdout}{done.stderr}"
