"""The snapshot: the latest row per entity, packed for look-up by id in one immutable file.

    magic, header length (8 bytes, little endian), header (JSON), sorted ids, float64 matrix

Ids are fixed-width UTF-8, so that a look-up is a binary search over mapped memory; the matrix
holds the inputs of the bundles, categories as positions in the header's values.
"""

import hashlib
import json
import math
import struct
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from components.contracts.errors import BundleError, VintageError
from components.scoring.instances import Matrix
from components.scoring.spec import Input

_MAGIC = b"VINTAGE-SNAPSHOT-1\n"
_ALIGN = 64


def pack(path: Path, ids: Sequence[str], inputs: Sequence[Input], matrix: Matrix) -> str:
    """Write a snapshot; ids are unique. Returns the file's sha256, which is its name to others."""
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
        stream.write(np.ascontiguousarray(matrix[order], dtype="<f8").tobytes())
    with path.open("rb") as written:
        return hashlib.file_digest(written, "sha256").hexdigest()


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
        self._ids = np.memmap(path, dtype=f"S{width}", mode="r", offset=start, shape=(rows,))
        after = start + rows * width
        after += -after % _ALIGN
        shape = (rows, len(self.inputs))
        self._matrix = np.memmap(path, dtype="<f8", mode="r", offset=after, shape=shape)

    def __len__(self) -> int:
        return len(self._ids)

    def row(self, entity: str) -> dict[str, object] | None:
        """The inputs of one entity by name, as a caller would give them; None where unknown."""
        try:
            wanted = entity.encode()
        except UnicodeEncodeError:
            return None
        if len(wanted) > self._ids.dtype.itemsize:
            return None
        position = int(np.searchsorted(self._ids, np.bytes_(wanted)))
        if position >= len(self._ids) or bytes(self._ids[position]) != wanted:
            return None
        cells = self._matrix[position].tolist()
        return {i.name: _value(i, cell) for i, cell in zip(self.inputs, cells, strict=True)}


def _value(declared: Input, cell: float) -> object:
    if math.isnan(cell):
        return None
    if declared.kind == "category":
        return declared.values[int(cell)]
    return int(cell) if declared.kind == "integer" else cell
