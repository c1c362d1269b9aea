"""The image `profile` through boto3: a table in S3, its profile in S3."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.clients.processing import Processing
from tests.clients.road import ROLE

TABLE = "age,colour,fraud\n" + "".join(f"{20 + at % 50},{'red' if at % 3 else 'blue'},{at % 2}\n" for at in range(100))


@pytest.fixture(scope="module")
def processing(server: Any) -> Processing:
    return Processing(server)


def job(processing: Processing, name: str, table: bytes, **members: Any) -> dict[str, Any]:
    """A job of the image's own program over one table, once it has ended."""
    processing.road.s3.put_object(Bucket=processing.road.bucket, Key=f"{name}/in/table.csv", Body=table)
    found = f"{processing.road.prefix}-{name}"
    processing.road.sagemaker.create_processing_job(
        ProcessingJobName=found,
        RoleArn=ROLE,
        AppSpecification={"ImageUri": "profile"},
        ProcessingInputs=[processing.input("table", f"{name}/in/", "/opt/ml/processing/input")],
        ProcessingOutputConfig={
            "Outputs": [processing.output("profile", "/opt/ml/processing/output", key=f"{name}/out")]
        },
        ProcessingResources={
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.t3.medium", "VolumeSizeInGB": 1}
        },
        **members,
    )
    return processing.wait(found)


def test_a_table_in_s3_is_profiled_into_s3(processing: Processing) -> None:
    done = job(
        processing,
        "good",
        TABLE.encode(),
        Environment={"target": "colour"},
        NetworkConfig={"EnableNetworkIsolation": True},
    )
    assert done["ProcessingJobStatus"] == "Completed", done.get("FailureReason")
    told = json.loads(processing.content("good/out/")["profile.json"])
    assert told["table"]["rows"] == 100
    assert {one["name"]: one["type"] for one in told["columns"]} == {
        "age": "integer",
        "colour": "category",
        "fraud": "boolean",
    }
    assert told["target"]["name"] == "colour"
    assert any("Read 100 rows" in line for line in processing.lines(done))


def test_a_file_that_is_no_table_fails_the_job_with_its_name_and_what_to_do(processing: Processing) -> None:
    failed = job(processing, "bad", bytes(range(256)) * 10)
    assert failed["ProcessingJobStatus"] == "Failed"
    assert failed["ExitMessage"].startswith("ClientError: table.csv: it is no table of text, but binary.")
    assert failed["FailureReason"].startswith("AlgorithmError: ClientError: table.csv")


def test_the_image_s_own_program_takes_no_arguments_and_trains_and_serves_nothing(processing: Processing) -> None:
    road = processing.road
    with pytest.raises(ClientError, match="ContainerArguments for the image profile's own program"):
        processing.road.sagemaker.create_processing_job(
            ProcessingJobName=f"{road.prefix}-arguments",
            RoleArn=ROLE,
            AppSpecification={"ImageUri": "profile", "ContainerArguments": ["--x"]},
            ProcessingResources={
                "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.t3.medium", "VolumeSizeInGB": 1}
            },
        )
    with pytest.raises(ClientError, match="serves no model"):
        road.sagemaker.create_model(
            ModelName=f"{road.prefix}-profile", ExecutionRoleArn=ROLE, PrimaryContainer={"Image": "profile"}
        )
    with pytest.raises(ClientError, match="Training on the image profile"):
        road.sagemaker.create_training_job(
            TrainingJobName=f"{road.prefix}-profile",
            AlgorithmSpecification={"TrainingImage": "profile", "TrainingInputMode": "File"},
            RoleArn=ROLE,
            OutputDataConfig={"S3OutputPath": f"s3://{road.bucket}/out"},
            ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            StoppingCondition={"MaxRuntimeInSeconds": 60},
        )


def test_a_command_of_one_s_own_runs_on_the_image_as_on_any(processing: Processing) -> None:
    done = processing.completed("command", "print('hello')", image="profile")
    assert "hello" in processing.lines(done)
