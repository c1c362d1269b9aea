"""Who may do what, through boto3: the role, what it may do, and temporary credentials."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.clients.road import ROLE


def client(server: Any, service: str, keys: dict[str, Any]) -> Any:
    """A client with temporary credentials."""
    return boto3.client(
        service,
        region_name="us-east-1",
        endpoint_url=server.url,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )


def code(caught: Any) -> str:
    return caught.value.response["Error"]["Code"]


def test_the_role_is_assumed_for_a_time(server: Any) -> None:
    before = datetime.now(UTC)
    answer = server.client("sts").assume_role(RoleArn=ROLE, RoleSessionName="alice", DurationSeconds=900)
    assert answer["AssumedRoleUser"]["Arn"] == "arn:aws:sts::000000000000:assumed-role/PotagerExecutionRole/alice"
    assert answer["AssumedRoleUser"]["AssumedRoleId"].endswith(":alice")
    keys = answer["Credentials"]
    assert timedelta(seconds=890) < keys["Expiration"] - before < timedelta(seconds=930)
    assert client(server, "sts", keys).get_caller_identity()["Arn"] == answer["AssumedRoleUser"]["Arn"]
    assert client(server, "s3", keys).list_buckets()["Buckets"]
    assert "TrainingJobSummaries" in client(server, "sagemaker", keys).list_training_jobs()


def test_a_role_is_assumed_for_twelve_hours_at_most(server: Any) -> None:
    with pytest.raises(ClientError, match="43200"):
        server.client("sts").assume_role(RoleArn=ROLE, RoleSessionName="alice", DurationSeconds=43201)


def test_a_role_that_is_not_there_cannot_be_assumed(server: Any) -> None:
    other = "arn:aws:iam::000000000000:role/Other"
    with pytest.raises(ClientError, match="sts:AssumeRole on resource: " + other) as caught:
        server.client("sts").assume_role(RoleArn=other, RoleSessionName="alice")
    assert code(caught) == "AccessDenied"


def test_a_session_policy_is_refused_by_name(server: Any) -> None:
    with pytest.raises(ClientError, match="Session policies are not served") as caught:
        server.client("sts").assume_role(RoleArn=ROLE, RoleSessionName="alice", Policy="{}")
    assert code(caught) == "NotImplemented"


def test_assumed_by_a_session_a_role_lasts_an_hour_at_most(server: Any) -> None:
    keys = server.client("sts").assume_role(RoleArn=ROLE, RoleSessionName="alice")["Credentials"]
    chained = client(server, "sts", keys)
    assert chained.assume_role(RoleArn=ROLE, RoleSessionName="bob", DurationSeconds=3600)["Credentials"]
    with pytest.raises(ClientError, match="role chaining") as caught:
        chained.assume_role(RoleArn=ROLE, RoleSessionName="bob", DurationSeconds=3601)
    assert code(caught) == "ValidationError"


def test_a_session_token_is_the_administrators_own_power_for_a_time(server: Any) -> None:
    keys = server.client("sts").get_session_token(DurationSeconds=900)["Credentials"]
    mine = client(server, "sts", keys)
    assert mine.get_caller_identity() | {"ResponseMetadata": 0} == server.client("sts").get_caller_identity() | {
        "ResponseMetadata": 0
    }
    with pytest.raises(ClientError) as caught:
        mine.get_session_token()
    assert code(caught) == "AccessDenied"


def test_keys_of_one_session_do_not_go_with_the_token_of_another(server: Any) -> None:
    one, other = (
        server.client("sts").assume_role(RoleArn=ROLE, RoleSessionName=name)["Credentials"] for name in ("a1", "b2")
    )
    with pytest.raises(ClientError) as caught:
        client(server, "sts", one | {"SessionToken": other["SessionToken"]}).get_caller_identity()
    assert code(caught) == "InvalidClientTokenId"


def test_the_role_may_do_everything(server: Any) -> None:
    answer = server.client("iam").simulate_principal_policy(
        PolicySourceArn=ROLE,
        ActionNames=["s3:PutObject", "sagemaker:CreateTrainingJob"],
        ResourceArns=["arn:aws:s3:::claims/*"],
    )
    assert [(each["EvalActionName"], each["EvalResourceName"], each["EvalDecision"])
            for each in answer["EvaluationResults"]] == [
        ("s3:PutObject", "arn:aws:s3:::claims/*", "allowed"),
        ("sagemaker:CreateTrainingJob", "arn:aws:s3:::claims/*", "allowed"),
    ]  # fmt: skip
    assert answer["IsTruncated"] is False


@pytest.mark.parametrize(
    ("arn", "expected"),
    [
        ("arn:aws:iam::000000000000:role/Other", "NoSuchEntity"),
        ("arn:aws:iam::111122223333:role/PotagerExecutionRole", "AccessDenied"),
    ],
)
def test_what_another_role_may_do_is_not_known(server: Any, arn: str, expected: str) -> None:
    with pytest.raises(ClientError) as caught:
        server.client("iam").simulate_principal_policy(PolicySourceArn=arn, ActionNames=["s3:PutObject"])
    assert code(caught) == expected
