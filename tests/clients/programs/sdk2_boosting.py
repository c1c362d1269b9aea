"""An ordinary SDK v2 program: an Estimator of an image, a CSV in, an endpoint out. Prints what it saw last."""

import json
import sys

import numpy as np
import sagemaker
from sagemaker.deserializers import JSONDeserializer
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.serializers import CSVSerializer

algorithm, rounds = sys.argv[1:]
session = sagemaker.Session()
random = np.random.default_rng(0)
features = random.normal(size=(800, 6))
labels = (features[:, 0] > 0).astype(int) + (features[:, 1] > 0.5)
np.savetxt("data.csv", np.column_stack([labels, features])[:600], delimiter=",", fmt="%.6g")
data = session.upload_data("data.csv", key_prefix=f"{algorithm}/train")

estimator = Estimator(
    image_uri=f"{session.account_id()}.dkr.ecr.us-east-1.amazonaws.com/{algorithm}:1",
    role=sagemaker.get_execution_role(),
    instance_count=1,
    instance_type="ml.m5.large",
    hyperparameters={rounds: 40, "learning_rate": 0.2},
    output_path=f"s3://{session.default_bucket()}/{algorithm}",
    sagemaker_session=session,
)
estimator.fit({"train": TrainingInput(data, content_type="text/csv")}, wait=False)
session.wait_for_job(estimator.latest_training_job.name, poll=1)
predictor = estimator.deploy(
    initial_instance_count=1,
    instance_type="ml.m5.large",
    serializer=CSVSerializer(),
    deserializer=JSONDeserializer(),
    wait=False,
)
session.wait_for_endpoint(predictor.endpoint_name, poll=1)
answer = predictor.predict(features[600:])
predictor.delete_model()
predictor.delete_endpoint()
print()
predicted = np.argmax(answer["probabilities"], axis=1)
print(json.dumps({"members": sorted(answer), "accuracy": float(np.mean(predicted == labels[600:]))}))
