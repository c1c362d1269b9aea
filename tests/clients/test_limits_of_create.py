"""What AWS would do or refuse and Potager must not pass over in silence: each refused by its code, through boto3."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.clients.road import IMAGE, ROLE, Road, claims_csv, wait_for_job, wait_until_training

UNSERVED = ("NotImplemented", 501)
INVALID = ("ValidationException", 400)
LIMIT = ("ResourceLimitExceeded", 400)


@pytest.fixture(scope="module")
def road(server: Any) -> Road:
    return Road(server)


@pytest.fixture(scope="module")
def endpoint(road: Road) -> str:
    """An endpoint in service, with one variant."""
    return road.deploy(road.train_once(), "limits")


def refusal(call: Any, **arguments: Any) -> dict[str, Any]:
    """The whole answer of a call that must be refused."""
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    return refused.value.response


def code_and_status(answer: dict[str, Any]) -> tuple[str, int]:
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


def served(road: Road, name: str) -> dict[str, Any]:
    """A CreateTrainingJob that is served."""
    return {
        "TrainingJobName": f"{road.prefix}-{name}",
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "RoleArn": ROLE,
        "HyperParameters": {"predictor_type": "binary_classifier", "mini_batch_size": "100", "epochs": "2"},
        "InputDataConfig": [road.channel("train")],
        "OutputDataConfig": {"S3OutputPath": f"s3://{road.bucket}/output/"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
    }


def merged(base: Any, changes: Any) -> Any:
    """`base` with `changes` laid over it, member by member; a list's first element over the first."""
    if isinstance(base, dict) and isinstance(changes, dict):
        return base | {name: merged(base.get(name), value) for name, value in changes.items()}
    if isinstance(base, list) and isinstance(changes, list) and base:
        return [merged(base[0], changes[0]), *changes[1:]]
    return changes


GROUP = {"InstanceType": "ml.m5.large", "InstanceCount": 1}

RULE = {"RuleConfigurationName": "loss", "RuleEvaluatorImage": "debugger-rules:latest"}

FILE_SYSTEM = {
    "FileSystemId": "fs-0123456789abcdef0",
    "FileSystemAccessMode": "ro",
    "FileSystemType": "EFS",
    "DirectoryPath": "/claims",
}


@pytest.mark.parametrize(
    ("changes", "expected", "told"),
    [
        pytest.param({"ResourceConfig": {"InstanceCount": 21}}, LIMIT, "is 20 Instances", id="too-many-instances"),
        pytest.param({"ResourceConfig": {"InstanceCount": 0}}, INVALID, "InstanceCount 0", id="no-instance"),
        pytest.param(
            {"ResourceConfig": {"InstanceGroups": [{**GROUP, "InstanceGroupName": "a"}]}},
            INVALID,
            "InstanceGroups and InstanceType",
            id="groups-and-a-type",
        ),
        pytest.param(
            {"InputDataConfig": [{"DataSource": {"S3DataSource": {"InstanceGroupNames": ["gpus"]}}}]},
            INVALID,
            "'gpus'",
            id="group-that-is-not-there",
        ),
        pytest.param(
            {"TensorBoardOutputConfig": {"S3OutputPath": "s3://b/t"}}, UNSERVED, "output.tar.gz", id="tensorboard"
        ),
        pytest.param({"DebugRuleConfigurations": [RULE]}, UNSERVED, "DebugRuleConfigurations", id="debugger-rules"),
        pytest.param(
            {"ProfilerRuleConfigurations": [RULE]}, UNSERVED, "ProfilerRuleConfigurations", id="profiler-rules"
        ),
        pytest.param({"OutputDataConfig": {"CompressionType": "NONE"}}, UNSERVED, "CompressionType", id="uncompressed"),
        pytest.param(
            {"CheckpointConfig": {"S3Uri": "s3://b/c", "LocalPath": "/data"}}, UNSERVED, "LocalPath", id="checkpoints"
        ),
        pytest.param({"EnableManagedSpotTraining": True}, INVALID, "MaxWaitTimeInSeconds", id="spot"),
        pytest.param(
            {"InputDataConfig": [{"DataSource": {"S3DataSource": {"S3DataType": "Converse"}}}]},
            UNSERVED,
            "Converse",
            id="converse",
        ),
        pytest.param({"InputDataConfig": [{"ChannelName": "."}]}, INVALID, "'.'", id="channel-dot"),
        pytest.param({"InputDataConfig": [{"ChannelName": ".."}]}, INVALID, "'..'", id="channel-dots"),
        pytest.param({"OutputDataConfig": {"S3OutputPath": "https://x/y"}}, INVALID, "https://x/y", id="https-output"),
        pytest.param({"Tags": [{"Key": "aws:x", "Value": "1"}]}, INVALID, "aws:x", id="reserved-tag"),
        pytest.param({"Tags": [{"Key": "team", "Value": v} for v in "12"]}, INVALID, "team", id="tag-twice"),
    ],
)
def test_a_training_job_that_asks_for_more_than_is_done_is_refused_and_not_made(
    road: Road, request: pytest.FixtureRequest, changes: dict[str, Any], expected: tuple[str, int], told: str
) -> None:
    asked = merged(served(road, request.node.callspec.id), changes)
    answer = refusal(road.sagemaker.create_training_job, **asked)
    assert code_and_status(answer) == expected
    assert told in answer["Error"]["Message"]
    absent = refusal(road.sagemaker.describe_training_job, TrainingJobName=asked["TrainingJobName"])
    assert "not found" in absent["Error"]["Message"]


