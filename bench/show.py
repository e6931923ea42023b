"""One measurement from the command line."""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, TypeVar

from bench.machine import Machine
from bench.spread import Row

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Sizes = TypeVar("Sizes", bound="DataclassInstance")
Found = TypeVar("Found", bound="DataclassInstance")


def show(
    measure: Callable[[Sizes], Found], rows: Callable[[Found], Sequence[Row]], *, full: Sizes, quick: Sizes
) -> None:
    """Measure once and print the result as JSON and as lines."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="small sizes: shows that it runs")
    parser.add_argument(
        "--set", action="append", default=[], metavar="SIZE=N", help="another size, such as rounds=1"
    )
    given = parser.parse_args()
    sizes = changed(quick if given.quick else full, given.set)
    machine, found = Machine.this(), measure(sizes)
    said: dict[str, Any] = {"machine": machine, "sizes": sizes, "found": found}
    print(json.dumps({name: asdict(value) for name, value in said.items()}, indent=2, ensure_ascii=False))
    for row in rows(found):
        print(f"{row.what}: {row.value}" + (f"  ({row.note})" if row.note else ""))


def changed(sizes: Sizes, assignments: Sequence[str]) -> Sizes:
    """Return `sizes` with numbers replaced; raise KeyError or ValueError for what is no size."""
    known = asdict(sizes)
    changes = {}
    for assignment in assignments:
        name, _, number = assignment.partition("=")
        changes[name] = type(known[name])(float(number))
    return replace(sizes, **changes)
