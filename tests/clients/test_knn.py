"""knn by boto3 and by the SDK: a job, an endpoint, neighbours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.clients.built_in import deploy, metrics, train
from tests.clients.road import Road, claims_csv
from tests.clients.test_sdks import ROOT, run

pytest.importorskip("faiss")

GIVEN = {"feature_dim": 4, "k": 9, "predictor_type": "classifier", "sample_size": 500}


def test_boto3_trains_deploys_and_asks_for_neighbours(server: Any) -> None:
    road = Road(server)
    road.put("test/claims.csv", claims_csv(200, seed=2))
    job = train(road, "knn", GIVEN, road.channel("train"), road.channel("test"))
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert metrics(job)["test:accuracy"] > 0.85
    endpoint = deploy(road, "knn", job)
    rows = claims_csv(20, seed=2, label=False)
    answer = road.runtime.invoke_endpoint(
        EndpointName=endpoint, Body=rows, ContentType="text/csv", Accept="application/jsonlines; verbose=true"
    )
    lines = [json.loads(line) for line in answer["Body"].read().splitlines()]
    assert len(lines) == 20
    assert all(len(line["labels"]) == len(line["distances"]) == 9 for line in lines)
    assert all(line["distances"] == sorted(line["distances"]) for line in lines)
    assert all(line["predicted_label"] == (sum(line["labels"]) > 4.5) for line in lines)
    road.delete(endpoint)


def test_a_wrong_row_is_the_failure_reason(server: Any) -> None:
    road = Road(server)
    road.put("bad/part.csv", "1,2,3,4,5\n0,2,red,4,5\n")
    job = train(road, "knn", GIVEN, road.channel("train", "bad/"))
    assert job["TrainingJobStatus"] == "Failed"
    assert "train/part.csv: row 2, column 3: 'red' is not a number" in job["FailureReason"]


def test_sdk_v2_fits_deploys_and_predicts_with_knn(tmp_path: Path) -> None:
    seen = run(ROOT / ".venv/sdk2/bin/python", "sdk2_knn.py", tmp_path)
    assert seen["image"].endswith(".dkr.ecr.us-east-1.amazonaws.com/knn:1")
    assert seen["metrics"]["test:accuracy"] == pytest.approx(seen["accuracy"])
    assert seen["accuracy"] > 0.85
