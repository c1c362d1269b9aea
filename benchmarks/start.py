"""Start-up: the command line, a server until it is ready, what it weighs when idle."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time

import potager
from benchmarks.measure import milliseconds, proportional_memory, say, seconds, tree

POTAGER = [sys.executable, "-m", "potager"]


def main() -> None:
    """`potager --help`, `potager up`, and the idle server's memory, beside a bare interpreter."""
    bare = seconds(lambda: subprocess.run([sys.executable, "-c", "pass"], check=True), 10, 1)
    helped = seconds(lambda: subprocess.run([*POTAGER, "--help"], check=True, stdout=subprocess.DEVNULL), 10, 1)
    say(f"potager --help       {milliseconds(helped)}   (python -c pass: {milliseconds(bare)})")
    fresh = seconds(lambda: up(tempfile.mkdtemp()), 5, 1)
    say(f"up on a new folder   {milliseconds(fresh)}")
    folder = tempfile.mkdtemp()
    again = seconds(lambda: up(folder), 5, 1)
    say(f"up on a used folder  {milliseconds(again)}")
    with potager.local() as server:
        time.sleep(2)
        say(f"idle memory (PSS)    {proportional_memory(tree(server.pid)):8.1f} MB, the zygote included")


def up(folder: str) -> None:
    """Starts a server, waits until it is ready, stops it; the stop is not counted where it can be helped."""
    process = subprocess.Popen(
        [*POTAGER, "up", "--port", "0", "--data", folder], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.kill()
    process.wait()
