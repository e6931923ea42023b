"""What a killed `up` left running."""

import os
import subprocess
import sys
from pathlib import Path

import psutil

from gridwatch.cli.up.leftovers import MARK, stop_marked

SLEEPS = [sys.executable, "-c", "import time; time.sleep(60)"]


def test_only_processes_of_that_data_directory_are_stopped(tmp_path: Path) -> None:
    ours = os.environ | {MARK: str(tmp_path)}
    others = os.environ | {MARK: str(tmp_path / "elsewhere")}
    with subprocess.Popen(SLEEPS, env=ours) as left, subprocess.Popen(SLEEPS, env=others) as stranger:
        try:
            stopped = stop_marked(tmp_path)
            assert [name.endswith(f"({left.pid})") for name in stopped] == [True]
            assert not psutil.pid_exists(left.pid)
            assert stranger.poll() is None
        finally:
            stranger.kill()
            left.kill()


def test_nothing_left_is_nothing_to_do(tmp_path: Path) -> None:
    assert stop_marked(tmp_path) == []
