"""The object store, one suite for both kinds: what is published is whole, or is not there."""

import itertools
import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.contracts.errors import VintageError
from components.storage.bucket import BucketStore
from components.storage.objects import MANIFEST, Entry, Store, describe, open_store
from tests.support import fingerprint

Publish = Callable[..., Entry]
FILES = {"a.txt": "one", "deep/er/b.txt": "two", "empty": ""}


def test_what_was_published_is_found_with_its_files_and_facts(
    store: Store, publish: Publish
) -> None:
    made = publish("s/models/k", FILES, rows=3, names=["x"])
    found = store.find("s/models/k")
    assert found == made
    assert found.facts == {"rows": 3, "names": ["x"]}
    assert found.files == {"a.txt": 3, "deep/er/b.txt": 3, "empty": 0}
    folder = store.local(found)
    assert {name: (folder / name).read_text() for name in FILES} == FILES


def test_an_entry_survives_its_way_through_json(publish: Publish) -> None:
    made = publish("s/models/k", FILES, rows=3)
    assert Entry.from_json(made.to_json()) == made


def test_a_published_entry_is_there_for_another_process(
    store_uri: str, home: Path, publish: Publish
) -> None:
    made = publish("s/models/k", FILES)
    other = open_store(store_uri, home.with_name("other-home"))
    found = other.find("s/models/k")
    assert found == made
    assert (other.local(found) / "deep/er/b.txt").read_text() == "two"


def test_a_store_is_the_same_in_hadoops_word_for_a_bucket(
    store_uri: str, home: Path, publish: Publish
) -> None:
    made = publish("s/models/k", FILES)
    other = open_store(store_uri.replace("s3://", "s3a://"), home)
    assert other.find("s/models/k") == made
    folder = other.scratch()
    (folder / "a.txt").write_text("one")
    assert other.publish("s/models/l", folder, {}).uri.startswith(store_uri)


def test_an_unknown_key_finds_nothing(store: Store, publish: Publish) -> None:
    publish("s/models/k", FILES)
    assert store.find("s/models/other") is None
    assert store.find("s/models") is None
    assert store.find("s/models/k/deep") is None


def test_a_published_entry_can_be_fetched_by_its_uri(store: Store, publish: Publish) -> None:
    made = publish("s/models/k", FILES)
    assert (store.fetch(made.uri) / "a.txt").read_text() == "one"
    assert (store.fetch(f"{made.uri.rstrip('/')}/deep/er/") / "b.txt").read_text() == "two"
    as_hadoop_has_it = made.uri.replace("s3://", "s3a://")
    assert (store.fetch(as_hadoop_has_it) / "a.txt").read_text() == "one"


def test_equal_content_has_an_equal_digest_under_any_key(publish: Publish) -> None:
    assert publish("s/a/1", FILES, by="x").digest == publish("s/b/2", FILES, by="y").digest
    assert publish("s/a/3", {**FILES, "a.txt": "One"}).digest != publish("s/a/4", FILES).digest


def test_nothing_is_left_in_the_workshop_after_a_publication(
    store: Store, home: Path, publish: Publish
) -> None:
    publish("s/models/k", FILES)
    store.scratch().rmdir()
    work = [path for root in home.rglob("*work") for path in root.iterdir()]
    assert work == []


@pytest.mark.parametrize("extra", ["_SUCCESS", ".part-0.parquet.crc", "_entry.json", "in/_SUCCESS"])
def test_a_digest_does_not_see_the_bookkeeping_of_spark_and_of_the_store(
    tmp_path: Path, extra: str
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "part-0.parquet").write_text("rows")
    before = describe(tmp_path)
    (tmp_path / extra).write_text("bookkeeping")
    assert describe(tmp_path) == before


_NAMES = st.text("abc", min_size=1, max_size=3)


@settings(deadline=None, max_examples=50)
@given(
    one=st.dictionaries(_NAMES, st.binary(max_size=4), max_size=4),
    other=st.dictionaries(_NAMES, st.binary(max_size=4), max_size=4),
)
def test_two_folders_have_one_digest_only_where_names_and_bytes_are_equal(
    tmp_path_factory: pytest.TempPathFactory, one: dict[str, bytes], other: dict[str, bytes]
) -> None:
    digests = []
    for files in (one, other):
        folder = tmp_path_factory.mktemp("described")
        for name, data in files.items():
            (folder / name).write_bytes(data)
        digests.append(describe(folder)[1])
    assert (digests[0] == digests[1]) == (one == other)


