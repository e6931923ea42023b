"""Run the measurements of how fast an alert reaches people; write results.json and the table in README.md."""

from pathlib import Path

from bench.__main__ import main, measurements
from bench.dispatch import escalation, fanout, person, resume, storm

if __name__ == "__main__":
    main(
        measurements(person, fanout, resume, storm, escalation),
        folder=Path(__file__).resolve().parent,
        long=(),
        prog="python -m bench.dispatch",
    )
