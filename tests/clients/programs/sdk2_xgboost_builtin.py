"""SDK v2 with XGBoost's built-in algorithm, by its image alone. Prints what it saw as JSON on its last line."""

import json

import numpy as np
import sagemaker
from sagemaker.deserializers import CSVDeserializer
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.serializers import CSVSerializer

session = sagemaker.Session()
random = np.random.default_rng(0)
features = random.normal(size=(400, 3))
rows = np.column_stack([features[:, 0] > 0, features])
np.savetxt("train.csv", rows[:300], delimiter=",")
np.savetxt("validation.csv", rows[300:], delimiter=",")
inputs = {
    name: TrainingInput(session.upload_data(f"{name}.csv", key_prefix=f"xgboost/{name}"), content_type="text/csv")
    for name in ("train", "validation")
}
estimator = Estimator(
    image_uri=sagemaker.image_uris.retrieve("xgboost", session.boto_region_name, "1.7-1"),
    role=sagemaker.get_execution_role(),
    instance_count=1,
    instance_type="ml.m5.large",
    sagemaker_session=session,
)
estimator.set_hyperparameters(objective="binary:logistic", num_round=10, max_depth=2, eval_metric="auc")
estimator.fit(inputs, wait=False)
session.wait_for_job(estimator.latest_training_job.name, poll=1)  # fit itself would look every 30 seconds
job = estimator.latest_training_job.describe()
predictor = estimator.deploy(
    initial_instance_count=1,
    instance_type="ml.m5.large",
    serializer=CSVSerializer(),
    deserializer=CSVDeserializer(),
    wait=False,
)
session.wait_for_endpoint(predictor.endpoint_name, poll=1)  # deploy itself would look every 30 seconds
predicted = [float(cell) for cell in predictor.predict([[2.0, 0.0, 0.0], [-2.0, 0.0, 0.0]])[0]]
predictor.delete_model()
predictor.delete_endpoint()
print()
print(
    json.dumps(
        {
            "image": estimator.training_image_uri(),
            "metrics": {metric["MetricName"]: metric["Value"] for metric in job["FinalMetricDataList"]},
            "predicted": predicted,
        }
    )
)
