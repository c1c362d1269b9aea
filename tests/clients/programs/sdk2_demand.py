"""An ordinary SDK v2 program: a model without a running worker, and one that is asked now and answers later.

Prints what it saw as JSON on its last line.
"""

import json
import os
import sys

import numpy as np
import sagemaker
from sagemaker import LinearLearner
from sagemaker.async_inference import AsyncInferenceConfig, WaiterConfig
from sagemaker.deserializers import JSONDeserializer
from sagemaker.exceptions import AsyncInferenceModelError
from sagemaker.predictor import Predictor
from sagemaker.predictor_async import AsyncPredictor
from sagemaker.serializers import CSVSerializer
from sagemaker.serverless import ServerlessInferenceConfig

session = sagemaker.Session()
random = np.random.default_rng(0)
features = random.normal(size=(400, 3)).astype("float32")
labels = (features @ np.array([2, -1, 1]) > 0).astype("float32")

learner = LinearLearner(
    role=sagemaker.get_execution_role(),
    instance_count=1,
    instance_type="ml.m5.large",
    predictor_type="binary_classifier",
    epochs=3,
    sagemaker_session=session,
)
learner.fit(learner.record_set(features, labels=labels), mini_batch_size=100, wait=False)
session.wait_for_job(learner.latest_training_job.name, poll=1)
sagemaker_client = session.sagemaker_client


def text_predictor(name):
    return Predictor(name, session, serializer=CSVSerializer(), deserializer=JSONDeserializer())


learner.deploy(
    serverless_inference_config=ServerlessInferenceConfig(memory_size_in_mb=1024, max_concurrency=2),
    endpoint_name="v2-serverless",
    wait=False,
)
session.wait_for_endpoint("v2-serverless", poll=1)
serverless = text_predictor("v2-serverless")
[prediction] = serverless.predict(features[:1])["predictions"]
variant = sagemaker_client.describe_endpoint(EndpointName="v2-serverless")["ProductionVariants"][0]
serverless.delete_endpoint()

base = f"s3://{session.default_bucket()}/v2-async"
learner.deploy(
    initial_instance_count=1,
    instance_type="ml.m5.large",
    async_inference_config=AsyncInferenceConfig(output_path=f"{base}/out", failure_path=f"{base}/bad"),
    endpoint_name="v2-async",
    wait=False,
)
session.wait_for_endpoint("v2-async", poll=1)
later = AsyncPredictor(text_predictor("v2-async"))
waiter = WaiterConfig(max_attempts=120, delay=1)
response = later.predict_async(features[:2])
answered = response.get_result(waiter)["predictions"]
waited = later.predict(features[:1], waiter_config=waiter)["predictions"]
later.deserializer = sagemaker.deserializers.StringDeserializer()
try:
    later.predict("this,is,not", waiter_config=waiter)
    failed = ""
except AsyncInferenceModelError as error:
    failed = str(error)
later.predictor.delete_endpoint()
print()
print(
    json.dumps(
        {
            "serverless": variant["CurrentServerlessConfig"],
            "predicted": [each["predicted_label"] for each in [prediction, *answered, *waited]],
            "labels": [int(labels[0]), int(labels[0]), int(labels[1]), int(labels[0])],
            "output": response.output_path,
            "failed": failed,
        }
    )
)
sys.stdout.flush()
os._exit(0)  # threads of the SDK go on looking for failures that will not come
