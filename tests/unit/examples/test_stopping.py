"""Signals that arrive, also when the first exception gets lost."""

import subprocess
import sys
from pathlib import Path

import pytest
import stopping

PROGRAM = """
import os, signal, threading
import stopping
stopping.AGAIN = 0.01
stopping.listen()
try:
    os.kill(os.getpid(), signal.{name})
except BaseException:
    pass  # lost, as in a callback from C
try:
    threading.Event().wait()
finally:
    stopping.heard()
    print("cleaned up")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize(("name", "status"), [("SIGTERM", 143), ("SIGINT", -2)])
def test_a_signal_whose_exception_got_lost_is_raised_again_until_it_is_heard(name, status):
    folder = Path(stopping.__file__).parent
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(name=name)], cwd=folder, capture_output=True, text=True
    )
    assert ended.stdout == "cleaned up\n"
    assert ended.returncode == status
