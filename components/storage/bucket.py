"""The object store on a bucket: MinIO, or anything that speaks S3."""

import io
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import urllib3
import urllib3.exceptions
from minio import Minio
from minio.error import S3Error

from components.contracts.errors import EnvironmentFaultError, VintageError
from components.storage.objects import MANIFEST, Entry, FolderStore, Workspace, describe


class BucketStore:
    """Entries as prefixes of a bucket: the files first, under a fresh name, the manifest last."""

    def __init__(self, uri: str, home: Path) -> None:
        parts = urlsplit(uri)
        self.uri = uri.rstrip("/")
        self.bucket = parts.netloc
        self.prefix = parts.path.strip("/")
        self.cache = home / "cache" / "objects"
        self.workspace = Workspace(home / "cache" / "work")
        self.client = _client()
        with _named(self.uri):
            if not self.client.bucket_exists(self.bucket):
                raise VintageError(f"object store {uri}: expected bucket {self.bucket}, found none")

    def _name(self, *parts: str) -> str:
        return "/".join(part for part in (self.prefix, *parts) if part)

    def scratch(self) -> Path:
        return self.workspace.make()

    def find(self, key: str) -> Entry | None:
        text = self.get(f"{key}/{MANIFEST}")
        return None if text is None else Entry.from_json(text)

    def publish(self, key: str, folder: Path, facts: Mapping[str, object]) -> Entry:
        files, digest = describe(folder)
        attempt = uuid.uuid4().hex[:8]
        with _named(self.uri):
            for name in files:
                target = self._name(key, attempt, name)
                self.client.fput_object(
                    bucket_name=self.bucket, object_name=target, file_path=str(folder / name)
                )
        entry = Entry(key, f"{self.uri}/{key}/{attempt}/", digest, files, facts)
        self.put(f"{key}/{MANIFEST}", entry.to_json())
        shutil.rmtree(folder)
        return entry

    def local(self, entry: Entry) -> Path:
        target = self.cache / entry.digest
        if target.is_dir():
            return target
        folder = self._download(entry.uri, list(entry.files))
        _, digest = describe(folder)
        if digest != entry.digest:
            raise VintageError(
                f"{entry.uri}: expected content {entry.digest[:12]}, found {digest[:12]}"
            )
        return self._keep(folder, target)

    def fetch(self, uri: str) -> Path:
        if urlsplit(uri).scheme != "s3":
            return FolderStore(self.cache).fetch(uri)
        parts = urlsplit(uri)
        prefix = parts.path.strip("/") + "/"
        with _named(uri):
            found = self.client.list_objects(
                bucket_name=parts.netloc, prefix=prefix, recursive=True
            )
            names = [o.object_name[len(prefix) :] for o in found if o.object_name]
        if not names:
            raise VintageError(f"data {uri}: expected source files, found nothing")
        return self._download(uri, names)

    def _download(self, uri: str, names: list[str]) -> Path:
        parts = urlsplit(uri)
        folder = self.scratch()
        with _named(uri):
            for name in names:
                self.client.fget_object(
                    bucket_name=parts.netloc,
                    object_name=f"{parts.path.strip('/')}/{name}",
                    file_path=str(folder / name),
                )
        return folder

    def _keep(self, folder: Path, target: Path) -> Path:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            folder.rename(target)
        except OSError:
            if not target.is_dir():
                raise
            shutil.rmtree(folder)  # another process fetched the same meanwhile
        return target

    def put(self, name: str, text: str) -> str:
        data = text.encode()
        with _named(self.uri):
            self.client.put_object(
                bucket_name=self.bucket,
                object_name=self._name(name),
                data=io.BytesIO(data),
                length=len(data),
            )
        return f"{self.uri}/{name}"

    def get(self, name: str) -> str | None:
        with _named(self.uri):
            try:
                answer = self.client.get_object(
                    bucket_name=self.bucket, object_name=self._name(name)
                )
            except S3Error as error:
                if error.code == "NoSuchKey":
                    return None
                raise
            try:
                return answer.read().decode()
            finally:
                answer.close()
                answer.release_conn()

    def names(self, prefix: str) -> list[str]:
        start = self._name(prefix).rstrip("/") + "/"
        with _named(self.uri):
            found = self.client.list_objects(bucket_name=self.bucket, prefix=start, recursive=True)
            skip = len(self._name("")) + 1 if self.prefix else 0
            return sorted(o.object_name[skip:] for o in found if o.object_name)


def _client() -> Minio:
    """A client for `AWS_ENDPOINT_URL` with the usual AWS variables for its keys."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
    if not endpoint:
        raise VintageError(
            "object store: expected AWS_ENDPOINT_URL (such as http://minio:9000), found none"
        )
    parts = urlsplit(endpoint)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise VintageError(
            f"object store: expected AWS_ENDPOINT_URL as http(s)://host:port, found {endpoint!r}"
        )
    return Minio(
        endpoint=parts.netloc,
        access_key=os.environ.get("AWS_ACCESS_KEY_ID"),
        secret_key=os.environ.get("AWS_SECRET_ACCESS_KEY"),
        secure=parts.scheme == "https",
        # The client's own default tries a dead endpoint for minutes.
        http_client=urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=5, read=60),
            retries=urllib3.Retry(total=2, backoff_factor=0.2),
        ),
    )


@contextmanager
def _named(uri: str) -> Iterator[None]:
    """Errors of the client, as errors that name the store."""
    try:
        yield
    except S3Error as error:
        raise EnvironmentFaultError(f"object store {uri}: {error.code}: {error.message}") from error
    except urllib3.exceptions.HTTPError as error:
        raise EnvironmentFaultError(f"object store {uri}: cannot be reached: {error}") from error
