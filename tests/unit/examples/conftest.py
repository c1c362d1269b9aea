"""The fraud example is a folder of scripts: put it on the path, and stand in for AWS behind real boto3 clients."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import numpy as np
import pytest

FRAUD = Path(__file__).parents[3] / "examples" / "fraud"
sys.path.insert(0, str(FRAUD))

ARN = "arn:aws:sagemaker:us-east-1:000000000000:"


class PretendAws:
    """Answers boto3's calls before they leave the process, through botocore's own events.

    Parameters are validated and waiters and paginators run as always; only the wire is missing. `failures` maps an
    operation to an exception to raise, or to an answer that replaces the usual one.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict]] = []
        self.objects: dict[str, bytes] = {}
        self.there: set[str] = set()
        self.failures: dict[str, Any] = {}
        self.session = boto3.Session(
            aws_access_key_id="pretend", aws_secret_access_key="pretend", region_name="us-east-1"
        )
        self.session.events.register("before-parameter-build", self._note)
        self.session.events.register("before-call", self._answer)

    def names(self) -> list[str]:
        """The operations called, in order."""
        return [name for name, _ in self.calls]

    def sent(self, operation: str) -> dict:
        """The parameters of the only or last call of an operation."""
        return next(params for name, params in reversed(self.calls) if name == operation)

    def _note(self, params: dict, context: dict, **_: Any) -> None:
        context["params"] = params

    def _answer(self, model: Any, context: dict, **_: Any) -> tuple[Any, dict]:
        params = context["params"]
        self.calls.append((model.name, params))
        failure = self.failures.get(model.name)
        if isinstance(failure, BaseException):
            raise failure
        answer = failure or getattr(self, model.name)(params) or {}
        return SimpleNamespace(status_code=answer.pop("status", 200), headers={}), answer

    def CreateBucket(self, params: dict) -> None:
        self.there.add("bucket")

    def PutObject(self, params: dict) -> dict:
        body = params["Body"]
        self.objects[params["Key"]] = body if isinstance(body, bytes) else body.read()
        return {"ETag": '"pretend"'}

    def ListObjectsV2(self, params: dict) -> dict:
        return {"Contents": [{"Key": key} for key in self.objects], "IsTruncated": False}

    def DeleteObjects(self, params: dict) -> None:
        for found in params["Delete"]["Objects"]:
            del self.objects[found["Key"]]

    def DeleteBucket(self, params: dict) -> None:
        self.there.remove("bucket")

    def GetCallerIdentity(self, params: dict) -> dict:
        return {"Arn": "arn:aws:sts::000000000000:assumed-role/Cook/session"}

    def GetRole(self, params: dict) -> dict:
        return {"Role": {"Arn": f"arn:aws:iam::000000000000:role/{params['RoleName']}"}}

    def CreateTrainingJob(self, params: dict) -> dict:
        return {"TrainingJobArn": ARN + f"training-job/{params['TrainingJobName']}"}

    def DescribeTrainingJob(self, params: dict) -> dict:
        if "CreateTrainingJob" not in self.names():
            return {"status": 400, "Error": {"Code": "ValidationException", "Message": "Requested resource not found."}}
        made = self.sent("CreateTrainingJob")
        return {
            "TrainingJobStatus": "Completed",
            "SecondaryStatus": "Completed",
            "AlgorithmSpecification": made["AlgorithmSpecification"],
            "RoleArn": made["RoleArn"],
            "ModelArtifacts": {"S3ModelArtifacts": "s3://pretend/model.tar.gz"},
            "FinalMetricDataList": [{"MetricName": "validation:roc_auc_score", "Value": 0.8}],
        }

    def FilterLogEvents(self, params: dict) -> dict:
        return {"events": [{"message": "#quality_metric: host=algo-1, validation roc_auc_score <score>=0.8"}]}

    def CreateModel(self, params: dict) -> dict:
        self.there.add("model")
        return {"ModelArn": ARN + "model/pretend"}

    def CreateEndpointConfig(self, params: dict) -> dict:
        self.there.add("config")
        return {"EndpointConfigArn": ARN + "endpoint-config/pretend"}

    def CreateEndpoint(self, params: dict) -> dict:
        self.there.add("endpoint")
        return {"EndpointArn": ARN + "endpoint/pretend"}

    def DescribeEndpoint(self, params: dict) -> dict:
        if "endpoint" in self.there:
            return {"EndpointStatus": "InService"}
        return {"status": 400, "Error": {"Code": "ValidationException", "Message": "Could not find endpoint."}}

    def DeleteEndpoint(self, params: dict) -> None:
        self.there.remove("endpoint")

    def DeleteEndpointConfig(self, params: dict) -> None:
        self.there.remove("config")

    def DeleteModel(self, params: dict) -> None:
        self.there.remove("model")

    def InvokeEndpoint(self, params: dict) -> dict:
        """Scores by the first feature: enough for a report with something in it."""
        rows = np.loadtxt(io.BytesIO(params["Body"]), delimiter=",", ndmin=2)
        scores = 1 / (1 + np.exp((rows[:, 0] - 150) / 60))
        found = [{"score": float(score), "predicted_label": int(score > 0.5)} for score in scores]
        return {"Body": io.BytesIO(json.dumps({"predictions": found}).encode())}


@pytest.fixture
def pretend() -> PretendAws:
    return PretendAws()


@pytest.fixture
def csv_file(tmp_path: Path) -> Callable[[str], Path]:
    """Write a text to a CSV file and get its path."""

    def write(text: str, name: str = "rows.csv") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write
