"""factorization-machines by boto3 and by the SDK: sparse records, a job, an endpoint, sparse requests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.clients.built_in import deploy, metrics, train
from tests.clients.road import Road
from tests.clients.test_sdks import ROOT, run
from tests.unit.images.sparse_records import records

pytest.importorskip("scipy")

RECORDIO = "application/x-recordio-protobuf"
GIVEN = {"feature_dim": 100_000, "num_factors": 4, "predictor_type": "binary_classifier", "epochs": 30}
LEARNS = {"factors_lr": 0.02, "factors_init_sigma": 0.1, "mini_batch_size": 100}


def likes(rows: int, seed: int) -> tuple[list[dict[int, float]], list[float]]:
    """Who likes what, among a hundred thousand features of which 40 occur: those who have a parity in common."""
    random = np.random.default_rng(seed)
    pairs = [(int(who), int(what)) for who, what in random.integers(0, 20, (rows, 2))]
    return [{who: 1.0, 99_980 + what: 1.0} for who, what in pairs], [float(a % 2 == b % 2) for a, b in pairs]


def test_boto3_trains_deploys_and_asks_with_sparse_rows(server: Any) -> None:
    road = Road(server)
    for name, rows, seed in (("train", 2500, 0), ("test", 500, 1)):
        road.put(f"{name}-sparse/part.pbr", records(*likes(rows, seed), 100_000))
    channels = [road.channel(name, f"{name}-sparse/", RECORDIO) for name in ("train", "test")]
    job = train(road, "factorization-machines", GIVEN | LEARNS, *channels)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert metrics(job)["test:binary_classification_accuracy"] > 0.95
    endpoint = deploy(road, "factorization-machines", job)
    rows, wanted = likes(30, 2)
    features = [{"keys": list(row), "shape": [100_000], "values": list(row.values())} for row in rows]
    body = json.dumps({"instances": [{"data": {"features": one}} for one in features]})
    answer = road.runtime.invoke_endpoint(EndpointName=endpoint, Body=body, ContentType="application/json")
    said = [one["predicted_label"] for one in json.load(answer["Body"])["predictions"]]
    assert said == wanted
    road.delete(endpoint)


def test_a_wrong_record_is_the_failure_reason(server: Any) -> None:
    road = Road(server)
    road.put("bad/part.pbr", records([{1: 1.0}, {2: 1.0}], [0, 7], 100_000))
    job = train(road, "factorization-machines", GIVEN, road.channel("train", "bad/", RECORDIO))
    assert job["TrainingJobStatus"] == "Failed"
    assert "train/part.pbr: record 2: label 7 is neither 0 nor 1" in job["FailureReason"]


def test_sdk_v2_fits_sparse_and_dense_records_deploys_and_predicts(tmp_path: Path) -> None:
    seen = run(ROOT / ".venv/sdk2/bin/python", "sdk2_factorization_machines.py", tmp_path)
    assert seen["image"].endswith(".dkr.ecr.us-east-1.amazonaws.com/factorization-machines:1")
    assert seen["sparse"]["test:binary_classification_accuracy"] == pytest.approx(seen["accuracy"])
    assert seen["dense"]["test:binary_f_beta"] == pytest.approx(seen["sparse"]["test:binary_f_beta"], abs=0.02)
    assert seen["accuracy"] > 0.95
