"""An ordinary SDK v2 program that tunes: an algorithm, a script, then on from there. Prints JSON on its last line."""

import json
import os

import numpy as np
import sagemaker
from sagemaker import LinearLearner
from sagemaker.sklearn.estimator import SKLearn
from sagemaker.tuner import (
    CategoricalParameter,
    ContinuousParameter,
    HyperparameterTuner,
    IntegerParameter,
    WarmStartConfig,
    WarmStartTypes,
)

session = sagemaker.Session()
role = sagemaker.get_execution_role()
random = np.random.default_rng(0)
features = random.normal(size=(600, 4)).astype("float32")
labels = (features @ np.array([2, -1, 0.5, 0]) > 0).astype("float32")

learner = LinearLearner(
    role=role,
    instance_count=1,
    instance_type="ml.m5.large",
    predictor_type="binary_classifier",
    epochs=3,
    sagemaker_session=session,
)
tuner = HyperparameterTuner(
    learner,
    "validation:binary_classification_accuracy",
    {"learning_rate": ContinuousParameter(0.01, 0.2), "mini_batch_size": IntegerParameter(50, 100)},
    max_jobs=3,
    max_parallel_jobs=2,
)
records = [
    learner.record_set(features[:400], labels=labels[:400]),
    learner.record_set(features[400:], labels=labels[400:], channel="validation"),
]
tuner.fit(records)
best = tuner.best_training_job()
frame = tuner.analytics().dataframe()
predictor = tuner.deploy(initial_instance_count=1, instance_type="ml.m5.large", wait=False)
session.wait_for_endpoint(predictor.endpoint_name, poll=1)  # deploy itself would look every 30 seconds
predictor.serializer = sagemaker.serializers.CSVSerializer()
predictor.deserializer = sagemaker.deserializers.JSONDeserializer()
predicted = [each["predicted_label"] for each in predictor.predict(features[:100])["predictions"]]
predictor.delete_endpoint()

script = SKLearn(
    entry_point="train.py",
    source_dir=os.path.join(os.path.dirname(__file__), "sdk2_tuner_script"),
    role=role,
    instance_type="ml.m5.large",
    framework_version="1.2-1",
    py_version="py3",
    hyperparameters={"greeting": "hello"},
    sagemaker_session=session,
)
ranges = {"depth": IntegerParameter(1, 9), "shape": CategoricalParameter(["round", "flat"])}
heights = [{"Name": "height", "Regex": r"height=(\S+);"}]
first = HyperparameterTuner(script, "height", ranges, heights, strategy="Random", max_jobs=3, max_parallel_jobs=2)
first.fit(wait=False)
first.wait()
attached = HyperparameterTuner.attach(first.latest_tuning_job.name, sagemaker_session=session)
of_built_in = HyperparameterTuner.attach(tuner.latest_tuning_job.name, sagemaker_session=session)
# `identical_dataset_and_algorithm_tuner()` would forget the metric definitions.
warm = WarmStartConfig(WarmStartTypes.IDENTICAL_DATA_AND_ALGORITHM, {attached.latest_tuning_job.name})
second = HyperparameterTuner(script, "height", ranges, heights, strategy="Random", max_jobs=3, warm_start_config=warm)
second.fit(job_name="go-on")  # its own names tell the minute, and this is still the same one
overall = second.describe()["OverallBestTrainingJob"]
print()
print(
    json.dumps(
        {
            "rows": len(frame),
            "best_is_best": best
            in frame[frame["FinalObjectiveValue"] == frame["FinalObjectiveValue"].max()]["TrainingJobName"].tolist(),
            "columns": sorted(frame.columns),
            "estimator": type(tuner.best_estimator()).__name__,
            "accuracy": float(np.mean(np.array(predicted) == labels[:100])),
            "attached_metrics": [each["Name"] for each in of_built_in.metric_definitions],
            "attached": type(attached.estimator).__name__,
            "attached_static": attached.estimator.hyperparameters()["greeting"],
            "attached_ranges": [each["Name"] for each in attached.hyperparameter_ranges()["IntegerParameterRanges"]],
            "overall_value": overall["FinalHyperParameterTuningJobObjectiveMetric"]["Value"],
            "values": [
                value
                for each in (first, second)
                for value in each.analytics().dataframe()["FinalObjectiveValue"].tolist()
            ],
            "script_of_best": second.best_estimator().entry_point,
        }
    )
)
