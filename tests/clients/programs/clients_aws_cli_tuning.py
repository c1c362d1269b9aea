"""The AWS CLI's own driver on a tuning job: created from a file, described, listed with its training jobs, deleted.

Started as `python clients_aws_cli_tuning.py REQUEST`: a file that holds the request as JSON.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import time
from pathlib import Path
from typing import Any

from awscli.clidriver import create_clidriver

REQUEST = Path(sys.argv[1])
NAME = json.loads(REQUEST.read_text())["HyperParameterTuningJobName"]
DRIVER = create_clidriver()


def aws(command: str, *words: str, fails: str = "") -> Any:
    """What a command of `aws sagemaker` says; with `fails` it must end in an error that says so."""
    out, err = io.TextIOWrapper(io.BytesIO()), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = DRIVER.main(["sagemaker", command, *words, "--output", "json"])
    out.flush()
    said = out.buffer.getvalue()
    assert bool(status) == bool(fails), (command, status, said, err.getvalue())
    assert fails in err.getvalue(), (command, err.getvalue())
    return json.loads(said) if said.strip() else None


NAMED = ("--hyper-parameter-tuning-job-name", NAME)
FILE = ("--cli-input-json", REQUEST.as_uri())
made = aws("create-hyper-parameter-tuning-job", *FILE)
assert made["HyperParameterTuningJobArn"].endswith(f":hyper-parameter-tuning-job/{NAME}")
aws("create-hyper-parameter-tuning-job", *FILE, fails="ResourceInUse")
while (job := aws("describe-hyper-parameter-tuning-job", *NAMED))["HyperParameterTuningJobStatus"] == "InProgress":
    time.sleep(0.2)
assert job["HyperParameterTuningJobStatus"] == "Completed", job
assert job["TrainingJobStatusCounters"]["Completed"] == 3

order = ("--sort-by", "FinalObjectiveMetricValue", "--sort-order", "Descending")
trials = aws("list-training-jobs-for-hyper-parameter-tuning-job", *NAMED, *order)["TrainingJobSummaries"]
assert trials[0]["TrainingJobName"] == job["BestTrainingJob"]["TrainingJobName"]
values = [each["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for each in trials]
assert values == sorted(values, reverse=True)
assert len(values) == 3
paged = aws("list-training-jobs-for-hyper-parameter-tuning-job", *NAMED, "--page-size", "2", "--max-items", "2")
assert len(paged["TrainingJobSummaries"]) == 2
assert paged["NextToken"]

tags = ("--resource-arn", made["HyperParameterTuningJobArn"])
assert aws("list-tags", *tags)["Tags"] == [{"Key": "team", "Value": "claims"}]
listed = aws("list-hyper-parameter-tuning-jobs", "--name-contains", NAME, "--status-equals", "Completed")
assert [each["HyperParameterTuningJobName"] for each in listed["HyperParameterTuningJobSummaries"]] == [NAME]
aws("stop-hyper-parameter-tuning-job", *NAMED, fails="in status Completed")
aws("delete-hyper-parameter-tuning-job", *NAMED)
aws("describe-hyper-parameter-tuning-job", *NAMED, fails="ResourceNotFound")
