"""Measure how many operators one process bears; write the table into bench/console/README.md."""

import argparse

from bench.console.operators import run, write

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--operators", default="1,50,100,200", help="so many at once, one after the other")
    parser.add_argument("--rate", type=float, default=50, help="alerts a second")
    parser.add_argument("--seconds", type=float, default=60, help="how long")
    parser.add_argument("--keep", action="store_true", help="do not write the table")
    chosen = parser.parse_args()
    sizes = [int(one) for one in chosen.operators.split(",")]
    outcomes = run(sizes, rate=chosen.rate, seconds=chosen.seconds)
    if not chosen.keep:
        write(outcomes, rate=chosen.rate, seconds=chosen.seconds)
