"""One measurement from the command line."""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, TypeVar

from bench.machine import Machine
from bench.spread import Row

Sizes = TypeVar("Sizes")
Found = TypeVar("Found")


def show(
    measure: Callable[[Sizes], Found], rows: Callable[[Found], Sequence[Row]], *, full: Sizes, quick: Sizes
) -> None:
    """Measure once and print the result as JSON and as lines."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="small sizes: shows that it runs")
    sizes = quick if parser.parse_args().quick else full
    machine, found = Machine.this(), measure(sizes)
    said: dict[str, Any] = {"machine": machine, "sizes": sizes, "found": found}
    print(json.dumps({name: asdict(value) for name, value in said.items()}, indent=2, ensure_ascii=False))
    for row in rows(found):
        print(f"{row.what}: {row.value}" + (f"  ({row.note})" if row.note else ""))
