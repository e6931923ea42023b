"""The command line as a person types it, without a process of its own.

To start one and import Gridwatch into it takes more of the processors than most commands do.
"""

import io
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from subprocess import CompletedProcess
from unittest.mock import patch

from gridwatch.cli import main


def typed(*words: str, **settings: str) -> CompletedProcess[str]:
    """Run one command line with some settings; return its exit status and what it wrote.

    Not for two at once: standard output is the whole process's.
    """
    command = ["gridwatch", *words]
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with (
        patch.object(sys, "argv", command),
        patch.dict(os.environ, settings),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
            status = 0
        except SystemExit as ended:
            status = ended.code if isinstance(ended.code, int) else 0
    said, complained = (text.buffer.getvalue().decode() for text in (out, err))
    return CompletedProcess(command, status, said, complained)
