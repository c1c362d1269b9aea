"""Ten minutes at half of what an endpoint can do, while everything happens to it.

    every 5 s     a worker is killed (SIGKILL)
    every 30 s    UpdateEndpoint to another configuration
    every 20 s    UpdateEndpointWeightsAndCapacities to another count

An answer other than 200 must be that of a request which a killed worker had in its hands: 424, "died while it had the
request". Told are those, all others, p99 over the whole, and the server's memory minute by minute.
POTAGER_SOAK_SECONDS makes it shorter.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import potager
from benchmarks.hosting import load, models
from benchmarks.hosting.compare import Signed, endpoint
from benchmarks.hosting.load import Load
from benchmarks.measure import p50, p99, proportional_memory, say, tree
from potager.compute.process import records

SECONDS = float(os.environ.get("POTAGER_SOAK_SECONDS", "600"))
SEGMENT = 60.0
"""Seconds that one set of signatures is used: they are good for five minutes."""
CONNECTIONS = 16
KILL, UPDATE, SCALE = 5.0, 30.0, 20.0
IN_HAND = b"died while it had the request"


def main() -> None:
    """The soak; its figures."""
    with tempfile.TemporaryDirectory() as folder, potager.local() as server:
        made = models.make(Path(folder))
        with endpoint(server, made, "xgboost", "soak", 2) as name:
            _second_config(server, name)
            bodies = [",".join(map(str, row)).encode() for row in made.rows]
            _soak(server, name, bodies)


def _second_config(server: Any, name: str) -> None:
    sagemaker = server.client("sagemaker")
    described = sagemaker.describe_endpoint_config(EndpointConfigName=name)
    sagemaker.create_endpoint_config(EndpointConfigName=name + "-2", ProductionVariants=described["ProductionVariants"])


def _soak(server: Any, name: str, bodies: Sequence[bytes]) -> None:
    with ProcessPoolExecutor(1) as client:
        full = client.submit(_segment, *_asked(server, name, bodies), CONNECTIONS, 5.0, 0.0).result()
        say(f"at full load    {full}")
        pace = full.rate / 2
        trouble = Trouble(server, name)
        threads = [threading.Thread(target=each, daemon=True) for each in trouble.all]
        for thread in threads:
            thread.start()
        whole = Load()
        while whole.seconds < SECONDS:
            length = min(SEGMENT, SECONDS - whole.seconds)
            got = client.submit(_segment, *_asked(server, name, bodies), CONNECTIONS, length, pace).result()
            _add(whole, got)
            say(f"{whole.seconds:6.0f} s   {got}   server {_server_memory(server):5.0f} MB   {trouble.told()}")
        trouble.over.set()
        for thread in threads:
            thread.join()
    whole.taken.sort()
    lost = sum(count for status, count in whole.statuses.items() if status != 200)
    say(f"requests        {len(whole.taken):,} in {whole.seconds:.0f} s, {pace:,.0f} /s asked for")
    say(f"not answered    {lost}, for {trouble.killed} workers killed   (goal: what those had in hand, and no other)")
    say(f"                {dict(whole.statuses)}")
    say(f"latency         p50 {p50(whole.taken) * 1e3:.2f} ms   p99 {p99(whole.taken) * 1e3:.2f} ms   (goal: 50 ms)")


def _asked(server: Any, name: str, bodies: Sequence[bytes]) -> tuple[str, list[bytes]]:
    signed = Signed(server, name)
    return signed.place, [signed.request(body, {"content-type": "text/csv"}) for body in bodies]


def _segment(place: str, requests: Sequence[bytes], connections: int, seconds: float, pace: float) -> Load:
    return load.hammer(place, requests, connections, seconds, pace)


def _add(whole: Load, part: Load) -> None:
    whole.taken += part.taken
    whole.seconds += part.seconds
    whole.statuses += part.statuses
    if part.said and IN_HAND not in part.said:
        say(f"LOST: {part.said!r}")
    whole.said = part.said or whole.said


def _server_memory(server: Any) -> float:
    """MB of the server's own process, as the kernel counts it (PSS)."""
    return proportional_memory([server_pid(server)])


def server_pid(server: Any) -> int:
    """The server's process."""
    return json.loads((Path(server.data) / "server.json").read_text())["pid"]


class Trouble:
    """Kills, updates and scales until it is over."""

    def __init__(self, server: Any, name: str) -> None:
        self._jobs = Path(server.data) / "jobs"
        self._sagemaker = server.client("sagemaker")
        self._name = name
        self._random = random.Random(0)
        self.over = threading.Event()
        self.killed = self.updated = self.scaled = self.refused = 0

    @property
    def all(self) -> list[Callable[[], None]]:
        return [lambda: self._each(KILL, self._kill), lambda: self._each(UPDATE, self._update), self._scaling]

    def told(self) -> str:
        return f"{self.killed} killed, {self.updated} updates, {self.scaled} scalings, {self.refused} refused as busy"

    def _scaling(self) -> None:
        self._each(SCALE, self._scale)

    def _each(self, every: float, what: Callable[[], None]) -> None:
        while not self.over.wait(every):
            what()

    def _kill(self) -> None:
        """Kills a worker that answers: the process that a shim minds."""
        running = [path for path in sorted(self._jobs.glob("ep-*")) if (path / "run" / records.SOCKET).exists()]
        self._random.shuffle(running)
        for folder in running:
            minder = records.shim(folder / "run")
            below = tree(minder.pid)[1:] if minder is not None else []
            if below:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(below[-1], signal.SIGKILL)
                    self.killed += 1
                    return

    def _update(self) -> None:
        now = self._sagemaker.describe_endpoint(EndpointName=self._name)["EndpointConfigName"]
        other = self._name if now.endswith("-2") else self._name + "-2"
        update = self._sagemaker.update_endpoint
        self.updated += self._insist(lambda: update(EndpointName=self._name, EndpointConfigName=other))

    def _scale(self) -> None:
        change = {"VariantName": "v", "DesiredInstanceCount": self._random.choice([1, 2, 3])}
        weights = self._sagemaker.update_endpoint_weights_and_capacities
        self.scaled += self._insist(lambda: weights(EndpointName=self._name, DesiredWeightsAndCapacities=[change]))

    def _insist(self, what: Callable[[], object]) -> bool:
        """Whether it was done; an endpoint that is being updated says no, and is asked again a moment later."""
        until = time.monotonic() + 10
        while time.monotonic() < until:
            try:
                what()
            except self._sagemaker.exceptions.ClientError as error:
                if "in-progress" not in str(error):
                    raise
                self.refused += 1
                time.sleep(0.2)
            else:
                return True
        return False
