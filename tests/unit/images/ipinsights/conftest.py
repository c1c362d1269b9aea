"""A job folder made inline, and log-ins of users who each have networks of their own."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from potager.images.ipinsights import serve, train
from tests.unit.images.jobs import Job

Logins = tuple[np.ndarray, np.ndarray]
"""Users `(n_events,)` and the addresses `(n_events,)` that they came from."""


@pytest.fixture
def job(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Job:
    return Job(train.main, serve.load, tmp_path / "ml", capsys)


@pytest.fixture
def logins() -> Callable[..., Logins]:
    """Makes log-ins: each user comes from three networks of 256 addresses."""

    def make(users: int, each: int, seed: int) -> Logins:
        networks = np.random.default_rng(0).integers(1 << 24, 1 << 32, (users, 3), dtype=np.uint32)
        random = np.random.default_rng(seed)
        who = np.repeat(np.arange(users), each)
        network = networks[who, random.integers(0, 3, len(who))] & np.uint32(0xFFFFFF00)
        return who, network | random.integers(0, 256, len(who), dtype=np.uint32)

    return make


def csv_of(logins: Logins) -> str:
    return "".join(
        f"user_{who}, {socket.inet_ntoa(struct.pack('>I', address))}\n" for who, address in zip(*logins, strict=True)
    )


def scores(predictor: Any, logins: Logins) -> np.ndarray:
    """The model's score of each log-in."""
    answer, _ = predictor.predict(csv_of(logins).encode(), "text/csv", "text/csv")
    return np.array(answer.split(), float)
