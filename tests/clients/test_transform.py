"""Batch transform through boto3, as AWS documents it, against a live server."""

from __future__ import annotations

import gzip
import io
import json
import os
import signal
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import ClientError

from potager.images.algorithm import recordio
from potager.images.linear_learner.serve import Predictor, load
from tests.clients.road import WAIT, Road, claims_csv

SLOW = 20_000
"""Lines that, sent one by one, keep a job busy until a test is through with it."""


class Transforms:
    """A road with a model, and transform jobs over what stands in its bucket."""

    def __init__(self, server: Any) -> None:
        self.road = Road(server)
        self.job = self.road.train_once()
        self.model = self.road.model("transforms", self.job)
        self.logs = server.client("logs")

    def put(self, key: str, body: str | bytes) -> None:
        self.road.put(key, body)

    def start(
        self,
        name: str,
        prefix: str,
        source: dict[str, Any] | None = None,
        output: dict[str, Any] | None = None,
        kind: str = "S3Prefix",
        instances: int = 1,
        **more: Any,
    ) -> str:
        """Creates a job over `prefix` and gives its name; its outputs go below `out/<name>`."""
        bucket = self.road.bucket
        data = {"S3DataSource": {"S3DataType": kind, "S3Uri": f"s3://{bucket}/{prefix}"}}
        request: dict[str, Any] = {
            "TransformJobName": f"{self.road.prefix}-{name}",
            "ModelName": self.model,
            "TransformInput": {"DataSource": data, "ContentType": "text/csv", "SplitType": "Line"} | (source or {}),
            "TransformOutput": {"S3OutputPath": f"s3://{bucket}/out/{name}", "Accept": "text/csv"} | (output or {}),
            "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": instances},
        }
        self.road.sagemaker.create_transform_job(**request | more)
        return request["TransformJobName"]

    def ended(self, name: str) -> dict[str, Any]:
        """The job once it has ended, however it ended."""
        waiter = self.road.sagemaker.get_waiter("transform_job_completed_or_stopped")
        try:
            waiter.wait(TransformJobName=name, WaiterConfig=WAIT)
        except Exception as error:
            if "terminal failure" not in str(error):
                raise
        return self.road.sagemaker.describe_transform_job(TransformJobName=name)

    def run(self, name: str, prefix: str, *given: Any, **more: Any) -> dict[str, bytes]:
        """The outputs of a job that completed, by their names below its path."""
        job = self.ended(self.start(name, prefix, *given, **more))
        assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
        return {key: self.read(f"out/{name}/{key}") for key in self.outputs(name)}

    def outputs(self, name: str) -> dict[str, Any]:
        """What stands below a job's output path."""
        pages = self.road.s3.get_paginator("list_objects_v2").paginate(Bucket=self.road.bucket, Prefix=f"out/{name}/")
        return {
            item["Key"].removeprefix(f"out/{name}/"): (item["ETag"], item["LastModified"])
            for page in pages
            for item in page.get("Contents", ())
        }

    def read(self, key: str) -> bytes:
        return self.road.s3.get_object(Bucket=self.road.bucket, Key=key)["Body"].read()

    def predictor(self, folder: Path) -> Predictor:
        """The model in this process."""
        body = self.read(self.job["ModelArtifacts"]["S3ModelArtifacts"].split("/", 3)[3])
        with tarfile.open(fileobj=io.BytesIO(body)) as tar:
            tar.extractall(folder, filter="data")
        return load(folder)


@pytest.fixture(scope="module")
def transforms(server: Any) -> Iterator[Transforms]:
    """One trained model for the module."""
    return Transforms(server)  # type: ignore[return-value]


def rows(count: int, seed: int = 7) -> str:
    return claims_csv(count, seed=seed, label=False)


def test_every_object_under_a_prefix_becomes_an_output_object(transforms: Transforms, tmp_path: Path) -> None:
    first, second = rows(700), rows(3, seed=8)
    transforms.put("many/a.csv", first)
    transforms.put("many/deep/er/b.csv", second)
    transforms.put("many/empty.csv", "")
    found = transforms.run("many", "many/", instances=2)
    ask = transforms.predictor(tmp_path).predict
    assert found == {
        "a.csv.out": ask(first.encode(), "text/csv", "text/csv")[0],
        "deep/er/b.csv.out": ask(second.encode(), "text/csv", "text/csv")[0],
        "empty.csv.out": b"",
    }


