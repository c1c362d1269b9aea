"""An ordinary SDK v2 program: nothing in it knows Potager. Prints what it saw as JSON on its last line."""

import json

import numpy as np
import sagemaker
from sagemaker import LinearLearner

session = sagemaker.Session()
role = sagemaker.get_execution_role()
random = np.random.default_rng(0)
features = random.normal(size=(1000, 6)).astype("float32")
labels = (features @ np.array([2, -1, 0.5, 0, 0, 1]) > 0).astype("float32")

learner = LinearLearner(
    role=role,
    instance_count=1,
    instance_type="ml.m5.large",
    predictor_type="binary_classifier",
    epochs=5,
    sagemaker_session=session,
)
learner.fit(learner.record_set(features[:800], labels=labels[:800]), mini_batch_size=100, wait=False)
session.wait_for_job(learner.latest_training_job.name, poll=1)  # fit itself would look every 30 seconds
predictor = learner.deploy(initial_instance_count=1, instance_type="ml.m5.large", wait=False)
session.wait_for_endpoint(predictor.endpoint_name, poll=1)  # deploy itself would look every 30 seconds
records = predictor.predict(features[800:])
predicted = [record.label["predicted_label"].float32_tensor.values[0] for record in records]
scores = [record.label["score"].float32_tensor.values[0] for record in records]
predictor.delete_model()
predictor.delete_endpoint()
print()  # the SDK ends its line of dashes without a line feed
print(
    json.dumps(
        {
            "bucket": session.default_bucket(),
            "account": session.account_id(),
            "role": role,
            "image": sagemaker.image_uris.retrieve("linear-learner", "us-east-1"),
            "accuracy": float(np.mean(np.array(predicted) == labels[800:])),
            "scores": [min(scores), max(scores)],
        }
    )
)
