"""Models by their ids in JumpStart: the bucket where the SDKs look, and what they make of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.clients.test_sdks import ROOT, run

BUCKET = "jumpstart-cache-prod-us-east-1"
MANIFEST = "models_manifest.json"


@pytest.fixture
def s3(server: Any) -> Any:
    return server.client("s3")


def test_the_catalogue_is_read_and_in_nobodys_list_of_buckets(s3: Any, anybody: Any) -> None:
    s3.head_bucket(Bucket=BUCKET)
    assert BUCKET not in [each["Name"] for each in s3.list_buckets()["Buckets"]]
    told = s3.head_object(Bucket=BUCKET, Key=MANIFEST)
    answer = s3.get_object(Bucket=BUCKET, Key=MANIFEST)
    assert (answer["ETag"], answer["ContentType"]) == (told["ETag"], "application/json")
    manifest: list[dict[str, Any]] = json.loads(answer["Body"].read())
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
    assert {each["spec_key"] for each in manifest} < set(keys)
    assert anybody.get_object(Bucket=BUCKET, Key=MANIFEST)["ETag"] == told["ETag"]


@pytest.mark.parametrize("region", ["eu-central-1", "cn-north-1", "us-gov-west-1"])
def test_the_catalogue_is_there_in_every_region(server: Any, region: str) -> None:
    s3, there = server.client("s3", region_name=region), f"jumpstart-cache-prod-{region}"
    assert s3.get_bucket_location(Bucket=there)["LocationConstraint"] == region
    assert json.loads(s3.get_object(Bucket=there, Key=MANIFEST)["Body"].read())


@pytest.mark.parametrize(
    ("operation", "members", "code"),
    [
        ("put_object", {"Key": MANIFEST, "Body": b"[]"}, "AccessDenied"),
        ("delete_object", {"Key": MANIFEST}, "AccessDenied"),
        ("create_multipart_upload", {"Key": "more"}, "AccessDenied"),
        ("copy_object", {"Key": "more", "CopySource": f"{BUCKET}/{MANIFEST}"}, "AccessDenied"),
        ("delete_bucket", {}, "AccessDenied"),
        ("put_bucket_policy", {"Policy": "{}"}, "AccessDenied"),
        ("put_bucket_versioning", {"VersioningConfiguration": {"Status": "Enabled"}}, "NotImplemented"),
    ],
)
def test_nobody_changes_the_catalogue(s3: Any, operation: str, members: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as refused:
        getattr(s3, operation)(Bucket=BUCKET, **members)
    error = refused.value.response["Error"]
    assert (error["Code"], "/" in error["Message"]) == (code, False)  # no folder of the server's


def test_a_key_that_the_catalogue_has_not_is_not_there(s3: Any) -> None:
    with pytest.raises(ClientError) as absent:
        s3.get_object(Bucket=BUCKET, Key="training-datasets/tabular_multiclass/train/data.csv")
    assert absent.value.response["Error"]["Code"] == "NoSuchKey"


def test_a_bucket_of_ones_own_takes_its_place_for_as_long_as_it_is_there(s3: Any) -> None:
    name = "jumpstart-cache-prod-ap-south-1"
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key=MANIFEST, Body=b"[]")
    assert s3.get_object(Bucket=name, Key=MANIFEST)["Body"].read() == b"[]"
    assert name in [each["Name"] for each in s3.list_buckets()["Buckets"]]
    s3.delete_object(Bucket=name, Key=MANIFEST)
    s3.delete_bucket(Bucket=name)
    assert len(json.loads(s3.get_object(Bucket=name, Key=MANIFEST)["Body"].read())) >= 4


def test_sdk_v2_tunes_deploys_and_predicts_by_the_code_of_aws_s_page(tmp_path: Path) -> None:
    seen = run(ROOT / ".venv/sdk2/bin/python", "sdk2_jumpstart.py", tmp_path)
    assert seen["image"] == "000000000000.dkr.ecr.us-east-1.amazonaws.com/lightgbm:1"
    assert (seen["defaults"]["num_boost_round"], seen["defaults"]["learning_rate"]) == ("100", "0.1")
    assert seen["objectives"] == ["classification", "regression"]
    assert seen["trained"].strip('"') == "classification"
    assert seen["members"] == ["labels", "predicted_label", "probabilities"]
    assert seen["accuracy"] > 0.8


def test_sdk_v2_fits_deploys_and_predicts_with_a_jumpstart_estimator(tmp_path: Path) -> None:
    seen = run(ROOT / ".venv/sdk2/bin/python", "sdk2_jumpstart_estimator.py", tmp_path)
    assert seen["error"] < 0.2  # of labels 0 and 1: a classifier would have answered otherwise
    assert seen["channels"] == ["model", "training"]
    assert seen["hyperparameters"]["objective"].strip('"') == "regression"
    assert seen["metrics"] == ["RMSE"]
    assert "RMSE" in seen["defined"]


def test_sdk_v3_trains_by_a_model_id(tmp_path: Path) -> None:
    seen = run(ROOT / ".venv/sdk3/bin/python", "sdk3_jumpstart.py", tmp_path)
    assert seen["image"] == "000000000000.dkr.ecr.us-east-1.amazonaws.com/lightgbm:1"
    assert (seen["status"], seen["metrics"]) == ("Completed", ["binary_logloss"])
