"""Hyperparameter tuning jobs through boto3: what they make, what they find, how they end."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.clients.road import until
from tests.clients.tuning import HILL, Tuning, value

WAITS = """
    import signal, sys, time
    print("height=0.5;")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
    print("waits")
    while True:
        signal.pause()
"""
"""Tells its height and waits for its end."""


@pytest.fixture(scope="module")
def tuning(server: Any) -> Tuning:
    return Tuning(server)


def test_a_random_search_makes_its_training_jobs_and_names_the_best(tuning: Tuning) -> None:
    tags = [{"Key": "team", "Value": "claims"}]
    job = tuning.create("random", tuning.config(jobs=4), tuning.definition("random"), Tags=tags)
    seen = tuning.ended(job)
    assert seen["HyperParameterTuningJobStatus"] == "Completed", seen
    assert seen["TrainingJobStatusCounters"] == {
        "Completed": 4,
        "InProgress": 0,
        "RetryableError": 0,
        "NonRetryableError": 0,
        "Stopped": 0,
    }
    assert seen["ObjectiveStatusCounters"] == {"Succeeded": 4, "Pending": 0, "Failed": 0}
    assert seen["HyperParameterTuningEndTime"] >= seen["CreationTime"]
    assert seen["ConsumedResources"]["RuntimeInSeconds"] >= 0
    assert seen["HyperParameterTuningJobConfig"]["TrainingJobEarlyStoppingType"] == "Off"
    static = seen["TrainingJobDefinition"]["StaticHyperParameters"]
    assert static["_tuning_objective_metric"] == "height"
    trials = tuning.trials(job)
    assert [
        bool(re.fullmatch(rf"{job}-00{at}-[0-9a-f]{{8}}", each["TrainingJobName"])) for at, each in enumerate(trials, 1)
    ] == [True] * 4
    assert len({each["TunedHyperParameters"]["x"] for each in trials}) == 4
    for each in trials:
        assert value(each) == pytest.approx(-((float(each["TunedHyperParameters"]["x"]) - 0.3) ** 2), abs=1e-5)
    best = seen["BestTrainingJob"]
    assert value(best) == max(map(value, trials))
    assert best["FinalHyperParameterTuningJobObjectiveMetric"]["Type"] == "Maximize"
    assert (best["TuningJobName"], best["ObjectiveStatus"]) == (job, "Succeeded")
    described = tuning.sagemaker.describe_training_job(TrainingJobName=best["TrainingJobName"])
    assert described["TuningJobArn"] == seen["HyperParameterTuningJobArn"]
    assert described["HyperParameters"]["x"] == best["TunedHyperParameters"]["x"]
    assert described["HyperParameters"]["_tuning_objective_metric"] == "height"
    assert tuning.sagemaker.list_tags(ResourceArn=best["TrainingJobArn"])["Tags"] == tags


def test_training_jobs_of_a_tuning_job_are_listed_sorted_and_in_pages(tuning: Tuning) -> None:
    job = tuning.start("listed", jobs=3, parallel=3)
    tuning.ended(job)
    by_value = tuning.trials(job, SortBy="FinalObjectiveMetricValue", SortOrder="Descending")
    assert [value(each) for each in by_value] == sorted(map(value, by_value), reverse=True)
    paged = tuning.trials(job, PaginationConfig={"PageSize": 1})
    assert [each["TrainingJobName"] for each in paged] == sorted(each["TrainingJobName"] for each in by_value)
    assert tuning.trials(job, StatusEquals="Failed") == []
    listed = tuning.sagemaker.list_hyper_parameter_tuning_jobs(NameContains=job)["HyperParameterTuningJobSummaries"]
    assert [(each["HyperParameterTuningJobName"], each["Strategy"]) for each in listed] == [(job, "Random")]
    assert listed[0]["ObjectiveStatusCounters"]["Succeeded"] == 3


def test_a_grid_tries_every_combination_once(tuning: Tuning) -> None:
    ranges = {
        "CategoricalParameterRanges": [
            {"Name": "x", "Values": ["0.1", "0.3", "0.9"]},
            {"Name": "shape", "Values": ['"round"', '"flat"']},
        ]
    }
    job = tuning.start("grid", jobs=None, parallel=3, strategy="Grid", ranges=ranges)
    seen = tuning.ended(job)
    assert seen["HyperParameterTuningJobStatus"] == "Completed", seen
    tried = [tuple(each["TunedHyperParameters"].values()) for each in tuning.trials(job)]
    assert len(tried) == len(set(tried)) == 6
    assert seen["BestTrainingJob"]["TunedHyperParameters"] == {"x": "0.3", "shape": '"round"'}


def test_a_built_in_algorithm_is_tuned_for_a_metric_of_its_own(tuning: Tuning) -> None:
    ranges = {
        "ContinuousParameterRanges": [{"Name": "learning_rate", "MinValue": "0.001", "MaxValue": "0.1"}],
        "IntegerParameterRanges": [{"Name": "mini_batch_size", "MinValue": "50", "MaxValue": "200"}],
    }
    objective = ("Maximize", "validation:binary_classification_accuracy")
    config = tuning.config(jobs=3, strategy="Bayesian", objective=objective, ranges=ranges)
    seen = tuning.ended(tuning.create("learner", config, tuning.learner()))
    assert seen["HyperParameterTuningJobStatus"] == "Completed", seen
    assert value(seen["BestTrainingJob"]) > 0.8
    assert 50 <= int(seen["BestTrainingJob"]["TunedHyperParameters"]["mini_batch_size"]) <= 200


def test_never_more_training_jobs_run_than_may(tuning: Tuning) -> None:
    job = tuning.start("narrow", jobs=3, parallel=1)
    tuning.ended(job)
    spans = sorted((each["TrainingStartTime"], each["TrainingEndTime"]) for each in tuning.trials(job))
    assert all(end <= begin for (_, end), (begin, _) in itertools.pairwise(spans))


def test_a_stopped_tuning_job_stops_what_it_has_running(tuning: Tuning) -> None:
    job = tuning.start("stopped", train=WAITS, jobs=9)
    until(lambda: len(tuning.trials(job, StatusEquals="InProgress")) == 2, f"two training jobs of {job}")
    running = tuning.trials(job)[0]["TrainingJobName"]
    with pytest.raises(ClientError, match="is InProgress"):
        tuning.sagemaker.delete_hyper_parameter_tuning_job(HyperParameterTuningJobName=job)
    tuning.sagemaker.stop_training_job(TrainingJobName=running)
    until(lambda: len(tuning.trials(job)) == 3, f"a third training job of {job}")
    with pytest.raises(ClientError, match="belongs to the hyperparameter tuning job"):
        tuning.sagemaker.delete_training_job(TrainingJobName=running)
    tuning.sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=job)
    seen = tuning.ended(job)
    assert seen["HyperParameterTuningJobStatus"] == "Stopped"
    assert seen["TrainingJobStatusCounters"]["Stopped"] == 3
    assert seen["TrainingJobStatusCounters"]["InProgress"] == 0
    with pytest.raises(ClientError, match="in status Stopped"):
        tuning.sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=job)
    tuning.sagemaker.delete_training_job(TrainingJobName=running)
    tuning.sagemaker.delete_hyper_parameter_tuning_job(HyperParameterTuningJobName=job)
    with pytest.raises(ClientError, match="can't find a tuning job"):
        tuning.describe(job)


def test_a_tuning_job_fails_once_five_training_jobs_did(tuning: Tuning) -> None:
    seen = tuning.run("failing", train="raise ValueError('no such luck')", jobs=20)
    assert seen["HyperParameterTuningJobStatus"] == "Failed"
    assert seen["FailureReason"].startswith("No training job succeeded after")
    assert "no such luck" in seen["FailureReason"]
    assert 5 <= seen["TrainingJobStatusCounters"]["NonRetryableError"] <= 6
    assert "BestTrainingJob" not in seen


def test_a_tuning_job_of_programs_that_never_tell_their_metric_says_so(tuning: Tuning) -> None:
    seen = tuning.run("silent", train="print('nothing to see')", jobs=2)
    assert seen["HyperParameterTuningJobStatus"] == "Failed"
    assert "emitting the objective metric" in seen["FailureReason"]
    assert seen["ObjectiveStatusCounters"] == {"Succeeded": 0, "Pending": 0, "Failed": 2}


def test_training_jobs_that_fail_are_passed_over(tuning: Tuning) -> None:
    train = HILL + "\n    if given.x > 0.5: raise ValueError('too far')\n"
    seen = tuning.run("mixed", train=train, jobs=6)
    counted = seen["TrainingJobStatusCounters"]
    assert seen["HyperParameterTuningJobStatus"] == "Completed"
    assert counted["Completed"] + counted["NonRetryableError"] == 6
    assert counted["NonRetryableError"] > 0
    assert float(seen["BestTrainingJob"]["TunedHyperParameters"]["x"]) <= 0.5


def test_a_tuning_job_is_complete_once_its_target_is_reached(tuning: Tuning) -> None:
    criteria = {"TargetObjectiveMetricValue": -1.0}
    seen = tuning.run("target", jobs=50, parallel=1, TuningJobCompletionCriteria=criteria)
    assert seen["HyperParameterTuningJobStatus"] == "Completed"
    assert seen["TrainingJobStatusCounters"]["Completed"] == 1


def test_a_tuning_job_ends_when_its_best_does_not_improve(tuning: Tuning) -> None:
    criteria = {"BestObjectiveNotImproving": {"MaxNumberOfTrainingJobsNotImproving": 3}}
    train = "print('height=1;')"
    seen = tuning.run("level", train=train, jobs=50, parallel=1, TuningJobCompletionCriteria=criteria)
    assert seen["HyperParameterTuningJobStatus"] == "Completed"
    assert seen["TrainingJobStatusCounters"]["Completed"] == 4
    assert seen["TuningJobCompletionDetails"]["NumberOfTrainingJobsObjectiveNotImproving"] == 3


def test_several_definitions_share_a_tuning_job(tuning: Tuning) -> None:
    def defined(name: str, metric: str, ranges: dict[str, Any]) -> dict[str, Any]:
        train = HILL.replace("height=", f"{metric}=")
        made = tuning.definition(name, train)
        made["AlgorithmSpecification"]["MetricDefinitions"] = [{"Name": metric, "Regex": rf"{metric}=(\S+);"}]
        objective = {"Type": "Maximize", "MetricName": metric}
        return made | {"DefinitionName": name, "TuningObjective": objective, "HyperParameterRanges": ranges}

    low = {"ContinuousParameterRanges": [{"Name": "x", "MinValue": "0.25", "MaxValue": "0.35"}]}
    high = {"ContinuousParameterRanges": [{"Name": "x", "MinValue": "2", "MaxValue": "3"}]}
    config = tuning.config(jobs=4, objective=None, ranges=None)
    several = [defined("near", "up", low), defined("far", "top", high)]
    job = tuning.create("several", config, None, TrainingJobDefinitions=several)
    seen = tuning.ended(job)
    assert seen["HyperParameterTuningJobStatus"] == "Completed", seen
    names = [each["TrainingJobDefinitionName"] for each in tuning.trials(job)]
    assert sorted(names) == ["far", "far", "near", "near"]
    assert seen["BestTrainingJob"]["TrainingJobDefinitionName"] == "near"
    statics = [each["StaticHyperParameters"]["_tuning_objective_metric"] for each in seen["TrainingJobDefinitions"]]
    assert statics == ["up", "top"]


def test_a_warm_start_knows_what_its_parents_found(tuning: Tuning) -> None:
    parent = tuning.start("parent", jobs=3, parallel=3)
    old = tuning.ended(parent)
    definition = old["TrainingJobDefinition"]
    warm = {"ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": parent}]}
    config = tuning.config(
        jobs=1, ranges={"ContinuousParameterRanges": [{"Name": "x", "MinValue": "5", "MaxValue": "6"}]}
    )
    identical = warm | {"WarmStartType": "IdenticalDataAndAlgorithm"}
    seen = tuning.ended(tuning.create("child", config, definition, WarmStartConfig=identical))
    assert seen["HyperParameterTuningJobStatus"] == "Completed", seen
    assert seen["BestTrainingJob"]["TuningJobName"] == tuning.name("child")
    assert seen["OverallBestTrainingJob"]["TrainingJobName"] == old["BestTrainingJob"]["TrainingJobName"]
    assert seen["OverallBestTrainingJob"]["TuningJobName"] == parent
    transfer = warm | {"WarmStartType": "TransferLearning"}
    seen = tuning.ended(tuning.create("cousin", config, definition, WarmStartConfig=transfer))
    assert seen["HyperParameterTuningJobStatus"] == "Completed", seen
    assert "OverallBestTrainingJob" not in seen
    other = tuning.config(jobs=1, objective=("Minimize", "height"))
    with pytest.raises(ClientError, match="objective metric must be the same"):
        tuning.create("stranger", other, definition, WarmStartConfig=identical)


STEPS = """
    import argparse, signal, sys, time
    parser = argparse.ArgumentParser()
    parser.add_argument("-x", type=float)
    given, _ = parser.parse_known_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
    for step in range(1, 10):
        print("height=%.6f;" % (given.x * step))
    if given.x < 0.5:
        while True:
            signal.pause()
