"""A boto3 program written against AWS's documentation: it trains, deploys and invokes linear-learner."""

from __future__ import annotations

import io
import json
import tarfile
from typing import Any

import pytest

from tests.clients.road import IMAGE, ROLE, Road, claims_csv, wait_for_job


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
    road.sagemaker.get_waiter("training_job_completed_or_stopped")
    road.sagemaker.stop_training_job(TrainingJobName=name)
    job = wait_for_job(road.sagemaker, name)
    assert job["TrainingJobStatus"] == "Stopped"
    assert job["SecondaryStatus"] == "Stopped"


def test_a_job_over_its_time_limit_ends_as_max_runtime_exceeded(server: Any) -> None:
    road = Road(server)
    name = road.start("limited", hyperparameters={"epochs": "100000", "early_stopping_patience": "100000"}, limit=1)
    job = wait_for_job(road.sagemaker, name)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")


def test_an_endpoint_moves_to_another_configuration_and_answers_all_the_while(server: Any) -> None:
    road = Road(server)
    name = road.deploy(road.train_once(), "moving")
    row = claims_csv(1, seed=3, label=False)
    config = road.config("moving-2", road.model("moving-2", road.train_once()), weight=2.0)
    road.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config)
    answers = 0
    while road.sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "Updating":
        road.runtime.invoke_endpoint(EndpointName=name, ContentType="text/csv", Body=row)
        answers += 1
    shown = road.sagemaker.describe_endpoint(EndpointName=name)
    assert (shown["EndpointStatus"], shown["EndpointConfigName"]) == ("InService", config)
    assert shown["ProductionVariants"][0]["CurrentWeight"] == 2.0
    road.runtime.invoke_endpoint(EndpointName=name, ContentType="text/csv", Body=row)
    road.delete(name)


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
    with pytest.raises(sagemaker.exceptions.ClientError, match="ListNotebookInstances") as refusal:
        sagemaker.list_notebook_instances()
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_the_constants_of_the_road_are_those_of_the_sdk() -> None:
    assert IMAGE == "382416733822.dkr.ecr.us-east-1.amazonaws.com/linear-learner:1"
    assert ROLE.startswith("arn:aws:iam::")
