"""An ordinary SDK v3 program: built-in algorithms by their images, one tuned, and the best deployed by a builder.

Prints what it saw as JSON on its last line.
"""

import json
import os
import time

import numpy as np
from sagemaker.core import image_uris
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.parameter import CategoricalParameter, ContinuousParameter
from sagemaker.core.resources import TrainingJob
from sagemaker.serve import ModelBuilder
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData
from sagemaker.train.tuner import HyperparameterTuner

session = Session()
random = np.random.default_rng(0)
labels = np.arange(400) % 2
features = random.normal(size=(400, 4)) + 3 * labels[:, None]
rows = np.column_stack([labels, features])
CHANNELS = {
    "labelled": ("train", rows[:300], "text/csv"),
    "validation": ("validation", rows[300:], "text/csv"),
    "test": ("test", rows[300:], "text/csv"),
    "plain": ("train", features, "text/csv;label_size=0"),
}


def channel(name):
    channel_name, table, content_type = CHANNELS[name]
    os.makedirs(name, exist_ok=True)
    np.savetxt(f"{name}/rows.csv", table, delimiter=",", fmt="%g")
    uri = session.upload_data(name, key_prefix=f"rows/{name}")  # a tuner, unlike a trainer, uploads no folder
    return InputData(channel_name=channel_name, data_source=uri, content_type=content_type)


def trainer(image, **hyperparameters):
    return ModelTrainer(
        training_image=image,
        compute=Compute(instance_type="ml.m5.large", instance_count=1),
        hyperparameters=hyperparameters,
        base_job_name="v3-" + image.rsplit("/")[-1].split(":")[0],
    )


ALGORITHMS = {
    "kmeans": ({"k": 2, "feature_dim": 4}, ["plain"]),
    "pca": ({"num_components": 2, "feature_dim": 4, "mini_batch_size": 100}, ["plain"]),
    "randomcutforest": ({"num_trees": 50, "feature_dim": 4}, ["plain"]),
    "knn": ({"k": 3, "sample_size": 300, "predictor_type": "classifier", "feature_dim": 4}, ["labelled", "test"]),
}
started = {}
for name, (hyperparameters, channels) in ALGORITHMS.items():
    of = trainer(image_uris.retrieve(name, "us-east-1"), **hyperparameters)
    of.train(input_data_config=[channel(each) for each in channels], wait=False, logs=False)
    started[name] = of._latest_training_job

tuner = HyperparameterTuner(
    model_trainer=trainer(
        image_uris.retrieve("linear-learner", "us-east-1"), predictor_type="binary_classifier", epochs=2, num_models=1
    ),
    objective_metric_name="validation:binary_classification_accuracy",
    hyperparameter_ranges={
        "learning_rate": ContinuousParameter(0.01, 0.2),
        "use_bias": CategoricalParameter(["true", "false"]),
    },
    max_jobs=2,
    max_parallel_jobs=2,
)
tuner.tune(inputs=[channel("labelled"), channel("validation")], wait=False)
for job in started.values():
    job.wait(poll=1)
while (tuned := tuner.describe()).hyper_parameter_tuning_job_status == "InProgress":
    time.sleep(0.2)
best = TrainingJob.get(tuner.best_training_job())
builder = ModelBuilder(
    image_uri=image_uris.retrieve("linear-learner", "us-east-1"),
    s3_model_data_url=best.model_artifacts.s3_model_artifacts,
    instance_type="ml.m5.large",
)
builder.build(model_name="v3-best")
endpoint = builder.deploy(endpoint_name="v3-best", wait=False)
endpoint.wait_for_status("InService", poll=1)
body = "\n".join(",".join(f"{cell:g}" for cell in row) for row in features[300:])
answer = endpoint.invoke(body=body, content_type="text/csv", accept="application/json").body.read()
predicted = [each["predicted_label"] for each in json.loads(answer)["predictions"]]
endpoint.delete()
print()
print(
    json.dumps(
        {
            "trained": {
                name: TrainingJob.get(job.training_job_name).training_job_status for name, job in started.items()
            },
            "tuned": (tuned.hyper_parameter_tuning_job_status, tuned.training_job_status_counters.completed),
            "accuracy": float(np.mean(np.array(predicted) == labels[300:])),
        }
    )
)
