"""The snapshot: the latest row per entity, packed for look-up by id in one immutable file.

    magic, header length (8 bytes, little endian), header (JSON), sorted ids, float64 matrix

Ids are fixed-width UTF-8, so that a look-up is a binary search over mapped memory; the matrix
holds the inputs of the bundles, categories as positions in the header's values.
"""

import hashlib
import json
import struct
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.contracts.errors import BundleError, VintageError
from components.scoring.instances import Matrix, shown
from components.scoring.spec import Input

_MAGIC = b"VINTAGE-SNAPSHOT-1\n"
_ALIGN = 64


def pack(path: Path, ids: Sequence[str], inputs: Sequence[Input], blocks: Iterable[Matrix]) -> str:
    """Write a snapshot; ids are unique, and in whatever order the blocks have the rows in.

    One block is in memory at a time. Returns the file's sha256, which is its name to others.
    """
    if nul := next((i for i in ids if i.endswith("\0")), None):
        raise VintageError(f"snapshot {path.name}: an id may not end in a null: {nul!r}")
    encoded = np.array([i.encode() for i in ids], dtype=bytes) if ids else np.array([], dtype="S1")
    order = np.argsort(encoded, kind="stable")
    encoded = encoded[order]
    if len(encoded) > 1 and bool((encoded[1:] == encoded[:-1]).any()):
        twice = encoded[1:][encoded[1:] == encoded[:-1]][0].decode()
        raise VintageError(f"snapshot {path.name}: expected unique ids, found {twice!r} twice")
    header = {
        "rows": len(encoded),
        "width": encoded.dtype.itemsize,
        "inputs": [asdict(i) for i in inputs],
    }
    text = json.dumps(header, sort_keys=True).encode()
    start = len(_MAGIC) + 8
    text += b" " * (-(start + len(text)) % _ALIGN)
    with path.open("wb") as stream:
        stream.write(_MAGIC + struct.pack("<Q", len(text)) + text)
        stream.write(encoded.tobytes())
        stream.write(b"\0" * (-stream.tell() % _ALIGN))
        after = stream.tell()
    places = np.empty(len(order), dtype=np.int64)
    places[order] = np.arange(len(order))
    _write_rows(path, after, places, len(inputs), blocks)
    with path.open("rb") as written:
        return hashlib.file_digest(written, "sha256").hexdigest()


def _write_rows(
    path: Path, start: int, places: NDArray[np.int64], width: int, blocks: Iterable[Matrix]
) -> None:
    """Put every row of the blocks in its place, from a byte of the file on."""
    met = 0
    matrix: Matrix | None = None
    if len(places):
        shape = (len(places), width)
        matrix = np.memmap(path, dtype="<f8", mode="r+", offset=start, shape=shape)
    for block in blocks:
        rows = block.reshape(-1, width)
        if matrix is not None and met + len(rows) <= len(places):
            matrix[places[met : met + len(rows)]] = rows
        met += len(rows)
    if met != len(places):
        raise VintageError(
            f"snapshot {path.name}: expected a row for each of {len(places):,} ids, found {met:,}"
        )


class Snapshot:
    """A mapped snapshot; a look-up reads a few pages, whatever its size."""

    def __init__(self, path: Path, expected: str | None = None) -> None:
        if not path.is_file():
            raise BundleError(f"snapshot {path}: expected a file, found none")
        if expected is not None:
            with path.open("rb") as stream:
                found = hashlib.file_digest(stream, "sha256").hexdigest()
            if found != expected:
                raise BundleError(
                    f"snapshot {path}: expected sha256 {expected[:12]}, found {found[:12]}"
                )
        with path.open("rb") as stream:
            if stream.read(len(_MAGIC)) != _MAGIC:
                raise BundleError(f"snapshot {path}: not a snapshot of this format")
            (length,) = struct.unpack("<Q", stream.read(8))
            header = json.loads(stream.read(length))
        start = len(_MAGIC) + 8 + length
        rows, width = header["rows"], header["width"]
        self.inputs = tuple(Input(**{**i, "values": tuple(i["values"])}) for i in header["inputs"])
        ids = np.memmap(path, dtype=f"S{width}", mode="r", offset=start, shape=(rows,))
        # Plain views of the mapped memory: numpy keeps its books for every slice of a memmap.
        self._ids = np.asarray(ids)
        after = start + rows * width
        after += -after % _ALIGN
        shape = (rows, len(self.inputs))
        self._matrix = np.asarray(np.memmap(path, "<f8", mode="r", offset=after, shape=shape))

    def __len__(self) -> int:
        return len(self._ids)

    def example(self) -> str:
        """The id of an entity that is in it; empty where none is."""
        return self._ids[0].decode() if len(self) else ""

    def cells(self, entity: str) -> NDArray[np.float64] | None:
        """The inputs of one entity as the matrix has them; None where unknown."""
        try:
            wanted = entity.encode()
        except UnicodeEncodeError:
            return None
        if len(wanted) > self._ids.dtype.itemsize:
            return None
        position = int(self._ids.searchsorted(np.bytes_(wanted)))
        if position >= len(self._ids) or self._ids[position] != wanted:
            return None
        found: NDArray[np.float64] = self._matrix[position]
        return found

    def row(self, entity: str) -> dict[str, object] | None:
        """The inputs of one entity by name, as a caller would give them; None where unknown."""
        if (cells := self.cells(entity)) is None:
            return None
        return {i.name: shown(i, c) for i, c in zip(self.inputs, cells.tolist(), strict=True)}
