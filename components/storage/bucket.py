"""The object store on a bucket: MinIO, or anything that speaks S3."""

import io
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree.ElementTree import ParseError

import urllib3
import urllib3.exceptions
from minio import Minio
from minio.error import MinioException, S3Error

from components.contracts.errors import EnvironmentFaultError, VintageError
from components.storage.objects import (
    BUCKETS,
    MANIFEST,
    Entry,
    FolderStore,
    Workspace,
    describe,
)

_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_DENIED = {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"}
_OK, _MEANWHILE, _EXISTS = 200, 409, 412


class BucketStore:
    """Entries as prefixes of a bucket: the files first, under a fresh name, the manifest last."""

    def __init__(self, uri: str, home: Path) -> None:
        parts = urlsplit(uri)
        # One name for one store, in Hadoop's word too: entries and releases hold what begins so.
        self.uri = parts._replace(scheme="s3").geturl().rstrip("/")
        if not parts.netloc:
            raise VintageError(f"object store {uri}: expected s3://bucket/prefix, found no bucket")
        self.bucket = parts.netloc
        self.prefix = parts.path.strip("/")
        self.cache = home / "cache" / "objects"
        self.workspace = Workspace(home / "cache" / "work")
        self._fetched: dict[Path, str] = {}
        self._http = urllib3.PoolManager(
            # The client's own default tries a dead endpoint for minutes.
            timeout=urllib3.Timeout(connect=5, read=60),
            retries=urllib3.Retry(total=2, backoff_factor=0.2),
        )
        self.client = _client(self._http)
        with _named(self.uri):
            if not self.client.bucket_exists(self.bucket):
                raise VintageError(f"object store {uri}: expected bucket {self.bucket}, found none")

    def _name(self, *parts: str) -> str:
        return "/".join(part for part in (self.prefix, *parts) if part)

    def scratch(self) -> Path:
        return self.workspace.make()

    def find(self, key: str) -> Entry | None:
        try:
            text = self.get(f"{key}/{MANIFEST}")
            if text is None:
                return None
            entry = Entry.from_json(text)
            start = self._name(entry.uri.removeprefix(self.uri).strip("/")) + "/"
            whole = self._sizes(self.bucket, start) == dict(entry.files)
        except (ValueError, TypeError, KeyError, AttributeError):
            whole = False  # a manifest that is no manifest: somebody wrote over it
        return entry if whole else None

    def _sizes(self, bucket: str, prefix: str) -> dict[str, int]:
        """Bytes by name of the objects under a prefix."""
        with _named(self.uri):
            found = self.client.list_objects(bucket_name=bucket, prefix=prefix, recursive=True)
            return {o.object_name[len(prefix) :]: o.size or 0 for o in found if o.object_name}

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
        if not self._put_first(f"{key}/{MANIFEST}", entry.to_json()):
            if (theirs := self.find(key)) is not None:
                entry = theirs  # another run published the key meanwhile; same key, same thing
            else:  # damaged from outside: made anew
                self.put(f"{key}/{MANIFEST}", entry.to_json())
        shutil.rmtree(folder)
        return entry

    def _put_first(self, name: str, text: str) -> bool:
        """Write a document unless it is there. The client has no conditions; S3 itself does."""
        with _named(self.uri):
            url = self.client.presigned_put_object(
                bucket_name=self.bucket, object_name=self._name(name)
            )
            answer = self._http.request(
                "PUT", url, body=text.encode(), headers={"If-None-Match": "*"}
            )
        if answer.status in {_EXISTS, _MEANWHILE}:
            return False
        if answer.status != _OK:
            raise EnvironmentFaultError(
                f"object store {self.uri}: {name} was refused with HTTP status {answer.status}"
            )
        return True

    def local(self, entry: Entry) -> Path:
        target = self.cache / entry.digest
        self._fetched[target] = entry.uri.rstrip("/")
        if target.is_dir():
            return target
        folder = self._download(entry.uri, list(entry.files))
        _, digest = describe(folder)
        if digest != entry.digest:
            shutil.rmtree(folder)
            raise VintageError(
                f"{entry.uri}: expected content {entry.digest[:12]}, found {digest[:12]}"
            )
        return self._keep(folder, target)

    def remote(self, path: Path) -> str | None:
        for folder in (path, *path.parents):
            if (uri := self._fetched.get(folder)) is not None:
                return f"{uri}/{path.relative_to(folder)}"
        return None

    def fetch(self, uri: str) -> Path:
        if urlsplit(uri).scheme not in BUCKETS:
            return FolderStore(self.cache).fetch(uri)
        parts = urlsplit(uri)
        prefix = parts.path.strip("/") + "/"
        names = list(self._sizes(parts.netloc, prefix))
        if not names:
            raise VintageError(f"data {uri}: expected source files, found nothing")
        return self._download(uri, names)

    def _download(self, uri: str, names: list[str]) -> Path:
        parts = urlsplit(uri)
        folder = self.scratch()
        try:
            with _named(uri):
                for name in names:
                    self.client.fget_object(
                        bucket_name=parts.netloc,
                        object_name=f"{parts.path.strip('/')}/{name}",
                        file_path=str(folder / name),
                    )
        except BaseException:
            # A server tries again and again: its disk must not fill with parts.
            shutil.rmtree(folder, ignore_errors=True)
            raise
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

    def put_file(self, name: str, path: Path) -> None:
        with _named(self.uri):
            self.client.fput_object(
                bucket_name=self.bucket, object_name=self._name(name), file_path=str(path)
            )

    def get(self, name: str) -> str | None:
        data = self.read(name)
        return None if data is None else data.decode()

    def read(self, name: str) -> bytes | None:
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
                data: bytes = answer.read()
            finally:
                answer.close()
                answer.release_conn()
        return data

    def names(self, prefix: str) -> list[str]:
        start = self._name(prefix).rstrip("/") + "/"
        with _named(self.uri):
            found = self.client.list_objects(bucket_name=self.bucket, prefix=start, recursive=True)
            skip = len(self._name("")) + 1 if self.prefix else 0
            return sorted(o.object_name[skip:] for o in found if o.object_name)


def _client(http: urllib3.PoolManager) -> Minio:
    """A client for `AWS_ENDPOINT_URL` with the usual AWS variables for its keys."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
    for name, value in (("AWS_ENDPOINT_URL", endpoint), *((n, os.environ.get(n)) for n in _KEYS)):
        if not value:
            raise VintageError(f"object store: expected {name} to be set, found nothing")
    try:
        parts = urlsplit(endpoint)
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            raise ValueError("no http or https address")
        return Minio(
            endpoint=parts.netloc + parts.path.rstrip("/"),
            access_key=os.environ[_KEYS[0]],
            secret_key=os.environ[_KEYS[1]],
            secure=parts.scheme == "https",
            http_client=http,
        )
    except ValueError as error:
        shown = endpoint.split("@")[-1]  # never a password
        raise VintageError(
            f"object store: expected AWS_ENDPOINT_URL as http(s)://host:port, "
            f"found {shown!r}: {error}"
        ) from None


@contextmanager
def _named(uri: str) -> Iterator[None]:
    """Errors of the client, as errors that name the store."""
    try:
        yield
    except S3Error as error:
        hint = f"; look at {' and '.join(_KEYS)}" if error.code in _DENIED else ""
        raise EnvironmentFaultError(
            f"object store {uri}: {error.code}: {error.message}{hint}"
        ) from error
    except urllib3.exceptions.HTTPError as error:
        raise EnvironmentFaultError(f"object store {uri}: cannot be reached: {error}") from error
    except (MinioException, ParseError) as error:
        raise EnvironmentFaultError(f"object store {uri}: no object store: {error}") from error
    except ValueError as error:
        raise VintageError(f"object store {uri}: {error}") from error
