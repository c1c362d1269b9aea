"""What users get wrong, and what they are told: each through boto3, as they would meet it."""

from __future__ import annotations

import datetime
import io
import tarfile
import urllib.error
import urllib.request
from typing import Any

import boto3
import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.clients.road import IMAGE, ROLE, Road, claims_csv, wait_for_job


@pytest.fixture(scope="module")
def road(server: Any) -> Road:
    return Road(server)


def failure(road: Road, name: str, **changes: Any) -> str:
    """Why a job failed; it must have."""
    job = wait_for_job(road.sagemaker, road.start(name, **changes))
    assert job["TrainingJobStatus"] == "Failed"
    assert job["SecondaryStatusTransitions"][-1]["Status"] == "Failed"
    return job["FailureReason"]


def refused(call: Any, **arguments: Any) -> tuple[str, str]:
    """Code and message of a refusal."""
    with pytest.raises(ClientError) as refusal:
        call(**arguments)
    error = refusal.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_channel_in_a_missing_bucket_is_refused_with_the_buckets_name(road: Road) -> None:
    channel = road.channel("train")
    channel["DataSource"]["S3DataSource"]["S3Uri"] = "s3://no-such-bucket-anywhere/train/"
    code, message = refused(road.start, name="no-bucket", channels=[channel])
    assert code == "ValidationException"
    assert "no-such-bucket-anywhere" in message


def test_an_empty_prefix_is_refused_in_awss_words(road: Road) -> None:
    code, message = refused(road.start, name="no-prefix", channels=[road.channel("train", "nothing/here/")])
    assert code == "ValidationException"
    assert f'No S3 objects found under S3 URL "s3://{road.bucket}/nothing/here/"' in message


@pytest.mark.parametrize(
    ("name", "rows", "told"),
    [
        ("text", "1,2,3\n0,4,abc\n", "row 2, column 3: 'abc' is not a number."),
        ("width", "1,2,3\n0,4\n1,2,3\n", "row 2 has 2 columns, but 3 are expected (a label and 2 features"),
        (
            "label",
            "1,2,3\n7,4,5\n0,1,1\n",
            "row 2, column 1: label 7 is neither 0 nor 1, as a binary_classifier needs.",
        ),
    ],
)
def test_a_bad_file_fails_the_job_with_the_place_the_value_and_what_is_allowed(
    road: Road, name: str, rows: str, told: str
) -> None:
    road.put(f"bad-{name}/data.csv", rows)
    reason = failure(road, f"bad-{name}", channels=[road.channel("train", f"bad-{name}/")])
    assert reason.startswith("ClientError: ")
    assert "data.csv" in reason
    assert told in reason


@pytest.mark.parametrize(
    ("parameter", "value"), [("learning_rte", "0.1"), ("epochs", "0"), ("wd", "-1"), ("predictor_type", "oracle")]
)
def test_a_wrong_hyperparameter_fails_the_job_with_its_name_and_value(road: Road, parameter: str, value: str) -> None:
    reason = failure(road, f"hyper-{parameter.replace('_', '-')}", hyperparameters={parameter: value})
    assert reason.startswith("ClientError")
    assert parameter in reason
    assert value in reason or parameter == "learning_rte"


def test_an_unknown_image_is_told_with_those_that_are_served(road: Road) -> None:
    image = "000000000000.dkr.ecr.us-east-1.amazonaws.com/mystery:1"
    reason = failure(road, "image", image=image)
    assert "'mystery'" in reason
    assert "linear-learner" in reason
    code, message = refused(
        road.sagemaker.create_model, ModelName="mystery", PrimaryContainer={"Image": image}, ExecutionRoleArn=ROLE
    )
    assert code == "ValidationException"
    assert f"Requested image {image} not found" in message
    assert "linear-learner" in message


def test_a_name_that_breaks_its_pattern_reads_as_on_aws(road: Road) -> None:
    code, message = refused(road.start, name="", full_name="bad_name!")
    assert code == "ValidationException"
    assert "1 validation error detected: Value 'bad_name!' at 'trainingJobName' failed to satisfy constraint" in message
    assert "Member must satisfy regular expression pattern" in message


def test_a_name_that_is_too_long_reads_as_on_aws(road: Road) -> None:
    code, message = refused(road.start, name="", full_name="a" * 64)
    assert code == "ValidationException"
    assert "Member must have length less than or equal to 63" in message


def test_a_second_job_of_the_same_name_is_resource_in_use(road: Road) -> None:
    name = road.train_once()["TrainingJobName"]
    code, message = refused(road.start, name="", full_name=name)
    assert code == "ResourceInUse"
    assert name in message


