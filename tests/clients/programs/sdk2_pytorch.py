"""An ordinary SDK v2 program: PyTorch's estimator, then its model alone. Prints JSON on its last line."""

import json
import os

import numpy as np
import sagemaker
from sagemaker.pytorch import PyTorch, PyTorchModel

session = sagemaker.Session()
features = np.random.default_rng(0).normal(size=(200, 2))
np.savetxt("train.csv", np.column_stack([features @ [2.0, -1.0], features]), delimiter=",")
source = os.path.join(os.path.dirname(__file__), "sdk2_pytorch_script")

estimator = PyTorch(
    entry_point="train.py",
    source_dir=source,
    role=sagemaker.get_execution_role(),
    instance_count=1,
    instance_type="ml.m5.large",
    framework_version="2.3",
    py_version="py311",
    hyperparameters={"epochs": 200, "learning-rate": 0.1},
    metric_definitions=[{"Name": "loss", "Regex": "loss=([0-9.e-]+)"}],
    sagemaker_session=session,
)
estimator.fit({"training": session.upload_data("train.csv", key_prefix="pytorch")}, wait=False)
session.wait_for_job(estimator.latest_training_job.name, poll=1)  # fit itself would look every 30 seconds
job = estimator.latest_training_job.describe()

size = {"initial_instance_count": 1, "instance_type": "ml.m5.large", "wait": False}
fitted = estimator.deploy(**size)
model = PyTorchModel(
    model_data=estimator.model_data,
    role=sagemaker.get_execution_role(),
    entry_point="inference.py",
    source_dir=source,
    framework_version="2.3",
    py_version="py311",
    sagemaker_session=session,
)
loaded = model.deploy(**size)
for predictor in (fitted, loaded):
    session.wait_for_endpoint(predictor.endpoint_name, poll=1)  # deploy itself would look every 30 seconds
rows = np.array([[1.0, 0.0], [0.0, 1.0]], dtype="float32")
deployed, scripted = fitted.predict(rows), loaded.predict(rows)
for predictor in (fitted, loaded):
    predictor.delete_model()
    predictor.delete_endpoint()
print()
print(
    json.dumps(
        {
            "image": estimator.training_image_uri(),
            "metrics": {metric["MetricName"]: metric["Value"] for metric in job["FinalMetricDataList"]},
            "deployed": np.asarray(deployed).ravel().tolist(),
            "scripted": np.asarray(scripted).ravel().tolist(),
        }
    )
)
