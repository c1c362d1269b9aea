"""What a request to an endpoint may take, and how often health is asked for: as on AWS, unless settings say other."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one server.

    Parameters
    ----------
    timeout : seconds that a model has for one answer.
    stream : seconds that it has for all of an answer that streams; each part has `timeout`.
    body : bytes of a request's body.
    ping : seconds between two health checks of a program that answers `/ping` itself.
    idle : seconds without a request after which a worker of a serverless variant goes.
    """

    timeout: float = 60.0
    body: int = 6 * 2**20
    ping: float = 5.0
    idle: float = 300.0
    stream: float = 480.0
