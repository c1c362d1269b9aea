"""The Python of the pages on tuning and evaluations runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import boto3

from tests.clients.road import claims_csv

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"


def code(page: str) -> str:
    """The first Python block of a how-to page."""
    found = re.search(r"```python\n(.*?)```", (HOW_TO / page).read_text(), re.DOTALL)
    assert found is not None
    return found[1]


def test_a_job_is_tuned_and_its_evaluation_read_as_the_pages_say(potager_env: Any) -> None:
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="claims")
    for seed, channel in enumerate(("train", "validation")):
        s3.put_object(Bucket="claims", Key=f"{channel}/claims.csv", Body=claims_csv(300, seed).encode())
    fewer = code("tune.md").replace('"MaxNumberOfTrainingJobs": 20', '"MaxNumberOfTrainingJobs": 2')
    seen: dict[str, Any] = {}
    exec(fewer, seen)
    assert set(seen["job"]["BestTrainingJob"]["TunedHyperParameters"]) == {"learning_rate", "mini_batch_size"}
    read: dict[str, Any] = {"name": seen["job"]["BestTrainingJob"]["TrainingJobName"]}
    exec(code("read-an-evaluation.md"), read)
    assert read["found"]["verdict"]["judged_by"] == "validation"
