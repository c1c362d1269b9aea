"""An ordinary SDK v2 program: nothing in it knows Potager. Prints what it saw as JSON on its last line."""

import json

import numpy as np
import sagemaker
from sagemaker import IPInsights
from sagemaker.amazon.amazon_estimator import RecordSet

session = sagemaker.Session()
random = np.random.default_rng(0)
logins = [f"user_{who},10.{who}.0.{random.integers(256)}" for who in range(20) for _ in range(20)]
uri = session.upload_string_as_file_body("\n".join(logins), session.default_bucket(), "logins/train.csv")

insights = IPInsights(
    role=sagemaker.get_execution_role(),
    instance_count=1,
    instance_type="ml.m5.large",
    num_entity_vectors=1000,
    vector_dim=16,
    epochs=3,
    learning_rate=0.01,
    sagemaker_session=session,
)
records = RecordSet(uri, num_records=len(logins), feature_dim=2, s3_data_type="S3Prefix")
insights.fit(records, wait=False)
session.wait_for_job(insights.latest_training_job.name, poll=1)  # fit itself would look every 30 seconds
predictor = insights.deploy(initial_instance_count=1, instance_type="ml.m5.large", wait=False)
session.wait_for_endpoint(predictor.endpoint_name, poll=1)  # deploy itself would look every 30 seconds
answer = predictor.predict(np.array([["user_3", "10.3.0.9"], ["user_3", "10.4.0.9"]]))
predictor.delete_model()
predictor.delete_endpoint()
print()  # the SDK ends its line of dashes without a line feed
print(json.dumps([one["dot_product"] for one in answer["predictions"]]))
