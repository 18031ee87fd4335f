"""Files between the driver and Spark's executors, which see a bucket and not the driver's disk.

A file or folder of the driver's has its place in the bucket, of its own path. Steps go on to work
with folders; what the executors write is brought to the folder that it was meant for.
"""

import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from components.etl.executors import LONGEST_S, hadoop

_NAME = "exchange"


class Exchange:
    """The place of one session in a bucket; emptied at its end."""

    def __init__(
        self, session: SparkSession, store: str, remote: Callable[[Path], str | None]
    ) -> None:
        """`store` is `s3a://bucket/prefix`; `remote` tells of a local file or folder where in a
        bucket its like is for good, if it is.
        """
        self._hadoop = session._jvm.org.apache.hadoop  # type: ignore[union-attr]
        self._all = f"{store}/{_NAME}"
        self._root = f"{self._all}/{int(time.time())}-{uuid.uuid4().hex[:8]}"
        configuration = session._jsc.hadoopConfiguration()
        self._files: Any = self._path(self._root).getFileSystem(configuration)
        self._remote, self._there = remote, set[Path]()
        self._sweep()

    def seen(self, path: Path) -> str:
        """Where executors read a file or folder: put there, unless it is there."""
        if (place := self._remote(path)) is not None:
            return hadoop(place)
        place = self.place(path)
        if path not in self._there:
            inside = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
            for file in inside:
                target = self._path(self.place(file))
                self._files.copyFromLocalFile(False, True, self._path(str(file)), target)
            self._there.add(path)
        return place

    def place(self, path: Path) -> str:
        """Where executors write what is meant for a folder."""
        return f"{self._root}{path.absolute()}"

    def bring(self, folder: Path) -> None:
        """What executors wrote for a folder, to that folder."""
        start = self.place(folder)
        found = self._files.listFiles(self._path(start), True)
        while found.hasNext():
            file = found.next().getPath()
            name = file.toString().removeprefix(start).lstrip("/")
            if file.getName().startswith(("_", ".")):
                continue
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            self._files.copyToLocalFile(False, file, self._path(str(target)), True)
        self._there.add(folder)

    def clear(self) -> None:
        """Nothing of it is needed any more."""
        self._files.delete(self._path(self._root), True)

    def _sweep(self) -> None:
        """Remove what drivers left that were killed, once no executor of theirs can be."""
        place = self._path(self._all)
        if not self._files.exists(place):
            return
        for found in self._files.listStatus(place):
            began = found.getPath().getName().partition("-")[0]
            if began.isdigit() and int(began) < time.time() - LONGEST_S:
                self._files.delete(found.getPath(), True)

    def _path(self, text: str) -> Any:
        return self._hadoop.fs.Path(text)