def test_describe_tells_what_was_asked_and_when_it_ran(transforms: Transforms) -> None:
    transforms.put("told/a.csv", rows(5))
    client = {"InvocationsTimeoutInSeconds": 30, "InvocationsMaxRetries": 1}
    name = transforms.start(
        "told", "told/", ModelClientConfig=client, MaxPayloadInMB=2, BatchStrategy="MultiRecord", Environment={"A": "b"}
    )
    job = transforms.ended(name)
    assert job["TransformJobArn"].endswith(f":transform-job/{name}")
    assert (job["ModelName"], job["MaxPayloadInMB"], job["Environment"]) == (transforms.model, 2, {"A": "b"})
    assert job["ModelClientConfig"] == client
    assert job["DataProcessing"] == {"InputFilter": "$", "OutputFilter": "$", "JoinSource": "None"}
    assert job["CreationTime"] <= job["TransformStartTime"] <= job["TransformEndTime"]


def test_the_order_of_records_is_kept_over_batches_and_instances(transforms: Transforms) -> None:
    lines = rows(1000).splitlines()
    numbered = "".join(f"{number},{lines[number % 1000]}\n" for number in range(40_000))
    for name in "abcd":
        transforms.put(f"ordered/{name}.csv", numbered)
    processing = {"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0]"}
    found = transforms.run(
        "ordered", "ordered/", instances=2, MaxPayloadInMB=1, MaxConcurrentTransforms=3, DataProcessing=processing
    )
    assert len(found) == 4
    assert {answer.decode() for answer in found.values()} == {"".join(f"{number}\n" for number in range(40_000))}


def test_records_that_go_one_by_one_are_answered_alike(transforms: Transforms) -> None:
    transforms.put("single/a.csv", "\n" + rows(50) + "\n" + rows(50, seed=9).rstrip())
    together = transforms.run("together", "single/a.csv")
    alone = transforms.run("alone", "single/a.csv", BatchStrategy="SingleRecord")
    numbers = [np.loadtxt(found["a.csv.out"].decode().splitlines(), delimiter=",") for found in (together, alone)]
    assert numbers[0].shape == (100, 2)
    np.testing.assert_allclose(*numbers)


def test_an_object_that_is_not_split_is_one_request(transforms: Transforms) -> None:
    transforms.put("whole/a.csv", rows(4))
    found = transforms.run(
        "whole", "whole/", {"SplitType": "None"}, {"Accept": "application/json", "AssembleWith": "Line"}
    )
    assert found["a.csv.out"].endswith(b"}]}\n")
    assert len(json.loads(found["a.csv.out"])["predictions"]) == 4


def test_recordio_goes_in_and_out(transforms: Transforms) -> None:
    features = np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32)
    transforms.put("records/matrix_0.pbr", recordio.encode({"values": features}, {}))
    kind = "application/x-recordio-protobuf"
    source = {"ContentType": kind, "SplitType": "RecordIO"}
    together = transforms.run("records", "records/", source, {"Accept": kind})
    alone = transforms.run("record", "records/", source, {"Accept": kind}, BatchStrategy="SingleRecord")
    assert together["matrix_0.pbr.out"].count(b"predicted_label") == 300
    assert alone["matrix_0.pbr.out"].count(b"predicted_label") == 300


def test_gzipped_objects_are_unpacked(transforms: Transforms) -> None:
    transforms.put("packed/a.csv.gz", gzip.compress(rows(20).encode()) + gzip.compress(rows(5).encode()))
    found = transforms.run("packed", "packed/", {"CompressionType": "Gzip"})
    assert found["a.csv.gz.out"].count(b"\n") == 25


def test_a_manifest_names_the_objects(transforms: Transforms) -> None:
    for key in ("listed/x.csv", "listed/y/z.csv", "listed/other.csv"):
        transforms.put(key, rows(2))
    manifest = [{"prefix": f"s3://{transforms.road.bucket}/listed/"}, "x.csv", "y/z.csv"]
    transforms.put("a.manifest", json.dumps(manifest))
    found = transforms.run("listed", "a.manifest", kind="ManifestFile")
    assert list(found) == ["x.csv.out", "y/z.csv.out"]


def test_json_lines_are_filtered_and_joined(transforms: Transforms) -> None:
    records = [{"id": number, "features": [0.1 * number, 1, 2, 3]} for number in range(10)]
    transforms.put("lines/a.jsonl", "".join(json.dumps(record) + "\n" for record in records))
    kind = "application/jsonlines"
    processing = {"InputFilter": "$.features", "JoinSource": "Input", "OutputFilter": "$['id','SageMakerOutput']"}
    found = transforms.run("lines", "lines/", {"ContentType": kind}, {"Accept": kind}, DataProcessing=processing)
    joined = [json.loads(line) for line in found["a.jsonl.out"].splitlines()]
    assert [record["id"] for record in joined] == list(range(10))
    assert all(set(record["SageMakerOutput"]) == {"score", "predicted_label"} for record in joined)


