"""Tuning jobs as boto3 asks for them: of a quick script, whose metric a regular expression finds, or of an image."""

from __future__ import annotations

import json
from typing import Any

from tests.clients.road import IMAGE, ROLE, Road, until
from tests.clients.scripts import PYTHON, Scripts

HILL = """
    import argparse, os
    parser = argparse.ArgumentParser()
    parser.add_argument("-x", type=float, default=0.0)
    parser.add_argument("--shape", default="round")
    given, _ = parser.parse_known_args()
    print("height=%.6f;" % (-(given.x - 0.3) ** 2 - (given.shape == "flat")))
    open(os.environ["SM_MODEL_DIR"] + "/x.txt", "w").write(str(given.x))
"""
"""Highest at x = 0.3, and where the shape is round."""

HEIGHT = {"Name": "height", "Regex": r"height=(\S+);"}
X = {"ContinuousParameterRanges": [{"Name": "x", "MinValue": "0", "MaxValue": "1", "ScalingType": "Linear"}]}


class Tuning:
    """A road on which tuning jobs run."""

    def __init__(self, server: Any) -> None:
        self.scripts = Scripts(server)
        self.road: Road = self.scripts.road
        self.sagemaker = self.road.sagemaker

    def name(self, name: str) -> str:
        return f"{self.road.prefix}-{name}"

    def definition(self, name: str, train: str = HILL, **members: Any) -> dict[str, Any]:
        """A training job definition that runs a script."""
        static = {
            "sagemaker_program": json.dumps("train.py"),
            "sagemaker_submit_directory": json.dumps(self.scripts.source(name, {"train.py": train})),
            **members.pop("static", {}),
        }
        return {
            "AlgorithmSpecification": {
                "TrainingImage": PYTHON,
                "TrainingInputMode": "File",
                "MetricDefinitions": [HEIGHT],
            },
            "RoleArn": ROLE,
            "OutputDataConfig": {"S3OutputPath": f"s3://{self.road.bucket}/output"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
            "StoppingCondition": {"MaxRuntimeInSeconds": 300},
            "StaticHyperParameters": static,
            **members,
        }

    def learner(self, **members: Any) -> dict[str, Any]:
        """A training job definition of linear-learner."""
        return {
            "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
            "RoleArn": ROLE,
            "InputDataConfig": [self.road.channel("train"), self.road.channel("validation")],
            "OutputDataConfig": {"S3OutputPath": f"s3://{self.road.bucket}/output"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
            "StoppingCondition": {"MaxRuntimeInSeconds": 300},
            "StaticHyperParameters": {"predictor_type": "binary_classifier", "epochs": "2", "num_models": "1"},
            **members,
        }

    def config(
        self,
        *,
        jobs: int | None = 4,
        parallel: int = 2,
        strategy: str = "Random",
        objective: tuple[str, str] | None = ("Maximize", "height"),
        ranges: dict[str, Any] | None = X,
        **members: Any,
    ) -> dict[str, Any]:
        limits = {"MaxParallelTrainingJobs": parallel} | ({} if jobs is None else {"MaxNumberOfTrainingJobs": jobs})
        return {
            "Strategy": strategy,
            "ResourceLimits": limits | members.pop("limits", {}),
            "RandomSeed": 7,
            **({"ParameterRanges": ranges} if ranges else {}),
            **(
                {"HyperParameterTuningJobObjective": {"Type": objective[0], "MetricName": objective[1]}}
                if objective
                else {}
            ),
            **members,
        }

    def create(self, name: str, config: dict[str, Any], definition: dict[str, Any] | None, **members: Any) -> str:
        """Creates a tuning job; gives its name."""
        self.sagemaker.create_hyper_parameter_tuning_job(
            HyperParameterTuningJobName=self.name(name),
            HyperParameterTuningJobConfig=config,
            **({"TrainingJobDefinition": definition} if definition else {}),
            **members,
        )
        return self.name(name)

    def start(self, name: str, *, train: str = HILL, **config: Any) -> str:
        """Creates a tuning job of a script."""
        return self.create(name, self.config(**config), self.definition(name, train))

    def describe(self, job: str) -> dict[str, Any]:
        return self.sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=job)

    def ended(self, job: str) -> dict[str, Any]:
        """A tuning job once it has ended, however it ended."""

        def look() -> dict[str, Any] | None:
            seen = self.describe(job)
            return seen if seen["HyperParameterTuningJobStatus"] in ("Completed", "Failed", "Stopped") else None

        return until(look, f"the end of {job}", 120)

    def run(self, name: str, **members: Any) -> dict[str, Any]:
        return self.ended(self.start(name, **members))

    def trials(self, job: str, **members: Any) -> list[dict[str, Any]]:
        """All training jobs of a tuning job."""
        pages = self.sagemaker.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job")
        found = pages.paginate(HyperParameterTuningJobName=job, **members)
        return [each for page in found for each in page["TrainingJobSummaries"]]


def value(trial: dict[str, Any]) -> float:
    """The objective of a training job."""
    return trial["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]