_MAKER = """
import sys, time
from pathlib import Path
from components.storage.objects import open_store
uri, home, moment = sys.argv[1:]
store = open_store(uri, Path(home))
folder = store.scratch()
(folder / "a.txt").write_text("half")
def stop(*args, **names):
    print("now", flush=True)
    time.sleep(60)
if moment == "between write and publish":
    stop()
if moment == "in the last act of publishing":
    store.put = store._put_first = stop  # a bucket's entry is there once its manifest is
    Path.rename = stop  # a folder's, once it has its name
store.publish("s/models/k", folder, {})
"""


@pytest.mark.parametrize("moment", ["between write and publish", "in the last act of publishing"])
def test_a_killed_process_leaves_nothing_under_the_key(
    store_uri: str, home: Path, moment: str
) -> None:
    maker = subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", _MAKER, store_uri, str(home), moment],
        stdout=subprocess.PIPE,
        text=True,
    )
    with maker:
        assert maker.stdout is not None
        assert maker.stdout.readline() == "now\n"
        maker.send_signal(signal.SIGKILL)
    store = open_store(store_uri, home)
    assert store.find("s/models/k") is None
    left = [p for root in home.rglob("*work") for p in root.iterdir()]
    assert [str(maker.pid) in p.name for p in left] == [True]
    mine = store.scratch()
    assert not left[0].exists(), "the next one at work sweeps what the dead left"
    (mine / "a.txt").write_text("whole")
    made = store.publish("s/models/k", mine, {})
    assert store.find("s/models/k") == made
    assert (store.local(made) / "a.txt").read_text() == "whole"


def test_the_work_of_the_living_and_of_other_hosts_is_not_swept(store: Store) -> None:
    mine = store.scratch()
    elsewhere = mine.with_name("another-host-1999999999-abcdef12")
    dead = mine.with_name(f"{socket.gethostname()}-1999999999-abcdef12")
    for folder in (elsewhere, dead):
        folder.mkdir()
    store.scratch()
    assert mine.exists()
    assert elsewhere.exists()
    assert not dead.exists()


def test_publishers_of_one_key_at_once_all_get_the_same_entry(store_uri: str, home: Path) -> None:
    count = 4
    barrier = threading.Barrier(count)

    def publish(number: int) -> Entry:
        mine = open_store(store_uri, home)
        folder = mine.scratch()
        # What is made twice may differ in a detail, such as the order of rejected rows.
        (folder / "a.txt").write_text(f"made by {number}")
        barrier.wait()
        return mine.publish("s/models/k", folder, {"by": number})

    with ThreadPoolExecutor(count) as pool:
        made = list(pool.map(publish, range(count)))
    found = open_store(store_uri, home).find("s/models/k")
    assert found is not None
    assert [entry.facts["by"] for entry in made] == [found.facts["by"]] * count
    text = (open_store(store_uri, home).local(found) / "a.txt").read_text()
    assert text == f"made by {found.facts['by']}"


def test_a_later_publisher_of_a_key_gets_the_entry_that_is_there(
    store: Store, publish: Publish
) -> None:
    first = publish("s/models/k", {"a.txt": "first"})
    second = publish("s/models/k", {"a.txt": "second"})
    assert second == first
    assert store.find("s/models/k") == first
    assert (store.local(second) / "a.txt").read_text() == "first"


def _damage(store: Store, key: str, name: str, data: bytes | None) -> None:
    """Overwrite (or remove) one file of an entry, behind the store's back."""
    if isinstance(store, BucketStore):
        place = next(
            found.object_name
            for found in store.client.list_objects(store.bucket, recursive=True)
            if f"{key}/" in found.object_name and found.object_name.endswith(f"/{name}")
        )
        if data is None:
            store.client.remove_object(store.bucket, place)
        else:
            import io

            store.client.put_object(store.bucket, place, io.BytesIO(data), len(data))
        return
    path = Path(store.uri) / key / name
    if data is None:
        path.unlink()
    else:
        path.write_bytes(data)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.txt", None),
        ("a.txt", b""),
        ("a.txt", b"longer than before"),
        (MANIFEST, None),
        (MANIFEST, b""),
        (MANIFEST, b"{"),
        (MANIFEST, b"[]"),
        (MANIFEST, b'{"files": {}}'),
        (MANIFEST, b"\xff\xfe"),
    ],
)
def test_a_damaged_entry_is_not_found_and_made_anew(
    store: Store, publish: Publish, name: str, data: bytes | None
) -> None:
    publish("s/models/k", FILES)
    other = publish("s/models/other", {"a.txt": "other"})
    _damage(store, "s/models/k", name, data)
    assert store.find("s/models/k") is None
    made = publish("s/models/k", FILES)
    assert store.find("s/models/k") == made
    assert (store.local(made) / "a.txt").read_text() == "one"
    assert store.find("s/models/other") == other