def test_a_channel_on_a_file_system_is_refused(road: Road) -> None:
    asked = served(road, "file-system")
    asked["InputDataConfig"][0]["DataSource"] = {"FileSystemDataSource": FILE_SYSTEM}
    answer = refusal(road.sagemaker.create_training_job, **asked)
    assert code_and_status(answer) == UNSERVED
    assert "train" in answer["Error"]["Message"]


@pytest.mark.parametrize("tags", [[{"Key": "aws:x", "Value": "1"}], [{"Key": "team", "Value": v} for v in "12"]])
def test_reserved_and_doubled_tags_are_refused_wherever_tags_are_given(
    road: Road, endpoint: str, tags: list[dict[str, str]]
) -> None:
    shown = road.sagemaker.describe_endpoint(EndpointName=endpoint)
    config, arn = shown["EndpointConfigName"], shown["EndpointArn"]
    variants = road.sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]
    model = road.sagemaker.describe_model(ModelName=variants[0]["ModelName"])
    new = f"{road.prefix}-never"
    for answer in (
        refusal(
            road.sagemaker.create_model,
            ModelName=new,
            PrimaryContainer=model["PrimaryContainer"],
            ExecutionRoleArn=ROLE,
            Tags=tags,
        ),
        refusal(road.sagemaker.create_endpoint_config, EndpointConfigName=new, ProductionVariants=variants, Tags=tags),
        refusal(road.sagemaker.create_endpoint, EndpointName=new, EndpointConfigName=config, Tags=tags),
        refusal(road.sagemaker.add_tags, ResourceArn=arn, Tags=tags),
    ):
        assert code_and_status(answer) == INVALID
        assert tags[0]["Key"] in answer["Error"]["Message"]


def test_a_job_that_has_ended_cannot_be_stopped(road: Road) -> None:
    job = road.train_once()
    answer = refusal(road.sagemaker.stop_training_job, TrainingJobName=job["TrainingJobName"])
    assert code_and_status(answer) == INVALID
    told = "The request was rejected because the training job is in status Completed"
    assert answer["Error"]["Message"].startswith(told)


def test_a_job_tells_where_its_artifact_will_be_before_it_has_ended(road: Road) -> None:
    name = road.start("unfinished", hyperparameters={"epochs": "100000", "early_stopping_patience": "100000"})
    wait_until_training(road.sagemaker, name)
    shown = road.sagemaker.describe_training_job(TrainingJobName=name)
    road.sagemaker.stop_training_job(TrainingJobName=name)
    wait_for_job(road.sagemaker, name)
    assert shown["TrainingJobStatus"] == "InProgress"
    assert shown["ModelArtifacts"] == {"S3ModelArtifacts": f"s3://{road.bucket}/output/{name}/output/model.tar.gz"}


def test_endpoints_whose_names_differ_in_case_alone_are_the_same(road: Road, endpoint: str) -> None:
    config = road.sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
    answer = refusal(road.sagemaker.create_endpoint, EndpointName=endpoint.upper(), EndpointConfigName=config)
    assert code_and_status(answer) == INVALID
    assert "Cannot create already existing endpoint" in answer["Error"]["Message"]


@pytest.mark.parametrize(
    "desired",
    [
        pytest.param([{"VariantName": "AllTraffic", "DesiredWeight": 0.0}], id="no-weight"),
        pytest.param([{"VariantName": "AllTraffic", "DesiredInstanceCount": 0}], id="no-instance"),
        pytest.param([{"VariantName": "AllTraffic", "DesiredWeight": weight} for weight in (1.0, 2.0)], id="twice"),
    ],
)
def test_weights_and_counts_that_would_leave_nobody_to_answer_are_refused(
    road: Road, endpoint: str, desired: list[dict[str, Any]]
) -> None:
    answer = refusal(
        road.sagemaker.update_endpoint_weights_and_capacities,
        EndpointName=endpoint,
        DesiredWeightsAndCapacities=desired,
    )
    assert code_and_status(answer) == INVALID
    shown = road.sagemaker.describe_endpoint(EndpointName=endpoint)
    assert shown["EndpointStatus"] == "InService"
    variant = shown["ProductionVariants"][0]
    assert (variant["DesiredWeight"], variant["DesiredInstanceCount"]) == (1.0, 1)


def test_a_million_instances_are_over_the_limit(road: Road) -> None:
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": road.model("million", road.train_once()),
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1_000_000,
    }
    answer = refusal(
        road.sagemaker.create_endpoint_config,
        EndpointConfigName=f"{road.prefix}-million",
        ProductionVariants=[variant],
    )
    assert code_and_status(answer) == ("ResourceLimitExceeded", 400)


def test_custom_attributes_are_the_models_to_answer_and_are_not_echoed(road: Road, endpoint: str) -> None:
    answer = road.runtime.invoke_endpoint(
        EndpointName=endpoint,
        ContentType="text/csv",
        CustomAttributes="trace=1",
        Body=claims_csv(1, label=False),
    )
    assert answer["Body"].read()
    assert "CustomAttributes" not in answer


def test_a_model_error_tells_what_the_model_said_and_where_its_log_is(road: Road, endpoint: str) -> None:
    answer = refusal(road.runtime.invoke_endpoint, EndpointName=endpoint, ContentType="text/csv", Body=b"a,b,c,d")
    assert code_and_status(answer) == ("ModelError", 424)
    assert answer["OriginalStatusCode"] == 400
    assert answer["OriginalMessage"].startswith("Row 1, column 1: 'a' is not a number.")
    assert answer["OriginalMessage"] in answer["Error"]["Message"]
    group = f"/aws/sagemaker/Endpoints/{endpoint}"
    assert answer["LogStreamArn"].startswith(
        f"arn:aws:logs:us-east-1:000000000000:log-group:{group}:log-stream:AllTraffic/"
    )