def test_an_output_below_the_input_is_not_read_again(transforms: Transforms) -> None:
    transforms.put("out/within/a.csv", rows(2))
    job = transforms.ended(transforms.start("within", "out/within/"))
    assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
    assert sorted(transforms.outputs("within")) == ["a.csv", "a.csv.out"]


@pytest.mark.parametrize("strategy", ["MultiRecord", "SingleRecord"])
def test_a_bad_record_fails_the_job_by_its_line_and_the_other_objects_are_done(
    transforms: Transforms, strategy: str
) -> None:
    prefix = f"bad-{strategy}"
    transforms.put(f"{prefix}/a.csv", rows(99) + "\n1,2,three,4\n" + rows(99))
    transforms.put(f"{prefix}/b.csv", rows(3))
    name = transforms.start(prefix, f"{prefix}/", BatchStrategy=strategy)
    job = transforms.ended(name)
    assert job["TransformJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: Bad HTTP status received from algorithm: 400. ")
    assert f"s3://{transforms.road.bucket}/{prefix}/a.csv, line 101: " in job["FailureReason"]
    assert "'three' is not a number" in job["FailureReason"]
    assert list(transforms.outputs(prefix)) == ["b.csv.out"]
    assert any("line 101" in line for line in log_lines(transforms, name))


def log_lines(transforms: Transforms, job: str) -> list[str]:
    group = "/aws/sagemaker/TransformJobs"
    streams = transforms.logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{job}/")["logStreams"]
    pages = [transforms.logs.get_log_events(logGroupName=group, logStreamName=one["logStreamName"]) for one in streams]
    return [event["message"] for page in pages for event in page["events"]]


def test_a_row_that_cannot_be_filtered_fails_the_job_by_its_line(transforms: Transforms) -> None:
    transforms.put("short/a.csv", "x,1,2,3,4\nx\n")
    job = transforms.ended(transforms.start("short", "short/", DataProcessing={"InputFilter": "$[1]"}))
    assert job["TransformJobStatus"] == "Failed"
    assert "a.csv, line 2: '$[1]' looks for element 1 of 1." in job["FailureReason"]


def test_an_object_larger_than_a_request_fails_the_job(transforms: Transforms) -> None:
    transforms.put("large/a.csv", rows(40_000))
    job = transforms.ended(transforms.start("large", "large/", {"SplitType": "None"}, MaxPayloadInMB=1))
    assert job["TransformJobStatus"] == "Failed"
    assert "larger than the 1 MB" in job["FailureReason"]
    assert transforms.outputs("large") == {}


def test_what_the_model_cannot_read_or_give_fails_the_job(transforms: Transforms) -> None:
    transforms.put("odd/a.csv", rows(2))
    job = transforms.ended(transforms.start("odd", "odd/", {"ContentType": "image/png"}))
    assert job["TransformJobStatus"] == "Failed"
    assert "415" in job["FailureReason"]
    assert "image/png" in job["FailureReason"]


def test_nothing_to_read_and_nowhere_to_write_fail_the_job(transforms: Transforms) -> None:
    job = transforms.ended(transforms.start("nothing", "nothing/"))
    assert job["TransformJobStatus"] == "Failed"
    assert "No S3 objects found" in job["FailureReason"]
    transforms.put("some/a.csv", rows(2))
    job = transforms.ended(transforms.start("nowhere", "some/", output={"S3OutputPath": "s3://no-such-bucket/x"}))
    assert job["TransformJobStatus"] == "Failed"
    assert "no-such-bucket" in job["FailureReason"]


def test_a_job_can_be_stopped_and_leaves_no_part_of_an_object(transforms: Transforms) -> None:
    transforms.put("stopped/a.csv", rows(SLOW))
    name = transforms.start("stopped", "stopped/", BatchStrategy="SingleRecord")
    while "TransformStartTime" not in transforms.road.sagemaker.describe_transform_job(TransformJobName=name):
        pass
    transforms.road.sagemaker.stop_transform_job(TransformJobName=name)
    job = transforms.ended(name)
    assert job["TransformJobStatus"] == "Stopped"
    assert "FailureReason" not in job
    assert transforms.outputs("stopped") == {}
    transforms.road.sagemaker.stop_transform_job(TransformJobName=name)


def test_jobs_are_listed_newest_first_and_by_status(transforms: Transforms) -> None:
    transforms.put("one/a.csv", rows(1))
    names = [transforms.start(f"listing-{number}", "one/") for number in range(3)]
    for name in names:
        transforms.ended(name)
    listed = transforms.road.sagemaker.list_transform_jobs(NameContains=f"{transforms.road.prefix}-listing")
    assert [job["TransformJobName"] for job in listed["TransformJobSummaries"]] == names[::-1]
    assert all("TransformEndTime" in job for job in listed["TransformJobSummaries"])
    failed = transforms.road.sagemaker.list_transform_jobs(
        NameContains=f"{transforms.road.prefix}-listing", StatusEquals="Failed"
    )
    assert failed["TransformJobSummaries"] == []


