"""The measurements: one module each (`python -m bench.latency`); `python -m bench` runs all of them."""
