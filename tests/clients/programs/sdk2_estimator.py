"""An ordinary SDK v2 program: the generic Estimator with a script of its own. Prints JSON on its last line."""

import contextlib
import io
import json
import os

import numpy as np
import sagemaker
from sagemaker.deserializers import JSONDeserializer
from sagemaker.estimator import Estimator
from sagemaker.serializers import CSVSerializer

session = sagemaker.Session()
features = np.random.default_rng(0).normal(size=(300, 3))
np.savetxt("train.csv", np.column_stack([features[:, 0] > 0, features]), delimiter=",")
source = os.path.join(os.path.dirname(__file__), "sdk2_script")

estimator = Estimator(
    image_uri="683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3",
    entry_point="train.py",
    source_dir=source,
    role=sagemaker.get_execution_role(),
    instance_count=1,
    instance_type="ml.m5.large",
    hyperparameters={"max-leaf-nodes": 30, "criterion": "gini"},
    metric_definitions=[{"Name": "train:accuracy", "Regex": "train-accuracy=([0-9.]+);"}],
    environment={"GREETING": "hello"},
    sagemaker_session=session,
)
estimator.fit({"train": session.upload_data("train.csv", key_prefix="estimator")}, wait=False)
session.wait_for_job(estimator.latest_training_job.name, poll=1)  # fit itself would look every 30 seconds
printed = io.StringIO()
with contextlib.redirect_stdout(printed):
    estimator.logs()
job = estimator.latest_training_job.describe()

predictor = estimator.deploy(
    initial_instance_count=1,
    instance_type="ml.m5.large",
    entry_point="inference.py",
    source_dir=source,
    serializer=CSVSerializer(),
    deserializer=JSONDeserializer(),
    wait=False,
)
session.wait_for_endpoint(predictor.endpoint_name, poll=1)  # deploy itself would look every 30 seconds
predicted = predictor.predict([[2.0, 0.0, 0.0], [-2.0, 0.0, 0.0]])
predictor.delete_model()
predictor.delete_endpoint()
print()
print(
    json.dumps(
        {
            "status": job["TrainingJobStatus"],
            "metrics": {metric["MetricName"]: metric["Value"] for metric in job["FinalMetricDataList"]},
            "environment": job["Environment"],
            "logs": printed.getvalue(),
            "predicted": predicted,
        }
    )
)
