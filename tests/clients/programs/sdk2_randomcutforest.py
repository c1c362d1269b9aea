"""An ordinary SDK v2 program: nothing in it knows Potager. Prints what it saw as JSON on its last line."""

import json

import numpy as np
import sagemaker
from sagemaker import RandomCutForest

session = sagemaker.Session()
random = np.random.default_rng(0)
features = random.normal(size=(1000, 4)).astype("float32")
features[::100] += 9
odd = (np.arange(1000) % 100 == 0).astype("float32")

forest = RandomCutForest(
    role=sagemaker.get_execution_role(),
    instance_count=1,
    instance_type="ml.m5.large",
    num_samples_per_tree=100,
    num_trees=50,
    eval_metrics=["accuracy", "precision_recall_fscore"],
    sagemaker_session=session,
)
records = [
    forest.record_set(features),
    forest.record_set(features, labels=odd, channel="test", distribution="FullyReplicated"),
]
forest.fit(records, wait=False)
session.wait_for_job(forest.latest_training_job.name, poll=1)  # fit itself would look every 30 seconds
metrics = session.sagemaker_client.describe_training_job(TrainingJobName=forest.latest_training_job.name)
predictor = forest.deploy(initial_instance_count=1, instance_type="ml.m5.large", wait=False)
session.wait_for_endpoint(predictor.endpoint_name, poll=1)  # deploy itself would look every 30 seconds
scores = [record.label["score"].float32_tensor.values[0] for record in predictor.predict(features)]
predictor.delete_model()
predictor.delete_endpoint()
print()  # the SDK ends its line of dashes without a line feed
cutoff = np.mean(scores) + 3 * np.std(scores)
print(
    json.dumps(
        {
            "metrics": {one["MetricName"]: one["Value"] for one in metrics["FinalMetricDataList"]},
            "found": np.flatnonzero(np.array(scores) > cutoff).tolist(),
        }
    )
)
