"""An ordinary SDK v2 program: nothing in it knows Potager. Prints what it saw as JSON on its last line."""

import json

import numpy as np
import sagemaker
from sagemaker import PCA, KMeans

session = sagemaker.Session()
role = sagemaker.get_execution_role()
random = np.random.default_rng(0)
heap = np.arange(300) % 2
features = (random.normal(size=(300, 5)) + 20 * heap[:, None]).astype("float32")
common = {"role": role, "instance_count": 1, "instance_type": "ml.m5.large", "sagemaker_session": session}


def fitted(estimator):
    """The estimator, trained, behind an endpoint; a poll a second, where fit and deploy would look every 30."""
    estimator.fit(estimator.record_set(features), wait=False)
    session.wait_for_job(estimator.latest_training_job.name, poll=1)
    predictor = estimator.deploy(initial_instance_count=1, instance_type="ml.m5.large", wait=False)
    session.wait_for_endpoint(predictor.endpoint_name, poll=1)
    return predictor


def told(predictor, name):
    """One value or list of each row's answer."""
    values = [list(record.label[name].float32_tensor.values) for record in predictor.predict(features)]
    return np.array(values)


kmeans = fitted(KMeans(k=2, init_method="kmeans++", eval_metrics=["msd", "ssd"], epochs=2, **common))
clusters, distances = told(kmeans, "closest_cluster")[:, 0], told(kmeans, "distance_to_cluster")[:, 0]
pca = fitted(PCA(num_components=2, algorithm_mode="randomized", extra_components=3, **common))
projections = told(pca, "projection")
for predictor in (kmeans, pca):
    predictor.delete_model()
    predictor.delete_endpoint()
print()  # the SDK ends its line of dashes without a line feed
print(
    json.dumps(
        {
            "together": float(max(np.mean(clusters == heap), np.mean(clusters != heap))),
            "distance": float(distances.mean()),
            "shape": projections.shape,
            "variances": projections.var(axis=0).tolist(),
        }
    )
)