"""
"""Tells its height nine times, the higher the greater x; where x is small it then waits for its end."""

ALL = {"CategoricalParameterRanges": [{"Name": "x", "Values": ["0.9", "0.8", "0.7", "0.6", "0.1"]}]}


def test_a_training_job_that_falls_behind_is_stopped_early(tuning: Tuning) -> None:
    config: dict[str, Any] = {"strategy": "Grid", "ranges": ALL, "jobs": None, "parallel": 1}
    seen = tuning.run("early", train=STEPS, TrainingJobEarlyStoppingType="Auto", **config)
    assert seen["HyperParameterTuningJobStatus"] == "Completed", seen
    assert seen["TrainingJobStatusCounters"]["Stopped"] == 1
    assert seen["ObjectiveStatusCounters"]["Succeeded"] == 5
    stopped = tuning.trials(tuning.name("early"), StatusEquals="Stopped")
    assert [each["TunedHyperParameters"]["x"] for each in stopped] == ["0.1"]


def test_hyperband_stops_what_it_does_not_promote(tuning: Tuning) -> None:
    waits = STEPS.replace("given.x < 0.5", "True")
    hyperband = {"HyperbandStrategyConfig": {"MinResource": 1, "MaxResource": 8}}
    seen = tuning.run("hyperband", train=waits, strategy="Hyperband", jobs=4, StrategyConfig=hyperband)
    assert seen["HyperParameterTuningJobStatus"] == "Completed", seen
    assert seen["TrainingJobStatusCounters"]["Stopped"] == 4
    assert seen["ObjectiveStatusCounters"]["Succeeded"] == 4


def test_autotune_chooses_what_is_left_open(tuning: Tuning) -> None:
    objective = ("Maximize", "validation:binary_classification_accuracy")
    config = tuning.config(jobs=2, objective=objective, ranges=None)
    job = tuning.create("auto", config, tuning.learner(), Autotune={"Mode": "Enabled"})
    seen = tuning.ended(job)
    assert seen["HyperParameterTuningJobStatus"] == "Completed", seen
    assert seen["Autotune"] == {"Mode": "Enabled"}
    assert seen["HyperParameterTuningJobConfig"]["TrainingJobEarlyStoppingType"] == "Auto"
    assert "learning_rate" in seen["BestTrainingJob"]["TunedHyperParameters"]


def test_training_jobs_have_what_their_definition_says(tuning: Tuning) -> None:
    train = HILL + "\n    import os\n    print(os.environ['GREETING'], os.nice(0))\n"
    bucket = f"s3://{tuning.road.bucket}"
    members: dict[str, Any] = {
        "Environment": {"GREETING": "hello"},
        "CheckpointConfig": {"S3Uri": f"{bucket}/checkpoints/"},
        "EnableManagedSpotTraining": True,
        "StoppingCondition": {"MaxRuntimeInSeconds": 300, "MaxWaitTimeInSeconds": 600},
        "RetryStrategy": {"MaximumRetryAttempts": 2},
        "HyperParameterTuningResourceConfig": {
            "AllocationStrategy": "Prioritized",
            "InstanceConfigs": [
                {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 4},
                {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 4},
            ],
        },
    }
    definition = tuning.definition("members", train, **members)
    del definition["ResourceConfig"]
    job = tuning.create("members", tuning.config(jobs=1), definition)
    seen = tuning.ended(job)
    assert seen["HyperParameterTuningJobStatus"] == "Completed", seen
    assert seen["TrainingJobDefinition"]["EnableManagedSpotTraining"] is True
    name = seen["BestTrainingJob"]["TrainingJobName"]
    made = tuning.sagemaker.describe_training_job(TrainingJobName=name)
    assert made["CheckpointConfig"]["S3Uri"] == f"{bucket}/checkpoints/{name}"
    assert made["ResourceConfig"]["InstanceType"] == "ml.m5.large"
    assert made["ResourceConfig"]["VolumeSizeInGB"] == 4
    assert (made["EnableManagedSpotTraining"], made["RetryStrategy"]) == (True, {"MaximumRetryAttempts": 2})
    assert "hello 10" in tuning.scripts.lines(made)
