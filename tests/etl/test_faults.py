"""Spark's own troubles are named where the place is to blame, and left alone where it is not."""

from typing import TYPE_CHECKING, Any

import pytest
from py4j.protocol import Py4JError, Py4JJavaError, Py4JNetworkError

from components.etl.faults import named

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_GONE = (
    "Spark: expected its Java to go on working, found that it ended; it was killed, or there was "
    "no memory for it"
)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Py4JNetworkError("Answer from Java side is empty"), _GONE),
        (Py4JError("org.apache.spark.api.python.PythonUtils does not exist in the JVM"), _GONE),
        (ConnectionRefusedError(111, "Connection refused"), _GONE),
        (ValueError("of the data"), None),
        (OSError(28, "No space left on device"), None),
    ],
)
def test_java_that_ended_is_named(error: Exception, said: str | None) -> None:
    found = named(error, "")
    assert (None if found is None else str(found)) == said


class _Thrown:
    """A Java exception: its class, what it says, and its cause."""

    def __init__(self, kind: str, says: str, cause: "_Thrown | None" = None) -> None:
        self._kind, self._says, self._cause = kind, says, cause
        self._target_id, self._gateway_client = "o1", self  # what py4j asks of one

    def getMessage(self) -> str:
        return self._says

    def getCause(self) -> "_Thrown | None":
        return self._cause

    def getClass(self) -> Any:
        return type("_Class", (), {"getName": lambda _: self._kind})()


_SPARK = "org.apache.spark.SparkException"


@pytest.mark.parametrize(
    ("thrown", "said"),
    [
        (
            _Thrown(
                _SPARK,
                "Job aborted due to stage failure: Task 0 in stage 3.0 failed 4 times, "
                "most recent failure: Lost task 0.3 in stage 3.0 (TID 9): "
                "ExecutorLostFailure (executor 4 exited caused by one of the running tasks) "
                "Reason: exit code 137(SIGKILL, possible container OOM)\nDriver stacktrace:",
            ),
            "executors: expected them to go on working, found: executor 4 exited caused by one of "
            "the running tasks) Reason: exit code 137(SIGKILL, possible container OOM)",
        ),
        (
            _Thrown(
                _SPARK,
                "Job aborted",
                _Thrown(
                    "org.apache.hadoop.fs.s3a.AWSStatus500Exception",
                    "PUT on x: Storage backend has reached its minimum free drive\nat",
                ),
            ),
            "object store s3a://vintage/store: PUT on x: Storage backend has reached its minimum "
            "free drive",
        ),
        (_Thrown(_SPARK, "Job aborted", _Thrown("java.lang.IllegalStateException", "ours")), None),
    ],
)
def test_executors_and_stores_are_named(thrown: _Thrown, said: str | None) -> None:
    error = Py4JJavaError("An error occurred", thrown)
    found = named(error, "s3a://vintage/store")
    assert (None if found is None else str(found)) == said
    assert found is None or found.transient


def test_a_mistake_of_a_program_is_left_alone(spark: "SparkSession") -> None:
    with pytest.raises(Exception, match="For input string") as caught:
        spark._jvm.java.lang.Integer.parseInt("x")  # type: ignore[union-attr]
    assert named(caught.value, "s3a://vintage/store") is None
