"""What CreateHyperParameterTuningJob refuses: nothing comes of it, and the message names what is wrong."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.clients.tuning import HEIGHT, Tuning, X


@pytest.fixture(scope="module")
def tuning(server: Any) -> Tuning:
    return Tuning(server)


@pytest.fixture(scope="module")
def script(tuning: Tuning) -> dict[str, Any]:
    return tuning.definition("refused")


ACCURACY = ("Maximize", "validation:binary_classification_accuracy")
RATE = {"ContinuousParameterRanges": [{"Name": "learning_rate", "MinValue": "0.001", "MaxValue": "0.1"}]}


def refused(
    tuning: Tuning, config: dict[str, Any], definition: dict[str, Any] | None, words: str, **members: Any
) -> None:
    with pytest.raises(ClientError) as seen:
        tuning.create("refused", config, definition, **members)
    assert words in str(seen.value), seen.value
    found = tuning.sagemaker.list_hyper_parameter_tuning_jobs(NameContains=tuning.name("refused"))
    assert found["HyperParameterTuningJobSummaries"] == []


def ranged(kind: str, name: str, low: str, high: str, **more: str) -> dict[str, Any]:
    return {f"{kind}ParameterRanges": [{"Name": name, "MinValue": low, "MaxValue": high, **more}]}


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"objective": ("Maximize", "validation:luck")}, "[validation:luck], isn't valid for the"),
        ({"objective": ("Minimize", ACCURACY[1])}, "The objective metric type, [Minimize]"),
        ({"ranges": ranged("Continuous", "luck", "0", "1")}, "[luck]"),
        ({"ranges": ranged("Continuous", "beta_1", "0.1", "0.9")}, "isn't tunable"),
        ({"ranges": ranged("Integer", "epochs", "1", "9")}, "isn't tunable"),
        ({"ranges": ranged("Continuous", "learning_rate", "0.5", "0.1")}, "[0.5]"),
        ({"ranges": ranged("Continuous", "learning_rate", "-1", "0.1")}, "[-1]"),
        ({"ranges": ranged("Continuous", "learning_rate", "low", "0.1")}, "not a number"),
        ({"ranges": ranged("Continuous", "l1", "0", "0.1", ScalingType="Logarithmic")}, "Logarithmic scaling"),
        ({"ranges": ranged("Integer", "learning_rate", "1", "2")}, "wrong type of range"),
        ({"objective": None}, "HyperParameterTuningJobObjective is missing"),
        ({"jobs": None}, "MaxNumberOfTrainingJobs is missing"),
        ({"jobs": 751}, "is 750, and 751"),
        ({"parallel": 101}, "is 100, and 101"),
        ({"strategy": "Grid"}, "Only categorical"),
    ],
)
def test_a_configuration_that_an_algorithm_cannot_follow(tuning: Tuning, config: dict[str, Any], words: str) -> None:
    asked = {"objective": ACCURACY, "ranges": RATE} | config
    refused(tuning, tuning.config(**asked), tuning.learner(), words)


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"StaticHyperParameters": {"epochs": "2"}}, "'predictor_type' is missing"),
        ({"StaticHyperParameters": {"predictor_type": "oracle"}}, "'predictor_type' is 'oracle'"),
        ({"StaticHyperParameters": {"predictor_type": "regressor", "luck": "1"}}, "Unknown hyperparameter 'luck'"),
        ({"StaticHyperParameters": {"predictor_type": "regressor", "learning_rate": "1"}}, "both tuned and static"),
        ({"ResourceConfig": {}}, "either ResourceConfig or HyperParameterTuningResourceConfig"),
        ({"OutputDataConfig": {"S3OutputPath": "https://example.com/x"}}, "is not an S3 URI"),
    ],
)
def test_a_definition_of_which_no_training_job_could_come(tuning: Tuning, members: dict[str, Any], words: str) -> None:
    definition = {name: value for name, value in (tuning.learner() | members).items() if value}
    refused(tuning, tuning.config(objective=ACCURACY, ranges=RATE), definition, words)


def test_metrics_of_ones_own_for_a_built_in_algorithm(tuning: Tuning) -> None:
    definition = tuning.learner()
    definition["AlgorithmSpecification"] |= {"MetricDefinitions": [HEIGHT]}
    config = tuning.config(objective=ACCURACY, ranges=RATE)
    refused(tuning, config, definition, "You can't override the metric definitions for Amazon SageMaker algorithms.")


def test_a_channel_that_holds_nothing(tuning: Tuning) -> None:
    definition = tuning.learner(InputDataConfig=[tuning.road.channel("train", "nowhere/")])
    refused(tuning, tuning.config(objective=ACCURACY, ranges=RATE), definition, "nowhere/")


def test_a_script_whose_objective_no_metric_definition_finds(tuning: Tuning, script: dict[str, Any]) -> None:
    words = "A metric is required for this hyperparameter tuning job objective."
    refused(tuning, tuning.config(objective=("Maximize", "width")), script, words)


def test_a_regular_expression_that_is_none(tuning: Tuning, script: dict[str, Any]) -> None:
    broken = {**script["AlgorithmSpecification"], "MetricDefinitions": [{"Name": "height", "Regex": "height=("}]}
    refused(tuning, tuning.config(), script | {"AlgorithmSpecification": broken}, "invalid regular expression")


def test_fewer_combinations_than_training_jobs(tuning: Tuning, script: dict[str, Any]) -> None:
    ranges = {"CategoricalParameterRanges": [{"Name": "x", "Values": ["0", "1", "2"]}]}
    words = (
        "combinations for the provided ranges [3.0] must be equal or greater than the value of MaxNumberOfJobs, [10]"
    )
    refused(tuning, tuning.config(jobs=10, ranges=ranges), script, words)


def test_no_definition_both_kinds_and_several_that_are_not_whole(tuning: Tuning, script: dict[str, Any]) -> None:
    objective = {"Type": "Maximize", "MetricName": "height"}
    whole = script | {"DefinitionName": "one", "TuningObjective": objective, "HyperParameterRanges": X}
    config = tuning.config(objective=None, ranges=None)
    refused(tuning, config, None, "either TrainingJobDefinition or TrainingJobDefinitions")
    refused(tuning, config, script, "either TrainingJobDefinition or", TrainingJobDefinitions=[whole])
    refused(tuning, config, None, "must have a DefinitionName", TrainingJobDefinitions=[script])
    refused(tuning, config, None, "two training job definitions named 'one'", TrainingJobDefinitions=[whole, whole])
    refused(tuning, tuning.config(ranges=None), None, "cannot be used with", TrainingJobDefinitions=[whole])


def test_a_parent_that_is_not_there(tuning: Tuning, script: dict[str, Any]) -> None:
    warm = {
        "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": "nobody"}],
        "WarmStartType": "TransferLearning",
    }
    refused(tuning, tuning.config(), script, "'nobody' could not be found", WarmStartConfig=warm)


def test_a_name_that_is_taken_or_too_long(tuning: Tuning, script: dict[str, Any]) -> None:
    job = tuning.create("twice", tuning.config(jobs=1), script)
    with pytest.raises(ClientError, match=r"ResourceInUse.*already exists"):
        tuning.create("twice", tuning.config(jobs=1), script)
    tuning.ended(job)
    with pytest.raises(ClientError, match=r"ValidationException.*32"):
        tuning.create("x" * 33, tuning.config(jobs=1), script)


def test_a_tuning_job_that_nobody_made(tuning: Tuning) -> None:
    for ask in (
        tuning.sagemaker.describe_hyper_parameter_tuning_job,
        tuning.sagemaker.stop_hyper_parameter_tuning_job,
        tuning.sagemaker.list_training_jobs_for_hyper_parameter_tuning_job,
        tuning.sagemaker.delete_hyper_parameter_tuning_job,
    ):
        with pytest.raises(ClientError, match="can't find a tuning job with the name nobody"):
            ask(HyperParameterTuningJobName="nobody")
