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
    say(f"potager --help       {milliseconds(helped)}   (goal: at most 300 ms)")
    say(f"python -c pass       {milliseconds(bare)}")
    with tempfile.TemporaryDirectory() as base:
        fresh = sorted([until_ready(f"{base}/{number}") for number in range(6)][1:])
        again = sorted([until_ready(f"{base}/used") for _ in range(6)][1:])
    say(f"up on a new folder   {milliseconds(fresh)}   (goal: at most 1,500 ms)")
    say(f"up on a used folder  {milliseconds(again)}")
    with potager.local() as server:
        time.sleep(2)
        memory = proportional_memory(tree(server.pid))
        say(f"idle memory (PSS)    {memory:8.1f} MB, the zygote included   (goal: at most 120 MB)")


def until_ready(folder: str) -> float:
    """Seconds from starting a server until it says that it is ready. Its end is not counted."""
    command = [*POTAGER, "up", "--port", "0", "--data", folder]
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    said = process.stdout.readline()
    taken = time.perf_counter() - began
    process.terminate()
    process.communicate()
    assert said.startswith("ready "), said
    return taken
