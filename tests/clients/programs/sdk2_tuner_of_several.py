"""An ordinary SDK v2 program: several algorithms in one tuning job, attached to, gone on from; a batch transform.

Prints what it saw as JSON on its last line.
"""

import json
import time

import numpy as np
import sagemaker
from sagemaker import KNN, LinearLearner
from sagemaker.estimator import Estimator
from sagemaker.image_uris import retrieve
from sagemaker.inputs import TrainingInput
from sagemaker.tuner import ContinuousParameter, HyperparameterTuner, IntegerParameter

session = sagemaker.Session()
random = np.random.default_rng(0)
labels = (np.arange(400) % 2).astype("float32")
features = (random.normal(size=(400, 4)) + 3 * labels[:, None]).astype("float32")
common = {
    "role": sagemaker.get_execution_role(),
    "instance_count": 1,
    "instance_type": "ml.m5.large",
    "sagemaker_session": session,
}


def table(name, rows):
    lines = "\n".join(",".join(f"{cell:g}" for cell in row) for row in rows)
    return session.upload_string_as_file_body(lines, session.default_bucket(), f"several/{name}.csv")


def finished(tuner):
    """Its description, once it has ended; a tuner's own wait looks every five seconds."""
    while (job := tuner.describe())["HyperParameterTuningJobStatus"] == "InProgress":
        time.sleep(0.2)
    return job


linear = LinearLearner(predictor_type="binary_classifier", epochs=1, num_models=1, **common)
trees = Estimator(
    image_uri=retrieve("xgboost", session.boto_region_name, "1.7-1"),
    hyperparameters={"objective": "binary:logistic", "num_round": 3, "eval_metric": "auc"},
    **common,
)
part = slice(300), slice(300, 400)
several = HyperparameterTuner.create(
    {"linear": linear, "trees": trees},
    {"linear": "validation:binary_classification_accuracy", "trees": "validation:auc"},
    {"linear": {"wd": ContinuousParameter(1e-5, 1e-2)}, "trees": {"max_depth": IntegerParameter(1, 4)}},
    base_tuning_job_name="several",
    strategy="Random",
    max_jobs=4,
    max_parallel_jobs=2,
)
rows = np.column_stack([labels, features])
several.fit(
    {
        "linear": [
            linear.record_set(features[:300], labels=labels[:300]),
            linear.record_set(features[300:], labels=labels[300:], channel="validation"),
        ],
        "trees": {
            name: TrainingInput(table(name, rows[each]), content_type="text/csv")
            for name, each in zip(("train", "validation"), part, strict=True)
        },
    },
    include_cls_metadata={},
    wait=False,
)
job = finished(several)
attached = HyperparameterTuner.attach(several.latest_tuning_job.name, sagemaker_session=session)
best = attached.best_estimator()

near = KNN(k=3, sample_size=300, predictor_type="classifier", **common)
first = HyperparameterTuner(near, "test:accuracy", {"k": IntegerParameter(1, 9)}, strategy="Random", max_jobs=2)
channels = [
    near.record_set(features[:300], labels=labels[:300]),
    near.record_set(features[300:], labels=labels[300:], channel="test"),
]
first.fit(channels, job_name="first", wait=False)
finished(first)
again = first.identical_dataset_and_algorithm_tuner()
again.max_jobs = 1
again.fit(channels, job_name="again", wait=False)
alike = finished(again)
moved = HyperparameterTuner.attach("first", sagemaker_session=session).transfer_learning_tuner({"again"}, near)
moved.max_jobs = 1
moved.fit(channels, job_name="moved", wait=False)
learnt = finished(moved)

transformer = again.best_estimator().transformer(1, "ml.m5.large", assemble_with="Line", accept="application/jsonlines")
transformer.transform(table("asked", features[300:]), content_type="text/csv", split_type="Line", wait=False)
session.wait_for_transform_job(transformer._current_job_name, poll=1)
answer = session.read_s3_file(session.default_bucket(), f"{transformer._current_job_name}/asked.csv.out")
predicted = [json.loads(line)["predicted_label"] for line in answer.splitlines()]
print()
print(
    json.dumps(
        {
            "status": job["HyperParameterTuningJobStatus"],
            "definitions": sorted(set(several.analytics().dataframe()["TrainingJobDefinitionName"])),
            "best": [job["BestTrainingJob"]["TrainingJobDefinitionName"], type(best).__name__],
            "attached": {name: type(each).__name__ for name, each in attached.estimator_dict.items()},
            "warm": [each["WarmStartConfig"]["WarmStartType"] for each in (alike, learnt)],
            "parents": [len(each["WarmStartConfig"]["ParentHyperParameterTuningJobs"]) for each in (alike, learnt)],
            "ended": [each["HyperParameterTuningJobStatus"] for each in (alike, learnt)],
            "accuracy": float(np.mean(np.array(predicted) == labels[300:])),
        }
    )
)
