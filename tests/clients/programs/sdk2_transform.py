"""An ordinary SDK v2 program: nothing in it knows Potager. Prints what it saw as JSON on its last line."""

import io
import json

import numpy as np
import sagemaker
from sagemaker import LinearLearner
from sagemaker.s3 import S3Downloader, S3Uploader

session = sagemaker.Session()
random = np.random.default_rng(0)
features = random.normal(size=(1000, 6)).astype("float32")
labels = (features @ np.array([2, -1, 0.5, 0, 0, 1]) > 0).astype("float32")

learner = LinearLearner(
    role=sagemaker.get_execution_role(),
    instance_count=1,
    instance_type="ml.m5.large",
    predictor_type="binary_classifier",
    epochs=5,
    sagemaker_session=session,
)
learner.fit(learner.record_set(features[:800], labels=labels[:800]), mini_batch_size=100, wait=False)
session.wait_for_job(learner.latest_training_job.name, poll=1)  # fit itself would look every 30 seconds

lines = io.StringIO()
np.savetxt(lines, np.column_stack([np.arange(200), features[800:]]), delimiter=",", fmt="%g")
base = f"s3://{session.default_bucket()}/transform-program"
S3Uploader.upload_string_as_file_body(lines.getvalue(), f"{base}/in/claims.csv", sagemaker_session=session)

transformer = learner.transformer(
    instance_count=1,
    instance_type="ml.m5.large",
    strategy="MultiRecord",
    assemble_with="Line",
    accept="text/csv",
    output_path=f"{base}/out",
    max_payload=1,
)
transformer.transform(
    f"{base}/in",
    content_type="text/csv",
    split_type="Line",
    input_filter="$[1:]",
    join_source="Input",
    output_filter="$[0,-2,-1]",
    logs=True,
    wait=True,
)
table = np.loadtxt(S3Downloader.read_file(f"{base}/out/claims.csv.out", session).splitlines(), delimiter=",")
transformer.delete_model()
print()
print(
    json.dumps(
        {
            "ids": table[:, 0].tolist(),
            "accuracy": float(np.mean(table[:, 1] == labels[800:])),
            "scores": [table[:, 2].min(), table[:, 2].max()],
            "status": session.describe_transform_job(transformer.latest_transform_job.name)["TransformJobStatus"],
        }
    )
)
