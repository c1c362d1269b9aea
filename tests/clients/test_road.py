"""A boto3 program written against AWS's documentation: it trains, deploys and invokes linear-learner."""

from __future__ import annotations

import io
import json
import tarfile
import threading
from itertools import groupby
from typing import Any

import pytest
from botocore.config import Config

from tests.clients.road import Road, claims_csv, until, wait_for_job, wait_until_training


def test_a_training_job_goes_the_whole_road_to_predictions(server: Any) -> None:
    road = Road(server)
    job = road.train("road")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert [step["Status"] for step in job["SecondaryStatusTransitions"]] == [
        "Starting",
        "Downloading",
        "Training",
        "Uploading",
        "Completed",
    ]
    assert all(step["StatusMessage"] for step in job["SecondaryStatusTransitions"])
    assert job["TrainingTimeInSeconds"] >= 1
    assert job["BillableTimeInSeconds"] >= 1
    metrics = {metric["MetricName"]: metric["Value"] for metric in job["FinalMetricDataList"]}
    assert metrics["validation:binary_classification_accuracy"] > 0.8
    name = road.deploy(job, "road")
    answer = road.runtime.invoke_endpoint(
        EndpointName=name, ContentType="text/csv", Accept="application/json", Body=claims_csv(20, seed=9, label=False)
    )
    assert answer["InvokedProductionVariant"] == "AllTraffic"
    predictions = json.loads(answer["Body"].read())["predictions"]
    assert len(predictions) == 20
    assert all(0 <= item["score"] <= 1 and item["predicted_label"] in (0, 1) for item in predictions)
    road.delete(name)


def test_the_artifact_is_a_gzipped_tar_in_the_output_path(server: Any) -> None:
    road = Road(server)
    job = road.train("artifact")
    uri = job["ModelArtifacts"]["S3ModelArtifacts"]
    assert uri == f"s3://{road.bucket}/output/{job['TrainingJobName']}/output/model.tar.gz"
    body = road.s3.get_object(Bucket=road.bucket, Key=uri.split("/", 3)[3])["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body), mode="r:gz") as tar:
        assert tar.getnames()


def test_the_artifact_holds_the_evaluation_that_the_log_sums_up(server: Any) -> None:
    road = Road(server)
    job = road.train("evaluated")
    bucket, key = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://").split("/", 1)
    body = road.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        member = tar.extractfile("evaluation.json")
        assert member is not None
        found = json.load(member)
    assert (found["schema"], found["problem"]) == ("potager.evaluation", "binary")
    final = {one["MetricName"]: one["Value"] for one in job["FinalMetricDataList"]}
    accuracy = found["channels"]["train"]["metrics"]["accuracy"]
    assert final["train:binary_classification_accuracy"] == pytest.approx(accuracy)
    assert found["channels"]["train"]["baselines"]["prior"]["accuracy"] < accuracy
    assert found["verdict"]["reason"]


def test_the_log_of_a_job_is_in_cloudwatch(server: Any) -> None:
    road = Road(server)
    job = road.train("logged")
    logs = server.client("logs")
    streams = logs.describe_log_streams(
        logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=job["TrainingJobName"] + "/"
    )["logStreams"]
    assert len(streams) == 1
    page = logs.get_log_events(
        logGroupName="/aws/sagemaker/TrainingJobs", logStreamName=streams[0]["logStreamName"], startFromHead=True
    )
    assert any("#quality_metric" in event["message"] for event in page["events"])
    again = logs.get_log_events(
        logGroupName="/aws/sagemaker/TrainingJobs",
        logStreamName=streams[0]["logStreamName"],
        nextToken=page["nextForwardToken"],
    )
    assert again["events"] == []
    assert again["nextForwardToken"] == page["nextForwardToken"]


def test_the_log_of_an_unknown_group_is_not_found(server: Any) -> None:
    logs = server.client("logs")
    with pytest.raises(logs.exceptions.ResourceNotFoundException):
        logs.describe_log_streams(logGroupName="/aws/sagemaker/Nothing")


def test_jobs_are_listed_with_filters_and_pages(server: Any) -> None:
    road = Road(server)
    names = [road.train(f"listed-{number}")["TrainingJobName"] for number in range(3)]
    sagemaker = road.sagemaker
    pages = sagemaker.get_paginator("list_training_jobs").paginate(
        NameContains=road.prefix, SortBy="Name", SortOrder="Descending", PaginationConfig={"PageSize": 2}
    )
    found = [job["TrainingJobName"] for page in pages for job in page["TrainingJobSummaries"]]
    assert found == sorted(names, reverse=True)
    failed = sagemaker.list_training_jobs(NameContains=road.prefix, StatusEquals="Failed")
    assert failed["TrainingJobSummaries"] == []


def test_a_page_token_serves_only_the_listing_that_gave_it(server: Any) -> None:
    road = Road(server)
    for number in range(2):
        road.model(f"token-{number}", road.train_once())
    page = road.sagemaker.list_models(NameContains=road.prefix, MaxResults=1)
    with pytest.raises(road.sagemaker.exceptions.ClientError, match="ValidationException"):
        road.sagemaker.list_models(NameContains="other", MaxResults=1, NextToken=page["NextToken"])


def test_regions_keep_their_resources_apart(server: Any) -> None:
    road = Road(server)
    name = road.model("regional", road.train_once())
    elsewhere = server.client("sagemaker", region_name="eu-west-3")
    with pytest.raises(elsewhere.exceptions.ClientError, match="Could not find model"):
        elsewhere.describe_model(ModelName=name)
    assert ":us-east-1:" in road.sagemaker.describe_model(ModelName=name)["ModelArn"]


def test_a_running_job_can_be_stopped(server: Any) -> None:
    road = Road(server)
    name = road.start("stopped", hyperparameters={"epochs": "100000", "early_stopping_patience": "100000"})
    wait_until_training(road.sagemaker, name)
    road.sagemaker.stop_training_job(TrainingJobName=name)
    job = wait_for_job(road.sagemaker, name)
    assert job["TrainingJobStatus"] == "Stopped"
    assert job["SecondaryStatus"] == "Stopped"
    steps = [step["Status"] for step in job["SecondaryStatusTransitions"]]
    assert steps.index("Training") < steps.index("Stopping") < steps.index("Stopped")


def test_a_job_over_its_time_limit_ends_as_max_runtime_exceeded(server: Any) -> None:
    road = Road(server)
    name = road.start("limited", hyperparameters={"epochs": "100000", "early_stopping_patience": "100000"}, limit=1)
    job = wait_for_job(road.sagemaker, name)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")


def test_an_endpoint_moves_to_another_configuration_and_answers_all_the_while(server: Any) -> None:
    road = Road(server)
    name = road.deploy(road.train_once(), "moving")
    config = f"{road.prefix}-moving-2"
    second = {"VariantName": "Second", "ModelName": road.model("moving-2", road.train_once())}
    more = {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1, "InitialVariantWeight": 2.0}
    road.sagemaker.create_endpoint_config(EndpointConfigName=config, ProductionVariants=[second | more])
    with Invoking(server, name) as invoking:
        invoking.wait_for_answer_of("AllTraffic")
        road.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config)
        road.wait_in_service(name)
        invoking.wait_for_answer_of("Second")
    assert invoking.failures == []
    assert [variant for variant, _ in groupby(invoking.answered)] == ["AllTraffic", "Second"]
    shown = road.sagemaker.describe_endpoint(EndpointName=name)
    assert (shown["EndpointStatus"], shown["EndpointConfigName"]) == ("InService", config)
    assert [(each["VariantName"], each["CurrentWeight"]) for each in shown["ProductionVariants"]] == [("Second", 2.0)]
    road.delete(name)


