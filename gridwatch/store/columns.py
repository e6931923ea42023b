"""Columns of numbers in PostgreSQL's binary forms: arrays for `unnest`, rows for COPY.

psycopg would turn each number into bytes by itself; numpy does it for a column at once. Formats: array_recv
in PostgreSQL's arrayfuncs.c and "Binary Format" on its page of COPY. Times are int64 microseconds since 1970.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from psycopg.abc import Buffer
from psycopg.adapt import Dumper
from psycopg.pq import Format

Numbers: TypeAlias = NDArray[Any]
"""One-dimensional: int16, int32, int64, float64, or datetime64[us] for times."""

ELEMENT_OIDS = {"i2": 21, "i4": 23, "i8": 20, "f8": 701, "M8": 1184}
POSTGRES_EPOCH = np.datetime64("2000-01-01", "us")

COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
COPY_TRAILER = b"\xff\xff"


class ColumnDumper(Dumper):
    """Hands a numpy column over as an array; the query says of what (`%(column)s::integer[]`)."""

    format = Format.BINARY

    def dump(self, obj: Numbers) -> Buffer:
        """Return the array's binary form: one dimension, no nulls."""
        kind = obj.dtype.str[1:3]
        head = np.array([1, 0, ELEMENT_OIDS[kind], len(obj), 1], ">i4").tobytes()
        numbers = _as_sent(obj)
        items = np.empty(len(obj), [("size", ">i4"), ("number", numbers.dtype)])
        items["size"] = numbers.dtype.itemsize
        items["number"] = numbers
        return head + items.tobytes()


def copy_rows(columns: Sequence[Numbers]) -> bytes:
    """Return rows for COPY … (FORMAT binary), whole, with header and trailer."""
    sent = [_as_sent(column) for column in columns]
    fields = [("fields", ">i2")]
    for number, column in enumerate(sent):
        fields += [(f"size{number}", ">i4"), (f"column{number}", column.dtype.str)]
    rows = np.empty(len(sent[0]), fields)
    rows["fields"] = len(sent)
    for number, column in enumerate(sent):
        rows[f"size{number}"] = column.dtype.itemsize
        rows[f"column{number}"] = column
    return COPY_HEADER + rows.tobytes() + COPY_TRAILER


def _as_sent(column: Numbers) -> Numbers:
    if column.dtype.kind == "M":
        column = (column - POSTGRES_EPOCH).astype("i8")
    return column.astype(column.dtype.newbyteorder(">"))
