"""An ordinary SDK v2 program: nothing in it knows Potager. Prints what it saw as JSON on its last line."""

import json

import numpy as np
import sagemaker
from sagemaker import KNN

session = sagemaker.Session()
random = np.random.default_rng(0)
labels = random.integers(0, 3, 400)
features = (np.eye(3)[labels] * 4 + random.normal(size=(400, 3))).astype("float32")

neighbours = KNN(
    role=sagemaker.get_execution_role(),
    instance_count=1,
    instance_type="ml.m5.large",
    k=7,
    sample_size=200,
    predictor_type="classifier",
    sagemaker_session=session,
)
train = neighbours.record_set(features[:300], labels=labels[:300].astype("float32"))
test = neighbours.record_set(features[300:], labels=labels[300:].astype("float32"), channel="test")
neighbours.fit([train, test], mini_batch_size=100, wait=False)
name = neighbours.latest_training_job.name
session.wait_for_job(name, poll=1)  # fit itself would look every 30 seconds
job = session.sagemaker_client.describe_training_job(TrainingJobName=name)
predictor = neighbours.deploy(initial_instance_count=1, instance_type="ml.m5.large", wait=False)
session.wait_for_endpoint(predictor.endpoint_name, poll=1)  # deploy itself would look every 30 seconds
records = predictor.predict(features[300:])
predicted = [record.label["predicted_label"].float32_tensor.values[0] for record in records]
predictor.delete_model()
predictor.delete_endpoint()
print()  # the SDK ends its line of dashes without a line feed
print(
    json.dumps(
        {
            "image": neighbours.training_image_uri(),
            "metrics": {one["MetricName"]: one["Value"] for one in job["FinalMetricDataList"]},
            "accuracy": float(np.mean(np.array(predicted) == labels[300:])),
        }
    )
)
