"""Spark's own troubles in the words of who runs a task, where its place is to blame."""

import re
from typing import Any

from py4j.protocol import Py4JError  # type: ignore[import-untyped]

from components.contracts.errors import EnvironmentFaultError

_LOST = re.compile(r"ExecutorLostFailure \((executor .+)")
#: Of Hadoop's way to S3, by the classes of its exceptions.
_S3A = ("org.apache.hadoop.fs.s3a.", "java.nio.file.AccessDeniedException")
_DEEPEST = 20  # causes of causes


def named(error: Exception, store: str) -> EnvironmentFaultError | None:
    """The error to tell instead: Java that ended, executors that did, a store that is away, is
    full, or lets nobody in. None: it is no such thing. `store` is the executors', "" where there
    are none.
    """
    # What Spark knows it wraps in an exception of its own, with Java's inside.
    cause: Any = getattr(error, "java_exception", None) or getattr(error, "_origin", None)
    if cause is None:
        # Only a gateway whose Java is gone raises these.
        if isinstance(error, ConnectionError | Py4JError):
            return EnvironmentFaultError(
                "Spark: expected its Java to go on working, found that it ended; it was killed, or "
                "there was no memory for it"
            )
        return None
    if (lost := _LOST.search(str(cause.getMessage()))) is not None:
        return EnvironmentFaultError(f"executors: expected them to go on working, found: {lost[1]}")
    for _ in range(_DEEPEST):
        if cause is None:
            break
        if store and cause.getClass().getName().startswith(_S3A):
            first = str(cause.getMessage()).splitlines()[0]
            return EnvironmentFaultError(f"object store {store}: {first}")
        cause = cause.getCause()
    return None
