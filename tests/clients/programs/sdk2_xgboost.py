"""An ordinary SDK v2 program: XGBoost's framework estimator, then its model alone. Prints JSON on its last line."""

import json
import os

import numpy as np
import sagemaker
from sagemaker.serializers import CSVSerializer
from sagemaker.xgboost import XGBoost, XGBoostModel

session = sagemaker.Session()
random = np.random.default_rng(0)
features = random.normal(size=(300, 3))
np.savetxt("train.csv", np.column_stack([features[:, 0] > 0, features]), delimiter=",")
source = os.path.join(os.path.dirname(__file__), "sdk2_xgboost_script")

estimator = XGBoost(
    entry_point="train.py",
    source_dir=source,
    role=sagemaker.get_execution_role(),
    instance_count=1,
    instance_type="ml.m5.large",
    framework_version="1.7-1",
    hyperparameters={"max_depth": 2, "num_round": 5, "objective": "binary:logistic"},
    sagemaker_session=session,
)
estimator.fit({"train": session.upload_data("train.csv", key_prefix="xgboost")}, wait=False)
session.wait_for_job(estimator.latest_training_job.name, poll=1)  # fit itself would look every 30 seconds
job = estimator.latest_training_job.describe()

size = {"initial_instance_count": 1, "instance_type": "ml.m5.large", "wait": False}
fitted = estimator.deploy(serializer=CSVSerializer(), **size)
model = XGBoostModel(
    model_data=estimator.model_data,
    role=sagemaker.get_execution_role(),
    entry_point="inference.py",
    source_dir=source,
    framework_version="1.7-1",
    sagemaker_session=session,
)
loaded = model.deploy(**size)
for predictor in (fitted, loaded):
    session.wait_for_endpoint(predictor.endpoint_name, poll=1)  # deploy itself would look every 30 seconds
deployed = [float(row[0]) for row in fitted.predict([[2.0, 0.0, 0.0], [-2.0, 0.0, 0.0]])]
libsvm = [float(row[0]) for row in loaded.predict("0:2.0 1:0.0 2:0.0\n0:-2.0 1:0.0 2:0.0")]
for predictor in (fitted, loaded):
    predictor.delete_model()
    predictor.delete_endpoint()
print()
print(
    json.dumps(
        {
            "image": estimator.training_image_uri(),
            "metrics": {metric["MetricName"]: metric["Value"] for metric in job["FinalMetricDataList"]},
            "deployed": deployed,
            "libsvm": libsvm,
        }
    )
)
