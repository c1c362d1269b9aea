"""Processing jobs, as `boto3` asks for them."""

from __future__ import annotations

import textwrap
from typing import Any

from tests.clients.road import ROLE, Road, until
from tests.clients.scripts import PYTHON

ENDED = ("Completed", "Failed", "Stopped")


class Processing:
    """A road on which data is processed."""

    def __init__(self, server: Any) -> None:
        self.road = Road(server)
        self.server = server
        self.logs = server.client("logs")

    def uri(self, key: str) -> str:
        return f"s3://{self.road.bucket}/{key}"

    def input(self, name: str, prefix: str, path: str | None = None, **more: Any) -> dict[str, Any]:
        """An input; by default below `/opt/ml/processing/input`."""
        source = {"S3Uri": self.uri(prefix), "LocalPath": path or f"/opt/ml/processing/input/{name}"}
        return {"InputName": name, "S3Input": {**source, "S3DataType": "S3Prefix", "S3InputMode": "File", **more}}

    def output(self, name: str, path: str | None = None, mode: str = "EndOfJob", key: str = "") -> dict[str, Any]:
        """An output; by default of `/opt/ml/processing/<name>`, to `<name>/`."""
        target = {"S3Uri": self.uri(key or name), "LocalPath": path or f"/opt/ml/processing/{name}"}
        return {"OutputName": name, "S3Output": {**target, "S3UploadMode": mode}}

    def start(
        self,
        name: str,
        script: str | None = "",
        *arguments: str,
        inputs: list[dict[str, Any]] | None = None,
        outputs: list[dict[str, Any]] | None = None,
        image: str = PYTHON,
        entrypoint: list[str] | None = None,
        limit: int = 300,
        **members: Any,
    ) -> str:
        """Creates a job that runs a script, if there is one, as a ScriptProcessor has it run; gives its name."""
        job = f"{self.road.prefix}-{name}"
        code: list[dict[str, Any]] = []
        if script is not None:
            self.road.put(f"code/{name}/script.py", textwrap.dedent(script))
            code.append(self.input("code", f"code/{name}/script.py"))
        app: dict[str, Any] = {
            "ImageUri": image,
            "ContainerEntrypoint": entrypoint or ["python3", "/opt/ml/processing/input/code/script.py"],
        }
        self.road.sagemaker.create_processing_job(
            ProcessingJobName=job,
            AppSpecification=app | ({"ContainerArguments": list(arguments)} if arguments else {}),
            ProcessingInputs=[*code, *(inputs or [])],
            ProcessingOutputConfig={"Outputs": outputs or []},
            ProcessingResources=members.pop("resources", None) or resources(),
            StoppingCondition={"MaxRuntimeInSeconds": limit},
            RoleArn=ROLE,
            **members,
        )
        return job

    def describe(self, job: str) -> dict[str, Any]:
        return self.road.sagemaker.describe_processing_job(ProcessingJobName=job)

    def wait(self, job: str) -> dict[str, Any]:
        """A job once it has ended, however."""

        def ended() -> dict[str, Any] | None:
            seen = self.describe(job)
            return seen if seen["ProcessingJobStatus"] in ENDED else None

        return until(ended, f"the end of {job}")

    def run(self, name: str, script: str | None = "", *arguments: str, **members: Any) -> dict[str, Any]:
        """A job once it has ended."""
        return self.wait(self.start(name, script, *arguments, **members))

    def completed(self, name: str, script: str | None = "", *arguments: str, **members: Any) -> dict[str, Any]:
        """A job that has completed."""
        job = self.run(name, script, *arguments, **members)
        assert job["ProcessingJobStatus"] == "Completed", (job.get("FailureReason"), self.lines(job))
        return job

    def until_started(self, job: str) -> None:
        until(lambda: "ProcessingStartTime" in self.describe(job), f"the start of {job}")

    def lines(self, job: dict[str, Any], host: str = "algo-1") -> list[str]:
        """The log of one of the job's hosts."""
        group, prefix = "/aws/sagemaker/ProcessingJobs", f"{job['ProcessingJobName']}/{host}-"
        streams = self.logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=prefix)["logStreams"]
        stream = streams[0]["logStreamName"]
        events = self.logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)["events"]
        return [event["message"] for event in events]

    def content(self, prefix: str) -> dict[str, bytes]:
        """The objects under a prefix, by the rest of their keys."""
        s3, bucket = self.road.s3, self.road.bucket
        found = s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", ())
        return {
            item["Key"].removeprefix(prefix): s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read()
            for item in found
        }


def resources(count: int = 1) -> dict[str, Any]:
    return {"ClusterConfig": {"InstanceCount": count, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 5}}
