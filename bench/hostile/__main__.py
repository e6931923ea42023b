"""Spend the hostile evening and print the table of docs/security.md."""

import argparse

from bench.hostile.evening import spend, table
from bench.hostile.target import installation
from bench.hostile.trying import FULL, QUICK
from bench.machine import Machine


def main() -> None:
    """Spend the evening and print its table."""
    parser = argparse.ArgumentParser(prog="python -m bench.hostile", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="little of each")
    sizes = QUICK if parser.parse_args().quick else FULL
    machine = Machine.this()
    print(f"{machine.cpu}, {machine.cores} cores, load {machine.load_1min}, commit {machine.commit}")
    with installation() as target:
        print(table(spend(target, sizes)))


if __name__ == "__main__":
    main()