class Invoking:
    """Invokes an endpoint, one request after the other and none sent again, until its block ends or one fails.

    Attributes
    ----------
    answered : the variant of every answer, in order.
    failures : what was raised instead of an answer.
    """

    def __init__(self, server: Any, endpoint: str) -> None:
        self._runtime = server.client("sagemaker-runtime", config=Config(retries={"total_max_attempts": 1}))
        self._ask = {"EndpointName": endpoint, "ContentType": "text/csv", "Body": claims_csv(1, seed=3, label=False)}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._invoke)
        self.answered: list[str] = []
        self.failures: list[Exception] = []

    def _invoke(self) -> None:
        while not self._over.is_set():
            try:
                answer = self._runtime.invoke_endpoint(**self._ask)
                assert answer["Body"].read()
                self.answered.append(answer["InvokedProductionVariant"])
            except Exception as error:
                self.failures.append(error)
                return

    def wait_for_answer_of(self, variant: str) -> None:
        until(lambda: self.failures or variant in self.answered[-1:], f"an answer of {variant}")

    def __enter__(self) -> Invoking:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def test_weights_and_counts_of_an_endpoint_can_be_changed(server: Any) -> None:
    road = Road(server)
    name = road.deploy(road.train_once(), "scaled")
    road.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=name, DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", "DesiredInstanceCount": 2}]
    )
    road.wait_in_service(name)
    variant = road.sagemaker.describe_endpoint(EndpointName=name)["ProductionVariants"][0]
    assert variant["CurrentInstanceCount"] == 2
    road.delete(name)


def test_tags_come_and_go(server: Any) -> None:
    road = Road(server)
    name = road.model("tagged", road.train_once(), Tags=[{"Key": "team", "Value": "fraud"}])
    arn = road.sagemaker.describe_model(ModelName=name)["ModelArn"]
    road.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "stage", "Value": "test"}])
    road.sagemaker.delete_tags(ResourceArn=arn, TagKeys=["team"])
    assert road.sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "stage", "Value": "test"}]


def test_the_caller_is_an_assumed_role_whose_role_exists(server: Any) -> None:
    arn = server.client("sts").get_caller_identity()["Arn"]
    role = arn.split("/")[1]
    assert ":assumed-role/" in arn
    assert server.client("iam").get_role(RoleName=role)["Role"]["Arn"].endswith(f":role/{role}")


def test_an_operation_that_is_not_served_says_so_by_name(server: Any) -> None:
    sagemaker = server.client("sagemaker")
    with pytest.raises(sagemaker.exceptions.ClientError, match="ListLabelingJobs") as refusal:
        sagemaker.list_labeling_jobs()
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
