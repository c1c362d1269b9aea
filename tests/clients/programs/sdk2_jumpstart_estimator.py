"""JumpStartEstimator, which needs no more than a model id, a role and data. Prints what it saw last."""

import json

import numpy as np
import sagemaker
from sagemaker import metric_definitions
from sagemaker.jumpstart.estimator import JumpStartEstimator

session = sagemaker.Session()
random = np.random.default_rng(0)
features = random.normal(size=(300, 4))
np.savetxt("data.csv", np.column_stack([features[:, 0] > 0, features])[:250], delimiter=",", fmt="%.6g")
data = session.upload_data("data.csv", key_prefix="jumpstart/train").rpartition("/")[0]

estimator = JumpStartEstimator(
    model_id="catboost-regression-model",
    instance_type="ml.m5.large",
    hyperparameters={"iterations": "50", "learning_rate": "0.2"},
    role=sagemaker.get_execution_role(),
)
estimator.fit({"training": data}, wait=False)
name = estimator.latest_training_job.name
session.wait_for_job(name, poll=1)
predictor = estimator.deploy(instance_type="ml.m5.large", wait=False)
session.wait_for_endpoint(predictor.endpoint_name, poll=1)
answer = predictor.predict(features[250:])
predictor.delete_endpoint()
job = session.describe_training_job(name)
print()
print(
    json.dumps(
        {
            "error": float(np.abs(np.array(answer["prediction"]) - (features[250:, 0] > 0)).mean()),
            "channels": sorted(each["ChannelName"] for each in job["InputDataConfig"]),
            "hyperparameters": job["HyperParameters"],
            "metrics": [each["MetricName"] for each in job["FinalMetricDataList"]],
            "defined": [
                each["Name"]
                for each in metric_definitions.retrieve_default(model_id="catboost-regression-model", model_version="*")
            ],
        }
    )
)