def test_a_second_model_config_or_endpoint_of_the_same_name_is_refused_in_the_words_that_sdks_match(road: Road) -> None:
    model = road.model("twice", road.train_once())
    container = road.sagemaker.describe_model(ModelName=model)["PrimaryContainer"]
    _, message = refused(
        road.sagemaker.create_model, ModelName=model, PrimaryContainer=container, ExecutionRoleArn=ROLE
    )
    assert "Cannot create already existing model" in message
    config = road.config("twice", model)
    variants = road.sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]
    _, message = refused(road.sagemaker.create_endpoint_config, EndpointConfigName=config, ProductionVariants=variants)
    assert "Cannot create already existing endpoint configuration" in message
    endpoint = f"{road.prefix}-twice"
    road.sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=config)
    _, message = refused(road.sagemaker.create_endpoint, EndpointName=endpoint, EndpointConfigName=config)
    assert "Cannot create already existing endpoint" in message
    road.wait_in_service(endpoint)
    road.delete(endpoint)


@pytest.mark.parametrize(
    ("method", "argument"),
    [
        ("describe_model", "ModelName"),
        ("delete_model", "ModelName"),
        ("describe_endpoint_config", "EndpointConfigName"),
        ("delete_endpoint_config", "EndpointConfigName"),
        ("describe_endpoint", "EndpointName"),
        ("delete_endpoint", "EndpointName"),
    ],
)
def test_an_absent_resource_could_not_be_found(road: Road, method: str, argument: str) -> None:
    code, message = refused(getattr(road.sagemaker, method), **{argument: "absent"})
    assert code == "ValidationException"
    assert message.startswith("Could not find")


def test_an_absent_training_job_is_a_validation_error_that_names_it(road: Road) -> None:
    code, message = refused(road.sagemaker.describe_training_job, TrainingJobName="absent")
    assert code == "ValidationException"
    assert "absent" in message


def test_deleting_what_is_in_use_is_refused(road: Road) -> None:
    assert refused(road.s3.delete_bucket, Bucket=road.bucket)[0] == "BucketNotEmpty"
    name = road.start("busy", hyperparameters={"epochs": "100000", "early_stopping_patience": "100000"})
    assert refused(road.sagemaker.delete_training_job, TrainingJobName=name)[0] == "ResourceInUse"
    road.sagemaker.stop_training_job(TrainingJobName=name)
    wait_for_job(road.sagemaker, name)
    road.sagemaker.delete_training_job(TrainingJobName=name)


def test_an_endpoint_that_is_still_creating_can_be_neither_invoked_nor_updated_nor_deleted(road: Road) -> None:
    endpoint = f"{road.prefix}-young"
    config = road.config("young", road.model("young", slow_to_unpack(road)))
    road.sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=config)
    code, message = refused(
        road.runtime.invoke_endpoint, EndpointName=endpoint, Body=b"1,2,3,4", ContentType="text/csv"
    )
    assert code == "ValidationError"
    assert f"{endpoint} of account 000000000000 is Creating" in message
    for call in (
        lambda: refused(road.sagemaker.delete_endpoint, EndpointName=endpoint),
        lambda: refused(road.sagemaker.update_endpoint, EndpointName=endpoint, EndpointConfigName=config),
    ):
        code, message = call()
        assert code == "ValidationException"
        assert "Cannot update in-progress endpoint" in message
        assert f"{endpoint} is Creating" in message
    assert road.sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointStatus"] == "Creating"
    road.wait_in_service(endpoint)
    road.delete(endpoint)


def slow_to_unpack(road: Road) -> dict[str, Any]:
    """A job whose artifact holds 256 MB of zeros beside the model: a second's work; a refusal takes milliseconds."""
    key = road.train_once()["ModelArtifacts"]["S3ModelArtifacts"].split("/", 3)[3]
    model = road.s3.get_object(Bucket=road.bucket, Key=key)["Body"].read()
    packed = io.BytesIO()
    with (
        tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as heavy,
        tarfile.open(fileobj=io.BytesIO(model), mode="r:gz") as light,
    ):
        padding = tarfile.TarInfo("padding")
        padding.size = 256 * 2**20
        with open("/dev/zero", "rb") as zeros:
            heavy.addfile(padding, zeros)
        for member in light.getmembers():
            heavy.addfile(member, light.extractfile(member))
    road.put("slow/model.tar.gz", packed.getvalue())
    return {"ModelArtifacts": {"S3ModelArtifacts": f"s3://{road.bucket}/slow/model.tar.gz"}}


def test_an_absent_endpoint_cannot_be_invoked(road: Road) -> None:
    code, message = refused(road.runtime.invoke_endpoint, EndpointName="absent", Body=b"1", ContentType="text/csv")
    assert code == "ValidationError"
    assert "absent" in message


def test_the_wrong_number_of_columns_is_a_model_error(road: Road) -> None:
    endpoint = road.deploy(road.train_once(), "columns")
    with pytest.raises(ClientError) as refusal:
        road.runtime.invoke_endpoint(EndpointName=endpoint, Body=b"1,2,3", ContentType="text/csv")
    answer = refusal.value.response
    assert answer["Error"]["Code"] == "ModelError"
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 424
    told = "Row 1 has 3 columns, but the model was trained on 4 features."
    assert f'Received client error (400) from primary with message "{told}".' in answer["Error"]["Message"]
    assert answer["OriginalStatusCode"] == 400
    assert answer["OriginalMessage"] == told
    good = road.runtime.invoke_endpoint(EndpointName=endpoint, Body=claims_csv(1, label=False), ContentType="text/csv")
    assert good["ResponseMetadata"]["HTTPStatusCode"] == 200
    road.delete(endpoint)


