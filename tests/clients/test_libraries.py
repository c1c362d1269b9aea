"""Workers of endpoints are forked from a parent that has the libraries of their image imported, and share them."""

from __future__ import annotations

import json
import os
import pickle
import signal
from pathlib import Path
from typing import Any

import numpy as np
import xgboost

from tests.clients.road import Road, until
from tests.clients.test_frameworks import XGBOOST
from tests.clients.test_sklearn_endpoint import ask, serve

ROWS = np.random.default_rng(0).normal(size=(100, 2)).astype(np.float32)


def _booster() -> bytes:
    return pickle.dumps(xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(ROWS, ROWS[:, 0] > 0), 5))


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _shims(server: Any) -> dict[str, int]:
    """The shim of each worker that has one."""
    found = Path(server.data).glob("jobs/ep-*/run/shim.json")
    return {path.parts[-3]: json.loads(path.read_text())["pid"] for path in found}


def _score(road: Road, endpoint: str) -> float:
    return float(ask(road, endpoint, "2,0", "text/csv")[0])


def _mapped(pid: int) -> str:
    return Path(f"/proc/{pid}/maps").read_text()


def test_workers_of_an_image_come_from_one_parent_that_has_its_libraries(fresh_server: Any) -> None:
    road = Road(fresh_server)
    first = serve(road, "one", {"xgboost-model": _booster()}, image=XGBOOST)
    second = serve(road, "two", {"xgboost-model": _booster()}, image=XGBOOST)
    assert _score(road, first) == _score(road, second) > 0.5
    shims = _shims(fresh_server)
    assert len(shims) == 2
    (parent,) = {_parent(pid) for pid in shims.values()}
    assert "libxgboost" in _mapped(parent)
    assert len(os.listdir(f"/proc/{parent}/task")) == 1

    os.kill(parent, signal.SIGKILL)
    until(lambda: not Path(f"/proc/{parent}").exists(), "the end of the parent")
    third = serve(road, "three", {"xgboost-model": _booster()}, image=XGBOOST)
    assert _score(road, third) > 0.5
    assert _score(road, first) > 0.5


def test_a_linear_learner_s_worker_needs_no_parent_of_its_own(fresh_server: Any) -> None:
    road = Road(fresh_server)
    road.deploy(road.train_once(), "plain")
    (shim,) = _shims(fresh_server).values()
    assert "libxgboost" not in _mapped(_parent(shim))
