"""Tensors of the open inference protocol: columns out of a request, columns into a reply.

A tensor's data is JSON, or bytes after the JSON: numbers little endian, each text after its
length (4 bytes, little endian). In JSON null is missing; in bytes NaN, and the empty text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from components.scoring.instances import as_date
from components.scoring.spec import Input
from serving.exchange import MOST_FAULTS, unknown

BYTES = "BYTES"
#: Of each datatype of numbers how its bytes are read. Half floats and truth values are no numbers
#: that anybody measures, and are not taken for some.
NUMBERS: Mapping[str, np.dtype[Any]] = {
    name: np.dtype(code)
    for name, code in (
        ("FP64", "<f8"), ("FP32", "<f4"), ("INT64", "<i8"), ("INT32", "<i4"), ("INT16", "<i2"),
        ("INT8", "i1"), ("UINT64", "<u8"), ("UINT32", "<u4"), ("UINT16", "<u2"), ("UINT8", "u1"),
    )
}  # fmt: skip
_NUMBER = tuple(NUMBERS)
_WHOLE = ("INT64", *(name for name in NUMBERS if name != "INT64"))
_KEYS = frozenset({"name", "shape", "datatype", "data", "parameters"})
_SIZE = "binary_data_size"
#: Of an array in numpy its datatype.
_DATATYPES = {"f": "FP64", "i": "INT64"}


def datatypes(declared: Input) -> tuple[str, ...]:
    """What an input's tensor may be of; the first is what a client is told to send."""
    if declared.kind not in {"number", "integer"}:
        return (BYTES,)
    # No bytes of an integer say that it is missing.
    return _WHOLE if declared.kind == "integer" and not declared.nullable else _NUMBER