def test_an_endpoint_whose_artifact_is_no_archive_fails_with_the_reason(road: Road) -> None:
    road.put("broken/model.tar.gz", b"this is no archive")
    model = f"{road.prefix}-broken"
    container = {"Image": IMAGE, "ModelDataUrl": f"s3://{road.bucket}/broken/model.tar.gz"}
    road.sagemaker.create_model(ModelName=model, PrimaryContainer=container, ExecutionRoleArn=ROLE)
    endpoint = f"{road.prefix}-broken"
    road.sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=road.config("broken", model))
    with pytest.raises(Exception, match="terminal failure"):
        road.wait_in_service(endpoint)
    shown = road.sagemaker.describe_endpoint(EndpointName=endpoint)
    assert shown["EndpointStatus"] == "Failed"
    assert "archive" in shown["FailureReason"]
    road.delete(endpoint)


def client(server: Any, service: str, **changes: Any) -> Any:
    keys = {
        "aws_access_key_id": server.env["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": server.env["AWS_SECRET_ACCESS_KEY"],
    }
    keys |= {"config": Config(retries={"max_attempts": 0})} | changes
    return boto3.client(service, endpoint_url=server.url, region_name="us-east-1", **keys)


@pytest.mark.parametrize(
    ("service", "method", "code"),
    [
        ("s3", "list_buckets", "SignatureDoesNotMatch"),
        ("sagemaker", "list_models", "InvalidSignatureException"),
        ("sts", "get_caller_identity", "SignatureDoesNotMatch"),
    ],
)
def test_a_bad_signature_is_refused(server: Any, service: str, method: str, code: str) -> None:
    assert refused(getattr(client(server, service, aws_secret_access_key="wrong"), method))[0] == code


@pytest.mark.parametrize(
    ("service", "method", "code"),
    [
        ("s3", "list_buckets", "InvalidAccessKeyId"),
        ("sagemaker", "list_models", "UnrecognizedClientException"),
        ("sts", "get_caller_identity", "InvalidClientTokenId"),
    ],
)
def test_a_wrong_key_is_refused(server: Any, service: str, method: str, code: str) -> None:
    assert refused(getattr(client(server, service, aws_access_key_id="AKIAWRONGWRONGWRONG1"), method))[0] == code


def signed(server: Any, service: str, ago: datetime.timedelta, presign: int = 0) -> urllib.request.Request:
    """A request signed as of a while ago: ListBuckets of S3, GetCallerIdentity of STS, ListModels of SageMaker."""
    keys = Credentials(server.env["AWS_ACCESS_KEY_ID"], server.env["AWS_SECRET_ACCESS_KEY"])
    signers = {"s3": botocore.auth.S3SigV4Auth, "presigned": botocore.auth.S3SigV4QueryAuth}
    signer = signers["presigned" if presign else service] if service == "s3" else botocore.auth.SigV4Auth
    request = AWSRequest("GET", server.url + "/")
    if service == "sagemaker":
        headers = {"X-Amz-Target": "SageMaker.ListModels", "Content-Type": "application/x-amz-json-1.1"}
        request = AWSRequest("POST", server.url + "/", headers, b"{}")
    moment = datetime.datetime.now(datetime.UTC).replace(tzinfo=None) - ago
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.auth, "get_current_datetime", lambda *_, **__: moment)
        signer(keys, service, "us-east-1", **({"expires": presign} if presign else {})).add_auth(request)
    sent = request.prepare()
    return urllib.request.Request(sent.url, sent.body or None, dict(sent.headers.items()), method=sent.method)


def answer(request: urllib.request.Request) -> tuple[int, str]:
    """Status and body, whatever the status."""
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.mark.parametrize(
    ("service", "status", "code"),
    [("s3", 403, "RequestTimeTooSkewed"), ("sagemaker", 400, "InvalidSignatureException")],
)
def test_a_clock_that_is_20_minutes_off_is_refused(server: Any, service: str, status: int, code: str) -> None:
    minutes = datetime.timedelta(minutes=1)
    assert answer(signed(server, service, 5 * minutes))[0] == 200
    for off in (20, -20):
        seen, text = answer(signed(server, service, off * minutes))
        assert seen == status
        assert code in text


def test_an_expired_presigned_url_is_refused_and_a_fresh_one_serves(server: Any) -> None:
    fresh = signed(server, "s3", datetime.timedelta(), presign=60)
    stale = signed(server, "s3", datetime.timedelta(minutes=10), presign=60)
    assert answer(fresh)[0] == 200
    status, text = answer(stale)
    assert status == 403
    assert "Request has expired" in text
