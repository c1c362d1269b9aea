"""Training jobs that run a program of one's own, as `boto3` asks for them."""

from __future__ import annotations

import io
import json
import tarfile
import textwrap
from typing import Any

from tests.clients.road import ROLE, Road, wait_for_job

PYTHON = "000000000000.dkr.ecr.us-east-1.amazonaws.com/python:3.11"
SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"


def packed(files: dict[str, str]) -> bytes:
    """A `sourcedir.tar.gz` with these files."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as tar:
        for name, text in files.items():
            data = textwrap.dedent(text).encode()
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return raw.getvalue()


class Scripts:
    """A road on which scripts are trained."""

    def __init__(self, server: Any) -> None:
        self.road = Road(server)
        self.server = server
        self.logs = server.client("logs")

    def source(self, name: str, files: dict[str, str]) -> str:
        """Uploads a source and gives its URI."""
        key = f"{name}/source/sourcedir.tar.gz"
        self.road.put(key, packed(files))
        return f"s3://{self.road.bucket}/{key}"

    def start(self, name: str, *, image: str = PYTHON, **members: Any) -> str:
        """Creates a training job with further members of the request; gives its name."""
        job = f"{self.road.prefix}-{name}"
        algorithm = {"TrainingImage": image, "TrainingInputMode": "File", **members.pop("algorithm", {})}
        instances = {"InstanceType": "ml.m5.large", "InstanceCount": members.pop("instances", 1)}
        self.road.sagemaker.create_training_job(
            TrainingJobName=job,
            AlgorithmSpecification=algorithm,
            RoleArn=ROLE,
            OutputDataConfig={"S3OutputPath": f"s3://{self.road.bucket}/output"},
            ResourceConfig={"VolumeSizeInGB": 5, **members.pop("resources", instances)},
            **{"StoppingCondition": {"MaxRuntimeInSeconds": 300}, **members},
        )
        return job

    def run(self, name: str, **members: Any) -> dict[str, Any]:
        """A job once it has ended."""
        return wait_for_job(self.road.sagemaker, self.start(name, **members))

    def script(self, name: str, files: dict[str, str], program: str = "train.py", **members: Any) -> dict[str, Any]:
        """A script's job once it has ended."""
        return wait_for_job(self.road.sagemaker, self.begin(name, files, program, **members))

    def begin(self, name: str, files: dict[str, str], program: str = "train.py", **members: Any) -> str:
        """Creates a script's job; gives its name. `hyperparameters` are encoded as the SDKs do it."""
        given = {
            "sagemaker_program": program,
            "sagemaker_submit_directory": self.source(name, files),
            "sagemaker_container_log_level": 20,
            "sagemaker_job_name": name,
            "sagemaker_region": "us-east-1",
            **members.pop("hyperparameters", {}),
        }
        encoded = {key: json.dumps(value) for key, value in given.items()}
        return self.start(name, HyperParameters=encoded, **members)

    def lines(self, job: dict[str, Any], host: str = "algo-1") -> list[str]:
        """The log of one of the job's hosts."""
        group, prefix = "/aws/sagemaker/TrainingJobs", f"{job['TrainingJobName']}/{host}-"
        streams = self.logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=prefix)["logStreams"]
        stream = streams[0]["logStreamName"]
        events = self.logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)["events"]
        return [event["message"] for event in events]

    def unpacked(self, key: str) -> dict[str, bytes]:
        """The files of an archive in the bucket."""
        body = self.road.s3.get_object(Bucket=self.road.bucket, Key=key)["Body"].read()
        with tarfile.open(fileobj=io.BytesIO(body)) as tar:
            files = {info.name: tar.extractfile(info) for info in tar if info.isfile()}
            return {name: file.read() for name, file in files.items() if file}