@dataclass
class Reader:
    """Reads the tensors of one request, in their order; keeps every fault."""

    body: bytes
    #: Where the bytes of the next tensor begin.
    at: int
    faults: list[str] = field(default_factory=list)
    #: Of the first tensor.
    rows: int | None = None

    def read(self, given: Mapping[str, Any], expected: Sequence[str]) -> Sequence[object] | None:
        """The values of a tensor; None where it has a fault. `expected` are its datatypes."""
        before = len(self.faults)
        name, datatype = given["name"], given.get("datatype")
        self.faults += unknown(name, given, _KEYS)
        if datatype not in expected:
            self._fault(f"{name}: expected datatype {' or '.join(expected)}", datatype)
        rows = self._shape(name, given.get("shape"))
        raw = self._raw(name, given)
        if rows is None or not isinstance(datatype, str) or len(self.faults) > before:
            return None
        if raw is None:
            return self._listed(given, rows, datatype)
        return self._texts(name, raw, rows) if datatype == BYTES else self._of(given, raw, rows)

    def end(self) -> None:
        """Every byte belongs to a tensor."""
        if left := len(self.body) - self.at:
            self.faults.append(
                f"body: expected no bytes but those of the tensors, found {left:,} more"
            )

    def _fault(self, expected: str, found: object) -> None:
        self.faults.append(f"{expected}, found {found!r:.60}")

    def _shape(self, name: str, shape: object) -> int | None:
        sizes = shape if isinstance(shape, list) else []
        whole = all(type(size) is int for size in sizes)
        if not (whole and sizes[1:] in ([], [1]) and sizes[:1] > [0]):
            self._fault(f"{name}: expected shape [rows] or [rows, 1] with at least one row", shape)
            return None
        rows = int(sizes[0])
        if self.rows is None:
            self.rows = rows
        if rows != self.rows:
            self._fault(f"{name}: expected {self.rows:,} rows as the first tensor has", shape)
            return None
        return rows

    def _raw(self, name: str, given: Mapping[str, Any]) -> tuple[int, int] | None:
        """From where to where a tensor's bytes are; None where its data is JSON."""
        parameters, data = given.get("parameters"), given.get("data")
        known = parameters if isinstance(parameters, dict) else {}
        if not isinstance(parameters, dict | None) or known.keys() - {_SIZE}:
            self._fault(f"{name}: parameters: expected nothing but {_SIZE}", parameters)
        if _SIZE not in known:
            if not isinstance(data, list):
                self._fault(f"{name}: expected data, or {_SIZE} among the parameters", data)
            return None
        if data is not None:
            self.faults.append(f"{name}: expected data or {_SIZE}, found both")
        size = known[_SIZE]
        left = len(self.body) - self.at
        if type(size) is not int or not 0 <= size <= left:
            self._fault(f"{name}: {_SIZE}: expected at most the {left:,} bytes that are left", size)
            return None
        self.at += size
        return self.at - size, self.at

    def _listed(
        self, given: Mapping[str, Any], rows: int, datatype: str
    ) -> Sequence[object] | None:
        name, data = given["name"], list[Any](given["data"])
        if len(given["shape"]) > 1 and all(type(v) is list and len(v) == 1 for v in data):
            data = [value for (value,) in data]
        if len(data) != rows:
            self.faults.append(f"{name}: expected {rows:,} values of data, found {len(data):,}")
            return None
        if datatype in {BYTES, "FP64"}:
            return data  # whatever is no text or no number, is none of the input's values
        before = len(self.faults)
        low, high, whole = _range(datatype)
        for row, value in enumerate(data):
            fits = type(value) not in {int, float} or (
                low <= value <= high and (not whole or value == int(value))
            )
            if not fits:
                self._fault(f"row {row}: {name}: expected a number that {datatype} holds", value)
                if len(self.faults) >= MOST_FAULTS:
                    break
        return data if len(self.faults) == before else None

    def _of(
        self, given: Mapping[str, Any], raw: tuple[int, int], rows: int
    ) -> Sequence[object] | None:
        kind, size = NUMBERS[given["datatype"]], raw[1] - raw[0]
        if size != rows * kind.itemsize:
            self.faults.append(
                f"{given['name']}: {_SIZE}: expected {rows * kind.itemsize:,}, found {size:,}"
            )
            return None
        return cast("Sequence[object]", np.frombuffer(self.body, kind, rows, raw[0]))

    def _texts(self, name: str, raw: tuple[int, int], rows: int) -> list[object] | None:
        body, (at, end) = self.body, raw
        found: list[object] = []
        while at + 4 <= end and len(found) < rows:
            start = at + 4
            at = start + int.from_bytes(body[at:start], "little")
            text = body[start:at]
            try:
                found.append(text.decode() or None)
            except UnicodeDecodeError:
                found.append(text)  # which is no value of any input
        if at != end or len(found) != rows:
            self.faults.append(
                f"{name}: {_SIZE}: expected {rows:,} texts, each after its length in 4 bytes, "
                f"found otherwise"
            )
            return None
        return found


def _range(datatype: str) -> tuple[float, float, bool]:
    kind = NUMBERS[datatype]
    if kind.kind == "f":
        return float(np.finfo(kind).min), float(np.finfo(kind).max), False
    return int(np.iinfo(kind).min), int(np.iinfo(kind).max), True


def column(declared: Input, values: Sequence[object]) -> Sequence[object]:
    """A tensor's values as the reader of columns takes them: dates come as texts."""
    return [as_date(value) for value in values] if declared.kind == "date" else values


def written(
    name: str, values: NDArray[Any] | Sequence[str], *, binary: bool
) -> tuple[dict[str, object], bytes]:
    """An output's tensor, and its bytes where it is `binary`."""
    told: dict[str, object] = {"name": name, "shape": [len(values)]}
    raw = b""
    if isinstance(values, np.ndarray):
        told["datatype"] = _DATATYPES[values.dtype.kind]
        if binary:
            raw = values.astype(NUMBERS[_DATATYPES[values.dtype.kind]], copy=False).tobytes()
        else:
            told["data"] = values.tolist()
    else:
        told["datatype"] = BYTES
        if binary:
            texts = [value.encode() for value in values]
            raw = b"".join([part for t in texts for part in (len(t).to_bytes(4, "little"), t)])
        else:
            told["data"] = list(values)
    if binary:
        told["parameters"] = {_SIZE: len(raw)}
    return told, raw