def test_a_document_is_what_was_put_last(store: Store) -> None:
    assert store.get("runs/r/summary.json") is None
    store.put("runs/r/summary.json", "first")
    uri = store.put("runs/r/summary.json", "second: £")
    assert store.get("runs/r/summary.json") == "second: £"
    assert uri == f"{store.uri}/runs/r/summary.json"


@pytest.mark.parametrize("size", [0, 1_000, 12_000_000])
def test_a_file_is_kept_to_the_byte_under_its_name(store: Store, tmp_path: Path, size: int) -> None:
    data = bytes(range(256)) * (size // 256)
    (tmp_path / "file").write_bytes(data)
    assert store.read("decisions/s/a.jsonl") is None
    for _ in range(2):  # a second time is the same thing
        store.put_file("decisions/s/a.jsonl", tmp_path / "file")
        assert store.read("decisions/s/a.jsonl") == data
        assert store.names("decisions") == ["decisions/s/a.jsonl"]


def test_names_are_of_the_documents_under_a_prefix_in_order(store: Store) -> None:
    for name in ("deployments/b.json", "deployments/a.json", "deployments-old/c.json", "x.json"):
        store.put(name, "{}")
    assert store.names("deployments") == ["deployments/a.json", "deployments/b.json"]
    assert store.names("nothing") == []


def test_a_reader_never_sees_half_a_document(store_uri: str, home: Path) -> None:
    texts = [letter * 200_000 for letter in "ab"]
    open_store(store_uri, home).put("doc", texts[0])
    stop = threading.Event()

    def write() -> None:
        mine = open_store(store_uri, home)
        for text in itertools.cycle(texts):
            mine.put("doc", text)
            if stop.is_set():
                return

    writer = threading.Thread(target=write)
    writer.start()
    try:
        reader = open_store(store_uri, home)
        seen = {reader.get("doc") for _ in range(100)}
        names = {tuple(reader.names("")) for _ in range(20)}
    finally:
        stop.set()
        writer.join()
    assert seen <= set(texts)
    assert names == {("doc",)}


def test_a_put_that_fails_leaves_the_former_document(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(str(home / "store"), home)
    store.put("runs/doc.json", "former")
    before = fingerprint(home)

    def fail(*_: object) -> None:
        raise OSError("input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", fail)
        with pytest.raises(OSError, match="input/output"):
            store.put("runs/doc.json", "latter")
    assert fingerprint(home) == before


def test_a_folder_outside_the_store_can_be_fetched(store: Store, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "profile.csv").write_text("x")
    assert (store.fetch(str(tmp_path / "files")) / "profile.csv").read_text() == "x"


def test_fetching_what_is_not_a_folder_says_what_is_there(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "profile.csv"
    file.write_text("x")
    with pytest.raises(VintageError, match=r"expected a folder .* found a file"):
        store.fetch(str(file))
    with pytest.raises(VintageError, match=r"nowhere: expected .* found nothing"):
        store.fetch(str(tmp_path / "nowhere"))


def test_fetching_under_a_prefix_where_nothing_lies_says_so(store: Store) -> None:
    with pytest.raises(VintageError, match=r"landing/none/?: expected .* found nothing"):
        store.fetch(f"{store.uri}/landing/none/")


def test_a_folder_of_the_store_is_fetched_with_every_document(store: Store) -> None:
    texts = {"profile.csv": "a,b\r\n1,2\r\n", "transactions.csv": "a\n1"}
    for name, text in texts.items():
        store.put(f"landing/today/{name}", text)
    store.put("landing/today-not/other.csv", "")
    folder = store.fetch(f"{store.uri}/landing/today")
    assert {p.name: p.read_bytes().decode() for p in folder.iterdir()} == texts


def test_a_manifest_is_json_that_a_person_can_read(publish: Publish) -> None:
    document = json.loads(publish("s/models/k", FILES, rows=2).to_json())
    assert set(document) == {"key", "uri", "digest", "files", "facts"}