def test_names_are_unique_and_what_is_absent_is_said_in_aws_words(transforms: Transforms) -> None:
    transforms.put("one/a.csv", rows(1))
    sagemaker = transforms.road.sagemaker
    transforms.ended(transforms.start("twice", "one/"))
    with pytest.raises(sagemaker.exceptions.ResourceInUse, match="already exists"):
        transforms.start("twice", "one/")
    with pytest.raises(ClientError, match=r"ValidationException.*Could not find model"):
        transforms.start("modelless", "one/", ModelName="absent")
    for operation in (sagemaker.describe_transform_job, sagemaker.stop_transform_job):
        with pytest.raises(ClientError, match=r"ValidationException.*Requested resource not found"):
            operation(TransformJobName="absent")


def test_what_is_not_served_answers_501_by_name(transforms: Transforms) -> None:
    for source, more in (
        ({"SplitType": "TFRecord"}, {}),
        ({}, {"DataCaptureConfig": {"DestinationS3Uri": "s3://b/c"}}),
    ):
        with pytest.raises(ClientError, match=r"TFRecord|DataCaptureConfig") as refusal:
            transforms.start("unserved", "one/", source, **more)
        assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_the_model_may_be_deleted_once_the_job_is_made_and_tags_are_kept(transforms: Transforms) -> None:
    transforms.put("one/a.csv", rows(1))
    model = transforms.road.model("short-lived", transforms.job)
    name = transforms.start("kept", "one/", ModelName=model, Tags=[{"Key": "team", "Value": "fraud"}])
    transforms.road.sagemaker.delete_model(ModelName=model)
    job = transforms.ended(name)
    assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
    tags = transforms.road.sagemaker.list_tags(ResourceArn=job["TransformJobArn"])["Tags"]
    assert tags == [{"Key": "team", "Value": "fraud"}]


def test_a_model_that_does_not_load_fails_the_job(transforms: Transforms) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        tar.addfile(tarfile.TarInfo("nothing-of-use"))
    transforms.put("broken/model.tar.gz", packed.getvalue())
    transforms.put("one/a.csv", rows(1))
    artifacts = {"S3ModelArtifacts": f"s3://{transforms.road.bucket}/broken/model.tar.gz"}
    model = transforms.road.model("broken", {"ModelArtifacts": artifacts})
    job = transforms.ended(transforms.start("broken", "one/", ModelName=model))
    assert job["TransformJobStatus"] == "Failed"
    assert "could not be loaded" in job["FailureReason"]


def test_a_job_goes_on_where_a_killed_server_left_it(fresh_server: Any) -> None:
    transforms = Transforms(fresh_server)
    for number in range(40):
        transforms.put(f"killed/{number:02}.csv", rows(500, seed=number))
    name = transforms.start("killed", "killed/", BatchStrategy="SingleRecord")
    while not transforms.outputs("killed"):
        pass
    fresh_server.kill()
    fresh_server.start()
    job = transforms.ended(name)
    assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
    after = transforms.outputs("killed")
    assert sorted(after) == [f"{number:02}.csv.out" for number in range(40)]
    assert all(transforms.read(f"out/killed/{key}").count(b"\n") == 500 for key in after)
    assert not list((Path(fresh_server.data) / "jobs").glob("tr-*"))


def test_a_worker_that_is_killed_is_replaced_and_asked_again(fresh_server: Any) -> None:
    transforms = Transforms(fresh_server)
    transforms.put("replaced/a.csv", rows(2_000))
    name = transforms.start("replaced", "replaced/", BatchStrategy="SingleRecord")
    while not (shims := list((Path(fresh_server.data) / "jobs").glob("tr-*/run/shim.json"))):
        pass
    os.kill(json.loads(shims[0].read_text())["pid"], signal.SIGKILL)
    job = transforms.ended(name)
    assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
    assert transforms.read("out/replaced/a.csv.out").count(b"\n") == 2_000


def test_objects_that_were_finished_before_a_kill_are_not_done_again(fresh_server: Any) -> None:
    transforms = Transforms(fresh_server)
    transforms.put("redone/a.csv", rows(2))
    transforms.put("redone/b.csv", rows(4_000))
    name = transforms.start("redone", "redone/", BatchStrategy="SingleRecord", MaxConcurrentTransforms=2)
    while not transforms.outputs("redone"):
        pass
    transforms.put("redone/a.csv", "this line,would fail\n")
    fresh_server.kill()
    fresh_server.start()
    job = transforms.ended(name)
    assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
    assert sorted(transforms.outputs("redone")) == ["a.csv.out", "b.csv.out"]
