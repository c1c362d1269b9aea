"""The way into a server of the user's own: its program is started, asked until it is well, and then passed requests."""

from __future__ import annotations

import http.client
import os
import time
from pathlib import Path

from potager.images.own_server import program
from potager.images.own_server.bridge import Bridge
from potager.images.own_server.program import Program, Unstartable

VARIABLE = "POTAGER_SERVER"
"""Names the program's file; `deploy/layout` sets it."""
PATIENCE = 170.0
"""Seconds that it has to answer the first `/ping`: a little less than the platform waits for the worker."""
PING = 2.0
"""Seconds that one `/ping` may take, as on AWS."""
FIRST_PAUSE, LAST_PAUSE = 0.02, 0.5
"""Seconds between two looks while it comes up: doubled from the first to the last."""


def load(model: Path, patience: float | None = None) -> Bridge:
    """Starts the program and gives the way to it; `Unstartable` where it does not come up."""
    told = float(os.environ.pop("POTAGER_PATIENCE", PATIENCE))
    started = Program(Path(os.environ.pop(VARIABLE)), program.port(model))
    print(f"{started.path} is asked for predictions on port {started.port}", flush=True)
    try:
        _well(started, told if patience is None else patience)
    except Unstartable:
        started.kill()
        raise
    started.tie()
    return Bridge(started.port)


def _well(started: Program, patience: float) -> None:
    """Returns once `GET /ping` answers 200."""
    until, pause = time.monotonic() + patience, FIRST_PAUSE
    while (said := ping(started.port)) != "200":
        if ended := started.ended:
            raise Unstartable(f"{ended} before GET /ping answered. The log has what it said.")
        if time.monotonic() > until:
            raise Unstartable(
                f"GET /ping did not answer 200 within {patience:g} seconds on port {started.port}: {said}. The program "
                "must listen on the port that SAGEMAKER_BIND_TO_PORT says."
            )
        time.sleep(pause)
        pause = min(pause * 2, LAST_PAUSE)


def ping(port: int) -> str:
    """The status of `GET /ping`, or what kept it from being answered."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PING)
    try:
        connection.request("GET", "/ping")
        return str(connection.getresponse().status)
    except (OSError, http.client.HTTPException) as error:
        return f"{type(error).__name__}: {error}"
    finally:
        connection.close()
