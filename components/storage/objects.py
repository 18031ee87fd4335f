"""The object store: a folder, or a bucket on MinIO (any S3), behind one interface.

What is in it are *entries*: folders that are published whole, under a key, and never change.
A folder store publishes by rename; a bucket has no rename, so there the entry's manifest is
written last, and what has no manifest does not exist.
"""

import json
import os
import re
import shutil
import socket
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from components.contracts.errors import VintageError, is_no_space, no_space
from components.storage.keys import file_digest, folder_digest

MANIFEST = "_entry.json"
#: What a bucket's URI begins with: its own word for it, and Hadoop's.
BUCKETS = frozenset({"s3", "s3a"})
_IGNORED = (".crc", "_SUCCESS", MANIFEST)  # Spark's own bookkeeping, and ours


@dataclass(frozen=True)
class Entry:
    """One published folder: where it is, what it holds, and a few facts about it."""

    key: str
    uri: str
    digest: str
    files: Mapping[str, int]  # relative name -> bytes
    facts: Mapping[str, object]

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True, indent=1)

    @staticmethod
    def from_json(text: str) -> "Entry":
        return Entry(**json.loads(text))


class Store(Protocol):
    """What steps may ask of an object store."""

    uri: str

    def find(self, key: str) -> Entry | None:
        """The entry under a key, if it was published whole."""

    def publish(self, key: str, folder: Path, facts: Mapping[str, object]) -> Entry:
        """Make the content of a local folder the entry under a key; it is moved or copied."""

    def local(self, entry: Entry) -> Path:
        """A local folder with the entry's files, fetched if need be. Not to be written to."""

    def remote(self, path: Path) -> str | None:
        """Where in a bucket the like of a local path is; none where it is not of an entry that was
        fetched from one.
        """

    def fetch(self, uri: str) -> Path:
        """A local folder with what lies at a URI now: somebody's source files, say."""

    def put(self, name: str, text: str) -> str:
        """Write one small mutable document, whole or not at all. Returns its URI."""

    def get(self, name: str) -> str | None:
        """A document that was put, or None."""

    def put_file(self, name: str, path: Path) -> None:
        """Keep a copy of a local file as a document, whole or not at all."""

    def read(self, name: str) -> bytes | None:
        """The bytes of a document or file that was put, or None."""

    def names(self, prefix: str) -> list[str]:
        """The names of documents under a prefix, sorted."""

    def scratch(self) -> Path:
        """A local folder for work in progress, on the disk where entries are published."""


def published(store: Store, prefix: str, name: str = "[^./][^/]*") -> list[str]:
    """The keys of what was published right under a prefix by names of this pattern, ascending."""
    place = re.compile(rf"({re.escape(prefix)}/(?:{name}))/{re.escape(MANIFEST)}")
    return [found[1] for text in store.names(prefix) if (found := place.fullmatch(text))]


def open_store(uri: str, home: Path) -> Store:
    """The store at a URI: a folder path, or `s3://bucket/prefix`."""
    if urlsplit(uri).scheme in BUCKETS:
        from components.storage.bucket import BucketStore  # the client costs 0.4 s to import

        return BucketStore(uri, home)
    return FolderStore(Path(uri))


def describe(folder: Path) -> tuple[dict[str, int], str]:
    """Sizes by relative name, and the digest, of what a step wrote."""
    paths = {
        str(path.relative_to(folder)): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(_IGNORED)
    }
    digest = folder_digest((name, file_digest(path)) for name, path in paths.items())
    return {name: path.stat().st_size for name, path in paths.items()}, digest


def _write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Have a file written under a passing name, then give it its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        write(temporary)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        if is_no_space(error):
            raise no_space(str(path), shutil.disk_usage(path.parent).free) from error
        raise


class Workspace:
    """Folders for work in progress, named after their process, so that the dead can be swept."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def make(self) -> Path:
        self.sweep()
        folder = self.root / f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        folder.mkdir(parents=True)
        return folder

    def sweep(self) -> None:
        """Remove what killed processes of this host left."""
        host = socket.gethostname()
        for folder in self.root.glob(f"{host}-*-*"):
            pid = folder.name[len(host) + 1 :].split("-")[0]
            if pid.isdigit() and not Path(f"/proc/{pid}").exists() and Path("/proc/1").exists():
                shutil.rmtree(folder, ignore_errors=True)


class FolderStore:
    """Entries as folders; publishing is one rename on one file system."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.uri = str(self.root)
        there = next(place for place in (self.root, *self.root.parents) if place.exists())
        if not there.is_dir():
            raise VintageError(f"object store {root}: expected a folder, found the file {there}")

    def scratch(self) -> Path:
        return Workspace(self.root / ".work").make()

    def find(self, key: str) -> Entry | None:
        folder = self.root / key
        try:
            entry = Entry.from_json((folder / MANIFEST).read_text())
            whole = all((folder / n).stat().st_size == size for n, size in entry.files.items())
        except (FileNotFoundError, NotADirectoryError):
            whole = False
        except (ValueError, TypeError, KeyError, AttributeError):
            whole = False  # a manifest that is no manifest: somebody wrote over it
        return Entry(key, str(folder), entry.digest, entry.files, entry.facts) if whole else None

    def publish(self, key: str, folder: Path, facts: Mapping[str, object]) -> Entry:
        files, digest = describe(folder)
        target = self.root / key
        entry = Entry(key, str(target), digest, files, facts)
        (folder / MANIFEST).write_text(entry.to_json())
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            folder.rename(target)
        except OSError:
            # Another run published the same key meanwhile; same key, same thing.
            if (theirs := self.find(key)) is not None:
                shutil.rmtree(folder)
                return theirs
            if not target.exists():
                raise
            # Damaged from outside: put aside for whoever wants to know, and made anew.
            target.rename(target.with_name(f".damaged-{target.name}-{uuid.uuid4().hex[:8]}"))
            folder.rename(target)
        return entry

    def local(self, entry: Entry) -> Path:
        return Path(entry.uri)

    def remote(self, path: Path) -> str | None:
        del path
        return None  # it is no bucket

    def fetch(self, uri: str) -> Path:
        folder = Path(uri)
        if not folder.is_dir():
            found = "a file" if folder.exists() else "nothing"
            raise VintageError(
                f"data {uri}: expected a folder with the source files, found {found}"
            )
        return folder

    def put(self, name: str, text: str) -> str:
        _write_whole(self.root / name, lambda place: place.write_text(text))
        return str(self.root / name)

    def get(self, name: str) -> str | None:
        data = self.read(name)
        return None if data is None else data.decode()

    def put_file(self, name: str, path: Path) -> None:
        def copy(place: Path) -> None:
            shutil.copyfile(path, place)
            with place.open("rb") as stream:
                os.fsync(stream.fileno())  # who put it may remove his own

        _write_whole(self.root / name, copy)

    def read(self, name: str) -> bytes | None:
        try:
            return (self.root / name).read_bytes()
        except FileNotFoundError:
            return None

    def names(self, prefix: str) -> list[str]:
        folder = self.root / prefix
        return sorted(
            str(path.relative_to(self.root))
            for path in folder.rglob("*")
            if path.is_file() and not path.name.startswith(".")
        )
