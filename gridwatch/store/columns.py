"""Columns of numbers in PostgreSQL's binary forms: arrays for `unnest`, rows for COPY.

psycopg would turn each number into bytes by itself; numpy does it for a column at once. Formats: array_recv
in PostgreSQL's arrayfuncs.c and "Binary Format" on its page of COPY. Times are int64 microseconds since 1970.
"""

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from psycopg.abc import Buffer
from psycopg.adapt import Dumper
from psycopg.pq import Format

Numbers: TypeAlias = NDArray[Any]
"""int16, int32, int64, float64, or datetime64[us] for times. A column has one dimension; with two it is a
column of arrays."""

ELEMENT_OIDS = {"i2": 21, "i4": 23, "i8": 20, "f8": 701, "M8": 1184}
POSTGRES_EPOCH = np.datetime64("2000-01-01", "us")

COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
COPY_TRAILER = b"\xff\xff"


class ColumnDumper(Dumper):
    """Hands a numpy column over as an array; the query says of what (`%(column)s::integer[]`)."""

    format = Format.BINARY

    def dump(self, obj: Numbers) -> Buffer:
        """Return the array's binary form: one dimension, no nulls."""
        return _as_arrays(_as_sent(obj)[np.newaxis], obj.dtype).tobytes()


def copy_rows(blocks: Iterable[Sequence[Numbers]]) -> bytes:
    """Return rows for COPY … (FORMAT binary), header and trailer too; each block holds all columns."""
    return COPY_HEADER + b"".join(map(_rows, blocks)) + COPY_TRAILER


def _rows(columns: Sequence[Numbers]) -> bytes:
    sent = [_as_sent(column) for column in columns]
    sent = [
        one if one.ndim == 1 else _as_arrays(one, column.dtype)
        for one, column in zip(sent, columns, strict=True)
    ]
    fields: list[tuple[str, Any]] = [("fields", ">i2")]
    for number, column in enumerate(sent):
        fields += [(f"size{number}", ">i4"), (f"column{number}", column.dtype)]
    rows = np.empty(len(sent[0]), fields)
    rows["fields"] = len(sent)
    for number, column in enumerate(sent):
        rows[f"size{number}"] = column.dtype.itemsize
        rows[f"column{number}"] = column
    return rows.tobytes()


def _as_arrays(sent: Numbers, of: np.dtype[Any]) -> Numbers:
    """Return each row as one array: dimensions, nulls, kind, length and first index go before the numbers."""
    length = sent.shape[1]
    item = [("size", ">i4"), ("number", sent.dtype)]
    arrays = np.empty(len(sent), [("head", ">i4", (5,)), ("items", item, (length,))])
    arrays["head"] = (1, 0, ELEMENT_OIDS[of.str[1:3]], length, 1)
    arrays["items"]["size"] = sent.dtype.itemsize
    arrays["items"]["number"] = sent
    return arrays


def _as_sent(column: Numbers) -> Numbers:
    if column.dtype.kind == "M":
        column = (column - POSTGRES_EPOCH).astype("i8")
    return column.astype(column.dtype.newbyteorder(">"))
